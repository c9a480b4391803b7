"""Contradictions between draft and reference."""

from __future__ import annotations

import numpy as np
import pytest

from wetread.metrics.consistency import compare, compare_all

REFERENCE = "There is a small left pleural effusion. No pneumothorax. Consolidation in the right upper lobe."


@pytest.mark.parametrize(
    ("reference", "hypothesis", "label", "kind"),
    [
        (REFERENCE, "No pleural effusion is seen.", "Pleural Effusion", "polarity"),
        (REFERENCE, "There is a small right pleural effusion.", "Pleural Effusion", "side"),
        (REFERENCE, "There is consolidation in the right lower lobe.", "Consolidation", "level"),
        (REFERENCE, "There is a large pneumothorax.", "Pneumothorax", "polarity"),
        ("A pacemaker is present.", "No pacemaker.", "Support Devices", "device"),
    ],
)
def test_contradictions(reference: str, hypothesis: str, label: str, kind: str) -> None:
    found = compare(reference, hypothesis)
    assert [(c.label, c.kind) for c in found.contradictions] == [(label, kind)]
    contradiction = found.contradictions[0]
    mention = contradiction.hypothesis
    assert hypothesis[mention.start : mention.end] == mention.phrase


@pytest.mark.parametrize(
    "hypothesis",
    [
        "There is a left pleural effusion.",
        "A small pleural effusion is present.",
        "Bilateral pleural effusions.",
        "Possible left effusion.",
        "No right pleural effusion.",
        "There is a rib fracture.",  # the reference does not speak of it
        "The lungs are clear.",
        "",
    ],
)
def test_no_contradiction(hypothesis: str) -> None:
    assert compare(REFERENCE, hypothesis).contradictions == ()


def test_statements_count_once() -> None:
    found = compare(REFERENCE, "No pleural effusion. No effusion. No pneumothorax.")
    assert len(found.contradictions) == 1
    assert found.agreements == ("Pneumothorax",)


def test_corpus() -> None:
    table = compare_all([REFERENCE] * 3, ["No pleural effusion. No pneumothorax.", REFERENCE, "Nothing."])
    assert table.measures["consistency"].value == pytest.approx(4 / 5)
    assert table.measures["contradiction-free"].value == pytest.approx(2 / 3)
    assert np.isnan(table.measures["consistency"].per_report[2])
    assert table.per_label["Pleural Effusion"] == {"agree": 1, "polarity": 1, "side": 0, "level": 0, "device": 0}
