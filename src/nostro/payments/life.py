"""How is one payment taken back, reviewed, or refused after all?"""

from __future__ import annotations

from typing import Any

from nostro.kernel.messages import Rejection
from nostro.kernel.room import Context, Decision
from nostro.payments import commands as c, events as e
from nostro.payments.checks import check_reason, check_transaction_id
from nostro.payments.cycles import Opening, released, standing, window_of
from nostro.payments.recall import ended_key, reversed_key
from nostro.payments.schedule import Schedule
from nostro.payments.state import Payment, PaymentsState, Stage

REJECTED = "payments.review_rejected"
CANCELLED = "payments.cancelled"
_SHOWN_MAX = 64


def cancel(state: PaymentsState, command: c.CancelPayment, context: Context) -> Decision:
    """Take a payment back while its window is open."""
    check_reason(command.reason)
    payment = _under_way(state, command.transaction_id)
    if payment is None:
        ended = _how_it_ended(state, command.transaction_id, context)
        if ended is Stage.CANCELLED:
            return Decision(body={**_told(command.transaction_id, ended), "exists": True})
        raise Rejection("payments.not_cancellable", **_told(command.transaction_id, ended))
    if payment.stage is not Stage.ACCEPTED and payment.stage is not Stage.HELD:
        raise Rejection("payments.not_cancellable", **standing(payment))
    item = released(payment, command.reason or CANCELLED)
    return Decision(
        [e.TransactionCancelled(item, context.actor)],
        body=_told(command.transaction_id, Stage.CANCELLED),
    )


def approve(
    state: PaymentsState, command: c.ApproveReview, context: Context, schedule: Schedule
) -> Decision:
    """Let a held payment join the cycle that suits it now."""
    payment = _under_way(state, command.transaction_id)
    if payment is None or payment.stage is not Stage.HELD:
        # Approved before: nobody can tell by whom, and it makes no difference.
        if payment is not None and payment.item.hits:
            return Decision(body={**standing(payment), "exists": True})
        raise _not_in_review(state, command.transaction_id, context)
    _check_other_eyes(payment, context)
    opening = Opening(state, height=context.height, at_us=context.at_us, payments=1)
    cycle_id, cut_off_at_us = _place_now(payment, opening, schedule)
    event = e.ReviewApproved(command.transaction_id, cycle_id, cut_off_at_us, context.actor)
    body = {
        **_told(command.transaction_id, Stage.ACCEPTED),
        "cycle_id": cycle_id,
        "cut_off_at_us": cut_off_at_us,
    }
    return Decision([event], body=body)


def _place_now(payment: Payment, opening: Opening, schedule: Schedule) -> tuple[str, int]:
    """Return the cycle that the payment was placed in, while that is open, else the next one."""
    item = payment.item
    gross = window_of(payment) is c.Window.RTGS
    window = c.Window.RTGS if gross else c.Window.T0  # the days of T+n have been counted already
    source, destination = item.source_currency, item.destination_currency
    at_us = opening.at_us
    try:
        placement = schedule.place(window, source, destination, item.value_date, at_us)
    except Rejection:
        placement = schedule.next_after(window, source, destination, at_us)
    return opening.join(placement)


def reject(state: PaymentsState, command: c.RejectReview, context: Context) -> Decision:
    """Fail a held payment."""
    check_reason(command.reason)
    payment = _under_way(state, command.transaction_id)
    if payment is None or payment.stage is not Stage.HELD:
        ended = None if payment else _how_it_ended(state, command.transaction_id, context)
        if ended is Stage.FAILED:
            return Decision(body={**_told(command.transaction_id, ended), "exists": True})
        raise _not_in_review(state, command.transaction_id, context)
    _check_other_eyes(payment, context)
    item = released(payment, command.reason or REJECTED)
    return Decision(
        [e.PaymentsFailed(payment.cycle_id, [item])],
        body=_told(command.transaction_id, Stage.FAILED),
    )


def refuse(state: PaymentsState, command: c.RefusePayments, context: Context) -> Decision:
    """Refuse payments of this very row; raises Rejection `payments.not_in_course`."""
    for transaction_id, _ in command.refused:
        payment = state.payments.get(transaction_id)
        if payment is None or payment.height != context.height:
            raise Rejection("payments.not_in_course", transaction_id=transaction_id)
    events = [e.TransactionsRefused(command.refused)] if command.refused else []
    return Decision(events, body={"refused": len(command.refused)})


def _under_way(state: PaymentsState, transaction_id: str) -> Payment | None:
    check_transaction_id(transaction_id)
    return state.payments.get(transaction_id)


def _how_it_ended(state: PaymentsState, transaction_id: str, context: Context) -> Stage:
    """Return the end of a payment that is not under way; raises Rejection `payments.unknown`."""
    hot = state.ended.hot(transaction_id)
    if isinstance(hot, Payment):
        return hot.stage
    if reversed_key(transaction_id) in context.recalled or _was_reversed(state, transaction_id):
        return Stage.REVERSED
    ended: Any = context.recalled.get(ended_key(transaction_id))
    if not isinstance(ended, Stage):
        raise Rejection("payments.unknown", transaction_id=transaction_id[:_SHOWN_MAX])
    return ended


def _was_reversed(state: PaymentsState, transaction_id: str) -> bool:
    return state.ended.hot(reversed_key(transaction_id)) is not None


def _not_in_review(state: PaymentsState, transaction_id: str, context: Context) -> Rejection:
    payment = state.payments.get(transaction_id)
    stage = payment.stage if payment else _how_it_ended(state, transaction_id, context)
    return Rejection("payments.not_in_review", **_told(transaction_id, stage))


def _check_other_eyes(payment: Payment, context: Context) -> None:
    """Raise Rejection `payments.own_review`: `Clerk` are not other eyes than `clerk`."""
    if not context.actor or context.actor.casefold() == payment.actor.casefold():
        raise Rejection("payments.own_review", **standing(payment), actor=context.actor)


def _told(transaction_id: str, stage: Stage) -> dict[str, Any]:
    return {"transaction_id": transaction_id, "state": stage.value}
