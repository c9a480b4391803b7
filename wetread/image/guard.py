"""Is it a chest radiograph, frontal or lateral, upright and positive? From the pixels alone, with numpy.

A picture becomes coarse grey values, oriented gradients and texture energies (after the normalisation of
``wetread.image.transforms``, so that size and contrast do not matter). Principal components of chest films span what
films look like; how much of a picture lies outside of them, and where it lies inside, goes to a small perceptron
(other, frontal, lateral). What is refused is tried again as a negative and turned, which gives a better message.
``wetread.train.guard`` fits the weights; ``benchmarks/image.py`` measures them on pictures they have not seen.

A child is not told from the pixels: the only children's films at hand come from one hospital, so a classifier would
learn the hospital. The header's age gives that warning (``wetread.image.read``).
"""

from __future__ import annotations

import hashlib
import io
import itertools
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from wetread.errors import BundleError
from wetread.image.transforms import RASTER, squash, to_input
from wetread.types import Projection

__all__ = ["MAX_ASPECT", "SHA256", "Assessment", "Weights", "assess", "features", "weights"]

#: A film longer than this times its width is none.
MAX_ASPECT = 3.0
#: Checksum of the shipped weights.
SHA256 = "ca31708b1ca69eaf1678f6504030a088e9cbfc7c393ebff20b7c571bf4552b5b"
#: Between these probabilities of "lateral" the projection is not known.
_UNSURE = (0.1, 0.9)
#: Below this chest score a picture is tried as a negative and turned, and taken for that from the second score on.
_DOUBT, _SURE = 0.5, 0.9
_THUMBNAIL, _GRADIENT, _CELLS, _BINS = 20, 64, 8, 8


@dataclass(frozen=True)
class Assessment:
    """What the pixels say.

    Attributes:
        chest: score in [0, 1] that this is an upright, positive chest film.
        refusal: why the picture is no chest film that can be read, to be put behind its name, or None.
        lateral: probability that the film is lateral rather than frontal.
        projection: frontal, lateral or unknown.
        negative: bone is dark: the picture must be inverted.
        cut: part of the chest seems to lie outside the film.
    """

    chest: float
    refusal: str | None
    lateral: float
    projection: Projection
    negative: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Weights:
    """What ``wetread.train.guard`` fits; F features, K components, H hidden units.

    ``mean``, ``scale`` (F): standardisation; ``basis`` (F, K): principal components of films;
    ``spread`` (K): their deviations; ``residual`` (2): mean and deviation of the log energy outside of them;
    ``w1`` (K+1, H), ``b1``, ``w2`` (H, 3), ``b2``: the perceptron over other, frontal, lateral; ``cut`` (K+2):
    logistic weights, bias last; ``limits`` (3): least chest score, greatest residual, least score of a cut.
    """

    mean: np.ndarray
    scale: np.ndarray
    basis: np.ndarray
    spread: np.ndarray
    residual: np.ndarray
    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    cut: np.ndarray
    limits: np.ndarray


@lru_cache(maxsize=1)
def weights() -> Weights:
    """The shipped weights. Raises BundleError where they are absent or damaged."""
    try:
        data = resources.files("wetread.image").joinpath("data/guard.npz").read_bytes()
    except OSError as error:
        raise BundleError("the weights of the image guard are missing; install wetread again") from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise BundleError("the weights of the image guard are damaged (checksum); install wetread again")
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return Weights(**{name: stored[name].astype(np.float32) for name in stored.files})


def _gradients(small: np.ndarray) -> np.ndarray:
    """Histograms of signed gradient directions in cells (Dalal & Triggs 2005), each cell of unit length, rooted.

    Signed, because a film and its negative differ in nothing else.
    """
    dy, dx = np.gradient(small)
    strength = np.hypot(dx, dy)
    angle = np.floor((np.arctan2(dy, dx) / (2 * np.pi) % 1) * _BINS).astype(np.int64) % _BINS
    cell = np.arange(_GRADIENT) // (_GRADIENT // _CELLS)
    index = (cell[:, None] * _CELLS + cell[None, :]) * _BINS + angle
    histogram = np.bincount(index.ravel(), strength.ravel(), _CELLS * _CELLS * _BINS).reshape(-1, _BINS)
    unit = histogram / (np.sqrt((histogram**2).sum(1, keepdims=True)) + 0.3)
    return np.sqrt(unit).ravel()


def _texture(pyramid: list[np.ndarray]) -> list[float]:
    """Log energy of what each halving of the size takes away, and of the mirror difference."""
    energies = []
    for fine, coarse in itertools.pairwise(pyramid):
        energies.append(float(np.log(1e-3 + np.abs(fine - coarse.repeat(2, 0).repeat(2, 1)).mean())))
    mirror = pyramid[-2]
    energies.append(float(np.log(1e-3 + np.abs(mirror - mirror[:, ::-1]).mean())))
    return energies


def features(raster: np.ndarray) -> np.ndarray:
    """The picture's F numbers, float32, of a (256, 256) raster as ``to_input`` makes it."""
    pyramid = [raster]
    while pyramid[-1].shape[0] > 8:
        p = pyramid[-1]
        pyramid.append((p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4)
    thumbnail = squash(raster, _THUMBNAIL)
    thumbnail = (thumbnail - thumbnail.mean()) / (thumbnail.std() + 0.02)
    grey = np.histogram(raster, 16, (0, 1))[0] / raster.size
    return np.concatenate([thumbnail.ravel(), _gradients(pyramid[2]), _texture(pyramid), np.sqrt(grey)]).astype(
        np.float32
    )


def project(w: Weights, numbers: np.ndarray) -> np.ndarray:
    """(N, F) features → (N, K+1): whitened coordinates among films, and the energy outside of them."""
    x = np.clip((numbers - w.mean) / w.scale, -8, 8)
    inside = x @ w.basis
    outside = np.log(1e-6 + np.maximum((x**2).sum(1) - (inside**2).sum(1), 0))
    return np.column_stack([inside / w.spread, (outside - w.residual[0]) / w.residual[1]]).astype(np.float32)


def _classify(w: Weights, raster: np.ndarray) -> tuple[float, float, float]:
    """Chest score, probability of lateral, score of a cut."""
    z = project(w, features(raster)[None])[0]
    logits = np.maximum(z @ w.w1 + w.b1, 0) @ w.w2 + w.b2
    p = np.exp(logits - logits.max())
    p /= p.sum()
    chest = float(1 - p[0]) if z[-1] <= w.limits[1] else 0.0
    cut = 1 / (1 + np.exp(-float(np.clip(z @ w.cut[:-1] + w.cut[-1], -50, 50))))
    return chest, float(p[2] / (p[1] + p[2] + 1e-9)), cut


def _as_seen(chest: float, lateral: float, **more: bool) -> Assessment:
    low, high = _UNSURE
    projection: Projection = "lateral" if lateral > high else "frontal" if lateral < low else "unknown"
    return Assessment(chest, None, lateral, projection, **more)


def assess(pixels: np.ndarray) -> Assessment:
    """Judge a picture of (rows, columns) in [0, 1], bright = dense."""
    rows, columns = pixels.shape
    raster = to_input(pixels, RASTER)
    if not raster.any():
        return Assessment(0.0, "is blank; export the film again", 0.5, "unknown")
    w = weights()
    least = float(w.limits[0])
    chest, lateral, cut = _classify(w, raster)
    wrong = "does not look like a chest radiograph; wetread reads frontal and lateral chest films"
    if max(rows, columns) > MAX_ASPECT * min(rows, columns):
        return Assessment(0.0, wrong, lateral, "unknown")
    if chest < _DOUBT:
        otherwise = _otherwise(w, raster, lateral)
        if otherwise is not None:
            return otherwise
    if chest < least:
        return Assessment(chest, wrong, lateral, "unknown")
    return _as_seen(chest, lateral, cut=bool(cut >= w.limits[2]))


def _otherwise(w: Weights, raster: np.ndarray, lateral: float) -> Assessment | None:
    """What a doubtful picture is as a negative or turned, where that makes it a film beyond doubt."""
    negative, side, _ = _classify(w, 1 - raster)
    if negative >= _SURE:
        return _as_seen(negative, side, negative=True)
    turns = {
        1: "lies on its side, turned to the right",
        2: "stands upside down",
        3: "lies on its side, turned to the left",
    }
    scores = {n: _classify(w, np.ascontiguousarray(np.rot90(raster, n)))[0] for n in turns}
    best = max(scores, key=scores.__getitem__)
    if scores[best] < _SURE:
        return None
    return Assessment(0.0, f"looks like a chest film that {turns[best]}; turn it upright", lateral, "unknown")
