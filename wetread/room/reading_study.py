"""Reader studies: do the drafts help? Cases are dealt at random, the draft hidden, shown or revealed later.

Arms: ``hidden`` and ``shown`` compare reading without and with the draft; ``read_first`` and ``draft_first`` compare
the order: in ``read_first`` a first text is fixed before the draft is revealed, then it may be revised.

Designs: *parallel* gives each reader every case once, half of them in each arm. *crossover* gives each reader every
case twice, in both arms, in two periods with a pause (``washout_days``) between them; which arm comes first is
balanced over cases within a reader. All of it follows from the seed.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wetread.room.problems import Problem
from wetread.room.provenance import distance
from wetread.room.reports import latest_draft, models_own_draft, positive_labels
from wetread.room.store import ReaderCase, ReaderStudy, StudyRow, User, now
from wetread.types import LABELS

__all__ = ["create", "deal", "due", "progress", "save", "submit", "to_csv"]

_DAY = 86_400.0


def deal(
    study_ids: Sequence[str], design: str, arms: Sequence[str], seed: int, reader: int
) -> list[tuple[str, int, str]]:
    """The cases of one reader in their order: (study id, period, arm).

    Args:
        seed: of the whole study; ``reader`` (0, 1, …) gives each reader their own order, and readers alternate in
            which half of the cases begins with which arm.
    """
    halves = list(dict.fromkeys(study_ids))
    random.Random(seed).shuffle(halves)
    first = {study: (place + reader) % 2 for place, study in enumerate(halves)}
    chance = random.Random(f"{seed}:{reader}")
    dealt = []
    for period in range(2 if design == "crossover" else 1):
        order = list(halves)
        chance.shuffle(order)
        dealt += [(study, period, arms[(first[study] + period) % 2]) for study in order]
    return dealt


def create(
    session: Session,
    *,
    name: str,
    design: str,
    arms: Sequence[str],
    study_ids: Sequence[str],
    reader_ids: Sequence[str],
    seed: int,
    washout_days: int,
) -> ReaderStudy:
    """Deal all cases. Raises Problem ``input`` for unknown studies or readers, or for arms that cannot be compared."""
    if set(arms) not in ({"hidden", "shown"}, {"read_first", "draft_first"}):
        raise Problem("input", "The arms are hidden and shown, or read_first and draft_first.")
    wanted = list(dict.fromkeys(study_ids))
    known = set(session.scalars(select(StudyRow.id).where(StudyRow.id.in_(wanted), StudyRow.erased.is_(None))))
    if len(known) != len(wanted):
        raise Problem("input", f"{len(wanted) - len(known)} of the studies do not exist.")
    drafts = [latest_draft(session, study) for study in wanted]
    if lacking := drafts.count(None):
        raise Problem("input", f"{lacking} of the studies have no draft yet; wait for them.")
    wished = session.execute(select(StudyRow.id, StudyRow.decided).where(StudyRow.id.in_(wanted)))
    decided = {study for study, by_reader in wished if by_reader}
    decided |= {draft.study_id for draft in drafts if draft and draft.body.get("decided")}
    if decided:
        raise Problem("input", f"{len(decided)} of the studies have findings that a reader decided; leave these out.")
    readers = list(dict.fromkeys(reader_ids))
    users = [session.get(User, user_id) for user_id in readers]
    if any(u is None or not {"reader", "resident"} & set(u.roles) for u in users):
        raise Problem("input", "All readers must be accounts with the role reader or resident.")
    row = ReaderStudy(name=name, design=design, arms=list(arms), seed=seed, washout_days=washout_days)
    session.add(row)
    session.flush()
    for place, user_id in enumerate(readers):
        for number, (study_id, period, arm) in enumerate(deal(wanted, design, arms, seed, place), 1):
            session.add(
                ReaderCase(
                    reader_study_id=row.id, study_id=study_id, user_id=user_id, number=number, period=period, arm=arm
                )
            )
    session.flush()
    return row


def progress(session: Session, reader_study_id: str) -> dict[str, tuple[int, int]]:
    """(done, all) by user id."""
    rows = session.execute(
        select(ReaderCase.user_id, func.count().filter(ReaderCase.phase == "done"), func.count())
        .where(ReaderCase.reader_study_id == reader_study_id)
        .group_by(ReaderCase.user_id)
    )
    return {user_id: (int(done), int(total)) for user_id, done, total in rows}


def due(session: Session, study: ReaderStudy, user_id: str) -> tuple[ReaderCase | None, float | None]:
    """The reader's next case, or when the next one may be read where the pause is not over; (None, None) when done."""
    mine = (ReaderCase.reader_study_id == study.id, ReaderCase.user_id == user_id)
    case = session.scalar(
        select(ReaderCase).where(*mine, ReaderCase.phase != "done").order_by(ReaderCase.number).limit(1)
    )
    if case is None:
        return None, None
    if case.period and case.started is None:
        last = session.scalar(select(func.max(ReaderCase.finished)).where(*mine, ReaderCase.period < case.period))
        start = (last or 0.0) + study.washout_days * _DAY
        if start > now():
            return None, start
    return case, None


def shows_draft(case: ReaderCase) -> bool:
    """Whether the reader may see the draft now."""
    return case.arm in ("shown", "draft_first") or (case.arm == "read_first" and case.phase != "read")


def begin(session: Session, case: ReaderCase) -> None:
    """The reader sees the case for the first time; where the draft is shown, its text is what they start from."""
    if case.started is not None:
        return
    case.started = now()
    draft = latest_draft(session, case.study_id)
    if shows_draft(case) and draft is not None:
        case.findings, case.impression = draft.body["findings"], draft.body["impression"]


def own_case(session: Session, case_id: str, user_id: str) -> ReaderCase:
    """The reader's own case, locked. Raises Problem."""
    case = session.get(ReaderCase, case_id, with_for_update=True, populate_existing=True)
    if case is None or case.user_id != user_id:
        raise Problem("not_found", "You have no such case.")
    if session.get_one(ReaderStudy, case.reader_study_id).state != "open":
        raise Problem("state", "This reader study is closed.")
    if case.started is None:
        raise Problem("state", "This case has not been opened yet.")
    return case


def save(case: ReaderCase, base_version: int, findings: str, impression: str, seconds: float) -> int:
    """Keep the text so far; returns the new version. Raises Problem ``conflict`` or ``state``."""
    if case.phase == "done":
        raise Problem("state", "This case is finished.")
    if base_version != case.version:
        current = {"version": case.version, "findings": case.findings, "impression": case.impression}
        raise Problem("conflict", "The text was changed in another window; choose.", extra={"current": current})
    case.findings, case.impression = findings, impression
    case.seconds += min(seconds, 3600.0)
    case.version += 1
    return case.version


def submit(case: ReaderCase, findings: str, impression: str, seconds: float) -> None:
    """Fix the text: after a first read without the draft comes the revision with it, else the case is done."""
    if case.phase == "done":
        return
    case.findings, case.impression = findings, impression
    case.seconds += min(seconds, 3600.0)
    case.version += 1
    if case.phase == "read" and case.arm == "read_first":
        case.first_findings, case.first_impression, case.first_seconds = findings, impression, case.seconds
        case.phase = "revise"
    else:
        case.phase, case.finished = "done", now()


def to_csv(session: Session, study: ReaderStudy) -> str:
    """One line a case and reader, for the statistician: arm, period, seconds, edits, labels of text and of draft."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["reader", "study_id", "number", "period", "arm", "phase", "seconds", "first_seconds", "words_from_draft",
         "words_from_first", "words", *(f"model {x}" for x in LABELS), *(f"reader {x}" for x in LABELS),
         *(f"first {x}" for x in LABELS)]
    )  # fmt: skip
    cases = session.scalars(
        select(ReaderCase).where(ReaderCase.reader_study_id == study.id).order_by(ReaderCase.user_id, ReaderCase.number)
    )
    coded = {user_id: f"R{place}" for place, user_id in enumerate(sorted(progress(session, study.id)), 1)}
    for case in cases:
        writer.writerow(_line(session, case, coded[case.user_id]))
    return out.getvalue()


def _line(session: Session, case: ReaderCase, reader: str) -> list[Any]:
    draft = models_own_draft(session, case.study_id)
    body: Any = {"findings": "", "impression": "", "labels": {}} if draft is None else draft.body
    words = f"{case.findings}\n{case.impression}".split()
    from_draft = distance(f"{body['findings']}\n{body['impression']}".split(), words)
    first, first_labels = None, {}
    if case.first_findings is not None:
        text = f"{case.first_findings}\n{case.first_impression}"
        first, first_labels = distance(text.split(), words), positive_labels(text)
    labels = positive_labels(f"{case.findings}\n{case.impression}")
    return [
        reader, case.study_id, case.number, case.period + 1, case.arm, case.phase, round(case.seconds, 3),
        "" if case.first_seconds is None else round(case.first_seconds, 3), from_draft,
        "" if first is None else first, len(words),
        *(body["labels"].get(x, {}).get("state", "") for x in LABELS),
        *(labels.get(x, "") for x in LABELS), *(first_labels.get(x, "") for x in LABELS),
    ]  # fmt: skip
