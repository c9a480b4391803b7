from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from wetread.image.thorax import Frame
from wetread.model.zones import ZONES, zone_chances, zone_means
from wetread.types import LABELS

pytest.importorskip("sklearn")

from wetread.train.zones import ZoneStatement, fit, zone_statements

OPACITY = LABELS.index("Lung Opacity")


def film(row: int, concepts: int = 5) -> np.ndarray:
    """(C, 14, 14) maps of noise, in which concept 2 is high in one row of cells."""
    maps = np.random.default_rng(row).normal(size=(concepts, 14, 14)).astype(np.float32)
    maps[2, row] += 4
    return maps


def test_the_named_zone_is_learned_from_what_differs_there() -> None:
    rows = {0: 3, 1: 5, 2: 9}  # a row of cells in each zone
    means = np.stack([zone_means(film(rows[i % 3]), Frame()) for i in range(60)])
    arrays = fit(means, [ZoneStatement(i, OPACITY, i % 3) for i in range(60)])
    for zone, row in rows.items():
        chances = zone_chances(zone_means(film(row), Frame()), arrays)
        assert chances is not None
        assert chances.shape == (len(LABELS), len(ZONES))
        assert chances.sum(1) == pytest.approx(np.ones(len(LABELS)))
        assert chances[OPACITY].argmax() == zone


def test_a_zone_that_is_named_more_often_is_not_preferred() -> None:
    means = np.zeros((40, 3, 5), np.float32)
    told = [ZoneStatement(i, OPACITY, 2 if i else 0) for i in range(40)]
    chances = zone_chances(means[0], fit(means, told))
    assert chances is not None
    assert chances[OPACITY, 0] == pytest.approx(chances[OPACITY, 2], abs=0.05)


def test_nothing_told_gives_even_chances() -> None:
    chances = zone_chances(np.ones((3, 5), np.float32), fit(np.ones((4, 3, 5), np.float32), []))
    assert chances == pytest.approx(np.full((len(LABELS), 3), 1 / 3))


def test_statements_are_positive_and_placed() -> None:
    row = SimpleNamespace(
        findings="Opacity in the right upper lobe. No effusion at the left base.", impression="Bibasilar atelectasis."
    )
    told = zone_statements([row])
    assert {(LABELS[t.label], ZONES[t.zone]) for t in told} == {("Lung Opacity", "upper"), ("Atelectasis", "lower")}
