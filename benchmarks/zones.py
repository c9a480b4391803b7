"""Whether what a draft would call basilar is basilar in the report: the teachers, out of fold.

    python benchmarks/zones.py CONFIG

Each teacher is seen by the network that has not learned from it, and its zones are told by a fit on four fifths of the
teachers without it. Of the findings that a draft would state, the table says how many would be placed, and what the
reports say of the same finding: the lower zone, another one, or none at all.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from command import command
from section import table

from wetread.model.bundle import Bundle
from wetread.model.findings import commands_of
from wetread.model.zones import ZONES, zone_chances
from wetread.obey import LOWER_FROM
from wetread.report.labeler import label_spans
from wetread.train import films, zones
from wetread.train.config import load_config
from wetread.train.stages.run import Run
from wetread.train.stages.seen import load_seen
from wetread.types import LABELS

FOLDS = 5
LOWER = ZONES.index("lower")


def chances_of(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the teachers with a frontal film, and (n, 14, 3) the chance of each zone, cross-fitted."""
    seen = load_seen(run)
    use = np.flatnonzero(run.teachers & (seen.studies.films[:, 0] >= 0))
    first = seen.studies.films[use, 0]
    pack, frontal = films.packed(run.folder / "pack"), Bundle.load().arrays["frame_frontal"]
    means = zones.films_means(pack, seen.scale.maps(seen.outputs.maps[first]), first, frontal)
    rows = [run.rows[i] for i in use]
    chance = np.zeros((len(use), len(LABELS), len(ZONES)))
    part = np.arange(len(use)) % FOLDS
    for k in range(FOLDS):
        rest = np.flatnonzero(part != k)
        arrays = zones.fit(means[rest], zones.zone_statements([rows[i] for i in rest]))
        for i in np.flatnonzero(part == k):
            found = zone_chances(means[i], arrays)
            assert found is not None
            chance[i] = found
    return use, chance


def zones_told(run: Run, index: int, label: str) -> set[str] | None:
    """The zones into which a study's report puts a finding; None where it does not state it."""
    row, found, stated = run.rows[index], set(), False
    for text in (row.findings, row.impression):
        for m in label_spans(text or ""):
            if m.label == label and m.state == "positive":
                stated = True
                found |= {zones.ZONE_OF[m.zone]} if m.zone in zones.ZONE_OF else set()
    return found if stated else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    run = Run.open(load_config(parser.parse_args().config))
    use, chance = chances_of(run)
    with np.load(run.folder / "findings.npz", allow_pickle=False) as stored:
        stated = commands_of(stored["probability"][use], stored["positive_from"])
    lines = []
    for label, least in LOWER_FROM.items():
        k = LABELS.index(label)
        says = np.flatnonzero(stated[:, k] == 1)
        count: dict[str, int] = defaultdict(int)
        for i in says:
            told = zones_told(run, int(use[i]), label)
            key = "absent" if told is None else "none" if not told else "lower" if "lower" in told else "other"
            count[f"all {key}"] += 1
            count[key] += chance[i, k, LOWER] >= least
        low = sum(count[key] for key in ("absent", "none", "lower", "other"))
        placed = count["lower"] + count["other"]
        named = count["all lower"] + count["all other"]
        lines.append(
            [
                label,
                f"{len(says)}",
                f"{low}",
                f"{count['absent']}",
                f"{count['none']}",
                f"{count['lower']} of {placed} = {count['lower'] / max(1, placed):.2f}",
                f"{count['all lower'] / max(1, named):.2f}",
            ]
        )
    print(f"{len(use)} teachers with a frontal film, out of fold.\n")
    head = ["label", "stated", "called basilar", "not in the report", "there, no zone named"]
    head += ["a zone named: the lower", "the lower, of all stated that name one"]
    print(table([head, *lines]))


if __name__ == "__main__":
    command(main)
