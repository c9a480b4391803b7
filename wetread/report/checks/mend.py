"""Repair of a draft: no severe flag is left, and what was done is told.

The smallest change first: words are taken out of a sentence or one item out of a list of denials; a sentence goes only
where nothing smaller helps. Between a statement and its denial the labels decide, where there are any; without them the
statement stays, because a reader sees a false alarm and misses a false all-clear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wetread.report.checks.engine import check_text
from wetread.report.checks.flags import Flag, Place
from wetread.report.checks.statements import Sentence, placed, read
from wetread.report.labeler import label_spans
from wetread.types import Finding, Report, Section

__all__ = ["Repaired", "repair_report", "without_denial"]

_NORMAL = "No acute cardiopulmonary abnormality."
_ROUNDS = 40


class Repaired(NamedTuple):
    """The sentences of both sections, and what was done, one sentence a change."""

    findings: list[str]
    impression: list[str]
    notes: list[str]


def repair_report(
    findings: Sequence[str],
    impression: Sequence[str],
    *,
    labels: Mapping[str, Finding] | None = None,
    views: Sequence[Mapping[str, Any]] = (),
    header: Mapping[str, str] | None = None,
    prior_given: bool = False,
) -> Repaired:
    """Mend or drop sentences until ``check_text`` finds no severe flag.

    Args:
        findings, impression: the draft's sentences.
        labels, views, header, prior_given: as for ``check_text``; without labels the text is still taken for a draft.

    Returns:
        The sentences that are left and the notes, empty where nothing had to be done.
    """
    given = labels if labels is not None else {}
    state = _State({"findings": _worded(findings), "impression": _worded(impression)}, given)
    for _ in range(_ROUNDS):
        flags = check_text(
            state.report(), labels=given, views=views, header=header, prior_given=prior_given, sentences=state.read()
        )
        todo = [f for f in flags if f.severity == "severe" or f.code in _TIDY]
        if not todo:
            break
        state.mend_all(todo)
    if impression and not state.sentences["impression"] and state.sentences["findings"]:
        state.summarise()
    return Repaired(state.sentences["findings"], state.sentences["impression"], state.notes)


#: Repaired though not severe.
_TIDY = ("duplicate", "debris")


def _worded(sentences: Sequence[str]) -> list[str]:
    """The sentences that have a word, each without white space around it."""
    return [sentence.strip() for sentence in sentences if any(map(str.isalnum, sentence))]


class _State:
    """The sentences while they are being mended."""

    def __init__(self, sentences: dict[Section, list[str]], labels: Mapping[str, Finding]) -> None:
        self.sentences = sentences
        self.labels = labels
        self.notes: list[str] = []

    def report(self) -> Report:
        return Report(" ".join(self.sentences["findings"]), " ".join(self.sentences["impression"]))

    def read(self) -> list[Sentence]:
        """The sentences of ``report()``, in place."""
        return [*placed("findings", self.sentences["findings"]), *placed("impression", self.sentences["impression"])]

    def mend_all(self, flags: Sequence[Flag]) -> None:
        """One flag a sentence, from the end to the start, so that the places before it stay true.

        A flag about two places may move both: it has a round to itself, when nothing else is left.
        """
        alone = [f for f in flags if f.code not in ("contradiction", "impression-omits")]
        if not alone:
            self.mend(flags[0])
            return
        by_sentence: dict[tuple[Section, int], Flag] = {}
        for flag in alone:  # the most severe first
            index, _ = self._find(Place(flag.section, flag.start, flag.end))
            by_sentence.setdefault((flag.section, index), flag)
        for key in sorted(by_sentence, reverse=True):
            self.mend(by_sentence[key])

    def mend(self, flag: Flag) -> None:
        """Do away with one flag; every call makes the text shorter or takes the flag's cause out of it."""
        place = Place(flag.section, flag.start, flag.end)
        if flag.code == "contradiction" and flag.other:
            self._settle(place, flag.other)
        elif flag.code == "denied":
            self._take_out(place, f"denied what the film shows: {flag.message}")
        elif flag.code == "impression-omits":
            _, sentence = self._find(place)
            self.sentences["impression"].insert(0, sentence)
            self.notes.append(f"IMPRESSION now has '{sentence}' from FINDINGS.")
        elif flag.mend is not None and flag.mend != self._text(place):
            self._replace(place, flag.mend, flag.message)
        else:
            self._drop(place, flag.message)

    def _find(self, place: Place) -> tuple[int, str]:
        at = 0
        sentences = self.sentences[place.section]
        for index, sentence in enumerate(sentences):
            if place.start <= at + len(sentence):
                return index, sentence
            at += len(sentence) + 1
        return len(sentences) - 1, sentences[-1]

    def _start(self, section: Section, index: int) -> int:
        return sum(len(sentence) + 1 for sentence in self.sentences[section][:index])

    def _text(self, place: Place) -> str:
        return " ".join(self.sentences[place.section])[place.start : place.end]

    def _drop(self, place: Place, why: str) -> None:
        index, sentence = self._find(place)
        del self.sentences[place.section][index]
        self.notes.append(f"Dropped '{sentence}': {why}")

    def _replace(self, place: Place, mend: str, why: str) -> None:
        index, sentence = self._find(place)
        start = place.start - self._start(place.section, index)
        new = (sentence[:start] + mend + sentence[start + place.end - place.start :]).strip()
        new = re.sub(r"\s{2,}", " ", new)
        if not re.search(r"\w", new):
            self._drop(place, why)
            return
        self.sentences[place.section][index] = new
        self.notes.append(f"Mended '{sentence}' to '{new}': {why}")

    def _take_out(self, place: Place, why: str) -> None:
        """Take a denial out of its list, or its sentence out of the section."""
        index, sentence = self._find(place)
        start = place.start - self._start(place.section, index)
        shorter = without_denial(sentence, start, start + place.end - place.start)
        if shorter is None:
            self._drop(place, why)
        else:
            self.sentences[place.section][index] = shorter
            self.notes.append(f"Mended '{sentence}' to '{shorter}': {why}")

    def _settle(self, stated: Place, denied: Place) -> None:
        """Between a statement and its denial: the labels decide; without a word from them the statement stays."""
        index, sentence = self._find(stated)
        start = stated.start - self._start(stated.section, index)
        names = [m.label for m in label_spans(sentence) if m.start <= start < m.end and m.label != "No Finding"]
        states = {self.labels[name].state for name in names if name in self.labels}
        if states == {"negative"}:
            self._drop(stated, f"the film does not show it and '{self._text(denied)}' denies it.")
        else:
            self._take_out(denied, f"it contradicts '{sentence}'.")

    def summarise(self) -> None:
        """An IMPRESSION for one that lost all its sentences: what FINDINGS state, or that there is nothing acute."""
        at, stated = 0, []
        for text in self.sentences["findings"]:
            statements = read([Sentence("findings", at, at + len(text), text)])
            if any(s.state != "negative" and not s.old and s.concept != "device" for s in statements):
                stated.append(text)
            at += len(text) + 1
        self.sentences["impression"] = stated or [_NORMAL]
        self.notes.append("IMPRESSION was written anew from FINDINGS.")


_LIST = re.compile(
    r"^(?P<head>.*?\b(?:no|without|negative for|free of)(?: (?:evidence|sign|signs|radiographic evidence) of|"
    r" visible| definite| "
    r"acute| focal| large| significant)*\s+)(?P<items>.+?)(?P<tail>\s+(?:is|are|was|were|seen|identified|noted|in|"
    r"on|at)\b.*|\W*)$",
    re.IGNORECASE,
)
_JOINT = re.compile(r"\s*,\s*(?:and|or|nor)\s+|\s*,\s*|\s+(?:and|or|nor)\s+", re.IGNORECASE)


def without_denial(sentence: str, start: int, end: int) -> str | None:
    """A list of denials without the item at ``start`` … ``end``; None where the sentence is no such list.

    The other items keep their labels and the item's own is gone, or None is the answer.
    """
    match = _LIST.match(sentence)
    if match is None or not match.start("items") <= start or not end <= match.end("items"):
        return None
    items, at, kept = match["items"], match.start("items"), []
    pieces = [*_JOINT.split(items)]
    for piece in pieces:
        at = sentence.index(piece, at)
        if not at <= start < at + len(piece):
            kept.append(piece)
        at += len(piece)
    if not kept or len(kept) == len(pieces):
        return None
    joined = kept[0] if len(kept) == 1 else f"{', '.join(kept[:-1])}{',' if len(kept) > 2 else ''} or {kept[-1]}"
    shorter = match["head"] + joined + match["tail"]
    gone = {m.label for m in label_spans(sentence) if m.start < end and start < m.end}
    before = {(m.label, m.state) for m in label_spans(sentence) if m.label not in gone}
    after = {(m.label, m.state) for m in label_spans(shorter)}
    return (
        shorter if before == {row for row in after if row[0] not in gone} and not gone & {n for n, _ in after} else None
    )
