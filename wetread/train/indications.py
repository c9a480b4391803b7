"""Learning what the words of an indication add to the findings of the films (``model.indication``).

One ridge regression a finding, logistic, with the log-odds of the films, cross-fitted, as its offset; the ridge is
chosen by cross-validated likelihood, and a finding for which no ridge is better than the films alone keeps these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.model_selection import StratifiedKFold

from wetread.model.indication import words_of

__all__ = ["Indications", "fit"]

_RIDGES = (100.0, 30.0, 10.0, 5.0)
#: The heading is no word of the text.
_NONE = ENGLISH_STOP_WORDS | {"indication", "indications"}


@dataclass(frozen=True)
class Indications:
    """``words`` (W), ``weight`` (F, W), ``mean`` (W,); ``crossfitted`` (N, F) the teachers' probabilities with them."""

    words: tuple[str, ...]
    weight: np.ndarray
    mean: np.ndarray
    crossfitted: np.ndarray


def fit(
    texts: Sequence[str | None], positive: np.ndarray, probability: np.ndarray, least: int, folds: int, seed: int
) -> Indications:
    """Fit all findings.

    Args:
        texts: the teachers' indications. positive: (N, F) bool. probability: (N, F) by the films, cross-fitted.
        least: so many indications have a word that is read. folds: of the cross-fitted probabilities.
    """
    said = [words_of(text) for text in texts]
    counted = Counter(word for own in said for word in own)
    words = tuple(sorted(word for word, n in counted.items() if n >= least and word not in _NONE))
    present = np.array([[word in own for word in words] for own in said], float).reshape(len(said), len(words))
    known = np.any(present, axis=1)
    mean = present[known].mean(0) if np.any(known) else np.zeros(len(words))
    x = np.where(known[:, None], present - mean, 0.0)
    films = logit(np.clip(probability, 1e-6, 1 - 1e-6))
    weight, crossfitted = np.zeros((positive.shape[1], len(words))), probability.copy()
    for k in range(positive.shape[1]):
        y = positive[:, k]
        if y.sum() < folds or not len(words):
            continue
        fits = [probability[:, k], *(_crossfit(x, y, films[:, k], ridge, folds, seed) for ridge in _RIDGES)]
        best = int(np.argmin([_loss(p, y) for p in fits]))
        if best:
            weight[k], crossfitted[:, k] = _ridge(x, y, films[:, k], _RIDGES[best - 1]), fits[best]
    return Indications(words, weight, mean, crossfitted)


def _loss(p: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(np.where(y, p, 1 - p).clip(1e-6)).mean())


def _crossfit(x: np.ndarray, y: np.ndarray, offset: np.ndarray, ridge: float, folds: int, seed: int) -> np.ndarray:
    out = np.zeros(len(y))
    for some, rest in StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, y):
        out[rest] = expit(offset[rest] + x[rest] @ _ridge(x[some], y[some], offset[some], ridge))
    return out


def _ridge(x: np.ndarray, y: np.ndarray, offset: np.ndarray, ridge: float) -> np.ndarray:
    """(W,) the weights of a logistic regression with an offset."""

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ w + offset
        value = np.logaddexp(0, z).sum() - z[y].sum() + ridge / 2 * (w @ w)
        return float(value), x.T @ (expit(z) - y) + ridge * w

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
