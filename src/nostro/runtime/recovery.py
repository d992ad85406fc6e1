"""How does memory come back: all of it after a crash, and one id of it when an old one is named
again?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog

from nostro.kernel.codec import decode_reply
from nostro.kernel.messages import Command
from nostro.runtime.house import House, Known, Memory
from nostro.runtime.ports import Entry, Head, Journal, NotDone
from nostro.runtime.snapshots import SnapshotDamaged, decode_snapshot

READ_ROWS_MAX = 20_000
RECALL_ROWS_MAX = 64
"""Old rows that are read at a time: of bulk commands, some 64 MB."""

log = structlog.get_logger(__name__)


async def recover(house: House, journal: Journal) -> tuple[Memory, Head]:
    """Open the journal and return the memory of everything in it, from the newest snapshot on.

    Raises an Outage of the journal, or NotDone when the journal contradicts itself.
    """
    head = await journal.open()
    memory = await _remembered(house, journal, head)
    while memory.height < head.height:
        entries = await journal.read(after=memory.height, limit=READ_ROWS_MAX)
        if not entries:
            raise NotDone(f"the head is at {head.height} but the journal ends at {memory.height}")
        for entry in entries:
            house.replay(memory, entry)
        house.settle(memory, memory.height)
    if memory.hash != head.hash:
        raise NotDone(f"the hash at height {head.height} is not the head's: run `nostro verify`")
    return memory, head


async def _remembered(house: House, journal: Journal, head: Head) -> Memory:
    """Return the memory of the newest snapshot that can be used; one that cannot costs time, never
    the start."""
    below = head.height + 1
    while True:  # each look is below the one before, and the follower keeps a few
        snapshot = await journal.newest_snapshot(below=below)
        if snapshot is None:
            return house.new()
        try:
            return decode_snapshot(house, snapshot)
        except SnapshotDamaged as damage:
            log.error("snapshot_ignored", height=snapshot.height, why=str(damage))
        below = snapshot.height


class Asked(Protocol):
    """A request as far as recalling goes."""

    key: str
    command: Command


async def recalled(
    house: House, journal: Journal, memory: Memory, requests: Sequence[Asked]
) -> tuple[Mapping[str, Known], Mapping[int, Mapping[str, Any]]]:
    """Read from the journal what these requests name and memory no longer holds.

    Returns what is known of old idempotency keys, and for the index of a request what its room
    recalls of old ids. Almost always nothing, and then nothing is read. Raises an Outage, NotDone
    also when a row is not there that should be.
    """
    keys = memory.keys.candidates([request.key for request in requests])
    keys += _without_reply(memory, requests)
    wanted = {
        index: ids
        for index, request in enumerate(requests)
        if (ids := house.cold(memory, request.command))
    }
    if not keys and not wanted:
        return {}, {}
    looks = _Looks(house, requests, keys, wanted)
    heights = sorted(looks.heights)
    # One command may name ids of thousands of rows that are megabytes each.
    for start in range(0, len(heights), RECALL_ROWS_MAX):
        some = heights[start : start + RECALL_ROWS_MAX]
        entries = await journal.fetch(some)
        if {entry.height for entry in entries} != set(some):
            raise NotDone(f"rows are missing between heights {some[0]} and {some[-1]}")
        for entry in entries:
            looks.look(entry)
    return looks.known, looks.ids


def _without_reply(memory: Memory, requests: Sequence[Asked]) -> list[tuple[str, int]]:
    """Return (key, height) of the keys in memory whose reply is not."""
    found = ((request.key, memory.keys.hot(request.key)) for request in requests)
    return [(key, known.height) for key, known in found if known and known.reply is None]


class _Looks:
    """What is looked for at which height, and what was found."""

    def __init__(
        self,
        house: House,
        requests: Sequence[Asked],
        keys: Sequence[tuple[str, int]],
        wanted: Mapping[int, Sequence[tuple[str, int]]],
    ) -> None:
        self.known: dict[str, Known] = {}
        self.ids: dict[int, dict[str, Any]] = {index: {} for index in wanted}
        self._house = house
        self._requests = requests
        self._keys: dict[int, list[str]] = {}
        self._wanted: dict[int, dict[int, list[str]]] = {}
        for key, height in keys:
            self._keys.setdefault(height, []).append(key)
        for index, ids in wanted.items():
            for name, height in ids:
                self._wanted.setdefault(height, {}).setdefault(index, []).append(name)

    @property
    def heights(self) -> set[int]:
        return self._keys.keys() | self._wanted.keys()

    def look(self, entry: Entry) -> None:
        for key in self._keys.get(entry.height, ()):
            if key == entry.command_id:
                reply = decode_reply(entry.reply)
                self.known[key] = Known(entry.height, entry.at_us, entry.request_hash, reply)
        wanted = self._wanted.get(entry.height)
        if wanted:
            events = self._house.codec.decode_events(entry.payload)
            for index, names in wanted.items():
                command = self._requests[index].command
                self.ids[index].update(self._house.recall(command, names, events))
