"""Files or folders → a Study: the one place where films enter the program.

Every file is read with bounds, shown as dense = bright, and judged by its pixels (``wetread.image.guard``): what is
no chest radiograph is refused, what a reader should know is a warning of the view.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from wetread.errors import InputError, NotAChestFilm
from wetread.image import guard, plain
from wetread.image.files import display, kind_of, short_name
from wetread.types import Projection, Study, View

__all__ = ["CHILD", "MAX_VIEWS", "read_study", "read_view"]

#: A study of plain films has a few views; more means a folder of many studies.
MAX_VIEWS = 12
#: Years below which a patient is a child: the model has learned from adults alone.
CHILD = 16
_MAX_FILES = 10_000
#: In a folder, a file of these names must be readable; others that are no picture are passed over.
_FILM_SUFFIXES = {".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff"}
_FRONTAL = {"AP", "PA", "FRONTAL", "ANTERO-POSTERIOR", "POSTERO-ANTERIOR"}
_LATERAL = {"LL", "RL", "LATERAL", "LAT", "LLD", "RLD"}
#: Body parts of the header (PS3.16 annex L) that do not contradict a chest film, by their beginning.
_CHEST_PARTS = (
    "CHEST",
    "THORAX",
    "LUNG",
    "RIB",
    "HEART",
    "STERNUM",
    "TORAX",
    "BRUST",
    "PULMON",
    "WHOLEBODY",
    "UNKNOWN",
)
#: Header and pixels agree on the projection unless the pixels are this sure of the opposite.
_SURE = 0.95


def _pixels(path: str | os.PathLike[str]) -> tuple[np.ndarray, dict[str, str], list[str]]:
    """Presentation values, header facts and warnings of one file."""
    kind = kind_of(path)
    if kind is None:
        raise InputError(f"{short_name(path)} is no DICOM, PNG, JPEG or TIFF file; export the film as one of these")
    if kind == "dicom":
        # pydicom takes a fifth of a second to import, which a PNG need not wait for.
        from wetread.image import dicom

        film = dicom.film_of(dicom.read_dataset(path), path)
        shown, notes = dicom.render(film)
        return shown, dicom.facts_of(film.ds), [*film.warnings, *notes]
    values, seen = plain.read_picture(path)
    return plain.render(values), {}, list(seen)


def _years(age: str) -> float | None:
    """Years of a DICOM age string such as 012Y, 008M, 003W, 010D."""
    unit = {"Y": 1.0, "M": 1 / 12, "W": 1 / 52, "D": 1 / 365}.get(age[-1:])
    return float(age[:-1]) * unit if unit and age[:-1].isdigit() else None


def _header_warnings(header: dict[str, str]) -> list[str]:
    notes = []
    years = _years(header.get("PatientAge", ""))
    if years is not None and years < CHILD:
        notes.append(f"The patient is a child ({header['PatientAge']}); the model has learned from adults alone.")
    part = header.get("BodyPartExamined", "").upper().replace(" ", "")
    if part and not part.startswith(_CHEST_PARTS):
        notes.append(f"The header names the body part {part}, while the picture looks like a chest film.")
    return notes


def _projection(seen: guard.Assessment, header: dict[str, str]) -> tuple[Projection, list[str]]:
    """From the pixels; the header's ViewPosition decides where the pixels do not contradict it."""
    position = header.get("ViewPosition", "").upper()
    claimed = "frontal" if position in _FRONTAL else "lateral" if position in _LATERAL else None
    if claimed is not None:
        agrees = seen.lateral if claimed == "lateral" else 1 - seen.lateral
        if agrees > 1 - _SURE:
            return ("lateral" if claimed == "lateral" else "frontal"), []
        other: Projection = "frontal" if claimed == "lateral" else "lateral"
        return other, [f"The header says {position}, but the film looks {other}; it was read as {other}."]
    if seen.projection == "unknown":
        return "unknown", ["Whether this film is frontal or lateral could not be told."]
    return seen.projection, []


def read_view(path: str | os.PathLike[str], *, check: bool = True) -> View:
    """Read one film.

    Args:
        path: a DICOM, PNG, JPEG or TIFF file.
        check: refuse what is no chest radiograph. Without it only the reading itself is done, and the projection
            is the pixels' best guess.

    Returns:
        The view; ``pixels`` are presentation values in [0, 1], bright = dense, in the file's own size.

    Raises:
        InputError: the file cannot be read, is damaged, or is no picture.
        NotAChestFilm: it is a picture of something else.
    """
    pixels, header, notes = _pixels(path)
    seen = guard.assess(pixels)
    if check:
        if seen.negative:
            pixels = np.float32(1) - pixels
            notes.append("The film is a negative (bone dark); it was inverted before reading.")
        if seen.refusal is not None:
            raise NotAChestFilm(f"{short_name(path)} {seen.refusal}")
        if seen.cut:
            notes.append("The film seems to be cut at its edge; what lies outside was not read.")
    projection, doubts = _projection(seen, header)
    if check:
        notes += [*_header_warnings(header), *doubts]
    return View(os.fspath(path), np.ascontiguousarray(pixels), projection, header, tuple(notes))


def _files_of(folder: str | os.PathLike[str]) -> list[str]:
    """All files below a folder, sorted, without hidden ones and DICOMDIR; links to folders are not followed."""
    found: list[str] = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__MACOSX")))
        found += [os.path.join(here, f) for f in files if not f.startswith(".") and f.upper() != "DICOMDIR"]
        if len(found) > _MAX_FILES:
            raise InputError(f"{display(folder)} holds more than {_MAX_FILES:,} files; name the folder of one study")
    return sorted(found)


def _candidates(paths: Sequence[str | os.PathLike[str]]) -> list[tuple[str, bool]]:
    """The files to read, each with whether a folder brought it; the same file named twice counts once."""
    files: dict[str, tuple[str, bool]] = {}
    for path in paths:
        inside = os.path.isdir(path)
        for file in _files_of(path) if inside else [os.fspath(path)]:
            if inside and _entry_kind(file) is None:
                continue
            files.setdefault(os.path.realpath(file), (file, inside))
    return list(files.values())


def _entry_kind(file: str) -> str | None:
    """Kind of a folder's entry; None for what is passed over: sidecars, empty files, pipes."""
    try:
        kind = kind_of(file)
    except InputError:
        if Path(file).suffix.lower() in _FILM_SUFFIXES:
            raise
        return None
    if kind is None and Path(file).suffix.lower() in _FILM_SUFFIXES:
        raise InputError(f"{display(file)} is named like a film and is none; the file is damaged, export it again")
    return kind


def _nothing(paths: Sequence[str | os.PathLike[str]]) -> InputError:
    names = ", ".join(display(p) for p in paths[:3])
    left = sorted({Path(f).suffix.lower() or "no suffix" for p in paths if os.path.isdir(p) for f in _files_of(p)})
    what = f" (only files of {', '.join(left[:5])})" if left else ""
    return InputError(f"{names} holds no DICOM, PNG, JPEG or TIFF file{what}; name a film or its folder")


def _default_id(paths: Sequence[str | os.PathLike[str]], views: Sequence[View]) -> str:
    for view in views:
        if view.header.get("StudyInstanceUID"):
            return view.header["StudyInstanceUID"]
    first = Path(os.path.abspath(paths[0]))
    return first.name if first.is_dir() else first.stem


def read_study(
    paths: Sequence[str | os.PathLike[str]],
    *,
    study_id: str | None = None,
    indication: str | None = None,
    comparison: str | None = None,
) -> Study:
    """Read the films of one study.

    Args:
        paths: files, or folders, whose films are read in the order of their names.
        study_id: by default the StudyInstanceUID, or the name of the first folder or file.
        indication: why the study was asked for.
        comparison: what it is to be compared with.

    Raises:
        InputError: nothing to read, a file that cannot be read, or films of more than one study.
        NotAChestFilm: none of them is a chest radiograph. Where one is, the others are left out with a warning.
    """
    if not paths:
        raise InputError("no film was given; name a film's file or its folder")
    files = _candidates(paths)
    if len(files) > MAX_VIEWS:
        raise InputError(f"{len(files)} films are too many for one study; draft several studies with 'wetread batch'")
    views: list[View] = []
    refused: list[NotAChestFilm] = []
    for file, inside in files:
        try:
            views.append(read_view(file))
        except NotAChestFilm as error:
            # A study's folder holds its older reports and presentation states too.
            if not (inside and getattr(error, "document", False)):
                refused.append(error)
    if refused and not views:
        raise refused[0]
    if not views:
        raise _nothing(paths)
    left_out = tuple(f"A film was left out: {error}." for error in refused)
    views[0] = replace(views[0], warnings=(*views[0].warnings, *left_out))
    studies = {v.header["StudyInstanceUID"] for v in views if "StudyInstanceUID" in v.header}
    if len(studies) > 1:
        raise InputError(f"the {len(views)} films belong to {len(studies)} studies; draft each study by itself")
    if all(v.projection == "lateral" for v in views):
        note = "There is no frontal film; a lateral alone shows less."
        views[0] = replace(views[0], warnings=(*views[0].warnings, note))
    return Study(study_id or _default_id(paths, views), tuple(views), indication, comparison)
