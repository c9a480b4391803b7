"""Putting a report together, sentence by sentence, so that it is expected to say what radiologists would.

The references are the teachers' FINDINGS, each with the weight that a study gives it. The worth of a list of sentences
is what CIDEr (Vedantam et al. 2015) and BLEU-4 (Papineni et al. 2002) are expected to be, less a price for each
finding that is not said. Both are counted from tables of sentence by reference, so that adding, exchanging or dropping
a sentence is weighed for the whole stock at once; the clipping of counts and n-grams that reach over two sentences are
left out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from wetread.metrics.nlg import CIDER_SIGMA, ORDERS
from wetread.obey import calls_borderline, names_untold
from wetread.report.labeler import asserted, label_spans
from wetread.report.sites import LABEL_SITES, names_place, primary_site
from wetread.types import LABELS

__all__ = ["OTHERS", "Stock", "assemble", "detailed", "stated", "unfit"]

#: Columns of the 14 labels that are findings: all but "No Finding".
OTHERS = tuple(i for i, name in enumerate(LABELS) if name != "No Finding")
#: What a commanded finding costs that is not said: more than any words are worth.
_DISOBEDIENCE = 20.0
#: Sentences are not both said where one shares more than this of its words that carry a meaning with the other.
_ALIKE = 0.6
_MEANINGFUL = re.compile(
    r"\b(?!(?:an?|and|are|appears?|as|at|be|been|evidence|for|identified|in|is|limits|no|noted|normal|of|on|or|otherwise"
    r"|seen|the|there|this|to|unremarkable|visualized|with|within|without)\b)[a-z]+"
)
#: Lengths of a report, in tokens, for which the length penalty is tabled.
_LENGTHS = np.arange(4, 100, 2)
#: Sentences and tokens of FINDINGS at the most.
_MOST_SENTENCES, _MOST_TOKENS = 9, 64


def stated(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(N, 14) bool: what each text states by both of the labeler's conventions, and by either."""
    read = [asserted(t) for t in texts]
    surely, perhaps = (np.array([[n in own[k] for n in LABELS] for own in read]) for k in range(2))
    return surely, perhaps


def _calls_normal(sentence: str) -> str | None:
    """The site that a sentence calls normal, if that is all it does."""
    mentions = label_spans(sentence)
    if mentions and all(m.label == "No Finding" and m.state == "positive" for m in mentions):
        return primary_site(sentence)
    return None


def detailed(sentence: str) -> bool:
    """Whether a sentence puts something abnormal into a place: one patient's, where likeness knows of no places."""
    return names_place(sentence) and any(
        m.state == "negative" if m.label == "No Finding" else m.state != "negative" for m in label_spans(sentence)
    )


def unfit(sentence: str) -> bool:
    """Whether a sentence is not to be taught: it would be dropped from a draft, or is one patient's."""
    return detailed(sentence) or names_untold(sentence) or calls_borderline(sentence)


def _alike(texts: Sequence[str]) -> np.ndarray:
    """(P, P) bool: pairs of which one says most of what the other says, and each sentence with itself."""
    words = [set(_MEANINGFUL.findall(t.lower())) for t in texts]
    column = {w: k for k, w in enumerate(sorted(set().union(*words)))}
    holds = np.zeros((len(texts), len(column)), np.float32)
    for i, own in enumerate(words):
        holds[i, [column[w] for w in own]] = 1
    count = holds.sum(1)
    shared = holds @ holds.T / np.maximum(np.minimum(count[:, None], count), 1)
    np.fill_diagonal(shared, 1)
    return shared > _ALIKE


def _grams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[k:] for k in range(order)), strict=False))


@dataclass(frozen=True)
class Stock:
    """The sentences to choose from (P) beside the references (N).

    ``surely``, ``perhaps`` (P, 13): the findings that a sentence states by both of the labeler's conventions and by
    either; ``normal``: the site it calls normal; ``place`` (P,): where in a report it usually stands; ``lengths`` (P,)
    and ``reference_lengths`` (N,) in tokens. By order of n-grams: ``likeness`` (N, P) inner products of TF-IDF with the
    unit vector of each reference, ``products`` (P, P) among sentences; ``hits`` (N, P) n-grams that the reference has
    too, ``overlap`` (P, P) n-grams that two sentences share. ``alike`` (P, P): not to be said together.
    """

    texts: tuple[str, ...]
    surely: np.ndarray
    perhaps: np.ndarray
    normal: tuple[str | None, ...]
    place: np.ndarray
    lengths: np.ndarray
    reference_lengths: np.ndarray
    likeness: tuple[np.ndarray, ...]
    products: tuple[np.ndarray, ...]
    hits: tuple[np.ndarray, ...]
    overlap: tuple[np.ndarray, ...]
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
        """The sentences of ``reports`` that stand in ``often`` of them, and short ones that state a finding.

        Args:
            reports: their sentences. references: as the metric reads them. clean: from text to the metric's tokens.
            often, short: in how many reports, and how many words a rarer sentence may have: what is said once and at
                length is one patient's.
        """
        count = Counter(s for report in reports for s in dict.fromkeys(report))
        texts = [s for s, n in count.most_common() if n >= often or len(s.split()) <= short]
        surely, perhaps = (each[:, OTHERS] for each in stated(texts))
        kept = [i for i, s in enumerate(texts) if (count[s] >= often or perhaps[i].any()) and not unfit(s)]
        texts = [texts[i] for i in kept]
        places: dict[str, list[float]] = {s: [] for s in texts}
        for report in reports:
            for i, s in enumerate(report):
                if s in places:
                    places[s].append((i + 0.5) / len(report))
        tokens = [clean(s).split() for s in texts]
        tokens = [t if t[-1:] == ["."] else [*t, "."] for t in tokens]
        tables = [_tables(tokens, [r.split() for r in references], order) for order in range(1, ORDERS + 1)]
        likeness, products, hits, overlap = zip(*tables, strict=True)
        return cls(
            tuple(texts),
            surely[kept],
            perhaps[kept],
            tuple(map(_calls_normal, texts)),
            np.array([np.mean(places[s]) for s in texts]),
            np.array([len(t) for t in tokens]),
            np.array([len(r.split()) for r in references]),
            likeness,
            products,
            hits,
            overlap,
            _alike(texts),
        )

    def allowed(self, wanted: np.ndarray) -> np.ndarray:
        """(P,) what may be said where exactly the findings ``wanted`` (13,) are to be."""
        sites = {LABEL_SITES[LABELS[k]] for k, on in zip(OTHERS, wanted, strict=True) if on}
        sites -= {LABEL_SITES["Support Devices"]}
        calm = np.array([site is None or site not in sites for site in self.normal])
        return ~(self.perhaps & ~wanted).any(1) & calm


def _tables(tokens: Sequence[Sequence[str]], references: Sequence[Sequence[str]], order: int) -> tuple[np.ndarray, ...]:
    counted = [_grams(r, order) for r in references]
    frequency = Counter(g for c in counted for g in c)
    column = {gram: k for k, gram in enumerate(frequency)}
    idf = np.array([math.log(len(references) / n) for n in frequency.values()])
    # A sentence follows a full stop: the n-grams that begin with it are the sentence's own.
    own = [_grams(t if order == 1 else [".", *t], order) for t in tokens]

    def matrix(rows: Sequence[Counter[tuple[str, ...]]]) -> sparse.csr_matrix:
        cells = [(i, column[g], n) for i, row in enumerate(rows) for g, n in row.items() if g in column]
        i, j, n = zip(*cells, strict=True) if cells else ((), (), ())
        return sparse.csr_matrix((np.array(n, float), (i, j)), shape=(len(rows), len(column)))

    said, heard = matrix(own), matrix(counted)
    weighted, weighted_references = said @ sparse.diags(idf), heard @ sparse.diags(idf)
    norm = np.sqrt(np.asarray(weighted_references.multiply(weighted_references).sum(1)).ravel())
    unit = sparse.diags(1 / np.maximum(norm, 1e-9)) @ weighted_references
    unseen = [
        sum((n * math.log(len(references))) ** 2 for g, n in row.items() if g not in column) + 1e-9 for row in own
    ]
    return (
        (unit @ weighted.T).toarray().astype(np.float32),
        (weighted @ weighted.T).toarray() + np.diag(unseen),
        (heard.sign() @ said.sign().T).toarray().astype(np.float32),
        (said.sign() @ said.sign().T).toarray(),
    )


class _Worth:
    """What lists of sentences are worth to a study that gives the references the weights ``weight`` (N,), sum 1."""

    def __init__(self, stock: Stock, weight: np.ndarray, wanted: np.ndarray, bleu: float) -> None:
        self.stock, self.wanted, self.bleu = stock, wanted, bleu
        penalty = np.exp(-((_LENGTHS[:, None] - stock.reference_lengths) ** 2) / (2 * CIDER_SIGMA**2))
        self.likeness = [(penalty * weight) @ table for table in stock.likeness]
        self.hits = [weight @ table for table in stock.hits]
        self.length = float(weight @ stock.reference_lengths)

    def __call__(self, said: Sequence[int], more: np.ndarray) -> np.ndarray:
        """(len(more),) the worth of ``said`` with each one of ``more``."""
        stock, base = self.stock, np.array(said, int)
        length = stock.lengths[base].sum() + stock.lengths[more]
        row = np.clip((length - _LENGTHS[0]) // 2, 0, len(_LENGTHS) - 1)
        cider, log_bleu = np.zeros(len(more)), np.zeros(len(more))
        for n in range(ORDERS):
            products, overlap = stock.products[n], stock.overlap[n]
            near = self.likeness[n][row, more] + self.likeness[n][row][:, base].sum(1)
            norm = products[more, more] + products[np.ix_(base, base)].sum() + 2 * products[base][:, more].sum(0)
            cider += 10 / ORDERS * near / np.sqrt(norm)
            hits = self.hits[n][more] + self.hits[n][base].sum()
            if n >= 2:  # pairs and single words are rightly said again, longer turns are not
                again = overlap[base][:, more].sum(0) / np.maximum(stock.lengths[more] - n + 1, 1)
                hits = hits - again * self.hits[n][more]
            log_bleu += np.log((np.maximum(hits, 0) + 0.02) / (np.maximum(length - n, 0) + 1)) / ORDERS
        bleu = np.exp(log_bleu + np.minimum(0, 1 - self.length / length))
        missing = (self.wanted & ~(stock.surely[more] | stock.surely[base].any(0))).sum(1)
        return cider + self.bleu * bleu - _DISOBEDIENCE * missing - _DISOBEDIENCE * (length > _MOST_TOKENS)


def assemble(stock: Stock, weight: np.ndarray, wanted: np.ndarray, bleu: float) -> list[str]:
    """The sentences that are worth most, found by adding, exchanging and dropping, in their usual order.

    Args:
        weight: (N,) of the references, sum 1. wanted: (13,) bool, the findings to say.
        bleu: what BLEU-4 is worth beside CIDEr.
    """
    worth, allowed = _Worth(stock, weight, wanted, bleu), np.flatnonzero(stock.allowed(wanted))
    said: list[int] = []
    best = -math.inf

    def choices(beside: Sequence[int]) -> np.ndarray:
        return allowed[~stock.alike[list(beside)][:, allowed].any(0)] if beside else allowed

    improved = True
    while improved:
        improved = False
        tries = [(said[:i] + said[i + 1 :], True) for i in range(len(said))]
        if len(said) < _MOST_SENTENCES:
            tries.insert(0, (said, True))
        tries += [(said[:i] + said[i + 1 :], False) for i in range(len(said)) if len(said) > 1]
        for base, grows in tries:
            more = choices(base) if grows else np.array(base[-1:])
            if not len(more):
                continue
            values = worth(base if grows else base[:-1], more)
            k = int(values.argmax())
            if values[k] > best + 1e-6:
                said, best, improved = [*base, int(more[k])] if grows else list(base), float(values[k]), True
                break
    return [stock.texts[i] for i in sorted(said, key=lambda i: stock.place[i])]
