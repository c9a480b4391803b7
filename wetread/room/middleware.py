"""What every request passes: size limits, the origin check, security headers."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wetread.room.problems import Problem
from wetread.room.settings import Settings

__all__ = ["Guard", "bug"]

_log = logging.getLogger("wetread.room")
_JSON_BYTES = 2 << 20
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._settings.upload_bytes if scope["path"] == "/api/uploads" else _JSON_BYTES
        body = _Bounded(receive, limit)
        dressed = self._dressed(send, scope["path"].startswith("/api"))

        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            begun = True
            # Whatever the application made of a body that was cut off: the answer is that it was too large.
            if body.exceeded:
                if message["type"] == "http.response.start":
                    await _answer(_too_large(limit), dressed)
                return
            await dressed(message)

        refusal = self._refusal(scope, headers, limit)
        if refusal is not None:
            await _answer(refusal, dressed)
            return
        try:
            await self._app(scope, body, guarded)
        except ClientDisconnect:
            if body.exceeded and not begun:
                await _answer(_too_large(limit), dressed)
        except asyncio.CancelledError:
            # The server is being stopped and waits no longer. Let through, uvicorn would answer a bare 500.
            if not begun:
                await _answer(_stopping(), guarded)
        except Exception as error:
            # Let through, it would be logged with its words; a body that was begun can only be cut off.
            problem = bug(error)
            if not begun:
                await _answer(problem, guarded)

    def _dressed(self, send: Send, api: bool) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(MutableHeaders(scope=message), api)
            await send(message)

        return dressed

    def _refusal(self, scope: Scope, headers: Headers, limit: int) -> Problem | None:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            return _too_large(limit)
        origin = headers.get("origin")
        if origin is None or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        # A page of another site can send a request without cookies; it must not log anyone in or use a link.
        if urlsplit(origin).netloc.casefold() != headers.get("host", "").casefold():
            return Problem("csrf", "The request comes from another site.")
        return None

    def _dress(self, headers: MutableHeaders, api: bool) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if api:
            headers.setdefault("Cache-Control", "no-store")
        if self._settings.secure:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def bug(error: Exception) -> Problem:
    """The answer to a mistake of ours. The log gets its places, not its words: they may hold a patient's record."""
    places, trace = [], error.__traceback__
    while trace is not None:
        places.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    _log.error("bug: %s at %s", type(error).__name__, " > ".join(places[-8:]))
    return Problem(
        "bug", "Something went wrong in the server; your text is kept in this window, and the log says where."
    )


def _stopping() -> Problem:
    return Problem("outside", "The server is being stopped; your text is kept in this window, try again in a moment.")


def _too_large(limit: int) -> Problem:
    return Problem("too_large", f"The request has more than {limit:,} bytes; send fewer films at once.")


class _Bounded:
    """A request body that ends where the limit is passed, whether or not its length was declared."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._left = receive, limit
        self.exceeded = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.exceeded = True
            return {"type": "http.disconnect"}
        return message


async def _answer(problem: Problem, send: Send) -> None:
    body = json.dumps(problem.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
