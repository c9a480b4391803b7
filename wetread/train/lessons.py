"""The decoder's lessons: what the encoders say of a study, beside what the radiologist wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from wetread.data.clean import clean_text
from wetread.data.manifest import ManifestStudy
from wetread.model.findings import CLIP, decoder_concepts, head_input
from wetread.model.tokenizer import BEGIN, END, IMPRESSION, PAD, Tokenizer
from wetread.report.labeler import asserted
from wetread.train.compose import Lesson
from wetread.train.features import FilmOutputs, StudyFeatures
from wetread.types import LABELS

__all__ = ["MAX_INDICATION", "Scale", "commands_of_text", "lesson_of", "reader_rows", "teaching_text", "tokens_of"]

#: Tokens of the indication that are read.
MAX_INDICATION = 16


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

    def concepts(self, mean: np.ndarray) -> np.ndarray:
        return np.clip((mean - self.logit_mean) / self.logit_sd, -CLIP, CLIP).astype(np.float32)

    def maps(self, maps: np.ndarray) -> np.ndarray:
        scaled = (maps.astype(np.float32) - self.map_mean[:, None, None]) / self.map_sd[:, None, None]
        return np.clip(scaled, -CLIP, CLIP)

    def findings_input(self, features: StudyFeatures) -> np.ndarray:
        """(N, 2C) what the findings head reads."""
        return head_input(features.mean, features.gap, self.logit_mean, self.logit_sd)


def commands_of_text(findings: Sequence[str]) -> np.ndarray:
    """(14,) the commands that a text obeys: what it states by both conventions of the labeler."""
    surely, _ = asserted(" ".join(findings))
    return np.array([int(name in surely) for name in LABELS])


def _padded(rows: Sequence[Sequence[int]], width: int | None = None) -> torch.Tensor:
    width = width or max(map(len, rows))
    out = torch.full((len(rows), width), PAD)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.tensor(row[:width], dtype=torch.long)
    return out


def reader_rows(
    rows: Sequence[ManifestStudy],
    features: StudyFeatures,
    outputs: FilmOutputs,
    scales: Sequence[Scale],
    concepts: np.ndarray,
    probability: np.ndarray,
    tokenizer: Tokenizer,
) -> dict[str, torch.Tensor]:
    """What the decoder reads of each study, without commands: concepts, maps (float16), views, indication.

    Args:
        scales: of each study's maps. concepts: (N, C), scaled.
    """
    n, c = features.mean.shape
    maps = np.zeros((n, 2, c, *outputs.maps.shape[2:]), np.float16)
    views = np.zeros((n, 2), np.int64)
    for i, own in enumerate(features.films):
        for k, film in enumerate(own):
            if film >= 0:
                maps[i, k], views[i, k] = scales[i].maps(outputs.maps[film]), k + 1
    asked = [tokenizer.known_words((row.indication or "").replace("XXXX", " ")) for row in rows]
    return {
        "concepts": torch.from_numpy(decoder_concepts(concepts, probability)),
        "maps": torch.from_numpy(maps),
        "views": torch.from_numpy(views),
        "indication": _padded(asked, MAX_INDICATION),
    }


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
    read: dict[str, torch.Tensor],
    guess: np.ndarray,
    tokenizer: Tokenizer,
    limit: int,
    clean: Callable[[str], str],
) -> Lesson:
    """The lessons of studies that have FINDINGS (all rows given must); ``clean`` makes references of texts."""
    texts = [teaching_text(row, tokenizer, limit) for row in rows]
    truth = np.stack([commands_of_text(findings) for findings, _ in texts])
    return Lesson(
        **read,
        truth=torch.from_numpy(truth),
        guess=torch.from_numpy(guess),
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
