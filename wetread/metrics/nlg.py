"""BLEU-1..4, ROUGE-L and CIDEr on tokenised reports, equal to ``pycocoevalcap`` 1.2 and faster.

Input is text that a protocol has tokenised (``wetread.metrics.protocols``); tokens are parted by spaces. One
reference a report.

* BLEU: Papineni et al. 2002, with the smoothing constants (1e-15, 1e-9) of the COCO caption code.
* ROUGE-L: Lin 2004, F with beta = 1.2.
* CIDEr: Vedantam et al. 2015. What the COCO caption code prints as "CIDEr" is CIDEr-D of that paper (counts clipped,
  Gaussian length penalty with sigma 6), times 10. Both names carry that number here; ``CIDEr-plain`` is the
  paper's unclipped cosine without penalty, times 10.

N-grams are integers counted by sorting, chunk by chunk, so that memory stays flat and a million pairs are as fast
per pair as ten thousand.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from wetread.metrics.measure import Measure, mean_measure

__all__ = ["CiderScorer", "CiderVector", "corpus_scores", "lcs_length", "nlg_measures", "rouge_l"]

ORDERS = 4
ROUGE_BETA = 1.2
CIDER_SIGMA = 6.0
_SMALL, _TINY = 1e-9, 1e-15
_CHUNK = 4096
_HASH = np.uint64(0x9E3779B97F4A7C15)  # odd; used only where four token numbers do not fit 64 bits

Progress = Callable[[int], None]


# --------------------------------------------------------------------------------------------------------------- BLEU


def _bleu(sums: np.ndarray, order: int) -> np.ndarray:
    """(…, 10) sums of (hypothesis length, reference length, 4 correct, 4 guessed) → BLEU up to ``order``."""
    hypothesis, reference = sums[..., 0], sums[..., 1]
    product = np.ones_like(hypothesis)
    for k in range(order):
        product = product * ((sums[..., 2 + k] + _TINY) / (sums[..., 6 + k] + _SMALL))
    ratio = (hypothesis + _TINY) / (reference + _SMALL)
    penalty = np.exp(np.minimum(0.0, 1.0 - 1.0 / ratio))
    return product ** (1.0 / order) * penalty


def _bleu_measures(lengths_h: np.ndarray, lengths_r: np.ndarray, correct: np.ndarray) -> dict[str, Measure]:
    guessed = np.maximum(0, lengths_h[:, None] - np.arange(ORDERS))
    summands = np.column_stack([lengths_h, lengths_r, correct, guessed]).astype(np.float64)
    measures = {}
    for order in range(1, ORDERS + 1):
        name = f"BLEU-{order}"

        def statistic(sums: np.ndarray, order: int = order) -> np.ndarray:
            return _bleu(sums, order)

        measures[name] = Measure(name, summands, statistic, statistic(summands))
    return measures


# ------------------------------------------------------------------------------------------------------------ ROUGE-L


def lcs_length(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence, one machine-word-parallel row a token (Hyyrö 2004)."""
    positions: dict[Hashable, int] = {}
    bit = 1
    for token in a:
        positions[token] = positions.get(token, 0) | bit
        bit <<= 1
    full = bit - 1
    row = full
    for token in b:
        matches = positions.get(token)
        if matches:
            hit = row & matches
            row = ((row + hit) | (row - hit)) & full
    return len(a) - row.bit_count()


def rouge_l(reference: str, hypothesis: str) -> float:
    """ROUGE-L of one report, beta 1.2.

    An empty hypothesis scores 0. Text is split at single spaces, as the COCO caption code does, so an empty text
    is one empty token.
    """
    ref, hyp = reference.split(" "), hypothesis.split(" ")
    common = lcs_length(ref, hyp)
    if common == 0:
        return 0.0
    precision, recall = common / len(hyp), common / len(ref)
    square = ROUGE_BETA**2
    return (1 + square) * precision * recall / (recall + square * precision)


# -------------------------------------------------------------------------------------------------------------- CIDEr


@dataclass(frozen=True)
class CiderVector:
    """TF-IDF weights of one text, by order of n-gram; its norms; its number of bigrams."""

    weights: tuple[dict[tuple[Hashable, ...], float], ...]
    norms: tuple[float, ...]
    length: int


def _tokens(text: str | Sequence[Hashable]) -> Sequence[Hashable]:
    return text.split() if isinstance(text, str) else text


def _grams(tokens: Sequence[Hashable]) -> list[Counter[tuple[Hashable, ...]]]:
    return [Counter(zip(*(tokens[k:] for k in range(order)))) for order in range(1, ORDERS + 1)]


class CiderScorer:
    """CIDEr-D of single texts against document frequencies fixed beforehand; made to be a reward in training.

    Texts are strings parted by spaces or sequences of tokens (words or numbers alike, but of one kind).

    >>> scorer = CiderScorer(["the heart is normal", "the lungs are clear", "no effusion is seen"])
    >>> round(scorer.score("the heart is normal", "the heart is normal"), 6)
    10.0
    """

    def __init__(self, references: Iterable[str | Sequence[Hashable]], sigma: float = CIDER_SIGMA) -> None:
        """Count in how many of the references each n-gram of 1 to 4 tokens occurs."""
        frequency: Counter[tuple[Hashable, ...]] = Counter()
        size = 0
        for reference in references:
            size += 1
            for grams in _grams(_tokens(reference)):
                frequency.update(grams.keys())
        self._unseen = math.log(size) if size else 0.0
        self._idf = {gram: self._unseen - math.log(times) for gram, times in frequency.items()}
        self._spread = 2.0 * sigma**2

    def vector(self, text: str | Sequence[Hashable]) -> CiderVector:
        """The weights of a text; keep those of references that are scored against again and again."""
        tokens = _tokens(text)
        idf, unseen = self._idf, self._unseen
        weights = tuple(
            {gram: times * idf.get(gram, unseen) for gram, times in grams.items()} for grams in _grams(tokens)
        )
        norms = tuple(math.sqrt(sum(w * w for w in order.values())) for order in weights)
        return CiderVector(weights, norms, max(0, len(tokens) - 1))

    def score(
        self,
        hypothesis: str | Sequence[Hashable] | CiderVector,
        reference: str | Sequence[Hashable] | CiderVector,
    ) -> float:
        """CIDEr-D times 10 of one pair, in [0, 10]."""
        hyp = hypothesis if isinstance(hypothesis, CiderVector) else self.vector(hypothesis)
        ref = reference if isinstance(reference, CiderVector) else self.vector(reference)
        total = 0.0
        for mine, theirs, a, b in zip(hyp.weights, ref.weights, hyp.norms, ref.norms):
            if a and b:
                value = 0.0
                for gram in mine.keys() & theirs.keys():
                    other = theirs[gram]
                    value += min(mine[gram], other) * other
                total += value / (a * b)
        delta = hyp.length - ref.length
        return 10.0 / ORDERS * total * math.exp(-delta * delta / self._spread)

    def scores(
        self,
        hypotheses: Iterable[str | Sequence[Hashable]],
        references: Iterable[str | Sequence[Hashable] | CiderVector],
    ) -> np.ndarray:
        """(n,) CIDEr-D of each pair."""
        return np.array([self.score(h, r) for h, r in zip(hypotheses, references)], dtype=np.float64)


class _Frequencies:
    """Sorted n-gram keys and in how many references each occurs, merged in runs of growing size."""

    def __init__(self) -> None:
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, keys: np.ndarray, counts: np.ndarray) -> None:
        self._runs.append((keys, counts))
        while len(self._runs) > 1 and 2 * len(self._runs[-1][0]) >= len(self._runs[-2][0]):
            self._merge()

    def _merge(self) -> None:
        (a, n), (b, m) = self._runs.pop(), self._runs.pop()
        keys = np.concatenate([a, b])
        order = np.argsort(keys, kind="stable")  # two sorted runs: merged in linear time
        keys, counts = keys[order], np.concatenate([n, m])[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, int)
        self._runs.append((keys[first], np.add.reduceat(counts, first) if len(first) else counts))

    def lookup(self, keys: np.ndarray) -> np.ndarray:
        """Document frequency of sorted keys, 0 where unseen."""
        while len(self._runs) > 1:
            self._merge()
        if not self._runs or not len(self._runs[0][0]):
            return np.zeros(len(keys), dtype=np.int64)
        known, counts = self._runs[0]
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[at] == keys, counts[at], 0)


@dataclass(frozen=True)
class _Texts:
    """Token numbers of many texts, end to end."""

    tokens: np.ndarray  # (all tokens,) int32
    offsets: np.ndarray  # (texts + 1,) int64

    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def grams(self, start: int, stop: int, order: int, bits: int) -> tuple[np.ndarray, np.ndarray]:
        """N-grams of the texts start…stop: (keys uint64, number of the text counted from start)."""
        offsets = self.offsets[start : stop + 1]
        tokens = self.tokens[offsets[0] : offsets[-1]].astype(np.uint64)
        owner = np.repeat(np.arange(stop - start), np.diff(offsets))
        size = len(tokens) - order + 1
        if size <= 0:
            return np.zeros(0, np.uint64), np.zeros(0, np.int64)
        keys = tokens[:size].copy()
        for k in range(1, order):
            keys = (keys << np.uint64(bits)) | tokens[k : k + size] if bits else keys * _HASH + tokens[k : k + size]
        inside = owner[:size] == owner[order - 1 :]
        return keys[inside], owner[:size][inside]


def _encode(texts: Sequence[str], numbers: defaultdict[str, int], progress: Progress | None) -> _Texts:
    flat, lengths = array("i"), array("q", [0])
    number = numbers.__getitem__
    for text in texts:
        flat.extend(map(number, text.split()))
        lengths.append(len(flat))
        if progress is not None:
            progress(1)
    return _Texts(np.frombuffer(flat, dtype=np.int32) if flat else np.zeros(0, np.int32), np.array(lengths, np.int64))


def _document_frequencies(refs: _Texts, n: int, order: int, bits: int, progress: Progress | None) -> _Frequencies:
    frequencies = _Frequencies()
    for start in range(0, n, _CHUNK):
        stop = min(n, start + _CHUNK)
        keys, owner = refs.grams(start, stop, order, bits)
        unique, inverse = np.unique(keys, return_inverse=True)
        once = np.unique(owner * max(1, len(unique)) + inverse)
        counts = np.bincount(once % max(1, len(unique)), minlength=len(unique))
        frequencies.add(unique, counts.astype(np.int64))
        if progress is not None:
            progress(stop - start)
    return frequencies


@dataclass(frozen=True)
class _Match:
    """What one order of n-grams says of a chunk of pairs; each (pairs,) float64."""

    correct: np.ndarray
    clipped: np.ndarray
    plain: np.ndarray


def _match(
    refs: _Texts, hyps: _Texts, span: tuple[int, int], order: int, bits: int, frequencies: _Frequencies, log_n: float
) -> _Match:
    start, stop = span
    keys_r, owner_r = refs.grams(start, stop, order, bits)
    keys_h, owner_h = hyps.grams(start, stop, order, bits)
    unique, inverse = np.unique(np.concatenate([keys_r, keys_h]), return_inverse=True)
    size, pairs = max(1, len(unique)), stop - start
    idf = log_n - np.log(np.maximum(1.0, frequencies.lookup(unique).astype(np.float64)))
    grams_r, times_r = np.unique(owner_r * size + inverse[: len(keys_r)], return_counts=True)
    grams_h, times_h = np.unique(owner_h * size + inverse[len(keys_r) :], return_counts=True)
    weight_r, weight_h = (times * idf[grams % size] for grams, times in ((grams_r, times_r), (grams_h, times_h)))

    def total(owner: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, weights=values, minlength=pairs)

    norm = np.sqrt(total(grams_r // size, weight_r**2)) * np.sqrt(total(grams_h // size, weight_h**2))
    norm = np.where(norm == 0, 1.0, norm)
    at = np.searchsorted(grams_r, grams_h)
    shared = np.zeros(len(grams_h), bool)
    if len(grams_r):
        at = np.minimum(at, len(grams_r) - 1)
        shared = grams_r[at] == grams_h
    at, owner = at[shared], (grams_h // size)[shared]
    here, there = weight_h[shared], weight_r[at] if len(grams_r) else weight_r
    return _Match(
        correct=total(owner, np.minimum(times_h[shared], times_r[at] if len(grams_r) else times_r)),
        clipped=total(owner, np.minimum(here, there) * there) / norm,
        plain=total(owner, here * there) / norm,
    )


# ------------------------------------------------------------------------------------------------------------- corpus


def nlg_measures(
    references: Sequence[str],
    hypotheses: Sequence[str],
    *,
    progress: Progress | None = None,
) -> dict[str, Measure]:
    """BLEU-1..4, ROUGE-L, CIDEr, CIDEr-D and CIDEr-plain of tokenised texts.

    Args:
        references: one a report, tokens parted by spaces.
        hypotheses: as many; an empty one scores 0.
        progress: called with the number of steps just made, ``nlg_steps(n)`` in all.

    Returns:
        name → Measure, in the order above. BLEU and ROUGE-L lie in [0, 1], the CIDEr family in [0, 10].

    Raises:
        ValueError: the counts differ.
    """
    n = len(references)
    if n != len(hypotheses):
        raise ValueError(f"{n} references and {len(hypotheses)} hypotheses")
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    refs, hyps = _encode(references, numbers, progress), _encode(hypotheses, numbers, progress)
    width = max(1, len(numbers).bit_length())
    bits = width if ORDERS * width <= 64 else 0
    correct = np.zeros((n, ORDERS))
    clipped, plain = np.zeros(n), np.zeros(n)
    log_n = math.log(n) if n else 0.0
    for order in range(1, ORDERS + 1):
        frequencies = _document_frequencies(refs, n, order, bits, progress)
        for start in range(0, n, _CHUNK):
            stop = min(n, start + _CHUNK)
            match = _match(refs, hyps, (start, stop), order, bits, frequencies, log_n)
            correct[start:stop, order - 1] = match.correct
            clipped[start:stop] += match.clipped
            plain[start:stop] += match.plain
            if progress is not None:
                progress(stop - start)
    measures = _bleu_measures(hyps.lengths(), refs.lengths(), correct)
    rouge = np.zeros(n)
    for k, (reference, hypothesis) in enumerate(zip(references, hypotheses)):
        rouge[k] = rouge_l(reference, hypothesis)
        if progress is not None:
            progress(1)
    measures["ROUGE-L"] = mean_measure("ROUGE-L", rouge)
    delta = np.maximum(0, hyps.lengths() - 1) - np.maximum(0, refs.lengths() - 1)
    cider = 10.0 / ORDERS * clipped * np.exp(-(delta.astype(np.float64) ** 2) / (2 * CIDER_SIGMA**2))
    measures["CIDEr"] = mean_measure("CIDEr", cider)
    measures["CIDEr-D"] = mean_measure("CIDEr-D", cider)
    measures["CIDEr-plain"] = mean_measure("CIDEr-plain", 10.0 / ORDERS * plain)
    return measures


def corpus_scores(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
    """The corpus scores of ``nlg_measures`` as plain numbers."""
    return {name: measure.value for name, measure in nlg_measures(references, hypotheses).items()}
