"""What benchmarks call a contradicted sentence and a missed finding."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from wetread.data.manifest import ManifestStudy
from wetread.types import LABELS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def judge() -> ModuleType:
    name = "benchmarks.judge"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / "judge.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


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
def test_a_sentence_is_held_against_the_reference(judge: ModuleType, sentence: str, wrong: bool) -> None:
    reference = judge.Reference.of(
        study("Small left pleural effusion. Normal heart size.", Pleural_Effusion="positive")
    )
    assert bool(judge.contradictions(sentence, reference)) == wrong


def test_an_abnormality_outside_the_labels(judge: ModuleType) -> None:
    normal = judge.Reference.of(study("Normal heart size. Clear lungs.", No_Finding="positive"))
    old = judge.Reference.of(study("Old granuloma.", No_Finding="negative"))
    assert judge.contradictions("Degenerative changes of the spine.", normal)
    assert not judge.contradictions("Degenerative changes of the spine.", old)
    assert judge.missed("The lungs are clear.", old) == ["an abnormality outside the 14 labels"]
    assert judge.missed("Old granuloma.", old) == []


def test_missed_findings(judge: ModuleType) -> None:
    reference = judge.Reference.of(study("Cardiomegaly and a rib fracture.", Cardiomegaly="positive"))
    assert judge.missed("The heart is enlarged.", reference) == ["Fracture"]
