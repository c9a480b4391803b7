"""Upper, middle or lower zone of the lungs: where a finding lies, told from the maps of all concepts.

A label's own map is nearly always denser below. What tells the zones apart is how *all* concepts differ between them:
one linear score, shared by all labels, of each zone's mean maps, and a bias for each label and zone
(``train.zones`` fits them on what the teachers' reports say). No prior of the zones is in it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from wetread.image.thorax import Frame, place
from wetread.model.findings import CLIP

__all__ = ["ZONES", "zone_chances", "zone_masks", "zone_means"]

#: Of the lungs, in the words of ``image.thorax``.
ZONES = ("upper", "middle", "lower")


def zone_masks(frame: Frame, lateral: bool, side: int, part: str | None = None) -> np.ndarray:
    """(3, side, side): the zones on this film, one after the other; within a part of the chest, or across the film."""
    masks = np.stack([place(name, lateral, side) for name in ZONES])
    masks = masks / np.maximum(masks.sum(0), 1)
    return frame.onto_film(masks if part is None else masks * place(part, lateral, side))


def zone_means(maps: np.ndarray, frame: Frame) -> np.ndarray:
    """Scaled maps (C, h, h) of a frontal film → (3, C): each concept's mean in the zones of the lungs."""
    concepts, side, _ = maps.shape
    masks = zone_masks(frame, False, side, "lungs").reshape(len(ZONES), -1)
    masks = masks / np.maximum(masks.sum(1, keepdims=True), 1e-6)
    return masks @ np.clip(maps, -CLIP, CLIP).reshape(concepts, -1).T.astype(np.float32)


def zone_chances(means: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """(3, C) → (14, 3): the chance of each zone for each label; None where the bundle was made without."""
    if "zone_weight" not in arrays:
        return None
    scores = means @ arrays["zone_weight"] + arrays["zone_bias"]
    chances = np.exp(scores - scores.max(1, keepdims=True))
    return chances / chances.sum(1, keepdims=True)
