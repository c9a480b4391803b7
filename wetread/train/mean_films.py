"""The mean frontal and the mean lateral film, on which the parts of the chest are drawn (``image.thorax``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wetread.image.thorax import mean_film, thumbnail

__all__ = ["mean_films"]

#: Films of each projection that the mean is taken over at most: more change nothing that can be seen at 32 pixels.
_FILMS = 300


def mean_films(pack: np.ndarray, lateral: np.ndarray, use: Sequence[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean frontal and mean lateral film, each (32, 32) float32; of a projection that is missing, the mean of all.

    Args:
        pack: (N, 256, 256) uint8. lateral: (N,) bool. use: films of the teachers.
    """
    index = np.asarray(use)
    means = []
    for wanted in (False, True):
        own = index[lateral[index] == wanted]
        chosen = own if len(own) else index
        if len(chosen) > _FILMS:
            chosen = np.sort(np.random.default_rng(seed).choice(chosen, _FILMS, replace=False))
        means.append(mean_film(np.stack([thumbnail(np.asarray(pack[f], np.float32) / 255) for f in chosen])))
    return means[0], means[1]
