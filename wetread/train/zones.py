"""Fitting the zone of the lungs that a finding lies in (``model.zones``) to what the teachers' reports say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from wetread.image.thorax import register, thumbnail
from wetread.model.zones import ZONES, zone_means
from wetread.report.labeler import label_spans
from wetread.types import LABELS

__all__ = ["ZONE_OF", "ZoneStatement", "films_means", "fit", "zone_statements"]

#: The zone of each place that the labeler knows.
ZONE_OF = {
    **dict.fromkeys(("upper", "apex"), "upper"),
    **dict.fromkeys(("middle", "perihilar"), "middle"),
    **dict.fromkeys(("lower", "base", "costophrenic", "retrocardiac", "lingula"), "lower"),
}
#: Inverse strength of the ridge, and how much less the bias of a label and zone is held (both chosen out of fold).
_RIDGE, _FREE = 0.03, 3.0


@dataclass(frozen=True)
class ZoneStatement:
    """A report (its row) that puts a label into a zone: indices into ``LABELS`` and ``ZONES``."""

    row: int
    label: int
    zone: int


def zone_statements(rows: Sequence[Any]) -> list[ZoneStatement]:
    """What manifest lines put into a zone, once a study; denials are left out."""
    found: dict[ZoneStatement, None] = {}
    for i, row in enumerate(rows):
        for text in (row.findings, row.impression):
            for m in label_spans(text or ""):
                if m.state != "negative" and m.label != "No Finding" and m.zone in ZONE_OF:
                    found[ZoneStatement(i, LABELS.index(m.label), ZONES.index(ZONE_OF[m.zone]))] = None
    return list(found)


def films_means(pack: np.ndarray, maps: np.ndarray, films: Sequence[int], mean: np.ndarray) -> np.ndarray:
    """(n, 3, C) the zones' mean maps of frontal films.

    Args:
        pack: (N, 256, 256) uint8. maps: (n, C, h, h) scaled, of ``films``. mean: (32, 32) the mean frontal film.
    """
    frames = [register(thumbnail(np.asarray(pack[f], np.float32) / 255), mean) for f in films]
    means = [zone_means(own, frame) for own, frame in zip(maps, frames, strict=True)]
    return np.stack(means) if means else np.zeros((0, len(ZONES), maps.shape[1]))


def _pairs(means: np.ndarray, told: Sequence[ZoneStatement]) -> tuple[np.ndarray, np.ndarray]:
    """For each statement the zone it names less each other one (rows), and the zone that is named."""
    rows, zone = [], []
    for t in told:
        for other in range(len(ZONES)):
            if other != t.zone:
                bias = np.zeros((len(LABELS), len(ZONES)), np.float32)
                bias[t.label, t.zone], bias[t.label, other] = _FREE, -_FREE
                rows.append(np.concatenate((means[t.row, t.zone] - means[t.row, other], bias.ravel())))
                zone.append(t.zone)
    return np.stack(rows), np.array(zone)


def fit(means: np.ndarray, told: Sequence[ZoneStatement]) -> dict[str, np.ndarray]:
    """The arrays ``zone_weight`` (C,) and ``zone_bias`` (14, 3) of the bundle; zeros where too little is told.

    A ranking: the named zone scores higher than each other zone. Every zone counts alike, however often it is named.

    Args:
        means: (N, 3, C) of each study, see ``films_means``; out of fold. told: their statements.
    """
    concepts = means.shape[2]
    if len({t.zone for t in told}) < 2:
        return {"zone_weight": np.zeros(concepts), "zone_bias": np.zeros((len(LABELS), len(ZONES)))}
    centre, spread = means.mean(0), (means - means.mean(0)).std((0, 1)) + 1e-3
    x, zone = _pairs((means - centre) / spread, told)
    weight = 1 / np.bincount(zone, minlength=len(ZONES))[zone]
    weight *= len(zone) / weight.sum()
    both = np.concatenate((x, -x))
    truth = np.repeat((1, 0), len(x))
    model = LogisticRegression(C=_RIDGE, fit_intercept=False, max_iter=300)
    found = model.fit(both, truth, np.concatenate((weight, weight)) / 2).coef_[0]
    shared = found[:concepts] / spread
    bias = _FREE * found[concepts:].reshape(len(LABELS), len(ZONES)) - centre @ shared
    return {"zone_weight": shared, "zone_bias": bias}
