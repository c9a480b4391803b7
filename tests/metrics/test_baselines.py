"""The drafts that never saw a film."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.metrics.corpus import written_reports
from wetread.metrics import baselines
from wetread.metrics.baselines import ConstantSearch, find_constants, most_frequent, random_reports, sentence_pool
from wetread.metrics.nlg import corpus_scores
from wetread.metrics.protocols import PtbProtocol
from wetread.report.sentences import split_sentences


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(baselines, "sentence_pool", lambda train: sentence_pool(train, 8))  # a shorter search
    return tmp_path / "wetread" / "constants"


def test_the_search_scores_as_the_metrics_do() -> None:
    protocol = PtbProtocol()
    references = protocol.references(written_reports(60))
    search = ConstantSearch(references)
    for text in ("the heart is normal in size no pneumothorax", "heart", references[3], "never seen words"):
        expected = corpus_scores(references, [text] * len(references))
        assert [search.bleu(text, k) for k in (1, 2, 3, 4)] == pytest.approx(
            [expected[f"BLEU-{k}"] for k in (1, 2, 3, 4)]
        )
        assert search.rouge(text) == pytest.approx(expected["ROUGE-L"])
        assert search.cider(text) == pytest.approx(expected["CIDEr"])


def test_constants_beat_single_reports_and_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = written_reports(80)
    protocol = PtbProtocol()
    arguments = (train, protocol.references, protocol.hypothesis, "ptb")
    found = find_constants(*arguments)
    references = protocol.references(train)

    def score(text: str, name: str) -> float:
        return corpus_scores(references, [protocol.hypothesis(text)] * len(train))[name]

    for name in ("BLEU-4", "CIDEr"):
        assert score(found[name], name) >= max(score(text, name) for text in train[:20])
    (file,) = cache.glob("*.json")
    assert json.loads(file.read_text(encoding="utf-8")) == found
    monkeypatch.setattr(baselines, "_search", lambda *_: pytest.fail("it was searched again"))
    assert find_constants(*arguments) == found


def test_a_constant_holds_only_sentences_that_may_stand_together(cache: Path) -> None:
    train = written_reports(40)
    protocol = PtbProtocol()
    arguments = (train, protocol.references, protocol.hypothesis)
    free = find_constants(*arguments, "ptb")
    alone = find_constants(*arguments, "ptb alone", fits=lambda sentences: len(sentences) == 1)
    assert len(split_sentences(free["BLEU-4"])) > 1
    assert {len(split_sentences(text)) for text in alone.values()} == {1}


def test_a_damaged_cache_is_searched_again(cache: Path) -> None:
    train = written_reports(20)
    protocol = PtbProtocol()
    found = find_constants(train, protocol.references, protocol.hypothesis, "ptb")
    next(cache.glob("*.json")).write_text("{", encoding="utf-8")
    assert find_constants(train, protocol.references, protocol.hypothesis, "ptb") == found


def test_simple_baselines() -> None:
    train = ["b", "a", "a", "c"]
    assert most_frequent(train) == "a"
    assert random_reports(train, 5, seed=1) == random_reports(train, 5, seed=1)
    assert set(random_reports(train, 50)) == {"a", "b", "c"}
    assert sentence_pool(["Clear. Big heart.", "Clear. 1."]) == ["Clear.", "Big heart."]
