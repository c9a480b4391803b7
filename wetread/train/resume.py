"""An exported encoder as a network to train on: its graph has batch normalisation folded into the convolutions.

Each convolution's outputs are normalised again by their own mean and deviation over some films, and scaled back by
them: the network computes what the graph does, and learns as one that was never folded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from wetread.errors import BundleError
from wetread.train.encoder import FilmEncoder

__all__ = ["load_graph"]


def load_graph(network: FilmEncoder, graph: Path, films: torch.Tensor) -> None:
    """Give the network the weights of an exported encoder.

    Args:
        graph: ``encoder<n>.onnx`` of a bundle whose encoder has the network's neck and number of concepts.
        films: (B, 1, S, S) in [0, 1], over which the outputs' means and deviations are taken; some hundred do.

    Raises:
        BundleError: the graph cannot be read or is of another network.
    """
    import onnx
    from onnx import numpy_helper

    try:
        model = onnx.load(graph)
    except Exception as error:  # onnx lets protobuf's errors through
        raise BundleError(f"{graph} cannot be read ({error}); name a run's or a bundle's folder") from error
    parts = ((i.name.removesuffix("_half").removeprefix("network."), i) for i in model.graph.initializer)
    stored = {name: numpy_helper.to_array(values) for name, values in parts}
    folded = [n.input[1:] for n in model.graph.node if n.op_type == "Conv" and n.input[1].startswith("onnx::")]
    pairs = _convolutions(network)
    own = {k: v for k, v in network.state_dict().items() if not k.startswith("backbone.")}
    named = {k: stored[k] for k in own if k in stored}
    shapes = [(stored[weight].shape, tuple(conv.weight.shape)) for (weight, _), (conv, _) in zip(folded, pairs)]
    if (
        len(folded) != len(pairs)
        or any(a != b for a, b in shapes)
        or any(v.shape != own[k].shape for k, v in named.items())
    ):
        raise BundleError(f"{graph} is an encoder of another kind than the configuration's; set 'neck' as it has")
    network.load_state_dict({k: _tensor(v) for k, v in named.items()}, strict=False)
    means: dict[nn.Module, torch.Tensor] = {}
    squares: dict[nn.Module, torch.Tensor] = {}
    hooks = []
    for (weight, bias), (conv, norm) in zip(folded, pairs, strict=True):
        conv.weight.data = _tensor(stored[weight])
        plain = torch.zeros(norm.num_features)
        _set(norm, plain, plain + 1, _tensor(stored[bias]))

        def remember(module: nn.Module, _: object, out: torch.Tensor) -> None:
            batch = out.detach().transpose(0, 1).flatten(1)
            means[module] = means.get(module, 0) + batch.mean(1)
            squares[module] = squares.get(module, 0) + batch.square().mean(1)

        hooks.append(conv.register_forward_hook(remember))
    network.eval()
    batches = films.split(32)
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for hook in hooks:
        hook.remove()
    for conv, norm in pairs:
        mean = means[conv] / len(batches)
        variance = (squares[conv] / len(batches) - mean.square()).clamp(min=1e-6)
        _set(norm, mean, variance, norm.bias.data + mean)


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _set(norm: nn.BatchNorm2d, mean: torch.Tensor, variance: torch.Tensor, bias: torch.Tensor) -> None:
    """In evaluation the module then adds ``bias`` − ``mean`` and scales nothing."""
    norm.running_mean, norm.running_var = mean, variance
    norm.weight.data, norm.bias.data = (variance + norm.eps).sqrt(), bias


def _convolutions(network: FilmEncoder) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """The backbone's convolutions with their normalisation, in the order of computation."""
    modules = list(network.backbone.modules())
    convolutions = [m for m in modules if isinstance(m, nn.Conv2d)]
    return list(zip(convolutions, (m for m in modules if isinstance(m, nn.BatchNorm2d)), strict=True))
