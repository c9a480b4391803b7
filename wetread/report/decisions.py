"""Findings that the reader decides: their states stand in place of the model's, and the words follow.

A finding that is "uncertain" is neither stated nor denied; one that is "left", "right" or "bilateral" is there, on that
side. "No Finding" can only be decided to be positive: who sees something decides what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from wetread.errors import UsageError
from wetread.report.stock import SIDED
from wetread.types import LABELS, Decision, Finding, Side, State

__all__ = ["decide", "decisions", "differences", "is_there", "revised", "sides"]

_NONE, _DEVICES = "No Finding", "Support Devices"
_OTHERS = tuple(name for name in LABELS if name not in (_NONE, _DEVICES))
_STATES: tuple[State, ...] = get_args(State)
_SIDES: tuple[Side, ...] = get_args(Side)


def is_there(decision: str) -> bool:
    """Whether a finding is positive by a decision, on a side or not."""
    return decision == "positive" or decision in _SIDES


def sides(decided: Mapping[str, Decision]) -> dict[str, Side]:
    """The findings of which a side was decided."""
    return {name: side for name, decision in decided.items() for side in _SIDES if side == decision}


def _label(given: str) -> str:
    for name in LABELS:
        if name.casefold() == given.strip().casefold():
            return name
    raise UsageError(f"there is no finding {given!r}; it is one of {', '.join(LABELS)}")


def _decision(name: str, given: str) -> Decision:
    known = given.strip().casefold()
    if name == _NONE:
        if known == "positive":
            return "positive"
        raise UsageError("No Finding can only be decided to be positive; else decide the findings that are there")
    possible: tuple[Decision, ...] = (*_STATES, *_SIDES) if name in SIDED else _STATES
    for decision in possible:
        if decision == known:
            return decision
    if known in _SIDES:
        raise UsageError(f"{name} has no side that could be decided; it is {_listed(possible)}")
    raise UsageError(f"{name} cannot be {given!r}; it is {_listed(possible)}")


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def decisions(values: Mapping[str, str]) -> dict[str, Decision]:
    """What a reader decided by label, checked; names and decisions in any case, in the order of ``LABELS``.

    Raises UsageError for another name or state, one that is given twice, or "No Finding" beside a positive finding.
    """
    known: dict[str, Decision] = {}
    for given, decision in values.items():
        if (name := _label(given)) in known:
            raise UsageError(f"{name} is decided twice; say once what it is")
        known[name] = _decision(name, decision)
    if _NONE in known and (there := [name for name in _OTHERS if is_there(known.get(name, ""))]):
        raise UsageError(f"{there[0]} cannot be positive where No Finding is; decide one of them")
    return {name: known[name] for name in LABELS if name in known}


def revised(decided: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, Decision]:
    """Earlier decisions with later ones, of which None leaves a finding to the model again; the later ones win.

    Raises UsageError as ``decisions``.
    """
    taken_back = {_label(name) for name, state in changes.items() if state is None}
    new = decisions({name: state for name, state in changes.items() if state is not None})
    left = {n: s for n, s in decisions(decided).items() if n not in taken_back | new.keys()}
    if _NONE in new:
        left = {n: s for n, s in left.items() if n == _DEVICES or not is_there(s)}
    elif any(is_there(new.get(name, "")) for name in _OTHERS):
        left.pop(_NONE, None)
    return decisions({**left, **new})


def decide(found: Mapping[str, Finding], decided: Mapping[str, Decision]) -> dict[str, Finding]:
    """The findings with the reader's states; the probabilities stay the model's, and ``by_model`` keeps its states.

    "No Finding" follows: it is negative beside any other finding but devices, positive where the decisions leave
    none. Decided to be positive, it denies all others but devices that are not decided themselves.
    """
    states: dict[str, State] = {name: f.state for name, f in found.items()}
    if _NONE in decided:
        states |= dict.fromkeys(_OTHERS, "negative")
    for name, decision in decided.items():
        states[name] = next((state for state in _STATES if state == decision), "positive")
    left = {states[name] for name in _OTHERS}
    if "positive" in left:
        states[_NONE] = "negative"
    elif left == {"negative"} and any(found[name].state != "negative" for name in _OTHERS):
        states[_NONE] = "positive"
    return {
        name: f if states[name] == f.state and name not in decided else replace(f, state=states[name], by_model=f.state)
        for name, f in found.items()
    }


def differences(findings: Mapping[str, Finding]) -> Iterator[str]:
    """A sentence for each finding whose state the reader's decisions change."""
    for name, f in findings.items():
        if f.by_model not in (None, f.state):
            yield f"{name} is {f.state} by the reader's decision, {f.by_model} by the model."
