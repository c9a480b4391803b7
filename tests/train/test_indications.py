import numpy as np
import pytest

pytest.importorskip("sklearn")

from wetread.train.indications import fit


def _studies(seed: int, strength: float) -> tuple[list[str | None], np.ndarray, np.ndarray]:
    """Indications, positives (N, 2) and probabilities: "rib" tells of the first finding, nothing of the second."""
    rng = np.random.default_rng(seed)
    texts = [
        None if rng.random() < 0.1 else " ".join(rng.choice(["rib", "cough", "the", "fever"], 2)) for _ in range(800)
    ]
    odds = rng.normal(-1, 1, (800, 2))
    told = np.array([strength if text and "rib" in text else 0.0 for text in texts])
    positive = rng.random((800, 2)) < 1 / (1 + np.exp(-(odds + np.stack((told, 0 * told), 1))))
    return texts, positive, 1 / (1 + np.exp(-odds))


def _loss(p: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(np.where(y, p, 1 - p)).mean())


def test_what_a_word_tells_beyond_the_films_is_learned():
    texts, positive, films = _studies(0, 2.0)
    found = fit(texts, positive, films, 8, 5, 1)
    assert found.words == ("cough", "fever", "rib"), "no stop words"
    assert found.weight[0, 2] == pytest.approx(2.0, abs=0.6)
    assert np.abs(found.weight[0, :2]).max() < 0.7
    assert _loss(found.crossfitted[:, 0], positive[:, 0]) < _loss(films[:, 0], positive[:, 0]) - 0.02


def test_the_films_are_kept_where_words_tell_nothing():
    texts, positive, films = _studies(1, 0.0)
    found = fit(texts, positive, films, 8, 5, 1)
    for k in range(2):
        assert _loss(found.crossfitted[:, k], positive[:, k]) <= _loss(films[:, k], positive[:, k])
    kept = ~found.weight.any(1)
    assert kept.any()
    assert np.array_equal(found.crossfitted[:, kept], films[:, kept])


def test_rare_words_and_rare_findings_are_left_alone():
    texts, positive, films = _studies(2, 2.0)
    texts[0] = "zebra"
    positive[:, 1] = False
    positive[:3, 1] = True
    found = fit(texts, positive, films, 8, 5, 1)
    assert "zebra" not in found.words
    assert not found.weight[1].any()


def test_collections_without_indications_are_no_error():
    _, positive, films = _studies(3, 2.0)
    found = fit([None] * 800, positive, films, 8, 5, 1)
    assert found.words == ()
    assert found.weight.shape == (2, 0)
    assert np.array_equal(found.crossfitted, films)
