"""``wetread doctor``: every check runs, every failure has its remedy and its exit code."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom import uid

from wetread.cli import doctor, main
from wetread.cli.doctor import Check
from wetread.image import dicom, guard


def _by_part(checks: list[Check]) -> dict[str, Check]:
    return {check.part: check for check in checks}


def _pretend_bundle(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """What is trained may not be there while it is being trained; its own tests look at it."""
    check = Check("model bundle", state, "pretended", needed=True)  # type: ignore[arg-type]
    monkeypatch.setattr(doctor, "_bundle", lambda path: check)
    monkeypatch.setattr(doctor, "_guard", lambda: Check("image guard", "ok", "pretended", needed=True))


def test_this_installation_decodes_and_says_what_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend_bundle(monkeypatch, "ok")
    checks = _by_part(doctor.examine())
    needed = [check for check in checks.values() if check.needed]
    assert {check.state for check in needed} == {"ok"}, needed
    assert {f"decoding {name}" for name in doctor._SAMPLES} <= checks.keys()
    assert {f"extra '{name}'" for name in ("train", "room", "gateway", "ray", "jpeg12")} <= checks.keys()
    assert all(check.remedy for check in checks.values() if check.state != "ok")


def test_exit_codes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _pretend_bundle(monkeypatch, "ok")
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "Reports can be drafted." in out
    assert "not a medical device" in out
    monkeypatch.setattr(doctor, "_font", lambda: 1 / 0)  # the picture alone suffers
    assert main(["doctor"]) == 0
    monkeypatch.setattr(doctor, "_temporary", lambda: 1 / 0)
    assert main(["doctor"]) == 1
    capsys.readouterr()
    _pretend_bundle(monkeypatch, "failed")
    assert main(["doctor", "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert told["usable"] is False
    failed = {check["part"]: check for check in told["checks"] if check["state"] == "failed"}
    assert failed.keys() == {"model bundle", "font of the pictures", "temporary files"}
    assert "ZeroDivisionError" in failed["font of the pictures"]["detail"]


def test_a_bad_bundle_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bundle.json").write_text("{}")
    assert main(["doctor", "--model", str(tmp_path)]) == 4
    out = capsys.readouterr().out
    assert str(tmp_path) in out
    assert "name another bundle" in out


def test_a_guard_that_lets_all_through_or_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for assess, found in [
        (lambda pixels: SimpleNamespace(refusal=None), "gradient"),
        (lambda pixels: 1 / 0, "ZeroDivisionError"),
    ]:
        monkeypatch.setattr(guard, "assess", assess)
        check = doctor._guarded("image guard", doctor._guard, needed=True)
        assert (check.state, check.needed) == ("failed", True)
        assert found in check.detail


def test_a_missing_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dicom._DECODERS, uid.JPEGLSLossless, "gone")
    check = doctor._decoder("JPEGLSLossless")
    assert (check.state, check.needed) == ("failed", True)
    assert "pip install" in check.remedy


def test_a_decoder_that_decodes_wrongly_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor._SAMPLES, "JPEGLSLossless", doctor._SAMPLES["JPEGBaseline8Bit"])
    assert doctor._decoder("JPEGLSLossless").state == "failed"


def test_an_extra_that_is_not_there_has_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        importlib.metadata,
        "requires",
        lambda name: ["numpy>=1", 'nothing-of-the-kind>=1; extra == "room"', "wetread[room]; extra == 'all'"],
    )
    (check,) = doctor._extras()
    assert (check.part, check.state) == ("extra 'room'", "absent")
    assert "nothing-of-the-kind" in check.detail
    assert check.remedy == "pip install 'wetread[room]'"
