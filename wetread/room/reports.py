"""Report texts: saving with optimistic concurrency, drafts arriving, provenance and checks for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wetread.report.labeler import label
from wetread.room import audit
from wetread.room.problems import Problem
from wetread.room.provenance import SECTIONS, merge, trace, units
from wetread.room.store import DraftRow, ReportRow, ReportVersion, StudyRow, now

__all__ = [
    "Author",
    "apply_draft",
    "free_for",
    "latest_draft",
    "model_states",
    "models_own_draft",
    "positive_labels",
    "report_view",
    "save",
    "sentences_view",
    "take_claim",
]

_LONGEST_STRETCH = 3600.0  # seconds of reading that one save may add


@dataclass(frozen=True)
class Author:
    id: str
    name: str
    username: str


def latest_draft(session: Session, study_id: str) -> DraftRow | None:
    """The newest draft of a study."""
    return session.scalar(
        select(DraftRow).where(DraftRow.study_id == study_id).order_by(DraftRow.number.desc()).limit(1)
    )


def models_own_draft(session: Session, study_id: str) -> DraftRow | None:
    """The newest draft of a study for which no reader had decided anything."""
    rows = session.scalars(select(DraftRow).where(DraftRow.study_id == study_id).order_by(DraftRow.number.desc()))
    return next((row for row in rows if not row.body.get("decided")), None)


def _next_version(session: Session, study_id: str) -> int:
    last = session.scalar(select(func.max(ReportVersion.version)).where(ReportVersion.study_id == study_id))
    return (last or 0) + 1


def _add_version(
    session: Session, report: ReportRow, kind: str, texts: Mapping[str, str], author: Author | None, save_id: str | None
) -> ReportVersion:
    version = ReportVersion(
        study_id=report.study_id,
        version=_next_version(session, report.study_id),
        parent=report.version,
        kind=kind,
        save_id=save_id,
        author_id=None if author is None else author.id,
        author=None if author is None else author.name,
        findings=texts["findings"],
        impression=texts["impression"],
    )
    session.add(version)
    session.flush()
    return version


def _move_to(report: ReportRow, version: ReportVersion) -> None:
    report.version, report.updated, report.updated_by = version.version, version.at, version.author
    report.findings, report.impression = version.findings, version.impression


def texts_of(report: ReportRow | ReportVersion) -> dict[str, str]:
    """The text by section."""
    return {"findings": report.findings, "impression": report.impression}


def lock_report(session: Session, study_id: str) -> tuple[StudyRow, ReportRow]:
    """The study and its report, locked until the transaction ends. Raises Problem ``not_found``."""
    study = session.get(StudyRow, study_id, with_for_update=True, populate_existing=True)
    report = session.get(ReportRow, study_id, populate_existing=True)
    if study is None or study.erased is not None or report is None:
        raise Problem("not_found", "There is no such study; it may have been erased.")
    return study, report


def apply_draft(session: Session, study: StudyRow, body: Mapping[str, Any], job_id: int, actor: str) -> DraftRow:
    """Store a new draft and bring it into the report, the reader's own words kept; a signed report stays as it is."""
    _, report = lock_report(session, study.id)
    old = latest_draft(session, study.id)
    row = DraftRow(study_id=study.id, number=1 if old is None else old.number + 1, job_id=job_id, body=dict(body))
    session.add(row)
    if study.report_state in ("none", "draft"):
        texts = merge(texts_of(report), None if old is None else old.body, body)
        if texts != texts_of(report) or report.version == 0:
            _move_to(report, _add_version(session, report, "draft" if old is None else "redraft", texts, None, None))
        study.report_state = "draft"
    study.draft_state = "done"
    audit.append(
        session,
        actor,
        "draft.made",
        study.id,
        {
            "number": row.number,
            "model": body["model"]["name"],
            "model_version": body["model"]["version"],
            "sha256": body["model"]["sha256"],
            "labels": model_states(body),
            "decided": body.get("decided", {}),
            "probabilities": {name: round(f["probability"], 4) for name, f in body["labels"].items()},
            "sentences": len(body["sentences"]),
            "seconds": body["seconds"].get("total"),
        },
    )
    return row


def free_for(study: StudyRow, user_id: str) -> bool:
    """Whether no other reader has the study."""
    return study.claim_user in (None, user_id) or study.claim_until <= now()


def take_claim(study: StudyRow, author: Author, seconds: float) -> bool:
    """Give the study to the author or renew that; False where another reader has it."""
    if not free_for(study, author.id):
        return False
    study.claim_user, study.claim_name, study.claim_until = author.id, author.name, now() + seconds
    return True


@dataclass(frozen=True)
class Saved:
    """``side``: the version under which a text was kept that could not become the report."""

    outcome: str  # saved, repeated, conflict, claimed, state
    report: ReportRow
    side: ReportVersion | None = None


def save(
    session: Session,
    study_id: str,
    author: Author,
    *,
    base_version: int,
    texts: Mapping[str, str],
    seconds: float,
    save_id: str,
    claim_seconds: float,
) -> Saved:
    """Save a text. Whatever is sent is kept: as the report where nothing stands against it, else as a side version."""
    study, report = lock_report(session, study_id)
    known = session.scalar(
        select(ReportVersion).where(ReportVersion.study_id == study_id, ReportVersion.save_id == save_id)
    )
    if known is not None:
        return Saved("repeated" if known.kind == "save" else known.kind, report, known)
    why = None
    if study.report_state in ("final", "addended"):
        why = "state"
    elif not take_claim(study, author, claim_seconds):
        why = "claimed"
    elif base_version != report.version:
        why = "conflict"
    if why is not None:
        side = _add_version(session, report, why, texts, author, save_id)
        audit.append(
            session, author.username, f"report.{why}", study_id, {"version": side.version, "base": base_version}
        )
        return Saved(why, report, side)
    report.seconds += max(0.0, min(seconds, _LONGEST_STRETCH))
    version = _add_version(session, report, "save", texts, author, save_id)
    _move_to(report, version)
    if study.report_state == "none":
        study.report_state = "draft"
    audit.append(session, author.username, "report.saved", study_id, {"version": version.version, "base": base_version})
    return Saved("saved", report)


def model_states(draft: Mapping[str, Any]) -> dict[str, str]:
    """What the model says of each finding of a draft, whatever the reader decided."""
    return {name: f.get("by_model", f["state"]) for name, f in draft["labels"].items()}


@lru_cache(maxsize=8192)
def _labels_of(sentence: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, state) for name, state in label(sentence).items() if state is not None)


def positive_labels(text: str) -> dict[str, str]:
    """The labels that a text states, with their states."""
    return {name: state for name, state in label(text).items() if state is not None}


def sentences_view(texts: Mapping[str, str], draft: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Sentences with origin, labels and evidence; offsets in UTF-16 units, as a browser counts."""
    found = []
    for t in trace(texts, draft):
        source = None if draft is None or t.draft_index is None else draft["sentences"][t.draft_index]
        own = t.origin == "typed" or source is None
        text = texts[t.section]
        found.append(
            {
                "section": t.section,
                "start": units(text, t.start),
                "end": units(text, t.end),
                "text": t.text,
                "origin": t.origin,
                "draft_index": t.draft_index,
                "labels": [n for n, _ in _labels_of(t.text)] if own or source is None else source["labels"],
                "confidence": None if source is None else source["confidence"],
                "evidence": [] if source is None else source["evidence"],
            }
        )
    return found


def report_view(report: ReportRow, draft: Mapping[str, Any] | None, flags: list[dict[str, Any]]) -> dict[str, Any]:
    """The report as the interface gives it."""
    texts = texts_of(report)
    return {
        "version": report.version,
        **{section: texts[section] for section in SECTIONS},
        "seconds": round(report.seconds, 3),
        "updated_at": report.updated,
        "updated_by": report.updated_by,
        "sentences": sentences_view(texts, draft),
        "flags": flags,
    }
