"""What becomes of the payments of a cycle: closed, batched, deferred, settled or unwound?

All but the closing is ordered by flows. What cannot follow from what they were told is refused, and
such a refusal is a bug that must not pass: no flow answers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision
from nostro.payments import commands as c, events as e
from nostro.payments.cycles import Opening, released, window_of
from nostro.payments.parties import SUSPENDED
from nostro.payments.schedule import Schedule, value_date_of
from nostro.payments.state import CYCLE, Cycle, Payment, PaymentsState, Stage

RETRIES_MAX = 10
"""How often a payment is deferred, then it fails: two weeks of daily windows, but ten minutes of an
RTGS payment."""
NO_BOUND = 2**31
"""Of those who wait for no fault of theirs."""
DEFERRED_TOO_OFTEN = "payments.deferred_too_often"


def close_windows(state: PaymentsState, context: Context) -> Decision:
    """Close every cycle whose cut-off has come, in the order of their cut-offs."""
    at_us = context.at_us
    ripe = [cycle for cycle in state.cycles.values() if cycle.cut_off_at_us <= at_us]
    ripe.sort(key=_closes)
    return Decision([_closing(cycle) for cycle in ripe])


def _closes(cycle: Cycle) -> tuple[int, str]:
    return cycle.cut_off_at_us, cycle.cycle_id


def _closing(cycle: Cycle) -> e.WindowClosed:
    items: list[e.CycleItem] = []
    for payment in cycle.members(Stage.ACCEPTED):
        item = payment.item
        items.append(
            e.CycleItem(
                item.transaction_id,
                item.payer,
                item.source_currency,
                item.amount_minor,
                item.payee,
                item.destination_currency,
                item.priority,
                payment.at_us,
                payment.retries,
            )
        )
    cut_off = cycle.cut_off_at_us
    return e.WindowClosed(cycle.cycle_id, cycle.gross, cut_off, value_date_of(cut_off), items)


def assign(state: PaymentsState, command: c.AssignBatch) -> Decision:
    """Put payments of a closed cycle into a batch."""
    cycle = state.closed.get(command.cycle_id)
    if cycle is None:
        raise Rejection("payments.cycle_unknown", cycle_id=command.cycle_id)
    body = {"batch_id": command.batch_id}
    if command.batch_id in cycle.batches:
        return Decision(body={**body, "exists": True})
    known, closed, cycle_id = state.payments, Stage.CLOSED, command.cycle_id
    for transaction_id, _ in command.items:
        payment = known.get(transaction_id)
        if payment is None or payment.stage is not closed or payment.cycle_id != cycle_id:
            raise Rejection("payments.not_in_cycle", transaction_id=transaction_id)
    return Decision([e.BatchAssigned(cycle_id, command.batch_id, command.items)], body=body)


def defer(
    state: PaymentsState, command: c.DeferPayments, context: Context, schedule: Schedule
) -> Decision:
    """Move payments that are not in a batch to a later cycle; one that came twice has moved."""
    cycle = state.closed.get(command.cycle_id)
    if cycle is None:
        return Decision(body={"deferred": 0})
    reasons = dict(command.deferred)
    waiting: list[tuple[Payment, str]] = []
    for transaction_id, reason in reasons.items():
        payment = state.payments.get(transaction_id)
        if payment and payment.stage is Stage.CLOSED and payment.cycle_id == command.cycle_id:
            waiting.append((payment, reason))
    events = _deferral(state, cycle, waiting, context, schedule)
    return Decision(events, body={"deferred": len(waiting)})


def unwind(
    state: PaymentsState, command: c.UnwindCycle, context: Context, schedule: Schedule
) -> Decision:
    """Take all payments out of a cycle that will not settle; sent twice: nothing is left in it.

    Those of a participant that is short wait longer than the others, who would else fall with them
    again; and only theirs can have waited too often.
    """
    cycle = state.closed.get(command.cycle_id)
    if cycle is None:
        return Decision(body={"deferred": 0, "failed": 0})
    blamed, reason = command.participant_id, command.reason
    theirs: list[tuple[Payment, str]] = []
    others: list[tuple[Payment, str]] = []
    for payment in cycle.members(Stage.CLOSED, Stage.BATCHED):
        involved = blamed in (payment.item.payer, payment.item.payee)
        (theirs if involved else others).append((payment, reason))
    count = len(theirs) + len(others)
    failed = [released(payment, reason) for payment, _ in theirs] if command.fail else []
    events: list[Event] = [e.PaymentsFailed(cycle.cycle_id, failed)] if failed else []
    if failed:
        theirs = []
    at_us = max(context.at_us, cycle.cut_off_at_us)
    opening = Opening(state, height=context.height, at_us=at_us, payments=count)
    retries_max = NO_BOUND if blamed else RETRIES_MAX
    events += _waiting(state, cycle, others, opening, schedule, retries_max=retries_max)
    after_us = max((place[3] for event in events for place in _places(event)), default=0)
    events += _waiting(state, cycle, theirs, opening, schedule, after_us=after_us)
    return Decision(events, body={"deferred": count - len(failed), "failed": len(failed)})


def _places(event: Event) -> Sequence[tuple[str, str, str, int]]:
    return event.items if isinstance(event, e.PaymentsDeferred) else ()


def _deferral(
    state: PaymentsState,
    cycle: Cycle,
    waiting: Sequence[tuple[Payment, str]],
    context: Context,
    schedule: Schedule,
) -> list[Event]:
    at_us = max(context.at_us, cycle.cut_off_at_us)
    opening = Opening(state, height=context.height, at_us=at_us, payments=len(waiting))
    return _waiting(state, cycle, waiting, opening, schedule)


def _waiting(
    state: PaymentsState,
    cycle: Cycle,
    waiting: Sequence[tuple[Payment, str]],
    opening: Opening,
    schedule: Schedule,
    *,
    retries_max: int = RETRIES_MAX,
    after_us: int = 0,
) -> list[Event]:
    """Return how payments wait for a later cycle, one that closes after `after_us`, or fail: for
    good when they waited too often, when a party is suspended meanwhile, and when no calendar tells
    a later day."""
    after_us = max(after_us, opening.at_us)
    places: dict[tuple[str, str, str], tuple[str, int] | Rejection] = {}
    deferred: list[tuple[str, str, str, int]] = []
    failed: list[e.Released] = []
    for payment, reason in waiting:
        item = payment.item
        name = (item.window, item.source_currency, item.destination_currency)
        place = places.get(name)
        if place is None:
            place = places[name] = _later(payment, opening, schedule, after_us)
        if item.payer not in state.payees or item.payee not in state.payees:
            failed.append(released(payment, SUSPENDED))
        elif payment.retries >= retries_max:
            failed.append(released(payment, DEFERRED_TOO_OFTEN))
        elif isinstance(place, Rejection):
            failed.append(released(payment, place.code))
        else:
            deferred.append((item.transaction_id, reason, *place))
    events: list[Event] = []
    if failed:
        events.append(e.PaymentsFailed(cycle.cycle_id, failed))
    if deferred:
        events.append(e.PaymentsDeferred(cycle.cycle_id, deferred))
    return events


def _later(
    payment: Payment, opening: Opening, schedule: Schedule, after_us: int
) -> tuple[str, int] | Rejection:
    item = payment.item
    try:
        placement = schedule.next_after(
            window_of(payment), item.source_currency, item.destination_currency, after_us
        )
    except Rejection as no:
        return no
    return opening.join(placement)


def settle(state: PaymentsState, command: c.SettleBatches, context: Context) -> Decision:
    """Settle a cycle: all of its batches at once, as all pay-ins have arrived."""
    cycle = state.closed.get(command.cycle_id)
    if cycle is None or not cycle.batches:
        if not _is_settled(state, command.cycle_id, context):
            raise Rejection("payments.cycle_unknown", cycle_id=command.cycle_id)
        return Decision(body={"settled": 0, "exists": True})
    if sorted(command.batch_ids) != sorted(cycle.batches):
        raise Rejection(
            "payments.batches_differ", cycle_id=command.cycle_id, batch_ids=list(cycle.batches)
        )
    events = [
        e.PaymentsSettled(command.cycle_id, batch_id, _settled(cycle.batches[batch_id]))
        for batch_id in command.batch_ids
    ]
    return Decision(events, body={"settled": sum(len(event.items) for event in events)})


def _is_settled(state: PaymentsState, cycle_id: str, context: Context) -> bool:
    key = CYCLE + cycle_id
    in_memory = cycle_id in state.settled or state.ended.hot(key) is not None
    return in_memory or key in context.recalled


def _settled(payments: Iterable[Payment]) -> list[e.Settled]:
    settled: list[e.Settled] = []
    for payment in payments:
        item = payment.item
        settled.append(
            e.Settled(
                item.transaction_id,
                item.payer,
                item.source_currency,
                item.amount_minor,
                item.payee,
                item.destination_currency,
                payment.destination_minor,
            )
        )
    return settled
