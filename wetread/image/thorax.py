"""Where the chest lies on a film: a registration with the mean film, and the places of the chest drawn upon that.

A place that is learned or drawn once ("the right costophrenic angle") is carried to any film by ``Frame``, so that it
moves and grows with the chest. The registration is Lucas and Kanade's (IJCAI 1981) for shift and size along both
axes, on films of 32×32 pixels with grey values in standard deviations, residuals weighted as in Cauchy's M-estimator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from wetread.image.transforms import squash, stretch

__all__ = ["SIDE", "Frame", "Place", "mean_film", "outlines", "place", "places", "register", "thumbnail"]

#: Side of the films that are registered, in pixels.
SIDE = 32
#: Starts of the vertical shift: the diaphragm has one slope only, a film that is cut high or low needs a hint.
_STARTS = (0.0, -0.12, 0.12)
#: Steps of each start, and of the best one; the step that ends the descent.
_TRIES, _STEPS, _ENOUGH = 4, 10, 2e-3
#: What holds shift (2) and log size (2) near zero, beside the sum over about a thousand pixels.
_TETHER = np.array((1.5, 1.5, 12.0, 12.0))
_LIMIT = np.array((0.3, 0.3, 0.4, 0.4))
_CENTRES = (np.arange(SIDE) + 0.5) / SIDE - 0.5


@dataclass(frozen=True)
class Frame:
    """A film's chest beside the mean one: ``film = mean · exp(size) + shift``, from the film's centre, in its sides."""

    shift: tuple[float, float] = (0.0, 0.0)
    size: tuple[float, float] = (0.0, 0.0)

    def onto_film(self, values: np.ndarray) -> np.ndarray:
        """(…, h, w) drawn on the mean film → as they lie on this film."""
        return _resample(values, np.exp(-np.array(self.size)), -np.array(self.shift) * np.exp(-np.array(self.size)))

    def onto_mean(self, values: np.ndarray) -> np.ndarray:
        """(…, h, w) of this film → as they lie on the mean film."""
        return _resample(values, np.exp(np.array(self.size)), np.array(self.shift))


def _weights(n: int, scale: float, shift: float) -> np.ndarray:
    """(n, n) that resamples a line: output pixel x takes the value at ``x · scale + shift`` (linear, edge repeated)."""
    at = ((np.arange(n) + 0.5) / n - 0.5) * scale + shift
    at = np.clip((at + 0.5) * n - 0.5, 0, n - 1)
    return np.clip(1 - np.abs(at[:, None] - np.arange(n)), 0, 1).astype(np.float32)


def _resample(values: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    rows, columns = (_weights(values.shape[axis - 2], scale[1 - axis], shift[1 - axis]) for axis in (0, 1))
    return rows @ np.asarray(values, np.float32) @ columns.T


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """(rows, columns) → (32, 32) float32 in [0, 1]; reads about 256 rows and columns of a large film."""
    step = [max(1, n // 256) for n in pixels.shape]
    return stretch(squash(pixels[:: step[0], :: step[1]], SIDE))


def register(film: np.ndarray, mean: np.ndarray) -> Frame:
    """The frame of a film (32, 32) on a mean film (32, 32); a film without contrast gets the mean's own frame."""
    if float(np.std(film)) < 1e-3 or float(np.std(mean)) < 1e-3:
        return Frame()
    tried = (_descend(film, mean, np.array((0.0, start, 0.0, 0.0)), _TRIES) for start in _STARTS)
    _, best = min(tried, key=lambda pair: pair[0])
    _, found = _descend(film, mean, best, _STEPS)
    return Frame((float(found[0]), float(found[1])), (float(found[2]), float(found[3])))


def _descend(film: np.ndarray, mean: np.ndarray, p: np.ndarray, steps: int) -> tuple[float, np.ndarray]:
    """(robust residual, p) of Gauss-Newton's descent from p: shift x, shift y, log size x, log size y."""
    ramp = np.concatenate((film, *np.gradient(film))).reshape(3, SIDE, SIDE)
    cost = np.inf
    for _ in range(steps):
        size = np.exp(p[2:])
        value, down, right = _resample(ramp, size, p[:2])
        inside = np.outer(*(np.abs(_CENTRES * size[k] + p[k]) < 0.5 for k in (1, 0))) + 1e-3
        value, sd = _standard(value, inside)
        residual = _standard(mean, inside)[0] - value
        right, down = right * (SIDE / sd), down * (SIDE / sd)
        slope = np.stack((right, down, right * _CENTRES * size[0], down * _CENTRES[:, None] * size[1]), -1)
        slope -= (slope * inside[..., None]).sum((0, 1)) / inside.sum()
        weight = (inside / (1 + residual**2))[..., None]
        slopes = slope.reshape(-1, 4)
        cost = float((inside * np.log1p(residual**2)).sum() / inside.sum() + 1e-3 * (_TETHER * p**2).sum())
        normal = (slope * weight).reshape(-1, 4).T @ slopes + np.diag(_TETHER)
        step = np.linalg.solve(normal, (slope * weight * residual[..., None]).sum((0, 1)) - _TETHER * p)
        step = np.clip(step, -0.06, 0.06)
        p = np.clip(p + step, -_LIMIT, _LIMIT)
        if np.abs(step).max() < _ENOUGH:
            break
    return cost, p


def _standard(film: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    total = weight.sum()
    centred = film - (film * weight).sum() / total
    sd = float(np.sqrt((centred**2 * weight).sum() / total)) + 1e-6
    return centred / sd, sd


def mean_film(films: np.ndarray, rounds: int = 3) -> np.ndarray:
    """The mean (32, 32) of films (N, 32, 32), each registered on the mean of the round before."""
    mean = films.mean(0)
    for _ in range(rounds):
        frames = [register(film, mean) for film in films]
        # The mean keeps the middle of the collection: else the frames may drift together, round by round.
        middle = np.mean([(*f.shift, *f.size) for f in frames], 0)
        mean = np.mean(
            [
                Frame(tuple(np.subtract(f.shift, middle[:2])), tuple(np.subtract(f.size, middle[2:]))).onto_mean(film)
                for f, film in zip(frames, films, strict=True)
            ],
            0,
        )
    return mean.astype(np.float32)


Outline = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Place:
    """A part of the chest, as polygons on the mean frontal and lateral film; x right, y down, in sides of the film."""

    frontal: tuple[Outline, ...]
    lateral: tuple[Outline, ...]


def _outline(corners: str) -> Outline:
    """ "x y, x y, …" in hundredths of the film's sides."""
    return tuple((float(x) / 100, float(y) / 100) for x, y in (corner.split() for corner in corners.split(",")))


def _box(x0: float, y0: float, x1: float, y1: float) -> Outline:
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


# Drawn on the registered mean of IU X-Ray's frontal and lateral films (squashed to squares; the patient's right is on
# the left). A lateral film shows both sides upon each other, the front of the chest on the left.
_RIGHT_LUNG = (_outline("33 14, 43 15, 45 34, 43 52, 42 68, 28 69, 11 72, 16 52, 21 32, 26 20"),)
_LEFT_LUNG = (_outline("57 15, 67 14, 74 22, 80 36, 84 54, 89 72, 72 70, 58 69, 57 50, 55 34"),)
_LATERAL_LUNGS = (_outline("52 18, 66 20, 77 35, 78 55, 71 79, 55 70, 44 60, 28 55, 25 42, 32 28, 42 22"),)
_ANGLES = (_box(0.09, 0.58, 0.26, 0.75), _box(0.75, 0.58, 0.91, 0.75))
_PLACES: Mapping[str, Place] = {
    "right": Place((_box(0, 0, 0.49, 1),), (_box(0, 0, 1, 1),)),
    "left": Place((_box(0.49, 0, 1, 1),), (_box(0, 0, 1, 1),)),
    "lungs": Place(_RIGHT_LUNG + _LEFT_LUNG, _LATERAL_LUNGS),
    "heart": Place(
        (_outline("42 47, 60 44, 70 55, 77 66, 60 72, 40 70"),),
        (_outline("28 42, 45 40, 54 55, 46 64, 28 62"),),
    ),
    "mediastinum": Place(
        (_outline("43 12, 57 12, 59 45, 72 60, 58 70, 42 70, 42 40"),),
        (_outline("35 22, 60 18, 58 50, 45 62, 28 58"),),
    ),
    "costophrenic": Place(_ANGLES, (_box(0.56, 0.62, 0.78, 0.82),)),
    "bases": Place((_box(0.08, 0.5, 0.45, 0.76), _box(0.55, 0.5, 0.92, 0.76)), (_box(0.28, 0.48, 0.8, 0.82),)),
    "pleura": Place(
        # the rim of each lung: apex, chest wall, angle
        (
            _outline("43 10, 45 22, 34 24, 27 40, 24 60, 24 74, 7 74, 12 50, 18 28, 27 13"),
            _outline("56 10, 56 22, 66 24, 73 40, 77 60, 77 74, 92 74, 88 50, 82 28, 72 13"),
        ),
        (*_LATERAL_LUNGS,),
    ),
    "bones": Place((_box(0.06, 0.06, 0.94, 0.76),), (_box(0.2, 0.12, 0.86, 0.85),)),
    "chest": Place((_box(0.12, 0.08, 0.88, 0.76),), (_box(0.22, 0.14, 0.84, 0.82),)),
    "upper": Place((_box(0, 0, 1, 0.36),), (_box(0, 0, 1, 0.38),)),
    "middle": Place((_box(0, 0.32, 1, 0.54),), (_box(0, 0.34, 1, 0.58),)),
    "lower": Place((_box(0, 0.48, 1, 0.8),), (_box(0, 0.5, 1, 0.86),)),
    "base": Place((_box(0, 0.54, 1, 0.8),), (_box(0, 0.54, 1, 0.86),)),
    "apex": Place((_box(0, 0, 1, 0.26),), (_box(0, 0, 1, 0.28),)),
    "lingula": Place((_box(0.56, 0.46, 0.86, 0.72),), (_box(0.24, 0.42, 0.56, 0.68),)),
    "perihilar": Place((_box(0.28, 0.3, 0.72, 0.54),), (_box(0.4, 0.32, 0.66, 0.54),)),
    "retrocardiac": Place((_box(0.44, 0.46, 0.72, 0.74),), (_box(0.5, 0.46, 0.78, 0.76),)),
}


def outlines(name: str) -> tuple[Outline, ...]:
    """The polygons of a place on the mean frontal film.

    Raises:
        KeyError: there is no such place.
    """
    return _PLACES[name].frontal


def places() -> tuple[str, ...]:
    """The names that ``place`` knows."""
    return tuple(_PLACES)


@lru_cache(maxsize=128)
def place(name: str, lateral: bool, side: int) -> np.ndarray:
    """A place of the chest on the mean film: (side, side) float32, the share of each cell that it covers.

    Raises:
        KeyError: there is no such place.
    """
    found = _PLACES[name]
    fine = 8 * side
    image = Image.new("L", (fine, fine))
    draw = ImageDraw.Draw(image)
    for outline in found.lateral if lateral else found.frontal:
        draw.polygon([(x * fine, y * fine) for x, y in outline], fill=255)
    cover = np.asarray(image.resize((side, side), Image.Resampling.BOX), np.float32) / 255
    cover.setflags(write=False)
    return cover
