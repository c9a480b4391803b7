"""A user's own studies."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from wetread.data.folder import FolderOptions, prepare_folder
from wetread.errors import InputError
from wetread.types import LABELS


def _film(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), 100).save(path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "studies"
    _film(source / "study10" / "b.png")
    _film(source / "study2" / "series" / "film10.jpg")
    _film(source / "study2" / "series" / "film9.jpg")
    (source / "study2" / "Report.TXT").write_text("IMPRESSION: Large heart.")
    (source / "study2" / "notes.txt").write_text("not a film")
    (source / "study2" / "empty.png").write_bytes(b"")
    (source / "study3").mkdir()
    (source / "study3" / "readme.md").write_text("nothing here")
    return source


def test_a_subfolder_is_a_study(source: Path) -> None:
    prepared = prepare_folder(source)
    two, ten = prepared.studies
    assert [study.study_id for study in prepared.studies] == ["study2", "study10"]
    assert [v.path.name for v in two.views] == ["film9.jpg", "film10.jpg"]
    assert (two.impression, two.split, ten.impression) == ("Large heart.", None, None)
    counts = prepared.to_json()
    assert counts["found"] == {"subfolders": 3, "films": 3}
    assert counts["dropped"] == {"files that cannot be opened or are empty": 1, "subfolders without a film": 1}
    assert counts["noted"] == {"studies without a report, kept": 1}


def test_reports_splits_and_labels_from_tables(source: Path, tmp_path: Path) -> None:
    reports, split, labels = tmp_path / "reports.csv", tmp_path / "split.csv", tmp_path / "labels.csv"
    reports.write_text(
        "study_id,findings,report,split\nstudy10,Clear.,IMPRESSION: Whole.,train\n"
        "study2,,IMPRESSION: Other.,\nlost,,,\n"
    )
    split.write_text("study_id,split\nstudy2,val\n")
    labels.write_text(",".join(("study_id", *LABELS)) + "\nstudy10" + "," * 13 + ",1\n")
    options = FolderOptions(reports=reports, split_file=split, label_file=labels)
    prepared = prepare_folder(source, options)
    two, ten = prepared.studies
    assert (two.impression, two.split) == ("Other.", "val")
    assert (ten.findings, ten.impression, ten.split) == ("Clear.", "Whole.", "train")
    assert ten.labels is not None
    assert ten.labels["No Finding"] == "positive"
    assert prepared.tally.noted["reports of the table without a study"] == 1


def test_films_side_by_side(source: Path, tmp_path: Path) -> None:
    _film(source / "loose.png")
    assert prepare_folder(source).tally.dropped["films outside the studies' subfolders"] == 1
    _film(tmp_path / "flat" / "1.png")
    with pytest.raises(InputError, match="a subfolder of its own"):
        prepare_folder(tmp_path / "flat")
    with pytest.raises(InputError, match="is no folder"):
        prepare_folder(tmp_path / "none")
