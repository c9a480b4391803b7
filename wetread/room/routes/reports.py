"""Writing and signing the report."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from wetread.room import audit, auth, reports, schemas, signoff, views
from wetread.room.auth import Person
from wetread.room.checking import flags_of
from wetread.room.context import Editor, Here, Looker, Room, author
from wetread.room.problems import Problem
from wetread.room.routes.studies import claimed, full
from wetread.room.store import Critical, DraftRow, Login, ReportRow, ReportVersion, Signature, StudyRow, User, now

__all__ = ["router"]

router = APIRouter(tags=["reports"])
_REAUTH_FRESH = 300.0  # seconds for which a single sign-on login counts as proof at signing
_REFUSALS = {
    "conflict": "The report was changed elsewhere since you loaded it; both texts are kept, choose.",
    "state": "The report is signed; your text is kept as a side version, sign it as an addendum.",
}


def _report(session: Session, study: StudyRow) -> dict[str, Any]:
    draft = reports.latest_draft(session, study.id)
    body = None if draft is None else draft.body
    report = session.get_one(ReportRow, study.id)
    priors = bool(views.prior_ids(session, study))
    flags = flags_of(reports.texts_of(report), body, views.header_of(study), priors)
    return reports.report_view(report, body, flags)


@router.put("/studies/{study_id}/report", response_model=schemas.ReportView)
def save(study_id: str, body: schemas.SaveIn, person: Editor, room: Here) -> dict[str, Any]:
    """Save the text. Whatever is sent is kept, at a conflict as a side version which the answer names."""
    with room.store.write() as session:
        if study_id in views.blinded_ids(session, person):
            raise Problem("state", "You are to read this study in a reader study; do that first.")
        saved = reports.save(
            session,
            study_id,
            author(person),
            base_version=body.base_version,
            texts={"findings": body.findings, "impression": body.impression},
            seconds=body.seconds,
            save_id=body.save_id,
            claim_seconds=room.settings.claim,
        )
    with room.store.read() as session:
        study = session.get_one(StudyRow, study_id)
        current = _report(session, study)
        if saved.outcome in ("saved", "repeated"):
            return current
        side = saved.side
        assert side is not None
        shown = schemas.ReportView.model_validate(current).model_dump()
        yours = {"version": side.version, "findings": side.findings, "impression": side.impression}
        if saved.outcome == "claimed":
            raise claimed(session, study, person, current=shown, yours=yours)
        raise Problem(saved.outcome, _REFUSALS[saved.outcome], extra={"current": shown, "yours": yours})


@router.post("/studies/{study_id}/check", response_model=schemas.CheckView)
def check(study_id: str, body: schemas.CheckIn, person: Editor, room: Here) -> dict[str, Any]:
    """Sentences and flags of a text that is not saved."""
    texts = {"findings": body.findings, "impression": body.impression}
    with room.store.read() as session:
        study = views.find_study(session, study_id, person)
        row = None if study_id in views.blinded_ids(session, person) else reports.latest_draft(session, study_id)
        priors = bool(views.prior_ids(session, study))
    draft = None if row is None else row.body
    return {
        "sentences": reports.sentences_view(texts, draft),
        "flags": flags_of(texts, draft, views.header_of(study), priors),
    }


@router.get("/studies/{study_id}/versions", response_model=schemas.VersionList)
def versions(study_id: str, person: Looker, room: Here) -> dict[str, Any]:
    """Every text that the report had, the newest first."""
    with room.store.read() as session:
        views.find_study(session, study_id, person)
        _hide_blinded(session, person, study_id)
        rows = session.scalars(
            select(ReportVersion)
            .where(ReportVersion.study_id == study_id)
            .order_by(ReportVersion.version.desc())
            .limit(1000)
        )
        return {
            "items": [
                {
                    "version": r.version,
                    "parent": r.parent,
                    "kind": r.kind,
                    "author": r.author,
                    "at": r.at,
                    "findings": r.findings,
                    "impression": r.impression,
                }
                for r in rows
            ]
        }


def _hide_blinded(session: Session, person: Person, study_id: str) -> None:
    if study_id in views.blinded_ids(session, person):
        raise Problem("forbidden", "You are to read this study in a reader study; its texts are hidden until then.")


def _prove(room: Room, person: Person, password: str) -> None:
    """Re-authentication: the password, or a single sign-on login that is fresh. Raises Problem ``reauth``."""
    with room.store.read() as session:
        user = session.get_one(User, person.id)
        login = None if person.login is None else session.get(Login, person.login)
    if user.password is None and login is not None:
        if login.confirmed < now() - _REAUTH_FRESH:
            raise Problem("reauth", "Log in again at the single sign-on, then sign.")
        return
    try:
        auth.log_in(room.store, user.username, password)  # counts towards the lockout as a login does
    except Problem as problem:
        if problem.code == "unauthenticated":
            raise Problem("reauth", "The password is wrong; nothing was signed.") from problem
        raise


@router.post("/studies/{study_id}/sign", response_model=schemas.StudyView)
def sign(study_id: str, body: schemas.SignIn, person: Editor, room: Here) -> dict[str, Any]:
    """Sign the report, or an addendum to it."""
    _prove(room, person, body.password)
    with room.store.write() as session:
        _hide_blinded(session, person, study_id)
        signoff.sign(
            session,
            study_id,
            person,
            kind=body.kind,
            version=body.version,
            save_id=body.save_id,
            seconds=body.seconds,
            addendum=None if body.text is None else body.text.strip(),
        )
        if body.critical is not None:
            _acknowledge_named(session, study_id, body.critical, person)
    answer = full(room, study_id, person)
    with room.store.read() as session:
        answer["next_id"] = views.next_study(session, person, study_id)
    return answer


def _acknowledge_named(session: Session, study_id: str, told: schemas.SignCritical, person: Person) -> None:
    study, _ = reports.lock_report(session, study_id)
    row = session.scalar(
        select(Critical).where(
            Critical.study_id == study_id, Critical.finding == told.finding, Critical.acknowledged.is_(None)
        )
    )
    done = session.scalar(
        select(Critical.id).where(
            Critical.study_id == study_id, Critical.finding == told.finding, Critical.acknowledged.is_not(None)
        )
    )
    if row is None and done is not None:
        return  # a repeated request
    row = row or signoff.raise_critical(session, study, told.finding, None, person.username)
    _acknowledge(session, study, row, told, person)


def _acknowledge(session: Session, study: StudyRow, row: Critical, told: schemas.AcknowledgeIn, person: Person) -> None:
    row.told, row.how, row.told_at = told.told, told.how, told.told_at.timestamp()
    row.acknowledged, row.acknowledged_by = now(), person.name
    study.critical_open = max(0, study.critical_open - 1)
    session.flush()
    detail = {"critical": row.id, "finding": row.finding, "how": row.how, "told_at": row.told_at}
    audit.append(session, person.username, "critical.acknowledged", study.id, detail)


@router.post("/studies/{study_id}/criticals", response_model=schemas.CriticalView, status_code=201)
def raise_critical(study_id: str, body: schemas.CriticalIn, person: Editor, room: Here) -> dict[str, Any]:
    """Mark a critical result; the study stands on top of the worklist until someone was told."""
    with room.store.write() as session:
        study, _ = reports.lock_report(session, study_id)
        _hide_blinded(session, person, study_id)
        row = signoff.raise_critical(session, study, body.finding, body.text, person.username)
        return views.critical_view(row)


@router.post("/criticals/{critical_id}/acknowledge", response_model=schemas.CriticalView)
def acknowledge(critical_id: str, body: schemas.AcknowledgeIn, person: Editor, room: Here) -> dict[str, Any]:
    """Note who was told of a critical result, when and how."""
    with room.store.write() as session:
        row = session.get(Critical, critical_id)
        if row is None:
            raise Problem("not_found", "There is no such critical result.")
        study, _ = reports.lock_report(session, row.study_id)
        session.refresh(row)
        if row.acknowledged is not None:
            raise Problem("state", f"This was noted already: {row.told} was told.")
        _acknowledge(session, study, row, body, person)
        return views.critical_view(row)


@router.get("/studies/{study_id}/diff", response_model=schemas.DiffView)
def diff(study_id: str, person: Looker, room: Here) -> dict[str, Any]:
    """The draft beside the signed text, and what lies between them."""
    with room.store.read() as session:
        views.find_study(session, study_id, person)
        _hide_blinded(session, person, study_id)
        draft: DraftRow | None = reports.latest_draft(session, study_id)
        report = session.get_one(ReportRow, study_id)
        signed = session.scalar(
            select(Signature)
            .where(Signature.study_id == study_id, Signature.kind != "addendum")
            .order_by(Signature.number.desc())
            .limit(1)
        )
    texts = (
        reports.texts_of(report) if signed is None else {"findings": signed.findings, "impression": signed.impression}
    )
    body = None if draft is None else draft.body
    measured = signoff.measure(texts, body)
    drafted = None if body is None else {"findings": body["findings"], "impression": body["impression"]}
    return {
        "draft": drafted,
        "signed": None if signed is None else texts,
        "edit_distance": {"characters": measured["characters"], "words": measured["words"]},
        "seconds": report.seconds,
        "sentences": {key: measured[key] for key in ("kept", "edited", "dropped", "typed")},
    }
