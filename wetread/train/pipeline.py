"""The stages of an experiment, in order; each leaves its result in the run folder and is skipped when it is there."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from wetread.data.manifest import ManifestStudy, read_manifest
from wetread.errors import UsageError
from wetread.metrics.protocols import R2GenProtocol, R2GenVocabulary
from wetread.model import ngrams
from wetread.model.bundle import DETECTOR, Bundle, digest
from wetread.model.department import COORDINATES
from wetread.model.detector import DRAWN, by_projection, marks_input, pooled_input
from wetread.model.findings import (
    SPINE,
    SPINE_SHARE,
    asked_of,
    commands_of,
    log_odds,
    told_of,
    uncertain_of,
)
from wetread.model.tokenizer import Tokenizer
from wetread.report.further import FURTHER, among, further
from wetread.report.stock import beside
from wetread.train import (
    calibrate,
    compose,
    consensus,
    department,
    detector,
    encode,
    export,
    features,
    films,
    indications,
    lessons,
    novelty,
    places,
    resume,
    targets,
    zones,
)
from wetread.train.config import Config, EncoderConfig
from wetread.train.decoder import Memory, ReportDecoder
from wetread.train.encoder import FilmEncoder, PlaceHead
from wetread.train.evaluate import Judge, clinical
from wetread.train.mean_films import mean_films
from wetread.types import LABELS

__all__ = ["STAGES", "Run", "run_stages"]

log = logging.getLogger("wetread.train")

#: What the files of networks that learned from all teachers are called before.
_FINISHED = "finished-"
#: Added to the seed of a network that is trained on.
_ANEW = 100
#: How often each teacher's films are exported otherwise, for departments to be told whatever the export.
_EXPORTS = 3
#: Below so many studies that teach nothing, the scale of finished networks is a guess.
_FEW = 50


@dataclass(frozen=True)
class Run:
    """An experiment's configuration, its manifest lines and the order of their films."""

    config: Config
    rows: tuple[ManifestStudy, ...]
    paths: tuple[Path, ...]
    films: encode.StudyFilms
    fold: int | None = None

    @property
    def folder(self) -> Path:
        return Path(self.config.run_dir)

    @property
    def teachers(self) -> np.ndarray:
        """(studies,) whether a study may be learned from."""
        return np.array([row.split in self.config.data.train_splits for row in self.rows])

    @property
    def networks(self) -> range:
        """The numbers of the encoders."""
        return range(self.config.encoder.folds * self.config.encoder.members)

    @property
    def finishes(self) -> bool:
        """Whether each network is trained on with all teachers before it ships."""
        return self.config.encoder.finish_epochs > 0

    @property
    def sets(self) -> dict[str, Path]:
        """The sets of networks by what their files are called before, and the folder of their graphs."""
        bundle = self.folder / "bundle"
        return {"": self.folder / "folds", _FINISHED: bundle} if self.finishes else {"": bundle}

    @property
    def asked(self) -> Sequence[int]:
        """The encoders that this process trains: all, or the one named."""
        return self.networks if self.fold is None else (self.fold,)

    @property
    def taught_ids(self) -> str:
        """SHA-256 of the teachers' ids: which studies the networks have learned from."""
        ids = sorted(row.study_id for row, taught in zip(self.rows, self.teachers, strict=True) if taught)
        return hashlib.sha256("\n".join(ids).encode()).hexdigest()

    @property
    def film_study(self) -> np.ndarray:
        """(films,) the study (its row) of each film."""
        return np.repeat(np.arange(len(self.rows)), [len(own) for own in self.films.films])

    def unseen_by(self, number: int) -> np.ndarray:
        """(studies,) whether a study is of the fold that the encoder of this number does not learn from."""
        folds = self.config.encoder.folds
        return np.array([encode.fold_of(row.study_id, folds) == number % folds for row in self.rows])

    @classmethod
    def open(cls, config: Config, fold: int | None = None) -> Run:
        rows = tuple(r for r in read_manifest(Path(config.data.manifest)) if r.views and r.split != "test")
        paths: list[Path] = []
        own, lateral = [], []
        side = {"lateral": 1.0, "frontal": 0.0}
        for row in rows:
            own.append(tuple(range(len(paths), len(paths) + len(row.views))))
            paths += [view.path for view in row.views]
            lateral += [side.get(view.projection, np.nan) for view in row.views]
        if not any(row.split in config.data.train_splits for row in rows):
            raise UsageError(f"{config.data.manifest} has no study of the splits {', '.join(config.data.train_splits)}")
        return cls(config, rows, tuple(paths), encode.StudyFilms(tuple(own), np.array(lateral, np.float32)), fold)


def _pack(run: Run) -> None:
    films.pack(run.paths, run.folder / "pack")


def _detector(run: Run) -> None:
    """Train the detector on drawn findings, export it, and let it look at all films (``detector.look``)."""
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
    np.savez(done, marks=found["marks"], pooled=found["pooled"], texture=found["texture"])


def _warm_up(run: Run) -> None:
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


def _targets(run: Run) -> None:
    done = run.folder / "targets.npz"
    if done.exists():
        return
    data = run.config.data
    concepts = targets.build(run.rows, run.teachers.tolist(), data.min_concept, data.min_wording)
    known = ~np.isnan(concepts.values)
    log.info("concepts: %d, known entries %.0f %%", len(concepts.names), 100 * known.mean())
    np.savez(done, values=concepts.values, sides=concepts.sides, names=np.array(concepts.names))


def load_targets(run: Run) -> targets.Concepts:
    """The concept matrix of the stage ``targets``."""
    with np.load(run.folder / "targets.npz", allow_pickle=False) as stored:
        if "sides" not in stored:
            raise UsageError(f"{run.folder / 'targets.npz'} is of an earlier version; remove it and run again")
        return targets.Concepts(tuple(str(n) for n in stored["names"]), stored["values"], stored["sides"])


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


def _encoder(run: Run) -> None:
    _teach(
        run,
        "",
        lambda number: run.teachers & ~run.unseen_by(number),
        lambda number, concepts: _start(run, number, concepts),
        run.config.encoder,
        run.config.seed,
    )


def _finish(run: Run) -> None:
    """Train the networks on with all teachers; these ship, those of the stage ``encoder`` calibrate."""
    config = run.config.encoder
    if not run.finishes:
        return
    if (new := int((~run.teachers).sum())) < _FEW:
        log.warning("only %d studies teach nothing: what finished networks say is brought to scale by few", new)
    _teach(
        run,
        _FINISHED,
        lambda _: run.teachers,
        lambda number, _: load_file(run.folder / f"encoder{number}.safetensors"),
        replace(config, epochs=config.finish_epochs, learning_rate=config.finish_rate),
        run.config.seed + _ANEW,
        config.finish_frozen,
    )


def _trained(run: Run, name: str, concepts: int) -> FilmEncoder:
    network = FilmEncoder(concepts, run.config.encoder.neck, run.config.encoder.dropout)
    network.load_state_dict(load_file(run.folder / f"{name}.safetensors"))
    return network


def _places(run: Run) -> None:
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


def _outputs(run: Run) -> None:
    """Export the encoders and let them look at the films: all that follows is calibrated on it.

    A network looks at the films of its own fold and of those who teach nothing. A finished one has learned from the
    former: of these its vectors alone are used, to tell what is far from them.
    """
    config = run.config.encoder
    concepts = load_targets(run)
    pack = films.packed(run.folder / "pack")
    for (kind, folder), number in product(run.sets.items(), run.networks):
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


@dataclass(frozen=True)
class Seen:
    """All that the encoders say: film outputs, study features, their scale for teachers and for all other studies.

    ``vectors`` (K, N, D): of the networks that ship, where they are others than those of the folds. ``places``: what
    is added to a label's places and what they are multiplied by in these, (14,) each. ``marks`` (N, 4K), ``pooled``
    (N, 2P), ``texture`` (N, 2T): what the detector, taught by no report, finds in each study, its features, and the
    films' texture (``model.detector``).
    """

    outputs: features.FilmOutputs
    studies: features.StudyFeatures
    scale: lessons.Scale
    shipped: lessons.Scale
    teachers: np.ndarray
    places: tuple[np.ndarray, np.ndarray]
    vectors: np.ndarray | None = None
    marks: np.ndarray | None = None
    pooled: np.ndarray | None = None
    texture: np.ndarray | None = None

    @cached_property
    def detector_arrays(self) -> dict[str, np.ndarray]:
        """How the findings read the detector, by its teachers' films, as the bundle has it; empty without one."""
        if self.marks is None or self.pooled is None:
            return {}
        mark_mean, mark_sd = features.known_scale(self.marks[self.teachers])
        mean, sd = features.known_scale(self.pooled[self.teachers])
        axes = features.principal(np.nan_to_num((self.pooled[self.teachers] - mean) / sd))
        scale = {"mark_mean": mark_mean, "mark_sd": mark_sd, "pooled_mean": mean, "pooled_sd": sd}
        return scale | {"pooled_axes": axes}

    def findings_input(self) -> np.ndarray:
        """(N, 2C + 4K + principal components) what the findings head reads."""
        own, others = (scale.findings_input(self.studies) for scale in (self.scale, self.shipped))
        read = np.where(self.teachers[:, None], own, others)
        if self.marks is None or self.pooled is None:
            return read
        arrays = self.detector_arrays
        return np.concatenate((read, marks_input(self.marks, arrays), pooled_input(self.pooled, arrays)), 1)

    def stretches(self, names: Sequence[str], own: Sequence[int]) -> np.ndarray:
        """How much less the ridge holds each column of ``findings_input`` (``calibrate.stretches``)."""
        concepts = 2 * self.studies.mean.shape[1]
        marks = 0 if self.marks is None else self.marks.shape[1]
        pooled = self.detector_arrays.get("pooled_axes", np.zeros((0, 0))).shape[1]
        return calibrate.stretches(names, own, concepts, marks, pooled)

    def spine_from(self, concepts: Sequence[str]) -> tuple[np.ndarray, np.ndarray] | None:
        """(1,) the logits from which a teacher's spine, and that of any other study, may be called degenerated.

        They tell the likelier teachers apart (``model.findings.SPINE_SHARE``); None without the concept.
        """
        if SPINE not in concepts:
            return None
        k = list(concepts).index(SPINE)
        level = np.quantile(self.studies.mean[self.teachers, k], [1 - SPINE_SHARE])
        own, shipped = self.scale, self.shipped
        moved = shipped.logit_mean[k] + (level - own.logit_mean[k]) / own.logit_sd[k] * shipped.logit_sd[k]
        return level, moved

    def worn(self, concepts: Sequence[str]) -> np.ndarray:
        """(studies,) whether the spine may be called degenerated: on evidence, or where nothing tells."""
        if (levels := self.spine_from(concepts)) is None:
            return np.ones(len(self.teachers), bool)
        return self.studies.mean[:, list(concepts).index(SPINE)] >= np.where(self.teachers, *levels)


def load_outputs(run: Run, numbers: Sequence[int], kind: str = "") -> list[dict[str, np.ndarray]]:
    """What each of these encoders, of the kind in ``sets``, sees in the films that it may look at."""
    stored = []
    for number in numbers:
        path = run.folder / f"{kind}seen{number}.npz"
        with np.load(path, allow_pickle=False) as file:
            if not set(features.FILM_KEYS) <= set(file):
                raise UsageError(f"{path} is of an earlier version; remove it and run again")
            stored.append({k: file[k] for k in features.FILM_KEYS})
    return stored


def _by_study(run: Run, values: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """(films, P) → (studies, 2P), see ``model.detector.by_projection``; lateral (films,) bool."""
    return np.stack([by_projection(values[list(own)], lateral[list(own)]) for own in run.films.films])


def _found(run: Run, lateral: np.ndarray) -> dict[str, np.ndarray]:
    """What the detector finds in each study, as ``Seen`` has it: lateral (films,) bool; empty without one."""
    path = run.folder / "found.npz"
    if not run.config.detector.epochs:
        return {}
    with np.load(path, allow_pickle=False) as stored:
        if "texture" not in stored or stored["marks"].shape[1] != 2 * len(DRAWN) or np.isnan(stored["marks"]).any():
            raise UsageError(f"{path} is of an earlier version; remove it and run again")
        marks, pooled, texture = (stored[k].astype(np.float32) for k in ("marks", "pooled", "texture"))
    found = np.full((2, len(run.rows), marks.shape[1]), np.nan, np.float32)
    np.fmax.at(found, (lateral.astype(int), run.film_study), marks)
    means = {"pooled": _by_study(run, pooled, lateral), "texture": _by_study(run, texture, lateral)}
    return {"marks": np.concatenate(tuple(found), 1), **means}


def load_seen(run: Run) -> Seen:
    """The honest outputs: teachers out of fold, others by the whole ensemble that ships."""
    stored = load_outputs(run, run.networks)
    outputs = features.gather(stored)
    found = _found(run, outputs.lateral > 0)
    studies = features.study_features(outputs, run.films.films)
    scale = lessons.Scale.of(studies, outputs, run.teachers)
    new = [own for own, taught in zip(run.films.films, run.teachers, strict=True) if not taught]
    shipped = scale.shrunk(features.shrinkage(stored, new, run.config.encoder.folds))
    still = np.zeros(len(LABELS), np.float32), np.ones(len(LABELS), np.float32)
    if not run.finishes:
        return Seen(outputs, studies, scale, shipped, run.teachers, still, **found)
    finished = features.gather(load_outputs(run, run.networks, _FINISHED))
    both = features.joined(outputs, finished, run.teachers[run.film_study])
    fused = features.study_features(both, run.films.films)
    chosen = fused.films[~run.teachers].ravel()
    chosen = chosen[chosen >= 0]
    frontal = [f for f in chosen if both.lateral[f] < 0]
    moved = shipped.moved(
        features.drift(studies.mean[~run.teachers], fused.mean[~run.teachers]),
        features.drift(outputs.maps[chosen], finished.maps[chosen]),
    )
    places = features.drift(outputs.places[frontal], finished.places[frontal]) if frontal else still
    return Seen(both, fused, scale, moved, run.teachers, places, finished.vector, **found)


def truth_of(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(studies, 14) bool positives by the report, and (studies,) whether the report says anything."""
    found = [targets.study_labels(row) for row in run.rows]
    positive = np.array([[f is not None and f[n] == "positive" for n in LABELS] for f in found])
    return positive, np.array([f is not None for f in found])


#: The concept that knows most of a further finding.
_CONCEPT_OF = {
    "hyperexpansion": "mesh:Lung/hyperdistention",
    "low lung volumes": "mesh:Lung/hypoinflation",
    "granuloma": "mesh:Calcified Granuloma/lung",
    "pacemaker": "mesh:Implanted Medical Device",
    "catheter": "mesh:Catheters, Indwelling",
}


def further_of_rows(run: Run) -> np.ndarray:
    """(studies, E) whether a report states each of the further findings."""
    said = [further(" ".join(filter(None, (row.findings, row.impression)))) for row in run.rows]
    return np.array(list(map(among, said)))


def _own_concepts(run: Run) -> list[int]:
    names = load_targets(run).names
    return [names.index(own) if (own := _CONCEPT_OF.get(name, "")) in names else -1 for name in FURTHER]


def _told(
    run: Run, use: np.ndarray, positive: np.ndarray, crossfitted: tuple[np.ndarray, np.ndarray]
) -> indications.Indications:
    """What indications add to the findings of the films.

    Args:
        use: (studies,) bool. positive: (studies, 14 + E) bool. crossfitted: (teachers used, 14) and (…, E).
    """
    config = run.config.findings
    known, probability = positive[use], np.concatenate(crossfitted, 1)
    texts = [row.indication if config.least_word else None for row, used in zip(run.rows, use, strict=True) if used]
    told = indications.fit(texts, known, probability, config.least_word, config.folds, run.config.seed)
    log.info("indications: %d words", len(told.words))
    for k, name in enumerate((*LABELS, *FURTHER)):
        if told.weight[k].any():
            areas = (calibrate.auroc(known[:, k], p[:, k]) for p in (probability, told.crossfitted))
            best = np.argsort(-told.weight[k])[:3]
            words = ", ".join(f"{told.words[i]} {told.weight[k, i]:+.2f}" for i in best)
            log.info("%-27s AUROC out of fold %.3f, with the indication %.3f (%s)", name, *areas, words)
    return told


def _findings(run: Run) -> None:
    done = run.folder / "findings.npz"
    if done.exists():
        return
    seen = load_seen(run)
    positive, known = truth_of(run)
    read = seen.findings_input()
    use = run.teachers & known
    config = run.config.findings
    chosen = (config.folds, config.beta, run.config.seed, config.least, config.least_right)
    head = calibrate.fit(read[use], positive[use], *chosen, stretch=seen.stretches(LABELS, range(len(LABELS))))
    more = further_of_rows(run)
    more_head = calibrate.fit(read[use], more[use], *chosen, stretch=seen.stretches(FURTHER, _own_concepts(run)))
    more_head = more_head.scaled(more[use], config.least_further)
    further_probability = more_head.probabilities(read)
    further_probability[use] = more_head.crossfitted
    probability = head.probabilities(read)
    probability[use] = head.crossfitted
    told = _told(run, use, np.concatenate((positive, more), 1), (head.crossfitted, more_head.crossfitted))
    normal = LABELS.index("No Finding")
    look_from = calibrate.sensitive_threshold(~positive[use, normal], 1 - head.crossfitted[:, normal])
    np.savez(
        done,
        weight=head.weight,
        bias=head.bias,
        uncertain_from=head.uncertain_from,
        positive_from=head.positive_from,
        look_from=np.array([look_from]),
        probability=probability,
        further_weight=more_head.weight,
        further_bias=more_head.bias,
        further_from=more_head.positive_from,
        further_probability=further_probability,
        indication_weight=told.weight,
        indication_mean=told.mean,
        indication_words=np.array(told.words, str),
    )
    val = np.array([row.split == "val" for row in run.rows])
    for k, name in enumerate(LABELS):
        log.info(
            "%-27s AUROC out of fold %.3f, val %.3f (%d); threshold %.2f",
            name,
            calibrate.auroc(positive[use, k], head.crossfitted[:, k]),
            calibrate.auroc(positive[val, k], probability[val, k]),
            positive[val, k].sum(),
            head.positive_from[k],
        )
    for k, name in enumerate(FURTHER):
        for split, rows in (("out of fold", use), ("val", val)):
            said = further_probability[rows, k] >= more_head.positive_from[k]
            log.info(
                "%s, %s: AUROC %.3f (%d); told %d times, rightly %d (threshold %.2f)",
                *(name, split, calibrate.auroc(more[rows, k], further_probability[rows, k]), more[rows, k].sum()),
                *(said.sum(), (said & more[rows, k]).sum(), more_head.positive_from[k]),
            )
    commands = commands_of(probability, head.positive_from)
    for split, rows in (("out of fold", use), ("val", val)):
        log.info("thresholds alone, %s: %s", split, clinical(positive[rows], commands[rows].astype(bool)))


def _departments(run: Run) -> None:
    done = run.folder / "departments.npz"
    if done.exists():
        return
    seen, concepts = load_seen(run), load_targets(run)
    if seen.texture is None or not concepts.wordings.size:
        log.info("no detector, or no sentence that is common: words are the same for all departments")
        np.savez(done, coordinates=np.zeros((len(run.rows), COORDINATES), np.float32))
        return
    pack, graph = films.packed(run.folder / "pack"), run.folder / "bundle" / DETECTOR
    taught = np.flatnonzero(run.teachers[run.film_study]).tolist()
    seeds = range(run.config.seed, run.config.seed + _EXPORTS)
    textures = (detector.textures(graph, pack, taught, seed) for seed in seeds)
    exported = [_by_study(run, film, seen.outputs.lateral > 0) for film in textures]
    coordinates, found = department.fit(seen.texture, concepts.wordings, run.teachers, run.config.seed, exported)
    arrays: dict[str, Any] = {"coordinates": coordinates, **found}
    np.savez(done, **arrays)


def load_departments(run: Run) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(studies, S) coordinates, teachers out of fold, and the arrays of ``model.department`` (none without)."""
    with np.load(run.folder / "departments.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    return arrays.pop("coordinates"), arrays


def new_decoder(config: Config, vocabulary: int) -> ReportDecoder:
    """A decoder of the configuration that has learned nothing."""
    c = config.decoder
    findings = len(LABELS) + len(FURTHER)
    return ReportDecoder(vocabulary, findings, c.width, c.layers, c.heads, c.dropout, c.max_tokens)


def _recall(decoder: ReportDecoder, path: Path) -> None:
    """Give a decoder the weights that an earlier phase has left."""
    try:
        decoder.load_state_dict(load_file(path))
    except RuntimeError as error:  # torch's word for other names or shapes
        raise UsageError(f"{path} is of another configuration or version; remove it and run again") from error


@dataclass(frozen=True)
class Asking:
    """What the networks' findings ask of the words: ``stored``, the arrays of the stage ``findings``."""

    stored: Mapping[str, np.ndarray]

    @property
    def probability(self) -> np.ndarray:
        """(studies, 14 + E), teachers out of fold."""
        return np.concatenate((self.stored["probability"], self.stored["further_probability"]), 1)

    def __call__(self, probability: np.ndarray, spine: np.ndarray) -> np.ndarray:
        """(N, 14 + E) probabilities and (N,) whose spine may be called degenerated → ``model.findings.asked_of``."""
        labels, more = probability[:, : len(LABELS)], probability[:, len(LABELS) :]
        commands = commands_of(labels, self.stored["positive_from"])
        likely = labels >= uncertain_of(self.stored)
        devices = commands[:, LABELS.index("Support Devices")] > 0
        each = zip(more, devices, strict=True)
        told = np.array([among(told_of(own, self.stored, bool(device)) or frozenset()) for own, device in each])
        return asked_of(commands, likely, told, spine)


def load_asking(run: Run) -> Asking:
    """Of the stage ``findings``."""
    path = run.folder / "findings.npz"
    with np.load(path, allow_pickle=False) as stored:
        if "indication_weight" not in stored or stored["further_probability"].shape[1] != len(FURTHER):
            raise UsageError(f"{path} is of an earlier version; remove it and run again")
        return Asking(dict(stored))


def memory_of(profile: consensus.Profile, asked: np.ndarray) -> Memory:
    """What the decoder reads of studies: asked (N, 14 + E + 1) (``model.findings.asked_of``)."""
    odds = torch.from_numpy(log_odds(profile.probability))
    return Memory(odds, torch.from_numpy(asked), torch.from_numpy(profile.department.astype(np.float32)))


def _decoder(run: Run) -> None:
    config = run.config.decoder
    seen = load_seen(run)
    asking = load_asking(run)
    probability = asking.probability
    worn = seen.worn(load_targets(run).names)
    asked = asking(probability, worn)
    taught = np.array([bool(row.findings) for row in run.rows]) & run.teachers
    teachers = [row for row, ok in zip(run.rows, taught, strict=True) if ok]
    profile = consensus.Profile(probability, load_departments(run)[0])
    memory = memory_of(profile, asked)
    path = run.folder / "vocabulary.json"
    if path.exists():
        tokenizer = Tokenizer.load(path)
    else:
        texts = [lessons.teaching_text(row, None, 0) for row in teachers]
        tokenizer = Tokenizer.learn((s for f, i in texts for s in (*f, *i)), config.min_word, sorted(beside()))
        tokenizer.save(path)
    protocol = R2GenProtocol(R2GenVocabulary.from_reports(r.findings or "" for r in run.rows if r.split == "train"))
    lesson = lessons.lesson_of(
        teachers,
        memory.rows(taught),
        tokenizer,
        config.max_tokens,
        protocol.reference,
    )
    val = np.array([row.split == "val" for row in run.rows])
    judge = Judge.of(run.rows, val, memory, truth_of(run)[0], tokenizer, protocol, config.max_tokens)
    torch.manual_seed(run.config.seed)
    decoder = new_decoder(run.config, len(tokenizer))
    words = run.folder / "decoder-words.safetensors"
    if words.exists():
        _recall(decoder, words)
    else:
        compose.teach(decoder, lesson, config, run.config.seed, run.folder / "checkpoints" / "words.pt", judge)
        save_file(decoder.state_dict(), words)
    agreed = run.folder / "decoder-consensus.safetensors"
    if agreed.exists():
        _recall(decoder, agreed)
    else:
        known = profile[taught]
        more, pairs = consensus.between(known, config.between, run.config.seed)
        own = np.arange(len(known))
        each = np.concatenate((own, pairs[:, 0]))
        points = known + more
        wanted = asking(points.probability, worn[taught][each])
        agreement = consensus.agree(
            known,
            consensus.Pupils.of([*own[:, None].tolist(), *pairs.tolist()], points, wanted),
            [lessons.teaching_text(row, tokenizer, config.max_tokens) for row in teachers],
            (lesson.texts, lesson.impressions),
            protocol.hypothesis,
            config,
            workers=torch.get_num_threads(),
        )
        log.info("consensus: %d reports taught of %d", len({tuple(f) for f, _ in agreement}), len(agreement))
        pupils = memory_of(points, wanted)
        taught_again = replace(
            lesson,
            odds=pupils.odds,
            department=pupils.department,
            tokens=lessons.tokens_of(agreement, tokenizer),
            truth=pupils.asked,
            guess=pupils.asked,
        )
        phase = replace(config, epochs=config.consensus_epochs)
        place = run.folder / "checkpoints" / "consensus.pt"
        compose.teach(decoder, taught_again, phase, run.config.seed, place, judge, "consensus")
        save_file(decoder.state_dict(), agreed)
    done = run.folder / "decoder.safetensors"
    if not done.exists():
        rewards = compose.Rewards(tokenizer, protocol.hypothesis, lesson, config)
        compose.self_critical(
            decoder, lesson, rewards, config, run.config.seed, run.folder / "checkpoints" / "scst.pt", judge
        )
        if not config.told_odds:
            decoder.forget(torch.from_numpy(log_odds(probability[taught].mean(0))).float())
            judge(decoder, "without the odds")
        save_file(decoder.state_dict(), done)


def _zones(run: Run, seen: Seen, pack: np.ndarray, frontal: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of ``model.zones``: from the first frontal film of each teacher, out of fold."""
    use = np.flatnonzero(run.teachers & (seen.studies.films[:, 0] >= 0))
    first = seen.studies.films[use, 0]
    means = zones.films_means(pack, seen.scale.maps(seen.outputs.maps[first]), first, frontal)
    return zones.fit(means, zones.zone_statements([run.rows[i] for i in use]))


def _place_scale(seen: Seen, taught: Sequence[int]) -> dict[str, np.ndarray]:
    """Mean and deviation of each label's places over the teachers' frontal films, as the shipped networks have them."""
    frontal = [f for f in taught if seen.outputs.lateral[f] < 0]
    cells = seen.outputs.places[frontal].astype(np.float32)
    more, times = seen.places
    return {"place_mean": cells.mean((0, 2, 3)) + more, "place_sd": cells.std((0, 2, 3)) * times}


def _ngrams(run: Run, tokenizer: Tokenizer) -> np.ndarray:
    """The array of ``model.ngrams``: of the sentences that the decoder was taught, our own among them."""
    rows = [row for row, ok in zip(run.rows, run.teachers, strict=True) if ok]
    texts = (lessons.teaching_text(row, None, 0) for row in rows)
    said = chain(beside(), (s for part in texts for s in chain(*part)))
    known = {tokens for s in said if (tokens := tuple(tokenizer.encode(s) or ()))}
    return ngrams.Ngrams.of(known, tokenizer.full_stop).filter


def _far(run: Run, seen: Seen) -> dict[str, np.ndarray]:
    """The arrays of ``model.novelty``."""
    study, lateral = run.film_study, seen.outputs.lateral
    arrays = novelty.fit(seen.outputs.vector, lateral, run.teachers[study], study, run.config.seed)
    if seen.vectors is None:
        return arrays
    return novelty.finished(arrays, seen.vectors, lateral, run.teachers[study])


def _export(run: Run) -> None:
    """The bundle of the run, complete but for its card's figures."""
    bundle = run.folder / "bundle"
    config = run.config
    seen = load_seen(run)
    concepts = load_targets(run)
    tokenizer = Tokenizer.load(run.folder / "vocabulary.json")
    decoder = new_decoder(config, len(tokenizer))
    _recall(decoder, run.folder / "decoder.safetensors")
    export.export_decoder(decoder, bundle)
    tokenizer.save(bundle / "vocabulary.json")
    with np.load(run.folder / "findings.npz", allow_pickle=False) as stored:
        kept = ("weight", "bias", "uncertain_from", "positive_from", "look_from")
        more = ("further_weight", "further_bias", "further_from", "indication_weight", "indication_mean")
        arrays = {k: stored[k] for k in (*kept, *more)}
        words = stored["indication_words"].tolist()
    positive, known = truth_of(run)
    taught = np.flatnonzero(run.teachers[run.film_study]).tolist()
    pack = films.packed(run.folder / "pack")
    frontal, lateral = mean_films(pack, seen.outputs.lateral > 0, taught, config.seed)
    spine = seen.spine_from(concepts.names)
    arrays |= {
        "logit_mean": seen.shipped.logit_mean,
        "logit_sd": seen.shipped.logit_sd,
        "map_mean": seen.shipped.map_mean,
        "map_sd": seen.shipped.map_sd,
        "frame_frontal": frontal,
        "frame_lateral": lateral,
        "prior": positive[run.teachers & known].mean(0),
        **seen.detector_arrays,
        **load_departments(run)[1],
        ngrams.ARRAY: _ngrams(run, tokenizer),
        **_place_scale(seen, taught),
        **({} if spine is None else {"spine_from": spine[1]}),
        **_zones(run, seen, pack, frontal),
        **_far(run, seen),
    }
    shape = {k: getattr(config.decoder, k) for k in ("width", "layers", "heads", "max_tokens")}
    settings = {
        "name": config.name,
        "version": config.version,
        "indication": words,
        "input": {"size": config.encoder.size, "preprocessing": "squash, stretch 0.5-99.5 %"},
        "decoder": {**shape, "options": {"beams": config.decoder.beams}},
        "provenance": {
            "commit": export.commit(),
            "configuration": config.digest(),
            "log": _log_digest(run),
            "seed": config.seed,
            "finished_on": run.taught_ids if run.finishes else "",
            "teachers": int(run.teachers.sum()),
        },
    }
    export.write_bundle(bundle, arrays, concepts.names, settings, export.card(config, run.folder))


def _log_digest(run: Run) -> str:
    path = run.folder / "train.log"
    return digest(path) if path.exists() else ""


STAGES = {
    "pack": _pack,
    "detector": _detector,
    "warmup": _warm_up,
    "targets": _targets,
    "encoder": _encoder,
    "finish": _finish,
    "places": _places,
    "outputs": _outputs,
    "findings": _findings,
    "departments": _departments,
    "decoder": _decoder,
    "export": _export,
}


def run_stages(config: Config, only: str | None = None, fold: int | None = None, threads: int | None = None) -> None:
    """Run all stages, or the one named; of the encoders all, or that of the fold named (one process each).

    Raises:
        UsageError: there is no such stage, the manifest has no study to learn from, or there is nothing to continue.
    """
    if only is not None and only not in STAGES:
        raise UsageError(f"there is no stage '{only}'; they are {', '.join(STAGES)}")
    earlier = config.encoder.continued
    if earlier and not any(any(Path(earlier).glob(name)) for name in ("bundle.json", "encoder*.safetensors")):
        raise UsageError(f"{earlier} is neither a bundle nor a run with encoders; correct encoder.continued")
    if threads:
        torch.set_num_threads(threads)
    run = Run.open(config, fold)
    if run.finishes and (~run.teachers).sum() < 2:
        raise UsageError(
            f"{config.data.manifest} has no two studies that teach nothing (split val), by which finished networks are"
            " brought to scale; add some or set encoder.finish_epochs = 0"
        )
    if fold is not None and fold not in run.networks:
        raise UsageError(f"there is no network {fold}; they are 0 to {run.networks[-1]}")
    (run.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (run.folder / "config.json").write_text(json.dumps({"digest": config.digest()}))
    torch.manual_seed(config.seed)
    keep = logging.FileHandler(run.folder / "train.log")
    keep.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(keep)
    for name, stage in STAGES.items():
        if only in (None, name):
            log.info("stage %s", name)
            try:
                stage(run)
            except FileNotFoundError as error:
                if str(run.folder) not in str(error):
                    raise
                raise UsageError(
                    f"stage '{name}' needs what an earlier stage writes ({error}); run that one first"
                ) from error
