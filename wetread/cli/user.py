"""``wetread user``: accounts of the reading room, from the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from wetread.errors import ExtraMissing, UsageError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from wetread.room.store import Store, User

__all__ = ["HELP", "configure", "open_room", "run"]

HELP = "Accounts of the reading room: add, reset, disable, enable, list."
_ACTOR = "command line"


def place(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which room is meant."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="the room's data folder (as for 'wetread serve')")
    parser.add_argument("--database", metavar="URL", help="the room's database (as for 'wetread serve')")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``wetread user``."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = verbs.add_parser("add", help="add an account; prints its one-time link, or a service's token")
    add.add_argument("username")
    add.add_argument("--name", help="the name under which this person signs")
    add.add_argument(
        "--role", action="append", required=True, choices=("reader", "resident", "administrator", "service"),
        help="may be given several times",
    )  # fmt: skip
    add.add_argument("--subject", metavar="SUB", help="logs in by single sign-on: the subject there, with --issuer")
    add.add_argument("--issuer", metavar="URL", help="as for 'wetread serve --oidc-issuer'")
    for action, text in (
        ("reset", "a new one-time link (or token); the account's logins end"),
        ("disable", "the account can no longer log in"),
        ("enable", "it can again"),
    ):
        verbs.add_parser(action, help=text).add_argument("username")
    verbs.add_parser("list", help="all accounts")
    for verb in verbs.choices.values():
        place(verb)


def open_room(data: Path | None, database: str | None) -> Store:
    """The room's database. Raises UsageError where there is no room, ExtraMissing without the extra."""
    try:
        from wetread.room.app import open_store
        from wetread.room.settings import Settings
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wetread"):
            raise
        raise ExtraMissing("the reading room", "room") from error
    from wetread.cli.serve import default_data

    folder = (data or default_data("room")).absolute()
    if database is None and not (folder / "room.sqlite").is_file():
        raise UsageError(f"There is no reading room in {folder}; name its folder with --data, or start it once.")
    return open_store(Settings(data=folder, database=database))


def _find(session: Session, username: str) -> User:
    from sqlalchemy import select

    from wetread.room.store import User

    user = session.scalar(select(User).where(User.username == username.strip().casefold()))
    if user is None:
        raise UsageError(f"There is no user '{username}'; 'wetread user list' shows them all.")
    return user


def _secret(session: Session, user: User) -> str:
    from wetread.room import auth

    if "service" in user.roles:
        token = auth.issue_token(session, user, _ACTOR)
        return f"Token of {user.username} (shown only now): {token}"
    token = auth.issue_link(session, user.id, "reset", _ACTOR)
    return f"Link that sets the password of {user.username} (once, within 72 hours):\n  ADDRESS/#/setup/{token}"


def _add(store: Store, args: argparse.Namespace) -> None:
    from wetread.room import auth

    if (args.subject is None) != (args.issuer is None):
        raise UsageError("--subject and --issuer go together.")
    subject = None if args.subject is None else f"{args.issuer} {args.subject}"
    auth.add_user(store, args.username, args.name or args.username, args.role, subject=subject, actor=_ACTOR)
    if subject is not None:
        print(f"{args.username} logs in by single sign-on.")


def _list(store: Store) -> None:
    from sqlalchemy import select

    from wetread.room.store import User

    with store.read() as session:
        for user in session.scalars(select(User).order_by(User.username)):
            state = "disabled" if user.disabled else "active"
            print(f"{user.username}\t{','.join(user.roles)}\t{state}\t{user.name}")


def run(args: argparse.Namespace) -> int:
    """Do one thing to the accounts."""
    from wetread.room import auth

    store = open_room(args.data, args.database)
    try:
        if args.action == "list":
            _list(store)
            return 0
        if args.action == "add":
            _add(store, args)
            if args.subject is not None:
                return 0
        with store.write() as session:
            user = _find(session, args.username)
            if args.action in ("disable", "enable"):
                auth.change_user(session, user, None, None, args.action == "disable", _ACTOR)
                words = f"{user.username} is {'disabled' if user.disabled else 'active'}."
            else:
                auth.log_out_everywhere(session, user.id)
                words = _secret(session, user)
        print(words)
    finally:
        store.close()
    return 0
