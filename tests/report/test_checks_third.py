"""Wordings that the checks missed at first sight of the third set (``benchmarks/planted_third.py``)."""

from __future__ import annotations

import pytest

from wetread.report.checks import check
from wetread.types import Draft, Evidence, Finding, ModelInfo, Report, Sentence


@pytest.mark.parametrize(
    ("text", "code", "given"),
    [
        ("The effusion on the right is very large.", "critical-effusion", {}),
        ("Right pleural effusion, large, with atelectasis.", "critical-effusion", {}),
        ("Right IJ catheter tip in the subclavian vein.", "critical-device", {}),
        ("The tip of the central line is in the right atrium; withdraw 4 cm.", "critical-device", {}),
        ("The enteric tube tip is above the gastroesophageal junction.", "critical-device", {}),
        ("The Dobhoff tube enters the right lower lobe bronchus.", "critical-device", {}),
        ("A 4 x 5 mass lies in the left lung.", "unit", {}),
        ("Er, the bones are normal.", "debris", {}),
        ("The {side} hilum is prominent.", "blank", {}),
        ("Age 29 years.", "age", {"header": {"PatientAge": "052Y"}}),
        ("The scaphoid is normal.", "body-part", {"header": {"BodyPartExamined": "CHEST"}}),
        ("Continued elevation of the left hemidiaphragm.", "comparison", {"prior_given": False}),
        ("Bibasilar opacities have increased.", "comparison", {"prior_given": False}),
        ("The right effusion is now smaller.", "comparison", {"prior_given": False}),
    ],
)
def test_what_was_missed_is_found(text: str, code: str, given: dict) -> None:
    assert code in {flag.code for flag in check(Report(text, "No pneumothorax."), **given)}


@pytest.mark.parametrize(
    "text",
    [
        "A 4 x 5 cm mass lies in the left lung.",
        "The tip of the central line is in the superior vena cava.",
        "The enteric tube passes the gastroesophageal junction.",
        "Pleural effusion, small.",
    ],
)
def test_what_is_well_said_is_left_alone(text: str) -> None:
    codes = {flag.code for flag in check(Report(text, "Seen."))}
    assert not codes & {"unit", "critical-device", "critical-effusion", "debris", "blank"}


def test_a_second_mention_without_a_side_does_not_hide_the_side() -> None:
    report = Report("Nodular density measuring 1 cm in the left upper lobe, a lung nodule.", "Right upper lobe nodule.")
    assert "side" in {flag.code for flag in check(report)}


def test_a_denial_at_any_time_leaves_no_room() -> None:
    for denied in ("No recent or old fracture.", "No acute or healing fracture."):
        text = f"{denied} Nondisplaced fracture of the right eighth rib."
        assert "contradiction" in {flag.code for flag in check(Report(text, "Fracture."))}


def drafted(label: str, text: str) -> Draft:
    """A draft whose one sentence was read from the right of a frontal film (on its left)."""
    labels = {label: Finding(0.9, 0.3, 0.6, "positive")}
    sentence = Sentence("findings", text, (label,), 0.9, (Evidence(0, (100, 600, 300, 800), "seen"),))
    views = ({"file": "a.png", "projection": "frontal", "rows": 1000, "columns": 1000},)
    return Draft("s", ModelInfo("toy", "1", "0"), views, text, "", (sentence,), labels)


def test_an_edited_side_is_held_against_what_the_draft_saw() -> None:
    draft = drafted("Pleural Effusion", "Small right pleural effusion.")
    for text, wanted in (("Small left pleural effusion is present.", True), ("Small right effusion.", False)):
        codes = {flag.code for flag in check(Report(text, text), draft=draft)}
        assert ("side-box" in codes) is wanted


def test_a_map_that_does_not_know_the_side_accuses_nobody() -> None:
    draft = drafted("Fracture", "Right rib fracture.")
    text = "Left rib fracture."
    assert "side-box" not in {flag.code for flag in check(Report(text, text), draft=draft)}
