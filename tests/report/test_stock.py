"""Our own sentences say what they are there for, and nothing else."""

from __future__ import annotations

import pytest

from wetread.report.labeler import label, label_spans
from wetread.report.stock import SIDED, on_side, sentence
from wetread.report.wording import stated, stated_by_any
from wetread.types import LABELS, Section, Side


@pytest.mark.parametrize("name", [n for n in LABELS if n != "No Finding"])
def test_the_stock_says_exactly_its_finding(name: str) -> None:
    text = sentence(name, "positive")
    assert text is not None
    assert stated(text) == {name}


def test_the_stock_denies_effusion_and_pneumothorax_in_one() -> None:
    text = sentence("Pleural Effusion", "neither") or ""
    assert {(m.label, m.state) for m in label_spans(text)} == {
        ("Pleural Effusion", "negative"),
        ("Pneumothorax", "negative"),
    }


def test_the_stock_denies_what_it_denies() -> None:
    for name in LABELS:
        text = sentence(name, "negative")
        if text and name != "No Finding":
            assert not stated(text)
            assert label(text)[name] in ("negative", None)


@pytest.mark.parametrize("name", SIDED)
@pytest.mark.parametrize("side", ["left", "right", "bilateral"])
@pytest.mark.parametrize("section", ["findings", "impression"])
def test_the_stock_says_exactly_its_finding_on_a_side(name: str, side: Side, section: Section) -> None:
    text = on_side(name, side, section) or ""
    assert stated(text) == stated_by_any(text) == {name}
    assert "{" not in text
    words = {"left", "right"} & set(text.lower().replace(".", "").split())
    assert words == (set() if side == "bilateral" else {side})
    assert stated(on_side(name, side, section, many=True) or "") == {name}


def test_what_has_no_side_is_said_on_none() -> None:
    assert set(LABELS) - set(SIDED) == {
        "No Finding",
        "Enlarged Cardiomediastinum",
        "Cardiomegaly",
        "Edema",
        "Support Devices",
    }
