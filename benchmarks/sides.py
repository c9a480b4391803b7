"""Where the maps of a run's encoders point, out of fold: the side that the report names, and the side of the map.

    python benchmarks/sides.py CONFIG [--network N]

Of every teacher's frontal film, by the networks that have not learned from its study (the run's ``outputs``): half of
the chest that holds more of the label's own map. With ``--network`` the teachers of that network's fold alone. Beside
it the AUROC of the label by the label's own logit, so that a gain in one that costs the other is seen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from command import command
from ground import Film, Statement, interval, right_of, statements
from section import table

from wetread.ground import frames_of
from wetread.model.bundle import Bundle
from wetread.train import calibrate, features, films
from wetread.train.config import load_config
from wetread.train.pipeline import Run, truth_of
from wetread.types import LABELS, View

LEAST = 10


def outputs_of(run: Run, numbers: list[int]) -> features.FilmOutputs:
    stored = []
    for number in numbers:
        with np.load(run.folder / f"seen{number}.npz", allow_pickle=False) as file:
            stored.append({k: file[k] for k in features.FILM_KEYS})
    with np.errstate(invalid="ignore"):  # films that none of them may look at stay unknown
        return features.gather(stored)


def hits_of(run: Run, seen: features.FilmOutputs, told: list[Statement]) -> list[tuple[Statement, bool]]:
    """Of each statement whose study has a frontal film that a network may look at: is the map on the side named?"""
    first = {}
    for t in told:
        own = [f for f in run.films.films[t.study] if run.films.lateral[f] == 0 and not np.isnan(seen.lateral[f])]
        if own:
            first[t.study] = own[0]
    frontal = sorted(set(first.values()))
    kinds = []
    for cells in (seen.label_maps, seen.places):
        chosen = cells[frontal].astype(np.float32)
        kinds.append((chosen - chosen.mean((0, 2, 3), keepdims=True)[0]) / chosen.std((0, 2, 3), keepdims=True)[0])
    maps = dict(zip(frontal, (kinds[0] + kinds[1]) / 2, strict=True))
    pack, arrays = films.packed(run.folder / "pack"), Bundle.load().arrays
    found = []
    for t in told:
        if t.study in first:
            index = first[t.study]
            view = View("film", np.asarray(pack[index], np.float32) / 255)
            frame = frames_of([view], np.array([False]), arrays)[0]
            film = Film(view, maps[index], seen.logits[index, : len(LABELS)], False, frame)
            found.append((t, right_of(film, film.heat(t.label)) == (t.side == "right")))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--network", type=int, help="of one network, on the teachers of its fold alone")
    args = parser.parse_args()
    run = Run.open(load_config(args.config))
    numbers = list(run.networks) if args.network is None else [args.network]
    use = run.teachers if args.network is None else run.teachers & run.unseen_by(args.network)
    seen = outputs_of(run, numbers)
    positive, known = truth_of(run)
    judged = np.flatnonzero(use & known)
    logits = features.study_features(seen, [run.films.films[i] for i in judged]).mean
    told = [t for t in statements(run.rows) if t.side in ("right", "left") and use[t.study]]
    hits = hits_of(run, seen, told)
    rows = [["label", "statements", "map's side is the named one (95 %)", "positive", "AUROC of its logit"]]
    aurocs = [calibrate.auroc(positive[judged, k], logits[:, k]) for k in range(len(LABELS))]
    for name in ("all", *LABELS):
        own = [(t.study, hit) for t, hit in hits if name in ("all", t.label)]
        side = (
            ""
            if len(own) < LEAST
            else "{:.3f} ({:.2f} to {:.2f})".format(
                np.mean([hit for _, hit in own]), *interval([hit for _, hit in own], [study for study, _ in own])
            )
        )
        k = None if name == "all" else LABELS.index(name)
        count = "" if k is None else str(positive[judged, k].sum())
        rows.append([name, str(len(own)), side, count, f"{np.nanmean(aurocs) if k is None else aurocs[k]:.3f}"])
    print(f"{len(judged)} teachers, networks {', '.join(map(str, numbers))}, each on its own fold.\n")
    print(table(rows))


if __name__ == "__main__":
    command(main)
