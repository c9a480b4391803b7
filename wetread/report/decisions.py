"""Findings that the reader decides: their states stand in place of the model's, and the words follow.

A finding that is "uncertain" is neither stated nor denied. "No Finding" can only be decided to be positive: who sees
something decides what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import get_args

from wetread.errors import UsageError
from wetread.types import LABELS, Finding, State

__all__ = ["decide", "decisions", "differences", "revised"]

_NONE, _DEVICES = "No Finding", "Support Devices"
_OTHERS = tuple(name for name in LABELS if name not in (_NONE, _DEVICES))
_STATES: tuple[State, ...] = get_args(State)


def _label(given: str) -> str:
    for name in LABELS:
        if name.casefold() == given.strip().casefold():
            return name
    raise UsageError(f"there is no finding {given!r}; it is one of {', '.join(LABELS)}")


def _state(name: str, given: str) -> State:
    for state in _STATES:
        if state == given.strip().casefold() and (name != _NONE or state == "positive"):
            return state
    if name == _NONE:
        raise UsageError("No Finding can only be decided to be positive; else decide the findings that are there")
    raise UsageError(f"{name} cannot be {given!r}; it is {', '.join(_STATES[:-1])} or {_STATES[-1]}")


def decisions(values: Mapping[str, str]) -> dict[str, State]:
    """What a reader decided, label → state, checked; names and states in any case, in the order of ``LABELS``.

    Raises UsageError for another name or state, one that is given twice, or "No Finding" beside a positive finding.
    """
    known: dict[str, State] = {}
    for given, state in values.items():
        if (name := _label(given)) in known:
            raise UsageError(f"{name} is decided twice; say once what it is")
        known[name] = _state(name, state)
    if _NONE in known and (there := [name for name in _OTHERS if known.get(name) == "positive"]):
        raise UsageError(f"{there[0]} cannot be positive where No Finding is; decide one of them")
    return {name: known[name] for name in LABELS if name in known}


def revised(decided: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, State]:
    """Earlier decisions with later ones, of which None leaves a finding to the model again; the later ones win.

    Raises UsageError as ``decisions``.
    """
    taken_back = {_label(name) for name, state in changes.items() if state is None}
    new = decisions({name: state for name, state in changes.items() if state is not None})
    left = {n: s for n, s in decisions(decided).items() if n not in taken_back | new.keys()}
    if _NONE in new:
        left = {n: s for n, s in left.items() if n == _DEVICES or s != "positive"}
    elif any(new.get(name) == "positive" for name in _OTHERS):
        left.pop(_NONE, None)
    return decisions({**left, **new})


def decide(found: Mapping[str, Finding], decided: Mapping[str, State]) -> dict[str, Finding]:
    """The findings with the reader's states; the probabilities stay the model's, and ``by_model`` keeps its states.

    "No Finding" follows: it is negative beside any other finding but devices, positive where the decisions leave
    none. Decided to be positive, it denies all others but devices that are not decided themselves.
    """
    states: dict[str, State] = {name: f.state for name, f in found.items()}
    if _NONE in decided:
        states |= dict.fromkeys(_OTHERS, "negative")
    states |= decided
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
