"""Writing the report: beam search over the decoder's words, one sentence after another.

A section in which a sentence comes again has nothing more to say: it ends there, and the sentence stands once (barred
from its full stop, it goes on into nonsense). Each sentence keeps the probability of its words, from which its
confidence is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wetread.model.ngrams import Ngrams
from wetread.model.runtime import StudyMemory, Writer
from wetread.model.tokenizer import BEGIN, END, IMPRESSION, PAD, SPECIAL, Tokenizer

__all__ = ["DecodingOptions", "DecodingResult", "Written", "write"]


@dataclass(frozen=True)
class DecodingOptions:
    """``beams`` reports are kept side by side (1 is greedy); log p is divided by the length to ``length_penalty``."""

    beams: int = 1
    length_penalty: float = 0.7


@dataclass(frozen=True)
class Written:
    """One sentence and the mean log-probability of its tokens."""

    text: str
    log_probability: float


@dataclass(frozen=True)
class DecodingResult:
    findings: tuple[Written, ...]
    impression: tuple[Written, ...]
    tokens: tuple[int, ...]


@dataclass
class _Beam:
    tokens: list[int]
    scores: list[float]

    @property
    def total(self) -> float:
        return sum(self.scores)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _repeats(tokens: Sequence[int], full_stop: int) -> bool:
    """Whether a sentence ends here that stands earlier in the same section."""
    sentences: list[tuple[int, ...]] = []
    current: list[int] = []
    for token in tokens:
        if token == IMPRESSION:
            sentences, current = [], []
            continue
        current.append(token)
        if token == full_stop:
            sentences.append(tuple(current))
            current = []
    return not current and len(sentences) > 1 and sentences[-1] in sentences[:-1]


def _begun(tokens: Sequence[int], full_stop: int) -> list[int]:
    """The tokens of the sentence that has begun."""
    ends = [i for i, token in enumerate(tokens) if token in (full_stop, IMPRESSION)]
    return list(tokens[ends[-1] + 1 :] if ends else tokens)


def _allowed(log_p: np.ndarray, tokens: Sequence[int], full_stop: int, ngrams: Ngrams | None) -> np.ndarray:
    log_p[[PAD, BEGIN]] = -np.inf
    if IMPRESSION in tokens:
        log_p[IMPRESSION] = -np.inf
    else:
        log_p[END] = -np.inf
    if not tokens or tokens[-1] != full_stop:  # a section ends with a whole sentence
        log_p[[END, IMPRESSION]] = -np.inf
    if ngrams is not None:
        unknown = ~ngrams.known(_begun(tokens, full_stop), len(log_p))
        unknown[: len(SPECIAL)] = False
        log_p[unknown] = -np.inf
    if _repeats(tokens, full_stop):
        log_p[[t for t in range(len(log_p)) if t != (END if IMPRESSION in tokens else IMPRESSION)]] = -np.inf
    return log_p


def write(
    writer: Writer,
    memory: StudyMemory,
    tokenizer: Tokenizer,
    options: DecodingOptions,
    ngrams: Ngrams | None = None,
) -> DecodingResult:
    """The most probable report that beam search finds. The same memory gives the same report.

    Args:
        ngrams: where given, each four words of a sentence are among these.
    """
    n, stop = options.beams, tokenizer.full_stop
    writer.start(memory, n)
    beams = [_Beam([], [])]
    finished: list[_Beam] = []
    tokens, parents = np.full(n, BEGIN), np.arange(n)
    for _ in range(writer.limit):
        log_p = _log_softmax(writer.step(tokens, parents).astype(np.float64))
        candidates: list[tuple[float, int, int, float]] = []
        for b, beam in enumerate(beams):
            allowed = _allowed(log_p[b], beam.tokens, stop, ngrams)
            for token in np.argsort(-allowed, kind="stable")[: n + 2]:
                value = float(allowed[token])
                if value > -np.inf:
                    candidates.append((beam.total + value, b, int(token), value))
        candidates.sort(key=lambda c: (-c[0], c[1], c[2]))
        kept: list[_Beam] = []
        origin: list[int] = []
        for _, b, token, value in candidates:
            grown = _Beam([*beams[b].tokens, token], [*beams[b].scores, value])
            if token == END:
                finished.append(grown)
            else:
                kept.append(grown)
                origin.append(b)
            if len(kept) == n:
                break
        if not kept or len(finished) >= n:
            break
        beams = kept
        padding = n - len(kept)
        tokens = np.array([b.tokens[-1] for b in kept] + [PAD] * padding)
        parents = np.array(origin + [0] * padding)
    pool = finished or beams
    best = max(pool, key=lambda b: b.total / max(1, len(b.tokens)) ** options.length_penalty)
    return _result(best, tokenizer)


def _result(beam: _Beam, tokenizer: Tokenizer) -> DecodingResult:
    sections: tuple[list[Written], list[Written]] = ([], [])
    section, current, scores = 0, [], []  # type: int, list[int], list[float]
    for token, score in zip(beam.tokens, beam.scores, strict=True):
        if token in (IMPRESSION, END):
            section = 1
            continue
        current.append(token)
        scores.append(score)
        if token == tokenizer.full_stop:
            written = Written(tokenizer.decode(current)[0], float(np.mean(scores)))
            if all(written.text != earlier.text for earlier in sections[section]):
                sections[section].append(written)
            current, scores = [], []
    return DecodingResult(tuple(sections[0]), tuple(sections[1]), tuple(beam.tokens))
