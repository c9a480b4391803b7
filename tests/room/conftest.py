"""A room in a folder of the test's own, with accounts and a client that logs in and sends the CSRF token."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra 'room' is not installed")

sys.path.insert(0, str(Path(__file__).parent))

import fakes
from argon2 import PasswordHasher
from house import House, close_portal
from processes import Process, running

from wetread.image import guard
from wetread.room import auth
from wetread.room.app import open_store
from wetread.room.demo import add_accounts
from wetread.room.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def _end_portal() -> Iterator[None]:
    yield
    close_portal()


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashing() -> Iterator[None]:
    """Password hashes that take a millisecond, and drawn films for real ones: what is done with them is tested."""
    patch = pytest.MonkeyPatch()
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    patch.setattr(auth, "_hasher", cheap)
    patch.setattr(auth, "_nobody", cheap.hash("nobody"))
    patch.setattr(guard, "assess", fakes.trusting)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, _cheap_hashing: None) -> Path:
    """A database with its tables and accounts, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    store = open_store(Settings(data=folder))
    add_accounts(store)
    store.close()
    return folder / "room.sqlite"


@pytest.fixture
def make_house(tmp_path: Path, template: Path) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(**changes: Any) -> House:
        options: dict[str, Any] = {"data": tmp_path / f"room{len(made)}", "login_rate": 6000, "request_rate": 10_000}
        house = House(Settings(**{**options, **changes}), template)
        made.append(house)
        return house

    yield make
    for house in made:
        house.store.close()


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A room of real processes, for the tests that need one; they leave it running or start it again."""
    with running(Process(tmp_path_factory.mktemp("process") / "room", "--films", "0")) as process:
        yield process


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()


@pytest.fixture
def study(house: House) -> str:
    """The id of one drafted study."""
    return house.receive(1)[0]
