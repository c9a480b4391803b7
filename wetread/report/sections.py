"""A free-text report → its sections: findings, impression, indication, comparison.

Headings come from ``data/sections.tsv``. A report without headings is all findings. In a report whose headings leave
out FINDINGS (many of MIMIC-CXR do), the paragraphs after the first of INDICATION, COMPARISON, TECHNIQUE … are the
findings. A section "findings and impression" is returned as findings.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from wetread.report.phrases import read_table
from wetread.types import Report

__all__ = ["parse_report"]

_LIST_ITEM = re.compile(r"(?:\d{1,2}[.)]|[-*•])\s")
_PARAGRAPH = re.compile(r"\n[^\S\n]*+\n\s*+")
#: The line that names who read it when, after WET READ: no sentence, and a time of day.
_STAMP = re.compile(r"\A[^\n.]{0,80}?\b\d{1,2}:\d{2}\s*(?:[AP]M|Uhr|h)?\b[^\n]{0,20}(?:\n|\Z)", re.IGNORECASE)


class _Part(NamedTuple):
    section: str
    text: str


@lru_cache(maxsize=1)
def _headings() -> tuple[re.Pattern[str], dict[str, str]]:
    """The pattern of a heading and the section of each heading in upper case."""
    sections = {heading: section for section, heading in read_table("sections.tsv", 2)}
    # The longest first: "FINDINGS AND IMPRESSION" before "FINDINGS". Blanks within a heading may be several.
    names = "|".join(
        r"[^\S\n]++".join(map(re.escape, name.split())) for name in sorted(sections, key=lambda n: (-len(n), n))
    )
    pattern = rf"""
        ^[^\S\n]*+(?:[#*_]{{1,6}}[^\S\n]?)?(?i:(?P<line>{names}))[*_]{{0,3}}[^\S\n]*+(?::[*_]{{0,3}}|(?=\n|\Z))
      | (?:(?<=\s)|\A)(?=[A-ZÀ-Ý])(?P<inline>{names})[^\S\n]*+:
    """
    return re.compile(pattern, re.VERBOSE | re.MULTILINE), sections


def _parts(text: str) -> list[_Part]:
    """The text cut at its headings; what precedes the first belongs to the section ''."""
    pattern, sections = _headings()
    parts = []
    section, start = "", 0
    for match in pattern.finditer(text):
        parts.append(_Part(section, text[start : match.start()]))
        name = " ".join((match["line"] or match["inline"]).upper().split())
        section, start = sections[name], match.end()
    parts.append(_Part(section, text[start:]))
    return parts


def _unwrap(text: str) -> str:
    """Join the lines of a paragraph; paragraphs and list items keep their lines."""
    lines: list[str] = []
    fresh = True
    for line in text.splitlines():
        line = line.strip()
        if not line:
            fresh = True
        elif fresh or _LIST_ITEM.match(line):
            lines.append(line)
            fresh = False
        else:
            lines[-1] += " " + line
    return "\n".join(lines)


def _first_paragraph(text: str) -> tuple[str, str]:
    pieces = _PARAGRAPH.split(text.strip(), maxsplit=1)
    return pieces[0], pieces[1] if len(pieces) > 1 else ""


def parse_report(text: str) -> Report:
    """Find the sections of a report.

    Args:
        text: a report as dictated, exported or pasted; any string. Line ends may be of any kind.

    Returns:
        The sections, lines unwrapped; None for a section that is absent or empty. No heading: all of it is findings.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    parts = _parts(text)
    has_findings = any(p.section in ("findings", "both") and p.text.strip() for p in parts)
    found: dict[str, list[str]] = {}
    for section, body in parts:
        if section == "both":
            section = "findings"
        elif section in ("", "title"):
            # The lines above the first heading, or under "FINAL REPORT": the report itself where nothing else is.
            section = "unnamed"
        elif section in ("indication", "comparison", "other"):
            body, rest = _first_paragraph(body)
            found.setdefault("unnamed", []).append(rest)
        elif section == "wet read":
            body = _STAMP.sub("", body.lstrip(), count=1)
        found.setdefault(section, []).append(body)
    sections = {name: _unwrap("\n\n".join(bodies)) for name, bodies in found.items()}
    findings = sections.get("findings") if has_findings else sections.get("unnamed")
    impression = sections.get("impression") or sections.get("wet read")
    if sections.get("addendum"):
        impression = "\n".join(filter(None, (impression, sections["addendum"])))
    return Report(
        findings=findings or None,
        impression=impression or None,
        indication=sections.get("indication") or None,
        comparison=sections.get("comparison") or None,
    )
