"""Scores from labels, by hand and by the file format of CheXbert."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wetread.errors import InputError
from wetread.metrics.clinical import (
    clinical_measures,
    encode_states,
    label_texts,
    normality_measure,
    per_label,
    read_label_csv,
)
from wetread.types import LABELS

REFERENCE = [{"Edema": "positive"}, {"Edema": "positive", "Fracture": "positive"}, {"No Finding": "positive"}, {}]
HYPOTHESIS = [
    {"Edema": "positive"},
    {"Edema": "uncertain", "Fracture": "negative"},
    {"No Finding": "positive", "Edema": "positive"},
    {},
]


def test_scores_by_hand() -> None:
    measures = clinical_measures(encode_states(REFERENCE), encode_states(HYPOTHESIS))
    # Edema: 1 right, 1 too many, 1 missed → 1/2; Fracture 0; No Finding 1.
    assert measures["macro-14"].value == pytest.approx((0.5 + 0.0 + 1.0) / 14)
    assert measures["micro-14"].value == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    assert measures["macro-5"].value == pytest.approx(0.5 / 5)
    assert measures["micro-5"].value == pytest.approx(0.5)
    assert "macro-10+" not in measures  # no label has ten positives
    assert measures["micro-14"].per_report[:3] == pytest.approx([1.0, 0.0, 2 / 3])
    assert np.isnan(measures["micro-14"].per_report[3])


def test_uncertain_as_positive() -> None:
    measures = clinical_measures(encode_states(REFERENCE), encode_states(HYPOTHESIS), uncertain_as_positive=True)
    assert measures["micro-5"].value == pytest.approx(2 * 2 / (2 * 2 + 1))


def test_always_no_finding_is_found_out() -> None:
    reference = encode_states([{"No Finding": "positive"}] * 6 + [{"Cardiomegaly": "positive"}] * 4)
    always = encode_states([{"No Finding": "positive"}] * 10)
    measures = clinical_measures(reference, always)
    assert measures["micro-14"].value == pytest.approx(0.6)
    assert measures["macro-14"].value < 0.06
    assert measures["micro-5"].value == 0.0


def test_macro_over_frequent_labels() -> None:
    reference = encode_states([{"Edema": "positive"}] * 10 + [{"Fracture": "positive"}])
    measures = clinical_measures(reference, encode_states([{"Edema": "positive"}] * 11))
    assert measures["macro-10+"].value == pytest.approx(20 / 21)


def test_agrees_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(0)
    ref, hyp = (draw.choice([1, 0, -1, 2], size=(80, 14)).astype(np.int8) for _ in range(2))
    measures = clinical_measures(ref, hyp)
    for average in ("macro", "micro"):
        expected = metrics.f1_score(ref == 1, hyp == 1, average=average, zero_division=0)
        assert measures[f"{average}-14"].value == pytest.approx(expected)


def test_per_label_counts() -> None:
    row = per_label(encode_states(REFERENCE), encode_states(HYPOTHESIS))["Edema"]
    assert row == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "reference": 2, "hypothesis": 2, "both": 1}


def test_normal_or_not() -> None:
    measure = normality_measure(encode_states(REFERENCE), encode_states(HYPOTHESIS))
    assert measure.value == 1.0
    assert normality_measure(encode_states(REFERENCE), encode_states([{}] * 4)).value == 0.75


def test_texts_are_labelled_once() -> None:
    calls: list[str] = []

    def labeler(text: str) -> dict[str, str | None]:
        calls.append(text)
        return {"Edema": "positive"} if text else {}

    states = label_texts(["wet", "", "wet"], labeler)
    assert calls == ["wet", ""]
    assert (states[:, LABELS.index("Edema")] == [1, 2, 1]).all()
    ours = label_texts(["There is a large right pleural effusion."])
    assert ours[0, LABELS.index("Pleural Effusion")] == 1


def test_label_table(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    head = ",".join(["Id", *LABELS])
    path.write_text(f"{head}\na,1,0,-1,{',' * 10}\nb,1.0,,,{',' * 10}\n", encoding="utf-8")
    ids, states = read_label_csv(path)
    assert ids == ["a", "b"]
    assert states[:, :4].tolist() == [[1, 0, -1, 2], [1, 2, 2, 2]]
    for text, reason in (
        (f"{head}\na,2{',' * 13}\n", "none of 1, 0, -1"),
        (f"{head}\na{',' * 14}\na{',' * 14}\n", "twice"),
        ("Id,Edema\na,1\n", "lacks Enlarged Cardiomediastinum"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=reason):
            read_label_csv(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_label_csv(tmp_path / "absent.csv")
