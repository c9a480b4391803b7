"""What a text is expected to score against references of which each may be the one: CIDEr, and what BLEU is made of.

CIDEr (Vedantam et al. 2015) is a mean over reports, so that its expectation is a weighted mean over the references; the
clipping of counts in its inner product is left out. BLEU-4 (Papineni et al. 2002) is one number for many reports: near
what reports usually have it is linear in the hits and the length of each.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from wetread.metrics.nlg import CIDER_SIGMA, ORDERS

__all__ = ["Expected", "References", "Usual", "pairwise_cider"]

#: Texts whose lengths differ by less share the penalty of CIDEr on lengths, in tokens.
_STEP = 2


def _grams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """The n-grams of a text and how often it has them."""
    return Counter(zip(*(tokens[k:] for k in range(order)), strict=False))


@dataclass(frozen=True)
class Usual:
    """What a report has in the mean: by order of n-grams those that its reference has too, and its length in tokens.

    ``token``: by what share one token more a report raises BLEU's penalty on short ones; 0 where they are as long as
    the references, and in between where they are just about to be.
    """

    hits: tuple[float, ...]
    length: float
    token: float = 0.0

    @property
    def guessed(self) -> tuple[float, ...]:
        """N-grams of a report, by their order."""
        return tuple(max(self.length - n, 1.0) for n in range(ORDERS))

    @property
    def bleu(self) -> float:
        """BLEU-4 of such reports, without the penalty on short ones."""
        return math.exp(sum(math.log(h / g) for h, g in zip(self.hits, self.guessed, strict=True)) / ORDERS)

    def gain(self, hits: Sequence[float], length: float) -> float:
        """What a report adds to BLEU-4 to the first order, by its (expected) hits and its length; constants apart."""
        parts = (h / usual - length / g for h, usual, g in zip(hits, self.hits, self.guessed, strict=True))
        return self.bleu * (sum(parts) / ORDERS + self.token * length)


class References:
    """The references (N), tokens parted by spaces, by their n-grams: ``lengths`` (N,) in tokens.

    By order: ``column`` of each n-gram, its ``idf``, ``unit`` (n-grams, N) TF-IDF of the references as unit vectors,
    ``often`` whether a reference has an n-gram once, twice and so on, (n-grams, N) each.
    """

    def __init__(self, references: Sequence[str]) -> None:
        texts = [r.split() for r in references]
        self.lengths = np.array([len(t) for t in texts])
        self.unseen = math.log(len(texts))
        self.column: list[dict[tuple[str, ...], int]] = []
        self.idf: list[list[float]] = []
        self.unit: list[sparse.csr_matrix] = []
        self.often: list[list[sparse.csr_matrix]] = []
        for order in range(1, ORDERS + 1):
            counted = [_grams(t, order) for t in texts]
            frequency = Counter(g for c in counted for g in c)
            column = {gram: k for k, gram in enumerate(frequency)}
            idf = np.array([self.unseen - math.log(n) for n in frequency.values()])
            cells = [(column[g], i, n) for i, c in enumerate(counted) for g, n in c.items()]
            rows, columns, values = zip(*cells, strict=True) if cells else ((), (), ())
            counts = sparse.csr_matrix((np.array(values, float), (rows, columns)), shape=(len(column), len(texts)))
            weighted = sparse.diags(idf) @ counts
            norm = np.sqrt(np.asarray(weighted.multiply(weighted).sum(0)).ravel())
            self.column.append(column)
            self.idf.append(idf.tolist())
            self.unit.append((weighted @ sparse.diags(1 / np.maximum(norm, 1e-9))).tocsr())
            most = int(counts.max()) if counts.nnz else 0
            self.often.append([(counts >= k).astype(float).tocsr() for k in range(1, most + 1)])

    def weighted(self, texts: Sequence[Sequence[str]], n: int) -> tuple[sparse.csr_matrix, np.ndarray]:
        """TF-IDF (texts, n-grams) of tokens, by order ``n`` + 1, and (texts,) the squares of what no reference has."""
        column, found = self.column[n], [_grams(t, n + 1) for t in texts]
        cells = [(i, column[g], times) for i, own in enumerate(found) for g, times in own.items() if g in column]
        rows, columns, values = zip(*cells, strict=True) if cells else ((), (), ())
        counts = sparse.csr_matrix((np.array(values, float), (rows, columns)), shape=(len(texts), len(column)))
        unseen = [sum((k * self.unseen) ** 2 for g, k in own.items() if g not in column) for own in found]
        return counts @ sparse.diags(np.array(self.idf[n])), np.array(unseen, float)


def pairwise_cider(references: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
    """(references, candidates) CIDEr of each pair but for the clipping of counts; tokens parted by spaces."""
    book, texts = References(references), [c.split() for c in candidates]
    similarity = np.zeros((len(references), len(candidates)))
    for n, unit in enumerate(book.unit):
        said, unseen = book.weighted(texts, n)
        norm = np.sqrt(np.asarray(said.multiply(said).sum(1)).ravel() + unseen)
        similarity += (said @ unit).toarray().T / np.where(norm, norm, 1.0)
    apart = book.lengths[:, None] - np.array([len(t) for t in texts])
    return (10 / ORDERS * similarity * np.exp(-(apart**2) / (2 * CIDER_SIGMA**2))).astype(np.float32)


class Expected:
    """Against the references with the weights ``weight`` (N,), sum 1."""

    def __init__(self, book: References, weight: np.ndarray) -> None:
        self._book, self._weight = book, weight
        self._often = [[level @ weight for level in levels] for levels in book.often]
        self._near: dict[int, list[np.ndarray]] = {}

    def _likeness(self, length: int) -> list[np.ndarray]:
        """By order, what each n-gram of a text of that length adds to its inner product with the references."""
        step = length // _STEP
        if step not in self._near:
            apart = step * _STEP - self._book.lengths
            weight = self._weight * np.exp(-(apart**2) / (2 * CIDER_SIGMA**2))
            self._near[step] = [unit @ weight for unit in self._book.unit]
        return self._near[step]

    def __call__(self, tokens: Sequence[str]) -> tuple[float, tuple[float, ...]]:
        """CIDEr of a text and, by order, its n-grams that the reference has too, each counted as often as in both."""
        book, cider, found = self._book, 0.0, []
        for n, likeness in enumerate(self._likeness(len(tokens))):
            column, idf, often = book.column[n], book.idf[n], self._often[n]
            product = norm = hits = 0.0
            for gram, times in _grams(tokens, n + 1).items():
                k = column.get(gram)
                if k is None:
                    norm += (times * book.unseen) ** 2
                    continue
                value = times * idf[k]
                norm += value * value
                product += value * likeness[k]
                hits += sum(level[k] for level in often[:times])
            cider += 10 / ORDERS * product / math.sqrt(norm) if norm else 0.0
            found.append(float(hits))
        return float(cider), tuple(found)
