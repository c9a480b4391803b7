"""One room and one browser for the whole session; each test starts as a stranger with an empty browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

try:
    import harness
except ImportError:  # selenium comes with the extra 'test'
    harness = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from harness import Page, Room
    from selenium.webdriver import Chrome

ROOM_TESTS = Path(__file__).resolve().parents[1] / "room"
sys.path.append(str(ROOM_TESTS))


def _needs() -> None:
    if harness is None:
        pytest.skip("selenium is not installed: pip install 'wetread[test]'")
    for name in ("fastapi", "uvicorn", "sqlalchemy"):
        pytest.importorskip(name, reason=f"{name} comes with 'wetread[room]'")
    if not harness.CHROMIUM or not harness.DRIVER:
        pytest.skip("chromium and chromedriver are not installed (Debian: chromium, chromium-driver)")


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A running room with ten drafted studies, A0 to A9, and the accounts reader, second, resident, admin.

    reader1 reads German: who chooses a language keeps it, also when the test fails half-way.
    """
    _needs()
    room = harness.Room(tmp_path_factory.mktemp("room") / "data", "--readers", "1")
    room.start(films=10)
    yield room
    room.stop()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    _needs()
    with harness.chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def page(room: Room, browser: Chrome) -> Iterator[Page]:
    """The login page. At the end the console must have said nothing but what the test put into ``page.expected``."""
    page = harness.Page(browser, room)
    harness.resize(browser, (1280, 800))
    page.open()
    page.see("form.login")
    yield page
    complaints = page.complaints()
    for extra in browser.window_handles[1:]:
        browser.switch_to.window(extra)
        browser.close()
    browser.switch_to.window(browser.window_handles[0])
    browser.execute_cdp_cmd("Network.disable", {})  # and with it a line that the test has cut
    page.script("sessionStorage.clear()")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": room.url.rstrip("/"), "storageTypes": "all"})
    browser.get("about:blank")
    page.complaints()
    unexpected = [c for c in complaints if not any(e in c for e in page.expected)]
    assert not unexpected, f"the console said: {unexpected}"
