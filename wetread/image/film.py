"""A film at its full depth, for a viewer that windows it by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from wetread.errors import InputError
from wetread.image import plain
from wetread.image.files import kind_of, short_name
from wetread.image.luts import Window, modality_values, percentile_window, voi_table, window_of

__all__ = ["RawFilm", "raw_film"]

_FULL = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class RawFilm:
    """What a viewer needs of one film.

    Attributes:
        values: (rows, columns) uint16; ``values * slope + intercept`` are the values after the modality LUT.
        slope, intercept: see above; 1 and 0 for nearly every film.
        center, width: the default window, in units of ``values``.
        function: of the default window: LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1).
        invert: show low values bright, so that dense is bright (MONOCHROME1).
        spacing: millimetres between rows and between columns, or None: then lengths can be given in pixels only.
        spacing_at: 'patient' where it was calibrated, 'detector' where lengths are magnified.
        banner: patient's name, id, birth date, sex, study date and time, accession number, view, laterality and
            description, by DICOM keyword; empty for a plain picture.
    """

    values: np.ndarray
    slope: float
    intercept: float
    center: float
    width: float
    function: str
    invert: bool
    spacing: tuple[float, float] | None = None
    spacing_at: Literal["patient", "detector"] | None = None
    banner: Mapping[str, str] = field(default_factory=dict)


_BANNER = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate", "StudyTime",
    "AccessionNumber", "Modality", "BodyPartExamined", "ViewPosition", "ImageLaterality", "PatientOrientation",
    "StudyDescription", "SeriesDescription", "InstitutionName",
)  # fmt: skip


def _text(value: Any) -> str:
    """A header's value as text, several joined as DICOM does."""
    several = not isinstance(value, str) and isinstance(value, Sequence)
    return "\\".join(map(str, value)) if several else str(value)


def _to_uint16(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Values as uint16 with the slope and intercept that lead back; exact for integers that span less than 65,536."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind in "iu" and low >= 0 and high <= _FULL:
        return values.astype(np.uint16), 1.0, 0.0
    whole = values.dtype.kind in "iu" or bool(np.array_equal(values, np.rint(values)))
    if whole and high - low <= _FULL:
        return (values.astype(np.int64) - int(low)).astype(np.uint16), 1.0, low
    slope = (high - low) / _FULL or 1.0
    return np.rint((values.astype(np.float64) - low) / slope).astype(np.uint16), slope, low


def _film(values: np.ndarray, window: Window, invert: bool, **more: Any) -> RawFilm:
    stored, slope, intercept = _to_uint16(values)
    return RawFilm(
        stored,
        slope,
        intercept,
        center=(window.center - intercept) / slope,
        width=window.width / slope,
        function=window.function,
        invert=invert,
        **more,
    )


def _dicom(path: str | os.PathLike[str]) -> RawFilm:
    from wetread.image import dicom

    film = dicom.film_of(dicom.read_dataset(path), path)
    with dicom.translated(short_name(path), "cannot be rendered"):
        values = modality_values(film.ds, film.stored)
        table = voi_table(film.ds, values)
        if table is not None:
            # The viewer knows windows only, so a table is applied here; its output keeps the table's full depth.
            values, full = table[0], float(2 ** table[1] - 1)
            window = Window(full / 2, full, "LINEAR_EXACT")
        else:
            window = window_of(film.ds) or percentile_window(values, film.padding)
        spacing = dicom.spacing_of(film.ds)
        banner = {k: _text(film.ds.get(k)) for k in _BANNER if film.ds.get(k)}
    return _film(
        values,
        window,
        film.inverted,
        spacing=spacing[:2] if spacing else None,
        spacing_at=spacing[2] if spacing else None,
        banner=banner,
    )


def raw_film(path: str | Path) -> RawFilm:
    """Full-depth values, default window, polarity, spacing and banner of a DICOM, PNG, JPEG or TIFF file.

    Raises:
        InputError: as ``wetread.image.read.read_view``; whether it is a chest film is not asked.
    """
    kind = kind_of(path)
    if kind == "dicom":
        return _dicom(path)
    if kind is None:
        raise InputError(f"{short_name(path)} is no DICOM, PNG, JPEG or TIFF file; export the film as one of these")
    values, _ = plain.read_picture(path)
    if values.dtype == np.uint8:
        return _film(values, Window(127.5, 255, "LINEAR_EXACT"), False)
    return _film(values, percentile_window(values), False)
