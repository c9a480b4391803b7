"""What the interface answers when it cannot do what was asked: one code, one status, one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["STATUS", "Problem"]

#: code → HTTP status; the codes are part of the contract with the page and the client.
STATUS: Mapping[str, int] = {
    "unauthenticated": 401,
    "csrf": 403,
    "forbidden": 403,
    "reauth": 403,
    "not_found": 404,
    "method": 405,
    "conflict": 409,
    "state": 409,
    "claimed": 409,
    "too_large": 413,
    "input": 422,
    "locked": 429,
    "rate": 429,
    "bug": 500,
    "outside": 503,
}


class Problem(Exception):
    """Answered as ``{"error": {"code", "message"}, **extra}``.

    Args:
        code: one of ``STATUS``.
        message: one sentence: what, where, remedy.
        retry_after: seconds, for the header of that name.
        extra: more keys of the answer, such as the text that was kept at a conflict.
    """

    def __init__(
        self, code: str, message: str, *, retry_after: int | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS[code]
        self.message = message
        self.retry_after = retry_after
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message}, **self.extra}
