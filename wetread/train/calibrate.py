"""From concepts to findings: a calibrated probability and thresholds for each of the 14 labels.

One logistic regression a label reads all concepts of a study (its own first), fitted on out-of-fold concepts, with
the ridge chosen by cross-validated likelihood. Its probabilities are cross-fitted for everything that is chosen from
them. The positive threshold maximises the F-measure that the calibrated probabilities themselves expect, which a
handful of positives cannot mislead as the counted one can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from tqdm import trange

from wetread.model.detector import DRAWN

__all__ = [
    "FindingsHead",
    "auroc",
    "ece",
    "expected_f_threshold",
    "fit",
    "sensitive_threshold",
    "stretches",
    "worthy_threshold",
]

_RIDGES = (0.0001, 0.0003, 0.001, 0.003, 0.01)
#: How much less the ridge holds a finding's own concept than the others (its column is stretched by as much), what the
#: detector finds of it, what else the detector finds, and the detector's features.
_OWN, _FOUND, _ELSE, _POOLED = 12.0, 6.0, 2.0, 1.0
#: What the detector finds that speaks for a finding, or against it.
_MARKS_OF = {
    "Lung Lesion": ("calcified nodule", "nodule", "mass"),
    "Lung Opacity": ("opacity", "mass", "band"),
    "Edema": ("opacity",),
    "Consolidation": ("opacity", "mass"),
    "Pneumonia": ("opacity", "mass"),
    "Atelectasis": ("band", "opacity"),
    "Pneumothorax": ("pneumothorax", "line"),
    "Support Devices": ("line", "port", "pacemaker", "wires", "clips", "electrode"),
    "sternal wires": ("wires",),
    "granuloma": ("calcified nodule",),
    "pacemaker": ("pacemaker",),
    "catheter": ("line", "port"),
}


@dataclass(frozen=True)
class FindingsHead:
    """``weight`` (L, F), ``bias`` (L,), thresholds (L,); ``crossfitted`` (N, L) probabilities of the teachers."""

    weight: np.ndarray
    bias: np.ndarray
    uncertain_from: np.ndarray
    positive_from: np.ndarray
    crossfitted: np.ndarray

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """(N, F) → (N, L)."""
        return 1 / (1 + np.exp(-(features @ self.weight.T + self.bias)))

    def scaled(self, positive: np.ndarray, least: float) -> FindingsHead:
        """With logits scaled so that the cross-fitted probabilities say how often they are right (Platt 1999).

        Args:
            positive: (N, L) bool of the teachers. least: the lowest threshold there may be.
        """
        weight, bias, crossfitted = self.weight.copy(), self.bias.copy(), self.crossfitted.copy()
        certain = self.positive_from.copy()
        for k in range(positive.shape[1]):
            if positive[:, k].sum() < 2:
                continue
            p = np.clip(self.crossfitted[:, k], 1e-6, 1 - 1e-6)
            logit = np.log(p / (1 - p))[:, None]
            fit = LogisticRegression(C=1e6, tol=1e-6).fit(logit, positive[:, k])
            slope = float(fit.coef_[0, 0])
            weight[k], bias[k] = slope * weight[k], slope * bias[k] + float(fit.intercept_[0])
            crossfitted[:, k] = fit.predict_proba(logit)[:, 1]
            certain[k] = max(least, expected_f_threshold(crossfitted[:, k]))
        return FindingsHead(weight, bias, np.minimum(self.uncertain_from, certain), certain, crossfitted)


def stretches(names: Sequence[str], own: Sequence[int], concepts: int, marks: int, pooled: int = 0) -> np.ndarray:
    """(L, F) how much less the ridge holds each column for each of these findings.

    Args:
        own: the column of each finding's own concept, -1 for none. concepts: how many columns come first.
        marks: how many of the detector's follow: its channels (``model.detector.DRAWN``), again and again.
        pooled: how many of the detector's features follow.
    """
    found = np.ones((len(names), concepts + marks + pooled))
    found[:, concepts:] = _ELSE
    found[:, concepts + marks :] = _POOLED
    for k, name in enumerate(names):
        if own[k] >= 0:
            found[k, own[k]] = _OWN
        for channel, drawn in enumerate(DRAWN):
            if drawn in _MARKS_OF.get(name, ()):
                found[k, concepts + channel : concepts + marks : len(DRAWN)] = _FOUND
    return found


def expected_f_threshold(probability: np.ndarray, beta: float = 1.0) -> float:
    """The threshold with the best F-beta that calibrated probabilities (N,) expect of themselves."""
    p = np.sort(probability)[::-1]
    hits = np.cumsum(p)
    f = (1 + beta**2) * hits / (np.arange(1, len(p) + 1) + beta**2 * p.sum())
    best = int(f.argmax())
    return float((p[best] + p[min(best + 1, len(p) - 1)]) / 2)


def worthy_threshold(probability: np.ndarray, share: float) -> float:
    """The lowest threshold above which calibrated probabilities (N,) expect that share to be right; 1 if none does."""
    p = np.sort(probability)[::-1]
    enough = np.flatnonzero(np.cumsum(p) >= share * np.arange(1, len(p) + 1))
    if not len(enough):
        return 1.0
    last = int(enough[-1])
    return float((p[last] + p[min(last + 1, len(p) - 1)]) / 2)


def sensitive_threshold(truth: np.ndarray, score: np.ndarray, sensitivity: float = 0.99) -> float:
    """The threshold at or above which at least that share of the positive scores lies: truth (N,) bool, score (N,)."""
    return float(np.quantile(score[truth], 1 - sensitivity, method="lower"))


def auroc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve (Mann-Whitney, ties half); NaN where one class is missing."""
    from scipy.stats import rankdata

    truth = truth.astype(bool)
    positives = int(truth.sum())
    if positives in (0, len(truth)):
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / positives / (len(truth) - positives))


def ece(truth: np.ndarray, probability: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal count (Nixon et al. 2019)."""
    order = np.argsort(probability)
    parts = np.array_split(order, bins)
    return float(sum(abs(truth[b].mean() - probability[b].mean()) * len(b) for b in parts if len(b)) / len(truth))


def _models(x: np.ndarray, y: np.ndarray, ridges: Sequence[float]) -> Iterator[LogisticRegression]:
    """The model fitted with each ridge in turn, strongest first: each begins where the one before has ended."""
    model = LogisticRegression(solver="newton-cholesky", tol=1e-4, warm_start=True)
    for ridge in ridges:
        yield model.set_params(C=ridge).fit(x, y)


def _crossfit(x: np.ndarray, y: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(ridges, N) probabilities, each by a model that has not seen the study."""
    out = np.zeros((len(_RIDGES), len(y)))
    for some, rest in StratifiedKFold(min(folds, int(y.sum())), shuffle=True, random_state=seed).split(x, y):
        for row, model in zip(out, _models(x[some], y[some], _RIDGES), strict=True):
            row[rest] = model.predict_proba(x[rest])[:, 1]
    return out


def fit(
    features: np.ndarray,
    positive: np.ndarray,
    folds: int,
    beta: float,
    seed: int,
    least: float = 0.0,
    least_right: float = 0.0,
    stretch: np.ndarray | None = None,
) -> FindingsHead:
    """Fit all labels.

    Args:
        features: (N, F) standardised, out of fold. positive: (N, L) bool, of each label.
        folds: of the cross-fitted probabilities. beta: of the thresholds, see ``expected_f_threshold``.
        least: the lowest threshold there may be. least_right: see ``worthy_threshold``.
        stretch: (L, F) see ``stretches``; by default the first L columns are the labels' own concepts.
    """
    n_labels = positive.shape[1]
    if stretch is None:
        columns = features.shape[1]
        stretch = stretches(("",) * n_labels, [k if k < columns else -1 for k in range(n_labels)], columns, 0)
    weight, bias = np.zeros((n_labels, features.shape[1])), np.zeros(n_labels)
    crossfitted = np.zeros(positive.shape)
    uncertain, certain = np.zeros(n_labels), np.zeros(n_labels)
    for k in trange(n_labels, desc="findings", unit="finding"):
        y = positive[:, k]
        if y.sum() < 2:  # nothing to learn: the prior
            rate = (y.sum() + 0.5) / (len(y) + 1)
            bias[k] = np.log(rate / (1 - rate))
            crossfitted[:, k], uncertain[k], certain[k] = rate, 0.5, 0.5
            continue
        # Half the time of float64; probabilities differ by less than 1e-4.
        x = (features * stretch[k]).astype(np.float32)
        fits = _crossfit(x, y, folds, seed)
        losses = [-np.mean(np.log(np.where(y, p, 1 - p).clip(1e-6))) for p in fits]
        best = int(np.argmin(losses))
        *_, model = _models(x, y, _RIDGES[: best + 1])
        weight[k], bias[k] = model.coef_[0] * stretch[k], model.intercept_[0]
        crossfitted[:, k] = fits[best]
        certain[k] = max(least, expected_f_threshold(fits[best], beta), worthy_threshold(fits[best], least_right))
        uncertain[k] = expected_f_threshold(fits[best], 2 * beta)
    return FindingsHead(weight, bias, np.minimum(uncertain, certain), certain, crossfitted)
