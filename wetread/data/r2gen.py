"""R2Gen's split of IU X-Ray (Chen et al. 2020, "Generating Radiology Reports via Memory-driven Transformer").

The split ships with the package as a table of ids, so that nothing is trained or chosen on its test studies however
the collection was obtained. It holds ids only.
"""

from __future__ import annotations

import csv
import io
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from wetread.data.prepare import read_table
from wetread.errors import InputError

__all__ = ["FILMS_A_STUDY", "SplitEntry", "read_split"]

_COLUMNS = ("study_id", "uid", "split")

#: R2Gen's images of a study are the first two that its XML names; they stand there in the order of their names.
FILMS_A_STUDY = 2


class SplitEntry(NamedTuple):
    """One study of the split: R2Gen's name for it, and its split."""

    study_id: str
    split: str


def read_split(path: Path | None = None) -> dict[str, SplitEntry]:
    """The collection's number of each study (``uid``, such as 2384) → its entry, in the order of the table.

    Args:
        path: a CSV with the columns study_id, uid, split; None takes R2Gen's own.

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
        entries[row["uid"]] = SplitEntry(row["study_id"], row["split"])
    return entries
