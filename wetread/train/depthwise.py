"""Depthwise convolutions whose backward pass in bfloat16 on a processor is not many times slower than the forward one.

oneDNN has fast kernels for the gradient of a depthwise 3×3 of stride 1. For wider ones and for stride 2 it falls back
on a reference that takes 30 to 100 times as long as the forward pass. A wider one's weight gradient is here put
together from 3×3 pieces, its input gradient is a forward convolution; one of stride 2 is computed in single precision.
The results are the same up to rounding.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import nn
from torch.nn import functional

__all__ = ["quicken"]

_PIECE = 3


def _weight_gradient(above: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(C, 1, 3, 3) of a depthwise 3×3 on x (B, C, H + 2, W + 2): ``above`` (B, C, H, W) is its output's gradient."""
    channels = x.shape[1]
    shape = x.new_empty(channels, 1, _PIECE, _PIECE)
    once = [1, 1]
    settings = (once, [0, 0], once, False, [0, 0], channels, [False, True, False])
    return torch.ops.aten.convolution_backward(above, x, shape, [0], *settings)[1]


class _Wide(torch.autograd.Function):
    """A depthwise convolution of stride 1: x (B, C, H, W) padded, weight (C, 1, k, k), k 3 to 6."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return functional.conv2d(x, weight, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, above: torch.Tensor) -> Any:
        x, weight = ctx.saved_tensors
        size = weight.shape[-1]
        own = down = None
        if ctx.needs_input_grad[0]:
            down = functional.conv2d(above, weight.flip((2, 3)), padding=size - 1, groups=len(weight))
        if ctx.needs_input_grad[1]:
            own = torch.empty_like(weight)
            height, width = (n + _PIECE - 1 for n in above.shape[2:])
            for i, j in product((0, size - _PIECE), repeat=2):
                part = x[:, :, i : i + height, j : j + width].contiguous(memory_format=torch.channels_last)
                own[:, :, i : i + _PIECE, j : j + _PIECE] = _weight_gradient(above, part)
        return down, own


class _Quick(nn.Module):
    """Computes what a depthwise convolution does, with its weight."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.stride, self.padding = convolution.weight, tuple(convolution.stride), convolution.padding
        self.before = getattr(convolution, "static_padding", nn.Identity())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.before(x)
        if self.stride == (1, 1):
            rows, columns = (int(n) for n in self.padding)
            x = functional.pad(x, (columns, columns, rows, rows))
            return _Wide.apply(x, self.weight.to(x.dtype))
        with torch.autocast("cpu", enabled=False):
            y = functional.conv2d(x.float(), self.weight, None, self.stride, self.padding, groups=len(self.weight))
        return y.to(x.dtype)


def _slow(convolution: nn.Conv2d) -> bool:
    size, stride = convolution.kernel_size, tuple(convolution.stride)  # a subclass may keep a list
    if not convolution.groups == convolution.in_channels == convolution.out_channels or size[0] != size[1]:
        return False
    if convolution.bias is not None or convolution.dilation != (1, 1) or isinstance(convolution.padding, str):
        return False
    return stride == (2, 2) or (stride == (1, 1) and _PIECE < size[0] <= 2 * _PIECE)


def quicken(network: nn.Module) -> None:
    """Exchange the slow depthwise convolutions of a network that is to be trained in bfloat16 on a processor.

    Those of stride 2 and those of stride 1 that are wider than 3, without bias or dilation. Names and values of the
    weights stay.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and _slow(child):
                setattr(parent, name, _Quick(child))
