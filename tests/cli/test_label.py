"""``wetread label`` as a user runs it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from wetread.cli import main
from wetread.types import LABELS


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_a_line_for_each_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "reports.txt"
    path.write_bytes("\ufeffMild cardiomegaly. No effusion.\r\n\r\n\nNormal chest.\u2028Clear lungs.".encode())
    assert main(["label", str(path)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(line) for line in lines] == [list(LABELS)] * 4
    assert lines[0] == dict.fromkeys(LABELS) | {
        "Cardiomegaly": "positive",
        "Pleural Effusion": "negative",
        "No Finding": "negative",
    }
    assert lines[1] == lines[2] == dict.fromkeys(LABELS)
    assert lines[3]["No Finding"] == "positive"


def test_stdin_and_spans(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stdin(monkeypatch, b"Clear. Small left effusion.\n")
    assert main(["label", "--spans"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["Pleural Effusion"] == "positive"
    assert line["spans"][-1] == {
        "label": "Pleural Effusion",
        "state": "positive",
        "sentence": 1,
        "start": 18,
        "end": 26,
        "phrase": "effusion",
        "side": "left",
        "zone": None,
        "severity": "mild",
    }


def test_convention(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    states = []
    for options in ([], ["--convention", "plain"]):
        stdin(monkeypatch, b"No displaced rib fracture.\n")
        assert main(["label", *options]) == 0
        states.append(json.loads(capsys.readouterr().out)["Fracture"])
    assert states == ["positive", "negative"]


def test_nothing_in_nothing_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stdin(monkeypatch, b"")
    assert main(["label"]) == 0
    assert capsys.readouterr().out == ""


def test_wrong_encoding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "latin1.txt"
    path.write_bytes(b"Clear lungs.\nN\xe9gative.\n")
    assert main(["label", str(path)]) == 3
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert "latin1.txt, line 2: byte 2 is not UTF-8" in captured.err
    assert captured.err.count("\n") == 1


def test_unreadable_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", str(tmp_path / "absent.txt")]) == 3
    assert "absent.txt cannot be read" in capsys.readouterr().err
    assert main(["label", str(tmp_path)]) == 3


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("Clear lungs.\n" * 20_000)
    with subprocess.Popen(
        [sys.executable, "-m", "wetread", "label", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
