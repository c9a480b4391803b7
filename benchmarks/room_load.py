"""Load on the reading room: readers that poll, open, edit and sign while studies keep coming in and are drafted.

    python benchmarks/room_load.py [--readers 30] [--seconds 300] [--every 2] [--database URL | --postgres]
                                   [--servers N] [--workers N] [--real]

One run on one machine, clients included. Prints for each kind of call its number, median, p95 and worst time, every
answer that was no success, and whether an acknowledged edit was lost. Exit 1 where the p95 of the page's calls is above
200 ms, an answer failed, or an edit was lost. ``--real`` drafts with the model instead of the fake drafter (0.2 s).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "room"))

import fakes
from processes import PASSWORD, Client, Postgres, Process, running

LIMIT = 0.200  # seconds: p95 of the page's calls
#: Calls that a page waits for; uploads and logins are told apart.
PAGE = ("worklist", "worklist 304", "open", "save", "check", "claim", "next", "sign")


@dataclass
class Tally:
    """Times by kind of call, answers that were no success, edits by study."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)
    last: dict[str, str] = field(default_factory=dict)
    drafted: int = 0

    def table(self) -> str:
        rows = [f"{'call':<14}{'n':>8}{'median ms':>11}{'p95 ms':>9}{'worst ms':>10}"]
        for kind, times in sorted(self.times.items()):
            rows.append(
                f"{kind:<14}{len(times):>8}{1000 * share(times, 0.5):>11.1f}{1000 * share(times, 0.95):>9.1f}"
                f"{1000 * max(times):>10.1f}"
            )
        return "\n".join(rows)

    def page(self) -> list[float]:
        return [t for kind in PAGE for t in self.times.get(kind, [])]


def share(times: list[float], part: float) -> float:
    """The quantile of some times, by the nearest rank."""
    return sorted(times)[min(len(times) - 1, int(part * len(times)))]


class Reader:
    """One reader at a page: polls every 2 s, opens what is next, edits every few seconds, signs."""

    def __init__(self, url: str, name: str, tally: Tally, seed: int) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=60)
        self._name, self._tally, self._chance = name, tally, random.Random(seed)
        self._tag = ""

    async def _call(self, kind: str, method: str, path: str, *fine: int, **more: object) -> httpx.Response:
        begun = time.perf_counter()
        answer = await self._http.request(method, path, **more)  # type: ignore[arg-type]
        taken = time.perf_counter() - begun
        if kind == "worklist" and answer.status_code == 304:
            kind = "worklist 304"
        self._tally.times[kind].append(taken)
        if answer.status_code >= 400 and answer.status_code not in fine:
            self._tally.failures.append(f"{kind}: {answer.status_code} {answer.text[:120]}")
        return answer

    async def log_in(self) -> None:
        body = {"username": self._name, "password": PASSWORD}
        answer = await self._call("login", "POST", "/api/login", json=body)
        self._http.headers["X-CSRF-Token"] = answer.json()["csrf"]

    async def poll(self, end: float) -> None:
        await asyncio.sleep(self._chance.uniform(0, 2))
        while time.monotonic() < end:
            headers = {"If-None-Match": self._tag} if self._tag else {}
            answer = await self._call("worklist", "GET", "/api/worklist?limit=50", headers=headers)
            self._tag = answer.headers.get("etag", self._tag)
            await asyncio.sleep(2)

    async def read(self, end: float) -> None:
        while time.monotonic() < end:
            found = (await self._call("next", "GET", "/api/worklist/next")).json().get("id")
            if (
                found is None
                or (await self._call("claim", "POST", f"/api/studies/{found}/claim", 409, json={})).is_error
            ):
                await asyncio.sleep(self._chance.uniform(1, 2))
                continue
            study = (await self._call("open", "GET", f"/api/studies/{found}")).json()
            await self._call("pixels", "GET", study["films"][0]["pixels"])
            await self._write(found, study["report"]["version"], study["report"]["findings"], end)

    async def _write(self, study: str, version: int, text: str, end: float) -> None:
        for _ in range(self._chance.randint(3, 6)):
            if time.monotonic() > end:
                return
            await asyncio.sleep(self._chance.uniform(1, 3))
            text = f"{text} Edit {uuid.uuid4().hex[:8]} was typed."
            texts = {"findings": text, "impression": ""}
            await self._call("check", "POST", f"/api/studies/{study}/check", json=texts)
            body = {**texts, "base_version": version, "seconds": 2.0, "save_id": uuid.uuid4().hex}
            saved = await self._call("save", "PUT", f"/api/studies/{study}/report", json=body)
            if saved.is_success:
                version = saved.json()["version"]
                self._tally.last[study] = text
        body = {"kind": "final", "version": version, "password": PASSWORD, "save_id": uuid.uuid4().hex}
        await self._call("sign", "POST", f"/api/studies/{study}/sign", json=body)


async def upload(url: str, tally: Tally, every: float, end: float) -> int:
    """A study every so many seconds; returns how many."""
    sender = Reader(url, "reader", tally, 0)
    await sender.log_in()
    count = 0
    while time.monotonic() < end:
        due = time.monotonic() + every
        count += 1
        files = [("files", (f"{count}.dcm", fakes.dicom(10_000 + count)))]
        await sender._call("upload", "POST", "/api/uploads", files=files)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return count


async def load(url: str, readers: int, seconds: float, every: float) -> tuple[Tally, int]:
    """Run the whole load."""
    tally = Tally()
    people = [Reader(url, f"reader{i}", tally, i) for i in range(1, readers + 1)]
    for person in people:
        await person.log_in()
    tally.times.clear()
    end = time.monotonic() + seconds
    tasks = [work for person in people for work in (person.poll(end), person.read(end))]
    results = await asyncio.gather(upload(url, tally, every, end), *tasks)
    return tally, int(results[0] or 0)


def wait_for_drafts(url: str, wanted: int) -> None:
    """Every reader has a study to begin with."""
    client = Client(url, "reader").log_in()
    while client.call("GET", "/api/worklist?limit=1").json()["counts"]["unread"] < wanted:
        time.sleep(0.5)
    client.close()


def cpu_seconds(room: Process) -> float:
    """Processor time of the web processes so far."""
    ticks = 0
    for pid in room.pids("server"):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(words[11]) + int(words[12])  # utime and stime, proc(5)
    return ticks / os.sysconf("SC_CLK_TCK")


def lost_edits(url: str, tally: Tally) -> list[str]:
    """Studies whose report does not hold the last edit that was acknowledged."""
    client = Client(url, "reader").log_in()
    lost = []
    for study, text in tally.last.items():
        if client.call("GET", f"/api/studies/{study}").json()["report"]["findings"] != text:
            lost.append(study)
    client.close()
    return lost


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--every", type=float, default=2.0)
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--database")
    parser.add_argument("--postgres", action="store_true", help="start a private PostgreSQL")
    parser.add_argument("--real", action="store_true", help="draft with the model")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cluster = Postgres() if args.postgres else None
        database = cluster.url if cluster else args.database
        numbers = {
            "--films": args.readers,
            "--readers": args.readers,
            "--servers": args.servers,
            "--workers": args.workers,
        }
        options = [word for name, number in numbers.items() for word in (name, str(number))]
        options += ["--database", database] if database else []
        options += ["--real"] if args.real else []
        try:
            with running(Process(Path(folder) / "room", *options)) as room:
                wait_for_drafts(room.url, args.readers)
                busy = -cpu_seconds(room)
                tally, sent = asyncio.run(load(room.url, args.readers, args.seconds, args.every))
                busy += cpu_seconds(room)
                lost = lost_edits(room.url, tally)
                counts = Client(room.url, "reader").log_in().call("GET", "/api/worklist").json()["counts"]
        finally:
            if cluster:
                cluster.close()
    p95 = share(tally.page(), 0.95)
    kind = "PostgreSQL" if database else "SQLite"
    print(
        f"{args.readers} readers, {args.seconds:.0f} s, a study every {args.every} s, {kind}, {args.servers} server(s)"
    )
    print(tally.table())
    calls = sum(map(len, tally.times.values()))
    print(f"web processes: {1000 * busy / calls:.1f} ms of processor a call, {calls / args.seconds:.0f} calls a second")
    print(f"p95 of the page's calls: {1000 * p95:.1f} ms = {p95 / LIMIT:.2f} of the limit of {1000 * LIMIT:.0f} ms")
    print(f"{sent} studies sent; left in the queue {counts['queued'] + counts['drafting']}, failed {counts['failed']}")
    print(f"{len(tally.failures)} failed answers, {len(lost)} lost edits of {len(tally.last)} studies edited")
    for failure in tally.failures[:10]:
        print("  ", failure)
    return int(p95 > LIMIT or bool(tally.failures) or bool(lost) or counts["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
