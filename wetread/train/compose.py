"""Teaching the report decoder: first the words (cross entropy), then what they are for (self-critical training).

Self-critical sequence training (Rennie et al. 2017): reports are sampled, each is paid by how much better than the
study's other samples it is in CIDEr against the radiologist's words and in saying the findings that were commanded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from wetread.metrics.nlg import CiderScorer, rouge_l
from wetread.model.tokenizer import BEGIN, END, IMPRESSION, PAD, Tokenizer
from wetread.report.labeler import asserted
from wetread.train.config import DecoderConfig
from wetread.train.decoder import Memory, ReportDecoder
from wetread.train.encode import Average, State
from wetread.types import LABELS

__all__ = ["Lesson", "Rewards", "generate", "sections", "self_critical", "teach"]


@dataclass(frozen=True)
class Lesson:
    """What the decoder learns from, by study: memory rows and the tokens of the report (BEGIN … IMPRESSION … END).

    ``truth`` (N, 14 + E + 1) is what the report itself answers, ``guess`` likewise what the networks' findings ask for
    (``model.findings.asked_of``); ``department`` (N, S) (``model.department``); ``texts`` and ``impressions`` are the
    references of the reward, cleaned as the metric does.
    """

    odds: torch.Tensor
    department: torch.Tensor
    truth: torch.Tensor
    guess: torch.Tensor
    tokens: torch.Tensor
    texts: tuple[str, ...]
    impressions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.odds)

    def memory(self, index: torch.Tensor, asked: torch.Tensor) -> Memory:
        return Memory(self.odds[index], asked, self.department[index])


#: How often a decoder is judged while it is taught.
_JUDGED = 6
#: Deviation of the noise on half the log-odds of a finding.
_NOISE = 0.15


def _weaken(memory: Memory, generator: torch.Generator) -> Memory:
    """The odds get a little noise."""
    noise = _NOISE * torch.randn(memory.odds.shape, generator=generator)
    return replace(memory, odds=memory.odds + noise)


def _mixed(lesson: Lesson, index: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """What the report answers, for a share of the studies what the networks ask for."""
    guessed = torch.rand(len(index), 1, generator=generator) < share
    return torch.where(guessed, lesson.guess[index], lesson.truth[index])


def teach(
    decoder: ReportDecoder,
    lesson: Lesson,
    config: DecoderConfig,
    seed: int,
    checkpoint: Path,
    judge: Callable[[ReportDecoder, str], float],
    name: str = "words",
) -> None:
    """Cross entropy with label smoothing; the averaged weights of the best epoch by ``judge`` stay in decoder."""
    generator = torch.Generator().manual_seed(seed)
    average = Average(decoder, config.ema)
    optimizer = torch.optim.AdamW(decoder.parameters(), config.learning_rate, betas=(0.9, 0.98), weight_decay=0.05)
    steps = config.epochs * math.ceil(len(lesson) / config.batch)
    warm = min(200, steps // 10 + 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / warm, 0.5 * (1 + math.cos(math.pi * s / steps)) + 0.01)
    )
    state = State(decoder, average, optimizer, schedule)
    best, kept = -math.inf, decoder.state_dict()
    seldom = max(1, config.epochs // _JUDGED)
    for epoch in range(config.epochs):
        decoder.train()
        losses = []
        order = torch.randperm(len(lesson), generator=generator)
        for index in tqdm(order.split(config.batch), desc=f"{name} {epoch + 1}/{config.epochs}", unit="batch"):
            memory = _weaken(lesson.memory(index, _mixed(lesson, index, 0.15, generator)), generator)
            tokens = lesson.tokens[index]
            tokens = tokens[:, : int((tokens != PAD).sum(1).max())]
            logits = decoder(tokens[:, :-1], memory)
            loss = functional.cross_entropy(
                logits.flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=PAD, label_smoothing=config.label_smoothing
            )
            losses.append(state.learn(loss))
        if (epoch + 1) % seldom == 0 or epoch == config.epochs - 1:
            learned = cast(ReportDecoder, average.network)
            value = judge(learned, f"{name}, epoch {epoch + 1}, loss {np.mean(losses):.3f}")
            if value > best:
                best, kept = value, {k: v.clone() for k, v in learned.state_dict().items()}
                torch.save(kept, checkpoint)
    decoder.load_state_dict(kept)


@torch.no_grad()
def generate(
    decoder: ReportDecoder,
    memory: Memory,
    limit: int,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
    copies: int = 1,
) -> torch.Tensor:
    """(B · copies, ≤ limit) tokens after BEGIN: greedy at temperature 0, else sampled; PAD after END."""
    decoder.eval()
    cross = decoder.prefill(memory).repeat_interleave(copies, 2)
    n = cross.shape[2]
    past = decoder.empty_past(n)
    token = torch.full((n,), BEGIN)
    done = torch.zeros(n, dtype=torch.bool)
    written = []
    for place in range(limit):
        logits, past = decoder.step(token, torch.tensor([place]), past, cross)
        logits[:, [PAD, BEGIN]] = -math.inf
        if temperature > 0:
            token = torch.multinomial(torch.softmax(logits / temperature, -1), 1, generator=generator)[:, 0]
        else:
            token = logits.argmax(-1)
        token = torch.where(done, PAD, token)
        written.append(token)
        done |= token == END
        if done.all():
            break
    return torch.stack(written, 1)


def sections(tokens: Sequence[int], tokenizer: Tokenizer) -> tuple[list[str], list[str]]:
    """Tokens of a report → sentences of FINDINGS and of IMPRESSION."""
    values = [int(t) for t in tokens]
    values = values[: values.index(END)] if END in values else values
    cut = values.index(IMPRESSION) if IMPRESSION in values else len(values)
    return tokenizer.decode(values[:cut]), tokenizer.decode(values[cut:])


class Rewards:
    """What a sampled report is paid: CIDEr of both sections, ROUGE-L of FINDINGS, obedience, agreement, no repetition.

    Args:
        clean: from a report's text to the metric's tokens; lesson: its references.
    """

    def __init__(
        self, tokenizer: Tokenizer, clean: Callable[[str], str], lesson: Lesson, config: DecoderConfig
    ) -> None:
        self.tokenizer, self.clean, self.config, self.lesson = tokenizer, clean, config, lesson
        self.cider, self.cider_impression = CiderScorer(lesson.texts), CiderScorer(lesson.impressions)
        self.vectors = [self.cider.vector(r) for r in lesson.texts]
        self.impressions = [self.cider_impression.vector(r) for r in lesson.impressions]

    def __call__(self, tokens: torch.Tensor, study: int, asked: torch.Tensor) -> float:
        findings, impression = sections(tokens.tolist(), self.tokenizer)
        text, conclusion = self.clean(" ".join(findings)), self.clean(" ".join(impression))
        wanted = {name for name, state in zip(LABELS, asked.tolist(), strict=False) if state == 1}
        surely, perhaps = _stated(findings)
        # Both of the labeler's conventions must agree that a finding is said, and neither may find another one.
        wrong = len(wanted - {"No Finding"} - surely) + len(perhaps - wanted) + len(_stated(impression)[1] - perhaps)
        reward = self.config.cider_weight * self.cider.score(text, self.vectors[study])
        reward += self.config.rouge_weight * rouge_l(self.lesson.texts[study], text)
        reward += 0.2 * self.config.cider_weight * self.cider_impression.score(conclusion, self.impressions[study])
        reward -= self.config.label_weight * wrong
        reward -= 0.5 * (len(findings) - len(set(findings)))
        return reward - float(not findings) - 0.5 * float(not impression)


def _stated(sentences: Sequence[str]) -> tuple[set[str], set[str]]:
    """The findings that a text states by both conventions of the labeler, and those it states by either."""
    surely, perhaps = asserted(" ".join(sentences))
    return surely - {"No Finding"}, perhaps - {"No Finding"}


def self_critical(
    decoder: ReportDecoder,
    lesson: Lesson,
    rewards: Rewards,
    config: DecoderConfig,
    seed: int,
    checkpoint: Path,
    judge: Callable[[ReportDecoder, str], float],
) -> None:
    """Raise the expected reward of what is written where the networks' findings ask; keep the best by ``judge``."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(decoder.parameters(), config.scst_learning_rate, weight_decay=0.0)
    best, kept = judge(decoder, "before"), {k: v.clone() for k, v in decoder.state_dict().items()}
    k = config.scst_samples
    for epoch in range(config.scst_epochs):
        order = torch.randperm(len(lesson), generator=generator)
        paid = []
        progress = tqdm(order.split(config.batch), desc=f"self-critical {epoch + 1}/{config.scst_epochs}", unit="batch")
        for index in progress:
            asked = _mixed(lesson, index, 0.7, generator)
            memory = lesson.memory(index, asked)
            tokens = generate(decoder, memory, config.max_tokens, 1.0, generator, copies=k)
            studies = index.repeat_interleave(k).tolist()
            reward = torch.tensor(
                [rewards(t, i, c) for t, i, c in zip(tokens, studies, asked.repeat_interleave(k, 0), strict=True)]
            ).view(-1, k)
            paid.append(float(reward.mean()))
            others = (reward.sum(1, keepdim=True) - reward) / (k - 1)
            advantage = (reward - others).flatten()
            begun = torch.cat((torch.full((len(tokens), 1), BEGIN), tokens[:, :-1]), 1)
            logits = decoder(begun, memory, copies=k)
            chosen = -functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").view_as(tokens)
            valid = (tokens != PAD).float()
            loss = -(advantage[:, None] * chosen * valid).sum() / valid.sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
            optimizer.step()
            progress.set_postfix(reward=f"{np.mean(paid[-20:]):.3f}")
        value = judge(decoder, f"self-critical {epoch + 1} reward {np.mean(paid):.3f}")
        if value > best:
            best, kept = value, {name: v.clone() for name, v in decoder.state_dict().items()}
            torch.save(kept, checkpoint)
    decoder.load_state_dict(kept)
