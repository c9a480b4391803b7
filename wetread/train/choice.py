"""Which report a study gets, of all that were found for any.

Every report is scored against every reference once (``expect.Scores``); what it is worth to a study is then a product
of matrices. So thousands of studies can choose among thousands of reports, by ROUGE-L as well, for which a search has
no time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wetread.train.assemble import Asked, Stock
from wetread.train.expect import Scores

__all__ = ["NONE", "Choice"]

#: What a study gets for which no report may be said or says all that is asked.
NONE = -1


class Choice:
    """Among ``reports`` (P), each as sentences of the stock, by their worth; meteor, rouge: see ``Scores.worth``."""

    def __init__(self, stock: Stock, reports: Sequence[tuple[int, ...]], meteor: float, rouge: float) -> None:
        self.stock, self.reports, self.meteor, self.rouge = stock, reports, meteor, rouge
        self.holds = np.zeros((len(reports), len(stock.texts)), np.float32)
        for row, own in zip(self.holds, reports, strict=True):
            row[list(own)] = 1
        self.states = self.holds @ stock.states.astype(np.float32) > 0
        self.scores = Scores.of(stock.book, [" ".join(t for i in own for t in stock.tokens[i]) for own in reports])

    def _answering(self, asked: Sequence[Asked]) -> np.ndarray:
        """(M, P) bool: whether a report may be said and says all that is asked."""
        fit = np.zeros((len(asked), len(self.reports)), bool)
        for row, own in zip(fit, asked, strict=True):
            forbidden = self.holds @ (~self.stock.allowed(own)).astype(np.float32)
            row[:] = (forbidden == 0) & ~(own.said & ~self.states).any(1)
        return fit

    def of(self, weight: np.ndarray, asked: Sequence[Asked]) -> np.ndarray:
        """(M,) the number of each study's report, or ``NONE``; weight (M, N) of the references, each row's sum 1."""
        if not len(self.reports):
            return np.full(len(asked), NONE)
        fit = self._answering(asked)
        worth = np.where(fit, self.scores.expected(weight).worth(self.meteor, self.rouge), -np.inf)
        return np.where(fit.any(1), worth.argmax(1), NONE)
