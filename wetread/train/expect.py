"""What a text is expected to score where each of many references may be the one: CIDEr, ROUGE-L, what BLEU is made of.

CIDEr (Vedantam et al. 2015) and ROUGE-L (Lin 2004) are means over reports, so that their expectation is a weighted mean
over the references; the clipping of counts in CIDEr's inner product is left out. BLEU-4 (Papineni et al. 2002) is one
number for many reports: near what reports usually have it is linear in the hits and the length of each.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from wetread.metrics.nlg import CIDER_SIGMA, ORDERS, ROUGE_BETA

__all__ = ["Expected", "References", "Scores", "Usual", "pairwise_cider", "pairwise_hits", "pairwise_rouge"]

#: Texts whose lengths differ by less share the penalty of CIDEr on lengths, in tokens.
_STEP = 2
#: Bits of a machine word.
_WORD = 64


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

    def gain(self, hits: Any, length: Any) -> Any:
        """What a report adds to BLEU-4 to the first order, by its (expected) hits and its length; constants apart.

        Args:
            hits: by order, and length: of one report, or arrays of many.
        """
        parts = (h / usual - length / g for h, usual, g in zip(hits, self.hits, self.guessed, strict=True))
        return self.bleu * (sum(parts) / ORDERS + self.token * length)


class References:
    """The references (N), tokens parted by spaces, by their n-grams: ``lengths`` (N,) in tokens.

    ``number`` of each token, from 1; ``tokens`` (N, longest) by these, 0 behind the end.

    By order: ``column`` of each n-gram, its ``idf``, ``unit`` (n-grams, N) TF-IDF of the references as unit vectors,
    ``often`` whether a reference has an n-gram once, twice and so on, (n-grams, N) each.
    """

    def __init__(self, references: Sequence[str]) -> None:
        texts = [r.split() for r in references]
        self.lengths = np.array([len(t) for t in texts])
        self.number = {token: k for k, token in enumerate(dict.fromkeys(t for own in texts for t in own), start=1)}
        self.tokens = np.zeros((len(texts), max(self.lengths, default=0)), np.int64)
        for row, own in zip(self.tokens, texts, strict=True):
            row[: len(own)] = [self.number[t] for t in own]
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
        unseen = [sum((k * self.unseen) ** 2 for g, k in own.items() if g not in column) for own in found]
        return self.counts(texts, n) @ sparse.diags(np.array(self.idf[n])), np.array(unseen, float)

    def counts(self, texts: Sequence[Sequence[str]], n: int) -> sparse.csr_matrix:
        """(texts, n-grams) how often each text has the references' n-grams, by order ``n`` + 1."""
        column = self.column[n]
        found = [_grams(t, n + 1) for t in texts]
        cells = [(i, column[g], times) for i, own in enumerate(found) for g, times in own.items() if g in column]
        rows, columns, values = zip(*cells, strict=True) if cells else ((), (), ())
        return sparse.csr_matrix((np.array(values, float), (rows, columns)), shape=(len(texts), len(column)))


def pairwise_cider(book: References, candidates: Sequence[str]) -> np.ndarray:
    """(references, candidates) CIDEr of each pair but for the clipping of counts; tokens parted by spaces."""
    texts = [c.split() for c in candidates]
    similarity = np.zeros((len(book.lengths), len(candidates)))
    for n, unit in enumerate(book.unit):
        said, unseen = book.weighted(texts, n)
        norm = np.sqrt(np.asarray(said.multiply(said).sum(1)).ravel() + unseen)
        similarity += (said @ unit).toarray().T / np.where(norm, norm, 1.0)
    apart = book.lengths[:, None] - np.array([len(t) for t in texts])
    return (10 / ORDERS * similarity * np.exp(-(apart**2) / (2 * CIDER_SIGMA**2))).astype(np.float32)


def pairwise_hits(book: References, candidates: Sequence[str]) -> np.ndarray:
    """(orders, references, candidates) n-grams of a candidate that the reference has too, as often as in both."""
    texts = [c.split() for c in candidates]
    found = np.zeros((ORDERS, len(book.lengths), len(texts)), np.float32)
    for n, levels in enumerate(book.often):
        said = book.counts(texts, n)
        for k, level in enumerate(levels, start=1):
            found[n] += ((said >= k).astype(np.float32) @ level).toarray().T
    return found


def pairwise_rouge(book: References, candidates: Sequence[str]) -> np.ndarray:
    """(references, candidates) ROUGE-L of each pair; tokens parted by spaces, of a candidate the first 64.

    The longest common subsequence with all references at once, a machine word a reference (Hyyrö 2004).
    """
    scores = np.zeros((len(book.lengths), len(candidates)), np.float32)
    square, ones = ROUGE_BETA**2, np.uint64(2**_WORD - 1)
    for k, candidate in enumerate(candidates):
        said = candidate.split()[:_WORD]
        places = np.zeros(len(book.number) + 1, np.uint64)
        for place, token in enumerate(said):
            places[book.number.get(token, 0)] |= np.uint64(1 << place)
        places[0] = 0  # what no reference has, and what lies behind a reference's end
        row = np.full(len(scores), ones)
        for column in book.tokens.T:
            hit = row & places[column]
            row = (row + hit) | (row - hit)
        common = np.unpackbits((~row).view(np.uint8).reshape(-1, _WORD // 8), axis=1).sum(1)
        precision, recall = common / max(len(said), 1), common / np.maximum(book.lengths, 1)
        scores[:, k] = (1 + square) * precision * recall / np.maximum(recall + square * precision, 1e-9)
    return scores


@dataclass(frozen=True)
class Scores:
    """What each of the texts (P) scores against each of the references (N).

    ``cider``, ``rouge`` (N, P); ``hits`` (orders, N, P), see ``pairwise_hits``; ``lengths`` (P,) in tokens.
    """

    cider: np.ndarray
    rouge: np.ndarray
    hits: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, book: References, texts: Sequence[str]) -> Scores:
        lengths = np.array([len(t.split()) for t in texts])
        return cls(pairwise_cider(book, texts), pairwise_rouge(book, texts), pairwise_hits(book, texts), lengths)

    def expected(self, weight: np.ndarray) -> Scores:
        """Of studies (M) instead of references: weight (M, N) of the references, each row's sum 1."""
        weight = weight.astype(np.float32)
        hits = np.stack([weight @ order for order in self.hits])
        return Scores(weight @ self.cider, weight @ self.rouge, hits, self.lengths)

    def worth(self, usual: Usual, bleu: float, rouge: float) -> np.ndarray:
        """(N, P) CIDEr, and what BLEU-4 and ROUGE-L, weighted so, add to it."""
        return self.cider + bleu * usual.gain(self.hits, self.lengths) + rouge * self.rouge


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
