"""Scores of others: what is missing is said, and what they answer arrives."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from wetread.metrics.adapters import ADAPTERS, CheXbert, make_adapter
from wetread.metrics.measure import MetricUnavailable

REFERENCES, HYPOTHESES = ["a b", "c"], ["a b", ""]


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_absent_package_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    adapter = make_adapter(name)
    with pytest.raises(MetricUnavailable, match=f"{adapter.name} needs the package {adapter.package}"):
        adapter.score(REFERENCES, HYPOTHESES)


def test_absent_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda package: object())
    monkeypatch.delenv("WETREAD_CHEXBERT", raising=False)
    assert "WETREAD_CHEXBERT" in (CheXbert().missing() or "")
    monkeypatch.setenv("WETREAD_CHEXBERT", str(tmp_path))
    with pytest.raises(MetricUnavailable, match=r"lacks chexbert\.pth, vocab\.txt"):
        CheXbert().states(["x"])


def _install(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    module = ModuleType(name)
    module.__dict__.update(members)
    module.__spec__ = object()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, name, module)


def test_values_arrive_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    class F1RadGraph:
        def __init__(self, reward_level: str, model_type: str) -> None:
            assert reward_level == "all"

        def __call__(self, refs: list[str], hyps: list[str]) -> Any:
            assert (refs, hyps) == (["a b"], ["a b"])  # the pair with an empty text is kept back
            return None, ([0.5], [0.4], [0.3]), None, None

    _install(monkeypatch, "radgraph", F1RadGraph=F1RadGraph)
    scores = make_adapter("RadGraph").score(REFERENCES, HYPOTHESES)
    assert {name: values.tolist() for name, values in scores.items()} == {
        "RadGraph-simple": [0.5, 0.0],
        "RadGraph-partial": [0.4, 0.0],
        "RadGraph-complete": [0.3, 0.0],
    }
    _install(monkeypatch, "bert_score", score=lambda c, r, **_: (None, None, np.array([1.0, 0.25])))
    assert make_adapter("bertscore").score(REFERENCES, HYPOTHESES)["BERTScore"].tolist() == [1.0, 0.25]


def test_a_failing_package_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the hub cannot be reached")

    _install(monkeypatch, "bert_score", score=fail)
    with pytest.raises(MetricUnavailable, match=r"BERTScore failed: OSError: the hub cannot be reached"):
        make_adapter("BERTScore").score(REFERENCES, HYPOTHESES)


def test_unknown_name() -> None:
    with pytest.raises(MetricUnavailable, match="none of CheXbert, RadGraph"):
        make_adapter("rouge")


def test_chexbert_reads_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for BERT: weights are found under the checkpoint's names, classes become our states."""
    torch = pytest.importorskip("torch")

    class BertModel(torch.nn.Module):
        def __init__(self, config: Any) -> None:
            super().__init__()

        def forward(self, lengths: Any) -> Any:
            hidden = torch.zeros(len(lengths), 2, 768)
            hidden[:, 0, 0] = lengths  # all that the heads see is the length of the text
            return type("Output", (), {"last_hidden_state": hidden})

    class BertTokenizer:
        def __init__(self, vocabulary: str, do_lower_case: bool) -> None:
            assert Path(vocabulary).name == "vocab.txt"

        def __call__(self, texts: list[str], **_: Any) -> dict[str, Any]:
            return {"lengths": torch.tensor([float(len(text)) for text in texts])}

    _install(monkeypatch, "transformers", BertModel=BertModel, BertTokenizer=BertTokenizer, BertConfig=lambda: None)
    weights = {}
    for k in range(14):
        classes = 2 if k == 13 else 4
        weights[f"module.linear_heads.{k}.weight"] = torch.zeros(classes, 768)
        weights[f"module.linear_heads.{k}.bias"] = torch.zeros(classes)
    weights["module.linear_heads.0.weight"][3, 0] = 1.0  # uncertain, wherever there is a text
    weights["module.linear_heads.13.weight"][1, 0] = 1.0  # positive
    torch.save({"model_state_dict": weights}, tmp_path / "chexbert.pth")
    (tmp_path / "vocab.txt").write_text("[PAD]\n", encoding="utf-8")
    monkeypatch.setenv("WETREAD_CHEXBERT", str(tmp_path))
    states = CheXbert().states([" a  b\n", ""])
    assert states[:, [0, 1, 13]].tolist() == [[-1, 2, 1], [2, 2, 2]]
    assert make_adapter("chexbert").score(["a"], ["a"])["CheXbert-agreement"].tolist() == [1.0]
