"""Statistics from the audit trail's ``report.signed`` events, and from nothing else, so that anyone can recompute them.

A case is a study's final signature. Acceptance is the share of the draft's sentences that stand word for word in the
signed text; the draft is the model's own, whatever the reader decided of its findings (``decided``). Kappa is Cohen's
(1960) between model and reader, both taken as positive or not.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from statistics import median, quantiles
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from wetread.room.audit import entries
from wetread.room.store import User
from wetread.types import LABELS

__all__ = ["Case", "Statistics", "cases", "names", "summarize", "to_csv"]


@dataclass(frozen=True)
class Case:
    """One final signature: when, by whom, and what was measured then (``signoff.measure``)."""

    at: float
    study_id: str
    actor: str
    user_id: str
    detail: Mapping[str, Any]


class Spread(BaseModel):
    median: float | None
    p25: float | None
    p75: float | None
    count: int


class EditDistance(BaseModel):
    median_words: float | None
    median_share: float | None


class Fates(BaseModel):
    kept: int
    edited: int
    dropped: int
    typed: int
    acceptance: float | None


class Kind(BaseModel):
    kind: str
    section: str
    machine: int
    kept: int
    edited: int
    dropped: int
    acceptance: float | None


class Agreement(BaseModel):
    label: str
    n: int
    both: int
    model_only: int
    reader_only: int
    neither: int
    decided: int
    agreement: float | None
    kappa: float | None


class Week(BaseModel):
    week: str
    cases: int
    acceptance: float | None
    median_seconds: float | None
    median_words: float | None
    agreement: float | None


class Reader(BaseModel):
    user_id: str
    name: str
    cases: int
    median_seconds: float | None
    acceptance: float | None


class Statistics(BaseModel):
    cases: int
    drafted: int
    empty: bool
    seconds: Spread
    edit_distance: EditDistance
    sentences: Fates
    kinds: list[Kind]
    findings: list[Agreement]
    weeks: list[Week]
    readers: list[Reader]


def _day(at: float) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def cases(session: Session, start: date | None, end: date | None, reader: str | None) -> list[Case]:
    """The cases signed from ``start`` to ``end`` (UTC days, both included), of one reader or of all."""
    found = []
    for row in entries(session, "report.signed"):
        detail = json.loads(row.detail)
        if detail["kind"] != "final" or row.study_id is None:
            continue
        day = _day(row.at)
        if (start and day < start) or (end and day > end) or (reader and detail["user"] != reader):
            continue
        found.append(Case(row.at, row.study_id, row.actor, detail["user"], detail))
    return found


def names(session: Session) -> dict[str, str]:
    """Printed names by user id."""
    return {row.id: row.name for row in session.execute(select(User.id, User.name))}


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None


def _spread(values: Sequence[float]) -> Spread:
    if len(values) < 2:
        only = _median(values)
        return Spread(median=only, p25=only, p75=only, count=len(values))
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(median=_median(values), p25=low, p75=high, count=len(values))


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _acceptance(group: Iterable[Case]) -> float | None:
    kept = all_of = 0
    for case in group:
        kept += case.detail["kept"]
        all_of += case.detail["kept"] + case.detail["edited"] + case.detail["dropped"]
    return _share(kept, all_of)


def _drafted(group: Sequence[Case]) -> list[Case]:
    return [case for case in group if case.detail["drafted"]]


def _agreement(label: str, group: Sequence[Case]) -> Agreement:
    counts = [0, 0, 0, 0]
    for case in group:
        model = case.detail["model"].get(label) == "positive"
        reader = case.detail["reader"].get(label) == "positive"
        counts[0 if model and reader else 1 if model else 2 if reader else 3] += 1
    both, model_only, reader_only, neither = counts
    n = sum(counts)
    agreed = _share(both + neither, n)
    kappa = None
    if n and agreed is not None:
        p, q = (both + model_only) / n, (both + reader_only) / n
        chance = p * q + (1 - p) * (1 - q)
        kappa = (agreed - chance) / (1 - chance) if chance < 1 else None
    return Agreement(
        label=label, n=n, both=both, model_only=model_only, reader_only=reader_only, neither=neither,
        decided=sum(label in case.detail.get("decided", ()) for case in group), agreement=agreed, kappa=kappa,
    )  # fmt: skip


def _overall_agreement(group: Sequence[Case]) -> float | None:
    rows = [_agreement(label, group) for label in LABELS]
    return _share(sum(r.both + r.neither for r in rows), sum(r.n for r in rows))


def _kinds(group: Sequence[Case]) -> list[Kind]:
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for case in group:
        for kind, counts in case.detail["kinds"].items():
            totals[kind] = [a + b for a, b in zip(totals[kind], counts, strict=True)]
    rows = []
    for key, (kept, edited, dropped) in totals.items():
        section, _, kind = key.partition("|")
        whole = kept + edited + dropped
        rows.append(
            Kind(
                kind=kind, section=section, machine=whole, kept=kept, edited=edited, dropped=dropped,
                acceptance=_share(kept, whole),
            )
        )  # fmt: skip
    return sorted(rows, key=lambda r: (-r.machine, r.section, r.kind))


def _weeks(group: Sequence[Case]) -> list[Week]:
    by_week: dict[str, list[Case]] = defaultdict(list)
    for case in group:
        year, week, _ = _day(case.at).isocalendar()
        by_week[f"{year}-W{week:02d}"].append(case)
    return [
        Week(
            week=week,
            cases=len(members),
            acceptance=_acceptance(members),
            median_seconds=_median([c.detail["seconds"] for c in members]),
            median_words=_median([c.detail["words"] for c in _drafted(members)]),
            agreement=_overall_agreement(_drafted(members)),
        )
        for week, members in sorted(by_week.items())
    ]


def _readers(group: Sequence[Case], named: Mapping[str, str]) -> list[Reader]:
    by_reader: dict[str, list[Case]] = defaultdict(list)
    for case in group:
        by_reader[case.user_id].append(case)
    rows = [
        Reader(
            user_id=user_id,
            name=named.get(user_id, members[-1].actor),
            cases=len(members),
            median_seconds=_median([c.detail["seconds"] for c in members]),
            acceptance=_acceptance(members),
        )
        for user_id, members in by_reader.items()
    ]
    return sorted(rows, key=lambda r: (-r.cases, r.name))


def summarize(group: Sequence[Case], named: Mapping[str, str]) -> Statistics:
    """All figures of the page."""
    drafted = _drafted(group)
    shares = [c.detail["words"] / c.detail["of_words"] for c in drafted if c.detail["of_words"]]
    fates = {key: sum(c.detail[key] for c in group) for key in ("kept", "edited", "dropped", "typed")}
    return Statistics(
        cases=len(group),
        drafted=len(drafted),
        empty=not group,
        seconds=_spread([c.detail["seconds"] for c in group]),
        edit_distance=EditDistance(
            median_words=_median([c.detail["words"] for c in drafted]), median_share=_median(shares)
        ),
        sentences=Fates(**fates, acceptance=_acceptance(group)),
        kinds=_kinds(group),
        findings=[_agreement(label, drafted) for label in LABELS] if drafted else [],
        weeks=_weeks(group),
        readers=_readers(group, named),
    )


def to_csv(group: Sequence[Case]) -> str:
    """One line a case: the numbers that every figure of the page is made of."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    counts = ("seconds", "kept", "edited", "dropped", "typed", "words", "of_words")
    writer.writerow(
        [
            "at",
            "study_id",
            "user",
            *counts,
            "decided",
            *(f"model {x}" for x in LABELS),
            *(f"reader {x}" for x in LABELS),
        ]
    )
    for case in group:
        at = datetime.fromtimestamp(case.at, UTC).isoformat(timespec="seconds")
        model, reader = case.detail.get("model", {}), case.detail["reader"]
        writer.writerow(
            [
                at,
                case.study_id,
                # A spreadsheet would run a name that begins like a formula.
                "'" + case.actor if case.actor[:1] in "=+-@" else case.actor,
                *(case.detail[key] for key in counts),
                "; ".join(case.detail.get("decided", ())),
                *(model.get(x, "") for x in LABELS),
                *(reader.get(x, "") for x in LABELS),
            ]
        )
    return out.getvalue()
