"""What is taught for a study: told by studies that look alike, the best of all that was found that obeys."""

from __future__ import annotations

import numpy as np
import pytest
from few_reports import BIG, CALM, REPORTS, clean

from wetread.report.further import FURTHER
from wetread.train import consensus
from wetread.train.config import DecoderConfig
from wetread.train.likeness import Profile
from wetread.types import LABELS


def test_each_pupil_gets_the_best_that_was_found_for_any_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = np.zeros((12, 14 + len(FURTHER) + 1), int)
    asked[[4, 5, 6, 10], LABELS.index("Cardiomegaly")] = 1
    asked[11, LABELS.index("Fracture")] = 1
    probability = np.where(asked[:, :-1] == 1, 0.9, 0.1)
    found = iter([*[CALM] * 4, BIG, *[CALM] * 5, ["There is a fracture."]])
    profile = Profile(probability, np.zeros((12, 2)))
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
    profile = Profile(np.where(asked[:, :-1] == 1, 0.9, 0.1), np.zeros((10, 2)))
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
