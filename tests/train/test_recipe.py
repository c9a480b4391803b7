"""The recipe of the default bundle goes through all that there is to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wetread.train.config import load_config
from wetread.train.pipeline import STAGES

RUNS = Path(__file__).parents[2] / "runs"


def called(folder: Path, *stages: str) -> list[list[str]]:
    """What ``runs/iu_xray.sh`` calls: a Python in its place notes it and does nothing but tell the stages."""
    notes, python = folder / "notes", folder / "python"
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec "{sys.executable}" "$@"\necho "$@" >> "{notes}"\n')
    python.chmod(0o755)
    own = {"PYTHON": str(python), "WETREAD_SHARED": str(folder), "WETREAD_RUNS": str(folder / "runs")}
    subprocess.run([RUNS / "iu_xray.sh", *stages], check=True, env=os.environ | own)
    return [line.split() for line in notes.read_text().splitlines()]


def test_every_stage_is_run_in_order_between_the_data_and_the_scores(tmp_path: Path) -> None:
    calls = called(tmp_path)
    assert calls[0][:4] == ["-m", "wetread", "data", "prepare"]
    trained = [call[-1] for call in calls if call[2:3] == ["train"]]
    assert trained == [*STAGES, "export"], "the table on val goes into the card, so that it is exported again"
    assert calls[-1][:3] == ["-m", "wetread", "export"]


def test_one_stage_alone_is_run_when_it_is_named(tmp_path: Path) -> None:
    calls = called(tmp_path, "departments")
    assert [call[-2:] for call in calls] == [["--stage", "departments"]]


@pytest.mark.parametrize("name", ["iu_xray", "tiny"])
def test_the_configurations_are_read(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("WETREAD_RUNS", "WETREAD_SHARED"):
        monkeypatch.setenv(variable, str(tmp_path))
    config = load_config(RUNS / f"{name}.toml")
    assert Path(config.run_dir).parent == tmp_path
