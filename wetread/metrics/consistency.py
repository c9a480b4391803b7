"""Factual consistency: where the draft says the opposite of the reference.

For every finding that the draft mentions and the reference mentions too, one of two things holds: they agree, or they
contradict each other. What only one of them mentions is an omission or an addition; precision and recall count those.

A mention of the draft is compared with the reference's mentions of the same finding at the same place. Places are the
same unless both name a side and the sides differ (left, right; bilateral is both), or both name a level and the levels
differ (upper: upper lobe, apex; middle; lower: lower lobe, base). In this order:

1. a mention at the same place has the same polarity → agreement;
2. one at the same place has the opposite polarity → contradiction ``polarity``, ``device`` for Support Devices
   (there and not there);
3. the draft's is present, the reference has it present elsewhere only → contradiction ``side`` or ``level``;
4. otherwise nothing can be said of it.

Uncertain mentions agree with both polarities. "No Finding" is left out: that "the lungs are clear" contradicts a
finding is seen only where the finding itself is denied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from wetread.metrics.measure import Measure, mean_measure
from wetread.report.labeler import Mention, label_spans
from wetread.types import LABELS

__all__ = ["KINDS", "Consistency", "ConsistencyTable", "Contradiction", "compare", "compare_all"]

Kind = Literal["polarity", "side", "level", "device"]
KINDS: tuple[Kind, ...] = ("polarity", "side", "level", "device")
_LEVELS = {"upper": "upper", "apex": "upper", "middle": "middle", "lower": "lower", "base": "lower"}
_DEVICES = "Support Devices"


@dataclass(frozen=True)
class Contradiction:
    """One mention of the draft and the mention of the reference that it contradicts."""

    label: str
    kind: Kind
    hypothesis: Mention
    reference: Mention


@dataclass(frozen=True)
class Consistency:
    """What a comparison of one pair found."""

    agreements: tuple[str, ...]
    contradictions: tuple[Contradiction, ...]


def _level(mention: Mention) -> str | None:
    return _LEVELS.get(mention.zone or "")


def _side_differs(a: Mention, b: Mention) -> bool:
    return {a.side, b.side} == {"left", "right"}


def _level_differs(a: Mention, b: Mention) -> bool:
    one, other = _level(a), _level(b)
    return one is not None and other is not None and one != other


def _agrees(a: Mention, b: Mention) -> bool:
    return a.state == b.state or "uncertain" in (a.state, b.state)


def _judge(mention: Mention, others: Sequence[Mention]) -> Contradiction | bool | None:
    """A contradiction, True for agreement, None where nothing can be said."""
    here = [m for m in others if not _side_differs(mention, m) and not _level_differs(mention, m)]
    if any(_agrees(mention, m) for m in here):
        return True
    if here:
        kind: Kind = "device" if mention.label == _DEVICES else "polarity"
        return Contradiction(mention.label, kind, mention, here[0])
    present = [m for m in others if m.state == "positive"]
    if mention.state != "positive" or not present:
        return None
    level = next((m for m in present if not _side_differs(mention, m)), None)
    if level is not None:
        return Contradiction(mention.label, "level", mention, level)
    return Contradiction(mention.label, "side", mention, present[0])


@lru_cache(maxsize=65_536)
def _mentions(text: str) -> tuple[Mention, ...]:
    return tuple(m for m in label_spans(text) if m.label != "No Finding")


def compare(reference: str, hypothesis: str) -> Consistency:
    """Agreements and contradictions of one pair; each distinct statement of the draft counts once."""
    theirs: dict[str, list[Mention]] = {}
    for mention in _mentions(reference):
        theirs.setdefault(mention.label, []).append(mention)
    agreements, contradictions, seen = [], [], set()
    for mention in _mentions(hypothesis):
        statement = (mention.label, mention.state, mention.side, _level(mention))
        if statement in seen or mention.label not in theirs:
            continue
        seen.add(statement)
        verdict = _judge(mention, theirs[mention.label])
        if verdict is True:
            agreements.append(mention.label)
        elif isinstance(verdict, Contradiction):
            contradictions.append(verdict)
    return Consistency(tuple(agreements), tuple(contradictions))


def _ratio(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / np.maximum(sums[..., 1], 1.0)


@dataclass(frozen=True)
class ConsistencyTable:
    """Of a corpus.

    Attributes:
        measures: ``consistency``, the share of agreements among all statements that can be compared (NaN for a report
            without any), and ``contradiction-free``, the share of reports without a contradiction.
        per_label: label → agreements and contradictions by kind.
    """

    measures: dict[str, Measure]
    per_label: dict[str, dict[str, int]]


def compare_all(
    references: Iterable[str], hypotheses: Iterable[str], progress: Callable[[int], None] | None = None
) -> ConsistencyTable:
    """``compare`` over a corpus."""
    agreed: Counter[str] = Counter()
    against: Counter[tuple[str, str]] = Counter()
    rows = []
    for reference, hypothesis in zip(references, hypotheses):
        found = compare(reference, hypothesis)
        agreed.update(found.agreements)
        against.update((c.label, c.kind) for c in found.contradictions)
        rows.append((len(found.agreements), len(found.agreements) + len(found.contradictions)))
        if progress is not None:
            progress(1)
    summands = np.array(rows, dtype=np.float64).reshape(-1, 2)
    alone = np.where(summands[:, 1] > 0, _ratio(summands), np.nan)
    free = (summands[:, 0] == summands[:, 1]).astype(np.float64)
    return ConsistencyTable(
        measures={
            "consistency": Measure("consistency", summands, _ratio, alone),
            "contradiction-free": mean_measure("contradiction-free", free),
        },
        per_label={
            name: {"agree": agreed[name], **{kind: against[name, kind] for kind in KINDS}}
            for name in LABELS
            if name != "No Finding"
        },
    )
