"""The guard: the real film in, everything else out; what the figures are stands in docs/results.md."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.image.make import SHARED
from wetread.errors import BundleError
from wetread.image import guard
from wetread.image.transforms import RASTER, squash, to_input


@lru_cache(maxsize=2)
def real(name: str) -> np.ndarray:
    pytest.importorskip("data_store", reason="pydicom-data is not installed")
    from pydicom.data import get_testdata_file

    from wetread.image import dicom

    path = get_testdata_file(f"{name}.dcm", download=False)
    ds = dicom.read_dataset(path)
    return dicom.render(dicom.film_of(ds, path))[0]


def test_the_real_film_is_a_frontal_one() -> None:
    seen = guard.assess(real("RG1_UNCR"))
    assert seen.refusal is None
    assert seen.projection == "frontal"
    assert not seen.negative


@pytest.mark.parametrize("size", [256, 512])
def test_its_thumbnail_is_judged_alike(size: int) -> None:
    small = guard.assess(squash(real("RG1_UNCR"), size))
    assert small.refusal is None
    assert small.chest == pytest.approx(guard.assess(real("RG1_UNCR")).chest, abs=0.1)


def test_the_tibia_is_refused() -> None:
    assert "does not look like a chest radiograph" in str(guard.assess(real("RG3_UNCR")).refusal)


def test_its_negative_is_recognised() -> None:
    seen = guard.assess(1 - real("RG1_UNCR"))
    assert seen.negative
    assert seen.refusal is None


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_film_is_refused(quarters: int) -> None:
    assert guard.assess(np.ascontiguousarray(np.rot90(real("RG1_UNCR"), quarters))).refusal is not None


def _page() -> np.ndarray:
    page = Image.new("L", (600, 800), 255)
    draw = ImageDraw.Draw(page)
    for line in range(40, 760, 20):
        draw.text((40, line), "the quick brown fox jumps over the lazy dog " * 2, fill=0)
    return np.asarray(page, np.float32) / 255


@pytest.mark.parametrize("what", ["noise", "gradient", "page", "black", "white", "disc"])
def test_pictures_of_nothing_are_refused(what: str) -> None:
    y, x = np.mgrid[0:300, 0:260].astype(np.float32) / 300
    picture = {
        "noise": np.random.default_rng(0).random((300, 260), np.float32),
        "gradient": x + y,
        "page": _page(),
        "black": np.zeros((300, 260), np.float32),
        "white": np.ones((300, 260), np.float32),
        "disc": (np.hypot(x - 0.4, y - 0.5) < 0.3).astype(np.float32),
    }[what]
    seen = guard.assess(picture)
    assert seen.refusal is not None
    assert ("blank" in seen.refusal) == (what in ("black", "white"))


def test_a_strip_is_refused() -> None:
    assert guard.assess(real("RG1_UNCR")[:300]).refusal is not None


def test_validation_films_pass() -> None:
    """A sample of each projection; the whole split is measured by benchmarks/image.py."""
    table = SHARED / "iu_xray/images.csv"
    if not table.exists():
        pytest.skip("the IU X-Ray films are not here (WETREAD_SHARED)")
    with table.open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "val"][::10]
    results = []
    for row in rows:
        with Image.open(SHARED / "iu_xray/images" / row["filename"]) as image:
            seen = guard.assess(np.asarray(image, np.float32) / 255)
        results.append((seen.refusal is None, seen.projection == row["projection"].lower()))
    accepted, right = np.mean(results, axis=0)
    assert accepted >= 0.97
    assert right >= 0.95


def test_features_do_not_depend_on_the_rendering() -> None:
    film = to_input(real("RG1_UNCR"), RASTER)
    a, b = guard.features(film), guard.features(to_input(0.3 + 0.4 * film, RASTER))
    assert np.abs(a - b).max() < 1e-3


def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    guard.weights.cache_clear()
    monkeypatch.setattr(guard, "SHA256", "0" * 64)
    with pytest.raises(BundleError, match="checksum"):
        guard.weights()


def test_the_weights_are_small() -> None:
    assert (Path(guard.__file__).parent / "data/guard.npz").stat().st_size <= 300_000
