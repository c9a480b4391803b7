"""Fit the weights of ``wetread.image.guard`` (scikit-learn; minutes on one core).

    python -m wetread.train.guard --shared ../shared --others PICTURES --out wetread/image/data/guard.npz

PICTURES is a folder of pictures that are no chest films (photographs, drawings, slices of other body parts as PNG);
what was used for the shipped weights stands in docs/results.md. Films of the split ``val``, and of the patients that
``held_out`` names in the other collections, are not used, so that ``benchmarks/image.py`` can measure on them.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from wetread.image import guard
from wetread.image.transforms import RASTER, squash, stretch, to_input

__all__ = ["films", "fit", "held_out", "main", "spoiled"]

Rng = np.random.Generator
_COMPONENTS, _HIDDEN = 96, 48
#: Least chest score and greatest residual of what is taken for a film. Read off the table that ``fit`` prints and the
#: lowest scores of the films kept for measuring: a film refused in vain costs more than half a film let through.
_LEAST, _FARTHEST = 0.005, 4.0


def held_out(patient: str) -> bool:
    """Is a patient of the other collections kept for measuring (three in ten, by a hash of the name)."""
    return zlib.crc32(patient.encode()) % 10 < 3


def films(shared: Path, measuring: bool) -> Iterator[tuple[str, str, Path]]:
    """(collection, projection, file) of the films to fit on, or of those to measure on."""
    with (shared / "iu_xray/images.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if (row["split"] == "val") == measuring and row["split"] in ("train", "extra", "val"):
                yield "iu_xray", row["projection"].lower(), shared / "iu_xray/images" / row["filename"]
    with (shared / "other_films/films.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            patient = row["patient_id"] or re.sub(r"_(bacteria|virus)_\d+", "", row["filename"])
            if held_out(patient) == measuring:
                yield row["set"], "frontal", shared / "other_films" / row["set"] / row["filename"]


def _load(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(black, rgba).convert("L"), np.float32) / 255


def _crop(film: np.ndarray, rng: Rng, keep: tuple[float, float]) -> np.ndarray:
    height, width = (int(n * rng.uniform(*keep)) for n in film.shape)
    y, x = (int(rng.integers(0, n - k + 1)) for n, k in zip(film.shape, (height, width)))
    return film[y : y + height, x : x + width]


def rendering(film: np.ndarray, rng: Rng) -> np.ndarray:
    """The same film as another machine may show it: gamma, window, surround, small turn and cut, noise, mirror."""
    film = _crop(film, rng, (0.92, 1.0))
    film = np.asarray(
        Image.fromarray(film).rotate(rng.normal(0, 2.5), Image.Resampling.BILINEAR, fillcolor=0), np.float32
    )
    film = stretch(film) ** np.float32(np.exp(rng.normal(0, 0.3)))
    low, high = rng.uniform(-0.1, 0.15), rng.uniform(0.85, 1.1)
    film = np.clip((film - low) / (high - low), 0, 1)
    if rng.random() < 0.4:
        film = np.pad(film, [tuple(rng.integers(0, 24, 2)) for _ in "yx"], constant_values=float(rng.random() < 0.2))
    if rng.random() < 0.3:
        film = film + rng.normal(0, rng.uniform(0, 0.03), film.shape).astype(np.float32)
    return np.clip(film[:, ::-1] if rng.random() < 0.3 else film, 0, 1)


def spoiled(film: np.ndarray, other: np.ndarray, rng: Rng) -> np.ndarray:
    """A film that is none any more: half of it, a piece, a mosaic, turned, a negative, shuffled, two side by side."""
    half = RASTER // 2
    kind = int(rng.integers(0, 9))
    if kind == 0:
        return film[:, :half] if rng.random() < 0.5 else film[:, half:]
    if kind == 1:
        return film[:half] if rng.random() < 0.5 else film[half:]
    if kind == 2:
        return _crop(film, rng, (0.2, 0.6))
    if kind == 3:
        return np.block([[film, other], [other, film]])
    if kind in (4, 5):
        return np.rot90(film, int(rng.integers(1, 4)))
    if kind == 6:
        return 1 - film
    if kind == 7:
        quarters = [film[:half, :half], film[:half, half:], film[half:, :half], film[half:, half:]]
        a, b, c, d = (quarters[i] for i in rng.permutation(4))
        return np.block([[a, b], [c, d]]) if not (a is quarters[0] and b is quarters[1]) else 1 - film
    return np.hstack([film, other])


def _cut(film: np.ndarray, rng: Rng) -> np.ndarray:
    """A film that lacks 15 to 25 % at one side."""
    return np.rot90(np.rot90(film, k := int(rng.integers(0, 4)))[int(RASTER * rng.uniform(0.15, 0.25)) :], -k)


def _drawing(rng: Rng) -> np.ndarray:
    """Noise, gradients, bars, pages of text, shapes, smooth blobs, ovals: pictures that are nothing."""
    kind = int(rng.integers(0, 7))
    y, x = np.mgrid[0:RASTER, 0:RASTER].astype(np.float32) / RASTER
    if kind == 0:
        return rng.random((RASTER, RASTER), np.float32)
    if kind == 1:
        a, b = rng.normal(size=2)
        return (a * x + b * y + rng.normal(0, 0.01, x.shape)).astype(np.float32)
    if kind == 2:  # noise of a random spectrum, as clouds are
        spectrum = np.fft.rfft2(rng.normal(size=(RASTER, RASTER)))
        f = np.hypot(np.fft.fftfreq(RASTER)[:, None], np.fft.rfftfreq(RASTER)[None]) + 1 / RASTER
        return np.fft.irfft2(spectrum / f ** rng.uniform(0.5, 2.5)).astype(np.float32)
    if kind == 3:
        return (np.sin(rng.uniform(5, 80) * (x * rng.normal() + y * rng.normal())) > rng.uniform(-0.5, 0.5)).astype(
            np.float32
        )
    image = Image.new("L", (RASTER, RASTER), int(rng.choice(np.array([0, 255, 255, rng.integers(256)]))))
    draw = ImageDraw.Draw(image)
    ink = lambda: int(rng.integers(256))  # noqa: E731
    if kind == 4:
        size, dark = int(rng.integers(7, 22)), ink() // 2
        for top in range(int(rng.integers(0, 30)), RASTER, int(size * rng.uniform(1.2, 2))):
            words = " ".join("".join(map(chr, rng.integers(97, 123, rng.integers(2, 9)))) for _ in range(14))
            draw.text((int(rng.integers(4, 40)), top), words, fill=dark, font_size=size)
    else:
        for _ in range(int(rng.integers(1, 14))):
            box = np.sort(rng.integers(-40, RASTER + 40, (2, 2)), axis=0).ravel()
            (draw.ellipse if kind == 5 or rng.random() < 0.5 else draw.rectangle)([int(v) for v in box], fill=ink())
    return np.asarray(image, np.float32) / 255


def _pieces(paths: list[Path], count: int, rng: Rng) -> Iterator[np.ndarray]:
    """Pictures whole and in pieces, some turned, some as negatives."""
    for index in range(count):
        picture = _load(paths[index % len(paths)])
        if index >= len(paths) // 2:
            picture = np.rot90(_crop(picture, rng, (0.25, 1.0)), int(rng.integers(0, 4)))
        yield 1 - picture if rng.random() < 0.3 else picture


def _numbers(pictures: Iterator[np.ndarray]) -> np.ndarray:
    return np.array([guard.features(to_input(np.ascontiguousarray(p, np.float32), RASTER)) for p in pictures])


def _principal(good: np.ndarray) -> tuple[np.ndarray, ...]:
    mean, scale = good.mean(0), good.std(0) + 0.05
    x = np.clip((good - mean) / scale, -8, 8)
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    basis, spread = vectors[:, : -_COMPONENTS - 1 : -1], np.sqrt(values[: -_COMPONENTS - 1 : -1])
    # Rounded now, so that what is fitted afterwards is fitted to what is shipped.
    return tuple(a.astype(np.float16).astype(np.float32) for a in (mean, scale, basis, spread))


def fit(
    good: np.ndarray,
    lateral: np.ndarray,
    bad: Mapping[str, np.ndarray],
    cut: np.ndarray,
    seed: int,
    log: Callable[[str], None] = print,
) -> guard.Weights:
    """Fit on features of films, of other pictures by their kind, and of films cut on purpose.

    Rows of ``good`` come in pairs, a film as it is and another rendering of it; ``lateral`` has a value for each row.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(seed)
    count = len(good) // 2
    late = np.isin(np.arange(count), rng.permutation(count)[: count // 5]).repeat(2)  # sets the limits
    mean, scale, basis, spread = _principal(good[~late])
    none = np.zeros(0, np.float32)
    w = guard.Weights(mean, scale, basis, spread, np.array([0, 1], np.float32), none, none, none, none, none, none)
    residual = guard.project(w, good[late])[:, -1]
    w = guard.Weights(**{**vars(w), "residual": np.array([residual.mean(), residual.std()], np.float32)})
    z, z_bad, z_cut = (guard.project(w, part) for part in (good, np.concatenate(list(bad.values())), cut))
    x = np.concatenate([z[~late], z_bad])
    y = np.concatenate([np.where(lateral[~late], 2, 1), np.zeros(len(z_bad), int)])
    net = MLPClassifier((_HIDDEN,), alpha=3e-3, batch_size=128, max_iter=60, early_stopping=True, random_state=seed)
    net.fit(x, y)
    edge = LogisticRegression(C=0.05, class_weight="balanced", max_iter=300)
    edge.fit(np.concatenate([z[~late], z_cut]), np.repeat([0, 1], [int((~late).sum()), len(z_cut)]))
    clean = z[late][::2]
    chest = 1 - net.predict_proba(clean)[:, 0]
    limits = [_LEAST, _FARTHEST, round(float(np.quantile(edge.predict_proba(clean)[:, 1], 0.98)), 3)]
    for lost in (0.001, 0.002, 0.005, 0.01):
        least = float(np.quantile(chest, lost))
        kept = {k: float(np.mean(1 - net.predict_proba(guard.project(w, v))[:, 0] >= least)) for k, v in bad.items()}
        log(f"lost {lost:.1%}: chest score {least:.3f}; kept of " + ", ".join(f"{k} {v:.2%}" for k, v in kept.items()))
    log(f"limits {limits}")
    parts = (w.residual, *(a for pair in zip(net.coefs_, net.intercepts_) for a in pair))
    names = ("residual", "w1", "b1", "w2", "b2")
    rounded = {k: np.asarray(v, np.float32) for k, v in zip(names, parts)}
    cut_weights = np.append(edge.coef_[0], edge.intercept_[0]).astype(np.float32)
    return guard.Weights(**{**vars(w), **rounded, "cut": cut_weights, "limits": np.array(limits, np.float32)})


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fit the weights of the image guard.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--others", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--films", type=int, default=4500, help="films to fit on")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    rng = np.random.default_rng(args.seed)
    chosen = list(films(args.shared, measuring=False))
    chosen = [chosen[i] for i in rng.permutation(len(chosen))[: args.films]]
    rasters = [to_input(_load(path), RASTER) for _, _, path in chosen]
    lateral = np.array([projection == "lateral" for _, projection, _ in chosen])
    good = _numbers(f for film in rasters for f in (film, rendering(film, rng)))
    pick = lambda: rasters[int(rng.integers(len(rasters)))]  # noqa: E731
    ruined = _numbers(spoiled(squash(rendering(film, rng), RASTER), pick(), rng) for film in rasters)
    paths = sorted(p for p in args.others.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"))
    print(f"{len(chosen)} films, {len(paths)} other pictures")
    others = _numbers(_pieces(paths, 2 * args.films // 3, rng))
    drawings = _numbers(_drawing(rng) for _ in range(args.films // 4))
    cut = _numbers(_cut(film, rng) for film in rasters[: args.films // 2])
    w = fit(good, lateral.repeat(2), {"ruined": ruined, "others": others, "drawings": drawings}, cut, args.seed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    large = {"mean", "scale", "basis", "spread"}
    arrays: dict[str, Any] = {k: v.astype(np.float16) if k in large else v for k, v in vars(w).items()}
    np.savez_compressed(args.out, **arrays)
    data = args.out.read_bytes()
    print(f"{args.out}: {len(data):,} bytes, SHA-256 {hashlib.sha256(data).hexdigest()} (to be set in image/guard.py)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
