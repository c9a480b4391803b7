"""Erasing studies: films, texts, drafts and names go; the audit trail keeps that, when and by whom."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update

from wetread.room import audit
from wetread.room.cases import Cases
from wetread.room.files import BlobStore
from wetread.room.store import (
    Critical,
    DraftRow,
    Film,
    Job,
    ReaderCase,
    ReportRow,
    ReportVersion,
    Signature,
    Store,
    StudyRow,
    now,
)

__all__ = ["erase", "expire"]


def erase(
    store: Store,
    blobs: BlobStore,
    cache: BlobStore,
    study_id: str,
    actor: str,
    reason: str,
    cases: Cases | None = None,
) -> None:
    """Erase one study. Its row stays, emptied, so that the audit trail's ids lead somewhere.

    From the index of similar cases it goes first, by its id here and by its StudyInstanceUID: where that fails
    (OutsideError) nothing is erased yet, and asking again does all of it.
    """
    indexed = 0 if cases is None else cases.forget(_names(store, study_id))
    with store.write() as session:
        session.scalars(select(Job.id).where(Job.study_id == study_id).with_for_update()).all()
        study = session.get_one(StudyRow, study_id, with_for_update=True)
        digests = set(session.scalars(select(Film.sha256).where(Film.study_id == study_id)))
        signatures = list(session.scalars(select(Signature.sha256).where(Signature.study_id == study_id)))
        study.erased = now()
        session.flush()  # the triggers let go of signatures and versions only now
        for table in (Job, Film, DraftRow, ReportRow, ReportVersion, Signature, Critical, ReaderCase):
            session.execute(delete(table).where(table.study_id == study_id))
        session.execute(
            update(StudyRow)
            .where(StudyRow.id == study_id)
            .values(
                uid=f"erased:{study_id}", patient_name="", patient_id="", birth_date=None, sex=None, accession="",
                study_date=None, description="", search="", indication=None, comparison=None, triage_reasons=[],
                labels={}, decided={}, critical_open=0, critical_finding=None, claim_user=None, claim_name=None,
                job_id=None, film_count=0,
            )
        )  # fmt: skip
        shared = set(session.scalars(select(Film.sha256).where(Film.sha256.in_(digests)))) if digests else set()
        detail = {"reason": reason, "films": len(digests), "signatures": signatures, "indexed": indexed}
        audit.append(session, actor, "study.erased", study_id, detail)
    for digest in digests - shared:
        blobs.delete(digest)
        cache.delete(digest)


def _names(store: Store, study_id: str) -> set[str]:
    with store.read() as session:
        return {study_id, session.get_one(StudyRow, study_id).uid}


def expire(store: Store, blobs: BlobStore, cache: BlobStore, days: int, cases: Cases | None = None) -> int:
    """Erase what was received longer ago and is signed; returns how many."""
    limit = now() - days * 86_400
    with store.read() as session:
        old = list(
            session.scalars(
                select(StudyRow.id).where(
                    StudyRow.received < limit,
                    StudyRow.erased.is_(None),
                    StudyRow.report_state.in_(("final", "addended")),
                    StudyRow.critical_open == 0,
                )
            )
        )
    for study_id in old:
        erase(store, blobs, cache, study_id, "retention", f"older than {days} days", cases)
    return len(old)


def count(store: Store) -> int:
    """How many studies are held."""
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(StudyRow).where(StudyRow.erased.is_(None))) or 0
