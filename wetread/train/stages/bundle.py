"""All that was learned as one bundle: the stage export."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from wetread.model import ngrams
from wetread.model.bundle import digest
from wetread.model.tokenizer import Tokenizer
from wetread.report.stock import beside
from wetread.train import export, films, lessons, novelty, zones
from wetread.train.mean_films import mean_films
from wetread.train.stages.run import Run, load_targets, truth_of
from wetread.train.stages.seen import Seen, load_seen
from wetread.train.stages.words import load_departments, new_decoder, recall

__all__ = ["export_bundle"]


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


def export_bundle(run: Run) -> None:
    """The bundle of the run, complete but for its card's figures."""
    bundle = run.folder / "bundle"
    config = run.config
    seen = load_seen(run)
    concepts = load_targets(run)
    tokenizer = Tokenizer.load(run.folder / "vocabulary.json")
    decoder = new_decoder(config, len(tokenizer))
    recall(decoder, run.folder / "decoder.safetensors")
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
