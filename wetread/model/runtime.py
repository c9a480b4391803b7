"""The networks on onnxruntime: what is in the films, and the next word.

``FilmReader``, ``Detector`` and ``Writer`` are the seams: anything with the same call can stand in for them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wetread.errors import BundleError
from wetread.model.bundle import Bundle
from wetread.model.detector import Found
from wetread.model.findings import log_odds
from wetread.types import LABELS

__all__ = [
    "BOTH_SD",
    "Detector",
    "FilmReader",
    "OnnxDetector",
    "OnnxFilmReader",
    "OnnxWriter",
    "Seen",
    "StudyMemory",
    "Writer",
    "label_places",
    "scaled_cells",
]


#: Standard deviation of the mean of a label's own map and its places, where each has one of 1 (.83 to .96 by label).
BOTH_SD = 0.9


@dataclass(frozen=True)
class Seen:
    """What is in the films of a study.

    logits (V, C) and maps (V, C, 14, 14) of the concepts, lateral (V,) logit that a film is lateral, vector (V, D),
    places (V, 14, 14, 14) where each label lies in a frontal film; None: only the maps tell.
    """

    logits: np.ndarray
    maps: np.ndarray
    lateral: np.ndarray
    vector: np.ndarray
    places: np.ndarray | None = None

    @classmethod
    def of(cls, parts: Sequence[Seen]) -> Seen:
        """The films of several, one after another."""
        places = [part.places for part in parts if part.places is not None]
        return cls(
            np.concatenate([part.logits for part in parts]),
            np.concatenate([part.maps for part in parts]),
            np.concatenate([part.lateral for part in parts]),
            np.concatenate([part.vector for part in parts]),
            np.concatenate(places) if places else None,
        )


class FilmReader(Protocol):
    """Films (V, 1, S, S) float32 in [0, 1] → what is in them."""

    size: int

    def __call__(self, films: np.ndarray) -> Seen: ...


@dataclass(frozen=True)
class StudyMemory:
    """What the writer reads of one study.

    odds (1, F) of its findings (``findings.log_odds``), asked (1, F + 1) of the text (``findings.asked_of``),
    department (1, S) whose words it is written in (``department``).
    """

    odds: np.ndarray
    asked: np.ndarray
    department: np.ndarray

    @classmethod
    def of(cls, probability: np.ndarray, asked: np.ndarray, department: np.ndarray) -> StudyMemory:
        """Of (F,) probabilities, (F + 1,) what is asked and (S,) the department."""
        return cls(log_odds(probability)[None], asked[None], department[None])


class Writer(Protocol):
    """The decoder: ``start`` reads a study's memory, ``step`` gives the logits of each report's next token."""

    limit: int

    def start(self, memory: StudyMemory, beams: int) -> None: ...

    def step(self, tokens: np.ndarray, parents: np.ndarray) -> np.ndarray: ...


class Detector(Protocol):
    """Films (V, 1, 256, 256) float32 in [0, 1] → what is found in them."""

    def __call__(self, films: np.ndarray) -> Found: ...


def _session(path: Path, threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or min(4, len(os.sched_getaffinity(0)))
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A spinning pool would take a core from whoever works beside us.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0" if threads else "1")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no public base class of its errors
        raise BundleError(f"{path} cannot be run ({error}); export the bundle again") from error


class OnnxFilmReader:
    """The bundle's encoders; their mean."""

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        self.size = int(bundle.index["input"]["size"])
        self._sessions = [_session(path, threads) for path in bundle.encoders]
        if not self._sessions:
            raise BundleError(f"the model bundle {bundle.folder} has no encoder; export it again")

    def __call__(self, films: np.ndarray) -> Seen:
        names = [output.name for output in self._sessions[0].get_outputs()]
        outputs = [dict(zip(names, s.run(names, {"film": films}), strict=True)) for s in self._sessions]
        means = {name: np.mean([o[name] for o in outputs], 0) for name in names if name != "vector"}
        # The networks' spaces differ: their vectors stand side by side.
        return Seen(**means, vector=np.concatenate([o["vector"] for o in outputs], 1))


class OnnxDetector:
    """A detector by its file."""

    def __init__(self, graph: Path, threads: int | None = None) -> None:
        self._session = _session(graph, threads)

    def __call__(self, films: np.ndarray) -> Found:
        return Found(*self._session.run(list(Found._fields), {"film": films}))


class OnnxWriter:
    """The bundle's decoder with its key/value cache."""

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        self.limit = int(bundle.index["decoder"]["max_tokens"])
        self._bundle, self._threads = bundle, threads
        shape = bundle.index["decoder"]
        self._layers, self._heads = int(shape["layers"]), int(shape["heads"])
        self._head_width = int(shape["width"]) // self._heads

    @cached_property
    def _memory(self) -> Any:
        return _session(self._bundle.folder / "memory.onnx", self._threads)

    @cached_property
    def _decoder(self) -> Any:
        return _session(self._bundle.folder / "decoder.onnx", self._threads)

    def start(self, memory: StudyMemory, beams: int) -> None:
        """Read a study for ``beams`` reports written side by side."""
        (cross,) = self._memory.run(["cross"], vars(memory))
        self._cross = np.repeat(cross, beams, 2)
        self._past = np.zeros((self._layers, 2, beams, self._heads, 0, self._head_width), np.float32)
        self._place = 0

    def step(self, tokens: np.ndarray, parents: np.ndarray) -> np.ndarray:
        """Append tokens (B,) to reports, each continuing the report ``parents`` (B,) → logits (B, vocabulary)."""
        if not np.array_equal(parents, np.arange(len(parents))):
            self._past = np.ascontiguousarray(self._past[:, :, parents])
        feed = {
            "token": tokens.astype(np.int64),
            "place": np.array([self._place], np.int64),
            "past": self._past,
            "cross": self._cross,
        }
        logits, self._past = self._decoder.run(["logits", "present"], feed)
        self._place += 1
        return logits


def label_places(seen: Seen, lateral: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(V, 14, 14, 14) where each label lies, in standard deviations over the teachers' films.

    On a frontal film the mean of the label's own map and its places, where there are any, scaled; else the map.

    Args:
        lateral: (V,) bool.
    """
    n = len(LABELS)
    maps = _standard(seen.maps[:, :n], arrays["map_mean"][:n], arrays["map_sd"][:n])
    if seen.places is None:
        return maps
    places = _standard(seen.places, arrays["place_mean"], arrays["place_sd"])
    return np.where(lateral[:, None, None, None], maps, (maps + places) / 2 / BOTH_SD)


def _standard(maps: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    return (maps - mean[:, None, None]) / sd[:, None, None]


def scaled_cells(maps: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Maps (V, C, 14, 14) → (V, C, 7, 7): 2×2 cells averaged, in standard deviations of the teachers' maps."""
    pooled = maps.reshape(*maps.shape[:2], 7, 2, 7, 2).mean((3, 5))
    return _standard(pooled, arrays["map_mean"], arrays["map_sd"])
