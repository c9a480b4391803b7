"""What a language score is worth: the same metrics for drafts that never saw a film.

* *constant*: one text for every study, searched on train for each metric by adding and dropping sentences;
* *random*: a report of train drawn for each study, seeded;
* *most frequent*: the report that train holds most often.

The search takes a minute or so; its result is kept in the user's cache, under a hash of everything it depends on.
"""

from __future__ import annotations

import hashlib
import math
import random
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from wetread.metrics.cache import read_cache, write_cache
from wetread.metrics.nlg import CIDER_SIGMA, ORDERS, rouge_l
from wetread.report.sentences import split_sentences

__all__ = ["ConstantSearch", "find_constants", "most_frequent", "random_reports", "sentence_pool"]

_VERSION = 3  # of the search: part of the cache's key
_SAMPLE = 600  # references of train that a search looks at
_POOL = 60  # sentences it chooses from
_LONGEST = 12  # sentences of a constant

Progress = Callable[[int], None]
Fits = Callable[[Sequence[str]], bool]
Gram = tuple[str, ...]


def random_reports(train: Sequence[str], n: int, seed: int = 0) -> list[str]:
    """n reports of train, drawn with replacement."""
    return random.Random(seed).choices(train, k=n)


def most_frequent(train: Sequence[str]) -> str:
    """The report that occurs most often; the first of those that do."""
    return Counter(train).most_common(1)[0][0]


def _sentences(report: str) -> list[str]:
    return [span.value for span in split_sentences(report)]


def sentence_pool(train: Sequence[str], size: int = _POOL) -> list[str]:
    """The most frequent sentences of train, each with its full stop."""
    counts = Counter(sentence for report in train for sentence in _sentences(report))
    return [text for text, _ in counts.most_common(size) if any(char.isalpha() for char in text)]


@dataclass(frozen=True)
class _Postings:
    """In which references an n-gram occurs and how often."""

    where: np.ndarray  # (references,) int
    times: np.ndarray  # (references,) int
    idf: float


class ConstantSearch:
    """Scores one text against many references at once, for BLEU, ROUGE-L and CIDEr.

    Args:
        references: tokenised, tokens parted by spaces.
    """

    def __init__(self, references: Sequence[str]) -> None:
        self._references = list(references)
        n = len(self._references)
        found: dict[Gram, tuple[array[int], array[int]]] = {}
        lengths, norms = np.zeros(n), np.zeros((ORDERS, n))
        counted = []
        for k, reference in enumerate(self._references):
            tokens = reference.split()
            lengths[k] = len(tokens)
            grams = Counter(g for order in range(1, ORDERS + 1) for g in zip(*(tokens[i:] for i in range(order))))
            counted.append(grams)
            for gram, times in grams.items():
                where, often = found.setdefault(gram, (array("i"), array("i")))
                where.append(k)
                often.append(times)
        self._unseen = math.log(n) if n else 0.0
        self._postings = {
            gram: _Postings(np.array(where), np.array(often), self._unseen - math.log(len(where)))
            for gram, (where, often) in found.items()
        }
        for posting_gram, posting in self._postings.items():
            norms[len(posting_gram) - 1, posting.where] += (posting.times * posting.idf) ** 2
        self._norms, self._lengths = np.sqrt(norms), lengths

    def _grams(self, text: str) -> tuple[Counter[Gram], int]:
        tokens = text.split()
        grams = Counter(g for order in range(1, ORDERS + 1) for g in zip(*(tokens[i:] for i in range(order))))
        return grams, len(tokens)

    def bleu(self, text: str, order: int) -> float:
        """Corpus BLEU of the constant."""
        grams, length = self._grams(text)
        n, value = len(self._references), 1.0
        for k in range(1, order + 1):
            correct = sum(
                int(np.minimum(times, self._postings[gram].times).sum())
                for gram, times in grams.items()
                if len(gram) == k and gram in self._postings
            )
            value *= (correct + 1e-15) / (n * max(0, length - k + 1) + 1e-9)
        ratio = (n * length + 1e-15) / (self._lengths.sum() + 1e-9)
        return float(value ** (1 / order) * math.exp(min(0.0, 1 - 1 / ratio)))

    def cider(self, text: str) -> float:
        """Mean CIDEr-D of the constant, times 10."""
        grams, length = self._grams(text)
        n = len(self._references)
        dots, squares = np.zeros((ORDERS, n)), np.zeros(ORDERS)
        for gram, times in grams.items():
            posting = self._postings.get(gram)
            weight = times * (posting.idf if posting else self._unseen)
            squares[len(gram) - 1] += weight**2
            if posting is not None:
                theirs = posting.times * posting.idf
                dots[len(gram) - 1, posting.where] += np.minimum(weight, theirs) * theirs
        norm = np.sqrt(squares)[:, None] * self._norms
        cosine = (dots / np.where(norm == 0, 1.0, norm)).mean(axis=0)
        delta = max(0, length - 1) - np.maximum(0, self._lengths - 1)
        return float((10 * cosine * np.exp(-(delta**2) / (2 * CIDER_SIGMA**2))).mean())

    def rouge(self, text: str) -> float:
        """Mean ROUGE-L of the constant."""
        return float(np.mean([rouge_l(reference, text) for reference in self._references]))


def _climb(
    score: Callable[[str], float], start: Sequence[str], pool: Sequence[str], swap: bool, fits: Fits
) -> list[str]:
    """Add or drop one sentence as long as the score rises; where neither helps, exchange one."""
    best, value = list(start), score(" ".join(start))
    while True:
        others = [sentence for sentence in pool if sentence not in best]
        moves = [[*best[:k], *best[k + 1 :]] for k in range(len(best)) if len(best) > 1]
        moves += [[*best, sentence] for sentence in others if len(best) < _LONGEST]
        candidate = max(filter(fits, moves), key=lambda sentences: score(" ".join(sentences)), default=best)
        if swap and score(" ".join(candidate)) <= value:
            moves = [[*best[:k], sentence, *best[k + 1 :]] for k in range(len(best)) for sentence in others]
            candidate = max(filter(fits, moves), key=lambda sentences: score(" ".join(sentences)), default=best)
        reached = score(" ".join(candidate))
        if reached <= value:
            return best
        best, value = candidate, reached


def _best_climb(
    score: Callable[[str], float], starts: Sequence[Sequence[str]], pool: Sequence[str], tries: int, fits: Fits
) -> list[str]:
    """The best of several climbs, each from one of the best starts."""
    promising = sorted(filter(fits, starts), key=lambda sentences: -score(" ".join(sentences)))[:tries]
    tops = [_climb(score, start, pool, tries > 1, fits) for start in promising]
    return max(tops, key=lambda sentences: score(" ".join(sentences)))


def find_constants(
    train: Sequence[str],
    prepare: Callable[[Sequence[str]], list[str]],
    constant: Callable[[str], str],
    key: str,
    *,
    seed: int = 0,
    meteor: Callable[[Sequence[str], str], float] | None = None,
    fits: Fits | None = None,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Metric → the text that scores best on train when it is given to every study.

    Args:
        train: reports of train as they are.
        prepare: reports → references as the protocol scores them.
        constant: a text → a hypothesis as the protocol scores it.
        key: names the protocol, and ``fits`` where there is one; part of the cache's key.
        meteor: (references, hypothesis) → METEOR of the constant, where it can run.
        fits: whether sentences may stand in one constant; a single sentence always may.
        progress: called once a metric.
    """
    names = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr", *(["METEOR"] if meteor else [])]
    digest = hashlib.sha256("\x00".join([str(_VERSION), key, str(seed), *train]).encode()).hexdigest()[:24]
    place = f"constants/{digest}.json"
    known = {name: text for name, text in read_cache(place).items() if isinstance(text, str)}
    missing = [name for name in names if name not in known]
    if missing:
        known.update(_search(missing, train, prepare, constant, seed, meteor, fits or _anything, progress))
        write_cache(place, known)
    return {name: known[name] for name in names}


def _search(
    names: Sequence[str],
    train: Sequence[str],
    prepare: Callable[[Sequence[str]], list[str]],
    constant: Callable[[str], str],
    seed: int,
    meteor: Callable[[Sequence[str], str], float] | None,
    fits: Fits,
    progress: Progress | None,
) -> dict[str, str]:
    sample = random.Random(seed).sample(list(train), min(_SAMPLE, len(train)))
    references = [text for text in prepare(sample) if text]
    search = ConstantSearch(references)
    few = ConstantSearch(references[: _SAMPLE // 4])
    pool = sentence_pool(train)
    whole = [text for text, _ in Counter(train).most_common(20)]
    starts = [_sentences(text) for text in whole] + [[sentence] for sentence in pool[:20]]
    scores: dict[str, Callable[[str], float]] = {
        **{f"BLEU-{k}": partial(_bleu_of, search, constant, k) for k in range(1, ORDERS + 1)},
        "ROUGE-L": lambda text: few.rouge(constant(text)),
        "CIDEr": lambda text: search.cider(constant(text)),
    }
    if meteor is not None:
        small = references[: _SAMPLE // 10]
        scores["METEOR"] = lambda text: meteor(small, constant(text))
    found: dict[str, list[str]] = {}
    for name in names:
        if name == "METEOR":  # by far the slowest: from where the others ended, with few sentences
            found[name] = _best_climb(_remembered(scores[name]), list(found.values()) or starts, pool[:15], 1, fits)
        else:
            tries = 4 if name.startswith("BLEU") else 2
            found[name] = _best_climb(_remembered(scores[name]), starts, pool, tries, fits)
        if progress is not None:
            progress(1)
    return {name: " ".join(sentences) for name, sentences in found.items()}


def _anything(_: Sequence[str]) -> bool:
    return True


def _bleu_of(search: ConstantSearch, constant: Callable[[str], str], order: int, text: str) -> float:
    return search.bleu(constant(text), order)


def _remembered(score: Callable[[str], float]) -> Callable[[str], float]:
    known: dict[str, float] = {}

    def remembered(text: str) -> float:
        if text not in known:
            known[text] = score(text)
        return known[text]

    return remembered
