"""Where the evidence of a run's encoders lies, out of fold: the side that the report names, and the side of the heat.

    python benchmarks/sides.py CONFIG [--network N]

Of every teacher's frontal film, by the networks that have not learned from its study (the run's ``outputs``): half of
the chest that holds more of the label's own map, and more of the heat that a draft shows (half the map, half the head
for places). With ``--network`` the teachers of that network's fold alone. Beside it the AUROC of the label by the
label's own logit, so that a gain in one that costs the other is seen.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from command import command
from ground import Film, Statement, interval, right_of, statements
from section import table

from wetread.ground import frames_of
from wetread.model.bundle import Bundle
from wetread.model.runtime import BOTH_SD
from wetread.train import calibrate, features, films
from wetread.train.config import load_config
from wetread.train.stages.run import Run, truth_of
from wetread.train.stages.seen import load_outputs
from wetread.types import LABELS, View

LEAST = 10


@dataclass(frozen=True)
class Hit:
    """Whether the label's own map, and the heat of a draft, lie on the side that a statement names."""

    told: Statement
    own: bool
    heat: bool


def hits_of(run: Run, seen: features.FilmOutputs, told: list[Statement]) -> list[Hit]:
    """Of each statement whose study has a frontal film that a network may look at."""
    first = {}
    for t in told:
        own = [f for f in run.films.films[t.study] if run.films.lateral[f] == 0 and not np.isnan(seen.lateral[f])]
        if own:
            first[t.study] = own[0]
    frontal = sorted(set(first.values()))
    scaled = []
    for cells in (seen.label_maps, seen.places):
        chosen = cells[frontal].astype(np.float32)
        scaled.append((chosen - chosen.mean((0, 2, 3), keepdims=True)) / chosen.std((0, 2, 3), keepdims=True))
    kinds = (scaled[0], (scaled[0] + scaled[1]) / 2 / BOTH_SD)
    pack, arrays = films.packed(run.folder / "pack"), Bundle.load().arrays
    found = []
    for t in told:
        if t.study in first:
            place = frontal.index(first[t.study])
            view = View("film", np.asarray(pack[frontal[place]], np.float32) / 255)
            frame = frames_of([view], np.array([False]), arrays)[0]
            shown = (Film(view, maps[place], np.zeros(len(LABELS)), False, frame) for maps in kinds)
            found.append(Hit(t, *(right_of(film, film.heat(t.label)) == (t.side == "right") for film in shown)))
    return found


def share(values: list[float], studies: list[int]) -> str:
    low, high = interval(values, studies)
    return f"{np.mean(values):.3f} ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--network", type=int, help="of one network, on the teachers of its fold alone")
    args = parser.parse_args()
    run = Run.open(load_config(args.config))
    numbers = list(run.networks) if args.network is None else [args.network]
    use = run.teachers if args.network is None else run.teachers & run.unseen_by(args.network)
    with np.errstate(invalid="ignore"):  # films that none of them may look at stay unknown
        seen = features.gather(load_outputs(run, numbers))
    positive, known = truth_of(run)
    judged = np.flatnonzero(use & known)
    logits = features.study_features(seen, [run.films.films[i] for i in judged]).mean
    told = [t for t in statements(run.rows) if t.side in ("right", "left") and use[t.study]]
    hits = hits_of(run, seen, told)
    head = ["label", "statements", "own map", "heat of a draft", "difference", "positive", "AUROC of its logit"]
    rows = [head]
    aurocs = [calibrate.auroc(positive[judged, k], logits[:, k]) for k in range(len(LABELS))]
    for name in ("all", *LABELS):
        mine = [hit for hit in hits if name in ("all", hit.told.label)]
        studies = [hit.told.study for hit in mine]
        columns = ([h.own for h in mine], [h.heat for h in mine], [float(h.heat) - float(h.own) for h in mine])
        shares = ["" if len(mine) < LEAST else share(list(map(float, values)), studies) for values in columns]
        k = None if name == "all" else LABELS.index(name)
        count = "" if k is None else str(positive[judged, k].sum())
        rows.append([name, str(len(mine)), *shares, count, f"{np.nanmean(aurocs) if k is None else aurocs[k]:.3f}"])
    said = ", ".join(map(str, numbers))
    print(f"{len(judged)} teachers, networks {said}, each on its own fold. Share of statements whose side the")
    print("label's own map, and the heat of a draft, has (95 %).\n")
    print(table(rows))


if __name__ == "__main__":
    command(main)
