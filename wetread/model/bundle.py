"""The model bundle: a folder that is sufficient to draft, and knows when it has been damaged.

bundle.json        names, versions, input, concepts, words of indications, how it was made; the SHA-256 of all files
encoder<k>.onnx    film (B, 1, S, S) → logits (B, C), maps (B, C, 14, 14), lateral (B,), vector (B, D)
detector.onnx      film (B, 1, 256, 256) → spots (B, K, 64, 64): nodules, opacities, lines …; features (B, P) and
                   texture (B, T) of the film; a bundle may have none
memory.onnx        a study's findings and department → keys and values of the decoder's memory
decoder.onnx       one token with a key/value cache
findings.safetensors   the findings head, thresholds, scales, what an indication adds, where findings are looked for
vocabulary.json    the decoder's words
CARD.md            the model card
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wetread.errors import BundleError
from wetread.model.department import COORDINATES
from wetread.model.detector import DRAWN
from wetread.report.further import FURTHER
from wetread.types import LABELS, ModelInfo

__all__ = ["DETECTOR", "FORMAT", "Bundle", "default_path", "digest"]

#: The version of this layout.
FORMAT = 5
_INDEX = "bundle.json"
#: The file of the detector.
DETECTOR = "detector.onnx"


def default_path() -> Path:
    """The bundle that ships with the package."""
    return Path(__file__).resolve().parent.parent / "models" / "default"


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: its folder, its index and its arrays."""

    folder: Path
    index: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    info: ModelInfo

    @property
    def encoders(self) -> list[Path]:
        return [self.folder / name for name in sorted(self.index["files"]) if name.startswith("encoder")]

    @property
    def detector(self) -> Path | None:
        """The graph of the detector; None in a bundle without one."""
        return self.folder / DETECTOR if DETECTOR in self.index["files"] else None

    @classmethod
    def load(cls, folder: str | Path | None = None) -> Bundle:
        """Read and verify a bundle (the shipped one by default).

        Raises:
            BundleError: it is absent, incomplete, damaged or of another format.
        """
        folder = default_path() if folder is None else Path(folder)
        path = folder / _INDEX
        try:
            raw = path.read_bytes()
            index = json.loads(raw)
        except FileNotFoundError as error:
            raise BundleError(f"there is no model bundle in {folder}: name one with --model") from error
        except (OSError, ValueError) as error:
            raise BundleError(f"{path} cannot be read ({error}); export the bundle again") from error
        if not isinstance(index, dict) or index.get("format") != FORMAT:
            raise BundleError(f"{path} is not of bundle format {FORMAT}; export it with this version of wetread")
        try:
            _verify(folder, index["files"])
            if tuple(index["labels"]) != LABELS:
                raise BundleError(f"{path} has other labels than CheXpert's 14; export it with this version of wetread")
            info = ModelInfo(index["name"], index["version"], hashlib.sha256(raw).hexdigest())
        except (KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{path} lacks {error}; export the bundle again") from error
        arrays = _arrays(folder / "findings.safetensors")
        sizes = {
            "mark_mean": 4 * len(DRAWN),
            "further_from": len(FURTHER),
            "texture_bias": COORDINATES,
            "kept_bias": COORDINATES,
        }
        if any(name in arrays and len(arrays[name]) != size for name, size in sizes.items()):
            raise BundleError(f"{folder} tells of other findings than this version; export it with this one")
        weight = arrays.get("indication_weight", np.zeros((0, 0)))
        if weight.shape[1] != len(index.get("indication", ())):
            raise BundleError(f"{path} has not the words that its weights are of; export the bundle again")
        return cls(folder, index, arrays, info)


def _verify(folder: Path, files: Mapping[str, str]) -> None:
    for name, expected in files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise BundleError(f"the model bundle {folder} lacks {name}; install or export it again")
        if digest(path) != expected:
            raise BundleError(f"{path} is damaged (its SHA-256 differs); install or export the bundle again")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise BundleError(f"{path} cannot be read ({error}); export the bundle again") from error
