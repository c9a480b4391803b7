"""The audit trail: append-only, each entry bound to the one before by SHA-256.

``hash = SHA-256(canonical JSON of [seq, at, actor, action, study_id, detail, previous])``. Details hold numbers,
states, ids and hashes, never names, dates of birth or report text: a study can be erased and the trail stays whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from wetread.room.hashes import canonical, entry_hash, signature_hash
from wetread.room.store import AuditEntry, AuditHead, Signature, StudyRow, now

__all__ = ["GENESIS", "Verdict", "append", "entries", "verify"]

GENESIS = "0" * 64


def append(
    session: Session, actor: str, action: str, study_id: str | None = None, detail: Mapping[str, Any] | None = None
) -> AuditEntry:
    """Add an entry inside the caller's transaction: the deed and its entry are committed together or not at all."""
    head = session.execute(select(AuditHead).where(AuditHead.id == 1).with_for_update()).scalar_one()
    seq, at, text = head.seq + 1, round(now(), 6), canonical(dict(detail or {}))
    digest = entry_hash(seq, at, actor, action, study_id, text, head.hash)
    entry = AuditEntry(
        seq=seq, at=at, actor=actor, action=action, study_id=study_id, detail=text, previous=head.hash, hash=digest
    )
    session.add(entry)
    head.seq, head.hash = seq, digest
    session.flush()
    return entry


def entries(session: Session, action: str | None = None) -> Iterator[AuditEntry]:
    """All entries in order, or those of one action."""
    query = select(AuditEntry).order_by(AuditEntry.seq)
    if action is not None:
        query = query.where(AuditEntry.action == action)
    yield from session.scalars(query.execution_options(yield_per=1000))


@dataclass(frozen=True)
class Verdict:
    """What ``verify`` found; ``seq`` is the first entry that does not fit, None where all fit."""

    ok: bool
    entries: int
    message: str
    seq: int | None = None
    head: str = GENESIS


def _check_chain(rows: Iterable[AuditEntry]) -> tuple[Verdict, dict[tuple[str, int], str]]:
    """The chain's verdict, and the hash of every signature that it tells of and that was not erased since."""
    previous, count = GENESIS, 0
    signed: dict[tuple[str, int], str] = {}
    for row in rows:
        count += 1
        if row.seq != count:
            return Verdict(False, count, f"Entry {count} is missing: the next one is {row.seq}.", count), {}
        digest = entry_hash(row.seq, row.at, row.actor, row.action, row.study_id, row.detail, row.previous)
        if row.previous != previous or row.hash != digest:
            return Verdict(False, count, f"Entry {row.seq} ({row.action}) was changed.", row.seq), {}
        if row.action == "report.signed" and row.study_id:
            detail = json.loads(row.detail)
            signed[row.study_id, detail["number"]] = detail["sha256"]
        elif row.action == "study.erased":
            signed = {key: value for key, value in signed.items() if key[0] != row.study_id}
        previous = row.hash
    return Verdict(True, count, f"All {count} entries fit.", None, previous), signed


def _check_signatures(session: Session, signed: dict[tuple[str, int], str]) -> str | None:
    """What is wrong with the signatures: one that the trail does not tell of, a changed text, one that is gone."""
    left = dict(signed)
    for row, uid in session.execute(select(Signature, StudyRow.uid).join(StudyRow)):
        if left.pop((row.study_id, row.number), None) != row.sha256:
            return f"Signature {row.number} of study {row.study_id} is not in the trail."
        if signature_hash(row, uid) != row.sha256:
            return f"Signature {row.number} of study {row.study_id} was changed."
    for study_id, number in left:
        return f"Signature {number} of study {study_id} was removed."
    return None


def verify(session: Session, head: str | None = None) -> Verdict:
    """Recompute the whole chain and compare it with the signatures that it must contain.

    Args:
        head: hash of an earlier export's last entry; it must still be in the chain, which shows a trail that was
            cut off and written anew by someone who can write the database.
    """
    verdict, signed = _check_chain(entries(session))
    if not verdict.ok:
        return verdict
    stored = session.get(AuditHead, 1)
    if stored is None or stored.hash != verdict.head or stored.seq != verdict.entries:
        return Verdict(False, verdict.entries, "The end of the trail was cut off.", verdict.entries + 1)
    wrong = _check_signatures(session, signed)
    if wrong is not None:
        return Verdict(False, verdict.entries, wrong)
    if head is not None and session.scalar(select(AuditEntry.seq).where(AuditEntry.hash == head)) is None:
        message = f"The trail does not contain the entry {head[:12]}… of the earlier export."
        return Verdict(False, verdict.entries, message)
    return verdict
