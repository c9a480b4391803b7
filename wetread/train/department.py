"""Learning which department a study comes from, by what its films' texture foretells of the wording of its report.

A ridge regression from the texture (``model.detector.Found``) to the common sentences of the teachers' reports; the
principal components of what it foretells are the coordinates (a reduced-rank regression; Izenman 1975, "Reduced-rank
regression for the multivariate linear model"). A teacher's own come from a fit that has not read the teacher's report.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from wetread.model.department import COORDINATES, coordinates
from wetread.model.findings import CLIP
from wetread.train.features import known_scale

__all__ = ["fit"]

#: Strength of the ridge for each teacher: the reports' CIDEr is best foretold at .5 to 1 (``docs/log.md``, bundle 8).
_RIDGE = 1.0
_FOLDS = 10


def _regression(texture: np.ndarray, wordings: np.ndarray) -> np.ndarray:
    """(2T, W) weights; both are about their means."""
    return np.atleast_2d(Ridge(_RIDGE * len(texture), fit_intercept=False).fit(texture, wordings).coef_).T


def fit(
    texture: np.ndarray, wordings: np.ndarray, teachers: np.ndarray, seed: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The coordinates of all studies, honest for the teachers, and the arrays of ``model.department``.

    Args:
        texture: (N, 2T) of each study, NaN for a projection that it lacks. wordings: (N, W) whether a study's report
            has each sentence, NaN where it has no words. teachers: (N,) bool.

    Returns:
        (N, S) coordinates, of mean square 1 over the teachers, and the arrays of the bundle.
    """
    use = np.flatnonzero(teachers & ~np.isnan(wordings).any(1))
    mean, sd = known_scale(texture[teachers])
    read = np.nan_to_num(np.clip((texture - mean) / sd, -CLIP, CLIP))
    usual = read[use].mean(0)
    read = read - usual
    said = wordings[use]
    said = (said - said.mean(0)) / np.sqrt(said.std(0) + 1e-3)  # rare ones count less than common ones, but not nothing
    foretold = np.zeros_like(said)
    for known, new in KFold(min(_FOLDS, len(use)), shuffle=True, random_state=seed).split(use):
        foretold[new] = read[use[new]] @ _regression(read[use[known]], said[known])
    axes = np.zeros((said.shape[1], COORDINATES))
    strongest = np.linalg.eigh(foretold.T @ foretold)[1][:, ::-1][:, :COORDINATES]
    axes[:, : strongest.shape[1]] = strongest
    axes /= np.sqrt(((foretold @ axes) ** 2).sum(1).mean() + 1e-12)
    weight = _regression(read[use], said) @ axes
    arrays = {"texture_mean": mean, "texture_sd": sd, "texture_axes": weight, "texture_bias": -usual @ weight}
    found = coordinates(texture, arrays)
    found[use] = foretold @ axes
    return found, arrays
