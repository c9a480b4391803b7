"""Help while writing: sentences to complete with, one's own macros, similar cases."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from wetread.report.sentences import split_sentences
from wetread.room import reports, schemas, views
from wetread.room.context import Editor, Here, Looker
from wetread.room.problems import Problem
from wetread.room.store import Macro, Signature

__all__ = ["router"]

router = APIRouter(tags=["help"])
_SIGNED = 300  # signed reports of one's own that autocompletion looks at
_MACROS = 500


@router.get("/stock", response_model=schemas.StockList)
def stock(
    person: Editor,
    room: Here,
    q: Annotated[str, Query(max_length=200)] = "",
    section: Literal["findings", "impression", "any"] = "any",
    limit: Annotated[int, Query(ge=1, le=50)] = 8,
) -> dict[str, Any]:
    """Sentences that begin like what is being typed: one's macros, what one has signed, the stock."""
    wanted = " ".join(q.split()).casefold()
    with room.store.read() as session:
        macros = list(session.scalars(select(Macro).where(Macro.user_id == person.id).order_by(Macro.name)))
        signed = list(
            session.scalars(
                select(Signature)
                .where(Signature.user_id == person.id, Signature.kind != "addendum")
                .order_by(Signature.at.desc())
                .limit(_SIGNED)
            )
        )
    counted: Counter[str] = Counter()
    for row in signed:
        for part in ("findings", "impression"):
            if section in ("any", part):
                counted.update(span.value for span in split_sentences(getattr(row, part)))
    items: list[dict[str, Any]] = [
        {"text": m.body, "count": 0, "source": "macro"}
        for m in macros
        if section in ("any", m.section) or m.section == "any"
        if wanted and (m.name.casefold().startswith(wanted) or m.body.casefold().startswith(wanted))
    ]
    items += [
        {"text": text, "count": count, "source": "signed"}
        for text, count in counted.most_common()
        if text.casefold().startswith(wanted)
    ]
    known = {item["text"] for item in items}
    items += [
        {"text": text, "count": 0, "source": "stock"}
        for text in room.settings.stock
        if text.casefold().startswith(wanted) and text not in known
    ]
    return {"items": items[:limit]}


def _macro_view(row: Macro) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "section": row.section, "text": row.body}


@router.get("/macros", response_model=schemas.MacroList)
def macros(person: Editor, room: Here) -> dict[str, Any]:
    """One's own macros."""
    with room.store.read() as session:
        rows = session.scalars(select(Macro).where(Macro.user_id == person.id).order_by(Macro.name))
        return {"items": [_macro_view(row) for row in rows]}


@router.post("/macros", response_model=schemas.MacroView, status_code=201)
def add_macro(body: schemas.MacroIn, person: Editor, room: Here) -> dict[str, Any]:
    """Add a macro; the name must be new."""
    with room.store.write() as session:
        count = session.scalar(select(func.count()).select_from(Macro).where(Macro.user_id == person.id)) or 0
        if count >= _MACROS:
            raise Problem("input", f"There are {_MACROS} macros already; delete some first.")
        if session.scalar(select(Macro.id).where(Macro.user_id == person.id, Macro.name == body.name)):
            raise Problem("input", f"You have a macro '{body.name}' already.")
        row = Macro(user_id=person.id, name=body.name, section=body.section, body=body.text)
        session.add(row)
        session.flush()
        return _macro_view(row)


@router.put("/macros/{macro_id}", response_model=schemas.MacroView)
def change_macro(macro_id: str, body: schemas.MacroIn, person: Editor, room: Here) -> dict[str, Any]:
    """Change one's own macro."""
    with room.store.write() as session:
        row = session.get(Macro, macro_id)
        if row is None or row.user_id != person.id:
            raise Problem("not_found", "You have no such macro.")
        taken = select(Macro.id).where(Macro.user_id == person.id, Macro.name == body.name, Macro.id != macro_id)
        if session.scalar(taken):
            raise Problem("input", f"You have a macro '{body.name}' already.")
        row.name, row.section, row.body = body.name, body.section, body.text
        return _macro_view(row)


@router.delete("/macros/{macro_id}", status_code=204)
def delete_macro(macro_id: str, person: Editor, room: Here) -> None:
    """Delete one's own macro."""
    with room.store.write() as session:
        row = session.get(Macro, macro_id)
        if row is None or row.user_id != person.id:
            raise Problem("not_found", "You have no such macro.")
        session.delete(row)


@router.get("/studies/{study_id}/similar", response_model=schemas.SimilarList)
def similar(study_id: str, person: Looker, room: Here) -> dict[str, Any]:
    """Cases like this one, as the draft found them, with the line that the index keeps of each."""
    with room.store.read() as session:
        views.find_study(session, study_id, person)
        row = None if study_id in views.blinded_ids(session, person) else reports.latest_draft(session, study_id)
    cases = [] if row is None else row.body.get("similar", [])
    items = []
    for found in cases:
        note = None if room.similar is None else room.similar.note(found["study_id"])
        if room.similar is not None and note is None:
            continue  # it was erased from the index since the draft
        items.append({"study_id": found["study_id"], "score": found["score"], "findings": None, "impression": note})
    return {"configured": room.similar is not None, "items": items}
