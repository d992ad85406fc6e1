"""How does an event change what the payments room remembers?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from heapq import heappush
from typing import Any

from nostro.kernel.codec import encode
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.payments import events as e
from nostro.payments.commands import Window
from nostro.payments.recall import reversal_key, reversed_key
from nostro.payments.state import (
    CYCLE,
    FUNDING,
    KEY,
    Cycle,
    Participant,
    Payment,
    PaymentsState,
    SettledCycle,
    Stage,
    vostro,
)

_SUM_MODULUS = 2**256
_GROSS = Window.RTGS.value


def evolve(state: PaymentsState, event: Event, position: Position) -> None:
    """Apply one event in place."""
    _EVOLVE[type(event)](state, event, position)


# -- participants ----------------------------------------------------------------------------------


def _open(state: PaymentsState, event: e.ParticipantOpened, _position: Position) -> None:
    participant = state.participants.get(event.participant_id)
    if participant is None:
        participant = state.participants[event.participant_id] = Participant(
            event.participant_id, event.name, event.bic, event.lei, event.country, [], {}
        )
    participant.currencies += event.currencies
    participant.credit_lines_minor.update(event.credit_lines_minor)
    admit(state, participant)


def admit(state: PaymentsState, participant: Participant) -> None:
    """Let a participant pay and be paid in its currencies, unless it is suspended."""
    id_ = participant.participant_id
    if participant.suspended:
        return
    state.payees[id_] = frozenset(participant.currencies)
    state.accounts.update(
        (vostro(id_, currency), (id_, currency)) for currency in participant.currencies
    )


def _suspend(state: PaymentsState, event: e.ParticipantSuspended, _position: Position) -> None:
    participant = state.participants[event.participant_id]
    participant.suspended, participant.reason = True, event.reason
    state.payees.pop(event.participant_id, None)
    for currency in participant.currencies:
        state.accounts.pop(vostro(event.participant_id, currency), None)


def _resume(state: PaymentsState, event: e.ParticipantResumed, _position: Position) -> None:
    participant = state.participants[event.participant_id]
    participant.suspended, participant.reason = False, ""
    admit(state, participant)


def _fund(state: PaymentsState, event: e.ParticipantFunded, position: Position) -> None:
    key = f"{FUNDING}{event.participant_id}:{event.reference}"
    state.seen.add(key, event.participant_id, position.height)
    _note(state, event)


# -- acceptance ------------------------------------------------------------------------------------


def _submit(state: PaymentsState, event: e.TransactionsSubmitted, position: Position) -> None:
    items, actor, height, at_us = event.items, event.actor, position.height, position.at_us
    held, accepted = Stage.HELD, Stage.ACCEPTED
    made = [
        Payment(
            item,
            actor,
            height,
            at_us,
            held if item.hits else accepted,
            item.cycle_id,
            item.cut_off_at_us,
        )
        for item in items
    ]
    ids = [item.transaction_id for item in items]
    state.payments.update(zip(ids, made, strict=True))
    state.seen.add_many(ids, made, height)
    keyed = [item for item in items if item.idempotency_key]
    if keyed:
        keys = [KEY + item.idempotency_key for item in keyed]
        state.seen.add_many(keys, [item.transaction_id for item in keyed], height)
    by_cycle: dict[str, list[Payment]] = {}
    for payment in made:
        if payment.stage is accepted:
            waiting = by_cycle.get(payment.cycle_id)
            if waiting is None:
                by_cycle[payment.cycle_id] = [payment]
            else:
                waiting.append(payment)
    for waiting in by_cycle.values():
        _join(state, waiting)
        _open_gross(state, waiting[0], at_us)


def _join(state: PaymentsState, payments: list[Payment]) -> None:
    """Put payments, all of one cycle, into it."""
    first = payments[0]
    cycle = state.cycles.get(first.cycle_id)
    if cycle is None:
        gross, cut_off = first.item.window == _GROSS, first.cut_off_at_us
        cycle = Cycle(first.cycle_id, gross=gross, cut_off_at_us=cut_off)
        state.cycles[first.cycle_id] = cycle
        heappush(state.due, (cut_off, first.cycle_id))
    cycle.payments += payments
    cycle.count += len(payments)


def _open_gross(state: PaymentsState, payment: Payment, at_us: int) -> None:
    """Let others join the cycle of a gross payment, if it is due at once."""
    if payment.item.window == _GROSS and payment.cut_off_at_us <= at_us:
        state.gross_cycle = payment.cycle_id


def _leave(state: PaymentsState, payment: Payment) -> None:
    """Take a payment out of its cycle, which is forgotten when nothing is left in it."""
    if payment.stage is Stage.HELD:
        return
    cycles = state.cycles if payment.stage is Stage.ACCEPTED else state.closed
    cycle = cycles[payment.cycle_id]
    cycle.count -= 1
    if not cycle.count:
        del cycles[payment.cycle_id]
        if state.gross_cycle == payment.cycle_id:
            state.gross_cycle = ""


def _end(state: PaymentsState, ends: list[tuple[str, str]], stage: Stage, height: int) -> None:
    """End payments: (transaction id, reason)."""
    payments: list[Payment] = []
    for transaction_id, reason in ends:
        payment = state.payments.pop(transaction_id)
        _leave(state, payment)
        payment.stage, payment.reason = stage, reason
        payments.append(payment)
    state.ended.add_many([transaction_id for transaction_id, _ in ends], payments, height)


def _refuse(state: PaymentsState, event: e.TransactionsRefused, position: Position) -> None:
    _end(state, event.refused, Stage.REFUSED, position.height)
    _note(state, event)


def _approve(state: PaymentsState, event: e.ReviewApproved, position: Position) -> None:
    payment = state.payments[event.transaction_id]
    payment.stage = Stage.ACCEPTED
    payment.cycle_id, payment.cut_off_at_us = event.cycle_id, event.cut_off_at_us
    _join(state, [payment])
    _open_gross(state, payment, position.at_us)


def _cancel(state: PaymentsState, event: e.TransactionCancelled, position: Position) -> None:
    item = event.item
    _end(state, [(item.transaction_id, item.reason)], Stage.CANCELLED, position.height)
    _note(state, event)


def _fail(state: PaymentsState, event: e.PaymentsFailed, position: Position) -> None:
    ends = [(item.transaction_id, item.reason) for item in event.items]
    _end(state, ends, Stage.FAILED, position.height)
    _note(state, event)


# -- cycles ----------------------------------------------------------------------------------------


def _close(state: PaymentsState, event: e.WindowClosed, _position: Position) -> None:
    cycle = state.cycles.pop(event.cycle_id)
    known, closed = state.payments, Stage.CLOSED
    payments = [known[item.transaction_id] for item in event.items]
    for payment in payments:
        payment.stage = closed
    cycle.payments = payments
    state.closed[event.cycle_id] = cycle
    if state.gross_cycle == event.cycle_id:
        state.gross_cycle = ""
    if not event.gross:
        state.closed_until_us = max(state.closed_until_us, event.cut_off_at_us)


def _assign(state: PaymentsState, event: e.BatchAssigned, _position: Position) -> None:
    known, batched, batch_id = state.payments, Stage.BATCHED, event.batch_id
    batch: list[Payment] = []
    for transaction_id, destination_minor in event.items:
        payment = known[transaction_id]
        payment.stage = batched
        payment.batch_id = batch_id
        payment.destination_minor = destination_minor
        batch.append(payment)
    state.closed[event.cycle_id].batches[batch_id] = batch


def _defer(state: PaymentsState, event: e.PaymentsDeferred, _position: Position) -> None:
    by_cycle: dict[str, list[Payment]] = {}
    for transaction_id, reason, cycle_id, cut_off_at_us in event.items:
        payment = state.payments[transaction_id]
        _leave(state, payment)
        payment.stage, payment.reason = Stage.ACCEPTED, reason
        payment.cycle_id, payment.cut_off_at_us = cycle_id, cut_off_at_us
        payment.retries += 1
        payment.batch_id, payment.destination_minor = "", 0
        by_cycle.setdefault(cycle_id, []).append(payment)
    for payments in by_cycle.values():
        _join(state, payments)


def _settle(state: PaymentsState, event: e.PaymentsSettled, position: Position) -> None:
    cycle_id, height = event.cycle_id, position.height
    cycle = state.closed[cycle_id]
    batch, pop, settled = cycle.batches.pop(event.batch_id), state.payments.pop, Stage.SETTLED
    ids: list[str] = []
    for payment in batch:
        transaction_id = payment.item.transaction_id
        pop(transaction_id)
        payment.stage = settled
        ids.append(transaction_id)
    state.ended.add_many(ids, batch, height)
    done = state.settled.get(cycle_id)
    if done is None:
        done = state.settled[cycle_id] = SettledCycle(cycle_id, height)
        state.ended.add(CYCLE + cycle_id, done, height)
    done.items += event.items
    state.settled_count += len(event.items)
    cycle.count -= len(batch)  # not of ids: the index goes on with that list
    if not cycle.count:
        del state.closed[cycle_id]
    _note(state, event)


def _reverse(state: PaymentsState, event: e.PaymentsReversed, position: Position) -> None:
    ids = [item.transaction_id for item in event.items]
    ended = state.ended
    for transaction_id in ids:
        payment = ended.hot(transaction_id)
        if isinstance(payment, Payment):
            payment.stage, payment.reason = Stage.REVERSED, event.reason
    ended.add_many([reversed_key(each) for each in ids], [ids] * len(ids), position.height)
    ended.add(_free_reversal(state, event.cycle_id), ids, position.height)
    done = state.settled.get(event.cycle_id) or ended.hot(CYCLE + event.cycle_id)
    if isinstance(done, SettledCycle):
        done.reversed.update(ids)
    _note(state, event)


def _free_reversal(state: PaymentsState, cycle_id: str) -> str:
    number = 1
    while True:  # ends: each number that is taken was an event, which reversed something new
        key = reversal_key(cycle_id, number)
        if state.ended.hot(key) is None and not state.ended.candidates([key]):
            return key
        number += 1


def _note(state: PaymentsState, event: Event) -> None:
    """Count an event after which something leaves memory."""
    state.history_count += 1
    told = int.from_bytes(hashlib.sha256(encode(event)).digest(), "big")
    state.history_sum = (state.history_sum + told) % _SUM_MODULUS


def _nothing(_state: PaymentsState, _event: Event, _position: Position) -> None:
    """Duplicates are for the views."""


_EVOLVE: dict[type[Event], Callable[[PaymentsState, Any, Position], None]] = {
    e.ParticipantOpened: _open,
    e.ParticipantSuspended: _suspend,
    e.ParticipantResumed: _resume,
    e.ParticipantFunded: _fund,
    e.TransactionsSubmitted: _submit,
    e.TransactionsDeduped: _nothing,
    e.TransactionsRefused: _refuse,
    e.ReviewApproved: _approve,
    e.TransactionCancelled: _cancel,
    e.PaymentsFailed: _fail,
    e.WindowClosed: _close,
    e.BatchAssigned: _assign,
    e.PaymentsDeferred: _defer,
    e.PaymentsSettled: _settle,
    e.PaymentsReversed: _reverse,
}
