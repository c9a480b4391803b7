"""Decoding with a writer that says what it is told to."""

from __future__ import annotations

import numpy as np
import pytest

from wetread.decode import DecodingOptions, write
from wetread.model.ngrams import Ngrams
from wetread.model.runtime import StudyMemory
from wetread.model.tokenizer import END, IMPRESSION, Tokenizer

TOKENIZER = Tokenizer.learn(["The heart is normal.", "The lungs are clear.", "No acute disease."], 1)
MEMORY = StudyMemory(*(np.zeros(1) for _ in range(3)))


def tokens(*sentences: str) -> list[int]:
    return [t for s in sentences for t in TOKENIZER.encode(s) or []]


class Script:
    """Prefers the next token of a script; the second best is given by ``other``."""

    def __init__(self, script: list[int], limit: int = 40, other: dict[int, int] | None = None) -> None:
        self.script, self.limit, self.other = script, limit, other or {}

    def start(self, memory: StudyMemory, beams: int) -> None:
        self.place, self.parents = 0, []

    def step(self, tokens: np.ndarray, parents: np.ndarray) -> np.ndarray:
        logits = np.zeros((len(tokens), len(TOKENIZER)))
        if self.place < len(self.script):
            logits[:, self.script[self.place]] = 9
        if self.place in self.other:
            logits[:, self.other[self.place]] = 8
        self.place += 1
        return logits


REPORT = [*tokens("The heart is normal.", "The lungs are clear."), IMPRESSION, *tokens("No acute disease."), END]


@pytest.mark.parametrize("beams", [1, 3])
def test_what_the_writer_prefers_is_written(beams: int) -> None:
    result = write(Script(REPORT), MEMORY, TOKENIZER, DecodingOptions(beams=beams))
    assert [w.text for w in result.findings] == ["The heart is normal.", "The lungs are clear."]
    assert [w.text for w in result.impression] == ["No acute disease."]
    assert all(w.log_probability < 0 for w in result.findings)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_sentence_that_comes_again_ends_its_section(beams: int) -> None:
    again = tokens("The heart is normal.", "The lungs are clear.", "The heart is normal.", "No acute disease.")
    result = write(Script([*again[:-4], IMPRESSION, *REPORT[-5:]]), MEMORY, TOKENIZER, DecodingOptions(beams=beams))
    assert [w.text for w in result.findings] == ["The heart is normal.", "The lungs are clear."]
    endless = tokens("The heart is normal.", *["No acute disease."] * 9)
    result = write(Script(endless), MEMORY, TOKENIZER, DecodingOptions(beams=beams))
    assert [w.text for w in result.findings] == ["The heart is normal.", "No acute disease."]


def test_words_that_nobody_wrote_in_a_row_are_not_written() -> None:
    blend = [*tokens("The heart is normal.")[:2], *tokens("The lungs are clear.")[2:]]
    script = Script([*blend, *REPORT[-6:]], other={2: tokens("The heart is normal.")[2]})
    taught = ("The heart is normal.", "The lungs are clear.", "No acute disease.")
    ngrams = Ngrams.of([tokens(s) for s in taught], TOKENIZER.full_stop)
    assert write(script, MEMORY, TOKENIZER, DecodingOptions()).findings[0].text == "The heart are clear."
    written = write(script, MEMORY, TOKENIZER, DecodingOptions(), ngrams)
    assert written.findings[0].text == "The heart is normal."
    assert {w.text for w in (*written.findings, *written.impression)} <= set(taught)


def test_a_section_ends_with_a_whole_sentence() -> None:
    script = [*tokens("The heart is normal.")[:2], IMPRESSION, END]
    result = write(Script(script, limit=12), MEMORY, TOKENIZER, DecodingOptions())
    assert IMPRESSION not in result.tokens[:3]


def test_the_limit_stops_a_writer_that_does_not_end() -> None:
    result = write(Script([], limit=7), MEMORY, TOKENIZER, DecodingOptions())
    assert len(result.tokens) <= 7
