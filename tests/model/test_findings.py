from __future__ import annotations

import numpy as np
import pytest

from wetread.model.findings import LEAST_UNCERTAIN, findings_of, further_of, told_of, triage_of
from wetread.report.further import FURTHER, KINDS
from wetread.types import LABELS


def test_what_is_hardly_probable_is_not_uncertain() -> None:
    arrays = {"uncertain_from": np.full(14, 0.01), "positive_from": np.full(14, 0.3)}
    probability = np.zeros(14)
    probability[:3] = 0.02, LEAST_UNCERTAIN, 0.3
    found = list(findings_of(probability, arrays).values())
    assert [f.state for f in found[:4]] == ["negative", "uncertain", "positive", "negative"]
    assert all(f.uncertain_from == LEAST_UNCERTAIN for f in found)


def test_the_floor_never_passes_the_positive_threshold() -> None:
    arrays = {"uncertain_from": np.full(14, 0.01), "positive_from": np.full(14, 0.03)}
    probability = np.zeros(14)
    probability[0] = 0.04
    found = findings_of(probability, arrays)
    assert found[LABELS[0]].state == "positive"
    assert all(f.uncertain_from <= f.positive_from for f in found.values())


def test_a_study_may_wait_only_below_the_threshold_of_its_bundle() -> None:
    arrays = {"positive_from": np.full(len(LABELS), 0.5), "uncertain_from": np.full(len(LABELS), 0.3)}
    probability = np.full(len(LABELS), 0.1)
    probability[LABELS.index("No Finding")] = 0.8
    labels = findings_of(probability, arrays)
    assert triage_of(labels, arrays) is None
    waits, first = (triage_of(labels, {**arrays, "look_from": np.array([limit])}) for limit in (0.25, 0.15))
    assert waits is not None
    assert first is not None
    assert (waits.state, first.state) == ("normal", "look first")
    assert np.isclose(waits.score, 0.2)


def test_further_findings_are_told_from_their_own_thresholds() -> None:
    weight, bias = np.zeros((len(FURTHER), 2)), np.full(len(FURTHER), -9.0)
    weight[0, 0], weight[1, 1], bias[:2] = 1, 1, 0
    arrays = {"further_weight": weight, "further_bias": bias, "further_from": np.full(len(FURTHER), 0.4)}
    chance = further_of(np.array([2.0, -2.0]), arrays)
    assert chance[0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert told_of(chance, arrays, True) == {FURTHER[0]} == {"hyperexpansion"}
    both = np.array([{"hyperexpansion": 0.5, "low lung volumes": 0.9, "sternal wires": 0.9}.get(n, 0) for n in FURTHER])
    assert told_of(both, arrays, True) == {"low lung volumes", "sternal wires"}, "the likelier of two"
    assert told_of(0 * both, arrays, True) == frozenset()
    every = np.full(len(FURTHER), 0.9)
    assert told_of(every, arrays, True) == (told_of(every, arrays, False) or set()) | KINDS, "kinds of a stated device"


def test_a_bundle_without_further_findings_cannot_tell() -> None:
    assert further_of(np.zeros((4, 2)), {}).shape == (4, 0)
    assert told_of(further_of(np.zeros(2), {}), {}, True) is None
