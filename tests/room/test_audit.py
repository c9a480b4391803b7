"""Tampering with the audit trail is found, whoever does it and wherever."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from house import House, sign_body

from wetread.cli import main
from wetread.room import audit
from wetread.room.hashes import entry_hash


@pytest.fixture
def signed(house: House, study: str) -> House:
    house.browser("reader").post(f"/api/studies/{study}/sign", json=sign_body("final", 1))
    return house


def _tamper(house: House, *statements: str) -> audit.Verdict:
    """As someone with the database file and no respect for its triggers."""
    connection = sqlite3.connect(house.room.settings.data / "room.sqlite")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    with house.store.read() as session:
        return audit.verify(session)


def test_an_untouched_trail_fits(signed: House) -> None:
    verdict = _tamper(signed)
    assert verdict.ok, verdict
    assert signed.browser("admin").get("/api/audit/verify").json()["ok"] is True


@pytest.mark.parametrize(
    "change", ["actor = 'x'", "at = at + 1", "action = 'x'", "study_id = 'x'", "detail = '{}'", "previous = 'x'"]
)
def test_a_changed_entry_is_found(signed: House, change: str) -> None:
    verdict = _tamper(signed, f"UPDATE audit SET {change} WHERE seq = 3")
    assert (verdict.ok, verdict.seq) == (False, 3)


def test_removed_entries_are_found(signed: House) -> None:
    assert _tamper(signed, "DELETE FROM audit WHERE seq = 4").seq == 4


def test_a_cut_off_end_is_found(signed: House) -> None:
    last = signed.browser("admin").get("/api/audit").json()["last"]
    assert not _tamper(signed, f"DELETE FROM audit WHERE seq >= {last - 1}").ok


def test_a_trail_written_anew_is_found_by_its_signatures(signed: House) -> None:
    head = "(SELECT hash FROM audit WHERE seq = 4)"
    verdict = _tamper(signed, "DELETE FROM audit WHERE seq > 4", f"UPDATE audit_head SET seq = 4, hash = {head}")
    assert not verdict.ok
    assert "Signature 1" in verdict.message


def test_a_changed_signature_is_found(signed: House) -> None:
    assert "Signature 1" in _tamper(signed, "UPDATE signature SET sha256 = 'x'").message


def test_a_changed_or_removed_text_is_found(signed: House) -> None:
    assert "was changed" in _tamper(signed, "UPDATE signature SET findings = 'Something else.'").message
    assert "was removed" in _tamper(signed, "DELETE FROM signature").message


def test_verify_and_export_by_command(signed: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(signed.room.settings.data)]
    assert main(["audit", "verify", *data]) == 0
    out = tmp_path / "trail.jsonl"
    assert main(["audit", "export", "--out", str(out), *data]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["seq"] for r in rows] == list(range(1, len(rows) + 1))
    r = rows[-1]
    assert entry_hash(*(r[k] for k in ("seq", "at", "actor", "action", "study_id", "detail", "previous"))) == r["hash"]
    assert main(["audit", "verify", "--head", r["hash"], *data]) == 0
    assert main(["audit", "verify", "--head", "0" * 64, *data]) == 5
    capsys.readouterr()
    assert main(["audit", "export", "--csv", *data]) == 0
    assert capsys.readouterr().out.startswith("seq,at,actor,")
    _tamper(signed, "UPDATE audit SET actor = 'x' WHERE seq = 2")
    assert main(["audit", "verify", *data]) == 5
    assert "tampered" in capsys.readouterr().err
