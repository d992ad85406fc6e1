"""How does memory come back: all of it after a crash, and one id of it when an old one is named
again?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog

from nostro.kernel.codec import decode_reply
from nostro.kernel.messages import Command
from nostro.runtime.house import House, Known, Memory
from nostro.runtime.ports import Entry, Head, Journal, NotDone, Snapshot
from nostro.runtime.snapshots import SnapshotDamaged, decode_snapshot

READ_ROWS_MAX = 20_000

log = structlog.get_logger(__name__)


async def recover(house: House, journal: Journal) -> tuple[Memory, Head]:
    """Open the journal and return the memory of everything in it, from the newest snapshot on.

    Raises an Outage of the journal, or NotDone when the journal contradicts itself.
    """
    head = await journal.open()
    memory = _remembered(house, await journal.newest_snapshot(), head)
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


def _remembered(house: House, snapshot: Snapshot | None, head: Head) -> Memory:
    """Return the memory of a snapshot; one that cannot be used costs time, never the start."""
    if snapshot is None or snapshot.height > head.height:
        return house.new()
    try:
        return decode_snapshot(house, snapshot)
    except SnapshotDamaged as damage:
        log.error("snapshot_ignored", height=snapshot.height, why=str(damage))
        return house.new()


class Asked(Protocol):
    """A request as far as recalling goes."""

    key: str
    command: Command


async def recalled(
    house: House, journal: Journal, memory: Memory, requests: Sequence[Asked]
) -> tuple[Mapping[str, Known], Mapping[int, Mapping[str, Any]]]:
    """Read from the journal what these requests name and memory no longer holds.

    Returns what is known of old idempotency keys, and for the index of a request what its room
    recalls of old ids. Almost always nothing, and then nothing is read.
    """
    keys = memory.keys.candidates([request.key for request in requests])
    ids = {
        index: wanted
        for index, request in enumerate(requests)
        if (wanted := house.cold(memory, request.command))
    }
    if not keys and not ids:
        return {}, {}
    heights = {height for _, height in keys}
    heights.update(height for wanted in ids.values() for _, height in wanted)
    rows = {entry.height: entry for entry in await journal.fetch(sorted(heights))}
    known = {
        key: _known(rows[height])
        for key, height in keys
        if height in rows and rows[height].command_id == key
    }
    return known, {
        index: _recall(house, requests[index].command, wanted, rows)
        for index, wanted in ids.items()
    }


def _known(entry: Entry) -> Known:
    return Known(entry.height, entry.at_us, entry.request_hash, decode_reply(entry.reply))


def _recall(
    house: House, command: Command, wanted: Sequence[tuple[str, int]], rows: Mapping[int, Entry]
) -> Mapping[str, Any]:
    by_height: dict[int, list[str]] = {}
    for name, height in wanted:
        by_height.setdefault(height, []).append(name)
    found: dict[str, Any] = {}
    for height, names in by_height.items():
        if height in rows:
            found.update(house.recall(command, names, rows[height]))
    return found
