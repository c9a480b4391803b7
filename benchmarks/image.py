"""What the image guard refuses and lets through, and what reading a film costs.

    python benchmarks/image.py --shared ../shared [--pictures NAME=FOLDER ...] [--sample N] [--markdown]

Films are those that ``wetread.train.guard`` keeps for measuring: the validation split of IU X-Ray, and three in ten
patients of the other collections. Other pictures are what installed packages ship (scikit-image, scikit-learn,
matplotlib, pydicom-data), and folders given by hand; they are judged by their grey values, so that a colour picture
is not refused for its colour. ``--markdown`` appends the tables to docs/results.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from command import command
from PIL import Image, ImageDraw

from wetread.errors import WetreadError
from wetread.image import guard, plain
from wetread.image.read import read_view
from wetread.image.transforms import RASTER, to_input
from wetread.train.guard import films

RESULTS = Path(__file__).parents[1] / "docs/results.md"
PACKAGES = ("skimage", "sklearn", "matplotlib", "gradio", "networkx", "jupyterlab")
MEDICAL = "pydicom-data, other images"


def outcome(pixels: np.ndarray) -> str:
    """'refused', 'negative' (accepted after inversion) or 'accepted'."""
    seen = guard.assess(np.ascontiguousarray(pixels, np.float32))
    return "refused" if seen.refusal else "negative" if seen.negative else "accepted"


def grey(path: Path) -> np.ndarray | None:
    """Grey values of a picture on black, or None where it is too small or cannot be read."""
    try:
        with Image.open(path) as image:
            if min(image.size) < 48 or image.width * image.height > 2**26:
                return None
            rgba = image.convert("RGBA")
    except (OSError, ValueError):
        return None
    black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
    return np.asarray(Image.alpha_composite(black, rgba).convert("L"), np.float32) / 255


def pictures(folder: Path) -> Iterator[np.ndarray]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".webp"):
            found = grey(path)
            if found is not None:
                yield found


def medical(folder: Path) -> Iterator[np.ndarray]:
    """Every image of pydicom-data but the chest film, as a plain picture: CT, MR, ultrasound, tibia, scintigram."""
    from wetread.image import dicom

    for path in sorted(folder.glob("*.dcm")):
        if path.name.startswith("RG1_"):
            continue
        try:
            ds = dicom.read_dataset(path)
            ds.Modality = "OT"
            film = dicom.film_of(ds, path)
            yield dicom.render(film)[0]
        except WetreadError:
            continue


def documents(count: int) -> Iterator[np.ndarray]:
    """Pages, tables and charts, drawn in another way than those that the guard was fitted on."""
    rng = np.random.default_rng(99)
    for index in range(count):
        page = Image.new("L", (850, 1100), 250)
        draw = ImageDraw.Draw(page)
        if index % 3 == 0:
            for line in range(60, 1040, 22):
                for start in range(70, int(rng.integers(400, 800)), 45):
                    draw.rectangle([start, line, start + int(rng.integers(8, 40)), line + 9], fill=40)
        elif index % 3 == 1:
            for line in range(100, 1000, 50):
                draw.line([60, line, 790, line], fill=0, width=2)
                draw.text((80, line + 10), " ".join(map(str, rng.integers(0, 9999, 12))), fill=0, font_size=20)
        else:
            points = np.cumsum(rng.normal(0, 25, 70)) + 500
            draw.line([(70 + 10 * i, float(p)) for i, p in enumerate(points)], fill=30, width=4)
            draw.rectangle([60, 100, 790, 1000], outline=0, width=3)
        yield np.asarray(page, np.float32) / 255


def ruined(sample: list[np.ndarray]) -> dict[str, Iterator[np.ndarray]]:
    """Validation films that are none any more, by how."""
    half = RASTER // 2
    return {
        "film, left half": (f[:, :half] for f in sample),
        "film, lower half": (f[half:] for f in sample),
        "film, a piece of half its sides": (f[90 : 90 + half, 20 : 20 + half] for f in sample),
        "film, four in a mosaic": (np.block([[a, b], [b, a]]) for a, b in itertools.pairwise(sample)),
        "film, two side by side": (np.hstack([a, b]) for a, b in itertools.pairwise(sample)),
        "film, upside down": (np.rot90(f, 2) for f in sample),
        "film, on its side": (np.rot90(f, 1 + 2 * (i % 2)) for i, f in enumerate(sample)),
    }


def measure_films(shared: Path) -> tuple[list[str], list[np.ndarray]]:
    """The table of films, and the validation films themselves."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    val = []
    for collection, projection, path in films(shared, measuring=True):
        pixels = plain.render(plain.read_picture(path)[0])
        seen = guard.assess(pixels)
        row = counts[f"{collection} {projection}"]
        row["films"] += 1
        row["refused"] += seen.refusal is not None
        row["negative"] += seen.negative
        row["cut"] += seen.cut
        row["unknown"] += seen.projection == "unknown"
        row["right"] += seen.projection == projection
        row["wrong"] += seen.projection not in (projection, "unknown")
        if collection == "iu_xray":
            val.append(pixels)
    lines = [
        "| films (not fitted on) | films | falsely refused | taken for a negative | warned of a cut | projection right "
        "| wrong | not known |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, row in counts.items():
        shares = (f"{row[k] / row['films']:.2%}" for k in ("refused", "negative", "cut", "right", "wrong", "unknown"))
        lines.append(f"| {name} | {row['films']} | {' | '.join(shares)} |")
    return lines, val


def measure_others(sources: dict[str, Iterator[np.ndarray]]) -> list[str]:
    lines = ["| pictures that are no chest film | pictures | refused |", "| --- | ---: | ---: |"]
    total: Counter[str] = Counter()
    for name, source in sources.items():
        row = Counter(outcome(p) for p in source)
        if not name.startswith("film"):
            total.update(row)
        if row.total():
            lines.append(f"| {name} | {row.total()} | {row['refused'] / row.total():.1%} |")
    lines.append(f"| all but the ruined films | {total.total()} | {total['refused'] / max(1, total.total()):.1%} |")
    return lines


def measure_changed(sample: list[np.ndarray]) -> list[str]:
    """Negatives are recognised; films that lack a fifth are warned of."""
    negative = np.mean([outcome(1 - f) == "negative" for f in sample])
    fifth = RASTER // 5
    lines = ["", f"Negatives of {len(sample)} validation films recognised and inverted: {negative:.1%}."]
    for name, part in {
        "top": np.s_[fifth:],
        "bottom": np.s_[:-fifth],
        "left": np.s_[:, fifth:],
        "right": np.s_[:, :-fifth],
    }.items():
        seen = [guard.assess(np.ascontiguousarray(f[part])) for f in sample]
        warned = np.mean([s.cut or s.refusal is not None for s in seen])
        lines.append(f"A fifth cut off at the {name}: warned of or refused {warned:.1%}.")
    return lines


def _milliseconds(work: Callable[[], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def measure_time(data: Path | None) -> list[str]:
    lines = ["", "| one film | ms (best of 5) | of the uncompressed |", "| --- | ---: | ---: |"]
    rows: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        if data is not None:
            for name, what in (("UNCR", "uncompressed"), ("J2KR", "JPEG 2000 lossless"), ("J2KI", "JPEG 2000 lossy")):
                path = data / f"RG1_{name}.dcm"
                rows[f"read_view, DICOM 1955×1841, {what}"] = _milliseconds(lambda path=path: read_view(path))
            pixels = read_view(data / "RG1_UNCR.dcm").pixels
        else:
            pixels = np.random.default_rng(0).random((1955, 1841), np.float32)
        for depth, scaled in (("8-bit", np.uint8(255 * pixels)), ("16-bit", np.uint16(65535 * pixels))):
            path = Path(folder) / f"{depth}.png"
            Image.fromarray(scaled).save(path)
            rows[f"read_view, PNG 1955×1841, {depth}"] = _milliseconds(lambda path=path: read_view(path))
    rows["to_input alone, 1955×1841 → 256"] = _milliseconds(lambda: to_input(pixels, RASTER))
    rows["guard alone, from the film"] = _milliseconds(lambda: guard.assess(pixels))
    first = next(iter(rows.values()))
    return lines + [f"| {name} | {value:.1f} | {value / first:.2f} |" for name, value in rows.items()]


def _folder_of(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--pictures", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--sample", type=int, default=150, help="validation films to ruin, each way")
    parser.add_argument("--markdown", action="store_true", help="append to docs/results.md")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    lines, val = measure_films(args.shared)
    print("\n".join(lines), flush=True)
    sample = [val[i] for i in np.random.default_rng(3).permutation(len(val))[: args.sample]]
    sources = {name: pictures(folder) for name in PACKAGES if (folder := _folder_of(name))}
    sources |= {name: pictures(Path(folder)) for name, folder in (p.split("=", 1) for p in args.pictures)}
    data = _folder_of("data_store")
    if data is not None:
        sources[MEDICAL] = medical(data / "data")
    sources["pages, tables, charts (drawn)"] = documents(60)
    lines += ["", *measure_others(sources | ruined(sample)), *measure_changed(sample)]
    lines += measure_time(data / "data" if data else None)
    text = "\n".join(lines) + "\n"
    print(text.split("\n\n", 1)[1])
    if args.markdown:
        command = "`python benchmarks/image.py --shared ../shared --markdown`"
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(f"\n## Reading images\n\n{command}\n\n{text}")
    return 0


if __name__ == "__main__":
    command(main)
