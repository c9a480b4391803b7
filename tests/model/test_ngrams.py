from __future__ import annotations

import numpy as np

from wetread.model.ngrams import Ngrams

STOP = 4
SENTENCES = [[5, 6, 7, STOP], [5, 8, 7, 9, STOP], [10, STOP]]


def test_what_was_given_is_known_to_the_last_word() -> None:
    known = Ngrams.of(SENTENCES, STOP)
    for sentence in SENTENCES:
        for place, token in enumerate(sentence):
            assert known.known(sentence[:place], 800)[token]


def test_hardly_anything_else_is_known() -> None:
    known = Ngrams.of(SENTENCES, STOP)
    assert np.flatnonzero(known.known([], 800)).tolist() == [5, 10]
    assert np.flatnonzero(known.known([5], 800)).tolist() == [6, 8]
    assert not known.known([6, 5], 800).any()
    assert np.flatnonzero(known.known([11, 5, 8, 7], 800)).tolist() == [9]  # of the sentence the last three words count
    assert not known.known([6, 8, 7], 800).any()


def test_a_full_filter_errs_seldom() -> None:
    rng = np.random.default_rng(1)
    sentences = [[*rng.integers(5, 800, 9).tolist(), STOP] for _ in range(3000)]  # 30,000 phrases, as ours
    known = Ngrams.of(sentences, STOP)
    wrong = np.mean([known.known(rng.integers(5, 800, 3).tolist(), 800).mean() for _ in range(500)])
    assert 0 < wrong < 0.03
