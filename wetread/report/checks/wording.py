"""The words themselves: blanks, dictation debris, units, doubled sentences, and comparison with nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from wetread.report.checks.flags import Flag, Severity
from wetread.report.checks.statements import Sentence, moved
from wetread.types import Section

__all__ = ["COMPARISON", "comparison_flags", "without_comparison", "wording_flags"]

_BLANK = re.compile(
    r"\bX{3,}\b|_{2,}|<unk>|\[UNK\]|\[\s*\]|\(\s*\)|\[\*\*.{0,80}?\*\*\]|\*{3,}|\{[a-z_ ]{0,20}\}|"
    r"\[(?:insert|name|date|side|"
    r"blank)[^\]]{0,80}\]"
    r"|\?{3,}|<[a-z_ ]{1,20}>",
    re.IGNORECASE,
)
#: What a dictation system leaves when it writes a command down. "Colon" is left out: it is also an organ.
_DEBRIS = re.compile(
    r"\b(?:new|next) (?:paragraph|line|section)\b|\bscratch that\b|\bdelete (?:that|last)\b|\bend (?:of )?dictation\b|"
    r"\b(?:full stop|period)(?=\s*(?:[.,;]|$|(?-i:[A-Z])))|\b(?:comma|semicolon)\b(?!-)|\bstrike that\b|\bcap that\b|"
    r"\b(?:um|uh|uhm|erm)\b|(?-i:\b[Ee]r)(?=,)|"
    r"\bdictated but not (?:read|reviewed)\b|\bgo back\b(?=\s*[.,])|\b(?:lorem ipsum|asdf|"
    r"todo|tbd)\b|"
    r"\bopen paren\w*|\bclose paren\w*|\bpowerscribe\b|\binaudible\b",
    re.IGNORECASE,
)
_DOUBLED = re.compile(r"\b(?!(?:that|had)\b)([A-Za-z]{2,})(\s+)\1\b(?!-)", re.IGNORECASE)
_STRAY = re.compile(r"(?<=\w)\s+[,;.](?=\s|$)|[,;]{2,}|(?<=[a-z])\.{2}(?=\s|$)|\.\s*,")

_NUMBER = r"\d+(?:\.\d+)?"
_UNIT = re.compile(
    rf"(?<![\d.])({_NUMBER}(?:\s*(?:x|×|by)\s*{_NUMBER}){{0,3}})\s*-?\s*(mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?|m|"
    rf"met(?:er|re)s?|km|"
    r"in|inch(?:es)?|ft|feet|ml|kg|mg|g|l|um|µm|mns?|cmm|mms|cms|mcm)\b(?!\s*\w*/)",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    rf"\b(?:measur(?:es|ing|ed)|diameter of|size of)\s+(?:approximately |about |up to |roughly |at least |at )*"
    rf"({_NUMBER}(?:\s*(?:x|×|by)\s*{_NUMBER}){{0,3}})(?![\w.]\w|\s*-?\s*(?:x|×|by|to|mm|cm|mil\w*|cen\w*|%|deg\w*|°|"
    rf"fr\w*)\b)",
    re.IGNORECASE,
)
#: "A 4 x 5 mass".
_PRODUCT = re.compile(
    rf"(?<![\d.])({_NUMBER}\s*(?:x|×|by)\s*{_NUMBER})(?=\s+(?:\w+ ){{0,2}}(?:mass|nodul|opacit|lesion|effusion))",
    re.IGNORECASE,
)
#: "In" after a number is the inch, unless a place follows.
_NOT_INCH = re.compile(r"\s+(?:the|a|an|its|size|diameter|number|left|right|both|greatest)\b", re.IGNORECASE)
_SIZE_WORDS = re.compile(
    r"\b(?:nodul|mass|lesion|opacit|granulom|effusion|pneumothora|measur|diameter|carina|cavity)", re.I
)
_GOOD_UNITS = re.compile(r"^(?:mm|cm|milli|centi)", re.IGNORECASE)
_TYPOS = {"mn": "mm", "mns": "mm", "cmm": "cm", "mms": "mm", "cms": "cm", "mcm": "mm"}
#: A chest is about 40 cm wide; a nodule is at most 3 cm (Hansell et al., Radiology 246:697, 2008).
_WIDEST_MM, _WIDEST_NODULE_MM = 400.0, 30.0

#: Words that compare with an earlier film. "Prior surgery" and "previous granulomatous disease" do not.
COMPARISON = re.compile(
    r"\b(?:unchanged|un-changed|stable|stably|interval(?:ly)?|again|redemonstrat\w+|re-demonstrat\w+|persist\w*|"
    r"(?:no|without) (?:\w+ )?(?:interval )?change(?! of)|"
    r"compar(?:ed|ison|ing)(?: (?:to|with))?|since (?:the )?(?:prior|previous|last)|"
    r"(?:prior|previous|earlier|old|last|recent) (?:\w+ )?(?:exam\w*|stud(?:y|ies)|films?|radiographs?|images?|imaging|"
    r"chest|x-?rays?|ct|comparison|report)|(?:than|from|as|to|on) (?:the )?(?:prior|previous(?:ly)?|before)|"
    r"previously (?:seen|noted|described|identified|demonstrated|visualized)|"
    r"worsen(?:ed|ing)|improv(?:ed|ing|ement)|increas(?:ed|ing) (?:in size|since|from|compared)|decreas(?:ed|"
    r"ing) (?:in size|since|"
    r"from|compared)|progress(?:ed|ion|ive) (?:since|from|of)|resol(?:ved|ving|ution)|no longer|"
    r"(?:is|are) new|(?:has|have) (?:not )?(?:changed|increased|decreased|enlarged)|not (?:\w+ )?changed|"
    r"continued \w+ (?:of|in)|"
    r"(?:is|are) now (?:\w+ )?\w+er|new(?:ly)? (?:since|from|compared|developed)|has developed|"
    r"have developed|remain(?:s|ed)?|"
    r"long-?standing|similar (?:to|in appearance)|as before)\b",
    re.IGNORECASE,
)


def wording_flags(sentences: list[Sentence], *, drafted: bool) -> list[Flag]:
    """Blanks, debris, typing, units and duplicates. ``drafted``: the text is a machine's, which may leave no blank."""
    flags = []
    for sentence in sentences:
        for flag in _in_sentence(sentence.text):
            severity: Severity = "severe" if drafted and flag.code == "blank" else flag.severity
            flags.append(moved(flag, sentence, severity))
    flags += _duplicates(sentences)
    return flags


@lru_cache(maxsize=1 << 13)
def _in_sentence(text: str) -> tuple[Flag, ...]:
    """The flags of one sentence, places counted from its start; the same sentence is read once."""
    if not any(map(str.isalnum, text)) and not _BLANK.search(text):
        return (Flag("typing", "hint", "findings", 0, len(text), "A stray mark.", ""),)
    return (*_blanks(text), *_debris(text), *_typing(text), *_units(text))


def _flag(code: str, severity: Severity, match: re.Match[str], message: str, mend: str | None = None) -> Flag:
    return Flag(code, severity, "findings", match.start(), match.end(), message, mend)


def _blanks(text: str) -> Iterator[Flag]:
    for match in _BLANK.finditer(text):
        yield _flag("blank", "warning", match, f"A blank was left: '{match.group()}'.")


def _debris(text: str) -> Iterator[Flag]:
    for match in _DEBRIS.finditer(text):
        yield _flag("debris", "warning", match, f"'{match.group()}' belongs to the dictation, not to the report.", "")


def _typing(text: str) -> Iterator[Flag]:
    for match in _DOUBLED.finditer(text):
        if not _BLANK.fullmatch(match[1]):
            yield _flag("typing", "warning", match, f"'{match[1]}' is there twice.", match[1])
    for match in _STRAY.finditer(text):
        yield _flag("typing", "hint", match, "A stray mark.", match.group().strip()[:1])


def _units(text: str) -> Iterator[Flag]:
    if not any(map(str.isdigit, text)):
        return
    measured = False
    for match in _UNIT.finditer(text):
        unit = match[2].lower()
        if unit == "in" and _NOT_INCH.match(text, match.end()):
            continue
        measured = True
        if unit in _TYPOS:
            mend = f"{match[1]} {_TYPOS[unit]}"
            yield _flag("unit", "warning", match, f"'{match[2]}' is no unit of a size.", mend)
        elif _GOOD_UNITS.match(unit):
            numbers = [float(n) for n in re.findall(_NUMBER, match[1])]
            yield from _impossible(text, match, max(numbers) * (10.0 if unit.startswith("c") else 1.0))
        elif unit not in ("in", "l", "g", "m") or _SIZE_WORDS.search(text, 0, match.end() + 30):
            message = f"'{match.group()}' is no size on a chest film; sizes are in mm or cm."
            yield _flag("unit", "severe", match, message)
    bare = None if measured else _MEASURED.search(text) or _PRODUCT.search(text)
    if bare:
        yield _flag("unit", "warning", bare, f"'{bare[1]}' has no unit.")


def _impossible(text: str, match: re.Match[str], size: float) -> Iterator[Flag]:
    """A size, in mm, that cannot be."""
    if size > _WIDEST_MM:
        yield _flag("unit", "severe", match, f"'{match.group()}' is larger than a chest.")
    elif size > _WIDEST_NODULE_MM and re.match(r"\s*(?:\w+ ){0,2}nodule", text[match.end() :], re.IGNORECASE):
        message = f"A nodule of {match.group()}: beyond 3 cm it is called a mass; check the unit."
        yield _flag("unit", "warning", match, message)


def _duplicates(sentences: list[Sentence]) -> Iterator[Flag]:
    """A sentence that is there twice in one section; IMPRESSION may repeat FINDINGS."""
    seen: dict[tuple[Section, str], Sentence] = {}
    for sentence in sentences:
        words = " ".join(re.findall(r"\w+", re.sub(r"^\(?\d{1,2}[.)]\s", "", sentence.text).lower()))
        if not words:
            continue
        first = seen.setdefault((sentence.section, words), sentence)
        if first is not sentence:
            yield Flag("duplicate", "warning", *sentence.place, "This sentence is there twice.", "", other=first.place)


#: A wish for an earlier or a later film compares nothing.
_WISH = re.compile(
    r"\b(?:if|recommend\w*|would|should|useful|helpful|available|suggest\w*|advis\w+|consider)\b", re.IGNORECASE
)


def comparison_flags(sentences: list[Sentence], *, drafted: bool, prior_given: bool | None) -> list[Flag]:
    """Words of comparison where there is nothing to compare with.

    Severe in a draft without a prior: the machine invents it. In a person's text a warning where it is known that no
    prior was given and a hint where that is not known: the person may have seen one elsewhere.
    """
    if prior_given:
        return []
    severity: Severity = "hint" if prior_given is None else "severe" if drafted else "warning"
    flags: list[Flag] = []
    for sentence in sentences:
        flags += [moved(flag, sentence, severity) for flag in _compared(sentence.text)]
    return flags


@lru_cache(maxsize=1 << 13)
def _compared(text: str) -> tuple[Flag, ...]:
    match = COMPARISON.search(text)
    if match is None or _WISH.search(text):
        return ()
    message = f"'{match.group()}' compares with an earlier film, and none was given."
    return (Flag("comparison", "hint", "findings", 0, len(text), message, without_comparison(text) or ""),)


#: What can be taken out of a sentence without changing what it says about this film.
_TAKE_OUT = tuple(
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        (r"[,;]?\s*(?:as )?(?:compared|in comparison) (?:to|with) [^.;,]*", ""),
        (
            r"[,;]?\s*(?:since|from|than|as on|on) (?:the )?(?:prior|previous|last)(?: (?:exam\w*|study|film|"
            r"radiograph|imaging|ct))?",
            "",
        ),
        (r"\b(?:is|are|appears?|remains?) (?:again|once again)\b", lambda m: m.group().split()[0]),
        (r"\b(?:once )?again (?=noted|seen|identified|demonstrated|visualized|present)", ""),
        (
            r"\b(?:unchanged|stable|persistent|redemonstrated)(?: in (?:appearance|size|position))?(?:,|"
            r" and)?\s+(?=[a-z])",
            "",
        ),
        (r",?\s*(?:which (?:is|are) )?(?:unchanged|stable)(?: in (?:appearance|size|position))?\s*(?=[.,;]|$)", ""),
        (r"\binterval (?=[a-z])", ""),
        (r"\bremains? (?=\w)", lambda m: "are " if m.group().lower().startswith("remain ") else "is "),
        (r"\bpreviously (?:seen|noted|described|identified) ", ""),
    )
)


def without_comparison(sentence: str) -> str | None:
    """The sentence without its comparison, or None where only a person can tell what is left of it."""
    text = sentence
    for pattern, replacement in _TAKE_OUT:
        text = pattern.sub(replacement, text)
    text = re.sub(r"\s+([.,;])", r"\1", re.sub(r"\s{2,}", " ", text)).strip(" ,;")
    if COMPARISON.search(text) or re.search(
        r"\b(?:is|are|appears?|has|have|been|and|in|of|with|the)\s*[.]?$", text, re.I
    ):
        return None
    words = re.findall(r"[A-Za-z]+", text)
    if len(words) < 2 and not re.search(r"cardiomegaly|atelectasis|effusion|edema|pneumonia", text, re.I):
        return None
    if not text.endswith(".") and sentence.endswith("."):
        text += "."
    return text[:1].upper() + text[1:]
