"""Which words may follow two others in a sentence: those that do in some sentence that the decoder was taught.

A language model that saw few reports blends two of them into one now and then ("the lungs focal consolidation").
Three words in a row that nobody wrote give it away. They are kept as a Bloom filter (Bloom 1970, "Space/time
trade-offs in hash coding with allowable errors"), from which no text can be read: it knows all that it was given, and a
small share of what it was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["ARRAY", "Phrases"]

#: The name of the filter in a bundle: (bits / 8,) uint8, a power of two.
ARRAY = "phrases"
_BITS = 1 << 19
#: Odd multipliers by place in the phrase, and one for each hash (from SplitMix64, Steele et al. 2014).
_PLACES = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)
_HASHES = np.array([0xD6E8FEB86659FD93, 0xA0761D6478BD642F], np.uint64)


def _places(first: int, second: int, third: np.ndarray, bits: int) -> np.ndarray:
    """(2, N) the bits of the phrases ``first``, ``second``, ``third`` (N,)."""
    with np.errstate(over="ignore"):
        head = np.uint64(first + 1) * _PLACES[0] + np.uint64(second + 1) * _PLACES[1]
        key = head + (third.astype(np.uint64) + np.uint64(1)) * _PLACES[2]
        key ^= key >> np.uint64(31)
        mixed = key * _HASHES[:, None]
        return (mixed ^ (mixed >> np.uint64(29))) & np.uint64(bits - 1)


@dataclass(frozen=True)
class Phrases:
    """``filter``: the bits, packed; ``full_stop``: the token that ends a sentence and stands before its first word."""

    filter: np.ndarray
    full_stop: int

    @classmethod
    def of(cls, sentences: Iterable[Sequence[int]], full_stop: int) -> Phrases:
        """All three tokens in a row of sentences, each with its full stop."""
        bits = np.zeros(_BITS, bool)
        told = {t for s in sentences for t in zip([full_stop, full_stop, *s], [full_stop, *s], s, strict=False)}
        for first, second, third in sorted(told):
            bits[_places(first, second, np.array([third]), _BITS)] = True
        return cls(np.packbits(bits), full_stop)

    def known(self, begun: Sequence[int], tokens: int) -> np.ndarray:
        """(tokens,) bool: which tokens may follow the words of a sentence that has begun."""
        first, second = [self.full_stop, self.full_stop, *begun][-2:]
        at = _places(first, second, np.arange(tokens), 8 * len(self.filter))
        byte, shift = (at >> np.uint64(3)).astype(np.int64), (np.uint64(7) - (at & np.uint64(7))).astype(np.uint8)
        bits: np.ndarray = (self.filter[byte] >> shift) & 1
        return np.logical_and(*bits)
