"""Phrase tables and the matcher that finds them: a trie over words, so that time is linear and nothing backtracks.

A table is a TSV file under ``wetread/report/data``: columns by tab, ``#`` opens a comment, and the last column is a
phrase in this small language, word by word:

    effusion        that word (case never matters)
    effusion|fluid  one of these
    opacit*         a word that begins so
    _               any one word
    pleural?        that word or nothing (also with | and *)
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import product
from typing import Any, NamedTuple

__all__ = ["Match", "Matcher", "Rule", "Token", "read_table", "tokenize"]

#: A lower-case word or mark with its first and last (exclusive) character.
Token = tuple[str, int, int]

#: Words (letters and digits) and the marks that matter to scope.
_TOKEN = re.compile(r"[^\W_]+|[,;:()/?]")


class Rule(NamedTuple):
    """A phrase and what it stands for; only rules of one group compete for words."""

    group: int
    payload: Any
    phrase: str


class Match(NamedTuple):
    """Words ``first`` to ``last`` (exclusive) read as ``payload``."""

    group: int
    payload: Any
    first: int
    last: int


def tokenize(text: str) -> list[Token]:
    """The lower-case words and marks of a text with their character positions."""
    return [(m.group().lower(), m.start(), m.end()) for m in _TOKEN.finditer(text)]


def read_table(name: str, columns: int) -> list[tuple[str, ...]]:
    """Read a phrase table of the package.

    Raises:
        ValueError: a line has another number of columns (a bug in the table).
    """
    rows = []
    text = (files("wetread.report") / "data" / name).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].rstrip()
        if not line:
            continue
        cells = tuple(cell.strip() for cell in line.split("\t") if cell.strip())
        if len(cells) != columns:
            raise ValueError(f"{name}, line {number}: {len(cells)} columns instead of {columns}")
        rows.append(cells)
    return rows


def _expand(phrase: str) -> Iterator[tuple[str, ...]]:
    """All word sequences of a phrase."""
    choices: list[list[str]] = []
    for word in phrase.lower().split():
        optional = word.endswith("?") and len(word) > 1
        words = word.rstrip("?").split("|") if optional else word.split("|")
        choices.append([*words, ""] if optional else words)
    for words_ in product(*choices):
        yield tuple(w for w in words_ if w)


class Matcher:
    """Finds the phrases of many rules in one pass: leftmost, then longest, per group.

    Args:
        rules: the phrases.
        several: groups in which a phrase may stand for several things at once.

    Raises:
        ValueError: a phrase that can be empty, or that stands for two things outside ``several``.
    """

    def __init__(self, rules: Iterable[Rule], several: Container[int] = ()) -> None:
        self._root: dict[str, Any] = {}
        self._literals: set[str] = set()
        self._prefixes: set[str] = set()
        for rule in rules:
            for words in _expand(rule.phrase):
                if not words:
                    raise ValueError(f"the phrase '{rule.phrase}' can be empty")
                self._add(rule, words, rule.group in several)
        self._lengths = sorted({len(p) - 1 for p in self._prefixes})
        self._keys = lru_cache(maxsize=1 << 16)(self._find_keys)

    def _add(self, rule: Rule, words: tuple[str, ...], several: bool) -> None:
        node = self._root
        for word in words:
            (self._prefixes if word.endswith("*") else self._literals).add(word)
            node = node.setdefault(word, {})
        # "" cannot be a word; it holds what ends here: group → payloads.
        payloads = node.setdefault("", {}).setdefault(rule.group, [])
        if rule.payload not in payloads:
            payloads.append(rule.payload)
        if len(payloads) > 1 and not several:
            raise ValueError(f"'{' '.join(words)}' stands for two things: {payloads[0]} and {payloads[1]}")

    def _find_keys(self, word: str) -> tuple[str, ...]:
        """The keys under which a word may stand in the trie: itself, its prefixes, any word."""
        keys = [word] if word in self._literals else []
        keys += [key for n in self._lengths if n <= len(word) and (key := word[:n] + "*") in self._prefixes]
        if "_" in self._literals and word[0].isalnum():
            keys.append("_")
        return tuple(keys)

    def scan(self, words: Sequence[str]) -> list[Match]:
        """The matches in the order of their first word; those of one group do not overlap."""
        keys = [self._keys(w) if len(w) < 40 else () for w in words]
        free: dict[int, int] = {}
        matches: list[Match] = []
        root, count = self._root, len(words)
        for first in range(count):
            nodes = [root[key] for key in keys[first] if key in root]
            best: dict[int, tuple[int, list[Any]]] = {}
            at = first
            while nodes:
                at += 1
                for node in nodes:
                    for group, payloads in node.get("", {}).items():
                        best[group] = (at, payloads)
                if at == count:
                    break
                nodes = [node[key] for key in keys[at] for node in nodes if key in node]
            for group, (last, payloads) in best.items():
                if first >= free.get(group, 0):
                    free[group] = last
                    matches += [Match(group, payload, first, last) for payload in payloads]
        return matches
