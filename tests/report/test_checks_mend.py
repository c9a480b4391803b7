"""Repair: what leaves it has no severe flag, and as little as possible is lost."""

from __future__ import annotations

import pytest

from wetread.report.checks import Repaired, check_text, repair_report
from wetread.report.checks.mend import without_denial
from wetread.types import LABELS, Finding, Report, State


def _labels(**states: State) -> dict[str, Finding]:
    probability = {"positive": 0.9, "uncertain": 0.45, "negative": 0.01}
    said = {name: states.get(name.replace(" ", "_"), "negative") for name in LABELS}
    return {name: Finding(probability[state], 0.3, 0.6, state) for name, state in said.items()}


def _severe(done: Repaired, labels: dict[str, Finding]) -> list[str]:
    report = Report(" ".join(done.findings), " ".join(done.impression))
    return [flag.code for flag in check_text(report, labels=labels, prior_given=False) if flag.severity == "severe"]


def test_a_good_draft_is_left_alone() -> None:
    findings, impression = ["Clear lungs.", "No effusion."], ["No acute cardiopulmonary abnormality."]
    assert repair_report(findings, impression, labels=_labels()) == Repaired(findings, impression, [])


def test_the_labels_decide_a_contradiction() -> None:
    findings = ["No pneumothorax or pleural effusion.", "Small left pleural effusion."]
    with_it = repair_report(findings, ["Small left effusion."], labels=_labels(Pleural_Effusion="positive"))
    assert with_it.findings == ["No pneumothorax.", "Small left pleural effusion."]
    assert len(with_it.notes) == 1
    assert with_it.notes[0].startswith("Mended 'No pneumothorax or pleural effusion.'")
    without = repair_report(findings, ["Normal chest."], labels=_labels())
    assert without.findings == ["No pneumothorax or pleural effusion."]
    assert without.impression == ["Normal chest."]


def test_without_labels_the_statement_stays() -> None:
    done = repair_report(["No effusion.", "Left pleural effusion."], ["Left pleural effusion."])
    assert done.findings == ["Left pleural effusion."]


def test_invented_priors_are_mended_or_dropped() -> None:
    findings = ["Stable cardiomegaly.", "The lungs are unchanged.", "No effusion."]
    labels = _labels(Cardiomegaly="positive")
    done = repair_report(findings, ["Cardiomegaly."], labels=labels)
    assert done.findings == ["Cardiomegaly.", "No effusion."]
    assert len(done.notes) == 2
    kept = repair_report(findings, ["Cardiomegaly."], labels=labels, prior_given=True)
    assert kept.findings == findings


def test_an_impression_that_lost_everything_is_written_anew() -> None:
    labels = _labels(Pneumothorax="positive")
    done = repair_report(
        ["Left pneumothorax.", "Clear lungs."], ["No acute cardiopulmonary abnormality."], labels=labels
    )
    assert done.impression == ["Left pneumothorax."]
    assert _severe(done, labels) == []
    plain = repair_report(["Clear lungs."], ["The XXXX is intact."], labels=_labels())
    assert plain.impression == ["No acute cardiopulmonary abnormality."]


def test_a_critical_result_is_never_repaired_away() -> None:
    labels = _labels(Pneumothorax="positive")
    done = repair_report(["Large left pneumothorax."], ["Scoliosis."], labels=labels)
    assert done.findings == ["Large left pneumothorax."]
    assert "Large left pneumothorax." in done.impression


@pytest.mark.parametrize(
    "sentence",
    [
        "The XXXX is intact.",
        "PA and lateral views of the chest.",
        "The patella is intact.",
        "A 7 kg nodule.",
        "There is pulmonary edema.",
        "The heart is unchanged.",
        ".",
    ],
)
def test_what_cannot_be_mended_is_dropped(sentence: str) -> None:
    labels = _labels()
    done = repair_report(
        ["Clear lungs.", sentence], ["Normal chest."], labels=labels, views=[{"projection": "frontal"}]
    )
    assert done.findings == ["Clear lungs."]
    assert _severe(done, labels) == []


def test_sides_sizes_and_doubles() -> None:
    labels = _labels(Pleural_Effusion="positive", Lung_Lesion="positive")
    done = repair_report(
        ["Left effusion.", "An 8 mm nodule in the left lung.", "Left effusion."],
        ["Right effusion.", "An 8 cm nodule in the left lung."],
        labels=labels,
    )
    assert done.findings == ["Left effusion.", "An 8 mm nodule in the left lung."]
    assert done.impression == ["Left effusion.", "An 8 mm nodule in the left lung."]
    assert len(done.notes) == 3


@pytest.mark.parametrize(
    ("sentence", "word", "expected"),
    [
        ("No pneumothorax or pleural effusion.", "effusion", "No pneumothorax."),
        ("No consolidation, effusion, or pneumothorax.", "effusion", "No consolidation or pneumothorax."),
        ("There is no effusion or pneumothorax seen.", "effusion", "There is no pneumothorax seen."),
        ("No effusion.", "effusion", None),
        ("Heart size is normal.", "Heart", None),
    ],
)
def test_one_denial_out_of_a_list(sentence: str, word: str, expected: str | None) -> None:
    start = sentence.index(word)
    assert without_denial(sentence, start, start + len(word)) == expected
