"""What a text is expected to score: the metric itself where the reference is sure, a mean where several may be it."""

from __future__ import annotations

import numpy as np
import pytest

from wetread.metrics.meteor import ALPHA
from wetread.metrics.nlg import CiderScorer, rouge_l
from wetread.train.expect import Expected, References, Scores, pairwise_cider, pairwise_meteor, pairwise_rouge

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
    cider, meteor = Expected(References(_REFERENCES), _one(k))(_TEXT.split())
    scorer = CiderScorer(_REFERENCES)  # of no n-gram that it weighs does the text have more than these references
    assert cider == pytest.approx(scorer.score(_TEXT, scorer.vector(_REFERENCES[k])))
    assert pairwise_cider(References(_REFERENCES), ["purple noise", _TEXT])[k] == pytest.approx([0, cider], rel=1e-5)
    said, heard = (t.split() for t in (_TEXT, _REFERENCES[k]))
    common = sum(min(said.count(word), heard.count(word)) for word in set(said))
    mean = 1 / ((1 - ALPHA) / (common / len(said)) + ALPHA / (common / len(heard)))  # Denkowski & Lavie 2014, eq. 4
    assert meteor == pytest.approx(mean)
    assert pairwise_meteor(References(_REFERENCES), ["purple noise", _TEXT])[k] == pytest.approx([0, mean], rel=1e-5)


def test_against_several_it_is_their_weighted_mean() -> None:
    book, weight = References(_REFERENCES), np.array([0.5, 0.3, 0.2])
    cider, meteor = Expected(book, weight)(_TEXT.split())
    alone = [Expected(book, _one(k))(_TEXT.split()) for k in range(3)]
    assert cider == pytest.approx(sum(w * c for w, (c, _) in zip(weight, alone, strict=True)))
    assert meteor == pytest.approx(sum(w * m for w, (_, m) in zip(weight, alone, strict=True)))


def test_a_text_of_unknown_words_scores_nothing() -> None:
    assert Expected(References(_REFERENCES), _one(0))(["purple", "noise"]) == (0.0, 0.0)


@pytest.mark.parametrize("text", [_TEXT, "clear lungs", "purple noise", "", " ".join(["the lungs are clear ."] * 20)])
def test_rouge_against_each_reference_is_the_metrics_own(text: str) -> None:
    known = pairwise_rouge(References(_REFERENCES), [text])[:, 0]
    assert known == pytest.approx([rouge_l(r, " ".join(text.split()[:64])) for r in _REFERENCES], abs=1e-6)


def test_scores_of_many_texts_are_those_of_each() -> None:
    book, weight = References(_REFERENCES), np.array([[0.5, 0.3, 0.2], [-0.1, 0.4, 0.7]])
    texts = [_TEXT, "no acute disease . the heart is very large ."]
    scores = Scores.of(book, texts).expected(weight)
    for i, j in np.ndindex(2, 2):
        cider, meteor = Expected(book, weight[i])(texts[j].split())
        assert scores.cider[i, j] == pytest.approx(cider, rel=1e-5)
        assert scores.meteor[i, j] == pytest.approx(meteor, rel=1e-5)
    worth = scores.cider[1, 0] + 2 * scores.meteor[1, 0] + 3 * scores.rouge[1, 0]
    assert scores.worth(2, 3)[1, 0] == pytest.approx(worth)
