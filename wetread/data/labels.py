"""Labels of the manifest: from a table in CheXbert's or CheXpert's form, else from a labeler of text."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from wetread.data.manifest import ManifestStudy
from wetread.data.prepare import read_table
from wetread.errors import InputError
from wetread.types import LABELS

__all__ = ["label_studies", "read_label_table", "states_of_row"]

#: CheXbert's file format: 1 positive, 0 negative, -1 uncertain, blank not mentioned.
_STATE = {1.0: "positive", 0.0: "negative", -1.0: "uncertain"}


def states_of_row(row: Mapping[str, str], where: str) -> dict[str, str | None]:
    """The 14 states of one row. Raises InputError naming ``where`` at a value that is none of 1, 0, -1 or blank."""
    states: dict[str, str | None] = {}
    for label in LABELS:
        cell = row.get(label, "").strip()
        if not cell or cell.lower() == "nan":
            states[label] = None
            continue
        try:
            states[label] = _STATE[float(cell)]
        except (ValueError, KeyError) as error:
            raise InputError(f"{where}: the value {cell!r} of {label} is none of 1, 0, -1 and blank") from error
    return states


def read_label_table(path: Path, key: str = "Id") -> dict[str, dict[str, str | None]]:
    """Study id → {label: state} from a CSV whose column ``key`` names the study.

    Raises InputError where the file cannot be read, lacks a column or holds an unknown value.
    """
    return {row[key]: states_of_row(row, f"{path}, {row[key]}") for row in read_table(path, (key, *LABELS))}


def label_studies(
    studies: Iterable[ManifestStudy],
    table: Mapping[str, Mapping[str, str | None]],
    labeler: Callable[[str], Mapping[str, str | None]] | None,
) -> list[ManifestStudy]:
    """The studies with labels: from the table by study id, else by the labeler from FINDINGS, or IMPRESSION without it.

    The table comes first because it is the yardstick; like it, the labeler reads FINDINGS alone where there are any.
    """
    labelled = []
    for study in studies:
        text = study.findings or study.impression
        labels = table.get(study.study_id)
        if labels is None and labeler is not None and text:
            labels = {label: labeler(text).get(label) for label in LABELS}
        labelled.append(study if labels is None else dataclasses.replace(study, labels=dict(labels)))
    return labelled
