"""How does the state of netting travel into a snapshot and back, and what is its fingerprint?"""

from __future__ import annotations

import hashlib

import msgspec

from nostro.kernel.codec import encode
from nostro.netting.state import CLOSED_HOT_MAX, Cycle, NettingState

FORMAT = "nostro-netting/1"


class _Dump(msgspec.Struct):
    """The end of a dump; the index of what ended stands before it, always at the same place."""

    format: str
    open: list[Cycle]
    closed_count: int
    closed_sum: int


_decoder = msgspec.json.Decoder(_Dump)


def dump(state: NettingState) -> bytes:
    """Return the state as the bytes of the index of what ended, and JSON."""
    cycles = sorted(state.open.values(), key=_id)
    told = _Dump(FORMAT, cycles, state.closed_count, state.closed_sum)
    return state.closed.dump() + encode(told)


def load(data: bytes, *, closed_hot_max: int = CLOSED_HOT_MAX) -> NettingState:
    """Return the state that `dump` wrote; what had ended is no longer in memory. Raises ValueError
    when `dump` did not write it."""
    state = NettingState(closed_hot_max=closed_hot_max)
    told = _decoder.decode(state.closed.load(data))
    if told.format != FORMAT:
        raise ValueError(f"netting in the format {told.format!r}, not {FORMAT!r}")
    state.open = {cycle.cycle_id: cycle for cycle in told.open}
    state.closed_count = told.closed_count
    state.closed_sum = told.closed_sum
    return state


def digest(state: NettingState) -> bytes:
    """Return SHA-256 over what is under way and the sum of all that ended; whether something ended
    is still in memory makes no difference."""
    told = (sorted(state.open.values(), key=_id), state.closed_count, state.closed_sum)
    return hashlib.sha256(encode(told)).digest()


def _id(cycle: Cycle) -> str:
    return cycle.cycle_id
