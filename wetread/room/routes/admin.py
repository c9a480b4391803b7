"""Accounts, the audit trail, jobs and the state of the system."""

from __future__ import annotations

import json
import shutil
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from wetread._version import __version__
from wetread.room import audit, auth, retention, schemas, views
from wetread.room.context import Administrator, Here, Looker
from wetread.room.problems import Problem
from wetread.room.store import AuditEntry, AuditHead, DraftRow, Job, LoginFailure, User, WorkerRow, now

__all__ = ["router"]

router = APIRouter(tags=["administration"])
_ALIVE = 60.0
_SHOWN = 600.0  # seconds for which a drafting process that went silent is still listed


def account_view(session: Session, user: User) -> dict[str, Any]:
    failure = session.get(LoginFailure, user.username)
    return {
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "roles": user.roles,
        "disabled": user.disabled,
        "locked": failure is not None and failure.until > now(),
        "last_login": user.last_login,
    }


@router.get("/users", response_model=schemas.AccountList)
def users(_: Administrator, room: Here) -> dict[str, Any]:
    """All accounts."""
    with room.store.read() as session:
        rows = session.scalars(select(User).order_by(User.username))
        return {"items": [account_view(session, user) for user in rows]}


@router.post("/users", response_model=schemas.AccountMade, status_code=201)
def add_user(body: schemas.AccountIn, person: Administrator, room: Here) -> dict[str, Any]:
    """Add an account; the answer has the one-time link to hand over, or a service's token, shown only now."""
    user = auth.add_user(room.store, body.username, body.name, body.roles, actor=person.username)
    with room.store.write() as session:
        row = session.get_one(User, user.id)
        secret = _secret(session, row, "reset", person.username)
        return {"user": account_view(session, row), **secret}


def _secret(session: Session, user: User, purpose: str, actor: str) -> dict[str, str | None]:
    if "service" in user.roles:
        return {"link": None, "token": auth.issue_token(session, user, actor)}
    return {"link": f"/#/setup/{auth.issue_link(session, user.id, purpose, actor)}", "token": None}


def _find(session: Session, user_id: str) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise Problem("not_found", "There is no such account.")
    return user


@router.patch("/users/{user_id}", response_model=schemas.AccountView)
def change_user(user_id: str, body: schemas.AccountPatch, person: Administrator, room: Here) -> dict[str, Any]:
    """Change name, roles or whether the account may log in; a change of rights ends its logins."""
    with room.store.write() as session:
        user = _find(session, user_id)
        if user.id == person.id and (body.disabled or (body.roles is not None and "administrator" not in body.roles)):
            raise Problem("state", "You cannot take your own rights away; ask another administrator.")
        auth.change_user(session, user, body.name, body.roles, body.disabled, person.username)
        return account_view(session, user)


@router.post("/users/{user_id}/reset", response_model=schemas.AccountReset)
def reset_user(user_id: str, person: Administrator, room: Here) -> dict[str, Any]:
    """A new one-time link (or service token); the account's logins end."""
    with room.store.write() as session:
        user = _find(session, user_id)
        auth.log_out_everywhere(session, user.id)
        return _secret(session, user, "reset", person.username)


@router.get("/audit", response_model=schemas.AuditList)
def trail(
    _: Administrator,
    room: Here,
    after: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    study: Annotated[str | None, Query(max_length=64)] = None,
    actor: Annotated[str | None, Query(max_length=100)] = None,
    action: Annotated[str | None, Query(max_length=50)] = None,
) -> dict[str, Any]:
    """Entries of the audit trail: the newest first, or in order after one."""
    query = select(AuditEntry)
    for column, value in ((AuditEntry.study_id, study), (AuditEntry.actor, actor), (AuditEntry.action, action)):
        if value is not None:
            query = query.where(column == value.replace("\0", ""))
    if after is None:
        query = query.order_by(AuditEntry.seq.desc())
    else:
        query = query.where(AuditEntry.seq > after).order_by(AuditEntry.seq)
    with room.store.read() as session:
        rows = list(session.scalars(query.limit(limit)))
        last = session.get_one(AuditHead, 1).seq
    keys = ("seq", "at", "actor", "action", "study_id", "hash")
    items = [{**{k: getattr(r, k) for k in keys}, "detail": json.loads(r.detail)} for r in rows]
    return {"items": items, "last": last}


@router.get("/audit/verify", response_model=schemas.VerdictView)
def verify(_: Administrator, room: Here) -> dict[str, Any]:
    """Recompute the whole chain."""
    with room.store.read() as session:
        verdict = audit.verify(session)
    return {"ok": verdict.ok, "entries": verdict.entries, "message": verdict.message}


@router.get("/jobs", response_model=schemas.JobList)
def jobs(
    _: Administrator,
    room: Here,
    state: Literal["queued", "running", "done", "failed"] | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, Any]:
    """Draft jobs, the newest first."""
    query = select(Job).order_by(Job.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Job.state == state)
    with room.store.read() as session:
        return {"items": [views.job_view(job, None) for job in session.scalars(query)]}


@router.get("/system", response_model=schemas.SystemView)
def system(_: Looker, room: Here) -> dict[str, Any]:
    """Version, database, workers, disk."""
    with room.store.read() as session:
        workers = [
            {"id": w.id, "alive": w.seen > now() - _ALIVE, "last_seen": w.seen, "current": w.current}
            for w in session.scalars(select(WorkerRow).where(WorkerRow.seen > now() - _SHOWN).order_by(WorkerRow.id))
        ]
        newest = session.scalar(select(DraftRow).order_by(DraftRow.created.desc()).limit(1))
    return {
        "version": __version__,
        "database": room.store.engine.dialect.name,
        "workers": workers,
        "disk_free_bytes": shutil.disk_usage(room.settings.data).free,
        "studies": retention.count(room.store),
        "model": None if newest is None else newest.body["model"],
    }
