"""``wetread draft PATH…``: one study → the report."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wetread.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from wetread.types import Decision

HELP = "Draft the report of one study, given as its films or their folder. Research use; not a medical device."
NOTICE = "Draft for research use; not a medical device. A radiologist reads the film, corrects and signs."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+", help="films (DICOM, PNG, JPEG, TIFF) or their folder")
    parser.add_argument("--indication", metavar="TEXT", help="why the study was asked for")
    parser.add_argument("--comparison", metavar="TEXT", help="the earlier study to compare with")
    parser.add_argument(
        "--finding", metavar="NAME=STATE", action="append", default=[],
        help="what you see yourself: one of the 14 findings as positive (or left, right, bilateral where it lies on a"
        " side), negative, or uncertain (neither stated nor denied); the draft follows (can be given again)",
    )  # fmt: skip
    parser.add_argument("--study-id", metavar="ID", help="default: StudyInstanceUID, or the file's or folder's name")
    parser.add_argument("--json", action="store_true", help="print the Draft as JSON (wetread.draft/1)")
    parser.add_argument("--structured", action="store_true", help="print the form by sites with its codes, as JSON")
    parser.add_argument("--out", metavar="DIR", type=Path, help="also save the draft and the evidence picture there")
    parser.add_argument("--style", metavar="FILE", type=Path, help="a department's style (TOML) for the text")
    parser.add_argument("--model", metavar="BUNDLE", type=Path, help="a model bundle (default: the one that ships)")
    parser.add_argument("--index", metavar="DIR", type=Path, help="an index of 'wetread similar', for similar cases")


def _file_name(study_id: str) -> str:
    return re.sub(r"[^\w.-]+", "_", study_id).strip("._")[:100] or "study"


def _decided(given: list[str]) -> dict[str, Decision]:
    from wetread.report.decisions import decisions

    pairs = [text.rpartition("=") for text in given]
    for text, (name, equals, _) in zip(given, pairs, strict=True):
        if not (name and equals):
            raise UsageError(f'--finding {text} is no decision; write it as "Pleural Effusion=positive"')
    named = {name.strip(): state for name, _, state in pairs}
    if len(named) < len(pairs):
        raise UsageError("--finding is given twice for the same finding; say once what it is")
    return decisions(named)


def run(args: argparse.Namespace) -> int:
    from wetread.draft import Drafter
    from wetread.report.style import load_style, render

    decided = _decided(args.finding)
    style = load_style(args.style) if args.style else None
    drafter = Drafter.load(args.model, index=args.index)
    drafted = drafter.draft_with_heat(
        args.paths,
        indication=args.indication,
        comparison=args.comparison,
        study_id=args.study_id,
        decided=decided,
    )
    draft = drafted.draft
    if args.json:
        print(json.dumps(draft.to_json(), ensure_ascii=False, indent=1))
    elif args.structured:
        from wetread.report.structured import structure, to_json

        print(json.dumps(to_json(structure(draft)), ensure_ascii=False, indent=1))
    else:
        print(render(draft, style))
        for case in draft.similar:
            print(f"\nSimilar: {case.study_id} ({case.score:.2f})", end="")
        if draft.triage:
            print(f"triage: {draft.triage.state} ({draft.triage.score:.2f} that anything is found)", file=sys.stderr)
        doubts = dict.fromkeys(f"{s.text} ({s.confidence:.2f})" for s in draft.sentences if s.doubtful)
        if doubts:
            print(f"look again at: {' '.join(doubts)}", file=sys.stderr)
        for warning in draft.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        print(NOTICE, file=sys.stderr)
    if args.out:
        from wetread.picture import save_picture

        name = _file_name(draft.study_id)
        try:
            picture = save_picture(args.out, name, drafted.study, draft, drafted.heat)
            text = json.dumps(draft.to_json(), ensure_ascii=False, indent=1)
            (args.out / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise OutsideError(f"{args.out} cannot be written ({error.strerror}); name another folder") from error
        print(f"saved {picture} and {name}.json", file=sys.stderr)
    return 0
