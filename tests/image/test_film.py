"""What the viewer gets: full depth, the default window, polarity, spacing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from tests.image.make import dataset, ramp, write
from wetread.errors import InputError
from wetread.image.film import raw_film


def test_a_dicom_film(tmp_path: Path) -> None:
    ds = dataset(
        ramp(), WindowCenter=1000, WindowWidth=500, PhotometricInterpretation="MONOCHROME1", PatientID="7",
        ImagerPixelSpacing=[0.2, 0.1], PatientOrientation=["L", "F"],
    )  # fmt: skip
    film = raw_film(write(tmp_path / "f.dcm", ds))
    assert np.array_equal(film.values, ramp())
    assert film.values.dtype == np.uint16
    assert (film.center, film.width, film.function, film.invert) == (1000, 500, "LINEAR", True)
    assert (film.spacing, film.spacing_at) == ((0.2, 0.1), "detector")
    assert film.banner["PatientName"] == "Test^Film"
    assert film.banner["PatientOrientation"] == "L\\F"


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2, 10), (0.3, 5), (-1, 0)])
def test_modality_values_can_be_led_back(tmp_path: Path, slope: float, intercept: float) -> None:
    ds = dataset(ramp(), RescaleSlope=slope, RescaleIntercept=intercept, WindowCenter=200, WindowWidth=100)
    film = raw_film(write(tmp_path / "f.dcm", ds))
    expected = ramp().astype(float) * slope + intercept
    assert np.abs(film.values * film.slope + film.intercept - expected).max() <= abs(film.slope) / 2 + 1e-3
    assert film.center * film.slope + film.intercept == pytest.approx(200)
    assert film.width * film.slope == pytest.approx(100)


def test_a_voi_table_is_applied(tmp_path: Path) -> None:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4096, 0, 12], np.arange(4095, -1, -1, dtype="<u2").tobytes()
    item["LUTData"].VR = "OW"
    film = raw_film(write(tmp_path / "f.dcm", dataset(ramp(), VOILUTSequence=[item])))
    assert np.array_equal(film.values, 4095 - ramp())
    assert film.width == 4095


@pytest.mark.parametrize("bits", [8, 16])
def test_a_picture(tmp_path: Path, bits: int) -> None:
    pixels = ramp(top=255).astype(np.uint8) if bits == 8 else ramp()
    Image.fromarray(pixels).save(path := tmp_path / "f.png")
    film = raw_film(path)
    assert np.array_equal(film.values, pixels)
    assert film.width == pytest.approx(255 if bits == 8 else 4095, rel=0.05)
    assert film.spacing is None
    assert film.banner == {}


def test_what_is_no_picture(tmp_path: Path) -> None:
    (path := tmp_path / "f.dcm").write_text("no film")
    with pytest.raises(InputError, match="no DICOM"):
        raw_film(path)
