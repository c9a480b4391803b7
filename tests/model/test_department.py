import numpy as np

from wetread.model.department import COORDINATES, coordinates, department_of
from wetread.model.detector import Found

ARRAYS = {
    "texture_mean": np.array([1.0, 1, 2, 2]),
    "texture_sd": np.full(4, 0.5),
    "texture_axes": np.array([[1.0, 0], [0, 1], [10, 0], [0, 10]]),
    "texture_bias": np.array([0.0, 0.25]),
}


def _found(*texture: list[float]) -> Found:
    n = len(texture)
    return Found(np.zeros((n, 1, 64, 64), np.float32), np.zeros((n, 1), np.float32), np.array(texture, np.float32))


def test_a_department_is_told_by_the_texture_of_both_projections() -> None:
    found = _found([1.5, 1], [2, 2.5], [2.5, 1])
    place = department_of(found, np.array([False, True, False]), ARRAYS)
    assert place.tolist() == [2, 10.25], "the mean of the frontal films is 2, 1"
    assert place.dtype == np.float32


def test_a_missing_projection_says_nothing_and_an_outlier_no_more_than_four_deviations() -> None:
    assert department_of(_found([99, 1]), np.array([False]), ARRAYS).tolist() == [4, 0.25]
    assert coordinates(np.full((3, 4), np.nan), ARRAYS).tolist() == [[0, 0.25]] * 3


def test_without_a_detector_or_its_arrays_no_department_is_told() -> None:
    assert department_of(None, np.array([False]), ARRAYS).tolist() == [0] * COORDINATES
    assert department_of(_found([1, 1]), np.array([False]), {}).tolist() == [0] * COORDINATES
