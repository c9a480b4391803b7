"""What a film's texture tells of the words: of single sentences, and of whole reports.

    python benchmarks/departments.py CONFIG

CONFIG is the experiment's file, run as far as the stage ``departments``. Teachers, out of fold:

* each common sentence foretold by ridge regression from the findings' log-odds, from the department's coordinates and
  from both, cross-validated: mean AUROC;
* of the reports of the train split, each left out, the one whose expected CIDEr is best (``train.consensus.Likeness``)
  with and without the department: CIDEr, and how many different reports are chosen. No report is written here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from command import command
from section import table
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from wetread.metrics.protocols import R2GenProtocol, R2GenVocabulary
from wetread.train import lessons
from wetread.train.calibrate import auroc
from wetread.train.config import load_config
from wetread.train.consensus import Likeness, Profile
from wetread.train.expect import References, pairwise_cider
from wetread.train.stages.findings import load_asking
from wetread.train.stages.run import Run, load_targets
from wetread.train.stages.words import load_departments

#: Teachers that must have a sentence, the AUROC from which it is well told, and draws of the bootstrap.
OFTEN, WELL, DRAWS = 20, 0.75, 1000


def foretold(read: np.ndarray, said: np.ndarray) -> np.ndarray:
    """(N, W) out of fold: read (N, F) standardised, said (N, W)."""
    out = np.zeros(said.shape)
    for known, new in KFold(5, shuffle=True, random_state=1).split(read):
        out[new] = Ridge(0.1 * len(known)).fit(read[known], said[known]).predict(read[new])
    return out


def sentences(profile: Profile, said: np.ndarray) -> str:
    """The table of single sentences."""
    read = {"findings": profile.logit, "department": profile.department}
    read = {name: (x - x.mean(0)) / x.std(0) for name, x in read.items()}
    read["both"] = np.concatenate(tuple(read.values()), 1)
    rows = [["read", "mean AUROC", f"sentences of AUROC {WELL} or more"]]
    for name, x in read.items():
        told = foretold(x, said)
        areas = np.array([auroc(said[:, k] > 0, told[:, k]) for k in range(said.shape[1])])
        rows.append([name, f"{areas.mean():.3f}", f"{(areas >= WELL).sum()}"])
    return f"{len(said)} teachers, {said.shape[1]} sentences that {OFTEN} or more have.\n\n{table(rows)}"


def chosen(likeness: Likeness, known: Profile, gain: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(N,) for each study the number of the report of highest expected CIDEr: gain (N, R), its own report (N,)."""
    alone = np.bincount(own, minlength=gain.shape[1]) == 1
    worth = likeness.weights(known, np.arange(len(known))[:, None].tolist()) @ gain
    worth[np.flatnonzero(alone[own]), own[alone[own]]] = -np.inf
    return worth.argmax(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    run = Run.open(load_config(parser.parse_args().config))
    config = run.config.decoder
    wordings = load_targets(run).wordings
    profile = Profile(load_asking(run).probability, load_departments(run)[0])
    use = run.teachers & ~np.isnan(wordings).any(1)
    said = wordings[use]
    print(sentences(profile[use], said[:, said.sum(0) >= OFTEN]), "\n")

    protocol = R2GenProtocol(R2GenVocabulary.from_reports(r.findings or "" for r in run.rows if r.split == "train"))
    train = np.array([row.split == "train" and bool(row.findings) for row in run.rows])
    rows = [row for row, ok in zip(run.rows, train, strict=True) if ok]
    texts = [protocol.hypothesis(" ".join(lessons.teaching_text(row, None, 0)[0])) for row in rows]
    number = {text: k for k, text in enumerate(dict.fromkeys(texts))}
    gain = pairwise_cider(References([protocol.reference(row.findings or "") for row in rows]), list(number))
    mine = np.array([number[text] for text in texts])
    known, every = profile[train], np.arange(len(rows))
    scores, lines = [], [["report chosen by", "CIDEr", "different reports"]]
    for name, weight in (("findings", 0.0), ("findings and department", config.department_weight)):
        best = chosen(Likeness(known, config.consensus_width, weight, config.consensus_noise), known, gain, mine)
        scores.append(gain[every, best])
        lines.append([name, f"{scores[-1].mean():.3f}", str(len(set(best.tolist())))])
    apart = scores[1] - scores[0]
    draws = np.random.default_rng(1).integers(0, len(apart), (DRAWS, len(apart)))
    low, high = np.percentile(apart[draws].mean(1), (2.5, 97.5))
    print(f"{len(rows)} studies of the train split, each without its own report.\n\n{table(lines)}\n")
    print(f"Difference in CIDEr {apart.mean():+.3f} (95 % interval {low:+.3f} to {high:+.3f}).")


if __name__ == "__main__":
    command(main)
