"""The index of similar cases as the room uses it: looked up, followed when it changes, and erased from.

The index may be written by another process at any time (``wetread similar``, an erasure in another web process), so
each use looks whether the header on the disk is still the one that was read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from pathlib import Path

from wetread.errors import OutsideError
from wetread.similar import Index
from wetread.types import ModelInfo

__all__ = ["Cases"]


class Cases:
    """An index that is followed.

    Args:
        directory: where the index lies.
        model: the model that must have made it; None takes any.
    """

    def __init__(self, directory: Path, model: ModelInfo | None = None) -> None:
        self._directory, self._model = directory, model
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._index = Index.open(directory, model)

    def _stamp(self) -> tuple[int, int]:
        try:
            found = os.stat(self._directory / "header.json")
        except OSError as error:
            raise OutsideError(f"The index {self._directory} cannot be read ({error.strerror}).") from error
        return found.st_ino, found.st_mtime_ns

    def index(self) -> Index:
        """The index as it is on the disk now. Raises what ``Index.open`` raises, and OutsideError."""
        with self._lock:
            stamp = self._stamp()
            if stamp != self._seen:
                self._index, self._seen = Index.open(self._directory, self._model), stamp
            return self._index

    def note(self, study_id: str) -> str | None:
        """The line that the index keeps of a study; None where the study is not, or no longer, in it."""
        index = self.index()
        return index.record(study_id).note if study_id in index else None

    def forget(self, names: Collection[str]) -> int:
        """Erase studies by their names in the index; returns how many there were. Raises OutsideError."""
        index = self.index()
        return index.remove(names) if any(name in index for name in names) else 0
