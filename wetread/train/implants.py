"""Findings drawn into real films, so that a detector can learn where they are without a radiologist's word.

A report says that there is a nodule, hardly ever where; and there are a hundred of them. Here nodules, masses,
opacities, bands, pneumothoraces, lines and hardware are drawn into the films of all teachers, whatever is in
them already, with the place of every pixel known. Attenuations add up on a film, so that what is drawn is added, less
where the film is white already. Nothing of a report is used: what learns from these films has seen no label.

The shapes and grey values are of our own choosing; units and places: ``canvas``.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from wetread.image.thorax import outlines
from wetread.image.transforms import RASTER
from wetread.model.detector import DRAWN
from wetread.train.canvas import Canvas, Chest, filled, grid
from wetread.train.hardware import electrodes, hardware, line

__all__ = ["draw"]

#: How often each is drawn into a film.
_OFTEN = {
    "pneumothorax": 0.12,
    "opacity": 0.25,
    "band": 0.25,
    "lesion": 0.5,
    "line": 0.25,
    "hardware": 0.35,
    "electrode": 0.15,
}
_LESIONS = {"calcified nodule": 0.35, "nodule": 0.45, "mass": 0.2}


def draw(film: np.ndarray, chest: Chest, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A film (256, 256) uint8 → the film with findings drawn into it, and (K, 256, 256) bool where they are."""
    side = slice(None, None, -1 if chest.mirrored else 1)
    masks = np.zeros((len(DRAWN), RASTER, RASTER), bool)
    canvas = Canvas(film[:, side].astype(np.float32) / 255, chest, rng, masks)
    for what, often in _OFTEN.items():
        if rng.random() < often:
            _DRAWERS[what](canvas)
    return np.rint(np.clip(canvas.film[:, side], 0, 1) * 255).astype(np.uint8), masks[..., side]


def _round(canvas: Canvas, what: str, radius: float, rough: float, strength: float, grain: float = 0.0) -> None:
    """A nodule: the thickness of a sphere with an uneven rim."""
    if (centre := canvas.in_lungs()) is None:
        return
    rng = canvas.rng
    n = int(np.ceil(1.9 * radius)) + 3
    rows, columns = (slice(max(0, round(c) - n), round(c) + n + 1) for c in centre)
    along, across = (
        part[rows, columns] for part in grid((centre[0] + rng.uniform(-0.5, 0.5), centre[1]), rng.uniform(0, np.pi))
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
    near = ndimage.gaussian_filter(ndimage.binary_dilation(canvas.chest.lungs, iterations=6).astype(np.float32), 3)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        if (centre := canvas.in_lungs(low=1.5)) is None:
            return
        along, across = grid(centre, rng.uniform(0, np.pi))
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
        along, across = grid(centre, rng.normal() * 0.45 if lying else rng.uniform(-1.5, 1.5))
        across = across + rng.normal() * 0.006 * along**2
        ends = 1 + np.exp(np.clip((np.abs(along) - canvas.between(6, 28)) / rng.uniform(1, 4), -20, 20))
        canvas.add("band", np.exp(-0.5 * (across / canvas.between(0.6, 2.4)) ** 2) / ends, rng.uniform(0.08, 0.35))


def _pneumothorax(canvas: Canvas) -> None:
    """A lung that has come off the chest wall: darker and without vessels outside it, a thin line around it.

    On a lateral film, where one lung lies upon the other, nothing is drawn.
    """
    if canvas.chest.lateral:
        return
    rng = canvas.rng
    right, left = outlines("lungs")
    outline = np.array([canvas.at(100 * x, 100 * y, 0) for x, y in (right if rng.random() < 0.5 else left)])
    middle = outline.mean(0)
    medial = outline[:, 0].max() if middle[0] < RASTER / 2 else outline[:, 0].min()
    inward = np.array((medial, middle[1] + 20)) - outline
    share = rng.uniform(0.04, 0.35) * rng.uniform(0.8, 1.2, len(outline))
    if rng.random() < 0.5:  # at the apex only
        share = share * np.clip((middle[1] + 20 - outline[:, 1]) / 60, 0.15, 1.3)
    cavity, lung = filled(outline), ndimage.gaussian_filter(filled(outline + inward * share[:, None]), 1.2)
    outside = np.clip(cavity - (lung > 0.5), 0, 1)
    soft = ndimage.gaussian_filter(outside, 0.8)
    film = canvas.film
    film += (ndimage.gaussian_filter(film, rng.uniform(1.5, 3)) - film) * soft * 0.8
    film -= rng.uniform(0.02, 0.12) * soft
    film += rng.uniform(0.01, 0.06) * lung * cavity
    line = ndimage.gaussian_gradient_magnitude(lung, 0.7)
    film += rng.uniform(0.05, 0.2) * line / (line.max() + 1e-6) * ndimage.binary_erosion(cavity > 0.5, iterations=2)
    canvas.masks[DRAWN.index("pneumothorax")] |= outside > 0.5


_DRAWERS = {
    "pneumothorax": _pneumothorax,
    "opacity": _opacity,
    "band": _band,
    "lesion": _lesion,
    "line": line,
    "hardware": hardware,
    "electrode": electrodes,
}
