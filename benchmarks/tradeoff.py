"""What the thresholds trade: words against findings.

    python benchmarks/tradeoff.py --manifest MANIFEST [--bundle BUNDLE] [--figure docs/images/tradeoff.png]
        [--factors 0.5 1 2] [--limit N] [--threads N]

The films of val are looked at once. Then the odds of every positive threshold but that of No Finding are multiplied by
a factor, and the drafts are written anew by the pipeline. A factor of 1 is what ships.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from command import command
from tqdm import tqdm
from val_table import arguments, val_of

from wetread.data.manifest import ManifestStudy
from wetread.draft import Drafter, Look
from wetread.errors import NotAChestFilm
from wetread.image.read import read_study
from wetread.model.findings import findings_of
from wetread.types import LABELS, Study

FACTORS = (0.4, 0.6, 0.8, 1.0, 1.25, 1.6, 2.2, 3.5, 8.0)
SHIPPED = 1.0
KEYS = {
    "macro-14": "macro-14",
    "macro ≥ 10": "macro ≥ 10",
    "micro-5": "micro-5",
    "micro-14": "micro-14",
    "r2gen CIDEr": "CIDEr",
    "r2gen BLEU-4": "BLEU-4",
    "r2gen ROUGE-L": "ROUGE-L",
    "distinct": "distinct",
}


def moved(threshold: np.ndarray, factor: float) -> np.ndarray:
    """Thresholds (14,) with their odds times the factor, No Finding's as it is."""
    odds = threshold / (1 - threshold) * factor
    out = odds / (1 + odds)
    out[LABELS.index("No Finding")] = threshold[LABELS.index("No Finding")]
    return out


def looks_of(drafter: Drafter, rows: Sequence[ManifestStudy]) -> list[tuple[Study, Look] | None]:
    """The studies and what is seen in them; None for a refused one."""
    found: list[tuple[Study, Look] | None] = []
    for row in tqdm(rows, desc="look", unit="study"):
        try:
            study = read_study([v.path for v in row.views], study_id=row.study_id)
        except NotAChestFilm:
            found.append(None)
            continue
        found.append((study, drafter.look(study)))
    return found


def texts_at(drafter: Drafter, looks: Sequence[tuple[Study, Look] | None], factor: float) -> tuple[list[str], float]:
    """FINDINGS of every study at one operating point, and the mean number of positive findings."""
    arrays = dict(drafter.bundle.arrays)
    for name in ("positive_from", "uncertain_from"):
        arrays[name] = moved(arrays[name].astype(np.float64), factor)
    texts, positives = [], 0
    for pair in tqdm(looks, desc=f"factor {factor:g}", unit="study", leave=False):
        if pair is None:
            texts.append("")
            continue
        study, look = pair
        probability = np.array([look.labels[name].probability for name in LABELS])
        labels = look.labels if factor == SHIPPED else findings_of(probability, arrays)
        positives += sum(f.state == "positive" for name, f in labels.items() if name != "No Finding")
        findings, _, _ = drafter.words(study, replace(look, labels=labels))
        texts.append(" ".join(w.text for w in findings))
    return texts, positives / max(1, len(looks))


def figure(path: Path, factors: Sequence[float], rows: Sequence[dict[str, float | str]]) -> None:
    """Clinical scores above, words and distinct drafts below, over the factor; a line at what ships."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, (above, below) = plt.subplots(2, 1, figsize=(6.4, 6.4), dpi=120, sharex=True)

    def draw(axis: Any, key: str, colour: str) -> None:
        axis.plot(factors, [float(row[key]) for row in rows], marker="o", ms=4, color=colour, label=KEYS[key])

    for key, colour in (("macro-14", "#0072b2"), ("micro-5", "#d55e00"), ("micro-14", "#009e73")):
        draw(above, key, colour)
    for key, colour in (("r2gen CIDEr", "#cc79a7"), ("r2gen ROUGE-L", "#e69f00"), ("r2gen BLEU-4", "#56b4e9")):
        draw(below, key, colour)
    right = below.twinx()
    draw(right, "distinct", "0.5")
    right.set(ylim=(0, None), ylabel="distinct drafts (grey)")
    above.set(xscale="log", ylim=(0, None), ylabel="F1 of positive labels")
    below.set(ylim=(0, None), ylabel="score, r2gen", xlabel="odds of the thresholds × factor: fewer findings →")
    below.set_xticks(factors, [f"×{f:g}" for f in factors], fontsize=8)
    below.minorticks_off()
    for axis in (above, below):
        axis.axvline(SHIPPED, color="0.3", lw=1, ls=":")
        axis.grid(color="0.92")
        axis.legend(fontsize=8, loc="lower left")
    above.set_title("Val; the dotted line is what ships", fontsize=9)
    fig.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path)


def markdown(factors: Sequence[float], rows: Sequence[dict[str, float | str]], said: Sequence[float], n: int) -> str:
    """The table."""
    lines = [
        f"Val ({n} studies, films alone), protocol r2gen. The odds of every positive threshold but No Finding's are "
        "multiplied by the factor; ×1 is the bundle's own operating point, which its calibrated thresholds choose.",
        "",
        "| factor | positive findings a study | " + " | ".join(KEYS.values()) + " |",
        "|" + " --- |" * (len(KEYS) + 2),
    ]
    for factor, row, count in zip(factors, rows, said, strict=True):
        mark = "**" if factor == SHIPPED else ""
        cells = [f"{row[k]:.0f}" if k == "distinct" else f"{row[k]:.3f}" for k in KEYS]
        lines.append(f"| {mark}×{factor:g}{' ships' if mark else ''}{mark} | {count:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--factors", type=float, nargs="+", default=FACTORS)
    args = parser.parse_args()
    val, table = val_of(args.manifest, args.limit)
    drafter = Drafter.load(args.bundle, threads=args.threads)
    looks = looks_of(drafter, val)
    scores, said = [], []
    for factor in args.factors:
        texts, count = texts_at(drafter, looks, factor)
        scores.append(table.row(f"×{factor:g}", texts))
        said.append(count)
    print(markdown(args.factors, scores, said, len(val)))
    if args.figure:
        figure(args.figure, args.factors, scores)


if __name__ == "__main__":
    command(main)
