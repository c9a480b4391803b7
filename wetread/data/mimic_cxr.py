"""MIMIC-CXR (Johnson et al. 2019), DICOM or JPG, in PhysioNet's own layout.

    mimic-cxr-2.0.0-metadata.csv(.gz)   dicom_id, subject_id, study_id, ViewPosition
    mimic-cxr-2.0.0-split.csv(.gz)      dicom_id, study_id, subject_id, split: train, validate, test
    mimic-cxr-2.0.0-chexpert.csv(.gz)   subject_id, study_id, the 14 labels (may be absent)
    files/p10/p10000032/s50414267.txt   the report
    files/p10/p10000032/s50414267/<dicom_id>.dcm or .jpg

Reports come with MIMIC-CXR and the JPGs with MIMIC-CXR-JPG, so each may have its own folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wetread.data.labels import label_studies, states_of_row
from wetread.data.manifest import ManifestStudy, ManifestView
from wetread.data.prepare import Prepared, Progress, Tally, no_progress, projection_of, read_table, tidy
from wetread.errors import InputError
from wetread.report.sections import parse_report
from wetread.types import LABELS, Projection, Report

__all__ = ["MimicOptions", "prepare_mimic_cxr"]

_SPLITS = {"train": "train", "validate": "val", "test": "test"}
_FILM_SUFFIXES = (".dcm", ".jpg", ".png")


@dataclass(frozen=True)
class MimicOptions:
    """How to prepare the collection.

    Attributes:
        images: the folder that holds ``files/`` with the films, where it is not the source.
        reports: the folder that holds ``files/`` with the reports, where it is not the source.
        split_file: a split other than the official one (columns dicom_id, study_id, split).
        label_file: labels other than the official ones (columns study_id and the 14).
        labeler: text → states, for studies that the table lacks.
    """

    images: Path | None = None
    reports: Path | None = None
    split_file: Path | None = None
    label_file: Path | None = None
    labeler: Callable[[str], Mapping[str, str | None]] | None = None


def _table(source: Path, kind: str) -> Path | None:
    """The newest of ``mimic-cxr-2.x.y-<kind>.csv(.gz)``, or None."""
    found = [path for end in ("csv", "csv.gz") for path in source.glob(f"mimic-cxr-*-{kind}.{end}")]
    return max(found, key=lambda path: path.name.removesuffix(".gz"), default=None)


def _needed(source: Path, kind: str) -> Path:
    table = _table(source, kind)
    if table is None:
        raise InputError(f"{source} has no mimic-cxr-2.0.0-{kind}.csv or .csv.gz; take it from PhysioNet")
    return table


def _folder(root: Path, subject: str, study: str) -> Path:
    """``files/p10/p10000032/s50414267`` of subject 10000032 and study 50414267."""
    return root / "files" / f"p{subject[:2]}" / f"p{subject}" / f"s{study}"


def _report(path: Path, tally: Tally) -> Report:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        tally.noted["studies whose report file is missing, kept without text"] += 1
        return Report()
    report = parse_report(text)
    if report.findings is None and report.impression is None:
        tally.noted["reports without FINDINGS and IMPRESSION, kept"] += 1
    return report


def _films(source: Path) -> dict[tuple[str, str], list[tuple[str, Projection]]]:
    """(subject, study) → its films as (dicom id, projection), both in the order of the metadata."""
    needed = ("dicom_id", "subject_id", "study_id", "ViewPosition")
    films: dict[tuple[str, str], list[tuple[str, Projection]]] = {}
    for row in read_table(_needed(source, "metadata"), needed):
        film = (row["dicom_id"], projection_of(row["ViewPosition"]))
        films.setdefault((row["subject_id"], row["study_id"]), []).append(film)
    return films


def _splits(path: Path) -> dict[str, str]:
    splits: dict[str, str] = {}
    for row in read_table(path, ("study_id", "split")):
        split = _SPLITS.get(row["split"], row["split"])
        if splits.setdefault(row["study_id"], split) != split:
            raise InputError(f"{path} puts the study {row['study_id']} into two splits")
    return splits


def _views(folder: Path, films: list[tuple[str, Projection]], tally: Tally) -> tuple[ManifestView, ...]:
    views = []
    for dicom_id, projection in films:
        path = next((p for suffix in _FILM_SUFFIXES if (p := folder / f"{dicom_id}{suffix}").is_file()), None)
        if path is None:
            tally.dropped["films whose file is missing"] += 1
        else:
            views.append(ManifestView(path, projection))
    return tuple(views)


def prepare_mimic_cxr(
    source: Path, options: MimicOptions = MimicOptions(), progress: Progress = no_progress
) -> Prepared:
    """The studies of ``source`` in the order of its metadata; see ``MimicOptions``.

    Study ids are the collection's own (``s50414267``); the key ``subject_id`` of the manifest names the patient, so
    that nobody is on both sides of a split of one's own.

    Raises InputError where a table or a folder is missing or damaged.
    """
    tally = Tally()
    films = _films(source)
    splits = _splits(options.split_file or _needed(source, "split"))
    images, reports = options.images or source, options.reports or source
    for root in (images, reports):
        if not (root / "files").is_dir():
            raise InputError(f"{root} has no folder files/; name the folder above it with --images or --reports")
    studies = []
    for (subject, study), listed in progress(films.items(), len(films)):
        tally.found["studies"] += 1
        tally.found["films"] += len(listed)
        folder = _folder(images, subject, study)
        views = _views(folder, listed, tally)
        if not views:
            tally.dropped["studies none of whose films is there"] += 1
            continue
        if study not in splits:
            tally.noted["studies that the split does not name, kept without split"] += 1
        report = _report(_folder(reports, subject, study).with_suffix(".txt"), tally)
        studies.append(_study(study, subject, splits.get(study), views, report))
    label_file = options.label_file or _table(source, "chexpert")
    table = _labels(label_file) if label_file is not None else {}
    return Prepared("MIMIC-CXR", "files", label_studies(studies, table, options.labeler), tally)


def _labels(path: Path) -> dict[str, dict[str, str | None]]:
    rows = read_table(path, ("study_id", *LABELS))
    return {f"s{row['study_id']}": states_of_row(row, f"{path}, {row['study_id']}") for row in rows}


def _study(
    study: str, subject: str, split: str | None, views: tuple[ManifestView, ...], report: Report
) -> ManifestStudy:
    return ManifestStudy(
        study_id=f"s{study}",
        split=split,
        views=views,
        indication=tidy(report.indication),
        comparison=tidy(report.comparison),
        findings=tidy(report.findings),
        impression=tidy(report.impression),
        extra={"subject_id": f"p{subject}"},
    )
