"""METEOR 1.5 against the Java program, and what happens without its tables."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.metrics import java
from tests.metrics.corpus import iu_reports, pairs, written_reports
from wetread.metrics import meteor_tables
from wetread.metrics.measure import MetricUnavailable
from wetread.metrics.meteor import Meteor, meteor_measure, normalise
from wetread.metrics.meteor_tables import find_files, load_lists, load_paraphrases
from wetread.metrics.protocols import PtbProtocol, R2GenProtocol, R2GenVocabulary, RawProtocol


@pytest.fixture(autouse=True)
def _nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(meteor_tables, "_recent", {})


@pytest.fixture
def small_tables(tmp_path: Path) -> Path:
    """Tables in METEOR's form, with a few entries of our own."""
    with zipfile.ZipFile(tmp_path / "meteor-1.5.jar", "w") as jar:
        jar.writestr("function/english.words", "the\nis\na\n")
        jar.writestr("nonbreaking/english.prefixes", "# comment\nDr\nNo #NUMERIC_ONLY#\n")
        jar.writestr("synonym/english.exceptions", "goose\ngeese\n")
        jar.writestr(
            "synonym/english.synsets", "goose\n00000007\nbird\n00000007 00000009\nbox\n00000011\ncrate\n00000011\n"
        )
    (tmp_path / "data").mkdir()
    lines = "0.5\nno sign of\nwithout\n0.2\nwithout\nno sign of\n0.1\nnever seen\nwithout\n"
    (tmp_path / "data" / "paraphrase-en.gz").write_bytes(gzip.compress(lines.encode()))
    return tmp_path


def _scorer(texts: list[str], folder: Path) -> Meteor:
    pytest.importorskip("snowballstemmer")
    return Meteor.load(texts, folder)


@pytest.mark.slow
def test_equal_to_java() -> None:
    java.folder()
    references: list[str] = []
    hypotheses: list[str] = []
    vocabulary = R2GenVocabulary.from_reports(iu_reports() or written_reports(500))
    for seed, protocol in enumerate((PtbProtocol(), R2GenProtocol(vocabulary), RawProtocol())):
        raw = pairs(700, seed)
        references += protocol.references(raw[0])
        hypotheses += protocol.hypotheses(raw[1])
    kept = [(r, h) for r, h in zip(references, hypotheses) if r]
    references, hypotheses = [r for r, _ in kept], [h for _, h in kept]
    corpus, segments = java.meteor(references, hypotheses)
    mine = meteor_measure(Meteor.load([*references, *hypotheses]), references, hypotheses)
    assert mine.value == pytest.approx(corpus, abs=1e-4)
    assert (np.abs(mine.per_report - segments) < 1e-9).mean() >= 0.99


def test_stages(small_tables: Path) -> None:
    reference = "the bird eats without boxes"
    scorer = _scorer([reference, "the geese eating no sign of crate"], small_tables)
    match = scorer.statistics(reference, "the geese eating no sign of crate")
    test_length, ref_length, test_function, ref_function, *weighted, matched1, matched2, chunks = match
    assert (test_length, ref_length, test_function, ref_function) == (7, 5, 1, 1)
    # exact, synonym of the base form, stem, paraphrase, synonym; all in one piece, so no chunk counts
    assert (matched1, matched2, chunks) == (7, 5, 0)
    content = 0.8 + 0.6 + 0.6 * 3 + 0.8
    assert weighted[0] == pytest.approx(0.25 * 1.0 + 0.75 * content)


def test_identical_is_one_and_empty_is_zero(small_tables: Path) -> None:
    scorer = _scorer(["the heart is big"], small_tables)
    measure = meteor_measure(scorer, ["the heart is big"] * 2, ["the heart is big", ""])
    assert measure.per_report.tolist() == [1.0, 0.0]
    assert 0 < measure.value < 1
    with pytest.raises(ValueError, match="1 references and 2"):
        meteor_measure(scorer, ["a"], ["a", "b"])


def test_only_entries_of_the_vocabulary_are_kept(small_tables: Path) -> None:
    files = find_files(small_tables)
    table = load_paraphrases(files, ["no", "sign", "of", "without"])
    assert set(table) == {("no", "sign", "of"), ("without",)}
    assert load_paraphrases(files, ["no", "without"]) is table  # a part of what was read last
    lists = load_lists(files)
    assert lists.synsets("geese") == {"00000007"}
    assert lists.synsets("boxes") == {"00000011"}
    assert lists.nonbreaking == {"Dr": False, "No": True}


def test_the_selection_is_kept_for_the_next_time(small_tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = find_files(small_tables)
    first = load_paraphrases(files, ["no", "sign", "of", "without"])
    monkeypatch.setattr(meteor_tables, "_recent", {})
    with monkeypatch.context() as patched:
        patched.setattr(meteor_tables, "_entries", lambda path: pytest.fail("the file was read again"))
        assert load_paraphrases(files, ["without"]) == first
    monkeypatch.setattr(meteor_tables, "_recent", {})
    both = load_paraphrases(files, ["never", "seen", "without"])  # new words join the old ones
    assert set(both) == {*first, ("never", "seen")}
    (kept,) = (small_tables / "cache" / "wetread" / "meteor").iterdir()
    kept.write_text('{"vocabulary": 3, "table": {"a": 1}}', encoding="utf-8")
    monkeypatch.setattr(meteor_tables, "_recent", {})
    assert load_paraphrases(files, ["no", "sign", "of", "without"]) == first


def test_missing_tables_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MetricUnavailable, match=r"meteor-1\.5\.jar and paraphrase-en\.gz"):
        find_files(tmp_path)
    monkeypatch.delenv("WETREAD_METEOR", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MetricUnavailable, match="pip install pycocoevalcap"):
        find_files()


def test_damaged_tables_are_no_crash(small_tables: Path) -> None:
    (small_tables / "data" / "paraphrase-en.gz").write_bytes(b"not a gzip")
    with pytest.raises(MetricUnavailable, match="damaged"):
        load_paraphrases(find_files(small_tables), ["a"])
    (small_tables / "meteor-1.5.jar").write_bytes(b"not a jar")
    with pytest.raises(MetricUnavailable, match="damaged"):
        load_lists(find_files(small_tables))


def test_normaliser() -> None:
    prefixes = {"Dr": False, "No": True}
    assert normalise("Dr. Ho: right-sided mass.", prefixes) == ["dr.", "ho", ":", "right", "sided", "mass", "."]
    assert normalise("No. 5 and No. Five a.m. x", prefixes) == ["no.", "5", "and", "no", ".", "five", "am", "x"]
    assert normalise("it's 1,000 (or 2,x)...", prefixes) == ["it", "'s", "1,000", "(", "or", "2", ",", "x", ")", "..."]
