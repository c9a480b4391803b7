"""What the encoder learns to see: concepts.

Three groups, each a column of one matrix with values in [0, 1] and NaN where a study says nothing of it:

    label:<name>    the 14 CheXpert labels (uncertain counts ``UNCERTAIN``)
    mesh:<code>     MeSH headings and their qualified forms ("Opacity", "Opacity/left"), where the collection has them
    wording:<n>     the n-th commonest sentence of the teachers' reports, by number only: how a department words things
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wetread.data.clean import clean_text
from wetread.report.labeler import label, label_spans
from wetread.types import LABELS

__all__ = ["UNCERTAIN", "Concepts", "build", "label_sides", "mesh_sides", "mesh_terms", "study_labels"]

#: The target of a label that the report calls uncertain.
UNCERTAIN = 0.5


def study_labels(row: Any) -> Mapping[str, str | None] | None:
    """The 14 labels of a manifest line: those given, else the labeler's on its findings (or impression)."""
    if row.labels:
        return dict(row.labels)
    text = " ".join(filter(None, (row.findings, row.impression)))
    return label(text) if text.strip() else None


def mesh_terms(codes: Iterable[str]) -> set[str]:
    """The heading of each code, and the heading with each of its qualifiers: kind, side, place, severity."""
    terms = set()
    for code in codes:
        parts = [p.strip() for p in code.split("/")]
        terms.add(parts[0])
        terms |= {f"{parts[0]}/{p}" for p in parts[1:]}
    return terms


def label_sides(row: Any) -> dict[str, str]:
    """The side of each label that the report of a manifest line finds on one side only: "right" or "left"."""
    found: dict[str, set[str | None]] = {}
    for text in (row.findings, row.impression):
        for mention in label_spans(text or ""):
            if mention.state == "positive":
                found.setdefault(mention.label, set()).add(mention.side)
    # What is said again without a side is the same finding.
    return _one_sided({name: sides - {None} for name, sides in found.items() if sides != {None}})


def mesh_sides(codes: Iterable[str]) -> dict[str, str]:
    """The side of each term (``mesh_terms``) all of whose codes name the same one: "right" or "left"."""
    found: dict[str, set[str | None]] = {}
    for code in codes:
        own = {p.strip() for p in code.split("/")[1:]} & {"right", "left", "bilateral"}
        side = next(iter(own)) if len(own) == 1 else None
        for term in mesh_terms([code]):
            found.setdefault(term, set()).add(side)
    return _one_sided(found)


def _one_sided(found: Mapping[str, set[str | None]]) -> dict[str, str]:
    return {name: side for name, (side, *more) in found.items() if side in ("right", "left") and not more}


def _wordings(text: str | None) -> set[str]:
    return {re.sub(r"[^a-z ]", "", s.lower()).strip() for s in clean_text(text or "")}


@dataclass(frozen=True)
class Concepts:
    """``names`` of the columns, ``values`` (studies, concepts) float32 with NaN for unknown.

    ``sides`` (studies, concepts): 1 where the concept is on the patient's right alone, 0 on the left, NaN else.
    """

    names: tuple[str, ...]
    values: np.ndarray
    sides: np.ndarray

    @property
    def wordings(self) -> np.ndarray:
        """(studies, W) the columns of wordings."""
        return self.values[:, [name.startswith("wording:") for name in self.names]]

    @property
    def weights(self) -> np.ndarray:
        """(concepts,) the weight of each column in the loss: labels 1, MeSH 0.5, wording 0.25."""
        weight = {"label": 1.0, "mesh": 0.5, "wording": 0.25}
        return np.array([weight[n.split(":")[0]] for n in self.names], np.float32)


def build(rows: Sequence[Any], teachers: Sequence[bool], min_concept: int, min_wording: int) -> Concepts:
    """The concept matrix of manifest lines.

    Args:
        rows: manifest lines; MeSH codes are read from ``extra["mesh"]["major"]`` where it is there.
        teachers: which lines may choose the vocabulary of concepts (train and extra; never val or test).
        min_concept, min_wording: how many teachers must have a MeSH term or a wording to make it a concept.
    """
    codes = [(row.extra.get("mesh") or {}).get("major", ()) for row in rows]
    mesh = [mesh_terms(own) for own in codes]
    wording = [_wordings(row.findings) | _wordings(row.impression) for row in rows]
    mesh_count: Counter[str] = Counter(t for terms, ok in zip(mesh, teachers, strict=True) if ok for t in terms)
    word_count: Counter[str] = Counter(t for terms, ok in zip(wording, teachers, strict=True) if ok for t in terms)
    mesh_names = sorted(t for t, n in mesh_count.items() if n >= min_concept)
    wordings = [t for t, n in sorted(word_count.items(), key=lambda kv: (-kv[1], kv[0])) if n >= min_wording]
    names = (
        *(f"label:{n}" for n in LABELS),
        *(f"mesh:{t}" for t in mesh_names),
        *(f"wording:{i}" for i in range(len(wordings))),
    )
    values = np.full((len(rows), len(names)), np.nan, np.float32)
    state = {"positive": 1.0, "uncertain": UNCERTAIN, "negative": 0.0, None: 0.0}
    for i, row in enumerate(rows):
        labels = study_labels(row)
        if labels:
            values[i, : len(LABELS)] = [state[labels[n]] for n in LABELS]
        start = len(LABELS)
        if mesh[i]:
            values[i, start : start + len(mesh_names)] = [t in mesh[i] for t in mesh_names]
        if wording[i]:
            values[i, start + len(mesh_names) :] = [t in wording[i] for t in wordings]
    column = {name: i for i, name in enumerate(names)}
    sides = np.full(values.shape, np.nan, np.float32)
    for i, row in enumerate(rows):
        told = {f"label:{n}": side for n, side in label_sides(row).items()}
        told |= {f"mesh:{t}": side for t, side in mesh_sides(codes[i]).items()}
        for name, side in told.items():
            # A label may be called otherwise by those who gave the labels than by the labeler that found the side.
            if name in column and values[i, column[name]] == 1:
                sides[i, column[name]] = float(side == "right")
    return Concepts(names, values, sides)
