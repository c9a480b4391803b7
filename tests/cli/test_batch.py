"""``wetread batch`` as its user meets it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import wetread.batch
from wetread.batch import DraftStudy
from wetread.cli import main
from wetread.data.manifest import ManifestStudy, ManifestView, write_manifest
from wetread.errors import NotAChestFilm


@dataclass(frozen=True)
class FakeFactory:
    """In the place of ``DrafterFactory``; refuses the study "foot"."""

    bundle: str | None
    threads: int

    def __call__(self) -> DraftStudy:
        def draft(study: ManifestStudy) -> dict[str, Any]:
            if study.study_id == "foot":
                raise NotAChestFilm("foot.png is no chest radiograph")
            return {"study_id": study.study_id, "bundle": self.bundle, "threads": self.threads}

        return draft


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    films = (ManifestView(tmp_path / "film.png"),)
    path = tmp_path / "studies.jsonl"
    write_manifest(path, [ManifestStudy("chest", views=films), ManifestStudy("foot", views=films)])
    return path


def test_code_0_when_every_study_has_its_line(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wetread.batch, "DrafterFactory", FakeFactory)
    monkeypatch.setattr(wetread.batch, "available_cores", lambda: 6)
    out = tmp_path / "drafts.jsonl"
    words = ["batch", str(manifest), "--out", str(out), "--workers", "2", "--model", "mine"]
    assert main(words) == 0
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"study_id": "chest", "bundle": "mine", "threads": 3},
        {"study_id": "foot", "error": "foot.png is no chest radiograph"},
    ]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "1 drafted, 1 failed, 0 there before" in captured.err
    assert "not a medical device" in captured.err
    assert main(words) == 0
    assert "0 drafted, 0 failed, 2 there before" in capsys.readouterr().err


def test_codes_of_what_cannot_run(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "o.jsonl")
    for words, code in [
        ([str(tmp_path / "none.jsonl"), "--out", out], 3),
        ([str(manifest), "--out", out, "--workers", "0"], 2),
        ([str(manifest)], 2),
        ([str(manifest), "--out", out, "--workers", "1", "--model", str(tmp_path / "no-bundle")], 4),
    ]:
        assert main(["batch", *words]) == code
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
    assert "no-bundle" in captured.err
