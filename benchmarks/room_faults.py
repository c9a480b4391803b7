"""kill -9 of web process, draft process and parent at random moments, while uploads, edits and signings go on.

    python benchmarks/room_faults.py [--kills 100] [--postgres] [--seed 1] [--markdown]

After the storm everything acknowledged must be there once: uploads (also byte for byte on disk), drafts, edits,
signatures, and the audit trail must verify. Each kill notes what was in flight. Exit 1 where anything is lost or
doubled, or where a kind of work was in flight at fewer than five of a hundred kills of some kind of process.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "room"))

from faults import WORK, Ledger, audit_everything, settle, storm
from processes import Postgres, Process, running

KILLED = {"server": "web process", "worker": "draft process", "parent": "parent of all"}


def table(ledger: Ledger, kills: list[str], wrong: list[str], where: str) -> str:
    """The run as Markdown: what was in flight at the kills, what was acknowledged, what was lost or doubled."""
    lines = [
        f"{where}: {len(kills)} kills.",
        "",
        "| killed | times | " + " | ".join(f"during {w}" for w in WORK) + " |",
    ]
    lines.append("| --- " * (2 + len(WORK)) + "|")
    for kind, words in KILLED.items():
        counts = " | ".join(str(ledger.kills[f"{kind} during {work}"]) for work in WORK)
        lines.append(f"| {words} | {kills.count(kind)} | {counts} |")
    lines += [
        "",
        f"Acknowledged: {len(ledger.uploads)} uploads, {len(ledger.edits)} edits, {len(ledger.signatures)} signatures. "
        f"Lost, doubled or refused with a server's error: {len(wrong)}.",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--postgres", action="store_true", help="on a private PostgreSQL, two web processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown", action="store_true", help="print the table alone")
    args = parser.parse_args()
    kills = [("server", "worker", "server", "worker", "parent")[i % 5] for i in range(args.kills)]
    ledger, begun = Ledger(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        cluster = Postgres() if args.postgres else None
        options = ["--films", "0", *(["--database", cluster.url, "--servers", "2"] if cluster else [])]
        try:
            with running(Process(Path(folder) / "room", *options)) as room:
                storm(room, ledger, kills, args.seed, pause=(0.3, 3.0))
                settle(room)
                wrong = audit_everything(room, ledger)
        finally:
            if cluster:
                cluster.close()
    where = "PostgreSQL, two web processes" if args.postgres else "SQLite, one web process"
    print(table(ledger, kills, wrong, f"{where}, seed {args.seed}"))
    for line in wrong[:20]:
        print("  ", line, file=sys.stderr)
    rare = [f"{kind} during {work}" for kind in KILLED for work in WORK if ledger.kills[f"{kind} during {work}"] < 5]
    if rare and args.kills >= 100:
        print(f"seen fewer than five times: {', '.join(rare)}", file=sys.stderr)
    if not args.markdown:
        print(f"{time.monotonic() - begun:.0f} s")
    return int(bool(wrong) or (bool(rare) and args.kills >= 100))


if __name__ == "__main__":
    sys.exit(main())
