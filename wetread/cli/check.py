"""``wetread check REPORT``: contradictions, omissions, inventions, debris, critical results."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wetread.errors import InputError

if TYPE_CHECKING:
    from wetread.report.checks import Flag
    from wetread.types import Draft, Report

__all__ = ["HELP", "configure", "run"]

HELP = "Check a report against itself, and against a draft, a header and the priors where they are given."
SCHEMA = "wetread.check/1"
_FAIL = 3  # as for input that is not what it should be
_KEYWORDS = ("PatientSex", "PatientAge", "BodyPartExamined")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "report", metavar="REPORT", help="a text file, the JSON of 'wetread draft --json', or - (stdin)"
    )
    parser.add_argument("--draft", type=Path, metavar="FILE", help="the draft of the same study, as JSON")
    parser.add_argument("--dicom", type=Path, metavar="FILE", help="a film of the study: sex, age and body part")
    parser.add_argument("--comparison", metavar="TEXT", help="what there was to compare with; 'none' for nothing")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument(
        "--fail-on",
        choices=("severe", "warning", "critical"),
        help=f"exit {_FAIL} where there is such a flag ('warning' includes severe ones); without it always 0",
    )


def run(args: argparse.Namespace) -> int:
    from wetread.report.checks import check, prior_known

    text = _text(args.report)
    report, draft = _report(text, args.report)
    if args.draft:
        draft = _draft(_text(str(args.draft)), str(args.draft))
    if args.comparison is not None:
        report = replace(report, comparison=args.comparison)
    flags = check(
        report,
        draft=draft,
        header=_header(args.dicom) if args.dicom else None,
        prior_given=prior_known(report.comparison),
    )
    if args.json:
        print(json.dumps(_json(flags, report), indent=1, ensure_ascii=False))
    else:
        print(_table(flags, report))
    return _FAIL if args.fail_on and any(_counts(flag, args.fail_on) for flag in flags) else 0


def _counts(flag: Flag, fail_on: str) -> bool:
    if fail_on == "critical" or flag.critical:
        return fail_on == "critical" and flag.critical
    return flag.severity == "severe" or flag.severity == fail_on


def _text(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}); check the name") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is no text in UTF-8; convert it first") from error


def _report(text: str, name: str) -> tuple[Report, Draft | None]:
    """The report of a text; a draft's JSON is its own report and its own draft."""
    from wetread.report.sections import parse_report
    from wetread.types import Report

    if text.lstrip().startswith("{"):
        draft = _draft(text, name)
        return Report(draft.findings, draft.impression), draft
    if not text.strip():
        raise InputError(f"{name} is empty; a report has FINDINGS or an IMPRESSION")
    return parse_report(text), None


def _draft(text: str, name: str) -> Draft:
    from wetread.types import Draft

    try:
        return Draft.from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name} is no draft ({error}); 'wetread draft --json' writes one") from error


def _header(path: Path) -> dict[str, str]:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        ds = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_KEYWORDS))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the name") from error
    except (InvalidDicomError, ValueError, TypeError, AttributeError, EOFError) as error:
        raise InputError(f"{path} is no DICOM file ({error}); --dicom takes a film of the study") from error
    return {keyword: str(ds[keyword].value) for keyword in _KEYWORDS if keyword in ds}


def _json(flags: list[Flag], report: Report) -> dict[str, Any]:
    rows = []
    for flag in flags:
        text = getattr(report, flag.section) or ""
        row: dict[str, Any] = {**vars(flag), "text": text[flag.start : flag.end]}
        row["other"] = flag.other and flag.other._asdict()
        rows.append(row)
    return {"schema": SCHEMA, "flags": rows, "critical": [flag.code for flag in flags if flag.critical]}


def _table(flags: list[Flag], report: Report) -> str:
    lines = []
    for flag in flags:
        kind = "CRITICAL" if flag.critical else flag.severity
        lines.append(f"{kind:<9}{flag.code:<23}{flag.section.upper():<11}{flag.message}")
        text = (getattr(report, flag.section) or "")[flag.start : flag.end]
        if flag.mend is not None and text:
            lines.append(f"{'':<43}'{text}' → {repr(flag.mend) if flag.mend else 'take it out'}")
    counts = {kind: sum(f.severity == kind and not f.critical for f in flags) for kind in ("severe", "warning", "hint")}
    critical = sum(flag.critical for flag in flags)
    summary = f"{counts['severe']} severe, {counts['warning']} warnings, {counts['hint']} hints, {critical} critical"
    return "\n".join([*lines, f"{summary}. Research use; not a medical device."])
