"""The statistics are what the audit trail says, no more."""

from __future__ import annotations

import csv
import io
import json
from statistics import median

import pytest
from house import House, save_body, sign_body

from wetread.room import audit, signoff, stats


def _read(house: House, study: str, edit: tuple[str, str] | None, seconds: float, user: str = "reader") -> None:
    caller = house.browser(user)
    report = caller.get(f"/api/studies/{study}").json()["report"]
    version = report["version"]
    if edit is not None:
        findings = report["findings"].replace(*edit)
        body = save_body(version, findings, report["impression"], seconds=seconds)
        version = caller.put(f"/api/studies/{study}/report", json=body).json()["version"]
        seconds = 0.0
    answer = caller.post(f"/api/studies/{study}/sign", json=sign_body("final", version, seconds=seconds))
    assert answer.status_code == 200, answer.text


def test_empty_until_something_is_signed(house: House, study: str) -> None:
    body = house.browser("reader").get("/api/statistics").json()
    assert body["empty"] is True
    assert (body["cases"], body["kinds"], body["weeks"], body["sentences"]["acceptance"]) == (0, [], [], None)


def test_every_figure_can_be_recomputed_from_the_trail(house: House) -> None:
    one, two, three = house.receive(1, 2, 3)
    _read(house, one, None, 60)
    _read(house, two, ("The heart is mildly enlarged. ", ""), 30)
    _read(house, three, ("mildly", "moderately"), 90, "second")
    reader = house.browser("reader")
    body = reader.get("/api/statistics").json()
    with house.store.read() as session:
        events = [json.loads(e.detail) for e in audit.entries(session, "report.signed")]
    assert body["cases"] == len(events) == 3
    assert body["seconds"]["median"] == median(e["seconds"] for e in events) == 60
    kept, edited, dropped = (sum(e[k] for e in events) for k in ("kept", "edited", "dropped"))
    assert (kept, edited, dropped) == (13, 1, 1)
    assert body["sentences"]["acceptance"] == pytest.approx(13 / 15)
    assert body["edit_distance"]["median_words"] == median(e["words"] for e in events)
    kind = next(k for k in body["kinds"] if (k["kind"], k["section"]) == ("Cardiomegaly", "findings"))
    assert (kind["machine"], kind["kept"], kind["edited"], kind["dropped"]) == (3, 1, 1, 1)
    heart = next(f for f in body["findings"] if f["label"] == "Cardiomegaly")
    both = sum(e["model"]["Cardiomegaly"] == "positive" == e["reader"].get("Cardiomegaly") for e in events)
    assert (heart["n"], heart["both"]) == (3, both)
    assert {r["name"]: r["cases"] for r in body["readers"]} == {"Dr Ada Reader": 2, "Dr Bo Second": 1}
    assert sum(w["cases"] for w in body["weeks"]) == 3
    mine = reader.get("/api/session").json()["user"]["id"]
    assert reader.get(f"/api/statistics?reader={mine}").json()["cases"] == 2
    assert reader.get("/api/statistics?end=2001-01-01").json()["empty"] is True

    rows = list(csv.DictReader(io.StringIO(reader.get("/api/statistics.csv").text)))
    assert [float(r["seconds"]) for r in rows] == [60, 30, 90]
    assert sum(int(r["kept"]) for r in rows) == kept
    assert rows[0]["model Cardiomegaly"] == "positive"


def test_a_preliminary_signature_is_no_case(house: House, study: str) -> None:
    house.browser("resident").post(f"/api/studies/{study}/sign", json=sign_body("preliminary", 1))
    assert house.browser("reader").get("/api/statistics").json()["cases"] == 0


def test_kappa() -> None:
    def case(model: str, reader: str) -> stats.Case:
        return stats.Case(0.0, "s", "a", "u", {"model": {"Edema": model}, "reader": {"Edema": reader}, "drafted": True})

    pairs = [("positive", "positive")] * 20 + [("positive", "negative")] * 5 + [("negative", "positive")] * 10
    pairs += [("negative", "negative")] * 15
    row = stats._agreement("Edema", [case(*p) for p in pairs])
    assert row.agreement == pytest.approx(0.7)
    assert row.kappa == pytest.approx(0.4)  # the textbook's table: 20, 5, 10, 15
    assert stats._agreement("Edema", [case("negative", "negative")]).kappa is None


def test_measuring_without_a_draft() -> None:
    measured = signoff.measure({"findings": "No pneumothorax.", "impression": ""}, None)
    assert (measured["kept"], measured["typed"], measured["drafted"]) == (0, 1, False)
