"""Every page by axe, in both languages and on both screens; the worklist and what the administrator does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("selenium", reason="selenium comes with 'wetread[test]'")

import harness
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from harness import Page

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def axe(page: Page, where: str) -> None:
    """No violation of WCAG 2.1 A and AA, and of axe's best practices."""
    if not page.script("return Boolean(window.axe)"):
        page.script(AXE.read_text(encoding="utf-8"))
    found = page.driver.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        const tell = n => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '');
        axe.run(document, {resultTypes: ['violations']}).then(r => done(
          r.violations.map(v => v.id + ': ' + v.help + ' ' + v.nodes.slice(0, 3).map(tell).join(' | '))));
        """
    )
    assert not found, f"{where}: {found}"


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci in frontend/")
def test_accessible(page: Page) -> None:
    page.driver.set_script_timeout(60)
    axe(page, "login")
    page.log_in("admin")
    page.see("tbody tr")
    axe(page, "worklist")
    page.keys("u")
    page.see("dialog")
    axe(page, "upload")
    page.keys(Keys.ESCAPE)
    for link, seen in (
        ("Statistics", "main.statistics"),
        ("Reader studies", "main.page"),
        ("Administration", "tbody tr"),
    ):
        page.click("nav a", link)
        page.see(seen)
        axe(page, link)
    for part in ("audit", "system"):
        page.click(".filters button", {"audit": "Audit", "system": "System"}[part])
        page.see("main tbody tr, main dl.facts")
        axe(page, part)
    page.log_out()
    page.log_in("reader")
    page.read("A0")
    page.keys("j")
    page.see(".region")
    axe(page, "reading")
    page.keys("?")
    page.see("dialog", "Keyboard")
    page.shot("keys")
    axe(page, "keys")
    page.keys(Keys.ESCAPE)
    page.chord(Keys.CONTROL, Keys.ENTER)
    page.see("dialog [name=password]")
    axe(page, "sign")


def test_german_and_a_portrait_screen(page: Page) -> None:
    page.click(".languages button", "DE")
    page.see("form.login button", "Anmelden")
    page.log_in("reader1")
    page.click(".languages button", "DE")
    page.see("h1", "Arbeitsliste")
    page.see("tr[data-accession=A8] .meter[aria-label*='Kardiomegalie .']")
    harness.resize(page.driver, (1200, 1600))
    page.read("A8")
    page.see(".field-head label", "Beurteilung")
    page.see("button.bar", "Kardiomegalie")
    page.shot("portrait-german")
    film = page.see(".viewer").rect
    report = page.see(".report").rect
    assert film["height"] > 600
    assert film["width"] == report["width"] == 1200
    assert page.script("return document.documentElement.scrollWidth") <= 1200
    page.driver.refresh()
    page.see(".field-head label", "Beurteilung")
    page.keys("q")
    page.click(".languages button", "EN")
    page.see("h1", "Worklist")


def test_it_says_what_it_is_everywhere(page: Page) -> None:
    page.see(".research", "Research use; not a medical device.")
    page.log_in("resident")
    page.see(".research", "Research use; not a medical device.")
    page.read("A2")
    page.see(".research", "Research use; not a medical device.")


def test_a_new_user_sets_a_password_by_the_one_time_link(page: Page) -> None:
    page.log_in("admin")
    page.click("nav a", "Administration")
    page.see("form.card [name=username]").send_keys("newcomer")
    page.see("form.card [name=name]").send_keys("Dr New Comer")
    page.click("form.card button[type=submit]")
    link = str(page.see(".notice input").get_property("value"))
    page.log_out()
    page.driver.get(link)
    page.see("form.login [name=password]").send_keys("a long enough one")
    page.see("form.login [name=again]").send_keys("a long enough one")
    page.click("form.login button[type=submit]")
    page.see("main.worklist")
    page.see("header.shell button", "Dr New Comer")


def test_claiming_and_filtering(page: Page) -> None:
    page.log_in("second")
    page.see("tbody tr")
    page.keys("/", "A9", Keys.ENTER)
    page.until(lambda: len(page.all("tbody tr")) == 1, "the search did not narrow the list")
    page.keys("c")
    page.see("tr[data-accession=A9] .mine", "you")
    page.keys("c")
    page.gone("tr[data-accession=A9] .mine")
    page.click(".filters button", "Failed")
    page.see(".empty", "No study fits this filter.")
