"""How valid the findings are elsewhere, and whether the model knows when it is lost.

    python benchmarks/elsewhere.py --manifest MANIFEST [--shared ../shared] [--bundle BUNDLE]
        [--figure docs/images/abstention.png] [--limit N] [--threads N]

AUROC of the labels that other collections share, with 95 % intervals by bootstrap over patients; only patients who were
kept for measuring (``wetread.train.encode.other_films`` trains on three of four, by a hash of the patient):

* ``nih14``: adults, another hospital, labels mined from text (about a tenth wrong);
* ``kermany``: children, pneumonia against normal;
* ``hannover``: portable films of COVID-19 patients; all have the same label, so only what comes out is shown.

Then the curve of error against abstention over val, nih14 and kermany together: studies are left out in the order of a
score, and the error of those that are left is counted.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from command import command
from section import table
from tqdm import tqdm

from wetread.data.manifest import read_manifest
from wetread.draft import Drafter
from wetread.errors import NotAChestFilm
from wetread.image import guard
from wetread.image.read import read_study
from wetread.train.calibrate import auroc
from wetread.train.encode import NIH_LABELS, fold_of, shared_targets
from wetread.types import LABELS

DRAWS = 1000
SETS = ("val", "nih14", "kermany", "hannover")
MEASURED = SETS[:3]  # those with more than one label
NOTE = (
    "Patients kept for measuring; the other three quarters of nih14, and of kermany in a first warm-up, were trained "
    "on. Sensitivity and specificity at the bundle's thresholds."
)
SHIPPED = "distance from the films it knows"


@dataclass(frozen=True)
class Item:
    """One study to look at: ``truth`` (14,) 1, 0 or NaN where the collection does not say."""

    collection: str
    patient: str
    files: tuple[Path, ...]
    truth: np.ndarray


@dataclass(frozen=True)
class Seen:
    """Of N studies: ``probability`` (N, 14) NaN where refused, ``positive`` (N, 14) the states; ``warned`` (N,) far;
    ``scores``: name → (N,) how lost the model seems to be."""

    probability: np.ndarray
    positive: np.ndarray
    warned: np.ndarray
    scores: Mapping[str, np.ndarray]

    @property
    def refused(self) -> np.ndarray:
        return np.isnan(self.probability[:, 0])


def val_items(manifest: Path) -> list[Item]:
    items = []
    for row in read_manifest(manifest):
        if row.split == "val" and row.views and row.labels:
            truth = np.array([float(row.labels.get(n) == "positive") for n in LABELS])
            items.append(Item("val", row.study_id, tuple(v.path for v in row.views), truth))
    return items


def other_items(folder: Path) -> list[Item]:
    """Films of the patients kept for measuring; all of hannover, on which nothing was trained."""
    items = []
    with (folder / "films.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            patient = row["patient_id"] or row["filename"]
            if row["set"] != "hannover" and fold_of(patient, 4) != 0:
                continue
            truth = np.full(len(LABELS), np.nan)
            found = set(row["labels"].split("|"))
            if row["set"] == "nih14":
                known = np.array([[*(float(n in found) for n in NIH_LABELS), np.nan]], np.float32)
                truth = shared_targets(known, [f"label:{n}" for n in LABELS])[0].astype(np.float64)
            elif row["set"] == "kermany":
                normal = float("Normal" in found)
                truth[LABELS.index("No Finding")], truth[LABELS.index("Pneumonia")] = normal, 1 - normal
            items.append(Item(row["set"], patient, (folder / row["set"] / row["filename"],), truth))
    return items


def look(drafter: Drafter, items: Sequence[Item]) -> Seen:
    """What the pipeline finds in each study, and how lost it seems."""
    n = len(items)
    probability, positive = np.full((n, len(LABELS)), np.nan), np.zeros((n, len(LABELS)), bool)
    warned = np.zeros(n, bool)
    names = (SHIPPED, "the guard's doubt")
    scores = {name: np.zeros(n) for name in names}
    for i, item in enumerate(tqdm(items, desc="look", unit="study")):
        try:
            study = read_study(item.files)
        except NotAChestFilm:
            continue
        seen = drafter.look(study)
        probability[i] = [seen.labels[name].probability for name in LABELS]
        positive[i] = [seen.labels[name].state == "positive" for name in LABELS]
        warned[i] = seen.far
        doubt = 1 - np.mean([guard.assess(v.pixels).chest for v in study.views])
        for name, value in zip(names, (seen.novelty or 0.0, doubt), strict=True):
            scores[name][i] = value
    p = probability
    scores["its own expected error"] = np.minimum(p, 1 - p).mean(1)
    return Seen(probability, positive, warned, scores)


def patient_interval(truth: np.ndarray, score: np.ndarray, patients: Sequence[str]) -> tuple[float, float]:
    """95 % bootstrap interval of the AUROC, over patients."""
    rng = np.random.default_rng(1)
    names, owner = np.unique(np.array(patients), return_inverse=True)
    own = [np.flatnonzero(owner == k) for k in range(len(names))]
    values = []
    for _ in range(DRAWS):
        index = np.concatenate([own[k] for k in rng.integers(0, len(names), len(names))])
        values.append(auroc(truth[index], score[index]))
    return float(np.nanpercentile(values, 2.5)), float(np.nanpercentile(values, 97.5))


def auroc_rows(items: Sequence[Item], seen: Seen, collection: str, least: int = 3) -> list[list[str]]:
    """A row a label that the collection has in at least ``least`` films."""
    truth = np.stack([item.truth for item in items])
    rows = []
    for k, name in enumerate(LABELS):
        use = np.array([i.collection == collection for i in items]) & ~seen.refused & ~np.isnan(truth[:, k])
        positives = int(np.nansum(truth[use, k]))
        if positives < least or positives == use.sum():
            continue
        y, p = truth[use, k] > 0, seen.probability[use, k]
        low, high = patient_interval(y, p, [item.patient for item, ok in zip(items, use, strict=True) if ok])
        said = seen.positive[use, k]
        rows.append(
            [
                collection,
                name,
                f"{int(use.sum())}",
                f"{positives}",
                f"{auroc(y, p):.3f} ({low:.2f} to {high:.2f})",
                f"{(said & y).sum() / max(1, y.sum()):.2f}",
                f"{(~said & ~y).sum() / max(1, (~y).sum()):.2f}",
            ]
        )
    return rows


def outputs(items: Sequence[Item], seen: Seen) -> str:
    """What comes out in each collection: refused, far, and the distribution of each label's probability."""
    where = {name: np.array([i.collection == name for i in items]) for name in SETS}
    head = ["collection", "studies", "refused", "warned: far", "distance: median", "95th percentile"]
    first = [head]
    for name, own in where.items():
        known = own & ~seen.refused
        values = seen.scores[SHIPPED][known]
        first.append(
            [
                name,
                str(int(own.sum())),
                f"{seen.refused[own].mean():.1%}",
                f"{seen.warned[known].mean():.1%}",
                *(f"{v:.2f}" for v in np.quantile(values, (0.5, 0.95))),
            ]
        )
    second = [["label", *(f"{name}: median, 95th, said" for name in SETS)]]
    for k, label in enumerate(LABELS):
        cells = []
        for own in where.values():
            p = seen.probability[own & ~seen.refused, k]
            said = seen.positive[own & ~seen.refused, k].mean()
            cells.append(f"{np.median(p):.2f}, {np.quantile(p, 0.95):.2f}, {said:.0%}")
        second.append([label, *cells])
    return f"{table(first)}\n\n{table(second)}"


def losses(items: Sequence[Item], seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """(N,) of each study over its known labels: share of wrong states, mean squared error of the probabilities."""
    truth = np.stack([item.truth for item in items])
    known = ~np.isnan(truth)
    wrong = np.where(known, seen.positive != (truth > 0), 0).sum(1) / known.sum(1).clip(1)
    brier = np.where(known, (seen.probability - np.nan_to_num(truth)) ** 2, 0).sum(1) / known.sum(1).clip(1)
    return wrong, brier


def curve(score: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """(N,) mean loss of the k studies of lowest score, k = 1 … N; ties in random order."""
    order = np.lexsort((np.random.default_rng(0).random(len(score)), score))
    return np.cumsum(loss[order]) / np.arange(1, len(loss) + 1)


def abstention(items: Sequence[Item], seen: Seen, figure: Path | None) -> str:
    """AURC of each score beside chance and the best that could be, and the curve."""
    use = np.array([i.collection in MEASURED for i in items]) & ~seen.refused
    wrong, brier = (loss[use] for loss in losses(items, seen))
    shares = (0.0, 0.1, 0.2, 0.3, 0.5)
    rows = [["abstain by", "AURC, states", "AURC, Brier", *(f"error, {s:.0%} left out" for s in shares)]]
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        name: (lambda loss, s=score[use]: curve(s, loss)) for name, score in seen.scores.items()
    }
    ways["chance"] = lambda loss: np.full(len(loss), loss.mean())
    ways["the error itself (the best there is)"] = lambda loss: curve(loss, loss)
    curves = {}
    for name, way in ways.items():
        states, squares = way(wrong), way(brier)
        curves[name] = states
        cells = [f"{states[max(0, round(len(states) * (1 - s)) - 1)]:.3f}" for s in shares]
        rows.append(
            [name + (" (ships)" if name == SHIPPED else ""), f"{states.mean():.4f}", f"{squares.mean():.4f}", *cells]
        )
    far = seen.warned[use]
    split = f"{wrong[far].mean():.3f} with the warning, {wrong[~far].mean():.3f} without" if far.any() else "no warning"
    if figure:
        draw(figure, curves)
    return (
        f"{table(rows)}\n\n{int(use.sum())} studies. Error: share of wrong states (positive or not) over the labels "
        "that a study's collection has; Brier: mean squared error of its probabilities. AURC: mean of the curve over "
        f"all shares left out; lower is better. Error of studies {split}."
    )


def titled(name: str) -> str:
    return f"{name} (ships)" if name == SHIPPED else name


def draw(path: Path, curves: Mapping[str, np.ndarray]) -> None:
    """Error of what is left against the share left out."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    colours = ("#d55e00", "#0072b2", "#009e73", "0.6", "0.8")
    fig, axis = plt.subplots(figsize=(6.4, 4.2), dpi=120)
    for (name, values), colour in zip(curves.items(), colours, strict=True):
        n = len(values)
        left_out = 1 - np.arange(1, n + 1) / n
        shown = left_out <= 0.9  # few studies are left beyond
        axis.plot(
            100 * left_out[shown], values[shown], color=colour, lw=2.2 if name == SHIPPED else 1.3,
            ls="--" if colour.startswith("0.") else "-", label=titled(name),
        )  # fmt: skip
    axis.set(xlabel="studies left out, %", ylabel="share of wrong states among the rest", ylim=(0, None))
    axis.set_title("val, nih14 and kermany together", fontsize=9)
    axis.legend(fontsize=7)
    axis.grid(color="0.92")
    fig.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--limit", type=int, help="every N-th study only, for a try")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    items = [*val_items(args.manifest), *other_items(args.shared / "other_films")][:: args.limit]
    seen = look(Drafter.load(args.bundle, threads=args.threads), items)
    head = ["collection", "label", "films", "positive", "AUROC (95 %)", "sensitivity", "specificity"]
    rows = [head, *(row for name in ("nih14", "kermany") for row in auroc_rows(items, seen, name))]
    print(f"**Shared labels.** {NOTE}\n\n{table(rows)}\n")
    print(f"**What comes out.** Probability of each label, and how often it is said.\n\n{outputs(items, seen)}\n")
    print(f"**Error against abstention.**\n\n{abstention(items, seen, args.figure)}")


if __name__ == "__main__":
    command(main)
