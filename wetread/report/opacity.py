"""Whether CheXbert passes over an opacity that the text states: a score over the other statements of the report.

CheXbert leaves "Lung Opacity" blank in one report of six that states one, for the same words that it labels elsewhere.
What it does depends on the rest of the report: a mass, fibrosis or edema explains the opacity, or a lone scar stands
beside denied effusion and consolidation. ``data/opacity.tsv`` holds the weight of each such circumstance, fitted on
IU X-Ray's train split by ``benchmarks/labeler_opacity.py``; only the convention ``chexbert`` uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from wetread.report.phrases import read_table
from wetread.types import LABELS

__all__ = ["OPACITY", "circumstances", "is_passed_over"]

OPACITY = "Lung Opacity"
#: Beginnings of words that tell the kind of an opacity, in this order.
_KINDS = (
    ("scar", "scar"),
    ("marking", "markings"),
    ("opaci", "opacity"),
    ("disease", "airspace disease"),
    ("infiltrat", "infiltrate"),
)
#: Labels whose presence in the same sentence explains an opacity.
_EXPLAIN = frozenset(["Lung Lesion", "Edema", "Atelectasis", "Pleural Other", "Pneumonia"])
#: Labels whose state matters; "No Finding" and "Lung Opacity" itself say nothing.
_OTHERS = frozenset(LABELS) - {"Lung Opacity", "No Finding"}


class Statement(Protocol):
    """What is read of a mention."""

    @property
    def label(self) -> str: ...
    @property
    def state(self) -> str: ...


def _kind(phrase: str) -> str:
    text = phrase.lower()
    return next((kind for stem, kind in _KINDS if stem in text), "density")


def circumstances(statements: Sequence[tuple[int, str, Statement]]) -> set[str]:
    """The circumstances of a report's opacities, as ``data/opacity.tsv`` names them.

    Args:
        statements: (sentence, phrase, mention) of every mention of the report.
    """
    found = [(k, phrase) for k, phrase, s in statements if s.label == OPACITY and s.state == "positive"]
    places = {k for k, _ in found}
    kinds = {_kind(phrase) for _, phrase in found}
    said = {kind if len(kinds) == 1 else f"{kind} with others" for kind in kinds}
    said.add("one phrase" if len(found) == 1 else "two phrases" if len(found) == 2 else "three phrases or more")
    strength = {"negative": 1, "uncertain": 2, "positive": 3}
    states: dict[str, str] = {}
    for k, _, s in statements:
        if s.label in _OTHERS:
            if strength[s.state] > strength.get(states.get(s.label, ""), 0):
                states[s.label] = s.state
            if k in places and s.label in _EXPLAIN and s.state != "negative":
                said.add(f"same sentence: {s.label}")
        elif s.label == OPACITY and s.state == "negative":
            said.add("Lung Opacity negative")
    said.update(f"{name} {state}" for name, state in states.items())
    return said


@lru_cache(maxsize=1)
def _weights() -> tuple[tuple[frozenset[str], float], ...]:
    return tuple(
        (frozenset(part.strip() for part in cell.split("&")), float(weight))
        for weight, cell in read_table("opacity.tsv", 2)
    )


def is_passed_over(said: set[str]) -> bool:
    """Whether CheXbert passes over the opacities of a report with these circumstances: log-odds below 0."""
    present = said | {"always"}
    return sum(weight for needed, weight in _weights() if needed <= present) < 0
