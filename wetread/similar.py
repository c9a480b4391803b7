"""Similar cases: an index of one's own studies and an exact cosine search over it.

The index ships empty: it holds what its owner puts in, and nothing of anyone else's. A directory with

    header.json               schema, model, dimension, type, rows, generation: the only file that is ever trusted
    vectors.<generation>.bin  rows × d, float32 or float16, unit length, little-endian
    studies.<generation>.jsonl  one line a row: {"study_id", "source", "note"}

Adding appends to both files, syncs them, and then replaces the header in one step: after a crash at any moment the
old header still describes the old rows, and what lies behind them is cut off by the next writer. Erasing writes a
new generation without the erased rows, replaces the header and deletes the old files, so that nothing of an erased
study stays on the disk. One writer at a time (a lock); readers need none.

Search is exact: one matrix product per block of rows, straight from the memory map. Below a million studies that is
faster than the film takes to be read, so there is no approximate index to maintain (docs/results.md).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from wetread.errors import BundleError, InputError, OutsideError, UsageError
from wetread.types import ModelInfo, SimilarCase

try:
    import fcntl
except ImportError:  # not POSIX: one writer at a time is then up to the user
    fcntl = None  # type: ignore[assignment]

__all__ = ["Header", "Index", "Record"]

_SCHEMA = "wetread.similar/1"
_DTYPES: dict[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "float16": np.dtype("<f2")}
_BLOCK_BYTES = 32 * 2**20  # of float32: small enough to stay near the caches, large enough for the matrix product


@dataclass(frozen=True)
class Header:
    """What the index holds: ``rows`` vectors of ``dim`` numbers by ``model``, and ``text_bytes`` of study lines."""

    model: ModelInfo
    dim: int
    dtype: str = "float32"
    rows: int = 0
    text_bytes: int = 0
    generation: int = 0


@dataclass(frozen=True)
class Record:
    """A row's source: the study, where it was read from, and a line to show (an impression) or nothing."""

    study_id: str
    source: str = ""
    note: str = ""


def _write_header(directory: Path, header: Header) -> None:
    temporary = directory / "header.json.new"
    with temporary.open("w", encoding="utf-8") as file:
        json.dump({"schema": _SCHEMA, **asdict(header)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / "header.json")
    _sync_directory(directory)


def _sync_directory(directory: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems refuse to sync a directory
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read_header(directory: Path) -> Header:
    try:
        value = json.loads((directory / "header.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{directory} holds no index; make one with 'wetread similar build MANIFEST DIR'") from None
    except (OSError, ValueError) as error:
        raise InputError(f"the index {directory} cannot be read ({error}); build it again") from error
    try:
        if value.pop("schema") != _SCHEMA:
            raise ValueError("another schema")
        header = Header(**{**value, "model": ModelInfo(**value["model"])})
        if header.dtype not in _DTYPES or header.dim < 1 or header.rows < 0:
            raise ValueError("impossible values")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the index {directory} was not written by this version ({error}); build it again") from error
    return header


def _append(path: Path, at: int, blocks: Iterable[bytes]) -> int:
    """Write ``blocks`` at byte ``at``, cut off whatever lies behind them, sync, and return the new end."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(at)
        for block in blocks:
            file.write(block)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def _unit(vectors: np.ndarray) -> np.ndarray:
    """(n, d) float32 of unit length. Raises UsageError where a vector is zero or not finite."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(norms)) or np.any(norms == 0):
        raise UsageError("an embedding is zero or not finite; the model that made it is damaged: see 'wetread doctor'")
    return vectors / norms


class Index:
    """An open index; make one with ``Index.create``, open one with ``Index.open``.

    Attributes:
        header: what it holds.
        directory: where it lies.
    """

    def __init__(self, directory: Path, header: Header) -> None:
        self.directory = directory
        self.header = header
        self._load()

    @classmethod
    def create(cls, directory: str | Path, model: ModelInfo, dim: int, dtype: str = "float32") -> Index:
        """Make an empty index. Raises UsageError where one is already there or the type is unknown."""
        directory = Path(directory)
        if dtype not in _DTYPES:
            raise UsageError(f"an index stores float32 or float16, not '{dtype}'")
        if (directory / "header.json").exists():
            raise UsageError(f"{directory} already holds an index; add to it or name another directory")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            header = Header(model, int(dim), dtype)
            for name in ("vectors.0.bin", "studies.0.jsonl"):
                _append(directory / name, 0, [])
            _write_header(directory, header)
        except OSError as error:
            raise OutsideError(f"the index {directory} cannot be written ({error}); check the disk") from error
        return cls(directory, header)

    @classmethod
    def open(cls, directory: str | Path, model: ModelInfo | None = None) -> Index:
        """Open an index; with ``model``, only one whose vectors that very model made (compared by SHA-256).

        Raises InputError where there is none or it is damaged, BundleError where another model made it.
        """
        directory = Path(directory)
        header = _read_header(directory)
        if model is not None and model.sha256 != header.model.sha256:
            raise BundleError(
                f"the index {directory} was made by model {header.model.name} {header.model.version} "
                f"({header.model.sha256[:12]}), not by {model.name} {model.version} ({model.sha256[:12]}); "
                "build it again with this model or pass the other with --model"
            )
        try:
            return cls(directory, header)
        except InputError:
            if (fresh := _read_header(directory)) == header:
                raise
            return cls(directory, fresh)  # a study was erased between the header and the lines

    def __len__(self) -> int:
        return self.header.rows

    def __contains__(self, study_id: str) -> bool:
        return study_id in self._rows

    @property
    def study_ids(self) -> tuple[str, ...]:
        """The study of each row, in order."""
        return tuple(self._ids)

    def record(self, study_id: str) -> Record:
        """A study's source and note. Raises KeyError where it is not in the index."""
        row = self._rows[study_id]
        start, end = self._offsets[row], self._offsets[row + 1]
        with self._path("studies").open("rb") as file:
            file.seek(start)
            return Record(**json.loads(file.read(end - start)))

    def vectors(self) -> np.ndarray:
        """(rows, d) of the stored type, memory-mapped, read only."""
        if not len(self):
            return np.zeros((0, self.header.dim), _DTYPES[self.header.dtype])
        shape = (self.header.rows, self.header.dim)
        return np.memmap(self._path("vectors"), _DTYPES[self.header.dtype], "r", shape=shape)

    def add(self, records: Sequence[Record], vectors: np.ndarray) -> None:
        """Append studies with their embeddings, (n, d); they are scaled to unit length.

        Raises UsageError where the shape is wrong or a study is already in; OutsideError where the disk fails.
        """
        vectors = np.asarray(vectors)
        if vectors.shape != (len(records), self.header.dim):
            raise UsageError(
                f"{len(records)} studies need ({len(records)}, {self.header.dim}) embeddings, not {vectors.shape}; "
                "this index was made by another model"
            )
        if not records:
            return
        with self._writing():
            seen = set(self._rows)
            for record in records:
                if record.study_id in seen:
                    raise UsageError(
                        f"study {record.study_id} is already in the index {self.directory}; remove it first"
                    )
                seen.add(record.study_id)
            blocks = [_unit(vectors).astype(_DTYPES[self.header.dtype]).tobytes()]
            lines = [(json.dumps(asdict(record), ensure_ascii=False) + "\n").encode() for record in records]
            row_bytes = self.header.dim * _DTYPES[self.header.dtype].itemsize
            _append(self._path("vectors"), self.header.rows * row_bytes, blocks)
            end = _append(self._path("studies"), self.header.text_bytes, lines)
            first = self.header.rows
            self._commit(replace(self.header, rows=first + len(records), text_bytes=end))
            self._note([record.study_id for record in records], [len(line) for line in lines])

    def remove(self, study_ids: Collection[str]) -> int:
        """Erase studies: their vectors and lines are on no file of the index any more. Returns how many there were."""
        with self._writing():
            gone = {self._rows[name] for name in study_ids if name in self._rows}
            if not gone:
                return 0
            keep = np.array([row for row in range(len(self)) if row not in gone], dtype=np.int64)
            header = replace(self.header, rows=len(keep), generation=self.header.generation + 1)
            vectors = self.vectors()
            step = max(1, _BLOCK_BYTES // (4 * self.header.dim))
            parts = (vectors[keep[i : i + step]].tobytes() for i in range(0, len(keep), step))
            _append(self._path("vectors", header.generation), 0, parts)
            with self._path("studies").open("rb") as file:
                lines = file.read(self.header.text_bytes).splitlines(True)
            kept = (line for row, line in enumerate(lines) if row not in gone)
            end = _append(self._path("studies", header.generation), 0, kept)
            self._commit(replace(header, text_bytes=end))
            self._load()
            self._sweep()
            return len(gone)

    def search(self, query: np.ndarray, k: int = 5, *, exclude: Collection[str] = ()) -> tuple[SimilarCase, ...]:
        """The ``k`` studies nearest to one embedding, (d,), best first; equal scores in the order they were added.

        Args:
            query: (d,) float; scaled to unit length here.
            k: how many at most.
            exclude: studies that must not come back, such as the one that is being read.
        """
        return self.search_many(np.asarray(query)[None], k, exclude=exclude)[0]

    def search_many(
        self, queries: np.ndarray, k: int = 5, *, exclude: Collection[str] = ()
    ) -> list[tuple[SimilarCase, ...]]:
        """As ``search`` for (n, d) embeddings at once, in one pass over the rows."""
        queries = np.asarray(queries)
        if queries.ndim != 2 or queries.shape[1] != self.header.dim:
            raise UsageError(f"the index {self.directory} holds (n, {self.header.dim}) embeddings, not {queries.shape}")
        queries = _unit(queries)
        hidden = {self._rows[name] for name in exclude if name in self._rows}
        want = max(0, k) + len(hidden)
        best: list[list[tuple[float, int]]] = [[] for _ in queries]
        for first, block in self._blocks():
            scores = queries @ block.T
            for i, row_scores in enumerate(scores):
                best[i] = _merge(best[i], row_scores, first, want)
        return [
            tuple(SimilarCase(self._ids[row], -negative) for negative, row in found if row not in hidden)[: max(0, k)]
            for found in best
        ]

    def _blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        vectors = self.vectors()
        step = max(1, _BLOCK_BYTES // (4 * self.header.dim))
        for first in range(0, len(vectors), step):
            yield first, np.asarray(vectors[first : first + step], dtype=np.float32)

    def _path(self, kind: str, generation: int | None = None) -> Path:
        number = self.header.generation if generation is None else generation
        return self.directory / f"{kind}.{number}.{'bin' if kind == 'vectors' else 'jsonl'}"

    def _load(self) -> None:
        """Read the study lines that the header vouches for."""
        row_bytes = self.header.dim * _DTYPES[self.header.dtype].itemsize
        try:
            with self._path("studies").open("rb") as file:
                lines = file.read(self.header.text_bytes).splitlines(True)
            whole = self._path("vectors").stat().st_size >= self.header.rows * row_bytes
            self._ids: list[str] = [json.loads(line)["study_id"] for line in lines]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"the index {self.directory} is damaged ({error}); build it again") from error
        if len(self._ids) != self.header.rows or not whole:
            raise InputError(f"the index {self.directory} is cut off; build it again")
        self._rows = {name: row for row, name in enumerate(self._ids)}
        self._offsets = array("q", itertools.accumulate(map(len, lines), initial=0))

    def _note(self, names: Sequence[str], lengths: Sequence[int]) -> None:
        """Follow an addition without reading the lines again."""
        for name, length in zip(names, lengths, strict=True):
            self._rows[name] = len(self._ids)
            self._ids.append(name)
            self._offsets.append(self._offsets[-1] + length)

    def _commit(self, header: Header) -> None:
        _write_header(self.directory, header)
        self.header = header

    def _sweep(self) -> None:
        """Delete the files of other generations: what an erasure, or a crash in one, left behind."""
        current = {self._path("vectors"), self._path("studies")}
        for pattern in ("vectors.*.bin", "studies.*.jsonl"):
            for path in set(self.directory.glob(pattern)) - current:
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lock, look again at what is there, and translate what the disk says."""
        try:
            with (self.directory / "lock").open("w") as lock:
                _lock(lock, self.directory)
                fresh = _read_header(self.directory)
                if fresh != self.header:
                    self.header = fresh
                    self._load()
                self._sweep()
                yield
        except OSError as error:
            raise OutsideError(f"the index {self.directory} cannot be written ({error}); check the disk") from error


def _lock(file: IO[Any], directory: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutsideError(f"another process writes to the index {directory}; try again when it has finished") from None


def _merge(best: list[tuple[float, int]], scores: np.ndarray, first: int, want: int) -> list[tuple[float, int]]:
    """The ``want`` best of ``best`` and a block's scores, as (-score, row) in order; ties go to the lower row."""
    if want <= 0:
        return []
    if len(scores) > want:
        threshold = np.partition(scores, len(scores) - want)[len(scores) - want]
        if len(best) == want:
            threshold = max(threshold, -best[-1][0])
        rows = np.flatnonzero(scores >= threshold)
    else:
        rows = np.arange(len(scores))
    found = [(-float(scores[row]), first + int(row)) for row in rows]
    return sorted(best + found)[:want]
