"""Traffic, kills, and what must be true afterwards: used by five cheap tests and by benchmarks/room_faults.py."""

from __future__ import annotations

import hashlib
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import fakes
import httpx
from processes import Client, Process
from sqlalchemy import func, select

from wetread.room import audit
from wetread.room.settings import Settings
from wetread.room.store import DraftRow, Film, Job, ReportRow, ReportVersion, Signature, Store, StudyRow, now

#: What can be under way when something is killed.
WORK = ("upload", "edit", "sign", "draft")


@dataclass
class Ledger:
    """What was acknowledged, and what was under way at each kill."""

    uploads: dict[str, str] = field(default_factory=dict)  # study id → SHA-256 of its film
    edits: list[tuple[str, str]] = field(default_factory=list)  # (study id, text)
    signatures: dict[str, str] = field(default_factory=dict)  # study id → save id
    last: dict[str, str] = field(default_factory=dict)  # study id → the last text whose saving was acknowledged
    flight: dict[str, str] = field(default_factory=dict)  # thread → what it is doing
    kills: Counter[str] = field(default_factory=Counter)  # "server during upload" → how often
    errors: list[str] = field(default_factory=list)  # answers that no user should get


class Traffic:
    """Threads that upload, edit and sign until told to stop, and repeat what was not acknowledged."""

    def __init__(self, url: str, ledger: Ledger, seed: int) -> None:
        self._url, self.ledger, self._seed = url, ledger, seed
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        jobs = {"upload": self._upload, "edit": self._edit, "sign": self._sign}
        self._threads = [
            threading.Thread(target=self._again, args=(name, job), daemon=True) for name, job in jobs.items()
        ]
        self._open: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(60)

    def _again(self, name: str, job: Callable[[Client], None]) -> None:
        client = Client(self._url, "second" if name == "sign" else "reader")
        with suppress(httpx.HTTPError):
            client.log_in()
        while not self.stop.is_set():
            try:
                job(client)
            except httpx.HTTPError:
                time.sleep(0.1)
            finally:
                self.ledger.flight[name] = ""
        client.close()

    def _sure(
        self, client: Client, kind: str, act: Callable[[Client], httpx.Response], *, writes: bool = True
    ) -> httpx.Response:
        """Repeat until it is acknowledged, as the page does: the same request, also after a lost answer."""
        while True:
            self.ledger.flight[kind] = kind if writes else ""
            try:
                answer = act(client)
                if answer.status_code == 401:
                    client.log_in()
                    continue
                if answer.status_code >= 500 and answer.status_code != 503:
                    self.ledger.errors.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
                if answer.status_code < 500:
                    self.ledger.flight[kind] = ""
                    return answer
            except httpx.HTTPError:
                with suppress(httpx.HTTPError):
                    client.begin_again()
            if self.stop.is_set():
                raise httpx.ConnectError("stopping")
            time.sleep(0.2)

    def _upload(self, client: Client) -> None:
        with self._lock:
            self._number += 1
            number = self._seed * 100_000 + self._number
        data = fakes.dicom(number)
        answer = self._sure(client, "upload", lambda c: c.upload(f"{number}.dcm", data))
        study = answer.json()["accepted"][0]["study_id"]
        self.ledger.uploads[study] = hashlib.sha256(data).hexdigest()
        self._open.append(study)
        time.sleep(0.3)

    def _edit(self, client: Client) -> None:
        if not self._open:
            time.sleep(0.05)
            return
        study = random.choice(self._open)
        answer = self._sure(client, "edit", lambda c: c.call("GET", f"/api/studies/{study}"), writes=False)
        if answer.status_code != 200 or "edit" not in answer.json()["allowed"]:
            return
        version, text, save_id = answer.json()["report"]["version"], f"Edit {uuid.uuid4().hex}.", uuid.uuid4().hex
        saved = self._sure(client, "edit", lambda c: c.save(study, version, text, save_id))
        if saved.status_code in (200, 409):
            self.ledger.edits.append((study, text))
        if saved.status_code == 200:
            self.ledger.last[study] = text
        client.call("DELETE", f"/api/studies/{study}/claim")

    def _sign(self, client: Client) -> None:
        if len(self._open) < 4:
            time.sleep(0.05)
            return
        study = self._open[0]
        answer = self._sure(client, "sign", lambda c: c.call("GET", f"/api/studies/{study}"), writes=False)
        body = answer.json()
        if answer.status_code != 200 or body["report_state"] == "none" or not body["report"]["findings"]:
            time.sleep(0.05)
            return
        save_id = uuid.uuid4().hex
        signed = self._sure(client, "sign", lambda c: c.sign(study, body["report"]["version"], save_id))
        if signed.status_code == 200:
            self.ledger.signatures[study] = save_id
            self._open.remove(study)


def storm(room: Process, ledger: Ledger, kills: list[str], seed: int, pause: tuple[float, float]) -> None:
    """Kill what ``kills`` names, one after the other, at random moments of the traffic.

    Each kill waits, after its random pause, for one kind of work to be under way (for each kind of process the kinds of
    work take turns), so that every kind is hit often; a moment at which others are under way as well counts for all.
    """
    chance = random.Random(seed)
    traffic = Traffic(room.url, ledger, seed)
    traffic.start()
    store = Store(Settings(data=room.data, database=_database(room)))
    turns = {kind: cycle(chance.sample(WORK, len(WORK))) for kind in sorted(set(kills))}
    try:
        for kind in kills:
            time.sleep(chance.uniform(*pause))
            _await_work(store, ledger, next(turns[kind]))
            time.sleep(chance.uniform(0, 0.03))
            flight = _under_way(store, ledger)
            room.kill(kind)
            for what in flight or ["nothing"]:
                ledger.kills[f"{kind} during {what}"] += 1
            if kind == "parent":
                room.start()
            room.wait()
    finally:
        traffic.end()
        store.close()


def _await_work(store: Store, ledger: Ledger, work: str, patience: float = 20.0) -> None:
    """Until ``work`` is under way, or the patience is out."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if work in ledger.flight.values() or (work == "draft" and _drafting(store)):
            return
        time.sleep(0.02 if work == "draft" else 0.005)


def _under_way(store: Store, ledger: Ledger) -> list[str]:
    drafting = ["draft"] if _drafting(store) else []
    return sorted({what for what in ledger.flight.values() if what}) + drafting


def _drafting(store: Store) -> bool:
    """Whether a living worker is at a draft: its lease was renewed within the last second."""
    fresh = now() + fakes.LEASE - 1.0
    alive = select(func.count()).select_from(Job).where(Job.state == "running", Job.lease_until > fresh)
    with store.read() as session:
        return bool(session.scalar(alive))


def _database(room: Process) -> str | None:
    options = list(room.options)
    return options[options.index("--database") + 1] if "--database" in options else None


def settle(room: Process, seconds: float = 300) -> None:
    """Wait until every queued job is done."""
    store = Store(Settings(data=room.data, database=_database(room)))
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            with store.read() as session:
                left = session.scalar(select(func.count()).select_from(Job).where(Job.state.in_(("queued", "running"))))
            if not left:
                return
            time.sleep(0.5)
    finally:
        store.close()
    raise AssertionError("jobs are left in the queue")


def audit_everything(room: Process, ledger: Ledger) -> list[str]:
    """What is wrong: an acknowledged upload, edit or signature that is not there, or anything that is there twice."""
    wrong = list(ledger.errors)
    store = Store(Settings(data=room.data, database=_database(room)))
    with store.read() as session:
        films = {f.study_id: f for f in session.scalars(select(Film)) if f.study_id in ledger.uploads}
        for study, sha256 in ledger.uploads.items():
            film = films.get(study)
            if film is None or film.sha256 != sha256:
                wrong.append(f"upload of {study} is lost")
            else:
                path = room.data / "films" / sha256[:2] / sha256
                if hashlib.sha256(Path(path).read_bytes()).hexdigest() != sha256:
                    wrong.append(f"film of {study} is damaged")
        uids = list(session.scalars(select(StudyRow.uid)))
        if len(uids) != len(set(uids)):
            wrong.append("a study is there twice")
        drafts = Counter(session.scalars(select(DraftRow.study_id)))
        for study in ledger.uploads:
            if drafts[study] != 1:
                wrong.append(f"study {study} has {drafts[study]} drafts")
        texts = Counter(session.execute(select(ReportVersion.study_id, ReportVersion.findings)).all())
        counted = {tuple(key): count for key, count in texts.items()}
        for edit in ledger.edits:
            if counted.get(edit) != 1:
                wrong.append(f"an edit of {edit[0]} is there {counted.get(edit, 0)} times")
        signed = Counter(session.scalars(select(Signature.study_id)))
        kept = {s.study_id: s.save_id for s in session.scalars(select(Signature))}
        for study, save_id in ledger.signatures.items():
            if signed[study] != 1 or kept.get(study) != save_id:
                wrong.append(f"signature of {study} is there {signed[study]} times")
        for study, text in ledger.last.items():
            report = session.get_one(ReportRow, study)
            versions = session.scalars(select(ReportVersion).where(ReportVersion.study_id == study)).all()
            newest = max((v for v in versions if v.kind in ("draft", "save", "redraft")), key=lambda v: v.version)
            if text not in {v.findings for v in versions} or report.version != newest.version:
                wrong.append(f"report of {study} is not its newest version")
        verdict = audit.verify(session)
        if not verdict.ok:
            wrong.append(verdict.message)
    store.close()
    return wrong
