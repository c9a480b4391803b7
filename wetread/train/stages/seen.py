"""What the networks said of all films, as later stages read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wetread.errors import UsageError
from wetread.model.detector import DRAWN, by_projection, marks_input, pooled_input
from wetread.model.findings import SPINE, SPINE_SHARE
from wetread.train import calibrate, features, lessons
from wetread.train.stages.run import FINISHED, Run
from wetread.types import LABELS

__all__ = ["Seen", "by_study", "load_outputs", "load_seen"]


@dataclass(frozen=True)
class Seen:
    """All that the encoders say: film outputs, study features, their scale for teachers and for all other studies.

    ``vectors`` (K, N, D): of the networks that ship, where they are others than those of the folds. ``places``: what
    is added to a label's places and what they are multiplied by in these, (14,) each. ``marks`` (N, 4K), ``pooled``
    (N, 2P), ``texture`` (N, 2T): what the detector, taught by no report, finds in each study, its features, and the
    films' texture (``model.detector``). ``exports`` (E, N, 2T): the texture of teachers exported otherwise by chance.
    """

    outputs: features.FilmOutputs
    studies: features.StudyFeatures
    scale: lessons.Scale
    shipped: lessons.Scale
    teachers: np.ndarray
    places: tuple[np.ndarray, np.ndarray]
    vectors: np.ndarray | None = None
    marks: np.ndarray | None = None
    pooled: np.ndarray | None = None
    texture: np.ndarray | None = None
    exports: np.ndarray | None = None

    @cached_property
    def detector_arrays(self) -> dict[str, np.ndarray]:
        """How the findings read the detector, by its teachers' films, as the bundle has it; empty without one."""
        if self.marks is None or self.pooled is None:
            return {}
        mark_mean, mark_sd = features.known_scale(self.marks[self.teachers])
        mean, sd = features.known_scale(self.pooled[self.teachers])
        axes = features.principal(np.nan_to_num((self.pooled[self.teachers] - mean) / sd))
        scale = {"mark_mean": mark_mean, "mark_sd": mark_sd, "pooled_mean": mean, "pooled_sd": sd}
        return scale | {"pooled_axes": axes}

    def findings_input(self) -> np.ndarray:
        """(N, 2C + 4K + principal components) what the findings head reads."""
        own, others = (scale.findings_input(self.studies) for scale in (self.scale, self.shipped))
        read = np.where(self.teachers[:, None], own, others)
        if self.marks is None or self.pooled is None:
            return read
        arrays = self.detector_arrays
        return np.concatenate((read, marks_input(self.marks, arrays), pooled_input(self.pooled, arrays)), 1)

    def stretches(self, names: Sequence[str], own: Sequence[int]) -> np.ndarray:
        """How much less the ridge holds each column of ``findings_input`` (``calibrate.stretches``)."""
        concepts = 2 * self.studies.mean.shape[1]
        marks = 0 if self.marks is None else self.marks.shape[1]
        pooled = self.detector_arrays.get("pooled_axes", np.zeros((0, 0))).shape[1]
        return calibrate.stretches(names, own, concepts, marks, pooled)

    def spine_from(self, concepts: Sequence[str]) -> tuple[np.ndarray, np.ndarray] | None:
        """(1,) the logits from which a teacher's spine, and that of any other study, may be called degenerated.

        They tell the likelier teachers apart (``model.findings.SPINE_SHARE``); None without the concept.
        """
        if SPINE not in concepts:
            return None
        k = list(concepts).index(SPINE)
        level = np.quantile(self.studies.mean[self.teachers, k], [1 - SPINE_SHARE])
        own, shipped = self.scale, self.shipped
        moved = shipped.logit_mean[k] + (level - own.logit_mean[k]) / own.logit_sd[k] * shipped.logit_sd[k]
        return level, moved

    def worn(self, concepts: Sequence[str]) -> np.ndarray:
        """(studies,) whether the spine may be called degenerated: on evidence, or where nothing tells."""
        if (levels := self.spine_from(concepts)) is None:
            return np.ones(len(self.teachers), bool)
        return self.studies.mean[:, list(concepts).index(SPINE)] >= np.where(self.teachers, *levels)


def load_outputs(run: Run, numbers: Sequence[int], kind: str = "") -> list[dict[str, np.ndarray]]:
    """What each of these encoders, of the kind in ``sets``, sees in the films that it may look at."""
    stored = []
    for number in numbers:
        path = run.folder / f"{kind}seen{number}.npz"
        with np.load(path, allow_pickle=False) as file:
            if not set(features.FILM_KEYS) <= set(file):
                raise UsageError(f"{path} is of an earlier version; remove it and run again")
            stored.append({k: file[k] for k in features.FILM_KEYS})
    return stored


def by_study(run: Run, values: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """(films, P) → (studies, 2P), see ``model.detector.by_projection``; lateral (films,) bool."""
    return np.stack([by_projection(values[list(own)], lateral[list(own)]) for own in run.films.films])


def _found(run: Run, lateral: np.ndarray) -> dict[str, np.ndarray]:
    """What the detector finds in each study, as ``Seen`` has it: lateral (films,) bool; empty without one."""
    path = run.folder / "found.npz"
    if not run.config.detector.epochs:
        return {}
    with np.load(path, allow_pickle=False) as stored:
        if "exports" not in stored or stored["marks"].shape[1] != 2 * len(DRAWN) or np.isnan(stored["marks"]).any():
            raise UsageError(f"{path} is of an earlier version; remove it and run again")
        marks, pooled, texture = (stored[k].astype(np.float32) for k in ("marks", "pooled", "texture"))
        exports = np.stack([by_study(run, export, lateral) for export in stored["exports"]])
    found = np.full((2, len(run.rows), marks.shape[1]), np.nan, np.float32)
    np.fmax.at(found, (lateral.astype(int), run.film_study), marks)
    means = {"pooled": by_study(run, pooled, lateral), "texture": by_study(run, texture, lateral)}
    return {"marks": np.concatenate(tuple(found), 1), "exports": exports, **means}


def load_seen(run: Run) -> Seen:
    """The honest outputs: teachers out of fold, others by the whole ensemble that ships."""
    stored = load_outputs(run, run.networks)
    outputs = features.gather(stored)
    found = _found(run, outputs.lateral > 0)
    studies = features.study_features(outputs, run.films.films)
    scale = lessons.Scale.of(studies, outputs, run.teachers)
    new = [own for own, taught in zip(run.films.films, run.teachers, strict=True) if not taught]
    shipped = scale.shrunk(features.shrinkage(stored, new, run.config.encoder.folds))
    still = np.zeros(len(LABELS), np.float32), np.ones(len(LABELS), np.float32)
    if not run.finishes:
        return Seen(outputs, studies, scale, shipped, run.teachers, still, **found)
    finished = features.gather(load_outputs(run, run.networks, FINISHED))
    both = features.joined(outputs, finished, run.teachers[run.film_study])
    fused = features.study_features(both, run.films.films)
    chosen = fused.films[~run.teachers].ravel()
    chosen = chosen[chosen >= 0]
    frontal = [f for f in chosen if both.lateral[f] < 0]
    moved = shipped.moved(
        features.drift(studies.mean[~run.teachers], fused.mean[~run.teachers]),
        features.drift(outputs.maps[chosen], finished.maps[chosen]),
    )
    places = features.drift(outputs.places[frontal], finished.places[frontal]) if frontal else still
    return Seen(both, fused, scale, moved, run.teachers, places, finished.vector, **found)
