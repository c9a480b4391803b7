"""Where each finding shows when it is there: the mean of its map over the teachers' films that have it."""

from __future__ import annotations

import numpy as np

__all__ = ["atlas"]

#: Films that a place is learned from at least; below, the finding is looked for everywhere in the chest.
_ENOUGH = 8


def atlas(label_maps: np.ndarray, positive: np.ndarray, lateral: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(14, h, w) in [0, 1] for frontal and for lateral films.

    Args:
        label_maps: (N, 14, h, w) scores. positive: (N, 14) bool, of the film's study. lateral: (N,) bool.
    """
    heat = label_maps.astype(np.float32)
    heat = np.exp(heat - heat.max((2, 3), keepdims=True))
    out = []
    for side in (~lateral, lateral):
        everywhere = heat[side].mean((0, 1)) if side.any() else np.ones(heat.shape[2:], np.float32)
        places = []
        for k in range(heat.shape[1]):
            chosen = side & positive[:, k]
            place = heat[chosen, k].mean(0) if chosen.sum() >= _ENOUGH else everywhere
            places.append(place / max(float(place.max()), 1e-9))
        out.append(np.stack(places))
    return out[0], out[1]
