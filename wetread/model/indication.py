"""What the words of an indication say of the findings: each word moves the log-odds that the films give.

"Pacemaker placement" makes a device likelier, "rib pain" a fracture. The weights are learned beside the
probabilities of the films (``train.indications``), so that what the films say counts once; without an indication, or
with one of which no word is known, the films speak alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["moved", "shift", "words_of"]

_WORD = re.compile(r"[a-z]{2,}")
#: Characters of an indication that are read.
_LONGEST = 2000
#: Probabilities are moved from within these bounds.
_LEAST = 1e-6


def words_of(indication: str | None) -> frozenset[str]:
    """The words of an indication in lower case, without numbers, single letters and what was blanked out."""
    return frozenset(_WORD.findall((indication or "")[:_LONGEST].lower())) - {"xxxx"}


def shift(indication: str | None, words: Sequence[str], arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(F,) what an indication adds to the log-odds of the findings; all zero where no word is known.

    (0,) where the bundle reads no indications.

    Args:
        words: those that are known, in the order of the columns of ``indication_weight`` (F, W).
        arrays: also ``indication_mean`` (W,), the share of the teachers' indications that have each word.
    """
    if "indication_weight" not in arrays:
        return np.zeros(0)
    weight = arrays["indication_weight"]
    said = words_of(indication)
    present = np.array([word in said for word in words], bool)
    if not present.any():
        return np.zeros(len(weight))
    return weight.astype(np.float64) @ (present - arrays["indication_mean"])


def moved(probability: np.ndarray, by: np.ndarray) -> np.ndarray:
    """(…, F) probabilities with so much added to their log-odds."""
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    return 1 / (1 + np.exp(-(np.log(p / (1 - p)) + by)))
