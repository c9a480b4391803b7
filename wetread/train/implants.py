"""Findings drawn into real films, so that a detector can learn where they are without a radiologist's word.

A report says that there is a nodule, hardly ever where; and there are a hundred of them. Here nodules, masses,
opacities, bands, pneumothoraces, lines and hardware are drawn into the films of all teachers, whatever is in
them already, with the place of every pixel known. Attenuations add up on a film, so that what is drawn is added, less
where the film is white already. Nothing of a report is used: what learns from these films has seen no label.

Lengths are in pixels of a film of 256×256 (of a chest about 1.5 mm), places in hundredths of the mean film's sides
(``image.thorax``), carried to each film by its frame. The shapes and grey values are of our own choosing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from wetread.image.thorax import Frame, outlines, place, register, thumbnail
from wetread.image.transforms import RASTER
from wetread.model.detector import DRAWN

__all__ = ["Canvas", "draw", "lungs_of"]

#: Lines and outlines are drawn so many times larger and averaged.
_FINE = 4
#: Of what a film's grey value leaves up to white (and a little beyond), a finding adds a share.
_WHITE = 1.12
#: A pixel belongs to a finding from this share of its strength on.
_INSIDE = 0.35
#: A thin line covers no pixel whole.
_THIN = 0.15
#: Below so many pixels of lung nothing is drawn into it.
_FEW = 500
#: How often each is drawn into a film.
_OFTEN = {"pneumothorax": 0.12, "opacity": 0.25, "band": 0.25, "lesion": 0.5, "line": 0.25, "hardware": 0.35}
_LESIONS = {"calcified nodule": 0.35, "nodule": 0.45, "mass": 0.2}

Points = np.ndarray
"""(N, 2) float: x, y in pixels."""


@dataclass
class Canvas:
    """A film being drawn on: ``film`` (256, 256) float32 in [0, 1], ``lungs`` (256, 256) bool, ``masks`` by finding."""

    film: np.ndarray
    lungs: np.ndarray
    frame: Frame
    rng: np.random.Generator
    masks: np.ndarray

    def add(self, what: str, shape: np.ndarray, strength: float, inside: float = _INSIDE) -> None:
        """Add a shape (256, 256) in [0, 1] or a little above; it lies where it is above ``inside``."""
        self.film += strength * shape * (_WHITE - np.clip(self.film, 0, 1))
        self.masks[DRAWN.index(what)] |= shape > inside

    def at(self, x: float, y: float, scatter: float = 1.5) -> np.ndarray:
        """(2,) pixels of a place in hundredths of the mean film, scattered by so many of them."""
        given = np.array((x, y)) + self.rng.normal(size=2) * scatter
        return ((given / 100 - 0.5) * np.exp(self.frame.size) + self.frame.shift + 0.5) * RASTER

    def in_lungs(self, low: float = 0.0) -> tuple[float, float] | None:
        """A pixel (row, column) of the lungs, the likelier at the bases the higher ``low``; None without lungs."""
        inside = np.argwhere(self.lungs)
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


def lungs_of(film: np.ndarray, mean: np.ndarray) -> tuple[Frame, np.ndarray]:
    """The frame of a frontal film (256, 256) in [0, 1], and (256, 256) bool where its lungs are.

    They are those of the mean film (32, 32), without the whitest tenth: heart and diaphragm where these are larger.
    """
    frame = register(thumbnail(film), mean)
    lungs = ndimage.zoom(frame.onto_film(place("lungs", False, RASTER // 2)), 2, order=1) > 0.5
    smooth = ndimage.gaussian_filter(film, 4)
    return frame, lungs & (smooth < np.quantile(smooth[lungs], 0.9)) if lungs.any() else lungs


def draw(film: np.ndarray, lungs: np.ndarray, frame: Frame, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A frontal film (256, 256) uint8 → the film with findings drawn into it, and (K, 256, 256) bool where they are.

    Args:
        lungs, frame: see ``lungs_of``.
    """
    masks = np.zeros((len(DRAWN), RASTER, RASTER), bool)
    canvas = Canvas(film.astype(np.float32) / 255, lungs, frame, rng, masks)
    for what, often in _OFTEN.items():
        if rng.random() < often:
            _DRAWERS[what](canvas)
    return np.rint(np.clip(canvas.film, 0, 1) * 255).astype(np.uint8), masks


def _grid(centre: tuple[float, float], angle: float) -> tuple[np.ndarray, np.ndarray]:
    """(256, 256) distances from a centre (row, column) along and across a direction."""
    y, x = np.mgrid[:RASTER, :RASTER].astype(np.float32)
    y, x = y - centre[0], x - centre[1]
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def _round(canvas: Canvas, what: str, radius: float, rough: float, strength: float, grain: float = 0.0) -> None:
    """A nodule: the thickness of a sphere with an uneven rim."""
    if (centre := canvas.in_lungs()) is None:
        return
    rng = canvas.rng
    n = int(np.ceil(1.9 * radius)) + 3
    rows, columns = (slice(max(0, round(c) - n), round(c) + n + 1) for c in centre)
    along, across = (
        part[rows, columns] for part in _grid((centre[0] + rng.uniform(-0.5, 0.5), centre[1]), rng.uniform(0, np.pi))
    )
    stretch = np.exp(rng.uniform(-0.25, 0.25))
    along, across = along * stretch, across / stretch
    angle = np.arctan2(across, along)
    rim = np.full_like(along, radius)
    for k in range(2, 7):
        rim *= 1 + rough * rng.normal() / k * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    depth = np.clip(1 - (np.hypot(along, across) / np.maximum(rim, 0.5)) ** 2, 0, None) ** rng.uniform(0.35, 0.9)
    if grain:
        depth *= np.clip(1 + grain * canvas.noise(2)[rows, columns], 0.5, 1.5)
    blur = rng.uniform(0.35, 0.9) if radius < 4 else rng.uniform(0.5, 1.6)
    shape = np.zeros((RASTER, RASTER), np.float32)
    shape[rows, columns] = ndimage.gaussian_filter(depth, blur)
    canvas.add(what, shape, strength)


def _lesion(canvas: Canvas) -> None:
    rng = canvas.rng
    what = str(rng.choice(list(_LESIONS), p=list(_LESIONS.values())))
    if what == "calcified nodule":
        for _ in range(int(rng.choice([1, 1, 2, 3, 5]))):
            _round(canvas, what, canvas.between(1, 2.8), 0.2, rng.uniform(0.2, 0.6))
    elif what == "nodule":
        radius, strength = canvas.between(2.2, 7), rng.uniform(0.1, 0.42)
        for _ in range(int(rng.choice([1, 1, 1, 2, 3, 5, 9, 16]))):
            own = float(np.clip(radius * np.exp(0.3 * rng.normal()), 1.8, 9))
            _round(canvas, what, own, 0.25, strength * rng.uniform(0.7, 1.2))
    else:
        strength = rng.uniform(0.14, 0.5)
        for _ in range(int(rng.choice([1, 1, 1, 2, 3, 6]))):
            _round(canvas, what, rng.uniform(7, 21), 0.5, strength * rng.uniform(0.7, 1.2), grain=0.12)


def _opacity(canvas: Canvas) -> None:
    """An airspace opacity: a cloud with a soft, uneven rim, mostly at the bases."""
    rng = canvas.rng
    near = ndimage.gaussian_filter(ndimage.binary_dilation(canvas.lungs, iterations=6).astype(np.float32), 3)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        if (centre := canvas.in_lungs(low=1.5)) is None:
            return
        along, across = _grid(centre, rng.uniform(0, np.pi))
        heap = np.exp(-0.75 * ((along / canvas.between(6, 30)) ** 2 + (across / canvas.between(6, 30)) ** 2))
        uneven = heap * (1 + 0.35 * canvas.noise(rng.uniform(5, 10))) - 0.25
        shape = 1 / (1 + np.exp(-np.clip(uneven / rng.uniform(0.04, 0.2), -20, 20)))
        shape *= (shape > 0.02) * heap**0.3 * near
        shape *= np.clip(1 + rng.uniform(0.1, 0.45) * canvas.noise(rng.uniform(1, 3)), 0.2, 2)
        canvas.add("opacity", shape, rng.uniform(0.1, 0.42))


def _band(canvas: Canvas) -> None:
    """Plate-like atelectasis or a scar: a short band, mostly at the bases and lying."""
    rng = canvas.rng
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        if (centre := canvas.in_lungs(low=2.5)) is None:
            return
        lying = rng.random() < 0.8
        along, across = _grid(centre, rng.normal() * 0.45 if lying else rng.uniform(-1.5, 1.5))
        across = across + rng.normal() * 0.006 * along**2
        ends = 1 + np.exp(np.clip((np.abs(along) - canvas.between(6, 28)) / rng.uniform(1, 4), -20, 20))
        canvas.add("band", np.exp(-0.5 * (across / canvas.between(0.6, 2.4)) ** 2) / ends, rng.uniform(0.08, 0.35))


def _filled(corners: Points, fill: int = 255) -> np.ndarray:
    image = Image.new("L", (RASTER * _FINE, RASTER * _FINE))
    ImageDraw.Draw(image).polygon([tuple(p) for p in corners * _FINE], fill=fill)
    return _averaged(image)


def _averaged(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((RASTER, RASTER), Image.Resampling.BOX), np.float32) / 255


def _pneumothorax(canvas: Canvas) -> None:
    """A lung that has come off the chest wall: darker and without vessels outside it, a thin line around it."""
    rng = canvas.rng
    right, left = outlines("lungs")
    outline = np.array([canvas.at(100 * x, 100 * y, 0) for x, y in (right if rng.random() < 0.5 else left)])
    middle = outline.mean(0)
    medial = outline[:, 0].max() if middle[0] < RASTER / 2 else outline[:, 0].min()
    inward = np.array((medial, middle[1] + 20)) - outline
    share = rng.uniform(0.04, 0.35) * rng.uniform(0.8, 1.2, len(outline))
    if rng.random() < 0.5:  # at the apex only
        share = share * np.clip((middle[1] + 20 - outline[:, 1]) / 60, 0.15, 1.3)
    cavity, lung = _filled(outline), ndimage.gaussian_filter(_filled(outline + inward * share[:, None]), 1.2)
    outside = np.clip(cavity - (lung > 0.5), 0, 1)
    soft = ndimage.gaussian_filter(outside, 0.8)
    film = canvas.film
    film += (ndimage.gaussian_filter(film, rng.uniform(1.5, 3)) - film) * soft * 0.8
    film -= rng.uniform(0.02, 0.12) * soft
    film += rng.uniform(0.01, 0.06) * lung * cavity
    line = ndimage.gaussian_gradient_magnitude(lung, 0.7)
    film += rng.uniform(0.05, 0.2) * line / (line.max() + 1e-6) * ndimage.binary_erosion(cavity > 0.5, iterations=2)
    canvas.masks[DRAWN.index("pneumothorax")] |= outside > 0.5


def _curve(points: Sequence[np.ndarray]) -> Points:
    """Catmull and Rom's spline through the points."""
    ends = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    p = np.array([ends[0], *points, ends[1]])
    t = np.linspace(0, 1, 40)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(parts)


def _stroke(canvas: Canvas, what: str, points: Points, width: float, strength: float, hollow: bool = False) -> None:
    image = Image.new("L", (RASTER * _FINE, RASTER * _FINE))
    pen, path = ImageDraw.Draw(image), [tuple(p) for p in points * _FINE]
    pen.line(path, fill=255, width=max(1, round(width * _FINE)), joint="curve")
    if hollow and width > 1.4:
        pen.line(path, fill=110, width=max(1, round(width * _FINE / 2)), joint="curve")
    canvas.add(what, _averaged(image), strength, inside=_THIN)


def _line(canvas: Canvas) -> None:
    """A catheter, tube, drain or shunt, by the way that it takes."""
    rng, at = canvas.rng, canvas.at
    right = rng.random() < 0.55

    def own(x: float) -> float:
        return x if right else 100 - x

    tip = at(46, 38 + rng.uniform(-6, 10))
    kind = str(rng.choice(["arm", "neck", "chest", "trachea", "stomach", "drain", "shunt"]))
    low = rng.uniform
    ways = {
        "arm": lambda: [at(own(2), low(25, 60)), at(own(14), 24), at(own(30), 17), at(own(40), 20), tip],
        "neck": lambda: [at(own(40), -2), at(own(42), 8), at(own(44), 18), at(46, 27), tip],
        "chest": lambda: [at(own(22), low(22, 34), 3), at(own(24), 20), at(own(32), 15), at(own(41), 18), tip],
        "trachea": lambda: [at(50, -2, 1), at(50, 8, 1), at(50, low(16, 24), 1)],
        "stomach": lambda: [at(50, -2, 1), at(50, 15, 1), at(51, 35, 1), at(53, 55), at(56, 70), at(62, 80, 4)],
        "drain": lambda: [at(own(4), low(50, 75), 4), at(own(14), 55, 5), at(own(20), low(15, 40), 4)],
        "shunt": lambda: [at(own(44), -2, 3), at(own(43), 20, 3), at(own(42), 50, 4), at(own(45), 90, 5)],
    }
    wide = kind in ("trachea", "drain")
    width = rng.uniform(2, 4) if wide else canvas.between(0.6, 1.9)
    _stroke(canvas, "line", _curve(ways[kind]()), width, rng.uniform(0.12, 0.5), hollow=wide or rng.random() < 0.3)


def _ring(centre: np.ndarray, wide: float, high: float, corner: float = 2.0, turn: float = 0.0) -> Points:
    """A superellipse of 60 points."""
    t = np.linspace(0, 2 * np.pi, 60)
    ring = [np.sign(f(t)) * np.abs(f(t)) ** (2 / corner) * r for f, r in ((np.cos, wide), (np.sin, high))]
    turned = np.array(((np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))))
    return np.stack(ring, 1) @ turned + centre


def _generator(canvas: Canvas, port: bool) -> None:
    """A pacemaker with its leads, or a port with its catheter."""
    rng = canvas.rng
    right = rng.random() < 0.35
    centre = canvas.at(24 if right else 76, 25, 4)
    size = [rng.uniform(4, 7)] * 2 if port else [rng.uniform(9, 15), rng.uniform(8, 14)]
    case = _ring(centre, size[0], size[1], rng.uniform(2, 4), rng.uniform(0, np.pi))
    inner = (case - centre) * rng.uniform(0.4, 0.75) + centre + rng.normal(size=2)
    strength = rng.uniform(0.5, 1)
    hole = strength * rng.uniform(-0.5, 0.4)
    shape = _filled(case)
    canvas.film += (strength * shape + hole * _filled(inner)) * (_WHITE - np.clip(canvas.film, 0, 1))
    canvas.masks[DRAWN.index("port" if port else "pacemaker")] |= shape > _INSIDE
    for _ in range(1 if port else int(rng.integers(1, 4))):
        heart = [canvas.at(46, 38)] if port else [canvas.at(45, 45), canvas.at(50, 60, 3), canvas.at(62, 63, 3)]
        way = [centre, canvas.at(32 if right else 68, 16, 2), canvas.at(42 if right else 58, 18), canvas.at(46, 28)]
        what = "line" if port else "pacemaker"
        _stroke(canvas, what, _curve([*way, *heart]), canvas.between(0.7, 1.6), rng.uniform(0.25, 0.8))


def _wires(canvas: Canvas) -> None:
    """The wires of a sternotomy."""
    rng = canvas.rng
    x, y, step = 50 + rng.normal() * 1.5, rng.uniform(24, 32), rng.uniform(4.5, 7.5)
    strength, width = rng.uniform(0.2, 0.8), rng.uniform(0.6, 1.3)
    for i in range(int(rng.integers(4, 8))):
        t, size, tilt = np.linspace(0, 2 * np.pi * rng.uniform(0.55, 1), 30), rng.uniform(4, 7), rng.normal() * 0.4
        loop = np.stack([np.cos(t) * size, np.sin(t) * size * rng.uniform(0.15, 0.5) + np.cos(t) * tilt * size], 1)
        _stroke(canvas, "wires", canvas.at(x, y + i * step, 0.6) + loop, width, strength)


def _clips(canvas: Canvas) -> None:
    """Surgical clips: a few short strokes beside each other."""
    rng = canvas.rng
    centre, strength = canvas.at(float(rng.choice([20, 45, 50, 55, 80])), rng.uniform(12, 75), 6), rng.uniform(0.3, 0.9)
    for _ in range(int(rng.integers(1, 9))):
        middle, half = centre + rng.normal(size=2) * rng.uniform(2, 9), rng.normal(size=2)
        half *= rng.uniform(1, 2.8) / max(float(np.linalg.norm(half)), 1e-3)
        _stroke(canvas, "clips", np.stack([middle - half, middle + half]), rng.uniform(0.8, 1.6), strength)


def _hardware(canvas: Canvas) -> None:
    kind = canvas.rng.choice(["pacemaker", "port", "wires", "clips", "valve"])
    if kind == "wires":
        _wires(canvas)
    elif kind == "clips":
        _clips(canvas)
    elif kind == "valve":
        size = canvas.rng.uniform(4, 8)
        ring = _ring(canvas.at(54, 54, 3), size, size * canvas.rng.uniform(0.3, 1), turn=canvas.rng.uniform(0, np.pi))
        _stroke(canvas, "clips", ring, canvas.rng.uniform(0.8, 2), canvas.rng.uniform(0.3, 0.8))
    else:
        _generator(canvas, kind == "port")


_DRAWERS = {
    "pneumothorax": _pneumothorax,
    "opacity": _opacity,
    "band": _band,
    "lesion": _lesion,
    "line": _line,
    "hardware": _hardware,
}
