"""What is hashed and how: audit entries and signatures, both SHA-256 over canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wetread.room.store import Signature

__all__ = ["canonical", "entry_hash", "signature_hash"]


def canonical(value: Any) -> str:
    """JSON with sorted keys and no blanks: the same value is always the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def entry_hash(seq: int, at: float, actor: str, action: str, study_id: str | None, detail: str, previous: str) -> str:
    """The hash of one audit entry (hex), bound to the one before."""
    return _sha256([seq, repr(at), actor, action, study_id, detail, previous])


def signature_hash(row: Signature, study_uid: str) -> str:
    """What a signature binds (hex): the text, who, when, with what meaning, and the signature before."""
    return _sha256(
        {
            "study_id": row.study_id, "study_uid": study_uid, "number": row.number, "kind": row.kind,
            "meaning": row.meaning, "user_id": row.user_id, "username": row.username, "name": row.name,
            "at": repr(row.at), "findings": row.findings, "impression": row.impression, "addendum": row.addendum,
            "previous": row.previous,
        }
    )  # fmt: skip
