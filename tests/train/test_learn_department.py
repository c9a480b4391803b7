import numpy as np
import pytest

from wetread.model.department import COORDINATES, coordinates
from wetread.train import department


def _collection(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """300 studies of two departments with 12 sentences; their films differ in the first value."""
    home = rng.integers(0, 2, 300)
    texture = rng.normal(size=(300, 8))
    texture[:, 0] += 3 * home
    texture[::3, 4:] = np.nan
    wordings = (rng.random((300, 12)) < np.where(home[:, None] == np.arange(12) % 2, 0.5, 0.05)).astype(np.float32)
    return home, texture, wordings


def test_departments_that_word_reports_in_their_own_way_lie_apart() -> None:
    rng = np.random.default_rng(0)
    home, texture, wordings = _collection(rng)
    teachers = np.arange(300) < 250
    wordings[7] = np.nan
    wordings[~teachers] = np.nan
    place, arrays = department.fit(texture, wordings, teachers, 1)
    assert place.shape == (300, COORDINATES)
    used = teachers & (np.arange(300) != 7)
    assert (place[used] ** 2).sum(1).mean() == pytest.approx(1)
    first = place[:, 0] * np.sign(place[home == 1, 0].mean())
    assert ((first > 0) == home)[~teachers].mean() > 0.9
    assert np.allclose(coordinates(texture[~teachers], arrays), place[~teachers], atol=1e-5)


def test_a_teachers_own_report_is_not_read_for_its_place() -> None:
    told = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        texture, said = rng.normal(size=(200, 60)), (rng.random((200, 1)) < 0.5).astype(np.float32)
        place, arrays = department.fit(texture, said, np.ones(200, bool), 1)
        own = (found[:, 0] for found in (place, coordinates(texture, arrays)))
        told.append([np.corrcoef(each, said[:, 0])[0, 1] for each in own])
    honest, by_heart = np.mean(told, 0)
    assert by_heart > 0.4, "whoever has read it knows it from noise"
    assert abs(honest) < 0.1
