"""A room in a folder of the test's own, with accounts and a client that logs in and sends the CSRF token."""

from __future__ import annotations

import io
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra 'room' is not installed")

sys.path.insert(0, str(Path(__file__).parent))

import fakes
from anyio.from_thread import BlockingPortal, start_blocking_portal
from argon2 import PasswordHasher
from fastapi import FastAPI
from processes import Process, running
from starlette.testclient import TestClient

from wetread.image import guard
from wetread.room import auth
from wetread.room.app import create_app, make_room, open_store
from wetread.room.context import Room
from wetread.room.demo import ACCOUNTS, PASSWORD, add_accounts
from wetread.room.files import BlobStore
from wetread.room.settings import Settings
from wetread.room.store import Store
from wetread.room.studies import Request, receive_files
from wetread.room.worker import drain


class Caller(TestClient):
    """A client of one browser: its cookie, its CSRF token."""

    csrf = ""

    def log_in(self, username: str, password: str = PASSWORD) -> Caller:
        answer = self.post("/api/login", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        self.csrf = answer.json()["csrf"]
        self.headers["X-CSRF-Token"] = self.csrf
        return self


_apps: dict[Settings, FastAPI] = {}


def _app(settings: Settings, store: Store) -> FastAPI:
    """Building the routes takes a third of a second: tests with the same options share them, one after the other."""
    key = replace(settings, data=Path())
    if key not in _apps:
        _apps[key] = create_app(settings, store=store)
    return _apps[key]


@cache
def _portal() -> BlockingPortal:
    return _exit.enter_context(start_blocking_portal())


_exit = ExitStack()


@pytest.fixture(scope="session", autouse=True)
def _end_portal() -> Iterator[None]:
    yield
    _exit.close()
    _portal.cache_clear()


class House:
    """The application under test and what a test does with it again and again."""

    def __init__(self, settings: Settings, template: Path) -> None:
        settings.data.mkdir(parents=True)
        shutil.copy(template, settings.data / "room.sqlite")
        self.store = Store(settings)
        self.app = _app(settings, self.store)
        self.room: Room = make_room(settings, self.store)
        self.app.state.room = self.room

    def browser(self, username: str | None = None) -> Caller:
        caller = Caller(self.app, base_url="http://room.test", raise_server_exceptions=False)
        caller.portal = _portal()  # else each request would start a thread and an event loop of its own
        return caller if username is None else caller.log_in(username)

    def receive(self, *seeds: int, draft: bool = True, **request: str) -> list[str]:
        """Studies in the room, drafted; their ids."""
        ids = []
        for seed in seeds:
            files = [(f"film{seed}.dcm", io.BytesIO(fakes.dicom(seed)))]
            got, refused = receive_files(
                self.store, self.room.blobs, files, Request(**request), source="upload", sender="reader"
            )
            assert not refused, refused
            ids.append(got[0].study_id)
        if draft:
            self.draft()
        return ids

    def draft(self) -> int:
        return drain(self.store, fakes.FakeDrafter())


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


def save_body(version: int, findings: str, impression: str = "", **more: Any) -> dict[str, Any]:
    return {
        "base_version": version, "findings": findings, "impression": impression, "save_id": uuid.uuid4().hex, **more,
    }  # fmt: skip


def sign_body(kind: str, version: int, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "version": version, "password": PASSWORD, "save_id": uuid.uuid4().hex, **more}


__all__ = ["ACCOUNTS", "PASSWORD", "BlobStore", "Caller", "House", "save_body", "sign_body"]
