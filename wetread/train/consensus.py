"""Which report to teach for a study: the one that the reports of studies that look alike agree on.

A radiologist's own report holds much that no film decides: habit and chance. For each teaching study this puts a
report together (``assemble``) that is expected to agree best with the reports of the studies whose findings look
alike (a kernel on the out-of-fold finding logits, the study itself left out) and that states the commanded findings
and no other: a minimum-Bayes-risk choice (Kumar & Byrne 2004), made once, for the decoder to learn. At drafting
nothing is retrieved.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from tqdm import tqdm

from wetread.obey import of_no_kind
from wetread.report.further import FURTHER, further
from wetread.train.assemble import OTHERS, Asked, Habits, Stock, assemble, habits_of, stated, unfit
from wetread.train.config import DecoderConfig
from wetread.train.expect import pairwise_cider

__all__ = ["agree", "kernel"]

#: What a finding too many or too few in IMPRESSION costs, in CIDEr.
_DISOBEDIENCE = 1.0
#: Studies by which it is told what reports usually are (``assemble.habits_of``).
_SAMPLE = 200
#: Words of an IMPRESSION at the most.
_MOST_WORDS = 30


def kernel(probability: np.ndarray, study: np.ndarray, width: float, without: int | None = None) -> np.ndarray:
    """(N,) weights, sum 1, of the studies ``probability`` (N, K) by how alike their findings are to ``study`` (K,).

    Args:
        width: of the kernel, in mean squared standard deviations of a logit. without: a study that gets no weight.
    """
    logit, own = (np.log(p / (1 - p)) for p in (np.clip(each, 1e-3, 1 - 1e-3) for each in (probability, study)))
    distance = (((logit - own) / logit.std(0).mean()) ** 2).mean(1)
    if without is not None:
        distance[without] = np.inf
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
        told = [further(" ".join(text)) for text in self.texts]
        self.further = np.array([[name in own for name in FURTHER] for own in told])
        self.gain = pairwise_cider(references, [clean(" ".join(t)) for t in self.texts])

    def choose(self, weight: np.ndarray, asked: Asked) -> list[str]:
        """The one with the highest expected CIDEr, less what it states too much or too little."""
        extra = (self.perhaps & ~asked.wanted).any(1) | (self.further & ~asked.told).any(1)
        wrong = (self.perhaps != asked.wanted).sum(1) + 9 * extra
        return list(self.texts[int((weight @ self.gain - _DISOBEDIENCE * wrong).argmax())])


@dataclass(frozen=True)
class _Teacher:
    """What it takes to put the report of a study together."""

    probability: np.ndarray
    asked: Sequence[Asked]
    stock: Stock
    impressions: _Impressions
    habits: Habits
    config: DecoderConfig

    def __call__(self, study: int) -> tuple[list[str], list[str]]:
        weight = kernel(self.probability, self.probability[study], self.config.consensus_width, without=study)
        asked = self.asked[study]
        findings = assemble(self.stock, weight, asked, self.config.bleu_weight, self.habits)
        return findings, self.impressions.choose(weight, asked)


_teacher: _Teacher | None = None  # of a worker process


def _begin(teacher: _Teacher) -> None:
    global _teacher
    _teacher = teacher


def _report(study: int) -> tuple[list[str], list[str]]:
    assert _teacher is not None
    return _teacher(study)


def agree(
    probability: np.ndarray,
    commands: np.ndarray,
    likely: np.ndarray,
    spine: np.ndarray,
    told: np.ndarray,
    reports: Sequence[tuple[Sequence[str], Sequence[str]]],
    references: tuple[Sequence[str], Sequence[str]],
    clean: Callable[[str], str],
    config: DecoderConfig,
    workers: int = 1,
) -> list[tuple[list[str], list[str]]]:
    """For each study the sentences of FINDINGS and of IMPRESSION to teach.

    Args:
        probability: (N, 14 + E) of the studies, out of fold: how probable each finding and each further one is.
        commands, likely: (N, 14) whether a finding is to be said, and whether it may at least not be denied.
        spine: (N,) bool, of which there is evidence that the spine is degenerated. told: (N, E) bool, the further
            findings to say.
        reports: their sentences of both sections, cleaned for teaching. references: both sections as the metric
            reads them. clean: from text to the metric's tokens. workers: processes; the reports do not depend on it.
    """
    findings, conclusions = ([[of_no_kind(s) for s in report[k]] for report in reports] for k in range(2))
    stock = Stock.of(findings, references[0], clean, config.consensus_often, config.consensus_short)
    impressions = _Impressions(conclusions, references[1], clean)
    findings_asked = (each.astype(bool)[:, OTHERS] for each in (commands, likely))
    each_asked = (*findings_asked, spine.astype(bool).tolist(), told.astype(bool))
    asked = [Asked(*each) for each in zip(*each_asked, strict=True)]

    some = np.linspace(0, len(probability) - 1, min(len(probability), _SAMPLE)).astype(int)
    sample = [(kernel(probability, probability[i], config.consensus_width, i), asked[i]) for i in some]
    habits = habits_of(stock, sample, config.bleu_weight)
    teacher = _Teacher(probability, asked, stock, impressions, habits, config)
    numbers = range(len(probability))
    with ExitStack() as stack:
        report: Iterable[tuple[list[str], list[str]]] = map(teacher, numbers)
        if workers > 1 and len(numbers) > _SAMPLE:
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a core for each process
            pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (teacher,))
            report = stack.enter_context(pool).map(_report, numbers, chunksize=16)
        return list(tqdm(report, desc="consensus", total=len(numbers), unit="study"))
