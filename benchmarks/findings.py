"""What the findings are worth: AUROC, calibration (reliability, ECE) and triage, out of fold and on val.

    python benchmarks/findings.py CONFIG [--markdown] [--figure docs/images/reliability.png]

CONFIG is the experiment's file; its run folder holds the stage ``findings``. Teachers' probabilities are cross-fitted
twice: by an encoder that has not seen the study, and by a findings head fitted without it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from wetread.train.calibrate import auroc, ece
from wetread.train.config import load_config
from wetread.train.pipeline import Run, truth_of
from wetread.types import LABELS

DRAWS = 1000


def interval(truth: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the AUROC."""
    rng = np.random.default_rng(1)
    values = [auroc(truth[i], score[i]) for i in rng.integers(0, len(truth), (DRAWS, len(truth)))]
    return float(np.nanpercentile(values, 2.5)), float(np.nanpercentile(values, 97.5))


def triage(abnormal: np.ndarray, score: np.ndarray, sensitivity: float = 0.99) -> float:
    """Share of normal studies below the threshold that keeps ``sensitivity`` of the abnormal ones above it."""
    threshold = np.quantile(score[abnormal], 1 - sensitivity, method="lower")
    return float((score[~abnormal] < threshold).mean())


def figure(path: Path, probability: np.ndarray, truth: np.ndarray) -> None:
    """Reliability diagram of the labels with at least 80 positives, out of fold."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, axis = plt.subplots(figsize=(5, 5), dpi=120)
    axis.plot([0, 1], [0, 1], color="0.7", lw=1)
    for k, name in enumerate(LABELS):
        if truth[:, k].sum() < 80:
            continue
        parts = np.array_split(np.argsort(probability[:, k]), 10)
        axis.plot(
            [probability[b, k].mean() for b in parts], [truth[b, k].mean() for b in parts], marker="o", ms=3, label=name
        )
    axis.set(xlabel="calibrated probability", ylabel="observed share", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axis.legend(fontsize=7)
    fig.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    run = Run.open(load_config(args.config))
    with np.load(run.folder / "findings.npz", allow_pickle=False) as stored:
        probability = stored["probability"]
    truth, known = truth_of(run)
    out = run.teachers & known
    val = np.array([row.split == "val" for row in run.rows])
    rows, common = [], []
    for k, name in enumerate(LABELS):
        value = auroc(truth[val, k], probability[val, k])
        low, high = interval(truth[val, k], probability[val, k])
        n = int(truth[val, k].sum())
        if n >= 10:
            common.append(value)
        rows.append(
            (
                name,
                f"{auroc(truth[out, k], probability[out, k]):.3f}",
                f"{value:.3f} ({low:.2f} to {high:.2f})",
                str(n),
                f"{ece(truth[out, k], probability[out, k]):.3f}",
                f"{ece(truth[val, k], probability[val, k]):.3f}",
            )
        )
    head = ("label", "AUROC out of fold", "AUROC val (95 %)", "positives in val", "ECE out of fold", "ECE val")
    mark = args.markdown
    print("| " + " | ".join(head) + " |\n" + "|" + " --- |" * len(head) if mark else "  ".join(head))
    for row in rows:
        print(
            "| " + " | ".join(row) + " |" if mark else "  ".join(f"{c:<28}" if i == 0 else c for i, c in enumerate(row))
        )
    nothing = LABELS.index("No Finding")
    abnormal, score = ~truth[:, nothing], 1 - probability[:, nothing]
    rng = np.random.default_rng(2)
    index = np.flatnonzero(val)
    shares = [triage(abnormal[i], score[i]) for i in rng.choice(index, (DRAWS, len(index)))]
    low, high = np.percentile(shares, (2.5, 97.5))
    print(
        f"\nMean AUROC on val over labels with at least 10 positives: {np.mean(common):.3f}. Triage (look first = 1 − "
        f"probability of No Finding): AUROC {auroc(abnormal[val], score[val]):.3f} on val, "
        f"{auroc(abnormal[out], score[out]):.3f} out of fold; at 99 % sensitivity for the {int(abnormal[val].sum())} "
        f"abnormal val studies {triage(abnormal[val], score[val]):.1%} of the normal ones could be put aside "
        f"(95 % interval {low:.1%} to {high:.1%}; out of fold {triage(abnormal[out], score[out]):.1%})."
    )
    if args.figure:
        figure(args.figure, probability[out], truth[out])


if __name__ == "__main__":
    main()
