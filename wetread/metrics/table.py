"""An evaluation as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wetread.metrics.evaluation import Evaluation

__all__ = ["render_table"]

_NOTE = "Research use; not a medical device."


def render_table(evaluation: Evaluation) -> str:
    """Scores beside their baselines, labels, contradictions, the comparison, what is missing, and the signature."""
    blocks = [
        _heading(evaluation),
        _scores(evaluation),
        _labels(evaluation),
        _contradictions(evaluation),
        _comparison(evaluation),
        _missing(evaluation),
        f"{evaluation.signature}\n{_NOTE}",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows with the first column to the left and the others to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if k == 0 else cell.rjust(width) for k, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _heading(evaluation: Evaluation) -> str:
    pairs = evaluation.pairs
    facts = [f"{len(pairs)} reports", f"{evaluation.distinct} distinct hypotheses"]
    if evaluation.empty:
        facts.append(f"{evaluation.empty} empty hypotheses, scored 0")
    if pairs.failed:
        facts.append(f"{pairs.failed} failed studies among them")
    if pairs.left_out:
        facts.append(f"{pairs.left_out} studies without this section left out")
    if evaluation.references_in_train is not None:
        facts.append(f"{evaluation.references_in_train:.0%} of the references occur verbatim in train")
    lines = [f"{evaluation.section.upper()}: " + "; ".join(facts)]
    if evaluation.template:
        lines.append(f"NOTE: {evaluation.template}")
    return "\n".join(lines)


def _baseline(evaluation: Evaluation, kind: str, name: str) -> float | None:
    found: Any = evaluation.baselines.get(kind, {}).get(name)
    return found["value"] if isinstance(found, dict) else found


def _scores(evaluation: Evaluation) -> str:
    rows: list[Sequence[str]] = [("", "score", "95 % interval", "constant", "random", "most frequent")]
    for name, measure in evaluation.measures.items():
        low, high = evaluation.intervals[name]
        others = [_number(_baseline(evaluation, kind, name)) for kind in ("constant", "random", "most_frequent")]
        rows.append((name, _number(measure.value), f"{low:.4f} – {high:.4f}", *others))
    return _columns(rows)


def _labels(evaluation: Evaluation) -> str:
    if not evaluation.per_label:
        return ""
    rows: list[Sequence[str]] = [("positive labels", "precision", "recall", "F1", "reference", "hypothesis", "both")]
    for name, row in evaluation.per_label.items():
        scores = [f"{row[key]:.3f}" for key in ("precision", "recall", "f1")]
        rows.append((name, *scores, *(str(row[key]) for key in ("reference", "hypothesis", "both"))))
    return _columns(rows)


def _contradictions(evaluation: Evaluation) -> str:
    kept = {name: row for name, row in evaluation.contradictions.items() if any(row.values())}
    if not kept:
        return ""
    rows: list[Sequence[str]] = [("contradictions", *next(iter(kept.values())))]
    rows += [(name, *map(str, row.values())) for name, row in kept.items()]
    return _columns(rows)


def _comparison(evaluation: Evaluation) -> str:
    if not evaluation.comparison:
        return ""
    rows: list[Sequence[str]] = [("against the other", "this", "other", "difference", "p")]
    for name, c in evaluation.comparison.items():
        rows.append((name, _number(c.value), _number(c.other), f"{c.difference:+.4f}", f"{c.p:.4f}"))
    return _columns(rows)


def _missing(evaluation: Evaluation) -> str:
    lines = [f"not available: {name}: {reason}" for name, reason in evaluation.unavailable.items()]
    reason = evaluation.baselines.get("unavailable")
    if reason:
        lines.append(f"not available: {reason}")
    return "\n".join(lines)
