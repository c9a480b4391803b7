"""PNG, JPEG and TIFF: pictures of films without a header."""

from __future__ import annotations

import io
import os
import struct
import warnings

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from wetread.errors import InputError
from wetread.image.files import check_size, read_bytes, short_name
from wetread.image.grey import grey_of
from wetread.image.luts import percentile_window

__all__ = ["read_picture", "render"]

_FORMATS = ("PNG", "JPEG", "TIFF")
_PHOTOMETRIC = 262  # TIFF 6.0, PhotometricInterpretation; 0 is WhiteIsZero
#: What Pillow's plugins raise on damaged or hostile files.
_ERRORS = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, EOFError,
    OverflowError, ZeroDivisionError, NotImplementedError, AssertionError, struct.error, Warning,
    Image.DecompressionBombError,
)  # fmt: skip


def _opaque(image: Image.Image) -> Image.Image:
    """Without transparency: what is transparent is shown on black, as a film's surround is."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    rgba = image.convert("RGBA")
    black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, rgba).convert("RGB")


def _more_pages(image: Image.Image) -> bool:
    try:
        image.seek(1)
    except EOFError:
        return False
    finally:
        image.seek(0)
    return True


def _samples(image: Image.Image, name: str) -> np.ndarray:
    """(rows, columns) grey values: uint8, uint16, or float32 where the file holds other numbers."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("I", "F"):
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise ValueError("it holds values that are no numbers")
        if image.mode == "I" and values.min() >= 0 and values.max() <= 65535:
            return values.astype(np.uint16)
        return values.astype(np.float32)
    image = _opaque(image)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    return grey_of(np.asarray(image.convert("RGB")), name)


def read_picture(path: str | os.PathLike[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Decode a PNG, JPEG or TIFF.

    Returns:
        (rows, columns) grey values: uint8, uint16, or float32 of unknown range; turned as its EXIF orientation says;
        and what was noticed, one sentence each.

    Raises:
        InputError: it is damaged, cut off, or larger than any film.
        NotAChestFilm: it is a colour picture.
    """
    name = short_name(path)
    data = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
            check_size(path, image.height, image.width)
            notes = (f"{name} has more than one page; only the first was read.",) if _more_pages(image) else ()
            image.load()
            # Pillow turns 8-bit pictures of this kind itself, deeper ones not.
            negative = isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == 0
            values = _samples(ImageOps.exif_transpose(image), name)
            return np.iinfo(np.uint16).max - values if negative and values.dtype == np.uint16 else values, notes
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{name} asks for more memory than there is; export it again") from error
    except _ERRORS as error:
        text = " ".join(str(error).split()).rstrip(".")[:160] or type(error).__name__
        raise InputError(
            f"{name} cannot be decoded ({text}); the file is damaged or cut off, export it again"
        ) from error


def render(values: np.ndarray) -> np.ndarray:
    """Presentation values in [0, 1], float32: 8 bits as they are, more through a window over the film's own values.

    A 16-bit picture rarely uses its full range, and does not say which part it uses.
    """
    if values.dtype == np.uint8:
        return values.astype(np.float32) / np.float32(255)
    return percentile_window(values).apply(values)
