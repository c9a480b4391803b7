"""The decoder's lessons: what is known of a study's findings, beside what the radiologist wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from wetread.data.clean import clean_text
from wetread.data.manifest import ManifestStudy
from wetread.model.findings import CLIP, asked_of, head_input
from wetread.model.tokenizer import BEGIN, END, IMPRESSION, PAD, Tokenizer
from wetread.report.further import among, further
from wetread.report.labeler import asserted
from wetread.report.wording import calls_spine_worn
from wetread.train.compose import Lesson
from wetread.train.decoder import Memory
from wetread.train.features import FilmOutputs, StudyFeatures
from wetread.types import LABELS

__all__ = ["Scale", "asked_by_text", "lesson_of", "teaching_text", "tokens_of"]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each concept's logit and map over the teachers: (C,) each."""

    logit_mean: np.ndarray
    logit_sd: np.ndarray
    map_mean: np.ndarray
    map_sd: np.ndarray

    @classmethod
    def of(cls, features: StudyFeatures, outputs: FilmOutputs, teachers: np.ndarray) -> Scale:
        mean = features.mean[teachers]
        chosen = features.films[teachers].ravel()
        maps = outputs.maps[chosen[chosen >= 0]].astype(np.float32)
        return cls(mean.mean(0), mean.std(0) + 1e-3, maps.mean((0, 2, 3)), maps.std((0, 2, 3)) + 1e-3)

    def shrunk(self, ratio: np.ndarray) -> Scale:
        """For studies that all networks see: the concepts' deviation times ``ratio`` (C,) (``features.shrinkage``)."""
        return replace(self, logit_sd=self.logit_sd * ratio)

    def moved(self, logits: tuple[np.ndarray, np.ndarray], maps: tuple[np.ndarray, np.ndarray]) -> Scale:
        """For studies that other networks see than the teachers', by the drift of both (``features.drift``)."""
        return Scale(
            self.logit_mean + logits[0], self.logit_sd * logits[1], self.map_mean + maps[0], self.map_sd * maps[1]
        )

    def maps(self, maps: np.ndarray) -> np.ndarray:
        scaled = (maps.astype(np.float32) - self.map_mean[:, None, None]) / self.map_sd[:, None, None]
        return np.clip(scaled, -CLIP, CLIP)

    def findings_input(self, features: StudyFeatures) -> np.ndarray:
        """(N, 2C) what the findings head reads."""
        return head_input(features.mean, features.gap, self.logit_mean, self.logit_sd)


def asked_by_text(findings: Sequence[str]) -> np.ndarray:
    """(14 + E + 1,) what a text answers (``model.findings.asked_of``): what it states by both labeler's conventions."""
    text = " ".join(findings)
    surely, _ = asserted(text)
    told = further(text)
    labels = np.array([name in surely for name in LABELS])
    spine = np.array(any(map(calls_spine_worn, findings)))
    return asked_of(labels, labels, np.array(among(told)), spine)


def _padded(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    out = torch.full((len(rows), max(map(len, rows))), PAD)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.tensor(row, dtype=torch.long)
    return out


def teaching_text(row: ManifestStudy, tokenizer: Tokenizer | None, limit: int) -> tuple[list[str], list[str]]:
    """The sentences of FINDINGS and IMPRESSION that can be taught: clean, in the vocabulary, within the limit."""
    sections = []
    for text in (row.findings, row.impression):
        sentences = list(dict.fromkeys(clean_text(text or "")))
        sections.append([s for s in sentences if tokenizer is None or tokenizer.encode(s)])
    findings, impression = sections
    if tokenizer is not None:
        while sum(len(tokenizer.encode(s) or ()) for s in findings + impression) + 3 > limit:
            (impression if len(impression) > 2 else findings).pop()
    return findings, impression


def lesson_of(
    rows: Sequence[ManifestStudy],
    memory: Memory,
    tokenizer: Tokenizer,
    limit: int,
    clean: Callable[[str], str],
) -> Lesson:
    """The lessons of studies that have FINDINGS (all rows given must); ``clean`` makes references of texts.

    Args:
        memory: of these studies; what it asks is what the networks' findings ask for.
    """
    texts = [teaching_text(row, tokenizer, limit) for row in rows]
    truth = np.stack([asked_by_text(findings) for findings, _ in texts])
    return Lesson(
        odds=memory.odds,
        department=memory.department,
        truth=torch.from_numpy(truth),
        guess=memory.asked,
        tokens=tokens_of(texts, tokenizer),
        texts=tuple(clean(row.findings or "") for row in rows),
        impressions=tuple(clean(row.impression or "") for row in rows),
    )


def tokens_of(reports: Sequence[tuple[Sequence[str], Sequence[str]]], tokenizer: Tokenizer) -> torch.Tensor:
    """Sentences of both sections of each report → (N, T) tokens: BEGIN, FINDINGS, IMPRESSION, END, then PAD."""
    return _padded(
        [
            [BEGIN, *_flat(findings, tokenizer), IMPRESSION, *_flat(impression, tokenizer), END]
            for findings, impression in reports
        ]
    )


def _flat(sentences: Sequence[str], tokenizer: Tokenizer) -> list[int]:
    return [t for s in sentences for t in tokenizer.encode(s) or ()]
