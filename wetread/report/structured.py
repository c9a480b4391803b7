"""The structured form of a report: per site its state, its sentences and its findings, with codes.

The codes are in ``data/codes.toml`` with their source; a term whose code could not be verified carries none.
The form is what a DICOM SR, a FHIR Observation or a department's own table can be filled from.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from wetread.report.labeler import Mention, label_spans
from wetread.report.sentences import split_sentences
from wetread.report.sites import LABEL_SITES, SITES, Site, primary_site, sites_of
from wetread.types import Draft, Report, Section, State

__all__ = ["Code", "LabelEntry", "SiteEntry", "SiteState", "codes_of", "structure", "to_json"]

SiteState = Literal["normal", "abnormal", "uncertain", "stated", "not mentioned"]
_STRENGTH: Mapping[State, int] = {"negative": 0, "uncertain": 1, "positive": 2}


_LIST_MARK = re.compile(r"^\(?\d{1,2}[.)]\s+")


@dataclass(frozen=True)
class Code:
    """A coded concept as DICOM writes it: scheme ``SCT`` or ``RADLEX``, value, meaning."""

    scheme: str
    value: str
    meaning: str


@dataclass(frozen=True)
class LabelEntry:
    """One label as a report states it, with its codes."""

    label: str
    state: State
    side: str | None
    codes: tuple[Code, ...]


@dataclass(frozen=True)
class SiteEntry:
    """One site of the chest.

    Attributes:
        state: abnormal or uncertain where anything there is; normal where all that is said denies; ``stated`` where
            something neutral is said ("the aorta is tortuous" is abnormal, "two views" is stated).
        text: the sentences about it, FINDINGS before IMPRESSION, as written.
        labels: the labels of the site that the report mentions, the strongest state of each.
    """

    site: Site
    state: SiteState
    text: str
    labels: tuple[LabelEntry, ...]
    codes: tuple[Code, ...]


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads((files("wetread.report") / "data" / "codes.toml").read_text(encoding="utf-8"))


def codes_of(kind: Literal["sites", "labels", "states"], name: str) -> tuple[Code, ...]:
    """The verified codes of a site, a label or a state; empty where there is none."""
    row = _table()[kind].get(name, {})
    return tuple(
        Code(scheme.upper(), row[scheme], row[f"{scheme}_meaning"]) for scheme in ("sct", "radlex") if scheme in row
    )


def structure(report: Report | Draft) -> tuple[SiteEntry, ...]:
    """One entry for each of the seven sites, in the order of ``SITES``."""
    texts: dict[Site, list[str]] = {site: [] for site in SITES}
    states: dict[Site, set[SiteState]] = {site: set() for site in SITES}
    labels: dict[str, Mention] = {}
    for section in ("findings", "impression"):
        text = _section(report, section)
        mentions = label_spans(text)
        for index, span in enumerate(split_sentences(text)):
            if not any(map(str.isalnum, span.value)):
                continue  # a stray full stop
            mine = [m for m in mentions if m.sentence == index]
            for site in _sites(span.value, mine):
                sentence = _LIST_MARK.sub("", span.value)
                if sentence not in texts[site]:
                    texts[site].append(sentence)
                states[site].add(_sentence_state(site, sentence, mine))
            for mention in mine:
                _keep(labels, mention)
    return tuple(_entry(site, texts[site], states[site], labels) for site in SITES)


def to_json(entries: tuple[SiteEntry, ...]) -> list[dict[str, Any]]:
    """The entries as plain JSON values."""
    return [
        {
            "site": entry.site,
            "state": entry.state,
            "text": entry.text,
            "labels": [
                {"label": row.label, "state": row.state, "side": row.side, "codes": [vars(c) for c in row.codes]}
                for row in entry.labels
            ],
            "codes": [vars(code) for code in entry.codes],
        }
        for entry in entries
    ]


def _section(report: Report | Draft, section: Section) -> str:
    return getattr(report, section) or ""


def _sites(sentence: str, mentions: list[Mention]) -> tuple[Site, ...]:
    """Where a sentence belongs: the sites of its labels, else the sites that it names, else other."""
    sites: list[Site] = []
    for mention in mentions:
        site = LABEL_SITES.get(mention.label)
        if site and site not in sites:
            sites.append(site)
    if any(mention.label == "No Finding" for mention in mentions) or not sites:
        first = primary_site(sentence)
        named = sites_of(sentence)
        more = named if not sites and 0 < len(named) < 3 else (first,)  # a list of many sites is filed once
        sites += [site for site in more if site not in sites]
    return tuple(sites)


def _sentence_state(site: Site, sentence: str, mentions: list[Mention]) -> SiteState:
    """What one sentence says about a site: by its own labels, and by what it says outside the 14 labels."""
    own = [m.state for m in mentions if LABEL_SITES.get(m.label) == site]
    general = [m.state for m in mentions if m.label == "No Finding"]
    if "positive" in own or ("negative" in general and (not own or site == primary_site(sentence))):
        return "abnormal"
    if "uncertain" in own:
        return "uncertain"
    return "normal" if own or "positive" in general else "stated"


def _keep(labels: dict[str, Mention], mention: Mention) -> None:
    if mention.label == "No Finding":
        return
    kept = labels.get(mention.label)
    if kept is None or _STRENGTH[mention.state] > _STRENGTH[kept.state]:
        labels[mention.label] = mention


def _entry(site: Site, texts: list[str], states: set[SiteState], labels: Mapping[str, Mention]) -> SiteEntry:
    order: tuple[SiteState, ...] = ("abnormal", "uncertain", "normal", "stated")
    state: SiteState = next((state for state in order if state in states), "not mentioned")
    rows = tuple(
        LabelEntry(name, mention.state, mention.side, codes_of("labels", name))
        for name, mention in labels.items()
        if LABEL_SITES.get(name) == site
    )
    return SiteEntry(site, state, " ".join(texts), rows, codes_of("sites", site))
