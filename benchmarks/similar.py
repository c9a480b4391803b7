"""Similar cases: precision at 5 by shared labels on val, and the time of a search.

    python benchmarks/similar.py precision [--shared ../shared] [--model BUNDLE] [--markdown]
    python benchmarks/similar.py speed [--rows 100000 1000000] [--dim 512] [--markdown]

``precision`` asks an index of the train studies with every val study. A case counts where it shares a positive label
of ``chexbert_tags.csv`` with the query, or where both have No Finding. Beside it: random cases, and the nearest by
pixels (the frontal film at 16 × 16, mean and contrast taken out).

``speed`` prints CPU seconds, so that a busy machine changes little, and the ratio to the floor: one matrix product of
the same size in memory, without reading, selecting or naming anything.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from command import command

from wetread.similar import Index, Record
from wetread.types import LABELS, ModelInfo

K = 5
_TOY = ModelInfo("benchmark", "1", "0" * 64)


def labels_of(shared: Path) -> dict[str, np.ndarray]:
    """study → (14,) bool: the positive labels of its FINDINGS by CheXbert."""
    with (shared / "iu_xray" / "chexbert_tags.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["Id"]: np.array([row[name] in ("1", "1.0") for name in LABELS]) for row in rows}


def studies_of(shared: Path) -> tuple[dict[str, list[Path]], dict[str, str]]:
    """R2Gen's studies of train and val: films that are there, frontal ones first, and the split of each."""
    folder = shared / "iu_xray"
    with (folder / "images.csv").open(newline="", encoding="utf-8") as file:
        films: dict[str, list[tuple[str, Path]]] = {}
        for row in csv.DictReader(file):
            films.setdefault(row["uid"], []).append((row["projection"], folder / "images" / row["filename"]))
    with (folder / "r2gen_split.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] in ("train", "val") and row["uid"] in films]
    paths = {row["study_id"]: [path for _, path in sorted(films[row["uid"]])] for row in rows}
    return paths, {row["study_id"]: row["split"] for row in rows}


def pixel_embedding(paths: Sequence[Path]) -> np.ndarray:
    """(256,) the first film at 16 × 16, mean and contrast taken out."""
    from PIL import Image

    with Image.open(paths[0]) as image:
        small = np.asarray(image.convert("L").resize((16, 16), Image.Resampling.BOX), np.float32).ravel()
    return (small - small.mean()) / max(float(small.std()), 1e-6)


def model_embedding(model: Path | None) -> tuple[Callable[[Sequence[Path]], np.ndarray], str]:
    """The bundle's embedding, and its name."""
    from wetread.draft import Drafter
    from wetread.image.read import read_study

    drafter = Drafter.load(model)
    info = drafter.bundle.info
    return (lambda paths: drafter.embed(read_study(paths))), f"{info.name} {info.version} ({info.sha256[:12]})"


def precision(
    embed: Callable[[Sequence[Path]], np.ndarray],
    paths: Mapping[str, Sequence[Path]],
    split: Mapping[str, str],
    labels: Mapping[str, np.ndarray],
) -> np.ndarray:
    """(queries,) share of the K nearest train studies that share a label with each val study."""
    train = [s for s in paths if split[s] == "train"]
    val = [s for s in paths if split[s] == "val"]
    first = np.asarray(embed(paths[train[0]]))
    with tempfile.TemporaryDirectory() as folder:
        index = Index.create(Path(folder) / "index", _TOY, len(first))
        index.add([Record(s) for s in train], np.stack([first, *(embed(paths[s]) for s in train[1:])]))
        found = index.search_many(np.stack([embed(paths[s]) for s in val]), K)
    return np.array(
        [np.mean([_alike(labels[s], labels[c.study_id]) for c in cases]) for s, cases in zip(val, found, strict=True)]
    )


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.any(a & b))


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over queries."""
    draws = np.random.default_rng(seed).integers(0, len(values), (2000, len(values)))
    low, high = np.quantile(values[draws].mean(1), [0.025, 0.975])
    return float(low), float(high)


def run_precision(args: argparse.Namespace) -> None:
    paths, split = studies_of(args.shared)
    labels = labels_of(args.shared)
    rng = np.random.default_rng(0)
    ways: dict[str, Callable[[Sequence[Path]], np.ndarray]] = {
        "random": lambda _: rng.normal(size=64),
        "pixels, 16 × 16": pixel_embedding,
    }
    if not args.no_model:
        embed, name = model_embedding(args.model)
        ways[name] = embed
    normal = LABELS.index("No Finding")
    val = [s for s in paths if split[s] == "val"]
    abnormal = np.array([bool(labels[s].any() and not labels[s][normal]) for s in val])
    rows = []
    for name, way in ways.items():
        share = precision(way, paths, split, labels)
        row = [name]
        for part in (share, share[abnormal], share[~abnormal]):
            low, high = interval(part)
            row.append(f"{part.mean():.3f} [{low:.3f}, {high:.3f}]")
        rows.append(row)
    if args.markdown:
        print(
            "Share of the five nearest train studies that share a positive label (or No Finding) with a val study; 95 %"
            " bootstrap\nintervals over the val studies. The index holds the teachers' own films, which the networks"
            " have learned from; the val\nfilms none has.\n"
        )
    head = ["by", f"all ({len(val)})", f"with a finding ({abnormal.sum()})", f"without ({(~abnormal).sum()})"]
    _table(head, rows, args.markdown)


def run_speed(args: argparse.Namespace) -> None:
    rows = []
    for n in args.rows:
        for dtype in ("float32", "float16"):
            with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
                rows.append([f"{n:,} × {args.dim}", dtype, *_speed(Path(folder) / "index", n, args.dim, dtype)])
    head = [
        "rows",
        "stored as",
        "disk",
        "build, CPU s",
        "open, CPU s",
        "one query, CPU ms",
        "of the floor",
        "of 32 at once, each",
    ]
    _table(head, rows, args.markdown)


def _speed(folder: Path, n: int, dim: int, dtype: str) -> list[str]:
    rng = np.random.default_rng(0)
    index = Index.create(folder, _TOY, dim, dtype)
    build = 0.0
    for first in range(0, n, 50_000):
        count = min(50_000, n - first)
        vectors = rng.standard_normal((count, dim), dtype=np.float32)
        start = time.process_time()
        index.add([Record(f"study-{first + i}") for i in range(count)], vectors)
        build += time.process_time() - start
    start = time.process_time()
    index = Index.open(folder)
    opened = time.process_time() - start
    queries = rng.standard_normal((32, dim), dtype=np.float32)
    index.search(queries[0], K)  # the file is in memory from here on
    one = _cpu(lambda: index.search(queries[0], K))
    many = _cpu(lambda: index.search_many(queries, K)) / len(queries)
    floor_rows = min(n, 200_000)
    matrix = np.array(index.vectors()[:floor_rows], dtype=np.float32)
    floor = _cpu(lambda: matrix @ queries[0]) * n / floor_rows
    disk = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
    return [
        f"{disk:,.0f} MB",
        f"{build:.1f}",
        f"{opened:.2f}",
        f"{1e3 * one:.0f}",
        f"{one / floor:.1f}×",
        f"{1e3 * many:.1f} ms",
    ]


def _cpu(run: Callable[[], object], repeats: int = 3) -> float:
    """The least CPU seconds of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> None:
    if markdown:
        print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
        print(*(f"| {' | '.join(row)} |" for row in rows), sep="\n")
        return
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    verbs = parser.add_subparsers(required=True)
    exact = verbs.add_parser("precision")
    exact.add_argument("--shared", type=Path, default=Path("../shared"))
    exact.add_argument("--model", type=Path)
    exact.add_argument("--no-model", action="store_true", help="only what it is compared with")
    exact.set_defaults(run=run_precision)
    speed = verbs.add_parser("speed")
    speed.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    speed.add_argument("--dim", type=int, default=512)
    speed.add_argument("--scratch", type=Path, help="where the index is put meanwhile (1M × 512 needs 2 GB)")
    speed.set_defaults(run=run_speed)
    for verb in (exact, speed):
        verb.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    command(main)
