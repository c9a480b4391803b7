from __future__ import annotations

import numpy as np

from wetread.train.mean_films import mean_films


def test_the_mean_films_are_of_each_projection() -> None:
    films = np.zeros((8, 256, 256), np.uint8)
    films[:4, 64:128] = 200
    films[4:, :, 64:128] = 200
    lateral = np.arange(8) >= 4
    frontal, side = mean_films(films, lateral, range(8), seed=1)
    assert frontal[12].mean() > 0.9 > 0.1 > frontal[24].mean()
    assert side[:, 12].mean() > 0.9 > 0.1 > side[:, 24].mean()


def test_a_collection_without_laterals_has_one_mean_film() -> None:
    films = np.random.default_rng(0).integers(0, 256, (5, 256, 256)).astype(np.uint8)
    frontal, side = mean_films(films, np.zeros(5, bool), range(5), seed=1)
    assert np.array_equal(frontal, side)
