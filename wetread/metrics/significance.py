"""Intervals and tests over reports, for any ``Measure``.

* Interval: percentile bootstrap (Efron 1979; for such scores Koehn 2004) over reports, 95 %, seeded. CIDEr's document
  frequencies stay those of the whole reference set. Beyond ``BLOCKS`` reports, resampling is over that many random
  groups of reports, so that a million cost no more than some thousands.
* Test: paired approximate randomisation (Noreen 1989; Riezler & Maxwell 2005): in each trial every report's two
  results change sides with probability one half; p = (1 + trials at least as far apart) / (1 + trials).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from wetread.metrics.measure import Measure

__all__ = ["Comparison", "bootstrap_intervals", "paired_tests"]

BLOCKS = 4000
_LEVEL = (2.5, 97.5)
_TRIALS_AT_ONCE = 64


def _blocks(n: int, generator: np.random.Generator) -> np.ndarray | None:
    """(n,) the group of each report, or None where every report is its own."""
    if n <= BLOCKS:
        return None
    return generator.permutation(np.arange(n) % BLOCKS)


def _grouped(summands: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    if groups is None:
        return summands
    return np.stack([np.bincount(groups, weights=column, minlength=BLOCKS) for column in summands.T], axis=1)


def _resampled(measures: Iterable[Measure], weights: np.ndarray, groups: np.ndarray | None) -> dict[int, np.ndarray]:
    """Sums of every distinct table of summands under each row of weights: metrics share tables."""
    tables = {id(measure.summands): measure.summands for measure in measures}
    return {key: weights @ _grouped(table, groups) for key, table in tables.items()}


def bootstrap_intervals(
    measures: Mapping[str, Measure], samples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Name → 95 % interval of the corpus score; all metrics see the same samples."""
    if not measures:
        return {}
    n = len(next(iter(measures.values())).summands)
    generator = np.random.default_rng(seed)
    groups = _blocks(n, generator)
    size = n if groups is None else BLOCKS
    weights = np.empty((samples, size), dtype=np.float64)
    for row in weights:
        row[:] = np.bincount(generator.integers(0, size, size), minlength=size)
    sums = _resampled(measures.values(), weights, groups)
    intervals = {}
    for name, measure in measures.items():
        low, high = np.percentile(measure.statistic(sums[id(measure.summands)]), _LEVEL)
        intervals[name] = (float(low), float(high))
    return intervals


@dataclass(frozen=True)
class Comparison:
    """A metric of this system, of the other, their difference and its p-value (two-sided)."""

    value: float
    other: float
    p: float

    @property
    def difference(self) -> float:
        return self.value - self.other


def paired_tests(
    mine: Mapping[str, Measure], other: Mapping[str, Measure], trials: int = 2000, seed: int = 0
) -> dict[str, Comparison]:
    """Name → comparison, for the metrics that both have; both lists of reports are the same, in one order."""
    names = [name for name in mine if name in other]
    if not names:
        return {}
    n = len(mine[names[0]].summands)
    generator = np.random.default_rng(seed)
    groups = _blocks(n, generator)
    size = n if groups is None else BLOCKS
    tables = {
        (id(mine[name].summands), id(other[name].summands)): (
            _grouped(mine[name].summands, groups),
            _grouped(other[name].summands, groups),
        )
        for name in names
    }
    far = dict.fromkeys(names, 0)
    observed = {name: mine[name].value - other[name].value for name in names}
    for start in range(0, trials, _TRIALS_AT_ONCE):
        swap = generator.integers(0, 2, (min(_TRIALS_AT_ONCE, trials - start), size)).astype(np.float64)
        moved = {key: swap @ (b - a) for key, (a, b) in tables.items()}
        for name in names:
            key = (id(mine[name].summands), id(other[name].summands))
            a, b = tables[key]
            one = mine[name].statistic(a.sum(axis=0) + moved[key])
            two = other[name].statistic(b.sum(axis=0) - moved[key])
            far[name] += int(np.count_nonzero(np.abs(one - two) >= abs(observed[name]) - 1e-12))
    return {name: Comparison(mine[name].value, other[name].value, (1 + far[name]) / (1 + trials)) for name in names}
