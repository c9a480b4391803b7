"""How far the films of a study are from those that the networks know.

The vectors that a network gives to films which it has not learned from have a mean and a covariance, for frontal and
for lateral films. Of the covariance the first directions are kept, and the mean variance of the rest (probabilistic
PCA; Tipping & Bishop 1999). A film's distance is Mahalanobis's; its logarithm is put in standard deviations of what
such films have, so that networks and projections can be averaged. ``wetread.train.novelty`` fits the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["ARRAYS", "is_far", "log_distance", "novelty"]

#: Of a bundle, K networks with vectors of D numbers, R directions; the first axis is frontal, lateral: ``far_mean``
#: (2, K, D), ``far_basis`` (2, K, D, R), ``far_scale`` (2, K, R + 1) standard deviations, the last that of the rest,
#: ``far_log`` (2, K, 2) mean and deviation of the log distance, ``far_from`` (1,) where a study is far.
ARRAYS = ("far_mean", "far_basis", "far_scale", "far_log", "far_from")


def log_distance(vector: np.ndarray, mean: np.ndarray, basis: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(N, D) vectors of one network and projection → (N,) half the log of the squared Mahalanobis distance."""
    centred = vector - mean
    inside = centred @ basis
    outside = np.maximum((centred**2).sum(1) - (inside**2).sum(1), 0)
    return 0.5 * np.log(((inside / scale[:-1]) ** 2).sum(1) + outside / scale[-1] ** 2 + 1e-12)


def novelty(vector: np.ndarray, lateral: np.ndarray, arrays: Mapping[str, np.ndarray]) -> float | None:
    """A study's mean distance over films and networks, in standard deviations; None where the bundle cannot tell.

    Args:
        vector: (V, K · D) of its films, the networks' side by side. lateral: (V,) logit that a film is lateral.
    """
    if any(name not in arrays for name in ARRAYS):
        return None
    _, networks, width = arrays["far_mean"].shape
    each = vector.reshape(len(vector), networks, width)
    values = []
    for film, side in zip(each, (lateral > 0).astype(int), strict=True):
        for k in range(networks):
            where = (side, k)
            distance = log_distance(
                film[k][None], arrays["far_mean"][where], arrays["far_basis"][where], arrays["far_scale"][where]
            )[0]
            mean, deviation = arrays["far_log"][where]
            values.append((distance - mean) / deviation)
    return float(np.mean(values))


def is_far(value: float | None, arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether a study of that ``novelty`` is unlike all but one in a hundred of those that the networks know."""
    return value is not None and value >= float(arrays["far_from"][0])
