"""From what the encoders see in a study's films to its 14 findings, calibrated.

Training and drafting share these functions, so that what was calibrated is what runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from wetread.report.further import EITHER, FURTHER, KINDS
from wetread.types import LABELS, Finding, State, Triage

__all__ = [
    "CLIP",
    "LEAST_UNCERTAIN",
    "SPINE",
    "asked_of",
    "commands_of",
    "findings_of",
    "further_of",
    "fuse",
    "head_input",
    "log_odds",
    "probabilities",
    "told_of",
    "triage_of",
    "uncertain_of",
    "worn_spine",
]

#: Standard deviations beyond which a concept says no more.
CLIP = 4.0
#: What is less probable is not called uncertain, whatever the threshold of a rare finding says: below it no details are
#: written either, and such a state changes with every rendering of the film (``benchmarks/robustness.py``).
LEAST_UNCERTAIN = 0.15
#: The concept by which a sentence on a degenerated spine is let pass: the likeliest fiftieth of the studies, of whom a
#: third have it in their reports (of the likeliest tenth a quarter; ``docs/log.md``, bundle 8).
SPINE, SPINE_SHARE = "mesh:Thoracic Vertebrae/degenerative", 0.02
_NO_FINDING = LABELS.index("No Finding")
_DEVICES = LABELS.index("Support Devices")


def fuse(logits: np.ndarray, lateral: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The films of one study: logits (V, C), lateral (V,) → their mean (C,) and gap (C,).

    The gap is (frontal mean − lateral mean) / 2; zero where one projection is missing.
    """
    side = lateral > 0
    mean = logits.mean(0)
    if side.any() and not side.all():
        return mean, (logits[~side].mean(0) - logits[side].mean(0)) / 2
    return mean, np.zeros_like(mean)


def worn_spine(mean: np.ndarray, concepts: Sequence[str], arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether a study's concepts (C,) tell of a degenerated spine; True where the bundle cannot tell."""
    if "spine_from" not in arrays:
        return True
    return bool(mean[list(concepts).index(SPINE)] >= arrays["spine_from"][0])


def head_input(mean: np.ndarray, gap: np.ndarray, logit_mean: np.ndarray, logit_sd: np.ndarray) -> np.ndarray:
    """(…, C) mean and gap → (…, 2C), in standard deviations, clipped."""
    return np.concatenate(
        (np.clip((mean - logit_mean) / logit_sd, -CLIP, CLIP), np.clip(gap / logit_sd, -CLIP, CLIP)), -1
    ).astype(np.float32)


def probabilities(read: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """(…, 2C) → (…, 14) calibrated probabilities."""
    return 1 / (1 + np.exp(-(read.astype(np.float64) @ weight.T.astype(np.float64) + bias)))


def log_odds(probability: np.ndarray) -> np.ndarray:
    """(…, F) probabilities of findings → half their log-odds, as the decoder reads them; at .001 and .999 it ends."""
    p = np.clip(probability, 1e-3, 1 - 1e-3)
    return (0.5 * np.log(p / (1 - p))).astype(np.float32)


def asked_of(commands: np.ndarray, likely: np.ndarray, told: np.ndarray, spine: np.ndarray) -> np.ndarray:
    """(…, 14 + E + 1) int, what is asked of the text: 1 to say a finding, 2 not to deny it, 0 neither.

    Args:
        commands, likely: (…, 14) whether a label is to be said (``commands_of``), and whether it may not be denied.
        told: (…, E) whether a further finding is to be said (``told_of``). spine: (…,) whether the spine may be called
            degenerated (``worn_spine``), which is asked last.
    """
    labels = np.where(commands, 1, np.where(likely, 2, 0))
    return np.concatenate((labels, told, np.asarray(spine)[..., None]), -1).astype(np.int64)


def commands_of(probability: np.ndarray, positive_from: np.ndarray) -> np.ndarray:
    """(N, 14) → (N, 14) int: what the text has to say. "No Finding" yields to any other finding but devices."""
    commands = (probability >= positive_from).astype(np.int64)
    others = np.delete(commands, [_NO_FINDING, _DEVICES], 1).any(1)
    commands[others, _NO_FINDING] = 0
    return commands


def uncertain_of(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(14,) the probabilities from which a finding is at least uncertain."""
    return np.minimum(np.maximum(arrays["uncertain_from"], LEAST_UNCERTAIN), arrays["positive_from"])


def further_of(read: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """What the findings head reads (…, F) → (…, E) the probabilities of ``FURTHER``; E is 0 where there are none."""
    if "further_weight" not in arrays:
        return np.zeros((*read.shape[:-1], 0))
    return probabilities(read, arrays["further_weight"], arrays["further_bias"])


def told_of(probability: np.ndarray, arrays: Mapping[str, np.ndarray], device: bool) -> frozenset[str] | None:
    """(E,) probabilities → the further findings that are told; None where the bundle knows of none.

    Of those that exclude each other the likelier one; kinds of a device where a ``device`` is stated.
    """
    if not len(probability):
        return None
    chance = dict(zip(FURTHER, probability, strict=True))
    seen = {name for name, least in zip(FURTHER, arrays["further_from"], strict=True) if chance[name] >= least}
    if seen >= EITHER:
        seen.discard(min(EITHER, key=lambda name: chance[name]))
    return frozenset(seen if device else seen - KINDS)


def findings_of(probability: np.ndarray, arrays: Mapping[str, np.ndarray]) -> dict[str, Finding]:
    """(14,) probabilities and the bundle's thresholds → the findings of a draft, each with its state."""
    found = {}
    commands = commands_of(probability[None], arrays["positive_from"])[0]
    least = uncertain_of(arrays)
    for k, name in enumerate(LABELS):
        positive = float(arrays["positive_from"][k])
        uncertain = float(least[k])
        state: State = "positive" if commands[k] else "uncertain" if probability[k] >= uncertain else "negative"
        found[name] = Finding(float(probability[k]), uncertain, positive, state)
    return found


def triage_of(labels: Mapping[str, Finding], arrays: Mapping[str, np.ndarray]) -> Triage | None:
    """Whether a study with these findings may wait; None where the bundle has no ``look_from``."""
    if "look_from" not in arrays:
        return None
    return Triage(1 - labels[LABELS[_NO_FINDING]].held, float(arrays["look_from"][0]))
