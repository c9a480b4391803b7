"""What the findings are worth: AUROC, calibration (reliability, ECE) and triage, out of fold and on val.

    python benchmarks/findings.py CONFIG [--markdown] [--figure docs/images/reliability.png]
        [--roc docs/images/triage.png]

CONFIG is the experiment's file; its run folder holds the stage ``findings``. Teachers' probabilities are cross-fitted
twice: by an encoder that has not seen the study, and by a findings head fitted without it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from command import command
from confidence import chance

from wetread.train.calibrate import auroc, ece, sensitive_threshold
from wetread.train.config import load_config
from wetread.train.stages.run import Run, truth_of
from wetread.types import LABELS

DRAWS = 1000


def interval(truth: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the AUROC."""
    rng = np.random.default_rng(1)
    values = [auroc(truth[i], score[i]) for i in rng.integers(0, len(truth), (DRAWS, len(truth)))]
    return float(np.nanpercentile(values, 2.5)), float(np.nanpercentile(values, 97.5))


def triage(abnormal: np.ndarray, score: np.ndarray) -> float:
    """Share of normal studies below the threshold that keeps 99 % of the abnormal ones at or above it."""
    return float((score[~abnormal] < sensitive_threshold(abnormal, score)).mean())


def triage_text(abnormal: np.ndarray, score: np.ndarray, out: np.ndarray, val: np.ndarray) -> str:
    """Two ways to the threshold: by val's own abnormal studies, and by the teachers out of fold."""
    threshold = sensitive_threshold(abnormal[out], score[out])
    rng = np.random.default_rng(2)
    index = np.flatnonzero(val)
    draws = rng.choice(index, (DRAWS, len(index)))

    def bounds(values: list[float]) -> str:
        low, high = np.percentile(values, (2.5, 97.5))
        return f"95 % interval {low:.1%} to {high:.1%}"

    def passed(rows: np.ndarray, which: bool) -> float:
        chosen = rows[abnormal[rows] == which]
        return float((score[chosen] >= threshold).mean() if which else (score[chosen] < threshold).mean())

    low, high = interval(abnormal[val], score[val])
    return (
        f"Triage (look first = 1 − probability of No Finding): AUROC {auroc(abnormal[val], score[val]):.3f} "
        f"({low:.2f} to {high:.2f}) on val, {auroc(abnormal[out], score[out]):.3f} out of fold. At 99 % sensitivity "
        f"for the {int(abnormal[val].sum())} abnormal val studies {triage(abnormal[val], score[val]):.1%} of the "
        f"{int((~abnormal[val]).sum())} normal ones could be put aside "
        f"({bounds([triage(abnormal[i], score[i]) for i in draws])}; out of fold "
        f"{triage(abnormal[out], score[out]):.1%} of {int((~abnormal[out]).sum())}). The threshold of the teachers out "
        f"of fold (look first from {threshold:.3f}) keeps {passed(index, True):.1%} of the abnormal val studies "
        f"({bounds([passed(i, True) for i in draws])}) and puts {passed(index, False):.1%} of the normal ones aside "
        f"({bounds([passed(i, False) for i in draws])})."
    )


def roc_figure(path: Path, abnormal: np.ndarray, score: np.ndarray, out: np.ndarray, val: np.ndarray) -> None:
    """ROC of the triage score, with the point of 99 % sensitivity of each curve."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, axis = plt.subplots(figsize=(5, 5), dpi=120)
    axis.plot([0, 1], [0, 1], color="0.7", lw=1)
    for rows, colour, name in ((out, "#0072b2", "teachers, out of fold"), (val, "#d55e00", "val")):
        order = np.argsort(-score[rows], kind="stable")
        truth = abnormal[rows][order]
        hit, false = np.cumsum(truth) / truth.sum(), np.cumsum(~truth) / (~truth).sum()
        axis.plot(
            np.r_[0, false], np.r_[0, hit], color=colour, label=f"{name}: {auroc(abnormal[rows], score[rows]):.3f}"
        )
        aside = triage(abnormal[rows], score[rows])
        axis.plot(1 - aside, 0.99, "o", color=colour, ms=6)
    axis.axhline(0.99, color="0.8", lw=0.8, ls=":")
    axis.set(
        xlabel="normal studies to be looked at first", ylabel="abnormal studies to be looked at first", aspect="equal"
    )
    axis.legend(fontsize=8, loc="lower right", title="AUROC; dot: 99 % sensitivity", title_fontsize=8)
    fig.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path)


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
    parser.add_argument("--figure", type=Path, help="where the reliability diagram is drawn")
    parser.add_argument("--roc", type=Path, help="where the ROC of the triage is drawn")
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
                f"{ece(truth[val, k], probability[val, k]):.3f} ({chance(probability[val, k])[1]:.3f})",
            )
        )
    head = ("label", "AUROC out of fold", "AUROC val (95 %)", "positives in val", "ECE out of fold", "ECE val (chance)")
    mark = args.markdown
    print("| " + " | ".join(head) + " |\n" + "|" + " --- |" * len(head) if mark else "  ".join(head))
    for row in rows:
        print(
            "| " + " | ".join(row) + " |" if mark else "  ".join(f"{c:<28}" if i == 0 else c for i, c in enumerate(row))
        )
    nothing = LABELS.index("No Finding")
    abnormal, score = ~truth[:, nothing], 1 - probability[:, nothing]
    print("\nIn brackets what the ECE of calibrated probabilities stays below in 95 of 100 such samples.")
    print(f"\nMean AUROC on val over labels with at least 10 positives: {np.mean(common):.3f}.")
    print(f"\n{triage_text(abnormal, score, out, val)}")
    if args.roc:
        roc_figure(args.roc, abnormal, score, out, val)
    if args.figure:
        figure(args.figure, probability[out], truth[out])


if __name__ == "__main__":
    command(main)
