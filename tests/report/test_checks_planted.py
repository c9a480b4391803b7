"""Recall on planted errors, silence on clean reports; the figures of all kinds are benchmarks/checks.py's."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import checks
import planted
import pytest

from wetread.report.checks import check, check_text, repair_report
from wetread.types import LABELS, Finding, Report

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("WETREAD_SHARED", ROOT / ".." / "shared"))


@pytest.mark.parametrize("report", planted.CLEAN)
def test_clean_reports_have_no_flag_worth_a_look(report: object) -> None:
    assert [flag.code for flag in check(report) if flag.severity != "hint" and not flag.critical] == []  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", planted.KINDS)
def test_recall_of_each_kind(kind: str) -> None:
    rng = random.Random(kind)
    found = total = tries = 0
    while total < 30 and tries < 1000:
        base = planted.CLEAN[tries % len(planted.CLEAN)]
        tries += 1
        error = planted.plant(kind, base, rng)
        if error is None:
            continue
        total += 1
        before = Counter(flag.code for flag in check(base))
        after = Counter(flag.code for flag in check(error.report, **error.arguments))
        found += any(after[code] > before[code] for code in error.codes)
    assert total == 30
    assert found >= 27


def test_at_most_two_percent_of_the_references_are_called_wrong() -> None:
    """All severe flags are counted here, also those that are right when read (docs/results.md says which)."""
    if not (SHARED / "iu_xray").exists():
        pytest.skip("IU X-Ray is not there; WETREAD_SHARED names its folder")
    reports = checks.val_reports(SHARED)
    flagged = sum(any(flag.severity == "severe" for flag in check(report)) for _, report in reports)
    assert len(reports) == 296
    assert flagged / len(reports) <= 0.02


def test_no_mixture_of_errors_survives_repair() -> None:
    """Random sentences, random labels: nothing severe is left, and the same draft is repaired in the same way."""
    rng = random.Random(5)
    words = planted.FIRST
    pool = [row for rows in words.sentences.values() for row in rows]
    for rows in (*words.stated.values(), *words.denied.values()):
        pool += [row.replace("{s}", side).replace("{S}", side) for row in rows for side in ("left", "right")]
    about: dict[str, object] = {"views": [{"projection": "frontal"}], "header": {"PatientSex": "M"}}
    for _ in range(100):
        findings, impression = rng.sample(pool, rng.randint(0, 9)), rng.sample(pool, rng.randint(0, 4))
        states = {name: rng.choice(["positive", "uncertain", "negative"]) for name in LABELS}
        chance = {"positive": 0.9, "uncertain": 0.45, "negative": 0.02}
        about["labels"] = {name: Finding(chance[state], 0.3, 0.6, state) for name, state in states.items()}  # type: ignore[arg-type]
        done = repair_report(findings, impression, **about)  # type: ignore[arg-type]
        assert repair_report(findings, impression, **about) == done  # type: ignore[arg-type]
        text = Report(" ".join(done.findings), " ".join(done.impression))
        left = [flag for flag in check_text(text, prior_given=False, **about) if flag.severity == "severe"]  # type: ignore[arg-type]
        assert left == []
