"""What every collection's preparation shares: the tally of what was found, dropped and why, and saving the result."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wetread.data.manifest import ManifestStudy, write_atomic, write_manifest
from wetread.errors import InputError
from wetread.types import Projection

__all__ = [
    "IMAGE_SUFFIXES",
    "Prepared",
    "Progress",
    "Tally",
    "no_progress",
    "projection_of",
    "read_table",
    "save",
    "tidy",
]

#: Wraps an iterable of known length, such as ``lambda items, total: tqdm(items, total=total)``.
Progress = Callable[[Iterable[Any], int], Iterable[Any]]


def no_progress(items: Iterable[Any], total: int) -> Iterable[Any]:
    """The ``Progress`` that shows nothing."""
    return items


#: What may be a film, by the end of its name.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".dicom")

#: DICOM View Position (0018,5101) and the words of the collections' tables.
_FRONTAL = {"pa", "ap", "frontal"}
_LATERAL = {"lateral", "ll", "rl", "xtable lateral"}


@dataclass
class Tally:
    """Counts of one preparation: what was found, what was dropped by reason, what was kept with a remark."""

    found: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, dict[str, int]]:
        return {"found": dict(self.found), "dropped": dict(self.dropped), "noted": dict(self.noted)}


@dataclass(frozen=True)
class Prepared:
    """A collection ready to be written: its name and layout, its studies in order, and the tally."""

    collection: str
    layout: str
    studies: Sequence[ManifestStudy]
    tally: Tally

    def kept(self) -> dict[str, int]:
        """Counts of what the manifest holds: studies by split, views by projection, sections, labelled studies."""
        counts: Counter[str] = Counter()
        counts["studies"] = len(self.studies)
        for study in self.studies:
            counts[f"studies, split {study.split or 'none'}"] += 1
            for view in study.views:
                counts["views"] += 1
                counts[f"views, {view.projection}"] += 1
            for section in ("indication", "comparison", "findings", "impression"):
                counts[f"with {section}"] += getattr(study, section) is not None
            counts["with labels"] += study.labels is not None
        return dict(counts)

    def to_json(self) -> dict[str, Any]:
        return {"collection": self.collection, "layout": self.layout, "kept": self.kept(), **self.tally.to_json()}

    def table(self) -> str:
        """The counts as a table for a person."""
        groups = self.to_json()
        rows = [("", f"{self.collection} ({self.layout})", "")]
        for group in ("found", "dropped", "noted", "kept"):
            for i, (what, count) in enumerate(groups[group].items()):
                rows.append((group if i == 0 else "", what, f"{count:,}"))
        width = max(len(what) for _, what, _ in rows)
        return "\n".join(f"{group:<8} {what:<{width}} {count:>9}".rstrip() for group, what, count in rows)


def save(prepared: Prepared, dest: Path) -> tuple[Path, Path]:
    """Write the manifest and its counts; returns both paths.

    ``dest`` is the manifest (``….jsonl`` or ``….json``) or a folder, which gets ``manifest.jsonl``; the counts stand
    beside it as ``<name>.counts.json``. Raises InputError where nothing was found or the place cannot be written.
    """
    if not prepared.studies:
        dropped = ", ".join(f"{count} {why}" for why, count in prepared.tally.dropped.items())
        raise InputError(f"no study of {prepared.collection} could be kept ({dropped or 'nothing was found'})")
    if dest.is_dir() or dest.suffix.lower() not in (".jsonl", ".json", ".ndjson"):
        dest = dest / "manifest.jsonl"
    write_manifest(dest, prepared.studies)
    counts = dest.with_suffix(".counts.json")
    write_atomic(counts, [json.dumps(prepared.to_json(), indent=2, ensure_ascii=False) + "\n"])
    return dest, counts


def tidy(text: str | None) -> str | None:
    """One section's text with its white space collapsed; None where nothing is left."""
    return " ".join((text or "").split()) or None


def projection_of(word: str | None) -> Projection:
    """Frontal, lateral or unknown, from a table's word or DICOM's View Position."""
    word = (word or "").strip().lower()
    if word in _FRONTAL:
        return "frontal"
    return "lateral" if word in _LATERAL else "unknown"


def read_table(path: Path, needed: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of a CSV (or CSV.gz) with a header; absent cells are empty.

    Raises InputError where it cannot be read or lacks one of the columns ``needed``.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [column for column in needed if column not in (rows.fieldnames or ())]
            if missing:
                raise InputError(f"the table {path} has no column {', '.join(missing)}")
            for row in rows:
                yield {key: value if isinstance(value, str) else "" for key, value in row.items() if key}
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the table {path} cannot be read: {error}") from error
