"""Reader studies: what is dealt, what is hidden, what comes out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

import pytest
from house import House, save_body

from wetread.room.reading_study import deal
from wetread.room.store import ReaderCase, now


def test_dealing_is_balanced_and_repeatable() -> None:
    studies = [f"s{i}" for i in range(20)]
    dealt = deal(studies, "crossover", ["hidden", "shown"], 7, 0)
    assert dealt == deal(studies, "crossover", ["hidden", "shown"], 7, 0)
    assert dealt != deal(studies, "crossover", ["hidden", "shown"], 8, 0)
    assert Counter((period, arm) for _, period, arm in dealt) == {
        (0, "hidden"): 10, (0, "shown"): 10, (1, "hidden"): 10, (1, "shown"): 10,
    }  # fmt: skip
    assert {(s, a) for s, _, a in dealt} == {(s, a) for s in studies for a in ("hidden", "shown")}
    first = {s: a for s, _, a in deal(studies, "parallel", ["hidden", "shown"], 7, 0)}
    second = {s: a for s, _, a in deal(studies, "parallel", ["hidden", "shown"], 7, 1)}
    assert all(first[s] != second[s] for s in studies)


def _start(house: House, *, arms: list[str], design: str = "parallel", **more: Any) -> tuple[str, list[str]]:
    ids = house.receive(1, 2)
    admin = house.browser("admin")
    readers = [u["id"] for u in admin.get("/api/users").json()["items"] if u["username"] == "reader"]
    body = {"name": "Trial", "design": design, "arms": arms, "study_ids": ids, "reader_ids": readers, "seed": 3, **more}
    answer = admin.post("/api/reader-studies", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], ids


def test_hidden_means_hidden_everywhere(house: House) -> None:
    trial, ids = _start(house, arms=["hidden", "shown"])
    reader = house.browser("reader")
    listed = reader.get("/api/reader-studies").json()["items"][0]
    assert (listed["mine"], listed["readers"], listed["seed"]) == ({"done": 0, "total": 2}, None, None)
    assert house.browser("second").get("/api/reader-studies").json()["items"] == []
    assert house.browser("second").post(f"/api/reader-studies/{trial}/next").status_code == 404
    for row in reader.get("/api/worklist").json()["items"]:
        assert (row["blinded"], row["labels"], row["triage"]["reasons"]) == (True, {}, [])
    for study in ids:
        body = reader.get(f"/api/studies/{study}").json()
        assert (body["draft"], body["report"]["findings"], body["allowed"]) == (None, "", [])
        assert reader.get(f"/api/studies/{study}/versions").status_code == 403
        assert reader.put(f"/api/studies/{study}/report", json=save_body(1, "x")).status_code == 409
        assert reader.get(f"/api/studies/{study}/similar").json()["items"] == []
        sentences = reader.post(
            f"/api/studies/{study}/check", json={"findings": "The heart is mildly enlarged.", "impression": ""}
        ).json()["sentences"]
        assert sentences[0]["origin"] == "typed"
    assert reader.get("/api/worklist/next").json()["id"] is None
    seen = {}
    for _ in ids:
        case = reader.post(f"/api/reader-studies/{trial}/next").json()["case"]
        shown = case["study"]["draft"] is not None
        assert shown == (case["arm"] == "shown") == bool(case["study"]["report"]["findings"])
        assert case["study"]["patient"]["name"] == f"Case {case['number']}"
        seen[case["arm"]] = case["id"]
        saved = reader.put(
            f"/api/reader-cases/{case['id']}",
            json={"base_version": case["version"], "findings": "Half", "impression": "", "seconds": 5},
        )
        assert saved.status_code == 200
        assert reader.post(f"/api/reader-studies/{trial}/next").json()["case"]["study"]["report"]["findings"] == "Half"
        stale = {"base_version": 99, "findings": "", "impression": ""}
        assert reader.put(f"/api/reader-cases/{case['id']}", json=stale).json()["error"]["code"] == "conflict"
        done = {"findings": "No pneumothorax.", "impression": "Normal chest.", "seconds": 7}
        assert reader.post(f"/api/reader-cases/{case['id']}/submit", json=done).json()["phase"] == "done"
    assert set(seen) == {"hidden", "shown"}
    assert reader.post(f"/api/reader-studies/{trial}/next").json() == {"case": None, "done": True, "not_before": None}
    assert reader.get(f"/api/studies/{ids[0]}").json()["blinded"] is False
    text = house.browser("admin").get(f"/api/reader-studies/{trial}/export.csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {r["arm"] for r in rows} == {"hidden", "shown"}
    assert [float(r["seconds"]) for r in rows] == [12, 12]
    assert {r["reader"] for r in rows} == {"R1"}
    assert "Dr Ada Reader" not in text


def test_read_first_fixes_a_first_text_before_the_draft(house: House) -> None:
    trial, _ = _start(house, arms=["read_first", "draft_first"])
    reader = house.browser("reader")
    for _ in range(2):
        case = reader.post(f"/api/reader-studies/{trial}/next").json()["case"]
        body = {"findings": "My own first look.", "impression": "", "seconds": 3, "phase": "read"}
        answer = reader.post(f"/api/reader-cases/{case['id']}/submit", json=body).json()
        if case["arm"] == "draft_first":
            assert case["study"]["draft"] is not None
            assert answer == {"phase": "done", "draft": None, "version": case["version"] + 1}
            continue
        assert case["study"]["draft"] is None
        assert answer["phase"] == "revise"
        assert answer["draft"]["findings"]
        repeated = reader.post(f"/api/reader-cases/{case['id']}/submit", json=body).json()  # the answer was lost
        assert repeated == answer
        again = reader.post(f"/api/reader-studies/{trial}/next").json()["case"]
        assert (again["id"], again["phase"], again["version"]) == (case["id"], "revise", answer["version"])
        body = {"findings": "My own first look. And more.", "impression": "", "seconds": 4}
        assert reader.post(f"/api/reader-cases/{case['id']}/submit", json=body).json()["phase"] == "done"
    text = house.browser("admin").get(f"/api/reader-studies/{trial}/export.csv").text
    row = next(r for r in csv.DictReader(io.StringIO(text)) if r["arm"] == "read_first")
    assert (row["first_seconds"], row["seconds"], row["words_from_first"]) == ("3.0", "7.0", "2")


def test_a_pause_lies_between_the_periods(house: House) -> None:
    trial, _ = _start(house, arms=["hidden", "shown"], design="crossover", washout_days=2)
    reader = house.browser("reader")
    for _ in range(2):
        case = reader.post(f"/api/reader-studies/{trial}/next").json()["case"]
        reader.post(f"/api/reader-cases/{case['id']}/submit", json={"findings": "x", "impression": ""})
    waiting = reader.post(f"/api/reader-studies/{trial}/next").json()
    assert (waiting["case"], waiting["done"]) == (None, False)
    assert waiting["not_before"] > "2026"
    with house.store.write() as session:
        for case in session.query(ReaderCase).filter(ReaderCase.finished.is_not(None)):
            case.finished = now() - 3 * 86_400
    assert reader.post(f"/api/reader-studies/{trial}/next").json()["case"]["number"] == 3
    assert house.browser("admin").post(f"/api/reader-studies/{trial}/close").json()["state"] == "closed"
    assert reader.post(f"/api/reader-studies/{trial}/next").json()["error"]["code"] == "state"


@pytest.mark.parametrize(
    "change", [{"arms": ["hidden", "read_first"]}, {"study_ids": ["none"]}, {"reader_ids": ["none"]}]
)
def test_what_cannot_be_compared_is_refused(house: House, study: str, change: dict[str, Any]) -> None:
    admin = house.browser("admin")
    readers = [u["id"] for u in admin.get("/api/users").json()["items"] if u["username"] == "reader"]
    body = {"name": "T", "design": "parallel", "arms": ["hidden", "shown"], "study_ids": [study], "reader_ids": readers}
    answer = admin.post("/api/reader-studies", json={**body, **change})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "input")


def test_a_reader_study_is_about_the_models_own_draft(house: House) -> None:
    _, ids = _start(house, arms=["hidden", "shown"])
    second = house.browser("second")
    decided = {"decide": {"Pneumothorax": "positive"}}
    refused = second.post(f"/api/studies/{ids[0]}/redraft", json=decided)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "state")
    (other,) = house.receive(3)
    assert second.post(f"/api/studies/{other}/redraft", json=decided).status_code == 202
    house.draft()
    admin = house.browser("admin")
    readers = [u["id"] for u in admin.get("/api/users").json()["items"] if u["username"] == "reader"]
    body = {"name": "T", "design": "parallel", "arms": ["hidden", "shown"], "study_ids": [other], "reader_ids": readers}
    answer = admin.post("/api/reader-studies", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith("1 of the studies have findings that a reader decided")
    second.post(f"/api/studies/{other}/redraft", json={"decide": {"Pneumothorax": None}})
    house.draft()
    assert admin.post("/api/reader-studies", json=body).status_code == 201
