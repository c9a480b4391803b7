"""The same on PostgreSQL: a private cluster, two web processes, and a database that goes away."""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import fakes
import pytest
from house import Caller, save_body
from processes import Client, Postgres, Process, fill, postgres_binaries, running

from wetread.errors import OutsideError
from wetread.room import audit
from wetread.room.app import create_app, open_store
from wetread.room.demo import add_accounts
from wetread.room.files import BlobStore
from wetread.room.settings import Settings
from wetread.room.studies import Request, receive_files
from wetread.room.worker import drain

pytest.importorskip("psycopg", reason="psycopg is not installed")
pytestmark = pytest.mark.skipif(postgres_binaries() is None, reason="PostgreSQL's programs are not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.mark.slow
def test_a_reading_on_two_servers_and_through_an_outage(cluster: Postgres, tmp_path: Path) -> None:
    options = ("--database", cluster.url, "--servers", "2", "--workers", "2", "--films", "0")
    with running(Process(tmp_path / "room", *options)) as room, ExitStack() as stack:

        def log_in(username: str) -> Client:
            client = Client(room.url, username)
            stack.callback(client.close)
            return client.log_in()

        clients = [log_in("reader") for _ in range(4)]
        sent = [c.upload(f"{n}.dcm", fakes.dicom(n)).json()["accepted"][0] for n, c in enumerate(clients)]
        again = [c.upload("again.dcm", fakes.dicom(0)).json()["accepted"][0] for c in clients]
        assert {a["study_id"] for a in again} == {sent[0]["study_id"]}
        for _ in range(300):
            counts = clients[0].call("GET", "/api/worklist").json()["counts"]
            if counts["unread"] == 4:
                break
            time.sleep(0.2)
        assert counts["unread"] == 4
        study = sent[0]["study_id"]
        version = clients[0].save(study, 1, "There is a right pneumothorax.").json()["version"]
        stale = clients[1].save(study, 1, "Something else.")
        assert (stale.status_code, stale.json()["error"]["code"]) == (409, "conflict")

        cluster.stop()
        away = clients[0].save(study, version, "Typed during the outage.")
        assert (away.status_code, away.json()["error"]["code"]) == (503, "outside")
        cluster.start()
        for _ in range(100):
            back = clients[0].save(study, version, "Typed during the outage. A right pneumothorax.")
            if back.status_code == 200:
                break
            time.sleep(0.2)
        signed = clients[0].sign(study, back.json()["version"])
        assert signed.status_code == 200, signed.text
        assert signed.json()["critical"] == {"open": True, "finding": "Pneumothorax"}
        admin = log_in("admin")
        assert admin.call("GET", "/api/audit/verify").json()["ok"] is True
        gone = admin.call("DELETE", f"/api/studies/{study}", json={"reason": "asked for"})
        assert gone.status_code == 204, gone.text
        found = admin.call("GET", "/api/worklist?q=TEST&sort=patient_name").json()
        assert found["total"] == 3
    store = open_store(Settings(data=tmp_path / "room", database=cluster.url))
    with store.read() as session:
        assert audit.verify(session).ok
    store.close()


def test_a_database_server_with_a_full_disk_is_told_and_recovers(tmp_path: Path) -> None:
    with ExitStack() as stack:
        cluster = Postgres(megabytes=80)
        stack.callback(cluster.close)
        if cluster.disk is None:
            pytest.skip("only a user who may mount a file system can make a small one")
        settings = Settings(data=tmp_path / "room", database=cluster.url)
        store = open_store(settings)
        stack.callback(store.close)
        add_accounts(store)
        files = [("film.dcm", io.BytesIO(fakes.dicom(1)))]
        got, _ = receive_files(store, BlobStore(settings.films), files, Request(), source="upload", sender="reader")
        drain(store, fakes.FakeDrafter())
        app, study = create_app(settings, store=store), got[0].study_id
        reader = stack.enter_context(Caller(app, base_url="http://room.test")).log_in("reader")
        ballast = fill(cluster.disk)

        version = 1
        for _ in range(100):  # until what the server had set aside is used up
            typed = save_body(version, secrets.token_hex(45_000))  # nothing that it could compress
            answer = reader.put(f"/api/studies/{study}/report", json=typed)
            if answer.status_code != 200:
                break
            version = answer.json()["version"]
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "outside"), answer.text
        ballast.unlink()
        assert answer.json()["error"]["message"].startswith("The disk of the database is full")
        assert reader.put(f"/api/studies/{study}/report", json=typed).status_code == 200
        assert reader.get(f"/api/studies/{study}").json()["report"]["findings"] == typed["findings"]
        with store.read() as session:
            assert audit.verify(session).ok


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="cannot be reached"):
        open_store(Settings(data=tmp_path, database="postgresql://nobody@127.0.0.1:1/none"))
