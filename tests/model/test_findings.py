from __future__ import annotations

import numpy as np

from wetread.model.findings import LEAST_UNCERTAIN, findings_of, triage_of
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
