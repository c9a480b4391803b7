"""Training the film encoder: a warm-up on other labelled films, then K folds, each blind to its fold's studies.

The K networks give out-of-fold concepts for every training study, which is what the decoder and the thresholds
learn from; together they are the ensemble that ships. Runs on one process or under ``torchrun`` (gloo or nccl).
"""

from __future__ import annotations

import copy
import csv
import hashlib
import logging
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from wetread.train.config import EncoderConfig
from wetread.train.depthwise import quicken
from wetread.train.encoder import FilmEncoder
from wetread.train.films import Augment, as_tensor
from wetread.types import LABELS

__all__ = [
    "NIH_LABELS",
    "Average",
    "State",
    "StudyFilms",
    "concept_loss",
    "device_of_training",
    "fold_of",
    "look",
    "mixed",
    "other_films",
    "shared_targets",
    "train_encoder",
    "warm_up",
    "world",
]

log = logging.getLogger("wetread.train")

#: The 14 findings of ChestX-ray14 (Wang et al. 2017), then kermany's one.
NIH_LABELS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)


@dataclass(frozen=True)
class StudyFilms:
    """``films``: indices into the pack of each study; ``lateral``: (films,) 1, 0 or NaN; ``study``: its row."""

    films: tuple[tuple[int, ...], ...]
    lateral: np.ndarray


def fold_of(study_id: str, folds: int) -> int:
    """The fold of a study, by a hash of its id: the same in every run and on every machine."""
    return int(hashlib.sha256(study_id.encode()).hexdigest()[:8], 16) % folds


def world() -> tuple[int, int]:
    """(rank, world size); joins the process group when started by ``torchrun``."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return (distributed.get_rank(), size) if size > 1 else (0, 1)


def device_of_training() -> torch.device:
    """This process's GPU, or the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def mixed(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16: asked for, and the device has it (emulated it takes nine times as long)."""
    if device.type == "cuda":
        has = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capable: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.6 has none
        has = any(capable.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return precision == "bf16" and has


def concept_loss(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy over the known entries of target (NaN is unknown), weighted by column."""
    known = ~torch.isnan(target)
    loss = functional.binary_cross_entropy_with_logits(logits, torch.nan_to_num(target), reduction="none")
    return (loss * known * weight).sum() / len(target) / weight.mean() / 10


class Average:
    """Exponential moving average of a network's weights and running statistics."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for mean, value in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


@dataclass(frozen=True)
class State:
    """All that a training changes: it learns from a loss, and can be gone on with after an epoch."""

    network: nn.Module
    average: Average
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler

    def learn(self, loss: torch.Tensor) -> float:
        """One step down a batch's loss, whose value is returned."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.average.update(self.network)
        return float(loss.detach())

    def load(self, path: Path, device: torch.device) -> int:
        """Take up what ``save`` left, where it has left something; the epochs that are done."""
        if not path.exists():
            return 0
        state = torch.load(path, map_location=device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.average.steps = state["steps"]
        return int(state["epoch"])

    def save(self, path: Path, epoch: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "steps": self.average.steps,
            "epoch": epoch,
        }
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)


def _optimizer(network: nn.Module, config: EncoderConfig) -> torch.optim.Optimizer:
    learning = [p for p in network.parameters() if p.requires_grad]
    decay = [p for p in learning if p.ndim > 1]
    rest = [p for p in learning if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)


def _rate(step: int, steps: int) -> float:
    warm = max(1, min(100, steps // 10))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))) + 1e-3


def _order(n: int, seed: int, rank: int, size: int) -> np.ndarray:
    order = np.random.default_rng(seed).permutation(n)
    return order[: len(order) // size * size][rank::size] if size > 1 else order


def _batches(studies: Sequence[int], films: StudyFilms, seed: int, batch: int) -> Iterator[tuple[list[int], list[int]]]:
    """One epoch: for each study a frontal and a lateral film where it has both; (film, place in batch) lists."""
    rng = np.random.default_rng(seed)
    for start in range(0, len(studies), batch):
        chosen, owner = [], []
        for place, study in enumerate(studies[start : start + batch]):
            own = list(films.films[study])
            sides = [[f for f in own if films.lateral[f] != 1], [f for f in own if films.lateral[f] == 1]]
            for side in sides:
                if side:
                    chosen.append(int(rng.choice(side)))
                    owner.append(place)
        yield chosen, owner


def train_encoder(
    pack: np.ndarray,
    films: StudyFilms,
    targets: np.ndarray,
    weights: np.ndarray,
    studies: Sequence[int],
    config: EncoderConfig,
    seed: int,
    start: dict[str, torch.Tensor] | None,
    checkpoint: Path,
    name: str = "encoder",
    frozen: int = 0,
) -> FilmEncoder:
    """Train one network on the given studies and return its averaged weights; resumes from checkpoint.

    Args:
        pack: (films, 256, 256) uint8.
        targets: (studies, C) in [0, 1], NaN unknown. weights: (C,).
        start: weights to begin with (by name, where shapes agree), or None for ``config.init``.
        checkpoint: file of the state after each epoch (safetensors cannot hold an optimizer; loaded weights_only).
        frozen: the first blocks of the backbone that stay as they are, which saves their part of the backward pass.
    """
    rank, size = world()
    device = device_of_training()
    half = mixed(config.precision, device)
    if rank == 0 and config.precision == "bf16" and not half:
        log.warning("%s: this device has no bfloat16 of its own; training in single precision", name)
    torch.manual_seed(seed)
    network = FilmEncoder(targets.shape[1], config.neck, config.dropout)
    if start is not None:
        own = network.state_dict()
        network.load_state_dict(
            {k: start[k] if k in start and start[k].shape == v.shape else v for k, v in own.items()}
        )
    elif config.init == "imagenet":
        network.load_imagenet()
    if half and device.type == "cpu":
        quicken(network)
    network = network.to(device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    still = network.first_blocks(frozen)
    for part in still:
        part.requires_grad_(False)
    average = Average(network, config.ema)
    optimizer = _optimizer(network, config)
    per_epoch = math.ceil(len(_order(len(studies), 0, rank, size)) / config.batch)
    steps = per_epoch * config.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    state = State(network, average, optimizer, schedule)
    first = state.load(checkpoint, device)
    # A data set without projections leaves the projection head without a gradient.
    wrapped = DistributedDataParallel(network, find_unused_parameters=True) if size > 1 else network
    weight = torch.from_numpy(weights).to(device)
    for epoch in range(first, config.epochs):
        wrapped.train()
        for part in still:
            part.eval()
        pixels = config.small_size if epoch < config.small_epochs else config.size
        augment = Augment(pixels, seed * 1000 + epoch * 10 + rank)
        order = [studies[i] for i in _order(len(studies), seed * 1000 + epoch, rank, size)]
        progress = tqdm(total=per_epoch, desc=f"{name} {epoch + 1}/{config.epochs}", unit="batch", disable=rank > 0)
        losses = []
        for number, (chosen, owner) in enumerate(_batches(order, films, seed + epoch, config.batch)):
            x = augment(np.stack([pack[f] for f in chosen])).to(device, memory_format=torch.channels_last)
            batch = order[number * config.batch : (number + 1) * config.batch]
            target = torch.from_numpy(targets[batch]).to(device)
            where = torch.tensor(owner, device=device)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                logits, _, lateral, _ = wrapped(x)
            loss = _study_loss(logits.float(), where, target, weight)
            side = torch.from_numpy(films.lateral[chosen].astype(np.float32)).to(device)
            known = ~torch.isnan(side)
            if known.any():
                loss = loss + 0.1 * functional.binary_cross_entropy_with_logits(lateral[known], side[known])
            losses.append(state.learn(loss))
            progress.update()
            progress.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}")
        progress.close()
        if rank == 0:
            state.save(checkpoint, epoch + 1)
    return average.network.to("cpu").eval()  # type: ignore[return-value]


def _study_loss(logits: torch.Tensor, owner: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Half of the loss on the mean of a study's films, half on each film alone."""
    sums = torch.zeros(len(target), logits.shape[1], device=logits.device).index_add(0, owner, logits)
    counts = torch.bincount(owner, minlength=len(target)).clamp(min=1)[:, None]
    return 0.5 * concept_loss(sums / counts, target, weight) + 0.5 * concept_loss(logits, target[owner], weight)


def look(graph: Path, pack: np.ndarray, wanted: Sequence[int], size: int, name: str) -> dict[str, np.ndarray]:
    """What an exported encoder sees in films of the pack (N, 256, 256) uint8; NaN for those that are not wanted.

    Returns:
        logits (N, C), maps (N, C, 7, 7) float16 (2×2 cells averaged, as the zones are told by them), label_maps
        (N, 14, 14, 14) float16, places likewise (the label maps where there is no head), lateral (N,), vector (N, D).
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(graph), options)
    names = [o.name for o in session.get_outputs()]
    out: dict[str, np.ndarray] = {}

    def put(key: str, index: Sequence[int], values: np.ndarray) -> None:
        if key not in out:
            out[key] = np.full((len(pack), *values.shape[1:]), np.nan, values.dtype)
        out[key][index] = values

    wanted = sorted(wanted)
    for start in tqdm(range(0, len(wanted), 16), desc=name, unit="batch"):
        index = wanted[start : start + 16]
        x = as_tensor(pack[index], size).numpy()
        seen = dict(zip(names, session.run(names, {"film": x}), strict=True))
        maps = seen["maps"]
        pooled = maps.reshape(*maps.shape[:2], 7, 2, 7, 2).mean((3, 5))
        put("logits", index, seen["logits"])
        put("maps", index, pooled.astype(np.float16))
        put("label_maps", index, maps[:, : len(LABELS)].astype(np.float16))
        put("places", index, seen.get("places", maps[:, : len(LABELS)]).astype(np.float16))
        put("lateral", index, seen["lateral"])
        put("vector", index, seen["vector"])
    return out


def other_films(folder: Path, sets: Sequence[str] = ("nih14", "kermany")) -> tuple[list[Path], np.ndarray, np.ndarray]:
    """Films of other collections that may be trained on: paths, targets (N, 15) with NaN, lateral (N,).

    Three patients of four (by a hash of the patient); the fourth is kept for measuring. A label is known only
    within the collection that has it, so that no label can be read off the collection's look.
    """
    paths, targets = [], []
    with (folder / "films.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if fold_of(row["patient_id"] or row["filename"], 4) == 0:
                continue
            found = set(row["labels"].split("|"))
            if row["set"] not in sets:
                continue
            if row["set"] == "nih14":
                targets.append([float(n in found) for n in NIH_LABELS] + [math.nan])
            elif row["set"] == "kermany":
                targets.append([math.nan] * len(NIH_LABELS) + [float("ormal" not in row["labels"])])
            else:
                continue
            paths.append(folder / row["set"] / row["filename"])
    return paths, np.array(targets, np.float32), np.zeros(len(paths), np.float32)


#: What the findings of ChestX-ray14 are called here.
_SHARED = {
    "Atelectasis": ("label:Atelectasis", "mesh:Pulmonary Atelectasis"),
    "Cardiomegaly": ("label:Cardiomegaly", "mesh:Cardiomegaly"),
    "Consolidation": ("label:Consolidation", "mesh:Consolidation"),
    "Edema": ("label:Edema", "mesh:Pulmonary Edema"),
    "Effusion": ("label:Pleural Effusion", "mesh:Pleural Effusion"),
    "Emphysema": ("mesh:Emphysema", "mesh:Pulmonary Emphysema"),
    "Fibrosis": ("mesh:Pulmonary Fibrosis",),
    "Hernia": ("mesh:Hernia, Hiatal",),
    "Infiltration": ("mesh:Infiltrate",),
    "Mass": ("mesh:Mass",),
    "Nodule": ("mesh:Nodule",),
    "Pleural_Thickening": ("label:Pleural Other", "mesh:Thickening"),
    "Pneumonia": ("label:Pneumonia", "mesh:Pneumonia"),
    "Pneumothorax": ("label:Pneumothorax", "mesh:Pneumothorax"),
}


def shared_targets(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(N, len(names)) concepts of films with the ChestX-ray14 targets ``values`` (N, 15); NaN where they say nothing.

    "Infiltration" is an opacity, but only a film without any finding has none: so is atelectasis, or a mass.
    """
    column = {name: i for i, name in enumerate(names)}
    found = {label: values[:, k] for k, label in enumerate(NIH_LABELS)}
    out = np.full((len(values), len(names)), np.nan, np.float32)
    for label, concepts in _SHARED.items():
        for concept in concepts:
            if concept in column:
                out[:, column[concept]] = found[label]
    out[:, column["label:Lung Lesion"]] = np.maximum(found["Mass"], found["Nodule"])
    dense = np.maximum.reduce([found[n] for n in ("Infiltration", "Consolidation", "Pneumonia", "Edema")])
    silent = values[:, : len(NIH_LABELS)].max(1) == 0
    out[:, column["label:Lung Opacity"]] = np.where(dense == 1, 1.0, np.where(silent, 0.0, np.nan))
    out[:, column["label:No Finding"]] = silent
    return out


def warm_up(
    pack: np.ndarray, targets: np.ndarray, config: EncoderConfig, epochs: int, seed: int, checkpoint: Path
) -> dict[str, torch.Tensor]:
    """Weights after ``epochs`` on other films: (N, 256, 256) uint8 with targets (N, C)."""
    films = StudyFilms(tuple((i,) for i in range(len(pack))), np.zeros(len(pack), np.float32))
    warm = EncoderConfig(**{**config.__dict__, "epochs": epochs})
    weights = np.ones(targets.shape[1], np.float32)
    network = train_encoder(
        pack, films, targets, weights, range(len(pack)), warm, seed, None, checkpoint, name="warm-up"
    )
    return network.state_dict()
