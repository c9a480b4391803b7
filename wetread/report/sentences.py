"""Report text → sentences, each with its place in the text.

Written for dictated radiology prose: decimals (``1.2 cm``), abbreviations (``Dr. Smith``, ``vs. prior``),
enumerations (``1. …  2. …``), blank lines and list items. Nothing but white space is lost between sentences, and
any string is accepted, in time that grows with its length.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Span", "split_sentences"]


class Span(NamedTuple):
    """A piece of a text: ``text[start:end] == value``."""

    start: int
    end: int
    value: str


#: Words that end with a full stop and do not end a sentence (lower case, without the last stop).
_ABBREVIATIONS = frozenset(
    [
        "dr",
        "drs",
        "mr",
        "mrs",
        "ms",
        "prof",
        "st",
        "vs",
        "approx",
        "e.g",
        "i.e",
        "eg",
        "ie",
        "cf",
        "fig",
        "figs",
        "resp",
    ]
)
#: Words that end a sentence only where a capital follows.
_UNDECIDED = frozenset(["a.m", "p.m", "am", "pm", "etc", "lt", "rt"])
#: A place where a sentence may end: a mark with what closes after it, a missing space, a blank line, a list item.
_BREAK = re.compile(
    r"""(?P<mark>(?<![.!?])[.!?]++["')\]]*+)(?=\s|\Z)
      | (?P<glued>(?<=[a-z)])\.)(?=[A-Z][a-z])
      | (?P<line>\n[^\S\n]*+(?:\n|(?=[-*•]\s|\d{1,2}[.)]\s)))""",
    re.VERBOSE,
)
_LIST_NUMBER = re.compile(r"\s*\(?\d{1,2}\Z")
_INITIAL = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof)\.?\s+|\b[A-Z]\.\s?)[A-Z]\Z")
_LAST_WORD = re.compile(r"[^\s(\[\"']*\Z")
#: How far back a full stop is judged, in characters.
_REACH = 24


def _ends(text: str, start: int, match: re.Match[str], length: int) -> bool:
    """Whether the mark ends the sentence that began at ``start``; ``length`` is that of the text without its tail."""
    at = match.start()
    if match.lastgroup != "mark" or match["mark"] != "." or match.end() >= length:
        return True
    before = text[max(start, at - _REACH) : at]
    if not before.strip() or (at - start < _REACH and _LIST_NUMBER.fullmatch(before)):
        return False  # "1." opens a list item
    found = _LAST_WORD.search(before)
    word = found.group().lower() if found else ""
    if word in _UNDECIDED:
        return text[match.end() : match.end() + _REACH].lstrip()[:1].isupper()
    return word not in _ABBREVIATIONS and not _INITIAL.search(before)


def split_sentences(text: str) -> list[Span]:
    """Split a report into sentences.

    Args:
        text: any string.

    Returns:
        The sentences in order, without white space around them; what lies between two spans is white space only.
    """
    spans: list[Span] = []
    start = 0
    length = len(text.rstrip())
    for match in _BREAK.finditer(text):
        if _ends(text, start, match, length):
            _add(spans, text, start, match.end())
            start = match.end()
    _add(spans, text, start, len(text))
    return spans


def _add(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    value = piece.strip()
    if value:
        start += len(piece) - len(piece.lstrip())
        spans.append(Span(start, start + len(value), value))
