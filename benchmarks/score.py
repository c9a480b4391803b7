"""Speed and memory of the evaluator beside pycocoevalcap 1.2 and its Java programs, in one run.

    python benchmarks/score.py [--sizes 600 20000] [--million] [--groups language meteor clinical] [--markdown]

Pairs are IU X-Ray's where ../shared is, else written ones, with noise (``tests/metrics/corpus.py``). Times are wall
seconds and, in brackets, seconds of processor time with all children: the second holds on a busy machine too. With
``--million``, ``wetread score`` runs each of the ``--groups`` of metrics on 10,000, 100,000 and 1,000,000 pairs (or
``--pairs``; repeats with noise) in a process of its own, and its time per pair and its peak memory are printed.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command import command

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.metrics import java
from tests.metrics.corpus import iu_reports, pairs
from wetread.metrics import meteor_tables
from wetread.metrics.meteor import Meteor, meteor_measure
from wetread.metrics.nlg import nlg_measures
from wetread.metrics.ptb import ptb_tokenize_all

MILLION = (10_000, 100_000, 1_000_000)
LIMIT_GB = 4.0


@dataclass(frozen=True)
class Timing:
    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.processor:.2f})"


def _processor() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def timed(work: Callable[[], Any]) -> tuple[Timing, Any]:
    wall, processor = time.perf_counter(), _processor()
    result = work()
    return Timing(time.perf_counter() - wall, _processor() - processor), result


def coco(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
    """BLEU, ROUGE-L and CIDEr by pycocoevalcap."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    gts, res = ({k: [text] for k, text in enumerate(texts)} for texts in (references, hypotheses))
    bleu, _ = Bleu(4).compute_score(gts, res, verbose=0)
    return {
        **{f"BLEU-{k + 1}": value for k, value in enumerate(bleu)},
        "ROUGE-L": Rouge().compute_score(gts, res)[0],
        "CIDEr": Cider().compute_score(gts, res)[0],
    }


def beside_coco(size: int, scratch: Path) -> list[tuple[str, ...]]:
    """Rows: what, size, theirs, ours, ratio of wall and of processor time, largest difference of a corpus score."""
    raw = pairs(size, seed=size)
    kept = [(r, h) for r, h in zip(*(ptb_tokenize_all(texts) for texts in raw)) if r]
    references, hypotheses = [r for r, _ in kept], [h for _, h in kept]
    rows = []

    def row(what: str, theirs: Timing, ours: Timing, difference: float) -> None:
        ratios = f"{theirs.wall / ours.wall:.1f} ({theirs.processor / max(ours.processor, 1e-9):.1f})"
        rows.append((what, f"{len(references):,}", str(theirs), str(ours), ratios, f"{difference:.1e}"))

    java_time, expected = timed(lambda: [java.ptb_tokenize(texts, scratch) for texts in raw])
    our_time, found = timed(lambda: [ptb_tokenize_all(texts) for texts in raw])
    wrong = sum(a != b for mine, theirs in zip(found, expected) for a, b in zip(mine, theirs) if b)
    row("PTB tokenizer (difference: texts)", java_time, our_time, wrong)
    coco_time, expected_scores = timed(lambda: coco(references, hypotheses))
    our_time, measures = timed(lambda: nlg_measures(references, hypotheses))
    apart = max(abs(measures[name].value - value) for name, value in expected_scores.items())
    row("BLEU + ROUGE-L + CIDEr", coco_time, our_time, apart)
    java_time, (corpus, _) = timed(lambda: _java_meteor(references, hypotheses))
    os.environ["XDG_CACHE_HOME"] = str(scratch / f"cache{size}")
    for what in ("METEOR, first run", "METEOR, next run"):  # the second finds its part of the tables in the cache
        meteor_tables._recent.clear()
        our_time, mine = timed(lambda: meteor_measure(Meteor.load([*references, *hypotheses]), references, hypotheses))
        row(what, java_time, our_time, abs(mine.value - corpus))
    return rows


def _java_meteor(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[float, list[float]]:
    """One run of the Java program, as pycocoevalcap keeps it."""
    from pycocoevalcap.meteor.meteor import Meteor as Program

    program = Program()
    gts, res = ({k: [text] for k, text in enumerate(texts)} for texts in (references, hypotheses))
    corpus, segments = program.compute_score(gts, res)
    program.meteor_p.stdin.close()
    program.meteor_p.wait()  # so that its processor time is known
    for pipe in (program.meteor_p.stdout, program.meteor_p.stderr):
        pipe.close()
    return corpus, segments


def _run(group: str, size: int, files: Sequence[Path]) -> tuple[str, ...]:
    """One row: ``wetread score`` of one group of metrics in a process of its own."""
    command = [sys.executable, "-m", "wetread", "score", "--metrics", group, "--json"]
    command += ["--references", str(files[0]), "--hypotheses", str(files[1])]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"wetread score --metrics {group} failed on {size:,} pairs")
    memory = used.ru_maxrss * 1024 / 1e9
    if memory > LIMIT_GB:
        raise SystemExit(f"{memory:.2f} GB for {group} at {size:,} pairs is over the limit of {LIMIT_GB} GB")
    micro = (1e6 * seconds / size for seconds in (wall, used.ru_utime + used.ru_stime))
    return (group, f"{size:,}", *(f"{value:.0f}" for value in micro), f"{memory:.2f} GB")


def million(scratch: Path, groups: Sequence[str], sizes: Sequence[int]) -> list[tuple[str, ...]]:
    """Rows: metrics, pairs, wall and processor microseconds a pair, peak memory."""
    draw = random.Random(0)
    source = pairs(2000, seed=7)
    words = sorted({word for text in source[0] for word in text.split()})

    def noisy(text: str) -> str:
        tokens = text.split()
        for _ in range(2):
            if tokens:
                tokens[draw.randrange(len(tokens))] = draw.choice(words)
        return " ".join(tokens)

    rows = []
    for size in sizes:
        files = [scratch / "references.txt", scratch / "hypotheses.txt"]
        for file, texts in zip(files, source):
            with file.open("w", encoding="utf-8") as out:
                out.writelines((noisy(texts[k % len(texts)]) or "x") + "\n" for k in range(size))
        for group in groups:
            rows.append(_run(group, size, files))
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    return rows


def _print(head: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> None:
    if markdown:
        print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
        print("\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n")
        return
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    print("\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in (head, *rows)) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[600, 20_000])
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--groups", nargs="*", default=["language"], metavar="M", help="of --million; commas join")
    parser.add_argument("--pairs", type=int, nargs="*", default=MILLION, metavar="N", help="sizes of --million")
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    if args.markdown:
        print("## Evaluator\n")
    print(f"Pairs: {'IU X-Ray train reports' if iu_reports() else 'written reports'}, with noise.\n")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        rows = [row for size in args.sizes for row in beside_coco(size, scratch)]
        if rows:
            head = ("", "pairs", "pycocoevalcap 1.2", "wetread", "times faster", "difference")
            _print(head, rows, args.markdown)
        if args.million:
            head = ("metrics", "pairs", "µs a pair, wall", "µs, processor", "peak memory")
            _print(head, million(scratch, args.groups, args.pairs), args.markdown)


if __name__ == "__main__":
    command(main)
