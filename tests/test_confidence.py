from __future__ import annotations

import math

import pytest

from wetread.confidence import ACUTE, confidence, statements
from wetread.types import LABELS, Finding


def findings(**probability: float) -> dict[str, Finding]:
    return {n: Finding(probability.get(n.replace(" ", "_"), 0.02), 0.2, 0.5, "negative") for n in LABELS}


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("The heart is enlarged.", {("Cardiomegaly", True)}),
        ("There is no pleural effusion.", {("Pleural Effusion", False)}),
        ("Small pleural effusion, no pneumothorax.", {("Pleural Effusion", True), ("Pneumothorax", False)}),
        ("Possible pneumonia.", set()),
        ("Old granuloma.", {("No Finding", False)}),
        ("No acute disease.", {(n, False) for n in ACUTE}),
    ],
)
def test_what_a_sentence_states(text: str, stated: set[tuple[str, bool]]) -> None:
    assert statements(text) == stated


def test_a_normal_site_denies_its_findings_and_no_other() -> None:
    denied = {name for name, there in statements("The lungs are clear.") if not there}
    assert {"Lung Opacity", "Consolidation"} <= denied
    assert not {"Cardiomegaly", "Fracture", "Pleural Effusion"} & denied


def test_a_sentence_is_as_sure_as_all_that_it_states() -> None:
    labels = findings(Pleural_Effusion=0.8, Pneumothorax=0.1)
    assert confidence("Small pleural effusion.", -1.0, labels) == pytest.approx(0.8)
    assert confidence("No pleural effusion.", -1.0, labels) == pytest.approx(0.2)
    assert confidence("Small pleural effusion, no pneumothorax.", -1.0, labels) == pytest.approx(0.8 * 0.9)
    assert confidence("Old granuloma.", -1.0, findings(No_Finding=0.7)) == pytest.approx(0.3)


def test_a_sentence_that_states_nothing_is_as_sure_as_its_words() -> None:
    assert not statements("The film is rotated.")
    assert confidence("The film is rotated.", -0.3, findings()) == pytest.approx(math.exp(-0.3))
    assert confidence("The film is rotated.", 0.0, findings()) == 1
