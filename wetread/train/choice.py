"""Which report a study gets, of all that were found for any.

Every report is scored against every reference once (``expect.Scores``); what it is worth to a study is then a product
of matrices. So thousands of studies can choose among thousands of reports, by ROUGE-L as well, for which a search has
no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wetread.train.assemble import Asked, Stock
from wetread.train.expect import Scores, Usual

__all__ = ["NONE", "Choice"]

#: What a study gets for which no report may be said or says all that is asked.
NONE = -1
#: Rounds in which it is sought what reports usually are, and halvings in each to find the price of a token.
_ROUNDS, _HALVINGS = 4, 8


class Choice:
    """Among ``reports`` (P), each as sentences of the stock, by their worth; bleu, rouge: see ``Scores.worth``."""

    def __init__(self, stock: Stock, reports: Sequence[tuple[int, ...]], bleu: float, rouge: float) -> None:
        self.stock, self.reports, self.bleu, self.rouge = stock, reports, bleu, rouge
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

    def _best(self, expected: Scores, fit: np.ndarray, usual: Usual) -> np.ndarray:
        if not len(self.reports):
            return np.full(len(fit), NONE)
        worth = np.where(fit, expected.worth(usual, self.bleu, self.rouge), -np.inf)
        return np.where(fit.any(1), worth.argmax(1), NONE)

    def of(self, weight: np.ndarray, asked: Sequence[Asked], usual: Usual) -> np.ndarray:
        """(M,) the number of each study's report, or ``NONE``; weight (M, N) of the references, each row's sum 1."""
        return self._best(self.scores.expected(weight), self._answering(asked), usual)

    def settle(self, weight: np.ndarray, asked: Sequence[Asked], usual: Usual) -> Usual:
        """What these studies' reports usually are when they are chosen so, as long as the references in the mean.

        A token more is paid between nothing and what it is worth to BLEU where reports are shorter (``habits_of``).
        """
        fit = self._answering(asked)
        expected, wanted = self.scores.expected(weight), float(self.stock.book.lengths.mean())
        study = np.flatnonzero(fit.any(1))
        if not len(study):
            return usual
        for _ in range(_ROUNDS):
            low, high = 0.0, 1 / wanted
            for _ in range(_HALVINGS):
                usual = replace(usual, token=(low + high) / 2)
                best = self._best(expected, fit, usual)[study]
                length = float(self.scores.lengths[best].mean())
                low, high = (low, usual.token) if length > wanted else (usual.token, high)
            hits = expected.hits[:, study, best].mean(1)
            usual = Usual(tuple(np.maximum(hits, 1e-3).tolist()), length, usual.token)
        return usual
