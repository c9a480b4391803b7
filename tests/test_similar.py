"""The index of similar cases: exact, incremental, erasable, and whole after a crash at any moment."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from wetread import similar
from wetread.errors import BundleError, InputError, OutsideError, UsageError
from wetread.similar import Index, Record
from wetread.types import ModelInfo

MODEL = ModelInfo("toy", "1", "a" * 64)


def _records(n: int, start: int = 0) -> list[Record]:
    return [Record(f"study-{start + i}", "list.jsonl", f"Note {start + i}.\nSecond line, é") for i in range(n)]


def _vectors(n: int, dim: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    made = Index.create(tmp_path / "index", MODEL, 8)
    made.add(_records(20), _vectors(20))
    return made


def test_search_is_exact_and_in_order(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, queries = _vectors(20), _vectors(3, seed=1)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = queries / np.linalg.norm(queries, axis=1, keepdims=True) @ unit.T
    monkeypatch.setattr(similar, "_BLOCK_BYTES", 4 * 8 * 7)  # blocks of 7 rows, the last one shorter
    found = index.search_many(queries, 5)
    for i, cases in enumerate(found):
        expected = np.argsort(-cosine[i])[:5]
        assert [case.study_id for case in cases] == [f"study-{row}" for row in expected]
        assert [case.score for case in cases] == pytest.approx(cosine[i][expected], abs=1e-6)
    alone = index.search(queries[0], 5)
    assert [case.study_id for case in alone] == [case.study_id for case in found[0]]
    assert len(index.search(queries[0], 50)) == 20
    assert index.search(queries[0], 0) == ()


def test_a_study_finds_itself_unless_excluded(index: Index) -> None:
    query = 3 * _vectors(20)[4]
    assert index.search(query, 1)[0].study_id == "study-4"
    assert index.search(query, 1)[0].score == pytest.approx(1)
    without = index.search(query, 5, exclude=["study-4", "a study that is not here"])
    assert len(without) == 5
    assert "study-4" not in [case.study_id for case in without]


def test_equal_scores_keep_the_order_of_addition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "_BLOCK_BYTES", 4 * 2 * 4)
    index = Index.create(tmp_path, MODEL, 2)
    index.add(_records(30), np.tile([1.0, 0.0], (30, 1)))
    assert [case.study_id for case in index.search(np.array([1.0, 0.0]), 6)] == [f"study-{i}" for i in range(6)]


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    index = Index.create(tmp_path, MODEL, 8)
    assert len(index) == 0
    assert index.search(_vectors(1)[0]) == ()
    assert Index.open(tmp_path).study_ids == ()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_it_is_the_same_when_opened_again(tmp_path: Path, dtype: str) -> None:
    index = Index.create(tmp_path, MODEL, 8, dtype)
    index.add(_records(5), _vectors(5))
    index.add(_records(4, start=5), _vectors(4, seed=3))
    again = Index.open(tmp_path, MODEL)
    assert again.study_ids == index.study_ids
    assert again.record("study-7") == index.record("study-7") == _records(1, start=7)[0]
    assert again.vectors().dtype == np.dtype(dtype)
    query = _vectors(1, seed=9)[0]
    assert again.search(query) == index.search(query)
    assert "study-8" in again
    assert "study-9" not in again


def test_what_is_erased_is_on_no_file(index: Index) -> None:
    gone = _vectors(20)[3] / np.linalg.norm(_vectors(20)[3])
    assert gone.tobytes() in _all_bytes(index.directory)
    assert index.remove(["study-3", "study-19", "unknown"]) == 2
    left = _all_bytes(index.directory)
    assert gone.tobytes() not in left
    assert b"study-3" not in left
    assert b"Note 3." not in left
    assert index.study_ids == tuple(f"study-{i}" for i in range(20) if i not in (3, 19))
    assert index.search(_vectors(20)[4], 1)[0].study_id == "study-4"
    assert index.record("study-4").note.startswith("Note 4.")
    index.add(_records(1, start=3), _vectors(1, seed=5))
    assert Index.open(index.directory).study_ids == index.study_ids
    assert index.remove(["unknown"]) == 0


def _all_bytes(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file())


class _Crash(Exception):
    pass


@pytest.mark.parametrize("verb", ["add", "remove"])
@pytest.mark.parametrize("step", range(4))
def test_a_crash_at_any_moment_leaves_the_old_or_the_new(
    index: Index, monkeypatch: pytest.MonkeyPatch, verb: str, step: int
) -> None:
    """Every durable step begins with a sync of a file: crash at each in turn."""
    calls = 0
    real = os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > step:
            raise _Crash
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    before = set(index.study_ids)
    with pytest.raises(_Crash):
        index.add(_records(2, start=20), _vectors(2, seed=7)) if verb == "add" else index.remove(["study-3"])
    monkeypatch.undo()
    after = before | {"study-20", "study-21"} if verb == "add" else before - {"study-3"}
    again = Index.open(index.directory)
    assert set(again.study_ids) == (after if step == 3 else before)  # the fourth is the directory's, after the swap
    assert again.search(_vectors(20)[0], 1)[0].study_id == "study-0"
    again.add(_records(1, start=30), _vectors(1, seed=8))
    assert Index.open(index.directory).search(_vectors(1, seed=8)[0], 1)[0].study_id == "study-30"
    if verb == "remove":
        again.remove(["study-3"])
        assert b"Note 3." not in _all_bytes(index.directory)


def test_another_writer_is_seen(index: Index) -> None:
    other = Index.open(index.directory)
    other.add(_records(1, start=20), _vectors(1, seed=2))
    index.add(_records(1, start=21), _vectors(1, seed=3))
    assert Index.open(index.directory).study_ids[-2:] == ("study-20", "study-21")
    with pytest.raises(UsageError, match="study-20 is already in"):
        index.add(_records(1, start=20), _vectors(1))


def test_two_writers_at_once_are_refused(index: Index) -> None:
    with (
        index._writing(),
        pytest.raises(OutsideError, match="another process"),
    ):
        Index.open(index.directory).add(_records(1, start=20), _vectors(1))


def test_another_model_is_refused(index: Index) -> None:
    with pytest.raises(BundleError, match="made by model toy 1"):
        Index.open(index.directory, ModelInfo("toy", "1", "b" * 64))
    assert Index.open(index.directory, ModelInfo("renamed", "2", "a" * 64)).header.model == MODEL


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("header.json", "{"),
        ("header.json", "[]"),
        ("header.json", '{"schema": "wetread.similar/9"}'),
        ("vectors.0.bin", ""),
        ("studies.0.jsonl", ""),
        ("studies.0.jsonl", "{}\n" * 20),
    ],
)
def test_a_damaged_index_says_so(index: Index, name: str, text: str) -> None:
    (index.directory / name).write_text(text)
    with pytest.raises(InputError, match="build it again"):
        Index.open(index.directory)


def test_wrong_input_is_refused(index: Index, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="similar build"):
        Index.open(tmp_path / "nothing")
    with pytest.raises(UsageError, match="already holds"):
        Index.create(index.directory, MODEL, 8)
    with pytest.raises(UsageError, match="float32 or float16"):
        Index.create(tmp_path / "new", MODEL, 8, "int8")
    with pytest.raises(UsageError, match="embeddings"):
        index.search(np.ones(9))
    with pytest.raises(UsageError, match="embeddings"):
        index.add(_records(2), np.ones((2, 9)))
    for bad in (0.0, np.nan, np.inf):
        with pytest.raises(UsageError, match="zero or not finite"):
            index.add(_records(1, start=40), np.full((1, 8), bad))
    assert json.loads((index.directory / "header.json").read_text())["rows"] == 20
