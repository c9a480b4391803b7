"""What is taught for a study: told by studies that look alike, the best of all that was found that obeys."""

from __future__ import annotations

import numpy as np
import pytest
from few_reports import BIG, CALM, REPORTS, clean

from wetread.report.further import FURTHER
from wetread.train import consensus
from wetread.train.config import DecoderConfig
from wetread.types import LABELS


def _profile(*chances: float) -> consensus.Profile:
    """Of studies that differ in one finding."""
    probability = np.full((len(chances), 14), 0.1)
    probability[:, 1] = chances
    return consensus.Profile(probability, np.zeros((len(chances), 2)))


def test_a_study_does_not_teach_itself() -> None:
    known = _profile(0.1, 0.2, 0.3, 0.8, 0.9)
    (weight,) = consensus.Likeness(known, 0.1, 0.0, 0.5).weights(known[np.array([3])], [[3]])
    assert weight[3] == 0
    assert weight.argmax() == 4
    assert weight.sum() == pytest.approx(1)


@pytest.mark.parametrize("left_out", [[], [3], [3, 1], [1, 1]])
def test_what_is_left_out_might_as_well_not_be_known(left_out: list[int]) -> None:
    known, new = _profile(0.1, 0.2, 0.3, 0.8, 0.9), _profile(0.25, 0.7)
    like = consensus.Likeness(known, 2.0, 0.0, 0.5)
    kept = np.setdiff1d(np.arange(5), left_out)
    kernel = like.kernel(known)[np.ix_(kept, kept)] + 0.5 * np.eye(len(kept))
    plain = like.kernel(new)[:, kept] @ np.linalg.inv(kernel)  # Rasmussen & Williams 2006, eq. 2.25
    plain += (1 - plain.sum(1, keepdims=True)) / len(kept)  # about the mean
    weight = like.weights(new, [left_out] * 2)
    assert weight[:, kept] == pytest.approx(plain)
    assert weight[:, left_out] == pytest.approx(0)


def test_a_department_is_taught_by_its_own_reports() -> None:
    probability = np.tile(np.linspace(0.1, 0.9, 3)[:, None], (2, 14))
    known = consensus.Profile(probability, np.repeat([[0.0, 1.0], [1.0, 0.0]], 3, 0))
    study = known[np.array([1])]
    assert np.isclose(*consensus.Likeness(known, 0.5, 0.0, 1.0).weights(study, [[]])[0, [1, 4]])
    like = consensus.Likeness(known, 0.5, 0.5, 1.0)
    assert like.kernel(study)[0, [1, 4]] == pytest.approx([1, np.exp(-2)]), "0.5 times a squared distance of 2, by 0.5"
    assert like.weights(study, [[]])[0].argmax() == 1


def test_studies_that_might_be_lie_between_two() -> None:
    known = np.linspace(0.05, 0.95, 12).reshape(6, 2)
    profile = consensus.Profile(known, np.arange(6.0)[:, None])
    might, pairs = consensus.between(profile, 3, seed=1)
    points = might.probability
    assert points.shape == (18, 2)
    assert pairs[:, 0].tolist() == list(range(6)) * 3
    assert (np.abs(might.department[:, 0] - pairs[:, 0]) <= np.abs(might.department[:, 0] - pairs[:, 1]) + 1e-9).all()
    odds = np.log(points / (1 - points))
    own, other = (np.log(known / (1 - known))[pairs[:, k]] for k in range(2))
    low, high = np.minimum(own, other), np.maximum(own, other)
    assert ((odds >= low - 1e-9) & (odds <= high + 1e-9)).all()
    assert (np.abs(odds - own) <= np.abs(odds - other) + 1e-9).all(), "the first is the nearer one"
    none, empty = consensus.between(profile, 0, seed=1)
    assert len(none) == 0
    assert len(profile + might) == 24
    assert empty.shape == (0, 2)


def test_each_pupil_gets_the_best_that_was_found_for_any_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = np.zeros((12, 14 + len(FURTHER) + 1), int)
    asked[[4, 5, 6, 10], LABELS.index("Cardiomegaly")] = 1
    asked[11, LABELS.index("Fracture")] = 1
    probability = np.where(asked[:, :-1] == 1, 0.9, 0.1)
    found = iter([*[CALM] * 4, BIG, *[CALM] * 5, ["There is a fracture."]])
    profile = consensus.Profile(probability, np.zeros((12, 2)))
    monkeypatch.setattr(consensus, "_SAMPLE", 4)
    monkeypatch.setattr(consensus, "_AT_ONCE", 5)
    monkeypatch.setattr(consensus, "beginnings", lambda *_: ((0, 1), (2,)))

    def one(*args: object) -> list[str]:
        assert args[-1] == ((0, 1), (2,)), "every search begins with what was found first"
        return next(found)

    monkeypatch.setattr(consensus, "assemble", one)
    taught = consensus.agree(
        profile[np.arange(10)],
        consensus.Pupils.of([*[[i] for i in range(10)], [4, 0], [9, 0]], profile, asked),
        [(r, ["No acute disease."]) for r in REPORTS],
        ([clean(" ".join(r)) for r in REPORTS], [clean("No acute disease.")] * 10),
        clean,
        DecoderConfig(consensus_often=2),
    )
    expected = [*[CALM] * 4, *[BIG] * 3, *[CALM] * 3, BIG, ["There is a fracture."]]
    assert [findings for findings, _ in taught] == expected, "ten were searched, and one for which none was found"


@pytest.mark.parametrize("workers", [1, 2])
def test_agreement_obeys_the_commands_in_both_sections(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consensus, "_SAMPLE", 4)
    impressions = [["No acute disease."]] * 4 + [["Cardiomegaly."]] * 3 + [["Pleural effusion."]] * 3
    asked = np.zeros((10, 14 + len(FURTHER) + 1), int)
    asked[4:7, LABELS.index("Cardiomegaly")] = 1
    asked[7:, LABELS.index("Pleural Effusion")] = 1
    profile = consensus.Profile(np.where(asked[:, :-1] == 1, 0.9, 0.1), np.zeros((10, 2)))
    taught = consensus.agree(
        profile,
        consensus.Pupils.of([[i] for i in range(10)], profile, asked),
        list(zip(REPORTS, impressions, strict=True)),
        ([clean(" ".join(r)) for r in REPORTS], [clean(" ".join(r)) for r in impressions]),
        clean,
        DecoderConfig(consensus_often=2, consensus_width=0.2, consensus_noise=0.1),
        workers,
    )
    assert taught[0] == (CALM, ["No acute disease."])
    assert taught[5] == (BIG, ["Cardiomegaly."])
    assert taught[9][1] == ["Pleural effusion."]
