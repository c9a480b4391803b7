"""Where a sentence comes from: a heat map and boxes on each view.

What is said to be there was seen where the map of its label is high, within the part of the chest that can show it and
that the sentence names. What is said to be absent was searched for: in the whole of that part. The parts are drawn on
a mean film (``image.thorax``) and laid onto this film's own chest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from wetread.errors import BundleError
from wetread.image.thorax import Frame, place, places, register, thumbnail
from wetread.model.detector import CELLS, DRAWN
from wetread.model.zones import zone_masks
from wetread.report.further import further
from wetread.report.labeler import Mention, label_spans
from wetread.report.sites import primary_site
from wetread.types import LABELS, Box, Evidence, View

__all__ = [
    "DETECTED",
    "HeatMap",
    "box_of",
    "boxes_of",
    "detected",
    "evidence_of",
    "frames_of",
    "heat_map",
    "in_zones",
    "labels_of_sentence",
    "places_found",
    "spots_of",
]

Kind = Literal["seen", "searched"]
#: Cells a side of the heat maps; the network's own maps have 14.
_GRID = 28
#: Cells a side on which boxes are measured, and the share of the peak above which a cell belongs to the box.
_FINE, _LEVEL = 56, 0.5
#: Sharpness of the label's map where something was seen, and where it was searched for (chosen on the teachers' films
#: out of fold, by the sides that their reports name).
_SHARP: Mapping[Kind, float] = {"seen": 1.5, "searched": 0.2}
#: Labels with too few teachers for a map of their own to point (13 to 22 studies): half of it is the commoner label's.
_RARE = {"Pneumonia": "Lung Opacity", "Consolidation": "Lung Opacity", "Edema": "Lung Opacity"}
#: Labels that are the size of a whole part: seen in all of it.
_WHOLE = ("Cardiomegaly", "Enlarged Cardiomediastinum")
#: Labels in the lungs or on their rim, whose zone the maps of all concepts know better than their own (docs/log.md).
_ZONED = frozenset(LABELS) - {*_WHOLE, "Pleural Effusion", "Fracture", "Support Devices", "No Finding"}
#: What is left of the heat outside the part of the chest that shows the label, or that the sentence names.
_OUTSIDE = 0.02
_NO_FINDING = "No Finding"
#: Labels that have a score map; a further finding (``report.further``) has none.
_MAPPED = frozenset(LABELS) - {_NO_FINDING}
#: What the detector finds of a label, and the chance of a cell from which it has found it.
DETECTED = {
    "Lung Lesion": ("calcified nodule", "nodule", "mass"),
    "Lung Opacity": ("opacity", "mass"),
    "Pneumonia": ("opacity", "mass"),
    "Consolidation": ("opacity", "mass"),
    "Atelectasis": ("band", "opacity"),
    "Support Devices": ("line", "port", "pacemaker"),
    "sternal wires": ("wires",),
    "granuloma": ("calcified nodule",),
}
_CHANNELS = {label: [DRAWN.index(name) for name in names] for label, names in DETECTED.items()}
_FOUND = 0.5
#: So many of a label's places are shown at most, the likeliest first; shares of the peak that may tell them apart.
_MOST, _APART = 6, (_LEVEL, 0.6, 0.7)

#: Where a label shows, and where it is looked for, if not in the lungs.
_SHOWS = {
    "Enlarged Cardiomediastinum": "mediastinum",
    "Cardiomegaly": "heart",
    "Pleural Effusion": "bases",
    "Pleural Other": "pleura",
    "Fracture": "bones",
    "Support Devices": "chest",
    "sternal wires": "mediastinum",
}
_SEARCHED = {**_SHOWS, "Pneumothorax": "pleura", "Pleural Effusion": "costophrenic"}
#: Where the sites of ``report.sites`` are: for sentences about none of the other 13 labels.
_SITES = {"heart": "heart", "mediastinum": "mediastinum", "lungs": "lungs", "pleura": "pleura", "bones": "bones"}


@dataclass(frozen=True)
class HeatMap:
    """A map (h, w) in [0, 1] over a view, and whether it shows something seen or where was searched."""

    view: int
    values: np.ndarray
    kind: Kind

    def resized(self, rows: int, columns: int) -> np.ndarray:
        """(rows, columns) float32 in [0, 1]."""
        image = Image.fromarray(self.values.astype(np.float32)).resize((columns, rows), Image.Resampling.BICUBIC)
        return np.clip(np.asarray(image), 0, 1)


def _told(text: str) -> tuple[list[Mention], Kind]:
    """The mentions that a sentence's evidence is for: those of what is there, else all."""
    mentions = label_spans(text)
    there = [m for m in mentions if m.state != "negative" and m.label != _NO_FINDING]
    if there:
        return there, "seen"
    # "No Finding" is negative where something outside the 14 labels is there.
    other = [m for m in mentions if m.state == "negative" and m.label == _NO_FINDING]
    return (other, "seen") if other else (mentions, "searched")


def labels_of_sentence(text: str) -> tuple[tuple[str, ...], Kind]:
    """The labels that a sentence speaks of, and whether it says that something is there."""
    mentions, kind = _told(text)
    return tuple(dict.fromkeys(m.label for m in mentions)), kind


def frames_of(views: Sequence[View], lateral: np.ndarray, arrays: Mapping[str, np.ndarray]) -> tuple[Frame, ...]:
    """Where the chest lies on each view.

    Args:
        lateral: (V,) bool.
        arrays: the bundle's, with the mean films ``frame_frontal`` and ``frame_lateral`` (32, 32).

    Raises:
        BundleError: the bundle has no mean films.
    """
    try:
        means = [arrays["frame_lateral" if side else "frame_frontal"] for side in lateral]
    except KeyError as error:
        raise BundleError(f"the model bundle lacks the array {error}; export it again") from error
    return tuple(register(thumbnail(view.pixels), mean) for view, mean in zip(views, means, strict=True))


def _finer(scores: np.ndarray) -> np.ndarray:
    image = Image.fromarray(scores.astype(np.float32))
    return np.asarray(image.resize((_GRID, _GRID), Image.Resampling.BILINEAR))


def heat_map(scores: np.ndarray, part: np.ndarray, sharp: float = _SHARP["seen"]) -> np.ndarray:
    """Score map (h, w) in standard deviations, on the part (28, 28) in [0, 1] of the film → heat (28, 28) in [0, 1]."""
    heat = np.exp(sharp * (_finer(scores) - scores.max())) * part
    return heat / max(float(heat.max()), 1e-9)


def in_zones(heat: np.ndarray, chances: np.ndarray, frame: Frame, lateral: bool) -> np.ndarray:
    """Heat (28, 28) whose peak in each zone of the lungs is as high as the chance (3,) of that zone, up to a factor."""
    peaks = (zone_masks(frame, lateral, _GRID, "lungs") * heat).max((1, 2))
    factor = chances / np.maximum(peaks, 1e-6)
    moved = heat * np.tensordot(factor, zone_masks(frame, lateral, _GRID), 1)
    return moved / max(float(moved.max()), 1e-9)


def detected(spots: np.ndarray, label: str, part: np.ndarray) -> np.ndarray | None:
    """Heat (28, 28) in [0, 1] where the detector finds a label on a film; None where it does not, or cannot.

    Args:
        spots: (K, 64, 64) chances, see ``model.detector``. part: (28, 28) in [0, 1] where it is to be found.
    """
    if label not in _CHANNELS:
        return None
    heat = np.zeros((_GRID, _GRID), np.float32)
    coarse = np.arange(CELLS) * _GRID // CELLS
    np.maximum.at(heat, (coarse[:, None], coarse), spots[_CHANNELS[label]].max(0))
    heat *= part
    top = float(heat.max())
    return heat / top if top >= _FOUND else None


def places_found(spots: np.ndarray, label: str, lateral: np.ndarray, frames: Sequence[Frame]) -> int:
    """In how many places of a frontal view the detector finds a label, at most: spots (V, K, 64, 64) chances."""
    counts = [0]
    for v in np.flatnonzero(~lateral).tolist():
        heat = detected(spots[v], label, frames[v].onto_film(_part(label, "lungs", None, None, "seen", False)))
        counts.append(0 if heat is None else len(spots_of(heat, _FINE, _FINE)))
    return max(counts)


def _scores(maps: np.ndarray, label: str) -> np.ndarray:
    """The score map of a label; flat for a finding outside the 14, of which the site is all that is known."""
    if label not in _MAPPED:
        return np.zeros(maps.shape[1:], np.float32)
    return maps[[LABELS.index(name) for name in (label, _RARE.get(label, label))]].mean(0)


def _asked(mentions: Sequence[Mention]) -> list[tuple[str, str | None, str | None]]:
    """Label, side and zone of each mention; of a label that is placed once in the sentence, the places only."""
    asked = list(dict.fromkeys((m.label, m.side, m.zone) for m in mentions))
    placed = {label for label, side, zone in asked if side or zone}
    return [(k, side, zone) for k, side, zone in asked if side or zone or k not in placed] or [
        (_NO_FINDING, None, None)
    ]


def _part(label: str, site: str, side: str | None, zone: str | None, kind: Kind, lateral: bool) -> np.ndarray:
    """The part of the mean film that shows a label, as far as the sentence's words name it."""
    if label == _NO_FINDING:
        name = _SITES.get(site, "chest")
    else:
        name = (_SHOWS if kind == "seen" else _SEARCHED).get(label, "lungs")
    floor = _OUTSIDE if kind == "seen" else 0.0
    part = floor + (1 - floor) * place(name, lateral, _GRID)
    for word in (side, zone):
        if word in places():
            part = part * (_OUTSIDE + (1 - _OUTSIDE) * place(word, lateral, _GRID))
    return part


def _grown(region: np.ndarray) -> np.ndarray:
    """A region with the cells beside it."""
    grown = region.copy()
    grown[1:] |= region[:-1]
    grown[:-1] |= region[1:]
    grown[:, 1:] |= region[:, :-1]
    grown[:, :-1] |= region[:, 1:]
    return grown


def _region(above: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """The cells connected with a start, within those that are ``above``."""
    region = np.zeros_like(above)
    region[start] = True
    while not ((grown := _grown(region) & above) == region).all():
        region = grown
    return region


def _around(region: np.ndarray, rows: int, columns: int) -> Box:
    y, x = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    scale_y, scale_x = rows / region.shape[0], columns / region.shape[1]
    return (
        int(x[0] * scale_x),
        int(y[0] * scale_y),
        min(columns, int(np.ceil((x[-1] + 1) * scale_x))),
        min(rows, int(np.ceil((y[-1] + 1) * scale_y))),
    )


def _fine(heat: np.ndarray) -> np.ndarray:
    image = Image.fromarray(heat.astype(np.float32)).resize((_FINE, _FINE), Image.Resampling.BILINEAR)
    return np.asarray(image)


def box_of(heat: np.ndarray, rows: int, columns: int, level: float = _LEVEL) -> Box:
    """The box, in pixels of a view of rows × columns, around the cells connected to the peak above ``level``."""
    fine = _fine(heat)
    top = divmod(int(fine.argmax()), _FINE)
    return _around(_region(fine >= level * fine[top], top), rows, columns)


def boxes_of(
    heat: np.ndarray, rows: int, columns: int, middle: np.ndarray, both: bool = False, level: float = _LEVEL
) -> tuple[Box, ...]:
    """One box, or one on each side where the heat above ``level`` lies on both sides and not between them.

    Args:
        middle: (28, 28) in [0, 1]: the right half of the chest on this film.
        both: whether the sentence says that it is on both sides: then each side's own peak counts.
    """
    fine, right = _fine(heat), _fine(middle) >= 0.5
    sides = (right, ~right)
    if both and all(side.any() for side in sides):
        return tuple(_around(side & (fine >= level * fine[side].max()), rows, columns) for side in sides)
    above = fine >= level * float(heat.max())
    halves = [above & side for side in sides]
    if all(half.any() for half in halves):
        spans = [np.flatnonzero(half.any(0)) for half in halves]
        if spans[1][0] - spans[0][-1] > 2:
            return tuple(_around(half, rows, columns) for half in halves)
    return (_around(above, rows, columns),)


def spots_of(heat: np.ndarray, rows: int, columns: int) -> tuple[Box, ...]:
    """A box around each place of a heat (28, 28), at most six, the hottest first.

    Masses beside each other are one region at half the peak: the level counts that tells the most of them apart.
    """
    return max((_regions(heat, rows, columns, level) for level in _APART), key=len)


def _regions(heat: np.ndarray, rows: int, columns: int, level: float) -> tuple[Box, ...]:
    left = _fine(heat).copy()
    above = left >= level * float(heat.max())
    boxes: list[Box] = []
    while len(boxes) < _MOST and (left * above).any():
        region = _region(above, divmod(int((left * above).argmax()), _FINE))
        # Less of a place is above a higher level.
        boxes.append(_around(region if level <= _LEVEL else _grown(region), rows, columns))
        left[region] = 0
    return tuple(boxes)


def evidence_of(
    text: str,
    views: Sequence[View],
    maps: np.ndarray,
    lateral: np.ndarray,
    frames: Sequence[Frame],
    zones: np.ndarray | None = None,
    spots: np.ndarray | None = None,
) -> tuple[tuple[str, ...], tuple[Evidence, ...], tuple[HeatMap, ...]]:
    """The labels of a sentence, its evidence and its heat maps, one a view.

    A view has one box, or one on each side; where the detector has found what is said, one for each place.

    Args:
        maps: (V, 14, h, w) label maps in standard deviations. lateral: (V,) bool. frames: see ``frames_of``.
        zones: (14, 3) the chance of each zone of the lungs for each label (``model.zones``), where it is known.
        spots: (V, K, 64, 64) chances of the detector, if there is one.
    """
    mentions, kind = _told(text)
    site = primary_site(text)
    asked = _asked(mentions)
    if (more := further(text)) and (kind == "searched" or all(label == _NO_FINDING for label, _, _ in asked)):
        asked = list(dict.fromkeys((name, side, zone) for name in sorted(more) for _, side, zone in asked))
        kind = "seen"
    flat = all(label not in _MAPPED for label, _, _ in asked)
    both = kind == "seen" and all(side == "bilateral" for _, side, _ in asked)
    paired = kind == "searched" or flat or any(side == "bilateral" for _, side, _ in asked)
    evidence, heats = [], []
    for v, view in enumerate(views):
        side_on = bool(lateral[v])
        parts, found = [], []
        for label, side, zone in asked:
            part = frames[v].onto_film(_part(label, site, side, zone, kind, side_on))
            if spots is not None and kind == "seen":
                found.append(detected(spots[v], label, part))
                if found[-1] is not None:
                    parts.append(found[-1])
                    continue
            heat = heat_map(_scores(maps[v], label), part, _SHARP["searched" if label in _WHOLE else kind])
            if zones is not None and kind == "seen" and zone is None and label in _ZONED:
                heat = in_zones(heat, zones[LABELS.index(label)], frames[v], side_on)
            parts.append(heat)
        heat = np.max(parts, 0)
        heats.append(HeatMap(v, heat, kind))
        if found and all(spot is not None for spot in found):
            boxes = spots_of(heat, view.rows, view.columns)
        elif paired and not side_on:
            boxes = boxes_of(heat, view.rows, view.columns, frames[v].onto_film(place("right", False, _GRID)), both)
        else:
            boxes = (box_of(heat, view.rows, view.columns),)
        evidence += [Evidence(v, box, kind) for box in boxes]
    return tuple(dict.fromkeys(m.label for m in mentions)), tuple(evidence), tuple(heats)
