"""Five cheap faults; benchmarks/room_faults.py does a hundred."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import fakes
import pytest
from conftest import House, save_body
from faults import Ledger, audit_everything, settle, storm
from processes import Process
from sqlalchemy import event

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for child processes in /proc")


@pytest.mark.slow
def test_kills_of_server_worker_and_parent_lose_and_double_nothing(room: Process) -> None:
    ledger = Ledger()
    storm(room, ledger, ["server", "worker", "parent"], seed=1, pause=(1.0, 2.0))
    settle(room)
    assert ledger.uploads
    assert audit_everything(room, ledger) == []


def test_the_parent_takes_its_children_along(room: Process) -> None:
    assert room.process is not None
    pids = room.pids("server") + room.pids("worker")
    assert pids
    room.process.send_signal(signal.SIGTERM)
    assert room.process.wait(60) == 0
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    room.start()
    room.wait()


def test_a_full_database_is_told_and_recovers(house: House, study: str) -> None:
    reader = house.browser("reader")
    full = {"on": True}

    def limit(connection: object, *_: object) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()  # type: ignore[attr-defined]
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages if full['on'] else 2**30}")  # type: ignore[attr-defined]

    event.listen(house.store.engine, "begin", limit)
    answer = reader.put(f"/api/studies/{study}/report", json=save_body(1, "x" * 90_000))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "outside")
    assert "full" in answer.json()["error"]["message"]
    full["on"] = False
    assert reader.put(f"/api/studies/{study}/report", json=save_body(1, "x" * 90_000)).status_code == 200


def test_a_database_that_cannot_be_opened_is_told(make_house: Callable[..., House]) -> None:
    house = make_house()
    reader = house.browser("reader")
    house.store.close()
    data = house.room.settings.data
    moved = data.with_name("moved")
    data.rename(moved)
    assert reader.get("/api/worklist").json()["error"]["code"] == "outside"
    house.store.close()
    moved.rename(data)
    assert reader.get("/api/worklist").status_code == 200


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the parser leaves its file open
def test_an_upload_cut_off_leaves_no_study(house: House) -> None:
    reader = house.browser("reader")
    whole = fakes.dicom(1)
    boundary = "x" * 20
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.dcm"\r\n\r\n'.encode()
    answer = reader.post(
        "/api/uploads",
        content=head + whole[: len(whole) // 2],
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    assert answer.status_code in (400, 422)
    assert reader.get("/api/worklist").json()["total"] == 0
