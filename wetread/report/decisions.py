"""Findings that the reader decides: their states stand in place of the model's, and the words follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import get_args

from wetread.errors import UsageError
from wetread.types import LABELS, Finding, State

__all__ = ["decide", "decisions", "differences"]

_NONE, _DEVICES = "No Finding", "Support Devices"
_STATES: tuple[State, ...] = get_args(State)


def decisions(values: Mapping[str, str]) -> dict[str, State]:
    """What a reader decided, label → state, checked; labels in any case, in the order of ``LABELS``.

    Raises UsageError for another name or state.
    """
    names = {name.casefold(): name for name in LABELS}
    known: dict[str, State] = {}
    for given, state in values.items():
        name = names.get(given.strip().casefold())
        if name is None:
            raise UsageError(f"there is no finding {given!r}; it is one of {', '.join(LABELS)}")
        if state not in _STATES:
            raise UsageError(f"{name} cannot be {state!r}; it is {', '.join(_STATES[:-1])} or {_STATES[-1]}")
        known[name] = next(s for s in _STATES if s == state)
    return {name: known[name] for name in LABELS if name in known}


def decide(found: Mapping[str, Finding], decided: Mapping[str, State]) -> dict[str, Finding]:
    """The findings with the reader's states; the probabilities stay the model's, and ``by_model`` keeps its states.

    "No Finding" follows: it is negative beside any other finding but devices, positive where the decisions leave
    none. Decided to be positive, it denies all others but devices that are not decided themselves.
    """
    states: dict[str, State] = {name: f.state for name, f in found.items()}
    others = [name for name in LABELS if name not in (_NONE, _DEVICES)]
    if decided.get(_NONE) == "positive":
        states |= dict.fromkeys(others, "negative")
    states |= decided
    left = {states[name] for name in others}
    if "positive" in left:
        states[_NONE] = "negative"
    elif _NONE not in decided and left == {"negative"} and any(found[name].state != "negative" for name in others):
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
