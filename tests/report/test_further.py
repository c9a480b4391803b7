from __future__ import annotations

import pytest

from wetread.decode import Written
from wetread.obey import obey
from wetread.report.further import EITHER, FURTHER, KINDS, calls_inflated, further
from wetread.report.stock import sentence
from wetread.report.wording import stated
from wetread.types import LABELS, Finding


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The lungs are hyperinflated with flat diaphragms.", {"hyperexpansion"}),
        ("Changes of COPD.", {"hyperexpansion"}),
        ("Low lung volumes. Median sternotomy.", {"low lung volumes", "sternal wires"}),
        ("Lung volumes are slightly low.", {"low lung volumes"}),
        ("No hyperexpansion.", set()),
        ("The lungs are not hyperinflated, but there are sternal wires.", {"sternal wires"}),
        ("The lungs are clear and well expanded.", set()),
        ("Slow volume loss.", set()),
        ("Calcified granulomas. No pacemaker.", {"granuloma"}),
        ("Left-sided ICD with its generator. A port in the right chest wall.", {"pacemaker", "catheter"}),
        ("Supportive care. A portable film.", set()),
    ],
)
def test_what_a_text_states(text: str, found: set[str]) -> None:
    assert further(text) == found


@pytest.mark.parametrize("name", FURTHER)
def test_the_stock_states_each_and_no_label_but_its_own(name: str) -> None:
    text = sentence(name, "positive")  # type: ignore[arg-type]
    assert text is not None
    assert further(text) == {name}
    assert stated(text) == ({"Support Devices"} if name in KINDS else set())
    assert not calls_inflated(text)


def _findings() -> dict[str, Finding]:
    return {name: Finding(0.1, 0.3, 0.5, "negative") for name in LABELS}


def _told(text: str, told: frozenset[str] | None) -> list[str]:
    words = [Written(t + ".", -0.1) for t in text.split(". ")]
    return [w.text for w in obey(words, [Written("No acute disease.", -0.1)], _findings(), told=told).findings]


def test_what_is_seen_is_said_once_and_what_is_not_is_dropped() -> None:
    text = "The heart is normal in size. The lungs are hyperinflated"
    assert _told(text, None) == ["The heart is normal in size.", "The lungs are hyperinflated."]
    assert _told(text, frozenset({"hyperexpansion"})) == _told(text, None)
    assert _told(text, frozenset()) == ["The heart is normal in size."]
    assert _told(text, frozenset({"sternal wires"})) == [
        "The heart is normal in size.",
        "Median sternotomy.",
    ]


def test_lungs_are_not_of_two_volumes() -> None:
    text = "The heart is normal in size. The lungs are well expanded"
    assert _told(text, frozenset({"sternal wires"}))[1] == "The lungs are well expanded."
    for name in EITHER:
        assert _told(text, frozenset({name})) == ["The heart is normal in size.", sentence(name, "positive")]  # type: ignore[arg-type]


def test_a_device_is_said_by_its_kind_and_no_other() -> None:
    labels = _findings()
    labels["Support Devices"] = Finding(0.4, 0.3, 0.2, "positive")
    words = [Written(t, -0.1) for t in ("The heart is normal in size.", "There is a pacemaker.")]
    plain = [w.text for w in obey(words, [], labels, told=frozenset()).findings]
    assert "There is a pacemaker." not in plain
    assert sentence("Support Devices", "positive") in plain
    named = [w.text for w in obey(words, [], labels, told=frozenset({"catheter"})).findings]
    assert named == ["The heart is normal in size.", sentence("catheter", "positive")]  # type: ignore[arg-type]


def test_lungs_with_a_granuloma_are_otherwise_clear() -> None:
    assert _told("The heart is normal in size. The lungs are clear", frozenset({"granuloma"})) == [
        "The heart is normal in size.",
        "Calcified granuloma.",
        "The lungs are otherwise clear.",
    ]
