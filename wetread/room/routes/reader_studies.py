"""Reader studies: set up by an administrator, read by readers, exported for the statistician."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from wetread.room import audit, reading_study, schemas, views
from wetread.room.auth import Person
from wetread.room.context import Administrator, Editor, Here, Looker, Room
from wetread.room.problems import Problem
from wetread.room.reports import latest_draft, sentences_view
from wetread.room.routes.studies import prepare_or_note
from wetread.room.store import ReaderCase, ReaderStudy, StudyRow

__all__ = ["router"]

router = APIRouter(tags=["reader studies"])


def _view(session: Session, row: ReaderStudy, person: Person) -> dict[str, Any]:
    steps = {user_id: {"done": d, "total": t} for user_id, (d, t) in reading_study.progress(session, row.id).items()}
    leads = person.has("administrator")
    return {
        "id": row.id,
        "name": row.name,
        "design": row.design,
        "arms": row.arms,
        "state": row.state,
        "seed": row.seed if leads else None,  # it tells which case has which arm
        "washout_days": row.washout_days,
        "mine": steps.get(person.id),
        "readers": steps if leads else None,
    }


def _find(session: Session, reader_study_id: str, person: Person) -> ReaderStudy:
    row = session.get(ReaderStudy, reader_study_id)
    if row is None or not (person.has("administrator") or person.id in reading_study.progress(session, row.id)):
        raise Problem("not_found", "There is no such reader study, or you are not one of its readers.")
    return row


@router.get("/reader-studies", response_model=schemas.ReaderStudyList)
def listing(person: Looker, room: Here) -> dict[str, Any]:
    """The reader studies that concern one."""
    with room.store.read() as session:
        rows = session.scalars(select(ReaderStudy).order_by(ReaderStudy.created.desc()))
        found = [_view(session, row, person) for row in rows]
    return {"items": [v for v in found if v["mine"] is not None or person.has("administrator")]}


@router.post("/reader-studies", response_model=schemas.ReaderStudyView, status_code=201)
def create(body: schemas.ReaderStudyIn, person: Administrator, room: Here) -> dict[str, Any]:
    """Deal the cases of a new reader study."""
    with room.store.write() as session:
        row = reading_study.create(session, **body.model_dump())
        detail = {"reader_study": row.id, "cases": len(body.study_ids), "readers": len(body.reader_ids)}
        audit.append(session, person.username, "reader_study.created", None, detail)
        return _view(session, row, person)


@router.get("/reader-studies/{reader_study_id}", response_model=schemas.ReaderStudyView)
def one(reader_study_id: str, person: Looker, room: Here) -> dict[str, Any]:
    """One reader study."""
    with room.store.read() as session:
        return _view(session, _find(session, reader_study_id, person), person)


@router.post("/reader-studies/{reader_study_id}/close", response_model=schemas.ReaderStudyView)
def close(reader_study_id: str, person: Administrator, room: Here) -> dict[str, Any]:
    """End a reader study; what was not read stays unread."""
    with room.store.write() as session:
        row = _find(session, reader_study_id, person)
        row.state = "closed"
        audit.append(session, person.username, "reader_study.closed", None, {"reader_study": row.id})
        return _view(session, row, person)


def _case_view(room: Room, session: Session, case: ReaderCase, person: Person) -> dict[str, Any]:
    study = session.get_one(StudyRow, case.study_id)
    shown = views.study_view(session, study, person, show_draft=False)
    shown.update(
        patient={"name": f"Case {case.number}", "id": "", "birth_date": None, "sex": study.sex},
        accession="", study_date=None, received_at=0.0, priors=[], claim=None, critical=None, labels={}, allowed=[],
        triage={"score": 0.0, "reasons": []}, blinded=True,
    )  # fmt: skip
    row = latest_draft(session, case.study_id)
    draft = row.body if row is not None and reading_study.shows_draft(case) else None
    texts = {"findings": case.findings, "impression": case.impression}
    shown["draft"] = draft
    shown["report"] = {
        **texts, "version": case.version, "seconds": case.seconds, "updated_at": case.started or 0.0,
        "updated_by": None, "sentences": sentences_view(texts, draft), "flags": [],
    }  # fmt: skip
    of = reading_study.progress(session, case.reader_study_id)[case.user_id][1]
    return {
        "id": case.id, "number": case.number, "of": of, "arm": case.arm, "phase": case.phase,
        "version": case.version, "study": shown,
    }  # fmt: skip


@router.post("/reader-studies/{reader_study_id}/next", response_model=schemas.ReaderNext)
def next_case(reader_study_id: str, person: Editor, room: Here) -> dict[str, Any]:
    """The case to read now."""
    with room.store.read() as session:
        row = _find(session, reader_study_id, person)
        case, not_before = reading_study.due(session, row, person.id)
        raw = [] if case is None else [f for f in views.films_of(session, case.study_id) if f.meta is None]
    for film in raw:
        prepare_or_note(room, film)
    with room.store.write() as session:
        row = _find(session, reader_study_id, person)
        if row.state != "open":
            raise Problem("state", "This reader study is closed.")
        case, not_before = reading_study.due(session, row, person.id)
        if case is None:
            return {"case": None, "done": not_before is None, "not_before": not_before}
        reading_study.begin(session, case)
        session.flush()
        return {"case": _case_view(room, session, case, person), "done": False}


@router.put("/reader-cases/{case_id}", response_model=schemas.CaseVersion)
def save_case(case_id: str, body: schemas.CaseSaveIn, person: Editor, room: Here) -> dict[str, int]:
    """Keep the text so far."""
    with room.store.write() as session:
        case = reading_study.own_case(session, case_id, person.id)
        return {"version": reading_study.save(case, body.base_version, body.findings, body.impression, body.seconds)}


@router.post("/reader-cases/{case_id}/submit", response_model=schemas.CasePhase)
def submit_case(case_id: str, body: schemas.CaseSubmitIn, person: Editor, room: Here) -> dict[str, Any]:
    """Fix the text of this phase; with the phase named, a repetition changes nothing."""
    with room.store.write() as session:
        case = reading_study.own_case(session, case_id, person.id)
        if body.phase in (None, case.phase):
            reading_study.submit(case, body.findings, body.impression, body.seconds)
            detail = {"case": case.id, "arm": case.arm, "phase": case.phase, "seconds": round(case.seconds, 3)}
            audit.append(session, person.username, "reader_study.submitted", case.study_id, detail)
        row = latest_draft(session, case.study_id) if case.phase == "revise" else None
        return {"phase": case.phase, "draft": None if row is None else row.body, "version": case.version}


@router.get(
    "/reader-studies/{reader_study_id}/export.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "one line a case and reader"}},
)
def export(reader_study_id: str, person: Administrator, room: Here) -> Response:
    """The readings for analysis, readers coded R1, R2, …"""
    with room.store.read() as session:
        text = reading_study.to_csv(session, _find(session, reader_study_id, person))
    headers = {"Content-Disposition": "attachment; filename=wetread-reader-study.csv"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
