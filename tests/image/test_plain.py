"""PNG, JPEG and TIFF in every mode that a film is saved in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tests.image.make import ramp
from wetread.errors import InputError, NotAChestFilm
from wetread.image.plain import read_picture, render

GREY = ramp(top=255).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA", "RGBA", "1"])
def test_eight_bits(tmp_path: Path, suffix: str, mode: str) -> None:
    if suffix == "jpg" and mode not in ("L", "RGB"):
        pytest.skip("JPEG has no such mode")
    Image.fromarray(GREY).convert(mode).save(path := tmp_path / f"f.{suffix}", quality=98)
    values, notes = read_picture(path)
    assert values.dtype == np.uint8
    assert not notes
    if mode != "1":
        assert np.abs(values.astype(int) - GREY).max() <= (3 if suffix == "jpg" else 0)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_fill_the_range(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(ramp()).save(path := tmp_path / f"f.{suffix}")
    values, _ = read_picture(path)
    assert values.dtype == np.uint16
    assert np.array_equal(values, ramp())
    shown = render(values)
    assert (shown.min(), shown.max()) == (0, 1)


def test_white_is_zero(tmp_path: Path) -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    Image.fromarray(ramp()).save(path := tmp_path / "f.tif", tiffinfo=info)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01\x00")  # PhotometricInterpretation, SHORT, 1 value: 1
    raw[at + 8] = 0
    path.write_bytes(raw)
    assert np.array_equal(read_picture(path)[0], 65535 - ramp())


def test_transparent_is_black(tmp_path: Path) -> None:
    alpha = np.full_like(GREY, 255)
    alpha[:10] = 0
    Image.merge("LA", [Image.fromarray(255 - GREY), Image.fromarray(alpha)]).save(path := tmp_path / "f.png")
    values, _ = read_picture(path)
    assert not values[:10].any()
    assert values[20, 0] > 0


def test_orientation_of_exif_is_followed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # the first row is the right side
    Image.fromarray(GREY).save(path := tmp_path / "f.png", exif=exif)
    assert np.array_equal(read_picture(path)[0], np.rot90(GREY, -1))


def test_floating_point_tiff(tmp_path: Path) -> None:
    Image.fromarray(ramp().astype(np.float32) - 1000).save(path := tmp_path / "f.tif")
    shown = render(read_picture(path)[0])
    assert shown.min() == 0
    assert shown.max() == 1
    Image.fromarray(np.full((70, 70), np.nan, np.float32)).save(path)
    with pytest.raises(InputError, match="no numbers"):
        read_picture(path)


def test_colour_is_refused_and_a_coloured_mark_is_not(tmp_path: Path) -> None:
    rgb = np.stack([GREY] * 3, -1)
    rgb[:4, :4] = (255, 0, 0)
    Image.fromarray(rgb).save(path := tmp_path / "f.png")
    assert read_picture(path)[0].shape == GREY.shape
    rgb[:, 40:] = (200, 30, 30)
    Image.fromarray(rgb).save(path)
    with pytest.raises(NotAChestFilm, match="colour"):
        read_picture(path)


def test_pages_are_noticed(tmp_path: Path) -> None:
    page = Image.fromarray(GREY)
    page.save(path := tmp_path / "f.tif", save_all=True, append_images=[page])
    assert "page" in read_picture(path)[1][0]
