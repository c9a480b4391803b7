"""The whole experiment on drawings, as its user runs it; the same under two processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]


def run(command: list[str], folder: Path, **more: str) -> str:
    env = {**os.environ, "PYTHON": sys.executable, "WETREAD_RUNS": str(folder), "OMP_NUM_THREADS": "1", **more}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    run(["bash", str(ROOT / "runs" / "tiny.sh"), str(folder)], folder)
    return folder


@pytest.mark.slow
def test_the_bundle_drafts(tiny: Path) -> None:
    from wetread.draft import Drafter
    from wetread.image.read import read_view
    from wetread.types import LABELS, Study

    drafter = Drafter.load(tiny / "tiny_bundle")
    films = [tiny / "tiny_films" / "study00" / f"{name}.png" for name in ("frontal", "lateral")]
    views = tuple(read_view(film, check=False) for film in films)
    draft = drafter.draft(Study("study00", views))
    assert set(draft.labels) == set(LABELS)
    assert draft.findings
    assert draft.impression
    assert np.isclose(np.linalg.norm(drafter.embed(Study("study00", views))), 1, atol=1e-5)


@pytest.mark.slow
def test_exported_and_torch_networks_agree(tiny: Path) -> None:
    import torch
    from safetensors.torch import load_file

    from wetread.model.bundle import Bundle
    from wetread.model.runtime import OnnxFilmReader
    from wetread.train.encoder import FilmEncoder

    bundle = Bundle.load(tiny / "tiny_bundle")
    film = np.random.default_rng(0).random((1, 1, 224, 224), dtype=np.float32)
    seen = OnnxFilmReader(bundle, threads=1)(film)
    probabilities = []
    for number in range(4):
        state = load_file(tiny / "tiny" / f"finished-encoder{number}.safetensors")
        network = FilmEncoder(len(bundle.index["concepts"]), 32).eval()
        network.load_state_dict(state)
        with torch.no_grad():
            probabilities.append(network(torch.from_numpy(film))[0].numpy())
    expected = 1 / (1 + np.exp(-np.mean(probabilities, 0)))
    assert np.abs(1 / (1 + np.exp(-seen.logits)) - expected).max() < 1e-3
    assert seen.places is not None, "the reports of this collection name sides"
    assert seen.places.shape == (1, 14, 14, 14)
    assert {"place_mean", "place_sd"} <= set(bundle.arrays)


@pytest.mark.slow
def test_the_detector_ships_and_the_findings_read_it(tiny: Path) -> None:
    import torch
    from safetensors.torch import load_file

    from wetread.draft import Drafter
    from wetread.image.read import read_view
    from wetread.model.detector import DRAWN
    from wetread.train.detector import Detector
    from wetread.types import Study

    drafter = Drafter.load(tiny / "tiny_bundle")
    films = [tiny / "tiny_films" / "study00" / f"{name}.png" for name in ("frontal", "lateral")]
    study = Study("study00", tuple(read_view(film, check=False) for film in films))
    look = drafter.look(study)
    assert look.spots is not None
    assert look.spots.shape == (2, len(DRAWN), 64, 64)
    arrays = drafter.bundle.arrays
    assert arrays["weight"].shape[1] == 2 * len(arrays["logit_mean"]) + 4 * len(DRAWN) + arrays["pooled_axes"].shape[1]
    assert "It learned from such findings drawn" in (tiny / "tiny_bundle" / "CARD.md").read_text()
    network = Detector()
    network.load_state_dict(load_file(tiny / "tiny" / "detector.safetensors"))
    film = np.random.default_rng(0).random((1, 1, 256, 256), dtype=np.float32)
    assert drafter.detector is not None
    with torch.no_grad():
        expected = network.eval().found(torch.from_numpy(film))
    spots, pooled, texture = (part.numpy() for part in expected)
    found = drafter.detector(film)
    assert np.abs(found.spots - spots).max() < 0.05
    assert np.abs(found.pooled - pooled).max() < 0.05
    assert np.abs(found.texture - texture).max() < 0.05
    with np.load(tiny / "tiny" / "found.npz") as stored:
        assert np.isfinite(stored["marks"]).all()
        assert np.isfinite(stored["pooled"]).all()
        assert np.isfinite(stored["texture"]).all()
    detector_arrays = [name for name in arrays if name.startswith(("mark_", "pooled_", "texture_", "kept_"))]
    assert all(np.isfinite(arrays[name]).all() for name in detector_arrays)
    with np.load(tiny / "tiny" / "departments.npz") as stored:
        for axes in ("texture_axes", "kept_axes"):
            assert np.array_equal(stored[axes].astype(np.float32), arrays[axes])
    assert look.department.any()


@pytest.mark.slow
def test_the_bundle_reads_indications(tiny: Path) -> None:
    from wetread.model.bundle import Bundle
    from wetread.report.further import FURTHER
    from wetread.types import LABELS

    bundle = Bundle.load(tiny / "tiny_bundle")
    assert bundle.index["indication"] == ["check", "cough", "pacemaker"]
    assert bundle.arrays["indication_weight"].shape == (len(LABELS) + len(FURTHER), 3)
    assert bundle.arrays["indication_mean"].shape == (3,)


@pytest.mark.slow
def test_finished_networks_ship_and_those_of_the_folds_calibrate(tiny: Path) -> None:
    from safetensors.numpy import load_file

    def weights(name: str) -> dict[str, np.ndarray]:
        return dict(load_file(tiny / "tiny" / f"{name}.safetensors"))

    blind, finished = weights("encoder0"), weights("finished-encoder0")
    first, last = "backbone._blocks.4._project_conv.weight", "backbone._blocks.5._project_conv.weight"
    assert np.array_equal(blind[first], finished[first]), "the first blocks stay as they are"
    assert not np.array_equal(blind[last], finished[last])
    with np.load(tiny / "tiny" / "seen0.npz") as own, np.load(tiny / "tiny" / "finished-seen0.npz") as others:
        looked = ~np.isnan(own["lateral"])
        assert np.array_equal(looked, ~np.isnan(others["lateral"]))
        assert not np.allclose(own["logits"][looked], others["logits"][looked])


@pytest.mark.slow
def test_finishing_needs_studies_that_teach_nothing(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "tiny_films", tmp_path / "tiny_films")
    lines = (tiny / "tiny_data" / "manifest.jsonl").read_text().splitlines()
    (tmp_path / "tiny_data").mkdir()
    kept = [line for line in lines if json.loads(line)["split"] == "train"]
    (tmp_path / "tiny_data" / "manifest.jsonl").write_text("\n".join(kept) + "\n")
    command = [sys.executable, "-m", "wetread", "train", str(ROOT / "runs" / "tiny.toml")]
    env = {**os.environ, "WETREAD_RUNS": str(tmp_path)}
    refused = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "add some or set encoder.finish_epochs = 0" in refused.stderr


@pytest.mark.slow
def test_a_stage_before_its_time_says_what_is_missing(tiny: Path, tmp_path: Path) -> None:
    for name in ("tiny_data", "tiny_films"):
        shutil.copytree(tiny / name, tmp_path / name)
    command = [sys.executable, "-m", "wetread", "train", str(ROOT / "runs" / "tiny.toml"), "--stage"]
    env = {**os.environ, "WETREAD_RUNS": str(tmp_path)}
    refused = subprocess.run([*command, "finish"], env=env, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "needs what an earlier stage writes" in refused.stderr
    for stage in ("pack", "targets"):
        run([*command, stage], tmp_path)
    refused = subprocess.run([*command, "finish"], env=env, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "encoder0.safetensors" in refused.stderr


@pytest.mark.slow
def test_a_finished_run_is_not_run_again_and_says_how_it_was_made(tiny: Path) -> None:
    before = (tiny / "tiny" / "encoder0.safetensors").stat().st_mtime_ns
    run([sys.executable, "-m", "wetread", "train", str(ROOT / "runs" / "tiny.toml"), "--stage", "encoder"], tiny)
    assert (tiny / "tiny" / "encoder0.safetensors").stat().st_mtime_ns == before
    made = json.loads((tiny / "tiny_bundle" / "bundle.json").read_text())["provenance"]
    assert len(made["configuration"]) == 64
    assert len(made["log"]) == 64
    assert made["teachers"] == 27


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network(tiny: Path, tmp_path: Path) -> None:
    for name in ("tiny_data", "tiny_films"):
        shutil.copytree(tiny / name, tmp_path / name)
    (tmp_path / "tiny").mkdir()
    for name in ("pack", "targets.npz"):
        source = tiny / "tiny" / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, tmp_path / "tiny" / name)
    command = ["-m", "wetread", "train", str(ROOT / "runs" / "tiny.toml"), "--stage", "encoder", "--fold", "0"]
    run([sys.executable, *command], tmp_path)
    again = (tmp_path / "tiny" / "encoder0.safetensors").read_bytes()
    assert again == (tiny / "tiny" / "encoder0.safetensors").read_bytes()


@pytest.mark.slow
def test_a_bundle_is_trained_on(tiny: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    for name in ("tiny_data", "tiny_films"):
        shutil.copytree(tiny / name, tmp_path / name)
    # Another seed: a network that began anew would be another one.
    text = (ROOT / "runs" / "tiny.toml").read_text().replace("seed = 1", "seed = 5")
    config, earlier = tmp_path / "on.toml", tmp_path / "earlier"
    config.write_text(text.replace("neck = 32", f'neck = 32\ncontinued = "{earlier}"\nlearning_rate = 0.0'))
    shutil.copytree(tiny / "tiny_bundle", earlier)
    command = [sys.executable, "-m", "wetread", "train", str(config), "--fold", "2", "--stage"]
    for stage in ("pack", "targets"):
        run([*command, stage], tmp_path)
    env = {**os.environ, "WETREAD_RUNS": str(tmp_path)}
    refused = subprocess.run([*command, "encoder"], env=env, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "have learned from all of these studies" in refused.stderr
    index = json.loads((earlier / "bundle.json").read_text())
    index["provenance"]["finished_on"] = "studies of another collection"
    (earlier / "bundle.json").write_text(json.dumps(index))
    assert "none of these may be among yours" in run([*command, "encoder"], tmp_path)
    before = load_file(tiny / "tiny" / "finished-encoder2.safetensors")
    after = load_file(tmp_path / "tiny" / "encoder2.safetensors")
    # Nothing was learned at a rate of zero: the weights are the bundle's, in half precision.
    assert torch.allclose(after["scores.weight"], before["scores.weight"], atol=1e-3)
    assert not (tmp_path / "tiny" / "encoder0.safetensors").exists()


@pytest.mark.slow
def test_two_processes_train_one_network(tiny: Path, tmp_path: Path) -> None:
    for name in ("tiny_data", "tiny_films"):
        shutil.copytree(tiny / name, tmp_path / name)
    config = ["-m", "wetread", "train", str(ROOT / "runs" / "tiny.toml"), "--stage"]
    for stage in ("pack", "targets"):
        run([sys.executable, *config, stage], tmp_path)
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    torchrun += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    run([sys.executable, *torchrun, *config, "encoder", "--fold", "0"], tmp_path, CUDA_VISIBLE_DEVICES="")
    assert (tmp_path / "tiny" / "encoder0.safetensors").exists()
