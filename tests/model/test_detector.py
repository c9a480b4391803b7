import numpy as np
import pytest

from wetread.model.detector import CELLS, DRAWN, marks_input, marks_of

K = len(DRAWN)


def _spots(films: int) -> np.ndarray:
    return np.full((films, K, CELLS, CELLS), -6, np.float32)


def test_the_strongest_cells_of_the_frontal_films_are_what_is_found():
    spots = _spots(3)
    spots[0, 1, 5, :12] = 2  # a nodule on the first film
    spots[1, 1, 5, 0] = 3
    spots[2] = 9  # on the lateral film
    marks = marks_of(spots, np.array([False, False, True]))
    assert marks.shape == (2 * K,)
    assert marks[1] == pytest.approx(2)
    assert marks[K + 1] == pytest.approx(3), "the one strongest cell, of whatever film"
    assert np.allclose(np.delete(marks, [1, K + 1]), -6)


def test_the_order_of_films_does_not_matter():
    spots = np.random.default_rng(0).normal(size=(2, K, CELLS, CELLS)).astype(np.float32)
    lateral = np.zeros(2, bool)
    assert np.array_equal(marks_of(spots, lateral), marks_of(spots[::-1], lateral))


def test_without_a_frontal_film_the_findings_hear_nothing():
    marks = marks_of(_spots(1), np.array([True]))
    assert np.isnan(marks).all()
    arrays = {"mark_mean": np.zeros(2 * K), "mark_sd": np.ones(2 * K)}
    assert (marks_input(marks, arrays) == 0).all()


def test_marks_are_in_deviations_and_clipped():
    arrays = {"mark_mean": np.full(2 * K, -2.0), "mark_sd": np.full(2 * K, 0.5)}
    read = marks_input(np.array([-2.0, -1.5, 50, *[-2.0] * (2 * K - 3)]), arrays)
    assert read[:3].tolist() == [0, 1, 4]
    assert read.dtype == np.float32
