"""What a check says: the flag, and the table of its codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

from wetread.types import Section

__all__ = ["CODES", "Flag", "Place", "Severity", "in_order"]

Severity = Literal["severe", "warning", "hint"]

#: Every code with what it means; docs/checks.md shows each with an example.
CODES: Mapping[str, str] = MappingProxyType(
    {
        "contradiction": "one sentence states what another denies",
        "side": "FINDINGS and IMPRESSION name opposite sides for the same finding",
        "side-box": "the sentence names a side and its evidence lies on the other",
        "impression-omits": "FINDINGS state an important finding that IMPRESSION leaves out",
        "findings-omit": "IMPRESSION states a finding that FINDINGS leave out",
        "no-impression": "there are FINDINGS and no IMPRESSION",
        "no-findings": "there is an IMPRESSION and no FINDINGS",
        "comparison": "words of comparison without a prior",
        "sex": "the text and the header disagree about the patient's sex",
        "age": "the text and the header disagree about the patient's age",
        "body-part": "the text or the header is about another part of the body",
        "view": "the text describes a view that was not given",
        "missed": "a finding is above its threshold and the text does not mention it",
        "denied": "a finding is above its threshold and the text denies it",
        "unsupported": "the text states a finding that is far below its threshold",
        "device-missed": "a device is seen and the text does not mention it",
        "device-unseen": "the text states a device that is not seen",
        "blank": "a blank was left: XXXX, ____, [ ], <unk>",
        "debris": "words of a dictation that belong to no report",
        "typing": "a doubled word, a stray mark, a missing space",
        "unit": "a size without its unit, or one that cannot be",
        "size": "FINDINGS and IMPRESSION give different sizes for the same finding",
        "duplicate": "a sentence is there twice",
        "critical-pneumothorax": "critical result: pneumothorax",
        "critical-device": "critical result: a tube or line that is not where it should be",
        "critical-free-air": "critical result: free air under the diaphragm",
        "critical-effusion": "critical result: a large pleural effusion",
        "critical-mass": "critical result: a mass that is not known to be old",
    }
)


class Place(NamedTuple):
    """A span of a section: characters ``start`` to ``end`` (exclusive)."""

    section: Section
    start: int
    end: int


@dataclass(frozen=True)
class Flag:
    """One thing that a check found.

    Attributes:
        code: a key of ``CODES``.
        severity: ``severe`` (must not leave a draft), ``warning`` (look again), ``hint``.
        section, start, end: the place in the section's text; start == end where something is absent.
        message: one sentence for the reader.
        mend: what could stand in that place instead; an empty text takes it out; None where only a person can tell.
        critical: a critical result, to be told to the clinician; never a fault of the text.
        other: the second place, where a flag is about two.
    """

    code: str
    severity: Severity
    section: Section
    start: int
    end: int
    message: str
    mend: str | None = None
    critical: bool = False
    other: Place | None = None


_RANK: Mapping[Severity, int] = {"severe": 0, "warning": 1, "hint": 2}


def in_order(flags: list[Flag]) -> list[Flag]:
    """Critical results first, then by severity, then by place; the same input gives the same order."""
    return sorted(
        flags, key=lambda f: (not f.critical, _RANK[f.severity], f.section, f.start, f.end, f.code, f.message)
    )
