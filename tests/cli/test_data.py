"""``wetread data prepare`` as its user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from wetread.cli import main
from wetread.data.manifest import read_manifest


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    source = tmp_path / "studies"
    for name in ("one", "two"):
        (source / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(source / name / "film.png")
    (source / "one" / "report.txt").write_text("FINDINGS: Large left pleural effusion.\nIMPRESSION: Effusion.")
    return source


def test_prepare_folder(studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "prepare", "folder", str(studies), str(tmp_path / "out" / "mine.jsonl")]) == 0
    out = capsys.readouterr().out
    assert "studies without a report, kept" in out
    assert "mine.jsonl (2 studies" in out
    one, two = read_manifest(tmp_path / "out" / "mine.jsonl")
    assert one.findings == "Large left pleural effusion."
    assert one.labels is not None
    assert one.labels["Pleural Effusion"] == "positive"
    assert two.labels is None
    counts = json.loads((tmp_path / "out" / "mine.counts.json").read_text())
    assert counts["kept"]["studies"] == 2


def test_a_folder_as_destination_and_no_labeler(
    studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dest = tmp_path / "prepared"
    assert main(["data", "prepare", "folder", str(studies), str(dest), "--no-labeler", "--quiet"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert all(study.labels is None for study in read_manifest(dest / "manifest.jsonl"))


@pytest.mark.parametrize("kind", ["iu-xray", "mimic-cxr", "folder"])
def test_a_wrong_source_is_one_sentence_and_code_3(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "prepare", kind, str(tmp_path / "none"), str(tmp_path / "m.jsonl")]) == 3
    err = capsys.readouterr().err
    assert err.startswith("wetread: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "m.jsonl").exists()


def test_wrong_usage_is_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data"]) == 2
    assert main(["data", "prepare", "ct", "a", "b"]) == 2
    assert "iu-xray" in capsys.readouterr().err
