"""Words ↔ numbers for the report decoder.

A word tokenizer of the reports' own vocabulary: text is lower-cased at the head of a sentence only as far as the
word's usual spelling says, punctuation is a token of its own, and ``decode`` gives back proper sentences: a capital
at the start, no space before a full stop. The vocabulary is a plain list of words in their usual spelling.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

from wetread.errors import BundleError

__all__ = ["BEGIN", "END", "IMPRESSION", "PAD", "SPECIAL", "Tokenizer", "words"]

PAD, BEGIN, END, IMPRESSION = 0, 1, 2, 3
#: The names of the first tokens: padding, start of FINDINGS, end of the report, start of IMPRESSION.
SPECIAL = ("<pad>", "<findings>", "<end>", "<impression>")

_WORD = re.compile(r"[^\W_]+(?:[-'/.][^\W_]+)*|[^\w\s]")
_CLOSING = frozenset(".,;:)!%")


def words(sentence: str) -> list[str]:
    """The words and marks of a sentence; hyphenated words, decimals and words with a slash stay whole."""
    return _WORD.findall(sentence)


@dataclass(frozen=True)
class Tokenizer:
    """``vocabulary``: SPECIAL first, then the words in their usual spelling."""

    vocabulary: tuple[str, ...]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.vocabulary)}

    @cached_property
    def full_stop(self) -> int:
        """The token that ends a sentence."""
        return self._index["."]

    def __len__(self) -> int:
        return len(self.vocabulary)

    @classmethod
    def learn(cls, sentences: Iterable[str], min_count: int, always: Iterable[str] = ()) -> Tokenizer:
        """The vocabulary of sentences: words that occur at least ``min_count`` times, each in its usual spelling.

        The usual spelling is the commonest one that is not at the head of a sentence. ``always``: sentences whose words
        are known however rare they are.
        """
        spellings: dict[str, Counter[str]] = {}
        counts: Counter[str] = Counter()
        always = list(always)
        kept_anyway = {word.lower() for sentence in always for word in words(sentence)}
        for sentence in chain(sentences, always):
            for place, word in enumerate(words(sentence)):
                counts[word.lower()] += 1
                if place:
                    spellings.setdefault(word.lower(), Counter())[word] += 1
        kept = sorted(
            (w for w, n in counts.items() if n >= min_count or w in kept_anyway), key=lambda w: (-counts[w], w)
        )
        if "." not in kept:
            kept.append(".")
        usual = [max(spellings[w].items(), key=lambda kv: (kv[1], kv[0]))[0] if w in spellings else w for w in kept]
        return cls((*SPECIAL, *dict.fromkeys(usual)))

    @cached_property
    def _lower(self) -> dict[str, int]:
        return {word.lower(): i for i, word in enumerate(self.vocabulary)}

    def encode(self, sentence: str) -> list[int] | None:
        """The tokens of a sentence, or None where a word is not in the vocabulary."""
        tokens = [self._lower.get(word.lower()) for word in words(sentence)]
        return None if None in tokens else tokens  # type: ignore[return-value]

    def decode(self, tokens: Sequence[int]) -> list[str]:
        """Proper sentences of tokens; special tokens are passed over, an unfinished last sentence is finished."""
        sentences: list[str] = []
        current: list[str] = []
        for token in tokens:
            if token < len(SPECIAL):
                continue
            current.append(self.vocabulary[token])
            if token == self.full_stop:
                sentences.append(_join(current))
                current = []
        if current:
            sentences.append(_join([*current, "."]))
        return sentences

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({"vocabulary": list(self.vocabulary)}, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Raises BundleError where the file is absent or no vocabulary."""
        try:
            vocabulary = tuple(json.loads(path.read_text(encoding="utf-8"))["vocabulary"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"the vocabulary {path} cannot be read ({error}); export the bundle again") from error
        if vocabulary[: len(SPECIAL)] != SPECIAL or "." not in vocabulary:
            raise BundleError(
                f"the vocabulary {path} does not begin with {', '.join(SPECIAL)}; export the bundle again"
            )
        return cls(vocabulary)


def _join(tokens: Sequence[str]) -> str:
    text = ""
    for token in tokens:
        space = "" if not text or token in _CLOSING or text.endswith("(") else " "
        text += space + token
    return text[:1].upper() + text[1:]
