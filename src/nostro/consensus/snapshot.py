"""How does the state travel into a snapshot and back, and what is its fingerprint?"""

from __future__ import annotations

import hashlib

import msgspec

from nostro.consensus.state import ENDED_HOT_MAX, ConsensusState, Epoch, Link, Waiting
from nostro.kernel.codec import encode

FORMAT = "nostro-consensus/1"


class _Dump(msgspec.Struct):
    """The end of a dump; the index of what ended stands before it, always at the same place."""

    format: str
    epochs: list[Epoch]
    waiting: list[Waiting]
    links: list[tuple[int, Link]]
    head: int
    evidence: list[tuple[str, int, int, int, str]]
    ended_count: int
    ended_sum: int


_decoder = msgspec.json.Decoder(_Dump)


def dump(state: ConsensusState) -> bytes:
    """Return the state as the bytes of the index of what ended, and JSON."""
    return state.ended.dump() + encode(_told(state))


def load(data: bytes, *, ended_hot_max: int = ENDED_HOT_MAX) -> ConsensusState:
    """Return the state that `dump` wrote; what had ended is no longer in memory. Raises ValueError
    when `dump` did not write it."""
    state = ConsensusState(ended_hot_max=ended_hot_max)
    told = _decoder.decode(state.ended.load(data))
    if told.format != FORMAT:
        raise ValueError(f"consensus in the format {told.format!r}, not {FORMAT!r}")
    state.epochs = {epoch.epoch: epoch for epoch in told.epochs}
    state.waiting = {waiting.batch_id: waiting for waiting in told.waiting}
    state.links = dict(told.links)
    state.head = told.head
    state.evidence = set(told.evidence)
    state.ended_count = told.ended_count
    state.ended_sum = told.ended_sum
    return state


def digest(state: ConsensusState) -> bytes:
    """Return SHA-256 over the committees, what waits, the end of the members' chain, the evidence,
    and the sum of all that ended, in memory or not."""
    return hashlib.sha256(encode(_told(state))).digest()


def _told(state: ConsensusState) -> _Dump:
    return _Dump(
        FORMAT,
        [state.epochs[number] for number in sorted(state.epochs)],
        [state.waiting[batch_id] for batch_id in sorted(state.waiting)],
        sorted(state.links.items()),
        state.head,
        sorted(state.evidence),
        state.ended_count,
        state.ended_sum,
    )
