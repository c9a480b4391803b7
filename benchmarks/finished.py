"""What it gains to train the networks on with all teachers: on val, before and after.

    python benchmarks/finished.py CONFIG

CONFIG is the experiment's file, of a run with ``finish_epochs``. Each network and the mean of all, blind to a fold of
the teachers and finished: cross-entropy a study over all concepts (weighted as in training), and the mean AUROC of the
labels with ten positives, of MeSH terms and of wordings with five. The difference of the means is paired by study.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from command import command
from section import table

from wetread.train import features
from wetread.train.calibrate import auroc
from wetread.train.config import load_config
from wetread.train.stages.run import Run, load_targets
from wetread.train.stages.seen import load_outputs

DRAWS = 1000
GROUPS = {"label": 10, "mesh": 5, "wording": 5}


def losses(logits: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N,) weighted cross-entropy of each study's known concepts: logits, values (N, C), weights (C,)."""
    known = ~np.isnan(values)
    entropy = np.logaddexp(0, logits) - logits * np.nan_to_num(values)
    return (entropy * known * weights).sum(1) / weights.mean() / 10


def areas(logits: np.ndarray, values: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    """The mean AUROC of each group's concepts."""
    found: dict[str, list[float]] = {group: [] for group in GROUPS}
    for k, name in enumerate(names):
        group = name.split(":")[0]
        known = ~np.isnan(values[:, k])
        truth = values[known, k] > 0.5
        if truth.sum() >= GROUPS[group] and not truth.all():
            found[group].append(auroc(truth, logits[known, k]))
    return {group: float(np.mean(each)) for group, each in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    run = Run.open(load_config(parser.parse_args().config))
    concepts = load_targets(run)
    val = [i for i, row in enumerate(run.rows) if row.split == "val"]
    own, values = [run.films.films[i] for i in val], concepts.values[val]
    rows = [["networks", "loss", *(f"AUROC, {group}" for group in GROUPS)]]
    means = []
    for kind in run.sets:
        outputs = load_outputs(run, run.networks, kind)
        with np.errstate(invalid="ignore"):  # films that a network may not look at stay unknown
            singles = [features.study_features(features.gather([o]), own).mean for o in outputs]
        means.append(np.mean(singles, 0))
        said = "finished" if kind else "blind to a fold"
        for name, logits in (*((f"{said}, {k}", each) for k, each in enumerate(singles)), (f"{said}, mean", means[-1])):
            area = areas(logits, values, concepts.names)
            loss = losses(logits, values, concepts.weights).mean()
            rows.append([name, f"{loss:.3f}", *(f"{area[group]:.3f}" for group in GROUPS)])
    print(f"{len(val)} val studies.\n\n{table(rows)}\n")
    if len(means) == 2:
        apart = losses(means[1], values, concepts.weights) - losses(means[0], values, concepts.weights)
        rng = np.random.default_rng(1)
        low, high = np.percentile(apart[rng.integers(0, len(apart), (DRAWS, len(apart)))].mean(1), (2.5, 97.5))
        print(f"Finished less blind, means: loss {apart.mean():+.3f} (95 % interval {low:+.3f} to {high:+.3f}).")


if __name__ == "__main__":
    command(main)
