"""The watched folder: what is put there is taken in, and stays there.

A file counts as complete when its size and time have not changed between two looks. A folder inside is one
study's plain pictures; a plain picture on the top level is a study of its own; DICOM is grouped by its own study.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from wetread.errors import WetreadError
from wetread.room import audit
from wetread.room.files import BlobStore
from wetread.room.store import Store, Watched
from wetread.room.studies import Request, receive_files

__all__ = ["Folder", "run"]

_PAUSE = 2.0  # seconds between looks
_log = logging.getLogger("wetread.room.watch")


class Folder:
    """A watched folder; ``look`` takes in what is complete and new."""

    def __init__(self, store: Store, blobs: BlobStore, root: Path) -> None:
        self._store, self._blobs, self._root = store, blobs, root
        self._before: dict[str, str] = {}

    def look(self) -> int:
        """One look; returns how many files were taken or refused."""
        stamps = self._stamps()
        steady = {path for path, stamp in stamps.items() if self._before.get(path) == stamp}
        self._before = stamps
        with self._store.read() as session:
            known = {row.path: row.stamp for row in session.query(Watched).all()}
        fresh = [path for path in sorted(steady) if known.get(path) != stamps[path]]
        groups: dict[str, list[str]] = {}
        for path in fresh:
            top, _, rest = path.partition("/")
            groups.setdefault(top if rest else path, []).append(path)
        count = 0
        for group, paths in groups.items():
            inside = [p for p in stamps if p == group or p.startswith(f"{group}/")]
            if all(p in steady for p in inside):  # a folder is taken when all of it has arrived
                count += self._take(paths, stamps)
        return count

    def _stamps(self) -> dict[str, str]:
        stamps = {}
        for here, folders, files in os.walk(self._root):
            folders[:] = [f for f in folders if not f.startswith(".")]
            for file in files:
                path = Path(here) / file
                if file.startswith(".") or path.is_symlink():
                    continue
                try:
                    status = path.stat()
                except OSError:
                    continue
                stamps[str(path.relative_to(self._root))] = f"{status.st_size}:{status.st_mtime_ns}"
        return stamps

    def _take(self, paths: list[str], stamps: dict[str, str]) -> int:
        reasons: dict[str, str] = {}
        try:
            with ExitStack() as stack:
                files = [(p, stack.enter_context((self._root / p).open("rb"))) for p in paths]
                _, refused = receive_files(
                    self._store, self._blobs, files, Request(), source="folder", sender="watched folder"
                )
            reasons = {r.name: r.reason for r in refused}
        except OSError as error:
            _log.warning("a file of the watched folder cannot be read: %s", error.strerror)
            return 0
        with self._store.write() as session:
            for path in paths:
                reason = reasons.get(Path(path).name)
                session.merge(Watched(path=path, stamp=stamps[path], reason=reason))
            if reasons:
                audit.append(session, "watched folder", "film.refused", None, {"files": len(reasons)})
        return len(paths)


def run(store: Store, blobs: BlobStore, root: Path, stop: threading.Event) -> None:
    """Look until told to stop; what fails for a passing reason is looked at again."""
    folder = Folder(store, blobs, root)
    while not stop.wait(_PAUSE):
        try:
            folder.look()
        except (WetreadError, SQLAlchemyError, OSError) as error:
            _log.warning("watched folder: %s", type(error).__name__)
