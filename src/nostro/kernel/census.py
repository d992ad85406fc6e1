"""Was any id used twice, and where was an id used?

For audits over everything ever written: 16 bytes an id, in buckets, so that sorting needs little
memory beside them.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from itertools import pairwise

_BUCKETS = 64  # one is sorted at a time, which takes some 60 bytes for each of its ids


class Census:
    """Counts ids with the height of the journal row that used them.

    An id is known by its 64-bit hash: two ids out of a million share one in one of 30 million runs.
    """

    def __init__(self) -> None:
        self._hashes = [array("q") for _ in range(_BUCKETS)]
        self._heights = [array("q") for _ in range(_BUCKETS)]

    def __len__(self) -> int:
        return sum(map(len, self._hashes))

    def add(self, key: str, height: int) -> None:
        """Count an id."""
        fingerprint = hash(key)
        bucket = fingerprint % _BUCKETS
        self._hashes[bucket].append(fingerprint)
        self._heights[bucket].append(height)

    def twice(self) -> tuple[int, int] | None:
        """Return two heights that used one id, of several the one used again first; else None."""
        found = [
            (max(pair), min(pair))
            for hashes, heights in zip(self._hashes, self._heights, strict=True)
            for pair in _pairs(hashes, heights)
        ]
        return min(found)[::-1] if found else None

    def heights_of(self, keys: Collection[str]) -> dict[str, int]:
        """Return the height of each id that was counted; costs a look at every id."""
        wanted = {hash(key): key for key in keys}
        return {
            wanted[fingerprint]: height
            for hashes, heights in zip(self._hashes, self._heights, strict=True)
            for fingerprint, height in zip(hashes, heights, strict=True)
            if fingerprint in wanted
        }


def _pairs(hashes: array[int], heights: array[int]) -> list[tuple[int, int]]:
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    return [
        (heights[one], heights[other])
        for one, other in pairwise(order)
        if hashes[one] == hashes[other]
    ]
