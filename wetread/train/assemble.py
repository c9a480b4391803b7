"""Putting a report together, sentence by sentence, so that it is expected to say what radiologists would.

The references are the teachers' FINDINGS, each with the weight that a study gives it. The worth of a text is what CIDEr
and METEOR's words are expected to be (``expect``), less a price for each finding that is not said. Sentences are added,
exchanged, moved and dropped as long as the worth rises, from the best of what other studies got: from nothing, the
search ends in reports that one for all would beat. Which of the stock are worth a try is told by tables of sentence by
reference, which leave out where a sentence stands and n-grams that reach over two.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from wetread.metrics.nlg import CIDER_SIGMA, ORDERS
from wetread.report.further import EITHER, FURTHER, PLACES, among, calls_inflated, further
from wetread.report.labeler import asserted, label_spans
from wetread.report.sites import LABEL_SITES, names_place
from wetread.report.stock import beside, plain, sentence
from wetread.report.wording import (
    EXPLAINS_OPACITY,
    NORMAL_HEART,
    calls_borderline,
    calls_normal,
    calls_outline_normal,
    calls_spine_worn,
    denied,
    hedged,
    names_untold,
    states_once,
    tells_change,
    told_closely,
)
from wetread.train.expect import Expected, References
from wetread.types import LABELS

__all__ = [
    "OTHERS",
    "Asked",
    "Stock",
    "alike",
    "assemble",
    "beginnings",
    "detailed",
    "said_again",
    "stated",
    "unfit",
]

#: Columns of the 14 labels that are findings: all but "No Finding".
OTHERS = tuple(i for i, name in enumerate(LABELS) if name != "No Finding")
#: Among these, those beside which an opacity may be denied.
_EXPLAINING = np.array([LABELS[k] in EXPLAINS_OPACITY for k in OTHERS])
#: Of the further findings, those of the lungs' volume.
_VOLUMES = [FURTHER.index(name) for name in sorted(EITHER)]
#: What is said of the heart and its outline when they are normal.
_SIDE_BY_SIDE = NORMAL_HEART | {("Enlarged Cardiomediastinum", "negative")}
#: What is said of lungs in which something is.
_REST = sentence("Lung Opacity", "rest") or ""
_HEART = OTHERS.index(LABELS.index("Cardiomegaly"))
#: What a commanded finding costs that is not said: more than any words are worth.
_DISOBEDIENCE = 20.0
#: Sentences are not both said where one shares more than this of its words that carry a meaning with the other.
_ALIKE = 0.6
_MEANINGFUL = re.compile(
    r"\b(?!(?:an?|and|are|appears?|as|at|be|been|evidence|for|identified|in|is|limits|no|noted|normal|of|on|or|otherwise"
    r"|seen|the|there|this|to|unremarkable|visualized|with|within|without)\b)[a-z]+"
)
#: Endings of a plural and what they are of one.
_SINGULAR = {"ces": "x", "ies": "y", "s": ""}
_PLURAL = re.compile(r"(?:(?<=thora)ces|ies|(?<=[a-z]{3})s)$")
#: Lengths of a report, in tokens, for which the length penalty is tabled.
_LENGTHS = np.arange(4, 100, 2)
#: Sentences of the stock that are tried for a place.
_TRIES = 8
#: Rounds of ``beginnings``.
_ROUNDS = 2
#: Sentences and tokens of FINDINGS at the most.
_MOST_SENTENCES, _MOST_TOKENS = 9, 64


def stated(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(N, 14) bool: what each text states by both of the labeler's conventions, and by either."""
    read = [asserted(t) for t in texts]
    surely, perhaps = (np.array([[n in own[k] for n in LABELS] for own in read]) for k in range(2))
    return surely, perhaps


def detailed(text: str) -> bool:
    """Whether a sentence puts something abnormal into a place: one patient's, where likeness knows of no places."""
    return names_place(text) and any(
        m.state == "negative" if m.label == "No Finding" else m.state != "negative" for m in label_spans(text)
    )


def unfit(text: str) -> bool:
    """Whether a sentence is not to be taught: it would be dropped from a draft, or is one patient's."""
    if text in plain():
        return False
    known = not detailed(text) and told_closely(text) is not None
    return not known or names_untold(text) or calls_borderline(text) or tells_change(text)


def _singular(word: str) -> str:
    return _PLURAL.sub(lambda end: _SINGULAR[end[0]], word)


def alike(texts: Sequence[str]) -> np.ndarray:
    """(P, P) bool: pairs of which one says most of the words of the other, and each sentence with itself."""
    words = [set(map(_singular, _MEANINGFUL.findall(t.lower()))) for t in texts]
    column = {w: k for k, w in enumerate(sorted(set().union(*words)))}
    holds = np.zeros((len(texts), len(column)), np.float32)
    for i, own in enumerate(words):
        holds[i, [column[w] for w in own]] = 1
    count = holds.sum(1)
    shared = holds @ holds.T / np.maximum(np.minimum(count[:, None], count), 1)
    np.fill_diagonal(shared, 1)
    return shared > _ALIKE


def said_again(texts: Sequence[str]) -> np.ndarray:
    """(P, P) bool: pairs of which one states or denies nothing but what the other does (``obey`` would drop it).

    That the heart is normal and its outline with the mediastinum too may be said side by side, but either once.
    """
    said = list(map(states_once, texts))
    column = {state: k for k, state in enumerate(sorted(set().union(*said)))}
    holds = np.zeros((len(texts), len(column)), np.float32)
    for row, own in zip(holds, said, strict=True):
        row[[column[state] for state in own]] = 1
    once = np.array([bool(own) and not own & _SIDE_BY_SIDE and all(n != "No Finding" for n, _ in own) for own in said])
    within = (holds @ holds.T == holds.sum(1)[:, None]) & once[:, None]
    heart = np.array([own == NORMAL_HEART for own in said])
    again = within | within.T | np.outer(heart, heart)
    np.fill_diagonal(again, True)
    return again


class Asked(NamedTuple):
    """What a study asks of its words.

    ``wanted`` (13,) bool: the findings to say; ``likely`` (13,) bool: those not to deny; ``spine``: whether it may be
    called degenerated; ``told`` (E,) bool: the further findings to say (``report.further``); ``seen`` (13,) bool: those
    that other words than our own plain ones may state (``obey.detail_from``).
    """

    wanted: np.ndarray
    likely: np.ndarray
    spine: bool = True
    told: np.ndarray = np.zeros(len(FURTHER), bool)
    seen: np.ndarray = np.ones(len(OTHERS), bool)

    @property
    def said(self) -> np.ndarray:
        """(13 + E,) bool: all that is to be said."""
        return np.concatenate((self.wanted, self.told))


def _columns(names: Iterable[Set[str]]) -> np.ndarray:
    """(N, 13) bool: of each text which findings are among these."""
    return np.array([[LABELS[k] in own for k in OTHERS] for own in names], bool)


@dataclass(frozen=True)
class Stock:
    """The sentences to choose from (P) beside the references (N).

    ``surely``, ``perhaps`` (P, 13): the findings that a sentence states by both of the labeler's conventions and by
    either; ``denied``: those it denies; ``normal``: the site it calls normal; ``outline``, ``worn`` (P,): whether it
    calls the outline of heart and mediastinum normal, the spine degenerated; ``further`` (P, E): the further findings
    that it states; ``inflated`` (P,): whether it calls the lungs normally inflated; ``closely``, ``hedged`` (P, 13):
    the findings that must be well seen for it to stand, and those that it holds possible; ``tokens`` as the metric
    reads it and ``lengths`` (P,), how many. By order of n-grams: ``likeness`` (N, P) inner products of TF-IDF with the
    unit vector of each reference, ``products`` (P, P) among sentences. ``alike`` (P, P): not to be said together.
    """

    texts: tuple[str, ...]
    surely: np.ndarray
    perhaps: np.ndarray
    denied: np.ndarray
    normal: tuple[str | None, ...]
    outline: np.ndarray
    worn: np.ndarray
    further: np.ndarray
    inflated: np.ndarray
    closely: np.ndarray
    hedged: np.ndarray
    tokens: tuple[tuple[str, ...], ...]
    lengths: np.ndarray
    book: References
    likeness: tuple[np.ndarray, ...]
    products: tuple[np.ndarray, ...]
    alike: np.ndarray

    @classmethod
    def of(
        cls,
        reports: Sequence[Sequence[str]],
        references: Sequence[str],
        clean: Callable[[str], str],
        often: int,
        short: int,
    ) -> Stock:
        """The sentences of ``reports`` that stand in ``often`` of them, short ones that state a finding, and our own.

        What a draft says in our own words where no others will do (``obey``), a report may say from the start.

        Args:
            reports: their sentences. references: as the metric reads them. clean: from text to the metric's tokens.
            often, short: in how many reports, and how many words a rarer sentence may have: what is said once and at
                length is one patient's.
        """
        count = Counter(s for report in reports for s in dict.fromkeys(report))
        texts = [s for s, n in count.most_common() if n >= often or len(s.split()) <= short]
        surely, perhaps = (each[:, OTHERS] for each in stated(texts))
        kept = [i for i, s in enumerate(texts) if (count[s] >= often or perhaps[i].any()) and not unfit(s)]
        own = sorted(beside() - {texts[i] for i in kept})
        texts = [*(texts[i] for i in kept), *own]
        surely, perhaps = (each[:, OTHERS] for each in stated(texts))
        tokens = [clean(s).split() for s in texts]
        tokens = [t if t[-1:] == ["."] else [*t, "."] for t in tokens]
        book = References(references)
        likeness, products = zip(*(_tables(tokens, book, n) for n in range(ORDERS)), strict=True)
        return cls(
            tuple(texts),
            surely,
            perhaps,
            _columns(map(denied, texts)),
            tuple(map(calls_normal, texts)),
            np.array([calls_outline_normal(s) for s in texts], bool),
            np.array([calls_spine_worn(s) for s in texts], bool),
            np.array([among(further(s)) for s in texts], bool),
            np.array([calls_inflated(s) for s in texts], bool),
            _columns(told_closely(s) or set() for s in texts),
            _columns(map(hedged, texts)),
            tuple(map(tuple, tokens)),
            np.array([len(t) for t in tokens]),
            book,
            likeness,
            products,
            alike(texts) | said_again(texts),
        )

    @property
    def rest(self) -> np.ndarray:
        """(P,) bool: whether it is our own sentence that calls the lungs otherwise clear."""
        return np.array([text == _REST for text in self.texts])

    @property
    def states(self) -> np.ndarray:
        """(P, 13 + E) bool: what each sentence states beyond doubt."""
        return np.concatenate((self.surely, self.further), 1)

    def allowed(self, asked: Asked) -> np.ndarray:
        """(P,) bool: the sentences that may be said."""
        wanted = asked.wanted
        sites = {LABEL_SITES[LABELS[k]] for k, on in zip(OTHERS, wanted, strict=True) if on}
        sites -= {LABEL_SITES["Support Devices"]}
        sites |= {site for name, site in PLACES.items() if asked.told[FURTHER.index(name)]}
        calm = np.array([site is None or site not in sites for site in self.normal])
        calm = np.where(self.rest, "lungs" in sites, calm)
        if wanted[_HEART]:
            calm &= ~self.outline
        if not asked.spine:
            calm &= ~self.worn
        calm &= ~(self.further & ~asked.told).any(1)
        if asked.told[_VOLUMES].any():
            calm &= ~self.inflated
        against = self.denied & asked.likely
        if wanted[_EXPLAINING].any():  # "no focal opacity" is then said of another one (``wording.denied``)
            against[:, OTHERS.index(LABELS.index("Lung Opacity"))] = False
        unknown = (self.perhaps & ~wanted) | (self.closely & ~asked.seen) | (self.hedged & ~asked.likely)
        return ~unknown.any(1) & calm & ~against.any(1)


def _tables(tokens: Sequence[Sequence[str]], book: References, n: int) -> tuple[np.ndarray, np.ndarray]:
    # A sentence follows a full stop: the n-grams that begin with it are the sentence's own.
    said, unseen = book.weighted(tokens if n == 0 else [[".", *t] for t in tokens], n)
    likeness = (said @ book.unit[n]).toarray().T
    return np.ascontiguousarray(likeness, np.float32), (said @ said.T).toarray() + np.diag(unseen + 1e-9)


class _Guess:
    """Roughly the CIDEr of lists of sentences to a study that gives the references the weights ``weight`` (N,)."""

    def __init__(self, stock: Stock, weight: np.ndarray, wanted: np.ndarray) -> None:
        self.stock, self.wanted, self.states = stock, wanted, stock.states
        penalty = np.exp(-((_LENGTHS[:, None] - stock.book.lengths) ** 2) / (2 * CIDER_SIGMA**2))
        self.likeness = [(penalty * weight) @ table for table in stock.likeness]

    def __call__(self, said: Sequence[int], more: np.ndarray) -> np.ndarray:
        """(len(more),) the worth of ``said`` with each one of ``more``."""
        stock, base = self.stock, np.array(said, int)
        length = stock.lengths[base].sum() + stock.lengths[more]
        row = np.clip((length - _LENGTHS[0]) // 2, 0, len(_LENGTHS) - 1)
        cider = np.zeros(len(more))
        for likeness, products in zip(self.likeness, stock.products, strict=True):
            near = likeness[row, more] + likeness[row][:, base].sum(1)
            norm = products[more, more] + products[np.ix_(base, base)].sum() + 2 * products[base][:, more].sum(0)
            cider += 10 / ORDERS * near / np.sqrt(norm)
        missing = (self.wanted & ~(self.states[more] | self.states[base].any(0))).sum(1)
        return cider - _DISOBEDIENCE * missing


class _Worth:
    """What lists of sentences, in their order, are worth to a study."""

    def __init__(self, stock: Stock, weight: np.ndarray, wanted: np.ndarray, meteor: float) -> None:
        self.stock, self.wanted, self.meteor = stock, wanted, meteor
        self.states = stock.states
        self.expected = Expected(stock.book, weight)
        self.known: dict[tuple[int, ...], float] = {}

    def __call__(self, said: Sequence[int]) -> float:
        key = tuple(said)
        if key not in self.known:
            tokens = tuple(t for i in said for t in self.stock.tokens[i])
            cider, meteor = self.expected(tokens)
            missing = int((self.wanted & ~self.states[list(said)].any(0)).sum())
            price = _DISOBEDIENCE * (missing + (len(tokens) > _MOST_TOKENS))
            self.known[key] = cider + self.meteor * meteor - price
        return self.known[key]


def assemble(
    stock: Stock, weight: np.ndarray, asked: Asked, meteor: float, begin: Sequence[tuple[int, ...]] = ()
) -> list[str]:
    """The sentences that are worth most, found by adding, exchanging, moving and dropping.

    Args:
        weight: (N,) of the references, sum 1. meteor: what METEOR's words are worth beside CIDEr.
        begin: reports, as sentences of the stock, of which the best that may be said is where the search begins.
    """
    return [stock.texts[i] for i in _search(stock, weight, asked, meteor, begin)]


def beginnings(stock: Stock, studies: Sequence[tuple[np.ndarray, Asked]], meteor: float) -> tuple[tuple[int, ...], ...]:
    """The reports that these studies, by the weight of the references, get; in the end begun with each other's."""
    known: tuple[tuple[int, ...], ...] = ()
    for number in range(_ROUNDS):
        each = tqdm(studies, desc=f"beginnings {number + 1}/{_ROUNDS}", unit="study")
        found = [tuple(_search(stock, weight, asked, meteor, known)) for weight, asked in each]
        known = tuple(dict.fromkeys((*known, *found)))
    return known


def _search(
    stock: Stock, weight: np.ndarray, asked: Asked, meteor: float, begin: Sequence[tuple[int, ...]]
) -> list[int]:
    guess, worth = _Guess(stock, weight, asked.said), _Worth(stock, weight, asked.said, meteor)
    allowed = stock.allowed(asked)
    said: list[int] = []
    best = -math.inf
    moves = [list(report) for report in begin if report and allowed[list(report)].all()]
    while moves := moves or list(_moves(stock, said, np.flatnonzero(allowed), guess)):
        values = [worth(move) for move in moves]
        k = int(np.argmax(values))
        if values[k] <= best + 1e-6:
            break
        said, best, moves = moves[k], values[k], []
    return said


def _moves(stock: Stock, said: list[int], allowed: np.ndarray, guess: _Guess) -> Iterator[list[int]]:
    """What can be made of a list: with one sentence more, exchanged, dropped or elsewhere."""
    without = [said[:i] + said[i + 1 :] for i in range(len(said))]
    for base in [said, *without] if len(said) < _MOST_SENTENCES else without:
        more = allowed[~stock.alike[base][:, allowed].any(0)] if base else allowed
        if len(more):
            likely = np.argsort(-guess(base, more), kind="stable")[:_TRIES]
            yield from ([*base[:p], int(more[k]), *base[p:]] for k in likely for p in range(len(base) + 1))
    yield from (base for base in without if base)
    for own, base in zip(said, without, strict=True):
        yield from ([*base[:p], own, *base[p:]] for p in range(len(said)))
