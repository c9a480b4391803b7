"""One study: what the reading page shows, its films, its claim, its jobs, its end."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wetread.report.decisions import revised
from wetread.room import audit, queue, retention, schemas, views
from wetread.room.context import Administrator, Editor, Here, Looker, Room, Sender, author
from wetread.room.films import RAW, THUMBNAIL, cached, prepare
from wetread.room.problems import Problem
from wetread.room.reports import free_for, lock_report, take_claim
from wetread.room.store import Film, Job, StudyRow, now
from wetread.room.studies import PRIORITIES

__all__ = ["router"]

router = APIRouter(tags=["studies"])


def full(room: Room, study_id: str, person: Looker) -> dict[str, Any]:
    """The study as the page wants it, its films decoded."""
    with room.store.read() as session:
        views.find_study(session, study_id, person)
        raw = [film for film in views.films_of(session, study_id) if film.meta is None]
    for film in raw:
        prepare_or_note(room, film)
    with room.store.read() as session:
        return views.study_view(session, views.find_study(session, study_id, person), person)


def prepare_or_note(room: Room, film: Film) -> None:
    """Decode a film ahead of its draft; what cannot be decoded is told by the failed job."""
    from wetread.errors import InputError

    try:
        prepare(room.store, room.blobs, room.cache, film)
    except InputError:
        return


@router.get("/studies/{study_id}", response_model=schemas.StudyView)
def study(study_id: str, person: Looker, room: Here, ahead: bool = False) -> dict[str, Any]:
    """All of a study in one answer; ``ahead`` where the page fetches what may be read next.

    The audit trail tells of both, once in ten minutes: the page asks again and again while a draft is written.
    """
    body = full(room, study_id, person)
    action = "study.fetched_ahead" if ahead else "study.opened"
    if room.opened.first(person.login or person.id, action, study_id):
        with room.store.write() as session:
            audit.append(session, person.username, action, study_id)
    return body


@router.get("/studies/{study_id}/status", response_model=schemas.StudyStatus)
def status(study_id: str, person: Sender, room: Here) -> dict[str, Any]:
    """How far a study is; a service may ask for what it sent."""
    with room.store.read() as session:
        item = views.items_view(session, [views.find_study(session, study_id, person)], person)[0]
    return {key: item[key] for key in ("id", "status", "report_state", "job")}


@router.patch("/studies/{study_id}", response_model=schemas.StudyView)
def change(study_id: str, body: schemas.StudyPatch, person: Editor, room: Here) -> dict[str, Any]:
    """Change indication, comparison or priority."""
    with room.store.write() as session:
        row, _ = lock_report(session, study_id)
        _not_blinded(session, person, study_id)
        changed = sorted(body.model_fields_set)
        if "priority" in changed and body.priority is not None:
            row.priority = PRIORITIES.index(body.priority)
        if {"indication", "comparison"} & set(changed) and row.report_state in ("final", "addended"):
            raise Problem("state", "The report is signed; its indication and comparison stay as they are.")
        for key in ("indication", "comparison"):
            if key in changed:
                setattr(row, key, (getattr(body, key) or "").strip() or None)
        audit.append(session, person.username, "study.changed", study_id, {"fields": changed})
    return full(room, study_id, person)


def _not_blinded(session: Session, person: Looker, study_id: str) -> None:
    if study_id in views.blinded_ids(session, person):
        raise Problem("state", "You are to read this study in a reader study; do that first.")


def _may_decide(session: Session, person: Looker, row: StudyRow) -> None:
    if row.report_state not in ("none", "draft"):
        raise Problem("state", "The report is signed; change its text, the draft no longer does.")
    if not free_for(row, person.id):
        raise claimed(session, row, person)
    if views.compared(session, row.id):
        raise Problem("state", "A reader study compares readings of the model's own draft; decide afterwards.")


@router.post("/studies/{study_id}/redraft", response_model=schemas.RedraftAnswer, status_code=202)
def redraft(study_id: str, body: schemas.RedraftIn, person: Editor, room: Here) -> dict[str, Any]:
    """Draft again, with other words of the request or other decided findings if given; the reader's own words stay.

    ``decide``: label → positive, negative or uncertain, or left, right or bilateral where it lies on a side; null
    leaves it to the model again. What was decided before and is not named stands.
    """
    with room.store.write() as session:
        row, _ = lock_report(session, study_id)
        _not_blinded(session, person, study_id)
        if row.report_state in ("final", "addended"):
            raise Problem("state", "The report is signed; it is not drafted again.")
        if body.decide is not None:
            _may_decide(session, person, row)
            row.decided = dict(revised(row.decided, body.decide))
        running = None if row.job_id is None else session.get(Job, row.job_id)
        for key in ("indication", "comparison"):
            if key in body.model_fields_set:
                setattr(row, key, (getattr(body, key) or "").strip() or None)
        if running is not None and running.state == "queued":
            job = running  # it will read the new words when it starts
        else:
            count = session.scalar(select(func.count()).select_from(Job).where(Job.study_id == study_id))
            job = queue.enqueue(session, row, f"{study_id}:again:{count}")
        changes = {} if body.decide is None else {"decide": body.decide}
        audit.append(session, person.username, "draft.wanted", study_id, {"job": job.id, **changes})
        return {"job": views.job_view(job, None), "decided": row.decided}


@router.post("/studies/{study_id}/retry", response_model=schemas.JobAnswer, status_code=202)
def retry(study_id: str, person: Looker, room: Here) -> dict[str, Any]:
    """Try a failed draft again."""
    with room.store.write() as session:
        row = views.find_study(session, study_id, person)
        job = queue.retry(session, row)
        if job is None:
            raise Problem("state", "This study's draft has not failed; there is nothing to try again.")
        audit.append(session, person.username, "draft.retried", study_id, {"job": job.id})
        return {"job": views.job_view(job, None)}


@router.post("/studies/{study_id}/claim", response_model=schemas.ClaimAnswer)
def claim(study_id: str, body: schemas.ClaimIn, person: Editor, room: Here) -> dict[str, Any]:
    """Take a study, or renew that; with ``take_over`` from someone else, which the audit trail tells."""
    with room.store.write() as session:
        row, _ = lock_report(session, study_id)
        _not_blinded(session, person, study_id)
        other = row.claim_user if row.claim_user != person.id and row.claim_until > now() else None
        mine = row.claim_user == person.id and row.claim_until > now()
        if other is not None and not body.take_over:
            raise claimed(session, row, person)
        if other is not None:
            row.claim_user = None
        take_claim(row, author(person), room.settings.claim)
        if not mine:
            audit.append(session, person.username, "study.claimed", study_id, {"from": other})
        return {"claim": views.items_view(session, [row], person)[0]["claim"]}


def claimed(session: Session, row: StudyRow, person: Looker, **extra: Any) -> Problem:
    """The answer where someone else reads the study."""
    claim = views.items_view(session, [row], person)[0]["claim"]
    shown = schemas.ClaimView(**claim).model_dump() if claim else None
    message = f"{row.claim_name} is reading this study; ask them, or take it over."
    return Problem("claimed", message, extra={"claim": shown, **extra})


@router.delete("/studies/{study_id}/claim", status_code=204)
def release(study_id: str, person: Editor, room: Here) -> None:
    """Give a study back."""
    with room.store.write() as session:
        row, _ = lock_report(session, study_id)
        if row.claim_user == person.id:
            row.claim_user, row.claim_name, row.claim_until = None, None, 0.0
            audit.append(session, person.username, "study.released", study_id)


@router.delete("/studies/{study_id}", status_code=204)
def erase(study_id: str, body: schemas.EraseIn, person: Administrator, room: Here) -> None:
    """Erase a study: films, texts, names; the audit trail keeps that it was there."""
    with room.store.read() as session:
        views.find_study(session, study_id, person)
    retention.erase(room.store, room.blobs, room.cache, study_id, person.username, body.reason, room.similar)


def _film(room: Room, film_id: str, person: Looker) -> Film:
    with room.store.read() as session:
        film = session.get(Film, film_id)
        if film is None:
            raise Problem("not_found", "There is no such film; its study may have been erased.")
        views.find_study(session, film.study_id, person)
    return prepare(room.store, room.blobs, room.cache, film)


def _file(room: Room, film: Film, suffix: str, request: Request, kind: str, headers: dict[str, str]) -> Response:
    tag = f'"{film.sha256[:32]}{suffix}"'
    headers = {**headers, "ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return FileResponse(cached(room.cache, film, suffix), media_type=kind, headers=headers)


@router.get(
    "/films/{film_id}/pixels",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "rows × columns uint16, little endian"}
    },
)
def pixels(film_id: str, person: Looker, room: Here, request: Request) -> Response:
    """The film's values at full depth."""
    film = _film(room, film_id, person)
    meta = film.meta or {}
    size = {"X-Rows": str(meta.get("rows", 0)), "X-Columns": str(meta.get("columns", 0))}
    return _file(room, film, RAW, request, "application/octet-stream", size)


@router.get(
    "/films/{film_id}/thumbnail",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "longest side 256 pixels"}},
)
def thumbnail(film_id: str, person: Looker, room: Here, request: Request) -> Response:
    """A small picture of the film."""
    return _file(room, _film(room, film_id, person), THUMBNAIL, request, "image/png", {})
