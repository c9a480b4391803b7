"""The report decoder: a transformer that reads a study's findings and writes FINDINGS and IMPRESSION.

Its memory holds, as tokens that the decoder attends to,

* what is asked of the text of each finding (``model.findings.asked_of``), and how probable the finding is;
* all these probabilities together: what kind of study it is;
* which department the films come from, as far as their texture tells (``model.department``): how reports are worded.

It sees nothing else of the films, nor the indication, which the findings read: what it is taught (``consensus``) is
decided by these alone, and whatever else it read, it would learn by heart (``docs/log.md``). It learns with the
probabilities, and may be left to write without them (``ReportDecoder.forget``).

``prefill`` turns the memory into keys and values once, ``step`` writes one token with a key/value cache: these two
are what is exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from wetread.model.department import COORDINATES
from wetread.model.tokenizer import PAD

__all__ = ["Memory", "ReportDecoder"]

#: Tokens into which all findings of a study are projected together, and those of its department.
_TOGETHER, _DEPARTMENT = 8, 4
#: What may be asked of the text (``model.findings.asked_of``).
_STATES = 3


@dataclass
class Memory:
    """What the decoder reads of a batch of studies.

    odds (B, F) float of its findings (``model.findings.log_odds``); asked (B, F + 1) int of the text
    (``model.findings.asked_of``); department (B, S) float (``model.department``).
    """

    odds: torch.Tensor
    asked: torch.Tensor
    department: torch.Tensor

    def rows(self, chosen: np.ndarray) -> Memory:
        """Of some studies: ``chosen`` (B,) bool."""
        return Memory(*(each[torch.from_numpy(chosen)] for each in vars(self).values()))


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
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """x (B, T, width); without a past, attention is causal."""
        query, key, value = (_split(t, self.heads) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        own = functional.scaled_dot_product_attention(query, key, value, is_causal=past is None)
        x = x + self._drop(self.out(own.transpose(1, 2).flatten(2)))
        query = _split(self.query(self.norm2(x)), self.heads)
        seen = functional.scaled_dot_product_attention(query, cross[0], cross[1])
        x = x + self._drop(self.read(seen.transpose(1, 2).flatten(2)))
        return x + self._drop(self.down(functional.gelu(self.up(self.norm3(x))))), (key, value)


class ReportDecoder(nn.Module):
    """See the module's text.

    Args:
        vocabulary: number of tokens. findings: F. max_tokens: longest report.
    """

    def __init__(
        self, vocabulary: int, findings: int, width: int, layers: int, heads: int, dropout: float, max_tokens: int
    ) -> None:
        super().__init__()
        self.width, self.heads, self.p = width, heads, dropout
        self.words = nn.Embedding(vocabulary, width, padding_idx=PAD)
        self.places = nn.Embedding(max_tokens + 1, width)
        self.asked = nn.Embedding(_STATES * (findings + 1), width)
        self.odds = nn.Parameter(torch.zeros(findings + 1, width))
        self.together = nn.Linear(findings, _TOGETHER * width)
        self.kind = nn.Parameter(torch.zeros(_TOGETHER, width))
        self.department = nn.Linear(COORDINATES, _DEPARTMENT * width)
        self.norm_memory, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.layers: Any = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(layers))
        for parameter in (self.words.weight, self.places.weight, self.asked.weight):
            nn.init.normal_(parameter, std=0.02)

    def memory(self, m: Memory) -> torch.Tensor:
        """→ tokens (B, M, width)."""
        n = m.odds.shape[0]  # not len(): a trace keeps the number of studies open
        number = torch.arange(m.asked.shape[1], device=m.asked.device)
        odds = functional.pad(m.odds, (0, 1))[:, :, None] * self.odds  # what is asked last has no probability
        findings = self.asked(number * _STATES + m.asked) + odds
        together = self.together(m.odds).view(n, _TOGETHER, self.width) + self.kind
        department = self.department(m.department).view(n, _DEPARTMENT, self.width)
        tokens = torch.cat((findings, together, department), 1)
        return functional.dropout(self.norm_memory(tokens), self.p, self.training)

    @torch.no_grad()
    def forget(self, usual: torch.Tensor) -> None:
        """From now on write as if the odds of every study's findings were ``usual`` (F,), whatever they are."""
        by_finding = self.asked.weight.view(-1, _STATES, self.width)
        by_finding.add_(functional.pad(usual, (0, 1))[:, None, None] * self.odds[:, None])
        self.together.bias.add_(self.together.weight @ usual)
        self.odds.zero_()
        self.together.weight.zero_()

    def prefill(self, m: Memory) -> torch.Tensor:
        """→ keys and values of the memory (layers, 2, B, H, M, width / H)."""
        tokens = self.memory(m)
        return torch.stack([torch.stack(layer.cross(tokens)) for layer in self.layers])

    def step(
        self, token: torch.Tensor, place: torch.Tensor, past: torch.Tensor, cross: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One more token for each of B reports.

        token (B,), place (1,) its position, past (layers, 2, B, H, T, width / H), cross of ``prefill``
        → logits (B, vocabulary) and the past of T + 1 tokens.
        """
        x = self.words(token)[:, None] + self.places(place)
        kept = []
        for i, layer in enumerate(self.layers):
            x, present = layer(x, (past[i, 0], past[i, 1]), (cross[i, 0], cross[i, 1]))
            kept.append(torch.stack(present))
        return functional.linear(self.norm(x[:, 0]), self.words.weight), torch.stack(kept)

    def empty_past(self, n: int) -> torch.Tensor:
        return torch.zeros(len(self.layers), 2, n, self.heads, 0, self.width // self.heads)

    def forward(self, tokens: torch.Tensor, m: Memory, copies: int = 1) -> torch.Tensor:
        """Teacher forcing: tokens (B · copies, T), ``copies`` reports of each study → logits (…, T, vocabulary)."""
        memory = self.memory(m)
        x = self.words(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        x = functional.dropout(x, self.p, self.training)
        for layer in self.layers:
            key, value = (t.repeat_interleave(copies, 0) for t in layer.cross(memory))
            x, _ = layer(x, None, (key, value))
        return functional.linear(self.norm(x), self.words.weight)
