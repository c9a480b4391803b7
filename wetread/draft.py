"""THE pipeline: a study in, a draft out. Command line, batch, room and gateway call it; nothing else makes a report."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from wetread import ground
from wetread.confidence import confidence
from wetread.decode import DecodingOptions, DecodingResult, Written, write
from wetread.image.thorax import Frame
from wetread.image.transforms import RASTER, to_input
from wetread.model.bundle import Bundle
from wetread.model.department import COORDINATES, department_of
from wetread.model.detector import Found, chances, found_input
from wetread.model.findings import (
    CLIP,
    asked_of,
    findings_of,
    further_of,
    fuse,
    head_input,
    probabilities,
    told_of,
    triage_of,
    worn_spine,
)
from wetread.model.indication import moved, shift
from wetread.model.ngrams import ARRAY, Ngrams
from wetread.model.novelty import is_far, novelty
from wetread.model.runtime import (
    Detector,
    FilmReader,
    OnnxDetector,
    OnnxFilmReader,
    OnnxWriter,
    Seen,
    StudyMemory,
    Writer,
    label_places,
    scaled_cells,
)
from wetread.model.tokenizer import Tokenizer
from wetread.model.zones import ZONES, zone_chances, zone_means
from wetread.obey import obey, put_low, put_several, put_sides, put_silent_sites
from wetread.report.checks import prior_known, repair_report
from wetread.report.decisions import decide, decisions, differences, sides
from wetread.report.further import FURTHER, KINDS, among
from wetread.similar import Index
from wetread.types import LABELS, Decision, Draft, Finding, Section, Sentence, SimilarCase, Study

__all__ = ["Drafted", "Drafter", "Look", "canonical_order"]

#: Places of a film in which the detector finds nodules, from which they are called multiple: of the teachers with a
#: likely lesion 8 have as many, 6 of these a lesion, 4 several by their reports' codes (``docs/log.md``).
MANY = 4
_FAR = "These films look unlike those that the model has learned from; its findings are less to be trusted."
_NO_FRONTAL = "All films are lateral views: heart, mediastinum and sides are not to be judged by them alone."


def _changed(by_films: Mapping[str, Finding], told: Mapping[str, Finding]) -> Iterator[str]:
    for name, film in by_films.items():
        if film.state != told[name].state:
            yield f"{name} is {told[name].state} with the indication, {film.state} by the films alone."


def canonical_order(study: Study) -> list[int]:
    """The views by the hash of their pixels: the order of the files must not matter."""
    keys = []
    for view in study.views:
        key = hashlib.sha256(repr(view.pixels.shape).encode())
        key.update(np.ascontiguousarray(view.pixels).data)
        keys.append(key.digest())
    return sorted(range(len(keys)), key=lambda i: keys[i])


@dataclass(frozen=True)
class Look:
    """What the networks see in a study, by film in canonical order; the findings; how far it is from what they know.

    ``order``: the study's views, as they were read (``canonical_order``). ``worn_spine``: see ``model.findings``.
    ``frames``: where the chest lies on each view, in the study's order. ``zones`` (14, 3): the chance of each zone of
    the lungs for each label, or None (``model.zones``).
    ``spots`` (V, K, 64, 64): the detector's chances, in the study's order; None where the bundle has none.
    ``further`` (E,): the probabilities of findings beyond the 14 labels (``report.further``); E is 0 without any.
    ``many``: whether the detector finds nodules in many places; None where the bundle has none.
    ``department`` (S,): whose words the report is written in (``model.department``).
    ``changed``: the findings whose state the indication or the reader's decision changes, a sentence each.
    ``novelty`` is None, and ``far`` False, where the bundle cannot tell (``wetread.model.novelty``).
    """

    seen: Seen
    labels: dict[str, Finding]
    order: tuple[int, ...]
    frames: tuple[Frame, ...]
    zones: np.ndarray | None
    worn_spine: bool = True
    novelty: float | None = None
    far: bool = False
    spots: np.ndarray | None = None
    further: np.ndarray = field(default_factory=lambda: np.zeros(0))
    many: bool | None = None
    changed: tuple[str, ...] = ()
    department: np.ndarray = field(default_factory=lambda: np.zeros(COORDINATES, np.float32))


@dataclass(frozen=True)
class Drafted:
    """A draft with what it was made from: the study, and the heat maps of each sentence."""

    draft: Draft
    study: Study
    heat: tuple[tuple[ground.HeatMap, ...], ...]


class Drafter:
    """A loaded bundle.

    Args:
        bundle: the verified model bundle.
        reader, writer, detector: stand-ins for the bundle's own networks (``FilmReader``, ``Writer``, ``Detector``).
        options: how the report is written; by default the bundle's own choice.
        index: the user's own cases, of which the draft names the most similar.
        threads: of onnxruntime; default: one per core, at most four.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        reader: FilmReader | None = None,
        writer: Writer | None = None,
        detector: Detector | None = None,
        options: DecodingOptions | None = None,
        index: Index | None = None,
        threads: int | None = None,
    ) -> None:
        self.bundle, self.index = bundle, index
        self._reader, self._writer, self._detector, self._threads = reader, writer, detector, threads
        self.options = options or DecodingOptions(**bundle.index["decoder"].get("options", {}))

    @classmethod
    def load(
        cls, path: str | Path | None = None, *, index: str | Path | None = None, threads: int | None = None
    ) -> Drafter:
        """Load a bundle, the shipped one by default, and an index of similar cases where one is named.

        Raises:
            BundleError: it is absent, damaged or of another format, or the index was made with another.
            InputError: there is no index there.
        """
        bundle = Bundle.load(path)
        return cls(bundle, index=Index.open(index, bundle.info) if index else None, threads=threads)

    @cached_property
    def reader(self) -> FilmReader:
        return self._reader or OnnxFilmReader(self.bundle, self._threads)

    @cached_property
    def detector(self) -> Detector | None:
        """The bundle's detector, if it has one."""
        path = self.bundle.detector
        return None if path is None else self._detector or OnnxDetector(path, self._threads)

    @cached_property
    def writer(self) -> Writer:
        return self._writer or OnnxWriter(self.bundle, self._threads)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer.load(self.bundle.folder / "vocabulary.json")

    @cached_property
    def ngrams(self) -> Ngrams | None:
        """The n-grams that the decoder keeps to; None where the bundle has none."""
        stored = self.bundle.arrays.get(ARRAY)
        return None if stored is None else Ngrams(stored, self.tokenizer.full_stop)

    def draft(
        self,
        study: Study | Sequence[str | Path],
        *,
        indication: str | None = None,
        comparison: str | None = None,
        study_id: str | None = None,
        decided: Mapping[str, Decision] | None = None,
    ) -> Draft:
        """Draft the report of a study, given as a ``Study`` or as its files.

        Args:
            decided: what the reader has decided, by label: its state, or the side where it is; the words follow.

        Raises:
            InputError: a file cannot be read, or is no chest radiograph (``NotAChestFilm``).
            UsageError: something is decided that is no finding, or no state or side of one.
        """
        return self.draft_with_heat(
            study, indication=indication, comparison=comparison, study_id=study_id, decided=decided
        ).draft

    def draft_with_heat(
        self,
        study: Study | Sequence[str | Path],
        *,
        indication: str | None = None,
        comparison: str | None = None,
        study_id: str | None = None,
        decided: Mapping[str, Decision] | None = None,
    ) -> Drafted:
        """As ``draft``, with the heat maps for a picture."""
        start = time.perf_counter()
        if not isinstance(study, Study):
            from wetread.image.read import read_study

            study = read_study(study, study_id=study_id, indication=indication, comparison=comparison)
        study = replace(study, decided=decisions(study.decided if decided is None else decided))
        read = time.perf_counter()
        look = self.look(study)
        encoded = time.perf_counter()
        findings, impression, notes = self.words(study, look)
        decoded = time.perf_counter()
        sentences, heat = self._sentences(study, look, findings, impression)
        draft = Draft(
            study_id=study.study_id,
            model=self.bundle.info,
            views=tuple(
                {"file": v.file, "projection": v.projection, "rows": v.rows, "columns": v.columns} for v in study.views
            ),
            findings=" ".join(w.text for w in findings),
            impression=" ".join(w.text for w in impression),
            sentences=sentences,
            labels=look.labels,
            triage=triage_of(look.labels, self.bundle.arrays),
            similar=self._similar(study, look),
            warnings=(
                *dict.fromkeys(w for v in study.views for w in v.warnings),
                *((_FAR,) if look.far else ()),
                *((_NO_FRONTAL,) if (look.seen.lateral > 0).all() else ()),
                *look.changed,
                *notes,
            ),
            decided=study.decided,
        )
        end = time.perf_counter()
        seconds = {"read": read - start, "encode": encoded - read, "decode": decoded - encoded, "total": end - start}
        return Drafted(replace(draft, seconds=seconds), study, heat)

    def embed(self, study: Study) -> np.ndarray:
        """(d,) float32 of unit length: the concepts and the odds of the findings, for similar cases."""
        return self._embedding(self.look(study))

    def _embedding(self, look: Look) -> np.ndarray:
        arrays = self.bundle.arrays
        concepts = (look.seen.logits.mean(0) - arrays["logit_mean"]) / arrays["logit_sd"]
        findings = np.array([look.labels[name].probability for name in LABELS])
        chance, prior = (np.clip(p, 1e-4, 1 - 1e-4) for p in (findings, arrays["prior"]))
        odds = np.log(chance / (1 - chance)) - np.log(prior / (1 - prior))
        parts = [p / max(float(np.linalg.norm(p)), 1e-9) for p in (np.clip(concepts, -CLIP, CLIP), odds)]
        return (np.concatenate(parts) / np.sqrt(2)).astype(np.float32)

    def _similar(self, study: Study, look: Look) -> tuple[SimilarCase, ...]:
        if self.index is None:
            return ()
        return self.index.search(self._embedding(look), exclude=(study.study_id,))

    def look(self, study: Study) -> Look:
        """What is in the films, what the indication adds and the reader has decided, before a word is written."""
        order = canonical_order(study)
        # One film at a time: a batch's arithmetic may differ in the last bit by the company a film is in.
        seen = Seen.of([self.reader(to_input(study.views[i].pixels, self.reader.size)[None, None]) for i in order])
        arrays = self.bundle.arrays
        mean, gap = fuse(seen.logits, seen.lateral)
        read = head_input(mean, gap, arrays["logit_mean"], arrays["logit_sd"])
        found = self._found(study, order)
        if found is not None:
            read = np.concatenate((read, found_input(found, seen.lateral > 0, arrays)))
        chance, further = probabilities(read, arrays["weight"], arrays["bias"]), further_of(read, arrays)
        findings = findings_of(chance, arrays)
        changed: tuple[str, ...] = ()
        by = shift(study.indication, self.bundle.index.get("indication", ()), arrays)
        if by.any():
            by_films, further = findings, moved(further, by[len(LABELS) :])
            findings = findings_of(moved(chance, by[: len(LABELS)]), arrays)
            changed = tuple(_changed(by_films, findings))
        if study.decided:
            findings = decide(findings, decisions(study.decided))
            changed += tuple(differences(findings))
            if "No Finding" in study.decided and len(further):
                further = further * [name in KINDS for name in FURTHER]
        distance = novelty(seen.vector, seen.lateral, arrays)
        spine = worn_spine(mean, self.bundle.index["concepts"], arrays)
        place = np.argsort(order)  # from canonical order back to the study's
        lateral = (seen.lateral > 0)[place]
        frames = ground.frames_of(study.views, lateral, arrays)
        zones = self._zones(seen.maps[place], lateral, frames)
        far = is_far(distance, arrays)
        spots, many = None, None
        if found is not None:
            spots = chances(found.spots[place])
            many = ground.places_found(spots, "Lung Lesion", lateral, frames) >= MANY
        return Look(
            seen,
            findings,
            tuple(order),
            frames,
            zones,
            spine,
            distance,
            far,
            spots,
            further,
            many,
            changed,
            department_of(found, seen.lateral > 0, arrays),
        )

    def _found(self, study: Study, order: Sequence[int]) -> Found | None:
        if self.detector is None:
            return None
        each = [self.detector(to_input(study.views[i].pixels, RASTER)[None, None]) for i in order]
        return Found(*(np.concatenate(part) for part in zip(*each, strict=True)))

    def told(self, look: Look) -> frozenset[str] | None:
        """The findings beyond the 14 labels that are told; see ``model.findings.told_of``."""
        return told_of(look.further, self.bundle.arrays, look.labels["Support Devices"].state == "positive")

    def written(self, study: Study, look: Look) -> DecodingResult:
        """What the decoder writes, before it is held to the findings."""
        states = np.array([look.labels[name].state for name in LABELS])
        told = np.array(among(self.told(look) or frozenset()))
        asked = asked_of(states == "positive", states == "uncertain", told, np.array(look.worn_spine))
        labels = np.array([look.labels[name].held for name in LABELS])
        memory = StudyMemory.of(np.concatenate((labels, look.further)), asked, look.department)
        return write(self.writer, memory, self.tokenizer, self.options, self.ngrams)

    def words(self, study: Study, look: Look) -> tuple[list[Written], list[Written], list[str]]:
        """The sentences of FINDINGS and of IMPRESSION, and what was changed in what the decoder wrote."""
        labels = look.labels
        result = self.written(study, look)
        known_sides = sides(decisions(study.decided))
        obeyed = obey(result.findings, result.impression, labels, look.worn_spine, self.told(look), known_sides)
        lower = {} if look.zones is None else dict(zip(LABELS, look.zones[:, ZONES.index("lower")], strict=True))
        body = put_sides(obeyed.findings, known_sides, bool(look.many), "findings")
        conclusion = put_sides(obeyed.impression, known_sides, bool(look.many), "impression")
        body = put_low(body, labels, lower)
        conclusion = put_low(conclusion, labels, lower, body)
        if look.many is not None and "Lung Lesion" not in known_sides:
            body = put_several(body, look.many, "findings")
            conclusion = put_several(conclusion, look.many, "impression")
        body = put_silent_sites(body, labels)
        repaired = repair_report(
            [w.text for w in body],
            [w.text for w in conclusion],
            labels=labels,
            views=[{"projection": v.projection} for v in study.views],
            header=study.views[0].header,
            prior_given=bool(prior_known(study.comparison)),
        )
        known = {w.text: w for w in (*body, *conclusion)}
        findings, impression = (
            [known.get(text, Written(text, 0.0)) for text in texts]
            for texts in (repaired.findings, repaired.impression)
        )
        return findings, impression, [*obeyed.notes, *repaired.notes]

    def _zones(self, maps: np.ndarray, lateral: np.ndarray, frames: Sequence[Frame]) -> np.ndarray | None:
        """(14, 3) the chance of each zone for each label, by the frontal films; None without one."""
        frontal = np.flatnonzero(~lateral)
        if not len(frontal) or "zone_weight" not in self.bundle.arrays:
            return None
        scaled = scaled_cells(maps[frontal], self.bundle.arrays)
        means = [zone_means(own, frames[int(v)]) for own, v in zip(scaled, frontal, strict=True)]
        return zone_chances(np.mean(means, 0), self.bundle.arrays)

    def _sentences(
        self,
        study: Study,
        look: Look,
        findings: Sequence[Written],
        impression: Sequence[Written],
    ) -> tuple[tuple[Sentence, ...], tuple[tuple[ground.HeatMap, ...], ...]]:
        arrays, seen = self.bundle.arrays, look.seen
        place = np.argsort(look.order)  # from canonical order back to the study's
        side_on = seen.lateral > 0
        maps, lateral = label_places(seen, side_on, arrays)[place], side_on[place]
        sentences, heat = [], []
        sections: tuple[tuple[Section, Sequence[Written]], ...] = (("findings", findings), ("impression", impression))
        for section, words in sections:
            for written in words:
                names, evidence, heats = ground.evidence_of(
                    written.text, study.views, maps, lateral, look.frames, look.zones, look.spots
                )
                sure = confidence(written.text, written.log_probability, look.labels)
                sentences.append(Sentence(section, written.text, names, sure, evidence))
                heat.append(heats)
        return tuple(sentences), tuple(heat)
