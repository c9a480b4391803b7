"""What the indication adds to the findings of the films.

    python benchmarks/indication.py CONFIG

Of the teachers, cross-fitted: AUROC of each finding by the films, with the indication, and their difference; how much
less surprising the reports are (log loss). Of val by the weights that ship. And the words that speak most for each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from command import command
from detector import area
from section import table

from wetread.model.indication import moved, shift
from wetread.report.further import FURTHER
from wetread.train import calibrate, indications
from wetread.train.config import load_config
from wetread.train.stages.findings import load_asking
from wetread.train.stages.run import Run, further_of_rows, truth_of
from wetread.types import LABELS

#: Words that are shown of each finding, and positives from which val's AUROC is.
WORDS, LEAST = 4, 10


def loss(truth: np.ndarray, probability: np.ndarray) -> float:
    return float(-np.log(np.where(truth, probability, 1 - probability).clip(1e-6)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    run = Run.open(load_config(parser.parse_args().config))
    asking, config = load_asking(run), run.config.findings
    positive, known = truth_of(run)
    positive = np.concatenate((positive, further_of_rows(run)), 1)
    films, stored = asking.probability, asking.stored
    use, val = run.teachers & known, np.array([row.split == "val" for row in run.rows])
    texts = [row.indication for row in run.rows]
    told = indications.fit(
        [t for t, used in zip(texts, use, strict=True) if used],
        *(positive[use], films[use], config.least_word, config.folds, run.config.seed),
    )
    words = stored["indication_words"].tolist()
    shifted = np.stack([moved(p, shift(t, words, stored)) for p, t in zip(films, texts, strict=True)])
    rows = [
        ["finding", "positive", "films", "with the indication", "difference", "loss", "val", "with", "speak for it"]
    ]
    for k, name in enumerate((*LABELS, *FURTHER)):
        weight, truth = told.weight[k], positive[use, k]
        if not weight.any():
            rows.append([name, str(int(truth.sum())), *area(truth, films[use, k]), "", "", "", "", "", ""])
            continue
        found = area(truth, films[use, k], told.crossfitted[:, k])
        gain = loss(truth, told.crossfitted[:, k]) - loss(truth, films[use, k])
        few = positive[val, k].sum() < LEAST
        new = ["" if few else f"{calibrate.auroc(positive[val, k], p[val, k]):.3f}" for p in (films, shifted)]
        best = ", ".join(f"{told.words[i]} {weight[i]:+.2f}" for i in np.argsort(-weight)[:WORDS] if weight[i] > 0)
        rows.append([name, str(int(truth.sum())), *found, f"{gain:+.4f}", *new, best])
    given = sum(bool(t) for t, used in zip(texts, use, strict=True) if used)
    print(
        f"{int(use.sum())} teachers, {given} with an indication, {len(told.words)} words in {config.least_word} or more"
        f" of these; {int(val.sum())} val studies. AUROC with 95 % intervals (bootstrap over studies).\n"
    )
    print(table(rows))
    for name, rows_used, p, q in (
        ("Teachers", use, films[use], told.crossfitted),
        ("Val", val, films[val], shifted[val]),
    ):
        truth = positive[rows_used]
        a, b = (np.mean([loss(truth[:, k], own[:, k]) for k in range(len(LABELS))]) for own in (p, q))
        print(f"\n{name}: mean loss of the 14 labels {a:.4f} by the films, {b:.4f} with the indication.")


if __name__ == "__main__":
    command(main)
