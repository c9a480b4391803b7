"""Training the detector on films into which findings are drawn (``implants``); no label is read.

The first eleven blocks of EfficientNet-Lite0 and a feature pyramid down to cells of 4 pixels (Lin et al. 2017, "Feature
Pyramid Networks for Object Detection"); the loss of a cell is a focal one (Lin et al. 2017, "Focal Loss for Dense
Object Detection", gamma 1) beside the Dice loss of each map that has something (Milletari et al. 2016, "V-Net").
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from wetread.image.transforms import RASTER
from wetread.model.detector import CELLS, DRAWN, strongest
from wetread.model.runtime import OnnxDetector
from wetread.train.canvas import Chest
from wetread.train.config import DetectorConfig
from wetread.train.depthwise import quicken
from wetread.train.encode import Average, State, device_of_training, mixed
from wetread.train.encoder import backbone, imagenet
from wetread.train.films import as_tensor, exported, exposed, posed, rendered
from wetread.train.implants import draw

__all__ = ["Detector", "Drawing", "detection_loss", "look", "textures", "train_detector"]

#: Blocks of the backbone that are used, those whose features are read (strides 4, 8, 16) and their widths.
_BLOCKS, _READ = 11, ((2, 24), (4, 40), (10, 112))
#: Blocks whose channels tell how a film was made (strides 4, 8, 16).
_TEXTURE = (1, 3, 5)
_WIDTH = 64
#: Weight of a cell in which something is, of the Dice loss and of the whole film's loss.
_FOUND, _DICE, _FILM = 4.0, 0.5, 0.3
#: Mean loss of a cell → a number of the order of one.
_CELLS_LOSS = 50.0
#: Log of the cells that a film without anything may have by chance.
_CHANCE = math.log(20)
#: Share of a cell's 16 pixels that a finding's mark must reach anywhere in it.
_REACHED = 0.4
#: Share of films that are mirrored: a lesion has no side, and the heart is not asked for.
_MIRRORED = 0.3


def _mix() -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(_WIDTH),
        nn.ReLU(),
        nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, groups=_WIDTH, bias=False),
        nn.Conv2d(_WIDTH, _WIDTH, 1, bias=False),
    )


def _thirds(x: torch.Tensor, axis: int) -> list[torch.Tensor]:
    """Three parts of an axis, the last one the longest where it is no multiple of three."""
    ends = [i * int(x.shape[axis]) // 3 for i in range(4)]
    return [x.narrow(axis, first, last - first) for first, last in pairwise(ends)]


class Detector(nn.Module):
    """A film (B, 1, 256, 256) in [0, 1] → logits (B, K, 64, 64) of what is drawn (``model.detector.DRAWN``)."""

    def __init__(self) -> None:
        super().__init__()
        net = backbone()
        self.stem, self.norm, self.active = net._conv_stem, net._bn0, net._swish
        self.blocks = net._blocks[:_BLOCKS]
        self.read = nn.ModuleList(nn.Conv2d(width, _WIDTH, 1) for _, width in _READ)
        self.mixed = nn.ModuleList(_mix() for _ in _READ[:-1])
        self.head = nn.Sequential(nn.BatchNorm2d(_WIDTH), nn.ReLU(), nn.Conv2d(_WIDTH, len(DRAWN), 1))
        nn.init.constant_(self.head[-1].bias, -4.0)  # type: ignore[arg-type]

    def load_imagenet(self) -> None:
        known = imagenet()
        for name, part in (("_conv_stem", self.stem), ("_bn0", self.norm), ("_blocks", self.blocks)):
            part.load_state_dict({k: known[f"{name}.{k}"] for k in part.state_dict()})

    def features(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """Films → (B, D, 16, 16) of the deepest level, (B, D, 64, 64) of all, from which the cells are told, texture.

        The texture is (B, C) of each of some blocks' channels: their means, then their deviations over the film.
        """
        x = (x * 2 - 1).expand(-1, 3, -1, -1)
        x = self.active(self.norm(self.stem(x)))
        levels: list[torch.Tensor] = []
        texture: list[torch.Tensor] = []
        for i, block in enumerate(self.blocks):
            x = block(x, drop_connect_rate=0.1 * i / _BLOCKS)
            if i in dict(_READ):
                levels.append(self.read[len(levels)](x))
            if i in _TEXTURE:
                mean = x.mean((2, 3), keepdim=True)
                texture += [mean.flatten(1), ((x - mean) ** 2).mean((2, 3)).sqrt()]
        deep = seen = levels.pop()
        for level, mix in zip(reversed(levels), reversed(self.mixed), strict=True):
            seen = level + functional.interpolate(seen, scale_factor=2, mode="nearest")
            seen = seen + mix(seen)
        return deep, seen, texture

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x)[1])

    def found(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Films → their cells' logits, (B, P) features over the film, (B, T) texture (``model.detector.Found``).

        Features are mean and maximum at both levels; of the deep one the means of ninths of the film as well, by rows.
        """
        deep, fine, texture = self.features(x)
        parts = [part for level in (deep, fine) for part in (level.mean((2, 3)), level.amax((2, 3)))]
        ninths = [band.mean((2, 3)) for row in _thirds(deep, 2) for band in _thirds(row, 3)]
        return self.head(fine), torch.cat((*parts, *ninths), 1), torch.cat(texture, 1)


def _sized(images: torch.Tensor, pixels: int) -> torch.Tensor:
    if images.shape[-1] == pixels:
        return images
    return functional.interpolate(images, size=(pixels, pixels), mode="area")


class Drawing:
    """Batches of films with findings drawn into them, posed and exposed otherwise each time.

    Args:
        pack: (films, 256, 256) uint8. films: those to draw into. lateral: (films,) bool, which of the pack are lateral.
        means: the mean frontal and the mean lateral film, (32, 32) each.
    """

    def __init__(
        self,
        pack: np.ndarray,
        films: Iterable[int],
        lateral: np.ndarray,
        means: tuple[np.ndarray, np.ndarray],
        seed: int,
    ) -> None:
        self.pack, self.films, self.rng = pack, np.array(list(films)), np.random.default_rng(seed)
        self._chests: list[Chest] = []  # their lungs packed, a bit a pixel
        for film in tqdm(self.films, desc="lungs", unit="film"):
            side = bool(lateral[film])
            chest = Chest.of(np.asarray(pack[film], np.float32) / 255, means[side], side)
            self._chests.append(replace(chest, lungs=np.packbits(chest.lungs)))

    def chest(self, i: int) -> Chest:
        """Of the i-th film."""
        packed = self._chests[i]
        return replace(packed, lungs=np.unpackbits(packed.lungs).reshape(RASTER, RASTER).astype(bool))

    def batch(self, chosen: Iterable[int], pixels: int = RASTER) -> tuple[torch.Tensor, torch.Tensor]:
        """Places in ``films`` → films (B, 1, pixels, pixels) in [0, 1] and their cells, 1 where something was drawn."""
        pairs = []
        for i in chosen:
            film, masks = draw(np.asarray(self.pack[self.films[i]]), self.chest(i), self.rng)
            pairs.append((rendered(film, self.rng) if self.rng.random() < 0.6 else film, masks))
        films, masks = (np.stack(part) for part in zip(*pairs, strict=True))
        theta = self._theta(len(films))
        x = self._exposed(posed(torch.from_numpy(films.astype(np.float32) / 255)[:, None], theta, RASTER))
        x = _sized(x, pixels)
        cells = torch.zeros(*masks.shape[:2], *(side * CELLS // RASTER for side in x.shape[2:]))
        own, what = np.nonzero(masks.any((2, 3)))  # of what there is, few in a film, alone
        if len(own):
            drawn = torch.from_numpy(masks[own, what].astype(np.float32))[:, None]
            drawn = _sized(posed(drawn, theta[own], RASTER), pixels)
            cells[own, what] = (functional.max_pool2d(drawn, RASTER // CELLS) > _REACHED).float()[:, 0]
        return x, cells

    def epoch(
        self, seed: tuple[int, int], size: int, pixels: int = RASTER
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """All films once, in batches of ``size``; the next batch is drawn while one is learned from."""
        self.rng = np.random.default_rng(seed)
        order = self.rng.permutation(len(self.films))
        size = min(size, len(order))
        batches = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
        with ThreadPoolExecutor(1) as pen:
            coming = pen.submit(self.batch, batches[0], pixels)
            for chosen in batches[1:]:
                drawn, coming = coming, pen.submit(self.batch, chosen, pixels)
                yield drawn.result()
            yield coming.result()

    def _uniform(self, n: int, low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(self.rng.uniform(low, high, n).astype(np.float32))

    def _theta(self, n: int) -> torch.Tensor:
        """(n, 2, 3) poses."""
        angle = self._uniform(n, -10, 10) * math.pi / 180
        wide, high = self._uniform(n, 0.8, 1.15), self._uniform(n, 0.8, 1.15)
        side = torch.where(self._uniform(n, 0, 1) < _MIRRORED, -1.0, 1.0)
        theta = torch.zeros(n, 2, 3)
        theta[:, 0, 0], theta[:, 0, 1] = torch.cos(angle) * wide * side, -torch.sin(angle) * wide
        theta[:, 1, 0], theta[:, 1, 1] = torch.sin(angle) * high * side, torch.cos(angle) * high
        theta[:, 0, 2], theta[:, 1, 2] = self._uniform(n, -0.12, 0.12), self._uniform(n, -0.12, 0.12)
        return theta

    def _exposed(self, x: torch.Tensor) -> torch.Tensor:
        n = len(x)
        gamma, contrast = torch.exp(self._uniform(n, -0.35, 0.35)), self._uniform(n, 0.75, 1.25)
        x = exposed(x, gamma, contrast, self._uniform(n, -0.12, 0.12))
        noise = self._uniform(n, 0, 0.02)[:, None, None, None]
        grain = torch.from_numpy(self.rng.standard_normal(x.shape, np.float32))
        return (x + grain * noise).clamp(0, 1)


def detection_loss(logits: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Logits and truth (B, K, h, w) → the loss of the cells, of each map that has something, and of the whole films."""
    p = torch.sigmoid(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, drawn, reduction="none")
    missed = torch.where(drawn > 0, _FOUND * (1 - p), p)
    cells = (missed * entropy).mean() * _CELLS_LOSS
    has = (drawn.sum((2, 3)) > 0).float()
    overlap = (2 * (p * drawn).sum((2, 3)) + 1) / (p.sum((2, 3)) + drawn.sum((2, 3)) + 1)
    dice = ((1 - overlap) * has).sum() / has.sum().clamp(min=1)
    film = functional.binary_cross_entropy_with_logits(torch.logsumexp(logits.flatten(2), -1) - _CHANCE, has)
    return cells + _DICE * dice + _FILM * film


def train_detector(drawing: Drawing, config: DetectorConfig, precision: str, seed: int, checkpoint: Path) -> Detector:
    """Train it and return its averaged weights; resumes from checkpoint.

    Args:
        precision: ``bf16`` where the device computes in it. checkpoint: file of the state after each epoch.
    """
    device = device_of_training()
    half = mixed(precision, device)
    torch.manual_seed(seed)
    network = Detector()
    network.load_imagenet()
    if half and device.type == "cpu":
        quicken(network)
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(network, config.ema)
    optimizer = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=0.02, betas=(0.9, 0.98), fused=True
    )
    per_epoch = max(1, len(drawing.films) // config.batch)
    steps = per_epoch * config.epochs + 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        config.learning_rate,
        total_steps=steps,
        pct_start=max(0.1, 2 / steps),  # it cannot warm up in one step
        cycle_momentum=False,
    )
    state = State(network, average, optimizer, schedule)
    first = state.load(checkpoint, device)
    for epoch in range(first, config.epochs):
        network.train()
        progress = tqdm(total=per_epoch, desc=f"detector {epoch + 1}/{config.epochs}", unit="batch")
        losses: list[float] = []
        pixels = config.small_size if epoch < config.small_epochs else RASTER
        for x, drawn in drawing.epoch((seed, epoch), config.batch, pixels):
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                logits = network(x.to(device, memory_format=torch.channels_last))
            losses.append(state.learn(detection_loss(logits.float(), drawn.to(device))))
            progress.update()
            progress.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}")
        progress.close()
        state.save(checkpoint, epoch + 1)
    return average.network.to("cpu").eval()  # type: ignore[return-value]


def look(graph: Path, pack: np.ndarray) -> dict[str, np.ndarray]:
    """What an exported detector finds in each film of the pack.

    Returns:
        marks (films, 2K), see ``model.detector.strongest``; pooled (films, P) float16 and texture (films, T), see
        ``model.detector.Found``.
    """
    detector = OnnxDetector(graph, torch.get_num_threads())
    marks, pooled, texture = [], [], []
    for film in tqdm(range(len(pack)), desc="detector", unit="film"):
        found = detector(as_tensor(pack[[film]], RASTER).numpy())
        marks.append(strongest(found.spots))
        pooled.append(found.pooled[0].astype(np.float16))
        texture.append(found.texture[0])
    return {"marks": np.stack(marks), "pooled": np.stack(pooled), "texture": np.stack(texture)}


def textures(graph: Path, pack: np.ndarray, films: Sequence[int], seed: int) -> np.ndarray:
    """(pack's films, T) the texture of some of its films, each ``exported`` by chance; NaN for the others."""
    detector = OnnxDetector(graph, torch.get_num_threads())
    rng = np.random.default_rng(seed)
    shown = (exported(np.asarray(pack[film]), rng) for film in tqdm(films, desc="textures of exports", unit="film"))
    own = np.stack([detector(as_tensor([film], RASTER).numpy()).texture[0] for film in shown])
    found = np.full((len(pack), own.shape[1]), np.nan, np.float32)
    found[list(films)] = own
    return found
