"""An experiment: its configuration, its manifest lines, its films, and what their reports say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wetread.data.manifest import ManifestStudy, read_manifest
from wetread.errors import UsageError
from wetread.report.further import among, further
from wetread.train import encode, targets
from wetread.train.config import Config
from wetread.types import LABELS

__all__ = ["FINISHED", "Run", "further_of_rows", "load_targets", "truth_of"]


#: What the files of networks that learned from all teachers are called before.
FINISHED = "finished-"


@dataclass(frozen=True)
class Run:
    """An experiment's configuration, its manifest lines and the order of their films."""

    config: Config
    rows: tuple[ManifestStudy, ...]
    paths: tuple[Path, ...]
    films: encode.StudyFilms
    fold: int | None = None

    @property
    def folder(self) -> Path:
        return Path(self.config.run_dir)

    @property
    def teachers(self) -> np.ndarray:
        """(studies,) whether a study may be learned from."""
        return np.array([row.split in self.config.data.train_splits for row in self.rows])

    @property
    def networks(self) -> range:
        """The numbers of the encoders."""
        return range(self.config.encoder.folds * self.config.encoder.members)

    @property
    def finishes(self) -> bool:
        """Whether each network is trained on with all teachers before it ships."""
        return self.config.encoder.finish_epochs > 0

    @property
    def sets(self) -> dict[str, Path]:
        """The sets of networks by what their files are called before, and the folder of their graphs."""
        bundle = self.folder / "bundle"
        return {"": self.folder / "folds", FINISHED: bundle} if self.finishes else {"": bundle}

    @property
    def asked(self) -> Sequence[int]:
        """The encoders that this process trains: all, or the one named."""
        return self.networks if self.fold is None else (self.fold,)

    @property
    def taught_ids(self) -> str:
        """SHA-256 of the teachers' ids: which studies the networks have learned from."""
        ids = sorted(row.study_id for row, taught in zip(self.rows, self.teachers, strict=True) if taught)
        return hashlib.sha256("\n".join(ids).encode()).hexdigest()

    @property
    def film_study(self) -> np.ndarray:
        """(films,) the study (its row) of each film."""
        return np.repeat(np.arange(len(self.rows)), [len(own) for own in self.films.films])

    def unseen_by(self, number: int) -> np.ndarray:
        """(studies,) whether a study is of the fold that the encoder of this number does not learn from."""
        folds = self.config.encoder.folds
        return np.array([encode.fold_of(row.study_id, folds) == number % folds for row in self.rows])

    @classmethod
    def open(cls, config: Config, fold: int | None = None) -> Run:
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
        return cls(config, rows, tuple(paths), encode.StudyFilms(tuple(own), np.array(lateral, np.float32)), fold)


def load_targets(run: Run) -> targets.Concepts:
    """The concept matrix of the stage ``targets``."""
    with np.load(run.folder / "targets.npz", allow_pickle=False) as stored:
        if "sides" not in stored:
            raise UsageError(f"{run.folder / 'targets.npz'} is of an earlier version; remove it and run again")
        return targets.Concepts(tuple(str(n) for n in stored["names"]), stored["values"], stored["sides"])


def truth_of(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(studies, 14) bool positives by the report, and (studies,) whether the report says anything."""
    found = [targets.study_labels(row) for row in run.rows]
    positive = np.array([[f is not None and f[n] == "positive" for n in LABELS] for f in found])
    return positive, np.array([f is not None for f in found])


def further_of_rows(run: Run) -> np.ndarray:
    """(studies, E) whether a report states each of the further findings."""
    said = [further(" ".join(filter(None, (row.findings, row.impression)))) for row in run.rows]
    return np.array(list(map(among, said)))
