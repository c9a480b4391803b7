"""The report decoder: a transformer that reads a study's concepts and writes FINDINGS and IMPRESSION.

Its memory holds, as tokens that the decoder attends to,

* the 14 findings as commands (positive or not): what the text has to say;
* the concepts of the whole study and its calibrated findings: how, where, how severe, in whose wording;
* the concept maps of every view, 7×7 cells: where it is to be seen;
* the words of the indication, where given.

``prefill`` turns the memory into keys and values once, ``step`` writes one token with a key/value cache: these two
are what is exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from wetread.model.tokenizer import PAD
from wetread.types import LABELS

__all__ = ["CELLS", "Memory", "ReportDecoder"]

#: Cells of a view's concept map: 7×7.
CELLS = 49
#: Tokens into which the concepts of a study are projected.
_CONCEPT_TOKENS = 8


@dataclass
class Memory:
    """What the decoder reads of a batch of studies.

    concepts (B, C + 14 + E) float, the last of the findings (``decoder_concepts``); maps (B, V, C, 7, 7) float;
    views (B, V) int: 0 no view, 1 frontal, 2 lateral;
    commands (B, 14) int: 1 positive; indication (B, L) int, PAD where there is none.
    """

    concepts: torch.Tensor
    maps: torch.Tensor
    views: torch.Tensor
    commands: torch.Tensor
    indication: torch.Tensor

    def rows(self, index: torch.Tensor) -> Memory:
        return Memory(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def _split(x: torch.Tensor, heads: int) -> torch.Tensor:
    return x.view(*x.shape[:-1], heads, -1).transpose(1, 2)


class _Layer(nn.Module):
    """Self-attention, attention to the memory, feed-forward; normalised before each (Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.p = heads, dropout
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.query, self.read = nn.Linear(width, width), nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def _drop(self, x: torch.Tensor) -> torch.Tensor:
        return functional.dropout(x, self.p, self.training)

    def cross(self, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Memory (B, M, width) → its keys and values, each (B, H, M, width / H)."""
        key, value = self.key_value(memory).chunk(2, -1)
        return _split(key, self.heads), _split(value, self.heads)

    def forward(
        self,
        x: torch.Tensor,
        past: tuple[torch.Tensor, torch.Tensor] | None,
        cross: tuple[torch.Tensor, torch.Tensor],
        mask: torch.Tensor,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """x (B, T, width); mask (B, 1, 1, M) additive; without a past, attention is causal."""
        query, key, value = (_split(t, self.heads) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        own = functional.scaled_dot_product_attention(query, key, value, is_causal=past is None)
        x = x + self._drop(self.out(own.transpose(1, 2).flatten(2)))
        query = _split(self.query(self.norm2(x)), self.heads)
        seen = functional.scaled_dot_product_attention(query, cross[0], cross[1], attn_mask=mask)
        x = x + self._drop(self.read(seen.transpose(1, 2).flatten(2)))
        return x + self._drop(self.down(functional.gelu(self.up(self.norm3(x))))), (key, value)


class ReportDecoder(nn.Module):
    """See the module's text.

    Args:
        vocabulary: number of tokens. concepts: C. max_tokens: longest report. further: E.
    """

    def __init__(
        self,
        vocabulary: int,
        concepts: int,
        width: int,
        layers: int,
        heads: int,
        dropout: float,
        max_tokens: int,
        further: int = 0,
    ) -> None:
        super().__init__()
        self.width, self.heads, self.p = width, heads, dropout
        self.words = nn.Embedding(vocabulary, width, padding_idx=PAD)
        self.places = nn.Embedding(max_tokens + 1, width)
        self.command = nn.Embedding(2 * len(LABELS), width)
        self.concept = nn.Linear(concepts + len(LABELS) + further, _CONCEPT_TOKENS * width)
        self.concept_kind = nn.Parameter(torch.zeros(_CONCEPT_TOKENS, width))
        self.cell = nn.Linear(concepts, width)
        self.cell_place = nn.Parameter(torch.zeros(CELLS, width))
        self.view = nn.Embedding(3, width)
        self.asked = nn.Parameter(torch.zeros(width))
        self.norm_memory, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.layers: Any = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(layers))
        for parameter in (self.words.weight, self.places.weight, self.command.weight, self.view.weight):
            nn.init.normal_(parameter, std=0.02)

    def memory(self, m: Memory) -> tuple[torch.Tensor, torch.Tensor]:
        """→ tokens (B, M, width) and their additive mask (B, 1, 1, M), −10⁴ where there is nothing."""
        n = m.concepts.shape[0]  # not len(): a trace keeps the number of studies open
        label = torch.arange(len(LABELS), device=m.commands.device)
        commands = self.command(label * 2 + m.commands)
        concepts = self.concept(m.concepts).view(n, _CONCEPT_TOKENS, self.width) + self.concept_kind
        cells = self.cell(m.maps.flatten(3).transpose(2, 3)) + self.cell_place + self.view(m.views)[:, :, None]
        asked = self.words(m.indication) + self.asked
        tokens = torch.cat((commands, concepts, cells.flatten(1, 2), asked), 1)
        there = torch.cat(
            (
                torch.ones(n, len(LABELS) + _CONCEPT_TOKENS, dtype=torch.bool, device=tokens.device),
                (m.views > 0).repeat_interleave(CELLS, 1),
                m.indication != PAD,
            ),
            1,
        )
        mask = torch.where(there, 0.0, -1e4)[:, None, None]
        return functional.dropout(self.norm_memory(tokens), self.p, self.training), mask

    def prefill(self, m: Memory) -> tuple[torch.Tensor, torch.Tensor]:
        """→ keys and values of the memory (layers, 2, B, H, M, width / H) and its mask."""
        tokens, mask = self.memory(m)
        return torch.stack([torch.stack(layer.cross(tokens)) for layer in self.layers]), mask

    def step(
        self, token: torch.Tensor, place: torch.Tensor, past: torch.Tensor, cross: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One more token for each of B reports.

        token (B,), place (1,) its position, past (layers, 2, B, H, T, width / H), cross and mask of ``prefill``
        → logits (B, vocabulary) and the past of T + 1 tokens.
        """
        x = self.words(token)[:, None] + self.places(place)
        kept = []
        for i, layer in enumerate(self.layers):
            x, present = layer(x, (past[i, 0], past[i, 1]), (cross[i, 0], cross[i, 1]), mask)
            kept.append(torch.stack(present))
        return functional.linear(self.norm(x[:, 0]), self.words.weight), torch.stack(kept)

    def empty_past(self, n: int) -> torch.Tensor:
        return torch.zeros(len(self.layers), 2, n, self.heads, 0, self.width // self.heads)

    def forward(self, tokens: torch.Tensor, m: Memory, copies: int = 1) -> torch.Tensor:
        """Teacher forcing: tokens (B · copies, T), ``copies`` reports of each study → logits (…, T, vocabulary)."""
        memory, mask = self.memory(m)
        mask = mask.repeat_interleave(copies, 0)
        x = self.words(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        x = functional.dropout(x, self.p, self.training)
        for layer in self.layers:
            key, value = (t.repeat_interleave(copies, 0) for t in layer.cross(memory))
            x, _ = layer(x, None, (key, value), mask)
        return functional.linear(self.norm(x), self.words.weight)
