"""How does the state travel into a snapshot and back, and what is its fingerprint?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from heapq import heapify
from typing import Any

import msgspec

from nostro.payments.evolve import admit
from nostro.payments.state import (
    Cycle,
    Participant,
    Payment,
    PaymentsState,
    SettledCycle,
    Stage,
)

FORMAT = "nostro-payments/1"


class _Cycle(msgspec.Struct, array_like=True):
    """A cycle by the ids of the payments in it, in order, all and those of each batch."""

    cycle_id: str
    gross: bool
    cut_off_at_us: int
    payments: list[str]
    batches: list[tuple[str, list[str]]]


class _Dump(msgspec.Struct):
    """The end of a dump; the indexes of seen ids and of ended payments stand before it."""

    format: str
    participants: list[Participant]
    payments: list[Payment]
    cycles: list[_Cycle]
    closed: list[_Cycle]
    gross_cycle: str
    closed_until_us: int
    settled: list[SettledCycle]
    history_count: int
    history_sum: int


_decoder = msgspec.json.Decoder(_Dump)
_encode = msgspec.json.Encoder(order="deterministic").encode


def dump(state: PaymentsState) -> bytes:
    """Return the state as the bytes of its two indexes, and JSON."""
    told = _Dump(
        FORMAT,
        list(state.participants.values()),
        list(state.payments.values()),
        [_told(cycle) for cycle in state.cycles.values()],
        [_told(cycle) for cycle in state.closed.values()],
        state.gross_cycle,
        state.closed_until_us,
        list(state.settled.values()),
        state.history_count,
        state.history_sum,
    )
    return state.seen.dump() + state.ended.dump() + _encode(told)


def load(data: bytes, state: PaymentsState) -> PaymentsState:
    """Fill a new state with what `dump` wrote; what had ended is no longer in memory. Raises
    ValueError when `dump` did not write it."""
    told = _decoder.decode(state.ended.load(state.seen.load(data)))
    if told.format != FORMAT:
        raise ValueError(f"payments in the format {told.format!r}, not {FORMAT!r}")
    for participant in told.participants:
        state.participants[participant.participant_id] = participant
        admit(state, participant)
    state.payments = {payment.item.transaction_id: payment for payment in told.payments}
    state.cycles = {each.cycle_id: _cycle(each, state.payments) for each in told.cycles}
    state.closed = {each.cycle_id: _cycle(each, state.payments) for each in told.closed}
    state.due = [(cycle.cut_off_at_us, cycle.cycle_id) for cycle in state.cycles.values()]
    heapify(state.due)
    state.gross_cycle = told.gross_cycle
    state.closed_until_us = told.closed_until_us
    state.settled = {cycle.cycle_id: cycle for cycle in told.settled}
    state.settled_count = sum(len(cycle.items) for cycle in told.settled)
    state.history_count = told.history_count
    state.history_sum = told.history_sum
    return state


def digest(state: PaymentsState) -> bytes:
    """Return SHA-256 over participants, payments under way, cycles with the order in them, and the
    sum of all that ended; what of that is still in memory makes no difference."""
    told = (
        sorted((_meaning(each) for each in state.participants.values()), key=_first),
        sorted(state.payments.values(), key=_id),
        sorted((_told(cycle) for cycle in state.cycles.values()), key=_cycle_id),
        sorted((_told(cycle) for cycle in state.closed.values()), key=_cycle_id),
        state.gross_cycle,
        state.closed_until_us,
        state.history_count,
        state.history_sum,
    )
    return hashlib.sha256(_encode(told)).digest()


def _told(cycle: Cycle) -> _Cycle:
    return _Cycle(
        cycle.cycle_id,
        cycle.gross,
        cycle.cut_off_at_us,
        _ids(cycle.members(Stage.ACCEPTED, Stage.CLOSED, Stage.BATCHED)),
        [(batch_id, _ids(batch)) for batch_id, batch in cycle.batches.items()],
    )


def _cycle(told: _Cycle, payments: dict[str, Payment]) -> Cycle:
    cycle = Cycle(told.cycle_id, gross=told.gross, cut_off_at_us=told.cut_off_at_us)
    cycle.payments = [payments[each] for each in told.payments]
    cycle.batches = {
        batch_id: [payments[each] for each in batch] for batch_id, batch in told.batches
    }
    cycle.count = len(cycle.payments)
    return cycle


def _meaning(participant: Participant) -> tuple[Any, ...]:
    lines = sorted(participant.credit_lines_minor.items())
    return (
        participant.participant_id,
        participant.name,
        participant.bic,
        participant.lei,
        participant.country,
        participant.currencies,
        lines,
        participant.suspended,
        participant.reason,
    )


def _ids(payments: Iterable[Payment]) -> list[str]:
    return [payment.item.transaction_id for payment in payments]


def _id(payment: Payment) -> str:
    return payment.item.transaction_id


def _first(told: tuple[Any, ...]) -> str:
    return str(told[0])


def _cycle_id(told: _Cycle) -> str:
    return told.cycle_id
