"""``wetread similar`` with a stand-in for the model: build, go on, ask, erase."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import wetread.draft
import wetread.image.read
from wetread.cli import main
from wetread.errors import InputError
from wetread.similar import Index
from wetread.types import ModelInfo, Study


class _Drafter:
    """Embeds a study by its id; the blank film has none."""

    def __init__(self, sha: str = "a" * 64) -> None:
        self.bundle = SimpleNamespace(info=ModelInfo("toy", "1", sha))

    def embed(self, study: Study) -> np.ndarray:
        angle = float(study.study_id or 0)
        return np.array([np.cos(angle), np.sin(angle), 0.1], np.float32)


def _read_study(paths: Sequence[str | Path], *, study_id: str | None = None) -> Study:
    if "bad" in str(paths[0]):
        raise InputError(f"{paths[0]} is no film")
    return Study(study_id or Path(paths[0]).stem, ())


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wetread.draft.Drafter, "load", lambda *_, **__: _Drafter())
    monkeypatch.setattr(wetread.image.read, "read_study", _read_study)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "list.jsonl"
    rows = [
        {
            "study_id": f"{i / 10}",
            "split": "train" if i < 4 else "val",
            "impression": f"Case {i}.",
            "views": [{"path": f"{i}.png", "projection": "frontal"}],
        }
        for i in range(5)
    ]
    rows.append({"study_id": "9", "split": "train", "views": [{"path": "bad.png"}]})
    rows.append({"study_id": "8", "split": "train", "impression": "No films."})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_build_go_on_query_and_erase(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = str(tmp_path / "index")
    assert main(["similar", "build", str(manifest), index, "--split", "train", "--quiet"]) == 0
    err = capsys.readouterr().err
    assert "4 added, 2 failed, 0 there before; 4 in all" in err
    assert "bad.png is no film" in err
    assert "study 8 has no films" in err
    assert main(["similar", "build", str(manifest), index, "--quiet"]) == 0
    assert "1 added, 2 failed, 4 there before; 5 in all" in capsys.readouterr().err

    assert main(["similar", "query", "0.2.png", "--index", index, "-k", "2", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["study_id"] == "0.2"
    assert {row["study_id"] for row in value["similar"]} == {"0.1", "0.3"}, "not itself"
    assert value["similar"][0]["note"].startswith("Case ")

    assert main(["similar", "query", "0.2.png", "--study-id", "0.21", "--index", index, "-k", "1"]) == 0
    assert capsys.readouterr().out.split() == ["1.00", "0.2", "Case", "2."]

    assert main(["similar", "remove", index, "0.1"]) == 0
    assert "1 erased, 4 left" in capsys.readouterr().out
    assert main(["similar", "remove", index, "0.1"]) == 3
    assert "not in the index" in capsys.readouterr().err
    assert main(["similar", "info", index]) == 0
    assert capsys.readouterr().out.startswith("4 studies, 3 numbers of float32 each")


def test_without_notes_no_text_is_stored(manifest: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    assert main(["similar", "build", str(manifest), str(index), "--no-notes", "--float16", "--quiet"]) == 0
    assert b"Case" not in b"".join(p.read_bytes() for p in index.iterdir())
    assert Index.open(index).header.dtype == "float16"


def test_another_model_is_refused(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = str(tmp_path / "index")
    assert main(["similar", "build", str(manifest), index, "--quiet"]) == 0
    monkeypatch.setattr(wetread.draft.Drafter, "load", lambda *_, **__: _Drafter("b" * 64))
    capsys.readouterr()
    for arguments in (["build", str(manifest), index], ["query", "0.png", "--index", index]):
        assert main(["similar", *arguments]) == 4
        assert "made by model toy" in capsys.readouterr().err


def test_wrong_use(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["similar"]) == 2
    assert main(["similar", "query", "0.png", "--index", str(tmp_path / "none")]) == 3
    assert "similar build" in capsys.readouterr().err
    only_bad = tmp_path / "bad.jsonl"
    only_bad.write_text('{"study_id": "9", "views": [{"path": "bad.png"}]}\n')
    assert main(["similar", "build", str(only_bad), str(tmp_path / "index"), "--quiet"]) == 3
    assert "none of the 1 studies" in capsys.readouterr().err
