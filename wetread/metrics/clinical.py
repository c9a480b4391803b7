"""Clinical scores from the 14 CheXpert labels: does the draft claim the same findings as the reference?

A label counts where it is *positive*; the other three states (negative, uncertain, not mentioned) are not, as in the
"CE metrics" of the field (Chen et al. 2020) over CheXbert (Smit et al. 2020). ``uncertain_as_positive`` is an option
and says so in the signature. F1 = 2·TP / (2·TP + FP + FN), 0 where that is 0/0.

* ``macro-14``, ``macro-5``: mean of the F1 of 14, or of the five labels of the CheXpert competition;
* ``micro-14``, ``micro-5``: F1 of the pooled counts;
* ``macro-10+``: mean F1 over the labels with at least ten positives in the reference, since a label with one or two
  positives moves a macro score by chance.

"No Finding" is one of the 14: always answering it gives a high micro-14 and a macro-5 of 0. Read them together.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from wetread.errors import InputError
from wetread.metrics.measure import Measure, mean_measure
from wetread.types import LABELS, MICRO5

__all__ = [
    "FEW",
    "clinical_measures",
    "encode_states",
    "label_texts",
    "normality_measure",
    "per_label",
    "positives",
    "read_label_csv",
]

#: A label with fewer positives in the reference is left out of ``macro-10+``.
FEW = 10
_CODE: Mapping[str | None, int] = {"positive": 1, "uncertain": -1, "negative": 0, None: 2}
_NO_FINDING = LABELS.index("No Finding")
_FIVE = tuple(LABELS.index(name) for name in MICRO5)
_ALL = tuple(range(len(LABELS)))
_CHEXBERT = {"": None, "nan": None, "1": "positive", "0": "negative", "-1": "uncertain"}
_KEYS = ("study_id", "Id", "id", "dicom_id", "study")

Labels = Mapping[str, str | None]


def encode_states(states: Iterable[Labels]) -> np.ndarray:
    """(n, 14) int8: 1 positive, 0 negative, -1 uncertain, 2 not mentioned."""
    rows = [[_CODE[state.get(name)] for name in LABELS] for state in states]
    return np.array(rows, dtype=np.int8).reshape(-1, len(LABELS))


def label_texts(
    texts: Sequence[str],
    labeler: Callable[[str], Labels] | None = None,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """(n, 14) int8 states of each text by our labeler, or by another; an empty text mentions nothing."""
    if labeler is None:
        from wetread.report.labeler import label

        labeler = label
    known: dict[str, np.ndarray] = {}
    states = np.full((len(texts), len(LABELS)), _CODE[None], dtype=np.int8)
    for k, text in enumerate(texts):
        row = known.get(text)
        if row is None:
            if len(known) > 50_000:
                known.clear()
            row = known[text] = encode_states([labeler(text)])[0]
        states[k] = row
        if progress is not None:
            progress(1)
    return states


def read_label_csv(path: str | Path) -> tuple[list[str] | None, np.ndarray]:
    """A table in CheXbert's form: 1 positive, 0 negative, -1 uncertain, blank not mentioned.

    Returns:
        The study ids where a column has them (``study_id``, ``Id``), else None; (n, 14) int8 states in file order.

    Raises:
        InputError: the file cannot be read, lacks a label, repeats a study or holds another value.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as lines:
            rows: list[dict[str, Any]] = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the label table {path} cannot be read: {error}") from error
    columns = rows[0].keys() if rows else ()
    missing = [name for name in LABELS if name not in columns]
    if missing:
        raise InputError(f"the label table {path} lacks {', '.join(missing)}; it needs CheXbert's 14 columns")
    key = next((name for name in _KEYS if name in columns), None)
    ids = None if key is None else [row[key] for row in rows]
    if ids is not None and len(set(ids)) != len(ids):
        double = next(name for name in ids if ids.count(name) > 1)
        raise InputError(f"the label table {path} holds the study {double!r} twice; give each study one row")
    return ids, encode_states(
        {name: _state(row[name], f"{path}, row {number}, {name}") for name in LABELS}
        for number, row in enumerate(rows, start=2)
    )


def _state(cell: str | None, where: str) -> str | None:
    text = (cell or "").strip().lower().removesuffix(".0")
    if text not in _CHEXBERT:
        raise InputError(f"the value {cell!r} ({where}) is none of 1, 0, -1 and blank")
    return _CHEXBERT[text]


def positives(states: np.ndarray, uncertain_as_positive: bool = False) -> np.ndarray:
    """(n, 14) bool from (n, 14) states."""
    return (states == 1) | (states == -1) if uncertain_as_positive else states == 1


def _f1(true: np.ndarray, false: np.ndarray, missed: np.ndarray) -> np.ndarray:
    total = 2 * true + false + missed
    return np.where(total > 0, 2 * true / np.where(total > 0, total, 1.0), 0.0)


def _macro(sums: np.ndarray, which: Sequence[int]) -> np.ndarray:
    true, false, missed = (sums[..., k * len(LABELS) : (k + 1) * len(LABELS)][..., list(which)] for k in range(3))
    return _f1(true, false, missed).mean(axis=-1)


def _micro(sums: np.ndarray, which: Sequence[int]) -> np.ndarray:
    true, false, missed = (
        sums[..., k * len(LABELS) : (k + 1) * len(LABELS)][..., list(which)].sum(axis=-1) for k in range(3)
    )
    return _f1(true, false, missed)


def clinical_measures(
    reference: np.ndarray, hypothesis: np.ndarray, uncertain_as_positive: bool = False
) -> dict[str, Measure]:
    """macro-14, micro-14, macro-5, micro-5 and macro-10+ of (n, 14) states.

    ``per_report`` of the micro scores is the F1 of that report's own labels, NaN where neither text has any; a macro
    score has none. ``macro-10+`` is there only where a label has ten positives in the reference.
    """
    ref, hyp = positives(reference, uncertain_as_positive), positives(hypothesis, uncertain_as_positive)
    summands = np.concatenate([ref & hyp, ~ref & hyp, ref & ~hyp], axis=1).astype(np.float64)
    often = tuple(np.flatnonzero(ref.sum(axis=0) >= FEW).tolist())
    none = np.full(len(ref), np.nan)

    def one(name: str, statistic: Callable[..., np.ndarray], which: Sequence[int], alone: bool) -> Measure:
        values = none
        if alone:
            said = (ref | hyp)[:, list(which)].any(axis=1)
            values = np.where(said, statistic(summands, which), np.nan)
        return Measure(name, summands, partial(statistic, which=which), values)

    measures = {
        "macro-14": one("macro-14", _macro, _ALL, alone=False),
        "micro-14": one("micro-14", _micro, _ALL, alone=True),
        "macro-5": one("macro-5", _macro, _FIVE, alone=False),
        "micro-5": one("micro-5", _micro, _FIVE, alone=True),
    }
    if often:
        measures["macro-10+"] = one("macro-10+", _macro, often, alone=False)
    return measures


def per_label(
    reference: np.ndarray, hypothesis: np.ndarray, uncertain_as_positive: bool = False
) -> dict[str, dict[str, float | int]]:
    """Label → precision, recall, F1, and how often it is positive in reference, hypothesis and both."""
    ref, hyp = positives(reference, uncertain_as_positive), positives(hypothesis, uncertain_as_positive)
    table: dict[str, dict[str, float | int]] = {}
    for k, name in enumerate(LABELS):
        true, in_ref, in_hyp = (int(x.sum()) for x in (ref[:, k] & hyp[:, k], ref[:, k], hyp[:, k]))
        table[name] = {
            "precision": true / in_hyp if in_hyp else 0.0,
            "recall": true / in_ref if in_ref else 0.0,
            "f1": 2 * true / (in_ref + in_hyp) if in_ref + in_hyp else 0.0,
            "reference": in_ref,
            "hypothesis": in_hyp,
            "both": true,
        }
    return table


def normality_measure(reference: np.ndarray, hypothesis: np.ndarray) -> Measure:
    """Share of reports on which hypothesis and reference agree whether all is normal ("No Finding" positive)."""
    ref, hyp = reference[:, _NO_FINDING] == 1, hypothesis[:, _NO_FINDING] == 1
    return mean_measure("normal-or-not", (ref == hyp).astype(np.float64))
