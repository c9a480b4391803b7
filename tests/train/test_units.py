from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from wetread.data.manifest import ManifestStudy  # noqa: E402
from wetread.errors import BundleError, UsageError  # noqa: E402
from wetread.model.department import COORDINATES  # noqa: E402
from wetread.model.findings import SPINE, SPINE_SHARE, asked_of, commands_of, fuse, head_input  # noqa: E402
from wetread.report.further import FURTHER  # noqa: E402
from wetread.train import calibrate, encode, features, lessons, pipeline, places, resume, targets, zones  # noqa: E402
from wetread.train.config import EncoderConfig, load_config  # noqa: E402
from wetread.train.decoder import Memory, ReportDecoder  # noqa: E402
from wetread.train.encoder import FilmEncoder, PlaceHead  # noqa: E402
from wetread.train.export import export_encoder  # noqa: E402
from wetread.train.films import Augment, as_tensor, exported, rendered  # noqa: E402
from wetread.train.stages.seen import Seen  # noqa: E402
from wetread.train.stages.words import recall  # noqa: E402
from wetread.types import LABELS  # noqa: E402


def test_auroc_and_ece_by_hand() -> None:
    truth = np.array([0, 0, 1, 1], bool)
    assert calibrate.auroc(truth, np.array([0.1, 0.4, 0.35, 0.8])) == pytest.approx(0.75)
    assert calibrate.auroc(truth, np.zeros(4)) == 0.5
    assert np.isnan(calibrate.auroc(np.zeros(4, bool), np.arange(4)))
    assert calibrate.ece(truth, truth.astype(float), bins=2) == 0
    assert calibrate.ece(truth, 1 - truth.astype(float), bins=2) == 1


def test_the_threshold_is_the_best_expected_f() -> None:
    p = np.array([0.9, 0.8, 0.1, 0.05])
    assert 0.1 < calibrate.expected_f_threshold(p) <= 0.8
    assert calibrate.expected_f_threshold(p, beta=2) <= calibrate.expected_f_threshold(p)


def test_a_findings_head_learns_and_is_honest_about_it() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 6)).astype(np.float32)
    positive = np.zeros((400, len(LABELS)), bool)
    positive[:, 1] = x[:, 0] + 0.3 * rng.normal(size=400) > 0.8
    positive[:, 2] = rng.random(400) < 0.2  # nothing to be learned
    head = calibrate.fit(x, positive, folds=4, beta=1.0, seed=1)
    assert calibrate.auroc(positive[:, 1], head.crossfitted[:, 1]) > 0.9
    assert calibrate.auroc(positive[:, 2], head.crossfitted[:, 2]) < 0.65
    assert (head.uncertain_from <= head.positive_from).all()
    assert head.probabilities(x)[:, 5].max() < 0.05  # never seen
    assert head.positive_from[2] < 0.4
    worthy = calibrate.fit(x, positive, folds=4, beta=1.0, seed=1, least_right=0.7)
    for k in range(positive.shape[1]):
        said = worthy.crossfitted[:, k] >= worthy.positive_from[k]
        assert not said.any() or worthy.crossfitted[said, k].mean() >= 0.7
    floored = calibrate.fit(x, positive, folds=4, beta=1.0, seed=1, least=0.4)
    assert floored.positive_from[2] == 0.4
    assert floored.positive_from[1] == max(0.4, head.positive_from[1])


def test_what_speaks_for_a_finding_is_held_less() -> None:
    from wetread.model.detector import DRAWN

    k = len(DRAWN)
    held = calibrate.stretches(("Fracture", "Lung Lesion", "sternal wires"), (0, 1, -1), 5, 2 * k, 3)
    assert held.shape == (3, 5 + 2 * k + 3)
    held, features_held = np.split(held, [5 + 2 * k], 1)
    assert np.ptp(features_held) == 0, "no feature is of one finding"
    assert held[:2, :5].argmax(1).tolist() == [0, 1]
    assert (held[2, :5] == 1).all(), "it has no concept"
    assert len(set(held[0, 5:])) == 1, "nothing that is drawn speaks for a fracture"
    nodule, wires = DRAWN.index("nodule"), DRAWN.index("wires")
    for again in (5, 5 + k):
        assert held[1, again + nodule] > held[1, again + wires] > 1
        assert held[2, again + wires] > held[2, again + nodule] > 1


def test_the_sensitive_threshold_keeps_the_abnormal() -> None:
    rng = np.random.default_rng(3)
    abnormal = rng.random(700) < 0.6
    score = np.clip(0.4 * abnormal + rng.random(700) * 0.6, 0, 1)
    limit = calibrate.sensitive_threshold(abnormal, score)
    assert (score[abnormal] >= limit).mean() >= 0.99
    assert (score[abnormal] > limit).mean() < 0.99


def test_no_finding_yields_to_others_but_not_to_devices() -> None:
    p = np.zeros((3, len(LABELS)))
    p[:, LABELS.index("No Finding")] = 0.9
    p[1, LABELS.index("Edema")] = 0.9
    p[2, LABELS.index("Support Devices")] = 0.9
    commands = commands_of(p, np.full(len(LABELS), 0.5))
    assert commands[:, LABELS.index("No Finding")].tolist() == [1, 0, 1]


def test_films_are_fused_by_projection() -> None:
    logits = np.array([[2.0, 0.0], [0.0, 4.0]])
    mean, gap = fuse(logits, np.array([-1.0, 1.0]))
    assert mean.tolist() == [1.0, 2.0]
    assert gap.tolist() == [1.0, -2.0]
    assert fuse(logits, np.array([-1.0, -1.0]))[1].tolist() == [0.0, 0.0]
    read = head_input(mean, gap, np.zeros(2), np.array([1.0, 0.1]))
    assert read.tolist() == [1.0, 4.0, 1.0, -4.0]


def test_a_teacher_is_seen_by_the_network_that_did_not_learn_from_it() -> None:
    def output(value: float, seen: list[int]) -> dict[str, np.ndarray]:
        arrays = {
            "logits": (3, 2),
            "maps": (3, 2, 7, 7),
            "label_maps": (3, 14, 14, 14),
            "places": (3, 14, 14, 14),
            "lateral": (3,),
            "vector": (3, 4),
        }
        out = {k: np.full(shape, np.nan, np.float32) for k, shape in arrays.items()}
        for array in out.values():
            array[seen] = value
        return out

    gathered = features.gather([output(1, [0, 2]), output(3, [1, 2])])
    assert gathered.lateral.tolist() == [1, 3, 2]
    assert gathered.logits[:, 0].tolist() == [1, 3, 2]
    assert gathered.maps[2].max() == 2


def test_the_mean_of_networks_varies_less_by_their_chance_errors() -> None:
    rng = np.random.default_rng(4)
    truth = rng.normal(size=(600, 2)) * (1, 2)
    films = [(i,) for i in range(600)]

    def network(noise: float) -> dict[str, np.ndarray]:
        return {"logits": truth + noise * rng.normal(size=truth.shape), "lateral": np.full(600, -1.0)}

    # Of one variance 1 + 1 in a network and 1 + 1/3 in the mean of three; of the other 4 + 1 and 4 + 1/3.
    ratio = features.shrinkage([network(1.0) for _ in range(3)], films, folds=3)
    assert np.allclose(ratio, np.sqrt([4 / 3 / 2, 13 / 3 / 5]), atol=0.03)
    # Two members a fold are averaged before.
    ratio = features.shrinkage([network(1.0) for _ in range(6)], films, folds=3)
    assert np.allclose(ratio, np.sqrt([7 / 6 / 1.5, 25 / 6 / 4.5]), atol=0.03)
    assert np.allclose(features.shrinkage([network(0.0)] * 3, films, folds=3), 1)
    assert features.shrinkage([network(1.0)], [], folds=1).tolist() == [1.0, 1.0]


def test_drift_brings_other_networks_to_scale() -> None:
    rng = np.random.default_rng(2)
    before = rng.normal(size=(400, 3, 4, 4)) + np.array([0, 1, 2])[:, None, None]
    times, more = np.array([1, 2, 0.5]), np.array([0, -1, 3])
    added, multiplied = features.drift(before, before * times[:, None, None] + more[:, None, None])
    assert np.allclose(multiplied, times, atol=1e-4)
    assert np.allclose(added, np.array([0, 1, -1]) + more, atol=0.05)
    scale = lessons.Scale(np.zeros(3), np.ones(3), np.array([0.0, 1, 2]), np.ones(3))
    still = np.zeros(3), np.ones(3)
    moved = scale.moved(still, (added, multiplied))
    after = before * times[:, None, None] + more[:, None, None]
    assert np.allclose(moved.maps(after[0]), scale.maps(before[0]), atol=0.06)
    assert np.array_equal(moved.logit_sd, scale.logit_sd)


def test_principal_components_are_of_one_size_and_tell_nothing_twice() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(200, 3))
    seen = hidden @ rng.normal(size=(3, 12))  # three things, told twelve times
    scaled = (seen - seen.mean(0)) / seen.std(0)
    axes = features.principal(scaled)
    assert axes.shape == (12, 3), "what has no deviation is no component"
    read = scaled @ axes
    assert np.allclose(np.cov(read.T), np.eye(3), atol=1e-3)
    told = np.linalg.lstsq(read, hidden - hidden.mean(0), rcond=None)[0]
    assert np.allclose(read @ told, hidden - hidden.mean(0), atol=1e-3), "nothing is lost"


def test_teachers_are_seen_by_the_folds_and_others_by_what_ships() -> None:
    def outputs(value: float, width: int) -> features.FilmOutputs:
        maps = np.full((3, 14, 14, 14), value)
        return features.FilmOutputs(
            np.full((3, 2), value), maps[:, :2], maps, maps, np.full(3, value), np.full((1, 3, width), value)
        )

    both = features.joined(outputs(1, 4), outputs(2, 4), np.array([True, False, True]))
    assert both.logits[:, 0].tolist() == [1, 2, 1]
    assert both.places[:, 0, 0, 0].tolist() == [1, 2, 1]
    assert both.lateral.tolist() == [1, 2, 1]
    assert (both.vector == 1).all()


def test_no_frontal_film_gives_no_zones() -> None:
    pack = np.zeros((2, 256, 256), np.uint8)
    means = zones.films_means(pack, np.zeros((0, 5, 7, 7)), [], np.zeros((32, 32)))
    assert means.shape == (0, 3, 5)


def test_folds_depend_on_the_id_alone() -> None:
    folds = [encode.fold_of(f"study{i}", 3) for i in range(300)]
    assert folds == [encode.fold_of(f"study{i}", 3) for i in range(300)]
    assert min(folds.count(k) for k in range(3)) > 70


def test_concepts_come_from_labels_codes_and_wordings() -> None:
    rows = [
        ManifestStudy(
            f"s{i}",
            "train",
            findings="The heart is enlarged. Lungs clear." if i % 2 else "Normal heart. Lungs clear.",
            labels={n: "positive" if n == "Cardiomegaly" and i % 2 else None for n in LABELS},
            extra={"mesh": {"major": ["Cardiomegaly/mild"] if i % 2 else ["normal"]}},
        )
        for i in range(6)
    ]
    rows.append(ManifestStudy("v", "val", findings="Only here. Only here too.", extra={"mesh": {"major": ["Rare"]}}))
    concepts = targets.build(rows, [True] * 6 + [False], 3, 3)
    assert "mesh:Cardiomegaly/mild" in concepts.names
    assert "mesh:Rare" not in concepts.names
    column = concepts.names.index("label:Cardiomegaly")
    assert concepts.values[:6, column].tolist() == [0, 1, 0, 1, 0, 1]
    assert sum(n.startswith("wording:") for n in concepts.names) == 3
    assert not any("heart" in n for n in concepts.names), "no sentence is a name"
    assert len(concepts.weights) == len(concepts.names)


def test_augmentation_never_mirrors() -> None:
    film = np.zeros((1, 256, 256), np.uint8)
    film[:, :, 150:] = 200  # bright on the right
    for seed in range(30):
        x = Augment(64, seed)(np.repeat(film, 4, 0))
        assert x.shape == (4, 1, 64, 64)
        assert 0 <= float(x.min()) <= float(x.max()) <= 1
        assert (x[..., 48:].mean((1, 2, 3)) > x[..., :16].mean((1, 2, 3))).all()


def test_another_rendering_is_the_same_chest() -> None:
    rows, columns = np.mgrid[:256, :256]
    film = (60 + 0.4 * columns + 40 * np.sin(rows / 9)).astype(np.uint8)
    rng = np.random.default_rng(1)
    others = np.stack([rendered(film, rng) for _ in range(24)]).astype(float)
    assert others.shape == (24, 256, 256)
    apart = np.abs(others - film)[:, 4:-4, 4:-4]
    assert 0 < apart.mean() < 3
    assert apart.mean((1, 2)).max() < 8
    mirrored = np.abs(others - film[:, ::-1]).mean((1, 2))
    assert (mirrored > 3 * apart.mean((1, 2))).all()


def test_an_exported_film_is_the_same_chest() -> None:
    rows, columns = np.mgrid[:256, :256]
    film = (60 + 0.4 * columns + 40 * np.sin(rows / 9)).astype(np.uint8)
    rng = np.random.default_rng(1)
    others = [exported(film, rng) for _ in range(40)]
    assert len({other.shape for other in others}) > 10
    assert any(np.array_equal(other, film) for other in others), "some are as they were"
    assert all(other.dtype == np.uint8 and min(other.shape) >= 150 for other in others)
    here = as_tensor([film], 64).numpy().ravel()
    for seen in as_tensor(others, 64).numpy():
        assert np.corrcoef(here, seen.ravel())[0, 1] > 0.8
        assert np.corrcoef(here, seen[..., ::-1].ravel())[0, 1] < 0


def test_training_and_drafting_see_the_same_film() -> None:
    from wetread.image.transforms import to_input

    film = np.random.default_rng(0).integers(0, 256, (1, 256, 256)).astype(np.uint8)
    assert np.array_equal(as_tensor(film, 224)[0, 0].numpy(), to_input(film[0].astype(np.float32) / 255, 224))


def test_a_step_at_a_time_is_the_whole_at_once() -> None:
    torch.manual_seed(0)
    decoder = ReportDecoder(20, 5, 16, 2, 2, 0.0, 12).eval()
    memory = Memory(torch.randn(2, 5), torch.randint(0, 3, (2, 6)), torch.randn(2, COORDINATES))
    tokens = torch.randint(4, 20, (2, 7))
    with torch.no_grad():
        whole = decoder(tokens, memory)
        cross = decoder.prefill(memory)
        past = decoder.empty_past(2)
        for place in range(7):
            logits, past = decoder.step(tokens[:, place], torch.tensor([place]), past, cross)
            assert torch.allclose(logits, whole[:, place], atol=1e-5)


def test_a_decoder_forgets_the_odds_and_keeps_what_is_usual() -> None:
    torch.manual_seed(0)
    decoder = ReportDecoder(20, 5, 16, 2, 2, 0.0, 12).eval()
    torch.nn.init.normal_(decoder.odds)
    asked, department, tokens = torch.randint(0, 3, (2, 6)), torch.randn(2, COORDINATES), torch.randint(4, 20, (2, 7))
    usual, own = torch.randn(5), Memory(torch.randn(2, 5), asked, department)
    with torch.no_grad():
        expected = decoder(tokens, Memory(usual.expand(2, 5), asked, department))
        assert not torch.allclose(decoder(tokens, own), expected, atol=1e-3)
        decoder.forget(usual)
        assert torch.allclose(decoder(tokens, own), expected, atol=1e-5)


def test_the_first_epochs_see_the_films_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def augment(size: int, seed: int) -> Augment:
        seen.append(size)
        return Augment(size, seed)

    monkeypatch.setattr(encode, "Augment", augment)
    config = EncoderConfig(init="random", size=64, neck=8, epochs=3, small_epochs=2, small_size=32, batch=2)
    films = encode.StudyFilms(((0,), (1,)), np.zeros(2, np.float32))
    pack = np.random.default_rng(0).integers(0, 255, (2, 256, 256)).astype(np.uint8)
    encode.train_encoder(
        pack, films, np.eye(2, dtype=np.float32), np.ones(2, np.float32), [0, 1], config, 0, None, tmp_path / "c.pt"
    )
    assert seen == [32, 32, 64]


_ENCODER = 'run_dir = "r"\n[data]\nmanifest = "m"\n[encoder]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nme = 1", "unknown setting 'nme'"),
        ('name = 3\nrun_dir = "r"', "must be of type str"),
        ("[encoder]\nepochs = 1.5", "must be of type int"),
        ("= 3", "no TOML"),
        (_ENCODER + "members = 0", "at least 1"),
        (_ENCODER + "finish_epochs = -1", "'finish_epochs' must be at least 0"),
        (_ENCODER + "small_epochs = -1", "'small_epochs' must be at least 0"),
        (_ENCODER + "small_size = 150", "'small_size' must be a multiple of 32"),
        (_ENCODER + "small_size = 256", "at most 224"),
        (_ENCODER.replace("[encoder]", "[decoder]") + "consensus_width = 0.0", "'consensus_width' must be above 0"),
        (_ENCODER.replace("[encoder]", "[decoder]") + "consensus_noise = 0.0", "'consensus_noise' must be above 0"),
        (_ENCODER.replace("[encoder]", "[decoder]") + "between = -1", "'between' must be at least 0"),
        (_ENCODER.replace("[encoder]", "[decoder]") + "ema = 1.0", "'ema' must lie between 0 and 1"),
        (_ENCODER.replace("[encoder]", "[decoder]") + "meteor_weight = -1.0", "'meteor_weight' must be at least 0"),
        (_ENCODER.replace("[encoder]", "[decoder]") + "rouge_weight = -1.0", "'rouge_weight' must be at least 0"),
        (_ENCODER.replace("[encoder]", "[detector]") + "batch = 0", "'batch' at least 1"),
        (_ENCODER.replace("[encoder]", "[detector]") + "learning_rate = 0.0", "'learning_rate' must be above 0"),
        (_ENCODER.replace("[encoder]", "[detector]") + "small_epochs = -1", "'small_epochs' must be at least 0"),
        (_ENCODER.replace("[encoder]", "[detector]") + "small_size = 200", "multiple of 16, at most 256"),
        (_ENCODER.replace("[encoder]", "[findings]") + "least_right = 1.0", "'least_right' is a probability"),
        (_ENCODER.replace("[encoder]", "[findings]") + "least_word = -1", "'least_word' must be at least 0"),
        (_ENCODER + 'precision = "bf15"', "must be one of bf16, fp32"),
        (_ENCODER + 'init = "noise"', "must be one of imagenet, random"),
        (_ENCODER + "folds = 1", "at least 2"),
        ('run_dir = "r"', "must be set"),
        ('run_dir = "$NOT_SET_ANYWHERE/r"\n[data]\nmanifest = "m"', "not set"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        load_config(tmp_path / "c.toml")


def test_what_is_to_be_continued_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('run_dir = "r"\n[data]\nmanifest = "m"\n[encoder]\ncontinued = "earlier"')
    with pytest.raises(UsageError, match=r"earlier is neither a bundle nor a run.*correct encoder\.continued"):
        pipeline.run_stages(load_config(tmp_path / "c.toml"))


def test_findings_that_two_collections_name_are_shared_and_the_rest_is_unknown() -> None:
    names = [f"label:{n}" for n in LABELS] + ["mesh:Nodule", "wording:0"]
    found = np.zeros((3, 15), np.float32)
    found[:, 14] = np.nan
    found[0, encode.NIH_LABELS.index("Effusion")] = 1
    found[1, encode.NIH_LABELS.index("Infiltration")] = 1
    shared = dict(zip(names, encode.shared_targets(found, names).T, strict=True))
    assert shared["label:Pleural Effusion"].tolist() == [1, 0, 0]
    assert shared["label:No Finding"].tolist() == [0, 0, 1]
    assert np.isnan(shared["label:Lung Opacity"][0]), "an effusion does not say that there is no opacity"
    assert shared["label:Lung Opacity"][1:].tolist() == [1, 0]
    assert np.isnan(shared["label:Fracture"]).all()
    assert np.isnan(shared["wording:0"]).all()


def test_mixed_precision_only_where_the_processor_has_it(monkeypatch):
    cpu = torch.device("cpu")
    for name, mixed in (("avx512_bf16", True), ("avx2", False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda name=name: {name: True}, raising=False)
        assert encode.mixed("bf16", cpu) is mixed
        assert not encode.mixed("fp32", cpu)


def test_an_exported_encoder_is_a_network_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, again = (FilmEncoder(20, 16) for _ in range(2))
    films = torch.rand(6, 1, 64, 64)
    network.train()(films)  # running statistics that are not those of the start
    network.eval()
    export_encoder(network, tmp_path / "encoder0.onnx", 64, PlaceHead(16 + 112, 14))
    resume.load_graph(again, tmp_path / "encoder0.onnx", films)
    with torch.no_grad():
        for a, b in zip(network(films), again.eval()(films), strict=True):
            assert torch.allclose(a, b, atol=2e-2, rtol=2e-2)  # stored in half precision
        kept = [m.running_var.clone() for m in again.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert all((v > 0).all() for v in kept)
    with pytest.raises(BundleError, match="another kind"):
        resume.load_graph(FilmEncoder(20, 24), tmp_path / "encoder0.onnx", films)
    (tmp_path / "no.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match="cannot be read"):
        resume.load_graph(again, tmp_path / "no.onnx", films)


def test_a_map_on_the_wrong_side_costs() -> None:
    maps = torch.zeros(1, 2, 4, 4)
    maps[:, :, :, :2] = 3.0  # the left of the film is the patient's right
    weight = torch.ones(2)

    def cost(*right: float) -> float:
        return float(places.side_loss(maps, torch.tensor([right]), weight))

    nothing = float("nan")
    assert cost(nothing, nothing) == 0
    assert 0 < cost(1.0, nothing) < cost(0.0, nothing)
    assert cost(1.0, 1.0) == pytest.approx(2 * cost(1.0, nothing))


def test_a_head_learns_where_a_label_lies(tmp_path: Path) -> None:
    """Bright squares on one side of noise: the head's map must be denser there on new films."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    pack = rng.integers(0, 60, (80, 256, 256), dtype=np.uint8)
    right = rng.integers(0, 2, len(pack)).astype(np.float32)
    for film, on_the_right in zip(pack, right, strict=True):
        film[100:160, slice(30, 90) if on_the_right else slice(166, 226)] += 150
    names = tuple(f"label:{n}" for n in LABELS)
    values, sides = (np.full((len(pack), len(names)), np.nan, np.float32) for _ in range(2))
    values[:, 2], sides[:, 2] = 1, right
    concepts = targets.Concepts(names, values, sides)
    own = encode.StudyFilms(tuple((i,) for i in range(len(pack))), np.zeros(len(pack), np.float32))
    taught = np.arange(len(pack)) < 64
    network = FilmEncoder(len(names), 16)
    network.load_imagenet()
    head = places.train_places(network, pack, own, concepts, np.arange(14), taught, 64, 30, "fp32", 1, tmp_path)
    assert list(tmp_path.iterdir()) == []
    with torch.no_grad():
        maps = head(network.eval().features(as_tensor(pack[~taught], 64)).places)
    assert maps.shape == (16, 14, 4, 4)
    denser = maps[:, 2, :, :2].mean((1, 2)) > maps[:, 2, :, 2:].mean((1, 2))
    assert (denser.numpy() == (right[~taught] == 1)).mean() > 0.9
    assert len(places.sided(targets.Concepts(names, values, np.full_like(sides, np.nan)), taught)) == 0


def test_the_side_of_a_finding_is_learned_where_the_report_names_one() -> None:
    row = SimpleNamespace(
        findings="There is a small left pleural effusion. Opacities in the right and left lung.",
        impression="Pleural effusion. No right pneumothorax.",
    )
    assert targets.label_sides(row) == {"Pleural Effusion": "left"}
    codes = [
        "Opacity/lung/base/left",
        "Opacity/lung/base/right",
        "Nodule/lung/right",
        "Granuloma/lung",
        "Cicatrix/left/right",
    ]
    assert targets.mesh_sides(codes) == {
        "Opacity/left": "left",
        "Opacity/right": "right",
        "Nodule": "right",
        "Nodule/lung": "right",
        "Nodule/right": "right",
    }


def test_the_spine_of_the_likeliest_teachers_may_be_called_degenerated() -> None:
    mean = np.zeros((40, 2))
    mean[:, 1] = np.arange(40)
    own, shipped = (
        lessons.Scale(np.full(2, at), np.full(2, sd), np.zeros(2), np.ones(2)) for at, sd in ((10.0, 2.0), (20.0, 4.0))
    )
    studies = SimpleNamespace(mean=mean)
    seen = Seen(None, studies, own, shipped, np.arange(40) < 30, (np.zeros(14), np.ones(14)))  # type: ignore[arg-type]
    names = ["label:Edema", SPINE]
    levels = seen.spine_from(names)
    assert levels is not None
    level, moved = (float(each[0]) for each in levels)
    assert (moved - 20) / 4 == pytest.approx((level - 10) / 2), "as far from the mean by the networks that ship"
    worn = seen.worn(names)
    assert worn[:30].sum() == round(SPINE_SHARE * 30)
    assert worn[29]
    assert not worn[30:].any(), "those who teach nothing are held to the networks that ship"
    assert seen.worn(["label:Edema", "mesh:Spine"]).all(), "nothing tells"


def test_what_is_asked_of_a_text_and_what_a_text_answers() -> None:
    commands, likely = np.zeros((2, 14), bool), np.zeros((2, 14), bool)
    heart, edema = LABELS.index("Cardiomegaly"), LABELS.index("Edema")
    commands[0, heart], likely[0, [heart, edema]] = True, True
    told = np.zeros((2, len(FURTHER)), bool)
    told[1, 0] = True
    asked = asked_of(commands, likely, told, np.array([False, True]))
    assert asked.shape == (2, 14 + len(FURTHER) + 1)
    assert asked[0, heart] == 1
    assert asked[0, edema] == 2
    assert asked[0].sum() == 3
    assert asked[1, [14, -1]].tolist() == [1, 1]
    assert asked[1].sum() == 2
    answer = lessons.asked_by_text(
        ["The heart is enlarged.", "The lungs are hyperexpanded.", "There are degenerative changes of the spine."]
    )
    expected = np.zeros(14 + len(FURTHER) + 1, int)
    expected[[heart, 14 + FURTHER.index("hyperexpansion"), -1]] = 1
    assert np.array_equal(answer, expected)


def test_a_decoder_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "decoder-words.safetensors"
    save_file(ReportDecoder(20, 5, 16, 2, 2, 0.0, 12).state_dict(), path)
    decoder = ReportDecoder(20, 6, 16, 2, 2, 0.0, 12)
    with pytest.raises(UsageError, match=r"decoder-words\.safetensors is of another configuration or version; remove"):
        recall(decoder, path)
    own = ReportDecoder(20, 5, 16, 2, 2, 0.0, 12)
    recall(own, path)


def test_what_is_asserted_is_worth_saying():
    p = np.array([0.5, 0.3, 0.1, 0.05, 0.02])
    assert calibrate.worthy_threshold(p, 0.29) == pytest.approx(0.075), "0.5, 0.3 and 0.1 are .3 in the mean"
    assert calibrate.worthy_threshold(p, 0.0) == pytest.approx(0.02)
    assert calibrate.worthy_threshold(p, 0.9) == 1.0, "nothing is"


def test_scaled_probabilities_say_how_often_they_are_right():
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.05, 0.6, 4000)
    positive = (rng.random(4000) < chance)[:, None]
    logit = np.log(chance / (1 - chance))
    sure = 1 / (1 + np.exp(-3 * logit))[:, None]  # three times as sure as it may be
    head = calibrate.FindingsHead(np.ones((1, 1)), np.zeros(1), np.full(1, 0.5), np.full(1, 0.5), sure)
    scaled = head.scaled(positive, least=0.2)
    assert calibrate.ece(positive[:, 0], sure[:, 0]) > 0.1
    assert calibrate.ece(positive[:, 0], scaled.crossfitted[:, 0]) < 0.04
    assert scaled.weight[0, 0] == pytest.approx(1 / 3, abs=0.05)
    assert scaled.positive_from[0] >= 0.2
    features = 3 * logit[:5, None]
    assert scaled.probabilities(features)[:, 0] == pytest.approx(scaled.crossfitted[:5, 0], abs=1e-6)
