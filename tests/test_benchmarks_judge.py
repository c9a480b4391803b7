"""What benchmarks call a contradicted sentence and a missed finding, what they foretell, and how they fail."""

from __future__ import annotations

from pathlib import Path

import judge
import pytest
import val_table
from command import command

from wetread.data.manifest import ManifestStudy
from wetread.types import LABELS


def study(findings: str, **labels: str) -> ManifestStudy:
    given = {n: labels.get(n.replace(" ", "_")) for n in LABELS}
    return ManifestStudy("s", "val", findings=findings, labels=given)


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("There is a left pleural effusion.", False),
        ("There is a right pleural effusion.", True),
        ("No pleural effusion.", True),
        ("The heart is enlarged.", True),
        ("The heart is normal in size.", False),
        ("Possible pneumonia.", False),
        ("No acute disease.", True),
    ],
)
def test_a_sentence_is_held_against_the_reference(sentence: str, wrong: bool) -> None:
    reference = judge.Reference.of(
        study("Small left pleural effusion. Normal heart size.", Pleural_Effusion="positive")
    )
    assert bool(judge.contradictions(sentence, reference)) == wrong


def test_an_abnormality_outside_the_labels() -> None:
    normal = judge.Reference.of(study("Normal heart size. Clear lungs.", No_Finding="positive"))
    old = judge.Reference.of(study("Old granuloma.", No_Finding="negative"))
    assert judge.contradictions("Degenerative changes of the spine.", normal)
    assert not judge.contradictions("Degenerative changes of the spine.", old)
    assert judge.missed("The lungs are clear.", old) == ["an abnormality outside the 14 labels"]
    assert judge.missed("Old granuloma.", old) == []


def test_missed_findings() -> None:
    reference = judge.Reference.of(study("Cardiomegaly and a rib fracture.", Cardiomegaly="positive"))
    assert judge.missed("The heart is enlarged.", reference) == ["Fracture"]


def test_how_many_distinct_drafts_more_studies_have() -> None:
    distinct_of = val_table.distinct_of
    # One draft met once, one twice: t - t² more.
    assert distinct_of(["a", "a", "b"], 3) == (2, 0)
    assert distinct_of(["a", "a", "b"], 4)[0] == pytest.approx(2 + 1 / 3 - 1 / 9)
    assert distinct_of(["a", "a", "b"], 6) == (2, pytest.approx(2**0.5))
    assert distinct_of(["a"] * 5, 10)[0] == pytest.approx(1 + 1)
    with pytest.raises(ValueError, match="one to two times"):
        distinct_of(["a"], 3)


def test_a_benchmark_says_in_one_sentence_what_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    absent = tmp_path / "findings.npz"
    with pytest.raises(SystemExit) as stopped:
        command(lambda: len(absent.read_bytes()))
    assert stopped.value.code == 3
    with pytest.raises(SystemExit) as stopped:
        command(lambda: len(val_table.read_manifest(tmp_path / "none.jsonl")))
    assert stopped.value.code == 3
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert str(absent) in told[0]
    assert "none.jsonl" in told[1]
