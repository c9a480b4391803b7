"""Reports as a department wants them: headings, order, spelling, measurements, its own sentences for normal sites.

A style is a TOML file; ``data/style.toml`` is the default and describes every key. Rendering never changes what a
report says: sentences move, are respelled, lose a size where the style asks for none, or give way to a template that
denies exactly what the report (or the draft's labels) denies too.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from wetread.errors import InputError, UsageError
from wetread.report.labeler import label, label_spans
from wetread.report.sentences import split_sentences
from wetread.report.sites import LABEL_SITES, SITES, Site, primary_site, sites_of
from wetread.types import LABELS, Draft, Report

__all__ = ["DEFAULT", "Style", "Template", "apply", "load_style", "render", "respell"]

_LANGUAGES = ("en", "de", "fr", "es")
_CHOICES = {
    "language": _LANGUAGES,
    "spelling": ("as written", "american", "british"),
    "normals": ("as written", "template", "fill"),
    "empty": ("omit", "state"),
}


@dataclass(frozen=True)
class Template:
    """A normal sentence of a department and the labels that it denies."""

    site: Site
    text: str
    denies: tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """How a report is written; the keys of ``data/style.toml``."""

    name: str = "default"
    language: str = "en"
    spelling: str = "as written"
    impression_first: bool = False
    number_impression: bool = False
    order: tuple[Site, ...] = ()
    by_site: bool = False
    measurements: bool = True
    normals: str = "as written"
    empty: str = "omit"
    headings: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    templates: tuple[Template, ...] = ()

    def heading(self, section: str) -> str:
        """The heading of a section: the style's own, else its language's."""
        return self.headings.get(section) or _headings()[self.language]["headings"][section]

    def site_name(self, site: str) -> str:
        """The name of a site: the style's own, else its language's."""
        return self.sites.get(site) or _headings()[self.language]["sites"][site]


def _data(name: str) -> dict[str, Any]:
    return tomllib.loads((files("wetread.report") / "data" / name).read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _headings() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return _data("headings.toml")


def load_style(path: str | Path) -> Style:
    """Read a style; what the file leaves out is as in the default.

    Raises InputError where the file cannot be read, UsageError where it says something that a style cannot.
    """
    try:
        value = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the style {path} cannot be read ({error.strerror}); check the name") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the style {path} is no TOML ({error}); correct it there") from error
    return _style({**_data("style.toml"), **value}, str(path))


def _style(value: Mapping[str, Any], where: str) -> Style:
    known = {f.name: f for f in fields(Style)}
    for key, given in value.items():
        if key not in known:
            raise UsageError(f"the style {where} has a key '{key}' that is unknown; known are {', '.join(known)}")
        if key in _CHOICES and given not in _CHOICES[key]:
            raise UsageError(f"the style {where}: '{key}' is one of {', '.join(_CHOICES[key])}, not {given!r}")
        default = getattr(Style(), key)
        if isinstance(default, bool | str) and not isinstance(given, type(default)):
            raise UsageError(f"the style {where}: '{key}' is {'true or false' if default in (True, False) else 'text'}")
    order = tuple(value["order"])
    if bad := [site for site in order if site not in SITES]:
        raise UsageError(f"the style {where}: 'order' names {bad[0]!r}; the sites are {', '.join(SITES)}")
    for key in ("headings", "sites"):
        allowed = _headings()["en"][key]
        table = value[key]
        if not isinstance(table, dict) or any(k not in allowed or not isinstance(v, str) for k, v in table.items()):
            raise UsageError(f"the style {where}: [{key}] gives texts for {', '.join(allowed)}")
    templates = tuple(_template(row, where) for row in value["templates"])
    return Style(**{**value, "order": order, "templates": templates})


def _template(row: Mapping[str, Any], where: str) -> Template:
    site = next((site for site in SITES if site == row.get("site")), None)
    text, denies = row.get("text"), row.get("denies")
    if site is None or not isinstance(text, str) or not isinstance(denies, list) or not denies:
        raise UsageError(f"the style {where}: a template needs a site, a text and the labels that it denies")
    if bad := [name for name in denies if name not in LABELS]:
        raise UsageError(f"the style {where}: a template denies {bad[0]!r}, which is none of the 14 labels")
    said = label(text, "plain")
    if wrong := [name for name, state in said.items() if state == "positive" and name != "No Finding"]:
        raise UsageError(f"the style {where}: the template '{text}' is no normal sentence, it states {wrong[0]}")
    return Template(site, text, tuple(denies))


def render(report: Report | Draft, style: Style | None = None) -> str:
    """The report as text: headings and sections in the style's order; no newline at the end.

    Indication and comparison are printed where a ``Report`` has them.
    """
    style = style or DEFAULT
    findings, impression = apply(report, style)
    body = {"findings": findings, "impression": impression}
    order = ["impression", "findings"] if style.impression_first else ["findings", "impression"]
    before = [name for name in ("indication", "comparison") if getattr(report, name, None)]
    blocks = [f"{style.heading(name)}\n{getattr(report, name)}" for name in before]
    for name in order:
        if body[name] or style.empty == "state":
            blocks.append(f"{style.heading(name)}\n{body[name] or '-'}")
    return "\n\n".join(blocks)


def apply(report: Report | Draft, style: Style) -> tuple[str, str]:
    """FINDINGS and IMPRESSION in the style, without headings."""
    findings, impression = _sentences(report.findings), _sentences(report.impression)
    if style.normals != "as written" and findings:
        findings = _with_templates(findings, report, style)
    if not style.measurements:
        findings = [kept for sentence in findings if (kept := _without_sizes(sentence))]
        impression = [kept for sentence in impression if (kept := _without_sizes(sentence))]
    if style.number_impression and len(impression) > 1:
        impression = [f"{i}. {_LIST_MARK.sub('', sentence)}" for i, sentence in enumerate(impression, 1)]
    texts = _arranged(findings, style), ("\n" if style.number_impression else " ").join(impression)
    return respell(texts[0], style.spelling), respell(texts[1], style.spelling)


def _sentences(text: str | None) -> list[str]:
    """The sentences of a section; a stray full stop is none."""
    return [span.value for span in split_sentences(text or "") if any(map(str.isalnum, span.value))]


_LIST_MARK = re.compile(r"^\(?\d{1,2}[.)]\s+")


def _arranged(sentences: list[str], style: Style) -> str:
    """The sentences in the style's order of sites; within a site as they were."""
    if not style.order and not style.by_site:
        return " ".join(sentences)
    rank = {site: i for i, site in enumerate((*style.order, *(s for s in SITES if s not in style.order)))}
    groups: dict[Site, list[str]] = {}
    for sentence in sentences:
        groups.setdefault(primary_site(sentence), []).append(sentence)
    ordered = sorted(groups, key=rank.__getitem__)
    if style.by_site:
        return "\n".join(f"{style.site_name(site)}: {' '.join(groups[site])}" for site in ordered)
    return " ".join(" ".join(groups[site]) for site in ordered)


def _denied(report: Report | Draft) -> set[str]:
    """The labels that are negative: by the draft's thresholds and never against the text, else by the text."""
    text = f"{report.findings or ''}\n\n{report.impression or ''}"
    said = label(text, "plain")
    if isinstance(report, Draft):
        return {n for n, f in report.labels.items() if f.state == "negative" and said[n] in (None, "negative")}
    return {name for name, state in said.items() if state == "negative"}


def _with_templates(sentences: list[str], report: Report | Draft, style: Style) -> list[str]:
    """Normal sentences replaced by the department's; with ``fill`` also added where a site has none."""
    denied = _denied(report)
    fitting = {t.site: t for t in style.templates if denied.issuperset(t.denies)}
    written: set[Site] = set()
    result: list[str] = []
    for sentence in sentences:
        sites = _normal_sites(sentence)
        if sites and all(site in fitting for site in sites):
            result += [fitting[site].text for site in sites if site not in written]
            written.update(sites)
        else:
            result.append(sentence)
    if style.normals == "fill":
        about = {site for sentence in result for site in sites_of(sentence)}
        result += [t.text for site, t in fitting.items() if site not in written | about]
    return result


#: "No large effusion" leaves room for a small one, which a template would take away.
_HEDGED = re.compile(
    r"\b(?:large|significant|sizeable|sizable|gross(?:ly)?|definite(?:ly)?|obvious|limited|but|however)\b", re.I
)


def _normal_sites(sentence: str) -> tuple[Site, ...]:
    """The sites a sentence calls normal, where that is all it says; else empty."""
    mentions = [] if _HEDGED.search(sentence) else label_spans(sentence)
    normal = all(m.state == ("positive" if m.label == "No Finding" else "negative") for m in mentions)
    if not mentions or not normal:
        return ()
    labelled = dict.fromkeys(LABEL_SITES[m.label] for m in mentions if m.label != "No Finding")
    named = sites_of(sentence)
    if len(labelled) < len(set(named) | set(labelled)) and any(m.label == "No Finding" for m in mentions):
        return tuple(dict.fromkeys((*labelled, *named)))
    return tuple(labelled)


_SIZE = (
    r"(?:approximately |about |roughly |up to |at least )?\d+(?:\.\d+)?(?:\s*(?:-|x|×|by|to)\s*\d+(?:\.\d+)?){0,3}"
    r"\s*-?(?:mm|cm|milli-?met(?:er|re)s?|centi-?met(?:er|re)s?)\b"
    r"(?:\s+in (?:size|diameter|greatest dimension|length))?"
)
#: A distance to something else is a place, not a size: "3 cm above the carina".
_PLACE = r"(?!\s*(?:\w+ )?(?:above|below|from|of|proximal|distal|beyond|cephalad|caudal|superior|inferior))"
_ARTICLE = re.compile(rf"\b(an?)\s+{_SIZE}{_PLACE}\s+(?=(\w))", re.IGNORECASE)
_SIZES = re.compile(rf"(?:,?\s*\(?\b(?:measuring|measures|measured at|which measures)\s+|\s*\(|\s+){_SIZE}{_PLACE}\)?")
_ONLY_SIZE = re.compile(
    rf"^(?:\W*(?:it|this|these|the \w+(?: \w+)?)\s+)?(?:measures?|is)\s+{_SIZE}{_PLACE}\W*$", re.IGNORECASE
)


def _without_sizes(sentence: str) -> str:
    """The sentence without sizes; empty where it said nothing else."""
    if _ONLY_SIZE.match(sentence):
        return ""

    def article(match: re.Match[str]) -> str:
        word = "an" if match[2].lower() in "aeiou" else "a"
        return (word.capitalize() if match[1][0].isupper() else word) + " "

    shorter = _SIZES.sub("", _ARTICLE.sub(article, f" {sentence}")).strip()
    return shorter[:1].upper() + shorter[1:] if sentence[:1].isdigit() else shorter


@lru_cache(maxsize=2)
def _speller(spelling: str) -> tuple[re.Pattern[str], Mapping[str, str]]:
    words = _data("spelling.toml")["words"]
    table = words if spelling == "british" else {british: american for american, british in words.items()}
    stems = sorted(table, key=len, reverse=True)
    return re.compile(rf"\b(?P<prefix>un|non-?)?(?P<stem>{'|'.join(stems)})", re.IGNORECASE), table


def respell(text: str, spelling: str) -> str:
    """Text in ``american`` or ``british`` spelling, case kept; ``as written`` leaves it alone."""
    if spelling == "as written":
        return text
    pattern, table = _speller(spelling)

    def swap(match: re.Match[str]) -> str:
        stem = match["stem"]
        new = table[stem.lower()]
        if stem.isupper():
            new = new.upper()
        elif stem[0].isupper():
            new = new.capitalize()
        return (match["prefix"] or "") + new

    return pattern.sub(swap, text)


#: FINDINGS, then IMPRESSION, as written.
DEFAULT = _style(_data("style.toml"), "data/style.toml")
