"""``wetread batch MANIFEST --out FILE.jsonl``: many studies, resumable."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

__all__ = ["HELP", "configure", "run"]

HELP = "Draft every study of a manifest: one line of JSON a study, in its order; run it again to go on where it ended."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help="JSON lines; see 'wetread data prepare'")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="where the drafts go")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="default: %(default)s")
    parser.add_argument("--workers", type=int, metavar="N", help="processes; default: one a core, at most 8")
    parser.add_argument("--model", metavar="BUNDLE", help="another model bundle")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from wetread.batch import BatchOptions, DrafterFactory, available_cores, run_batch

    options = BatchOptions(args.engine, args.workers)
    threads = max(1, available_cores() // max(1, options.worker_count()))
    with tqdm(unit=" studies", disable=args.quiet or None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            if bar.n == 0 and done > 1:
                bar.initial = done  # found from before: no part of the rate
            bar.n = done
            bar.refresh()

        result = run_batch(args.manifest, args.out, DrafterFactory(args.model, threads), options, progress)
    words = f"{result.drafted:,} drafted, {result.failed:,} failed, {result.kept:,} there before; {args.out}"
    print(f"{words}. Research use; not a medical device.", file=sys.stderr)
    return 0
