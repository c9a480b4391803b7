"""From stored values to what is shown: modality LUT, VOI LUT, polarity (DICOM PS3.3 C.11 and C.7.6.3).

Arrays in, arrays out; nothing here reads a file. Every function takes the values apart from the dataset's other
attributes, so that each can be checked against pydicom's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Window", "first_number", "modality_values", "padding_mask", "percentile_window", "voi_table", "window_of"]

#: The default window spans these percentiles: hot pixels and lead markers shall not set the contrast.
_PERCENTILES = (0.1, 99.9)
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class Window:
    """A VOI window in modality units, with its function: LINEAR, LINEAR_EXACT or SIGMOID."""

    center: float
    width: float
    function: str = "LINEAR"

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values → [0, 1] float32, by the formulas of PS3.3 C.11.2.1.2 and C.11.2.1.3."""
        x = values.astype(np.float32)
        center, width = self.center, self.width
        if self.function == "SIGMOID":
            # The exponent is clipped where the result is 0 or 1 in float32 anyway.
            return (1 / (1 + np.exp(np.clip(-4 * (x - np.float32(center)) / np.float32(width), -80, 80)))).astype(
                np.float32
            )
        if self.function == "LINEAR":
            center, width = center - 0.5, width - 1
        if width <= 0:  # a LINEAR window of width 1 is a step
            return (x > np.float32(center)).astype(np.float32)
        x -= np.float32(center - width / 2)
        x /= np.float32(width)
        return np.clip(x, 0, 1, out=x)


def first_number(value: Any) -> float | None:
    """The first value of a possibly multi-valued, possibly broken numeric attribute; None where there is none."""
    if value is None or isinstance(value, str | bytes):
        items = [value]
    else:
        try:
            items = list(value)
        except TypeError:
            items = [value]
    try:
        number = float(str(items[0]))
    except (IndexError, TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _lut(item: Any, signed: bool) -> tuple[np.ndarray, int, int] | None:
    """Table, first value mapped and bits of a LUT item (PS3.3 C.11.1.1), or None where it is unusable."""
    descriptor = getattr(item, "LUTDescriptor", None)
    data = getattr(item, "LUTData", None)
    if descriptor is None or data is None or len(descriptor) != 3:
        return None
    count, first, bits = (int(v) for v in descriptor)
    count = count or 65536
    if isinstance(data, bytes):
        # OW holds words, even for 8-bit entries, unless the length says one byte an entry.
        table = np.frombuffer(data, np.uint8 if len(data) in (count, count + 1) and bits <= 8 else "<u2")
    else:
        table = np.asarray(data)
    if not 1 <= bits <= 16 or len(table) < count:
        return None
    table = table[:count].astype(np.uint16)
    if signed and first > 32767:
        first -= 65536
    return table, first, bits


def _sequence_lut(ds: Any, keyword: str, signed: bool) -> tuple[np.ndarray, int, int] | None:
    items = getattr(ds, keyword, None)
    return _lut(items[0], signed) if items else None


def modality_values(ds: Any, stored: np.ndarray) -> np.ndarray:
    """Stored values → modality values (C.11.1): by the Modality LUT Sequence, or by slope and intercept.

    A slope that is 0 or no number is taken as absent. Returns the input itself where nothing is to be done,
    otherwise uint16 (by table) or float32.
    """
    lut = _sequence_lut(ds, "ModalityLUTSequence", bool(ds.get("PixelRepresentation", 0)))
    if lut is not None:
        table, first, _ = lut
        return table[np.clip(stored.astype(np.int64) - first, 0, len(table) - 1)]
    slope, intercept = first_number(ds.get("RescaleSlope")) or 1.0, first_number(ds.get("RescaleIntercept")) or 0.0
    if (slope, intercept) == (1.0, 0.0):
        return stored
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def voi_table(ds: Any, values: np.ndarray) -> tuple[np.ndarray, int] | None:
    """Values through the first VOI LUT: (uint16 values, their bits), or None where the dataset has no usable one."""
    signed = bool(ds.get("PixelRepresentation", 0)) or (first_number(ds.get("RescaleIntercept")) or 0) < 0
    lut = _sequence_lut(ds, "VOILUTSequence", signed)
    if lut is None:
        return None
    table, first, bits = lut
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, len(table) - 1)
    return table[index], bits


def window_of(ds: Any) -> Window | None:
    """The first window of the dataset, or None where it has none that can be used."""
    center, width = first_number(ds.get("WindowCenter")), first_number(ds.get("WindowWidth"))
    if center is None or width is None or width <= 0:
        return None
    function = str(ds.get("VOILUTFunction") or "LINEAR").strip().upper()
    function = function if function in _FUNCTIONS else "LINEAR"
    if function == "LINEAR" and width < 1:
        function = "LINEAR_EXACT"
    return Window(center, width, function)


def padding_mask(ds: Any, stored: np.ndarray) -> np.ndarray | None:
    """Where the stored values are padding (C.7.5.1.1.2), or None where there is none."""
    low = first_number(ds.get("PixelPaddingValue"))
    if low is None:
        return None
    high = first_number(ds.get("PixelPaddingRangeLimit"))
    bits = int(ds.get("BitsAllocated", 16))
    # A signed value that was written into an unsigned attribute, or the other way round, keeps its bits.
    bounds = [int(b) for b in (low, low if high is None else high)]
    if ds.get("PixelRepresentation", 0):
        bounds = [b - (1 << bits) if b >= 1 << (bits - 1) else b for b in bounds]
    else:
        bounds = [b + (1 << bits) if b < 0 else b for b in bounds]
    mask = (stored >= min(bounds)) & (stored <= max(bounds))
    return mask if mask.any() and not mask.all() else None


def percentile_window(values: np.ndarray, padding: np.ndarray | None = None) -> Window:
    """A robust window for a film that comes without one."""
    inside = values if padding is None else values[~padding]
    low, high = (float(v) for v in np.percentile(inside, _PERCENTILES))
    if high <= low:
        low, high = float(inside.min()), float(inside.max())
    return Window((low + high) / 2, max(high - low, 1e-6), "LINEAR_EXACT")
