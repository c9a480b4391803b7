"""``wetread audit``: verify or export the reading room's audit trail."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wetread.cli.user import open_room, place
from wetread.errors import OutsideError

if TYPE_CHECKING:
    from wetread.room.store import Store

__all__ = ["HELP", "configure", "run"]

HELP = "The reading room's audit trail: verify its chain, or export it."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``wetread audit``."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = verbs.add_parser("verify", help="recompute the chain; exit 5 where something was changed")
    verify.add_argument("--head", metavar="HASH", help="the last hash of an earlier export must still be there")
    export = verbs.add_parser("export", help="JSON lines, or CSV; the last line's hash is the head to keep elsewhere")
    export.add_argument("--out", type=Path, metavar="FILE", help="default: standard output")
    export.add_argument("--csv", action="store_true")
    for verb in verbs.choices.values():
        place(verb)


def _verify(store: Store, head: str | None) -> int:
    from wetread.room import audit

    with store.read() as session:
        verdict = audit.verify(session, head)
    if not verdict.ok:
        raise OutsideError(f"The audit trail was tampered with: {verdict.message}")
    print(f"{verdict.message} Head: {verdict.head}")
    return 0


def _export(store: Store, out: Path | None, as_csv: bool) -> int:
    import csv

    from wetread.room import audit

    keys = ("seq", "at", "actor", "action", "study_id", "detail", "previous", "hash")
    target = sys.stdout if out is None else out.open("w", encoding="utf-8", newline="")
    try:
        writer = csv.writer(target, lineterminator="\n")
        if as_csv:
            writer.writerow([*keys, "time"])
        with store.read() as session:
            for row in audit.entries(session):
                values = {key: getattr(row, key) for key in keys}
                moment = datetime.fromtimestamp(row.at, UTC).isoformat(timespec="milliseconds")
                if as_csv:
                    writer.writerow([*values.values(), moment])
                else:
                    target.write(json.dumps({**values, "time": moment}, ensure_ascii=False) + "\n")
    finally:
        if out is not None:
            target.close()
    return 0


def run(args: argparse.Namespace) -> int:
    """Verify or export."""
    store = open_room(args.data, args.database)
    try:
        return _verify(store, args.head) if args.action == "verify" else _export(store, args.out, args.csv)
    finally:
        store.close()
