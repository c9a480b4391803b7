"""What a text is expected to score where each of many references may be the one: CIDEr, ROUGE-L, METEOR's words.

CIDEr (Vedantam et al. 2015) and ROUGE-L (Lin 2004) are means over reports, so that their expectation is a weighted mean
over the references; the clipping of counts in CIDEr's inner product is left out. Of METEOR (Denkowski & Lavie 2014) it
is the harmonic mean of precision and recall of words, by which a report comes to be about as long as its reference;
stems, synonyms and the order of words are left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from wetread.metrics.meteor import ALPHA
from wetread.metrics.nlg import CIDER_SIGMA, ORDERS, ROUGE_BETA

__all__ = ["Expected", "References", "Scores", "pairwise_cider", "pairwise_meteor", "pairwise_rouge"]

#: Texts whose lengths differ by less share the penalty of CIDEr on lengths, in tokens.
_STEP = 2
#: Bits of a machine word.
_WORD = 64


def _grams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """The n-grams of a text and how often it has them."""
    return Counter(zip(*(tokens[k:] for k in range(order)), strict=False))


class References:
    """The references (N), tokens parted by spaces, by their n-grams: ``lengths`` (N,) in tokens.

    ``number`` of each token, from 1; ``tokens`` (N, longest) by these, 0 behind the end.

    By order: ``column`` of each n-gram, its ``idf``, ``unit`` (n-grams, N) TF-IDF of the references as unit vectors.
    ``often``: whether a reference has a word once, twice and so on, (words, N) each.
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
        self.often: list[sparse.csr_matrix] = []
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
            if order == 1:
                most = int(counts.max()) if counts.nnz else 0
                self.often = [(counts >= k).astype(float).tocsr() for k in range(1, most + 1)]

    def size(self, length: Any) -> Any:
        """What the words in common with each reference are divided by for METEOR's mean; length of the text, or many.

        Precision P and recall R of c words in common have the mean P R / (α P + (1 - α) R) = c / (α r + (1 - α) l).
        """
        return ALPHA * self.lengths[:, None] + (1 - ALPHA) * np.atleast_1d(length)

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


def pairwise_meteor(book: References, candidates: Sequence[str]) -> np.ndarray:
    """(references, candidates) METEOR's mean of precision and recall of words; tokens parted by spaces."""
    texts = [c.split() for c in candidates]
    found = np.zeros((len(book.lengths), len(texts)), np.float32)
    said = book.counts(texts, 0)
    for k, level in enumerate(book.often, start=1):
        found += ((said >= k).astype(np.float32) @ level).toarray().T
    return (found / np.maximum(book.size([len(t) for t in texts]), 1e-9)).astype(np.float32)


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
    """What each of the texts (P) scores against each of the references (N), (N, P) each."""

    cider: np.ndarray
    rouge: np.ndarray
    meteor: np.ndarray

    @classmethod
    def of(cls, book: References, texts: Sequence[str]) -> Scores:
        return cls(pairwise_cider(book, texts), pairwise_rouge(book, texts), pairwise_meteor(book, texts))

    def expected(self, weight: np.ndarray) -> Scores:
        """Of studies (M) instead of references: weight (M, N) of the references, each row's sum 1."""
        weight = weight.astype(np.float32)
        return Scores(weight @ self.cider, weight @ self.rouge, weight @ self.meteor)

    def worth(self, meteor: float, rouge: float) -> np.ndarray:
        """(N, P) CIDEr, and what METEOR's words and ROUGE-L, weighted so, add to it."""
        return self.cider + meteor * self.meteor + rouge * self.rouge


class Expected:
    """Against the references with the weights ``weight`` (N,), sum 1."""

    def __init__(self, book: References, weight: np.ndarray) -> None:
        self._book, self._weight = book, weight
        self._near: dict[int, list[np.ndarray]] = {}
        self._common: dict[int, list[np.ndarray]] = {}

    def _likeness(self, length: int) -> list[np.ndarray]:
        """By order, what each n-gram of a text of that length adds to its inner product with the references."""
        step = length // _STEP
        if step not in self._near:
            apart = step * _STEP - self._book.lengths
            weight = self._weight * np.exp(-(apart**2) / (2 * CIDER_SIGMA**2))
            self._near[step] = [unit @ weight for unit in self._book.unit]
        return self._near[step]

    def _words(self, length: int) -> list[np.ndarray]:
        """What a word of a text of that length adds to METEOR's mean when it stands there once, once more and so on."""
        if length not in self._common:
            weight = self._weight / np.maximum(self._book.size(length)[:, 0], 1e-9)
            self._common[length] = [level @ weight for level in self._book.often]
        return self._common[length]

    def __call__(self, tokens: Sequence[str]) -> tuple[float, float]:
        """CIDEr and METEOR's mean of words of a text."""
        book, cider, meteor = self._book, 0.0, 0.0
        often = self._words(len(tokens))
        for n, likeness in enumerate(self._likeness(len(tokens))):
            column, idf = book.column[n], book.idf[n]
            product = norm = 0.0
            for gram, times in _grams(tokens, n + 1).items():
                k = column.get(gram)
                if k is None:
                    norm += (times * book.unseen) ** 2
                    continue
                value = times * idf[k]
                norm += value * value
                product += value * likeness[k]
                if n == 0:
                    meteor += sum(level[k] for level in often[:times])
            cider += 10 / ORDERS * product / math.sqrt(norm) if norm else 0.0
        return float(cider), float(meteor)
