"""``wetread export RUN DEST``: the bundle of a finished run."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from wetread.errors import UsageError

HELP = "Copy the verified bundle of a run to a folder of its own."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="the run folder of 'wetread train'")
    parser.add_argument("dest", metavar="DEST", type=Path, help="the folder to make")
    parser.add_argument("--force", action="store_true", help="replace DEST where it is a bundle already")


def run(args: argparse.Namespace) -> int:
    from wetread.model.bundle import Bundle

    source = args.run / "bundle"
    bundle = Bundle.load(source)
    if args.dest.exists():
        if not args.force:
            raise UsageError(f"{args.dest} exists; name another folder or say --force")
        if not (args.dest / "bundle.json").exists():
            raise UsageError(f"{args.dest} is not a bundle and is not replaced; name another folder")
        shutil.rmtree(args.dest)
    args.dest.mkdir(parents=True)
    for name in ("bundle.json", *bundle.index["files"]):
        shutil.copy2(source / name, args.dest / name)
    Bundle.load(args.dest)
    size = sum(p.stat().st_size for p in args.dest.iterdir()) / 1e6
    print(f"{args.dest}: {bundle.info.name} {bundle.info.version}, {size:.1f} MB, {bundle.info.sha256[:16]}")
    return 0
