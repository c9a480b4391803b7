"""What tells studies apart, and what is foretold of a study by the reports of those that look alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

__all__ = ["Foretold", "Likeness", "Profile", "between"]

#: How much of what a direction of a table holds may be chance, beside what is foretold of it (``Foretold``).
_NOISES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


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


class Foretold:
    """What each of many reports (P) is expected to be worth to a study, told by a table of known studies (N, P).

    Of some directions of the table (its singular vectors) films tell much, of most next to nothing, where one process
    for all would take chance for a hint. So each is foretold with the noise by which the known studies, each left out,
    are foretold best, and by the mean alone where none does better.
    """

    def __init__(self, known: Profile, table: np.ndarray, width: float, department: float) -> None:
        self._usual = table.mean(0)
        left, strength, directions = np.linalg.svd(table - self._usual, full_matrices=False)
        along = left * strength
        own = np.arange(len(known))[:, None].tolist()
        least = (along**2).sum(0)
        noise = np.full(len(least), math.inf)
        processes = {value: Likeness(known, width, department, value) for value in _NOISES}
        for value, process in processes.items():
            missed = ((along - process.weights(known, own).astype(along.dtype) @ along) ** 2).sum(0)
            noise[missed < least] = value
            least = np.minimum(least, missed)
        self._parts = [
            (process, along[:, noise == value], directions[noise == value])
            for value, process in processes.items()
            if (noise == value).any()
        ]

    def __call__(self, studies: Profile, without: Sequence[Sequence[int]]) -> np.ndarray:
        """(M, P) for studies (M); without: of each, the known ones as whose worth nothing is known."""
        worth = np.tile(self._usual, (len(studies), 1))
        for process, along, directions in self._parts:
            worth += process.weights(studies, without).astype(along.dtype) @ along @ directions
        return worth
