"""The demonstration: a real film from a package, and accounts whose password everyone may know."""

from __future__ import annotations

from wetread.room.auth import add_user
from wetread.room.store import Store, User

__all__ = ["ACCOUNTS", "PASSWORD", "add_accounts"]

#: (user name, printed name, roles).
ACCOUNTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("reader", "Dr Ada Reader", ("reader",)),
    ("second", "Dr Bo Second", ("reader",)),
    ("resident", "Dr Cy Resident", ("resident",)),
    ("admin", "Dee Admin", ("administrator",)),
)
PASSWORD = "demonstration"


def add_accounts(store: Store) -> None:
    """Add the accounts that are not there yet."""
    with store.read() as session:
        known = {name for (name,) in session.query(User.username).all()}
    for username, name, roles in ACCOUNTS:
        if username not in known:
            add_user(store, username, name, roles, password=PASSWORD, actor="demonstration")
