"""The stages of an experiment in their order; each leaves its result in the run folder and is skipped when it is there."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from wetread.data.manifest import ManifestStudy, read_manifest
from wetread.errors import UsageError
from wetread.train import encode, films, targets
from wetread.train.config import Config
from wetread.train.encoder import FilmEncoder

__all__ = ["STAGES", "Run", "run_stages"]

log = logging.getLogger("wetread.train")


@dataclass(frozen=True)
class Run:
    """An experiment's configuration, its manifest lines and the order of their films."""

    config: Config
    rows: tuple[ManifestStudy, ...]
    paths: tuple[Path, ...]
    films: encode.StudyFilms

    @property
    def folder(self) -> Path:
        return Path(self.config.run_dir)

    @property
    def teachers(self) -> np.ndarray:
        """(studies,) whether a study may be learned from."""
        return np.array([row.split in self.config.data.train_splits for row in self.rows])

    @classmethod
    def open(cls, config: Config) -> Run:
        rows = tuple(r for r in read_manifest(Path(config.data.manifest)) if r.views and r.split != "test")
        paths: list[Path] = []
        own, lateral = [], []
        side = {"lateral": 1.0, "frontal": 0.0}
        for row in rows:
            own.append(tuple(range(len(paths), len(paths) + len(row.views))))
            paths += [view.path for view in row.views]
            lateral += [side.get(view.projection, np.nan) for view in row.views]
        if not any(row.split in config.data.train_splits for row in rows):
            raise UsageError(f"{config.data.manifest} has no study of the splits {', '.join(config.data.train_splits)}")
        return cls(config, rows, tuple(paths), encode.StudyFilms(tuple(own), np.array(lateral, np.float32)))


def _pack(run: Run) -> None:
    films.pack(run.paths, run.folder / "pack")


def _warm_up(run: Run) -> None:
    done = run.folder / "warmup.safetensors"
    config = run.config.encoder
    if done.exists() or not run.config.data.other_films or not config.warmup_epochs:
        return
    paths, values, _ = encode.other_films(Path(run.config.data.other_films))
    pack = films.pack(paths, run.folder / "pack-other")
    state = encode.warm_up(
        pack, values, config, config.warmup_epochs, run.config.seed, run.folder / "checkpoints" / "warmup.pt"
    )
    save_file({k: v.contiguous() for k, v in state.items()}, done)


def _targets(run: Run) -> None:
    done = run.folder / "targets.npz"
    if done.exists():
        return
    data = run.config.data
    concepts = targets.build(run.rows, run.teachers.tolist(), data.min_concept, data.min_wording)
    known = ~np.isnan(concepts.values)
    log.info("concepts: %d, known entries %.0f %%", len(concepts.names), 100 * known.mean())
    np.savez(done, values=concepts.values, weights=concepts.weights, names=np.array(concepts.names))


def load_targets(run: Run) -> targets.Concepts:
    """The concept matrix of the stage ``targets``."""
    with np.load(run.folder / "targets.npz", allow_pickle=False) as stored:
        return targets.Concepts(tuple(str(n) for n in stored["names"]), stored["values"])


def _encoder(run: Run) -> None:
    config = run.config.encoder
    concepts = load_targets(run)
    pack = films.packed(run.folder / "pack")
    warm = run.folder / "warmup.safetensors"
    start = load_file(warm) if warm.exists() else None
    folds = np.array([encode.fold_of(row.study_id, config.folds) for row in run.rows])
    for fold in range(config.folds):
        done = run.folder / f"encoder{fold}.safetensors"
        if not done.exists():
            studies = [int(i) for i in np.flatnonzero(run.teachers & (folds != fold))]
            network = encode.train_encoder(
                pack,
                run.films,
                concepts.values,
                concepts.weights,
                studies,
                config,
                run.config.seed + fold,
                start,
                run.folder / "checkpoints" / f"encoder{fold}.pt",
                name=f"encoder {fold + 1} of {config.folds}",
            )
            if encode.world()[0] == 0:
                save_file({k: v.contiguous() for k, v in network.state_dict().items()}, done)
        out = run.folder / f"outputs{fold}.npz"
        if not out.exists() and encode.world()[0] == 0:
            network = FilmEncoder(len(concepts.names), config.neck, config.dropout)
            network.load_state_dict(load_file(done))
            # Float32, as onnxruntime will run it: what follows is calibrated on what ships.
            np.savez(out, **encode.predict(network, pack, config.size, "fp32", f"outputs {fold + 1}"))


STAGES = {"pack": _pack, "warmup": _warm_up, "targets": _targets, "encoder": _encoder}


def run_stages(config: Config, only: str | None = None) -> None:
    """Run all stages, or the one named."""
    run = Run.open(config)
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "config.json").write_text(json.dumps({"digest": config.digest()}))
    torch.manual_seed(config.seed)
    for name, stage in STAGES.items():
        if only in (None, name):
            log.info("stage %s", name)
            stage(run)
