"""The manifest: one study a line, as JSON, with its views, the sections of its report and its labels.

    {"study_id", "split", "views": [{"path", "projection"}], "indication", "comparison", "findings", "impression",
     "labels": {label: "positive" | "negative" | "uncertain" | null}}

Paths are relative to the manifest. An absent key means null; a key that is not in the list is kept in ``extra``.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from wetread.errors import InputError
from wetread.types import LABELS, Projection

__all__ = ["ManifestStudy", "ManifestView", "iterate_manifest", "read_manifest", "write_atomic", "write_manifest"]

_TEXT_KEYS = ("split", "indication", "comparison", "findings", "impression")
_KEYS = {"study_id", "views", "labels", *_TEXT_KEYS}
_STATES = ("positive", "negative", "uncertain", None)
_PROJECTIONS = get_args(Projection)


@dataclass(frozen=True)
class ManifestView:
    """A film by its file; ``path`` is absolute or relative to the working directory once read."""

    path: Path
    projection: Projection = "unknown"


@dataclass(frozen=True)
class ManifestStudy:
    """One line of the manifest. ``labels`` is None where the study was never labelled."""

    study_id: str
    split: str | None = None
    views: tuple[ManifestView, ...] = ()
    indication: str | None = None
    comparison: str | None = None
    findings: str | None = None
    impression: str | None = None
    labels: Mapping[str, str | None] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def _views(value: Any, base: Path) -> tuple[ManifestView, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError("'views' is no list")
    views = []
    for view in value:
        path = view.get("path") if isinstance(view, dict) else None
        if not isinstance(path, str) or not path or "\0" in path:
            raise ValueError("a view has no 'path'")
        projection = view.get("projection")
        projection = "unknown" if projection is None else projection
        if projection not in _PROJECTIONS:
            raise ValueError(f"the projection {projection!r} is none of {', '.join(_PROJECTIONS)}")
        views.append(ManifestView(base / path, cast(Projection, projection)))
    return tuple(views)


def _labels(value: Any) -> dict[str, str | None] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("'labels' is no object")
    for label, state in value.items():
        if label not in LABELS:
            raise ValueError(f"the label {label!r} is not one of CheXpert's 14")
        if state not in _STATES:
            raise ValueError(f"the state {state!r} of {label} is none of positive, negative, uncertain, null")
    return dict(value)


def _study(value: Any, base: Path) -> ManifestStudy:
    if not isinstance(value, dict):
        raise ValueError("the line is no JSON object")
    study_id = value.get("study_id")
    if isinstance(study_id, int) and not isinstance(study_id, bool):
        study_id = str(study_id)
    if not isinstance(study_id, str) or not study_id:
        raise ValueError("'study_id' is missing")
    texts = {key: value.get(key) for key in _TEXT_KEYS}
    for key, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise ValueError(f"{key!r} is no text")
    return ManifestStudy(
        study_id=study_id,
        views=_views(value.get("views"), base),
        labels=_labels(value.get("labels")),
        extra={key: item for key, item in value.items() if key not in _KEYS},
        **texts,
    )


def iterate_manifest(path: str | Path) -> Iterator[ManifestStudy]:
    """The studies of a manifest one by one, in its order, without holding them all; blank lines are skipped.

    Raises:
        InputError: the file cannot be read, or a line is wrong or repeats a study id; the message has its number.
    """
    path = Path(path)
    seen: dict[str, int] = {}
    try:
        with path.open("rb") as lines:
            for number, raw in enumerate(lines, start=1):
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                    if not line.strip():
                        continue
                    study = _study(json.loads(line), path.parent)
                except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
                    what = "it nests too deep" if isinstance(error, RecursionError) else error
                    raise InputError(f"line {number} of the manifest {path} is wrong: {what}") from error
                first = seen.setdefault(study.study_id, number)
                if first != number:
                    raise InputError(
                        f"line {number} of the manifest {path} repeats the study {study.study_id!r} of line {first}; "
                        "give each study one line"
                    )
                yield study
    except OSError as error:
        raise InputError(f"the manifest {path} cannot be read: {error.strerror or error}") from error


def read_manifest(path: str | Path) -> list[ManifestStudy]:
    """All studies of a manifest, in its order; raises InputError as ``iterate_manifest`` does."""
    return list(iterate_manifest(path))


def _line(study: ManifestStudy, base: Path) -> str:
    value: dict[str, Any] = {
        "study_id": study.study_id,
        "split": study.split,
        "views": [
            {"path": Path(os.path.relpath(view.path, base)).as_posix(), "projection": view.projection}
            for view in study.views
        ],
        "indication": study.indication,
        "comparison": study.comparison,
        "findings": study.findings,
        "impression": study.impression,
        "labels": None if study.labels is None else dict(study.labels),
    }
    return json.dumps({**value, **study.extra}, ensure_ascii=False)


def write_atomic(path: Path, chunks: Iterable[str]) -> None:
    """Write text so that ``path`` is either what it was or complete, never half: a file beside it, then a rename.

    Raises InputError where the folder cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(chunks)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}; choose another place") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def write_manifest(path: str | Path, studies: Iterable[ManifestStudy]) -> int:
    """Write a manifest atomically, view paths relative to it; returns the number of studies.

    Raises:
        InputError: two studies share an id, or the file cannot be written; an old file is then left as it was.
    """
    path = Path(path)
    base = path.parent.absolute()
    seen: set[str] = set()

    def lines() -> Iterator[str]:
        for study in studies:
            if study.study_id in seen:
                raise InputError(f"the study {study.study_id!r} occurs twice; a manifest has one line a study")
            seen.add(study.study_id)
            yield _line(study, base) + "\n"

    write_atomic(path, lines())
    return len(seen)
