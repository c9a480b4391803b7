"""From the encoders' outputs on films to what is known of each study, honestly: a teacher is seen only out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wetread.model.findings import fuse

__all__ = ["FilmOutputs", "StudyFeatures", "gather", "study_features"]


@dataclass(frozen=True)
class FilmOutputs:
    """Of each film: ``logits`` (N, C), ``maps`` (N, C, 7, 7) float16, ``lateral`` (N,), ``vector`` (K, N, D)."""

    logits: np.ndarray
    maps: np.ndarray
    lateral: np.ndarray


def gather(outputs: Sequence[dict[str, np.ndarray]], owner_fold: np.ndarray) -> FilmOutputs:
    """One output a film: of the one network that has not seen it, or the mean of all where none has.

    Args:
        outputs: of each fold's network on all films (rows that it need not give may be NaN).
        owner_fold: (N,) the fold of a teacher's film, −1 for a film that nobody was taught.
    """
    logits = np.mean([o["logits"] for o in outputs], 0)
    maps = outputs[0]["maps"].astype(np.float32)
    for other in outputs[1:]:
        maps += other["maps"]
    maps = (maps / len(outputs)).astype(np.float16)
    lateral = np.mean([o["lateral"] for o in outputs], 0)
    for fold, own in enumerate(outputs):
        mine = owner_fold == fold
        logits[mine], maps[mine], lateral[mine] = own["logits"][mine], own["maps"][mine], own["lateral"][mine]
    return FilmOutputs(logits, maps, lateral)


@dataclass(frozen=True)
class StudyFeatures:
    """Of each study: ``mean`` and ``gap`` (N, C) of its films' logits; ``films`` (N, 2) first frontal, first lateral.

    ``gap`` is (frontal mean − lateral mean) / 2, zero where one kind is missing; ``films`` is −1 where none.
    """

    mean: np.ndarray
    gap: np.ndarray
    films: np.ndarray


def study_features(outputs: FilmOutputs, films: Sequence[Sequence[int]]) -> StudyFeatures:
    """Fuse the films of each study; projections are told from the pixels (the encoder's own head)."""
    n, c = len(films), outputs.logits.shape[1]
    mean, gap = np.zeros((n, c), np.float32), np.zeros((n, c), np.float32)
    first = np.full((n, 2), -1)
    for i, own in enumerate(films):
        index = np.array(own)
        side = outputs.lateral[index] > 0
        mean[i], gap[i] = fuse(outputs.logits[index], outputs.lateral[index])
        for k, chosen in enumerate((index[~side], index[side])):
            if len(chosen):
                first[i, k] = chosen[0]
    return StudyFeatures(mean, gap, first)
