"""What is scored, how, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wetread.metrics.measure import Measure
from wetread.metrics.protocols import Protocol
from wetread.metrics.significance import Comparison

__all__ = ["GROUPS", "Evaluation", "GivenLabels", "Pairs", "ScoreOptions"]

GROUPS = ("language", "meteor", "clinical", "consistency")


@dataclass(frozen=True)
class Pairs:
    """What is scored, in one order.

    Attributes:
        ids: of the studies; line numbers where the input had none.
        references, hypotheses: as written; a failed or empty draft is an empty hypothesis.
        failed: studies whose draft is an error.
        left_out: studies of the manifest whose reference lacks the section.
        split: of the manifest, where one was chosen.
    """

    ids: tuple[str, ...]
    references: tuple[str, ...]
    hypotheses: tuple[str, ...]
    failed: int = 0
    left_out: int = 0
    split: str | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class GivenLabels:
    """(n, 14) states that were given instead of computed, with the name of who labelled them."""

    reference: np.ndarray | None = None
    hypothesis: np.ndarray | None = None
    source: str = "given"


@dataclass(frozen=True)
class ScoreOptions:
    """How to score.

    Attributes:
        protocol: what is done to the texts before language metrics.
        groups: which of ``GROUPS``.
        uncertain_as_positive: for the clinical scores.
        samples, trials, seed: of bootstrap and randomisation test.
        meteor: folder of the user's METEOR tables.
        others: names of adapters.
    """

    protocol: Protocol
    groups: tuple[str, ...] = GROUPS
    uncertain_as_positive: bool = False
    samples: int = 1000
    trials: int = 2000
    seed: int = 0
    meteor: str | Path | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """All that is known of one system on one section."""

    section: str
    pairs: Pairs
    signature: str
    measures: Mapping[str, Measure]
    intervals: Mapping[str, tuple[float, float]]
    unavailable: Mapping[str, str]
    per_label: Mapping[str, Mapping[str, float | int]]
    contradictions: Mapping[str, Mapping[str, int]]
    baselines: Mapping[str, Any]
    distinct: int
    empty: int
    template: str | None
    references_in_train: float | None
    comparison: Mapping[str, Comparison] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As ``wetread score --json`` prints it, unrounded."""
        metrics: dict[str, Any] = {
            name: {"value": measure.value, "interval": list(self.intervals[name])}
            for name, measure in self.measures.items()
        }
        metrics.update(dict.fromkeys(self.unavailable))
        value: dict[str, Any] = {
            "signature": self.signature,
            "section": self.section,
            "n": len(self.pairs),
            "distinct": self.distinct,
            "empty": self.empty,
            "failed": self.pairs.failed,
            "left_out": self.pairs.left_out,
            "template": self.template,
            "references_in_train": self.references_in_train,
            "metrics": metrics,
            "unavailable": dict(self.unavailable),
            "per_label": {name: dict(row) for name, row in self.per_label.items()},
            "contradictions": {name: dict(row) for name, row in self.contradictions.items()},
            "baselines": dict(self.baselines),
        }
        if self.comparison:
            value["against"] = {
                name: {"value": c.value, "other": c.other, "difference": c.difference, "p": c.p}
                for name, c in self.comparison.items()
            }
        return value
