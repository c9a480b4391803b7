"""Making the words obey the findings: each above its threshold is said, none below is asserted, no likely one denied.

The decoder was taught to do this; where it fails, a sentence is dropped or one of our own stock is added, so that the
labels of the text are the states of the findings, always.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from wetread.decode import Written
from wetread.report.further import EITHER, KINDS, PLACES, calls_inflated, further
from wetread.report.labeler import asserted, label_spans
from wetread.report.sites import LABEL_SITES, Site, names_place, names_side, primary_site, sites_of
from wetread.report.stock import State, plain, sentence
from wetread.types import LABELS, Finding, Section

__all__ = [
    "EXPLAINS_OPACITY",
    "LOWER_FROM",
    "NORMAL_HEART",
    "Obeyed",
    "calls_borderline",
    "calls_normal",
    "calls_outline_normal",
    "calls_spine_worn",
    "denied",
    "detail_from",
    "hedged",
    "names_untold",
    "obey",
    "plainly",
    "put_low",
    "put_several",
    "put_silent_sites",
    "stated",
    "states_once",
    "tells_change",
    "told_closely",
]

_SILENT = "No Finding"
#: Findings that an IMPRESSION may not leave out.
_ACUTE = frozenset(
    {
        "Lung Opacity",
        "Lung Lesion",
        "Edema",
        "Consolidation",
        "Pneumonia",
        "Pneumothorax",
        "Pleural Effusion",
        "Fracture",
    }
)
#: Beside one of these, "no focal opacity" is said of another opacity than theirs.
EXPLAINS_OPACITY = frozenset({"Atelectasis", "Edema", "Lung Lesion"})
#: Opacities of the airspace, beside which no other is denied.
_AIRSPACE = frozenset({"Consolidation", "Pneumonia"})
#: What one denial serves for, and what it is counted as.
_CONSOLIDATING, _DENIED_AS_ONE = _AIRSPACE | {"Lung Opacity"}, "airspace disease"
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
#: What an IMPRESSION that names findings need not name beside one of these.
_IMPLIED = {
    "Lung Opacity": EXPLAINS_OPACITY | {"Consolidation", "Pneumonia"},
    "Enlarged Cardiomediastinum": frozenset({"Cardiomegaly"}),
    "Support Devices": frozenset(LABELS),
}
#: What is denied where nothing is said of any of these sites: no report passes over them.
_SITES_TOLD = {
    "Cardiomegaly": frozenset({"heart", "mediastinum"}),
    "Consolidation": frozenset({"lungs"}),
    "Pleural Effusion": frozenset({"pleura"}),
    "Pneumothorax": frozenset({"pleura"}),
}
#: Probability of a finding from which the decoder's own words for it may stand; below, it is said in plain ones.
_DETAIL_FROM = 0.15
#: Of a device, whose name is all the detail there is: that there is one says little about which.
_KIND_FROM = 0.5
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
#: The outline of heart and mediastinum in one, and the findings that it may show.
_OUTLINED = frozenset({"Cardiomegaly", "Enlarged Cardiomediastinum"})
#: A heart called normal, as ``states_once`` has it: said once, but beside its outline.
NORMAL_HEART = frozenset({("Cardiomegaly", "negative")})
_OUTLINE = re.compile(r"\bcardio[- ]?mediastinal\b", re.IGNORECASE)
#: Of a heart, by CheXbert's habit enlarged, to a reader not.
_BORDERLINE = re.compile(r"\b(?:upper limits?|borderline)\b", re.IGNORECASE)
_VESSELS = re.compile(r"\bvascula(?:rity|ture)\b[^.,;]*\b(?:normal|unremarkable)\b", re.IGNORECASE)
_TIP = re.compile(r"\btips?\b", re.IGNORECASE)
_BONES = re.compile(r"\b(?:spine|spinous|vertebra\w*|ribs?|clavicles?|scapula\w*|shoulders?)\b", re.IGNORECASE)
_JOINT = re.compile(r"\b(?:shoulders?|acromioclavicular|glenohumeral|sternoclavicular|joints?)\b", re.IGNORECASE)
#: Chance of the lower zone (``model.zones``) from which a finding is called basilar. ``benchmarks/zones.py`` says
#: how many reports agree.
LOWER_FROM = {"Atelectasis": 0.5, "Lung Opacity": 0.45}
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
#: Log-probability given to a stock sentence: it is as sure as its finding, which the caller knows.
_STOCK = 0.0


@dataclass(frozen=True)
class Obeyed:
    """The sentences that are left or added, and what was done, one note each."""

    findings: tuple[Written, ...]
    impression: tuple[Written, ...]
    notes: tuple[str, ...]


def stated(text: str) -> set[str]:
    """The labels that a text asserts by both conventions of the labeler, "No Finding" apart."""
    return asserted(text)[0] - {_SILENT}


def _asserts(text: str) -> set[str]:
    """The labels that anybody may take a text to assert: by either convention."""
    return asserted(text)[1] - {_SILENT}


def detail_from(name: str) -> float:
    """The probability of a finding from which other words for it than our own plain ones may stand."""
    return _KIND_FROM if name == "Support Devices" else _DETAIL_FROM


def denied(text: str, wanted: Set[str] = frozenset()) -> set[str]:
    """The labels that a sentence denies outright: "no large effusion" denies none, and an opacity may be explained."""
    mentions = [m for m in label_spans(text) if m.label != _SILENT]
    found = {m.label for m in mentions if m.state == "negative" and not m.severity}
    explained = wanted & EXPLAINS_OPACITY and not wanted & _AIRSPACE
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


def _unsupported(text: str, labels: Mapping[str, Finding]) -> bool:
    """Whether a sentence says more than is known, or more closely than its findings are seen."""
    closely = told_closely(text)
    return closely is None or any(labels[name].probability < detail_from(name) for name in closely)


def calls_normal(text: str) -> Site | None:
    """The site that a sentence calls normal, if that is all it does; of the lungs it may deny findings besides."""
    mentions, site = label_spans(text), primary_site(text)
    rest = [m for m in mentions if (m.label, m.state) != (_SILENT, "positive")]
    if len(rest) == len(mentions) or (rest and (site != "lungs" or any(m.state != "negative" for m in rest))):
        return None
    return site


def _without_normal_sites(
    sentences: Sequence[Written], wanted: set[str], unsaid: set[str], likely: set[str], told: Set[str]
) -> list[Written]:
    """Sentences that call a site normal which has a finding become "otherwise" sentences, or go.

    What such a sentence on the lungs denies besides and is not likely is added to ``unsaid``.
    """
    sites = {LABEL_SITES[name] for name in wanted if name != "Support Devices"}
    sites |= {PLACES[name] for name in told & PLACES.keys()}
    left: list[Written] = []
    for written in sentences:
        if "Cardiomegaly" in wanted and calls_outline_normal(written.text):
            continue
        site = calls_normal(written.text)
        if site is None or site not in sites:
            left.append(written)
        elif site == "lungs":
            left.append(Written(sentence("Lung Opacity", "rest") or written.text, written.log_probability))
            unsaid |= {n for n in denied(written.text, wanted) - likely if LABEL_SITES[n] != "lungs"}
    return list({w.text: w for w in left}.values())


def _said_once(sentences: Sequence[Written]) -> list[Written]:
    """Sentences without those that state or deny findings and only such as stand before them.

    That the heart is normal, and its outline with the mediastinum too, radiologists write side by side: it stays.
    Who has denied a consolidation has denied an airspace disease.
    """
    left: list[Written] = []
    before: set[tuple[str, str]] = set()
    hearts = 0
    for written in sentences:
        states = states_once(written.text)
        hearts += (heart := states == NORMAL_HEART)
        calm = not heart and any(label in _OUTLINED and state == "negative" for label, state in states)
        again = hearts > 1 if heart else states <= before
        if not (states and again) or calm or any(label == _SILENT for label, _ in states):
            left.append(written)
        before |= states
    return left


def states_once(text: str) -> set[tuple[str, str]]:
    """What a sentence says of the labels: (label, state), denials of an airspace disease by whatever name alike."""
    return {_denial(m.label, m.state) for m in label_spans(text)}


def _denial(label: str, state: str) -> tuple[str, str]:
    return (_DENIED_AS_ONE if state == "negative" and label in _CONSOLIDATING else label, state)


def tells_change(text: str) -> bool:
    """Whether a sentence says that a finding of the lungs has grown or shrunk: "the opacities are increased"."""
    return bool(_GROWN.search(text))


def _opacity_not_denied(
    body: list[Written], labels: Mapping[str, Finding], likely: set[str], notes: list[str]
) -> list[Written]:
    """Without "no focal opacity" where an opacity stands by itself that no finding explains as surely; adds notes.

    What else was denied in the same breath is denied again.
    """
    surely = {n for n in EXPLAINS_OPACITY & likely if labels[n].probability >= labels["Lung Opacity"].probability}

    def unexplained(text: str) -> bool:
        states = {m.label for m in label_spans(text) if m.state == "positive"}
        return "Lung Opacity" in states and not states & EXPLAINS_OPACITY

    left = [w for w in body if "Lung Opacity" not in denied(w.text)]
    if surely or len(left) == len(body) or not any(unexplained(w.text) for w in body):
        return body
    notes.append("A sentence that denied an opacity beside one was dropped.")
    lost = set().union(*(denied(w.text) for w in body if w not in left))
    spoken = likely | {m.label for w in left for m in label_spans(w.text)}
    return left + [Written(words, _STOCK) for n in LABELS if n in lost - spoken and (words := sentence(n, "negative"))]


def _sites_with(text: str) -> set[str]:
    """The sites in which a sentence states something."""
    return {LABEL_SITES[n] for n in _asserts(text)} | {PLACES[n] for n in further(text) & PLACES.keys()}


def _rest_last(body: list[Written]) -> list[Written]:
    """FINDINGS in which lungs are called otherwise clear after the first thing that is stated of them."""
    rest = next((i for i, w in enumerate(body) if w.text == sentence("Lung Opacity", "rest")), None)
    first = next((i for i, w in enumerate(body) if "lungs" in _sites_with(w.text)), None)
    if rest is None or first is None or first < rest:
        return body
    return [*body[:rest], body[first], *body[rest:first], *body[first + 1 :]]


def calls_spine_worn(text: str) -> bool:
    """Whether a sentence calls the spine degenerated and states no label, but for a device by CheXbert's habit."""
    abnormal = any(m.label == _SILENT and m.state == "negative" for m in label_spans(text))
    worn = abnormal and bool(_WORN.search(text)) and not _asserts(text)
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
    return plain if "Lung Opacity" in _asserts(text) and asserted(plain) == asserted(text) else text


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


def _of_no_size(text: str) -> str:
    """A sentence beside an effusion, without the denial of a large one: "… or large effusion"."""
    left = _LARGE_FIRST.sub("", _LARGE.sub("", text))
    return left if left == text or " or " in left else _LAST.sub(" or ", left)


def _in_number(text: str) -> str:
    """A sentence in which "there is" and "there are" agree with what there is not."""
    text = _ARE.sub(lambda there: f"{there[1]} are", text)
    return _IS.sub(lambda there: f"{there[1]} is", text)


def calls_outline_normal(text: str) -> bool:
    """Whether a sentence calls the outline of heart and mediastinum normal, of which the heart is a part."""
    return bool(_OUTLINE.search(text)) and not _asserts(text)


def calls_borderline(text: str) -> bool:
    """Whether a sentence puts the heart at the edge of normal."""
    return bool(_BORDERLINE.search(text)) and any(m.label == "Cardiomegaly" for m in label_spans(text))


def _details(sentences: Sequence[Written]) -> set[str]:
    """The words on how much, how many, of what form and where."""
    return {_ALSO.get(word, word) for w in sentences for word in _DETAIL.findall(w.text.lower())}


def _implying(name: str, others: set[str], labels: Mapping[str, Finding]) -> set[str]:
    """Those of other findings beside which an IMPRESSION need not name that one; of an opacity, those as sure."""
    found = others & _IMPLIED.get(name, frozenset())
    if name == "Lung Opacity":
        found = {n for n in found if labels[n].probability >= labels[name].probability}
    return found


def _to_name(name: str, named: set[str], labels: Mapping[str, Finding]) -> bool:
    """Whether an IMPRESSION that names these findings lacks that one: not implied by them."""
    return not _implying(name, named, labels)


def _in_one(conclusion: list[Written], body: Sequence[Written]) -> list[Written]:
    """An IMPRESSION that names an opacity and an atelectasis in one sentence: that of FINDINGS, or our own."""
    names = sentence("Lung Opacity", "named"), sentence("Atelectasis", "named")
    both = [w for w in conclusion if w.text in names]
    if len(both) < 2:
        return conclusion
    told = (w for w in body if _asserts(w.text) == {"Lung Opacity", "Atelectasis"})
    one = next(told, Written(sentence("Lung Opacity", "with atelectasis") or "", _STOCK))
    return [one if w is both[0] else w for w in conclusion if w is not both[1]]


def _concluded(
    conclusion: list[Written],
    body: Sequence[Written],
    wanted: set[str],
    labels: Mapping[str, Finding],
    notes: list[str],
) -> list[Written]:
    """An IMPRESSION of what FINDINGS (``body``) say, no more closely than they do; adds notes.

    It passes over no acute finding, over no enlarged heart and, where it names any, over none of the others.
    """

    def by_name(names: set[str]) -> list[Written]:
        surest = sorted(names, key=lambda n: (-labels[n].probability, n))
        return [Written(words, _STOCK) for n in surest if (words := sentence(n, "named"))]

    told = _details(body)
    closer = [w for w in conclusion if _asserts(w.text) and not _details([w]) <= told]
    if closer:
        anew = _asserts(" ".join(w.text for w in closer)) & wanted
        plain = by_name({n for n in anew if not _implying(n, anew, labels)})
        conclusion = [*plain, *(w for w in conclusion if w not in closer)]
        notes.append("IMPRESSION names plainly what FINDINGS do not say more closely.")
    acute = wanted & _ACUTE
    said = acute.union(*(_implying(n, wanted, labels) for n in acute))
    if acute and not _asserts(" ".join(w.text for w in conclusion)) & said:
        # "No acute disease" below an acute finding is what a reader would take for the result.
        conclusion = by_name(acute)
        notes.append("IMPRESSION was written anew from the findings.")
    named = _asserts(" ".join(w.text for w in conclusion))
    more = by_name({n for n in wanted - named if _to_name(n, named, labels)})
    if more and (named or "Cardiomegaly" in wanted):
        conclusion = [*conclusion, *more] if named else [*more, *conclusion]
        notes.append("What FINDINGS state and IMPRESSION left out was added to it.")
    if not conclusion:
        words = sentence(_SILENT, "negative" if wanted - {"Support Devices"} else "positive")
        conclusion = [Written(words or "", _STOCK)]
    return _in_one(conclusion, body)


def _all_said(body: list[Written], wanted: set[str], labels: Mapping[str, Finding], notes: list[str]) -> list[Written]:
    """FINDINGS in which each finding is stated, beyond doubt and once; adds notes."""
    # The surest comes to stand first, what is hardly seen last.
    for name in sorted(wanted, key=lambda n: labels[n].probability):
        if name not in stated(" ".join(w.text for w in body)) and (words := sentence(name, "positive")):
            # Our own words stand in place of those that say it to one convention alone, or not beside the rest.
            body = [w for w in body if _asserts(w.text) != {name}]
            body.insert(len(body) if labels[name].probability < detail_from(name) else 0, Written(words, _STOCK))
            notes.append(f"A sentence that states {name} was added.")
    return body


def obey(
    findings: Sequence[Written],
    impression: Sequence[Written],
    labels: Mapping[str, Finding],
    spine: bool = True,
    told: Set[str] | None = None,
) -> Obeyed:
    """Drop what asserts a finding below its threshold or denies a likely one, add what a finding above it lacks.

    Args:
        findings, impression: sentences as the decoder wrote them.
        labels: the study's 14 findings with their states.
        spine: whether there is evidence that the spine is degenerated (``model.findings.worn_spine``).
        told: the further findings that are seen (``report.further``), to be said as well; None: that is not known.
    """
    wanted = {name for name, f in labels.items() if f.state == "positive" and name != _SILENT}
    likely = {name for name, f in labels.items() if f.state != "negative" and name != _SILENT}
    notes: list[str] = []
    unsaid: set[str] = set()

    def kept(sentences: Sequence[Written], explained_by: set[str]) -> list[Written]:
        left = []
        for written in sentences:
            if not any(map(str.isalnum, written.text)):
                continue  # a full stop alone says nothing
            extra = _asserts(written.text) - wanted
            if not spine and calls_spine_worn(written.text):
                notes.append("A sentence on a degenerated spine, for which there was little evidence, was dropped.")
            elif told and told & EITHER and calls_inflated(written.text):
                notes.append("A sentence that called the lungs normally inflated was dropped.")
            elif told is not None and (more := further(written.text) - told):
                notes.append(f"A sentence that stated {', '.join(sorted(more))}, which was not seen, was dropped.")
            elif tells_change(written.text):
                notes.append("A sentence that compared with an earlier film was dropped.")
            elif names_untold(written.text):
                notes.append("A sentence that named a disease which the model cannot tell was dropped.")
            elif "Edema" in wanted and _VESSELS.search(written.text) and "Edema" not in _asserts(written.text):
                notes.append("A sentence that called the vessels normal beside an edema was dropped.")
            elif not extra and "Cardiomegaly" in wanted and calls_borderline(written.text):
                notes.append("A sentence that called an enlarged heart borderline was dropped.")
            elif not extra and _unsupported(written.text, labels):
                # The finding is added from the stock below, without a side, a place or a size that nothing supports.
                notes.append("Details of a weakly supported finding were left out.")
            elif extra:
                notes.append(f"A sentence that asserted {', '.join(sorted(extra))} below its threshold was dropped.")
            elif possible := hedged(written.text) - likely:
                notes.append(
                    f"A sentence that held {', '.join(sorted(possible))} possible, below its threshold, was dropped."
                )
            elif against := denied(written.text, explained_by) & likely:
                unsaid.update(denied(written.text, explained_by) - likely)
                states = ", ".join(f"{name} ({labels[name].state})" for name in sorted(against))
                notes.append(f"A sentence that denied {states} was dropped.")
            else:
                plain = _in_number(plainly(written.text))
                left.append(replace(written, text=_of_no_size(plain) if "Pleural Effusion" in wanted else plain))
        return left

    body = _said_once(_without_normal_sites(kept(findings, wanted), wanted, unsaid, likely, told or frozenset()))
    conclusion = kept(impression, set())  # no finding explains there why an opacity is denied beside one
    # What was denied in the same breath as a finding is denied again.
    spoken = {m.label for w in body for m in label_spans(w.text)}
    body += [Written(w, _STOCK) for n in LABELS if n in unsaid - spoken and (w := sentence(n, "negative"))]
    body = _opacity_not_denied(_all_said(body, wanted, labels, notes), labels, likely, notes)
    if told and told & KINDS:  # its name stands in place of "a device"
        body = [w for w in body if w.text != sentence("Support Devices", "positive")]
    for name in sorted((told or frozenset()) - further(" ".join(w.text for w in body))):
        body.append(Written(sentence(name, "positive") or "", _STOCK))
        notes.append(f"A sentence that states {name} was added.")
    if not body:
        body = [Written(w, _STOCK) for n in _SITES_TOLD if n not in wanted and (w := sentence(n, "negative"))]
    conclusion = _concluded(conclusion, body, wanted, labels, notes)
    for name in sorted((told or frozenset()) - further(" ".join(w.text for w in conclusion))):
        if words := sentence(name, "named"):
            conclusion.insert(0, Written(words, _STOCK))
            notes.append(f"{name.capitalize()}, which FINDINGS state, was added to IMPRESSION.")
    return Obeyed(tuple(_rest_last(body)), tuple(conclusion), tuple(notes))


def put_low(
    sentences: Sequence[Written],
    labels: Mapping[str, Finding],
    lower: Mapping[str, float],
    above: Sequence[Written] | None = None,
) -> tuple[Written, ...]:
    """Sentences of what is seen in the lower zone of the lungs name it: "basilar atelectasis".

    Nothing is said of a side, nor of what is hardly seen; a sentence that names a place is left as it is.

    Args:
        lower: by label the chance that it lies in the lower zone (``model.zones``); empty: nothing is known of it.
        above: the FINDINGS of an IMPRESSION, beyond which it does not go; None for FINDINGS themselves.
    """
    low = {
        name
        for name, least in LOWER_FROM.items()
        if labels[name].state == "positive" and labels[name].probability >= _DETAIL_FROM and lower.get(name, 0) >= least
    }
    if above is not None:
        low &= {name for w in above if _CALLED_LOW.search(w.text) for name in _asserts(w.text)}
    return tuple(replace(w, text=_placed_low(w.text, low)) for w in sentences)


def put_several(sentences: Sequence[Written], many: bool, section: Section) -> tuple[Written, ...]:
    """Sentences that state a lung lesion and nothing else say that there are several where there are, in our own words.

    Where there are not, those that say so say it of one.
    """
    states: tuple[State, State] = ("positive", "many") if section == "findings" else ("named", "many named")
    words = sentence("Lung Lesion", states[many]) or ""

    def put(written: Written) -> Written:
        if _asserts(written.text) != {"Lung Lesion"} or not (many or _SEVERAL.search(written.text)):
            return written
        return replace(written, text=words)

    return tuple({w.text: w for w in map(put, sentences)}.values())


def put_silent_sites(sentences: Sequence[Written], labels: Mapping[str, Finding]) -> tuple[Written, ...]:
    """FINDINGS with our own sentences for heart, lungs and pleura where nothing is said and nothing likely of these.

    Not where what is stated would no longer be stated by both conventions (an opacity beside many denials).
    """
    whole = list(sentences)
    said = stated(" ".join(w.text for w in sentences))
    spoken = {site for w in sentences for site in sites_of(w.text)}
    silent = [n for n, sites in _SITES_TOLD.items() if labels[n].state == "negative" and not spoken & sites]
    pleura = {"Pleural Effusion", "Pneumothorax"}
    lacking = [sentence(n, "negative") for n in silent if not pleura <= set(silent) or n not in pleura]
    if pleura <= set(silent):
        lacking.append(sentence("Pleural Effusion", "neither"))
    for words in filter(None, lacking):
        more = [*whole, Written(words, _STOCK)]
        whole = more if stated(" ".join(w.text for w in more)) == said else whole
    return tuple(whole)


def _placed_low(text: str, low: set[str]) -> str:
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
