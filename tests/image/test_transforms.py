"""Any size, any rendering: one input."""

from __future__ import annotations

import numpy as np
import pytest

from wetread.image.transforms import RASTER, squash, stretch, to_input


def _scene(rows: int, columns: int) -> np.ndarray:
    """A smooth picture that is the same at any resolution."""
    y, x = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    return (0.5 + 0.3 * np.sin(7 * x + 2 * y) * np.cos(5 * y) + 0.1 * x).astype(np.float32)


@pytest.mark.parametrize("size", [64, 224, 256, 320])
def test_a_film_and_its_thumbnail_give_nearly_the_same_input(size: int) -> None:
    large, small = to_input(_scene(1955, 1841), size), to_input(_scene(256, 256), size)
    assert large.shape == (size, size)
    assert large.dtype == np.float32
    assert np.abs(large - small).max() < 0.01


def test_brightness_contrast_and_depth_change_nothing() -> None:
    film = _scene(700, 500)
    expected = to_input(film, 224)
    assert np.abs(to_input(0.2 + 0.4 * film, 224) - expected).max() < 1e-5
    assert np.abs(to_input((film * 255).round() / 255, 224) - expected).max() < 0.01


def test_squash_keeps_the_mean_and_every_corner() -> None:
    film = np.zeros((512, 1024), np.float32)
    film[:256, :512] = 1
    small = squash(film, 64)
    assert small.mean() == pytest.approx(film.mean(), abs=1e-6)
    assert small[0, 0] == 1
    assert small[-1, -1] == 0


def test_a_film_smaller_than_the_raster_is_enlarged() -> None:
    assert to_input(_scene(30, 300), RASTER).shape == (RASTER, RASTER)


def test_a_flat_picture_is_zero() -> None:
    assert not stretch(np.full((9, 9), 0.7, np.float32)).any()


@pytest.mark.parametrize("shape", [(0, 5), (5,), (5, 5, 3)])
def test_what_has_no_rows_and_columns_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rows and columns"):
        to_input(np.zeros(shape, np.float32), 64)
