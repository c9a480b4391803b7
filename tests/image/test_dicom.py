"""Every transfer syntax and pixel format gives the pixels that were put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.image.make import dataset, ramp, write
from wetread.errors import InputError, NotAChestFilm
from wetread.image.dicom import facts_of, film_of, read_dataset, render, spacing_of


def stored(path: Path) -> np.ndarray:
    return film_of(read_dataset(path), path).stored


def shown(path: Path) -> np.ndarray:
    return render(film_of(read_dataset(path), path))[0]


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_uncompressed(tmp_path: Path, syntax: str, dtype: type) -> None:
    pixels = ramp(top=200 if dtype is np.uint8 else 4095).astype(dtype)
    if dtype is np.int16:
        pixels -= 2000
    path = write(tmp_path / "f.dcm", dataset(pixels, syntax=syntax, bits=16))
    assert np.array_equal(stored(path), pixels)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_compressed_without_loss(tmp_path: Path, syntax: str) -> None:
    ds = dataset(ramp(), bits=16)
    ds.compress(syntax, encoding_plugin={RLELossless: "pydicom", JPEGLSLossless: "pyjpegls"}.get(syntax, "pylibjpeg"))
    assert np.array_equal(stored(write(tmp_path / "f.dcm", ds)), ramp())


def test_jpeg_baseline(tmp_path: Path) -> None:
    import io

    from PIL import Image

    pixels = ramp(top=255).astype(np.uint8)
    Image.fromarray(pixels).save(out := io.BytesIO(), "JPEG", quality=95)
    ds = dataset(pixels, bits=8, syntax=JPEGBaseline8Bit)
    ds.PixelData = encapsulate([out.getvalue()])
    assert np.abs(stored(write(tmp_path / "f.dcm", ds)).astype(int) - pixels).max() <= 4


def test_jpeg_lossless_and_12_bit(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs", reason="the extra jpeg12 is not installed")
    ds = dataset(ramp(), bits=16, syntax=JPEGLosslessSV1)
    ds.PixelData = encapsulate([imagecodecs.ljpeg_encode(ramp(), bitspersample=16)])
    assert np.array_equal(stored(write(tmp_path / "a.dcm", ds)), ramp())
    ds = dataset(ramp(), bits=12, syntax=JPEGExtended12Bit)
    ds.PixelData = encapsulate([imagecodecs.jpeg8_encode(ramp(), level=98, bitspersample=12)])
    assert np.abs(stored(write(tmp_path / "b.dcm", ds)).astype(int) - ramp()).max() <= 40


def test_12_bit_jpeg_without_its_extra_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    # The header of a 12-bit frame is enough: SOI, SOF1 with 12 bits and 96×80 pixels.
    frame = bytes.fromhex("ffd8ffc1000b0c0060005001011100ffd9")
    ds = dataset(ramp(), bits=12, syntax=JPEGExtended12Bit)
    ds.PixelData = encapsulate([frame])
    with pytest.raises(InputError, match="jpeg12"):
        stored(write(tmp_path / "f.dcm", ds))


def test_without_preamble_and_meta(tmp_path: Path) -> None:
    ds = dataset(ramp())
    plain = pydicom.Dataset(ds)
    pydicom.dcmwrite(tmp_path / "f", plain, implicit_vr=True, little_endian=True)
    assert np.array_equal(stored(tmp_path / "f"), ramp())


def test_monochrome1_is_dense_where_low(tmp_path: Path) -> None:
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    a = shown(write(tmp_path / "a.dcm", dataset(ramp(), **window)))
    b = shown(write(tmp_path / "b.dcm", dataset(ramp(), PhotometricInterpretation="MONOCHROME1", **window)))
    assert a[0, 0] == 0
    assert np.allclose(a, 1 - b)


def test_padding_becomes_black_in_both_polarities(tmp_path: Path) -> None:
    pixels = ramp() + 1
    pixels[:20] = 0
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        ds = dataset(pixels, PhotometricInterpretation=photometric, PixelPaddingValue=0, bits=16)
        result = shown(write(tmp_path / "f.dcm", ds))
        assert not result[:20].any()
        assert result[20:].max() > 0.99


def test_overlay_bits_above_the_stored_ones_are_dropped(tmp_path: Path) -> None:
    path = write(tmp_path / "f.dcm", dataset(ramp() | np.uint16(0x8000), bits=12))
    assert np.array_equal(stored(path), ramp())


def test_grey_stored_as_rgb_is_read_and_colour_is_not(tmp_path: Path) -> None:
    pixels = ramp(top=255).astype(np.uint8)
    path = write(tmp_path / "a.dcm", dataset(np.stack([pixels] * 3, -1), bits=8))
    assert np.array_equal(stored(path), pixels)
    path = write(
        tmp_path / "b.dcm", dataset(np.stack([pixels, pixels.T[:1, :1] * 0 + 255 - pixels, pixels], -1), bits=8)
    )
    with pytest.raises(NotAChestFilm, match="colour"):
        stored(path)


def test_a_window_that_shows_nothing_is_replaced_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "f.dcm", dataset(ramp(), WindowCenter=60000, WindowWidth=10))
    pixels, notes = render(film_of(read_dataset(path), path))
    assert np.ptp(pixels) > 0.9
    assert "window" in notes[0]


def test_frames_and_raw_values_are_noticed(tmp_path: Path) -> None:
    ds = dataset(ramp(), NumberOfFrames=2, PresentationIntentType="FOR PROCESSING")
    ds.PixelData = ds.PixelData + ramp()[::-1].tobytes()
    path = write(tmp_path / "f.dcm", ds)
    film = film_of(read_dataset(path), path)
    assert np.array_equal(film.stored, ramp())
    assert len(film.warnings) == 2


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "SR", "ECG", "XX"])
def test_other_modalities_are_refused_by_name(tmp_path: Path, modality: str) -> None:
    path = write(tmp_path / "f.dcm", dataset(ramp(), Modality=modality))
    with pytest.raises(NotAChestFilm, match=modality):
        stored(path)


@pytest.mark.parametrize(
    ("keyword", "message"),
    [("Rows", "lacks Rows"), ("Columns", "lacks Columns"), ("PixelData", "no pixel data"), ("BitsAllocated", "lacks")],
)
def test_what_is_missing_is_named(tmp_path: Path, keyword: str, message: str) -> None:
    ds = dataset(ramp())
    del ds[keyword]
    with pytest.raises(InputError, match=message):
        stored(write(tmp_path / "f.dcm", ds))


def test_facts_of_the_header() -> None:
    ds = dataset(ramp(), PatientBirthDate="20100520", StudyDate="20200519", ViewPosition="PA", PixelSpacing=[0, 0])
    assert facts_of(ds) == {
        "PatientAge": "009Y",
        "ViewPosition": "PA",
        "Modality": "CR",
        "StudyInstanceUID": "1.2.3.4",
        "SOPInstanceUID": str(ds.SOPInstanceUID),
    }
    assert facts_of(dataset(ramp(), PatientBirthDate="20200101", StudyDate="20200701"))["PatientAge"] == "006M"


@pytest.mark.parametrize(
    ("patient", "detector", "expected"),
    [
        ([0.15, 0.16], [0.17, 0.17], (0.15, 0.16, "patient")),
        ([0.17, 0.17], [0.17, 0.17], (0.17, 0.17, "detector")),
        ([0, 0], [0.17, 0.17], (0.17, 0.17, "detector")),
        (None, None, None),
    ],
)
def test_spacing(patient: object, detector: object, expected: object) -> None:
    assert spacing_of(dataset(ramp(), PixelSpacing=patient, ImagerPixelSpacing=detector)) == expected


@pytest.mark.parametrize(("one", "two"), [("RG1_UNCR", "RG1_J2KR"), ("RG1_UNCI", "RG1_J2KI")])
def test_the_real_film_is_the_same_in_both_syntaxes(one: str, two: str) -> None:
    pytest.importorskip("data_store", reason="pydicom-data is not installed")
    a, b = (shown(Path(get_testdata_file(f"{name}.dcm", download=False))) for name in (one, two))
    assert a.shape == (1955, 1841)
    assert np.array_equal(a, b)
