"""From a film to what a network sees: a small square with normalised grey values.

The public renderings of the training collection are squashed to a square, so every film is squashed too (the aspect
ratio is known to the caller, who can undo it for boxes). All films pass through one raster of 256×256, the
resolution of the training films: a detector's 2500×2048 and its thumbnail give nearly the same input.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

__all__ = ["RASTER", "squash", "stretch", "to_input"]

#: Side of the common raster in pixels.
RASTER = 256
#: The percentiles that become 0 and 1: markers, collimator edges and dead pixels are fewer than that.
_PERCENTILES = (0.5, 99.5)


def squash(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resize (rows, columns) to (size, size), float32, without a crop; area average where that is a reduction.

    Rows and columns are treated apart, so that a long narrow film is averaged along its length alone.
    """
    if pixels.ndim != 2 or 0 in pixels.shape:
        raise ValueError(f"a film has rows and columns, not the shape {pixels.shape}")
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    for axis in (0, 1):
        if image.size[axis] != size:
            target = (size, image.size[1]) if axis == 0 else (image.size[0], size)
            reduces = image.size[axis] > size
            image = image.resize(target, Image.Resampling.BOX if reduces else Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.float32)


def stretch(pixels: np.ndarray) -> np.ndarray:
    """Map the 0.5th percentile to 0 and the 99.5th to 1, clipped; a flat picture becomes zero."""
    low, high = np.percentile(pixels, _PERCENTILES)
    if not high - low > 1e-6:
        return np.zeros(pixels.shape, np.float32)
    return np.clip((pixels - np.float32(low)) / np.float32(high - low), 0, 1).astype(np.float32)


def to_input(pixels: np.ndarray, size: int) -> np.ndarray:
    """What the encoder reads.

    Args:
        pixels: (rows, columns) float32 in [0, 1], bright means dense.
        size: side of the result in pixels.

    Returns:
        (size, size) float32 in [0, 1]; unchanged, but for rounding, by brightness and contrast of the rendering.

    Raises:
        ValueError: pixels have no two dimensions.
    """
    raster = stretch(squash(pixels, RASTER))
    if size == RASTER:
        return raster
    image = Image.fromarray(raster).resize((size, size), Image.Resampling.BILINEAR)
    return np.clip(np.asarray(image, dtype=np.float32), 0, 1)
