"""Films on disk, named by their content: written beside, flushed, renamed; what is there is whole.

No name from outside ever becomes a path. The same bytes are stored once, whichever studies they belong to.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from wetread.errors import InputError, OutsideError, WetreadError

__all__ = ["BlobStore", "disk_error"]

_CHUNK = 1 << 20


def disk_error(error: OSError) -> WetreadError:
    """A failure of the disk as our error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutsideError("The disk is full; nothing was lost that was acknowledged, free some space and try again.")
    return OutsideError(f"The data folder cannot be used ({error.strerror or error}); check the disk and try again.")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class BlobStore:
    """Content-addressed files under a folder: ``ab/abcdef…``.

    Args:
        root: folder, made with rights for its owner alone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def put(self, source: BinaryIO, limit: int) -> tuple[str, int]:
        """Store a stream; when this returns, its bytes survive a power cut.

        Returns:
            (hex SHA-256, size in bytes).

        Raises:
            InputError: more than ``limit`` bytes, or none.
            OutsideError: the disk is full or failing.
        """
        hasher, size = hashlib.sha256(), 0
        try:
            handle, name = tempfile.mkstemp(prefix=".incoming-", dir=self.root)
            try:
                with os.fdopen(handle, "wb") as target:
                    for chunk in _chunks(source):
                        size += len(chunk)
                        if size > limit:
                            raise InputError(f"The file has more than the {limit:,} bytes of any film.")
                        hasher.update(chunk)
                        target.write(chunk)
                    target.flush()
                    os.fsync(target.fileno())
                if not size:
                    raise InputError("The file is empty; export it again.")
                final = self.path(hasher.hexdigest())
                final.parent.mkdir(exist_ok=True, mode=0o700)
                os.replace(name, final)
                _sync_folder(final.parent)
                _sync_folder(self.root)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(name)
        except OSError as error:
            raise disk_error(error) from error
        return hasher.hexdigest(), size

    def write(self, sha256: str, suffix: str, data: bytes) -> Path:
        """A derived file beside the others: whole or absent, but not flushed, since it can be made again."""
        final = self.root / sha256[:2] / f"{sha256}{suffix}"
        try:
            final.parent.mkdir(exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(prefix=".making-", dir=self.root)
            try:
                with os.fdopen(handle, "wb") as target:
                    target.write(data)
                os.replace(name, final)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(name)
        except OSError as error:
            raise disk_error(error) from error
        return final

    def delete(self, sha256: str) -> None:
        """Remove a file and what was derived from it."""
        folder = self.root / sha256[:2]
        for path in folder.glob(f"{sha256}*"):
            path.unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove what a crash left half-written; only at start, when nobody writes. Returns how many."""
        count = 0
        for pattern in (".incoming-*", ".making-*"):
            for path in self.root.glob(pattern):
                path.unlink(missing_ok=True)
                count += 1
        return count


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk
