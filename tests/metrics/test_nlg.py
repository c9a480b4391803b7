"""BLEU, ROUGE-L and CIDEr against pycocoevalcap 1.2, to 1e-9."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.corpus import iu_reports, pairs, written_reports
from wetread.metrics.nlg import NLG_STEPS, CiderScorer, corpus_scores, lcs_length, nlg_measures, rouge_l
from wetread.metrics.protocols import Protocol, PtbProtocol, R2GenProtocol, R2GenVocabulary, RawProtocol

TOLERANCE = 1e-9


def _protocol(name: str) -> Protocol:
    if name == "r2gen":
        return R2GenProtocol(R2GenVocabulary.from_reports(iu_reports() or written_reports(500)))
    return PtbProtocol() if name == "ptb" else RawProtocol()


@pytest.mark.parametrize("protocol", ["r2gen", "ptb", "raw"])
def test_equal_to_pycocoevalcap(protocol: str) -> None:
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu")
    rouge = pytest.importorskip("pycocoevalcap.rouge.rouge")
    cider = pytest.importorskip("pycocoevalcap.cider.cider")
    chosen = _protocol(protocol)
    raw_references, raw_hypotheses = pairs(2000)
    kept = [(r, h) for r, h in zip(chosen.references(raw_references), chosen.hypotheses(raw_hypotheses)) if r]
    references, hypotheses = [r for r, _ in kept], [h for _, h in kept]
    gts, res = ({k: [text] for k, text in enumerate(texts)} for texts in (references, hypotheses))
    measures = nlg_measures(references, hypotheses)

    corpus, alone = bleu.Bleu(4).compute_score(gts, res, verbose=0)
    for order in range(4):
        mine = measures[f"BLEU-{order + 1}"]
        assert mine.value == pytest.approx(corpus[order], abs=TOLERANCE)
        assert np.abs(mine.per_report - alone[order]).max() < TOLERANCE
    for name, scorer in (("ROUGE-L", rouge.Rouge()), ("CIDEr", cider.Cider())):
        value, values = scorer.compute_score(gts, res)
        assert measures[name].value == pytest.approx(value, abs=TOLERANCE)
        assert np.abs(measures[name].per_report - values).max() < TOLERANCE


def test_a_large_vocabulary_changes_nothing() -> None:
    """Where four token numbers do not fit 64 bits, and where they fit but not with the place."""
    cider = pytest.importorskip("pycocoevalcap.cider.cider_scorer")
    draw = random.Random(1)
    for size in (10_000, 70_000):
        words = [f"w{k}" for k in range(size)]
        references = [" ".join(words[k : k + 350]) for k in range(0, size, 350)]
        hypotheses = [" ".join(w if draw.random() < 0.8 else draw.choice(words) for w in r.split()) for r in references]
        oracle = cider.CiderScorer()
        for reference, hypothesis in zip(references, hypotheses):
            oracle += (hypothesis, [reference])
        _, values = oracle.compute_score()
        assert np.abs(nlg_measures(references, hypotheses)["CIDEr"].per_report - values).max() < TOLERANCE


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    references, hypotheses = pairs(400, seed=4)
    whole = corpus_scores(references, hypotheses)
    monkeypatch.setattr("wetread.metrics.nlg._CHUNK", 37)
    monkeypatch.setattr("wetread.metrics.nlg._KEEP", 2)
    assert corpus_scores(references, hypotheses) == pytest.approx(whole, abs=1e-12)


def test_empty_hypothesis_scores_zero() -> None:
    measures = nlg_measures(["no acute disease", "the heart is big"], ["", "the heart is big"])
    assert all(measure.per_report[0] < 1e-4 for measure in measures.values())
    assert all(measure.per_report[1] > 0.9 for measure in measures.values())


def test_cider_d_is_what_cider_prints_and_plain_is_neither_clipped_nor_short() -> None:
    references = ["a b c d", "e f g h", "i j k l"]
    measures = nlg_measures(references, ["a b c d a b c d", "e f g h", "x"])
    assert measures["CIDEr"].value == measures["CIDEr-D"].value
    assert measures["CIDEr-plain"].per_report[0] > measures["CIDEr-D"].per_report[0]
    assert measures["CIDEr-plain"].per_report[1] == pytest.approx(10.0)


def test_counts_must_match() -> None:
    with pytest.raises(ValueError, match="2 references and 1"):
        nlg_measures(["a", "b"], ["a"])


def test_progress_adds_up() -> None:
    steps: list[int] = []
    nlg_measures(["a b", "c"], ["a", "c"], progress=steps.append)
    assert sum(steps) == 2 * NLG_STEPS


def test_the_reward_equals_the_metric() -> None:
    references, hypotheses = pairs(200, seed=2)
    scorer = CiderScorer(references)
    expected = nlg_measures(references, hypotheses)["CIDEr"].per_report
    assert np.abs(scorer.scores(hypotheses, references) - expected).max() < TOLERANCE
    kept = [scorer.vector(reference) for reference in references]
    assert np.abs(scorer.scores(hypotheses, kept) - expected).max() < TOLERANCE
    numbers = CiderScorer([[1, 2, 3], [4, 5]])
    assert numbers.score([1, 2, 3], [1, 2, 3]) == pytest.approx(7.5)  # no n-gram of order 4


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=80), st.lists(st.sampled_from("abc"), max_size=80))
def test_lcs_is_the_longest_common_subsequence(a: list[str], b: list[str]) -> None:
    row = [0] * (len(b) + 1)
    for x in a:
        previous = row
        row = [0]
        for k, y in enumerate(b):
            row.append(previous[k] + 1 if x == y else max(previous[k + 1], row[k]))
    assert lcs_length(a, b) == row[-1]


def test_rouge_weighs_recall() -> None:
    assert rouge_l("a b c d", "a b") == pytest.approx((1 + 1.44) * 1.0 * 0.5 / (0.5 + 1.44))
    assert rouge_l("a b", "") == 0.0
