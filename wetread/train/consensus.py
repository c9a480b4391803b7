"""Which report to teach for a study: the one that the reports of studies that look alike agree on.

A radiologist's own report holds much that no film decides: habit and chance. For each teaching study this picks, among
all teachers' reports, the one with the highest expected CIDEr under the reports of the studies whose findings look
alike (a kernel on the out-of-fold finding logits, the study itself left out), that states the commanded findings and
no other: a minimum-Bayes-risk choice (Kumar & Byrne 2004), made once, for the decoder to learn. At drafting nothing is
retrieved.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from wetread.metrics.nlg import CIDER_SIGMA, ORDERS
from wetread.report.labeler import label
from wetread.types import LABELS

__all__ = ["choose", "pairwise_cider"]

#: What a finding too many or too few costs, in CIDEr.
_DISOBEDIENCE = 1.0


def _tf_idf(texts: Sequence[Sequence[str]], idf: Sequence[dict[tuple[str, ...], float]]) -> list[sparse.csr_matrix]:
    """Of each order, unit rows of TF-IDF; n-grams that no reference has are part of the norm alone."""
    out = []
    for order in range(ORDERS):
        index = {gram: k for k, gram in enumerate(idf[order])}
        rows, columns, values, norms = [], [], [], []
        unseen = math.log(len(texts))
        for i, tokens in enumerate(texts):
            grams = Counter(zip(*(tokens[k:] for k in range(order + 1)), strict=False))
            norm = 0.0
            for gram, times in grams.items():
                value = times * idf[order].get(gram, unseen)
                norm += value * value
                if gram in index:
                    rows.append(i)
                    columns.append(index[gram])
                    values.append(value)
            norms.append(1 / math.sqrt(norm) if norm else 0.0)
        matrix = sparse.csr_matrix((values, (rows, columns)), shape=(len(texts), max(1, len(index))))
        out.append(sparse.diags(np.array(norms)) @ matrix)
    return out


def pairwise_cider(references: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
    """(references, candidates) CIDEr of each pair but for the clipping of counts; tokens parted by spaces."""
    tokens = [r.split() for r in references], [c.split() for c in candidates]
    idf: list[dict[tuple[str, ...], float]] = []
    for order in range(1, ORDERS + 1):
        frequency = Counter(g for t in tokens[0] for g in set(zip(*(t[k:] for k in range(order)), strict=False)))
        idf.append({gram: math.log(len(references) / n) for gram, n in frequency.items()})
    a, b = (_tf_idf(t, idf) for t in tokens)
    similarity = sum((x @ y.T).toarray() for x, y in zip(a, b, strict=True))
    lengths = [np.array([len(t) for t in side]) for side in tokens]
    delta = lengths[0][:, None] - lengths[1][None]
    return (10 / ORDERS * similarity * np.exp(-(delta**2) / (2 * CIDER_SIGMA**2))).astype(np.float32)


def _findings(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(N, 14) bool: what each text states by both of the labeler's conventions, and by either."""
    plain, chexbert = (
        np.array([[label(t, convention)[n] == "positive" for n in LABELS] for t in texts])
        for convention in ("plain", "chexbert")
    )
    return plain & chexbert, plain | chexbert


def choose(
    probability: np.ndarray,
    commands: np.ndarray,
    findings: Sequence[str],
    impressions: Sequence[str],
    references: Sequence[str],
    clean: Callable[[str], str],
    width: float,
) -> np.ndarray:
    """(N,) for each study the index of the report to teach.

    Args:
        probability, commands: (N, 14) of the studies, out of fold.
        findings, impressions: their reports, cleaned for teaching. references: FINDINGS as the metric reads them.
        clean: from text to the metric's tokens. width: of the kernel, in mean squared standard deviations.
    """
    gain = pairwise_cider(references, [clean(t) for t in findings])
    p = np.clip(probability, 1e-3, 1 - 1e-3)
    logit = np.log(p / (1 - p))
    scaled = logit / logit.std(0).mean()
    surely, perhaps = _findings(findings)
    concluded = _findings(impressions)[1]
    others = np.array([name != "No Finding" for name in LABELS])
    wanted = commands.astype(bool)
    usable = np.array([bool(t.strip()) for t in impressions]) & ~(concluded & ~perhaps)[:, others].any(1)
    chosen = np.zeros(len(p), int)
    for i in range(len(p)):
        distance = ((scaled - scaled[i]) ** 2).mean(1)
        distance[i] = np.inf
        weight = np.exp(-(distance - distance.min()) / width)
        expected = weight @ gain / weight.sum()
        wrong = (wanted[i] & ~surely)[:, others].sum(1) + (perhaps & ~wanted[i])[:, others].sum(1)
        expected -= _DISOBEDIENCE * wrong + 0.1 * (perhaps[:, ~others][:, 0] != wanted[i, ~others][0])
        chosen[i] = int(np.where(usable, expected, -np.inf).argmax())
    return chosen
