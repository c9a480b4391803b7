"""A whole reading in a real browser: by mouse, by keyboard, through a reload and a killed server, beside others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("selenium", reason="selenium comes with 'wetread[test]'")

import fakes
import harness
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from harness import Page, Room

TYPED = "A calcified granuloma projects over the right apex."


def test_whole_reading_with_the_mouse(page: Page, room: Room, tmp_path: Path) -> None:
    film = tmp_path / "arriving.dcm"
    film.write_bytes(fakes.dicom(40, PatientName="Mouse^Minnie", AccessionNumber="M40"))
    page.shot("login")
    page.log_in("reader")

    # It arrives by drag and drop and drafts itself.
    page.drop("main.worklist", film)
    page.click("dialog button[type=submit]")
    page.see("tr[data-accession=M40][data-status=unread]")
    page.shot("worklist")
    page.read("M40")
    assert "Mouse, Minnie" in page.see(".banner .identity").text
    assert "M40" in page.see(".banner .accession").text

    # A click on a sentence lights up its region; a click on a finding, its sentences.
    page.click_in_text("findings", "costophrenic")
    region = page.see(".region.seen .region-line")
    info = page.script("return document.querySelector('canvas.film').getBoundingClientRect().toJSON()")
    middle = region.rect["x"] + region.rect["width"] / 2, region.rect["y"] + region.rect["height"] / 2
    assert info["left"] < middle[0] < info["right"]
    assert info["top"] < middle[1] < info["bottom"]
    page.shot("sentence")
    page.click("button.bar", "Cardiomegaly")
    lit = page.until(lambda: page.all(".mirror .labelled"), "no sentence of the finding is marked")
    assert "The heart is mildly enlarged." in {page.script("return arguments[0].textContent", e) for e in lit}

    # Edit, drop, undo; each kind of sentence is told apart.
    page.click_in_text("findings", "mildly")
    page.click(".sentence-bar button", "Drop")
    page.until(lambda: "mildly" not in page.text("findings"), "the sentence was not dropped")
    page.click(".gone button")
    page.until(lambda: page.text("findings").endswith("The heart is mildly enlarged."), "the sentence was not put back")
    page.field("findings").send_keys(Keys.CONTROL + Keys.END + Keys.NULL, " " + TYPED)
    page.see(".legend .origin-typed", "1")
    page.saved()

    # A reload loses nothing.
    page.driver.refresh()
    page.film()
    assert TYPED in page.text("findings")

    # Neither does a killed server: what is typed meanwhile is kept here and arrives when it is back.
    room.kill()
    page.expected = ["ERR_CONNECTION"]  # refused, or reset while a film was on its way
    page.field("impression").send_keys(Keys.CONTROL + Keys.END + Keys.NULL, " Follow up in a year.")
    page.see(".save-mark[data-state=save_offline]")
    room.start()
    page.saved()
    page.driver.refresh()
    page.film()
    assert TYPED in page.text("findings")
    assert page.text("impression").endswith("Follow up in a year.")

    # Meanwhile a second reader may look and not write.
    second_reader_is_blocked(room, tmp_path)

    page.click("footer.actions button", "Sign")
    page.shot("sign")
    page.sign()
    page.see(".toast", "Signed")
    page.click(".toast button", "Open")
    page.see(".pill.final")
    assert page.field("findings").get_property("readOnly")
    page.click("footer.actions button", "addendum")
    page.see("dialog textarea").send_keys("Seen together with the chest physicians.")
    page.sign()
    page.see(".signatures", "Seen together with the chest physicians.")
    page.click(".signatures summary")
    page.see(".diff ins", "granuloma")
    page.shot("signed")
    page.click(".banner .back")
    page.log_out()


def second_reader_is_blocked(room: Room, tmp_path: Path) -> None:
    with harness.chromium(tmp_path / "second") as driver:
        other = harness.Page(driver, room)
        other.open()
        other.log_in("second")
        other.read("M40")
        assert "Dr Ada Reader" in other.see(".notice.warn").text
        assert other.field("findings").get_property("readOnly")
        assert not [b for b in other.all("footer.actions button") if "Sign" in b.text]


def test_whole_reading_with_the_keyboard(page: Page, tmp_path: Path) -> None:
    film = tmp_path / "keyed.dcm"
    film.write_bytes(fakes.dicom(41, PatientName="Key^Kim", AccessionNumber="K41"))
    page.log_in("reader")
    page.keys("u")
    chooser = page.all("dialog input[type=file]")[0]
    page.until(lambda: page.driver.switch_to.active_element == chooser, "the keys do not reach the choice of files")
    chooser.send_keys(str(film))  # as the system's own dialog would answer
    page.see("dialog", "1 file(s)")
    page.see("dialog [name=indication]").send_keys("Cough.", Keys.ENTER)
    page.gone("dialog")
    page.keys("/", "K41", Keys.ENTER)
    page.see("tr[data-accession=K41][data-status=unread]")
    page.until(lambda: len(page.all("tbody tr")) == 1, "the search did not narrow the list")
    page.keys(Keys.ENTER)
    page.film()

    page.keys("j")
    first = page.see(".sentence-bar", "Sentence 1 of").text
    assert "machine" in first
    page.see(".region .region-line")
    page.keys("i")
    page.see(".corner.bottom-left", "Invert")
    page.keys("i", "3")
    assert page.see(".preset select").get_property("value") == "2"

    page.keys("e")
    page.keys(
        " Small nodule in the left upper zo", Keys.ESCAPE
    )  # the first Escape closes what was offered, if anything
    page.keys(Keys.ESCAPE)
    page.until(
        lambda: page.script("return document.activeElement.classList.contains('pane')"), "the field was not left"
    )
    page.keys("w", " No pneumo")
    page.see(".offers li")
    page.keys(Keys.TAB, Keys.ESCAPE)
    page.until(
        lambda: "Pneumothorax" in page.text("impression") or "pneumothorax" in page.text("impression"),
        "nothing was completed",
    )
    page.saved()
    page.keys("j")
    page.chord(Keys.ALT, Keys.DELETE)
    page.chord(Keys.CONTROL, "z")
    page.saved()
    page.driver.refresh()
    page.film()
    assert "Small nodule in the left upper zo" in page.text("findings")

    here = page.driver.current_url
    page.chord(Keys.CONTROL, Keys.ENTER)
    page.see("dialog [name=password]")
    page.keys("wrong password", Keys.ENTER)
    page.expected = ["403"]
    page.until(lambda: page.see("dialog .form-error").text, "a wrong password was not refused")
    page.keys(Keys.BACKSPACE * 20, harness.PASSWORD, Keys.ENTER)
    page.until(lambda: page.driver.current_url != here, "the next study was not shown")
    page.film()

    page.keys("q")
    page.see("main.worklist")
    page.keys("/", "K41", Keys.ENTER)
    page.see("tr[data-accession=K41][data-status=final]")
    page.until(lambda: len(page.all("tbody tr")) == 1, "the search did not narrow the list")
    page.keys(Keys.ENTER)
    page.film()
    page.chord(Keys.CONTROL, Keys.ENTER)
    page.see("dialog textarea")
    page.keys("Correction: the nodule is right-sided.", Keys.TAB, harness.PASSWORD, Keys.ENTER)
    page.see(".signatures", "Correction")
    page.keys("q")
    page.see("main.worklist")
    for _ in range(80):
        page.keys(Keys.TAB)
        if page.script("return document.activeElement.textContent") == "Log out":
            break
    page.keys(Keys.ENTER)
    page.see("form.login")


def test_the_draft_follows_what_the_reader_decides(page: Page, tmp_path: Path) -> None:
    film = tmp_path / "decided.dcm"
    film.write_bytes(fakes.dicom(43, AccessionNumber="F43"))
    page.log_in("reader")
    page.drop("main.worklist", film)
    page.click("dialog button[type=submit]")
    page.see("tr[data-accession=F43][data-status=unread]")
    page.read("F43")
    page.field("findings").send_keys(Keys.CONTROL + Keys.END + Keys.NULL, " " + TYPED)

    # What is doubtful is seen at sight, and reached by a key.
    page.see(".legend .origin-doubtful", "1")
    (doubtful,) = page.all(".mirror .doubtful")
    assert page.script("return arguments[0].textContent", doubtful) == "Blunting of the left costophrenic angle."
    page.chord(Keys.ALT, "l")
    page.see(".sentence-bar", "confidence 30 %")
    page.keys(Keys.ESCAPE, Keys.ESCAPE)

    # By mouse: a finding that the model has not seen.
    page.see(".decide", "Click a finding")
    page.click("button.bar", "Pneumothorax")
    page.click(".decide button", "There")
    page.until(lambda: "Pneumothorax is present." in page.text("findings"), "what was decided is not said")
    assert TYPED in page.text("findings")
    page.see("button.bar.decided.positive", "Pneumothorax")
    page.shot("decided")

    # Where it is: the sentence names the side, and the finding is there still.
    page.click(".decide .sides button", "on the left")
    page.until(lambda: "Pneumothorax is present (left)." in page.text("findings"), "the side is not said")
    assert "Pneumothorax is present." not in page.text("findings")
    page.see(".decide .sides [aria-pressed=true]", "on the left")
    page.shot("decided-side")

    # By keys, from a sentence and while writing: what the model has wrongly seen goes from both sections.
    page.click_in_text("findings", "costophrenic")
    assert "Pleural Effusion" in page.see(".decide b").text
    page.chord(Keys.ALT, "a")
    page.until(lambda: "effusion" not in page.text("impression"), "the impression still states what is not there")
    assert "costophrenic" not in page.text("findings")
    assert "Pneumothorax is present (left)." in page.text("findings"), "the first decision stands"
    page.driver.refresh()
    page.film()
    assert len(page.all("button.bar.decided")) == 2

    page.click("button.bar", "Pleural Effusion")
    page.see(".decide [aria-pressed=true]", "Absent")
    page.keys("u")
    page.until(lambda: "costophrenic" in page.text("findings"), "the model's own finding did not come back")
    assert TYPED in page.text("findings")
    page.see("button.bar.decided", "Pneumothorax")
    assert len(page.all("button.bar.decided")) == 1


def test_dictated_words_are_taken_as_they_come(page: Page, tmp_path: Path) -> None:
    film = tmp_path / "spoken.dcm"
    film.write_bytes(fakes.dicom(42, AccessionNumber="D42"))
    page.log_in("second")
    page.keys("u")
    page.see("dialog")
    page.all("dialog input[type=file]")[0].send_keys(str(film))
    page.click("dialog button[type=submit]")
    page.see("tr[data-accession=D42][data-status=unread]")
    page.read("D42")
    page.field("findings").send_keys(Keys.CONTROL + "a" + Keys.NULL, Keys.DELETE)
    # Whole phrases at once, without keys; the sentence's end is spoken later.
    for phrase in ("The trachea is", " midline", ". No free air below the diaphragm", "."):
        page.driver.execute_cdp_cmd("Input.insertText", {"text": phrase})
    assert page.text("findings") == "The trachea is midline. No free air below the diaphragm."
    page.see(".legend .origin-typed", "2")
    # Some programs set the text of a field and say only that it changed.
    page.script(
        "arguments[0].value = 'Set from outside.'; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
        page.field("impression"),
    )
    page.saved()
    page.driver.refresh()
    page.film()
    assert page.text("findings") == "The trachea is midline. No free air below the diaphragm."
    assert page.text("impression") == "Set from outside."


def end(words: str) -> tuple[str, str]:
    return Keys.CONTROL + Keys.END + Keys.NULL, words


def test_macro_mend_and_another_draft_keep_the_readers_words(page: Page) -> None:
    page.log_in("second")
    page.read("A9")
    # A macro of one's own.
    page.click("details.macros summary")
    page.see("details.macros [name=name]").send_keys(".eff")
    page.see("details.macros [name=text]").send_keys("Small left pleural effusion.")
    page.click("details.macros form button")
    page.see("details.macros code", ".eff")
    page.field("findings").send_keys(*end(" .eff"))
    page.see(".offers li", "Small left pleural effusion.")
    page.keys(Keys.TAB)
    page.until(lambda: page.text("findings").endswith("Small left pleural effusion."), "the macro was not put in")

    # The other side in the impression: one key mends it, one takes that back.
    page.field("impression").send_keys(Keys.CONTROL + "a" + Keys.NULL, "Small right pleural effusion.")
    page.see(".flag button")
    page.chord(Keys.ALT, Keys.ENTER)
    page.until(lambda: "right" not in page.text("impression"), "the side was not mended")
    page.saved()

    # Another draft answers the new indication and leaves what the reader wrote.
    page.see("form.request [name=indication]").send_keys(" Now fever as well.")
    page.chord(Keys.ALT, "r")
    page.see(".toast", "New draft in place")
    assert page.text("findings").endswith("Small left pleural effusion.")
    page.driver.refresh()
    page.film()
    assert str(page.see("form.request [name=indication]").get_property("value")).endswith("Now fever as well.")
    assert page.text("findings").endswith("Small left pleural effusion.")


def test_a_critical_result_stands_on_top_until_someone_was_told(page: Page) -> None:
    page.log_in("reader")
    page.read("A4")
    page.field("findings").send_keys(Keys.CONTROL + "a" + Keys.NULL, "Large right pneumothorax.")
    page.field("impression").send_keys(Keys.CONTROL + "a" + Keys.NULL, "Large right pneumothorax.")
    page.saved()
    page.chord(Keys.CONTROL, Keys.ENTER)
    page.sign()
    page.see("dialog", "who was told, when and how?")
    page.shot("critical")
    page.click("dialog footer button", "Later")
    page.gone("dialog")
    page.keys("q")
    first = page.see("tbody tr")
    assert "nobody told yet" in first.text
    page.shot("worklist-critical")
    page.click("tr[data-accession=A4] .name a")
    page.film()
    page.click(".notice.critical button")
    page.see("dialog [name=told]").send_keys("Dr Ward", Keys.ENTER)
    page.see(".notice.done", "Dr Ward")
    page.keys("q")
    page.see("main.worklist")
    page.gone("tr.critical")
