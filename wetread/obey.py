"""Making the words obey the findings: each above its threshold is said, none below is asserted, no likely one denied.

The decoder was taught to do this; where it fails, a sentence is dropped or one of our own stock is added, so that the
labels of the text are the states of the findings, always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from wetread.decode import Written
from wetread.report.further import EITHER, KINDS, PLACES, calls_inflated, further
from wetread.report.labeler import label_spans
from wetread.report.sites import LABEL_SITES, Site, sites_of
from wetread.report.stock import State, on_side, sentence
from wetread.report.wording import (
    AIRSPACE,
    EXPLAINS_OPACITY,
    NORMAL_HEART,
    called_low,
    calls_borderline,
    calls_normal,
    calls_outline_normal,
    calls_spine_worn,
    calls_vessels_normal,
    denied,
    details,
    hedged,
    in_number,
    names_untold,
    placed_low,
    plainly,
    sites_with,
    stated,
    stated_by_any,
    states_once,
    tells_change,
    tells_several,
    told_closely,
    without_large,
)
from wetread.types import LABELS, Finding, Section, Side

__all__ = [
    "LOWER_FROM",
    "Obeyed",
    "detail_from",
    "obey",
    "put_low",
    "put_several",
    "put_sides",
    "put_silent_sites",
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
#: What an IMPRESSION that names findings need not name beside one of these.
_IMPLIED = {
    "Lung Opacity": EXPLAINS_OPACITY | AIRSPACE,
    "Enlarged Cardiomediastinum": frozenset({"Cardiomegaly"}),
    "Support Devices": frozenset(LABELS),
}
#: Sites that no report passes over, and what is denied where nothing is said of them.
_SITES_TOLD: tuple[tuple[frozenset[Site], tuple[str, ...]], ...] = (
    (frozenset({"heart", "mediastinum"}), ("Cardiomegaly",)),
    (frozenset({"lungs"}), ("Consolidation",)),
    (frozenset({"pleura"}), ("Pleural Effusion", "Pneumothorax")),
)
#: Probability of a finding from which the decoder's own words for it may stand; below, it is said in plain ones.
_DETAIL_FROM = 0.15
#: Of a device, whose name is all the detail there is: that there is one says little about which.
_KIND_FROM = 0.5
#: The outline of heart and mediastinum in one, and the findings that it may show.
_OUTLINED = frozenset({"Cardiomegaly", "Enlarged Cardiomediastinum"})
#: Chance of the lower zone (``model.zones``) from which a finding is called basilar. ``benchmarks/zones.py`` says
#: how many reports agree.
LOWER_FROM = {"Atelectasis": 0.5, "Lung Opacity": 0.45}
#: Log-probability given to a stock sentence: it is as sure as its finding, which the caller knows.
_STOCK = 0.0


@dataclass(frozen=True)
class Obeyed:
    """The sentences that are left or added, and what was done, one note each."""

    findings: tuple[Written, ...]
    impression: tuple[Written, ...]
    notes: tuple[str, ...]


def detail_from(name: str) -> float:
    """The probability of a finding from which other words for it than our own plain ones may stand."""
    return _KIND_FROM if name == "Support Devices" else _DETAIL_FROM


def _unsupported(text: str, labels: Mapping[str, Finding]) -> bool:
    """Whether a sentence says more than is known, or more closely than its findings are seen."""
    closely = told_closely(text)
    return closely is None or any(labels[name].probability < detail_from(name) for name in closely)


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


def _opacity_not_denied(
    body: list[Written], labels: Mapping[str, Finding], likely: set[str], sided: bool, notes: list[str]
) -> list[Written]:
    """Without "no focal opacity" where an opacity stands by itself that no finding explains as surely; adds notes.

    What else was denied in the same breath is denied again. Nothing explains one whose side is known (``sided``).
    """
    surely = {n for n in EXPLAINS_OPACITY & likely if not sided and labels[n].held >= labels["Lung Opacity"].held}

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


def _rest_last(body: list[Written]) -> list[Written]:
    """FINDINGS in which lungs are called otherwise clear after the first thing that is stated of them."""
    rest = next((i for i, w in enumerate(body) if w.text == sentence("Lung Opacity", "rest")), None)
    first = next((i for i, w in enumerate(body) if "lungs" in sites_with(w.text)), None)
    if rest is None or first is None or first < rest:
        return body
    return [*body[:rest], body[first], *body[rest:first], *body[first + 1 :]]


def _implying(name: str, others: set[str], labels: Mapping[str, Finding]) -> set[str]:
    """Those of other findings beside which an IMPRESSION need not name that one; of an opacity, those as sure."""
    found = others & _IMPLIED.get(name, frozenset())
    if name == "Lung Opacity":
        found = {n for n in found if labels[n].held >= labels[name].held}
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
    told = (w for w in body if stated_by_any(w.text) == {"Lung Opacity", "Atelectasis"})
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
        surest = sorted(names, key=lambda n: (-labels[n].held, n))
        return [Written(words, _STOCK) for n in surest if (words := sentence(n, "named"))]

    told = set().union(*(details(w.text) for w in body))
    closer = [w for w in conclusion if stated_by_any(w.text) and not details(w.text) <= told]
    if closer:
        anew = stated_by_any(" ".join(w.text for w in closer)) & wanted
        plain = by_name({n for n in anew if not _implying(n, anew, labels)})
        conclusion = [*plain, *(w for w in conclusion if w not in closer)]
        notes.append("IMPRESSION names plainly what FINDINGS do not say more closely.")
    acute = wanted & _ACUTE
    said = acute.union(*(_implying(n, wanted, labels) for n in acute))
    if acute and not stated_by_any(" ".join(w.text for w in conclusion)) & said:
        # "No acute disease" below an acute finding is what a reader would take for the result.
        conclusion = by_name(acute)
        notes.append("IMPRESSION was written anew from the findings.")
    named = stated_by_any(" ".join(w.text for w in conclusion))
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
    for name in sorted(wanted, key=lambda n: labels[n].held):
        if name not in stated(" ".join(w.text for w in body)) and (words := sentence(name, "positive")):
            # Our own words stand in place of those that say it to one convention alone, or not beside the rest.
            body = [w for w in body if stated_by_any(w.text) != {name}]
            body.insert(len(body) if labels[name].held < detail_from(name) else 0, Written(words, _STOCK))
            notes.append(f"A sentence that states {name} was added.")
    return body


def obey(
    findings: Sequence[Written],
    impression: Sequence[Written],
    labels: Mapping[str, Finding],
    spine: bool = True,
    told: Set[str] | None = None,
    sides: Mapping[str, Side] | None = None,
) -> Obeyed:
    """Drop what asserts a finding below its threshold or denies a likely one, add what a finding above it lacks.

    Args:
        findings, impression: sentences as the decoder wrote them.
        labels: the study's 14 findings with their states.
        spine: whether there is evidence that the spine is degenerated (``model.findings.worn_spine``).
        told: the further findings that are seen (``report.further``), to be said as well; None: that is not known.
        sides: the sides of findings of which they are known; what states these on another is said anew, plainly, and
            ``put_sides`` names the side.
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
            extra = stated_by_any(written.text) - wanted
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
            elif "Edema" in wanted and calls_vessels_normal(written.text):
                notes.append("A sentence that called the vessels normal beside an edema was dropped.")
            elif not extra and "Cardiomegaly" in wanted and calls_borderline(written.text):
                notes.append("A sentence that called an enlarged heart borderline was dropped.")
            elif not extra and _unsupported(written.text, labels):
                # The finding is added from the stock below, without a side, a place or a size that nothing supports.
                notes.append("Details of a weakly supported finding were left out.")
            elif extra:
                denied_by_reader = all(labels[n].by_model for n in extra)
                why = ", which the reader denies," if denied_by_reader else " below its threshold"
                notes.append(f"A sentence that asserted {', '.join(sorted(extra))}{why} was dropped.")
            elif possible := hedged(written.text) - likely:
                notes.append(
                    f"A sentence that held {', '.join(sorted(possible))} possible, below its threshold, was dropped."
                )
            elif sides and _on_other_side(written.text, sides):
                notes.append("A sentence that did not name the decided side was said anew.")
                unsaid.update(n for n in denied(written.text, explained_by) - likely if LABEL_SITES[n] != "lungs")
            elif against := denied(written.text, explained_by) & likely:
                unsaid.update(denied(written.text, explained_by) - likely)
                states = ", ".join(f"{name} ({labels[name].state})" for name in sorted(against))
                notes.append(f"A sentence that denied {states} was dropped.")
            else:
                plain = in_number(plainly(written.text))
                left.append(replace(written, text=without_large(plain) if "Pleural Effusion" in wanted else plain))
        return left

    body = _said_once(_without_normal_sites(kept(findings, wanted), wanted, unsaid, likely, told or frozenset()))
    conclusion = kept(impression, set())  # no finding explains there why an opacity is denied beside one
    # What was denied in the same breath as a finding is denied again.
    spoken = {m.label for w in body for m in label_spans(w.text)}
    body += [Written(w, _STOCK) for n in LABELS if n in unsaid - spoken and (w := sentence(n, "negative"))]
    body = _all_said(body, wanted, labels, notes)
    body = _opacity_not_denied(body, labels, likely, "Lung Opacity" in (sides or {}), notes)
    if told and told & KINDS:  # its name stands in place of "a device"
        body = [w for w in body if w.text != sentence("Support Devices", "positive")]
    for name in sorted((told or frozenset()) - further(" ".join(w.text for w in body))):
        body.append(Written(sentence(name, "positive") or "", _STOCK))
        notes.append(f"A sentence that states {name} was added.")
    if not body:
        usual = [n for _, names in _SITES_TOLD for n in names if n not in wanted]
        body = [Written(w, _STOCK) for n in usual if (w := sentence(n, "negative"))]
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
        low &= {name for w in above if called_low(w.text) for name in stated_by_any(w.text)}
    return tuple(replace(w, text=placed_low(w.text, low)) for w in sentences)


def put_several(sentences: Sequence[Written], many: bool, section: Section) -> tuple[Written, ...]:
    """Sentences that state a lung lesion and nothing else say that there are several where there are, in our own words.

    Where there are not, those that say so say it of one.
    """
    states: tuple[State, State] = ("positive", "many") if section == "findings" else ("named", "many named")
    words = sentence("Lung Lesion", states[many]) or ""

    def put(written: Written) -> Written:
        if stated_by_any(written.text) != {"Lung Lesion"} or not (many or tells_several(written.text)):
            return written
        return replace(written, text=words)

    return tuple({w.text: w for w in map(put, sentences)}.values())


def put_sides(
    sentences: Sequence[Written], sides: Mapping[str, Side], many: bool, section: Section
) -> tuple[Written, ...]:
    """Our own plain sentences for findings whose side is known name it.

    ``obey`` was told the sides as well: no other sentence states these findings on no side, or on another.

    Args:
        many: whether several lung lesions are seen.
    """
    state: State = "positive" if section == "findings" else "named"
    put = {sentence(n, state): on_side(n, side, section, many and n == "Lung Lesion") for n, side in sides.items()}
    left: list[Written] = []
    for written in sentences:
        texts: list[str | None] = [written.text]
        if written.text == sentence("Lung Opacity", "with atelectasis"):
            texts = [sentence("Lung Opacity", "named"), sentence("Atelectasis", "named")]
            texts = texts if put.keys() & set(texts) else [written.text]
        left += [replace(written, text=words) for text in texts if (words := put.get(text, text))]
    return tuple(left)


def _on_other_side(text: str, sides: Mapping[str, Side]) -> bool:
    """Whether a sentence states a finding on no side, or on another than it is known to be on."""
    told: dict[str, set[str | None]] = {name: set() for name in stated_by_any(text) & sides.keys()}
    for mention in label_spans(text):
        if mention.state == "positive" and mention.label in told:
            told[mention.label].add(mention.side)
    return any(said != {sides[name]} for name, said in told.items())


def put_silent_sites(sentences: Sequence[Written], labels: Mapping[str, Finding]) -> tuple[Written, ...]:
    """FINDINGS with our own sentences for heart, lungs and pleura where nothing is said and nothing likely of these.

    Not where what is stated would no longer be stated by both conventions (an opacity beside many denials).
    """
    whole = list(sentences)
    said = stated(" ".join(w.text for w in sentences))
    spoken = {site for w in sentences for site in sites_of(w.text)}
    lacking: list[str | None] = []
    for sites, names in _SITES_TOLD:
        silent = [n for n in names if labels[n].state == "negative" and not spoken & sites]
        if len(silent) > 1:
            lacking.append(sentence(silent[0], "neither"))
        elif silent:
            lacking.append(sentence(silent[0], "negative"))
    for words in filter(None, lacking):
        more = [*whole, Written(words, _STOCK)]
        whole = more if stated(" ".join(w.text for w in more)) == said else whole
    return tuple(whole)
