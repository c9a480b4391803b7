"""The 14 CheXpert labels from report text: phrase tables, with negation and uncertainty scoped per clause.

The way of a sentence: words → phrases (``data/*.tsv``) → clauses → state, side, zone and severity of each mention.
A mention is either a *finding*, a phrase that is abnormal by itself ("pleural effusion"), or a *subject*, a structure
whose *predicate* decides ("heart size … is normal", "… is enlarged").

Scope follows ConText (Harkema et al., J Biomed Inform 42:839, 2009): a trigger acts forward or backward to the end of
its clause. What counts as each label follows CheXbert (Smit et al. 2020), the labeler that the field scores with:
"No Finding" means that nothing abnormal at all is said, degenerative spine and calcified granuloma included, support
devices, clips and sternotomy excepted. See ``Convention`` for what CheXbert reads oddly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, cast, get_args

from wetread.report.opacity import OPACITY, circumstances, is_passed_over
from wetread.report.phrases import Match, Matcher, Rule, Token, read_table, tokenize
from wetread.report.sentences import Span, split_sentences
from wetread.types import LABELS, State

__all__ = [
    "Convention",
    "Labels",
    "Mention",
    "asserted",
    "combine",
    "label",
    "label_many",
    "label_spans",
    "stated_opacity",
]

#: The state of each of the 14 labels; None where the text does not mention it.
Labels = dict[str, State | None]

NO_FINDING = "No Finding"
DEVICES = "Support Devices"
#: In the tables: abnormal, but none of the 14; speaks against "No Finding".
OTHER = "Other"
#: In the tables: looks like a finding and is none; hides the phrases inside it.
HIDDEN = "-"

#: How to read what CheXbert reads oddly but regularly ("no displaced rib fracture" as a fracture, an unchanged
#: mediastinum as an uncertain one). ``chexbert`` agrees with it, so that figures compare with published ones;
#: ``plain`` says what the text says and is for showing, checking and evidence.
Convention = Literal["chexbert", "plain"]

_THING, _PREDICATE, _CONTEXT, _ATTRIBUTE = range(4)
_STRENGTH: Mapping[State | None, int] = {None: 0, "negative": 1, "uncertain": 2, "positive": 3}


@dataclass(frozen=True, slots=True)
class Mention:
    """One statement of a report about one label.

    Attributes:
        label: one of ``wetread.types.LABELS``. A normal statement that belongs to no other label ("The lungs are
            clear.") is "No Finding" positive; an abnormality outside the 14 ("Calcified granuloma.") "No Finding"
            negative.
        state: positive, uncertain or negative.
        sentence: index of the sentence, as ``split_sentences`` counts.
        start, end: place in the text, in characters.
        phrase: ``text[start:end]``.
        side: left, right or bilateral; None where not stated.
        zone: the value of ``data/attributes.tsv``: upper, middle, lower, lingula, apex, base, perihilar, ….
        severity: minimal, mild, moderate or severe; None where not stated.
    """

    label: str
    state: State
    sentence: int
    start: int
    end: int
    phrase: str
    side: str | None = None
    zone: str | None = None
    severity: str | None = None


class _Hit(NamedTuple):
    """A mention within its sentence: characters from the start of the sentence."""

    label: str
    state: State
    start: int
    end: int
    side: str | None
    zone: str | None
    severity: str | None


@dataclass(slots=True)
class _Thing:
    """A finding or a subject while its sentence is being read; places count words."""

    first: int
    last: int
    label: str
    state: State
    side: str | None = None
    zone: str | None = None
    severity: str | None = None


class _Entry(NamedTuple):
    """A row of ``findings.tsv`` or ``subjects.tsv``: labels with their flags, or the class of a subject."""

    labels: tuple[tuple[str, str], ...] = ()
    subject: str = ""


class _Tables(NamedTuple):
    """The phrase tables under one convention."""

    matcher: Matcher
    #: (subject class, predicate class) → what it means
    meanings: dict[tuple[str, str], list[tuple[str, State]]]
    #: subject class → the predicate classes that mean something for it
    predicates: dict[str, frozenset[str]]


def _split_flags(cell: str) -> tuple[str, str]:
    name = cell.rstrip("?!=^~%")
    if name not in (*LABELS, OTHER, HIDDEN):
        raise ValueError(f"findings.tsv or meanings.tsv: '{name}' is no label")
    return name, cell[len(name) :]


@lru_cache(maxsize=2)
def _tables(convention: Convention) -> _Tables:
    """Read the tables; the flag ``~`` is for the convention ``chexbert`` only, ``%`` for ``plain`` only."""
    other = "~" if convention == "plain" else "%"
    rules: list[Rule] = []
    for cell, phrase in read_table("findings.tsv", 2):
        labels = tuple(_split_flags(part.strip()) for part in cell.split("+"))
        if not any(other in flags for _, flags in labels):
            rules.append(Rule(_THING, _Entry(labels), phrase))
    rules += [Rule(_THING, _Entry(subject=kind), phrase) for kind, phrase in read_table("subjects.tsv", 2)]
    rules += [Rule(_PREDICATE, kind, phrase) for kind, phrase in read_table("predicates.tsv", 2)]
    rules += [Rule(_CONTEXT, kind, phrase) for kind, phrase in read_table("context.tsv", 2)]
    rules += [Rule(_ATTRIBUTE, (kind, value), phrase) for kind, value, phrase in read_table("attributes.tsv", 3)]
    meanings: dict[tuple[str, str], list[tuple[str, State]]] = {}
    kinds: dict[str, set[str]] = {}
    for subject, predicate, cell, state in read_table("meanings.tsv", 4):
        name, flags = _split_flags(cell)
        if state not in _STRENGTH:
            raise ValueError(f"meanings.tsv: '{state}' is no state")
        if other not in flags:
            meanings.setdefault((subject, predicate), []).append((name, cast(State, state)))
            kinds.setdefault(subject, set()).add(predicate)
    matcher = Matcher(rules, several=(_CONTEXT, _ATTRIBUTE))
    return _Tables(matcher, meanings, {kind: frozenset(found) for kind, found in kinds.items()})


class _Clauses:
    """The clauses of a sentence and the triggers in them, found in one pass."""

    def __init__(self, words: list[str], contexts: list[Match]) -> None:
        count = len(words)
        breaks = [0] * (count + 1)
        commas = [0] * (count + 1)
        for i, word in enumerate(words):
            if word in (";", "(", ")", "?"):
                breaks[i] = 1
            elif word == ",":
                commas[i] = 1
        self.triggers: dict[str, list[Match]] = {}
        for match in contexts:
            kind = match.payload
            if kind == "stop" or (kind == "stop-after-comma" and match.first and words[match.first - 1] == ","):
                breaks[match.first] = 1
            elif kind != "none":
                self.triggers.setdefault(kind, []).append(match)
        self.clause = _running(breaks)
        self.part = _running(commas)
        self._starts = {kind: [m.first for m in found] for kind, found in self.triggers.items()}

    def before(self, kind: str, at: int) -> Match | None:
        """The nearest trigger that ends before word ``at`` in its clause."""
        starts = self._starts.get(kind)
        if not starts:
            return None
        k = bisect_left(starts, at) - 1
        if k < 0:
            return None
        match = self.triggers[kind][k]
        return match if self.clause[match.last - 1] == self.clause[at] else None

    def after(self, kind: str, at: int) -> Match | None:
        """The nearest trigger from word ``at`` on that lies in the clause of the word before ``at``."""
        starts = self._starts.get(kind)
        if not starts:
            return None
        k = bisect_left(starts, at)
        if k == len(starts):
            return None
        match = self.triggers[kind][k]
        return match if self.clause[match.first] == self.clause[at - 1] else None


def _running(marks: list[int]) -> list[int]:
    total, sums = 0, []
    for mark in marks:
        total += mark
        sums.append(total)
    return sums


def _finding_state(clauses: _Clauses, first: int, last: int) -> State:
    """State of a finding from the triggers around it."""
    if clauses.before("negation>", first):
        return "negative"
    after = clauses.after("<negation", last)
    if after and clauses.part[after.first] == clauses.part[last - 1]:
        return "negative"
    if clauses.before("uncertain>", first):
        return "uncertain"
    after = clauses.after("<uncertain", last)
    if after and clauses.part[after.first] == clauses.part[last - 1]:
        return "uncertain"
    near = clauses.before("either", first)
    if near and first - near.last <= 4 and clauses.part[near.first] == clauses.part[first]:
        return "uncertain"
    near = clauses.after("either", last)
    if near and near.first - last <= 3 and clauses.part[near.first] == clauses.part[last - 1]:
        return "uncertain"
    return "positive"


def _predicate_of(clauses: _Clauses, predicates: list[Match], kinds: frozenset[str], subject: Match) -> Match | None:
    """The predicate that speaks about a subject: the word right before it, else the next one, else the last before."""
    clause = clauses.clause[subject.first]
    mine = [p for p in predicates if p.payload in kinds and clauses.clause[p.first] == clause]
    if not mine:
        return None
    for p in reversed(mine):
        if 0 <= subject.first - p.last <= 1:
            return p
    for p in mine:
        if p.first >= subject.first:
            return p
    return mine[-1]


def _subject_things(tables: _Tables, clauses: _Clauses, predicates: list[Match], match: Match) -> list[_Thing]:
    """What the predicate of a subject says, if it has one."""
    kind = match.payload.subject
    predicate = _predicate_of(clauses, predicates, tables.predicates.get(kind, frozenset()), match)
    if predicate is None:
        return []
    first, last = min(match.first, predicate.first), max(match.last, predicate.last)
    things = []
    for name, state in tables.meanings[kind, predicate.payload]:
        if state == "positive":
            state = _finding_state(clauses, predicate.first, predicate.last)
        things.append(_Thing(first, last, name, state))
    return things


def _finding_things(clauses: _Clauses, match: Match) -> list[_Thing]:
    """The finding of a phrase, once a label."""
    things = []
    for name, flags in match.payload.labels:
        state: State = "negative" if "^" in flags else "positive"
        if "=" not in flags and "^" not in flags and name != NO_FINDING:
            state = _finding_state(clauses, match.first, match.last)
        if state == "positive" and "?" in flags:
            state = "uncertain"
        elif state == "uncertain" and "!" in flags:
            state = "positive"
        if name != HIDDEN:
            things.append(_Thing(match.first, match.last, name, state))
    return things


#: Labels of which several may share one place: "atelectasis and effusion at the left base".
_PLACED = frozenset(
    ("Lung Opacity", "Lung Lesion", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion")
)
_PREPOSITIONS = frozenset(
    [
        "in",
        "at",
        "within",
        "of",
        "on",
        "over",
        "overlying",
        "involving",
        "along",
        "near",
        "to",
        "throughout",
        "is",
        "are",
    ]
)
_JOINS = frozenset(["and", "or", ",", "with", "without", "versus", "vs", "plus"])


def _attach(things: list[_Thing], attributes: list[Match], words: list[str], clauses: _Clauses) -> None:
    """Give each side, zone and severity to the mention it describes.

    Before a mention: the noun's own adjectives. After it: what a preposition brings ("in the left base"), which also
    describes the mentions joined to it ("atelectasis and effusion at the left base").
    """
    for match in attributes:
        kind, value = match.payload
        owner = _owner(things, match, words, clauses)
        if owner is None:
            continue
        thing = things[owner]
        if kind == "side" and thing.side not in (None, value):
            value = "bilateral"
        if kind == "side" or getattr(thing, kind) is None:
            setattr(thing, kind, value)
        if kind != "severity" and thing.last <= match.first:
            for other in _joined_before(things, owner, words):
                if getattr(other, kind) is None:
                    setattr(other, kind, value)


def _owner(things: list[_Thing], match: Match, words: list[str], clauses: _Clauses) -> int | None:
    """Index of the mention that an attribute describes."""
    clause = clauses.clause[match.first]
    previous = following = later = None
    for i, thing in enumerate(things):
        where = clauses.clause[thing.first]
        if where == clause or clauses.clause[thing.last - 1] == clause:
            if thing.first <= match.first < thing.last:
                return i
            if thing.last <= match.first:
                previous = i
            elif following is None:
                following = i
        elif where == clause + 1 and later is None:
            later = i
    if previous is None and following is None:
        # "In the right base there is an opacity": a place of its own opens the sentence.
        return later if words[0] in _PREPOSITIONS else None
    if previous is None or following is None:
        return following if previous is None else previous
    between = words[things[previous].last : match.first]
    if any(w in _JOINS for w in between) or not any(w in _PREPOSITIONS for w in between):
        return following
    return previous


def _joined_before(things: list[_Thing], index: int, words: list[str]) -> list[_Thing]:
    """The mentions that form one list with a mention, before it."""
    joined: list[_Thing] = []
    for i in range(index, 0, -1):
        between = words[things[i - 1].last : things[i].first]
        listed = any(w in _JOINS for w in between) and not any(w in _PREPOSITIONS for w in between)
        alike = things[i - 1].state == things[i].state and {things[i - 1].label, things[i].label} <= _PLACED
        if not (listed and alike and len(between) <= 5):
            break
        joined.append(things[i - 1])
    return joined


def _without_echoes(things: list[_Thing]) -> list[_Thing]:
    """Drop "normal" and "enlarged" where they are the predicate of a mention: they are said once.

    What has the very place of a mention comes from the same row of the table and stays.
    """
    spans = [(t.first, t.last) for t in things if t.label not in (OTHER, NO_FINDING)]
    return [
        t
        for t in things
        if t.label not in (OTHER, NO_FINDING)
        or not any(a <= t.first and t.last <= b and (a, b) != (t.first, t.last) for a, b in spans)
    ]


#: The longest piece that is read at once, in words; no sentence of a report is longer, and it bounds the work.
_LONGEST = 256
#: The longest sentence that is remembered, in characters.
_REMEMBERED = 1000


def _read(sentence: str, convention: Convention) -> tuple[_Hit, ...]:
    """The mentions of one sentence; the same sentence is read once."""
    if len(sentence) <= _REMEMBERED:
        return _remembered(sentence, convention)
    tokens = tokenize(sentence)
    tables = _tables(convention)
    pieces = (tokens[i : i + _LONGEST] for i in range(0, len(tokens), _LONGEST))
    return tuple(hit for piece in pieces for hit in _read_words(piece, tables))


@lru_cache(maxsize=1 << 15)
def _remembered(sentence: str, convention: Convention) -> tuple[_Hit, ...]:
    return tuple(_read_words(tokenize(sentence), _tables(convention)))


def _read_words(tokens: list[Token], tables: _Tables) -> list[_Hit]:
    words = [t[0] for t in tokens]
    groups: tuple[list[Match], ...] = ([], [], [], [])
    for match in tables.matcher.scan(words):
        groups[match.group].append(match)
    found, predicates, contexts, attributes = groups
    if not found:
        return []
    clauses = _Clauses(words, contexts)
    things: list[_Thing] = []
    for match in found:
        if match.payload.subject:
            things += _subject_things(tables, clauses, predicates, match)
        else:
            things += _finding_things(clauses, match)
    things = _without_echoes(things)
    if attributes:
        _attach(things, attributes, words, clauses)
    return [_hit(thing, tokens) for thing in things]


def _hit(thing: _Thing, tokens: list[Token]) -> _Hit:
    name, state = thing.label, thing.state
    if name == OTHER:
        name, state = NO_FINDING, ("positive" if state == "negative" else "negative")
    start, end = tokens[thing.first][1], tokens[thing.last - 1][2]
    return _Hit(name, state, start, end, thing.side, thing.zone, thing.severity)


def label_spans(text: str, convention: Convention = "plain") -> list[Mention]:
    """Every mention of a label in a report, with its place, in reading order.

    Args:
        text: a report, a section or a sentence; any string.
        convention: see ``Convention``; by default what the text says.
    """
    mentions = []
    for index, span, hit in _hits(text, convention):
        start, end = span.start + hit.start, span.start + hit.end
        place = (index, start, end, text[start:end])
        mentions.append(Mention(hit.label, hit.state, *place, hit.side, hit.zone, hit.severity))
    return mentions


_Found = list[tuple[int, Span, _Hit]]


def _stated(text: str, convention: Convention) -> _Found:
    return [(k, span, hit) for k, span in enumerate(split_sentences(text)) for hit in _read(span.value, convention)]


def _states_opacity(hit: _Hit) -> bool:
    return hit.label == OPACITY and hit.state == "positive"


def _circumstances(found: _Found) -> set[str]:
    return circumstances([(k, span.value[hit.start : hit.end], hit) for k, span, hit in found])


def _hits(text: str, convention: Convention) -> _Found:
    """The mentions of a report; an opacity that CheXbert passes over is abnormal and nothing more."""
    found = _stated(text, convention)
    if convention == "plain" or not any(_states_opacity(hit) for _, _, hit in found):
        return found
    if not is_passed_over(_circumstances(found)):
        return found
    return [
        (k, span, hit._replace(label=NO_FINDING, state="negative") if _states_opacity(hit) else hit)
        for k, span, hit in found
    ]


def stated_opacity(text: str) -> set[str]:
    """The circumstances of the opacities that a report states, as ``data/opacity.tsv`` names them; empty if none."""
    found = _stated(text, "chexbert")
    return _circumstances(found) if any(_states_opacity(hit) for _, _, hit in found) else set()


def combine(mentions: Iterable[Mention | _Hit]) -> Labels:
    """The labels of a report from its mentions.

    The strongest statement counts: positive over uncertain over negative. "No Finding" is positive where something
    was read and nothing abnormal was said (support devices aside), negative where something was, else None.
    """
    states: dict[str, State | None] = dict.fromkeys(LABELS)
    abnormal = said = False
    for mention in mentions:
        name, state = mention.label, mention.state
        said = True
        if name == NO_FINDING:
            abnormal |= state == "negative"
            continue
        if _STRENGTH[state] > _STRENGTH[states[name]]:
            states[name] = state
        abnormal |= state != "negative" and name != DEVICES
    if said:
        states[NO_FINDING] = "negative" if abnormal else "positive"
    return states


def label(text: str, convention: Convention = "chexbert") -> Labels:
    """The 14 labels of a report: positive, uncertain, negative, or None where not mentioned.

    Args:
        text: the report or the section to label; any string, also an empty one (all None).
        convention: see ``Convention``; by default that of the published scores.
    """
    return combine(hit for _, _, hit in _hits(text, convention))


def asserted(text: str) -> tuple[set[str], set[str]]:
    """The labels that a text calls positive by both conventions, and those that it does by either."""
    plain, chexbert = (
        {name for name, state in label(text, convention).items() if state == "positive"}
        for convention in get_args(Convention)
    )
    return plain & chexbert, plain | chexbert


def label_many(texts: Iterable[str], convention: Convention = "chexbert") -> list[Labels]:
    """``label`` of each text, in order."""
    return [label(text, convention) for text in texts]
