"""The state table, what a signature binds, critical results."""

from __future__ import annotations

import itertools

import pytest
from house import House, save_body, sign_body
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from wetread.room import signoff
from wetread.room.auth import Person
from wetread.room.hashes import signature_hash
from wetread.room.store import ReportRow, Signature, StudyRow

STATES = ("none", "draft", "preliminary", "final", "addended")
KINDS = ("preliminary", "final", "addendum")
#: (state, kind, role) → new state; all others are refused.
TABLE = {
    ("none", "preliminary", "resident"): "preliminary", ("none", "preliminary", "reader"): "preliminary",
    ("draft", "preliminary", "resident"): "preliminary", ("draft", "preliminary", "reader"): "preliminary",
    ("preliminary", "preliminary", "resident"): "preliminary",
    ("preliminary", "preliminary", "reader"): "preliminary",
    ("none", "final", "reader"): "final", ("draft", "final", "reader"): "final",
    ("preliminary", "final", "reader"): "final",
    ("final", "addendum", "reader"): "addended", ("addended", "addendum", "reader"): "addended",
}  # fmt: skip


def test_the_state_table_is_the_whole_truth(house: House, study: str) -> None:
    callers = {"reader": house.browser("reader"), "resident": house.browser("resident")}
    with house.store.read() as session:
        version = session.get_one(ReportRow, study).version
    for state, kind, role in itertools.product(STATES, KINDS, callers):
        with house.store.write() as session:
            session.get_one(StudyRow, study).report_state = state
        answer = callers[role].post(
            f"/api/studies/{study}/sign", json=sign_body(kind, version, text="More." if kind == "addendum" else None)
        )
        expected = TABLE.get((state, kind, role))
        if expected is None:
            assert answer.json()["error"]["code"] in ("state", "forbidden"), (state, kind, role)
        else:
            assert answer.json()["report_state"] == expected, (state, kind, role)
        person = Person("", "", "", (role,), "en", None)
        assert signoff.allowed(state, kind, person) == (expected is not None)


def test_a_wrong_password_signs_nothing(house: House, study: str) -> None:
    reader = house.browser("reader")
    answer = reader.post(f"/api/studies/{study}/sign", json={**sign_body("final", 1), "password": "wrong"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "reauth")
    assert reader.get(f"/api/studies/{study}").json()["signatures"] == []
    assert reader.get("/api/session").status_code == 200


def test_an_old_version_or_an_empty_text_is_not_signed(house: House, study: str) -> None:
    reader = house.browser("reader")
    version = reader.put(f"/api/studies/{study}/report", json=save_body(1, " ", "\n")).json()["version"]
    old = reader.post(f"/api/studies/{study}/sign", json=sign_body("final", 1))
    assert old.json()["error"]["code"] == "conflict"
    empty = reader.post(f"/api/studies/{study}/sign", json=sign_body("final", version))
    assert empty.json()["error"]["code"] == "input"


def test_a_repeated_signing_is_one_signature(house: House, study: str) -> None:
    reader = house.browser("reader")
    body = sign_body("final", 1)
    assert reader.post(f"/api/studies/{study}/sign", json=body).status_code == 200
    again = reader.post(f"/api/studies/{study}/sign", json=body)
    assert again.status_code == 200
    assert len(again.json()["signatures"]) == 1


def test_a_senior_confirms_the_residents_report(house: House, study: str) -> None:
    resident, reader = house.browser("resident"), house.browser("reader")
    first = resident.post(f"/api/studies/{study}/sign", json=sign_body("preliminary", 1)).json()
    assert first["status"] == "preliminary"
    assert first["signatures"][0]["meaning"] == "author"
    done = reader.post(f"/api/studies/{study}/sign", json=sign_body("final", 1)).json()
    assert [(s["kind"], s["meaning"], s["name"]) for s in done["signatures"]] == [
        ("preliminary", "author", "Dr Cy Resident"),
        ("final", "confirmed", "Dr Ada Reader"),
    ]


def test_the_hash_binds_everything_and_rows_stay(house: House, study: str) -> None:
    reader = house.browser("reader")
    reader.post(f"/api/studies/{study}/sign", json=sign_body("final", 1))
    with house.store.read() as session:
        row = session.query(Signature).one()
        uid = session.get_one(StudyRow, study).uid
        assert signature_hash(row, uid) == row.sha256
        session.expunge(row)
    for column, value in (("findings", "x"), ("name", "x"), ("at", 1.0), ("meaning", "x"), ("kind", "x")):
        before = getattr(row, column)
        setattr(row, column, value)
        assert signature_hash(row, uid) != row.sha256, column
        setattr(row, column, before)
    for statement in (
        "UPDATE signature SET findings = 'x'",
        "DELETE FROM signature",
        "UPDATE report_version SET findings = 'x'",
        "DELETE FROM report_version",
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
    ):
        with pytest.raises(DBAPIError, match="never changed"), house.store.write() as session:
            session.execute(text(statement))


def test_a_critical_result_stays_on_top_until_someone_was_told(house: House) -> None:
    first, second = house.receive(1, 2)
    reader = house.browser("reader")
    words = "There is a large right pneumothorax."
    version = reader.put(f"/api/studies/{second}/report", json=save_body(1, words)).json()["version"]
    signed = reader.post(f"/api/studies/{second}/sign", json=sign_body("final", version)).json()
    assert [c["finding"] for c in signed["criticals"]] == ["Pneumothorax"]
    assert signed["next_id"] == first
    top = reader.get("/api/worklist").json()
    assert (top["items"][0]["id"], top["items"][0]["critical"]) == (second, {"open": True, "finding": "Pneumothorax"})
    assert top["counts"]["critical"] == 1
    told = {"told": "Dr Ward", "how": "telephone", "told_at": "2026-11-20T10:00:00Z"}
    path = f"/api/criticals/{signed['criticals'][0]['id']}/acknowledge"
    answer = reader.post(path, json=told)
    assert answer.json()["acknowledged"]["told"] == "Dr Ward"
    assert answer.json()["acknowledged"]["told_at"] == "2026-11-20T10:00:00.000Z"
    assert reader.post(path, json=told).json()["error"]["code"] == "state"
    after = reader.get("/api/worklist").json()
    assert after["items"][0]["id"] == first
    assert after["items"][1]["critical"] == {"open": False, "finding": "Pneumothorax"}


def test_a_critical_result_may_be_told_while_signing(house: House, study: str) -> None:
    reader = house.browser("reader")
    version = reader.put(f"/api/studies/{study}/report", json=save_body(1, "Tension pneumothorax on the left.")).json()[
        "version"
    ]
    told = {"finding": "Pneumothorax", "told": "Dr Ward", "how": "in person", "told_at": "2026-11-20T10:00:00+01:00"}
    body = sign_body("final", version, critical=told)
    for _ in range(2):
        signed = reader.post(f"/api/studies/{study}/sign", json=body).json()
        assert [c["acknowledged"]["how"] for c in signed["criticals"]] == ["in person"]
        assert signed["critical"]["open"] is False
