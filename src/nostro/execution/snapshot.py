"""How does the state travel into a snapshot and back, and what is its fingerprint?"""

from __future__ import annotations

import hashlib
from heapq import heapify

import msgspec

from nostro.execution.routes import Way
from nostro.execution.state import (
    ENDED_HOT_MAX,
    Circuit,
    ExecutionState,
    Instruction,
    Phase,
    Settlement,
)
from nostro.kernel.codec import encode

FORMAT = "nostro-execution/1"


class _Dump(msgspec.Struct):
    """The end of a dump; the index of what ended stands before it. Who is parked stands in its
    order: that decides who tries first."""

    format: str
    settlements: list[Settlement]
    instructions: list[Instruction]
    circuits: list[tuple[Way, Circuit]]
    reversals: dict[str, list[str]]
    parked: list[tuple[Way, list[str]]]
    ended_count: int
    ended_sum: int


_decoder = msgspec.json.Decoder(_Dump)


def dump(state: ExecutionState) -> bytes:
    """Return the state as the bytes of the index of what ended, and JSON."""
    return state.ended.dump() + encode(
        _Dump(
            FORMAT,
            list(state.settlements.values()),
            list(state.instructions.values()),
            sorted(state.circuits.items(), key=lambda each: each[0]),
            state.reversals,
            _parked(state),
            state.ended_count,
            state.ended_sum,
        )
    )


def load(data: bytes, *, ended_hot_max: int = ENDED_HOT_MAX) -> ExecutionState:
    """Return the state that `dump` wrote; what had ended is no longer in memory. Raises ValueError
    when `dump` did not write it."""
    state = ExecutionState(ended_hot_max=ended_hot_max)
    told = _decoder.decode(state.ended.load(data))
    if told.format != FORMAT:
        raise ValueError(f"execution in the format {told.format!r}, not {FORMAT!r}")
    state.settlements = {each.settlement_id: each for each in told.settlements}
    state.instructions = {each.id: each for each in told.instructions}
    state.circuits = dict(told.circuits)
    state.reversals = told.reversals
    state.parked = {way: dict.fromkeys(names) for way, names in told.parked}
    state.timers = [
        (each.next_attempt_at_us, each.id)
        for each in told.instructions
        if each.phase is Phase.WAITING and each.next_attempt_at_us
    ]
    heapify(state.timers)
    state.ended_count = told.ended_count
    state.ended_sum = told.ended_sum
    return state


def digest(state: ExecutionState) -> bytes:
    """Return SHA-256 over all that is under way and the sum of all that ended; whether something
    ended is still in memory makes no difference."""
    told = (
        [state.settlements[name] for name in sorted(state.settlements)],
        [state.instructions[name] for name in sorted(state.instructions)],
        sorted(state.circuits.items(), key=lambda each: each[0]),
        sorted(state.reversals.items()),
        _parked(state),
        state.ended_count,
        state.ended_sum,
    )
    return hashlib.sha256(encode(told)).digest()


def _parked(state: ExecutionState) -> list[tuple[Way, list[str]]]:
    return [(way, list(state.parked[way])) for way in sorted(state.parked)]
