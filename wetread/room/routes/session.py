"""Logging in and out, one-time links, one's own settings."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from wetread._version import __version__
from wetread.report.stock import SIDED
from wetread.room import audit, auth, schemas
from wetread.room.context import Anyone, Here, Room, cookie_name
from wetread.room.demo import ACCOUNTS, PASSWORD
from wetread.room.hashes import canonical
from wetread.room.problems import Problem
from wetread.room.store import Link, Login, User, now
from wetread.types import DOUBTFUL_BELOW

__all__ = ["NOTICE", "router"]

NOTICE = "Research use; not a medical device."
router = APIRouter(tags=["session"])
public = APIRouter(tags=["session"])


def session_view(room: Room, user: User, login: Login) -> dict[str, object]:
    """What the page must know of the login, and of drafts: which findings have a side, what is called doubtful."""
    return {
        "user": {
            "id": user.id,
            "username": user.username,
            "name": user.name,
            "roles": user.roles,
            "language": user.language,
        },
        "csrf": login.csrf,
        "expires_at": login.expires,
        "reauth": "password" if user.password is not None else "oidc",
        "idle_minutes": room.settings.idle / 60,
        "settings": user.settings,
        "sided": SIDED,
        "doubtful_below": DOUBTFUL_BELOW,
    }


def set_cookie(room: Room, response: Response, token: str) -> None:
    """The login's cookie: out of reach for scripts, never sent along from another site."""
    response.set_cookie(
        cookie_name(room.settings), token, httponly=True, secure=room.settings.secure, samesite="strict", path="/"
    )


def address(request: Request) -> str:
    """Where a request comes from, for rate limits alone."""
    return request.client.host if request.client else "?"


def _end_old(room: Room, request: Request) -> None:
    """A login in a browser that has one ends the old one."""
    cookie = request.cookies.get(cookie_name(room.settings))
    if cookie:
        with room.store.write() as session:
            old = session.get(Login, auth.digest(cookie))
            if old is not None:
                session.delete(old)


@public.get("/login", response_model=schemas.LoginOptions)
def login_options(request: Request, room: Here) -> dict[str, object]:
    """How one can log in here, and the login that this browser has already."""
    cookie = request.cookies.get(cookie_name(room.settings))
    found = auth.find_login(room.store, cookie) if cookie else None
    with room.store.read() as session:
        first = session.scalar(
            select(Link.id).where(Link.purpose == "first", Link.used.is_(None), Link.expires > now()).limit(1)
        )
    oidc = room.settings.oidc
    return {
        "product": "wetread",
        "version": __version__,
        "notice": NOTICE,
        "demo": [{"username": u, "password": PASSWORD} for u, _, _ in ACCOUNTS] if room.settings.demo else None,
        "oidc": None if oidc is None else {"label": oidc.label, "url": "/api/oidc/start"},
        "setup_needed": first is not None,
        "session": None if found is None else session_view(room, *found),
    }


@public.post("/login", response_model=schemas.SessionView)
def log_in(body: schemas.LoginIn, request: Request, response: Response, room: Here) -> dict[str, object]:
    """Log in by name and password."""
    room.logins.take(address(request))
    user = auth.log_in(room.store, body.username, body.password)
    _end_old(room, request)
    token, login = auth.new_login(room.store, user, "password")
    set_cookie(room, response, token)
    return session_view(room, user, login)


@public.get("/setup/{token}", response_model=schemas.SetupView)
def setup_link(token: str, request: Request, room: Here) -> dict[str, str]:
    """Whose password a one-time link sets."""
    room.logins.take(address(request))
    with room.store.read() as session:
        link, user = auth.find_link(session, token)
    return {"username": user.username, "name": user.name, "purpose": link.purpose}


@public.post("/setup", response_model=schemas.SessionView)
def setup(body: schemas.SetupIn, request: Request, response: Response, room: Here) -> dict[str, object]:
    """Set a password by a one-time link, and log in."""
    room.logins.take(address(request))
    user = auth.use_link(room.store, body.token, body.password, body.name, body.also_reads)
    token, login = auth.new_login(room.store, user, "link")
    set_cookie(room, response, token)
    return session_view(room, user, login)


def _own(room: Room, person: Anyone) -> tuple[User, Login]:
    if person.login is None:
        raise Problem("forbidden", "A service account has no login.")
    with room.store.read() as session:
        return session.get_one(User, person.id), session.get_one(Login, person.login)


@router.get("/session", response_model=schemas.SessionView)
def session(person: Anyone, room: Here) -> dict[str, object]:
    """The login of this browser."""
    return session_view(room, *_own(room, person))


@router.post("/logout", status_code=204)
def log_out(person: Anyone, response: Response, room: Here) -> None:
    """End the login."""
    with room.store.write() as session:
        login = None if person.login is None else session.get(Login, person.login)
        if login is not None:
            session.delete(login)
            audit.append(session, person.username, "logout", None, {"user": person.id})
    response.delete_cookie(cookie_name(room.settings), path="/", secure=room.settings.secure, httponly=True)


@router.patch("/me", response_model=schemas.SessionView)
def change_me(body: schemas.MeIn, person: Anyone, room: Here) -> dict[str, object]:
    """Change one's own language and the page's settings."""
    if body.settings is not None and len(canonical(body.settings)) > 65_536:
        raise Problem("input", "The settings are larger than 64 KB.")
    _own(room, person)
    with room.store.write() as session:
        user = session.get_one(User, person.id)
        user.language = body.language or user.language
        user.settings = user.settings if body.settings is None else body.settings
    return session_view(room, *_own(room, person))


@router.post("/me/password", status_code=204)
def change_password(body: schemas.PasswordIn, person: Anyone, room: Here, request: Request) -> None:
    """Change one's own password; all logins end."""
    room.logins.take(address(request))
    user, _ = _own(room, person)
    if not auth.check_password(user.password, body.old):
        raise Problem("reauth", "The present password is wrong.")
    auth.set_password(room.store, person.id, body.new, person.username)
