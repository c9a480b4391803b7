"""Which words are the machine's and which the reader's: sentence by sentence, recomputed from the texts alone.

A sentence of the report that stands in the draft word for word is *machine*; one that is close to a draft sentence
which is not used otherwise is *edited*; all others are *typed*. Nothing is tracked while typing, so dictation, paste,
undo and two tabs cannot confuse it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from wetread.report.decisions import is_there
from wetread.report.sentences import split_sentences

__all__ = ["SECTIONS", "Origin", "Traced", "distance", "merge", "trace", "units"]

SECTIONS: tuple[Literal["findings"], Literal["impression"]] = ("findings", "impression")
Origin = Literal["machine", "edited", "typed"]
_CLOSE = 0.6  # of 1: share of words in common from which a sentence counts as an edit of the draft's


@dataclass(frozen=True)
class Traced:
    """A sentence of the report; ``start`` and ``end`` are code points of the section's text."""

    section: str
    start: int
    end: int
    text: str
    origin: Origin
    draft_index: int | None


def _key(sentence: str) -> str:
    return " ".join(sentence.split()).casefold().rstrip(".")


def _likeness(a: Sequence[str], b: Sequence[str]) -> float:
    if 2 * (Counter(a) & Counter(b)).total() < _CLOSE * (len(a) + len(b)):
        return 0.0  # an upper bound of the ratio, and far cheaper
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def trace(texts: Mapping[str, str], draft: Mapping[str, Any] | None) -> list[Traced]:
    """Every sentence of the report with its origin.

    Args:
        texts: the report by section.
        draft: ``wetread.draft/1``, or None where there is none.
    """
    sentences = [] if draft is None else draft["sentences"]
    free = dict(enumerate(sentences))
    found: list[tuple[str, int, int, str]] = [
        (section, span.start, span.end, span.value) for section in SECTIONS for span in split_sentences(texts[section])
    ]
    owner: dict[int, tuple[Origin, int]] = {}
    for position, (section, _, _, text) in enumerate(found):
        same = [i for i, s in free.items() if s["section"] == section and _key(s["text"]) == _key(text)]
        if same:
            owner[position] = ("machine" if sentences[same[0]]["text"].strip() == text else "edited", same[0])
            del free[same[0]]
    candidates = []
    for position, (section, _, _, text) in enumerate(found):
        if position in owner:
            continue
        words = _key(text).split()
        for index, sentence in free.items():
            if sentence["section"] == section:
                likeness = _likeness(words, _key(sentence["text"]).split())
                if likeness >= _CLOSE:
                    candidates.append((-likeness, position, index))
    for _, position, index in sorted(candidates):
        if position not in owner and index in free:
            owner[position] = ("edited", index)
            del free[index]
    return [
        Traced(section, start, end, text, *owner.get(position, ("typed", None)))
        for position, (section, start, end, text) in enumerate(found)
    ]


def merge(texts: Mapping[str, str], old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, str]:
    """The report after a new draft: the reader's own words stay, untouched machine sentences give way.

    A sentence that the reader dropped stays dropped where the new draft says it again, unless it states what the
    reader has just decided to be there; a new sentence which the reader had already edited is not said a second time,
    unless it names a side that was just decided and that the reader's does not.
    Without any word of the reader the result is the new draft's text.
    """
    traced = trace(texts, old)
    if old is None and not traced:
        return {section: new[section] for section in SECTIONS}
    used = {t.draft_index for t in traced}
    anew = dict(_decided_there(new) - _decided_there(old))
    dropped = {
        (s["section"], _key(s["text"]))
        for i, s in enumerate([] if old is None else old["sentences"])
        if i not in used and anew.keys().isdisjoint(s["labels"])
    }
    own = [t for t in traced if t.origin != "machine"]
    if not own and not dropped:
        return {section: new[section] for section in SECTIONS}
    return {section: _merge_section(section, traced, dropped, old, new, anew) for section in SECTIONS}


def _decided_there(draft: Mapping[str, Any] | None) -> set[tuple[str, str]]:
    decided = {} if draft is None else draft.get("decided", {})
    return {(name, decision) for name, decision in decided.items() if is_there(decision)}


def _merge_section(
    section: str,
    traced: Sequence[Traced],
    dropped: set[tuple[str, str]],
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any],
    anew: Mapping[str, str],
) -> str:
    """``anew``: findings that were decided to be there since the old draft, with the side or "positive"."""
    mine = [t for t in traced if t.section == section]
    coming = [s for s in new["sentences"] if s["section"] == section]
    placed: list[tuple[float, int, str]] = []
    for position, t in enumerate(mine):
        if t.origin == "machine":
            continue
        placed.append(((position + 1) / (len(mine) + 1), 0, t.text))
    own_words = [_key(text).split() for _, _, text in placed]
    replaced = {
        _key(old["sentences"][t.draft_index]["text"])
        for t in mine
        if old is not None and t.origin == "edited" and t.draft_index is not None
    }
    for position, sentence in enumerate(coming):
        text = sentence["text"].strip()
        key = _key(text)
        # The reader's own sentence stands for a new one that is much alike, but not where it lacks the decided side.
        sides = {anew[name] for name in sentence["labels"] if name in anew} - {"positive"}
        if (section, key) in dropped or key in replaced:
            continue
        if any(sides <= set(words) and _likeness(key.split(), words) >= _CLOSE for words in own_words):
            continue
        placed.append(((position + 1) / (len(coming) + 1), 1, text))
    return " ".join(text for _, _, text in sorted(placed, key=lambda item: item[:2]))


def distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Levenshtein distance: the least number of insertions, deletions and replacements (Levenshtein 1966)."""
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def units(text: str, offset: int) -> int:
    """A code point offset as an index of UTF-16 units, which is how a browser counts."""
    if text.isascii():
        return offset
    return len(text[:offset].encode("utf-16-le", "surrogatepass")) // 2
