"""What a text is expected to score: the metric itself where the reference is sure, a mean where several may be it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wetread.metrics.nlg import CiderScorer, corpus_scores, rouge_l
from wetread.train.expect import Expected, References, Scores, Usual, pairwise_cider, pairwise_rouge

_REFERENCES = [
    "the heart is normal in size . the lungs are clear .",
    "the heart is large . there is no effusion . the lungs are clear . no effusion .",
    "no acute disease .",
]
#: Of an even number of tokens, for which the penalty on lengths is tabled.
_TEXT = "the lungs are clear . the heart is very big . no effusion ."


def _one(k: int) -> np.ndarray:
    return np.eye(len(_REFERENCES))[k]


@pytest.mark.parametrize("k", range(3))
def test_against_one_reference_it_is_that_ones_score(k: int) -> None:
    cider, hits = Expected(References(_REFERENCES), _one(k))(_TEXT.split())
    scorer = CiderScorer(_REFERENCES)  # of no n-gram that it weighs does the text have more than these references
    assert cider == pytest.approx(scorer.score(_TEXT, scorer.vector(_REFERENCES[k])))
    assert pairwise_cider(References(_REFERENCES), ["purple noise", _TEXT])[k] == pytest.approx([0, cider], rel=1e-5)
    said, heard = (t.split() for t in (_TEXT, _REFERENCES[k]))
    for order, found in enumerate(hits, start=1):
        own, theirs = ([tuple(t[i : i + order]) for i in range(len(t) - order + 1)] for t in (said, heard))
        assert found == sum(min(own.count(g), theirs.count(g)) for g in set(own))


def test_against_several_it_is_their_weighted_mean() -> None:
    book, weight = References(_REFERENCES), np.array([0.5, 0.3, 0.2])
    cider, hits = Expected(book, weight)(_TEXT.split())
    alone = [Expected(book, _one(k))(_TEXT.split()) for k in range(3)]
    assert cider == pytest.approx(sum(w * c for w, (c, _) in zip(weight, alone, strict=True)))
    assert hits == pytest.approx(weight @ np.array([h for _, h in alone]))


def test_a_text_of_unknown_words_scores_nothing() -> None:
    assert Expected(References(_REFERENCES), _one(0))(["purple", "noise"]) == (0.0, (0.0,) * 4)


def test_gain_is_how_bleu_changes_about_what_is_usual() -> None:
    usual, more = Usual((10.0, 7.0, 5.0, 3.0), 20.0), (1.0, 1.0, 0.0, 1.0)
    step = 1e-4
    moved = Usual(tuple(h + step * m for h, m in zip(usual.hits, more, strict=True)), usual.length + step * 2)
    least = usual.gain((0.0,) * 4, 0.0)
    assert (moved.bleu - usual.bleu) / step == pytest.approx(usual.gain(more, 2.0) - least, rel=1e-3)


def test_a_token_is_worth_more_where_reports_are_too_short() -> None:
    hits, length, reference = (10.0, 7.0, 5.0, 3.0), 20.0, 25.0
    penalty = [math.exp(1 - reference / n) for n in (length, length + 1e-4)]  # Papineni et al. 2002
    share = (penalty[1] / penalty[0] - 1) / 1e-4
    short, enough = Usual(hits, length, share), Usual(hits, length)
    assert short.gain(hits, 21.0) - enough.gain(hits, 21.0) == pytest.approx(
        short.bleu * 21 * reference / length**2, rel=1e-3
    )


def test_usual_bleu_is_that_of_reports_which_have_it() -> None:
    _, hits = Expected(References(_REFERENCES), _one(0))(_TEXT.split())
    measured = corpus_scores([_REFERENCES[0]], [_TEXT])["BLEU-4"]  # which is no longer than the text: no penalty
    assert Usual(hits, len(_TEXT.split())).bleu == pytest.approx(measured)


@pytest.mark.parametrize("text", [_TEXT, "clear lungs", "purple noise", "", " ".join(["the lungs are clear ."] * 20)])
def test_rouge_against_each_reference_is_the_metrics_own(text: str) -> None:
    known = pairwise_rouge(References(_REFERENCES), [text])[:, 0]
    assert known == pytest.approx([rouge_l(r, " ".join(text.split()[:64])) for r in _REFERENCES], abs=1e-6)


def test_scores_of_many_texts_are_those_of_each() -> None:
    book, weight = References(_REFERENCES), np.array([[0.5, 0.3, 0.2], [-0.1, 0.4, 0.7]])
    texts = [_TEXT, "no acute disease . the heart is very large ."]
    scores = Scores.of(book, texts).expected(weight)
    for i, j in np.ndindex(2, 2):
        cider, hits = Expected(book, weight[i])(texts[j].split())
        assert scores.cider[i, j] == pytest.approx(cider, rel=1e-5)
        assert scores.hits[:, i, j] == pytest.approx(hits, rel=1e-5)
    usual = Usual((10.0, 7.0, 5.0, 3.0), 20.0, 0.01)
    worth = scores.cider[1, 0] + 2 * usual.gain(scores.hits[:, 1, 0], scores.lengths[0]) + 3 * scores.rouge[1, 0]
    assert scores.worth(usual, 2, 3)[1, 0] == pytest.approx(worth)
