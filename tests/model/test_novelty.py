from __future__ import annotations

import numpy as np
import pytest

from wetread.model.novelty import ARRAYS, is_far, log_distance, novelty
from wetread.train import novelty as fitting

NETWORKS, FILMS, WIDTH = 2, 1200, 24


@pytest.fixture(scope="module")
def films() -> tuple[np.ndarray, np.ndarray]:
    """Vectors (K, N, D) of a few strong directions and noise, and the lateral logit of each film."""
    rng = np.random.default_rng(3)
    lateral = np.where(np.arange(FILMS) % 2, 4.0, -4.0)
    hidden = rng.normal(size=(FILMS, 3))
    mixing = rng.normal(size=(NETWORKS, 3, WIDTH))
    vector = np.einsum("nh,khd->knd", hidden, mixing) + 0.2 * rng.normal(size=(NETWORKS, FILMS, WIDTH))
    vector += 3 * (lateral > 0)[None, :, None]
    vector[0, :400], vector[1, 400:800] = np.nan, np.nan  # each network learned a third; both see the rest
    return vector.astype(np.float32), lateral


@pytest.fixture(scope="module")
def arrays(films: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    vector, lateral = films
    return fitting.fit(vector, lateral, np.arange(FILMS) < 800, np.arange(FILMS) // 2, seed=1)


def score(film: np.ndarray, lateral: float, arrays: dict[str, np.ndarray]) -> float:
    value = novelty(film.reshape(1, -1), np.array([lateral]), arrays)
    assert value is not None
    return value


def test_films_like_those_it_knows_are_near(
    films: tuple[np.ndarray, np.ndarray], arrays: dict[str, np.ndarray]
) -> None:
    assert set(arrays) == set(ARRAYS)
    vector, lateral = films
    values = np.array([score(vector[:, i], lateral[i], arrays) for i in range(800, FILMS)])
    assert abs(values.mean()) < 0.3
    assert np.mean([is_far(v, arrays) for v in values]) < 0.05


def test_a_film_in_no_known_direction_is_far(
    films: tuple[np.ndarray, np.ndarray], arrays: dict[str, np.ndarray]
) -> None:
    vector, lateral = films
    strange = vector[:, 800] + 3 * np.random.default_rng(0).normal(size=(NETWORKS, WIDTH))
    assert is_far(score(strange, lateral[800], arrays), arrays)
    # The same vectors are strange for the other projection.
    assert score(vector[:, 800], -lateral[800], arrays) > score(vector[:, 800], lateral[800], arrays) + 2


def test_networks_that_learned_from_all_teachers_keep_the_scale(
    films: tuple[np.ndarray, np.ndarray], arrays: dict[str, np.ndarray]
) -> None:
    vector, lateral = films
    taught = np.arange(FILMS) < 800
    # Other spaces, in which films that were learned from lie nearer to the mean than others.
    turned = np.stack(
        [v @ np.linalg.qr(np.random.default_rng(k).normal(size=(WIDTH, WIDTH)))[0] for k, v in enumerate(vector)]
    )
    turned[:, taught] *= 0.7
    new = fitting.finished(arrays, turned, lateral, taught)
    assert set(new) == set(ARRAYS)
    assert new["far_from"] == arrays["far_from"]
    values = np.array([score(turned[:, i], lateral[i], new) for i in range(800, FILMS)])
    assert abs(values.mean()) < 0.1
    assert np.mean([is_far(v, new) for v in values]) < 0.05
    # With the folds' own arrays these films would all be far.
    assert np.mean([is_far(score(turned[:, i], lateral[i], arrays), arrays) for i in range(800, FILMS)]) > 0.5


def test_the_distance_is_mahalanobis() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(5, 5))
    x = rng.normal(size=(50, 5)) @ mixing
    covariance = mixing.T @ mixing
    values, vectors = np.linalg.eigh(covariance)
    # All but the last direction kept: the last is "the rest", so the distance is exact.
    basis, scale = vectors[:, :0:-1], np.sqrt(np.append(values[:0:-1], values[0]))
    expected = np.einsum("nd,de,ne->n", x, np.linalg.inv(covariance), x)
    assert np.exp(2 * log_distance(x, np.zeros(5), basis, scale)) == pytest.approx(expected, rel=1e-6)


def test_a_bundle_without_the_arrays_cannot_tell() -> None:
    assert novelty(np.zeros((1, 8)), np.zeros(1), {}) is None
    assert not is_far(None, {})


def test_a_collection_of_one_projection_and_few_films() -> None:
    vector = np.random.default_rng(0).normal(size=(1, 20, 6))
    arrays = fitting.fit(vector, np.full(20, -1.0), np.ones(20, bool), np.arange(20), seed=0)
    assert all(np.isfinite(a).all() for a in arrays.values())
    assert np.isfinite(score(vector[:, 0], 1.0, arrays))
