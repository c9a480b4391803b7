"""Drafts of the teachers, out of fold: seven times as many studies as val has, for what 296 cannot tell apart.

    python benchmarks/teachers.py CONFIG [--limit N] [--threads N]

CONFIG is the experiment's file, run as far as the stage ``export``. Of each study of the train split the findings and
the department are those told by networks and heads that have not learned from it, and the report that the decoder was
taught for it was chosen without its own. From these the bundle's decoder writes and is held to the findings, as in a
draft, but for the places of findings, which need the films. 95 % intervals by the bootstrap over studies.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
from command import command
from section import table
from tqdm import tqdm
from val_table import Table, intervals

from wetread.data.manifest import ManifestStudy
from wetread.draft import Drafter, Look
from wetread.metrics.protocols import R2GenProtocol, R2GenVocabulary
from wetread.model.findings import findings_of
from wetread.model.runtime import Seen
from wetread.train.config import load_config
from wetread.train.stages.findings import load_asking
from wetread.train.stages.run import Run, load_targets
from wetread.train.stages.seen import load_seen
from wetread.train.stages.words import load_departments
from wetread.types import LABELS, Study, View

SHOWN = ("r2gen CIDEr", "r2gen BLEU-4", "r2gen ROUGE-L", "macro-14", "macro ≥ 10", "micro-5", "micro-14")


def findings_text(drafter: Drafter, row: ManifestStudy, look: Look) -> str:
    """FINDINGS of a study of which these findings and this department are known, and no pixel."""
    nothing = np.zeros((8, 8), np.float32)
    views = tuple(View(str(v.path), nothing, v.projection) for v in row.views)  # type: ignore[arg-type]
    return " ".join(w.text for w in drafter.words(Study(row.study_id, views), look)[0])


def looks_of(run: Run, drafter: Drafter, chosen: np.ndarray) -> Iterator[Look]:
    """What is known of each of these studies (rows), out of fold."""
    arrays, seen, asking = drafter.bundle.arrays, load_seen(run), load_asking(run)
    department, worn = load_departments(run)[0], seen.worn(load_targets(run).names)
    for i in chosen:
        chance, further = np.split(asking.probability[i], [len(LABELS)])
        labels, spine = findings_of(chance, arrays), bool(worn[i])
        # No film is looked at: what is seen in it is not asked for.
        yield Look(cast(Seen, None), labels, (), (), None, spine, further=further, department=department[i])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--limit", type=int, help="the first studies only, for a try")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    run = Run.open(load_config(args.config))
    drafter = Drafter.load(run.folder / "bundle", threads=args.threads)
    train = np.array([row.split == "train" and bool(row.findings) for row in run.rows])
    chosen = np.flatnonzero(train & run.teachers)[: args.limit]
    rows = [run.rows[i] for i in chosen]
    each = zip(tqdm(rows, desc="drafts", unit="study"), looks_of(run, drafter, chosen), strict=True)
    texts = [findings_text(drafter, row, look) for row, look in each]

    protocol = R2GenProtocol(R2GenVocabulary.from_reports(r.findings or "" for r in run.rows if r.split == "train"))
    truth = np.array([[(r.labels or {}).get(n) == "positive" for n in LABELS] for r in rows])
    scored = Table([r.findings or "" for r in rows], truth, {"r2gen": protocol})
    scores, bounds = scored.row("teachers", texts), intervals(scored, texts)
    lines = [["score", "teachers, out of fold", "95 % interval"]]
    for name in SHOWN:
        ends = " to ".join(f"{x:.3f}" for x in bounds.get(name, ()))
        lines.append([name.removeprefix("r2gen "), f"{scores[name]:.3f}", ends])
    different = len(set(texts))
    print(f"{len(rows)} studies of the train split, protocol r2gen; {different} different drafts.\n\n{table(lines)}")


if __name__ == "__main__":
    command(main)
