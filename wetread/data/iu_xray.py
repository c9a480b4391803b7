"""IU X-Ray (Open-i, Indiana University; Demner-Fushman et al. 2016) in the three layouts that people have it in.

* ``xml``: the collection's own ``ecgen-radiology/*.xml`` with a folder of images;
* ``r2gen``: ``annotation.json`` with ``images/<id>/<k>.png``, FINDINGS only;
* ``kaggle``: ``indiana_reports.csv`` and ``indiana_projections.csv`` with a folder of images.

Studies of R2Gen's split carry its name and split and its two images in its order; all others are ``extra``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from wetread.data.labels import label_studies, read_label_table
from wetread.data.manifest import ManifestStudy, ManifestView
from wetread.data.prepare import IMAGE_SUFFIXES, Prepared, Progress, Tally, no_progress, projection_of, read_table, tidy
from wetread.data.r2gen import FILMS_A_STUDY, SplitEntry, read_split
from wetread.errors import InputError, UsageError
from wetread.types import Projection

__all__ = ["IuOptions", "Layout", "detect_layout", "mesh_codes", "prepare_iu_xray"]

Layout = Literal["xml", "r2gen", "kaggle"]

_LABEL_TABLES = ("chexbert_tags.csv", "chexbert.csv", "labels.csv")
_PROJECTION_TABLES = ("images.csv", "indiana_projections.csv")


@dataclass(frozen=True)
class IuOptions:
    """How to prepare the collection.

    Attributes:
        images: the folder of films where it is not below the source.
        split_file: a split other than R2Gen's, in the form of ``wetread.data.r2gen.read_split``.
        label_file: a table in CheXbert's form; by default ``chexbert_tags.csv`` of the source, where it is.
        labeler: text → states, for studies that the table lacks.
        all_views: all films of the split's studies, not R2Gen's two alone.
        layout: None finds it out.
    """

    images: Path | None = None
    split_file: Path | None = None
    label_file: Path | None = None
    labeler: Callable[[str], Mapping[str, str | None]] | None = None
    all_views: bool = False
    layout: Layout | None = None


@dataclass(frozen=True)
class _Record:
    """A study as a layout gives it; ``images`` are the collection's names of its films, ``uid`` its number."""

    uid: str
    images: tuple[str, ...] = ()
    sections: Mapping[str, str | None] = field(default_factory=dict)
    mesh: Mapping[str, list[str]] | None = None


def detect_layout(source: Path) -> Layout:
    """Which layout a folder holds. Raises InputError where it is none of the three."""
    if not source.is_dir():
        raise InputError(f"{source} is no folder; give the folder that holds the collection")
    if (source / "annotation.json").is_file():
        return "r2gen"
    if (source / "indiana_reports.csv").is_file():
        return "kaggle"
    if any(_xml_folder(source).glob("*.xml")):
        return "xml"
    raise InputError(
        f"{source} holds none of annotation.json (R2Gen), indiana_reports.csv (Kaggle) and ecgen-radiology/*.xml; "
        "give the folder of one of them"
    )


def _xml_folder(source: Path) -> Path:
    return next((f for f in (source / "ecgen-radiology", source / "reports" / "ecgen-radiology") if f.is_dir()), source)


def mesh_codes(root: ElementTree.Element) -> dict[str, list[str]]:
    """The MeSH and RadLex codes of a report's XML: ``major`` set by people, ``automatic`` by a program."""
    return {kind: [code for node in root.iter(kind) if (code := tidy(node.text))] for kind in ("major", "automatic")}


def _sections(texts: Mapping[str, str | None]) -> dict[str, str | None]:
    return {key: tidy(texts.get(key)) for key in ("indication", "comparison", "findings", "impression")}


def _film_key(name: str) -> str:
    """The part of a film's name that all publications share, such as ``2384_IM-0942-1001``."""
    stem = Path(name).name
    while (suffix := Path(stem).suffix.lower()) in IMAGE_SUFFIXES:
        stem = stem[: -len(suffix)]
    return re.sub(r"^(CXR\d+_(?=\d+_IM)|CXR(?=\d+_IM))", "", stem)


def _read_xml(path: Path) -> _Record:
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError, ValueError) as error:
        raise InputError(f"{path} is no readable XML: {error}") from error
    node = root.find("uId")
    uid = (node.get("id", "") if node is not None else "").removeprefix("CXR") or path.stem
    texts = {(t.get("Label") or "").lower(): "".join(t.itertext()) for t in root.iter("AbstractText")}
    images = tuple(image.get("id", "") for image in root.iter("parentImage"))
    return _Record(uid, images, _sections(texts), mesh_codes(root))


def _xml_records(source: Path, progress: Progress, tally: Tally) -> Iterator[_Record]:
    paths = sorted(_xml_folder(source).glob("*.xml"), key=lambda p: (len(p.stem), p.stem))
    for path in progress(paths, len(paths)):
        try:
            yield _read_xml(path)
        except InputError:
            tally.found["reports"] += 1
            tally.dropped["reports whose XML is damaged"] += 1


def _kaggle_records(source: Path, progress: Progress, tally: Tally) -> Iterator[_Record]:
    films: dict[str, list[str]] = {}  # the XML, and so R2Gen, has them in the order of their names; this table has not
    for row in read_table(source / "indiana_projections.csv", ("uid", "filename", "projection")):
        films.setdefault(row["uid"], []).append(row["filename"])
    rows = list(read_table(source / "indiana_reports.csv", ("uid", "findings", "impression")))
    for row in progress(rows, len(rows)):
        codes = [code.strip() for code in row.get("MeSH", "").split(";") if code.strip()]
        problems = [code.strip() for code in row.get("Problems", "").split(";") if code.strip()]
        mesh = {"major": codes, "automatic": problems} if codes or problems else None
        yield _Record(row["uid"], tuple(sorted(films.get(row["uid"], ()))), _sections(row), mesh)


def _film_index(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"the folder of images {folder} is not there; name it with --images")
    paths = (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in IMAGE_SUFFIXES)
    index: dict[str, Path] = {}
    for path in paths:
        index.setdefault(_film_key(path.name), path)
    return index


def _image_folder(source: Path, options: IuOptions) -> Path:
    if options.images is not None:
        return options.images
    names = ("images", "images/images_normalized", "NLMCXR_png", "png")
    return next((source / name for name in names if (source / name).is_dir()), source / "images")


def _projections(source: Path, folder: Path) -> dict[str, Projection]:
    for table in (base / name for base in (source, folder, folder.parent) for name in _PROJECTION_TABLES):
        if table.is_file():
            rows = read_table(table, ("filename", "projection"))
            return {_film_key(row["filename"]): projection_of(row["projection"]) for row in rows}
    return {}


def _study_id(record: _Record, entry: SplitEntry | None) -> str:
    if entry is not None:
        return entry.study_id
    series = next((m[1] for name in record.images if (m := re.search(r"(IM-\d+)", name))), None)
    return f"CXR{record.uid}_{series}" if series else f"CXR{record.uid}"


def _choose_films(record: _Record, entry: SplitEntry | None, all_views: bool, tally: Tally) -> list[str]:
    """The film keys of a study, in order: R2Gen's for a study of its split, else (or if wanted) all of the report's."""
    keys = list(dict.fromkeys(_film_key(name) for name in record.images))
    if entry is None or all_views or len(keys) <= FILMS_A_STUDY:
        return keys
    tally.noted["films beyond the two that R2Gen takes, left out (--all-views keeps them)"] += len(keys) - FILMS_A_STUDY
    return keys[:FILMS_A_STUDY]


def _study(
    record: _Record,
    entry: SplitEntry | None,
    films: Mapping[str, Path],
    projections: Mapping[str, Projection],
    all_views: bool,
    tally: Tally,
) -> ManifestStudy | None:
    tally.found["reports"] += 1
    tally.found["films named by reports"] += len(record.images)
    if not record.images:
        tally.dropped["reports that name no film"] += 1
        return None
    keys = _choose_films(record, entry, all_views, tally)
    views = tuple(ManifestView(films[key], projections.get(key, "unknown")) for key in keys if key in films)
    tally.dropped["films whose file is missing"] += len(keys) - len(views)
    if not views:
        tally.dropped["reports none of whose films is there"] += 1
        return None
    if record.sections.get("findings") is None:
        tally.noted["studies without FINDINGS, kept"] += 1
        tally.noted["studies without FINDINGS and IMPRESSION, kept"] += record.sections.get("impression") is None
    extra = {} if record.mesh is None else {"mesh": dict(record.mesh)}
    split = entry.split if entry is not None else "extra"
    texts = record.sections
    return ManifestStudy(
        study_id=_study_id(record, entry),
        split=split,
        views=views,
        indication=texts.get("indication"),
        comparison=texts.get("comparison"),
        findings=texts.get("findings"),
        impression=texts.get("impression"),
        extra=extra,
    )


def _from_reports(
    layout: Layout, source: Path, options: IuOptions, progress: Progress, tally: Tally
) -> list[ManifestStudy]:
    folder = _image_folder(source, options)
    films = _film_index(folder)
    projections = _projections(source, folder)
    if options.split_file is None and (source / "r2gen_split.csv").is_file():
        options = replace(options, split_file=source / "r2gen_split.csv")
    split = read_split(options.split_file)
    tally.found["film files"] = len(films)
    records = {"xml": _xml_records, "kaggle": _kaggle_records}[layout](source, progress, tally)
    studies: dict[str, ManifestStudy] = {}
    for record in records:
        if record.uid in studies:
            raise InputError(f"{source} has two reports numbered {record.uid}; remove one")
        study = _study(record, split.get(record.uid), films, projections, options.all_views, tally)
        if study is not None:
            studies[record.uid] = study
    for uid, entry in split.items():
        if uid not in studies:
            tally.noted[f"{entry.split} studies of the split that are not here"] += 1
    listed = [studies.pop(uid) for uid in split if uid in studies]
    return listed + list(studies.values())


def _from_r2gen(source: Path, options: IuOptions, progress: Progress, tally: Tally) -> list[ManifestStudy]:
    path = source / "annotation.json"
    folder = options.images if options.images is not None else source / "images"
    try:
        annotation = json.loads(path.read_text(encoding="utf-8"))
        items = [
            (split, str(item["id"]), str(item["report"]), [str(name) for name in item["image_path"]])
            for split, part in annotation.items()
            for item in part
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not R2Gen's annotation (splits of id, report, image_path): {error}") from error
    studies = []
    for split, study_id, report, names in progress(items, len(items)):
        tally.found["reports"] += 1
        tally.found["films named by reports"] += len(names)
        present = [folder / name for name in names if (folder / name).is_file()]
        tally.dropped["films whose file is missing"] += len(names) - len(present)
        if not present:
            tally.dropped["reports none of whose films is there"] += 1
            continue
        views = tuple(ManifestView(p) for p in present)
        studies.append(ManifestStudy(study_id, split, views, findings=tidy(report)))
    return studies


def prepare_iu_xray(source: Path, options: IuOptions | None = None, progress: Progress = no_progress) -> Prepared:
    """Studies of the collection in ``source``, first those of the split in its order, then the others by number.

    Raises:
        InputError: the folder holds none of the layouts, or a table is damaged.
        UsageError: an option does not fit the layout.
    """
    options = options or IuOptions()
    layout = options.layout or detect_layout(source)
    tally = Tally()
    if layout == "r2gen":
        if options.split_file is not None or options.all_views:
            raise UsageError("R2Gen's layout has its own split and films: leave --split-file and --all-views out")
        studies = _from_r2gen(source, options, progress, tally)
    else:
        studies = _from_reports(layout, source, options, progress, tally)
    table_path = options.label_file or next((source / n for n in _LABEL_TABLES if (source / n).is_file()), None)
    table = read_label_table(table_path) if table_path is not None else {}
    studies = label_studies(studies, table, options.labeler)
    tally.dropped, tally.noted = +tally.dropped, +tally.noted
    return Prepared("IU X-Ray", layout, studies, tally)
