"""Where a label lies: on a frontal film by its map and its places, else by its map alone."""

from __future__ import annotations

import numpy as np
import pytest

from wetread.model.findings import SPINE, worn_spine
from wetread.model.runtime import BOTH_SD, Seen, StudyMemory, label_places


def seen(places: np.ndarray | None) -> Seen:
    """Two films of 20 concepts whose maps are 3 everywhere."""
    return Seen(np.zeros((2, 20)), np.full((2, 20, 14, 14), 3.0), np.array([-1.0, 1.0]), np.zeros((2, 4)), places)


ARRAYS = {
    "map_mean": np.ones(20),
    "map_sd": np.full(20, 2.0),
    "place_mean": np.full(14, 5.0),
    "place_sd": np.full(14, 0.5),
}
LATERAL = np.array([False, True])


def test_what_the_writer_reads() -> None:
    memory = StudyMemory.of(np.array([0.5, 0.0, 1.0]), np.array([0, 1, 2, 0]), np.array([3.0, 4]))
    assert memory.odds.shape == (1, 3)
    assert memory.odds[0, 0] == 0
    assert memory.odds[0, 2] == pytest.approx(-memory.odds[0, 1], rel=1e-4), "certain is not infinitely so"
    assert memory.asked.tolist() == [[0, 1, 2, 0]]
    assert memory.department.tolist() == [[3, 4]]


def test_places_count_on_frontal_films_alone() -> None:
    cells = label_places(seen(np.full((2, 14, 14, 14), 7.0)), LATERAL, ARRAYS)
    assert cells.shape == (2, 14, 14, 14)
    assert np.allclose(cells[0], (1 + 4) / 2 / BOTH_SD)
    assert np.allclose(cells[1], 1)


def test_without_places_the_map_tells() -> None:
    assert np.allclose(label_places(seen(None), LATERAL, ARRAYS), 1)


def test_films_of_several_stand_one_after_another() -> None:
    one, other = seen(np.zeros((2, 14, 14, 14))), seen(np.ones((2, 14, 14, 14)))
    both = Seen.of([one, other])
    assert both.logits.shape == (4, 20)
    assert both.places is not None
    assert both.places[:, 0, 0, 0].tolist() == [0, 0, 1, 1]
    assert Seen.of([seen(None)]).places is None


@pytest.mark.parametrize(("logit", "worn"), [(-1.1, False), (-0.9, True)])
def test_the_spine_is_worn_from_the_bundles_own_threshold(logit: float, worn: bool) -> None:
    concepts, mean = ["label:Edema", SPINE], np.array([9.0, logit])
    assert worn_spine(mean, concepts, {"spine_from": np.array([-1.0])}) is worn
    assert worn_spine(mean, concepts, {}), "a bundle without a threshold cannot tell"
