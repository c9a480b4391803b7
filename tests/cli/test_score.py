"""``wetread score`` as its user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wetread.cli import main

REFERENCES = [
    "The heart is normal in size. The lungs are clear.",
    "There is a small left pleural effusion. No pneumothorax.",
    "Stable cardiomegaly. A pacemaker is present.",
]
HYPOTHESES = ["The heart is normal. The lungs are clear.", "No pleural effusion. No pneumothorax.", ""]
FAST = ["--metrics", "language,clinical,consistency", "--samples", "50"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _text(path: Path, lines: list[str]) -> str:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return str(path)


def _json(path: Path, values: list[dict]) -> str:
    return _text(path, [json.dumps(value) for value in values])


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    r, h = _text(tmp_path / "r.txt", REFERENCES), _text(tmp_path / "h.txt", HYPOTHESES)
    return ["score", "--references", r, "--hypotheses", h]


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    studies = [{"study_id": f"t{k}", "split": "train", "findings": text} for k, text in enumerate(REFERENCES * 4)]
    impressions = ["Normal chest.", "Left effusion.", None]
    for k, text in enumerate(REFERENCES):
        studies.append({"study_id": f"v{k}", "split": "val", "findings": text, "impression": impressions[k]})
    return _json(tmp_path / "manifest.jsonl", studies)


@pytest.fixture
def drafts(tmp_path: Path) -> str:
    lines: list[dict] = [
        {"study_id": f"v{k}", "findings": text, "impression": "Normal chest."} for k, text in enumerate(HYPOTHESES)
    ]
    lines[2] = {"study_id": "v2", "error": "the film cannot be read"}
    return _json(tmp_path / "drafts.jsonl", lines[::-1])


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_of_text_files(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    value = _run(capsys, *files, *FAST)
    assert value["n"] == 3
    assert value["distinct"] == 3
    assert value["empty"] == 1
    assert "protocol:ptb" in value["signature"]
    assert {"BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr", "CIDEr-D", "macro-14", "micro-14", "micro-5"} <= set(
        value["metrics"]
    )
    assert value["metrics"].pop("macro-10+") is None
    assert "ten positives" in value["unavailable"]["macro-10+"]
    for metric in value["metrics"].values():
        low, high = metric["interval"]
        assert low <= high
    assert value["per_label"]["Pleural Effusion"]["reference"] == 1
    assert value["contradictions"]["Pleural Effusion"]["polarity"] == 1
    assert "--train-manifest" in value["baselines"]["unavailable"]


def test_missing_meteor_is_null_with_its_reason(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = _run(capsys, *files, "--meteor", str(tmp_path), "--samples", "10")
    assert value["metrics"]["METEOR"] is None
    assert "paraphrase-en.gz" in value["unavailable"]["METEOR"]


def test_manifest_and_drafts_are_joined(manifest: str, drafts: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["score", "--references", manifest, "--hypotheses", drafts, "--train-manifest", manifest, *FAST]
    value = _run(capsys, *arguments)
    assert (value["n"], value["failed"], value["empty"]) == (3, 1, 1)
    assert value["references_in_train"] == 1.0
    assert value["signature"].endswith("split:val")
    assert "protocol:r2gen|vocabulary:" in value["signature"]
    for kind in ("random", "most_frequent"):
        assert isinstance(value["baselines"][kind]["BLEU-4"], float)
    constant = value["baselines"]["constant"]
    assert {"BLEU-4", "ROUGE-L", "CIDEr", "macro-14"} <= set(constant)
    assert constant["CIDEr"]["text"]


def test_both_sections(manifest: str, drafts: str, capsys: pytest.CaptureFixture[str]) -> None:
    value = _run(
        capsys,
        "score",
        "--references",
        manifest,
        "--hypotheses",
        drafts,
        "--section",
        "both",
        "--protocol",
        "ptb",
        *FAST,
    )
    assert value["section"] == "both"
    impression = value["sections"]["impression"]
    assert (impression["n"], impression["left_out"]) == (2, 1)
    assert impression["metrics"]["normal-or-not"]["value"] == 0.5
    assert "normal-or-not" not in value["sections"]["findings"]["metrics"]


def test_impressions_as_text(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    value = _run(capsys, *files, *FAST, "--section", "impression")
    assert value["metrics"]["normal-or-not"]["value"] == pytest.approx(2 / 3)  # the second denies the effusion


def test_table_page_and_report_file(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, each = tmp_path / "page.html", tmp_path / "each.jsonl"
    other = _text(tmp_path / "other.txt", REFERENCES)
    code = main([*files, *FAST, "--html", str(page), "--per-report", str(each), "--against", other])
    captured = capsys.readouterr()
    assert code == 0
    assert "95 % interval" in captured.out
    assert "against the other" in captured.out
    assert "1 empty hypotheses, scored 0" in captured.out
    assert "not a medical device" in captured.out
    html = page.read_text(encoding="utf-8")
    assert "<svg" in html
    assert '<mark class="against"' in html
    assert "http" not in html
    assert "<script" not in html
    rows = [json.loads(line) for line in each.read_text(encoding="utf-8").splitlines()]
    assert [row["study_id"] for row in rows] == ["1", "2", "3"]
    assert rows[2]["scores"]["ROUGE-L"] == 0.0


def test_text_of_others_is_escaped(tmp_path: Path) -> None:
    r = _text(tmp_path / "r.txt", ["<script>alert(1)</script> effusion & more"] * 2)
    page = tmp_path / "page.html"
    assert main(["score", "--references", r, "--hypotheses", r, *FAST, "--html", str(page)]) == 0
    assert "<script" not in page.read_text(encoding="utf-8")


def test_a_template_is_called_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    r = _text(tmp_path / "r.txt", [f"Nodule number {k} is seen." for k in range(30)])
    h = _text(tmp_path / "h.txt", ["The lungs are clear."] * 30)
    assert main(["score", "--references", r, "--hypotheses", h, *FAST]) == 0
    assert "these hypotheses are a template: 1 distinct reports for 30 studies" in capsys.readouterr().out


def test_given_labels(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from wetread.types import LABELS

    head = ",".join(["Report", *LABELS])
    table = _text(tmp_path / "labels.csv", [head, *[f"x,1{',' * 13}"] * 3])
    value = _run(capsys, *files, *FAST, "--labels-references", table, "--labels-hypotheses", table)
    assert value["per_label"]["Enlarged Cardiomediastinum"]["f1"] == 1.0
    assert "labels:given" in value["signature"]
    short = _text(tmp_path / "short.csv", [head, f"x{',' * 14}"])
    assert main([*files, *FAST, "--labels-references", short]) == 3
    assert "has 1 rows for 3 reports" in capsys.readouterr().err


def test_other_scores_say_what_is_missing(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    value = _run(capsys, *files, "--metrics", "language", "--samples", "10", "--with", "GREEN,CheXbert")
    assert "green_score" in value["unavailable"]["GREEN"]
    assert value["metrics"]["CheXbert"] is None


@pytest.mark.parametrize(
    ("references", "hypotheses", "reason"),
    [
        (["a", "b"], ["a"], "has 2 reports and"),
        (["a", " "], ["a", "b"], "line 2 of"),
        ([], [], "holds no report"),
    ],
)
def test_wrong_texts(
    references: list[str], hypotheses: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    r, h = _text(tmp_path / "r.txt", references), _text(tmp_path / "h.txt", hypotheses)
    assert main(["score", "--references", r, "--hypotheses", h]) == 3
    error = capsys.readouterr().err
    assert reason in error
    assert len(error.splitlines()) == 1


def test_wrong_encoding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    r = tmp_path / "r.txt"
    r.write_bytes("clear\nGr\xf6\xdfe\n".encode("latin1"))
    assert main(["score", "--references", str(r), "--hypotheses", str(r)]) == 3
    assert "not UTF-8 (line 2)" in capsys.readouterr().err


def test_wrong_drafts(manifest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(values: list[dict], reason: str, *more: str) -> None:
        drafts = _json(tmp_path / "wrong.jsonl", values)
        assert main(["score", "--references", manifest, "--hypotheses", drafts, *more]) == 3
        assert reason in capsys.readouterr().err

    v0, v1, v2 = ({"study_id": f"v{k}", "findings": "x", "impression": "y"} for k in range(3))
    fails([v0, v0], "repeats the study 'v0'")
    fails([v0, v1], "lacks 1 of 3 studies")
    fails([v0, {"study_id": "z"}], "that")
    fails([{"findings": "x"}], "no JSON object with a 'study_id'")
    fails([v0, v1, v2], "no study with the split", "--split", "test")
    fails([v0, v1, v2], "has no impression to compare with", "--section", "impression")
    fails([{**v0, "findings": 3}], "no text under 'findings'")


def test_half_a_surrogate_pair_is_no_crash(manifest: str, tmp_path: Path) -> None:
    drafts = _json(tmp_path / "odd.jsonl", [{"study_id": f"v{k}", "findings": "clear \ud800"} for k in range(3)])
    assert main(["score", "--references", manifest, "--hypotheses", drafts, *FAST]) == 0


def test_wrong_usage(files: list[str], manifest: str, drafts: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, reason in (
        ([*files, "--protocol", "r2gen"], "--train-manifest or --vocabulary"),
        ([*files, "--section", "both"], "need a manifest"),
        ([*files, "--metrics", "rouge"], "--metrics takes"),
        ([*files, "--with", "rouge"], "--with takes"),
        (["score", "--references", files[2], "--hypotheses", drafts], "must be a manifest"),
        (["score", "--references", manifest, "--hypotheses", files[4]], "must be JSON lines"),
    ):
        assert main(arguments) == 2
        assert reason in capsys.readouterr().err


def test_repeatable(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, *files, *FAST) == _run(capsys, *files, *FAST)
