"""IU X-Ray in its three layouts, on small collections made by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from wetread.data.iu_xray import IuOptions, detect_layout, prepare_iu_xray
from wetread.data.manifest import read_manifest
from wetread.data.prepare import save
from wetread.data.r2gen import read_split
from wetread.errors import InputError, UsageError
from wetread.types import LABELS

SHARED = Path(os.environ.get("WETREAD_SHARED", Path(__file__).parents[3] / "shared")) / "iu_xray"

_XML = """<?xml version="1.0" encoding="utf-8"?>
<eCitation><uId id="CXR{uid}"/><Abstract>
<AbstractText Label="COMPARISON"/><AbstractText Label="INDICATION">Cough</AbstractText>
<AbstractText Label="FINDINGS">{findings}</AbstractText>
<AbstractText Label="IMPRESSION">Big   heart &amp; more.</AbstractText></Abstract>
<MeSH><major>Cardiomegaly/mild</major><major>Lung/base</major><automatic>cardiomegaly</automatic></MeSH>
{images}</eCitation>"""


def _report(folder: Path, uid: int, images: list[str], findings: str = "The heart is big.") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    named = "".join(f'<parentImage id="{image}"><caption/></parentImage>' for image in images)
    (folder / f"{uid}.xml").write_text(_XML.format(uid=uid, findings=findings, images=named))


def _film(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film")


def _split(path: Path, *rows: str) -> Path:
    path.write_text("study_id,uid,split\n" + "".join(row + "\n" for row in rows))
    return path


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Study 1 of the split with a third film; 2 outside; 3 without film; 4 damaged."""
    source = tmp_path / "iu"
    reports = source / "ecgen-radiology"
    _report(reports, 1, ["CXR1_1_IM-0001-1001", "CXR1_1_IM-0001-2001", "CXR1_1_IM-0001-3001"])
    _report(reports, 2, ["CXR2_IM-0700-1001", "CXR2_IM-0700-2002"], findings="")
    _report(reports, 3, ["CXR3_IM-0800-1001"])
    _report(reports, 5, [])
    (reports / "4.xml").write_text("<eCitation><uId")
    for name in ("1_IM-0001-1001.jpg", "1_IM-0001-2001.png", "1_IM-0001-3001.dcm.png", "2_IM-0700-1001.jpg"):
        _film(source / "images" / name)
    (source / "images.csv").write_text(
        "uid,filename,projection\n1,1_IM-0001-1001.jpg,Frontal\n1,1_IM-0001-2001.dcm.png,Lateral\n"
    )
    _split(
        source / "r2gen_split.csv",
        "CXR9_IM-9,9,test",
        "CXR1_IM-0001-1001,1,val",
    )
    return source


def test_xml_with_images(collection: Path) -> None:
    prepared = prepare_iu_xray(collection)
    one, two = prepared.studies
    assert (one.study_id, one.split) == ("CXR1_IM-0001-1001", "val")
    assert [(v.path.name, v.projection) for v in one.views] == [
        ("1_IM-0001-1001.jpg", "frontal"),
        ("1_IM-0001-2001.png", "lateral"),
    ]
    assert one.indication == "Cough"
    assert one.comparison is None
    assert one.impression == "Big heart & more."
    assert one.extra == {"mesh": {"major": ["Cardiomegaly/mild", "Lung/base"], "automatic": ["cardiomegaly"]}}
    assert (two.study_id, two.split, two.findings) == ("CXR2_IM-0700", "extra", None)
    assert [v.projection for v in two.views] == ["unknown"]
    counts = prepared.to_json()
    assert counts["found"] == {"film files": 4, "reports": 5, "films named by reports": 6}
    assert counts["dropped"] == {
        "reports whose XML is damaged": 1,
        "films whose file is missing": 2,
        "reports none of whose films is there": 1,
        "reports that name no film": 1,
    }
    assert counts["noted"]["test studies of the split that are not here"] == 1
    assert counts["noted"]["studies without FINDINGS, kept"] == 1
    assert counts["kept"]["studies, split extra"] == 1
    assert "reports whose XML is damaged" in prepared.table()


def test_all_views(collection: Path) -> None:
    one = prepare_iu_xray(collection, IuOptions(all_views=True)).studies[0]
    assert [v.path.name.split(".")[0][-4:] for v in one.views] == ["1001", "2001", "3001"]


def test_labels_from_the_table_else_from_the_labeler(collection: Path) -> None:
    header = ",".join(("Id", *LABELS))
    row = dict.fromkeys(LABELS, "") | {"Edema": "1.0", "Fracture": "0", "Pneumonia": "-1"}
    (collection / "chexbert_tags.csv").write_text(f"{header}\nCXR1_IM-0001-1001,{','.join(row.values())}\n")
    options = IuOptions(labeler=lambda text: {"No Finding": "positive" if text == "Big heart & more." else "negative"})
    one, two = prepare_iu_xray(collection, options).studies
    assert one.labels is not None
    assert {k: v for k, v in one.labels.items() if v} == {
        "Edema": "positive",
        "Fracture": "negative",
        "Pneumonia": "uncertain",
    }
    assert two.labels == {**dict.fromkeys(LABELS), "No Finding": "positive"}
    (collection / "chexbert_tags.csv").write_text(f"{header}\nCXR1_IM-0001-1001,{'7,' * 13}\n")
    with pytest.raises(InputError, match="CXR1_IM-0001-1001: the value '7'"):
        prepare_iu_xray(collection)


def test_kaggle(tmp_path: Path) -> None:
    (tmp_path / "indiana_reports.csv").write_text(
        "uid,MeSH,Problems,image,indication,comparison,findings,impression\n"
        '1,Cardiomegaly/mild;Lung/base,Cardiomegaly,Xray,Cough,,"Large heart, clear lungs.",Big.\n'
        "8,normal,normal,Xray,,,,\n"
    )
    (tmp_path / "indiana_projections.csv").write_text(
        "uid,filename,projection\n1,1_IM-0001-4001.dcm.png,Frontal\n1,1_IM-0001-3001.dcm.png,Lateral\n"
    )
    for name in ("1_IM-0001-4001.dcm.png", "1_IM-0001-3001.dcm.png"):
        _film(tmp_path / "images" / "images_normalized" / name)
    split = _split(tmp_path / "split.csv", "CXR1_IM-0001,1,train")
    (study,) = prepare_iu_xray(tmp_path, IuOptions(split_file=split)).studies
    assert [v.projection for v in study.views] == ["lateral", "frontal"]
    assert (study.study_id, study.split) == ("CXR1_IM-0001", "train")
    assert study.findings == "Large heart, clear lungs."
    assert study.extra["mesh"] == {"major": ["Cardiomegaly/mild", "Lung/base"], "automatic": ["Cardiomegaly"]}


def test_r2gen(tmp_path: Path) -> None:
    annotation = {
        "train": [{"id": "CXR1_IM-1", "report": "Big  heart.", "image_path": ["CXR1_IM-1/0.png", "CXR1_IM-1/1.png"]}],
        "val": [{"id": "CXR2_IM-2", "report": "Clear.", "image_path": ["CXR2_IM-2/0.png"]}],
    }
    (tmp_path / "annotation.json").write_text(json.dumps(annotation))
    for k in (0, 1):
        _film(tmp_path / "images" / "CXR1_IM-1" / f"{k}.png")
    prepared = prepare_iu_xray(tmp_path)
    (study,) = prepared.studies
    assert (study.study_id, study.split, study.findings) == ("CXR1_IM-1", "train", "Big heart.")
    assert [v.path.name for v in study.views] == ["0.png", "1.png"]
    assert prepared.to_json()["dropped"]["reports none of whose films is there"] == 1
    with pytest.raises(UsageError, match="--split-file"):
        prepare_iu_xray(tmp_path, IuOptions(all_views=True))
    (tmp_path / "annotation.json").write_text('{"train": [{"id": 1}]}')
    with pytest.raises(InputError, match=r"R2Gen's annotation"):
        prepare_iu_xray(tmp_path)


def test_what_is_no_collection_is_refused(tmp_path: Path, collection: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        detect_layout(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds none of"):
        prepare_iu_xray(tmp_path / "empty")
    with pytest.raises(InputError, match="--images"):
        prepare_iu_xray(collection, IuOptions(images=tmp_path / "none"))
    table = tmp_path / "s.csv"
    table.write_text("study_id,split\n")
    with pytest.raises(InputError, match="no column uid"):
        prepare_iu_xray(collection, IuOptions(split_file=table))
    _report(collection / "ecgen-radiology", 1, ["CXR1_1_IM-0001-1001"])
    (collection / "ecgen-radiology" / "1.xml").rename(collection / "ecgen-radiology" / "0001.xml")
    _report(collection / "ecgen-radiology", 1, ["CXR1_1_IM-0001-1001"])
    with pytest.raises(InputError, match="two reports numbered 1"):
        prepare_iu_xray(collection)


def test_nothing_kept_is_an_error_with_the_reasons(collection: Path, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    prepared = prepare_iu_xray(collection, IuOptions(images=tmp_path / "films"))
    with pytest.raises(InputError, match="reports none of whose films is there"):
        save(prepared, tmp_path / "m.jsonl")


def test_r2gens_split_is_in_the_package() -> None:
    split = read_split()
    sizes = {name: sum(entry.split == name for entry in split.values()) for name in ("train", "val", "test")}
    assert sizes == {"train": 2069, "val": 296, "test": 590}
    assert len({entry.study_id for entry in split.values()}) == 2955


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collection is not beside the repository (WETREAD_SHARED)")
def test_the_real_collection(tmp_path: Path) -> None:
    prepared = prepare_iu_xray(SHARED, IuOptions(all_views=True))
    manifest, counts = save(prepared, tmp_path)
    kept = json.loads(counts.read_text())["kept"]
    assert {name: kept[f"studies, split {name}"] for name in ("train", "val", "extra")} == {
        "train": 2069,
        "val": 296,
        "extra": 871,
    }
    assert kept["views"] == 6203
    assert "views, unknown" not in kept
    studies = read_manifest(manifest)
    tests = {entry.study_id for entry in read_split().values() if entry.split == "test"}
    assert not tests & {study.study_id for study in studies}
    assert all(view.path.is_file() for study in studies[:50] for view in study.views)
