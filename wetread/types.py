"""The nouns of the project: Study, View, Report, Finding, Evidence, Sentence, Draft.

All are frozen dataclasses. ``Draft.to_json`` writes the schema ``wetread.draft/1``, which is a contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

__all__ = [
    "DOUBTFUL_BELOW",
    "LABELS",
    "MICRO5",
    "SCHEMA",
    "Box",
    "Draft",
    "Evidence",
    "Finding",
    "ModelInfo",
    "Projection",
    "Report",
    "Section",
    "Sentence",
    "SimilarCase",
    "State",
    "Study",
    "Triage",
    "View",
]

SCHEMA = "wetread.draft/1"

#: The 14 labels of CheXpert (Irvin et al. 2019, table 1), in the order of its files.
LABELS = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
)

#: The five labels of the CheXpert competition, used by micro-5 and macro-5.
MICRO5 = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")

Projection = Literal["frontal", "lateral", "unknown"]
Section = Literal["findings", "impression"]
State = Literal["positive", "uncertain", "negative"]
Side = Literal["left", "right", "bilateral"]
#: What a reader decides of a finding: its state, or that it is there and on which side.
Decision = State | Side
Box = tuple[int, int, int, int]

#: What a reader's decision amounts to as a probability.
_DECIDED: Mapping[State, float] = {"positive": 1.0, "uncertain": 0.5, "negative": 0.0}


@dataclass(frozen=True)
class View:
    """One film.

    Attributes:
        file: where it came from, as the user named it.
        pixels: (rows, columns) float32 in [0, 1], presentation values as stored in orientation and size;
            bright means dense (bone is white), whatever the photometric interpretation was.
        projection: frontal, lateral or unknown.
        header: the few facts of the header that drafting may use, by DICOM keyword
            (``PatientAge``, ``PatientSex``, ``BodyPartExamined``, ``ViewPosition``, ``Modality``,
            ``StudyInstanceUID``, ``SOPInstanceUID``, ``PixelSpacing``); empty for a plain picture.
        warnings: what reading noticed (child, cut at the edge, ...), one sentence each.
    """

    file: str
    pixels: np.ndarray
    projection: Projection = "unknown"
    header: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def columns(self) -> int:
        return int(self.pixels.shape[1])


@dataclass(frozen=True)
class Study:
    """What is read at one time: one or more views of one patient, with the words that came with the request.

    ``decided``: what the reader has decided of findings (``report.decisions``); the draft is held to it.
    """

    study_id: str
    views: tuple[View, ...]
    indication: str | None = None
    comparison: str | None = None
    decided: Mapping[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A report by its sections; an absent section is None."""

    findings: str | None = None
    impression: str | None = None
    indication: str | None = None
    comparison: str | None = None


@dataclass(frozen=True)
class Finding:
    """A label's calibrated probability and its state: under the bundle's thresholds, or as the reader decides.

    ``by_model``: the state that the model gives, where a decision of the reader, or what follows from one, stands in
    its place; else None.
    """

    probability: float
    uncertain_from: float
    positive_from: float
    state: State
    by_model: State | None = None

    @property
    def held(self) -> float:
        """The probability that words are held to: the model's, or what the reader's decision amounts to."""
        return self.probability if self.by_model is None else _DECIDED[self.state]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; ``by_model`` only where a reader has decided."""
        return {k: v for k, v in asdict(self).items() if v is not None}


@dataclass(frozen=True)
class Evidence:
    """Where a sentence comes from: a box (x0, y0, x1, y1) in pixels of the view as stored, x right, y down."""

    view: int
    box: Box
    kind: Literal["seen", "searched"]


#: A sentence of less confidence is shown as doubtful; ``benchmarks/confidence.py`` tells how many of these are wrong.
DOUBTFUL_BELOW = 0.5


@dataclass(frozen=True)
class Sentence:
    """One sentence of the draft with its labels, confidence in [0, 1] and evidence."""

    section: Section
    text: str
    labels: tuple[str, ...]
    confidence: float
    evidence: tuple[Evidence, ...]

    @property
    def doubtful(self) -> bool:
        """Whether a reader should look at it first."""
        return self.confidence < DOUBTFUL_BELOW


@dataclass(frozen=True)
class SimilarCase:
    study_id: str
    score: float


@dataclass(frozen=True)
class ModelInfo:
    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Triage:
    """Whether a study may wait: ``score`` is the probability that something is found.

    ``look_from`` keeps 99 % of the abnormal studies that the model was calibrated on at or above it.
    """

    score: float
    look_from: float

    @property
    def state(self) -> Literal["normal", "look first"]:
        return "look first" if self.score >= self.look_from else "normal"


@dataclass(frozen=True)
class Draft:
    """A drafted report; see ``to_json`` for the schema. ``triage`` is None where the bundle has no threshold for it.

    ``decided``: the findings that the reader had decided, as ``Study`` has them.
    """

    study_id: str
    model: ModelInfo
    views: tuple[Mapping[str, Any], ...]
    findings: str
    impression: str
    sentences: tuple[Sentence, ...]
    labels: Mapping[str, Finding]
    triage: Triage | None = None
    similar: tuple[SimilarCase, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    decided: Mapping[str, Decision] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The draft as plain JSON values, in the order of the schema ``wetread.draft/1``."""
        return {
            "schema": SCHEMA,
            "study_id": self.study_id,
            "model": asdict(self.model),
            "views": [dict(v) for v in self.views],
            "findings": self.findings,
            "impression": self.impression,
            "sentences": [
                {
                    "section": s.section,
                    "text": s.text,
                    "labels": list(s.labels),
                    "confidence": s.confidence,
                    "evidence": [{"view": e.view, "box": list(e.box), "kind": e.kind} for e in s.evidence],
                }
                for s in self.sentences
            ],
            "labels": {name: f.to_json() for name, f in self.labels.items()},
            "triage": {**asdict(self.triage), "state": self.triage.state} if self.triage else None,
            "similar": [asdict(c) for c in self.similar],
            "warnings": list(self.warnings),
            "seconds": dict(self.seconds),
            **({"decided": dict(self.decided)} if self.decided else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Draft:
        """The inverse of ``to_json``. Raises KeyError or TypeError where the value is no draft."""
        return cls(
            study_id=value["study_id"],
            model=ModelInfo(**value["model"]),
            views=tuple(value["views"]),
            findings=value["findings"],
            impression=value["impression"],
            sentences=tuple(
                Sentence(
                    section=s["section"],
                    text=s["text"],
                    labels=tuple(s["labels"]),
                    confidence=s["confidence"],
                    evidence=tuple(Evidence(e["view"], tuple(e["box"]), e["kind"]) for e in s["evidence"]),
                )
                for s in value["sentences"]
            ),
            labels={name: Finding(**f) for name, f in value["labels"].items()},
            triage=Triage(triage["score"], triage["look_from"]) if (triage := value.get("triage")) else None,
            similar=tuple(SimilarCase(**c) for c in value["similar"]),
            warnings=tuple(value["warnings"]),
            seconds=dict(value["seconds"]),
            decided=dict(value.get("decided", {})),
        )
