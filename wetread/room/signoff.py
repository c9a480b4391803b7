"""Signing: the state table, what a signature binds, and what is measured at that moment.

    state         preliminary            final                  addendum
    draft         → preliminary          → final                –
    preliminary   → preliminary          → final (confirms)     –
    final         –                      –                      → addended
    addended      –                      –                      → addended
    who           resident, reader       reader                 reader

A signature holds name, time, meaning and a SHA-256 over the text and all of these (21 CFR 11.50 and 11.70); it is never
changed. What comes later is an addendum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from wetread.room import audit
from wetread.room.auth import Person
from wetread.room.checking import critical_findings
from wetread.room.hashes import signature_hash
from wetread.room.problems import Problem
from wetread.room.provenance import distance, trace
from wetread.room.reports import (
    free_for,
    latest_draft,
    lock_report,
    model_states,
    models_own_draft,
    positive_labels,
    texts_of,
)
from wetread.room.store import Critical, Signature, StudyRow, now

__all__ = ["SIGNERS", "TRANSITIONS", "allowed", "measure", "raise_critical", "sign"]

#: (state, kind) → new state.
TRANSITIONS: Mapping[tuple[str, str], str] = {
    ("none", "preliminary"): "preliminary",
    ("none", "final"): "final",
    ("draft", "preliminary"): "preliminary",
    ("draft", "final"): "final",
    ("preliminary", "preliminary"): "preliminary",
    ("preliminary", "final"): "final",
    ("final", "addendum"): "addended",
    ("addended", "addendum"): "addended",
}
SIGNERS: Mapping[str, tuple[str, ...]] = {
    "preliminary": ("resident", "reader"),
    "final": ("reader",),
    "addendum": ("reader",),
}


def allowed(state: str, kind: str, person: Person) -> bool:
    """Whether the person may sign so in this state."""
    return (state, kind) in TRANSITIONS and person.has(*SIGNERS[kind])


def _kind(sentence: Mapping[str, Any]) -> str:
    return str(sentence["labels"][0]) if sentence["labels"] else "Other"


def measure(
    texts: Mapping[str, str], draft: Mapping[str, Any] | None, last: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What became of the draft: counts alone, no words, so that the audit trail can hold it.

    Args:
        draft: the model's own. last: the one that followed the reader's decisions, whose sentences are not typed.

    ``kinds``: "section|label" of a draft sentence → [kept, edited, dropped]. ``words`` and ``characters`` are
    Levenshtein distances between the draft and the text, ``of_words`` and ``of_characters`` the longer one's length.
    ``model``: what the model says of each finding, whatever the reader decided; ``decided``: what they did.
    """
    traced = trace(texts, draft)
    kinds: dict[str, list[int]] = {}
    outcome = {t.draft_index: t.origin for t in traced if t.draft_index is not None}
    for index, sentence in enumerate([] if draft is None else draft["sentences"]):
        counts = kinds.setdefault(f"{sentence['section']}|{_kind(sentence)}", [0, 0, 0])
        counts[{"machine": 0, "edited": 1}.get(outcome.get(index, "dropped"), 2)] += 1
    before = "" if draft is None else f"{draft['findings']}\n{draft['impression']}"
    after = f"{texts['findings']}\n{texts['impression']}"
    words = before.split(), after.split()
    result: dict[str, Any] = {
        "kinds": kinds,
        "kept": sum(c[0] for c in kinds.values()),
        "edited": sum(c[1] for c in kinds.values()),
        "dropped": sum(c[2] for c in kinds.values()),
        "typed": sum(t.origin == "typed" for t in (traced if last is None else trace(texts, last))),
        "words": distance(*words),
        "of_words": max(len(words[0]), len(words[1])),
        "characters": distance(before, after) if len(before) + len(after) < 8000 else None,
        "of_characters": max(len(before), len(after)),
        "reader": positive_labels(after),
        "drafted": draft is not None,
    }
    if draft is not None:
        result["model"] = model_states(draft)
        result["decided"] = list((last or draft).get("decided", {}))
    return result


def raise_critical(session: Session, study: StudyRow, finding: str, note: str | None, actor: str) -> Critical:
    """Open a critical result: the study stands on top of the worklist until someone says who was told."""
    row = Critical(study_id=study.id, finding=finding, note=note, raised_by=actor)
    session.add(row)
    study.critical_open += 1
    study.critical_finding = finding
    audit.append(session, actor, "critical.raised", study.id, {"finding": finding})
    return row


def _raise_stated(session: Session, study: StudyRow, texts: Mapping[str, str], actor: str) -> None:
    known = set(session.scalars(select(Critical.finding).where(Critical.study_id == study.id)))
    for name in critical_findings(texts):
        if name not in known:
            raise_critical(session, study, name, None, actor)


def sign(
    session: Session,
    study_id: str,
    person: Person,
    *,
    kind: str,
    version: int,
    save_id: str,
    seconds: float,
    addendum: str | None,
) -> Signature:
    """Sign the report's current text, or an addendum to it; the same ``save_id`` again is the same signature.

    Raises:
        Problem: ``state``, ``forbidden``, ``claimed``, ``conflict``, or ``input`` for an empty text.
    """
    study, report = lock_report(session, study_id)
    known = session.scalar(select(Signature).where(Signature.study_id == study_id, Signature.save_id == save_id))
    if known is not None:
        if known.user_id != person.id:
            raise Problem("conflict", "This signature was given by someone else; reload the study.")
        return known
    if not person.has(*SIGNERS[kind]):
        raise Problem("forbidden", f"Your role may not sign as {kind}.")
    if (study.report_state, kind) not in TRANSITIONS:
        raise Problem("state", f"A report that is {study.report_state} cannot be signed as {kind}; reload the study.")
    if kind != "addendum":
        if not free_for(study, person.id):
            raise Problem("claimed", f"{study.claim_name} is reading this study; ask them, or take it over first.")
        if version != report.version:
            raise Problem("conflict", "The text was changed since you saw it; look at it again, then sign.")
    texts = texts_of(report)
    words = addendum if kind == "addendum" else texts["findings"] + texts["impression"]
    if not (words or "").strip():
        raise Problem("input", "An empty text cannot be signed; write the report first.")
    draft = latest_draft(session, study_id)
    if kind != "addendum" and draft is not None and study.decided != draft.body.get("decided", {}):
        raise Problem("conflict", "The draft does not follow your last decision yet; wait for it, or take it back.")
    row = _signature(session, study, person, kind, save_id, texts, addendum)
    was = study.report_state
    study.report_state = TRANSITIONS[was, kind]
    if kind != "addendum":
        report.seconds += max(0.0, min(seconds, 3600.0))
        study.claim_user, study.claim_name, study.claim_until = None, None, 0.0
    own = models_own_draft(session, study_id) or draft
    bodies = (None if row is None else row.body for row in (own, draft))
    measured = measure(texts, *bodies) if kind != "addendum" else {}
    detail = {
        "number": row.number, "kind": kind, "meaning": row.meaning, "sha256": row.sha256, "user": person.id,
        "version": report.version, "from": was, "seconds": round(report.seconds, 3), **measured,
    }  # fmt: skip
    audit.append(session, person.username, "report.signed", study_id, detail)
    said = {"findings": addendum or "", "impression": ""} if kind == "addendum" else texts
    _raise_stated(session, study, said, person.username)
    return row


def _signature(
    session: Session,
    study: StudyRow,
    person: Person,
    kind: str,
    save_id: str,
    texts: Mapping[str, str],
    addendum: str | None,
) -> Signature:
    earlier = list(session.scalars(select(Signature).where(Signature.study_id == study.id).order_by(Signature.number)))
    other = any(s.kind == "preliminary" and s.user_id != person.id for s in earlier)
    meaning = "addendum" if kind == "addendum" else "confirmed" if kind == "final" and other else "author"
    row = Signature(
        study_id=study.id,
        number=len(earlier) + 1,
        kind=kind,
        meaning=meaning,
        user_id=person.id,
        username=person.username,
        name=person.name,
        at=round(now(), 3),
        save_id=save_id,
        findings=texts["findings"],
        impression=texts["impression"],
        addendum=addendum if kind == "addendum" else None,
        previous=earlier[-1].sha256 if earlier else None,
        sha256="",
    )
    row.sha256 = signature_hash(row, study.uid)
    session.add(row)
    session.flush()
    return row
