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

__all__ = ["NLG_STEPS", "CiderScorer", "CiderVector", "corpus_scores", "lcs_length", "nlg_measures", "rouge_l"]

ORDERS = 4
#: Steps of progress that ``nlg_measures`` reports for one pair: two texts read, four orders twice, ROUGE-L.
NLG_STEPS = 2 + 2 * ORDERS + 1
ROUGE_BETA = 1.2
CIDER_SIGMA = 6.0
_SMALL, _TINY = 1e-9, 1e-15
_CHUNK = 4096
_PLACE_BITS = 13  # the pair within its chunk, and the side
_KEEP = 8  # chunks whose counts are kept between the two passes; beyond, memory matters more than counting twice
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
    if not hypothesis:
        return 0.0
    return _rouge_l(reference.split(" "), hypothesis.split(" "))


def _rouge_l(ref: Sequence[Hashable], hyp: Sequence[Hashable]) -> float:
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

    def add(self, keys: np.ndarray) -> None:
        """Count sorted keys, each once for every reference that has it."""
        first = _starts(keys)
        self._runs.append((keys[first], np.diff(first, append=len(keys))))
        while len(self._runs) > 1 and 2 * len(self._runs[-1][0]) >= len(self._runs[-2][0]):
            self._merge()

    def _merge(self) -> None:
        (a, n), (b, m) = self._runs.pop(), self._runs.pop()
        keys = np.concatenate([a, b])
        order = np.argsort(keys, kind="stable")  # two sorted runs: merged in linear time
        keys, counts = keys[order], np.concatenate([n, m])[order]
        first = _starts(keys)
        self._runs.append((keys[first], np.add.reduceat(counts, first) if len(first) else counts))

    def lookup(self, keys: np.ndarray) -> np.ndarray:
        """Document frequency of sorted keys, 0 where unseen."""
        while len(self._runs) > 1:
            self._merge()
        if not self._runs or not len(self._runs[0][0]):
            return np.zeros(len(keys), dtype=np.int64)
        known, counts = self._runs[0]
        first = _starts(keys)
        unique = keys[first]
        at = np.minimum(np.searchsorted(known, unique), len(known) - 1)
        return np.repeat(np.where(known[at] == unique, counts[at], 0), np.diff(first, append=len(keys)))


def _starts(values: np.ndarray) -> np.ndarray:
    """Where each run of equal values begins."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))


@dataclass(frozen=True)
class _Texts:
    """Token numbers of many texts, end to end."""

    tokens: np.ndarray  # (all tokens,) int32
    offsets: np.ndarray  # (texts + 1,) int64

    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def grams(self, start: int, stop: int, order: int, bits: int) -> tuple[np.ndarray, np.ndarray]:
        """N-grams of the texts start…stop: (keys uint64, number of the text counted from start, uint64)."""
        offsets = self.offsets[start : stop + 1]
        tokens = self.tokens[offsets[0] : offsets[-1]].astype(np.uint64)
        owner = np.repeat(np.arange(stop - start, dtype=np.uint64), np.diff(offsets))
        size = len(tokens) - order + 1
        if size <= 0:
            return np.zeros(0, np.uint64), np.zeros(0, np.uint64)
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


@dataclass(frozen=True)
class _Grams:
    """The distinct n-grams of a chunk of pairs, sorted by (key, pair, side), and how often each occurs.

    ``place`` is twice the number of the pair in the chunk, plus 1 for the hypothesis. A reference's n-gram that
    the hypothesis shares is thus followed at once by the hypothesis's.
    """

    key: np.ndarray
    place: np.ndarray
    times: np.ndarray


def _count(refs: _Texts, hyps: _Texts, span: tuple[int, int], order: int, bits: int) -> _Grams:
    keys_r, owner_r = refs.grams(*span, order, bits)
    keys_h, owner_h = hyps.grams(*span, order, bits)
    keys = np.concatenate([keys_r, keys_h])
    place = np.concatenate([owner_r << np.uint64(1), (owner_h << np.uint64(1)) | np.uint64(1)])
    table = None
    if not bits or order * bits + _PLACE_BITS > 64:
        table, keys = np.unique(keys, return_inverse=True)
    packed = (keys.astype(np.uint64) << np.uint64(_PLACE_BITS)) | place
    packed.sort()
    first = _starts(packed)
    distinct = packed[first]
    key = distinct >> np.uint64(_PLACE_BITS)
    return _Grams(
        key=key if table is None else table[key],
        place=(distinct & np.uint64(2**_PLACE_BITS - 1)).astype(np.int32),
        times=np.diff(first, append=len(packed)).astype(np.int32),
    )


@dataclass(frozen=True)
class _Match:
    """What one order of n-grams says of a chunk of pairs; each (pairs,) float64."""

    correct: np.ndarray
    clipped: np.ndarray
    plain: np.ndarray


def _match(grams: _Grams, pairs: int, frequencies: _Frequencies, log_n: float) -> _Match:
    idf = log_n - np.log(np.maximum(1.0, frequencies.lookup(grams.key)))
    weight = grams.times * idf
    norm = np.sqrt(np.bincount(grams.place, weights=weight**2, minlength=2 * pairs)).reshape(pairs, 2).prod(axis=1)
    norm[norm == 0] = 1.0
    place, key = grams.place, grams.key
    at = np.flatnonzero((place[:-1] % 2 == 0) & (place[1:] == place[:-1] + 1) & (key[1:] == key[:-1]))
    pair, theirs, mine = place[at] // 2, weight[at], weight[at + 1]

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(pair, weights=values, minlength=pairs)

    return _Match(
        correct=total(np.minimum(grams.times[at], grams.times[at + 1])),
        clipped=total(np.minimum(mine, theirs) * theirs) / norm,
        plain=total(mine * theirs) / norm,
    )


def _match_all(
    refs: _Texts, hyps: _Texts, order: int, bits: int, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One order over the corpus: first the document frequencies, then the matches."""
    n = len(refs.offsets) - 1
    spans = [(start, min(n, start + _CHUNK)) for start in range(0, n, _CHUNK)]
    frequencies, kept = _Frequencies(), []
    for span in spans:
        grams = _count(refs, hyps, span, order, bits)
        frequencies.add(grams.key[grams.place % 2 == 0])
        if len(spans) <= _KEEP:
            kept.append(grams)
        if progress is not None:
            progress(span[1] - span[0])
    log_n = math.log(n) if n else 0.0
    out = np.zeros((3, n))
    for k, span in enumerate(spans):
        grams = kept[k] if kept else _count(refs, hyps, span, order, bits)
        match = _match(grams, span[1] - span[0], frequencies, log_n)
        out[:, slice(*span)] = match.correct, match.clipped, match.plain
        if progress is not None:
            progress(span[1] - span[0])
    return out[0], out[1], out[2]


def _rouge(
    references: Sequence[str], hypotheses: Sequence[str], refs: _Texts, hyps: _Texts, progress: Progress | None
) -> np.ndarray:
    """(n,) ROUGE-L. Token numbers stand in for words, except where the text is not parted by single spaces."""
    values = np.zeros(len(references))
    pairs = zip(references, hypotheses, refs.offsets, refs.offsets[1:], hyps.offsets, hyps.offsets[1:])
    for k, (reference, hypothesis, r0, r1, h0, h1) in enumerate(pairs):
        if reference == hypothesis:
            values[k] = 1.0 if reference else 0.0
        elif _single_spaced(reference, r1 - r0) and _single_spaced(hypothesis, h1 - h0):
            values[k] = _rouge_l(refs.tokens[r0:r1].tolist(), hyps.tokens[h0:h1].tolist())
        else:
            values[k] = rouge_l(reference, hypothesis)
        if progress is not None:
            progress(1)
    return values


def _single_spaced(text: str, tokens: int) -> bool:
    return text.count(" ") + 1 == tokens and text.isprintable()


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
        progress: called with the number of steps just made, ``NLG_STEPS`` a pair in all.

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
    for order in range(1, ORDERS + 1):
        correct[:, order - 1], more_clipped, more_plain = _match_all(refs, hyps, order, bits, progress)
        clipped += more_clipped
        plain += more_plain
    measures = _bleu_measures(hyps.lengths(), refs.lengths(), correct)
    measures["ROUGE-L"] = mean_measure("ROUGE-L", _rouge(references, hypotheses, refs, hyps, progress))
    delta = np.maximum(0, hyps.lengths() - 1) - np.maximum(0, refs.lengths() - 1)
    cider = 10.0 / ORDERS * clipped * np.exp(-(delta.astype(np.float64) ** 2) / (2 * CIDER_SIGMA**2))
    measures["CIDEr"] = mean_measure("CIDEr", cider)
    measures["CIDEr-D"] = mean_measure("CIDEr-D", cider)
    measures["CIDEr-plain"] = mean_measure("CIDEr-plain", 10.0 / ORDERS * plain)
    return measures


def corpus_scores(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
    """The corpus scores of ``nlg_measures`` as plain numbers."""
    return {name: measure.value for name, measure in nlg_measures(references, hypotheses).items()}
