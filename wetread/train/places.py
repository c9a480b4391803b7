"""Where in a film the labels lie: a small head on each finished encoder, taught by the sides that reports name.

The encoder's own maps are taught by whether a concept is in the film at all, and hardly lie on the side that the
report names. The head reads the frozen encoder's features at two depths, so that the findings and the words stay as
they are. Its maps are taught by both: the concept of the film (pooled as the encoder's are), and the side, right
or left of the film, of those that a report or MeSH code puts on one side only.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from wetread.errors import UsageError
from wetread.train.encode import StudyFilms, concept_loss, device_of_training, mixed
from wetread.train.encoder import FilmEncoder, PlaceHead, pool
from wetread.train.films import as_tensor
from wetread.train.targets import Concepts
from wetread.types import LABELS

__all__ = ["side_loss", "sided", "train_places"]

#: Films whose features are kept on disk while a head is taught (145 kB each); those with a known side come first.
MOST_FILMS = 8000
#: Concepts beside the labels that help: those whose side is known of so many teachers.
LEAST_SIDED = 3
BATCH, RATE, WEIGHT_DECAY = 32, 2e-3, 0.01


def sided(concepts: Concepts, teachers: np.ndarray) -> np.ndarray:
    """Columns of the 14 labels, then of the other concepts with enough known sides; empty where no label has one."""
    known = (~np.isnan(concepts.sides[teachers])).sum(0)
    labels = np.arange(len(LABELS))
    if not known[labels].any():
        return labels[:0]
    return np.concatenate((labels, len(LABELS) + np.flatnonzero(known[len(LABELS) :] >= LEAST_SIDED)))


def side_loss(maps: torch.Tensor, right: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of the map's right half against its left one, pooled as the logits are.

    Args:
        maps: (B, C, h, w) of frontal films, the patient's right on the left of the film.
        right: (B, C) 1 where the concept is on the right alone, 0 on the left, NaN where it is not known.
        weight: (C,).
    """
    half = maps.shape[-1] // 2
    return concept_loss(pool(maps[..., :half]) - pool(maps[..., -half:]), right, weight)


def train_places(
    network: FilmEncoder,
    pack: np.ndarray,
    films: StudyFilms,
    concepts: Concepts,
    columns: np.ndarray,
    studies: np.ndarray,
    size: int,
    epochs: int,
    precision: str,
    seed: int,
    scratch: Path,
    name: str = "places",
) -> PlaceHead:
    """Teach one encoder's head on the frontal films of the studies that the encoder has learned from.

    Args:
        pack: (films, 256, 256) uint8. columns: of the concepts that are taught (``sided``). studies: (studies,) bool.
        size: of the encoder's input.
        scratch: a folder for the features, which are removed afterwards.

    Raises:
        UsageError: none of the studies has a frontal film.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    told = (~np.isnan(concepts.sides[:, columns])).any(1)
    order = (*np.flatnonzero(studies & told), *rng.permutation(np.flatnonzero(studies & ~told)))
    chosen = [(f, s) for s in order for f in films.films[s] if films.lateral[f] != 1][:MOST_FILMS]
    if not chosen:
        raise UsageError("there is no frontal film to learn places from; set encoder.place_epochs = 0")
    index, study = (np.array(part) for part in zip(*chosen, strict=True))
    target = torch.from_numpy(concepts.values[np.ix_(study, columns)])
    right = torch.from_numpy(concepts.sides[np.ix_(study, columns)])
    device = device_of_training()
    weight = torch.from_numpy(concepts.weights[columns]).to(device)
    network = network.to(device).eval()
    with tempfile.NamedTemporaryFile(dir=scratch, suffix=".features") as file:
        features = _features(network, pack, index, size, mixed(precision, device), Path(file.name), name)
        head = PlaceHead(features.shape[1], len(columns)).to(device)
        steps = epochs * -(-len(index) // BATCH)
        optimizer = torch.optim.AdamW(head.parameters(), RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps + 1)
        progress = tqdm(total=steps, desc=name, unit="batch")
        losses: list[float] = []
        for _ in range(epochs):
            shuffled = rng.permutation(len(index))
            for start in range(0, len(index), BATCH):
                batch = np.sort(shuffled[start : start + BATCH])
                x = torch.from_numpy(features[batch].astype(np.float32)).to(device)
                maps = head(x)
                loss = concept_loss(pool(maps), target[batch].to(device), weight)
                loss = loss + side_loss(maps, right[batch].to(device), weight)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(float(loss.detach()))
                progress.update()
                progress.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}")
        progress.close()
        del features
    return head.labels_only().to("cpu").eval()


@torch.no_grad()
def _features(
    network: FilmEncoder, pack: np.ndarray, index: np.ndarray, size: int, half: bool, path: Path, name: str
) -> np.ndarray:
    """(films, D, h, w) float16, in a file: what ``PlaceHead`` reads."""
    device = next(network.parameters()).device
    out: np.ndarray | None = None
    for start in tqdm(range(0, len(index), BATCH), desc=f"{name}, features", unit="batch"):
        x = as_tensor(pack[index[start : start + BATCH]], size).to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            values = network.features(x).places.float().cpu().numpy()
        if out is None:
            out = np.memmap(path, np.float16, "w+", shape=(len(index), *values.shape[1:]))
        out[start : start + BATCH] = values
    assert out is not None
    return out
