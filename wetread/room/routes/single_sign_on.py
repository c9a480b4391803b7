"""Logging in by single sign-on; these routes are there only where it is configured."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse

from wetread.room import auth
from wetread.room.context import Here
from wetread.room.problems import Problem
from wetread.room.routes.session import address, set_cookie

__all__ = ["router"]

router = APIRouter(tags=["session"], prefix="/oidc")
_COOKIE = "wetread_oidc"


def _callback(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/api/oidc/callback"


@router.get("/start", status_code=302, response_class=RedirectResponse)
def start(request: Request, room: Here, again: bool = False) -> RedirectResponse:
    """Send the browser to the provider; with ``again`` it asks for the password anew, as signing needs."""
    room.logins.take(address(request))
    assert room.oidc is not None
    target, state = room.oidc.start(_callback(request), again)
    answer = RedirectResponse(target, 302)
    # Lax: the browser comes back from another site. It holds nothing but this login's state.
    answer.set_cookie(
        _COOKIE, state, max_age=600, httponly=True, secure=room.settings.secure, samesite="lax", path="/api/oidc"
    )
    return answer


@router.get("/callback", status_code=303, response_class=RedirectResponse)
def callback(
    request: Request,
    room: Here,
    state: Annotated[str, Query(max_length=200)],
    code: Annotated[str, Query(max_length=4000)] = "",
) -> RedirectResponse:
    """The browser comes back; where all fits it is logged in."""
    room.logins.take(address(request))
    assert room.oidc is not None
    if not auth.same(state, request.cookies.get(_COOKIE, "")):
        raise Problem("unauthenticated", "This login was not begun in this browser; begin again.")
    user = room.oidc.finish(code, state, _callback(request))
    token, _ = auth.new_login(room.store, user, "single sign-on")
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(_COOKIE, path="/api/oidc")
    set_cookie(room, answer, token)
    return answer
