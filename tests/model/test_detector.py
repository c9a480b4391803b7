import numpy as np
import pytest

from wetread.model.detector import CELLS, DRAWN, Found, by_projection, found_input, marks_input, marks_of, pooled_input

K = len(DRAWN)


def _spots(films: int) -> np.ndarray:
    return np.full((films, K, CELLS, CELLS), -6, np.float32)


def test_the_strongest_cells_are_what_is_found_by_projection():
    spots = _spots(3)
    spots[0, 1, 5, :12] = 2  # a nodule on the first film
    spots[1, 1, 5, 0] = 3
    spots[2, 8, 9, :30] = 4  # a pacemaker on the lateral film
    marks = marks_of(spots, np.array([False, False, True]))
    assert marks.shape == (4 * K,)
    assert marks[1] == pytest.approx(2)
    assert marks[K + 1] == pytest.approx(3), "the one strongest cell, of whatever film"
    assert marks[2 * K + 8] == marks[3 * K + 8] == 4
    assert np.allclose(np.delete(marks, [1, K + 1, 2 * K + 8, 3 * K + 8]), -6)


def test_the_order_of_films_does_not_matter():
    spots = np.random.default_rng(0).normal(size=(2, K, CELLS, CELLS)).astype(np.float32)
    lateral = np.zeros(2, bool)
    assert np.array_equal(marks_of(spots, lateral), marks_of(spots[::-1], lateral), equal_nan=True)


def test_of_a_projection_that_there_is_not_the_findings_hear_nothing():
    marks = marks_of(_spots(1), np.array([True]))
    assert np.isnan(marks[: 2 * K]).all()
    assert not np.isnan(marks[2 * K :]).any()
    arrays = {"mark_mean": np.zeros(4 * K), "mark_sd": np.ones(4 * K)}
    assert (marks_input(marks, arrays)[: 2 * K] == 0).all()


def test_marks_are_in_deviations_and_clipped():
    arrays = {"mark_mean": np.full(4 * K, -2.0), "mark_sd": np.full(4 * K, 0.5)}
    read = marks_input(np.array([-2.0, -1.5, 50, *[-2.0] * (4 * K - 3)]), arrays)
    assert read[:3].tolist() == [0, 1, 4]
    assert read.dtype == np.float32


def test_features_are_means_by_projection():
    pooled = np.array([[1, 2], [3, 6], [5, 5]], np.float32)
    assert by_projection(pooled, np.array([False, False, True])).tolist() == [2, 4, 5, 5]
    alone = by_projection(pooled[:1], np.array([True]))
    assert np.isnan(alone[:2]).all()
    assert alone[2:].tolist() == [1, 2]


def test_features_are_read_by_their_axes_and_a_missing_projection_as_what_is_usual():
    arrays = {"pooled_mean": np.ones(4), "pooled_sd": np.full(4, 0.5), "pooled_axes": np.eye(4)[:, [0, 3]]}
    assert pooled_input(np.array([2.0, 9, 9, 1.5]), arrays).tolist() == [2, 1]
    assert pooled_input(np.array([np.nan, np.nan, 9, 99]), arrays).tolist() == [0, 4], "clipped"


def test_the_head_reads_marks_before_features():
    arrays = {"mark_mean": np.full(4 * K, -6.0), "mark_sd": np.ones(4 * K)}
    arrays |= {"pooled_mean": np.zeros(2), "pooled_sd": np.ones(2), "pooled_axes": np.eye(2)}
    found = Found(_spots(1), np.array([[3]], np.float32), np.zeros((1, 1), np.float32))
    read = found_input(found, np.array([False]), arrays)
    assert read.shape == (4 * K + 2,)
    assert read.dtype == np.float32
    assert read[-2:].tolist() == [3, 0]
    assert not read[:-2].any()
