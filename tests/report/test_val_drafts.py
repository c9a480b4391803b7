"""No draft leaves the pipeline with a severe flag: on films of the val split, where they are at hand."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from wetread.draft import Drafter
from wetread.report.checks import check
from wetread.types import Report

SHARED = Path(os.environ.get("WETREAD_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "iu_xray"
STUDIES = 12


def val_studies() -> list[list[Path]]:
    with (SHARED / "images.csv").open(newline="", encoding="utf-8") as file:
        films: dict[str, list[Path]] = {}
        for row in csv.DictReader(file):
            if row["split"] == "val":
                films.setdefault(row["uid"], []).append(SHARED / "images" / row["filename"])
    studies = [films[uid] for uid in sorted(films)]
    return studies[:: max(1, len(studies) // STUDIES)][:STUDIES]


@pytest.mark.skipif(not (SHARED / "images.csv").exists(), reason="the collection is not beside the repository")
def test_a_draft_has_no_severe_flag() -> None:
    drafter = Drafter.load(threads=1)
    for films in val_studies():
        draft = drafter.draft(films)
        flags = check(Report(draft.findings, draft.impression), draft=draft, prior_given=False)
        assert not [flag for flag in flags if flag.severity == "severe"], draft.study_id
