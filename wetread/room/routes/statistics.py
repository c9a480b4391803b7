"""The statistics page and its CSV."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from wetread.room import stats
from wetread.room.context import Here, Looker

__all__ = ["router"]

router = APIRouter(tags=["statistics"])
Reader = Annotated[str | None, Query(max_length=64)]


@router.get("/statistics", response_model=stats.Statistics)
def statistics(_: Looker, room: Here, start: date | None = None, end: date | None = None, reader: Reader = None) -> Any:
    """What became of the drafts, from the audit trail's signing events alone; empty until there are any."""
    with room.store.read() as session:
        return stats.summarize(stats.cases(session, start, end, reader), stats.names(session))


@router.get(
    "/statistics.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "one line a signed case"}},
)
def statistics_csv(
    _: Looker, room: Here, start: date | None = None, end: date | None = None, reader: Reader = None
) -> Response:
    """The same numbers case by case."""
    with room.store.read() as session:
        text = stats.to_csv(stats.cases(session, start, end, reader))
    headers = {"Content-Disposition": "attachment; filename=wetread-statistics.csv"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
