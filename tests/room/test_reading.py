"""A reading from upload to signature, as the page does it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import fakes
import numpy as np
import pytest
from house import House, save_body, sign_body
from PIL import Image

from wetread.room.audit import entries
from wetread.room.cases import Cases
from wetread.room.provenance import SECTIONS
from wetread.room.store import StudyRow, now
from wetread.room.worker import drain
from wetread.similar import Index, Record
from wetread.types import ModelInfo, SimilarCase


def test_from_upload_to_addendum(house: House) -> None:
    reader = house.browser("reader")
    files = [("files", ("folder/a.dcm", fakes.dicom(3), "application/dicom"))]
    answer = reader.post("/api/uploads", files=files, data={"indication": "Cough."})
    assert answer.status_code == 201, answer.text
    study = answer.json()["accepted"][0]["study_id"]
    row = reader.get("/api/worklist").json()["items"][0]
    assert (row["id"], row["status"], row["job"]["position"]) == (study, "queued", 1)
    assert row["patient"] == {"name": "Test^P3", "id": "P3", "birth_date": "1960-01-02", "sex": "F"}

    assert house.draft() == 1
    body = reader.get(f"/api/studies/{study}").json()
    assert body["status"] == "unread"
    assert body["report"]["version"] == 1
    assert {s["origin"] for s in body["report"]["sentences"]} == {"machine"}
    assert body["draft"]["views"][0]["film"] == body["films"][0]["id"]
    assert {"edit", "final", "addendum", "erase"} & set(body["allowed"]) == {"edit", "final"}

    edited = body["report"]["findings"].replace("mildly", "clearly") + " Old rib fracture on the right."
    answer = reader.put(
        f"/api/studies/{study}/report", json=save_body(1, edited, body["report"]["impression"], seconds=12.5)
    )
    report = answer.json()
    origins = {s["text"]: s["origin"] for s in report["sentences"]}
    assert origins["The heart is clearly enlarged."] == "edited"
    assert origins["Old rib fracture on the right."] == "typed"
    assert origins["No pneumothorax is seen."] == "machine"
    assert "Fracture" in next(s for s in report["sentences"] if s["origin"] == "typed")["labels"]
    for s in report["sentences"]:
        assert report[s["section"]][s["start"] : s["end"]] == s["text"]

    signed = reader.post(f"/api/studies/{study}/sign", json=sign_body("final", report["version"], seconds=2.5))
    assert signed.status_code == 200, signed.text
    assert signed.json()["report_state"] == "final"
    assert signed.json()["allowed"] == ["addendum", "critical"]
    late = reader.put(f"/api/studies/{study}/report", json=save_body(report["version"], "Other text."))
    assert (late.status_code, late.json()["error"]["code"]) == (409, "state")
    assert late.json()["yours"]["findings"] == "Other text."

    more = reader.post(f"/api/studies/{study}/sign", json=sign_body("addendum", 0, text="Seen with the prior film."))
    signatures = more.json()["signatures"]
    assert [s["kind"] for s in signatures] == ["final", "addendum"]
    assert signatures[1]["text"] == "Seen with the prior film."
    assert signatures[1]["previous"] == signatures[0]["sha256"]
    diff = reader.get(f"/api/studies/{study}/diff").json()
    assert diff["sentences"] == {"kept": 5, "edited": 1, "dropped": 0, "typed": 1}
    assert diff["seconds"] == pytest.approx(15.0)
    assert diff["edit_distance"]["words"] == 7


def test_pixels_are_the_films_own(house: House, study: str) -> None:
    reader = house.browser("reader")
    film = reader.get(f"/api/studies/{study}").json()["films"][0]
    assert (film["rows"], film["columns"], film["bits"], film["invert"]) == (288, 272, 12, False)
    assert film["spacing"] == {"row": 0.2, "column": 0.2, "kind": "detector"}
    assert film["orientation"] == {"left": "R", "right": "L", "top": "H", "bottom": "F"}
    answer = reader.get(film["pixels"])
    values = np.frombuffer(answer.content, "<u2").reshape(film["rows"], film["columns"])
    np.testing.assert_array_equal(values, np.rint(fakes.chest(1) * 4095).astype(np.uint16))
    again = reader.get(film["pixels"], headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    thumbnail = Image.open(io.BytesIO(reader.get(film["thumbnail"]).content))
    assert max(thumbnail.size) == 256


def test_pixels_are_made_again_when_the_cache_is_lost(house: House, study: str) -> None:
    reader = house.browser("reader")
    film = reader.get(f"/api/studies/{study}").json()["films"][0]
    before = reader.get(film["pixels"]).content
    for file in house.room.cache.root.rglob("*.u16"):
        file.unlink()
    assert reader.get(film["pixels"]).content == before


def test_two_tabs_conflict_and_both_texts_are_kept(house: House, study: str) -> None:
    one, two = house.browser("reader"), house.browser("reader")
    assert one.put(f"/api/studies/{study}/report", json=save_body(1, "From the first tab.")).status_code == 200
    answer = two.put(f"/api/studies/{study}/report", json=save_body(1, "From the second tab."))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert answer.json()["current"]["findings"] == "From the first tab."
    assert answer.json()["yours"]["findings"] == "From the second tab."
    texts = {v["findings"]: v["kind"] for v in one.get(f"/api/studies/{study}/versions").json()["items"]}
    assert texts["From the first tab."] == "save"
    assert texts["From the second tab."] == "conflict"
    base = answer.json()["current"]["version"]
    assert two.put(f"/api/studies/{study}/report", json=save_body(base, "Both.")).json()["findings"] == "Both."


def test_a_repeated_save_is_one_save(house: House, study: str) -> None:
    reader = house.browser("reader")
    body = save_body(1, "Said once.", seconds=5)
    first = reader.put(f"/api/studies/{study}/report", json=body).json()
    again = reader.put(f"/api/studies/{study}/report", json=body)
    assert again.status_code == 200
    assert (again.json()["version"], again.json()["seconds"]) == (first["version"], first["seconds"])


def test_second_reader_is_kept_out_until_taking_over(house: House, study: str) -> None:
    one, two = house.browser("reader"), house.browser("second")
    assert one.post(f"/api/studies/{study}/claim", json={}).json()["claim"]["mine"] is True
    refused = two.post(f"/api/studies/{study}/claim", json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "claimed")
    assert refused.json()["claim"]["name"] == "Dr Ada Reader"
    blocked = two.put(f"/api/studies/{study}/report", json=save_body(1, "Mine."))
    assert blocked.json()["error"]["code"] == "claimed"
    assert blocked.json()["yours"]["findings"] == "Mine."
    signing = two.post(f"/api/studies/{study}/sign", json=sign_body("final", 1))
    assert signing.json()["error"]["code"] == "claimed"
    assert "edit" not in two.get(f"/api/studies/{study}").json()["allowed"]
    assert two.post(f"/api/studies/{study}/claim", json={"take_over": True}).status_code == 200
    assert one.put(f"/api/studies/{study}/report", json=save_body(1, "Too late.")).json()["error"]["code"] == "claimed"
    assert two.delete(f"/api/studies/{study}/claim").status_code == 204
    assert one.put(f"/api/studies/{study}/report", json=save_body(1, "Free again.")).status_code == 200


def test_claims_end_by_themselves(house: House, study: str) -> None:
    one, two = house.browser("reader"), house.browser("second")
    assert one.post(f"/api/studies/{study}/claim", json={}).status_code == 200
    with house.store.write() as session:
        session.get_one(StudyRow, study).claim_until = now() - 1
    assert two.post(f"/api/studies/{study}/claim", json={}).status_code == 200


def test_redraft_keeps_the_readers_words(house: House, study: str) -> None:
    reader = house.browser("reader")
    report = reader.get(f"/api/studies/{study}").json()["report"]
    mine = report["findings"].replace("No pneumothorax is seen. ", "") + " A sentence of my own."
    reader.put(f"/api/studies/{study}/report", json=save_body(1, mine, report["impression"]))
    assert reader.post(f"/api/studies/{study}/redraft", json={"indication": "Fall."}).status_code == 202
    assert house.draft() == 1
    body = reader.get(f"/api/studies/{study}").json()
    assert (body["draft_number"], body["indication"]) == (2, "Fall.")
    assert "A sentence of my own." in body["report"]["findings"]
    assert "pneumothorax" not in body["report"]["findings"]  # dropped stays dropped
    assert "stated complaint" in body["report"]["impression"]  # and what is new is there


def test_a_decided_finding_changes_draft_and_report(house: House, study: str) -> None:
    reader = house.browser("reader")
    path = f"/api/studies/{study}"
    report = reader.get(path).json()["report"]
    mine = report["findings"] + " A sentence of my own."
    reader.put(f"{path}/report", json=save_body(1, mine, report["impression"]))
    decided = {"Pleural Effusion": "negative", "Pneumothorax": "positive"}
    assert reader.post(f"{path}/redraft", json={"decide": decided}).status_code == 202
    house.draft()
    body = reader.get(path).json()
    assert body["decided"] == decided
    assert body["draft"]["labels"]["Pleural Effusion"]["by_model"] == "positive"
    assert "costophrenic" not in body["report"]["findings"]
    assert "Pneumothorax is present." in body["report"]["findings"]
    assert "A sentence of my own." in body["report"]["findings"]

    # The reader takes the new sentence out: it stays out, until the finding is decided anew.
    without = body["report"]["findings"].replace("Pneumothorax is present.", "")
    reader.put(f"{path}/report", json=save_body(body["report"]["version"], without, body["report"]["impression"]))
    reader.post(f"{path}/redraft", json={"indication": "Fall."})
    house.draft()
    body = reader.get(path).json()
    assert body["decided"] == decided, "a decision stands until it is taken back"
    assert "Pneumothorax is present." not in body["report"]["findings"]
    reader.post(f"{path}/redraft", json={"decide": dict.fromkeys(decided)})
    house.draft()
    reader.post(f"{path}/redraft", json={"decide": decided})
    house.draft()
    assert "Pneumothorax is present." in reader.get(path).json()["report"]["findings"]

    # On a side: another sentence in place of the first, though the reader had dropped that one.
    body = reader.get(path).json()
    without = body["report"]["findings"].replace("Pneumothorax is present.", "")
    reader.put(f"{path}/report", json=save_body(body["report"]["version"], without, body["report"]["impression"]))
    reader.post(f"{path}/redraft", json={"decide": {"Pneumothorax": "left"}})
    house.draft()
    body = reader.get(path).json()
    assert body["decided"] == {**decided, "Pneumothorax": "left"}
    assert body["draft"]["labels"]["Pneumothorax"]["state"] == "positive"
    assert "Pneumothorax is present (left)." in body["report"]["findings"]
    assert "Pneumothorax is present." not in body["report"]["findings"]
    refused = reader.post(f"{path}/redraft", json={"decide": {"Cardiomegaly": "left"}})
    assert refused.status_code == 422
    assert "Cardiomegaly has no side" in refused.json()["error"]["message"]

    reader.post(f"{path}/redraft", json={"decide": dict.fromkeys(decided)})
    house.draft()
    body = reader.get(path).json()
    assert body["decided"] == {}
    assert "by_model" not in body["draft"]["labels"]["Pleural Effusion"]
    assert "costophrenic" in body["report"]["findings"]


def test_statistics_count_what_the_model_said_and_not_what_was_decided(house: House, study: str) -> None:
    reader = house.browser("reader")
    reader.post(f"/api/studies/{study}/redraft", json={"decide": {"Pleural Effusion": "negative"}})
    house.draft()
    version = reader.get(f"/api/studies/{study}").json()["report"]["version"]
    assert reader.post(f"/api/studies/{study}/sign", json=sign_body("final", version)).status_code == 200
    with house.store.read() as session:
        (signed,) = (json.loads(row.detail) for row in entries(session, "report.signed"))
        (wanted,) = (json.loads(row.detail) for row in entries(session, "draft.wanted"))
    assert signed["model"]["Pleural Effusion"] == "positive"
    assert signed["decided"] == ["Pleural Effusion"]
    assert (signed["kept"], signed["dropped"], signed["typed"]) == (3, 2, 0), "the model's own draft had five sentences"
    assert signed["words"] > 0
    told = {row["label"]: row for row in reader.get("/api/statistics").json()["findings"]}
    effusion = told["Pleural Effusion"]
    assert (effusion["model_only"], effusion["decided"]) == (1, 1)
    assert told["Cardiomegaly"]["decided"] == 0
    (line,) = csv.DictReader(io.StringIO(reader.get("/api/statistics.csv").text))
    assert (line["decided"], line["model Pleural Effusion"]) == ("Pleural Effusion", "positive")
    assert wanted["decide"] == {"Pleural Effusion": "negative"}


def test_decisions_add_up_and_the_audit_trail_tells_each(house: House, study: str) -> None:
    reader = house.browser("reader")
    path = f"/api/studies/{study}/redraft"
    wishes: list[dict[str, Any]] = [
        {"decide": {"Pneumothorax": "positive"}},
        {"decide": {"No Finding": "positive"}},
        {"indication": "Fall."},
        {"decide": {"Cardiomegaly": "positive"}},
        {"decide": {"Cardiomegaly": None}},
    ]
    told = [reader.post(path, json=wish).json()["decided"] for wish in wishes]
    none = {"No Finding": "positive"}
    assert told == [{"Pneumothorax": "positive"}, none, none, {"Cardiomegaly": "positive"}, {}]
    with house.store.read() as session:
        wanted = [json.loads(row.detail) for row in entries(session, "draft.wanted")]
    assert [entry.get("decide") for entry in wanted] == [wish.get("decide") for wish in wishes]


def test_who_may_not_write_may_not_decide(house: House, study: str) -> None:
    reader, second = house.browser("reader"), house.browser("second")
    path, wish = f"/api/studies/{study}", {"decide": {"Pneumothorax": "positive"}}
    assert "decide" in second.get(path).json()["allowed"]
    reader.post(f"{path}/claim", json={})
    assert "decide" not in second.get(path).json()["allowed"]
    refused = second.post(f"{path}/redraft", json=wish)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "claimed")
    reader.delete(f"{path}/claim")
    version = reader.get(path).json()["report"]["version"]
    house.browser("resident").post(f"{path}/sign", json=sign_body("preliminary", version))
    assert "decide" not in reader.get(path).json()["allowed"]
    refused = reader.post(f"{path}/redraft", json=wish)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "state")


def test_nothing_is_signed_before_the_draft_follows_the_decision(house: House, study: str) -> None:
    reader = house.browser("reader")
    path = f"/api/studies/{study}"
    reader.post(f"{path}/redraft", json={"decide": {"Pleural Effusion": "negative"}})
    refused = reader.post(f"{path}/sign", json=sign_body("final", 1))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    house.draft()
    version = reader.get(path).json()["report"]["version"]
    assert reader.post(f"{path}/sign", json=sign_body("final", version)).status_code == 200


@pytest.mark.parametrize("decided", [{"Goitre": "positive"}, {"Edema": "much"}])
def test_what_cannot_be_decided_is_refused(house: House, study: str, decided: dict[str, str]) -> None:
    answer = house.browser("reader").post(f"/api/studies/{study}/redraft", json={"decide": decided})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "input")
    assert next(iter(decided)) in answer.json()["error"]["message"]


def test_words_typed_before_the_draft_came_stay(house: House) -> None:
    study = house.receive(1, draft=False)[0]
    reader = house.browser("reader")
    assert reader.put(f"/api/studies/{study}/report", json=save_body(0, "I was faster.")).status_code == 200
    house.draft()
    findings = reader.get(f"/api/studies/{study}").json()["report"]["findings"]
    assert "I was faster." in findings
    assert "The heart is mildly enlarged." in findings


def test_offsets_count_as_a_browser_does(house: House, study: str) -> None:
    reader = house.browser("reader")
    text = "Grosses Herz 🫀 gesehen. Ein zweiter Satz."
    report = reader.put(f"/api/studies/{study}/report", json=save_body(1, text)).json()
    utf16 = text.encode("utf-16-le")
    for s in report["sentences"]:
        assert utf16[2 * s["start"] : 2 * s["end"]].decode("utf-16-le") == s["text"]


def test_check_saves_nothing(house: House, study: str) -> None:
    reader = house.browser("reader")
    answer = reader.post(f"/api/studies/{study}/check", json={"findings": "Only a thought.", "impression": ""})
    assert answer.json()["sentences"][0]["origin"] == "typed"
    assert reader.get(f"/api/studies/{study}").json()["report"]["version"] == 1


def test_worklist_sorts_filters_searches(house: House) -> None:
    ids = house.receive(1, 2, 3)
    reader = house.browser("reader")
    names = [i["patient"]["id"] for i in reader.get("/api/worklist?sort=patient_id&order=desc").json()["items"]]
    assert names == ["P3", "P2", "P1"]
    assert [i["id"] for i in reader.get("/api/worklist?q=test p2").json()["items"]] == [ids[1]]
    assert reader.get("/api/worklist?q=100%25").json()["total"] == 0
    reader.post(f"/api/studies/{ids[0]}/claim", json={})
    assert [i["id"] for i in reader.get("/api/worklist?status=reading").json()["items"]] == [ids[0]]
    assert [i["id"] for i in reader.get("/api/worklist?mine=true").json()["items"]] == [ids[0]]
    assert reader.get("/api/worklist").json()["counts"]["unread"] == 2
    assert reader.patch(f"/api/studies/{ids[2]}", json={"priority": "stat"}).status_code == 200
    assert reader.get("/api/worklist").json()["items"][0]["id"] == ids[2]
    assert reader.get(f"/api/worklist/next?after={ids[2]}").json()["id"] == ids[1]


def test_worklist_says_when_nothing_changed(house: House, study: str) -> None:
    reader = house.browser("reader")
    first = reader.get("/api/worklist")
    same = {"If-None-Match": first.headers["ETag"]}
    assert reader.get("/api/worklist", headers=same).status_code == 304
    reader.post(f"/api/studies/{study}/claim", json={})
    assert reader.get("/api/worklist", headers=same).status_code == 200


def test_priors_are_the_same_patients_earlier_studies(house: House) -> None:
    old = {"PatientID": "P9", "PatientName": "Same^One", "StudyDate": "20200101"}
    new = {"PatientID": "P9", "PatientName": "Same^One", "StudyDate": "20260101"}
    other = {"PatientID": "P9", "PatientName": "Other^One", "StudyDate": "20190101"}
    reader, ids = house.browser("reader"), []
    for seed, header in enumerate((old, new, other)):
        files = [("files", ("f.dcm", fakes.dicom(seed, **header)))]
        ids.append(reader.post("/api/uploads", files=files).json()["accepted"][0]["study_id"])
    house.draft()
    assert [p["id"] for p in reader.get(f"/api/studies/{ids[1]}").json()["priors"]] == [ids[0]]
    assert reader.get(f"/api/studies/{ids[0]}").json()["priors"] == []


def test_stock_and_macros_are_ones_own(house: House, study: str) -> None:
    reader, second = house.browser("reader"), house.browser("second")
    macro = {"name": ".nl", "section": "findings", "text": "Normal lungs."}
    made = reader.post("/api/macros", json=macro).json()
    assert reader.post("/api/macros", json=macro).status_code == 422
    assert second.get("/api/macros").json()["items"] == []
    assert second.put(f"/api/macros/{made['id']}", json=macro).status_code == 404
    assert second.delete(f"/api/macros/{made['id']}").status_code == 404
    assert reader.get("/api/stock?q=.n").json()["items"][0]["text"] == "Normal lungs."
    reader.post(f"/api/studies/{study}/sign", json=sign_body("final", 1))
    found = reader.get("/api/stock?q=no pneu&section=findings").json()["items"]
    assert found == [{"text": "No pneumothorax is seen.", "count": 1, "source": "signed"}]
    assert second.get("/api/stock?q=no pneu").json()["items"] == []
    assert set(SECTIONS) == {"findings", "impression"}


def test_similar_cases_come_with_the_indexs_line(house: House, tmp_path: Path) -> None:
    study = house.receive(1, draft=False)[0]
    found = (SimilarCase("old-1", 0.9), SimilarCase("old-2", 0.8))
    drain(house.store, lambda s: replace(fakes.FakeDrafter()(s), similar=found))
    reader = house.browser("reader")
    answer = reader.get(f"/api/studies/{study}/similar").json()
    assert (answer["configured"], [i["impression"] for i in answer["items"]]) == (False, [None, None])
    index = Index.create(tmp_path / "index", ModelInfo("fake", "1", "0" * 64), 2)
    index.add([Record("old-1", note="Small effusion."), Record("old-2")], np.eye(2))
    house.room.similar = Cases(tmp_path / "index")
    Index.open(tmp_path / "index").remove(["old-2"])  # by another process, later
    items = reader.get(f"/api/studies/{study}/similar").json()["items"]
    assert [(i["study_id"], i["score"], i["impression"]) for i in items] == [("old-1", 0.9, "Small effusion.")]
