"""Is a sentence of low confidence more often wrong, and are the probabilities of the findings calibrated?

    python benchmarks/confidence.py --manifest MANIFEST [--drafts FILE | --bundle BUNDLE] [--out DIR] [--threads N]

Drafts of val are made, or read from the file that ``val_table.py`` left. What counts as contradicted: ``judge.py``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from command import command
from judge import Reference, contradictions
from section import table
from val_table import drafts_of

from wetread.data.manifest import ManifestStudy, read_manifest
from wetread.draft import Drafter
from wetread.train.calibrate import auroc, ece
from wetread.types import DOUBTFUL_BELOW, LABELS

DRAWS = 1000


@dataclass(frozen=True)
class Sentences:
    """Of all drafts: ``confidence``, ``wrong`` (contradicted) and ``study``, (N,) each; ``kinds`` of contradictions."""

    confidence: np.ndarray
    wrong: np.ndarray
    study: np.ndarray
    kinds: Counter[str]


def gather(rows: list[ManifestStudy], drafts: list[dict]) -> Sentences:
    """Judge every sentence; refused studies have none."""
    found, kinds = [], Counter[str]()
    for i, (row, draft) in enumerate(zip(rows, drafts, strict=True)):
        reference = Reference.of(row)
        for sentence in draft.get("sentences", ()):
            why = contradictions(sentence["text"], reference)
            kinds.update({_kind(w) for w in why})
            found.append((sentence["confidence"], bool(why), i))
    confidence, wrong, study = (np.array(column) for column in zip(*found, strict=True))
    return Sentences(confidence, wrong, study, kinds)


def _kind(why: str) -> str:
    if why.startswith("the reference has no"):
        return "states what the reference does not have"
    if why.startswith("the reference has"):
        return "denies what the reference has"
    return "states an abnormality, reference normal" if "normal" in why else "another side or level"


def ratio(confidence: np.ndarray, wrong: np.ndarray) -> float:
    """Share of contradicted sentences in the lowest tenth over that among all; ties are shared out evenly."""
    n = len(wrong) / 10
    border = np.sort(confidence)[int(np.ceil(n)) - 1]
    below, at = confidence < border, confidence == border
    hits = wrong[below].sum() + wrong[at].mean() * (n - below.sum())
    return float(hits / n / wrong.mean())


def right(confidence: np.ndarray, wrong: np.ndarray) -> float:
    """AUROC of the confidence for a sentence that is not contradicted."""
    return auroc(~wrong, confidence)


def error(confidence: np.ndarray, wrong: np.ndarray) -> float:
    """Expected calibration error of the confidence."""
    return ece(~wrong, confidence)


def with_interval(s: Sentences, figures: Sequence[Callable[[np.ndarray, np.ndarray], float]]) -> list[np.ndarray]:
    """Each figure and the two ends of its 95 % bootstrap interval, over studies; (3,) each."""
    rng = np.random.default_rng(1)
    studies = np.unique(s.study)
    own = {i: np.flatnonzero(s.study == i) for i in studies}
    draws = [np.concatenate([own[i] for i in rng.choice(studies, len(studies))]) for _ in range(DRAWS)]
    values = []
    for figure in figures:
        drawn = [figure(s.confidence[d], s.wrong[d]) for d in draws]
        values.append(np.array([figure(s.confidence, s.wrong), *np.percentile(drawn, (2.5, 97.5))]))
    return values


def chance(probability: np.ndarray) -> tuple[float, float]:
    """Mean and 95th percentile of the ECE that perfectly calibrated probabilities show on as many studies."""
    rng = np.random.default_rng(3)
    values = [ece(rng.random(len(probability)) < probability, probability) for _ in range(DRAWS)]
    return float(np.mean(values)), float(np.percentile(values, 95))


def findings(rows: list[ManifestStudy], drafts: list[dict]) -> str:
    """Markdown: the calibration of each label's probability, beside what chance does to perfect ones."""
    use = [(r.labels, d["labels"]) for r, d in zip(rows, drafts, strict=True) if r.labels and "labels" in d]
    lines = [["label", "positive", "ECE", "of perfect ones: mean", "exceeded once in 20"]]
    for name in LABELS:
        truth = np.array([labels[name] == "positive" for labels, _ in use])
        probability = np.array([found[name]["probability"] for _, found in use])
        lines.append([name, str(truth.sum()), *(f"{v:.3f}" for v in (ece(truth, probability), *chance(probability)))])
    return (
        f"Probabilities of the findings in {len(use)} val drafts: expected calibration error, and the one that "
        f"perfectly calibrated probabilities show on as many studies by chance.\n\n{table(lines)}"
    )


def report(s: Sentences) -> str:
    """Markdown: the ratio, and reliability by tenths."""
    (times, *ends), *others = with_interval(s, (ratio, right, error))
    told, calibration = (f"{value:.3f} ({low:.3f} to {high:.3f})" for value, low, high in others)
    ceiling = min(10.0, 1 / s.wrong.mean())
    kinds = "; ".join(f"{k} {n}" for k, n in s.kinds.most_common())
    tenths = np.array_split(np.argsort(s.confidence, kind="stable"), 10)
    doubtful = s.confidence < DOUBTFUL_BELOW
    lines = [
        f"{len(s.wrong):,} sentences of {len(np.unique(s.study))} val drafts, {int(s.wrong.sum())} contradicted "
        f"({s.wrong.mean():.1%}). The tenth of lowest confidence holds **{times:.2f} times** its share of them "
        f"(95 % interval {ends[0]:.2f} to {ends[1]:.2f}; the bar is 3, the most that could be is {ceiling:.2f}). AUROC "
        f"of the confidence for a sentence that is not contradicted {told}, ECE {calibration}. Contradictions by kind "
        f"(a sentence may have several): {kinds}.",
        "",
        f"Doubtful, and shown so, are those below {DOUBTFUL_BELOW:g}: {doubtful.mean():.1%} of the sentences, "
        f"{s.wrong[doubtful].mean():.0%} of them contradicted ({s.wrong[~doubtful].mean():.0%} of the others), "
        f"{s.wrong[doubtful].sum() / s.wrong.sum():.0%} of all that are.",
        "",
        "| tenth | " + " | ".join(str(i + 1) for i in range(10)) + " |",
        "|" + " --- |" * 11,
        "| mean confidence | " + " | ".join(f"{s.confidence[t].mean():.2f}" for t in tenths) + " |",
        "| not contradicted | " + " | ".join(f"{1 - s.wrong[t].mean():.2f}" for t in tenths) + " |",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--drafts", type=Path, help="val_drafts.jsonl of this bundle")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    rows = [r for r in read_manifest(args.manifest) if r.split == "val" and r.findings]
    if args.drafts:
        drafts = [json.loads(line) for line in args.drafts.read_text(encoding="utf-8").splitlines()]
        by_study = {d["study_id"]: d for d in drafts}
        drafts = [by_study[r.study_id] for r in rows]
    else:
        args.out.mkdir(parents=True, exist_ok=True)
        drafts = drafts_of(Drafter.load(args.bundle, threads=args.threads), rows, args.out)
    print(report(gather(rows, drafts)))
    print(f"\n{findings(rows, drafts)}")


if __name__ == "__main__":
    command(main)
