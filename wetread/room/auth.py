"""Who someone is and what they may do: passwords, logins, lockout, one-time links, roles.

Cookie values, links and service tokens are 256-bit random and stored only as SHA-256, so that a copy of the database
logs nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from wetread.errors import UsageError
from wetread.room import audit
from wetread.room.problems import Problem
from wetread.room.store import Link, Login, LoginFailure, Store, User, now

__all__ = [
    "ROLES",
    "Person",
    "add_user",
    "change_user",
    "check_password",
    "digest",
    "find_link",
    "find_login",
    "first_link",
    "issue_link",
    "issue_token",
    "log_in",
    "log_out_everywhere",
    "new_login",
    "same",
    "set_password",
    "use_link",
]

ROLES = ("reader", "resident", "administrator", "service")
LINK_LIFE = 72 * 3600.0
FREE_FAILURES = 5  # wrong passwords before the name is locked
FIRST_LOCK, LONGEST_LOCK = 30.0, 900.0  # seconds; doubles with each further failure

_hasher = PasswordHasher()  # argon2id with RFC 9106's low-memory parameters (64 MiB, 3 passes)
_hashing = threading.BoundedSemaphore(2)  # each hash takes 64 MiB: a rush of logins must not take them all at once
_nobody = _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class Person:
    """The user behind a request."""

    id: str
    username: str
    name: str
    roles: tuple[str, ...]
    language: str
    login: str | None  # id of the server-side session; None for a service

    def has(self, *roles: str) -> bool:
        return any(role in self.roles for role in roles)


def digest(secret: str) -> str:
    """How a random secret is stored (SHA-256, hex)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(a: str, b: str) -> bool:
    """Compare secrets in constant time."""
    return secrets.compare_digest(a.encode(), b.encode())


def _normal(username: str) -> str:
    return username.strip().casefold()


def _hash(password: str) -> str:
    with _hashing:
        return _hasher.hash(password)


def check_password(stored: str | None, password: str) -> bool:
    """Whether the password fits; takes as long where there is none, so that the time tells nothing."""
    with _hashing:
        try:
            return _hasher.verify(stored or _nobody, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def _check_roles(roles: Sequence[str]) -> list[str]:
    if not roles or any(role not in ROLES for role in roles):
        raise UsageError(f"A user needs one or more of the roles {', '.join(ROLES)}.")
    if "service" in roles and len(roles) > 1:
        raise UsageError("A service account can have no other role: give the person an account of their own.")
    return sorted(set(roles), key=ROLES.index)


def add_user(
    store: Store,
    username: str,
    name: str,
    roles: Sequence[str],
    *,
    password: str | None = None,
    subject: str | None = None,
    actor: str = "command line",
) -> User:
    """Add an account. Raises UsageError for a name that is taken, a role that does not exist, a short password."""
    wanted = _normal(username)
    if not wanted or len(wanted) > 100 or any(c.isspace() or not c.isprintable() for c in wanted):
        raise UsageError("A user name has 1 to 100 characters and no blanks.")
    if password is not None:
        require_length(store, password)
    hashed = None if password is None else _hash(password)
    with store.write() as session:
        if session.scalar(select(User.id).where(User.username == wanted)):
            raise UsageError(f"There is already a user '{wanted}'; choose another name.")
        user = User(
            username=wanted, name=name.strip() or wanted, roles=_check_roles(roles), password=hashed, subject=subject
        )
        session.add(user)
        session.flush()
        audit.append(session, actor, "user.added", None, {"user": user.id, "roles": user.roles})
    return user


def require_length(store: Store, password: str) -> None:
    """Raises UsageError for a password that is too short or absurdly long."""
    least = store.settings.minimum_password
    if len(password) < least or len(password) > 1000:
        raise UsageError(f"A password has at least {least} characters (and at most 1,000).")


def set_password(store: Store, user_id: str, password: str, actor: str) -> None:
    """Set the password and end all logins of the account."""
    require_length(store, password)
    hashed = _hash(password)
    with store.write() as session:
        user = session.get_one(User, user_id)
        user.password = hashed
        session.execute(delete(LoginFailure).where(LoginFailure.username == user.username))
        log_out_everywhere(session, user_id)
        audit.append(session, actor, "user.password", None, {"user": user_id})


def log_out_everywhere(session: Session, user_id: str) -> None:
    """End all logins of an account."""
    session.execute(delete(Login).where(Login.user_id == user_id))


def issue_link(session: Session, user_id: str, purpose: str, actor: str) -> str:
    """A one-time token that sets the account's password; earlier ones end."""
    session.execute(delete(Link).where(Link.user_id == user_id, Link.used.is_(None)))
    token = secrets.token_urlsafe(32)
    session.add(Link(id=digest(token), user_id=user_id, purpose=purpose, expires=now() + LINK_LIFE, used=None))
    audit.append(session, actor, "user.link", None, {"user": user_id, "purpose": purpose})
    return token


def issue_token(session: Session, user: User, actor: str) -> str:
    """A new bearer token of a service account; the earlier one ends."""
    token = secrets.token_urlsafe(32)
    user.token = digest(token)
    audit.append(session, actor, "user.token", None, {"user": user.id})
    return token


def find_link(session: Session, token: str) -> tuple[Link, User]:
    """The link and its account. Raises Problem where it was used, has expired or never was."""
    link = session.get(Link, digest(token))
    if link is None or link.used is not None or link.expires < now():
        raise Problem("not_found", "This link was used or has expired; ask the administrator for a new one.")
    return link, session.get_one(User, link.user_id)


def use_link(store: Store, token: str, password: str, name: str | None, also_reads: bool) -> User:
    """Set the password by a one-time link, which then ends. A first administrator may also become a reader."""
    require_length(store, password)
    hashed = _hash(password)
    with store.write() as session:
        link, user = find_link(session, token)
        link.used = now()
        user.password, user.disabled = hashed, False
        if name and name.strip():
            user.name = name.strip()
        if also_reads and link.purpose == "first":
            user.roles = _check_roles([*user.roles, "reader"])
        session.execute(delete(LoginFailure).where(LoginFailure.username == user.username))
        log_out_everywhere(session, user.id)
        audit.append(session, user.username, "user.password", None, {"user": user.id, "by": "link"})
    return user


def _note_failure(store: Store, username: str) -> None:
    with store.write() as session:
        row = session.get(LoginFailure, username, with_for_update=True)
        if row is None:
            row = LoginFailure(username=username, count=0, until=0.0)
            session.add(row)
        row.count += 1
        over = row.count - FREE_FAILURES
        if over >= 0:
            row.until = now() + min(FIRST_LOCK * 2 ** min(over, 10), LONGEST_LOCK)
        known = session.scalar(select(User.id).where(User.username == username))
        audit.append(session, "stranger", "login.failed", None, {"user": known, "count": row.count})


def log_in(store: Store, username: str, password: str) -> User:
    """The user of this name and password. Raises Problem ``unauthenticated`` or ``locked``."""
    wanted = _normal(username)[:100]
    with store.read() as session:
        failure = session.get(LoginFailure, wanted)
        user = session.scalar(select(User).where(User.username == wanted))
    if failure is not None and failure.until > now():
        wait = int(failure.until - now()) + 1
        raise Problem("locked", f"Too many wrong passwords; try again in {wait} seconds.", retry_after=wait)
    fits = check_password(None if user is None else user.password, password)
    if user is None or not fits or user.disabled or "service" in user.roles:
        _note_failure(store, wanted)
        raise Problem("unauthenticated", "The user name or the password is wrong.")
    if failure is not None:
        with store.write() as session:
            session.execute(delete(LoginFailure).where(LoginFailure.username == wanted))
    return user


def new_login(store: Store, user: User, how: str) -> tuple[str, Login]:
    """A fresh session: the cookie's value and its row. An old cookie is never taken over (session fixation)."""
    token, moment = secrets.token_urlsafe(32), now()
    login = Login(
        id=digest(token),
        user_id=user.id,
        csrf=secrets.token_urlsafe(24),
        created=moment,
        seen=moment,
        expires=moment + store.settings.absolute,
        confirmed=moment,
    )
    with store.write() as session:
        session.execute(delete(Login).where(Login.expires < moment))
        session.add(login)
        session.get_one(User, user.id).last_login = moment
        audit.append(session, user.username, "login", None, {"user": user.id, "how": how})
    return token, login


def find_login(store: Store, token: str, *, renew: bool = False) -> tuple[User, Login] | None:
    """The live login behind a cookie; ``renew`` notes the sign of life, once a minute."""
    with store.read() as session:
        row = session.execute(select(User, Login).join(Login).where(Login.id == digest(token))).first()
    if row is None:
        return None
    user, login = row
    moment = now()
    if user.disabled or login.expires < moment or login.seen + store.settings.idle < moment:
        return None
    if renew and moment - login.seen > 60:
        with store.write() as session:
            current = session.get(Login, login.id)
            if current is not None:
                current.seen = moment
    return user, login


def change_user(
    session: Session, user: User, name: str | None, roles: Sequence[str] | None, disabled: bool | None, actor: str
) -> None:
    """Change an account; where its rights change, its logins end."""
    user.name = (name or "").strip() or user.name
    before = (list(user.roles), user.disabled)
    if roles is not None:
        if ("service" in roles) != ("service" in user.roles):
            raise UsageError("A service account and a person's account cannot become each other; add a new one.")
        user.roles = _check_roles(roles)
    if disabled is not None:
        user.disabled = disabled
    if before != (list(user.roles), user.disabled):
        log_out_everywhere(session, user.id)
    audit.append(
        session, actor, "user.changed", None, {"user": user.id, "roles": user.roles, "disabled": user.disabled}
    )


def first_link(store: Store) -> str | None:
    """The one-time token of the first administrator, whose account is made here; None once someone can administer."""
    with store.write() as session:
        admins = [user for user in session.scalars(select(User)) if "administrator" in user.roles]
        if any(user.password is not None or user.subject is not None for user in admins):
            return None
        if not admins:
            user = User(username="admin", name="Administrator", roles=["administrator"], password=None)
            session.add(user)
            session.flush()
            admins = [user]
        return issue_link(session, admins[0].id, "first", "command line")
