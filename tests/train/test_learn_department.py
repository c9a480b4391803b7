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


def test_a_film_that_was_exported_otherwise_keeps_its_department() -> None:
    """Two values tell the department; one of them keeps when a film is exported otherwise, the other does not."""
    rng = np.random.default_rng(0)
    home, texture, wordings = _collection(rng)
    texture[:, 1] += 3 * home
    texture[:, 4:] = np.nan_to_num(texture[:, 4:])
    exported = [texture.copy() for _ in range(3)]
    for values in exported:
        values[:, 1] = rng.normal(size=300) + 6 * rng.choice((-1, 1), 300)
    everyone = np.ones(300, bool)

    def moved(arrays: dict[str, np.ndarray]) -> float:
        here, there = (coordinates(values, arrays) for values in (texture, exported[0]))
        return float(((here - there) ** 2).sum(1).mean() / (2 * here.var(0).sum()))

    (alone, before), (settled, after) = (
        department.fit(texture, wordings, everyone, 1, read) for read in ((), exported[1:])
    )
    assert moved(after) < 0.5 * moved(before)
    each = np.stack([coordinates(own, after) for own in exported[0]])
    assert np.allclose(each, coordinates(exported[0], after), atol=1e-5), "one study by itself is told alike"
    same = np.isclose(alone, settled).all(1)
    assert 0.9 < same.mean() < 1, "films as they are lie where they lay, but for the twentieth that looks exported"
