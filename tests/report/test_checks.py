"""The checks one by one: what is flagged, and above all what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wetread.report.checks import CODES, Flag, check, critical_results, prior_known
from wetread.types import LABELS, Draft, Evidence, Finding, ModelInfo, Report, Sentence


def _draft(sentences: tuple[Sentence, ...] = (), views: tuple[str, ...] = ("frontal",), **states: str) -> Draft:
    probability = {"positive": 0.9, "uncertain": 0.45, "negative": 0.01, "low": 0.1}
    labels = {}
    for name in LABELS:
        state = states.get(name.replace(" ", "_"), "negative")
        labels[name] = Finding(probability[state], 0.3, 0.6, "negative" if state == "low" else state)  # type: ignore[arg-type]
    films = tuple({"file": "a.png", "projection": p, "rows": 1000, "columns": 1000} for p in views)
    return Draft("s", ModelInfo("m", "1", "0"), films, "", "", sentences, labels)


def _codes(findings: str | None, impression: str | None = "See above.", **arguments: Any) -> list[str]:
    flags = check(Report(findings, impression), **arguments)
    assert all(flag.code in CODES for flag in flags)
    return [flag.code for flag in flags if flag.severity != "hint" or flag.critical]


def _only(code: str, findings: str | None, impression: str | None = "See above.", **arguments: Any) -> Flag:
    flags = [flag for flag in check(Report(findings, impression), **arguments) if flag.code == code]
    assert len(flags) == 1
    return flags[0]


@pytest.mark.parametrize(
    ("findings", "impression"),
    [
        ("No pleural effusion. Small left pleural effusion.", "See above."),
        ("There is no pneumothorax.", "Right pneumothorax."),
        ("The heart size is normal.", "Moderate cardiomegaly."),
        ("No focal consolidation. Right lower lobe consolidation.", "See above."),
        ("The lungs are clear. There is pulmonary edema.", "See above."),
        ("There is consolidation of the left lower lobe.", "No acute cardiopulmonary abnormality."),
        ("Low lung volumes.", "Hyperinflated lungs."),
        ("No large effusion.", "Large right pleural effusion."),
        ("There is no free intraperitoneal air.", "Pneumoperitoneum."),
    ],
)
def test_contradictions(findings: str, impression: str) -> None:
    flag = _only("contradiction", findings, impression)
    assert flag.severity == "severe"
    assert flag.other is not None
    text = {"findings": findings, "impression": impression}
    assert flag.start < flag.end <= len(text[flag.section])
    assert flag.other.start < flag.other.end <= len(text[flag.other.section])


@pytest.mark.parametrize(
    ("findings", "impression"),
    [
        ("No large pleural effusion. Small left effusion.", "Small left effusion."),
        ("No right effusion. Small left effusion.", "Small left effusion."),
        ("No acute fracture. Old healed rib fractures.", "Old rib fractures."),
        ("No new consolidation. Right basilar consolidation.", "Right basilar consolidation."),
        ("There may be a small effusion. No pleural effusion is seen on the frontal view.", "Possible effusion."),
        ("The lungs are otherwise clear. Left lower lobe consolidation.", "Left lower lobe consolidation."),
        ("The left lung is clear. Right lower lobe pneumonia.", "Right lower lobe pneumonia."),
        ("No pneumothorax. Prior left pneumothorax has resolved.", "No pneumothorax."),
        ("No focal opacity to suggest pneumonia. Hazy basilar opacity.", "Basilar atelectasis."),
        ("Heart size is at the upper limits of normal.", "Borderline cardiomegaly."),
        ("No pleural effusion.", "Recommend a lateral view to exclude a small effusion."),
        ("No suspicious nodule. Calcified nodule at the right apex.", "Granuloma."),
        ("No laryngeal edema. Interstitial pulmonary edema.", "Pulmonary edema."),
        ("No other nodule. A nodule lies at the left apex.", "Left apical nodule."),
    ],
)
def test_what_can_stand_together(findings: str, impression: str) -> None:
    assert "contradiction" not in _codes(findings, impression)


def test_opposite_sides() -> None:
    flag = _only("side", "Small left pleural effusion.", "Small Right pleural effusion.")
    assert (flag.severity, flag.section, flag.mend) == ("severe", "impression", "Left")
    assert "Small Right pleural effusion."[flag.start : flag.end] == "Right"
    assert "side" not in _codes("Bilateral effusions, larger on the left.", "Right effusion.")
    assert "side" not in _codes("Left effusion. Right effusion.", "Right effusion.")
    assert "side" not in _codes("Left rib fracture. Right effusion.", "Right effusion and left rib fracture.")
    assert "side" in _codes("Opacity in the left upper lobe.", "Right upper lobe pneumonia.")


def test_sections_without_each_other() -> None:
    assert "no-impression" in _codes("Clear lungs.", None)
    assert _only("no-findings", None, "Normal chest.").severity == "hint"
    assert _only("impression-omits", "Left pneumothorax.", "Scoliosis.").severity == "severe"
    assert _only("impression-omits", "Small effusion on the left.", "Scoliosis.").severity == "warning"
    assert _only("findings-omit", "Scoliosis.", "Pulmonary edema.").severity == "warning"
    assert "findings-omit" not in _codes("Opacity at the right base.", "Right basilar pneumonia.")


def test_comparison_words() -> None:
    report = Report("The heart is unchanged. Clear lungs.", "Normal chest.")
    severities = [
        [flag.severity for flag in check(report, draft=draft, prior_given=prior) if flag.code == "comparison"]
        for draft, prior in ((None, None), (None, False), (_draft(), False), (_draft(), True))
    ]
    assert severities == [["hint"], ["warning"], ["severe"], []]


@pytest.mark.parametrize(
    ("sentence", "mend"),
    [
        ("Stable cardiomegaly.", "Cardiomegaly."),
        ("The heart is again mildly enlarged.", "The heart is mildly enlarged."),
        ("Heart size remains normal.", "Heart size is normal."),
        ("Granuloma again noted.", "Granuloma noted."),
        ("The heart is unchanged.", ""),
        ("No interval change.", ""),
        ("Worsening aeration.", ""),
        ("Mild scoliosis, unchanged.", "Mild scoliosis."),
    ],
)
def test_comparison_is_mended_or_dropped(sentence: str, mend: str) -> None:
    assert _only("comparison", sentence, prior_given=False).mend == mend


@pytest.mark.parametrize(
    "sentence",
    [
        "Prior granulomatous disease.",
        "Status post prior sternotomy.",
        "Comparison with an earlier film would be useful.",
        "Old rib fractures.",
        "There is a new-looking pacemaker.",
    ],
)
def test_not_every_old_thing_is_a_comparison(sentence: str) -> None:
    assert "comparison" not in [flag.code for flag in check(Report(sentence), prior_given=False)]


def test_header() -> None:
    male, female = {"PatientSex": "M"}, {"PatientSex": "F"}
    assert _only("sex", "Chest of a woman.", header=male).severity == "severe"
    assert "sex" not in _codes("Chest of a woman.", header=female)
    assert "sex" not in _codes("The heart is normal; there are no other findings.", header=female)
    assert _only("age", "A 40-year-old patient.", header={"PatientAge": "067Y"}).severity == "warning"
    assert "age" not in _codes("A 67 year old patient.", header={"PatientAge": "067Y"})
    assert "body-part" in _codes("Clear lungs.", header={"BodyPartExamined": "KNEE"})
    assert "body-part" not in _codes("Clear lungs.", header={"BodyPartExamined": "CHEST"})
    assert _only("body-part", "The patella is intact.", header={"BodyPartExamined": "CHEST"}).severity == "severe"
    assert "body-part" not in _codes(
        "Dedicated knee radiographs are recommended.", header={"BodyPartExamined": "CHEST"}
    )


def test_views() -> None:
    assert "view" in _codes("PA and lateral views.", draft=_draft())
    assert "view" not in _codes("PA and lateral views.", draft=_draft(views=("frontal", "lateral")))
    assert "view" not in _codes("PA and lateral views.", draft=_draft(views=("unknown",)))
    assert "view" not in _codes("A lateral view is recommended.", draft=_draft())
    assert "view" in _codes("Single portable view.", draft=_draft(views=("frontal", "lateral")))


def test_against_the_labels() -> None:
    quiet = "The bones are intact."
    assert "missed" in _codes(quiet, draft=_draft(Pneumothorax="positive"))
    assert "missed" not in _codes(quiet, draft=_draft(Pneumothorax="uncertain"))
    assert "missed" not in _codes(
        "Right basilar pneumonia.", draft=_draft(Lung_Opacity="positive", Pneumonia="positive")
    )
    assert _only("denied", "No pneumothorax.", draft=_draft(Pneumothorax="positive")).severity == "severe"
    assert "denied" not in _codes("No large effusion.", draft=_draft(Pleural_Effusion="positive"))
    assert _only("unsupported", "Pulmonary edema.", draft=_draft(Edema="negative")).severity == "severe"
    assert _only("unsupported", "Pulmonary edema.", draft=_draft(Edema="low")).severity == "warning"
    assert "unsupported" not in _codes("Pulmonary edema.", draft=_draft(Edema="uncertain"))
    assert "device-missed" in _codes(quiet, draft=_draft(Support_Devices="positive"))
    assert "device-unseen" in _codes("A left pacemaker.", draft=_draft())


def test_side_of_the_evidence() -> None:
    text = "There is a left pleural effusion."

    def codes(x: int, kind: str = "seen") -> list[str]:
        evidence = Evidence(0, (x, 0, x + 100, 100), kind)  # type: ignore[arg-type]
        sentence = Sentence("findings", text, ("Pleural Effusion",), 0.9, (evidence,))
        return _codes(text, draft=_draft((sentence,), Pleural_Effusion="positive"))

    assert "side-box" in codes(100)  # the patient's right is on the left of the film
    assert "side-box" not in codes(800)
    assert "side-box" not in codes(450)
    assert "side-box" not in codes(100, "searched")


@pytest.mark.parametrize("text", ["The XXXX is intact.", "Tip in the ___.", "A [ ] nodule.", "The <unk> lung."])
def test_blanks(text: str) -> None:
    assert _only("blank", text).severity == "warning"
    assert _only("blank", text, draft=_draft()).severity == "severe"


def test_debris_and_typing() -> None:
    assert _only("debris", "The bones are intact period").mend == ""
    assert "debris" not in _codes("The colon is gas filled. The follow-up period is short.")
    flag = _only("typing", "The The lungs are clear.")
    assert (flag.start, flag.end, flag.mend) == (0, 7, "The")
    assert "typing" not in _codes("A line that that day was new.")


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("A 7 kg nodule.", "severe"),
        ("A 90 cm mass.", "severe"),
        ("Nodule measuring 6 in the left base.", "warning"),
        ("A 12 cm nodule.", "warning"),
        ("A 12 mn opacity.", "warning"),
        ("The tube ends 4 m above the carina.", "severe"),
    ],
)
def test_wrong_units(text: str, severity: str) -> None:
    assert _only("unit", text).severity == severity


@pytest.mark.parametrize(
    "text",
    [
        "A 6 mm nodule.",
        "A 3.5 x 4 cm mass.",
        "Tip 4 cm above the carina.",
        "The 5th rib.",
        "Follow-up in 3 months.",
        "Seen in 2 views.",
        "T10 in the midline.",
    ],
)
def test_right_units(text: str) -> None:
    assert "unit" not in _codes(text)


def test_sizes_that_differ() -> None:
    assert _only("size", "An 8 mm nodule.", "An 8 cm nodule.").severity == "severe"
    assert _only("size", "An 8 mm nodule.", "A 14 mm nodule.").severity == "warning"
    assert "size" not in _codes("A 21 mm nodule.", "A 2 cm nodule.")
    assert "size" not in _codes("An 8 mm nodule. Also a 4 mm nodule.", "A 4 mm nodule.")


def test_duplicates() -> None:
    flag = _only("duplicate", "No effusion. Clear lungs. No  effusion!")
    assert flag.mend == ""
    assert flag.start == 26
    assert "duplicate" not in _codes("Clear lungs.", "Clear lungs.")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Tiny left apical pneumothorax.", "critical-pneumothorax"),
        ("Possible small pneumothorax.", "critical-pneumothorax"),
        ("The endotracheal tube is in the right mainstem bronchus.", "critical-device"),
        ("The nasogastric tube is coiled in the esophagus.", "critical-device"),
        ("Free air under the diaphragm.", "critical-free-air"),
        ("Large right pleural effusion.", "critical-effusion"),
        ("The left effusion is large.", "critical-effusion"),
        ("A 5 cm mass in the left upper lobe.", "critical-mass"),
    ],
)
def test_critical_results(text: str, code: str) -> None:
    for report in (Report(text, None), Report(None, text)):
        (flag,) = critical_results(report)
        assert flag.code == code
        assert flag.critical
        assert flag.severity != "severe"


@pytest.mark.parametrize(
    "text",
    [
        "No pneumothorax.",
        "The pneumothorax has resolved.",
        "Film to exclude pneumothorax.",
        "No large effusion.",
        "Small effusion.",
        "No free air.",
        "Stable known mass in the left lung.",
        "No mass.",
        "No mass effect.",
        "The tube is in good position.",
        "The endotracheal tube ends 4 cm above the carina.",
        "Displaced rib fracture.",
    ],
)
def test_not_critical(text: str) -> None:
    assert critical_results(Report(text, None)) == []


def test_critical_come_first_and_the_order_is_stable() -> None:
    report = Report("The XXXX. No effusion. Left effusion. Left pneumothorax.", "See above.")
    flags = check(report, prior_given=None)
    assert flags[0].code == "critical-pneumothorax"
    assert [flag.severity for flag in flags if not flag.critical] == sorted(
        (flag.severity for flag in flags if not flag.critical), key=["severe", "warning", "hint"].index
    )
    assert flags == check(replace(report))


@pytest.mark.parametrize("text", ["", " ", ".", "...", "\n\n", "XXXX", "é" * 50, "no " * 200, "( [ {", "1. 2. 3."])
def test_any_text_is_accepted(text: str) -> None:
    for report in (Report(text, text), Report(text, None), Report(None, text)):
        check(report, draft=_draft(), header={"PatientSex": "O", "PatientAge": "?"}, prior_given=False)


@pytest.mark.parametrize(
    ("comparison", "known"),
    [
        (None, None),
        ("", False),
        ("None.", False),
        ("Not available", False),
        ("Film of May.", True),
        ("North ward", True),
    ],
)
def test_prior_known(comparison: str | None, known: bool | None) -> None:
    assert prior_known(comparison) is known


def test_a_side_is_taken_from_a_short_sentence() -> None:
    assert "side" in _codes("Fracture line through the left scapula.", "The right seventh rib is fractured.")
    assert "side" in _codes("The right lung is collapsed by a pneumothorax.", "Left pneumothorax.")
    assert "side" not in _codes("Left rib fracture and cardiomegaly.", "Cardiomegaly and right basilar atelectasis.")


def test_a_broken_screw_is_no_fracture() -> None:
    assert "contradiction" not in _codes("The clavicle screw is fractured. No fracture is seen.")
