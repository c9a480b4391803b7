import numpy as np
import pytest

from wetread.model.indication import moved, shift, words_of

WORDS = ("cough", "pacemaker", "rib")
ARRAYS = {
    "indication_weight": np.array([[0.0, 2.0, 0.0], [0.1, 0.0, 1.0]]),
    "indication_mean": np.array([0.3, 0.1, 0.0]),
}


def test_words_are_lower_case_and_without_what_was_blanked_out():
    assert words_of("XXXX-year-old, Rib pain? c/o COUGH 3d") == {"year", "old", "rib", "pain", "cough"}
    assert words_of(None) == words_of("") == words_of("42 !") == frozenset()
    assert "rib" not in words_of("x" * 5000 + " rib"), "the end of a long text is not read"


def test_a_word_moves_the_findings_that_it_speaks_of():
    by = shift("Pacemaker placement.", WORDS, ARRAYS)
    assert by == pytest.approx([2 * 0.9, -0.1 * 0.3])
    assert moved(np.array([0.2, 0.5]), by)[0] == pytest.approx(1 / (1 + 4 * np.exp(-1.8)))
    assert shift("cough pacemaker", WORDS, ARRAYS) != pytest.approx(by)


@pytest.mark.parametrize("text", [None, "", "zebra", "XXXX"])
def test_without_a_known_word_the_films_speak_alone(text):
    assert not shift(text, WORDS, ARRAYS).any()


def test_a_bundle_that_reads_no_indication_is_not_moved():
    assert shift("cough", (), {}).shape == (0,)


def test_what_is_certain_stays_a_probability():
    p = moved(np.array([0.0, 1.0, 0.5]), np.array([5.0, -5.0, 0.0]))
    assert ((p >= 0) & (p <= 1)).all()
    assert p[2] == pytest.approx(0.5)
