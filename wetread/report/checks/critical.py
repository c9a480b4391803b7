"""Critical results: what the clinician is to be told at once.

Pneumothorax, a misplaced tube or line, free air, a large effusion, a mass that is not known to be old: the list of the
American College of Radiology's practice parameter for communication (2020) as far as a chest film shows it. A
possible one is raised too, and said to be possible; advice, history and what has resolved is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from wetread.report.checks.flags import Flag, in_order
from wetread.report.checks.statements import Sentence, Statement, moved, read, sentences_of
from wetread.types import Report

__all__ = ["critical_flags", "critical_results"]

_ADVICE = re.compile(
    r"\b(?:if|rule out|r/o|to (?:exclude|evaluate|assess)|recommend\w*|whether|indication|no longer|resol\w+|"
    r"histor\w+|status post|s/p)\b|\b(?:prior|previous|old|treated) (?:\w+ )?(?:pneumothora|mass|effusion)",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"\b(?:known|stable|unchanged|previous\w*|prior|old|chronic|calcified|again|persist\w*|treated|resect\w+|"
    r"soft[- ]tissue|fat|muscle|calvari\w*|breast|osseous|bon[ey]|or mass effect|no change)\b|\bmass effect\b",
    re.IGNORECASE,
)
_WHITE_OUT = re.compile(
    r"\b(?:complete|near[- ]complete|total|subtotal) (?:white-?out|opacification|opacity) of the (?:left|"
    r"right) (?:hemi-?thorax|lung)|"
    r"\b(?:left|right) (?:hemi-?thorax|lung) (?:is|appears) (?:completely|nearly completely|totally) (?:white|"
    r"opaci\w+)",
    re.IGNORECASE,
)
_TUBE = (
    r"(?:endotracheal|et|ett|nasogastric|orogastric|ng|og|enteric|feeding|dobhoff|chest|tracheostomy|"
    r"picc|central|venous|catheter|jugular|subclavian|swan|line|tube|tubes|port|lead|leads|drain|balloon)"
)
_MISPLACED = re.compile(
    r"\bmal-?position\w*|\bmis-?plac\w+|\bmis-?position\w*|\b(?:too|abnormally) (?:high|low|deep|far|proximal|"
    r"distal)\b|"
    r"\b(?:in|into|within|enter(?:s|ed|ing)?|down|intubat\w+(?: of)?) (?:the )?(?:right|left) (?:main-?\s?stem|"
    r"main)(?: bronchus)?|"
    r"\b(?:right|left) main-?\s?stem (?:bronchus )?intubation|\bat the (?:level of the )?carina\b|"
    r"\b(?:should|needs? to|must) be (?:advanced|retracted|withdrawn|repositioned|pulled|removed)|"
    r"\b(?:recommend\w*|suggest\w*|advis\w+|consider) (?:\w+ ){0,2}?(?:advanc\w+|retract\w+|withdraw\w+|"
    r"reposition\w+|re-?placement)|"
    r"\b(?:advancement|retraction|repositioning|withdrawal) (?:of \w+ )?(?:by \S+ \w+ )?is (?:recommended|advised|"
    r"suggested)|"
    r"\b(?:coil\w*|kink\w*|loop\w*|curl\w*|fold\w*) (?:\w+ )?(?:in|within|back|upon|up|on|at)\b|"
    r"\b(?:tip|end|terminat\w+|ends?) (?:\w+ ){0,4}?(?:in|into|within|at) (?:the )?(?:(?:distal|mid|lower|upper|"
    r"proximal) )?"
    r"(?:o?esophagus|neck|pharynx|right ventricle|pleural space|soft tissues?|azygos|internal jugular|"
    r"subclavian|axillary|(?:\w+ ){0,3}bronchus)|"
    r"\benter(?:s|ed|ing)? the (?:right|left) (?:\w+ ){0,2}bronchus|"
    r"\babove the (?:gastro-?o?esophageal|GE|diaphragmatic) (?:junction|hiatus)|"
    r"\b(?:withdraw|retract|advance|pull back)(?: (?:it|by|about|approximately|the \w+(?: by)?))? \d|"
    r"\b(?:up|upwards?|courses?|extends?|passes) (?:\w+ ){0,2}?(?:in|into) the neck\b|"
    r"\b(?:kinked|dislodged|displaced|fractured|disconnected|extravascular|knotted|side-?\s?(?:port|"
    r"hole)s? (?:\w+ ){0,6}?"
    r"(?:above|outside|o?esophagus|chest wall|gastro))",
    re.IGNORECASE,
)
_DEVICE = re.compile(rf"\b{_TUBE}\b", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:no|not|without|negative for|neither)\b(?:\s+\S+){0,6}\s*$", re.IGNORECASE)
_NOT_TUBE = re.compile(
    r"\b(?:rib|fracture fragment|bone|disc|midline|hardware|screw|mediastin\w+) (?:is |are )?displaced", re.IGNORECASE
)


def critical_results(report: Report) -> list[Flag]:
    """The critical results of a report, each once, in order of place.

    Args:
        report: a draft's text or an edited one.
    """
    sentences = sentences_of(report)
    return in_order(list(critical_flags(sentences, read(sentences))))


def critical_flags(sentences: list[Sentence], statements: list[Statement]) -> Iterator[Flag]:
    """As ``critical_results``, from what was read already; the surest statement of each kind is the one flagged."""
    found: dict[str, tuple[bool, Flag]] = {}
    for code, sure, flag in _candidates(sentences, statements):
        kept = found.get(code)
        if kept is None or (sure and not kept[0]):
            found[code] = sure, flag
    yield from (flag for _, flag in found.values())


def _candidates(sentences: list[Sentence], statements: list[Statement]) -> Iterator[tuple[str, bool, Flag]]:
    for s in statements:
        if s.state == "negative" or _ADVICE.search(s.sentence.text):
            continue
        code = None
        if s.concept in ("pneumothorax", "free air"):
            code = f"critical-{s.concept.replace(' ', '-')}"
        elif s.concept == "effusion" and s.large:
            code = "critical-effusion"
        elif s.concept == "mass" and not _KNOWN.search(s.sentence.text):
            code = "critical-mass"
        if code:
            sure = s.state == "positive"
            message = f"Critical result{'' if sure else ' (possible)'}: {s.phrase.lower()}; tell the clinician."
            flag = Flag(code, "warning", s.sentence.section, s.start, s.end, message, critical=True)
            yield code, sure, flag
    for sentence in sentences:
        for flag in _in_words(sentence.text):
            yield flag.code, flag.code == "critical-device", moved(flag, sentence)


@lru_cache(maxsize=1 << 13)
def _in_words(text: str) -> tuple[Flag, ...]:
    """What the labeler has no word for, places counted from the sentence's start."""
    found = []
    match = _WHITE_OUT.search(text)
    if match and not _NEGATED.search(text[: match.start()]):
        message = f"Critical result: {match.group().lower()}; tell the clinician."
        found.append(_flag("critical-effusion", match, message))
    match = _MISPLACED.search(text) if _DEVICE.search(text) else None
    if match and not _NEGATED.search(text[: match.start()]) and not _NOT_TUBE.search(text):
        message = f"Critical result: tube or line ('{match.group().lower()}'); tell the clinician."
        found.append(_flag("critical-device", match, message))
    return tuple(found)


def _flag(code: str, match: re.Match[str], message: str) -> Flag:
    return Flag(code, "warning", "findings", match.start(), match.end(), message, critical=True)
