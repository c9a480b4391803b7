"""Two tabs, two patients, a lost session: nothing typed is lost and nobody writes into the wrong report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("selenium", reason="selenium comes with 'wetread[test]'")

from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from harness import Page


def end(words: str) -> tuple[str, str]:
    return Keys.CONTROL + Keys.END + Keys.NULL, words


def line(page: Page, up: bool) -> None:
    """Cuts the line between this tab and the server, or mends it."""
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": not up, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
    )


def put_together(page: Page, *texts: str) -> str:
    """Answers the question about two versions of a report, which shows both texts; FINDINGS, which have both then."""
    shown = page.see("dialog", "Two versions of this report").text
    page.shot("conflict")
    page.click("dialog button", "Put both together")
    page.saved()
    findings = page.text("findings")
    assert all(text in shown and text in findings for text in texts), (shown, findings)
    return findings


def test_two_patients_in_two_tabs_are_guarded(page: Page) -> None:
    page.log_in("reader")
    page.read("A3")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open("#/worklist")
    page.read("A4")
    page.see("dialog", "Two patients are open")
    assert "Test, P4" in page.see("dialog .who").text
    page.click("dialog button.primary")
    page.gone("dialog")
    page.see(".guard-line", "Test, P3")
    page.driver.switch_to.window(first)
    page.see("dialog .who", "Test, P3")


def test_two_tabs_of_one_study_keep_both_texts(page: Page) -> None:
    page.log_in("reader")
    page.read("A5")
    address = page.driver.current_url
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(address)
    page.film()
    second = page.driver.current_window_handle

    # The first tab has lost its line while the second writes.
    page.driver.switch_to.window(first)
    line(page, False)
    page.expected = ["ERR_INTERNET_DISCONNECTED", "409"]
    page.field("findings").send_keys(*end(" Written in the first tab."))
    page.see(".save-mark[data-state=save_offline]")
    page.driver.switch_to.window(second)
    page.field("findings").send_keys(*end(" Written in the second tab."))
    page.saved()

    page.driver.switch_to.window(first)
    line(page, True)
    text = put_together(page, "Written in the first tab.", "Written in the second tab.")
    page.driver.switch_to.window(second)
    page.until(lambda: page.text("findings") == text, "the second tab did not learn of it")


def test_unsaved_text_survives_a_closed_tab(page: Page) -> None:
    page.log_in("reader")
    page.read("A6")
    address = page.driver.current_url
    line(page, False)
    page.expected = ["ERR_INTERNET_DISCONNECTED"]
    page.field("impression").send_keys(*end(" Kept on this computer."))
    page.see(".save-mark[data-state=save_offline]")
    old = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    fresh = page.driver.current_window_handle
    page.driver.switch_to.window(old)
    page.driver.close()
    page.driver.switch_to.window(fresh)
    page.driver.get(address)
    page.film()
    page.until(lambda: "Kept on this computer." in page.text("impression"), "the text of the closed tab is lost")
    page.saved()


@pytest.mark.parametrize("first_to_write", [True, False])
def test_text_of_a_tab_that_is_closed_later_comes_to_the_other(page: Page, first_to_write: bool) -> None:
    page.log_in("reader")
    page.read("A8")
    address = page.driver.current_url
    old = page.driver.current_window_handle
    words = f"Left behind, {first_to_write}."
    page.expected = ["ERR_INTERNET_DISCONNECTED"]

    def write() -> None:
        page.driver.switch_to.window(old)
        line(page, False)
        page.field("impression").send_keys(*end(f" {words}"))
        page.see(".save-mark[data-state=save_offline]")

    if first_to_write:
        write()
    page.driver.switch_to.new_window("tab")
    fresh = page.driver.current_window_handle
    page.driver.get(address)
    page.film()
    assert words not in page.text("impression")
    if not first_to_write:
        write()
    page.driver.switch_to.window(old)
    page.driver.close()
    page.driver.switch_to.window(fresh)
    page.until(lambda: words in page.text("impression"), "the text of the closed tab is lost")
    page.saved()


def test_two_tabs_without_a_line_lose_neither_text(page: Page) -> None:
    page.log_in("reader")
    page.read("A6")
    address = page.driver.current_url
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    second = page.driver.current_window_handle
    page.driver.get(address)
    page.film()
    page.script(
        """
        const real = Storage.prototype.removeItem;
        window.removed = [];
        Storage.prototype.removeItem = function (name) {
          window.removed.push(name);
          return real.call(this, name);
        };
        """
    )
    page.expected = ["ERR_INTERNET_DISCONNECTED", "409"]
    for tab, words in ((first, " Of the tab that stays."), (second, " Of the tab that goes.")):
        page.driver.switch_to.window(tab)
        line(page, False)
        page.field("findings").send_keys(*end(words))
        page.see(".save-mark[data-state=save_offline]")
    time.sleep(6)  # both have looked for what the other leaves
    assert page.script("return window.removed") == [], "what no server has was taken away"
    page.driver.close()
    page.driver.switch_to.window(first)
    line(page, True)
    put_together(page, "Of the tab that stays.", "Of the tab that goes.")


def test_a_duplicated_tab_keeps_its_unsaved_text_apart(page: Page) -> None:
    page.log_in("reader")
    page.read("A6")
    first = page.driver.current_window_handle
    known = set(page.driver.window_handles)
    page.script("window.open(location.href)")  # copies what this tab remembers, as the browser's "duplicate" does
    (copy,) = set(page.driver.window_handles) - known
    page.driver.switch_to.window(copy)
    page.film()
    page.expected = ["ERR_INTERNET_DISCONNECTED", "409"]
    for tab, words in ((first, " Of the original."), (copy, " Of the copy.")):
        page.driver.switch_to.window(tab)
        line(page, False)
        page.field("findings").send_keys(*end(words))
        page.see(".save-mark[data-state=save_offline]")
    kept = page.script("return Object.entries(localStorage).filter(([name]) => name.startsWith('wetread:unsaved:'))")
    assert len(kept) == 2, "one has overwritten what the other could not save"
    page.driver.switch_to.window(first)
    line(page, True)
    page.saved()
    page.driver.switch_to.window(copy)
    line(page, True)
    put_together(page, "Of the original.", "Of the copy.")


def test_a_tab_that_is_loaded_anew_keeps_its_name(page: Page) -> None:
    page.log_in("reader")
    name = "return sessionStorage.getItem('wetread:tab')"
    before = page.script(name)
    for _ in range(3):
        page.driver.refresh()
        page.see("tbody tr")
        assert page.script(name) == before, "its unsaved text would be taken for that of another tab"


def test_a_lost_session_asks_over_the_page(page: Page) -> None:
    page.log_in("reader")
    page.read("A7")
    line(page, False)
    page.expected = ["ERR_INTERNET_DISCONNECTED", "401", "403"]
    page.field("findings").send_keys(*end(" Typed before the session ended."))
    page.see(".save-mark[data-state=save_offline]")
    page.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    line(page, True)
    page.see("dialog", "Your session is over")
    page.see("dialog [name=password]").send_keys("demonstration", Keys.ENTER)
    page.gone("dialog")
    page.saved()
    assert "Typed before the session ended." in page.text("findings")


def test_what_is_fetched_ahead_is_given_up_when_one_logs_out(page: Page) -> None:
    page.log_in("reader")
    page.script(
        """
        const real = window.fetch;
        window.fetch = (path, init) => {
          if (!String(path).includes("ahead=true")) return real(path, init);
          window.ahead = "asked";
          return new Promise((resolve, reject) => {
            const later = setTimeout(() => real(path, init).then((answer) => {
              window.ahead = String(answer.status);
              resolve(answer);
            }, reject), 4000);
            init.signal?.addEventListener("abort", () => {
              clearTimeout(later);
              window.ahead = "given up";
              reject(init.signal.reason);
            });
          });
        };
        """
    )
    page.see("tbody tr")
    page.keys("j")
    page.until(lambda: page.script("return window.ahead") == "asked", "nothing was fetched ahead")
    page.log_out()
    page.until(lambda: page.script("return window.ahead") != "asked", "the answer never came")
    assert page.script("return window.ahead") == "given up"
    assert not page.all("dialog")
