"""A score as sums over reports, so that intervals and tests cost one matrix product.

Every metric of this package is a function of sums over the reports: BLEU of n-gram counts, ROUGE-L and CIDEr of
their values and a count, F1 of true and false positives. ``Measure`` keeps the summands and that function; the
bootstrap and the randomisation test (``wetread.metrics.significance``) then work for all metrics alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wetread.errors import UsageError

__all__ = ["Measure", "MetricUnavailable", "mean_measure", "mean_of_sums"]

Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Measure:
    """One metric on one set of reports.

    Attributes:
        name: as printed, such as ``BLEU-4``.
        summands: (reports, k) float64, one line a report.
        statistic: (…, k) sums over reports → (…) values of the corpus score.
        per_report: (reports,) the score of each report alone, NaN where it has none.
    """

    name: str
    summands: np.ndarray
    statistic: Statistic
    per_report: np.ndarray

    @property
    def value(self) -> float:
        """The score of the whole corpus."""
        return float(self.statistic(self.summands.sum(axis=0)))


def mean_of_sums(sums: np.ndarray) -> np.ndarray:
    """(…, 2) sums of (value, 1) → (…) means."""
    return sums[..., 0] / np.maximum(sums[..., 1], 1.0)


def mean_measure(name: str, values: np.ndarray) -> Measure:
    """A metric that is the mean of its per-report values; NaN values (not defined for that report) do not count."""
    defined = ~np.isnan(values)
    summands = np.stack([np.where(defined, values, 0.0), defined.astype(np.float64)], axis=1)
    return Measure(name, summands, mean_of_sums, values)


class MetricUnavailable(UsageError):
    """A metric that cannot run here; the message says what is missing and how to get it."""
