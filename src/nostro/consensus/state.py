"""What does the consensus room remember, and how does an event change it?

Every epoch's committee, the batches that wait for the members, and the end of the members' chain. A
batch that ended leaves memory; the event that ended it says enough for every later decision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from nostro.consensus import events as e
from nostro.kernel.codec import encode
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.kernel.seen import SeenIndex

ENDED_HOT_MAX = 20_000
"""Ended batches kept in memory, about an hour at five a second; older ones are read from the
journal when they are named again."""

WINDOW_HEIGHTS = 1_024
"""Newest heights of the members' chain whose hashes are kept: a certificate may come this much
later than its neighbours."""

_SUM_MODULUS = 2**256


class Epoch(msgspec.Struct, frozen=True):
    """A committee as the journal tells it; see `CommitteeFormed`."""

    chain_id: str
    epoch: int
    members: list[tuple[str, str, str]]
    ruleset_version: int
    activation_height: int


class Waiting(msgspec.Struct, frozen=True):
    """A batch before its certificate."""

    cycle_id: str
    batch_id: str
    body_hash: str


class Ended(msgspec.Struct, frozen=True):
    """A batch with its certificate, at a height of the members' chain; `rejected`: refused by a
    quorum."""

    batch_id: str
    body_hash: str
    height: int
    entry_hash: str
    rejected: bool


class Link(msgspec.Struct, frozen=True):
    """An entry of the members' chain and the one before it, by hash."""

    entry_hash: str
    prev_hash: str


class ConsensusState:
    """All that the room remembers."""

    def __init__(self, *, ended_hot_max: int = ENDED_HOT_MAX) -> None:
        self.epochs: dict[int, Epoch] = {}
        self.waiting: dict[str, Waiting] = {}
        self.ended: SeenIndex[Ended] = SeenIndex(hot_max=ended_hot_max)
        self.ended_count = 0
        self.ended_sum = 0
        """Sum of the fingerprints of all that ended, modulo 2**256: the same in memory or not."""
        self.links: dict[int, Link] = {}
        """The newest WINDOW_HEIGHTS of the members' chain, by height."""
        self.head = 0
        """The highest height that was certified."""
        self.evidence: set[tuple[str, int, int, int, str]] = set()
        """(member, epoch, height, round, step) of proven double signatures."""

    def epoch(self) -> Epoch | None:
        """Return the newest committee, or None before the first."""
        return self.epochs[max(self.epochs)] if self.epochs else None

    def find_ended(self, batch_id: str, recalled: Mapping[str, Any]) -> Ended | None:
        """Return how a batch ended, wherever that stands; None when it has not."""
        here = self.ended.hot(batch_id)
        return here if here is not None else recalled.get(batch_id)


def evolve(state: ConsensusState, event: Event, position: Position) -> None:
    """Apply one event in place."""
    _EVOLVE[type(event)](state, event, position)


def _form(state: ConsensusState, event: e.CommitteeFormed, _position: Position) -> None:
    state.epochs[event.epoch] = Epoch(
        event.chain_id, event.epoch, event.members, event.ruleset_version, event.activation_height
    )


def _submit(state: ConsensusState, event: e.ConsensusSubmitted, _position: Position) -> None:
    state.waiting[event.batch_id] = Waiting(event.cycle_id, event.batch_id, event.body_hash)


def _achieve(state: ConsensusState, event: e.ConsensusAchieved, position: Position) -> None:
    if event.height > state.head - WINDOW_HEIGHTS:
        state.links[event.height] = Link(event.entry_hash, event.prev_hash)
    if event.height > state.head:
        state.head = event.height
        for height in [each for each in state.links if each <= event.height - WINDOW_HEIGHTS]:
            del state.links[height]
    _end(state, _ended(event), position)


def _reject(state: ConsensusState, event: e.ConsensusRejected, position: Position) -> None:
    _end(state, _ended(event), position)


def _note_evidence(state: ConsensusState, event: e.EvidenceRecorded, _position: Position) -> None:
    state.evidence.add((event.member_id, event.epoch, event.height, event.round, event.step))


_EVOLVE: dict[type[Event], Callable[[ConsensusState, Any, Position], None]] = {
    e.CommitteeFormed: _form,
    e.ConsensusSubmitted: _submit,
    e.ConsensusAchieved: _achieve,
    e.ConsensusRejected: _reject,
    e.EvidenceRecorded: _note_evidence,
}


def _ended(event: e.ConsensusAchieved | e.ConsensusRejected) -> Ended:
    return Ended(
        event.batch_id,
        event.body_hash,
        event.height,
        event.entry_hash,
        type(event) is e.ConsensusRejected,
    )


def _end(state: ConsensusState, ended: Ended, position: Position) -> None:
    del state.waiting[ended.batch_id]
    state.ended.add(ended.batch_id, ended, position.height)
    state.ended_count += 1
    told = int.from_bytes(hashlib.sha256(encode(ended)).digest(), "big")
    state.ended_sum = (state.ended_sum + told) % _SUM_MODULUS


def recall(wanted: Iterable[str], events: Iterable[Event]) -> dict[str, Ended]:
    """Return how the events of one row say that the wanted batches ended."""
    names = frozenset(wanted)
    return {
        event.batch_id: _ended(event)
        for event in events
        if isinstance(event, e.ConsensusAchieved | e.ConsensusRejected) and event.batch_id in names
    }
