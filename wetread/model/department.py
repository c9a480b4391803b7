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

__all__ = ["COORDINATES", "apart", "coordinates", "department_of", "settled"]

#: Coordinates of a department: what matters of a hundred wordings (``docs/log.md``).
COORDINATES = 10


def coordinates(texture: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(…, 2T) texture of the frontal, then of the lateral films → (…, S); of mean square 1 over the teachers.

    A projection that is missing (NaN) adds nothing.
    """
    scaled = np.nan_to_num(np.clip((texture - arrays["texture_mean"]) / arrays["texture_sd"], -CLIP, CLIP))
    as_it_is = scaled @ arrays["texture_axes"] + arrays["texture_bias"]
    if "kept_axes" not in arrays:
        return as_it_is.astype(np.float32)
    kept = scaled @ arrays["kept_axes"] + arrays["kept_bias"]
    return settled(as_it_is, kept, float(arrays["kept_from"][0])).astype(np.float32)


def settled(as_it_is: np.ndarray, kept: np.ndarray, least: float) -> np.ndarray:
    """Of coordinates (…, S) told by all of the texture, and by what an export keeps: these where they are far apart."""
    exported = apart(as_it_is, kept) > least
    return np.where(exported[..., None], kept, as_it_is)


def apart(as_it_is: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(…,) how far both coordinates (…, S) of a study lie apart."""
    return np.sqrt(((as_it_is - kept) ** 2).sum(-1))


def department_of(found: Found | None, lateral: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(S,) coordinates of the films of one study, lateral (V,) bool; zeros, the middle, where nothing tells."""
    if found is None or "texture_axes" not in arrays:
        return np.zeros(COORDINATES, np.float32)
    return coordinates(by_projection(found.texture, lateral), arrays)
