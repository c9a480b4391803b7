from __future__ import annotations

import json
from pathlib import Path

import pytest

from wetread.errors import BundleError
from wetread.model.tokenizer import END, IMPRESSION, SPECIAL, Tokenizer, words

SENTENCES = [
    "A PICC ends in the SVC.",
    "The heart is normal in size.",
    "There is a 4.5 mm nodule (right apex).",
    "No PICC is seen, and the heart is normal.",
]


def test_words_keep_decimals_and_hyphens() -> None:
    assert words("A 4.5 mm well-defined T1/T2 nodule (old).") == [
        *("A", "4.5", "mm", "well-defined", "T1/T2", "nodule"),
        *("(", "old", ")", "."),
    ]


def test_sentences_come_back_as_they_went_in() -> None:
    tokenizer = Tokenizer.learn(SENTENCES, 1)
    for sentence in SENTENCES:
        assert tokenizer.decode(tokenizer.encode(sentence) or []) == [sentence]


def test_rare_words_make_a_sentence_unknown() -> None:
    tokenizer = Tokenizer.learn(SENTENCES, 2)
    assert tokenizer.encode("The heart is normal.") is not None
    assert tokenizer.encode("The nodule is normal.") is None


def test_words_that_are_always_known_are_so_however_rare() -> None:
    tokenizer = Tokenizer.learn(SENTENCES, 100, ["Purple noise is seen."])
    assert tokenizer.encode("noise is purple.") is not None
    assert tokenizer.encode(SENTENCES[0]) is None


def test_case_is_the_usual_one_inside_a_sentence() -> None:
    tokenizer = Tokenizer.learn(["No PICC is seen.", "PICC line in place.", "The line is old."], 1)
    assert tokenizer.decode(tokenizer.encode("picc is seen.") or []) == ["PICC is seen."]
    assert "line" in tokenizer.vocabulary
    assert "Line" not in tokenizer.vocabulary


def test_special_tokens_are_silent_and_an_open_sentence_is_closed() -> None:
    tokenizer = Tokenizer.learn(SENTENCES, 1)
    tokens = tokenizer.encode("The heart is normal.") or []
    assert tokenizer.decode([IMPRESSION, *tokens[:-1], END]) == ["The heart is normal."]


def test_a_vocabulary_survives_the_disk(tmp_path: Path) -> None:
    tokenizer = Tokenizer.learn(SENTENCES, 1)
    tokenizer.save(tmp_path / "v.json")
    assert Tokenizer.load(tmp_path / "v.json") == tokenizer


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", json.dumps({"vocabulary": ["a", "."]}), json.dumps({"vocabulary": 3})]
)
def test_a_bad_vocabulary_is_a_bundle_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(BundleError, match="vocabulary"):
        Tokenizer.load(tmp_path / "v.json")


def test_special_tokens_come_first() -> None:
    assert Tokenizer.learn(SENTENCES, 1).vocabulary[: len(SPECIAL)] == SPECIAL
