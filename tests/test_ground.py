from __future__ import annotations

import numpy as np
import pytest

from wetread.errors import BundleError
from wetread.ground import (
    box_of,
    boxes_of,
    evidence_of,
    frames_of,
    heat_map,
    in_zones,
    labels_of_sentence,
    places_found,
    spots_of,
)
from wetread.image.thorax import Frame
from wetread.model.detector import DRAWN
from wetread.types import LABELS, Evidence, View

EVERYWHERE = np.ones((28, 28), np.float32)


def peak(row: int, column: int, size: int = 14) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return 6 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 4)


def evidence(text: str, scores: np.ndarray | None = None, frame: Frame | None = None) -> tuple[Evidence, ...]:
    """On a frontal film of 100×100 and a lateral one, all labels with the same map."""
    views = [View(name, np.zeros((100, 100), np.float32)) for name in ("a.png", "b.png")]
    maps = np.zeros((2, len(LABELS), 14, 14)) + (0 if scores is None else scores)
    return evidence_of(text, views, maps, np.array([False, True]), [frame or Frame()] * 2)[1]


def centre(found: Evidence) -> tuple[float, float]:
    x0, y0, x1, y1 = found.box
    return (x0 + x1) / 2, (y0 + y1) / 2


def test_a_statement_was_seen_and_a_denial_searched() -> None:
    assert labels_of_sentence("There is a small left pleural effusion.") == (("Pleural Effusion",), "seen")
    labels, kind = labels_of_sentence("No pneumothorax or pleural effusion.")
    assert kind == "searched"
    assert set(labels) == {"Pneumothorax", "Pleural Effusion"}
    assert labels_of_sentence("Small effusion without pneumothorax.") == (("Pleural Effusion",), "seen")


def test_an_abnormality_outside_the_labels_was_seen() -> None:
    assert labels_of_sentence("Degenerative changes of the spine.") == (("No Finding",), "seen")
    assert labels_of_sentence("The lungs are clear.")[1] == "searched"


@pytest.mark.parametrize(("row", "column"), [(3, 3), (7, 10), (12, 2)])
def test_the_box_is_where_the_map_peaks(row: int, column: int) -> None:
    heat = heat_map(peak(row, column), EVERYWHERE)
    x0, y0, x1, y1 = box_of(heat, 1400, 700)
    assert x0 <= (column + 0.5) * 50 <= x1
    assert y0 <= (row + 0.5) * 100 <= y1
    assert (x1 - x0) * (y1 - y0) < 0.25 * 1400 * 700


def test_the_box_moves_with_the_map() -> None:
    before = box_of(heat_map(peak(5, 5), EVERYWHERE), 140, 140)
    after = box_of(heat_map(peak(5, 7), EVERYWHERE), 140, 140)
    assert after[0] - before[0] == pytest.approx(20, abs=3)
    assert after[1] == before[1]


def test_a_flat_map_gives_a_box_inside_the_view() -> None:
    assert box_of(np.ones((14, 14)), 30, 20) == (0, 0, 20, 30)


def test_two_regions_apart_have_a_box_each() -> None:
    right = np.zeros((28, 28))
    right[:, :14] = 1
    apart = np.zeros((28, 28))
    apart[18:22, 3:7] = apart[18:22, 21:25] = 1
    a, b = boxes_of(apart, 280, 280, right)
    assert a[2] < 140 < b[0]
    assert len(boxes_of(np.ones((28, 28)), 280, 280, right)) == 1


@pytest.mark.parametrize(
    ("text", "x", "y"),
    [
        ("Small left pleural effusion.", (50, 100), (0, 100)),
        ("Patchy opacity in the right lower lobe.", (0, 50), (45, 85)),
        ("Nodule in the left upper lobe.", (50, 100), (10, 40)),
        ("Right apical pneumothorax.", (0, 50), (5, 30)),
    ],
)
def test_the_words_decide_where_the_map_does_not(text: str, x: tuple[float, float], y: tuple[float, float]) -> None:
    found = evidence(text)[0]
    assert found.kind == "seen"
    assert x[0] <= centre(found)[0] <= x[1]
    assert y[0] <= centre(found)[1] <= y[1]


def test_the_map_decides_where_the_words_do_not() -> None:
    for column in (3, 10):
        found = evidence("There is a focal opacity.", peak(6, column))[0]
        assert centre(found)[0] == pytest.approx((column + 0.5) / 14 * 100, abs=10)


def test_an_effusion_is_looked_for_in_both_angles() -> None:
    right, left, lateral = evidence("No pleural effusion.")
    assert {e.kind for e in (right, left, lateral)} == {"searched"}
    assert [e.view for e in (right, left, lateral)] == [0, 0, 1]
    assert right.box[2] < 50 < left.box[0]
    assert min(right.box[1], left.box[1]) > 50


def test_a_large_heart_is_looked_for_at_the_heart() -> None:
    (x0, y0, x1, y1), _ = (e.box for e in evidence("The heart is not enlarged."))
    assert x0 < 55 < x1
    assert y0 < 58 < y1
    assert (x1 - x0) * (y1 - y0) < 2000


def test_where_is_searched_moves_with_the_chest() -> None:
    before = evidence("The heart is not enlarged.")[0]
    after = evidence("The heart is not enlarged.", frame=Frame((0.1, -0.05)))[0]
    assert np.subtract(centre(after), centre(before)) == pytest.approx((10, -5), abs=2)


def test_every_sentence_has_evidence_on_every_view() -> None:
    views = [View("a.png", np.zeros((50, 40), np.float32)), View("b.png", np.zeros((40, 50), np.float32))]
    maps = np.random.default_rng(0).normal(size=(2, len(LABELS), 14, 14))
    lateral = np.array([False, True])
    frames = frames_of(views, lateral, {f"frame_{side}": np.eye(32) for side in ("frontal", "lateral")})
    for text in ("The heart is enlarged.", "No acute disease.", "Degenerative changes of the spine.", "Hello."):
        labels, found, heat = evidence_of(text, views, maps, lateral, frames)
        assert set(labels) <= set(LABELS)
        assert {e.view for e in found} == {0, 1}
        for e in found:
            x0, y0, x1, y1 = e.box
            assert 0 <= x0 < x1 <= views[e.view].columns
            assert 0 <= y0 < y1 <= views[e.view].rows
        assert [h.view for h in heat] == [0, 1]
        assert all(h.resized(50, 40).max() <= 1 for h in heat)


def test_a_bundle_without_mean_films_says_so() -> None:
    with pytest.raises(BundleError, match="frame_frontal"):
        frames_of([View("a.png", np.zeros((50, 40), np.float32))], np.array([False]), {})


def test_a_place_named_once_holds_for_every_mention_of_its_label() -> None:
    found = evidence("Calcified granuloma in the left upper lobe.")[0]
    assert found.kind == "seen"
    assert centre(found)[0] > 50 > centre(found)[1]


def test_both_bases_have_a_box_each() -> None:
    right, left, _ = evidence("Bibasilar atelectasis.")
    assert right.kind == left.kind == "seen"
    assert right.box[2] < 55 < left.box[2]


def test_what_is_said_of_both_sides_has_a_box_on_each_however_much_one_outweighs_the_other() -> None:
    on_the_right = peak(9, 3)
    boxes = [e for e in evidence("There are small bilateral pleural effusions.", on_the_right) if e.view == 0]
    assert [centre(e)[0] < 50 for e in boxes] == [True, False]
    assert len([e for e in evidence("There is a pleural effusion.", on_the_right) if e.view == 0]) == 1


def test_the_zone_is_the_likelier_one_whatever_the_map_says() -> None:
    low = heat_map(peak(10, 3), EVERYWHERE)
    for zone, rows in enumerate(((0, 10), (9, 16), (13, 23))):
        chances = np.full(3, 0.1)
        chances[zone] = 0.8
        moved = in_zones(low, chances, Frame(), False)
        assert moved.max() == 1
        assert rows[0] <= np.unravel_index(moved.argmax(), moved.shape)[0] < rows[1]


def test_the_sentence_names_the_zone_more_surely_than_the_film() -> None:
    views = [View("a.png", np.zeros((100, 100), np.float32))]
    upper = np.tile((0.9, 0.05, 0.05), (len(LABELS), 1))
    args = (views, np.zeros((1, len(LABELS), 14, 14)), np.array([False]), [Frame()])
    found = {text: evidence_of(text, *args, upper)[1][0] for text in ("There is an opacity.", "Left basilar opacity.")}
    assert centre(found["There is an opacity."])[1] < 40 < 50 < centre(found["Left basilar opacity."])[1]


def _spots(*found: tuple[str, int, int, float]) -> np.ndarray:
    """A frontal and a lateral view; each found: a finding, row and column of 64, its chance."""
    spots = np.zeros((2, len(DRAWN), 64, 64), np.float32)
    for name, row, column, chance in found:
        spots[:, DRAWN.index(name), row - 1 : row + 2, column - 1 : column + 2] = chance
    return spots


def _boxes(text: str, spots: np.ndarray) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    views = [View(name, np.zeros((640, 640), np.float32)) for name in ("a.png", "b.png")]
    maps = np.zeros((2, len(LABELS), 14, 14))
    found = evidence_of(text, views, maps, np.array([False, True]), [Frame()] * 2, None, spots)[1]
    return [e.box for e in found if e.view == 0], [e.box for e in found if e.view == 1]


def test_each_nodule_that_the_detector_finds_has_its_box() -> None:
    spots = _spots(("nodule", 28, 22, 0.9), ("mass", 36, 48, 0.7), ("line", 20, 32, 0.99))
    boxes, lateral = _boxes("There are pulmonary nodules.", spots)
    assert len(boxes) == 2, "a line is no nodule"
    for box, (row, column) in zip(boxes, ((28, 22), (36, 48)), strict=True):
        assert box[0] <= 10 * column + 5 <= box[2]
        assert box[1] <= 10 * row + 5 <= box[3]
        assert box[2] - box[0] < 100
    assert len(lateral) == 2, "on a lateral film, too"


def test_what_the_detector_does_not_find_lies_where_the_maps_say() -> None:
    weak = _spots(("nodule", 24, 20, 0.3))
    assert _boxes("There are pulmonary nodules.", weak) == _boxes("There are pulmonary nodules.", 0 * weak)
    outside = _spots(("nodule", 60, 2, 0.99))
    assert _boxes("There is a nodule.", outside) == _boxes("There is a nodule.", 0 * weak), "not in the lungs"
    assert _boxes("No nodule.", _spots(("nodule", 24, 20, 0.9))) == _boxes("No nodule.", 0 * weak)


def test_the_words_of_a_sentence_choose_among_what_is_found() -> None:
    spots = _spots(("opacity", 40, 20, 0.95), ("opacity", 40, 46, 0.9))
    (left,), _ = _boxes("Left basilar opacity.", spots)
    (right,), _ = _boxes("Right basilar opacity.", spots)
    assert left[0] > 320 > right[2]
    assert len(_boxes("Basilar opacities.", spots)[0]) == 2


def test_at_most_six_places_are_shown() -> None:
    heat = np.zeros((28, 28), np.float32)
    heat[4:28:5, 3:28:5] = np.linspace(0.6, 1, 25).reshape(5, 5)
    boxes = spots_of(heat, 280, 280)
    assert len(boxes) == 6
    assert boxes[0][0] > 200
    assert boxes[0][1] > 200, "the hottest first"


def test_masses_that_touch_are_told_apart() -> None:
    heat = np.zeros((28, 28), np.float32)
    heat[8:14, 6:22] = 0.55
    heat[9:12, 7:10] = heat[9:12, 18:21] = 1
    boxes = spots_of(heat, 280, 280)
    assert len(boxes) == 2
    assert boxes[0][2] < boxes[1][0] or boxes[1][2] < boxes[0][0]
    alone = np.zeros((28, 28), np.float32)
    alone[8:14, 6:12] = 0.55
    alone[9:12, 7:10] = 1
    (box,) = spots_of(alone, 280, 280)
    assert box[2] - box[0] >= 50, "one place is shown to half its peak"


def test_what_no_label_names_is_shown_where_it_is_seen() -> None:
    text = "Median sternotomy."
    boxes, _ = _boxes(text, _spots(("wires", 24, 32, 0.9), ("wires", 32, 32, 0.8)))
    assert len(boxes) == 2
    labels, found, _ = evidence_of(
        text, [View("a", np.zeros((64, 64), np.float32))], np.zeros((1, 14, 14, 14)), np.array([False]), [Frame()]
    )
    assert labels == ()
    assert found[0].kind == "seen"
    volumes = evidence_of(
        "The lungs are hyperexpanded.",
        [View("a", np.zeros((64, 64), np.float32))],
        np.zeros((1, 14, 14, 14)),
        np.array([False]),
        [Frame()],
    )
    assert {e.kind for e in volumes[1]} == {"seen"}
    assert len(volumes[1]) == 2, "a box on each lung"


def test_places_are_counted_on_the_view_that_shows_most() -> None:
    lateral, frames = np.array([False, True]), [Frame()] * 2
    spots = _spots(("nodule", 28, 22, 0.9), ("nodule", 36, 48, 0.8), ("nodule", 40, 20, 0.9), ("opacity", 30, 46, 0.9))
    assert places_found(spots, "Lung Lesion", lateral, frames) == 3
    assert places_found(spots, "Lung Lesion", np.array([True, True]), frames) == 0
    assert places_found(0.1 * spots, "Lung Lesion", lateral, frames) == 0
