"""kill -9 of web process, draft process and parent at random moments, while uploads, edits and signings go on.

    python benchmarks/room_faults.py [--kills 100] [--postgres] [--seed 1]

After the storm everything acknowledged must be there once: uploads (also byte for byte on disk), drafts, edits,
signatures, and the audit trail must verify. Each kill notes what was in flight. Exit 1 where anything is lost or
doubled, or where a kind of work was in flight at fewer than five of a hundred kills.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "room"))

from faults import Ledger, audit_everything, settle, storm
from processes import Postgres, Process, running

KINDS = ("upload", "edit", "sign", "draft")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--postgres", action="store_true", help="on a private PostgreSQL, two web processes")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    kills = [("server", "worker", "server", "worker", "parent")[i % 5] for i in range(args.kills)]
    ledger = Ledger()
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
    print(f"{args.kills} kills on {'PostgreSQL' if args.postgres else 'SQLite'}; in flight at them:")
    during: Counter[str] = Counter()
    for what, count in sorted(ledger.kills.items()):
        print(f"  {what:<28}{count:>5}")
        during[what.rpartition(" ")[2]] += count
    print(
        f"acknowledged: {len(ledger.uploads)} uploads, {len(ledger.edits)} edits, {len(ledger.signatures)} signatures"
    )
    print(f"lost or doubled: {len(wrong)}")
    for line in wrong[:20]:
        print("  ", line)
    rare = [kind for kind in KINDS if during[kind] < 5]
    if rare and args.kills >= 100:
        print(f"in flight at fewer than five kills: {', '.join(rare)}")
    return int(bool(wrong) or (bool(rare) and args.kills >= 100))


if __name__ == "__main__":
    sys.exit(main())
