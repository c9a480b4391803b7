"""The live checks (``wetread.report.checks``) as the page wants them: offsets in UTF-16 units, one fix a flag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wetread.report.checks import CODES, Flag, check, critical_results
from wetread.room.provenance import units
from wetread.types import Draft, Report

__all__ = ["critical_findings", "flags_of"]

_SEVERITY = {"severe": "error", "warning": "warning", "hint": "info"}


def _flag(flag: Flag, texts: Mapping[str, str]) -> dict[str, Any]:
    text = texts[flag.section]
    start, end = units(text, flag.start), units(text, flag.end)
    fix = None
    if flag.mend is not None:
        label = f"Replace by '{flag.mend}'" if flag.mend else "Take out"
        fix = {"label": label, "start": start, "end": end, "replacement": flag.mend}
    return {
        "kind": flag.code,
        "severity": "critical" if flag.critical else _SEVERITY[flag.severity],
        "section": flag.section,
        "start": start,
        "end": end,
        "text": text[flag.start : flag.end],
        "message": flag.message,
        "fix": fix,
    }


def flags_of(
    texts: Mapping[str, str], draft: Mapping[str, Any] | None, header: Mapping[str, str], prior_given: bool
) -> list[dict[str, Any]]:
    """What the checks have to say about a report's text.

    Args:
        texts: the report by section.
        draft: ``wetread.draft/1`` or None.
        header: facts of the study, by DICOM keyword.
        prior_given: there is a prior study to compare with.
    """
    if not any(text.strip() for text in texts.values()):
        return []
    flags = check(
        Report(findings=texts["findings"], impression=texts["impression"]),
        draft=None if draft is None else Draft.from_json(draft),
        header=header,
        prior_given=prior_given,
    )
    return [_flag(flag, texts) for flag in flags]


def critical_findings(texts: Mapping[str, str]) -> list[str]:
    """The critical results that a text states, by name, such as "Pneumothorax"."""
    flags = critical_results(Report(findings=texts["findings"], impression=texts["impression"]))
    names = (CODES[flag.code].partition(": ")[2] for flag in flags)
    return list(dict.fromkeys(name[:1].upper() + name[1:] for name in names))
