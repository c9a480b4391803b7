"""MIMIC-CXR's layout, made by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from wetread.data.mimic_cxr import MimicOptions, prepare_mimic_cxr
from wetread.errors import InputError
from wetread.types import LABELS


def _gzip(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()))


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Subject 10000001 with two studies, 19000002 with one that has no film."""
    source = tmp_path / "mimic"
    source.mkdir()
    _gzip(
        source / "mimic-cxr-2.0.0-metadata.csv.gz",
        "dicom_id,subject_id,study_id,ViewPosition,Rows,Columns\n"
        "aa-1,10000001,50000001,PA,3056,2544\nbb-2,10000001,50000001,LATERAL,3056,2544\n"
        "cc-3,10000001,50000002,AP,3056,2544\ndd-4,19000002,50000003,,3056,2544\n",
    )
    _gzip(
        source / "mimic-cxr-2.0.0-split.csv.gz",
        "dicom_id,study_id,subject_id,split\naa-1,50000001,10000001,train\nbb-2,50000001,10000001,train\n"
        "cc-3,50000002,10000001,validate\n",
    )
    (source / "mimic-cxr-2.0.0-chexpert.csv").write_text(
        ",".join(("subject_id", "study_id", *LABELS)) + "\n10000001,50000001,1.0,-1.0,0.0" + "," * 11 + "\n"
    )
    subject = source / "files" / "p10" / "p10000001"
    for study, names in {"s50000001": ("aa-1.dcm", "bb-2.jpg"), "s50000002": ("cc-3.jpg",)}.items():
        (subject / study).mkdir(parents=True)
        for name in names:
            (subject / study / name).write_bytes(b"film")
    (subject / "s50000001.txt").write_text(
        "                 FINAL REPORT\n EXAMINATION:  CHEST\n\n INDICATION:  Cough.\n\n FINDINGS:\n\n"
        " Large\n heart.\n\n IMPRESSION:\n\n Big heart."
    )
    return source


def test_the_official_layout(collection: Path) -> None:
    prepared = prepare_mimic_cxr(collection)
    one, two = prepared.studies
    assert (one.study_id, one.split, one.extra) == ("s50000001", "train", {"subject_id": "p10000001"})
    assert [(v.path.name, v.projection) for v in one.views] == [("aa-1.dcm", "frontal"), ("bb-2.jpg", "lateral")]
    assert one.indication == "Cough."
    assert (one.findings, one.impression) == ("Large heart.", "Big heart.")
    assert one.labels is not None
    assert list(one.labels.items())[:4] == [
        ("Enlarged Cardiomediastinum", "positive"),
        ("Cardiomegaly", "uncertain"),
        ("Lung Opacity", "negative"),
        ("Lung Lesion", None),
    ]
    assert (two.study_id, two.split, two.findings, two.labels) == ("s50000002", "val", None, None)
    counts = prepared.to_json()
    assert counts["found"] == {"studies": 3, "films": 4}
    assert counts["dropped"] == {"films whose file is missing": 1, "studies none of whose films is there": 1}
    assert counts["noted"] == {"studies whose report file is missing, kept without text": 1}


def test_reports_and_films_in_two_places(collection: Path, tmp_path: Path) -> None:
    reports = tmp_path / "reports" / "files" / "p10" / "p10000001"
    reports.mkdir(parents=True)
    (reports / "s50000002.txt").write_text("IMPRESSION:  Clear.")
    options = MimicOptions(images=collection, reports=tmp_path / "reports")
    assert [s.impression for s in prepare_mimic_cxr(collection, options).studies] == [None, "Clear."]


def test_a_split_of_ones_own(collection: Path, tmp_path: Path) -> None:
    split = tmp_path / "split.csv"
    split.write_text("study_id,split\n50000002,test\n")
    prepared = prepare_mimic_cxr(collection, MimicOptions(split_file=split))
    assert [study.split for study in prepared.studies] == [None, "test"]
    assert prepared.tally.noted["studies that the split does not name, kept without split"] == 1
    split.write_text("study_id,split\n50000002,test\n50000002,train\n")
    with pytest.raises(InputError, match="two splits"):
        prepare_mimic_cxr(collection, MimicOptions(split_file=split))


def test_what_is_missing_or_damaged_is_named(collection: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--images or --reports"):
        prepare_mimic_cxr(collection, MimicOptions(images=tmp_path))
    split = collection / "mimic-cxr-2.0.0-split.csv.gz"
    whole = split.read_bytes()
    split.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"split\.csv\.gz cannot be read"):
        prepare_mimic_cxr(collection)
    split.unlink()
    with pytest.raises(InputError, match="PhysioNet"):
        prepare_mimic_cxr(collection)
