"""The durable queue of draft jobs: a table, leases, and effects that happen once.

A worker claims a job by a lease (a random token with an end) and renews it by a heartbeat. What the job brings about
and the note that it is done are one transaction that checks the lease first: a worker that was thought dead and comes
back finds its lease gone and changes nothing. A job whose worker died is claimed again when its lease ends.
Locks are taken in one order everywhere: job, study, audit trail.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from wetread.room import audit
from wetread.room.store import Job, Store, StudyRow, WorkerRow, new_id, now

__all__ = ["Claimed", "LeaseLost", "beat", "claim", "enqueue", "fail", "finish", "retry"]

BACKOFF = 5.0  # seconds before the second attempt; doubles


class LeaseLost(Exception):
    """The job belongs to another worker now; whatever was computed is to be thrown away."""


@dataclass(frozen=True)
class Claimed:
    """A job in the hands of a worker."""

    id: int
    study_id: str
    lease: str
    attempt: int


def enqueue(session: Session, study: StudyRow, key: str) -> Job:
    """Queue a draft of the study inside the caller's transaction; the same key again is the same job."""
    known = session.scalar(select(Job).where(Job.key == key))
    if known is not None:
        return known
    job = Job(key=key, study_id=study.id, priority=study.priority)
    session.add(job)
    session.flush()
    study.job_id, study.draft_state = job.id, "queued"
    return job


def claim(store: Store, worker: str) -> Claimed | None:
    """Take the next job: the most urgent, then the oldest; None where there is none.

    A job whose lease has ended counts as an attempt of the worker that died; after the last one it is failed, so that
    a film that kills workers does not kill them for ever.
    """
    moment = now()
    free = or_(
        and_(Job.state == "queued", Job.run_after <= moment), and_(Job.state == "running", Job.lease_until < moment)
    )
    with store.read() as session:  # nearly always there is nothing to do: look without the writers' lock
        if session.scalar(select(Job.id).where(free).limit(1)) is None:
            return None
    with store.write() as session:
        job = session.scalar(
            select(Job).where(free).order_by(Job.priority.desc(), Job.id).limit(1).with_for_update(skip_locked=True)
        )
        if job is None:
            return None
        study = session.get_one(StudyRow, job.study_id)
        if job.state == "running" and job.attempts >= store.settings.attempts:
            _fail(
                session, job, study, f"The draft worker ended unexpectedly {job.attempts} times on this study.", worker
            )
            return None
        job.state, job.attempts = "running", job.attempts + 1
        job.lease, job.lease_until, job.changed = new_id(), moment + store.settings.lease, moment
        study.draft_state = "drafting"
        return Claimed(job.id, job.study_id, job.lease, job.attempts)


def _own(session: Session, claimed: Claimed) -> Job:
    job = session.scalar(select(Job).where(Job.id == claimed.id).with_for_update())
    if job is None or job.lease != claimed.lease or job.state != "running":
        raise LeaseLost(f"job {claimed.id}")
    return job


def beat(store: Store, worker: str, claimed: Claimed | None) -> None:
    """A sign of life of the worker, and of the job it holds. Raises LeaseLost."""
    with store.write() as session:
        row = session.get(WorkerRow, worker)
        if row is None:
            row = WorkerRow(id=worker, seen=0.0)
            session.add(row)
        row.seen, row.current = now(), None if claimed is None else claimed.study_id
        if claimed is not None:
            _own(session, claimed).lease_until = now() + store.settings.lease


def finish(session: Session, claimed: Claimed) -> Job:
    """Note inside the caller's transaction that the job is done. Raises LeaseLost, which undoes the transaction."""
    job = _own(session, claimed)
    job.state, job.lease, job.reason, job.changed = "done", None, None, now()
    return job


def _fail(session: Session, job: Job, study: StudyRow, reason: str, worker: str) -> None:
    job.state, job.lease, job.reason, job.changed = "failed", None, reason, now()
    if study.job_id == job.id:
        study.draft_state = "failed"
    audit.append(session, worker, "draft.failed", study.id, {"job": job.id, "attempts": job.attempts})


def fail(store: Store, worker: str, claimed: Claimed, reason: str, passing: bool) -> None:
    """Note that the job failed: for good, or to be tried again later where the reason may pass. Raises LeaseLost."""
    with store.write() as session:
        job = _own(session, claimed)
        study = session.get_one(StudyRow, job.study_id)
        if not passing or job.attempts >= store.settings.attempts:
            _fail(session, job, study, reason, worker)
            return
        job.state, job.lease, job.reason, job.changed = "queued", None, reason, now()
        job.run_after = now() + BACKOFF * 2 ** (job.attempts - 1)
        study.draft_state = "queued"


def retry(session: Session, study: StudyRow) -> Job | None:
    """Queue the study's failed job again; None where its job has not failed."""
    job = None if study.job_id is None else session.get(Job, study.job_id, with_for_update=True)
    if job is None or job.state != "failed":
        return None
    job.state, job.attempts, job.run_after, job.changed = "queued", 0, 0.0, now()
    study.draft_state = "queued"
    return job
