"""From rows to what the interface shows; everything a user may or may not see is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from wetread.room import signoff
from wetread.room.auth import Person
from wetread.room.checking import flags_of
from wetread.room.films import describe
from wetread.room.problems import Problem
from wetread.room.reports import free_for, latest_draft, report_view, texts_of
from wetread.room.store import Critical, Film, Job, ReaderCase, ReaderStudy, ReportRow, Signature, StudyRow, now
from wetread.room.studies import PRIORITIES

__all__ = [
    "STATUSES",
    "blinded_ids",
    "compared",
    "critical_view",
    "find_study",
    "item_view",
    "items_view",
    "job_view",
    "next_study",
    "signature_view",
    "status_clause",
    "study_view",
    "triage_order",
]

STATUSES = ("queued", "drafting", "failed", "unread", "reading", "preliminary", "final")
_WAITING = {"queued": "queued", "drafting": "drafting", "failed": "failed"}


def find_study(session: Session, study_id: str, person: Person) -> StudyRow:
    """The study, where it exists and the person may know of it. Raises Problem ``not_found``.

    A service sees what it sent itself; everyone else who can log in sees the department's studies.
    """
    study = session.get(StudyRow, study_id)
    if study is None or study.erased is not None or (person.has("service") and study.sender != person.username):
        raise Problem("not_found", "There is no such study; it may have been erased.")
    return study


def _open_cases() -> Select[Any]:
    """The studies of cases which somebody has still to read in an open reader study."""
    query = select(ReaderCase.study_id).join(ReaderStudy)
    return query.where(ReaderCase.phase != "done", ReaderStudy.state == "open")


def blinded_ids(session: Session, person: Person) -> set[str]:
    """Studies which the person has still to read in an open reader study."""
    return set(session.scalars(_open_cases().where(ReaderCase.user_id == person.id)))


def compared(session: Session, study_id: str) -> bool:
    """Whether anybody has still to read the study in an open reader study, which is about the model's own draft."""
    return session.scalar(_open_cases().where(ReaderCase.study_id == study_id).limit(1)) is not None


def _claimed(moment: Any) -> ColumnElement[bool]:
    return and_(StudyRow.claim_user.is_not(None), StudyRow.claim_until > (now() if moment is None else moment))


def status_clause(status: str, moment: Any = None) -> ColumnElement[bool]:
    """The condition of a status word at a moment, now unless given; ``status_of`` says the same of a row."""
    none, drafted = StudyRow.report_state == "none", StudyRow.report_state == "draft"
    clauses: dict[str, ColumnElement[bool]] = {
        "queued": and_(none, StudyRow.draft_state == "queued"),
        "drafting": and_(none, StudyRow.draft_state == "drafting"),
        "failed": and_(none, StudyRow.draft_state == "failed"),
        "unread": and_(drafted, ~_claimed(moment)),
        "reading": and_(drafted, _claimed(moment)),
        "preliminary": StudyRow.report_state == "preliminary",
        "final": StudyRow.report_state.in_(("final", "addended")),
    }
    return clauses[status]


def status_of(study: StudyRow) -> str:
    """One word for the worklist's row."""
    if study.report_state == "none":
        return _WAITING.get(study.draft_state, "queued")
    if study.report_state == "draft":
        return "reading" if study.claim_user is not None and study.claim_until > now() else "unread"
    return "preliminary" if study.report_state == "preliminary" else "final"


def triage_order(*, last_first: bool = False) -> list[Any]:
    """Open critical results, then what is to be read by priority, findings and age; signed ones last."""
    signed = case((StudyRow.report_state.in_(("final", "addended")), 1), else_=0)
    falling: list[Any] = [case((StudyRow.critical_open > 0, 1), else_=0), -signed, StudyRow.priority, StudyRow.triage]
    rising: list[Any] = [StudyRow.received, StudyRow.id]
    if last_first:
        falling, rising = [], [*falling, StudyRow.received.desc(), StudyRow.id.desc()]
    return [*(column.desc() for column in falling), *rising]


def job_view(job: Job, position: int | None) -> dict[str, Any]:
    return {
        "id": job.id,
        "study_id": job.study_id,
        "state": job.state,
        "attempts": job.attempts,
        "reason": job.reason,
        "position": position,
        "since": job.changed,
    }


@dataclass
class _Around:
    """What several rows of one answer share."""

    jobs: dict[int, Job] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    blinded: set[str] = field(default_factory=set)


def _around(session: Session, studies: Sequence[StudyRow], person: Person) -> _Around:
    ids = [s.job_id for s in studies if s.job_id is not None]
    jobs = {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(ids)))} if ids else {}
    positions: dict[int, int] = {}
    if any(job.state == "queued" for job in jobs.values()):
        queued = session.scalars(select(Job.id).where(Job.state == "queued").order_by(Job.priority.desc(), Job.id))
        positions = {job_id: place for place, job_id in enumerate(queued, 1)}
    return _Around(jobs, positions, blinded_ids(session, person))


def items_view(session: Session, studies: Sequence[StudyRow], person: Person) -> list[dict[str, Any]]:
    """Rows of the worklist."""
    around = _around(session, studies, person)
    return [item_view(study, person, around) for study in studies]


def item_view(study: StudyRow, person: Person, around: _Around) -> dict[str, Any]:
    """One row of the worklist; what the draft found stays hidden from a reader who is to read the study blinded."""
    job = None if study.job_id is None else around.jobs.get(study.job_id)
    blinded = study.id in around.blinded
    claim = None
    if study.claim_user is not None and study.claim_until > now():
        claim = {
            "user_id": study.claim_user,
            "name": study.claim_name or "",
            "until": study.claim_until,
            "mine": study.claim_user == person.id,
        }
    critical = None
    if study.critical_finding is not None and not blinded:
        critical = {"open": study.critical_open > 0, "finding": study.critical_finding}
    return {
        "id": study.id,
        "patient": {
            "name": study.patient_name,
            "id": study.patient_id,
            "birth_date": study.birth_date,
            "sex": study.sex,
        },
        "accession": study.accession,
        "study_date": study.study_date,
        "description": study.description,
        "modality": study.modality,
        "films": study.film_count,
        "priority": PRIORITIES[study.priority],
        "received_at": study.received,
        "source": study.source,
        "status": status_of(study),
        "report_state": study.report_state,
        "job": None if job is None else job_view(job, around.positions.get(job.id)),
        "claim": claim,
        "triage": {"score": 0.0, "reasons": []}
        if blinded
        else {"score": study.triage, "reasons": study.triage_reasons},
        "critical": critical,
        "labels": {} if blinded else study.labels,
        "blinded": blinded,
    }


def signature_view(row: Signature) -> dict[str, Any]:
    return {
        "number": row.number,
        "kind": row.kind,
        "name": row.name,
        "username": row.username,
        "at": row.at,
        "meaning": row.meaning,
        "findings": row.findings,
        "impression": row.impression,
        "text": row.addendum,
        "sha256": row.sha256,
        "previous": row.previous,
    }


def critical_view(row: Critical) -> dict[str, Any]:
    told = None
    if row.acknowledged is not None:
        told = {
            "told": row.told,
            "how": row.how,
            "told_at": row.told_at,
            "by": row.acknowledged_by,
            "at": row.acknowledged,
        }
    return {
        "id": row.id,
        "finding": row.finding,
        "raised_at": row.raised,
        "raised_by": row.raised_by,
        "text": row.note,
        "acknowledged": told,
    }


def films_of(session: Session, study_id: str) -> list[Film]:
    """The study's films in the order in which they came."""
    return list(session.scalars(select(Film).where(Film.study_id == study_id).order_by(Film.number)))


def prior_ids(session: Session, study: StudyRow) -> list[StudyRow]:
    """Other studies of the same patient ID and name, newest first; none where the study has no patient ID."""
    if not study.patient_id:
        return []
    same = and_(
        StudyRow.patient_id == study.patient_id,
        StudyRow.patient_name == study.patient_name,
        StudyRow.id != study.id,
        StudyRow.erased.is_(None),
    )
    date = func.coalesce(StudyRow.study_date, "")
    earlier = or_(
        date < (study.study_date or "9999"), and_(date == (study.study_date or ""), StudyRow.received < study.received)
    )
    return list(
        session.scalars(select(StudyRow).where(same, earlier).order_by(date.desc(), StudyRow.received.desc()).limit(10))
    )


def _priors(session: Session, study: StudyRow, hidden: set[str]) -> list[dict[str, Any]]:
    views = []
    for prior in prior_ids(session, study):
        signed = None
        if prior.report_state in ("final", "addended", "preliminary") and prior.id not in hidden:
            signed = session.get(ReportRow, prior.id)
        views.append(
            {
                "id": prior.id,
                "study_date": prior.study_date,
                "description": prior.description,
                "report_state": prior.report_state,
                "films": [describe(film, i) for i, film in enumerate(films_of(session, prior.id))],
                "findings": None if signed is None else signed.findings,
                "impression": None if signed is None else signed.impression,
            }
        )
    return views


def allowed_actions(study: StudyRow, person: Person, blinded: bool, compared: bool) -> list[str]:
    """What the person may do with the study now; the routes decide the same again."""
    actions = []
    edits = person.has("reader", "resident") and not blinded
    free = free_for(study, person.id)
    open_text = study.report_state not in ("final", "addended")
    if edits and open_text:
        actions.append("claim")
        if free:
            actions.append("edit")
    for kind in signoff.SIGNERS:
        if not blinded and signoff.allowed(study.report_state, kind, person) and (free or kind == "addendum"):
            actions.append(kind)
    if edits and open_text:
        actions.append("redraft")
        if free and study.report_state != "preliminary" and not compared:
            actions.append("decide")
    if study.draft_state == "failed":
        actions.append("retry")
    if edits:
        actions.append("critical")
    if person.has("administrator"):
        actions.append("erase")
    return actions


def study_view(session: Session, study: StudyRow, person: Person, *, show_draft: bool = True) -> dict[str, Any]:
    """All that the reading page needs in one answer.

    Args:
        show_draft: False hides the draft and all that comes from it, as a reader study wants.
    """
    around = _around(session, [study], person)
    item = item_view(study, person, around)
    hidden = study.id in around.blinded or not show_draft
    films = films_of(session, study.id)
    row = latest_draft(session, study.id)
    draft = None if row is None or hidden else row.body
    report = session.get_one(ReportRow, study.id)
    if hidden:
        report = ReportRow(
            study_id=study.id, version=0, findings="", impression="", seconds=0.0, updated=study.received
        )
        report.updated_by = None
    priors = _priors(session, study, around.blinded)
    flags = [] if hidden else flags_of(texts_of(report), draft, header_of(study), bool(priors))
    signatures = session.scalars(select(Signature).where(Signature.study_id == study.id).order_by(Signature.number))
    criticals = session.scalars(select(Critical).where(Critical.study_id == study.id).order_by(Critical.raised))
    return {
        **item,
        "films": [describe(film, i) for i, film in enumerate(films)],
        "indication": study.indication,
        "comparison": study.comparison,
        "decided": {} if hidden else study.decided,
        "draft": draft,
        "draft_number": 0 if row is None else row.number,
        "draft_at": None if row is None else row.created,
        "report": report_view(report, draft, flags),
        "signatures": [] if hidden else [signature_view(s) for s in signatures],
        "criticals": [] if hidden else [critical_view(c) for c in criticals],
        "priors": priors,
        "allowed": [] if hidden else allowed_actions(study, person, hidden, compared(session, study.id)),
    }


def header_of(study: StudyRow) -> dict[str, str]:
    """The facts of the header which checks may compare the text with."""
    return {"PatientSex": study.sex} if study.sex else {}


def next_study(session: Session, person: Person, after: str | None) -> str | None:
    """The next unread study in triage order which nobody has claimed and which is not to be read blinded."""
    query = select(StudyRow.id).where(StudyRow.erased.is_(None), status_clause("unread"))
    if after is not None:
        query = query.where(StudyRow.id != after)
    blinded = blinded_ids(session, person)
    if blinded:
        query = query.where(StudyRow.id.not_in(blinded))
    return session.scalar(query.order_by(*triage_order()).limit(1))
