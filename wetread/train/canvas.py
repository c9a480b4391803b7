"""The film that is drawn on, and the pens: what ``implants`` and ``hardware`` share.

Lengths are in pixels of a film of 256×256 (of a chest about 1.5 mm), places in hundredths of the mean film's sides
(``image.thorax``), carried to each film by its frame. On a lateral film the front of the chest is on the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from wetread.image.thorax import Frame, place, register, thumbnail
from wetread.image.transforms import RASTER
from wetread.model.detector import DRAWN

__all__ = ["INSIDE", "WHITE", "Canvas", "Chest", "Points", "curve", "filled", "grid", "ring", "stroke"]

#: Lines and outlines are drawn so many times larger and averaged.
_FINE = 4
#: Of what a film's grey value leaves up to white (and a little beyond), a finding adds a share.
WHITE = 1.12
#: A pixel belongs to a finding from this share of its strength on.
INSIDE = 0.35
#: A thin line covers no pixel whole.
_THIN = 0.15
#: Below so many pixels of lung nothing is drawn into it.
_FEW = 500

Points = np.ndarray
"""(N, 2) float: x, y in pixels."""


@dataclass(frozen=True)
class Chest:
    """Where the chest lies on a film: its frame on the mean film, and ``lungs`` (256, 256) bool.

    ``mirrored``: a lateral film with the front of the chest on the right; frame and lungs are those of its mirror
    image, which is drawn on.
    """

    frame: Frame
    lungs: np.ndarray
    lateral: bool = False
    mirrored: bool = False

    @classmethod
    def of(cls, film: np.ndarray, mean: np.ndarray, lateral: bool) -> Chest:
        """Of a film (256, 256) in [0, 1], by the mean film (32, 32) of its projection.

        The lungs are those of the mean film without the whitest tenth: heart and diaphragm where these are larger. A
        lateral film faces the side on which it is more like the mean one.
        """
        small = thumbnail(film)
        mirrored = lateral and _likeness(small[:, ::-1], mean) > _likeness(small, mean)
        if mirrored:
            film, small = film[:, ::-1], small[:, ::-1]
        frame = register(small, mean)
        lungs = ndimage.zoom(frame.onto_film(place("lungs", lateral, RASTER // 2)), 2, order=1) > 0.5
        if lungs.any():
            smooth = ndimage.gaussian_filter(film, 4)
            lungs &= smooth < np.quantile(smooth[lungs], 0.9)
        return cls(frame, lungs, lateral, mirrored)


def _likeness(film: np.ndarray, mean: np.ndarray) -> float:
    """Correlation of a film (32, 32) with the mean film that it is registered on."""
    moved = register(film, mean).onto_mean(film)
    return float(np.corrcoef(moved.ravel(), mean.ravel())[0, 1]) if moved.std() > 0 < mean.std() else 0.0


@dataclass
class Canvas:
    """A film being drawn on: ``film`` (256, 256) float32 in [0, 1], ``masks`` (K, 256, 256) bool by finding."""

    film: np.ndarray
    chest: Chest
    rng: np.random.Generator
    masks: np.ndarray

    def add(self, what: str, shape: np.ndarray, strength: float, inside: float = INSIDE) -> None:
        """Add a shape (256, 256) in [0, 1] or a little above; it lies where it is above ``inside``."""
        self.film += strength * shape * (WHITE - np.clip(self.film, 0, 1))
        self.masks[DRAWN.index(what)] |= shape > inside

    def at(self, x: float, y: float, scatter: float = 1.5) -> np.ndarray:
        """(2,) pixels of a place in hundredths of the mean film, scattered by so many of them."""
        given = np.array((x, y)) + self.rng.normal(size=2) * scatter
        frame = self.chest.frame
        return ((given / 100 - 0.5) * np.exp(frame.size) + frame.shift + 0.5) * RASTER

    def in_lungs(self, low: float = 0.0) -> tuple[float, float] | None:
        """A pixel (row, column) of the lungs, the likelier at the bases the higher ``low``; None without lungs."""
        inside = np.argwhere(self.chest.lungs)
        if len(inside) < _FEW:
            return None
        height = (inside[:, 0] - inside[:, 0].min()) / (np.ptp(inside[:, 0]) + 1)
        weight = np.exp(low * height)
        row, column = inside[self.rng.choice(len(inside), p=weight / weight.sum())]
        return float(row), float(column)

    def between(self, low: float, high: float) -> float:
        """A length between both, as often between 1 and 2 as between 2 and 4."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def noise(self, size: float) -> np.ndarray:
        """(256, 256) smooth noise of deviation 1."""
        values = ndimage.gaussian_filter(self.rng.normal(size=(RASTER, RASTER)).astype(np.float32), size)
        return values / values.std()


def grid(centre: tuple[float, float], angle: float) -> tuple[np.ndarray, np.ndarray]:
    """(256, 256) distances from a centre (row, column) along and across a direction."""
    y, x = np.mgrid[:RASTER, :RASTER].astype(np.float32)
    y, x = y - centre[0], x - centre[1]
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def filled(corners: Points) -> np.ndarray:
    """(256, 256) the share of each pixel inside a polygon."""
    image = Image.new("L", (RASTER * _FINE, RASTER * _FINE))
    ImageDraw.Draw(image).polygon([tuple(p) for p in corners * _FINE], fill=255)
    return _averaged(image)


def _averaged(image: Image.Image) -> np.ndarray:
    return np.asarray(image.reduce(_FINE), np.float32) / 255


def curve(points: Sequence[np.ndarray]) -> Points:
    """Catmull and Rom's spline through the points, 40 steps from each to the next."""
    ends = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    p = np.array([ends[0], *points, ends[1]])
    t = np.linspace(0, 1, 40)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(parts)


def stroke(canvas: Canvas, what: str, points: Points, width: float, strength: float, hollow: bool = False) -> None:
    """Add a line along the points; a hollow one is brighter at its rims."""
    image = Image.new("L", (RASTER * _FINE, RASTER * _FINE))
    pen, path = ImageDraw.Draw(image), [tuple(p) for p in points * _FINE]
    pen.line(path, fill=255, width=max(1, round(width * _FINE)), joint="curve")
    if hollow and width > 1.4:
        pen.line(path, fill=110, width=max(1, round(width * _FINE / 2)), joint="curve")
    canvas.add(what, _averaged(image), strength, inside=_THIN)


def ring(centre: np.ndarray, wide: float, high: float, corner: float = 2.0, turn: float = 0.0) -> Points:
    """A superellipse of 60 points."""
    t = np.linspace(0, 2 * np.pi, 60)
    points = [np.sign(f(t)) * np.abs(f(t)) ** (2 / corner) * r for f, r in ((np.cos, wide), (np.sin, high))]
    turned = np.array(((np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))))
    return np.stack(points, 1) @ turned + centre
