"""R2Gen's split of IU X-Ray (Chen et al. 2020, "Generating Radiology Reports via Memory-driven Transformer").

The split ships with the package as a table of ids, so that nothing is trained or chosen on its test studies however
the collection was obtained. It holds names of files only: no image and no text of the collection.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from wetread.data.prepare import read_table
from wetread.errors import InputError

__all__ = ["SplitEntry", "read_split"]

_COLUMNS = ("study_id", "uid", "split", "image_0", "image_1")


@dataclass(frozen=True)
class SplitEntry:
    """One study of the split: R2Gen's name for it, its split, and its images in R2Gen's order."""

    study_id: str
    split: str
    images: tuple[str, ...]


def _entry(row: Mapping[str, str]) -> SplitEntry:
    images = tuple(row[column] for column in ("image_0", "image_1") if row[column])
    return SplitEntry(row["study_id"], row["split"], images)


def read_split(path: Path | None = None) -> dict[str, SplitEntry]:
    """The collection's number of each study (``uid``, such as 2384) → its entry, in the order of the table.

    Args:
        path: a CSV with the columns study_id, uid, split, image_0, image_1; None takes R2Gen's own.

    Raises:
        InputError: the file cannot be read, lacks a column or names a study twice.
    """
    if path is None:
        text = (resources.files("wetread.data") / "r2gen_split.tsv").read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(text), delimiter="\t"))
    else:
        rows = list(read_table(path, _COLUMNS))
    entries: dict[str, SplitEntry] = {}
    for row in rows:
        if row["uid"] in entries:
            raise InputError(f"the split {path} names the study {row['uid']} twice")
        entries[row["uid"]] = _entry(row)
    return entries
