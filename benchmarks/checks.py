"""Checks of reports: false alarms on radiologists' reports, recall on planted errors, time, and repair.

    python benchmarks/checks.py [--shared ../shared] [--drafts FILE] [--markdown] [--show KIND]

Without the collection the planted errors go into our own reports only. ``--show severe`` prints the severe flags on
the val references, to be read; ``--show KIND`` the planted errors of a kind that were missed.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from command import command
from planted import CLEAN, FIRST, KINDS, UNSEEN, Words, draft_of, plant
from planted_third import THIRD

from wetread.report.checks import check, repair_report
from wetread.report.checks.engine import check_text
from wetread.report.sentences import split_sentences
from wetread.types import Draft, Report

PER_KIND = 100


def val_reports(shared: Path) -> list[tuple[str, Report]]:
    """FINDINGS and IMPRESSION of the val split of IU X-Ray as its radiologists wrote them."""
    with (shared / "iu_xray" / "images.csv").open(newline="", encoding="utf-8") as file:
        ids = sorted({row["uid"] for row in csv.DictReader(file) if row["split"] == "val"}, key=int)
    reports = []
    for uid in ids:
        root = ElementTree.parse(shared / "iu_xray" / "ecgen-radiology" / f"{uid}.xml").getroot()
        text = {(node.get("Label") or "").lower(): node.text for node in root.iter("AbstractText")}
        reports.append((uid, Report(text.get("findings"), text.get("impression"))))
    return reports


def wilson_interval(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson, JASA 22:209, 1927)."""
    centre = (k + z * z / 2) / (n + z * z)
    half = z * math.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return centre - half, centre + half


def false_alarms(reports: Sequence[tuple[str, Report]]) -> tuple[Counter[tuple[str, str]], int, list[str]]:
    """How often each code fires, the number of reports with a severe flag, and those flags in words."""
    counts: Counter[tuple[str, str]] = Counter()
    flagged, lines = 0, []
    for uid, report in reports:
        flags = check(report)
        counts.update({(flag.code, flag.severity) for flag in flags})  # reports, not flags
        severe = [flag for flag in flags if flag.severity == "severe"]
        flagged += bool(severe)
        lines += [f"{uid} {flag.code}: {flag.message}" for flag in severe]
    return counts, flagged, lines


def recall(kind: str, reports: Sequence[Report], words: Words = FIRST) -> tuple[int, int, list[str]]:
    """Found, planted, and the reports in which the error was missed."""
    rng = random.Random(kind)
    found = planted = tries = 0
    missed = []
    while planted < PER_KIND and tries < 20 * PER_KIND:
        tries += 1
        base = reports[tries % len(reports)]
        error = plant(kind, base, rng, words)
        if error is None:
            continue
        planted += 1
        before = Counter(flag.code for flag in check(base, **_without_labels(error.arguments)))
        after = Counter(flag.code for flag in check(error.report, **error.arguments))
        if any(after[code] > before[code] for code in error.codes):
            found += 1
        else:
            missed.append(f"{error.report.findings} || {error.report.impression}")
    return found, planted, missed


def _without_labels(arguments: object) -> dict[str, object]:
    """What ``check`` was told, but for the draft and the header, which the report before the error agrees with."""
    return {name: value for name, value in dict(arguments).items() if name == "prior_given"}  # type: ignore[call-overload]


def repairs(reports: Sequence[Report]) -> tuple[int, int, float, float]:
    """Drafts with planted errors: how many, with a severe flag after repair, and ms of CPU a study (mean, largest)."""
    rng = random.Random(0)
    left, times = 0, []
    for i, report in enumerate(reports):
        error = plant(list(KINDS)[i % len(KINDS)], report, rng)
        text = error.report if error else report
        labels = draft_of(report).labels
        views = draft_of(report).views
        sections = [[span.value for span in split_sentences(part or "")] for part in (text.findings, text.impression)]
        start = time.process_time()
        done = repair_report(sections[0], sections[1], labels=labels, views=views)
        times.append(1e3 * (time.process_time() - start))
        flags = check_text(
            Report(" ".join(done.findings), " ".join(done.impression)), labels=labels, views=views, prior_given=False
        )
        left += any(flag.severity == "severe" for flag in flags)
    return len(times), left, sum(times) / len(times), max(times)


def drafted(path: Path) -> tuple[int, int]:
    """Drafts in a file of JSON lines, and how many of them have a severe flag."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    drafts = [Draft.from_json(line) for line in lines if "sentences" in line]
    flags = [check(Report(d.findings, d.impression), draft=d, prior_given=False) for d in drafts]
    return len(drafts), sum(any(flag.severity == "severe" for flag in own) for own in flags)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--show", default="")
    parser.add_argument("--drafts", type=Path, metavar="FILE", help="drafts as JSON lines: their severe flags, too")
    args = parser.parse_args()
    val = val_reports(args.shared) if (args.shared / "iu_xray").exists() else []
    bases = {"our own": list(CLEAN)}
    if val:
        bases["val"] = [report for _, report in val if report.findings and report.impression]
        start = time.process_time()
        counts, flagged, lines = false_alarms(val)  # no sentence was read before
        took = 1e3 * (time.process_time() - start) / len(val)
        low, high = wilson_interval(flagged, len(val))
        print(
            f"{flagged} of {len(val)} val references have a severe flag ({flagged / len(val):.1%}, "
            f"95 % interval {low:.1%} to {high:.1%}); {took:.2f} ms of CPU a report.\n"
        )
        _table(["code", "severity", "reports"], [(*key, str(n)) for key, n in sorted(counts.items())], args.markdown)
        if args.show == "severe":
            print("\n".join(lines))
    if args.drafts:
        n, flagged = drafted(args.drafts)
        print(f"\nDrafts: {flagged} of {n} have a severe flag.\n")
    columns = {f"{name} reports": (reports, FIRST) for name, reports in bases.items()}
    columns |= {f"{name} reports, second words": (reports, UNSEEN) for name, reports in bases.items()}
    columns |= {f"{name} reports, third words": (reports, THIRD) for name, reports in bases.items()}
    rows = []
    for kind in KINDS:
        row = [kind]
        for name, (reports, words) in columns.items():
            found, planted, missed = recall(kind, reports, words)
            row.append(f"{found}/{planted} = {found / planted:.3f}" if planted else "no place")
            if args.show == kind:
                print(*(f"missed ({name}): {text}" for text in missed[:20]), sep="\n")
        rows.append(tuple(row))
    print()
    _table(["planted", *columns], rows, args.markdown)
    for name, reports in bases.items():
        n, left, mean, largest = repairs(reports * (1 if len(reports) > 100 else 20))
        times = f"{mean:.2f} ms of CPU a study, at most {largest:.1f}"
        print(f"\nRepair, {name} reports: {left} of {n} have a severe flag left; {times}.")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> None:
    if markdown:
        print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
        print(*(f"| {' | '.join(row)} |" for row in rows), sep="\n")
        return
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    command(main)
