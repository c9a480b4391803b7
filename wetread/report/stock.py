"""A small stock of sentences of our own authorship, one a finding and state."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Literal

from wetread.types import LABELS, Section, Side

__all__ = ["SIDED", "State", "beside", "on_side", "plain", "sentence"]

State = Literal["positive", "negative", "rest", "named", "many", "many named", "with atelectasis", "neither"]


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str], str]:
    text = (files("wetread.report") / "data" / "stock.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {(label, state): words for label, state, _, words in rows}


def sentence(label: str, state: State) -> str | None:
    """The sentence that states a label, denies it, says that the rest of its site is normal, or names it alone.

    "many" and "many named" state and name one that is seen in many places, "with atelectasis" names both, "neither"
    denies an effusion and a pneumothorax. A finding beyond the 14 labels (``report.further``) has one that states it,
    and one that names it if an IMPRESSION has to.
    """
    return _table().get((label, state))


@lru_cache(maxsize=1)
def plain() -> frozenset[str]:
    """The sentences that state one finding each, without a word on how much, how many or where."""
    found = (words for (label, state), words in _table().items() if state == "positive" and label != "No Finding")
    return frozenset(found)


def on_side(label: str, side: Side, section: Section, many: bool = False) -> str | None:
    """The sentence that states a label on a side in FINDINGS, or names it in IMPRESSION; None where it has no side.

    ``many``: that there are several, where it has such a sentence (on both sides there are).
    """
    states = ["bilateral"] if side == "bilateral" else ["many one side"] * many + ["one side"]
    named = "" if section == "findings" else " named"
    words = next((w for state in states if (w := _table().get((label, state + named)))), None)
    return words and words.format(side=side, Side=side.capitalize())


#: The findings that may lie on a side.
SIDED = tuple(name for name in LABELS if on_side(name, "left", "findings"))


def beside() -> frozenset[str]:
    """The sentences that are put beside a decoder's in FINDINGS in which something is."""
    return plain() | {words for (_, state), words in _table().items() if state == "rest"}
