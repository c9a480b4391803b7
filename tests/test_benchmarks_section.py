"""The documents' figures: put where they belong, with the bundle that they are of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from section import KEPT, put_marked, put_section

ROOT = Path(__file__).parents[1]
DEFAULT = ROOT / "wetread" / "models" / "default"
OLD = f"# Results\n\n## One\n\nold figures\n\n{KEPT}\n\nwhat a reader wrote\n\n## Two\n\nmore\n"


def test_figures_are_replaced_and_what_is_kept_stays() -> None:
    new = put_section(OLD, "One", "new figures\n")
    assert new == f"# Results\n\n## One\n\nnew figures\n\n{KEPT}\n\nwhat a reader wrote\n\n## Two\n\nmore\n"
    assert put_section(new, "One", "new figures\n") == new
    assert put_section(OLD, "Two", "other").endswith("## Two\n\nother\n")


def test_a_new_section_comes_last() -> None:
    assert put_section(OLD, "Three", "figures") == OLD + "\n## Three\n\nfigures\n"


def test_marked_figures_are_replaced() -> None:
    text = "before <!-- scores -->\nold\n<!-- /scores --> after\n"
    assert put_marked(text, "scores", "new\n") == "before <!-- scores -->\nnew\n<!-- /scores --> after\n"
    with pytest.raises(SystemExit, match="no <!-- other -->"):
        put_marked(text, "other", "new")


def put(document: Path, body: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "section.py"), str(document), *more]
    return subprocess.run(command, input=body, capture_output=True, text=True, check=False)


def test_command_and_bundle_are_said(tmp_path: Path) -> None:
    from wetread.model.bundle import Bundle

    document = tmp_path / "results.md"
    document.write_text(OLD, encoding="utf-8")
    assert put(document, "figures", "Two", "python x.py", "--bundle", str(DEFAULT)).returncode == 0
    info = Bundle.load(DEFAULT).info
    assert f"Written by `python x.py`, of {info.name} {info.version}.\n\nfigures\n" in document.read_text(
        encoding="utf-8"
    )


def test_nothing_printed_leaves_the_document(tmp_path: Path) -> None:
    document = tmp_path / "results.md"
    document.write_text(OLD, encoding="utf-8")
    done = put(document, " \n", "One", "python x.py")
    assert done.returncode == 1
    assert "left as it is" in done.stderr
    assert document.read_text(encoding="utf-8") == OLD


def figures(tmp_path: Path, *sections: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "WETREAD_SHARED": "/nowhere", "WETREAD_RUNS": str(tmp_path), "PYTHON": sys.executable}
    command = ["bash", str(ROOT / "runs" / "figures.sh"), *sections]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_an_unknown_section_is_named_before_anything_runs(tmp_path: Path) -> None:
    done = figures(tmp_path, "drafts", "weather")
    assert done.returncode == 2
    assert "there is no section 'weather'; they are drafts confidence" in done.stderr
    assert not list((tmp_path / "figures").iterdir())


def test_every_section_of_the_script_is_in_the_results() -> None:
    script = (ROOT / "runs" / "figures.sh").read_text(encoding="utf-8")
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    headings = [part.split('"')[1] for part in script.split("declare -A heading=(")[1].split("\n)")[0].split("]=")[1:]]
    assert len(headings) > 10
    for heading in headings:
        assert f"## {heading}\n" in results, heading


def test_a_benchmark_that_fails_leaves_the_documents(tmp_path: Path) -> None:
    before = (ROOT / "docs" / "results.md").read_bytes()
    done = figures(tmp_path, "constants")
    assert done.returncode != 0
    assert (ROOT / "docs" / "results.md").read_bytes() == before
