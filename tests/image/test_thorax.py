from __future__ import annotations

import numpy as np
import pytest

from wetread.image.thorax import SIDE, Frame, mean_film, place, places, register, thumbnail


def chest(x: float = 0.0, y: float = 0.0, wide: float = 1.0, high: float = 1.0, side: int = 128) -> np.ndarray:
    """A drawing: two dark lungs and the heart in a grey trunk; shift and size in sides of the film."""
    row, column = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    row, column = (row - y) / high, (column - x) / wide
    film = 0.75 * np.clip((0.46 - np.abs(column)) * 20, 0, 1) * np.clip((row + 0.45) * 20, 0, 1)
    for centre in (-0.2, 0.2):
        lung = ((column - centre) / 0.12) ** 2 + ((row + 0.02) / 0.28) ** 2
        film = film - 0.55 * np.clip((1.2 - lung) * 4, 0, 1)
    heart = ((column - 0.06) / 0.13) ** 2 + ((row - 0.12) / 0.12) ** 2
    return np.clip(film + 0.5 * np.clip((1.2 - heart) * 4, 0, 1), 0, 1).astype(np.float32)


MEAN = thumbnail(chest())


@pytest.mark.parametrize(("x", "y"), [(0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1), (0.06, -0.06)])
def test_the_frame_follows_a_shift(x: float, y: float) -> None:
    assert register(thumbnail(chest(x, y)), MEAN).shift == pytest.approx((x, y), abs=0.02)


def test_the_frame_follows_the_size() -> None:
    frame = register(thumbnail(chest(wide=0.85, high=1.1)), MEAN)
    assert np.exp(frame.size) == pytest.approx((0.85, 1.1), abs=0.05)


def test_a_place_moves_with_the_chest() -> None:
    frame = register(thumbnail(chest(0.1, 0.05)), MEAN)
    moved = frame.onto_film(place("heart", False, 28))
    row, column = np.mgrid[:28, :28]

    def centre(values: np.ndarray) -> tuple[float, float]:
        return float((values * column).sum() / values.sum() / 28), float((values * row).sum() / values.sum() / 28)

    before, after = centre(place("heart", False, 28)), centre(moved)
    assert np.subtract(after, before) == pytest.approx((0.1, 0.05), abs=0.02)


def test_onto_mean_undoes_onto_film() -> None:
    frame = Frame((0.08, -0.05), (0.1, -0.1))
    there = frame.onto_film(place("lungs", False, 56))
    assert np.abs(frame.onto_mean(there) - place("lungs", False, 56)).mean() < 0.02


def test_exposure_and_raster_change_nothing() -> None:
    film = chest(0.05, 0.05, side=900)[:, ::2]
    frame = register(thumbnail(film), MEAN)
    assert frame.shift == pytest.approx((0.05, 0.05), abs=0.02)
    assert register(thumbnail(0.3 * film + 0.2), MEAN).shift == pytest.approx(frame.shift, abs=1e-3)


@pytest.mark.parametrize("film", [np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE))])
def test_a_film_without_contrast_lies_as_the_mean(film: np.ndarray) -> None:
    assert register(film, MEAN) == Frame()


def test_noise_gives_a_frame_within_bounds() -> None:
    frame = register(np.random.default_rng(0).random((SIDE, SIDE)), MEAN)
    assert max(map(abs, frame.shift)) <= 0.3
    assert max(map(abs, frame.size)) <= 0.4


def test_the_mean_of_shifted_chests_is_a_chest_in_the_middle() -> None:
    shifts = [(0.06, 0), (-0.06, 0), (0, 0.06), (0, -0.06)]
    films = np.stack([thumbnail(chest(x, y)) for x, y in shifts])
    blurred, mean = films.mean(0), mean_film(films)
    assert np.abs(mean - MEAN).mean() < 0.5 * np.abs(blurred - MEAN).mean()


def test_every_place_is_on_both_projections() -> None:
    for name in places():
        for lateral in (False, True):
            cover = place(name, lateral, 28)
            assert 0 < cover.max() <= 1
    right, left = place("right", False, 28), place("left", False, 28)
    lungs = place("lungs", False, 28)
    assert (lungs * right)[:, :13].sum() > 0.9 * (lungs * right).sum()
    assert (lungs * left)[:, 14:].sum() > 0.9 * (lungs * left).sum()
