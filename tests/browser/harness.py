"""A room as a process, a headless Chromium, and the few gestures that the browser tests are made of.

After login the tests only click and type, as a reader would; nothing here calls the interface.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

__all__ = ["CHROMIUM", "DRIVER", "PASSWORD", "Page", "Room", "chromium", "free_port", "resize"]

ROOT = Path(__file__).resolve().parents[2]
FAKE_ROOM = ROOT / "tests" / "room" / "fake_room.py"
CHROMIUM = os.environ.get("WETREAD_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = os.environ.get("WETREAD_CHROMEDRIVER") or shutil.which("chromedriver")
PASSWORD = "demonstration"
PATIENCE = 20.0
#: What Chromium says because the tests, not the page, read the canvas.
READBACK = "willReadFrequently"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Room:
    """The reading room as its own process group, so that it can be killed as a power cut would."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data, self.port, self._arguments = data, free_port(), arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self, films: int = 0) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data.parent / f"room-{self.port}.log").open("ab") as log:
            command = [sys.executable, FAKE_ROOM, "--port", self.port, "--data", self.data, "--films", films]
            self._process = subprocess.Popen(
                [*map(str, command), *self._arguments],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        wait(self._answers, "the room does not answer", 60)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}api/login", timeout=2):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        """kill -9 of the server and its workers."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None


def wait(condition: Callable[[], Any], complaint: str, patience: float = PATIENCE) -> Any:
    """The condition's value once it is true; AssertionError with the complaint when the patience is out."""
    end = time.monotonic() + patience
    while True:
        try:
            value = condition()
        except StaleElementReferenceException:  # drawn anew between finding and asking
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(complaint)
        time.sleep(0.05)


@contextmanager
def chromium(profile: Path, size: tuple[int, int] = (1280, 800)) -> Iterator[webdriver.Chrome]:
    """A headless browser with an empty profile and no connection of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for switch in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
        "--lang=en-GB",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        resize(driver, size)
        yield driver
    finally:
        driver.quit()


def resize(driver: webdriver.Chrome, size: tuple[int, int]) -> None:
    """Makes the page, not the window around it, that large."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False},
    )


class Page:
    """What a reader does, in words."""

    def __init__(self, driver: webdriver.Chrome, room: Room) -> None:
        self.driver, self.room = driver, room
        #: Parts of console messages that a test provokes, such as a refused password.
        self.expected: list[str] = []

    # -- looking ------------------------------------------------------------------------------------------------

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def see(self, selector: str, text: str | None = None, patience: float = PATIENCE) -> WebElement:
        """The first shown element of a selector (that holds the text), waited for."""

        def look() -> WebElement | None:
            for element in self.all(selector):
                if element.is_displayed() and (text is None or text in element.text):
                    return element
            return None

        found: WebElement = wait(look, f"no {selector} with {text!r} on the page", patience)
        return found

    def gone(self, selector: str, text: str | None = None) -> None:
        wait(
            lambda: not [e for e in self.all(selector) if e.is_displayed() and (text is None or text in e.text)],
            f"{selector} with {text!r} is still there",
        )

    def until(self, condition: Callable[[], Any], complaint: str) -> Any:
        return wait(condition, complaint)

    def field(self, section: str) -> WebElement:
        return self.see(f'textarea[data-section="{section}"]')

    def text(self, section: str) -> str:
        return str(self.field(section).get_property("value"))

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def complaints(self) -> list[str]:
        """What the console said at level warning or worse since the last look."""
        return [
            f"{e['level']} {e['message']}"
            for e in self.driver.get_log("browser")
            if e["level"] in ("SEVERE", "WARNING") and READBACK not in e["message"]
        ]

    def shot(self, name: str) -> None:
        """A picture of the page, where WETREAD_SCREENSHOTS names a folder."""
        folder = os.environ.get("WETREAD_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(Path(folder) / f"{name}.png"))

    # -- doing --------------------------------------------------------------------------------------------------

    def open(self, path: str = "") -> None:
        self.driver.get(self.room.url + path)

    def click(self, selector: str, text: str | None = None) -> None:
        def attempt() -> bool:
            self.see(selector, text, 1.0).click()
            return True

        end = time.monotonic() + PATIENCE
        while True:
            try:
                attempt()
                return
            except Exception:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def keys(self, *keys: str) -> None:
        """Keys pressed one after another, wherever the focus is."""
        actions = ActionChains(self.driver, duration=0)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def chord(self, *keys: str) -> None:
        """Keys held together, such as Control and Enter."""
        actions = ActionChains(self.driver, duration=0)
        for key in keys[:-1]:
            actions.key_down(key)
        actions.send_keys(keys[-1])
        for key in reversed(keys[:-1]):
            actions.key_up(key)
        actions.perform()

    def click_in_text(self, section: str, words: str) -> None:
        """Clicks into a field at the middle of the given words."""
        field = self.field(section)
        self.script("arguments[0].scrollIntoView({block: 'center'})", field)
        at = self.script(
            """
            const field = arguments[0], words = arguments[1];
            const mirror = field.parentElement.querySelector('.mirror');
            const walker = document.createTreeWalker(mirror, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
              const i = node.data.indexOf(words);
              if (i < 0) continue;
              const range = document.createRange();
              range.setStart(node, i);
              range.setEnd(node, i + words.length);
              const box = range.getClientRects()[0], home = field.getBoundingClientRect();
              const x = box.left + box.width / 2 - home.left - home.width / 2;
              return [x, box.top + box.height / 2 - home.top - home.height / 2];
            }
            return null;
            """,
            field,
            words,
        )
        assert at, f"{words!r} does not stand in {section}"
        ActionChains(self.driver, duration=0).move_to_element_with_offset(
            field, round(at[0]), round(at[1])
        ).click().perform()

    def log_in(self, username: str, password: str = PASSWORD) -> None:
        self.see("form.login [name=username]").send_keys(username)
        self.see("form.login [name=password]").send_keys(password)
        self.click("form.login button[type=submit]")
        self.see("main.page, main.reading-room")

    def read(self, accession: str) -> None:
        """From the worklist: opens the study by its accession number and waits for its film."""
        self.see("tbody tr", accession)
        self.click(f"tbody tr[data-accession='{accession}'] .name a")
        self.film()

    def film(self) -> None:
        """Waits until a film is drawn."""
        self.until(
            lambda: self.script(
                "return [...document.querySelectorAll('canvas.film')].some(c => c.width > 1 &&"
                " new Set(c.getContext('2d').getImageData(c.width / 4, c.height / 2, c.width / 2, 1).data).size > 3)"
            ),
            "no film is drawn",
        )

    def drop(self, selector: str, *files: Path) -> None:
        """Drags files from outside the browser onto an element."""
        box = self.see(selector).rect
        data = {"items": [], "files": [str(f) for f in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.driver.execute_cdp_cmd(
                "Input.dispatchDragEvent",
                {"type": kind, "x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "data": data},
            )

    def log_out(self) -> None:
        self.click("header.shell button", "Log out")
        self.see("form.login")

    def saved(self) -> None:
        self.see(".save-mark[data-state=saved]")

    def sign(self, password: str = PASSWORD) -> None:
        """In the open signing dialog: the password and Enter."""
        self.see("dialog [name=password]").send_keys(password)
        self.keys(Keys.ENTER)
