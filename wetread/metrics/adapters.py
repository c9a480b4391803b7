"""Scores of others, behind one small interface: they run where the user has the package and the weights.

None of them is needed, none is installed by us, and none is ever replaced by a zero: what is missing is said. Models
are looked for in the folder that the named environment variable gives; nothing is downloaded by us.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from wetread.metrics.measure import MetricUnavailable
from wetread.types import LABELS

__all__ = ["ADAPTERS", "Adapter", "CheXbert", "make_adapter"]


class Adapter(ABC):
    """A metric that another package computes.

    Attributes:
        name: as asked for with ``--with``.
        package: what is imported.
        install: how to get it.
        environment: names the folder of its weights; empty where the package finds them itself.
    """

    name: str
    package: str
    install: str
    environment: str = ""
    files: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """What is not here and how to get it, in one sentence; None where it can run."""
        try:
            present = importlib.util.find_spec(self.package) is not None
        except (ImportError, ValueError):
            present = False
        if not present:
            return f"{self.name} needs the package {self.package}: {self.install}"
        if not self.environment:
            return None
        folder = os.environ.get(self.environment)
        if not folder:
            return f"{self.name} needs its weights: name their folder in {self.environment} ({', '.join(self.files)})"
        absent = [name for name in self.files if not (Path(folder) / name).exists()]
        return f"{self.name} lacks {', '.join(absent)} in {folder}" if absent else None

    def score(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, np.ndarray]:
        """Name → (n,) value of each report.

        Raises:
            MetricUnavailable: something is missing, or the package failed.
        """
        missing = self.missing()
        if missing:
            raise MetricUnavailable(missing)
        try:
            return self._score(references, hypotheses)
        except Exception as error:  # whatever the other package raises is its user's to know, not our crash
            reason = " ".join(str(error).split())[:200]
            raise MetricUnavailable(f"{self.name} failed: {type(error).__name__}: {reason}") from error

    @abstractmethod
    def _score(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, np.ndarray]: ...

    def _import(self) -> Any:
        return importlib.import_module(self.package)


class BertScore(Adapter):
    """BERTScore (Zhang et al. 2020) with the settings of CXR-Report-Metric: distilroberta-base, rescaled."""

    name = "BERTScore"
    package = "bert_score"
    install = "pip install 'wetread[scores]' (it downloads distilroberta-base when first used)"

    def _score(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, np.ndarray]:
        _, _, f1 = self._import().score(
            list(hypotheses),
            list(references),
            model_type="distilroberta-base",
            num_layers=5,
            lang="en",
            rescale_with_baseline=True,
        )
        return {"BERTScore": np.asarray(f1, dtype=np.float64)}


class RadGraph(Adapter):
    """RadGraph F1 (Jain et al. 2021; Delbrouck et al. 2022): entities; entities and relations; complete."""

    name = "RadGraph"
    package = "radgraph"
    install = "pip install 'wetread[scores]' (it downloads its model when first used)"

    def _score(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, np.ndarray]:
        scorer = self._import().F1RadGraph(reward_level="all", model_type="radgraph-xl")
        # The package drops pairs in which either text is empty; they score 0 here.
        kept = [k for k, (r, h) in enumerate(zip(references, hypotheses)) if r.strip() and h.strip()]
        _, rewards, _, _ = scorer(refs=[references[k] for k in kept], hyps=[hypotheses[k] for k in kept])
        values = {}
        for level, reward in zip(("simple", "partial", "complete"), rewards):
            column = np.zeros(len(references))
            column[kept] = reward
            values[f"RadGraph-{level}"] = column
        return values


class RaTEScore(Adapter):
    """RaTEScore (Zhao et al. 2024): entities matched by embedding."""

    name = "RaTEScore"
    package = "RaTEScore"
    install = "pip install RaTEScore (it downloads its models when first used)"

    def _score(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, np.ndarray]:
        scorer = self._import().RaTEScore()
        return {"RaTEScore": np.asarray(scorer.compute_score(list(hypotheses), list(references)), dtype=np.float64)}


class Green(Adapter):
    """GREEN (Ostmeier et al. 2024): errors counted by a language model of 7 billion parameters."""

    name = "GREEN"
    package = "green_score"
    install = "install Stanford-AIMI/GREEN from its repository (it wants a GPU), the weights in WETREAD_GREEN"
    environment = "WETREAD_GREEN"
    files = ("config.json",)

    def _score(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, np.ndarray]:
        with TemporaryDirectory() as scratch:
            scorer = self._import().GREEN(os.environ[self.environment], output_dir=scratch)
            _, _, values, _, _ = scorer(list(references), list(hypotheses))
        return {"GREEN": np.asarray(values, dtype=np.float64)}


class RadCliQ(Adapter):
    """RadCliQ-v0 and -v1 (Yu et al. 2023) by CXR-Report-Metric; lower is better, unlike all else."""

    name = "RadCliQ"
    package = "CXRMetric"
    install = "put CXR-Report-Metric (with its models, set in its config.py) on the PYTHONPATH"

    def _score(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, np.ndarray]:
        import csv

        run = importlib.import_module("CXRMetric.run_eval")
        with TemporaryDirectory() as scratch:
            paths = [Path(scratch) / name for name in ("references.csv", "hypotheses.csv", "scores.csv")]
            for path, texts in zip(paths, (references, hypotheses)):
                with path.open("w", encoding="utf-8", newline="") as out:
                    writer = csv.writer(out)
                    writer.writerow(["study_id", "report"])
                    writer.writerows(enumerate(texts))
            run.calc_metric(*map(str, paths), False)
            with paths[2].open(encoding="utf-8", newline="") as lines:
                rows = sorted(csv.DictReader(lines), key=lambda row: int(row["study_id"]))
        return {name: np.array([float(row[name]) for row in rows]) for name in ("RadCliQ-v0", "RadCliQ-v1")}


class CheXbert(Adapter):
    """CheXbert (Smit et al. 2020): a BERT with 14 heads; here as a labeler that may stand in for ours.

    The folder holds ``chexbert.pth`` and the ``vocab.txt`` of bert-base-uncased.
    """

    name = "CheXbert"
    package = "transformers"
    install = "pip install torch transformers"
    environment = "WETREAD_CHEXBERT"
    files = ("chexbert.pth", "vocab.txt")
    #: CheXbert's classes in our code: blank, positive, negative, uncertain.
    _classes = np.array([2, 1, 0, -1], dtype=np.int8)
    batch = 32

    def _model(self, folder: Path) -> tuple[Any, Callable[[list[str]], Any]]:
        torch, transformers = importlib.import_module("torch"), self._import()
        saved = torch.load(folder / "chexbert.pth", map_location="cpu", weights_only=True)
        weights = {key.removeprefix("module."): value for key, value in saved["model_state_dict"].items()}
        bert = transformers.BertModel(transformers.BertConfig())  # the configuration of bert-base-uncased
        parts = {key.removeprefix("bert."): value for key, value in weights.items() if key.startswith("bert.")}
        bert.load_state_dict(parts, strict=False)
        heads = []
        for k in range(len(LABELS)):
            head = torch.nn.Linear(768, weights[f"linear_heads.{k}.bias"].shape[0])
            head.load_state_dict({part: weights[f"linear_heads.{k}.{part}"] for part in ("weight", "bias")})
            heads.append(head)
        tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"), do_lower_case=True)

        def classify(texts: list[str]) -> Any:
            tokens = tokenizer(texts, padding=True, truncation=True, max_length=512, return_tensors="pt")
            with torch.no_grad():
                first = bert(**tokens).last_hidden_state[:, 0]
                return torch.stack([head(first).argmax(dim=1) for head in heads], dim=1).numpy()

        return bert.eval(), classify

    def states(self, texts: Sequence[str]) -> np.ndarray:
        """(n, 14) int8 states, as ``wetread.metrics.clinical.encode_states`` codes them.

        Raises:
            MetricUnavailable: packages or weights are missing.
        """
        missing = self.missing()
        if missing:
            raise MetricUnavailable(missing)
        _, classify = self._model(Path(os.environ[self.environment]))
        tidy = [re.sub(r"\s+", " ", text).strip() for text in texts]
        rows = [classify(tidy[k : k + self.batch]) for k in range(0, len(tidy), self.batch)]
        classes = np.concatenate(rows) if rows else np.zeros((0, len(LABELS)), dtype=np.int64)
        return self._classes[classes]

    def _score(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, np.ndarray]:
        ref, hyp = self.states(references), self.states(hypotheses)
        return {"CheXbert-agreement": ((ref == 1) == (hyp == 1)).mean(axis=1)}


ADAPTERS: dict[str, type[Adapter]] = {
    kind.name.lower(): kind for kind in (CheXbert, RadGraph, RadCliQ, RaTEScore, Green, BertScore)
}


def make_adapter(name: str) -> Adapter:
    """The adapter of a name, whatever its case. Raises MetricUnavailable where there is none."""
    kind = ADAPTERS.get(name.lower())
    if kind is None:
        raise MetricUnavailable(f"{name!r} is none of {', '.join(k.name for k in ADAPTERS.values())}")
    return kind()
