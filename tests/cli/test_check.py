"""``wetread check`` as its user runs it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from wetread.cli import main
from wetread.types import LABELS, Draft, Finding, ModelInfo

REPORT = (
    "FINDINGS: Small left effusion. There is no effusion. Lungs are are clear.\n\nIMPRESSION: Small right effusion.\n"
)


def _run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(["check", *argv])
    out, err = capsys.readouterr()
    return code, out, err


def _draft(findings: str, **states: str) -> Draft:
    probability = {"positive": 0.9, "uncertain": 0.45, "negative": 0.01}
    labels = {}
    for name in LABELS:
        state = states.get(name.replace(" ", "_"), "negative")
        labels[name] = Finding(probability[state], 0.3, 0.6, state)  # type: ignore[arg-type]
    return Draft("s", ModelInfo("m", "1", "0"), (), findings, "Normal.", (), labels)


def test_a_table_for_a_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.txt"
    path.write_text(REPORT)
    code, out, _ = _run(capsys, str(path))
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("severe   contradiction")
    assert any(line.startswith("severe   side") for line in lines)
    assert any("'are are' → 'are'" in line for line in lines)
    assert lines[-1].endswith("Research use; not a medical device.")


def test_json_for_a_program(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("IMPRESSION: Right pneumothorax."))
    code, out, _ = _run(capsys, "-", "--json")
    value = json.loads(out)
    assert code == 0
    assert value["schema"] == "wetread.check/1"
    assert value["critical"] == ["critical-pneumothorax"]
    first = value["flags"][0]
    assert first["critical"] is True
    assert first["text"] == "pneumothorax"
    assert value["flags"][-1]["code"] == "no-findings"


def test_nothing_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.txt"
    path.write_text("FINDINGS: The lungs are clear. No effusion.\nIMPRESSION: Normal chest.")
    code, out, _ = _run(capsys, str(path), "--fail-on", "warning")
    assert code == 0
    assert out == "0 severe, 0 warnings, 0 hints, 0 critical. Research use; not a medical device.\n"


@pytest.mark.parametrize(("fail_on", "code"), [("severe", 0), ("warning", 3), ("critical", 0)])
def test_fail_on(tmp_path: Path, capsys: pytest.CaptureFixture[str], fail_on: str, code: int) -> None:
    path = tmp_path / "report.txt"
    path.write_text("FINDINGS: The lungs are are clear.\nIMPRESSION: Normal chest.")
    assert _run(capsys, str(path), "--fail-on", fail_on)[0] == code
    path.write_text("FINDINGS: Left pneumothorax.\nIMPRESSION: Left pneumothorax.")
    assert _run(capsys, str(path), "--fail-on", fail_on)[0] == (3 if fail_on == "critical" else 0)


def test_comparison_words_depend_on_the_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.txt"
    path.write_text("FINDINGS: The heart is unchanged. Clear lungs.\nIMPRESSION: Normal chest.")
    severities = []
    for arguments in ([], ["--comparison", "None."], ["--comparison", "Film of last May."]):
        flags = json.loads(_run(capsys, str(path), "--json", *arguments)[1])["flags"]
        severities.append([flag["severity"] for flag in flags])
    assert severities == [["hint"], ["warning"], []]


def test_against_a_draft(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, draft = tmp_path / "report.txt", tmp_path / "draft.json"
    report.write_text("FINDINGS: No pneumothorax. Clear lungs.\nIMPRESSION: Normal chest.")
    draft.write_text(json.dumps(_draft("No pneumothorax.", Pneumothorax="positive").to_json()))
    flags = json.loads(_run(capsys, str(report), "--draft", str(draft), "--json")[1])["flags"]
    assert [flag["code"] for flag in flags if flag["severity"] == "severe"] == ["denied"]
    alone = json.loads(_run(capsys, str(draft), "--json")[1])["flags"]
    assert "denied" in [flag["code"] for flag in alone]


def test_the_header_of_a_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pydicom = pytest.importorskip("pydicom")
    ds = pydicom.Dataset()
    ds.PatientSex = "M"
    ds.BodyPartExamined = "KNEE"
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    film, report = tmp_path / "film.dcm", tmp_path / "report.txt"
    ds.save_as(film, enforce_file_format=True)
    report.write_text("FINDINGS: Chest of a woman.\nIMPRESSION: Normal chest.")
    flags = json.loads(_run(capsys, str(report), "--dicom", str(film), "--json")[1])["flags"]
    assert [flag["code"] for flag in flags] == ["sex", "body-part"]


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "half.json").write_text('{"schema": "wetread.draft/1"')
    (tmp_path / "other.json").write_text("{}")
    good = tmp_path / "good.txt"
    good.write_text("Clear lungs.")
    for arguments in (
        ["absent.txt"],
        [str(tmp_path)],
        *([str(tmp_path / name)] for name in ("empty.txt", "bytes.txt", "half.json", "other.json")),
        [str(good), "--draft", str(good)],
        [str(good), "--dicom", str(good)],
        [str(good), "--dicom", "absent.dcm"],
    ):
        code, out, err = _run(capsys, *arguments)
        assert code == 3, arguments
        assert out == ""
        assert err.startswith("wetread: ")
        assert err.count("\n") == 1
