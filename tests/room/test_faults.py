"""Five cheap faults; benchmarks/room_faults.py does a hundred."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import fakes
import pytest
from faults import Ledger, audit_everything, settle, storm
from house import House, save_body, sign_body
from processes import Process, fill, small_disk
from sqlalchemy import event

from wetread.room import audit, worker

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


def test_a_disk_that_is_really_full_is_told_and_recovers(make_house: Callable[..., House], tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 24) as mounted, ExitStack() as stack:
        if not mounted:
            pytest.skip("only a user who may mount a file system can make a small one")
        house = make_house(data=tmp_path / "disk" / "room")
        stack.callback(house.store.close)
        one = house.receive(1)[0]
        two = house.receive(2, draft=False)[0]
        reader = house.browser("reader")
        assert reader.post(f"/api/studies/{one}/claim", json={}).status_code == 200
        ballast = fill(tmp_path / "disk")

        typed = save_body(1, "Typed on a full disk. " * 4000)
        full = [
            reader.put(f"/api/studies/{one}/report", json=typed),
            reader.post("/api/uploads", files=[("files", ("late.dcm", fakes.dicom(3)))]),
        ]
        for answer in full:
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "outside"), answer.text
            assert "full" in answer.json()["error"]["message"]
        assert reader.get("/api/worklist").json()["total"] == 2
        stop = threading.Event()
        work = threading.Thread(target=worker.run, args=(house.store, fakes.FakeDrafter(), "w", stop.is_set))
        work.start()
        time.sleep(0.5)

        ballast.unlink()
        assert reader.put(f"/api/studies/{one}/report", json=typed).status_code == 200
        late = reader.post("/api/uploads", files=[("files", ("late.dcm", fakes.dicom(3)))]).json()["accepted"][0]
        for study in (two, late["study_id"]):
            end = time.monotonic() + 60
            while reader.get(f"/api/studies/{study}/status").json()["status"] != "unread":
                assert time.monotonic() < end, "the worker did not go on"
                time.sleep(0.1)
        stop.set()
        work.join()
        assert reader.get(f"/api/studies/{one}").json()["report"]["findings"] == typed["findings"]
        assert reader.post(f"/api/studies/{one}/sign", json=sign_body("final", 2)).status_code == 200
        with house.store.read() as session:
            assert audit.verify(session).ok


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
