"""Fit the arrays of ``wetread.model.novelty`` on the teachers' films, each by the network that did not learn it."""

from __future__ import annotations

import numpy as np

from wetread.model.novelty import log_distance

__all__ = ["finished", "fit"]

#: Directions of the covariance that are kept, and the share of films kept back to set the scale.
DIRECTIONS, KEPT_BACK = 32, 0.25
#: Share of the teachers' studies that count as far.
FAR = 0.01


def _space(vector: np.ndarray, directions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, D) → mean (D,), basis (D, R), scale (R + 1,); directions that so few films cannot give are empty."""
    mean = vector.mean(0)
    values, vectors = np.linalg.eigh(np.cov(vector.T) + 1e-6 * np.eye(vector.shape[1]))
    count = max(1, min(directions, len(vector) // 4, vector.shape[1] - 1))
    basis, scale = np.zeros((vector.shape[1], directions)), np.ones(directions + 1)
    basis[:, :count] = vectors[:, ::-1][:, :count]
    scale[:count] = np.sqrt(values[::-1][:count])
    scale[-1] = np.sqrt(values[::-1][count:].mean())
    return mean, basis, scale


def fit(
    vector: np.ndarray, lateral: np.ndarray, taught: np.ndarray, study: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """The arrays of ``wetread.model.novelty.ARRAYS``.

    Args:
        vector: (K, N, D) of each network, NaN where it may not look at a film. lateral: (N,) logits.
        taught: (N,) bool, the teachers' films. study: (N,) the study of each film.
        seed: of the films that are kept back.
    """
    networks, films, width = vector.shape
    back = np.random.default_rng(seed).random(int(study.max()) + 1)[study] < KEPT_BACK
    mean = np.zeros((2, networks, width))
    basis, scale = np.zeros((2, networks, width, DIRECTIONS)), np.ones((2, networks, DIRECTIONS + 1))
    level = np.zeros((2, networks, 2))
    standard = np.full((networks, films), np.nan)
    for side in range(2):
        for k in range(networks):
            here = taught & ~np.isnan(vector[k, :, 0])
            own = here & ((lateral > 0) == bool(side))
            if (own & ~back).sum() < 8 or (own & back).sum() < 2:  # a collection without this projection
                own = here
            rest = own & back if (own & back).sum() >= 2 else own
            where = (side, k)
            mean[where], basis[where], scale[where] = _space(vector[k][own & ~back], DIRECTIONS)
            logs = log_distance(vector[k][rest], mean[where], basis[where], scale[where])
            level[where] = logs.mean(), logs.std() + 1e-3
            shown = rest & ((lateral > 0) == bool(side))
            if shown.any():
                distance = log_distance(vector[k][shown], mean[where], basis[where], scale[where])
                standard[k, shown] = (distance - level[where][0]) / level[where][1]
    known = ~np.isnan(standard).all(0)
    film = np.nanmean(standard[:, known], 0)
    studies = [film[study[known] == i].mean() for i in np.unique(study[known])]
    limit = np.quantile(studies, 1 - FAR)
    arrays = {"far_mean": mean, "far_basis": basis, "far_scale": scale, "far_log": level, "far_from": np.array([limit])}
    return {k: v.astype(np.float32) for k, v in arrays.items()}


def finished(
    arrays: dict[str, np.ndarray], vector: np.ndarray, lateral: np.ndarray, taught: np.ndarray
) -> dict[str, np.ndarray]:
    """The arrays for networks that have learned from all teachers' films.

    Mean and covariance come from the teachers, the scale of the distances from the films that teach nothing; where a
    study is far, in that scale, is what ``fit`` found for the networks of the folds.

    Args:
        arrays: of the folds' networks. vector: (K, N, D) of the finished ones. lateral, taught: see ``fit``.
    """
    new = {k: v.astype(np.float64) for k, v in arrays.items()}
    for side in range(2):
        for k in range(len(vector)):
            known = ~np.isnan(vector[k, :, 0])
            own = taught & known & ((lateral > 0) == bool(side))
            rest = ~taught & known & ((lateral > 0) == bool(side))
            own = own if own.sum() >= 8 else taught & known
            rest = rest if rest.sum() >= 2 else ~taught & known
            where = (side, k)
            new["far_mean"][where], new["far_basis"][where], new["far_scale"][where] = _space(
                vector[k][own], DIRECTIONS
            )
            logs = log_distance(
                vector[k][rest], new["far_mean"][where], new["far_basis"][where], new["far_scale"][where]
            )
            new["far_log"][where] = logs.mean(), logs.std() + 1e-3
    return {k: v.astype(np.float32) for k, v in new.items()}
