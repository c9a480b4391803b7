"""Findings beyond the 14 labels that a draft tells where they are seen: by their words.

None of the 14 labels names them, but a radiologist does, and the networks tell them well enough. Emphysema and
obstructive lung disease count as hyperexpansion, which is what a film shows of them. A pacemaker and a catheter are
kinds of the label "Support Devices".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from wetread.report.sites import Site

__all__ = ["EITHER", "FURTHER", "KINDS", "PLACES", "among", "calls_inflated", "further"]

_VOLUMES = r"(?:lung )?(?:volumes?|inspirations?|inspiratory (?:effort|volumes?))"
_LOW = r"(?:low|poor|shallow|decreased|diminished|reduced|small)"
#: Each with the words that state it. Their sentences are in ``data/stock.tsv``.
_WORDS: Mapping[str, str] = {
    "hyperexpansion": r"hyper-?(?:expan|infl|aerat|lucen)\w*|emphysem\w*|copd|chronic obstructive",
    "low lung volumes": rf"{_LOW} {_VOLUMES}|hypo(?:infl|ventil|aerat)\w*|volumes? (?:are|is|remain) (?:\w+ )?{_LOW}",
    "sternal wires": r"sternotom\w*|sternal wires?",
    "granuloma": r"granulom\w*|calcified (?:\w+ )?nodul\w*",
    "pacemaker": r"pacemakers?|pacers?|aicd|icd|defibrillators?|pacing|generators?",
    "catheter": r"picc|porta?-?a?-?caths?|mediports?|ports?|catheters?|(?:central|venous|jugular|subclavian) lines?",
}
#: Their names, in the order of a bundle's arrays.
FURTHER = tuple(_WORDS)
#: Of these a chest shows one at most.
EITHER = frozenset({"hyperexpansion", "low lung volumes"})
#: Kinds of a device, told only where a device is stated.
KINDS = frozenset({"pacemaker", "catheter"})
#: The site of which something is there, so that it is not called normal.
PLACES: Mapping[str, Site] = {"granuloma": "lungs"}
_PATTERNS = {name: re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE) for name, words in _WORDS.items()}
#: What denies a finding when it stands before it in the same clause.
_DENIED = re.compile(r"\b(?:no|not|without|negative for|free of)\b[^.,;:]*$", re.IGNORECASE)
#: What says that the lungs are of normal volume.
_INFLATED = re.compile(
    r"\b(?:(?:normally|well|fully|adequately) (?:expanded|inflated|aerated)|normal (?:in )?(?:lung )?volumes?"
    r"|volumes? (?:are|is) (?:\w+ )?normal)\b",
    re.IGNORECASE,
)


def among(names: Set[str]) -> list[bool]:
    """Of each finding of ``FURTHER`` whether it is one of these."""
    return [name in names for name in FURTHER]


def calls_inflated(text: str) -> bool:
    """Whether a text calls the lungs normally inflated."""
    return bool(_INFLATED.search(text))


def further(text: str) -> set[str]:
    """The findings of ``FURTHER`` that a text states."""
    return {
        name
        for name, pattern in _PATTERNS.items()
        if any(not _DENIED.search(text[: match.start()]) for match in pattern.finditer(text))
    }
