"""Which report to teach for a study: the one that the reports of studies that look alike agree on.

A radiologist's own report holds much that no film decides: habit and chance. For each teaching study this puts a
report together (``assemble``) that is expected to agree best with the reports of the studies whose findings look
alike and whose films seem to come from the same department (a kernel on both, out of fold, the study itself left out)
and that states the commanded findings and no other: a minimum-Bayes-risk choice (Kumar & Byrne 2004), made once, for
the decoder to learn. A search ends here and there by chance, and chance cannot be learned: so in the end each study
gets the best of what was found for any, by a kernel that may be narrower, since there is less to be misled by.
Studies that lie between two teachers (``between``) are written for, too: more to learn from than there are teachers. At
drafting nothing is retrieved.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np
from tqdm import tqdm

from wetread.obey import plainly
from wetread.report.further import among, further
from wetread.train.assemble import OTHERS, Asked, Habits, Stock, assemble, best_of, habits_of, stated, unfit
from wetread.train.config import DecoderConfig
from wetread.train.expect import pairwise_cider
from wetread.types import LABELS

__all__ = ["Profile", "Pupils", "agree", "between", "kernel"]

#: What a finding too many or too few in IMPRESSION costs, in CIDEr.
_DISOBEDIENCE = 1.0
#: Studies by which it is told what reports usually are (``assemble.habits_of``).
_SAMPLE = 200
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


def kernel(
    known: Profile, study: Profile, width: float, department: float = 0.0, without: Sequence[int] = ()
) -> np.ndarray:
    """(N,) weights, sum 1, of the known studies by how alike they are to one ``study`` (a profile of one row).

    Args:
        width: of the kernel, in mean squared standard deviations of a logit. department: how much the squared distance
            of departments counts beside that of findings. without: studies that get no weight.
    """
    logit = known.logit
    distance = (((logit - study.logit) / logit.std(0).mean()) ** 2).mean(1)
    distance += department * ((known.department - study.department) ** 2).sum(1)
    distance[list(without)] = np.inf
    weight = np.exp(-(distance - distance.min()) / width)
    return weight / weight.sum()


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
        self.gain = pairwise_cider(references, [clean(" ".join(t)) for t in self.texts])

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
        each = zip(labels == 1, labels > 0, rest[:, -1].tolist(), rest[:, :-1], strict=True)
        return cls(without, profile, [Asked(*own) for own in each])

    def weight(self, number: int, known: Profile, width: float, department: float) -> np.ndarray:
        """(N,) ``kernel`` over the known studies."""
        return kernel(known, self.profile[np.array([number])], width, department, self.without[number])


@dataclass(frozen=True)
class _Teacher:
    """What it takes to put the report of a study together, by its number."""

    known: Profile
    pupils: Pupils
    stock: Stock
    impressions: _Impressions
    habits: Habits
    config: DecoderConfig
    pool: Sequence[tuple[int, ...]] = ()

    def __call__(self, number: int) -> tuple[list[str], list[str]]:
        width = self.config.choice_width if self.pool else self.config.consensus_width
        weight = self.pupils.weight(number, self.known, width, self.config.department_weight)
        asked = self.pupils.asked[number]
        given = self.stock, weight, asked, self.config.bleu_weight, self.habits
        return best_of(*given, self.pool) or assemble(*given), self.impressions.choose(weight, asked)

    def each(self, count: int, workers: int, name: str) -> list[tuple[list[str], list[str]]]:
        """The reports of the first ``count`` pupils."""
        with ExitStack() as stack:
            report: Iterable[tuple[list[str], list[str]]] = map(self, range(count))
            if workers > 1 and count > _SAMPLE:
                os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a core for each process
                pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (self,))
                report = stack.enter_context(pool).map(_report, range(count), chunksize=16)
            return list(tqdm(report, desc=name, total=count, unit="report"))


_teacher: _Teacher | None = None  # of a worker process


def _begin(teacher: _Teacher) -> None:
    global _teacher
    _teacher = teacher


def _report(number: int) -> tuple[list[str], list[str]]:
    assert _teacher is not None
    return _teacher(number)


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
    some = np.linspace(0, len(pupils) - 1, min(len(pupils), _SAMPLE)).astype(int)
    widths = config.consensus_width, config.department_weight
    sample = [(pupils.weight(i, known, *widths), pupils.asked[i]) for i in some]
    habits = habits_of(stock, sample, config.bleu_weight)
    teacher = _Teacher(known, pupils, stock, impressions, habits, config)
    searched = teacher.each(min(len(pupils), len(known)), workers, "searching reports")
    number = {text: k for k, text in enumerate(stock.texts)}
    pool = dict.fromkeys(tuple(number[s] for s in report) for report, _ in searched if report)
    return replace(teacher, pool=tuple(pool)).each(len(pupils), workers, "consensus")
