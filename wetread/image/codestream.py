"""What a compressed frame says of its own size, read from its header without decoding it.

A decoder allocates by the codestream, not by the dataset that wraps it: a frame of a few bytes can ask for
gigabytes. Formats: JPEG and JPEG-LS (ITU-T T.81 B.2.2, T.87 C.2.2), JPEG 2000 (ITU-T T.800 A.5.1).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["FrameSize", "frame_size"]

#: Start-of-frame markers: SOF0..15 without DHT, JPG and DAC; SOF55 of JPEG-LS.
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x01, *range(0xD0, 0xD9)}


@dataclass(frozen=True)
class FrameSize:
    """Size, components and bits per sample of a compressed frame."""

    rows: int
    columns: int
    components: int
    bits: int


def _jpeg(data: bytes) -> FrameSize | None:
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker in _START_OF_FRAME:
            if position + 10 > len(data):
                return None
            bits, rows, columns, components = struct.unpack_from(">BHHB", data, position + 4)
            return FrameSize(rows, columns, components, bits)
        position += 2 + length
    return None


def _jpeg2000(data: bytes) -> FrameSize | None:
    # SOC, then SIZ: marker, length, capabilities, extent and origin of the image, of the tiles, components.
    start = data.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or start + 43 > len(data):
        return None
    x1, y1, x0, y0 = struct.unpack_from(">4I", data, start + 8)
    components, depth = struct.unpack_from(">HB", data, start + 40)
    return FrameSize(y1 - y0, x1 - x0, components, (depth & 0x7F) + 1)


def frame_size(data: bytes) -> FrameSize | None:
    """The size that a JPEG, JPEG-LS or JPEG 2000 frame declares, or None where it has no such header."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    return _jpeg2000(data)
