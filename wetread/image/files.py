"""Files from outside: opened with care, named safely in messages, told apart by their first bytes."""

from __future__ import annotations

import errno
import os
import stat

from wetread.errors import InputError

__all__ = [
    "MAX_FILE",
    "MAX_PIXELS",
    "MIN_SIDE",
    "check_size",
    "display",
    "kind_of",
    "kind_of_bytes",
    "read_bytes",
    "short_name",
]

#: Largest file that is opened; an uncompressed 16-bit film of the largest detectors has 32 MB.
MAX_FILE = 160 * 2**20
#: Most pixels of a film, refused before anything is allocated (the largest detectors have 19 million).
MAX_PIXELS = 2**26
#: A smaller picture holds nothing to read; training films have 256.
MIN_SIDE = 64

_PICTURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"II*\0", "tiff"), (b"MM\0*", "tiff"))
_HEAD = 132


def display(path: str | os.PathLike[str]) -> str:
    """The path for a message: one line, printable whatever its bytes are."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in os.fspath(path)) or "''"


def short_name(path: str | os.PathLike[str]) -> str:
    """The last part of the path, for a message."""
    return os.path.basename(display(path).rstrip("/")) or display(path)


def _refusal(path: str | os.PathLike[str], error: OSError | ValueError) -> InputError:
    name = display(path)
    if isinstance(error, ValueError):
        return InputError(f"{name} is no valid file name; name a film's file or folder")
    if isinstance(error, FileNotFoundError):
        return InputError(f"{name} does not exist; check the path")
    if isinstance(error, PermissionError):
        return InputError(f"{name} may not be read by this user; change its permissions")
    if error.errno == errno.ELOOP:
        return InputError(f"{name} is a symbolic link that leads to itself; name the file itself")
    return InputError(f"{name} cannot be opened ({error.strerror or type(error).__name__}); check the path")


def read_bytes(path: str | os.PathLike[str], limit: int | None = None) -> bytes:
    """The content of a regular file, or its first ``limit`` bytes.

    Raises:
        InputError: it is absent, unreadable, empty, larger than ``MAX_FILE``, or a folder, pipe, socket or device.
    """
    try:
        # Without O_NONBLOCK the opening of a named pipe would wait for its writer for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise _refusal(path, error) from error
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{display(path)} is a folder where a file is expected; name a film's file")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{display(path)} is a pipe, socket or device; save the film to a file first")
        if status.st_size > MAX_FILE:
            raise InputError(f"{display(path)} has {status.st_size:,} bytes, more than the {MAX_FILE:,} of any film")
        with os.fdopen(os.dup(handle), "rb") as file:
            data = file.read(MAX_FILE if limit is None else limit)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        os.close(handle)
    if not data:
        raise InputError(f"{display(path)} is empty; export the film again")
    return data


def kind_of_bytes(head: bytes) -> str | None:
    """'dicom', 'png', 'jpeg', 'tiff' or None by the first 132 bytes.

    A DICOM file may carry another format's header in its preamble (PS3.10 7.1), so DICM is looked for first.
    Files without preamble are taken by their first element, of group 0002 or 0008 (little or big endian).
    """
    if head[128:132] == b"DICM":
        return "dicom"
    for magic, kind in _PICTURES:
        if head.startswith(magic):
            return kind
    group, element = head[:2], head[2:4]
    if len(head) >= _HEAD and (
        (group in (b"\2\0", b"\x08\0") and element[1:] == b"\0") or (group == b"\0\x08" and element[:1] == b"\0")
    ):
        return "dicom"
    return None


def kind_of(path: str | os.PathLike[str]) -> str | None:
    """Like ``kind_of_bytes``, of a file; raises InputError where it cannot be opened."""
    return kind_of_bytes(read_bytes(path, _HEAD))


def check_size(path: str | os.PathLike[str], rows: int, columns: int) -> None:
    """Refuse an absurd size before anything is allocated. Raises InputError."""
    name = short_name(path)
    if rows < 1 or columns < 1:
        raise InputError(f"{name} declares {rows} rows and {columns} columns; the file is damaged, export it again")
    if rows * columns > MAX_PIXELS:
        raise InputError(
            f"{name} declares {rows}×{columns} pixels, more than the {MAX_PIXELS:,} of any film; export it again"
        )
    if min(rows, columns) < MIN_SIDE:
        raise InputError(f"{name} has {rows}×{columns} pixels, too few for a film; export it at full size")
