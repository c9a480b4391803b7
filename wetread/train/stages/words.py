"""Whose words reports are written in, and the decoder that writes them: the stages departments and decoder."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from wetread.errors import UsageError
from wetread.metrics.protocols import R2GenProtocol, R2GenVocabulary
from wetread.model.department import COORDINATES
from wetread.model.findings import log_odds
from wetread.model.tokenizer import Tokenizer
from wetread.report.further import FURTHER
from wetread.report.stock import beside
from wetread.train import compose, consensus, department, lessons
from wetread.train.config import Config
from wetread.train.decoder import Memory, ReportDecoder
from wetread.train.evaluate import Judge
from wetread.train.stages.findings import load_asking
from wetread.train.stages.run import Run, load_targets, truth_of
from wetread.train.stages.seen import load_seen
from wetread.types import LABELS

__all__ = ["fit_departments", "load_departments", "memory_of", "new_decoder", "recall", "teach_decoder"]

log = logging.getLogger("wetread.train")


def fit_departments(run: Run) -> None:
    """Learn to tell by films' texture which sentences their department writes (``department.fit``)."""
    done = run.folder / "departments.npz"
    if done.exists():
        return
    seen, concepts = load_seen(run), load_targets(run)
    if seen.texture is None or seen.exports is None or not concepts.wordings.size:
        log.info("no detector, or no sentence that is common: words are the same for all departments")
        np.savez(done, coordinates=np.zeros((len(run.rows), COORDINATES), np.float32))
        return
    exports = list(seen.exports)
    coordinates, found = department.fit(seen.texture, concepts.wordings, run.teachers, run.config.seed, exports)
    arrays: dict[str, Any] = {"coordinates": coordinates, **found}
    np.savez(done, **arrays)


def load_departments(run: Run) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(studies, S) coordinates, teachers out of fold, and the arrays of ``model.department`` (none without)."""
    with np.load(run.folder / "departments.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    return arrays.pop("coordinates"), arrays


def new_decoder(config: Config, vocabulary: int) -> ReportDecoder:
    """A decoder of the configuration that has learned nothing."""
    c = config.decoder
    findings = len(LABELS) + len(FURTHER)
    return ReportDecoder(vocabulary, findings, c.width, c.layers, c.heads, c.dropout, c.max_tokens)


def recall(decoder: ReportDecoder, path: Path) -> None:
    """Give a decoder the weights that an earlier phase has left."""
    try:
        decoder.load_state_dict(load_file(path))
    except RuntimeError as error:  # torch's word for other names or shapes
        raise UsageError(f"{path} is of another configuration or version; remove it and run again") from error


def memory_of(profile: consensus.Profile, asked: np.ndarray) -> Memory:
    """What the decoder reads of studies: asked (N, 14 + E + 1) (``model.findings.asked_of``)."""
    odds = torch.from_numpy(log_odds(profile.probability))
    return Memory(odds, torch.from_numpy(asked), torch.from_numpy(profile.department.astype(np.float32)))


def teach_decoder(run: Run) -> None:
    """Teach the decoder: radiologists' own reports, then what they agree on, then its own (``compose``)."""
    config = run.config.decoder
    seen = load_seen(run)
    asking = load_asking(run)
    probability = asking.probability
    worn = seen.worn(load_targets(run).names)
    asked = asking(probability, worn)
    taught = np.array([bool(row.findings) for row in run.rows]) & run.teachers
    teachers = [row for row, ok in zip(run.rows, taught, strict=True) if ok]
    profile = consensus.Profile(probability, load_departments(run)[0])
    memory = memory_of(profile, asked)
    path = run.folder / "vocabulary.json"
    if path.exists():
        tokenizer = Tokenizer.load(path)
    else:
        texts = [lessons.teaching_text(row, None, 0) for row in teachers]
        tokenizer = Tokenizer.learn((s for f, i in texts for s in (*f, *i)), config.min_word, sorted(beside()))
        tokenizer.save(path)
    protocol = R2GenProtocol(R2GenVocabulary.from_reports(r.findings or "" for r in run.rows if r.split == "train"))
    lesson = lessons.lesson_of(
        teachers,
        memory.rows(taught),
        tokenizer,
        config.max_tokens,
        protocol.reference,
    )
    val = np.array([row.split == "val" for row in run.rows])
    judge = Judge.of(run.rows, val, memory, truth_of(run)[0], tokenizer, protocol, config.max_tokens)
    torch.manual_seed(run.config.seed)
    decoder = new_decoder(run.config, len(tokenizer))
    words = run.folder / "decoder-words.safetensors"
    if words.exists():
        recall(decoder, words)
    else:
        compose.teach(decoder, lesson, config, run.config.seed, run.folder / "checkpoints" / "words.pt", judge)
        save_file(decoder.state_dict(), words)
    agreed = run.folder / "decoder-consensus.safetensors"
    if agreed.exists():
        recall(decoder, agreed)
    else:
        known = profile[taught]
        more, pairs = consensus.between(known, config.between, run.config.seed)
        own = np.arange(len(known))
        each = np.concatenate((own, pairs[:, 0]))
        points = known + more
        wanted = asking(points.probability, worn[taught][each])
        agreement = consensus.agree(
            known,
            consensus.Pupils.of([*own[:, None].tolist(), *pairs.tolist()], points, wanted),
            [lessons.teaching_text(row, tokenizer, config.max_tokens) for row in teachers],
            (lesson.texts, lesson.impressions),
            protocol.hypothesis,
            config,
            workers=torch.get_num_threads(),
        )
        log.info("consensus: %d reports taught of %d", len({tuple(f) for f, _ in agreement}), len(agreement))
        pupils = memory_of(points, wanted)
        taught_again = replace(
            lesson,
            odds=pupils.odds,
            department=pupils.department,
            tokens=lessons.tokens_of(agreement, tokenizer),
            truth=pupils.asked,
            guess=pupils.asked,
        )
        phase = replace(config, epochs=config.consensus_epochs)
        place = run.folder / "checkpoints" / "consensus.pt"
        compose.teach(decoder, taught_again, phase, run.config.seed, place, judge, "consensus")
        save_file(decoder.state_dict(), agreed)
    done = run.folder / "decoder.safetensors"
    if not done.exists():
        rewards = compose.Rewards(tokenizer, protocol.hypothesis, lesson, config)
        compose.self_critical(
            decoder, lesson, rewards, config, run.config.seed, run.folder / "checkpoints" / "scst.pt", judge
        )
        if not config.told_odds:
            decoder.forget(torch.from_numpy(log_odds(probability[taught].mean(0))).float())
            judge(decoder, "without the odds")
        save_file(decoder.state_dict(), done)
