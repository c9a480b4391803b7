"""What a single sentence says beyond its labels, and the same sentence without what nothing tells.

Read from the words alone: what it denies or holds possible, what it calls normal, worn, borderline or changed, which
findings must be well seen for it to stand. Whether it may stand is for ``wetread.obey``, and for the consensus that
teaches the decoder (``wetread.train.consensus``).
"""

from __future__ import annotations

import re
from collections.abc import Set

from wetread.report.further import PLACES, further
from wetread.report.labeler import asserted, label_spans
from wetread.report.sites import LABEL_SITES, Site, names_place, names_side, primary_site
from wetread.report.stock import plain

__all__ = [
    "AIRSPACE",
    "EXPLAINS_OPACITY",
    "NORMAL_HEART",
    "called_low",
    "calls_borderline",
    "calls_normal",
    "calls_outline_normal",
    "calls_spine_worn",
    "calls_vessels_normal",
    "denied",
    "details",
    "hedged",
    "in_number",
    "names_untold",
    "placed_low",
    "plainly",
    "sites_with",
    "stated",
    "stated_by_any",
    "states_once",
    "tells_change",
    "tells_several",
    "told_closely",
    "without_large",
]

_SILENT = "No Finding"
#: Beside one of these, "no focal opacity" is said of another opacity than theirs.
EXPLAINS_OPACITY = frozenset({"Atelectasis", "Edema", "Lung Lesion"})
#: Opacities of the airspace, beside which no other is denied.
AIRSPACE = frozenset({"Consolidation", "Pneumonia"})
#: What one denial serves for, and what it is counted as.
_CONSOLIDATING, _DENIED_AS_ONE = AIRSPACE | {"Lung Opacity"}, "airspace disease"
#: A finding that has grown or shrunk, which compares without a word of comparison (``report.checks`` knows those):
#: told before the checks, for the finding is then said in other words. Vessels may be increased by themselves.
_GROWN = re.compile(
    r"\b(?:opacit(?:y|ies)|nodules?|effusions?|consolidations?|infiltrates?|atelectasis)\b"
    r"[^.,;]*\b(?:is|are|has|have)\b[^.,;]*\b(?:in|de)creas\w*",
    re.IGNORECASE,
)
#: "Large" effusions are denied beside a small one; beside one of which no size is told, it says nothing.
_LARGE = re.compile(r"(?:,? (?:or|and)|,) (?:a )?large (?:pleural )?effusions?\b", re.IGNORECASE)
_LARGE_FIRST = re.compile(r"\blarge (?:pleural )?effusions?(?: (?:or|and)|,) ", re.IGNORECASE)
_LAST = re.compile(r", (?=[^,]*[.]$)")
_WORN = re.compile(r"\b(?:degenerat\w+|arthrit\w+|osteophyt\w+|spondylosis|spondylotic)\b", re.IGNORECASE)
#: Said of a worn spine in words that CheXbert's habit takes for hardware (a plate); denials apart.
_ENDPLATES = re.compile(
    r"^(?!.*\b(?:no|not|without)\b).*\bendplate (?:changes?|irregularit\w+|spurring)\b", re.IGNORECASE
)
#: A disease outside the 14 labels that none of the network's concepts tells well enough to name it (``docs/log.md``).
_UNTOLD = re.compile(r"\b(?:emphysema\w*|copd|chronic obstructive|lung disease|hernias?)\b", re.IGNORECASE)
#: Of vessels that are called abnormal: full ones.
_FULL = re.compile(r"\b(?:vascula(?:rity|ture)|engorge\w*)\b", re.IGNORECASE)
_AORTA = re.compile(r"\baort(?:a|ic)\b", re.IGNORECASE)
#: What kind of opacity it is, which nothing tells either: right in 4 of 32 drafts (``docs/log.md``).
_KIND = re.compile(r"\b(an? )?(?:(?:diffuse|chronic) )?(?:interstitial|reticular) (?=opacit|infiltrat)", re.IGNORECASE)
#: Effusions on both sides, at the end of what is said.
_BILATERAL = re.compile(
    r"\b(there are )?((?:very )?(?:small|tiny|trace|minimal|mild|moderate|large) )?"
    r"bilateral pleural effusions(?=[.,;]|$)",
    re.IGNORECASE,
)
#: What is many by its words, and what is one, after "there is no" and such as describe it.
_DESCRIBED = r" no (?:(?!(?:and|areas?|of|or)\b)[\w-]+ )*"
_ARE = re.compile(rf"\b(there) is(?={_DESCRIBED}(?:findings|abnormalities|fractures|infiltrates|effusions)\b)", re.I)
_IS = re.compile(rf"\b(there) are(?={_DESCRIBED}(?:consolidation|disease|opacity|abnormality|effusion)[.])", re.I)
#: How much, how many, of what form and where; and words that say the same.
_DETAIL = re.compile(
    r"\b(?:minimal|mild(?:ly)?|moderate(?:ly)?|severe(?:ly)?|marked(?:ly)?|tiny|small|large|trace|few|multiple|several|scattered"
    r"|patchy|streaky|linear|platelike|discoid|subsegmental|focal|multifocal|diffuse|prominent|bilateral|bibasilar|basilar"
    r"|lower|upper|middle|right|left|low|old|healed|chronic|congestion)\b"
)
_ALSO = {"mildly": "mild", "moderately": "moderate", "severely": "severe", "markedly": "marked", "bibasilar": "basilar"}
#: A heart called normal, as ``states_once`` has it: said once, but beside its outline.
NORMAL_HEART = frozenset({("Cardiomegaly", "negative")})
_OUTLINE = re.compile(r"\bcardio[- ]?mediastinal\b", re.IGNORECASE)
#: Of a heart, by CheXbert's habit enlarged, to a reader not.
_BORDERLINE = re.compile(r"\b(?:upper limits?|borderline)\b", re.IGNORECASE)
_VESSELS = re.compile(r"\bvascula(?:rity|ture)\b[^.,;]*\b(?:normal|unremarkable)\b", re.IGNORECASE)
_TIP = re.compile(r"\btips?\b", re.IGNORECASE)
_BONES = re.compile(r"\b(?:spine|spinous|vertebra\w*|ribs?|clavicles?|scapula\w*|shoulders?)\b", re.IGNORECASE)
_JOINT = re.compile(r"\b(?:shoulders?|acromioclavicular|glenohumeral|sternoclavicular|joints?)\b", re.IGNORECASE)
#: What the nouns below may stand for.
_LYING = frozenset({"Lung Opacity", "Atelectasis", "Consolidation", "Pneumonia"})
_LOW = re.compile(
    r"\b(an? )?(?:(?:pulmonary|lung) )?"
    r"((?:(?:interstitial|air[- ]?space|subsegmental|discoid|linear|platelike|reticular) )*"
    r"(?:opacity|opacities|atelectasis|air[- ]?space disease|infiltrates?|consolidations?))\b",
    re.IGNORECASE,
)
_CALLED_LOW = re.compile(r"\b(?:bi)?basilar\b", re.IGNORECASE)
_SEVERAL = re.compile(r"\b(?:scattered|multiple|several|numerous|bilateral|few)\b", re.IGNORECASE)


def stated(text: str) -> set[str]:
    """The labels that a text asserts by both conventions of the labeler, "No Finding" apart."""
    return asserted(text)[0] - {_SILENT}


def stated_by_any(text: str) -> set[str]:
    """The labels that anybody may take a text to assert: by either convention."""
    return asserted(text)[1] - {_SILENT}


def denied(text: str, wanted: Set[str] = frozenset()) -> set[str]:
    """The labels that a sentence denies outright: "no large effusion" denies none, and an opacity may be explained."""
    mentions = [m for m in label_spans(text) if m.label != _SILENT]
    found = {m.label for m in mentions if m.state == "negative" and not m.severity}
    explained = wanted & EXPLAINS_OPACITY and not wanted & AIRSPACE
    return found - {"Lung Opacity"} if explained else found


def told_closely(text: str) -> set[str] | None:
    """The findings that must be well seen (``detail_from``) for a sentence to stand; None: it says more than is known.

    It puts a finding on one side, which nothing of what the words follow tells; or one of the lungs into the bones; or
    it names a device of a kind that nothing tells, or where it ends. What is held possible needs to be well seen where
    it is given a place. Our own plain sentences may always stand.
    """
    if text in plain():
        return set()
    mentions = [m for m in label_spans(text) if m.label != _SILENT]
    there = [m for m in mentions if m.state != "negative"]
    if names_side(text) and any(m.label != "Support Devices" for m in there):
        return None
    if (_TIP.search(text) or primary_site(text) == "devices") and not further(text) and (there or not mentions):
        return None
    if _BONES.search(text) and any(LABEL_SITES[m.label] in ("lungs", "pleura") for m in there):
        return None
    if any(m.state == "positive" for m in there) or (there and names_place(text)):
        return {m.label for m in there}
    return set() if mentions or not names_place(text) else None


def calls_normal(text: str) -> Site | None:
    """The site that a sentence calls normal, if that is all it does; of the lungs it may deny findings besides."""
    mentions, site = label_spans(text), primary_site(text)
    rest = [m for m in mentions if (m.label, m.state) != (_SILENT, "positive")]
    if len(rest) == len(mentions) or (rest and (site != "lungs" or any(m.state != "negative" for m in rest))):
        return None
    return site


def states_once(text: str) -> set[tuple[str, str]]:
    """What a sentence says of the labels: (label, state), denials of an airspace disease by whatever name alike."""
    return {_denial(m.label, m.state) for m in label_spans(text)}


def _denial(label: str, state: str) -> tuple[str, str]:
    return (_DENIED_AS_ONE if state == "negative" and label in _CONSOLIDATING else label, state)


def tells_change(text: str) -> bool:
    """Whether a sentence says that a finding of the lungs has grown or shrunk: "the opacities are increased"."""
    return bool(_GROWN.search(text))


def sites_with(text: str) -> set[Site]:
    """The sites in which a sentence states something."""
    return {LABEL_SITES[n] for n in stated_by_any(text)} | {PLACES[n] for n in further(text) & PLACES.keys()}


def calls_spine_worn(text: str) -> bool:
    """Whether a sentence calls the spine degenerated and states no label, but for a device by CheXbert's habit."""
    abnormal = any(m.label == _SILENT and m.state == "negative" for m in label_spans(text))
    worn = abnormal and bool(_WORN.search(text)) and not stated_by_any(text)
    return (worn or bool(_ENDPLATES.search(text))) and not _JOINT.search(text)


def names_untold(text: str) -> bool:
    """Whether a sentence states a disease that nothing tells, of the lungs or of the aorta."""
    if not (aorta := _AORTA.search(text)) and not _UNTOLD.search(text):
        return False
    abnormal = (m.phrase for m in label_spans(text) if m.label == _SILENT and m.state == "negative")
    return any(aorta or _UNTOLD.search(phrase) for phrase in abnormal)


def hedged(text: str) -> set[str]:
    """The labels that a sentence holds possible and no more; full vessels hold an edema possible."""
    mentions = label_spans(text)
    full = any(m.label == _SILENT and m.state == "negative" and _FULL.search(m.phrase) for m in mentions)
    possible = {m.label for m in mentions if m.label != _SILENT and m.state == "uncertain"}
    return possible | {"Edema"} if full else possible


def _of_no_kind(text: str) -> str:
    """A sentence that states opacities, without their kind; as it is where that would say something else."""

    def pulmonary(match: re.Match[str]) -> str:
        if match[1]:
            return f"{match[1][0]} pulmonary "
        return "Pulmonary " if match[0][0].isupper() else "pulmonary "

    plain = _KIND.sub(pulmonary, text)
    return plain if "Lung Opacity" in stated_by_any(text) and asserted(plain) == asserted(text) else text


def _of_no_side(text: str) -> str:
    """A sentence that states effusions on both sides, of one: that there are two is right in a third (docs/log.md)."""

    def one(match: re.Match[str]) -> str:
        size = match[2] or ""
        words = f"{match[1][:-4]}is a {size}pleural effusion" if match[1] else f"{size}pleural effusion"
        return words[0].upper() + words[1:] if match[0][0].isupper() else words

    plain = _BILATERAL.sub(one, text)
    return plain if asserted(plain) == asserted(text) else text


def plainly(text: str) -> str:
    """A sentence without what nothing tells: of what kind an opacity is, that an effusion is on both sides."""
    return _of_no_side(_of_no_kind(text))


def without_large(text: str) -> str:
    """A sentence beside an effusion, without the denial of a large one: "… or large effusion"."""
    left = _LARGE_FIRST.sub("", _LARGE.sub("", text))
    return left if left == text or " or " in left else _LAST.sub(" or ", left)


def in_number(text: str) -> str:
    """A sentence in which "there is" and "there are" agree with what there is not."""
    text = _ARE.sub(lambda there: f"{there[1]} are", text)
    return _IS.sub(lambda there: f"{there[1]} is", text)


def calls_outline_normal(text: str) -> bool:
    """Whether a sentence calls the outline of heart and mediastinum normal, of which the heart is a part."""
    return bool(_OUTLINE.search(text)) and not stated_by_any(text)


def calls_borderline(text: str) -> bool:
    """Whether a sentence puts the heart at the edge of normal."""
    return bool(_BORDERLINE.search(text)) and any(m.label == "Cardiomegaly" for m in label_spans(text))


def placed_low(text: str, low: Set[str]) -> str:
    """A sentence that states findings of the lungs, all among ``low``, and names no place, with the word basilar."""
    found = {m.label for m in label_spans(text) if m.state == "positive"} & _LYING
    if not found or names_place(text) or not found <= low:
        return text

    def basilar(match: re.Match[str]) -> str:
        article, noun = match[1] or "", match[2]
        article = {"an ": "a ", "An ": "A "}.get(article, article)
        capital = not article and match[0][0].isupper()
        return article + ("Basilar " if capital else "basilar ") + (noun[0].lower() + noun[1:])

    placed = _LOW.sub(basilar, text, count=1)
    # The words must still say what they said.
    return placed if asserted(placed) == asserted(text) else text


def calls_vessels_normal(text: str) -> bool:
    """Whether a sentence calls the vessels normal and states no edema."""
    return bool(_VESSELS.search(text)) and "Edema" not in stated_by_any(text)


def details(text: str) -> set[str]:
    """The words on how much, how many, of what form and where."""
    return {_ALSO.get(word, word) for word in _DETAIL.findall(text.lower())}


def called_low(text: str) -> bool:
    """Whether a sentence calls something basilar."""
    return bool(_CALLED_LOW.search(text))


def tells_several(text: str) -> bool:
    """Whether a sentence tells of several of a kind."""
    return bool(_SEVERAL.search(text))
