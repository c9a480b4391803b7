"""The film in the browser: full depth, windows, measures that say their unit."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("selenium", reason="selenium comes with 'wetread[test]'")

import fakes
import numpy as np
import pydicom
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from harness import Page


def upload(page: Page, path: Path, data: bytes, accession: str) -> None:
    path.write_bytes(data)
    page.keys("u")
    page.see("dialog")
    page.all("dialog input[type=file]")[0].send_keys(str(path))
    page.click("dialog button[type=submit]")
    page.see(f"tr[data-accession={accession}]")


def greys(page: Page) -> list[int]:
    """The distinct greys of the film's part of the canvas."""
    return sorted(
        page.script(
            """
            const c = document.querySelector('canvas.film');
            const d = c.getContext('2d').getImageData((c.width >> 1) - 200, (c.height >> 1) - 200, 400, 400).data;
            const seen = new Set();
            for (let i = 0; i < d.length; i += 4) seen.add(d[i]);
            return [...seen];
            """
        )
    )


def test_a_window_of_twenty_levels_shows_twenty_greys(page: Page, tmp_path: Path) -> None:
    side = 512
    ramp = (np.arange(side * side) * 4096 // (side * side)).astype("<u2").reshape(side, side)
    ds = pydicom.dcmread(io.BytesIO(fakes.dicom(50, WindowCenter=2048, WindowWidth=20, AccessionNumber="R50")))
    ds.Rows, ds.Columns, ds.PixelData = side, side, ramp.tobytes()
    data = io.BytesIO()
    ds.save_as(data)
    page.log_in("reader")
    upload(page, tmp_path / "ramp.dcm", data.getvalue(), "R50")
    page.click("tr[data-accession=R50] .name a")
    page.see("canvas.film")
    page.keys("o")  # one film pixel per screen pixel
    page.until(lambda: page.see(".corner.bottom-right", "100 %"), "not at 1 : 1")
    page.until(lambda: len(greys(page)) == 20, "a window of 20 levels does not show 20 greys")
    levels = greys(page)
    assert (levels[0], levels[-1]) == (0, 255)

    page.click(".preset option", "Whole range")
    page.until(lambda: len(greys(page)) > 150, "the whole range shows few greys")


def test_window_zoom_and_measures(page: Page, tmp_path: Path) -> None:
    page.log_in("reader")
    upload(page, tmp_path / "without.dcm", fakes.dicom(51, AccessionNumber="W51", ImagerPixelSpacing=None), "W51")
    page.read("A2")
    pane = page.see(".pane")
    before = page.see(".corner.bottom-left").text
    ActionChains(page.driver, duration=20).drag_and_drop_by_offset(pane, 60, 40).perform()
    page.until(lambda: page.see(".corner.bottom-left").text != before, "dragging did not change the window")
    assert "mm at the detector" in page.see(".corner.bottom-right").text

    page.keys("d", Keys.ENTER)
    length = page.see(".measure-text").text
    columns = fakes.chest().shape[1]
    assert length == f"{columns * 0.2 * 0.2:.1f} mm"  # a fifth of the film, 0.2 mm a column
    page.keys(Keys.ENTER, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    page.see(".measure-text", f"{(columns * 0.2 + 4) * 0.2:.1f} mm")
    page.keys("x", "h", Keys.ENTER)
    page.see(".measure-text.strong", "CTR 0.50")
    page.keys("x", "h")

    scale = page.see(".corner.bottom-right").text
    page.keys("+")
    page.until(lambda: page.see(".corner.bottom-right").text != scale, "the key did not zoom")
    page.keys("m")
    page.see("canvas.lens")
    page.keys("m")
    page.gone("canvas.lens")

    page.keys("q")
    page.read("W51")
    assert "pixels" in page.see(".corner.bottom-right").text
    page.keys("d", Keys.ENTER)
    assert page.see(".measure-text").text == f"{columns * 0.2:.0f} px"
