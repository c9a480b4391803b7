"""Report text → sentences, each with its place in the text.

Written for dictated radiology prose: decimals (``1.2 cm``), abbreviations (``Dr. Smith``, ``vs. prior``),
enumerations (``1. …  2. …``), blank lines and list items. Nothing but white space is lost between sentences, and
any string is accepted.
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


#: Words that end with a full stop and do not end a sentence (lower case, without the stop).
_ABBREVIATIONS = frozenset(
    "dr drs mr mrs ms prof st vs approx e.g i.e eg ie cf fig no. figs incl resp dept hosp jr sr rt lt".split()
)
#: A place where a sentence may end: a mark with closing quotes, a line that ends a paragraph, or a list item.
_BREAK = re.compile(
    r"""(?P<mark>[.!?。！？]+["')\]]*)(?=\s|$)      # Seen. The
      | (?P<glued>(?<=[a-z)])\.)(?=[A-Z][a-z])     # seen.The
      | (?P<line>\n[^\S\n]*(?:\n|(?=[-*•]\s|\d{1,2}[.)]\s)))   # blank line; next item of a list
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"(?:^|\s)\(?\d{1,2}$")
_LAST_WORD = re.compile(r"[^\s(\[\"']*$")


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether the mark ends the sentence that began at ``start``."""
    if match.lastgroup != "mark" or match["mark"] != ".":
        return True
    at = match.start()
    before = text[max(start, at - 24) : at]
    if not before.strip() or (_NUMBER.search(before) and not text[start:at].strip(" \t\r\n(0123456789")):
        return False  # "1." opens a list item
    found = _LAST_WORD.search(before)
    word = found.group().lower() if found else ""
    if word in _ABBREVIATIONS:
        # "st." before a capital may be a name (St. Jude); "no." is left out: "is there one? No. The ..." is as likely.
        return match.end() >= len(text.rstrip())
    return not (len(word) == 1 and word.isalpha() and before[-1:].isupper() and _is_initial(text, match.end()))


def _is_initial(text: str, end: int) -> bool:
    """Whether what follows ``J.`` looks like a name, so that the stop belongs to an initial: ``Dr. J. Smith``."""
    following = text[end : end + 24].split(None, 1)
    return bool(following) and following[0].rstrip(".,;").istitle() and text[:end].rstrip(".")[-4:-1].endswith(". ")


def split_sentences(text: str) -> list[Span]:
    """Split a report into sentences.

    Args:
        text: any string.

    Returns:
        The sentences in order, without white space around them; what lies between two spans is white space only.
    """
    spans: list[Span] = []
    start = 0
    for match in _BREAK.finditer(text):
        if _ends(text, start, match):
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
