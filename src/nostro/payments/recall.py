"""Which old ids does a command need to be told about, and what does a journal row say of them?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from nostro.kernel.messages import Command, Event
from nostro.payments import commands as c, events as e
from nostro.payments.parties import funding_key
from nostro.payments.state import CYCLE, FUNDING, KEY, REVERSED, Payment, PaymentsState, Stage

ENDED = "="
"""Prefix of a transaction id when it is asked how the payment ended, not how it began."""
Recalled = Payment | Stage | str | list[e.Settled] | list[str]
"""What a row says: of an id how the payment was accepted, or how it ended; of a key its transaction
id; of a cycle what it settled; of a reversal the payments."""


def ended_key(transaction_id: str) -> str:
    """Return the key under which the end of a payment is recalled."""
    return ENDED + transaction_id


def reversed_key(transaction_id: str) -> str:
    """Return the key under which the reversal of a payment is remembered."""
    return REVERSED + transaction_id


def reversal_key(cycle_id: str, number: int) -> str:
    """Return the key of a reversal of a cycle; they are numbered from 1."""
    return f"{REVERSED}{CYCLE}{cycle_id}{CYCLE}{number}"


# -- what is asked ---------------------------------------------------------------------------------


def cold(state: PaymentsState, command: Command) -> Sequence[tuple[str, int]]:
    """Return (key, height) of what the command names and has left memory, often nothing."""
    match command:
        case c.SubmitPayments():
            return _cold_payments(state, command.payments)
        case c.CancelPayment() | c.ApproveReview() | c.RejectReview():
            return _cold_end(state, command.transaction_id)
        case c.FundParticipant():
            return state.seen.candidates([funding_key(command)])
        case c.ReversePayments() | c.SettleBatches():
            return _cold_cycle(state, command.cycle_id)
        case _:
            return ()


def _cold_payments(state: PaymentsState, payments: Sequence[c.NewPayment]) -> list[tuple[str, int]]:
    keys = [payment.transaction_id for payment in payments]
    keys += [KEY + payment.idempotency_key for payment in payments if payment.idempotency_key]
    under_way = state.payments
    return [found for found in state.seen.candidates(keys) if found[0] not in under_way]


def _cold_end(state: PaymentsState, transaction_id: str) -> list[tuple[str, int]]:
    if transaction_id in state.payments or state.ended.hot(transaction_id) is not None:
        return []
    ends = state.ended.candidates([transaction_id])
    found = [(ended_key(transaction_id), height) for _, height in ends]
    return found + state.ended.candidates([reversed_key(transaction_id)])


def _cold_cycle(state: PaymentsState, cycle_id: str) -> list[tuple[str, int]]:
    if cycle_id in state.settled or cycle_id in state.closed:
        return []
    found = state.ended.candidates([CYCLE + cycle_id])
    number = 1
    while True:  # ends: each number names an event that reversed something new
        key = reversal_key(cycle_id, number)
        more = state.ended.candidates([key])
        if not more and state.ended.hot(key) is None:
            return found
        found += more
        number += 1


# -- what is told ----------------------------------------------------------------------------------


def recall(wanted: Iterable[str], events: Iterable[Event]) -> dict[str, Recalled]:
    """Return what the events of one row say of the wanted keys."""
    keys, found = frozenset(wanted), dict[str, Recalled]()
    for event in events:
        match event:
            case e.TransactionsSubmitted():
                _recall_submitted(keys, event, found)
            case e.TransactionsRefused(refused):
                for transaction_id, code in refused:
                    _recall_refused(keys, transaction_id, code, found)
            case e.TransactionCancelled(item):
                _recall_end(keys, [item.transaction_id], Stage.CANCELLED, found)
            case e.PaymentsFailed(_, failed):
                _recall_end(keys, [item.transaction_id for item in failed], Stage.FAILED, found)
            case e.PaymentsSettled(cycle_id, _, items):
                _recall_end(keys, [item.transaction_id for item in items], Stage.SETTLED, found)
                _recall_cycle(keys, cycle_id, items, found)
            case e.PaymentsReversed(cycle_id, items):
                _recall_reversal(keys, cycle_id, [item.transaction_id for item in items], found)
            case e.ParticipantFunded():
                key = f"{FUNDING}{event.participant_id}:{event.reference}"
                if key in keys:
                    found[key] = event.participant_id
            case _:
                pass
    return found


def _recall_submitted(
    keys: frozenset[str], event: e.TransactionsSubmitted, found: dict[str, Recalled]
) -> None:
    for item in event.items:
        transaction_id = item.transaction_id
        if transaction_id in keys:
            found[transaction_id] = Payment(
                item,
                event.actor,
                event.height,
                event.at_us,
                Stage.HELD if item.hits else Stage.ACCEPTED,
                item.cycle_id,
                item.cut_off_at_us,
            )
        if item.idempotency_key and (key := KEY + item.idempotency_key) in keys:
            found[key] = transaction_id


def _recall_refused(
    keys: frozenset[str], transaction_id: str, code: str, found: dict[str, Recalled]
) -> None:
    first = found.get(transaction_id)
    if isinstance(first, Payment):
        found[transaction_id] = msgspec.structs.replace(first, stage=Stage.REFUSED, reason=code)
    _recall_end(keys, [transaction_id], Stage.REFUSED, found)


def _recall_end(
    keys: frozenset[str], ids: Iterable[str], stage: Stage, found: dict[str, Recalled]
) -> None:
    found.update((key, stage) for key in map(ended_key, ids) if key in keys)


def _recall_cycle(
    keys: frozenset[str], cycle_id: str, items: list[e.Settled], found: dict[str, Recalled]
) -> None:
    key = CYCLE + cycle_id
    if key not in keys:
        return
    before: Any = found.get(key, [])
    found[key] = before + items


def _recall_reversal(
    keys: frozenset[str], cycle_id: str, ids: list[str], found: dict[str, Recalled]
) -> None:
    for transaction_id in ids:
        if (key := reversed_key(transaction_id)) in keys:
            found[key] = Stage.REVERSED
    start = reversal_key(cycle_id, 0)[:-1]
    for key in keys:
        if key.startswith(start):
            before: Any = found.get(key, [])
            found[key] = before + ids
