"""Which words may follow three others in a sentence: those that do in some sentence that the decoder was taught.

A language model that saw few reports blends two of them into one now and then ("the lungs are focal consolidation").
Four words in a row that nobody wrote give it away. They are kept as a Bloom filter (Bloom 1970, "Space/time
trade-offs in hash coding with allowable errors"), from which no text can be read: it knows all that it was given, and a
small share of what it was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["ARRAY", "Ngrams"]

#: The name of the filter in a bundle: (bits / 8,) uint8, a power of two.
ARRAY = "ngrams"
_BITS = 1 << 19
#: Odd multipliers, as mixers of 64-bit hashes have them: by place in the phrase, and one for each hash.
_PLACES = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xC2B2AE3D27D4EB4F], np.uint64)
_HASHES = np.array([0xD6E8FEB86659FD93, 0xA0761D6478BD642F], np.uint64)


def _places(before: Sequence[int], last: np.ndarray, bits: int) -> np.ndarray:
    """(2, N) the bits of the phrases that begin with three tokens and end with each of ``last`` (N,)."""
    with np.errstate(over="ignore"):
        key = (np.array(before, np.uint64) + np.uint64(1)) @ _PLACES[:3]
        key = key + (last.astype(np.uint64) + np.uint64(1)) * _PLACES[3]
        key ^= key >> np.uint64(31)
        mixed = key * _HASHES[:, None]
        return (mixed ^ (mixed >> np.uint64(29))) & np.uint64(bits - 1)


def _before(begun: Sequence[int], full_stop: int) -> list[int]:
    """The three tokens before the next one of a sentence."""
    return [full_stop, full_stop, full_stop, *begun][-3:]


@dataclass(frozen=True)
class Ngrams:
    """``filter``: the bits, packed; ``full_stop``: the token that ends a sentence and stands before its first word."""

    filter: np.ndarray
    full_stop: int

    @classmethod
    def of(cls, sentences: Iterable[Sequence[int]], full_stop: int) -> Ngrams:
        """All four tokens in a row of sentences, each with its full stop."""
        bits = np.zeros(_BITS, bool)
        told = {(*_before(s[:k], full_stop), token) for s in sentences for k, token in enumerate(s)}
        for *before, last in sorted(told):
            bits[_places(before, np.array([last]), _BITS)] = True
        return cls(np.packbits(bits), full_stop)

    def known(self, begun: Sequence[int], tokens: int) -> np.ndarray:
        """(tokens,) bool: which tokens may follow the words of a sentence that has begun."""
        at = _places(_before(begun, self.full_stop), np.arange(tokens), 8 * len(self.filter))
        byte, shift = (at >> np.uint64(3)).astype(np.int64), (np.uint64(7) - (at & np.uint64(7))).astype(np.uint8)
        bits: np.ndarray = (self.filter[byte] >> shift) & 1
        return np.logical_and(*bits)
