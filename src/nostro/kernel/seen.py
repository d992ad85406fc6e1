"""Which ids were ever used, and where?

The newest ids stand in a dictionary with what became of them; all older ones are some 17 bytes
each: a 64-bit fingerprint and the height of the journal row that tells the rest, sorted, in a few
runs of growing length. A miss is certain. A fingerprint that is found is a hint, confirmed in that
row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence, Set
from functools import lru_cache
from struct import Struct, error, unpack_from
from typing import Generic, NamedTuple, TypeVar

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
MERGE_PACE = 8
"""Entries of a slow merge moved for each id that leaves memory: it ends long before the next."""
ONE_BY_ONE_MAX = 8
"""Up to this many ids are looked up in plain Python: numpy costs more to call than they do."""

KEY_BYTES_MAX = 1_024
"""Longer keys are fingerprinted one by one."""

_MASK = 2**64 - 1
_SPREAD = 0x9FB21C651E98DF25
_MAGIC = b"SEEN/3\n\0"
_HEADER = Struct("<8sQQQQ")
_HEAD_BYTES = 1_024
"""Always the same, so that the long runs, which come first and seldom change, stand where they
stood in an earlier dump; room for the lengths of 123 runs, where a dozen are many."""

_PRIME_BITS = 30
_PRIME_LEAST = 1 << (_PRIME_BITS - 1)
_WITNESSES = (2, 3, 5, 7)
"""Enough for the test of Miller and Rabin to be certain below 3.2 * 10**9."""


class Primes(NamedTuple):
    """The two primes, of 30 bits, that make a fingerprint. Who knows them can make ids that collide
    on purpose, so that a look at one reads a row for each; a wrong answer nobody can make."""

    a: int
    b: int


PRIMES = Primes(608_135_819, 729_683_237)
"""The first primes after the first 30 bits of pi and of e (their hexadecimal fractions): for who
need not fear strangers."""
_chosen = PRIMES


def choose_primes(secret: int) -> Primes:
    """Have the indexes that are made from here on take primes that follow from a secret, and return
    these; `secret`: any integer, of 58 random bits where strangers choose ids. An index that is
    loaded keeps the primes that it was dumped with."""
    global _chosen
    first, second = secret % _PRIME_LEAST, (secret >> (_PRIME_BITS - 1)) % _PRIME_LEAST
    a = _prime_from(_PRIME_LEAST + first)
    b = _prime_from(_PRIME_LEAST + second)
    _chosen = Primes(a, b if b != a else _prime_from(a + 1))
    return _chosen


def _prime_from(number: int) -> int:
    """Return the first prime from a number on; past 30 bits, it begins again."""
    while True:
        if number.bit_length() > _PRIME_BITS:
            number = _PRIME_LEAST
        if _is_prime(number):
            return number
        number += 1


def _is_prime(number: int) -> bool:
    if number < 9 or number % 2 == 0:
        return number in (2, 3, 5, 7)
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(number, witness, odd, twos) for witness in _WITNESSES)


def _passes(number: int, witness: int, odd: int, twos: int) -> bool:
    power = pow(witness, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


def fingerprint(key: str, primes: Primes = PRIMES) -> int:
    """Return 64 bits of a key, the same in every process and for ever (snapshots hold them).

    The UTF-8 bytes, read as one little-endian number, modulo two primes; then spread over 64 bits.
    Two ids collide by chance once in 2**58 pairs.
    """
    number = int.from_bytes(key.encode("utf-8", "surrogatepass"), "little")
    both = (number % primes.a << 34 | number % primes.b << 4) * _SPREAD & _MASK
    return both ^ both >> 32


@lru_cache(maxsize=8)
def _powers(primes: Primes) -> Words:
    """Return what a 16-bit word at each place is worth: sums of 512 such products stay below
    2**64."""
    return np.array(
        [[pow(2, 16 * place, prime) for prime in primes] for place in range(KEY_BYTES_MAX // 2)],
        dtype=np.uint64,
    )


def fingerprints(keys: Sequence[str], primes: Primes = PRIMES) -> Words:
    """Return `fingerprint` of each key, several times faster for thousands of keys."""
    parts = [
        _fingerprints(keys[start : start + SETTLE_KEYS], primes)
        for start in range(0, len(keys), SETTLE_KEYS)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _fingerprints(keys: Sequence[str], primes: Primes) -> Words:
    try:
        text = np.array(keys, dtype=np.bytes_)
    except UnicodeEncodeError:
        text = np.array([key.encode("utf-8", "surrogatepass") for key in keys], dtype=np.bytes_)
    if text.itemsize > KEY_BYTES_MAX:
        return np.array([fingerprint(key, primes) for key in keys], dtype=np.uint64)
    count = (text.itemsize + 1) // 2
    words = text.astype(f"S{count * 2}").view("<u2").reshape(len(keys), count)
    sums = words.astype(np.uint64) @ _powers(primes)[:count]
    both: Words = sums[:, 0] % np.uint64(primes.a) << np.uint64(34)
    both |= sums[:, 1] % np.uint64(primes.b) << np.uint64(4)
    both *= np.uint64(_SPREAD)
    both ^= both >> np.uint64(32)
    return both


def _is_usable(prime: int) -> bool:
    return prime.bit_length() == _PRIME_BITS and _is_prime(prime)


class SeenIndex(Generic[T]):
    """Remembers every id that was ever added, the newest with their value, the others by height.

    `hot_max`: how many ids stay in memory with their value. `fingerprint_bits` below 64 is for
    tests that want collisions. Not thread-safe; an id is added once.
    """

    __slots__ = ("_blocks", "_cold", "_hot", "_hot_max", "_kept", "_primes", "_slack")

    def __init__(self, *, hot_max: int, fingerprint_bits: int = 64) -> None:
        self._hot: dict[str, T] = {}
        self._hot_max = hot_max
        self._slack = min(SETTLE_KEYS, hot_max // 8)
        self._blocks: deque[tuple[int, list[str]]] = deque()
        self._cold = _Cold()
        self._primes = _chosen
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
        hot, blocks = self._hot, self._blocks
        assert key not in hot, f"an id is used twice at height {height}"
        hot[key] = value
        if blocks and blocks[-1][0] == height:
            blocks[-1][1].append(key)
        else:
            blocks.append((height, [key]))

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

    def replace(self, key: str, value: T) -> None:
        """Give an id that is in memory another value; an id that is not there stays as it is."""
        if key in self._hot:
            self._hot[key] = value

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
                for height in self._cold.find(fingerprint(key, self._primes) & self._kept)
            ]
        found = self._cold.find_many(fingerprints(old, self._primes) & np.uint64(self._kept))
        return [(old[index], height) for index, height in found]

    def dump(self) -> bytes:
        """Return all ids as bytes in which every id is old; the index itself is not changed.

        What has not changed since an earlier dump stands at the same place: see `_HEAD_BYTES`.
        """
        runs = [*self._cold.all_runs(), *([self._run(self._blocks)] if self._blocks else ())]
        assert _HEADER.size + 8 * len(runs) <= _HEAD_BYTES, "too many runs"
        head = [_HEADER.pack(_MAGIC, self._check(), *self._primes, len(runs))]
        head += [len(run).to_bytes(8, "little") for run in runs]
        body = [part.astype("<u8").tobytes() for run in runs for part in run.columns]
        return b"".join((b"".join(head).ljust(_HEAD_BYTES, b"\0"), *body))

    def load(self, data: bytes) -> bytes:
        """Replace all that is remembered by what `dump` wrote at the beginning of these bytes, and
        return what follows it; raises ValueError if `dump` did not write it."""
        try:
            magic, check, a, b, count = _HEADER.unpack_from(data)
            lengths = unpack_from(f"<{count}Q", data, _HEADER.size) if magic == _MAGIC else ()
        except error as cause:
            raise ValueError("not an index of seen ids: too short") from cause
        end = _HEAD_BYTES + 16 * sum(lengths)
        padding = data[_HEADER.size + 8 * len(lengths) : _HEAD_BYTES]
        primes = Primes(a, b)
        known = magic == _MAGIC and check == self._check() and all(map(_is_usable, primes))
        if not known or any(padding) or len(data) < end:
            raise ValueError("not an index of seen ids, or one with other fingerprints")
        self._hot, self._blocks, self._cold = {}, deque(), _Cold()
        self._primes = primes
        start = _HEAD_BYTES
        for length in lengths:
            columns = np.frombuffer(data, dtype="<u8", count=2 * length, offset=start)
            native = columns.astype(np.uint64)
            self._cold.append(_Run(native[:length], native[length:]))
            start += 16 * length
        return data[end:]

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
        return _Run(*_in_order(fingerprints(keys, self._primes) & np.uint64(self._kept), column))


class _Run:
    """Fingerprints in order, the height of each, and a sieve: one bit for each of many equal parts
    of the number line, set where there is a fingerprint. Eleven of twelve misses end there."""

    __slots__ = ("_sieve", "_sieve_view", "_step", "columns", "view")

    def __init__(self, prints: Words, heights: Words, sieve: _Sieve | None = None) -> None:
        self.columns = (prints, heights)
        self.view: memoryview[int] = prints.data.cast("B").cast("Q")
        if sieve is None:
            sieve = _Sieve(len(prints))
            sieve.mark(prints)
        self._sieve, self._step = sieve.bits, sieve.step
        self._sieve_view = sieve.bits.data.cast("B")

    def __len__(self) -> int:
        return len(self.view)

    def find(self, wanted: int) -> list[int]:
        """Return the heights at which this fingerprint was used."""
        part = wanted >> self._step
        if not self._sieve_view[part >> 3] >> (part & 7) & 1:
            return []
        return self._heights_from(bisect_left(self.view, wanted), wanted)

    def find_many(self, wanted: Words) -> list[tuple[int, int]]:
        """Return (index in `wanted`, height) for all that are found."""
        part = wanted >> np.uint64(self._step)
        bits = self._sieve[part >> np.uint64(3)] >> (part & np.uint64(7)).astype(np.uint8)
        near = np.flatnonzero(bits & np.uint8(1))
        prints, needles = self.columns[0], wanted[near]
        places = prints.searchsorted(needles)
        hits = np.flatnonzero(prints[np.minimum(places, len(prints) - 1)] == needles)
        return [
            (int(near[hit]), height)
            for hit in hits.tolist()
            for height in self._heights_from(int(places[hit]), int(needles[hit]))
        ]

    def _heights_from(self, place: int, wanted: int) -> list[int]:
        view, found = self.view, []
        while place < len(view) and view[place] == wanted:
            found.append(int(self.columns[1][place]))
            place += 1
        return found


class _Sieve:
    """Eight to sixteen bits for each fingerprint of a run to be."""

    __slots__ = ("bits", "step")

    def __init__(self, count: int) -> None:
        width = max(3, (8 * count - 1).bit_length())
        self.step = 64 - width
        self.bits = np.zeros(1 << (width - 3), dtype=np.uint8)

    def mark(self, prints: Words) -> None:
        """Set the bits of fingerprints that are in order."""
        if not len(prints):
            return
        part = prints >> np.uint64(self.step)
        byte = (part >> np.uint64(3)).astype(np.intp)
        bit = np.uint8(1) << (part & np.uint64(7)).astype(np.uint8)
        first = np.flatnonzero(np.diff(byte, prepend=-1))
        self.bits[byte[first]] |= np.bitwise_or.reduceat(bit, first)


def _in_order(prints: Words, heights: Words) -> tuple[Words, Words]:
    order = np.argsort(prints, kind="stable")
    return prints[order], heights[order]


def _joined(parts: Sequence[tuple[Words, Words]]) -> tuple[Words, Words]:
    return _in_order(
        np.concatenate([prints for prints, _ in parts]),
        np.concatenate([heights for _, heights in parts]),
    )


class _Merge:
    """Neighbouring runs on their way into one, a slice of the fingerprints at a time."""

    __slots__ = (
        "_ends",
        "_heights",
        "_prints",
        "_runs",
        "_sieve",
        "_slice",
        "_slices",
        "count",
        "place",
    )

    def __init__(self, place: int, runs: Sequence[_Run]) -> None:
        self.place = place
        """Where in the list of runs the first of them stands."""
        self.count = len(runs)
        total = sum(len(run) for run in runs)
        self._runs = runs
        self._prints = np.empty(total, dtype=np.uint64)
        self._heights = np.empty(total, dtype=np.uint64)
        self._sieve = _Sieve(total)
        self._ends = [0] * len(runs)
        self._slice = 0
        self._slices = -(-total // MERGE_SLICE)

    def advance(self, entries: int) -> _Run | None:
        """Move about that many entries; return the joined run when none is left."""
        for _ in range(-(-entries // MERGE_SLICE)):
            self._move_slice()
            if self._slice == self._slices:
                return _Run(self._prints, self._heights, self._sieve)
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
            span = slice(self._ends[index], end)
            parts.append((prints[span], heights[span]))
            self._ends[index] = end
        prints, heights = _joined(parts)
        self._prints[start : start + len(prints)] = prints
        self._heights[start : start + len(prints)] = heights
        self._sieve.mark(prints)


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
                runs[place:] = [_Run(*_joined([run.columns for run in runs[place:]]))]
                return
            if busy is None:
                busy = self._merge = _Merge(place, runs[place:])
                return

    def find(self, wanted: int) -> list[int]:
        """Return the heights at which this fingerprint was used."""
        return [height for run in self._runs for height in run.find(wanted)]

    def find_many(self, wanted: Words) -> list[tuple[int, int]]:
        """Return (index in `wanted`, height) for all that are found."""
        return [hit for run in self._runs for hit in run.find_many(wanted)]
