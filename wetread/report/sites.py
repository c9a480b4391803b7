"""Which part of the chest a sentence is about.

The seven sites are those of a structured chest report; every one of the 14 labels belongs to one of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

__all__ = ["LABEL_SITES", "SITES", "Site", "names_place", "names_side", "primary_site", "sites_of"]

Site = Literal["heart", "mediastinum", "lungs", "pleura", "bones", "devices", "other"]

#: In the order of a usual report.
SITES: tuple[Site, ...] = ("heart", "mediastinum", "lungs", "pleura", "bones", "devices", "other")

LABEL_SITES: Mapping[str, Site] = MappingProxyType(
    {
        "Enlarged Cardiomediastinum": "mediastinum",
        "Cardiomegaly": "heart",
        "Lung Opacity": "lungs",
        "Lung Lesion": "lungs",
        "Edema": "lungs",
        "Consolidation": "lungs",
        "Pneumonia": "lungs",
        "Atelectasis": "lungs",
        "Pneumothorax": "pleura",
        "Pleural Effusion": "pleura",
        "Pleural Other": "pleura",
        "Fracture": "bones",
        "Support Devices": "devices",
    }
)

_WORDS: tuple[tuple[Site, str], ...] = (
    (
        "devices",
        r"(?:tubes?|catheters?|cannula|lines? (?:tip|terminat\w+|placement)|picc|port-?a-?caths?|mediports?|porta?cath|"
        r"pacemakers?|pacing|leads?|icd|aicd|defibrillator|electrodes?|sternotomy|wires?|sutures?|clips?|staples?|stents?|"
        r"prosthe\w+|hardware|implants?|drains?|(?:central|venous|arterial|picc|jugular|subclavian) lines?|valve "
        r"replacement|pumps?|stimulator|swan-?ganz|tracheostomy|endotracheal|nasogastric|orogastric|dobhoff|coils?|"
        r"screws?|plates? and screws?|rods?)",
    ),
    (
        "heart",
        r"(?:hearts?|cardiac|cardio(?!thoracic|pulmonary)\w*|cardio-?mediastin\w+|pericardi\w+|ventric\w+|atri(?:al|um)|cabg)",
    ),
    (
        "mediastinum",
        r"(?:mediastin\w+|cardio-?mediastin\w+|hil(?:ar|a|um|i)|aort\w+|trachea\w*|paratracheal|vascular pedicle|"
        r"o?esophag\w+|hiatal|azygos)",
    ),
    (
        "pleura",
        r"(?:pleura\w*|effusions?|(?:hydro)?pneumothora\w+|costophrenic|ha?emothora\w+|empyema|apical cap\w*)",
    ),
    (
        "lungs",
        r"(?:lungs?|pulmonary|lobes?|lobar|infiltrat\w+|consolidat\w+|opacit\w+|opacif\w+|air-?space|airways?|"
        r"atelecta\w+|o?edema|nodul\w+|mass(?:es)?|granulom\w+|interstiti\w+|bronch\w+|vasculatur\w+|vascularity|"
        r"pneumonia\w*|emphysem\w*|inflat\w+|hypoinflat\w+|hyperinflat\w+|hyperexpan\w+|basilar|bibasilar|bases?|copd|"
        r"fibrosis|scarring|scar|retrocardiac|perihilar|lingula\w*|congestion|cavit\w+)",
    ),
    (
        "bones",
        r"(?:bon(?:y|es?)|osseous|ribs?|spin(?:e|al)|vertebra\w*|fractur\w+|skelet\w+|clavic\w+|scapula\w*|scolio\w+|"
        r"kypho\w+|osteo\w+|spondyl\w+|humer\w+|shoulders?|sternum|degenerative|thoracolumbar|dis[ck] space|endplate)",
    ),
    (
        "other",
        r"(?:diaphragm\w*|hemidiaphragms?|soft tissues?|abdom\w+|stomach|gastric|bowel|colon|liver|breasts?|"
        r"free (?:intraperitoneal )?air|subcutaneous|upper quadrants?)",
    ),
)
_SIDE = re.compile(r"\b(?:left|right)(?:ward|sided)?\b", re.IGNORECASE)
_ZONE = re.compile(
    r"\b(?:(?:upper|middle|mid|lower)[ -]?(?:lobes?|lungs?|zones?|fields?)|(?:bi)?bas(?:es?|al|ilar)"
    r"|(?:bi)?apic(?:es|al)|apex|(?:peri|para|infra|supra)?hil(?:ar|a|um)|lingular?|retrocardiac|costophrenic)\b",
    re.IGNORECASE,
)
_PATTERNS = tuple((site, re.compile(rf"\b{words}(?!\w)", re.IGNORECASE)) for site, words in _WORDS)


def sites_of(sentence: str) -> tuple[Site, ...]:
    """The sites a sentence names, in the order in which it names them; empty where it names none."""
    found: list[tuple[int, int, Site]] = []
    for rank, (site, pattern) in enumerate(_PATTERNS):
        if match := pattern.search(sentence):
            found.append((match.start(), rank, site))
    return tuple(site for _, _, site in sorted(found))


def primary_site(sentence: str) -> Site:
    """The site a sentence is filed under: a device wherever it is named, else the first that is named, else other."""
    sites = sites_of(sentence)
    if "devices" in sites:
        return "devices"
    return sites[0] if sites else "other"


def names_side(sentence: str) -> bool:
    """Whether a sentence speaks of the left or of the right."""
    return bool(_SIDE.search(sentence))


def names_place(sentence: str) -> bool:
    """Whether a sentence names a side or a zone of the lungs."""
    return bool(_SIDE.search(sentence) or _ZONE.search(sentence))
