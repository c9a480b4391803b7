"""From the encoders' outputs on films to what is known of each study, honestly: a teacher is seen only out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from wetread.model.findings import fuse

__all__ = [
    "FILM_KEYS",
    "FilmOutputs",
    "StudyFeatures",
    "drift",
    "gather",
    "joined",
    "known_scale",
    "principal",
    "shrinkage",
    "study_features",
]

#: Principal components of the detector's features that the findings read.
PRINCIPAL = 160
#: What is kept of each film.
FILM_KEYS = ("logits", "maps", "label_maps", "places", "lateral", "vector")


@dataclass(frozen=True)
class FilmOutputs:
    """Of each film: ``logits`` (N, C), ``maps`` (N, C, 7, 7), ``label_maps`` and ``places`` (N, 14, 14, 14).

    ``lateral`` (N,): the logit that it is one. ``vector`` (K, N, D): of each network, NaN where it may not look.
    """

    logits: np.ndarray
    maps: np.ndarray
    label_maps: np.ndarray
    places: np.ndarray
    lateral: np.ndarray
    vector: np.ndarray


def gather(outputs: Sequence[dict[str, np.ndarray]]) -> FilmOutputs:
    """One output a film: the mean of the networks that may look at it.

    Those are the members of one fold for a teacher's film, which the others have learned from, and all for any other.

    Args:
        outputs: of each network on all films (``encode.look``), NaN where it may not look.
    """
    looked = ~np.isnan(np.stack([o["lateral"] for o in outputs]))
    counts = looked.sum(0)

    def mean(key: str) -> np.ndarray:
        shape = outputs[0][key].shape
        total = np.zeros(shape, np.float32)
        for output, mine in zip(outputs, looked, strict=True):
            total[mine] += output[key][mine]
        return (total / counts.reshape(-1, *[1] * (len(shape) - 1))).astype(outputs[0][key].dtype)

    means = {key: mean(key) for key in FILM_KEYS if key != "vector"}
    return FilmOutputs(**means, vector=np.stack([o["vector"] for o in outputs]))


def joined(own: FilmOutputs, others: FilmOutputs, taught: np.ndarray) -> FilmOutputs:
    """Films of the teachers (N,) bool as ``own`` sees them, all other films as ``others`` does; vectors are own's."""

    def chosen(key: str) -> np.ndarray:
        mine, theirs = getattr(own, key), getattr(others, key)
        return np.where(taught.reshape(-1, *[1] * (mine.ndim - 1)), mine, theirs)

    return FilmOutputs(**{key: chosen(key) for key in FILM_KEYS if key != "vector"}, vector=own.vector)


def drift(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far other networks say something else of the same films: (C,) what is added and what it is multiplied by.

    Args:
        before, after: (N, C, …) of films that none of the networks has learned from.
    """
    axes = (0, *range(2, before.ndim))
    start, end = before.astype(np.float32), after.astype(np.float32)
    return end.mean(axes) - start.mean(axes), end.std(axes) / np.maximum(start.std(axes), 1e-6)


def shrinkage(outputs: Sequence[dict[str, np.ndarray]], films: Sequence[Sequence[int]], folds: int) -> np.ndarray:
    """(C,) how much less a concept varies over studies in the mean of all networks than in those of one fold.

    A teacher is seen by the networks of one fold, a new study by all, whose chance errors cancel out: its concepts
    lie nearer to the mean by this ratio of standard deviations, at most 1.

    Args:
        outputs: of each network (network n is of fold n % folds). films: of studies that every network may look at.
    """
    if len(films) < 2:
        return np.ones(outputs[0]["logits"].shape[1], np.float32)
    each = np.array([[fuse(o["logits"][list(own)], o["lateral"][list(own)])[0] for own in films] for o in outputs])
    each = each.reshape(-1, folds, *each.shape[1:]).mean(0)
    return (each.mean(0).std(0) / np.maximum(np.sqrt(each.var(1).mean(0)), 1e-6)).astype(np.float32)


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


def known_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the columns of (N, F); of one that nobody has (a projection) 0 and 1: none takes notice."""
    known = ~np.isnan(values).all(0)
    mean, sd = np.zeros(values.shape[1], np.float32), np.ones(values.shape[1], np.float32)
    mean[known], sd[known] = np.nanmean(values[:, known], 0), np.nanstd(values[:, known], 0) + 1e-3
    return mean, sd


def principal(scaled: np.ndarray) -> np.ndarray:
    """(N, F) standardised → (F, P) axes of its principal components, the strongest first, each of deviation 1."""
    components = min(PRINCIPAL, *scaled.shape)
    found = PCA(components, svd_solver="full").fit(scaled)
    sd = np.sqrt(found.explained_variance_)
    sound = sd > 1e-3 * sd[0]
    return (found.components_[sound] / sd[sound, None]).T.astype(np.float32)
