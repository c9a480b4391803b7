"""Films as one array: every film of a manifest squashed to 256×256 once, read from disk as a memory map."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.nn import functional
from tqdm import tqdm

from wetread.errors import InputError
from wetread.image.transforms import RASTER, to_input

__all__ = ["Augment", "as_tensor", "exported", "exposed", "pack", "packed", "posed", "rendered"]


def _read(path: Path) -> np.ndarray:
    if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
        try:
            with Image.open(path) as image:
                if image.mode == "L":
                    return np.asarray(image, dtype=np.float32) / 255
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error}; leave it out of the manifest") from error
    from wetread.image.read import read_view

    return read_view(path).pixels


def pack(paths: Sequence[Path], folder: Path) -> np.ndarray:
    """Write ``films.npy`` (N, 256, 256) uint8 and ``films.json`` (the paths) into folder, or reuse them.

    Raises:
        InputError: a film cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [str(p) for p in paths]
    index, array = folder / "films.json", folder / "films.npy"
    if not (index.exists() and json.loads(index.read_text()) == names):
        # Processes that train beside each other may pack at the same time: each into a file of its own.
        own = folder / f"films.{os.getpid()}.new"
        films = np.lib.format.open_memmap(own, "w+", np.uint8, (len(names), RASTER, RASTER))
        for i, path in enumerate(tqdm(paths, desc="pack", unit="film")):
            films[i] = np.rint(to_input(_read(path), RASTER) * 255)
        films.flush()
        own.replace(array)
        index.write_text(json.dumps(names))
    return packed(folder)


def packed(folder: Path) -> np.ndarray:
    """The films of ``pack``: (N, 256, 256) uint8, memory-mapped."""
    return np.load(folder / "films.npy", mmap_mode="r")


def as_tensor(films: Iterable[np.ndarray], size: int) -> torch.Tensor:
    """B films uint8 → (B, 1, size, size) float32 in [0, 1], as ``to_input`` does at inference."""
    rows = [to_input(film.astype(np.float32) / 255, size) for film in films]
    return torch.from_numpy(np.stack(rows))[:, None]


def _recompressed(film: Image.Image, rng: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    film.save(buffer, "JPEG", quality=int(rng.integers(40, 96)))
    return Image.open(buffer)


def _resampled(film: Image.Image, rng: np.random.Generator) -> Image.Image:
    side = int(rng.integers(150, film.width))
    return film.resize((side, side), Image.Resampling.BILINEAR).resize(film.size, Image.Resampling.BICUBIC)


def _blurred(film: Image.Image, rng: np.random.Generator) -> Image.Image:
    return film.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.2))))


def _sharpened(film: Image.Image, rng: np.random.Generator) -> Image.Image:
    return film.filter(ImageFilter.UnsharpMask(float(rng.uniform(0.6, 2)), int(rng.integers(20, 120)), 0))


#: What an archive or a plate reader does to a film's sharpness: it must not tell from which collection the film comes.
_RENDERINGS = (_recompressed, _resampled, _blurred, _sharpened)


def rendered(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(256, 256) uint8 as another archive might hand it over: recompressed, resampled, blurred or sharpened."""
    change = _RENDERINGS[int(rng.integers(len(_RENDERINGS)))]
    return np.asarray(change(Image.fromarray(film), rng))


def exported(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(256, 256) uint8 → (h, w) uint8: the film as another program might export it, by chance as it is.

    Turned a little, of another size, with another window or gamma, recompressed, softened or sharpened: a few of these.
    """
    image = Image.fromarray(film)
    if rng.random() < 0.35:
        image = image.rotate(float(rng.uniform(-4, 4)), Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        rows, wide = math.exp(rng.uniform(math.log(190), math.log(1100))), rng.uniform(0.8, 1.25)
        how = Image.Resampling.BICUBIC if rng.random() < 0.5 else Image.Resampling.BILINEAR
        image = image.resize((round(rows * wide), round(rows)), how)
    grey = np.asarray(image, np.float32) / 255
    if rng.random() < 0.5:
        low, high = rng.uniform(0, 0.08), rng.uniform(0.84, 1)
        grey = ((grey - low) / (high - low)).clip(0, 1)
    if rng.random() < 0.3:
        grey = grey ** math.exp(rng.uniform(-0.15, 0.15))
    image = Image.fromarray(np.rint(grey * 255).astype(np.uint8))
    if rng.random() < 0.4:
        image = _recompressed(image, rng)
    if rng.random() < 0.3:
        image = _blurred(image, rng) if rng.random() < 0.5 else _sharpened(image, rng)
    return np.asarray(image)


def posed(images: torch.Tensor, theta: torch.Tensor, size: int) -> torch.Tensor:
    """Images (n, C, h, w) in the poses of ``theta`` (n, 2, 3) → (n, C, size, size), black beyond their edges."""
    grid = functional.affine_grid(theta, [len(images), 1, size, size], align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def exposed(x: torch.Tensor, gamma: torch.Tensor, contrast: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Films (n, 1, h, w) with another exposure, (n,) each; values may leave [0, 1]."""
    gamma, contrast, shift = (each[:, None, None, None] for each in (gamma, contrast, shift))
    return (x.clamp(0, 1) ** gamma - 0.5) * contrast + 0.5 + shift


class Augment:
    """What may differ between two films of the same chest: pose, exposure, noise. Never a flip: the heart is left.

    Draws one small rotation (±10°), zoom (0.85 to 1.12 by axis), shift (±7 %), gamma, contrast, noise and a few
    erased rectangles per film; two films of three are first ``rendered`` otherwise.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.generator = torch.Generator().manual_seed(seed)
        self.rng = np.random.default_rng(seed)

    def _uniform(self, n: int, low: float, high: float) -> torch.Tensor:
        return torch.rand(n, generator=self.generator) * (high - low) + low

    def __call__(self, films: np.ndarray) -> torch.Tensor:
        """(B, 256, 256) uint8 → (B, 1, size, size) float32 in [0, 1]."""
        films = np.stack([rendered(film, self.rng) if self.rng.random() < 2 / 3 else film for film in films])
        x = torch.from_numpy(films.astype(np.float32) / 255)[:, None]
        n = len(x)
        angle = self._uniform(n, -10, 10) * torch.pi / 180
        zoom_x, zoom_y = self._uniform(n, 0.85, 1.12), self._uniform(n, 0.85, 1.12)
        theta = torch.zeros(n, 2, 3)
        theta[:, 0, 0], theta[:, 0, 1] = torch.cos(angle) * zoom_x, -torch.sin(angle) * zoom_y
        theta[:, 1, 0], theta[:, 1, 1] = torch.sin(angle) * zoom_x, torch.cos(angle) * zoom_y
        theta[:, 0, 2], theta[:, 1, 2] = self._uniform(n, -0.14, 0.14), self._uniform(n, -0.14, 0.14)
        gamma = torch.exp(self._uniform(n, -0.35, 0.35))
        x = posed(x, theta, self.size)
        x = exposed(x, gamma, self._uniform(n, 0.8, 1.2), self._uniform(n, -0.12, 0.12))
        x = x + torch.randn(x.shape, generator=self.generator) * self._uniform(n, 0, 0.03)[:, None, None, None]
        for film in x:
            if torch.rand(1, generator=self.generator) < 0.25:
                h, w = (int(v) for v in torch.randint(self.size // 12, self.size // 5, (2,), generator=self.generator))
                top, left = (int(torch.randint(0, self.size - s, (1,), generator=self.generator)) for s in (h, w))
                film[:, top : top + h, left : left + w] = 0.5
        return x.clamp(0, 1)
