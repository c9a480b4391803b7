"""Intervals that cover and tests that tell."""

from __future__ import annotations

import numpy as np
import pytest

from wetread.metrics import significance
from wetread.metrics.measure import mean_measure
from wetread.metrics.significance import bootstrap_intervals, paired_tests


def _measure(values: np.ndarray, name: str = "x"):
    return {name: mean_measure(name, values)}


def test_interval_of_a_mean() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.1, 400)
    low, high = bootstrap_intervals(_measure(values))["x"]
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.002)
    assert high == pytest.approx(values.mean() + half, abs=0.002)
    assert bootstrap_intervals(_measure(values)) == bootstrap_intervals(_measure(values))
    assert bootstrap_intervals({}) == {}


def test_groups_stand_for_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).normal(0.5, 0.1, 3000)
    alone = bootstrap_intervals(_measure(values))["x"]
    monkeypatch.setattr(significance, "BLOCKS", 500)
    assert bootstrap_intervals(_measure(values))["x"] == pytest.approx(alone, abs=0.002)
    assert paired_tests(_measure(values), _measure(values + 0.01))["x"].p < 0.01


def test_reports_without_a_score_do_not_count() -> None:
    values = np.array([1.0, np.nan, 0.0, np.nan])
    assert mean_measure("x", values).value == 0.5


def test_paired_test() -> None:
    draw = np.random.default_rng(3)
    mine = draw.normal(0.5, 0.1, 200)
    noise = paired_tests(_measure(mine), _measure(draw.permutation(mine)))["x"]
    assert noise.difference == pytest.approx(0.0)
    assert noise.p > 0.9
    better = paired_tests(_measure(mine + 0.05), _measure(mine))["x"]
    assert better.difference == pytest.approx(0.05)
    assert better.p == pytest.approx(1 / 2001)
    assert paired_tests(_measure(mine), _measure(mine, "y")) == {}
