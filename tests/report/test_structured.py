"""The structured form: states by site, and codes that are what they claim to be."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from wetread.report.sites import LABEL_SITES, SITES, primary_site, sites_of
from wetread.report.structured import Code, codes_of, structure, to_json
from wetread.types import LABELS, Report

REPORT = Report(
    findings=(
        "Two views. Mild cardiomegaly. The lungs are clear. There may be a small right effusion. No pneumothorax. "
        "Degenerative change of the spine without fracture. A left chest wall pacemaker is in place. ."
    ),
    impression="1. Mild cardiomegaly. 2. There may be a small right effusion.",
)


def test_states_by_site() -> None:
    entries = {entry.site: entry for entry in structure(REPORT)}
    assert tuple(entries) == SITES
    assert {site: entry.state for site, entry in entries.items()} == {
        "heart": "abnormal",
        "mediastinum": "not mentioned",
        "lungs": "normal",
        "pleura": "uncertain",
        "bones": "abnormal",
        "devices": "abnormal",
        "other": "stated",
    }
    assert entries["heart"].text == "Mild cardiomegaly."
    pleura = {row.label: row for row in entries["pleura"].labels}
    assert pleura["Pleural Effusion"].state == "uncertain"
    assert pleura["Pleural Effusion"].side == "right"
    assert pleura["Pneumothorax"].state == "negative"
    assert Code("SCT", "36118008", "Pneumothorax") in pleura["Pneumothorax"].codes


def test_an_empty_report_mentions_nothing() -> None:
    assert {entry.state for entry in structure(Report())} == {"not mentioned"}


def test_json_is_plain() -> None:
    value = to_json(structure(REPORT))
    assert [row["site"] for row in value] == list(SITES)
    assert value[0]["codes"][0] == {"scheme": "SCT", "value": "80891009", "meaning": "Heart"}


def test_every_snomed_code_is_in_the_dicom_standard() -> None:
    """PS3.16's concepts as pydicom ships them: same value, same meaning."""
    concepts = pytest.importorskip("pydicom.sr._concepts_dict").concepts
    standard = {(code, m[0]) for row in concepts["SCT"].values() for code, m in row.items()}
    table = tomllib.loads((files("wetread.report") / "data" / "codes.toml").read_text())
    rows = [(kind, name) for kind in table for name in table[kind]]
    assert len(rows) > 12
    for kind, name in rows:
        for code in codes_of(kind, name):
            assert code.scheme == "RADLEX" or (code.value, code.meaning) in standard, (kind, name)
            assert code.scheme == "SCT" or code.value.startswith("RID")
    assert set(table["sites"]) <= set(SITES)
    assert set(table["labels"]) <= set(LABELS)


@pytest.mark.parametrize(
    ("sentence", "site"),
    [
        ("The cardiomediastinal silhouette is normal.", "heart"),
        ("No acute cardiopulmonary abnormality.", "other"),
        ("Nodule over the left fifth rib.", "lungs"),
        ("The tip of the endotracheal tube is above the carina.", "devices"),
        ("Old rib fractures.", "bones"),
        ("The lungs are clear without effusion.", "lungs"),
        ("No free intraperitoneal air.", "other"),
        ("Two views of the patient.", "other"),
        ("The aorta is tortuous.", "mediastinum"),
    ],
)
def test_primary_site(sentence: str, site: str) -> None:
    assert primary_site(sentence) == site


def test_sites_in_the_order_of_naming() -> None:
    assert sites_of("No effusion; the heart and the lungs are normal.") == ("pleura", "heart", "lungs")
    assert set(LABEL_SITES) == set(LABELS) - {"No Finding"}
