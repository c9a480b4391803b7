"""A user's own studies: each subfolder of the source is a study, with its films anywhere below it.

A report is ``report.txt`` in the subfolder, or a row of a CSV with the column study_id (the subfolder's name) and any
of report, indication, comparison, findings, impression, split.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wetread.data.labels import label_studies, read_label_table
from wetread.data.manifest import ManifestStudy, ManifestView
from wetread.data.prepare import Prepared, Progress, Tally, no_progress, read_table, tidy
from wetread.errors import InputError
from wetread.image.files import kind_of
from wetread.report.sections import parse_report
from wetread.types import Report

__all__ = ["FolderOptions", "prepare_folder"]

_SECTIONS = ("indication", "comparison", "findings", "impression")


@dataclass(frozen=True)
class FolderOptions:
    """How to prepare the folder.

    Attributes:
        reports: a CSV of reports, see above; it goes before ``report.txt``.
        split_file: a CSV with the columns study_id and split; it goes before the split of ``reports``.
        label_file: a CSV with the column study_id and the 14 labels.
        labeler: text → states, for studies that the table lacks.
    """

    reports: Path | None = None
    split_file: Path | None = None
    label_file: Path | None = None
    labeler: Callable[[str], Mapping[str, str | None]] | None = None


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts study2 before study10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.as_posix())]


def _is_film(path: Path, tally: Tally) -> bool:
    try:
        return path.is_file() and not path.name.startswith(".") and kind_of(path) is not None
    except InputError:
        tally.dropped["files that cannot be opened or are empty"] += 1
        return False


def _films(folder: Path, tally: Tally) -> tuple[ManifestView, ...]:
    paths = [path for path in folder.rglob("*") if path.name.upper() != "DICOMDIR"]
    views = tuple(ManifestView(path) for path in sorted(paths, key=_natural) if _is_film(path, tally))
    tally.found["films"] += len(views)
    return views


def _row_report(row: Mapping[str, str]) -> Report:
    whole = parse_report(row["report"]) if tidy(row.get("report")) else Report()
    return Report(**{name: tidy(row.get(name)) or tidy(getattr(whole, name)) for name in _SECTIONS})


def _file_report(folder: Path) -> Report:
    path = next((p for p in sorted(folder.iterdir()) if p.name.lower() == "report.txt"), None)
    if path is None:
        return Report()
    try:
        report = parse_report(path.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    return Report(**{name: tidy(getattr(report, name)) for name in _SECTIONS})


def prepare_folder(
    source: Path, options: FolderOptions = FolderOptions(), progress: Progress = no_progress
) -> Prepared:
    """The studies of ``source`` in the natural order of their subfolders' names, which are their ids.

    Raises InputError where the source is no folder, a table is damaged, or films lie outside the subfolders only.
    """
    if not source.is_dir():
        raise InputError(f"{source} is no folder; give the folder that holds one subfolder a study")
    rows = {row["study_id"]: row for row in read_table(options.reports, ("study_id",))} if options.reports else {}
    splits = {name: tidy(row.get("split")) for name, row in rows.items()}
    if options.split_file:
        splits |= {row["study_id"]: row["split"] for row in read_table(options.split_file, ("study_id", "split"))}
    tally = Tally()
    folders = sorted((path for path in source.iterdir() if path.is_dir()), key=_natural)
    studies = []
    for folder in progress(folders, len(folders)):
        tally.found["subfolders"] += 1
        views = _films(folder, tally)
        if not views:
            tally.dropped["subfolders without a film"] += 1
            continue
        name = folder.name
        report = _row_report(rows[name]) if name in rows else _file_report(folder)
        if report.findings is None and report.impression is None:
            tally.noted["studies without a report, kept"] += 1
        texts = {section: getattr(report, section) for section in _SECTIONS}
        studies.append(ManifestStudy(name, splits.get(name), views, **texts))
    _check_loose(source, studies, tally)
    unknown = len(rows.keys() - {study.study_id for study in studies})
    if unknown:
        tally.noted["reports of the table without a study"] += unknown
    table = read_label_table(options.label_file, key="study_id") if options.label_file else {}
    return Prepared("folder", "subfolders", label_studies(studies, table, options.labeler), tally)


def _check_loose(source: Path, studies: list[ManifestStudy], tally: Tally) -> None:
    loose = sum(_is_film(path, tally) for path in source.iterdir() if path.is_file())
    if loose and not studies:
        raise InputError(f"the {loose} films of {source} lie side by side; give each study a subfolder of its own")
    if loose:
        tally.dropped["films outside the studies' subfolders"] += loose
