"""What a reader decides stands in the findings, and all that follows from it."""

from __future__ import annotations

import pytest

from wetread.confidence import confidence
from wetread.errors import UsageError
from wetread.report.checks import check_text
from wetread.report.decisions import decide, decisions, differences, revised, sides
from wetread.types import LABELS, Decision, Finding, Report, State


def found(**states: State) -> dict[str, Finding]:
    named = {name.replace("_", " "): state for name, state in states.items()}
    chance = {"positive": 0.7, "uncertain": 0.4, "negative": 0.1}
    return {name: Finding(chance[state], 0.3, 0.5, state) for name in LABELS for state in [named.get(name, "negative")]}


def states(findings: dict[str, Finding]) -> dict[str, State]:
    return {name: f.state for name, f in findings.items() if f.state != "negative"}


def test_names_in_any_case_and_in_order() -> None:
    assert list(decisions({"support devices": "Uncertain", "EDEMA": "positive"}).items()) == [
        ("Edema", "positive"),
        ("Support Devices", "uncertain"),
    ]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"Goitre": "positive"}, "there is no finding 'Goitre'"),
        ({"": "positive"}, "there is no finding ''"),
        ({"Edema": "much"}, "Edema cannot be 'much'"),
        ({"Edema": "left"}, "Edema has no side that could be decided; it is positive, uncertain or negative"),
        ({"Fracture": "up"}, "Fracture cannot be 'up'; it is positive, uncertain, negative, left, right or bilateral"),
        ({"No Finding": "left"}, "No Finding can only be decided to be positive"),
        ({"No Finding": "positive", "Fracture": "left"}, "Fracture cannot be positive where No Finding is"),
        ({"Edema": "positive", "edema": "negative"}, "Edema is decided twice"),
        ({"No Finding": "negative"}, "No Finding can only be decided to be positive"),
        ({"No Finding": "positive", "Edema": "positive"}, "Edema cannot be positive where No Finding is"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_one_sentence(values: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        decisions(values)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"Fracture": "negative"}, {"Edema": "positive", "Fracture": "negative", "Support Devices": "positive"}),
        ({"edema": "negative"}, {"Edema": "negative", "Support Devices": "positive"}),
        ({"Edema": None, "Pneumonia": None}, {"Support Devices": "positive"}),
        ({"No Finding": "positive"}, {"Support Devices": "positive", "No Finding": "positive"}),
        ({"Fracture": "Left"}, {"Edema": "positive", "Fracture": "left", "Support Devices": "positive"}),
    ],
)
def test_later_decisions_win(changes: dict[str, str | None], left: dict[str, Decision]) -> None:
    before: dict[str, Decision] = {"Edema": "positive", "Support Devices": "positive"}
    assert revised(before, changes) == left
    assert revised({"No Finding": "positive"}, {"Edema": "positive"}) == {"Edema": "positive"}
    assert revised({"No Finding": "positive"}, {"Fracture": "right"}) == {"Fracture": "right"}
    assert revised({"Fracture": "right"}, {"No Finding": "positive"}) == {"No Finding": "positive"}


def test_what_is_on_a_side_is_there() -> None:
    decided = decisions({"Pleural Effusion": "LEFT", "Fracture": "bilateral", "Edema": "positive"})
    assert sides(decided) == {"Pleural Effusion": "left", "Fracture": "bilateral"}
    held = decide(found(Pleural_Effusion="positive", No_Finding="positive"), decided)
    assert states(held) == {"Edema": "positive", "Pleural Effusion": "positive", "Fracture": "positive"}
    assert held["Pleural Effusion"].held == 1.0


def test_the_model_s_state_and_chance_are_kept() -> None:
    decided = decide(found(Edema="positive"), {"Edema": "uncertain", "Fracture": "negative"})
    assert decided["Edema"] == Finding(0.7, 0.3, 0.5, "uncertain", "positive")
    assert decided["Fracture"] == Finding(0.1, 0.3, 0.5, "negative", "negative")
    assert decided["Pneumonia"].by_model is None
    assert [decided[n].held for n in ("Edema", "Fracture", "Pneumonia")] == [0.5, 0.0, 0.1]
    assert list(differences(decided)) == ["Edema is uncertain by the reader's decision, positive by the model."]


@pytest.mark.parametrize(
    ("model", "decided", "none"),
    [
        ({"No_Finding": "positive"}, {"Edema": "positive"}, "negative"),
        ({"No_Finding": "positive"}, {"Support Devices": "positive"}, "positive"),
        ({"No_Finding": "positive"}, {"Edema": "negative"}, "positive"),
        ({"Edema": "positive"}, {"Edema": "negative"}, "positive"),
        ({"Edema": "positive", "Fracture": "uncertain"}, {"Edema": "negative"}, "negative"),
        ({}, {"Edema": "negative"}, "negative"),  # something else is abnormal by the model, and that was not decided
    ],
)
def test_no_finding_follows(model: dict[str, State], decided: dict[str, State], none: State) -> None:
    assert decide(found(**model), decided)["No Finding"].state == none


def test_no_finding_denies_the_others_but_devices() -> None:
    seen = found(Edema="positive", Fracture="uncertain", Support_Devices="positive")
    assert states(decide(seen, {"No Finding": "positive"})) == {"Support Devices": "positive", "No Finding": "positive"}


def test_what_is_decided_is_sure_and_its_text_is_not_doubted() -> None:
    seen = found(Edema="positive")
    decided = decide(seen, {"Edema": "negative", "Pneumothorax": "positive"})
    assert confidence("There is a pneumothorax.", -1.0, decided) == 1.0
    assert confidence("There is a pneumothorax.", -1.0, seen) == pytest.approx(0.1)
    report = Report(findings="There is a pneumothorax. No pulmonary edema.", impression="Pneumothorax.")
    codes = {flag.code for flag in check_text(report, labels=decided)}
    assert not codes & {"missed", "denied", "unsupported"}
    against = check_text(Report(findings="There is pulmonary edema. No pneumothorax."), labels=decided)
    assert {f.message for f in against if f.code in ("denied", "unsupported")} == {
        "Pneumothorax was decided to be positive, and the text denies it.",
        "'edema': Edema was decided to be negative.",
    }
