"""What does the machine room need from the outside, and how may it fail?

Each port has one contract suite (tests/contracts) that every adapter passes unchanged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from nostro.kernel.codec import encode
from nostro.kernel.messages import Command, Effect

GENESIS_HASH = bytes(32)
HEIGHT_MAX = 2**63 - 1


class Outage(Exception):
    """The world failed. A subclass says whether the deed happened."""


class NotDone(Outage):
    """It did not happen; the same request may be sent again."""


class OutcomeUnknown(Outage):
    """It may or may not have happened: ask before doing anything again."""


class Fenced(NotDone):
    """Another writer has taken the chain: this one must never write again."""


class Unwritable(NotDone):
    """Something in the batch can never be stored, however often it is asked; nothing was."""


class Overloaded(NotDone):
    """The queue is full; nothing was accepted. Retry with the same key after a pause."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One journal row. `at_us`: microseconds since the epoch, strictly increasing along the chain.

    `payload` holds the events (codec.encode_events), `reply` the stored answer
    (codec.encode_reply).
    """

    chain: str
    height: int
    command_id: str
    request_hash: bytes
    actor: str
    room: str
    stream: str
    kind: str
    at_us: int
    payload: bytes
    reply: bytes
    prev_hash: bytes
    hash: bytes


def entry_hash(entry: Entry) -> bytes:
    """Return what an entry's hash must be: SHA-256 over the previous hash, the header and the body.

    The header is the JSON array [chain, height, command_id, request hash (hex), actor, room,
    stream, kind, at_us, payload length], so no byte can move between fields unseen.
    """
    return _hash(
        entry.prev_hash,
        (
            entry.chain,
            entry.height,
            entry.command_id,
            entry.request_hash.hex(),
            entry.actor,
            entry.room,
            entry.stream,
            entry.kind,
            entry.at_us,
            len(entry.payload),
        ),
        entry.payload,
        entry.reply,
    )


def sealed(
    *,
    chain: str,
    height: int,
    command_id: str,
    request_hash: bytes,
    actor: str,
    room: str,
    stream: str,
    kind: str,
    at_us: int,
    payload: bytes,
    reply: bytes,
    prev_hash: bytes,
) -> Entry:
    """Return the entry of these fields with its hash."""
    header = (
        chain,
        height,
        command_id,
        request_hash.hex(),
        actor,
        room,
        stream,
        kind,
        at_us,
        len(payload),
    )
    return Entry(
        chain,
        height,
        command_id,
        request_hash,
        actor,
        room,
        stream,
        kind,
        at_us,
        payload,
        reply,
        prev_hash,
        _hash(prev_hash, header, payload, reply),
    )


def _hash(prev_hash: bytes, header: tuple[object, ...], payload: bytes, reply: bytes) -> bytes:
    return hashlib.sha256(b"".join((prev_hash, encode(header), payload, reply))).digest()


class Head(msgspec.Struct, frozen=True):
    """The end of the chain as its writer knows it; `fence` rises with every writer that opens the
    chain."""

    height: int
    hash: bytes
    at_us: int
    fence: int


class OutboxRow(msgspec.Struct, frozen=True):
    """An effect that is durable and not yet settled; `height` and `index` name it for ever."""

    height: int
    index: int
    kind: str
    payload: bytes

    @property
    def effect_id(self) -> tuple[int, int]:
        """Return the stable name (height, index within the row)."""
        return (self.height, self.index)


class Batch(msgspec.Struct, frozen=True):
    """What one commit writes: entries in order, effects to perform, and effects now settled."""

    entries: Sequence[Entry]
    effects: Sequence[OutboxRow] = ()
    settled: Sequence[tuple[int, int]] = ()


class Snapshot(msgspec.Struct, frozen=True):
    """A state at a height: opaque bytes (runtime.snapshots) and their SHA-256."""

    height: int
    state: bytes
    state_hash: bytes


class Journal(Protocol):
    """The durable log of one chain, with the outbox and the snapshots that belong to it."""

    @property
    def chain(self) -> str:
        """Return the name of the chain; the engine that owns it writes it into every entry."""
        ...

    async def open(self) -> Head:
        """Become the writer: take the lease, raise the fence, return the head. Raises NotDone."""
        ...

    async def append(self, batch: Batch, head: Head) -> None:
        """Write all of the batch after `head`, durably, or nothing.

        Raises Fenced (the stored head is not `head`: nothing written), Unwritable (text with a NUL
        in it, a row beyond all bounds), NotDone or OutcomeUnknown.
        """
        ...

    async def read(self, *, after: int, limit: int) -> Sequence[Entry]:
        """Return up to `limit` entries above height `after`, in order, without gaps."""
        ...

    async def fetch(self, heights: Sequence[int]) -> Sequence[Entry]:
        """Return the entries at these heights, those that exist."""
        ...

    async def outbox(self) -> Sequence[OutboxRow]:
        """Return the effects not yet settled, oldest first."""
        ...

    async def newest_snapshot(self, *, below: int = HEIGHT_MAX) -> Snapshot | None:
        """Return the highest snapshot below a height, if any."""
        ...

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; a second one at the same height is ignored."""
        ...

    async def close(self) -> None:
        """Let the chain go. Never raises."""
        ...


class Clock(Protocol):
    """Time, as the runtime sees it."""

    def now_us(self) -> int:
        """Return microseconds since the epoch (UTC)."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after a while."""
        ...


class Performer(Protocol):
    """Does the deeds that effects ask for."""

    effects: tuple[type[Effect], ...]

    async def perform(self, effect: Effect, effect_id: str) -> Sequence[tuple[str, Command]]:
        """Do the deed and return (key, command) outcomes, to be submitted in order.

        Performed at least once: `effect_id` is the same every time, and a second call must not do
        a second deed. Raises NotDone or OutcomeUnknown when it should be called again later.
        """
        ...


class Told(msgspec.Struct, frozen=True):
    """What came of deeds: a command under its key, and the effects that it settles."""

    key: str
    command: Command
    settles: Sequence[tuple[int, int]] = ()


class PatientPerformer(Protocol):
    """Does deeds for which the world may take long, or many at a time: it waits, asks again and
    bounds what is under way by itself, and is never given up."""

    effects: tuple[type[Effect], ...]

    def take(self, effect: Effect, effect_id: tuple[int, int]) -> None:
        """Take on a deed, to be done at least once. It is not given again in this process."""
        ...

    async def run(self, tell: Callable[[Told], Awaitable[None]]) -> None:
        """Do what was taken, until cancelled. `tell` returns once what was told is durable."""
        ...
