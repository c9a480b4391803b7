"""Sections of reports as hospitals write them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wetread.report.sections import parse_report
from wetread.types import Report

MIMIC = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___ year old man with cough  // eval for pneumonia

 TECHNIQUE:  Two views.

 COMPARISON:  Chest radiograph from ___.

 FINDINGS:

 Both lungs are well aerated.  There is no
 effusion on either side.

 IMPRESSION:

 1.  No sign of pneumonia.
 2.  Heart size at the upper limit
 of normal.
"""


def test_all_sections() -> None:
    assert parse_report(MIMIC) == Report(
        findings="Both lungs are well aerated.  There is no effusion on either side.",
        impression="1.  No sign of pneumonia.\n2.  Heart size at the upper limit of normal.",
        indication="___ year old man with cough  // eval for pneumonia",
        comparison="Chest radiograph from ___.",
    )


def test_line_ends_do_not_matter() -> None:
    assert parse_report(MIMIC.replace("\n", "\r\n")) == parse_report(MIMIC) == parse_report(MIMIC.replace("\n", "\r"))


def test_no_heading_is_findings() -> None:
    assert parse_report("Clear lungs. No effusion.") == Report(findings="Clear lungs. No effusion.")


def test_findings_without_their_heading() -> None:
    text = "FINAL REPORT\n HISTORY: Fever.\n\n Compared with last week.\n\n Lungs are clear.\n\n IMPRESSION: Normal."
    assert parse_report(text) == Report(
        findings="Compared with last week.\nLungs are clear.", impression="Normal.", indication="Fever."
    )


def test_text_above_the_first_heading_is_findings_only_where_none_are_named() -> None:
    assert parse_report("Portable chest.\nIMPRESSION: Normal.").findings == "Portable chest."
    assert parse_report("Portable chest.\nFINDINGS: Clear.\nIMPRESSION: Normal.").findings == "Clear."


def test_headings_within_a_line() -> None:
    report = parse_report("INDICATION: cough. FINDINGS: Clear. The findings: none. IMPRESSION: Normal.")
    assert report == Report(findings="Clear. The findings: none.", impression="Normal.", indication="cough.")


def test_headings_on_their_own_line_and_markdown() -> None:
    expected = Report(findings="Clear.", impression="Normal.")
    assert parse_report("Findings\nClear.\nConclusion\nNormal.") == expected
    assert parse_report("**Findings:** Clear.\n**Impression:** Normal.") == expected
    assert parse_report("# Findings\nClear.\n\n# Impression\nNormal.\n") == expected


def test_a_word_that_is_a_heading_elsewhere_stays() -> None:
    text = "Comparison is made with the film of May. History of smoking is known. Findings are stable."
    assert parse_report(text) == Report(findings=text)


def test_findings_and_impression_in_one() -> None:
    assert parse_report("FINDINGS AND IMPRESSION: Clear lungs.") == Report(findings="Clear lungs.")
    assert parse_report("Findings/Impression:\nClear lungs.") == Report(findings="Clear lungs.")


def test_wet_read_counts_where_there_is_no_impression() -> None:
    text = "WET READ: ___ ___ 5:05 PM\n No acute process.\nFINAL REPORT\nFINDINGS: Clear."
    assert parse_report(text) == Report(findings="Clear.", impression="No acute process.")
    assert parse_report(text + "\nIMPRESSION: Normal.").impression == "Normal."


def test_addendum_joins_the_impression() -> None:
    assert parse_report("IMPRESSION: Normal.\nADDENDUM: A nodule.").impression == "Normal.\nA nodule."


def test_other_languages() -> None:
    text = "KLINISCHE ANGABEN: Husten\nBEFUND: Kein Erguss.\nBEURTEILUNG: Unauffällig."
    assert parse_report(text) == Report(findings="Kein Erguss.", impression="Unauffällig.", indication="Husten")


def test_repeated_and_empty_sections() -> None:
    assert parse_report("FINDINGS: Clear.\nFINDINGS: No effusion.").findings == "Clear.\nNo effusion."
    assert parse_report("FINDINGS:\n\nIMPRESSION: Normal.") == Report(impression="Normal.")
    assert parse_report("") == parse_report(" \n ") == Report()


PIECES = ["FINDINGS:", "IMPRESSION", "\n", " ", "Final report", "WET READ:", "5:05 PM", "clear.", "**", "\x00", "1."]


@settings(deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_any_text(text: str) -> None:
    report = parse_report(text)
    for section in (report.findings, report.impression, report.indication, report.comparison):
        assert section is None or section.strip()


def test_many_blanks_and_headings() -> None:
    assert parse_report(" " * 100_000) == Report()
    assert parse_report("FINDINGS " * 10_000).findings is not None
