"""The application under test in the test's own process: a room in a folder, and callers that log in."""

from __future__ import annotations

import io
import shutil
import uuid
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import fakes
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from starlette.testclient import TestClient

from wetread.room.app import create_app, make_room
from wetread.room.context import Room
from wetread.room.demo import PASSWORD
from wetread.room.settings import Settings
from wetread.room.store import Store
from wetread.room.studies import Request, receive_files
from wetread.room.worker import drain

__all__ = ["PASSWORD", "Caller", "House", "close_portal", "save_body", "sign_body"]


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


def close_portal() -> None:
    """Ends the thread that all callers share."""
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


def save_body(version: int, findings: str, impression: str = "", **more: Any) -> dict[str, Any]:
    return {
        "base_version": version, "findings": findings, "impression": impression, "save_id": uuid.uuid4().hex, **more,
    }  # fmt: skip


def sign_body(kind: str, version: int, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "version": version, "password": PASSWORD, "save_id": uuid.uuid4().hex, **more}
