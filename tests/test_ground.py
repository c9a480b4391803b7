from __future__ import annotations

import numpy as np
import pytest

from wetread.ground import box_of, evidence_of, heat_map, labels_of_sentence
from wetread.types import LABELS, View


def peak(row: int, column: int, size: int = 14) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return 6 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 4)


ATLAS = {f"atlas_{side}": np.ones((len(LABELS), 14, 14)) for side in ("frontal", "lateral")}


def test_a_statement_was_seen_and_a_denial_searched() -> None:
    assert labels_of_sentence("There is a small left pleural effusion.") == (("Pleural Effusion",), "seen")
    labels, kind = labels_of_sentence("No pneumothorax or pleural effusion.")
    assert kind == "searched"
    assert set(labels) == {"Pneumothorax", "Pleural Effusion"}


@pytest.mark.parametrize(("row", "column"), [(3, 3), (7, 10), (12, 2)])
def test_the_box_is_where_the_map_peaks(row: int, column: int) -> None:
    heat = heat_map(peak(row, column), np.ones((14, 14)), "seen")
    x0, y0, x1, y1 = box_of(heat, 1400, 700)
    assert x0 <= (column + 0.5) * 50 <= x1
    assert y0 <= (row + 0.5) * 100 <= y1
    assert (x1 - x0) * (y1 - y0) < 0.25 * 1400 * 700


def test_the_box_moves_with_the_map() -> None:
    before = box_of(heat_map(peak(5, 5), np.ones((14, 14)), "seen"), 140, 140)
    after = box_of(heat_map(peak(5, 7), np.ones((14, 14)), "seen"), 140, 140)
    assert after[0] - before[0] == pytest.approx(20, abs=2)
    assert after[1] == before[1]


def test_a_flat_map_gives_a_box_inside_the_view() -> None:
    assert box_of(np.ones((14, 14)), 30, 20) == (0, 0, 20, 30)


def test_every_sentence_has_evidence_on_every_view() -> None:
    views = [View("a.png", np.zeros((50, 40), np.float32)), View("b.png", np.zeros((40, 50), np.float32))]
    maps = np.random.default_rng(0).normal(size=(2, len(LABELS), 14, 14))
    for text in ("The heart is enlarged.", "No acute disease.", "Degenerative changes of the spine.", "Hello."):
        labels, evidence, heat = evidence_of(text, views, maps, np.array([False, True]), ATLAS)
        assert set(labels) <= set(LABELS)
        assert [e.view for e in evidence] == [0, 1]
        for e, view in zip(evidence, views):
            x0, y0, x1, y1 = e.box
            assert 0 <= x0 < x1 <= view.columns
            assert 0 <= y0 < y1 <= view.rows
        assert all(h.resized(50, 40).max() <= 1 for h in heat)
