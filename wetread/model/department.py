"""Which department a study's films come from, as far as their texture tells.

Each department makes its films with equipment and processing of its own, and words its reports in its own way: "nothing
acute in the skeleton" here, "bones without acute change" there. The statistics of the detector's first blocks tell
them apart (grain, sharpness, contrast, borders), a few coordinates of what they foretell of the wording are kept
(``wetread.train.department``). They reach the decoder's words alone; no finding is told by them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from wetread.model.detector import Found, by_projection
from wetread.model.findings import CLIP

__all__ = ["COORDINATES", "coordinates", "department_of"]

#: Coordinates of a department: what matters of a hundred wordings (``docs/log.md``).
COORDINATES = 10


def coordinates(texture: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(…, 2T) texture of the frontal, then of the lateral films → (…, S); of mean square 1 over the teachers.

    A projection that is missing (NaN) adds nothing.
    """
    scaled = np.clip((texture - arrays["texture_mean"]) / arrays["texture_sd"], -CLIP, CLIP)
    return (np.nan_to_num(scaled) @ arrays["texture_axes"] + arrays["texture_bias"]).astype(np.float32)


def department_of(found: Found | None, lateral: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(S,) coordinates of the films of one study, lateral (V,) bool; zeros, the middle, where nothing tells."""
    if found is None or "texture_axes" not in arrays:
        return np.zeros(COORDINATES, np.float32)
    return coordinates(by_projection(found.texture, lateral), arrays)
