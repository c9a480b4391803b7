"""What every route has at hand: the room, and the person who asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import select

from wetread.room import auth
from wetread.room.auth import Person
from wetread.room.cases import Cases
from wetread.room.files import BlobStore
from wetread.room.oidc import Provider
from wetread.room.problems import Problem
from wetread.room.reports import Author
from wetread.room.settings import Settings
from wetread.room.store import Login, Store, User

__all__ = ["Administrator", "Anyone", "Editor", "Here", "Limiter", "Looker", "Room", "Sender", "author", "cookie_name"]


class Limiter:
    """Token buckets by key, in this process; ``rate`` a second, ``burst`` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Raises Problem ``rate`` where the key asks too often."""
        moment = time.monotonic()
        with self._lock:
            if len(self._buckets) > 10_000:
                self._buckets = {k: v for k, v in self._buckets.items() if moment - v[1] < 60}
            left, seen = self._buckets.get(key, (self._burst, moment))
            left = min(self._burst, left + (moment - seen) * self._rate)
            if left < 1:
                self._buckets[key] = (left, moment)
                wait = int((1 - left) / self._rate) + 1
                raise Problem("rate", f"Too many requests; try again in {wait} seconds.", retry_after=wait)
            self._buckets[key] = (left - 1, moment)


class Recently:
    """What was noted a short while ago in this process and need not be noted again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def first(self, *key: str) -> bool:
        """Whether this is the first time in a while."""
        moment = time.monotonic()
        with self._lock:
            if len(self._seen) > 10_000:
                self._seen = {k: v for k, v in self._seen.items() if v > moment}
            if self._seen.get(key, 0.0) > moment:
                return False
            self._seen[key] = moment + self._seconds
            return True


@dataclass
class Room:
    """The parts of one server process."""

    settings: Settings
    store: Store
    blobs: BlobStore
    cache: BlobStore
    similar: Cases | None = None
    oidc: Provider | None = None
    requests: Limiter = field(init=False)
    logins: Limiter = field(init=False)
    opened: Recently = field(init=False)

    def __post_init__(self) -> None:
        self.requests = Limiter(self.settings.request_rate, 4 * self.settings.request_rate)
        self.opened = Recently(600.0)
        self.logins = Limiter(self.settings.login_rate / 60, self.settings.login_rate)


def cookie_name(settings: Settings) -> str:
    """Under TLS the prefix makes browsers refuse the cookie from anywhere else (RFC 6265bis 4.1.3.2)."""
    return "__Host-wetread_session" if settings.secure else "wetread_session"


def here(request: Request) -> Room:
    """The room of this process."""
    room: Room = request.app.state.room
    return room


Here = Annotated[Room, Depends(here)]


def _person(user: User, login: Login | None) -> Person:
    return Person(
        user.id, user.username, user.name, tuple(user.roles), user.language, None if login is None else login.id
    )


def _service(room: Room, token: str) -> Person:
    with room.store.read() as session:
        user = session.scalar(select(User).where(User.token == auth.digest(token)))
    if user is None or user.disabled or "service" not in user.roles:
        raise Problem("unauthenticated", "The service token is not known; ask the administrator for a new one.")
    room.requests.take(user.id)
    return _person(user, None)


def current(request: Request, room: Here) -> Person:
    """The person who asks. Raises Problem ``unauthenticated``, ``csrf`` or ``rate``."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer" and token:
        return _service(room, token.strip())
    cookie = request.cookies.get(cookie_name(room.settings))
    # What a page does by itself is no sign that someone sits before it.
    alone = request.url.path == "/api/worklist" or request.url.path.endswith("/claim")
    found = auth.find_login(room.store, cookie, renew=not alone) if cookie else None
    if found is None:
        raise Problem("unauthenticated", "Please log in.")
    user, login = found
    room.requests.take(login.id)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        sent = request.headers.get("x-csrf-token", "")
        if not auth.same(sent, login.csrf):
            raise Problem("csrf", "The request lacks this login's X-CSRF-Token; reload the page.")
    return _person(user, login)


Anyone = Annotated[Person, Depends(current)]


def _needing(*roles: str) -> Callable[[Person], Person]:
    def check(person: Anyone) -> Person:
        if not person.has(*roles):
            raise Problem("forbidden", "Your role does not allow this; ask the administrator.")
        return person

    return check


Looker = Annotated[Person, Depends(_needing("reader", "resident", "administrator"))]
Editor = Annotated[Person, Depends(_needing("reader", "resident"))]
Sender = Annotated[Person, Depends(_needing("reader", "resident", "administrator", "service"))]
Administrator = Annotated[Person, Depends(_needing("administrator"))]


def author(person: Person) -> Author:
    """The person as the author of a text."""
    return Author(person.id, person.name, person.username)
