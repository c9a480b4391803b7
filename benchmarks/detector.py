"""What the detector, taught by drawn findings alone, finds of what radiologists report.

    python benchmarks/detector.py CONFIG [--shared DATA] [--heads]

Of the teachers' studies, whose reports it has not read: AUROC of what it finds against labels and MeSH terms, beside
the encoders' own concept of the same name, out of fold; and the side of its strongest find against the side that a
report names. With ``--shared`` of ChestX-ray14's films against those without a finding. With ``--heads`` (a quarter of
an hour) the findings are fitted without it and with it, cross-fitted.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from command import command
from ground import interval, pixels_of, statements
from section import table
from tqdm import tqdm

from wetread.ground import DETECTED, frames_of
from wetread.image.thorax import Frame, place
from wetread.image.transforms import RASTER, to_input
from wetread.model.bundle import DETECTOR, Bundle
from wetread.model.detector import CELLS, DRAWN, chances, marks_of
from wetread.model.findings import commands_of
from wetread.model.runtime import OnnxDetector
from wetread.train import calibrate, films
from wetread.train.config import load_config
from wetread.train.evaluate import clinical
from wetread.train.stages.run import Run, load_targets, truth_of
from wetread.train.stages.seen import load_seen
from wetread.types import LABELS, View

#: What a report says (a concept of the run), and what the detector may find of it.
SAID = (
    ("mesh:Calcified Granuloma/lung", "calcified nodule"),
    ("mesh:Nodule", "nodule"),
    ("mesh:Mass", "mass"),
    ("label:Lung Lesion", "nodule"),
    ("mesh:Airspace Disease", "opacity"),
    ("label:Lung Opacity", "opacity"),
    ("label:Consolidation", "opacity"),
    ("label:Pneumonia", "opacity"),
    ("label:Atelectasis", "band"),
    ("label:Pneumothorax", "pneumothorax"),
    ("mesh:Catheters, Indwelling", "line"),
    ("mesh:Tube, Inserted", "line"),
    ("mesh:Implanted Medical Device", "pacemaker"),
    ("mesh:Surgical Instruments", "clips"),
    ("mesh:Sutures", "wires"),
)
#: ChestX-ray14's findings likewise.
ELSEWHERE = (
    ("Nodule", "nodule"),
    ("Mass", "mass"),
    ("Infiltration", "opacity"),
    ("Consolidation", "opacity"),
    ("Atelectasis", "band"),
    ("Pneumothorax", "pneumothorax"),
)
REPEATS = 500


def area(truth: np.ndarray, *scores: np.ndarray) -> list[str]:
    """AUROC of each score and, of two, their difference, with 95 % intervals over studies."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(REPEATS):
        index = rng.integers(0, len(truth), len(truth))
        drawn.append([calibrate.auroc(truth[index], score[index]) for score in scores])
    values = np.array(drawn)
    found = [calibrate.auroc(truth, score) for score in scores]
    if len(scores) == 2:
        found.append(found[1] - found[0])
        values = np.column_stack((values, values[:, 1] - values[:, 0]))
    low, high = np.nanpercentile(values, (2.5, 97.5), axis=0)
    return [f"{f:.3f} ({a:.2f} to {b:.2f})" for f, a, b in zip(found, low, high, strict=True)]


def reports(run: Run, marks: np.ndarray) -> str:
    """Against what the teachers' reports say, by projection: marks (studies, 4K)."""
    seen, concepts = load_seen(run), load_targets(run)
    rows = [["report", "finds", "films", "studies", "encoders, out of fold", "detector", "difference"]]
    for name, drawn in SAID:
        if name not in concepts.names:
            continue
        k = concepts.names.index(name)
        values = concepts.values[:, k]
        for projection, own in zip(("frontal", "lateral"), np.split(marks, 2, 1), strict=True):
            found = own[:, DRAWN.index(drawn)]
            use = run.teachers & ~np.isnan(values) & ~np.isnan(found)
            truth = values[use] > 0.5
            areas = area(truth, seen.studies.mean[use, k], found[use])
            rows.append([name.split(":")[1], drawn, projection, str(int(truth.sum())), *areas])
    return table(rows)


def sides(run: Run, detector: OnnxDetector) -> str:
    """The side of the strongest find in the teachers' first frontal films against the side that a report names."""
    told = [t for t in statements(run.rows) if t.side in ("right", "left") and run.teachers[t.study]]
    told = [t for t in told if t.label in DETECTED and any(run.films.lateral[f] != 1 for f in run.films.films[t.study])]
    pack, arrays = films.packed(run.folder / "pack"), Bundle.load().arrays
    hits: dict[str, list[tuple[int, bool, bool]]] = {}
    for t in tqdm(told, desc="sides", unit="statement"):
        film = next(f for f in run.films.films[t.study] if run.films.lateral[f] != 1)
        view = View("film", np.asarray(pack[film], np.float32) / 255)
        spots = chances(detector(to_input(view.pixels, RASTER)[None, None]).spots)[0]
        frame = frames_of([view], np.array([False]), arrays)[0]
        strongest = spots[[DRAWN.index(name) for name in DETECTED[t.label]]].max(0)
        right = right_of_cells(strongest, frame)
        hits.setdefault(t.label, []).append((t.study, right == (t.side == "right"), bool(strongest.max() >= 0.5)))
    rows = [["label", "statements", "side", "found (chance of a cell .5)", "side where found"]]
    for label, own in hits.items():
        found = [hit for hit in own if hit[2]]
        rows.append([label, str(len(own)), share(own), str(len(found)), share(found)])
    return table(rows)


def right_of_cells(cells: np.ndarray, frame: Frame) -> bool:
    """Whether the strongest cell (64, 64) lies in the right half of the chest."""
    right = frame.onto_film(place("right", False, CELLS)) >= 0.5
    return bool(cells[right].max() > cells[~right].max())


def share(hits: Sequence[tuple[int, bool, bool]]) -> str:
    if len(hits) < 5:
        return ""
    low, high = interval([float(hit[1]) for hit in hits], [hit[0] for hit in hits])
    return f"{np.mean([hit[1] for hit in hits]):.2f} ({low:.2f} to {high:.2f})"


def elsewhere(shared: Path, detector: OnnxDetector) -> str:
    """ChestX-ray14: films with a finding against those without any."""
    with (shared / "other_films" / "films.csv").open(newline="", encoding="utf-8") as file:
        lines = [row for row in csv.DictReader(file) if row["set"] == "nih14"]
    marks = []
    for line in tqdm(lines, desc="ChestX-ray14", unit="film"):
        film = to_input(pixels_of(shared / "other_films" / "nih14" / line["filename"]), RASTER)
        marks.append(marks_of(detector(film[None, None]).spots, np.zeros(1, bool)))
    found, named = np.stack(marks), [set(line["labels"].split("|")) for line in lines]
    none = np.array(["No Finding" in names for names in named])
    rows = [["ChestX-ray14", "finds", "films", "AUROC against films without a finding"]]
    for name, drawn in ELSEWHERE:
        has = np.array([name in names for names in named])
        use = has | none
        rows.append([name, drawn, str(int(has.sum())), *area(has[use], found[use, DRAWN.index(drawn)])])
    return table(rows)


def heads(run: Run) -> str:
    """The findings without the detector, with its marks, and with its features too (the run's own); cross-fitted."""
    seen = load_seen(run)
    positive, known = truth_of(run)
    use, config = run.teachers & known, run.config.findings
    read, truth = seen.findings_input()[use], positive[use]
    assert seen.marks is not None
    loose = seen.stretches(LABELS, range(len(LABELS)))
    concepts = 2 * seen.studies.mean.shape[1]
    marked = concepts + seen.marks.shape[1]
    chosen = config.folds, config.beta, run.config.seed, config.least, config.least_right
    fits = [calibrate.fit(read[:, :n], truth, *chosen, stretch=loose[:, :n]) for n in (concepts, marked)]
    with np.load(run.folder / "findings.npz") as stored:  # the run's own, with all
        found = [(fit.crossfitted, fit.positive_from) for fit in fits]
        found.append((stored["probability"][use], stored["positive_from"]))
    rows = [["label", "positive", "AUROC without", "with its marks", "with its features, too", "features' difference"]]
    for k, name in enumerate(LABELS):
        bare, marks, both = (chance[:, k] for chance, _ in found)
        rows.append([name, str(int(truth[:, k].sum())), *area(truth[:, k], bare), *area(truth[:, k], marks, both)])
    lines = []
    names = "without the detector", "with its marks", "with its features, too"
    for said, (chance, positive_from) in zip(names, found, strict=True):
        scores = clinical(truth, commands_of(chance, positive_from).astype(bool))
        loss = {"loss": float(-np.log(np.where(truth, chance, 1 - chance).clip(1e-6)).mean())}
        lines.append(f"By thresholds, {said}: " + ", ".join(f"{k} {v:.4f}" for k, v in (scores | loss).items()))
    return table(rows) + "\n\n" + ".\n".join(lines) + "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--shared", type=Path, help="the folder that holds other_films/")
    parser.add_argument("--heads", action="store_true", help="fit the findings without and with it")
    args = parser.parse_args()
    run = Run.open(load_config(args.config))
    graph = run.folder / "bundle" / DETECTOR
    seen = load_seen(run)
    if seen.marks is None or not graph.exists():
        parser.error(f"{run.folder} has no detector; run its stage 'detector' first")
    detector = OnnxDetector(graph, threads=1)
    parts = [reports(run, seen.marks), sides(run, detector)]
    if args.shared:
        parts.append(elsewhere(args.shared, detector))
    if args.heads:
        parts.append(heads(run))
    print(f"{int(run.teachers.sum())} teachers. AUROC and shares with 95 % intervals (bootstrap over studies).\n")
    print("\n\n".join(parts))


if __name__ == "__main__":
    command(main)
