"""Which report to teach for a study: the one that the reports of studies that look alike agree on.

A radiologist's own report holds much that no film decides: habit and chance. For each teaching study this puts a
report together (``assemble``) that is expected to agree best with what the reports of the other studies let one expect
of its own, by how alike their findings are and the department that their films seem to come from (``Likeness``, out of
fold, the study itself left out), and that states the commanded findings and no other: a minimum-Bayes-risk choice
(Kumar & Byrne 2004), made once, for the decoder to learn. A search ends here and there by chance, and chance cannot be
learned: so in the end each study gets the best of what was found for any (``choice``). Studies that lie between two
teachers (``between``) are written for, too: more to learn from than there are teachers. At drafting nothing is
retrieved.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from scipy.spatial.distance import cdist
from tqdm import tqdm

from wetread.obey import detail_from
from wetread.report.further import among, further
from wetread.report.wording import plainly
from wetread.train.assemble import OTHERS, Asked, Stock, assemble, beginnings, stated, unfit
from wetread.train.choice import NONE, Choice
from wetread.train.config import DecoderConfig
from wetread.train.expect import References, pairwise_cider
from wetread.types import LABELS

__all__ = ["Likeness", "Profile", "Pupils", "agree", "between"]

#: What a finding too many or too few in IMPRESSION costs, in CIDEr.
_DISOBEDIENCE = 1.0
#: Studies whose reports the others' search begins with (``assemble.beginnings``).
_SAMPLE = 200
#: Studies that choose at once.
_AT_ONCE = 256
#: Words of an IMPRESSION at the most.
_MOST_WORDS = 30


@dataclass(frozen=True)
class Profile:
    """What tells studies apart: probability (N, 14 + E) of findings, department (N, S) (``model.department``)."""

    probability: np.ndarray
    department: np.ndarray

    def __len__(self) -> int:
        return len(self.probability)

    def __getitem__(self, rows: np.ndarray) -> Profile:
        return Profile(self.probability[rows], self.department[rows])

    def __add__(self, more: Profile) -> Profile:
        """These studies, then those."""
        parts = (self.probability, more.probability), (self.department, more.department)
        return Profile(*map(np.concatenate, parts))

    @property
    def logit(self) -> np.ndarray:
        return np.log(p := np.clip(self.probability, 1e-3, 1 - 1e-3)) - np.log1p(-p)


def between(known: Profile, times: int, seed: int) -> tuple[Profile, np.ndarray]:
    """Studies that might be: of each study ``times`` that lie between it and others, by log-odds and department.

    Returns:
        their profile (times · N), and the two studies (times · N, 2) of each, the nearer one first.
    """
    rng = np.random.default_rng(seed)
    first = np.tile(np.arange(len(known)), times)
    pair = np.stack((first, rng.integers(0, len(known), len(first))), 1)
    share = rng.uniform(0, 0.5, (len(first), 1))
    p = np.clip(known.probability, 1e-6, 1 - 1e-6)
    parts = np.log(p / (1 - p)), known.department
    odds, place = ((1 - share) * part[pair[:, 0]] + share * part[pair[:, 1]] for part in parts)
    return Profile(1 / (1 + np.exp(-odds)), place), pair


class Likeness:
    """How the reports of known studies (N) count for another one: what its own is expected to be like.

    A Gaussian process (Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning", 2.2) about the mean of
    all: of whatever is a number for each report, what it foretells for a study is a weighted mean over the known ones.
    Unlike a mere kernel's, the weights may be negative, and of many studies that are all alike each counts less.

    Args:
        width: of the kernel, in mean squared standard deviations of a logit. department: how much the squared distance
            of departments counts beside that of findings. noise: variance of chance beside that of what is foretold.
    """

    def __init__(self, known: Profile, width: float, department: float, noise: float) -> None:
        self._known, self._width, self._department = known, width, department
        self._scale = known.logit.std(0).mean() * math.sqrt(known.logit.shape[1])
        self._inverse = np.linalg.inv(self.kernel(known) + noise * np.eye(len(known)))

    def kernel(self, studies: Profile) -> np.ndarray:
        """(M, N) how alike studies are to the known ones, 1 where nothing is between them."""
        apart = cdist(studies.logit / self._scale, self._known.logit / self._scale, "sqeuclidean")
        apart += self._department * cdist(studies.department, self._known.department, "sqeuclidean")
        return np.exp(-apart / self._width)

    def weights(self, studies: Profile, without: Sequence[Sequence[int]]) -> np.ndarray:
        """(M, N) of the known studies, each row's sum 1. without: of each study, those that get no weight."""
        weight = self.kernel(studies) @ self._inverse
        for own, left_out in zip(weight, map(sorted, map(set, without)), strict=True):
            if left_out:  # as if they had never been known (block inverse)
                own -= (
                    np.linalg.solve(self._inverse[np.ix_(left_out, left_out)], own[left_out]) @ self._inverse[left_out]
                )
            own += (1 - own.sum()) / (len(own) - len(left_out))
            own[left_out] = 0
        return weight


class _Impressions:
    """The IMPRESSIONs to choose from: those of the teachers that more than one has, and any that states a finding."""

    def __init__(self, impressions: Sequence[Sequence[str]], references: Sequence[str], clean: Callable[[str], str]):
        count = Counter(tuple(i) for i in impressions if i)
        _, perhaps = stated([" ".join(i) for i in count])
        short = [sum(len(s.split()) for s in i) <= _MOST_WORDS and not any(map(unfit, i)) for i in count]
        kept = [k for k, n in enumerate(count.values()) if short[k] and (n > 1 or perhaps[k].any())]
        self.texts = [list(count)[k] for k in kept]
        self.perhaps = perhaps[kept][:, OTHERS]
        self.further = np.array([among(further(" ".join(text))) for text in self.texts])
        self.gain = pairwise_cider(References(references), [clean(" ".join(t)) for t in self.texts])

    def choose(self, weight: np.ndarray, asked: Asked) -> list[str]:
        """The one with the highest expected CIDEr, less what it states too much or too little."""
        extra = (self.perhaps & ~asked.wanted).any(1) | (self.further & ~asked.told).any(1)
        wrong = (self.perhaps != asked.wanted).sum(1) + 9 * extra
        return list(self.texts[int((weight @ self.gain - _DISOBEDIENCE * wrong).argmax())])


@dataclass(frozen=True)
class Pupils:
    """Studies for which reports are to be written: teachers themselves, or what lies between them.

    ``without``: of each the known studies that get no weight. ``profile``: of M. ``asked``: of each.
    """

    without: Sequence[Sequence[int]]
    profile: Profile
    asked: Sequence[Asked]

    def __len__(self) -> int:
        return len(self.asked)

    @classmethod
    def of(cls, without: Sequence[Sequence[int]], profile: Profile, asked: np.ndarray) -> Pupils:
        """Of what is asked of each (M, 14 + E + 1), see ``model.findings.asked_of``."""
        labels = asked[:, OTHERS]
        rest = asked[:, len(LABELS) :] > 0
        seen = profile.probability[:, OTHERS] >= np.array([detail_from(LABELS[k]) for k in OTHERS])
        each = zip(labels == 1, labels > 0, rest[:, -1].tolist(), rest[:, :-1], seen, strict=True)
        return cls(without, profile, [Asked(*own) for own in each])

    def weight(self, likeness: Likeness, rows: Sequence[int]) -> np.ndarray:
        """(rows, N) of the known studies."""
        return likeness.weights(self.profile[np.array(rows, int)], [self.without[i] for i in rows])


@dataclass(frozen=True)
class _Search:
    """What it takes to put the reports of some studies together: weight (M, N) of the references, what is asked.

    ``meteor``: what METEOR's words are worth beside CIDEr. ``begin``: reports to begin with.
    """

    stock: Stock
    weight: np.ndarray
    asked: Sequence[Asked]
    meteor: float
    begin: Sequence[tuple[int, ...]]

    def __call__(self, number: int) -> list[str]:
        return assemble(self.stock, self.weight[number], self.asked[number], self.meteor, self.begin)

    def each(self, workers: int, name: str) -> list[list[str]]:
        """The sentences of every study's FINDINGS."""
        rows = range(len(self.asked))
        with ExitStack() as stack:
            report: Iterable[list[str]] = map(self, rows)
            if workers > 1 and len(rows) > _SAMPLE:
                os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a core for each process
                pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (self,))
                report = stack.enter_context(pool).map(_report, rows, chunksize=16)
            return list(tqdm(report, desc=name, total=len(rows), unit="report"))


_search: _Search | None = None  # of a worker process


def _begin(search: _Search) -> None:
    global _search
    _search = search


def _report(number: int) -> list[str]:
    assert _search is not None
    return _search(number)


def agree(
    known: Profile,
    pupils: Pupils,
    reports: Sequence[tuple[Sequence[str], Sequence[str]]],
    references: tuple[Sequence[str], Sequence[str]],
    clean: Callable[[str], str],
    config: DecoderConfig,
    workers: int = 1,
) -> list[tuple[list[str], list[str]]]:
    """For each pupil the sentences of FINDINGS and of IMPRESSION to teach.

    Args:
        known: the studies whose reports are read, out of fold.
        pupils: the studies to write reports for, the known ones first.
        reports: the studies' sentences of both sections, cleaned for teaching. references: both sections as the metric
            reads them. clean: from text to the metric's tokens. workers: processes; the reports do not depend on it.
    """
    findings, conclusions = ([[plainly(s) for s in report[k]] for report in reports] for k in range(2))
    stock = Stock.of(findings, references[0], clean, config.consensus_often, config.consensus_short)
    impressions = _Impressions(conclusions, references[1], clean)
    likeness = Likeness(known, config.consensus_width, config.department_weight, config.consensus_noise)
    meteor, first = config.meteor_weight, range(min(len(pupils), len(known)))
    weight, asked = pupils.weight(likeness, first), [pupils.asked[i] for i in first]
    some = np.linspace(0, len(first) - 1, min(len(first), _SAMPLE)).astype(int)
    first_found = beginnings(stock, [(weight[i], asked[i]) for i in some], meteor)
    searched = _Search(stock, weight, asked, meteor, first_found).each(workers, "searching reports")
    number = {text: k for k, text in enumerate(stock.texts)}
    found = tuple(dict.fromkeys(tuple(number[s] for s in report) for report in searched if report))
    choice = Choice(stock, found, meteor, config.rouge_weight)
    said: list[list[str]] = []
    concluded: list[list[str]] = []
    for begin in tqdm(range(0, len(pupils), _AT_ONCE), desc="consensus", unit=f"{_AT_ONCE} reports"):
        rows = range(begin, min(begin + _AT_ONCE, len(pupils)))
        weight, asked = pupils.weight(likeness, rows), [pupils.asked[i] for i in rows]
        chosen = choice.of(weight, asked)
        said += [[] if k == NONE else [stock.texts[i] for i in found[k]] for k in chosen]
        concluded += map(impressions.choose, weight, asked)
    rest = [i for i, sentences in enumerate(said) if not sentences]
    weight, asked = pupils.weight(likeness, rest), [pupils.asked[i] for i in rest]
    searched = _Search(stock, weight, asked, meteor, first_found).each(workers, "searching the rest")
    for i, sentences in zip(rest, searched, strict=True):
        said[i] = sentences
    return list(zip(said, concluded, strict=True))
