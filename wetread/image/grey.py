"""Is a picture with three channels a grey one, and its grey values."""

from __future__ import annotations

import numpy as np

from wetread.errors import NotAChestFilm

__all__ = ["grey_of"]

#: A pixel is coloured when its channels differ by more than this share of the full range ...
_CHROMA = 0.12
#: ... and a picture is a colour picture when more than this share of its pixels is. Coloured marks on a film are fewer.
_SHARE = 0.02


def grey_of(rgb: np.ndarray, name: str) -> np.ndarray:
    """Grey values of (rows, columns, 3) unsigned integers, by the weights of ITU-R BT.601, same type.

    Raises:
        NotAChestFilm: the picture is a colour picture.
    """
    full = float(np.iinfo(rgb.dtype).max)
    # A grid of every n-th pixel is enough to tell, and bounds the memory.
    step = max(1, int((rgb.shape[0] * rgb.shape[1] / 2**20) ** 0.5))
    sample = rgb[::step, ::step].astype(np.float32) / full
    if np.mean(np.ptp(sample, axis=2) > _CHROMA) > _SHARE:
        raise NotAChestFilm(f"{name} is a colour picture; wetread reads plain chest radiographs, which are grey")
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 0], rgb[..., 2]):
        return np.ascontiguousarray(rgb[..., 0])
    grey = np.zeros(rgb.shape[:2], np.float32)
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        grey += np.float32(weight) * rgb[..., channel]
    return np.rint(grey).astype(rgb.dtype)
