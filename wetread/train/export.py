"""From a run to a bundle: ONNX graphs with half-precision weights, arrays, vocabulary, card, checksums."""

from __future__ import annotations

import json
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from wetread._version import __version__
from wetread.image.transforms import RASTER
from wetread.model.bundle import FORMAT, digest
from wetread.model.department import COORDINATES
from wetread.model.detector import Found
from wetread.train.config import Config
from wetread.train.decoder import Memory, ReportDecoder
from wetread.train.detector import Detector
from wetread.train.encoder import GRID, FilmEncoder, PlaceHead
from wetread.types import LABELS

__all__ = ["card", "commit", "export_decoder", "export_detector", "export_encoder", "write_bundle"]

_OPSET = 17
#: Tensors smaller than this keep single precision: biases, norms.
_SMALL = 1024
#: What the encoders learned from, for the card.
_BLIND = "K-fold: each blind to one of {folds} parts of the teaching studies"
_FINISHED = _BLIND + "; so they calibrated all\nthat follows; then each was trained on with all of these studies"

_DETECTOR = """

Beside the encoders a detector (the first blocks of EfficientNet-Lite0 and a feature pyramid, cells of 4 pixels) looks
for nodules, masses, opacities, bands, pneumothoraces, lines, ports, pacemakers, sternal wires, clips and electrodes
on frontal and lateral films. It learned from such findings drawn into the teaching films at places that are known,
and read no report and no label. The findings read what it finds most of each, by projection, and the principal
components of its features over the whole film; where it finds what a sentence says, the boxes are its own."""


def _export(network: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, names: Any, axes: Any) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            inputs,
            str(path),
            input_names=names[0],
            output_names=names[1],
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
    _halve(path)


def _halve(path: Path) -> None:
    """Store large weights in half precision; a cast, folded when the graph is loaded, gives single precision back."""
    model = onnx.load(path)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _SMALL:
            continue
        values = numpy_helper.to_array(tensor)
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    model.doc_string = ""
    onnx.checker.check_model(model)
    onnx.save(model, path)


class _Seen(nn.Module):
    def __init__(self, network: FilmEncoder, places: PlaceHead | None) -> None:
        super().__init__()
        self.network, self.places = network, places

    def forward(self, film: torch.Tensor) -> tuple[torch.Tensor, ...]:
        seen = self.network.features(film)
        return self.network.scored(seen) + (() if self.places is None else (self.places(seen.places),))


def export_encoder(network: FilmEncoder, path: Path, size: int, places: PlaceHead | None = None) -> None:
    """film (B, 1, S, S) → logits, maps, lateral, vector and, with a head for them, places."""
    names = (["film"], ["logits", "maps", "lateral", "vector"] + ([] if places is None else ["places"]))
    axes = {name: {0: "films"} for name in (*names[0], *names[1])}
    _export(_Seen(network, places), (torch.zeros(2, 1, size, size),), path, names, axes)


class _By(nn.Module):
    """A network that is exported by another method than ``forward``."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self.network, self.method = network, method

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return getattr(self.network, self.method)(*tensors)


def export_detector(network: Detector, path: Path) -> None:
    """film (B, 1, 256, 256) → spots (B, K, 64, 64), pooled (B, P), texture (B, T)."""
    axes = {name: {0: "films"} for name in ("film", *Found._fields)}
    _export(_By(network, "found"), (torch.zeros(2, 1, RASTER, RASTER),), path, (["film"], list(Found._fields)), axes)


class _Prefill(nn.Module):
    def __init__(self, decoder: ReportDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        return self.decoder.prefill(Memory(*tensors))


def export_decoder(decoder: ReportDecoder, folder: Path) -> None:
    """``memory.onnx`` and ``decoder.onnx``."""
    decoder.eval()
    memory = Memory(
        torch.zeros(2, decoder.together.in_features),
        torch.zeros(2, decoder.together.in_features + 1, dtype=torch.long),
        torch.zeros(2, COORDINATES),
    )
    fields = tuple(memory.__dataclass_fields__)
    inputs = tuple(getattr(memory, name) for name in fields)
    axes: dict[str, dict[int, str]] = {name: {0: "studies"} for name in fields}
    axes["cross"] = {2: "studies"}
    _export(_Prefill(decoder), inputs, folder / "memory.onnx", (list(fields), ["cross"]), axes)
    cross = decoder.prefill(memory)
    past = torch.zeros(len(decoder.layers), 2, 2, decoder.heads, 3, decoder.width // decoder.heads)
    inputs = (torch.ones(2, dtype=torch.long), torch.tensor([3]), past, cross)
    axes = {
        "token": {0: "reports"},
        "past": {2: "reports", 4: "written"},
        "cross": {2: "reports"},
        "logits": {0: "reports"},
        "present": {2: "reports", 4: "written1"},
    }
    names = (["token", "place", "past", "cross"], ["logits", "present"])
    _export(_By(decoder, "step"), inputs, folder / "decoder.onnx", names, axes)


def commit() -> str:
    """The commit of the code that runs, or "unknown"."""
    try:
        found = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def card(config: Config, run: Path) -> str:
    """The model card, with the table of scores that ``benchmarks/val_table.py`` left in the run folder, if any."""
    template = (Path(__file__).parent / "card.md").read_text(encoding="utf-8")
    scores = run / "scores.md"
    table = scores.read_text(encoding="utf-8").strip() if scores.exists() else "Not measured yet."
    return template.format(
        name=config.name,
        version=config.version,
        scores=table,
        networks=config.encoder.folds * config.encoder.members,
        taught=(_FINISHED if config.encoder.finish_epochs else _BLIND).format(folds=config.encoder.folds),
        least=f"{config.findings.least:g}",
        detector=_DETECTOR if config.detector.epochs else "",
    )


def write_bundle(
    folder: Path,
    arrays: Mapping[str, np.ndarray],
    concepts: Sequence[str],
    settings: Mapping[str, Any],
    card: str,
) -> None:
    """Complete a folder that holds the graphs and the vocabulary.

    Args:
        arrays: written as single precision, bytes as they are. concepts: their names. settings: name, version,
            indication, input, decoder and provenance entries of ``bundle.json``.
    """
    from safetensors.numpy import save_file

    save_file(
        {k: np.ascontiguousarray(v, v.dtype if v.dtype == np.uint8 else np.float32) for k, v in arrays.items()},
        folder / "findings.safetensors",
    )
    (folder / "CARD.md").write_text(card, encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o644)
    files = {p.name: digest(p) for p in sorted(folder.iterdir()) if p.name != "bundle.json"}
    index = {
        "format": FORMAT,
        **settings,
        "wetread": __version__,
        "labels": list(LABELS),
        "concepts": list(concepts),
        "maps": {"grid": GRID},
        "files": files,
    }
    (folder / "bundle.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
