"""The queue: leases, retries, reasons, and effects that happen once."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from fakes import FakeDrafter
from house import House
from PIL import Image
from sqlalchemy import select

from wetread.errors import InputError, OutsideError
from wetread.room import queue, worker
from wetread.room.files import BlobStore
from wetread.room.queue import LeaseLost
from wetread.room.store import DraftRow, Job, now
from wetread.types import Draft, Finding, State, Study


def _job(house: House) -> Job:
    with house.store.read() as session:
        return session.scalars(select(Job)).one()


def _expire(house: House) -> None:
    with house.store.write() as session:
        for job in session.scalars(select(Job)):
            job.lease_until, job.run_after = now() - 1, 0.0


def test_a_job_has_one_worker(house: House) -> None:
    house.receive(1, draft=False)
    assert queue.claim(house.store, "a") is not None
    assert queue.claim(house.store, "b") is None


def test_urgent_studies_are_drafted_first(house: House) -> None:
    house.receive(1, draft=False)
    urgent = house.receive(2, draft=False, priority="stat")[0]
    claimed = queue.claim(house.store, "a")
    assert claimed is not None
    assert claimed.study_id == urgent


def test_a_dead_workers_job_is_done_by_another_and_once(house: House) -> None:
    study = house.receive(1, draft=False)[0]
    dead = queue.claim(house.store, "dead")
    assert dead is not None
    _expire(house)
    assert house.draft() == 1
    body = {"never": "stored"}
    with pytest.raises(LeaseLost):
        worker._store(house.store, "dead", dead, body)
    with pytest.raises(LeaseLost):
        queue.beat(house.store, "dead", dead)
    with house.store.read() as session:
        drafts = list(session.scalars(select(DraftRow).where(DraftRow.study_id == study)))
    assert [d.number for d in drafts] == [1]


def test_a_heartbeat_keeps_the_lease(house: House) -> None:
    house.receive(1, draft=False)
    claimed = queue.claim(house.store, "a")
    assert claimed is not None
    _expire(house)
    queue.beat(house.store, "a", claimed)
    assert queue.claim(house.store, "b") is None


def test_a_film_that_kills_workers_fails_in_the_end(house: House) -> None:
    house.receive(1, draft=False)
    for _ in range(house.room.settings.attempts):
        assert queue.claim(house.store, "dying") is not None
        _expire(house)
    assert queue.claim(house.store, "careful") is None
    job = _job(house)
    assert job.state == "failed"
    assert "ended unexpectedly 3 times" in (job.reason or "")


class Failing:
    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def __call__(self, study: Study) -> Draft:
        if self.errors:
            raise self.errors.pop(0)
        return FakeDrafter()(study)


def test_a_lasting_reason_is_told_and_retried_by_hand(house: House) -> None:
    study = house.receive(1, draft=False)[0]
    drafter = Failing(InputError("The film is cut off."))
    assert worker.drain(house.store, drafter) == 1
    reader = house.browser("reader")
    row = reader.get("/api/worklist").json()["items"][0]
    assert (row["status"], row["job"]["reason"]) == ("failed", "The film is cut off.")
    assert "retry" in reader.get(f"/api/studies/{study}").json()["allowed"]
    assert reader.post(f"/api/studies/{study}/retry").status_code == 202
    assert worker.drain(house.store, drafter) == 1
    assert reader.get(f"/api/studies/{study}").json()["status"] == "unread"
    assert reader.post(f"/api/studies/{study}/retry").json()["error"]["code"] == "state"


def test_a_passing_reason_is_retried_later(house: House) -> None:
    house.receive(1, draft=False)
    drafter = Failing(OutsideError("The disk is full."), RuntimeError("odd"))
    assert worker.drain(house.store, drafter) == 1
    job = _job(house)
    assert (job.state, job.reason) == ("queued", "The disk is full.")
    assert job.run_after > now() + 1
    _expire(house)
    assert worker.drain(house.store, drafter) == 1
    assert "RuntimeError" in (_job(house).reason or "")
    _expire(house)
    assert worker.drain(house.store, drafter) == 1
    assert _job(house).state == "done"


def test_a_slow_worker_does_not_undo_a_later_wish(house: House) -> None:
    study = house.receive(1)[0]
    reader = house.browser("reader")
    path = f"/api/studies/{study}"

    class Slow(FakeDrafter):
        """While it draws up the first wish, another worker does the second."""

        def __call__(self, study: Study) -> Draft:
            if not study.decided:
                reader.post(f"{path}/redraft", json={"decide": {"Pleural Effusion": "negative"}})
                house.draft()
            return super().__call__(study)

    reader.post(f"{path}/redraft", json={"indication": "Fall."})
    worker.drain(house.store, Slow())
    body = reader.get(path).json()
    assert (body["draft_number"], body["status"]) == (2, "unread")
    assert body["draft"]["decided"] == body["decided"] == {"Pleural Effusion": "negative"}
    assert "costophrenic" not in body["report"]["findings"]


def test_what_is_no_chest_film_says_so_by_its_own_name(house: House) -> None:
    out = io.BytesIO()
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(out, "PNG")
    reader = house.browser("reader")
    reader.post("/api/uploads", files=[("files", ("stamp.png", out.getvalue()))])
    house.draft()
    job = reader.get("/api/worklist").json()["items"][0]["job"]
    assert job["state"] == "failed"
    assert job["reason"].startswith("stamp.png")
    assert str(BlobStore(house.room.settings.films).root) not in job["reason"]


def test_triage_presses_with_what_is_named_then_with_what_may_be_found():
    def of(name: str, probability: float, state: State, by_model: State | None = None) -> dict[str, Any]:
        finding = Finding(probability, 0.3, 0.4, state, by_model)
        return {"labels": {name: finding.to_json()}, "triage": None}

    effusion, lesion = (of(name, 0.5, "positive") for name in ("Pleural Effusion", "Lung Lesion"))
    unnamed = of("Lung Lesion", 0.05, "negative")
    first, waits = ({**unnamed, "triage": {"score": 0.4, "state": s}} for s in ("look first", "normal"))
    assert worker.triage(waits) == (0.0, [])
    assert worker.triage(unnamed) == (0.0, [])
    assert worker.triage(first) == (0.04, ["Any finding .40"])
    assert worker.triage(effusion) == (0.3, ["Pleural Effusion .50"])
    assert worker.triage(lesion) == (0.3, ["Lung Lesion .50"])
    assert worker.triage({**effusion, "triage": first["triage"]}) == (0.328, ["Pleural Effusion .50"])
    assert worker.triage(of("Lung Lesion", 0.05, "positive", "negative")) == (0.6, ["Lung Lesion 1.00"])
    assert worker.triage(of("Lung Lesion", 0.5, "negative", "positive")) == (0.0, [])
