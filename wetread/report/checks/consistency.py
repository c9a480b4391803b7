"""Does the report agree with itself: contradictions, sides, sizes, and one section without the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from wetread.report.checks.flags import Flag, Place
from wetread.report.checks.statements import FAMILIES, Sentence, Statement
from wetread.types import Report

__all__ = ["consistency_flags"]

#: Not to be denied and stated in one report.
_OPPOSITES = frozenset(
    {
        "airspace disease",
        "atelectasis",
        "cardiomegaly",
        "consolidation",
        "edema",
        "effusion",
        "fracture",
        "free air",
        "infiltrate",
        "mass",
        "nodule",
        "opacity",
        "pleural thickening",
        "pneumonia",
        "pneumothorax",
    }
)
#: What "the lungs are clear" cannot stand beside, and what "normal" or "no acute disease" cannot.
_NOT_CLEAR = frozenset(["consolidation", "pneumonia", "edema", "infiltrate", "airspace disease", "mass"])
_ACUTE = frozenset(["pneumothorax", "pneumonia", "consolidation", "edema", "free air"])
_IMPORTANT = _ACUTE | {"mass"}

_CLEAR = re.compile(r"\b(?:both )?lungs (?:are|remain|appear) (?:\w+ )?clear\b|^\W*clear lungs\b", re.IGNORECASE)
_NORMAL = re.compile(
    r"^\W*(?:\d\W+)?(?:normal (?:\w+ )?(?:chest|examination|exam|study|radiographs?|film)\b|"
    r"(?:the )?chest (?:\w+ )?is (?:normal|unremarkable)|unremarkable (?:\w+ )?(?:chest|examination|exam|study)\b)",
    re.IGNORECASE,
)
_NO_ACUTE = re.compile(
    r"\bno (?:evidence of |radiographic evidence of |visible |plain film evidence of )*(?:acute|active) "
    r"(?:cardio-?pulmonary|pulmonary|cardiac|chest|intra-?thoracic|thoracic|disease|abnormality|findings?|process)\b",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"\b(?:otherwise|other|else\w*|except|apart|aside|additional|but|grossly|remain\w*|remaining|besides|new|"
    r"further)\b",
    re.IGNORECASE,
)
_SIZE = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*-?\s*(mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)\b", re.IGNORECASE)


def consistency_flags(report: Report, sentences: list[Sentence], statements: list[Statement]) -> list[Flag]:
    """All flags about the report against itself."""
    flags = list(_contradictions(statements))
    flags += _volumes(statements)
    flags += _clear_lungs(sentences, statements)
    flags += _normal_impression(sentences, statements)
    flags += _sides(statements)
    flags += _sizes(statements)
    flags += _sections(report, statements)
    return flags


def _meet(stated: Statement, denied: Statement) -> bool:
    """Whether a denial speaks of the place of a statement. A denial of one side says nothing of an unnamed one."""
    if denied.side in ("left", "right") and stated.side not in (denied.side, "bilateral"):
        return False
    return denied.zone is None or denied.zone == stated.zone or denied.zone in ("diffuse",)


def _contradictions(statements: list[Statement]) -> Iterator[Flag]:
    seen: set[str] = set()
    for stated in statements:
        if stated.state != "positive" or stated.old or stated.concept not in _OPPOSITES or stated.concept in seen:
            continue
        for denied in statements:
            if denied.concept != stated.concept or denied.state != "negative" or denied.old:
                continue
            if denied.sentence is stated.sentence or not _meet(stated, denied):
                continue
            if denied.qualified and not (stated.large and _denies_large(denied)):
                continue
            seen.add(stated.concept)
            yield _contradiction(stated, denied)
            break


def _denies_large(denied: Statement) -> bool:
    return bool(re.search(r"\blarge\b", denied.sentence.text, re.IGNORECASE))


def _contradiction(stated: Statement, denied: Statement) -> Flag:
    return _two(
        "contradiction",
        stated,
        denied.place,
        f"'{stated.phrase}' is stated here and denied in {denied.sentence.section.upper()}: "
        f"'{_short(denied.sentence.text)}'.",
    )


def _two(code: str, stated: Statement, other: Place, message: str) -> Flag:
    return Flag(code, "severe", stated.sentence.section, stated.start, stated.end, message, other=other)


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _volumes(statements: list[Statement]) -> Iterator[Flag]:
    low = [s for s in statements if s.concept == "low volumes" and s.state == "positive"]
    high = [s for s in statements if s.concept == "hyperinflation" and s.state == "positive"]
    if low and high:
        message = f"'{high[0].phrase}' here and '{low[0].phrase}' elsewhere cannot both be."
        yield _two("contradiction", high[0], low[0].place, message)


def _clear_lungs(sentences: list[Sentence], statements: list[Statement]) -> Iterator[Flag]:
    clear = [(s, place) for s in sentences if (place := _general(s.text)[0])]
    if not clear:
        return
    sentence, (start, end) = clear[0]
    for stated in statements:
        sure = stated.state == "positive" and not stated.old
        if sure and stated.concept in _NOT_CLEAR and stated.sentence is not sentence:
            other = Place(sentence.section, sentence.start + start, sentence.start + end)
            said = sentence.text[start:end]
            message = f"'{stated.phrase}' is stated here, and {sentence.section.upper()} say '{said}'."
            yield _two("contradiction", stated, other, message)
            return


def _normal_impression(sentences: list[Sentence], statements: list[Statement]) -> Iterator[Flag]:
    for sentence in sentences:
        if sentence.section != "impression":
            continue
        _, normal, no_acute = _general(sentence.text)
        place = normal or no_acute
        against = _IMPORTANT | {"effusion"} if normal else _ACUTE
        for stated in statements if place else ():
            sure = stated.state == "positive" and not stated.old
            if sure and place and stated.concept in against and stated.sentence is not sentence:
                other = Place("impression", sentence.start + place[0], sentence.start + place[1])
                message = f"'{stated.phrase}' is stated here, and IMPRESSION says '{_short(sentence.text)}'."
                yield _two("contradiction", stated, other, message)
                return


_Range = tuple[int, int]


@lru_cache(maxsize=1 << 13)
def _general(text: str) -> tuple[_Range | None, _Range | None, _Range | None]:
    """Where a sentence says that the lungs are clear, that all is normal, that nothing is acute; with no exception."""
    if _EXCEPT.search(text):
        return None, None, None
    clear, normal, acute = (pattern.search(text) for pattern in (_CLEAR, _NORMAL, _NO_ACUTE))
    return clear and clear.span(), normal and normal.span(), acute and acute.span()


def _family(statement: Statement) -> str:
    return FAMILIES.get(statement.concept, statement.concept)


def _device(statement: Statement) -> str:
    """Which device: the last word of the phrase tells a tube from a line."""
    return statement.phrase.lower().split()[-1].rstrip("s")


def _named(group: list[Statement]) -> set[str | None]:
    """The sides of statements; of a sentence that names one, the statements that have it."""
    placed = {s.sentence for s in group if s.side}
    return {s.side for s in group if s.side or s.sentence not in placed}


def _sides(statements: list[Statement]) -> Iterator[Flag]:
    """The same finding on the right in one section and on the left in the other."""
    groups: dict[str, list[Statement]] = {}
    for statement in statements:
        if statement.state != "negative":
            key = f"device {_device(statement)}" if statement.concept == "device" else _family(statement)
            groups.setdefault(key, []).append(statement)
    for group in groups.values():
        above = [s for s in group if s.sentence.section == "findings"]
        below = [s for s in group if s.sentence.section == "impression"]
        sides_above, sides_below = _named(above), _named(below)
        if (sides_above, sides_below) not in (({"left"}, {"right"}), ({"right"}, {"left"})):
            continue
        stated, first = (next(s for s in part if s.side) for part in (below, above))
        side = re.search(r"\b(left|right|lingula\w*)\b", stated.sentence.text, re.IGNORECASE)
        if any(re.search(rf"\b{first.side}\b", s.sentence.text, re.IGNORECASE) for s in below):
            continue  # the sentence names both sides
        if any(re.search(rf"\b(?:{stated.side}|bilateral\w*|both)\b", s.sentence.text, re.IGNORECASE) for s in above):
            continue
        start = stated.sentence.start + side.start() if side else stated.start
        end = stated.sentence.start + side.end() if side else stated.end
        message = (
            f"IMPRESSION puts '{stated.phrase}' on the {stated.side}, FINDINGS put '{first.phrase}' "
            f"on the {first.side}."
        )
        mend = _like(side.group(), first.side or "") if side else None
        yield Flag("side", "severe", "impression", start, end, message, mend, other=first.place)


def _like(model: str, word: str) -> str:
    return word.capitalize() if model[:1].isupper() else word


def _millimetres(sentence: str) -> set[float]:
    factor = {"c": 10.0, "m": 1.0}
    return {round(float(m[1]) * factor[m[2][0].lower()], 3) for m in _SIZE.finditer(sentence)}


def _sizes(statements: list[Statement]) -> Iterator[Flag]:
    """A nodule or mass with one size in FINDINGS and another in IMPRESSION."""
    sized = [(s, _millimetres(s.sentence.text)) for s in statements if s.concept in ("nodule", "mass", "opacity")]
    above = [(s, sizes) for s, sizes in sized if sizes and s.sentence.section == "findings"]
    below = [(s, sizes) for s, sizes in sized if sizes and s.sentence.section == "impression"]
    if len({s.sentence for s, _ in above}) != 1 or len({s.sentence for s, _ in below}) != 1:
        return
    (stated, mine), (first, theirs) = below[0], above[0]
    if any(abs(a - b) <= max(2.0, 0.25 * b) for a in mine for b in theirs):
        return  # rounded, or measured twice
    tenfold = any(a == 10 * b or b == 10 * a for a in mine for b in theirs)
    match = _SIZE.search(stated.sentence.text)
    assert match is not None
    start, end = stated.sentence.start + match.start(), stated.sentence.start + match.end()
    given = _SIZE.search(first.sentence.text)
    assert given is not None
    message = f"IMPRESSION says {match.group()}, FINDINGS say {given.group()}."
    yield Flag(
        "size", "severe" if tenfold else "warning", "impression", start, end, message, given.group(), other=first.place
    )


def _sections(report: Report, statements: list[Statement]) -> Iterator[Flag]:
    findings, impression = (report.findings or "").strip(), (report.impression or "").strip()
    if findings and not impression:
        yield Flag("no-impression", "warning", "impression", 0, 0, "There are FINDINGS and no IMPRESSION.")
    if impression and not findings:
        yield Flag("no-findings", "hint", "findings", 0, 0, "There is an IMPRESSION and there are no FINDINGS.")
    if not findings or not impression:
        return
    for section, other, code in (
        ("findings", "impression", "impression-omits"),
        ("impression", "findings", "findings-omit"),
    ):
        told = {_family(s) for s in statements if s.sentence.section == other and s.state != "negative"}
        denied = {_family(s) for s in statements if s.sentence.section == other and s.state == "negative"}
        done: set[str] = set()
        for s in statements:
            family = _family(s)
            if s.sentence.section != section or s.state != "positive" or s.old or family in told | denied | done:
                continue
            if s.concept not in _IMPORTANT | {"effusion"}:
                continue
            done.add(family)
            yield _omission(s, code, getattr(report, other) or "")


def _omission(s: Statement, code: str, elsewhere: str) -> Flag:
    named = re.search("pneumothora|ptx|free air|pneumoperit", elsewhere, re.IGNORECASE)  # in words we did not read
    severe = code == "impression-omits" and s.concept in ("pneumothorax", "free air") and not named
    message = (
        f"'{s.phrase}' is in FINDINGS and not in IMPRESSION."
        if code == "impression-omits"
        else f"'{s.phrase}' is in IMPRESSION and not in FINDINGS."
    )
    return Flag(code, "severe" if severe else "warning", s.sentence.section, s.start, s.end, message)
