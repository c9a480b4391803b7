from itertools import product

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from wetread.image.thorax import Frame
from wetread.model.detector import CELLS, DRAWN
from wetread.train.canvas import Canvas, Chest
from wetread.train.config import DetectorConfig
from wetread.train.detector import Detector, Drawing, detection_loss, train_detector
from wetread.train.implants import _DRAWERS, draw

LUNGS = np.zeros((256, 256), bool)
LUNGS[60:180, 40:110] = LUNGS[60:180, 150:220] = True


def _film() -> np.ndarray:
    film = np.full((256, 256), 150, np.uint8)
    film[LUNGS] = 60
    return film


def _canvas(seed: int, lateral: bool = False) -> Canvas:
    masks = np.zeros((len(DRAWN), 256, 256), bool)
    chest = Chest(Frame(), LUNGS, lateral)
    return Canvas(_film().astype(np.float32) / 255, chest, np.random.default_rng(seed), masks)


@pytest.mark.parametrize("lateral", [False, True])
@pytest.mark.parametrize("what", list(_DRAWERS))
def test_what_is_drawn_is_where_the_mask_says(what, lateral):
    for seed in range(12):
        canvas = _canvas(seed, lateral)
        before = canvas.film.copy()
        _DRAWERS[what](canvas)
        marked = canvas.masks.any(0)
        change = np.abs(canvas.film - before)
        if lateral and what == "pneumothorax":
            assert not change.any(), "one lung lies upon the other"
            continue
        assert marked.any()
        assert change[marked].mean() > 4 * change[~marked].mean()


def test_lesions_lie_in_the_lungs_and_are_whiter_than_these():
    found = set()
    for seed in range(30):
        canvas = _canvas(seed)
        before = canvas.film.copy()
        _DRAWERS["lesion"](canvas)
        (k,) = np.flatnonzero(canvas.masks.any((1, 2)))
        found.add(DRAWN[k])
        assert (canvas.film[canvas.masks[k]] > before[canvas.masks[k]]).all()
        if DRAWN[k] != "mass":
            assert canvas.masks[k][LUNGS].sum() > 0.6 * canvas.masks[k].sum()
    assert found == {"calcified nodule", "nodule", "mass"}


def test_a_film_without_lungs_is_drawn_on_elsewhere_or_left_alone():
    nothing = np.zeros((256, 256), bool)
    for seed in range(20):
        film, masks = draw(_film(), Chest(Frame(), nothing), np.random.default_rng(seed))
        assert film.dtype == np.uint8
        assert not masks[[DRAWN.index(name) for name in ("calcified nodule", "nodule", "mass", "opacity")]].any()


def test_lungs_follow_the_chest():
    mean = np.full((32, 32), 0.7, np.float32)
    mean[6:24, 5:13] = mean[6:24, 19:27] = 0.2
    wide = np.kron(mean, np.ones((8, 8), np.float32))
    moved = np.roll(wide, 16, axis=0)
    own, lower = Chest.of(wide, mean, False), Chest.of(moved, mean, False)
    assert lower.frame.shift[1] == pytest.approx(1 / 16, abs=0.02)
    rows = [np.argwhere(chest.lungs)[:, 0].mean() for chest in (own, lower)]
    assert rows[1] - rows[0] == pytest.approx(16, abs=6)


def test_a_lateral_film_that_faces_right_is_drawn_on_as_in_a_mirror():
    mean = np.full((32, 32), 0.7, np.float32)
    mean[:, :6] = 0.0  # air before the chest
    mean[8:24, 10:26] = 0.2
    left = np.kron(mean, np.ones((8, 8), np.float32))
    chests = [Chest.of(film, mean, True) for film in (left, left[:, ::-1])]
    assert [chest.mirrored for chest in chests] == [False, True]
    assert (chests[0].lungs == chests[1].lungs).mean() > 0.99, "both as they are drawn on"
    assert not Chest.of(left[:, ::-1], mean, False).mirrored, "a frontal film has its heart where it is"
    film = (left * 255).astype(np.uint8)
    drawn, masks = draw(film, chests[0], np.random.default_rng(5))
    mirrored = Chest(chests[0].frame, chests[0].lungs, lateral=True, mirrored=True)
    again, marked = draw(film[:, ::-1], mirrored, np.random.default_rng(5))
    assert masks.any()
    assert np.array_equal(drawn, again[:, ::-1])
    assert np.array_equal(masks, marked[..., ::-1])


@pytest.mark.parametrize("lateral", [False, True])
def test_a_pacemaker_has_its_leads_in_the_heart(lateral):
    heart = (slice(95, 165), slice(60, 145) if lateral else slice(105, 170))
    found = []
    for seed in range(200):
        canvas = _canvas(seed, lateral)
        _DRAWERS["hardware"](canvas)
        own = canvas.masks[DRAWN.index("pacemaker")]
        if own.any():
            found.append(own[heart].any())
    assert len(found) > 20
    assert all(found)


def _drawing() -> Drawing:
    mean = np.asarray(_film()[::8, ::8], np.float32) / 255
    return Drawing(np.stack([_film()] * 8), range(8), np.arange(8) > 5, (mean, mean), seed=3)


def test_a_batch_is_posed_with_its_marks():
    torch.manual_seed(0)
    x, drawn = _drawing().batch(range(8))
    assert x.shape == (8, 1, 256, 256)
    assert drawn.shape == (8, len(DRAWN), CELLS, CELLS)
    assert 0 <= float(x.min()) < float(x.max()) <= 1
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    again, marks = _drawing().batch(range(8))
    assert torch.equal(drawn, marks), "the same seed draws the same"
    assert torch.equal(again, x)


def test_the_first_epochs_of_the_detector_see_the_films_smaller(tmp_path, monkeypatch):
    drawing, seen = _drawing(), []
    epoch = Drawing.epoch

    def noted(self, *args):
        for x, drawn in epoch(self, *args):
            seen.append((tuple(x.shape[2:]), tuple(drawn.shape[2:])))
            assert set(drawn.unique().tolist()) <= {0.0, 1.0}
            assert drawn.any()
            yield x, drawn

    monkeypatch.setattr(Drawing, "epoch", noted)
    config = DetectorConfig(epochs=2, batch=8, small_epochs=1, small_size=128)
    train_detector(drawing, config, "fp32", 3, tmp_path / "detector.pt")
    assert seen == [((128, 128), (32, 32)), ((256, 256), (64, 64))]


def test_the_loss_is_small_where_cells_are_right_and_large_where_not():
    drawn = torch.zeros(2, len(DRAWN), CELLS, CELLS)
    drawn[0, 1, 10:14, 20:24] = 1
    right = detection_loss(40 * drawn - 20, drawn)
    assert float(right) < 0.05
    assert float(detection_loss(20 - 40 * drawn, drawn)) > 100 * float(right)
    assert float(detection_loss(torch.full_like(drawn, -20.0), drawn)) > 20 * float(right), "what is missed counts"


def test_the_detector_has_four_pixels_a_cell_and_learns_a_film():
    torch.manual_seed(0)
    network = Detector()
    x, drawn = _drawing().batch(range(4))
    assert network(x).shape == drawn.shape
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    losses = []
    for _ in range(8):
        loss = detection_loss(network(x), drawn)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_the_features_of_a_film_are_means_and_maxima_and_means_of_its_ninths():
    torch.manual_seed(0)
    network = Detector().eval()
    x = torch.rand(2, 1, 256, 256)
    with torch.no_grad():
        deep, fine, _ = network.features(x)
        spots, pooled, _ = network.found(x)
        assert torch.equal(spots, network(x))
    width = deep.shape[1]
    parts = pooled.reshape(2, -1, width)
    assert parts.shape[1] == 4 + 9
    whole = (deep.mean((2, 3)), deep.amax((2, 3)), fine.mean((2, 3)), fine.amax((2, 3)))
    assert torch.allclose(parts[:, :4], torch.stack(whole, 1))
    ends = [0, 5, 10, 16]
    for place, (row, column) in enumerate(product(range(3), repeat=2)):
        ninth = deep[:, :, ends[row] : ends[row + 1], ends[column] : ends[column + 1]].mean((2, 3))
        assert torch.allclose(parts[:, 4 + place], ninth, atol=1e-5)


def test_the_texture_of_a_film_is_mean_and_deviation_of_the_channels_of_early_blocks():
    torch.manual_seed(0)
    network = Detector().eval()
    seen: list[torch.Tensor] = []
    for number in (1, 3, 5):
        network.blocks[number].register_forward_hook(lambda _, __, out: seen.append(out))
    with torch.no_grad():
        texture = network.found(torch.rand(2, 1, 256, 256))[2]
    expected = [part for out in seen for part in (out.mean((2, 3)), out.std((2, 3), correction=0))]
    assert texture.shape == (2, 2 * (24 + 40 + 80))
    assert torch.allclose(texture, torch.cat(expected, 1), atol=1e-5)
