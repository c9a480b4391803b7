"""Learning which department a study comes from, by what its films' texture foretells of the wording of its report.

A ridge regression from the texture (``model.detector.Found``) to the common sentences of the teachers' reports; the
principal components of what it foretells are the coordinates (a reduced-rank regression; Izenman 1975, "Reduced-rank
regression for the multivariate linear model"). A teacher's own come from a fit that has not read the teacher's report.

Texture is also what changes when a film is exported otherwise (``films.exported``). So the same coordinates are
foretold once more, by a ridge that reads each teacher's films as they are and as they might have been exported: what an
export changes weighs little in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from wetread.model.department import COORDINATES, apart, coordinates, settled
from wetread.model.findings import CLIP
from wetread.train.features import known_scale

__all__ = ["fit"]

#: Strength of the ridge for each teacher: the reports' CIDEr is best foretold at .5 to 1 (``docs/log.md``, bundle 8).
_RIDGE = 1.0
_FOLDS = 10
#: Share of the teachers, films as they are, for which both coordinates lie no farther apart than is believed.
_AS_THEY_ARE = 0.95


def _regression(read: Sequence[np.ndarray], said: np.ndarray) -> np.ndarray:
    """(2T, W) weights from (N, 2T) of films as they are and, all together as much, as they were exported otherwise.

    ``said`` (N, W); all are about the means of films as they are.
    """
    each = [1.0, *(1 / (len(read) - 1) for _ in read[1:])]
    weight = np.repeat(each, len(said)) / sum(each)
    ridge = Ridge(_RIDGE * len(said), fit_intercept=False)
    return np.atleast_2d(ridge.fit(np.concatenate(read), np.tile(said, (len(read), 1)), weight).coef_).T


def _out_of_fold(read: Sequence[np.ndarray], said: np.ndarray, seed: int) -> np.ndarray:
    """(N, W) what films as they are foretell, by regressions that have not read the study."""
    foretold = np.zeros_like(said)
    for known, new in KFold(min(_FOLDS, len(said)), shuffle=True, random_state=seed).split(said):
        foretold[new] = read[0][new] @ _regression([part[known] for part in read], said[known])
    return foretold


def _of_square_one(axes: np.ndarray, foretold: np.ndarray) -> np.ndarray:
    """The axes (W, S), so scaled that what is foretold (N, W) has coordinates of mean square 1."""
    return axes / np.sqrt(((foretold @ axes) ** 2).sum(1).mean() + 1e-12)


def fit(
    texture: np.ndarray,
    wordings: np.ndarray,
    teachers: np.ndarray,
    seed: int,
    exported: Sequence[np.ndarray] = (),
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The coordinates of all studies, honest for the teachers, and the arrays of ``model.department``.

    Args:
        texture: (N, 2T) of each study, NaN for a projection that it lacks. wordings: (N, W) whether a study's report
            has each sentence, NaN where it has no words. teachers: (N,) bool.
        exported: (N, 2T) each, of the teachers' films as they might have been exported.

    Returns:
        (N, S) coordinates, of mean square 1 over the teachers, and the arrays of the bundle.
    """
    use = np.flatnonzero(teachers & ~np.isnan(wordings).any(1))
    mean, sd = known_scale(texture[teachers])

    def scaled(values: np.ndarray) -> np.ndarray:
        return np.nan_to_num(np.clip((values - mean) / sd, -CLIP, CLIP))

    usual = scaled(texture[use]).mean(0)
    read = scaled(texture) - usual
    known = [read[use], *(scaled(values[use]) - usual for values in exported)]
    said = wordings[use]
    said = (said - said.mean(0)) / np.sqrt(said.std(0) + 1e-3)  # rare ones count less than common ones, but not nothing
    foretold = _out_of_fold(known[:1], said, seed)
    axes = np.zeros((said.shape[1], COORDINATES))
    strongest = np.linalg.eigh(foretold.T @ foretold)[1][:, ::-1][:, :COORDINATES]
    axes[:, : strongest.shape[1]] = strongest
    axes = _of_square_one(axes, foretold)
    weight = _regression(known[:1], said) @ axes
    arrays = {"texture_mean": mean, "texture_sd": sd, "texture_axes": weight, "texture_bias": -usual @ weight}
    own = foretold @ axes
    if exported:
        foretold = _out_of_fold(known, said, seed)
        axes = _of_square_one(axes, foretold)
        weight, kept = _regression(known, said) @ axes, foretold @ axes
        least = float(np.quantile(apart(own, kept), _AS_THEY_ARE))
        arrays |= {"kept_axes": weight, "kept_bias": -usual @ weight, "kept_from": np.array([least])}
        own = settled(own, kept, least)
    found = coordinates(texture, arrays)
    found[use] = own
    return found, arrays
