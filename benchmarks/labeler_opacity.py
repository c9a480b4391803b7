"""Fits wetread/report/data/opacity.tsv: when CheXbert passes over an opacity that the text states.

    python benchmarks/labeler_opacity.py [--shared ../shared] [--write]

Logistic regression over named circumstances of the reports of R2Gen's train split in which our tables read a positive
opacity; val is not touched. Prints, by repeated tenfold cross-validation, how many labels are lost and how many false
ones avoided. Needs scikit-learn; ``--write`` replaces the table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from command import command
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

sys.path.insert(0, str(Path(__file__).resolve().parent))

from labeler import load

from wetread.report.labeler import stated_opacity
from wetread.report.opacity import OPACITY

TABLE = Path(__file__).resolve().parent.parent / "wetread/report/data/opacity.tsv"
HEAD = """\
# When CheXbert passes over an opacity: log-odds that it labels one, given the circumstances that hold (all of a row,
# joined by "&"); the rows that hold add up, and below 0 it passes. Names: wetread/report/opacity.py.
# Fitted on IU X-Ray's train split by benchmarks/labeler_opacity.py. Columns: weight, circumstances.
"""
ROWS = """
one phrase
three phrases or more
scar
markings
opacity
airspace disease
infiltrate
Lung Opacity negative
Lung Lesion positive
Lung Lesion negative
Pleural Other positive
Edema positive
Edema negative
Pleural Effusion negative
Pleural Effusion positive
Consolidation negative
Consolidation positive
Cardiomegaly positive
Atelectasis uncertain
Atelectasis positive
Pneumonia positive
Pneumonia uncertain
scar & Atelectasis uncertain
scar & Consolidation negative
scar & Lung Opacity negative
scar & Atelectasis uncertain & Consolidation negative
scar & Atelectasis uncertain & Lung Opacity negative
one phrase & Lung Lesion positive
one phrase & Pleural Other positive
same sentence: Pleural Other
same sentence: Edema
same sentence: Lung Lesion
same sentence: Atelectasis
""".strip().splitlines()
STRENGTH = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--write", action="store_true", help="replace the table")
    args = parser.parse_args()
    found = [(stated_opacity(text), tags) for text, tags in load(args.shared / "iu_xray", "train")]
    stated = [(said, tags[OPACITY] == "positive") for said, tags in found if said]
    table = np.array([[set(row.split(" & ")) <= said for row in ROWS] for said, _ in stated], dtype=float)
    labelled = np.array([y for _, y in stated])
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    lost, avoided = [], []
    for seed in range(10):
        folds = StratifiedKFold(10, shuffle=True, random_state=seed)
        kept = cross_val_predict(model, table, labelled, cv=folds).astype(bool)
        lost.append(np.sum(~kept & labelled))
        avoided.append(np.sum(~kept & ~labelled))
    print(f"{len(stated)} reports of train state an opacity, CheXbert labels {labelled.sum()} of them")
    print(f"out of fold: {np.mean(lost):.1f} labels lost, {np.mean(avoided):.1f} false ones avoided")
    model.fit(table, labelled)
    weights = [("always", model.intercept_[0]), *zip(ROWS, model.coef_[0])]
    if args.write:
        lines = [f"{weight:+.2f}\t{row}\n" for row, weight in weights]
        TABLE.write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    command(main)
