"""METEOR 1.5 for English (``-l en -norm``), without Java.

Denkowski & Lavie 2014, "Meteor Universal"; parameters of the ranking task: alpha .85, beta .2, gamma .6, delta .75,
weights 1, .6, .8, .6 for exact, stem, synonym and paraphrase matches. The program's own choices are kept where
they decide the score: its normaliser, a beam of 40 over the reference from left to right, half credit for matches that
are not exact (rounded down for every match), ties by chunks, then by distance, then by the order of discovery, and a
distance that counts only the alternatives that were tried before. The tables come from the user's copy
(``wetread.metrics.meteor_tables``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wetread.metrics.measure import Measure, MetricUnavailable
from wetread.metrics.meteor_tables import MeteorLists, Phrase, Synonyms, find_files, load_lists, load_paraphrases

__all__ = ["Meteor", "meteor_measure", "meteor_of_sums", "normalise"]

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
WEIGHTS = (1.0, 0.6, 0.8, 0.6)  # exact, stem, synonym, paraphrase
BEAM = 40

Progress = Callable[[int], None]

# --------------------------------------------------------------------------------------------------------- normaliser

_LETTERS = "A-Za-zŠŽšžŸÀ-ÖØ-öø-žЀ-ӿԀ-ԧꙀ-ꙮ꙾-ꚗᴀ-ᵿ"
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_PLAIN = re.compile(r"[a-z0-9 ]*\Z")
_SEPARATE = re.compile(rf"([^0-9{_LETTERS} \t\n\r\f\v.'`,\-‘’])")
_DOT = "\ue000"  # stands for the stops of a row, which are one word
_DOTS = re.compile(r"\.{2,}")
_COMMAS = [re.compile(p) for p in (r"([^0-9]),([^0-9])", r"([0-9]),([^0-9])", r"([^0-9]),([0-9])")]
_HYPHEN = re.compile(rf"([0-9{_LETTERS}.])-([0-9{_LETTERS}])")
_APOSTROPHES = [
    (re.compile(rf"([^{_LETTERS}])'([^{_LETTERS}])"), r"\1 ' \2"),
    (re.compile(rf"([^{_LETTERS}0-9])'([{_LETTERS}])"), r"\1 ' \2"),
    (re.compile(rf"([{_LETTERS}])'([^{_LETTERS}])"), r"\1 ' \2"),
    (re.compile(rf"([{_LETTERS}])'([{_LETTERS}])"), r"\1 '\2"),
    (re.compile(r"([0-9])'(s)"), r"\1 '\2"),
]
_ANY_LETTER = re.compile(f"[{_LETTERS}]")


def normalise(text: str, nonbreaking: Mapping[str, bool] | None = None) -> list[str]:
    """Words and marks of a text as METEOR sees them, lower case.

    Args:
        text: any string.
        nonbreaking: abbreviations that keep their full stop; True where only before a number.
    """
    if _PLAIN.match(text):
        return text.split()
    text = _SEPARATE.sub(r" \1 ", f" {text} ")
    text = _DOTS.sub(lambda run: f" {_DOT * len(run.group())} ", text)
    for pattern in _COMMAS:
        text = pattern.sub(r"\1 , \2", text)
    text = re.sub("[`‘’]", "'", text)
    text = re.sub("[“”]|''", ' " ', text).replace("–", "-").replace("--", "-")
    text = _HYPHEN.sub(r"\1 \2", text)
    for pattern, instead in _APOSTROPHES:
        text = pattern.sub(instead, text)
    words = re.split(r"[ \t\n\r\f]+", text.strip(" \t\n\r\f"))
    pieces = " ".join(_full_stops(words, nonbreaking or {})).replace(_DOT, ".")
    return re.sub(f"[{_SPACES}]+", " ", pieces).lower().split()


def _full_stops(words: Sequence[str], nonbreaking: Mapping[str, bool]) -> Iterable[str]:
    """Part the full stop from words that do not own it."""
    for k, word in enumerate(words):
        if len(word) < 2 or not word.endswith("."):
            yield word
            continue
        stem = word[:-1]
        following = words[k + 1] if k + 1 < len(words) else ""
        number_only = nonbreaking.get(stem)
        if "." in stem and _ANY_LETTER.search(stem):
            yield word.replace(".", "")  # an acronym
        elif number_only is False or "a" <= following[:1] <= "z" or (number_only and following[:1].isdigit()):
            yield word
        else:
            yield f"{stem} ."


# ---------------------------------------------------------------------------------------------------------- the texts


@dataclass(frozen=True)
class _Text:
    """A normalised text and where its words, stems and phrases are."""

    words: list[str]
    stems: list[str]
    at: dict[str, list[int]]
    at_stem: dict[str, list[int]]
    phrases: list[tuple[int, Phrase]]  # by start, then by length
    at_phrase: dict[Phrase, list[int]]
    function: list[bool]


class _Match(NamedTuple):
    """Words of the reference from ``start2`` stand against words of the hypothesis from ``start1``."""

    stage: int
    start2: int
    length2: int
    start1: int
    length1: int


class _Trie(dict):
    """Phrases by their words; ``phrase`` is the one that ends here."""

    phrase: Phrase | None = None

    def add(self, phrase: Phrase) -> None:
        node = self
        for word in phrase:
            node = node.setdefault(word, _Trie())
        node.phrase = phrase


def _index(values: Iterable[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for k, value in enumerate(values):
        places.setdefault(value, []).append(k)
    return places


def _stemmer() -> Callable[[str], str]:
    """Snowball's English stemmer as METEOR has it: that of before snowball 3, which stems 'lateral' otherwise."""
    try:
        import snowballstemmer
    except ImportError as error:
        raise MetricUnavailable("METEOR needs the stemmer: pip install 'snowballstemmer>=2.2,<3'") from error
    stem = snowballstemmer.stemmer("english").stemWord
    if stem("lateral") != "later":
        raise MetricUnavailable("METEOR needs snowballstemmer below 3: pip install 'snowballstemmer>=2.2,<3'")
    return stem


#: Columns of a report's statistics, all of which add up over reports.
_TEST_LENGTH, _REF_LENGTH, _TEST_FUNCTION, _REF_FUNCTION = range(4)
_TEST_WEIGHTED, _REF_WEIGHTED, _TEST_MATCHES, _REF_MATCHES, _CHUNKS = range(4, 9)
_COLUMNS = 9


class Meteor:
    """Scores pairs of texts; made by ``Meteor.load`` for all the texts that it will see."""

    def __init__(
        self,
        lists: MeteorLists,
        paraphrases: Mapping[Phrase, Mapping[Phrase, tuple[int, ...]]],
        vocabulary: Collection[str],
    ) -> None:
        self._lists = lists
        self._paraphrases = paraphrases
        self._synonyms = Synonyms(lists, vocabulary)
        self._stem = lru_cache(maxsize=None)(_stemmer())
        self._read = lru_cache(maxsize=16_384)(self._read_text)
        self._score = lru_cache(maxsize=16_384)(self._score_pair)
        self._trie = _Trie()
        for phrase, others in paraphrases.items():
            self._trie.add(phrase)
            for other in others:
                self._trie.add(other)

    @classmethod
    def load(cls, texts: Iterable[str], folder: str | Path | None = None, progress: Progress | None = None) -> Meteor:
        """Read the tables as far as the texts need them.

        Args:
            texts: all that will be scored; other words have no paraphrases and no synonyms.
            folder: where the user's copy is; see ``find_files``.
            progress: called as the paraphrase table is read, about 60 times.

        Raises:
            MetricUnavailable: the tables or the stemmer are not here.
        """
        _stemmer()
        files = find_files(folder)
        lists = load_lists(files)
        vocabulary: set[str] = set()
        for text in texts:
            vocabulary.update(normalise(text, lists.nonbreaking))
        return cls(lists, load_paraphrases(files, vocabulary, progress), vocabulary)

    def statistics(self, reference: str, hypothesis: str) -> tuple[float, ...]:
        """The nine summands of a pair, from which ``meteor_of_sums`` tells the score."""
        return self._score(reference, hypothesis)

    def _read_text(self, text: str) -> _Text:
        words = normalise(text, self._lists.nonbreaking)
        phrases = []
        for start in range(len(words)):
            node = self._trie
            for word in islice(words, start, None):
                if word not in node:
                    break
                node = node[word]
                if node.phrase is not None:
                    phrases.append((start, node.phrase))
        at_phrase: dict[Phrase, list[int]] = {}
        for start, phrase in phrases:
            at_phrase.setdefault(phrase, []).append(start)
        stems = list(map(self._stem, words))
        functions = self._lists.function_words
        return _Text(words, stems, _index(words), _index(stems), phrases, at_phrase, [w in functions for w in words])

    def _paraphrased(self, mine: _Text, other: _Text) -> Iterator[tuple[int, int, int, int]]:
        """(start and length here, start and length there) of phrases whose entry in the table occurs there."""
        there = other.at_phrase.keys()
        for start, phrase in mine.phrases:
            row = self._paraphrases.get(phrase)
            if row is None:
                continue
            hits = [(place, found) for found in there & row.keys() for place in row[found]]
            for _, found in sorted(hits):
                for at in other.at_phrase[found]:
                    yield start, len(phrase), at, len(found)

    def _matches(self, test: _Text, ref: _Text) -> list[list[_Match]]:
        """All matches by their start in the reference, in the order in which METEOR finds them."""
        found: list[list[_Match]] = [
            [_Match(0, i, 1, j, 1) for j in test.at.get(word, ())] for i, word in enumerate(ref.words)
        ]
        if test.words == ref.words:  # then only exact matches count
            return found
        for i, (word, stem) in enumerate(zip(ref.words, ref.stems)):
            same = test.at_stem.get(stem)
            if same:
                found[i] += [_Match(1, i, 1, j, 1) for j in same if test.words[j] != word]
        for i, word in enumerate(ref.words):
            others = self._synonyms.of(word)
            if others and not others.isdisjoint(test.at):
                found[i] += [_Match(2, i, 1, j, 1) for j in sorted(j for w in others for j in test.at.get(w, ()))]
        for start, length, at, length1 in self._paraphrased(ref, test):
            found[start].append(_Match(3, start, length, at, length1))
        for start, length, at, length2 in self._paraphrased(test, ref):
            found[at].append(_Match(3, at, length2, start, length))
        return found

    def _score_pair(self, reference: str, hypothesis: str) -> tuple[float, ...]:
        test, ref = self._read(hypothesis), self._read(reference)
        chosen = _align(self._matches(test, ref), len(test.words), len(ref.words))
        weighted1 = weighted2 = 0.0
        matched1 = matched2 = chunks = 0
        next1 = next2 = -1
        for _, start2, length2, start1, length1 in chosen:
            matched1 += length1
            matched2 += length2
            chunks += not (start1 == next1 and start2 == next2)
            next1, next2 = start1 + length1, start2 + length2
        for stage, start2, length2, start1, length1 in chosen:
            function1 = sum(test.function[start1 : start1 + length1])
            function2 = sum(ref.function[start2 : start2 + length2])
            weight = WEIGHTS[stage]
            weighted1 += weight * (DELTA * (length1 - function1) + (1 - DELTA) * function1)
            weighted2 += weight * (DELTA * (length2 - function2) + (1 - DELTA) * function2)
        if chunks == 1 and matched1 == len(test.words) and matched2 == len(ref.words):
            chunks = 0  # no fragmentation where all is matched in one piece
        return (
            *(float(len(test.words)), float(len(ref.words)), float(sum(test.function)), float(sum(ref.function))),
            *(weighted1, weighted2, float(matched1), float(matched2), float(chunks)),
        )


# ---------------------------------------------------------------------------------------------------------- the search

# A path's rank in one number: matched words (more is better), chunks (fewer), distance (less).
_CREDIT, _CHUNK = 1 << 44, 1 << 24
_WORST = 1 << 80
_rank = itemgetter(0)

_Path = tuple[int, int, int, int, Any]  # rank, words of the hypothesis in use, end of the last match, busy until, trail
_Option = tuple[int, int, int, int, int, int, _Match]  # words, gain, start, end, distance, busy until, the match


def _definite(found: list[list[_Match]], length1: int, length2: int) -> dict[int, _Match]:
    """Matches that no other overlaps, by their start in the reference: they hold in any case."""
    cover1, cover2 = [0] * length1, [0] * length2
    for matches in found:
        for _, start2, span2, start1, span1 in matches:
            for k in range(start2, start2 + span2):
                cover2[k] += 1
            for k in range(start1, start1 + span1):
                cover1[k] += 1
    return {
        i: m
        for i, (m, *others) in ((i, matches) for i, matches in enumerate(found) if matches)
        if not others
        and all(cover2[k] == 1 for k in range(i, i + m.length2))
        and all(cover1[k] == 1 for k in range(m.start1, m.start1 + m.length1))
    }


def _options(matches: list[_Match], used1: int, used2: int) -> list[_Option]:
    """The matches that do not touch a definite one, ready for the search."""
    options = []
    for m in matches:
        words = ((1 << m.length1) - 1) << m.start1
        if words & used1 or ((1 << m.length2) - 1) << m.start2 & used2:
            continue
        credit = m.length1 + m.length2 if m.stage == 0 else m.length1 // 2 + m.length2 // 2
        busy = m.start2 + m.length2 if m.length2 > 1 else 0
        options.append((words, -credit * _CREDIT, m.start1, m.start1 + m.length1, abs(m.start2 - m.start1), busy, m))
    return options


def _align(found: list[list[_Match]], length1: int, length2: int) -> list[_Match]:
    """The alignment that METEOR's beam search ends with, by start in the reference."""
    definite = _definite(found, length1, length2)
    used1 = used2 = 0
    for m in definite.values():
        used1 |= ((1 << m.length1) - 1) << m.start1
        used2 |= ((1 << m.length2) - 1) << m.start2
    paths: list[_Path] = [(0, 0, -1, 0, None)]
    # ``last`` is the end of the last match where it is the same for all paths, None where each has its own. Then a
    # place without a choice changes all ranks alike, and nothing needs to be done.
    last: int | None = -1
    inside = 0
    for current in range(length2):
        if current < inside:
            continue
        options = _options(found[current], used1, used2) if not used2 >> current & 1 else []
        if options:
            paths = _branch(paths, options, current, last)
            last = None
            continue
        match = definite.get(current)
        start, end = (match.start1, match.start1 + match.length1) if match else (-2, -1)
        if match:
            inside = current + match.length2
        if last is None:
            paths, settled = _pass(paths, current, start, end)
            paths.sort(key=_rank)
            last = end if settled else None
        else:
            last = end
    if last is None:
        paths = [(p[0] + _CHUNK if p[2] != -1 else p[0], *p[1:]) for p in paths]
        paths.sort(key=_rank)
    chosen, trail = list(definite.values()), paths[0][4]
    while trail is not None:
        match, trail = trail
        chosen.append(match)
    return sorted(chosen, key=itemgetter(1))


def _branch(paths: list[_Path], options: list[_Option], current: int, common: int | None) -> list[_Path]:
    """Every path, best first, with every option that its words allow and without any; the ``BEAM`` best of these.

    Once the beam is full, what ranks no better than its last is not even made: among equals the earlier stays.
    """
    grown: list[_Path] = []
    add = grown.append
    best_gain = min(option[1] for option in options)
    limit = _WORST
    for path in paths:
        value, used, last, busy, trail = path
        if value + best_gain >= limit:
            break
        if busy > current:
            add(path)
            continue
        if common is not None:
            last = common
        for words, gain, start, end, distance, until, match in options:
            if used & words:
                continue
            reached = value + gain + _CHUNK if last != -1 and start != last else value + gain
            if reached < limit:
                add((reached, used | words, end, until, (match, trail)))
            value += distance  # METEOR adds the distance to what is left, not to what was chosen
        add((value + _CHUNK if last != -1 else value, used, -1, 0, trail))
        if len(grown) > 2 * BEAM:
            grown.sort(key=_rank)
            del grown[BEAM:]
            limit = grown[-1][0]
    if len(grown) > 1:
        grown.sort(key=_rank)
        del grown[BEAM:]
    return grown


def _pass(paths: list[_Path], current: int, start: int, end: int) -> tuple[list[_Path], bool]:
    """A place without a choice: a definite match from ``start`` to ``end``, or nothing (-2, -1)."""
    passed: list[_Path] = []
    settled = True
    for path in paths:
        value, used, last, busy, trail = path
        if busy > current:
            settled = False
            passed.append(path)
        else:
            passed.append((value + _CHUNK if last != -1 and start != last else value, used, end, 0, trail))
    return passed, settled


# ----------------------------------------------------------------------------------------------------------- the score


def meteor_of_sums(sums: np.ndarray) -> np.ndarray:
    """(…, 9) sums of statistics → (…) scores."""
    columns = [sums[..., k] for k in range(_COLUMNS)]
    length1, length2, function1, function2, weighted1, weighted2, matched1, matched2, chunks = columns
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = weighted1 / (DELTA * (length1 - function1) + (1 - DELTA) * function1)
        recall = weighted2 / (DELTA * (length2 - function2) + (1 - DELTA) * function2)
        mean = 1.0 / ((1 - ALPHA) / precision + ALPHA / recall)
        fragmentation = chunks / ((matched1 + matched2) / 2)
        score = mean * (1 - GAMMA * fragmentation**BETA)
    return np.maximum(np.nan_to_num(score, nan=0.0), 0.0)


def meteor_measure(
    meteor: Meteor, references: Sequence[str], hypotheses: Sequence[str], progress: Progress | None = None
) -> Measure:
    """METEOR of tokenised texts, in [0, 1]; an empty hypothesis scores 0.

    Raises:
        ValueError: the counts differ.
    """
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references and {len(hypotheses)} hypotheses")
    summands = np.zeros((len(references), _COLUMNS))
    for k, (reference, hypothesis) in enumerate(zip(references, hypotheses)):
        summands[k] = meteor.statistics(reference, hypothesis.replace("|||", "").replace("  ", " "))
        if progress is not None:
            progress(1)
    return Measure("METEOR", summands, meteor_of_sums, meteor_of_sums(summands))
