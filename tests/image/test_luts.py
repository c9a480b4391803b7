"""Modality LUT, VOI LUT and padding, against pydicom's own processing."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

from tests.image.make import dataset, ramp
from wetread.image.luts import (
    Window,
    first_number,
    modality_values,
    padding_mask,
    percentile_window,
    voi_table,
    window_of,
)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (1000, 300), (3000, 60), (100, 40.5)])
def test_windows_agree_with_pydicom(function: str, center: float, width: float) -> None:
    ds = dataset(ramp(), WindowCenter=[center, 5], WindowWidth=[width, 9], VOILUTFunction=function)
    expected = apply_windowing(ramp(), ds) / 4095
    window = window_of(ds)
    assert window == Window(center, width, function)
    assert np.abs(window.apply(ramp()) - expected).max() < 2e-4


def test_a_window_of_width_one_is_a_step() -> None:
    shown = Window(100, 1).apply(np.array([[98, 99, 100, 101]]))
    assert shown.tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("slope", [2.0, 0.5, -1.0])
def test_rescale_agrees_with_pydicom(slope: float) -> None:
    ds = dataset(ramp(), RescaleSlope=slope, RescaleIntercept=-1024)
    assert np.allclose(modality_values(ds, ramp()), apply_modality_lut(ramp(), ds))


def test_without_rescale_nothing_is_copied() -> None:
    stored = ramp()
    assert modality_values(dataset(stored), stored) is stored
    assert modality_values(dataset(stored, RescaleSlope=0, RescaleIntercept=0), stored) is stored


def _lut(first: int, bits: int) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [4096 - first, first, bits]
    item.LUTData = ((np.linspace(0, 1, 4096 - first) ** 0.5) * (2**bits - 1)).astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    return item


@pytest.mark.parametrize("first", [0, 200])
def test_lut_sequences_agree_with_pydicom(first: int) -> None:
    ds = dataset(ramp(), ModalityLUTSequence=[_lut(first, 16)])
    assert np.array_equal(modality_values(ds, ramp()), apply_modality_lut(ramp(), ds))
    ds = dataset(ramp(), VOILUTSequence=[_lut(first, 16)])
    values, bits = voi_table(ds, ramp())
    assert bits == 16
    assert np.array_equal(values, apply_voi(ramp(), ds))


def test_a_table_of_twelve_bits_keeps_its_ends() -> None:
    values, bits = voi_table(dataset(ramp(), VOILUTSequence=[_lut(200, 12)]), ramp())
    assert bits == 12
    assert (values.min(), values.max()) == (0, 4095)
    assert not values[ramp() <= 200].any()


def test_an_unusable_table_is_absent() -> None:
    item = _lut(0, 16)
    item.LUTDescriptor = [4096, 0, 40]
    assert voi_table(dataset(ramp(), VOILUTSequence=[item]), ramp()) is None
    item.LUTDescriptor = [60000, 0, 16]
    assert voi_table(dataset(ramp(), VOILUTSequence=[item]), ramp()) is None


def test_padding_is_found_in_both_signs() -> None:
    stored = np.array([[0, 1, 2, 3]], np.uint16)
    assert padding_mask(dataset(ramp()), stored) is None
    ds = dataset(ramp(), PixelPaddingValue=2)
    assert padding_mask(ds, stored).tolist() == [[False, False, True, False]]
    ds.PixelPaddingRangeLimit = 3
    assert padding_mask(ds, stored).tolist() == [[False, False, True, True]]
    signed = np.array([[-2000, 0, 5]], np.int16)
    ds = dataset(ramp().astype(np.int16), PixelPaddingValue=-2000)
    assert padding_mask(ds, signed).tolist() == [[True, False, False]]


def test_padding_does_not_set_the_window() -> None:
    stored = np.full((100, 100), 30000, np.uint16)
    stored[:50] = np.linspace(100, 200, 5000).reshape(50, 100)
    window = percentile_window(stored, stored == 30000)
    assert 90 <= window.width <= 101
    assert window.center == pytest.approx(150, abs=2)


@pytest.mark.parametrize(
    ("value", "number"),
    [(None, None), ("", None), ("7", 7.0), (["3", "4"], 3.0), ([], None), ("1e999", None), ("nan", None), (b"x", None)],
)
def test_broken_numbers_are_absent(value: object, number: float | None) -> None:
    assert first_number(value) == number


@pytest.mark.parametrize(("center", "width"), [(None, 5), (5, None), (5, 0), (5, -3)])
def test_useless_windows_are_absent(center: object, width: object) -> None:
    ds = Dataset()
    ds.WindowCenter, ds.WindowWidth = center, width
    assert window_of(ds) is None
