"""The detector: what it finds on a film, cell by cell, and what the findings read of it.

It has learned from findings that were drawn into films (``wetread.train.implants``), never from a label: so what it
says of a teacher's film is as honest as what it says of a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from wetread.model.findings import CLIP

__all__ = [
    "CELLS",
    "DRAWN",
    "STRONGEST",
    "Found",
    "by_projection",
    "chances",
    "found_input",
    "marks_input",
    "marks_of",
    "pooled_input",
    "strongest",
]

#: What it looks for, in the order of its channels.
DRAWN = (
    "calcified nodule",
    "nodule",
    "mass",
    "opacity",
    "band",
    "pneumothorax",
    "line",
    "port",
    "pacemaker",
    "wires",
    "clips",
    "electrode",
)
#: Side of its maps for a film of 256 pixels: one cell is 4 pixels.
CELLS = 64
#: The strongest cells of a film that are averaged: a nodule of 12 mm covers as many.
STRONGEST = 12


class Found(NamedTuple):
    """What the detector says of V films.

    spots (V, K, 64, 64) logits; pooled (V, P), its features over the film; texture (V, T), mean and deviation of the
    channels of its first blocks, which tell how the film was made (``model.department``).
    """

    spots: np.ndarray
    pooled: np.ndarray
    texture: np.ndarray


def chances(spots: np.ndarray) -> np.ndarray:
    """Logits → the chance that something is in each cell, where findings are as common as in drawn films."""
    return 1 / (1 + np.exp(-spots))


def strongest(spots: np.ndarray) -> np.ndarray:
    """(V, K, 64, 64) logits → (2K,) what is found in these films at most; NaN where there are none.

    The mean of each channel's strongest cells, then its strongest cell.
    """
    cells = spots.reshape(-1, spots.shape[1], CELLS * CELLS)
    if not len(cells):
        return np.full(2 * spots.shape[1], np.nan, np.float32)
    top = np.sort(np.partition(cells, -STRONGEST, -1)[..., -STRONGEST:], -1)
    return np.concatenate((top.mean(-1).max(0), top[..., -1].max(0))).astype(np.float32)


def marks_of(spots: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """The films of one study → (4K,) the strongest of the frontal ones, then of the lateral ones.

    Args:
        spots: (V, K, 64, 64) logits. lateral: (V,) bool.
    """
    return np.concatenate([strongest(spots[lateral == side]) for side in (False, True)])


def marks_input(marks: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(…, 4K) marks → what the findings head reads of them: standard deviations over the teachers, clipped; else 0."""
    scaled = (marks - arrays["mark_mean"]) / arrays["mark_sd"]
    return np.nan_to_num(np.clip(scaled, -CLIP, CLIP)).astype(np.float32)


def by_projection(values: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """The films of one study → (2P,) the mean of the frontal ones' values, then of the lateral ones'; NaN for none.

    Args:
        values: (V, P). lateral: (V,) bool.
    """
    sides = [values[lateral == side] for side in (False, True)]
    none = np.full(values.shape[1], np.nan, np.float32)
    return np.concatenate([own.mean(0) if len(own) else none for own in sides])


def pooled_input(pooled: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(…, 2P) features → their principal components over the teachers, each of deviation 1, clipped."""
    scaled = np.nan_to_num((pooled - arrays["pooled_mean"]) / arrays["pooled_sd"])
    return np.clip(scaled @ arrays["pooled_axes"], -CLIP, CLIP).astype(np.float32)


def found_input(found: Found, lateral: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """The films of one study → what the findings head reads of the detector: its marks, then its features."""
    marks = marks_input(marks_of(found.spots, lateral), arrays)
    return np.concatenate((marks, pooled_input(by_projection(found.pooled, lateral), arrays)))
