"""Which studies are alike, and what their reports let one expect of another one's."""

from __future__ import annotations

import numpy as np
import pytest

from wetread.train.likeness import Foretold, Likeness, Profile, between


def _profile(*chances: float) -> Profile:
    """Of studies that differ in one finding."""
    probability = np.full((len(chances), 14), 0.1)
    probability[:, 1] = chances
    return Profile(probability, np.zeros((len(chances), 2)))


def test_a_study_does_not_teach_itself() -> None:
    known = _profile(0.1, 0.2, 0.3, 0.8, 0.9)
    (weight,) = Likeness(known, 0.1, 0.0, 0.5).weights(known[np.array([3])], [[3]])
    assert weight[3] == 0
    assert weight.argmax() == 4
    assert weight.sum() == pytest.approx(1)


@pytest.mark.parametrize("left_out", [[], [3], [3, 1], [1, 1]])
def test_what_is_left_out_might_as_well_not_be_known(left_out: list[int]) -> None:
    known, new = _profile(0.1, 0.2, 0.3, 0.8, 0.9), _profile(0.25, 0.7)
    like = Likeness(known, 2.0, 0.0, 0.5)
    kept = np.setdiff1d(np.arange(5), left_out)
    kernel = like.kernel(known)[np.ix_(kept, kept)] + 0.5 * np.eye(len(kept))
    plain = like.kernel(new)[:, kept] @ np.linalg.inv(kernel)  # Rasmussen & Williams 2006, eq. 2.25
    plain += (1 - plain.sum(1, keepdims=True)) / len(kept)  # about the mean
    weight = like.weights(new, [left_out] * 2)
    assert weight[:, kept] == pytest.approx(plain)
    assert weight[:, left_out] == pytest.approx(0)


def test_a_department_is_taught_by_its_own_reports() -> None:
    probability = np.tile(np.linspace(0.1, 0.9, 3)[:, None], (2, 14))
    known = Profile(probability, np.repeat([[0.0, 1.0], [1.0, 0.0]], 3, 0))
    study = known[np.array([1])]
    assert np.isclose(*Likeness(known, 0.5, 0.0, 1.0).weights(study, [[]])[0, [1, 4]])
    like = Likeness(known, 0.5, 0.5, 1.0)
    assert like.kernel(study)[0, [1, 4]] == pytest.approx([1, np.exp(-2)]), "0.5 times a squared distance of 2, by 0.5"
    assert like.weights(study, [[]])[0].argmax() == 1


def test_studies_that_might_be_lie_between_two() -> None:
    known = np.linspace(0.05, 0.95, 12).reshape(6, 2)
    profile = Profile(known, np.arange(6.0)[:, None])
    might, pairs = between(profile, 3, seed=1)
    points = might.probability
    assert points.shape == (18, 2)
    assert pairs[:, 0].tolist() == list(range(6)) * 3
    assert (np.abs(might.department[:, 0] - pairs[:, 0]) <= np.abs(might.department[:, 0] - pairs[:, 1]) + 1e-9).all()
    odds = np.log(points / (1 - points))
    own, other = (np.log(known / (1 - known))[pairs[:, k]] for k in range(2))
    low, high = np.minimum(own, other), np.maximum(own, other)
    assert ((odds >= low - 1e-9) & (odds <= high + 1e-9)).all()
    assert (np.abs(odds - own) <= np.abs(odds - other) + 1e-9).all(), "the first is the nearer one"
    none, empty = between(profile, 0, seed=1)
    assert len(none) == 0
    assert len(profile + might) == 24
    assert empty.shape == (0, 2)


def _worlds(directions: int) -> tuple[Profile, np.ndarray]:
    """Sixty studies, each known twice over, and of a table of as many reports one direction that the findings tell."""
    rng = np.random.default_rng(4)
    chance = rng.uniform(0.05, 0.95, 60)
    told = np.outer(np.log(chance / (1 - chance)), rng.normal(size=directions))
    return _profile(*chance), told


def test_what_is_foretold_of_a_table_that_findings_tell_is_what_it_holds() -> None:
    known, told = _worlds(5)
    foretold = Foretold(known, told, 4.0, 0.0)(known, [[i] for i in range(60)])
    assert ((foretold - told) ** 2).sum() < 0.1 * ((told - told.mean(0)) ** 2).sum()


def test_chance_is_foretold_by_its_mean() -> None:
    known, told = _worlds(5)
    rng = np.random.default_rng(5)
    noise = rng.normal(3.0, 1.0, told.shape)
    own = [[i] for i in range(60)]
    foretold = Foretold(known, noise, 4.0, 0.0)(known, own)
    assert np.abs(foretold - noise.mean(0)).max() < 0.5, "a process for itself would follow the noise"
    free = Likeness(known, 4.0, 0.0, 1.0).weights(known, own) @ noise
    assert ((foretold - 3) ** 2).sum() < 0.5 * ((free - 3) ** 2).sum()


def test_each_direction_has_noise_of_its_own() -> None:
    known, told = _worlds(8)
    rng = np.random.default_rng(6)
    other = rng.normal(size=8)
    other -= (other @ told[0]) / (told[0] @ told[0]) * told[0]
    table = told + np.outer(rng.normal(size=60), other)
    own = [[i] for i in range(60)]
    foretold = Foretold(known, table, 4.0, 0.0)(known, own)
    one = min(
        ((Likeness(known, 4.0, 0.0, noise).weights(known, own) @ table - told) ** 2).sum() for noise in (1, 10, 100)
    )
    assert ((foretold - told - (table - told).mean(0)) ** 2).sum() < 0.5 * one


def test_nothing_to_foretell() -> None:
    known, told = _worlds(5)
    assert Foretold(known, told[:, :0], 4.0, 0.0)(known, [[]] * 60).shape == (60, 0)
