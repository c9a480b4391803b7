"""Protocols: what is done to reference and hypothesis before they are compared. A score means nothing without it.

* ``raw``: the text as it is, words parted by white space, case kept.
* ``ptb``: Penn Treebank tokens in lower case, punctuation removed, as the COCO caption code has it
  (``wetread.metrics.ptb``).
* ``r2gen``: that of R2Gen (Chen et al. 2020) and the papers after it, for IU X-Ray. It changes the references too:
  lower case, punctuation removed, " . " between sentences, words seen fewer than 3 times in train become ``<unk>``,
  cut at 59 tokens. Hypotheses get the cleaning, but neither vocabulary nor cut.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wetread.errors import InputError, UsageError
from wetread.metrics.ptb import ptb_tokenize, ptb_tokenize_all

__all__ = [
    "PROTOCOLS",
    "Protocol",
    "PtbProtocol",
    "R2GenProtocol",
    "R2GenVocabulary",
    "RawProtocol",
    "make_protocol",
    "r2gen_clean",
]

PROTOCOLS = ("r2gen", "ptb", "raw")
UNKNOWN = "<unk>"
R2GEN_MINIMUM = 3  # a word of train seen fewer times is unknown
R2GEN_LENGTH = 59  # 60 with the start token

Progress = Callable[[int], None]

#: R2Gen's character class holds the range from ':' to '[' by accident: hyphens survive; '<', '=', '>' and '@' do not.
_R2GEN_REMOVED = re.compile(r"[.,?;*!%^&_+()\]{}" + r":-\[]")
_R2GEN_STRIPPED = str.maketrans("", "", "\"/\\'")
_R2GEN_NUMBERS = (
    ("..", "."),
    ("..", "."),
    ("..", "."),
    ("1. ", ""),
    *((f". {k}. ", ". ") for k in range(2, 6)),
    *((f" {k}. ", ". ") for k in range(2, 6)),
)


def r2gen_clean(text: str) -> str:
    """R2Gen's cleaning of an IU X-Ray report: ``sentence . sentence .`` in lower case.

    Both quirks of the original are kept: hyphens survive, and an empty sentence is not dropped, so that an empty
    text becomes a lone full stop.
    """
    for old, new in _R2GEN_NUMBERS:
        text = text.replace(old, new)
    sentences = (
        _R2GEN_REMOVED.sub("", sentence.translate(_R2GEN_STRIPPED).strip().lower())
        for sentence in text.strip().lower().split(". ")
    )
    return " ".join((" . ".join(sentences) + " .").split())


@dataclass(frozen=True)
class R2GenVocabulary:
    """The words that references keep; all others become ``<unk>``."""

    words: frozenset[str]

    @classmethod
    def from_reports(cls, reports: Iterable[str]) -> R2GenVocabulary:
        """Words that occur at least three times in the cleaned FINDINGS of the train split."""
        counts = Counter(word for report in reports for word in r2gen_clean(report).split())
        return cls(frozenset(word for word, times in counts.items() if times >= R2GEN_MINIMUM))

    @classmethod
    def from_file(cls, path: str | Path) -> R2GenVocabulary:
        """One word a line.

        Raises:
            InputError: the file cannot be read, holds no word, or a line holds several.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the vocabulary {path} cannot be read: {error}") from error
        words = [line.strip() for line in lines if line.strip()]
        spaced = next((word for word in words if len(word.split()) > 1), None)
        if spaced is not None:
            raise InputError(f"the vocabulary {path} holds the line {spaced[:60]!r}; give one word a line")
        if not words:
            raise InputError(f"the vocabulary {path} holds no word; give one word a line")
        return cls(frozenset(words) - {UNKNOWN})

    @property
    def digest(self) -> str:
        """First eight hexadecimal digits of the SHA-256 of the sorted words."""
        return hashlib.sha256("\n".join(sorted(self.words)).encode()).hexdigest()[:8]


class Protocol(ABC):
    """Text → tokens parted by single spaces."""

    name: str

    @abstractmethod
    def reference(self, text: str) -> str:
        """A reference as it is scored."""

    @abstractmethod
    def hypothesis(self, text: str) -> str:
        """A hypothesis as it is scored."""

    @property
    def signature(self) -> str:
        """What of it belongs into the signature of a score."""
        return f"protocol:{self.name}"

    def references(self, texts: Sequence[str], progress: Progress | None = None) -> list[str]:
        return _mapped(self.reference, texts, progress)

    def hypotheses(self, texts: Sequence[str], progress: Progress | None = None) -> list[str]:
        """As ``hypothesis``; an empty text stays empty, whatever the protocol would put in its place."""
        return _mapped(lambda text: self.hypothesis(text) if text.strip() else "", texts, progress)


def _mapped(change: Callable[[str], str], texts: Sequence[str], progress: Progress | None) -> list[str]:
    """Change each text once: reports repeat."""
    known: dict[str, str] = {}
    changed = []
    for text in texts:
        result = known.get(text)
        if result is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            result = known[text] = change(text)
        changed.append(result)
        if progress is not None:
            progress(1)
    return changed


_REMEMBERED = 50_000


class RawProtocol(Protocol):
    """The text as it is."""

    name = "raw"

    def reference(self, text: str) -> str:
        return " ".join(text.split())

    def hypothesis(self, text: str) -> str:
        return " ".join(text.split())


class PtbProtocol(Protocol):
    """Penn Treebank tokens, lower case, without punctuation."""

    name = "ptb"

    def reference(self, text: str) -> str:
        return ptb_tokenize(text)

    def hypothesis(self, text: str) -> str:
        return ptb_tokenize(text)

    def references(self, texts: Sequence[str], progress: Progress | None = None) -> list[str]:
        return ptb_tokenize_all(texts, progress)

    def hypotheses(self, texts: Sequence[str], progress: Progress | None = None) -> list[str]:
        return ptb_tokenize_all(texts, progress)


@dataclass(frozen=True)
class R2GenProtocol(Protocol):
    """R2Gen's cleaning; references through the vocabulary and cut."""

    vocabulary: R2GenVocabulary
    name = "r2gen"

    def reference(self, text: str) -> str:
        words = self.vocabulary.words
        tokens = r2gen_clean(text).split()[:R2GEN_LENGTH]
        return " ".join(word if word in words else UNKNOWN for word in tokens)

    def hypothesis(self, text: str) -> str:
        return r2gen_clean(text)

    @property
    def signature(self) -> str:
        return f"protocol:r2gen|vocabulary:{len(self.vocabulary.words) + 1}-{self.vocabulary.digest}|cut:{R2GEN_LENGTH}"


def make_protocol(name: str, vocabulary: R2GenVocabulary | None = None) -> Protocol:
    """The protocol of a name.

    Raises:
        UsageError: the name is unknown, or ``r2gen`` has no vocabulary.
    """
    if name == "raw":
        return RawProtocol()
    if name == "ptb":
        return PtbProtocol()
    if name == "r2gen":
        if vocabulary is None:
            raise UsageError(
                "the protocol r2gen needs the vocabulary of the train split: give --train-manifest or --vocabulary"
            )
        return R2GenProtocol(vocabulary)
    raise UsageError(f"the protocol {name!r} is none of {', '.join(PROTOCOLS)}")
