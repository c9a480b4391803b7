"""Styles: what a department asks for, and that a style never changes what a report says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wetread.errors import InputError, UsageError
from wetread.report.labeler import label
from wetread.report.style import DEFAULT, Style, apply, load_style, render, respell
from wetread.types import LABELS, Draft, Finding, ModelInfo, Report

REPORT = Report(
    findings=(
        "A 9 mm nodule projects over the left upper lobe. The heart size is within normal limits. "
        "No pneumothorax and no effusion. "
        "A feeding tube ends 3 cm below the diaphragm. The ribs are intact."
    ),
    impression="Left upper lobe nodule. CT is advised.",
    indication="Weight loss.",
)


def _draft(**states: str) -> Draft:
    labels = {n: Finding(0.1, 0.3, 0.6, states.get(n.replace(" ", "_"), "negative")) for n in LABELS}  # type: ignore[arg-type]
    return Draft("s", ModelInfo("m", "1", "0"), (), "The heart size is within normal limits.", "", (), labels)


def test_default_is_findings_then_impression() -> None:
    assert render(Report("Clear lungs.", "Normal chest.")) == "FINDINGS\nClear lungs.\n\nIMPRESSION\nNormal chest."
    assert render(Report("Clear lungs.", None)) == "FINDINGS\nClear lungs."
    assert render(REPORT).startswith("INDICATION\nWeight loss.\n\nFINDINGS\n")
    assert render(_draft()) == "FINDINGS\nThe heart size is within normal limits."


def test_headings_order_and_numbers() -> None:
    style = replace(DEFAULT, language="de", impression_first=True, number_impression=True, empty="state")
    text = render(Report(None, "Left nodule. CT is advised. ."), style)
    assert text == "BEURTEILUNG\n1. Left nodule.\n2. CT is advised.\n\nBEFUND\n-"
    again = render(Report(None, "1. Left nodule. 2. CT is advised."), style)
    assert again == text


def test_order_by_site_moves_sentences_and_keeps_them_all() -> None:
    findings, _ = apply(REPORT, replace(DEFAULT, order=("devices", "bones", "heart")))
    assert [s.split()[1] for s in findings.split(". ")] == ["feeding", "ribs", "heart", "9", "pneumothorax"]
    assert sorted(findings.split()) == sorted((REPORT.findings or "").split())
    by_site, _ = apply(REPORT, replace(DEFAULT, by_site=True, language="fr"))
    assert by_site.splitlines()[0] == "Cœur: The heart size is within normal limits."
    assert "Matériel: A feeding tube ends 3 cm below the diaphragm." in by_site.splitlines()


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A 9 mm nodule is seen.", "A nodule is seen."),
        ("An 8 mm opacity is seen.", "An opacity is seen."),
        ("A 1.2 x 3 cm mass is seen.", "A mass is seen."),
        ("There is a nodule measuring approximately 6 mm in diameter.", "There is a nodule."),
        ("Nodule (12 mm) in the right base.", "Nodule in the right base."),
        ("It measures 14 mm.", ""),
        ("The tube tip lies 3 cm above the carina.", "The tube tip lies 3 cm above the carina."),
        ("The 5th rib is broken.", "The 5th rib is broken."),
    ],
)
def test_sizes_go_and_places_stay(sentence: str, expected: str) -> None:
    findings, _ = apply(Report(sentence, None), replace(DEFAULT, measurements=False))
    assert findings == expected


@pytest.mark.parametrize(
    ("american", "british"),
    [
        ("Pulmonary edema.", "Pulmonary oedema."),
        ("Edematous", "Oedematous"),
        ("HEMOTHORAX", "HAEMOTHORAX"),
        ("Nonvisualized esophagus, centered", "Nonvisualised oesophagus, centred"),
        ("Hemidiaphragm and hemithorax", "Hemidiaphragm and hemithorax"),
        ("aneurysm of the aorta", "aneurysm of the aorta"),
        ("central line, 2 centimeters", "central line, 2 centimetres"),
    ],
)
def test_spelling_goes_both_ways(american: str, british: str) -> None:
    assert respell(american, "british") == british
    assert respell(british, "american") == american
    assert respell(american, "american") == american
    assert respell(british, "british") == british
    assert respell(american, "as written") == american


def test_templates_replace_only_what_they_deny() -> None:
    style = replace(DEFAULT, normals="template")
    findings, _ = apply(REPORT, style)
    assert "Normal heart size." in findings
    assert "No pneumothorax or pleural effusion." in findings
    assert "9 mm nodule" in findings
    hedged = "No pneumothorax. No large pleural effusion."
    assert "No large pleural effusion." in apply(Report(hedged, None), style)[0]
    one_side = "No pneumothorax. Small left effusion."
    assert apply(Report(one_side, None), style)[0] == one_side
    abnormal = Report("No pneumothorax and no effusion.", "Small right pneumothorax.")
    assert apply(abnormal, style)[0] == abnormal.findings


def test_fill_adds_only_what_the_draft_denies() -> None:
    style = replace(DEFAULT, normals="fill")
    full, _ = apply(_draft(), style)
    assert "No acute fracture." in full
    assert full.count("Normal heart size.") == 1
    less, _ = apply(_draft(Fracture="uncertain", Pneumothorax="positive"), style)
    assert "fracture" not in less
    assert "pneumothorax" not in less
    assert apply(Report("The heart size is within normal limits.", None), style)[0] == "Normal heart size."


@pytest.mark.parametrize("normals", ["template", "fill"])
def test_no_style_changes_a_label(normals: str) -> None:
    style = Style(
        spelling="british", order=("bones", "pleura"), normals=normals, templates=DEFAULT.templates, measurements=False
    )
    findings, impression = apply(REPORT, style)
    before = label(f"{REPORT.findings}\n\n{REPORT.impression}")
    assert label(f"{findings}\n\n{impression}") == before


def test_a_style_file_overrides_the_default(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'language = "es"\nimpression_first = true\n[headings]\nfindings = "Befund"\n'
        '[[templates]]\nsite = "heart"\ntext = "Cor normal."\ndenies = ["Cardiomegaly"]\n'
    )
    style = load_style(path)
    assert style.heading("findings") == "Befund"
    assert style.heading("impression") == "IMPRESIÓN"
    assert len(style.templates) == 1
    assert style.measurements is True


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("colour = 1", "unknown"),
        ('language = "xx"', "one of en, de"),
        ('spelling = "canadian"', "as written"),
        ("measurements = 1", "true or false"),
        ('name = ["a"]', "text"),
        ('order = ["liver"]', "the sites are"),
        ("[headings]\nfooter = 'x'", "gives texts for"),
        ('[[templates]]\nsite = "heart"\ntext = "Normal."', "needs a site"),
        ('[[templates]]\nsite = "heart"\ntext = "Normal."\ndenies = ["Gout"]', "none of the 14"),
        ('[[templates]]\nsite = "heart"\ntext = "Cardiomegaly."\ndenies = ["Cardiomegaly"]', "no normal sentence"),
    ],
)
def test_a_wrong_style_says_where(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=match):
        load_style(path)


def test_a_style_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check the name"):
        load_style(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(InputError, match="no TOML"):
        load_style(tmp_path / "bad.toml")
