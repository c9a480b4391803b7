"""Judging a decoder on val while it learns: language by the metric's own protocol, findings by the labeler."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wetread.data.manifest import ManifestStudy
from wetread.metrics.clinical import clinical_measures
from wetread.metrics.nlg import corpus_scores
from wetread.metrics.protocols import Protocol
from wetread.model.tokenizer import Tokenizer
from wetread.report.labeler import label
from wetread.train.compose import generate, sections
from wetread.train.decoder import Memory, ReportDecoder
from wetread.types import LABELS

__all__ = ["Judge", "clinical"]

log = logging.getLogger("wetread.train")


def clinical(truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """macro-14, macro-10+ (0 where no label has ten positives), micro-14 and micro-5 of (N, 14) bool positives."""
    measures = clinical_measures(truth.astype(int), said.astype(int))
    names = ("macro-14", "macro-10+", "micro-14", "micro-5")
    return {name: measures[name].value if name in measures else 0.0 for name in names}


@dataclass(frozen=True)
class Judge:
    """Greedy drafts of val: logs all scores, returns the one that chooses."""

    memory: Memory
    references: tuple[str, ...]
    truth: np.ndarray
    tokenizer: Tokenizer
    protocol: Protocol
    limit: int

    @classmethod
    def of(
        cls,
        rows: Sequence[ManifestStudy],
        chosen: np.ndarray,
        memory: Memory,
        truth: np.ndarray,
        tokenizer: Tokenizer,
        protocol: Protocol,
        limit: int,
    ) -> Judge:
        """Of the ``chosen`` (N,) bool of the rows: ``memory`` and ``truth`` (N, 14) are of all."""
        references = tuple(protocol.reference(r.findings or "") for r, ok in zip(rows, chosen, strict=True) if ok)
        return cls(memory.rows(chosen), references, truth[chosen], tokenizer, protocol, limit)

    def __call__(self, decoder: ReportDecoder, name: str) -> float:
        tokens = generate(decoder, self.memory, self.limit)
        texts = [" ".join(sections(row.tolist(), self.tokenizer)[0]) for row in tokens]
        language = corpus_scores(self.references, self.protocol.hypotheses(texts))
        said = np.array([[found[n] == "positive" for n in LABELS] for found in map(label, texts)])
        commands = self.memory.asked[:, : len(LABELS)].numpy() == 1
        scores = {**language, **clinical(self.truth, said)}
        findings = np.array([name != "No Finding" for name in LABELS])
        scores["obedience"] = clinical(commands & findings, said & findings)["micro-14"]
        scores["distinct"] = len(set(texts))
        log.info("%s: %s", name, " ".join(f"{k} {v:.3f}" if v < 2 else f"{k} {v:.0f}" for k, v in scores.items()))
        return language["CIDEr"] + scores["macro-10+"] + scores["obedience"]
