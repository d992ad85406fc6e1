"""Which ids were ever used, and where?

The newest ids stand in a dictionary with what became of them; all older ones are 16 bytes each: a
64-bit fingerprint and the height of the journal row that tells the rest, sorted, in a few runs of
growing length. A miss is certain. A fingerprint that is found is a hint, confirmed in that row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence, Set
from struct import Struct, error, unpack
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Words = NDArray[np.uint64]

SETTLE_KEYS = 16_384
"""How many ids leave memory together: enough that sorting them costs little for each."""
RUN_RATIO = 4
"""Each run is at least this many times as long as the next one, so few runs are asked."""
MERGE_AT_ONCE_MAX = 262_144
"""Runs are joined at once up to this length (a few milliseconds), longer ones slice by slice."""
MERGE_SLICE = 65_536
MERGE_PACE = 16
"""Entries of a slow merge moved for each id that leaves memory: it ends long before the next."""
ONE_BY_ONE_MAX = 8
"""Up to this many ids are looked up in plain Python: numpy costs more to call than they do."""

_MASK = 2**64 - 1
_FIRST = 0x9FB21C651E98DF25
_LAST = 0xD6E8FEB86659FD93
_MAGIC = b"SEEN/1\n\0"
_HEADER = Struct("<8sQQ")


def _word_keys() -> list[int]:
    """Return an odd multiplier for each of 128 places (splitmix64 from 1): place matters."""
    keys, state = [], 1
    for _ in range(128):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        mixed = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
        keys.append((mixed ^ mixed >> 31) | 1)
    return keys


_WORD_KEYS = _word_keys()
_WORD_KEYS_ARRAY: Words = np.array(_WORD_KEYS, dtype=np.uint64)


def fingerprint(key: str) -> int:
    """Return 64 bits of a key, the same in every process and for ever (snapshots hold them).

    The UTF-8 bytes are read as little-endian 64-bit words; each word is mixed with a multiplier of
    its place, the sum is mixed once more. Not a cryptographic hash: collisions cost a read, never a
    wrong answer.
    """
    data = key.encode("utf-8", "surrogatepass").rstrip(b"\0")
    count = (len(data) + 7) // 8
    total = 0
    for place, word in enumerate(unpack(f"<{count}Q", data.ljust(count * 8, b"\0"))):
        mixed = word * _WORD_KEYS[place % 128] & _MASK
        mixed = (mixed ^ mixed >> 32) * _FIRST & _MASK
        total += mixed ^ mixed >> 29
    total = (total & _MASK) * _LAST & _MASK
    return total ^ total >> 32


def fingerprints(keys: Sequence[str]) -> Words:
    """Return `fingerprint` of each key, about ten times faster for thousands of keys."""
    parts = [
        _fingerprints(keys[start : start + SETTLE_KEYS])
        for start in range(0, len(keys), SETTLE_KEYS)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _fingerprints(keys: Sequence[str]) -> Words:
    try:
        text = np.array(keys, dtype=np.bytes_)
    except UnicodeEncodeError:
        text = np.array([key.encode("utf-8", "surrogatepass") for key in keys], dtype=np.bytes_)
    count = (text.itemsize + 7) // 8
    words = text.astype(f"S{count * 8}").view("<u8").reshape(len(keys), count)
    total = np.zeros(len(keys), dtype=np.uint64)
    for place in range(count):
        mixed = words[:, place] * _WORD_KEYS_ARRAY[place % 128]
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(_FIRST)
        mixed ^= mixed >> np.uint64(29)
        total += mixed
    total *= np.uint64(_LAST)
    total ^= total >> np.uint64(32)
    return total


class SeenIndex(Generic[T]):
    """Remembers every id that was ever added, the newest with their value, the others by height.

    `hot_max`: how many ids stay in memory with their value. `fingerprint_bits` below 64 is for
    tests that want collisions. Not thread-safe; an id is added once.
    """

    __slots__ = ("_blocks", "_cold", "_hot", "_hot_max", "_kept", "_slack")

    def __init__(self, *, hot_max: int, fingerprint_bits: int = 64) -> None:
        self._hot: dict[str, T] = {}
        self._hot_max = hot_max
        self._slack = min(SETTLE_KEYS, hot_max // 8)
        self._blocks: deque[tuple[int, list[str]]] = deque()
        self._cold = _Cold()
        self._kept = _MASK >> (64 - fingerprint_bits) << (64 - fingerprint_bits)

    def __len__(self) -> int:
        return len(self._hot) + self._cold.count

    @property
    def hot_count(self) -> int:
        """Return how many ids are in memory with their value."""
        return len(self._hot)

    def hot(self, key: str) -> T | None:
        """Return the value of an id that is still in memory; None says nothing about older ids."""
        return self._hot.get(key)

    def none_hot(self, keys: Set[str]) -> bool:
        """Tell whether none of these ids is in memory."""
        return self._hot.keys().isdisjoint(keys)

    def add(self, key: str, value: T, height: int) -> None:
        """Remember an id used at a journal height; heights never fall."""
        self.add_many([key], (value,), height)

    def add_many(self, keys: list[str], values: Iterable[T], height: int) -> None:
        """Remember ids used at one journal height, in order; the list is kept, do not change it."""
        hot, blocks = self._hot, self._blocks
        count = len(hot) + len(keys)
        hot.update(zip(keys, values, strict=True))
        assert len(hot) == count, f"an id is used twice at height {height}"
        if blocks and blocks[-1][0] == height:
            blocks[-1][1].extend(keys)
        else:
            blocks.append((height, keys))

    def settle(self, height: int) -> None:
        """Let the oldest ids up to `height` leave memory, until `hot_max` are left.

        Waits until a good number can leave together. Their rows must be readable from now on.
        """
        excess = len(self._hot) - self._hot_max
        if excess <= self._slack:
            return
        blocks: list[tuple[int, list[str]]] = []
        while excess > 0 and self._blocks and self._blocks[0][0] <= height:
            blocks.append(self._blocks.popleft())
            excess -= len(blocks[-1][1])
        if blocks:
            hot = self._hot
            for _, keys in blocks:
                for key in keys:
                    del hot[key]
            self._cold.append(self._run(blocks))

    def candidates(self, keys: Sequence[str]) -> list[tuple[str, int]]:
        """Return (id, height) of the ids that may have been used there and have left memory.

        Almost always nothing. An id that is not named was never used, or is in memory.
        """
        if not self._cold.count:
            return []
        hot = self._hot
        old = [key for key in keys if key not in hot]
        if len(old) <= ONE_BY_ONE_MAX:
            return [
                (key, height)
                for key in old
                for height in self._cold.find(fingerprint(key) & self._kept)
            ]
        found = self._cold.find_many(fingerprints(old) & np.uint64(self._kept))
        return [(old[index], height) for index, height in found]

    def dump(self) -> bytes:
        """Return all ids as bytes in which every id is old; the index itself is not changed."""
        runs = [*self._cold.all_runs(), *([self._run(self._blocks)] if self._blocks else ())]
        head = [_HEADER.pack(_MAGIC, self._check(), len(runs))]
        head += [len(run).to_bytes(8, "little") for run in runs]
        body = [part.astype("<u8").tobytes() for run in runs for part in run.columns]
        return b"".join(head + body)

    def load(self, data: bytes) -> None:
        """Replace all that is remembered by what `dump` wrote; raises ValueError if it did not."""
        try:
            magic, check, count = _HEADER.unpack_from(data)
            lengths = unpack(f"<{count}Q", data[_HEADER.size : _HEADER.size + 8 * count])
        except error as cause:
            raise ValueError("not an index of seen ids: too short") from cause
        start = _HEADER.size + 8 * count
        if magic != _MAGIC or check != self._check() or len(data) != start + 16 * sum(lengths):
            raise ValueError("not an index of seen ids, or one with other fingerprints")
        self._hot, self._blocks, self._cold = {}, deque(), _Cold()
        for length in lengths:
            columns = np.frombuffer(data, dtype="<u8", count=2 * length, offset=start)
            native = columns.astype(np.uint64)
            self._cold.append(_Run(native[:length], native[length:]))
            start += 16 * length

    def _check(self) -> int:
        return fingerprint("nostro") & self._kept

    def _run(self, blocks: Iterable[tuple[int, list[str]]]) -> _Run:
        keys: list[str] = []
        heights, counts = [], []
        for height, block in blocks:
            keys += block
            heights.append(height)
            counts.append(len(block))
        column = np.repeat(np.array(heights, dtype=np.uint64), counts)
        return _sorted(fingerprints(keys) & np.uint64(self._kept), column)


class _Run:
    """Fingerprints in order, and the height of each. Immutable."""

    __slots__ = ("columns", "view")

    def __init__(self, prints: Words, heights: Words) -> None:
        self.columns = (prints, heights)
        self.view: memoryview[int] = prints.data.cast("B").cast("Q")

    def __len__(self) -> int:
        return len(self.view)

    def find(self, wanted: int, start: int) -> list[int]:
        """Return the heights of a fingerprint whose first place can be no earlier than `start`."""
        view, heights = self.view, []
        while start < len(view) and view[start] == wanted:
            heights.append(int(self.columns[1][start]))
            start += 1
        return heights


def _sorted(prints: Words, heights: Words) -> _Run:
    order = np.argsort(prints, kind="stable")
    return _Run(prints[order], heights[order])


def _joined(runs: Sequence[_Run]) -> _Run:
    return _sorted(
        np.concatenate([run.columns[0] for run in runs]),
        np.concatenate([run.columns[1] for run in runs]),
    )


class _Merge:
    """Neighbouring runs on their way into one, a slice of the fingerprints at a time."""

    __slots__ = ("_ends", "_heights", "_prints", "_runs", "_slice", "_slices", "count", "place")

    def __init__(self, place: int, runs: Sequence[_Run]) -> None:
        self.place = place
        """Where in the list of runs the first of them stands."""
        self.count = len(runs)
        total = sum(len(run) for run in runs)
        self._runs = runs
        self._prints = np.empty(total, dtype=np.uint64)
        self._heights = np.empty(total, dtype=np.uint64)
        self._ends = [0] * len(runs)
        self._slice = 0
        self._slices = -(-total // MERGE_SLICE)

    def advance(self, entries: int) -> _Run | None:
        """Move about that many entries; return the joined run when none is left."""
        for _ in range(-(-entries // MERGE_SLICE)):
            self._move_slice()
            if self._slice == self._slices:
                return _Run(self._prints, self._heights)
        return None

    def _move_slice(self) -> None:
        """Move all below the next bound; fingerprints are uniform, so bounds are even."""
        self._slice += 1
        last = self._slice == self._slices
        bound = np.uint64((self._slice << 64) // self._slices & _MASK)
        start, parts = sum(self._ends), []
        for index, run in enumerate(self._runs):
            prints, heights = run.columns
            end = len(run) if last else int(prints.searchsorted(bound))
            parts.append(_Run(prints[self._ends[index] : end], heights[self._ends[index] : end]))
            self._ends[index] = end
        joined = _joined(parts)
        self._prints[start : start + len(joined)] = joined.columns[0]
        self._heights[start : start + len(joined)] = joined.columns[1]


class _Cold:
    """The runs, longest first, and at most one slow merge under way."""

    __slots__ = ("_merge", "_runs", "count")

    def __init__(self) -> None:
        self.count = 0
        self._runs: list[_Run] = []
        self._merge: _Merge | None = None

    def all_runs(self) -> Sequence[_Run]:
        """Return the runs that hold everything, each id once."""
        return self._runs

    def append(self, run: _Run) -> None:
        """Take in a run of ids that are new here."""
        if not len(run):
            return
        self.count += len(run)
        self._runs.append(run)
        if self._merge is not None:
            self._go_on(self._merge, len(run) * MERGE_PACE)
        self._join_short_runs()

    def _go_on(self, merge: _Merge, entries: int) -> None:
        joined = merge.advance(entries)
        if joined is not None:
            self._runs[merge.place : merge.place + merge.count] = [joined]
            self._merge = None

    def _join_short_runs(self) -> None:
        """Join each run that is too short for the next one with all that follow."""
        runs, busy = self._runs, self._merge
        for place in range(0 if busy is None else busy.place + busy.count, len(runs) - 1):
            if len(runs[place]) >= RUN_RATIO * len(runs[place + 1]):
                continue
            if sum(map(len, runs[place:])) <= MERGE_AT_ONCE_MAX:
                runs[place:] = [_joined(runs[place:])]
                return
            if busy is None:
                busy = self._merge = _Merge(place, runs[place:])
                return

    def find(self, wanted: int) -> list[int]:
        """Return the heights at which this fingerprint was used."""
        return [
            height
            for run in self._runs
            for height in run.find(wanted, bisect_left(run.view, wanted))
        ]

    def find_many(self, wanted: Words) -> list[tuple[int, int]]:
        """Return (index in `wanted`, height) for all that are found."""
        order = np.argsort(wanted)
        needles = wanted[order]
        found: list[tuple[int, int]] = []
        for run in self._runs:
            prints = run.columns[0]
            places = prints.searchsorted(needles)
            near = np.minimum(places, len(prints) - 1)
            for hit in np.nonzero(prints[near] == needles)[0].tolist():
                index = int(order[hit])
                heights = run.find(int(needles[hit]), int(places[hit]))
                found.extend((index, height) for height in heights)
        return found
