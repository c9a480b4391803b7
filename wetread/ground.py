"""Where a sentence comes from: the concept maps of the labels it speaks of, as a heat map and a box on each view.

A sentence that says something is there points to where it was seen; one that says something is absent points to
where it was looked for: the place where the finding shows when it is there (measured on the teachers' films), as far
as this film's own map agrees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from wetread.report.labeler import label_spans
from wetread.types import LABELS, Box, Evidence, View

__all__ = ["HeatMap", "box_of", "evidence_of", "heat_map", "labels_of_sentence"]

Kind = Literal["seen", "searched"]
#: Share of the peak above which a cell belongs to the box.
_LEVEL = 0.5


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


def labels_of_sentence(text: str) -> tuple[tuple[str, ...], Kind]:
    """The labels that a sentence speaks of, and whether it says that one of them is there."""
    mentions = label_spans(text)
    there = tuple(dict.fromkeys(m.label for m in mentions if m.state != "negative" and m.label != "No Finding"))
    if there:
        return there, "seen"
    return tuple(dict.fromkeys(m.label for m in mentions)), "searched"


def heat_map(scores: np.ndarray, atlas: np.ndarray, kind: Kind) -> np.ndarray:
    """Score map (h, w) in standard deviations and the atlas (h, w) in [0, 1] of its finding → heat in [0, 1]."""
    weight = atlas if kind == "searched" else 0.5 + 0.5 * atlas
    temperature = 2.0 if kind == "searched" else 1.0
    heat = np.exp((scores - scores.max()) / temperature) * weight
    return heat / max(float(heat.max()), 1e-9)


def box_of(heat: np.ndarray, rows: int, columns: int, level: float = _LEVEL) -> Box:
    """The box, in pixels of a view of rows × columns, around the cells connected to the peak above ``level``."""
    fine = np.asarray(Image.fromarray(heat.astype(np.float32)).resize((112, 112), Image.Resampling.BILINEAR))
    top = np.unravel_index(int(fine.argmax()), fine.shape)
    above = fine >= level * fine[top]
    region = np.zeros_like(above)
    region[top] = True
    while True:  # grow within what is above the level
        grown = region.copy()
        grown[1:] |= region[:-1]
        grown[:-1] |= region[1:]
        grown[:, 1:] |= region[:, :-1]
        grown[:, :-1] |= region[:, 1:]
        grown &= above
        if (grown == region).all():
            break
        region = grown
    y, x = np.nonzero(region)
    scale_y, scale_x = rows / fine.shape[0], columns / fine.shape[1]
    return (
        int(x.min() * scale_x),
        int(y.min() * scale_y),
        min(columns, int(np.ceil((x.max() + 1) * scale_x))),
        min(rows, int(np.ceil((y.max() + 1) * scale_y))),
    )


def evidence_of(
    text: str, views: Sequence[View], maps: np.ndarray, lateral: np.ndarray, arrays: Mapping[str, np.ndarray]
) -> tuple[tuple[str, ...], tuple[Evidence, ...], tuple[HeatMap, ...]]:
    """The labels of a sentence, its evidence and its heat maps, one a view.

    Args:
        maps: (V, 14, h, w) label maps in standard deviations. lateral: (V,) bool.
        arrays: the bundle's, with ``atlas_frontal`` and ``atlas_lateral`` (14, h, w) in [0, 1].
    """
    labels, kind = labels_of_sentence(text)
    index = [LABELS.index(name) for name in labels] or [LABELS.index("No Finding")]
    evidence, heats = [], []
    for v, view in enumerate(views):
        atlas = arrays["atlas_lateral" if lateral[v] else "atlas_frontal"]
        heat = np.max([heat_map(maps[v, k], atlas[k], kind) for k in index], 0)
        heats.append(HeatMap(v, heat, kind))
        evidence.append(Evidence(v, box_of(heat, view.rows, view.columns), kind))
    return labels, tuple(evidence), tuple(heats)
