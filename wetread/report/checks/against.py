"""The report against what is known beside it: the header, the views, the draft's labels and its evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from wetread.report.checks.flags import Flag, Place, Severity
from wetread.report.checks.statements import Sentence, Statement, moved
from wetread.report.labeler import Labels
from wetread.types import Finding, Report, Section
from wetread.types import Sentence as DraftSentence

__all__ = ["header_flags", "label_flags", "side_flags", "view_flags"]

_FEMALE = re.compile(
    r"\b(?:female|woman|women|lady|girl|she|her|pregnan\w+|gravid|uter(?:us|ine)|hysterectomy)\b", re.IGNORECASE
)
_MALE = re.compile(r"\b(?:male|man|gentleman|boy|he|his|him|prostat\w+)\b", re.IGNORECASE)
_AGE = re.compile(
    r"\b(\d{1,3})[- ]?(?:years?|yr?s?)[- ]?(?:old|of age)\b|\b(\d{1,3}) ?y/?o\b|\bage[d:]? (\d{1,3})\b", re.IGNORECASE
)
_CHEST = re.compile(r"CHEST|THOR|LUNG|HEART|RIB|STERN|CLAVIC|BREAST|TRUNK|PULM|CARDI", re.IGNORECASE)
_PART = (
    r"(?:abdomen|abdominal|pelvis|pelvic|knees?|hips?|hands?|wrists?|fingers?|ankles?|foot|feet|toes?|elbows?|skull|"
    r"femur|tibia\w*|fibula\w*|humerus|forearms?|calcane\w+|sacr\w+|lumbar spine|cervical spine|neck|brain|orbits?|"
    r"sinus\w*)"
)
_OTHER_EXAM = re.compile(
    rf"\b{_PART} (?:x-?rays?|radiographs?|films?|series|views?|examination)\b|"
    rf"\b(?:views?|radiographs?|films?|images?) of the (?:left |right |bilateral )?{_PART}\b|"
    rf"^\W*(?:left |right |bilateral )?{_PART}\s*[.:]|"
    r"\b(?:patell\w+|malleol\w+|acetabul\w+|metatars\w+|metacarp\w+|carpal|scaphoid|KUB|tibia\w*|fibula\w*|"
    r"(?:knee|hip|ankle|elbow|wrist) joints?|femoral (?:head|neck)|tibial plateau|"
    r"pubic (?:symphysis|rami)|sella|paranasal|ventricles are (?:normal|symmetric)|gr[ea]y-white|bladder|uterus)\b",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"\b(?:recommend\w*|would|should|if|consider|suggest\w*|advis\w+|further|dedicated|compar\w+)\b", re.IGNORECASE
)
_LATERAL = re.compile(
    r"\b(?:PA|AP|frontal)(?: and | & |/)(?:\w+ )?lateral\b|"
    r"\b(?:on|in) (?:the )?lateral (?:view|film|projection|radiograph|"
    r"image)|"
    r"\blateral (?:view|film|projection|radiograph|image)\b|\b(?:two|2)[- ]views?\b",
    re.IGNORECASE,
)
_ONE = re.compile(
    r"\b(?:single|one|1)[- ](?:\w+ )?views?\b|\bportable (?:AP )?(?:view|film|radiograph)\b", re.IGNORECASE
)

#: A finding is far below its threshold under this share of ``uncertain_from``, and very far under the second.
_FAR, _VERY_FAR = 0.5, 0.2
#: A label that is said by saying one of these.
_IMPLIED_BY: Mapping[str, tuple[str, ...]] = {
    "Lung Opacity": ("Consolidation", "Pneumonia", "Atelectasis", "Edema", "Lung Lesion"),
    "Enlarged Cardiomediastinum": ("Cardiomegaly",),
    "Consolidation": ("Pneumonia", "Lung Opacity"),
    "Pneumonia": ("Consolidation", "Lung Opacity"),
}
_DEVICES = "Support Devices"
#: Labels whose heat lay on the side that the teachers' reports name in two of three statements or more, out of fold
#: (``benchmarks/sides.py``); that of opacities, atelectasis, lesions, fractures, devices and the rest did less well.
_KNOWS_SIDE = frozenset(("Consolidation", "Pleural Effusion", "Pneumothorax"))


def header_flags(sentences: list[Sentence], header: Mapping[str, str], *, drafted: bool) -> Iterator[Flag]:
    """Sex, age and body part of the header against the text."""
    sex = (header.get("PatientSex") or "").strip().upper()[:1]
    wrong, right = (_FEMALE, _MALE) if sex == "M" else (_MALE, _FEMALE)
    age = re.match(r"0*(\d+)Y$", (header.get("PatientAge") or "").strip().upper())
    for sentence in sentences:
        if sex in ("M", "F") and (match := wrong.search(sentence.text)) and not right.search(sentence.text):
            message = f"'{match.group()}' does not fit the header, which says PatientSex {sex}."
            yield _at("sex", "severe", sentence, match, message)
        match = _AGE.search(sentence.text)
        if age and match and abs(int(next(filter(None, match.groups()))) - int(age[1])) > 1:
            message = f"'{match.group()}' does not fit the header, which says PatientAge {age[1]} years."
            yield _at("age", "warning", sentence, match, message)
    part = (header.get("BodyPartExamined") or "").strip()
    if part and not _CHEST.search(part):
        message = f"The header says BodyPartExamined {part}, and this is a report of a chest film."
        yield Flag("body-part", "warning", "findings", 0, 0, message)
    chest = bool(part and _CHEST.search(part))
    yield from _other_parts(sentences, "severe" if drafted or chest else "warning")


def _other_parts(sentences: list[Sentence], severity: Severity) -> Iterator[Flag]:
    for sentence in sentences:
        for flag in _other_part(sentence.text):
            yield moved(flag, sentence, severity)


@lru_cache(maxsize=1 << 13)
def _other_part(text: str) -> tuple[Flag, ...]:
    match = _OTHER_EXAM.search(text)
    if match is None or _WISH.search(text):
        return ()
    message = f"'{match.group().strip()}' belongs to another examination."
    return (Flag("body-part", "warning", "findings", match.start(), match.end(), message),)


def _at(code: str, severity: Severity, sentence: Sentence, match: re.Match[str], message: str) -> Flag:
    at = sentence.start
    return Flag(code, severity, sentence.section, at + match.start(), at + match.end(), message)


def view_flags(sentences: list[Sentence], views: Sequence[Mapping[str, Any]], *, drafted: bool) -> Iterator[Flag]:
    """A lateral that was not taken, or one view where there are more."""
    projections = [view.get("projection") for view in views]
    if not projections or any(p not in ("frontal", "lateral") for p in projections):
        return
    severity: Severity = "severe" if drafted else "warning"
    for sentence in sentences:
        if _WISH.search(sentence.text):
            continue
        match = _LATERAL.search(sentence.text)
        if match and "lateral" not in projections:
            yield _at("view", severity, sentence, match, f"'{match.group()}': no lateral view was given.")
            continue
        match = _ONE.search(sentence.text)
        if match and len(projections) > 1:
            yield _at("view", severity, sentence, match, f"'{match.group()}': {len(projections)} views were given.")


def label_flags(
    report: Report, said: Labels, statements: list[Statement], labels: Mapping[str, Finding]
) -> Iterator[Flag]:
    """The text against the draft's labels: missed, denied, unsupported."""
    section: Section = "findings" if report.findings else "impression"
    end = len(getattr(report, section) or "")
    for name, finding in labels.items():
        if name == "No Finding":
            continue
        stated = next((s for s in statements if s.label == name and s.state == "positive" and not s.old), None)
        denied = next((s for s in statements if s.label == name and s.state == "negative" and not s.qualified), None)
        percent, decided = f"{100 * finding.probability:.0f} %", finding.by_model is not None
        above = "was decided to be positive" if decided else f"is above its threshold ({percent})"
        if finding.state == "positive" and denied and said.get(name) == "negative":
            message = f"{name} {above}, and the text denies it."
            yield Flag("denied", "severe", denied.sentence.section, denied.start, denied.end, message)
        elif finding.state == "positive" and said.get(name) is None and not _implied(name, said):
            code = "device-missed" if name == _DEVICES else "missed"
            message = f"{name} {above}, and the text does not mention it."
            yield Flag(code, "warning", section, end, end, message)
        elif stated and finding.held < _FAR * finding.uncertain_from:
            far = finding.held < _VERY_FAR * finding.uncertain_from
            code = "device-unseen" if name == _DEVICES else "unsupported"
            below = "was decided to be negative" if decided else f"is at {percent}, far below its threshold"
            message = f"'{stated.phrase}': {name} {below}."
            severity: Severity = "severe" if far else "warning"
            yield Flag(code, severity, stated.sentence.section, stated.start, stated.end, message)


def _implied(name: str, said: Labels) -> bool:
    return any(said.get(other) in ("positive", "uncertain") for other in _IMPLIED_BY.get(name, ()))


def side_flags(
    statements: list[Statement], drafted: Sequence[DraftSentence], views: Sequence[Mapping[str, Any]]
) -> Iterator[Flag]:
    """A sentence that names a side while its evidence on frontal views lies on the other.

    A sentence that the draft does not have is held against all that the draft saw of its label. Labels whose maps do
    not know the side are passed over.

    The patient's right is on the left of a frontal film. A box counts as on a side when its centre is more than a
    tenth of the film's width away from the middle.
    """
    boxes = {s.text: _sides_of(s, views) for s in drafted}
    seen: dict[str, set[str]] = {}
    for s in drafted:
        for name in s.labels:
            seen.setdefault(name, set()).update(boxes[s.text])
    done: set[Place] = set()
    for statement in statements:
        if statement.label not in _KNOWS_SIDE:
            continue
        sides = boxes.get(statement.sentence.text) or seen.get(statement.label, set())
        place = statement.sentence.place
        if statement.state == "negative" or statement.side not in ("left", "right") or not sides or place in done:
            continue
        if sides == {"left" if statement.side == "right" else "right"}:
            done.add(place)
            message = f"The sentence says {statement.side}, and what it was read from lies on the other side."
            yield Flag("side-box", "warning", *place, message)


def _sides_of(sentence: DraftSentence, views: Sequence[Mapping[str, Any]]) -> set[str]:
    sides = set()
    for evidence in sentence.evidence:
        view = views[evidence.view] if evidence.view < len(views) else {}
        if evidence.kind != "seen" or view.get("projection") != "frontal" or not view.get("columns"):
            continue
        centre = (evidence.box[0] + evidence.box[2]) / 2 / float(view["columns"])
        sides.add("right" if centre < 0.4 else "left" if centre > 0.6 else "middle")
    return sides
