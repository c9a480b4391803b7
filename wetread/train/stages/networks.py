"""From films to what the networks say of them.

The stages pack, detector, warmup, targets, encoder, finish, places and outputs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from wetread.errors import UsageError
from wetread.model.bundle import DETECTOR, Bundle
from wetread.train import detector, encode, export, films, places, resume, targets
from wetread.train.config import EncoderConfig
from wetread.train.encoder import FilmEncoder, PlaceHead
from wetread.train.mean_films import mean_films
from wetread.train.stages.run import FINISHED, Run, load_targets
from wetread.types import LABELS

__all__ = [
    "build_targets",
    "finish_encoders",
    "learn_detector",
    "learn_encoders",
    "learn_places",
    "look_at_films",
    "pack_films",
    "warm_up",
]

log = logging.getLogger("wetread.train")

#: Added to the seed of a network that is trained on.
_ANEW = 100
#: How often each teacher's films are exported otherwise, for departments to be told whatever the export.
_EXPORTS = 3
#: Below so many studies that teach nothing, the scale of finished networks is a guess.
_FEW = 50


def pack_films(run: Run) -> None:
    """All films as squares in one file (``films.pack``)."""
    films.pack(run.paths, run.folder / "pack")


def learn_detector(run: Run) -> None:
    """Train the detector on drawn findings, export it, and let it look at all films (``look``, ``textures``)."""
    done = run.folder / "found.npz"
    config = run.config.detector
    if done.exists() or not config.epochs:
        return
    pack = films.packed(run.folder / "pack")
    taught = np.flatnonzero(run.teachers[run.film_study])
    lateral = run.films.lateral == 1
    weights = run.folder / "detector.safetensors"
    network = detector.Detector()
    if weights.exists():
        network.load_state_dict(load_file(weights))
    else:
        means = mean_films(pack, lateral, taught.tolist(), run.config.seed)
        drawing = detector.Drawing(pack, taught, lateral, means, run.config.seed)
        checkpoint = run.folder / "checkpoints" / "detector.pt"
        network = detector.train_detector(drawing, config, run.config.encoder.precision, run.config.seed, checkpoint)
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, weights)
    graph = run.folder / "bundle" / DETECTOR
    graph.parent.mkdir(exist_ok=True)
    export.export_detector(network, graph)
    found = detector.look(graph, pack)
    seeds = range(run.config.seed, run.config.seed + _EXPORTS)
    exports = np.stack([detector.textures(graph, pack, taught.tolist(), seed) for seed in seeds])
    np.savez(done, marks=found["marks"], pooled=found["pooled"], texture=found["texture"], exports=exports)


def warm_up(run: Run) -> None:
    """Let a network learn from the other collections' films, from which all encoders begin."""
    done = run.folder / "warmup.safetensors"
    config = run.config.encoder
    if done.exists() or not run.config.data.other_films or not config.warmup_epochs:
        return
    paths, values, _ = encode.other_films(Path(run.config.data.other_films))
    pack = films.pack(paths, run.folder / "pack-other")
    state = encode.warm_up(
        pack, values, config, config.warmup_epochs, run.config.seed, run.folder / "checkpoints" / "warmup.pt"
    )
    save_file({k: v.contiguous() for k, v in state.items()}, done)


def build_targets(run: Run) -> None:
    """What the encoders learn of each study (``targets.build``)."""
    done = run.folder / "targets.npz"
    if done.exists():
        return
    data = run.config.data
    concepts = targets.build(run.rows, run.teachers.tolist(), data.min_concept, data.min_wording)
    known = ~np.isnan(concepts.values)
    log.info("concepts: %d, known entries %.0f %%", len(concepts.names), 100 * known.mean())
    np.savez(done, values=concepts.values, sides=concepts.sides, names=np.array(concepts.names))


def _with_other_films(run: Run, concepts: targets.Concepts) -> tuple[np.ndarray, encode.StudyFilms, np.ndarray]:
    """Pack, films and targets of the run's studies, then of the other films as studies of one film each."""
    pack, own, values = films.packed(run.folder / "pack"), run.films, concepts.values
    if not (run.config.data.other_films and run.config.encoder.joint):
        return pack, own, values
    paths, found, lateral = encode.other_films(Path(run.config.data.other_films), sets=("nih14",))
    more = films.pack(paths, run.folder / "pack-joint")
    shared = encode.shared_targets(found, concepts.names)
    singles = tuple((i,) for i in range(len(pack), len(pack) + len(more)))
    return (
        np.concatenate((pack, more)),
        encode.StudyFilms((*own.films, *singles), np.concatenate((own.lateral, lateral))),
        np.concatenate((values, shared)),
    )


def _start(run: Run, number: int, concepts: Sequence[str]) -> dict[str, torch.Tensor] | None:
    """The weights that a network begins with: of a run or bundle that is continued, or warmed up; None: the init's."""
    config = run.config.encoder
    if not config.continued:
        warm = run.folder / "warmup.safetensors"
        return load_file(warm) if warm.exists() else None
    earlier = Path(config.continued)
    if (earlier / f"encoder{number}.safetensors").exists():
        return load_file(earlier / f"encoder{number}.safetensors")
    bundle = Bundle.load(earlier)
    if taught := bundle.index["provenance"].get("finished_on"):
        if taught == run.taught_ids:
            raise UsageError(
                f"the networks of {earlier} have learned from all of these studies, so that none would be blind to its"
                " fold; continue the run that the bundle comes from"
            )
        log.warning("the networks of %s learned from all of their teachers: none of these may be among yours", earlier)
    if number >= len(bundle.encoders):
        raise UsageError(f"{earlier} has no network {number}; it cannot be continued with these folds and members")
    network = FilmEncoder(len(bundle.index["concepts"]), config.neck, config.dropout)
    pack = films.packed(run.folder / "pack")
    some = np.linspace(0, len(pack) - 1, min(len(pack), 512)).astype(int)
    resume.load_graph(network, bundle.encoders[number], films.as_tensor(pack[some], config.size))
    known = network.state_dict()
    if list(concepts) != list(bundle.index["concepts"]):
        known = {k: v for k, v in known.items() if not k.startswith("scores.")}
    return known


def _teach(
    run: Run,
    kind: str,
    studies: Callable[[int], np.ndarray],
    start: Callable[[int, Sequence[str]], dict[str, torch.Tensor] | None],
    config: EncoderConfig,
    seed: int,
    frozen: int = 0,
) -> None:
    """Train the networks of one kind (``Run.sets``) that are not there yet, beside the other films.

    Args:
        studies: number of a network → (studies,) bool, those it learns from.
        start: number and names of the concepts → the weights that it begins with (``encode.train_encoder``).
        seed: of network 0. frozen: see ``encode.train_encoder``.
    """
    concepts = load_targets(run)
    pack, own, values = _with_other_films(run, concepts)
    for number in run.asked:
        name = f"{kind}encoder{number}"
        done = run.folder / f"{name}.safetensors"
        if done.exists():
            continue
        chosen = [int(i) for i in np.flatnonzero(studies(number))]
        network = encode.train_encoder(
            pack,
            own,
            values,
            concepts.weights,
            [*chosen, *range(len(run.rows), len(values))],
            config,
            seed + number,
            start(number, concepts.names),
            run.folder / "checkpoints" / f"{name}.pt",
            name=f"{kind}encoder {number + 1} of {len(run.networks)}",
            frozen=frozen,
        )
        if encode.world()[0] == 0:
            save_file({k: v.contiguous() for k, v in network.state_dict().items()}, done)


def learn_encoders(run: Run) -> None:
    """Train the networks of the folds, each blind to its own."""
    _teach(
        run,
        "",
        lambda number: run.teachers & ~run.unseen_by(number),
        lambda number, concepts: _start(run, number, concepts),
        run.config.encoder,
        run.config.seed,
    )


def finish_encoders(run: Run) -> None:
    """Train the networks on with all teachers; these ship, those of the stage ``encoder`` calibrate."""
    config = run.config.encoder
    if not run.finishes:
        return
    if (new := int((~run.teachers).sum())) < _FEW:
        log.warning("only %d studies teach nothing: what finished networks say is brought to scale by few", new)
    _teach(
        run,
        FINISHED,
        lambda _: run.teachers,
        lambda number, _: load_file(run.folder / f"encoder{number}.safetensors"),
        replace(config, epochs=config.finish_epochs, learning_rate=config.finish_rate, small_epochs=0),
        run.config.seed + _ANEW,
        config.finish_frozen,
    )


def _trained(run: Run, name: str, concepts: int) -> FilmEncoder:
    network = FilmEncoder(concepts, run.config.encoder.neck, run.config.encoder.dropout)
    network.load_state_dict(load_file(run.folder / f"{name}.safetensors"))
    return network


def learn_places(run: Run) -> None:
    """Train a head for where a finding lies on each encoder (``places.train_places``)."""
    config = run.config.encoder
    concepts = load_targets(run)
    columns = places.sided(concepts, run.teachers)
    if not config.place_epochs or not len(columns):
        log.info("no report names the side of a label: evidence lies where the encoders' own maps are")
        return
    pack = films.packed(run.folder / "pack")
    for kind, number in product(run.sets, run.asked):
        done = run.folder / f"{kind}places{number}.safetensors"
        if done.exists():
            continue
        head = places.train_places(
            _trained(run, f"{kind}encoder{number}", len(concepts.names)),
            pack,
            run.films,
            concepts,
            columns,
            run.teachers if kind else run.teachers & ~run.unseen_by(number),
            config.size,
            config.place_epochs,
            config.precision,
            run.config.seed + number,
            run.folder,
            name=f"{kind}places {number + 1} of {len(run.networks)}",
        )
        save_file({k: v.contiguous() for k, v in head.state_dict().items()}, done)


def _head(run: Run, name: str) -> PlaceHead | None:
    path = run.folder / f"{name}.safetensors"
    if not path.exists():
        return None
    state = load_file(path)
    head = PlaceHead(len(state["norm.weight"]), len(LABELS))
    head.load_state_dict(state)
    return head


def look_at_films(run: Run) -> None:
    """Export the encoders and let them look at the films: all that follows is calibrated on it.

    A network looks at the films of its own fold and of those who teach nothing. A finished one has learned from the
    former: of these its vectors alone are used, to tell what is far from them.
    """
    config = run.config.encoder
    concepts = load_targets(run)
    pack = films.packed(run.folder / "pack")
    for (kind, folder), number in product(run.sets.items(), run.asked):
        done = run.folder / f"{kind}seen{number}.npz"
        if done.exists():
            continue
        folder.mkdir(exist_ok=True)
        graph = folder / f"encoder{number}.onnx"
        network = _trained(run, f"{kind}encoder{number}", len(concepts.names))
        export.export_encoder(network, graph, config.size, _head(run, f"{kind}places{number}"))
        honest = ~run.teachers | run.unseen_by(number)
        wanted = [f for own, use in zip(run.films.films, honest, strict=True) if use for f in own]
        name = f"{kind}outputs {number + 1} of {len(run.networks)}"
        seen: dict[str, Any] = encode.look(graph, pack, wanted, config.size, name)
        np.savez(done, **seen)
