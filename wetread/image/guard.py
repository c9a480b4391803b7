"""Interim: refuses blank pictures only (the trained guard follows)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wetread.image.transforms import to_input
from wetread.types import Projection

__all__ = ["Assessment", "assess"]


@dataclass(frozen=True)
class Assessment:
    """What the pixels say.

    Attributes:
        refusal: why the picture is no chest film that can be read, to be put behind its name, or None.
        lateral: probability that the film is lateral rather than frontal.
        projection: frontal, lateral or unknown.
        negative: bone is dark: the picture must be inverted.
        cut: part of the chest seems to lie outside the film.
    """

    refusal: str | None
    lateral: float
    projection: Projection
    negative: bool = False
    cut: bool = False


def assess(pixels: np.ndarray) -> Assessment:
    raster = to_input(pixels, 64)
    if np.ptp(raster) == 0:
        return Assessment("is blank; export the film again", 0.5, "unknown")
    return Assessment(None, 0.5, "unknown")
