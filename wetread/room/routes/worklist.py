"""The worklist: what there is to read, in the order in which it should be read."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from wetread.room import schemas, views
from wetread.room.context import Here, Looker
from wetread.room.hashes import canonical
from wetread.room.store import StudyRow, WorkerRow, now

__all__ = ["router"]

router = APIRouter(tags=["worklist"])
_ALIVE = 60.0  # seconds without a heartbeat after which a worker counts as dead
_COLUMNS = {
    "received": StudyRow.received,
    "study_date": func.coalesce(StudyRow.study_date, ""),
    "patient_name": func.lower(StudyRow.patient_name),
    "patient_id": StudyRow.patient_id,
    "accession": StudyRow.accession,
    "status": StudyRow.report_state,
    "priority": StudyRow.priority,
    "modality": StudyRow.modality,
}
Sort = Literal[
    "triage", "received", "study_date", "patient_name", "patient_id", "accession", "status", "priority", "modality"
]
Status = Literal["queued", "drafting", "failed", "unread", "reading", "preliminary", "final"]


def _filtered(query: Any, q: str, status: list[Status], mine: bool, critical: bool, person: Looker) -> Any:
    query = query.where(StudyRow.erased.is_(None))
    for word in q.replace("\0", "").casefold().split()[:8]:
        query = query.where(StudyRow.search.contains(word, autoescape=True))
    if status:
        query = query.where(or_(*(views.status_clause(s) for s in status)))
    if mine:
        query = query.where(StudyRow.claim_user == person.id, StudyRow.claim_until > now())
    if critical:
        query = query.where(StudyRow.critical_open > 0)
    return query


@cache
def _count_statement() -> Any:
    """Made once: to put it together takes longer than to run it on a short worklist."""
    moment: Any = bindparam("moment")
    columns = [func.count().filter(views.status_clause(status, moment)).label(status) for status in views.STATUSES]
    critical = func.count().filter(StudyRow.critical_open > 0).label("critical")
    return select(*columns, critical).where(StudyRow.erased.is_(None))


def _counts(session: Session) -> dict[str, int]:
    row = session.execute(_count_statement(), {"moment": now()}).one()
    return {name: int(value) for name, value in row._mapping.items()}


@router.get("/worklist", response_model=schemas.Worklist)
def worklist(
    person: Looker,
    room: Here,
    request: Request,
    response: Response,
    q: Annotated[str, Query(max_length=200)] = "",
    status: Annotated[list[Status] | None, Query()] = None,
    mine: bool = False,
    critical: bool = False,
    sort: Sort = "triage",
    order: Literal["asc", "desc"] = "asc",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Any:
    """The worklist; with ``If-None-Match`` it is 304 where nothing that it shows has changed.

    ``critical`` shows only studies with a critical result that nobody was told yet.
    """
    with room.store.read() as session:
        wanted = (q, status or [], mine, critical, person)
        query = _filtered(select(StudyRow), *wanted)
        ordering: list[Any]
        if sort == "triage":
            ordering = views.triage_order()
            ordering = ordering if order == "asc" else views.triage_order(last_first=True)
        else:
            column = _COLUMNS[sort]
            ordering = [column.desc() if order == "desc" else column.asc(), StudyRow.id]
        studies = list(session.scalars(query.order_by(*ordering).limit(limit).offset(offset)))
        total = session.scalar(_filtered(select(func.count()).select_from(StudyRow), *wanted))
        alive = session.scalar(select(func.count()).select_from(WorkerRow).where(WorkerRow.seen > now() - _ALIVE))
        body = {
            "items": views.items_view(session, studies, person),
            "total": total or 0,
            "counts": _counts(session),
            "workers": {"alive": alive or 0},
        }
    tag = f'"{hashlib.sha256(canonical(body).encode()).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return {**body, "now": now()}


@router.get("/worklist/next", response_model=schemas.NextView)
def next_one(person: Looker, room: Here, after: Annotated[str | None, Query(max_length=64)] = None) -> dict[str, Any]:
    """The next study to read after this one, to be fetched ahead."""
    with room.store.read() as session:
        return {"id": views.next_study(session, person, after)}
