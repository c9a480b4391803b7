"""What a report states, as the checks need it: finer than the 14 labels, and sure only where the words are sure.

The labeler finds the mentions with their state, side, zone and severity. A statement adds the *concept* ("nodule" and
"mass" are both Lung Lesion; "blunting" is Pleural Effusion to the labeler and contradicts nothing here), whether a
denial is qualified ("no large effusion", "no acute fracture": compatible with a small one, an old one), and turns a
positive that is really advice, history or doubt into an uncertain one. A check that is wrong is soon ignored, so
whatever could be read in two ways is not called a contradiction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from wetread.report.checks.flags import Flag, Place, Severity
from wetread.report.labeler import Labels, Mention, combine, label_spans
from wetread.report.sentences import Span, split_sentences
from wetread.types import Report, Section, State

__all__ = ["FAMILIES", "Sentence", "Statement", "labels_of", "moved", "placed", "read", "sentences_of"]

_CONCEPTS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (label, concept, re.compile(pattern, re.IGNORECASE))
    for label, concept, pattern in (
        ("Pleural Effusion", "effusion", r"effus|pleural fluid|hydrothora"),
        ("Pneumothorax", "pneumothorax", r"pneumothora"),
        ("Cardiomegaly", "cardiomegaly", r"cardiomegal|heart|cardiac"),
        ("Consolidation", "consolidation", r"consolidat"),
        ("Edema", "edema", r"edema"),
        ("Atelectasis", "atelectasis", r"atelecta"),
        ("Pneumonia", "pneumonia", r"pneumoni"),
        ("Fracture", "fracture", r"fractur"),
        ("Lung Lesion", "mass", r"\bmass"),
        ("Enlarged Cardiomediastinum", "mass", r"\bmass"),
        ("Lung Lesion", "nodule", r"nodul"),
        ("Lung Opacity", "infiltrate", r"infiltrat"),
        ("Consolidation", "infiltrate", r"infiltrat"),
        ("Lung Opacity", "airspace disease", r"air-?\s?space|alveolar"),
        ("Lung Opacity", "opacity", r"opaci"),
        ("Pleural Other", "pleural thickening", r"thicken"),
        ("Support Devices", "device", r""),
    )
)

#: Concepts that may stand for each other between FINDINGS and IMPRESSION ("opacity" there, "pneumonia" here).
FAMILIES: Mapping[str, str] = {
    "consolidation": "lung",
    "pneumonia": "lung",
    "infiltrate": "lung",
    "airspace disease": "lung",
    "opacity": "lung",
    "atelectasis": "lung",
    "nodule": "lung",
    "mass": "lung",
}

#: Own concepts that the labeler does not have.
_EXTRA: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "free air",
        re.compile(
            r"\bpneumoperitoneum\b|\bfree (?:intra-?peritoneal |intra-?abdominal |sub-?diaphragmatic |subphrenic )?"
            r"(?:air|gas)\b|\b(?:air|gas) (?:under|beneath|below) the (?:right |left )?(?:hemi)?diaphragm",
            re.IGNORECASE,
        ),
    ),
    ("low volumes", re.compile(r"\b(?:low|small|diminished) lung volumes\b|\bhypo-?inflat\w+", re.IGNORECASE)),
    ("hyperinflation", re.compile(r"\bhyper-?(?:inflat|expan|aerat)\w+", re.IGNORECASE)),
    ("blunting", re.compile(r"\bblunt\w*\b.{0,30}\b(?:costophrenic|angle|sulcus)", re.IGNORECASE)),
)

_NEGATION = re.compile(
    r"\b(?:no|not|without|negative for|free of|free from|absence of|neither|nor|denies|clear of|resolution of|"
    r"resolved)\b",
    re.IGNORECASE,
)
#: A denial with one of these leaves room for the finding itself.
_QUALIFIED = re.compile(
    r"\b(?:large|sizea?ble|significant(?:ly)?|substantial|appreciable|acute|new|newly|(?<!or )(?<!and )(?<!nor )other|"
    r"otherwise|additional|further|definite(?:ly)?|lobar|overt|frank|gross(?:ly)?|suspicious|displaced|recurrent|"
    r"residual|associated|develop\w+|increas\w+|enlarg\w+ (?!card|heart)|worsen\w+|progress\w+|chang\w+|interval|"
    r"obvious|dominant|noncalcified|non-calcified|calcified|tension|solid|spiculated|detectable|convincing|measurable|"
    r"moderate|big|loculated|layering|free-flowing|x{3,}|_{2,}|drainable|complicat\w+|evolving|"
    r"(?:rib|vertebral|compression|clavicular) +$)(?:\b|$)",
    re.IGNORECASE,
)
#: A denial of what would mean something: "no opacity to suggest pneumonia", "no nodule larger than …".
_NARROWED = re.compile(
    r"\b(?:to suggest|suggest\w+|suspicious|concerning|worrisome|indicat\w+|larger|greater|of significan\w+|"
    r"on (?:the )?"
    r"(?:lateral|prior|recent|previous|outside))\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(?:possib\w+|probab\w+|may|might|could|can(?:not|'t)|suspect\w+|suspicio\w+|suggest\w*|question\w*|likely|"
    r"unlikely|equivocal|versus|vs|differential|consider\w*|exclud\w+|rule out|r/o|if|whether|either|correlat\w+|"
    r"recommend\w*|advis\w+|follow-?\s?up|evaluat\w+|assess\w*|concern\w*|apparent\w*|presum\w+|perhaps|accentuat\w+|"
    r"exaggerat\w+|artifact\w*|attenuation|technique|sensitiv\w+|overl(?:ying|ap\w*)|mimic\w*|simulat\w+|difficult|limit\w+|obscur\w+|indication|and/or|"
    r"developing|early|favor\w*|represent\w*|borderline|upper limits?|top[- ]normal|upper[- ]normal|prominent|"
    r"would|should|unless|in the (?:proper|appropriate|right|correct) (?:clinical )?(?:setting|context))\b",
    re.IGNORECASE,
)
_HISTORY = re.compile(
    r"\b(?:histor\w+|previous(?:ly)?|prior|resol\w+|clear(?:ed|ing)|old|remote|heal(?:ed|ing)|chronic|known|former|"
    r"status post|s/p|sequela\w*|no longer|improv\w+|decreas\w+|treated|removed|removal|evacuat\w+)\b",
    re.IGNORECASE,
)
_LARGE = re.compile(r"\b(?:large|massive|moderate[- ]to[- ]large|huge|extensive)\b", re.IGNORECASE)

_IS_LARGE = re.compile(
    r"\W*(?:on the (?:left|right) (?:side )?)?(?:(?:is|are|appears?) (?:very |now |moderately )?|,\s*)"
    r"(?:large|massive|huge)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its place."""

    section: Section
    start: int
    end: int
    text: str

    @property
    def place(self) -> Place:
        return Place(self.section, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a report states.

    Attributes:
        concept: effusion, pneumothorax, cardiomegaly, ….
        label: the label it comes from; empty for what the labeler does not have.
        state: positive only where the words are sure; uncertain for doubt, advice and history.
        qualified: a denial that leaves room ("no large effusion").
        old: said to be old, treated or gone by.
        large: said to be large.
    """

    concept: str
    label: str
    state: State
    sentence: Sentence
    start: int
    end: int
    phrase: str
    side: str | None
    zone: str | None
    qualified: bool
    old: bool
    large: bool

    @property
    def place(self) -> Place:
        return Place(self.sentence.section, self.start, self.end)


def sentences_of(report: Report) -> list[Sentence]:
    """The sentences of FINDINGS and IMPRESSION."""
    return [row for section in _SECTIONS for row in placed(section, [getattr(report, section) or ""])]


def placed(section: Section, pieces: Sequence[str]) -> list[Sentence]:
    """The sentences of a section that is these pieces with a space between them; each piece is split once."""
    found, at = [], 0
    for piece in pieces:
        found += [Sentence(section, at + span.start, at + span.end, span.value) for span in _split(piece)]
        at += len(piece) + 1
    return found


@lru_cache(maxsize=1 << 12)
def _split(text: str) -> tuple[Span, ...]:
    spans = []
    for start, end, _ in split_sentences(text):
        # No sentence is that long; a text without a full stop must not cost the square of its length.
        for at in range(start, end, _LONGEST):
            stop = min(at + _LONGEST, end)
            spans.append(Span(at, stop, text[at:stop]))
    return tuple(spans)


_LONGEST = 2_000  # characters


def moved(flag: Flag, sentence: Sentence, severity: Severity | None = None) -> Flag:
    """A flag whose places count from the start of a sentence, in the section; with another severity if given."""
    start, end = sentence.start + flag.start, sentence.start + flag.end
    return Flag(
        flag.code, severity or flag.severity, sentence.section, start, end, flag.message, flag.mend, flag.critical
    )


@lru_cache(maxsize=1 << 13)
def _mentions(text: str) -> tuple[Mention, ...]:
    return tuple(label_spans(text))


def labels_of(sentences: list[Sentence]) -> Labels:
    """The 14 labels of the report, from its sentences."""
    return combine(mention for sentence in sentences for mention in _mentions(sentence.text))


_SECTIONS: tuple[Section, ...] = ("findings", "impression")


def read(sentences: list[Sentence]) -> list[Statement]:
    """All statements, in reading order."""
    return [_placed(sentence, *row) for sentence in sentences for row in _rows(sentence.text)]


_Row = tuple[str, str, State, int, int, str, str | None, str | None, bool, bool, bool]


def _placed(
    sentence: Sentence,
    concept: str,
    label: str,
    state: State,
    start: int,
    end: int,
    phrase: str,
    side: str | None,
    zone: str | None,
    qualified: bool,
    old: bool,
    large: bool,
) -> Statement:
    at = sentence.start
    return Statement(concept, label, state, sentence, at + start, at + end, phrase, side, zone, qualified, old, large)


@lru_cache(maxsize=1 << 13)
def _rows(text: str) -> tuple[_Row, ...]:
    """The statements of one sentence, places counted from its start; the same sentence is read once."""
    rows: list[_Row] = []
    for mention in _mentions(text):
        concept = _concept(mention.label, mention.phrase)
        if concept == "device" and _NO_DEVICE.search(text[: mention.start]):
            continue
        if concept == "fracture" and _HARDWARE.search(text):
            continue
        if concept is None or (concept == "edema" and _ELSEWHERE.search(text[: mention.start])):
            continue
        clause = _clause(text, mention.start, mention.end)
        state, qualified, old = _sure(clause, text, mention.state, mention.start)
        rows.append(
            (
                concept,
                mention.label,
                state,
                mention.start,
                mention.end,
                mention.phrase,
                _side(mention, concept, text),
                mention.zone,
                qualified,
                old,
                bool(
                    _LARGE.search(text, max(0, mention.start - 30), mention.end) or _IS_LARGE.match(text, mention.end)
                ),
            )
        )
    for concept, pattern in _EXTRA:
        for match in pattern.finditer(text):
            denied = _denied_before(text, match.start())
            clause = _clause(text, match.start(), match.end())
            stated: State = "negative" if denied else "positive"
            state, qualified, old = _sure(clause, text, stated, match.start())
            rows.append(
                (concept, "", state, match.start(), match.end(), match.group(), None, None, qualified, old, False)
            )
    return tuple(sorted(rows, key=lambda row: row[3]))


def _concept(label: str, phrase: str) -> str | None:
    return next((concept for name, concept, pattern in _CONCEPTS if name == label and pattern.search(phrase)), None)


#: Lines that nobody put there.
_NO_DEVICE = re.compile(r"\b(?:fracture|fissural?|pleural|kerley|septal)\s+$", re.IGNORECASE)
#: What breaks without being a bone.
_HARDWARE = re.compile(r"\b(?:screws?|wires?|rods?|leads?|catheters?|hardware|plates?)\b", re.IGNORECASE)
#: Edema that is not the lung's.
_ELSEWHERE = re.compile(r"\b(?:laryngeal|soft[- ]tissue|subcutaneous|ankle|leg|peripheral|wall)\s+$", re.IGNORECASE)


#: What lies on a side; the heart does not.
_LATERAL = frozenset(FAMILIES) | {"effusion", "pneumothorax", "fracture"}
_SIDE = re.compile(r"\b(?:left|right|bilateral\w*|both|bi(?:basal|basilar|apical))\b", re.IGNORECASE)


def _side(mention: Mention, concept: str, text: str) -> str | None:
    """The side of a mention; where the labeler found none, the one side that a short sentence names."""
    if mention.side or mention.zone == "lingula" or mention.state == "negative" or concept not in _LATERAL:
        return mention.side or ("left" if mention.zone == "lingula" else None)
    named = {match.group().lower() for match in _SIDE.finditer(text)}
    return named.pop() if len(named) == 1 and named < {"left", "right"} and len(text) < _SHORT else None


_SHORT = 60  # characters

_CLAUSE_BREAK = re.compile(r"[;:]|\b(?:but|however|although|though|while|whereas)\b", re.IGNORECASE)


def _clause(text: str, start: int, end: int) -> Span:
    """The clause around a place: between semicolons, colons and adversatives."""
    first, last = 0, len(text)
    for match in _CLAUSE_BREAK.finditer(text):
        if match.end() <= start:
            first = match.end()
        elif match.start() >= end:
            last = match.start()
            break
    return Span(first, last, text[first:last])


def _denied_before(text: str, at: int) -> bool:
    clause = _clause(text, at, at)
    return bool(_NEGATION.search(text[clause.start : at]))


#: "No acute or healed fracture" leaves room for none.
_AT_ANY_TIME = re.compile(
    r"\b(?:acute|recent|new) or (?:old|remote|healed|healing|chronic)\b|"
    r"\b(?:old|remote|chronic) or (?:acute|recent|new)\b",
    re.IGNORECASE,
)


def _sure(clause: Span, text: str, state: State, start: int) -> tuple[State, bool, bool]:
    """The state with doubt taken seriously, whether a denial is qualified, and whether it is history."""
    words = _AT_ANY_TIME.sub("", clause.value)
    old = bool(_HISTORY.search(words))
    if state == "negative":
        triggers = list(_NEGATION.finditer(text, clause.start, start))
        between = _AT_ANY_TIME.sub("", text[triggers[-1].end() if triggers else clause.start : start])
        qualified = _QUALIFIED.search(between) or _NARROWED.search(text, start, clause.end) or _UNSURE.search(words)
        return state, bool(qualified), old
    if state == "positive" and _DOUBT.search(words):
        state = "uncertain"
    return state, False, old


_UNSURE = re.compile(
    r"\b(?:unlikely|cannot|exclud\w+|doubt\w*|if|limited?|borderline|upper limits?|(?:top|upper)[- ]normal)\b",
    re.IGNORECASE,
)
