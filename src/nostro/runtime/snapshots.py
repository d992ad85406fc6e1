"""How does all that memory holds become one piece of bytes, and memory again?

A snapshot is one line of JSON that says what follows (height, chain hash, time, and for each part
its name, length and digest), then the parts end to end: each room's own dump, and the index of
idempotency keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from nostro.kernel.codec import encode
from nostro.runtime.house import House, Memory
from nostro.runtime.ports import NotDone, Snapshot

FORMAT = "nostro-snapshot/2"
KEYS = "keys"
PIECE_BYTES = 4_194_304
"""A store keeps a snapshot in pieces of this size, and most of them once for several snapshots."""
_ROOM = "room:"


class SnapshotDamaged(NotDone):
    """These bytes are not what was written, or not written for these rooms."""


class Part(msgspec.Struct, frozen=True):
    """A stretch of the body. `digest`: of a room's state, by meaning, in hex; "" for the keys."""

    name: str
    length: int
    digest: str


class Header(msgspec.Struct, frozen=True):
    """The first line of a snapshot; `hash` is the chain's at `height`, in hex."""

    format: str
    height: int
    hash: str
    at_us: int
    parts: list[Part]

    def digests(self) -> dict[str, str]:
        """Return each room's state hash in hex, as `House.digests` gives them."""
        return {
            part.name.removeprefix(_ROOM): part.digest
            for part in self.parts
            if part.name.startswith(_ROOM)
        }


_header_decoder = msgspec.json.Decoder(Header)


def encode_snapshot(house: House, memory: Memory) -> Snapshot:
    """Return the snapshot of a memory in which everything is durable."""
    digests = house.digests(memory)
    parts, blobs = [], []
    for name, room in house.rooms.items():
        blob = room.dump(memory.states[name])
        parts.append(Part(_ROOM + name, len(blob), digests[name]))
        blobs.append(blob)
    keys = memory.keys.dump()
    parts.append(Part(KEYS, len(keys), ""))
    header = Header(FORMAT, memory.height, memory.hash.hex(), memory.at_us, parts)
    state = b"".join((encode(header), b"\n", *blobs, keys))
    return Snapshot(memory.height, state, hashlib.sha256(state).digest())


def snapshot_header(snapshot: Snapshot) -> Header:
    """Return what a snapshot says of itself; raises SnapshotDamaged when its bytes have changed."""
    if hashlib.sha256(snapshot.state).digest() != snapshot.state_hash:
        raise SnapshotDamaged(f"the snapshot at height {snapshot.height} does not match its hash")
    try:
        header = _header_decoder.decode(snapshot.state[: snapshot.state.index(b"\n")])
    except (ValueError, msgspec.DecodeError) as error:
        raise SnapshotDamaged(
            f"the snapshot at height {snapshot.height} has no readable header: {error}"
        ) from error
    if header.format != FORMAT or header.height != snapshot.height:
        raise SnapshotDamaged(
            f"the snapshot at height {snapshot.height} says it is {header.format} at"
            f" height {header.height}"
        )
    return header


def pieces_of(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield the bytes of a snapshot in pieces of at most PIECE_BYTES, none across two parts.

    Each part begins with what seldom changes (ids that were used long ago), so most pieces of a
    large snapshot are those of the one before.
    """
    state = snapshot.state
    start = state.index(b"\n") + 1
    yield state[:start]
    for part in snapshot_header(snapshot).parts:
        end = start + part.length
        for place in range(start, end, PIECE_BYTES):
            yield state[place : min(place + PIECE_BYTES, end)]
        start = end


def decode_snapshot(house: House, snapshot: Snapshot) -> Memory:
    """Return the memory that a snapshot holds.

    Raises SnapshotDamaged: changed bytes, another format, or parts of rooms that the house has not.
    """
    header = snapshot_header(snapshot)
    names = {_ROOM + name for name in house.rooms} | {KEYS}
    # A room that is new since then has no events yet: it starts as every room starts.
    strangers = {part.name for part in header.parts} - names
    if strangers:
        raise SnapshotDamaged(f"the snapshot at height {header.height} has {sorted(strangers)}")
    memory = house.new()
    try:
        _load_parts(house, memory, header, snapshot.state)
    except (ValueError, msgspec.MsgspecError) as error:
        raise SnapshotDamaged(f"the snapshot at height {header.height}: {error}") from error
    memory.height, memory.hash = header.height, bytes.fromhex(header.hash)
    memory.at_us = header.at_us
    return memory


def _load_parts(house: House, memory: Memory, header: Header, state: bytes) -> None:
    start = state.index(b"\n") + 1
    for part in header.parts:
        blob = state[start : start + part.length]
        start += part.length
        if part.name == KEYS:
            memory.keys.load(blob)
        else:
            name = part.name.removeprefix(_ROOM)
            memory.states[name] = house.rooms[name].load(blob)
