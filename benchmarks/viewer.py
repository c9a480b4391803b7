"""The viewer in a real browser: milliseconds a window/level frame on a 2,500 × 2,048 film; signature to next study.

    python benchmarks/viewer.py [--frames 120]

A frame is what the page does between two movements of the mouse: the table, every pixel of the canvas through it, and
handing the picture over; the browser's own timeline records it ("wetread:window" and "wetread:move"). The film is shown
at one film pixel per screen pixel at 1280 × 800, at 2560 × 1440, and on a screen that holds the whole film, and its
frames are printed beside the limit of 20 ms. "Between frames" is the time from one drawn frame to the next, with the
browser's own work (in headless Chromium its drawing by software). The last figure is the time between the server's
answer to a signature and the first drawn frame of the next study, beside its limit of 500 ms.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom

ROOT = Path(__file__).resolve().parents[1]
for folder in ("browser", "room"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

import fakes  # noqa: E402
import harness  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

ROWS, COLUMNS = 2500, 2048
LIMIT_MS, NEXT_LIMIT_MS = 20.0, 500.0
SCREENS = ((1280, 800), (2560, 1440), (3400, 2640))


def large_film(seed: int) -> bytes:
    """A 12-bit film of 2,500 × 2,048 pixels."""
    ds = pydicom.dcmread(io.BytesIO(fakes.dicom(seed, AccessionNumber=f"L{seed}")))
    ds.Rows, ds.Columns = ROWS, COLUMNS
    ds.PixelData = np.rint(fakes.chest(seed, ROWS, COLUMNS) * 4095).astype("<u2").tobytes()
    out = io.BytesIO()
    ds.save_as(out)
    return out.getvalue()


def frames(page: harness.Page, keys: tuple[str, str], name: str, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each frame, and between frames, while two keys are pressed by turns, one frame a key."""
    own, between = page.driver.execute_async_script(
        """
        const [keys, name, count, done] = arguments;
        performance.clearMeasures(name);
        const pane = document.querySelector('.pane.active');
        const between = [];
        let left = count, last = performance.now();
        const next = () => {
          const now = performance.now();
          between.push(now - last);
          last = now;
          if (left-- === 0) return done([performance.getEntriesByName(name).map(m => m.duration), between.slice(1)]);
          const press = {key: keys[left % 2], shiftKey: name === 'wetread:window', bubbles: true};
          pane.dispatchEvent(new KeyboardEvent('keydown', press));
          requestAnimationFrame(() => setTimeout(next));
        };
        next();
        """,
        keys,
        name,
        count,
    )
    return own, between


def tell(what: str, values: list[float], limit: float) -> None:
    ordered = sorted(values)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    median = statistics.median(ordered)
    share = f"{median / limit:.2f} of the limit of {limit:.0f} ms"
    print(f"{what}: median {median:.1f} ms, p95 {p95:.1f} ms, n {len(ordered)}; {share}")


def after_signing(page: harness.Page) -> float:
    """Milliseconds from the answer to the signature to the next study's film on the canvas."""
    page.script(
        """
        window.nextShown = null;
        const old = document.querySelector('canvas.film').dataset.film;
        const watch = () => {
          const canvas = document.querySelector('canvas.film');
          const drawn = canvas && canvas.dataset.film !== old
            && performance.getEntriesByName('wetread:move').at(-1)?.startTime > (window.signedAt ?? Infinity);
          if (drawn) window.nextShown = performance.now() - window.signedAt;
          else requestAnimationFrame(watch);
        };
        new PerformanceObserver(list => {
          for (const e of list.getEntries()) if (e.name.endsWith('/sign')) window.signedAt = e.responseEnd;
        }).observe({type: 'resource'});
        watch();
        """
    )
    page.chord(Keys.CONTROL, Keys.ENTER)
    page.sign()
    return float(page.until(lambda: page.script("return window.nextShown"), "the next study was not shown"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=120)
    args = parser.parse_args()
    harness.PATIENCE = 120.0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        room = harness.Room(home / "data")
        room.start()
        try:
            with harness.chromium(home / "profile") as driver:
                driver.set_script_timeout(120)
                page = harness.Page(driver, room)
                page.open()
                page.log_in("reader")
                for seed in (60, 61):
                    path = home / f"large{seed}.dcm"
                    path.write_bytes(large_film(seed))
                    page.keys("u")
                    page.see("dialog")
                    page.all("dialog input[type=file]")[0].send_keys(str(path))
                    page.click("dialog button[type=submit]")
                    page.see(f"tr[data-accession=L{seed}][data-status=unread]")
                page.read("L60")
                for size in SCREENS:
                    harness.resize(driver, size)
                    canvas = page.until(
                        lambda: page.script(
                            "const c = document.querySelector('canvas.film'); return [c.width, c.height]"
                        ),
                        "no canvas",
                    )
                    where = f"screen {size[0]} × {size[1]} (canvas {canvas[0]} × {canvas[1]})"
                    page.keys("o")
                    frames(page, ("ArrowUp", "ArrowDown"), "wetread:window", 10)
                    own, between = frames(page, ("ArrowUp", "ArrowDown"), "wetread:window", args.frames)
                    tell(f"window/level frame, {where}", own, LIMIT_MS)
                    tell(f"  between frames, {where}", between, LIMIT_MS)
                    tell(
                        f"pan frame, {where}",
                        frames(page, ("ArrowLeft", "ArrowRight"), "wetread:move", args.frames)[0],
                        LIMIT_MS,
                    )
                harness.resize(driver, SCREENS[0])
                tell("signature answered → next study drawn", [after_signing(page)], NEXT_LIMIT_MS)
        finally:
            room.stop()


if __name__ == "__main__":
    main()
