"""What may be held, and how is a hold resolved: posted, voided, expired, closed unseen?"""

from __future__ import annotations

from heapq import heappop, heappush

from nostro.kernel.messages import Rejection
from nostro.ledger.commands import NewTransfer
from nostro.ledger.draft import Draft
from nostro.ledger.events import Line, LineKind
from nostro.ledger.moves import (
    amount_that_fits,
    both_accounts,
    check_asset,
    check_moving,
    line_of,
    named_accounts,
)
from nostro.ledger.rules import EXPIRED_PER_TICK_MAX
from nostro.ledger.state import MICROSECONDS, RESOLVED, Account, Hold, LedgerState

_RESOLUTIONS = {
    LineKind.HOLD_POSTED: "ledger.hold_already_posted",
    LineKind.HOLD_VOIDED: "ledger.hold_already_voided",
    LineKind.HOLD_EXPIRED: "ledger.hold_expired",
}


def decide_hold(draft: Draft, transfer: NewTransfer) -> None:
    """Reserve an amount: it counts as pending on both sides until the hold is resolved."""
    debit, credit = both_accounts(draft, transfer)
    check_moving(transfer, debit, credit)
    amount = amount_that_fits(draft, transfer, debit, credit)
    draft.move(debit, credit, posted=0, pending=amount)
    timeout_us = transfer.timeout_s * MICROSECONDS
    expires_at_us = draft.at_us + timeout_us if timeout_us else 0
    draft.set_hold(transfer.id, Hold(debit.number, credit.number, amount, expires_at_us))
    draft.record(
        line_of(
            transfer,
            LineKind.HELD,
            debit=debit.number,
            credit=credit.number,
            amount_minor=amount,
        )
    )


def decide_post(draft: Draft, transfer: NewTransfer) -> None:
    """Move up to the amount of a hold and release the rest.

    An unknown hold is refused for now: the same transfer may be sent again when the hold is there.
    """
    named = named_accounts(draft, transfer)
    hold = draft.hold(transfer.refers_to)
    if hold is None:
        raise _resolution(draft, transfer.refers_to) or Rejection("ledger.hold_not_found")
    debit, credit = _sides(draft, hold, named)
    amount = hold.amount_minor if transfer.amount_minor is None else transfer.amount_minor
    if amount > hold.amount_minor:
        raise Rejection("ledger.exceeds_hold", held_minor=hold.amount_minor, amount_minor=amount)
    check_moving(transfer, debit, credit)
    draft.move(debit, credit, posted=amount, pending=-hold.amount_minor)
    _resolve(draft, transfer, LineKind.HOLD_POSTED, hold, amount)


def decide_void(draft: Draft, transfer: NewTransfer) -> None:
    """Release a hold. Voiding a hold that never came closes its id: it is refused if it comes."""
    named = named_accounts(draft, transfer)
    hold = draft.hold(transfer.refers_to)
    if hold is None:
        resolution = _resolution(draft, transfer.refers_to)
        if resolution is not None:
            raise resolution
        draft.record(line_of(transfer, LineKind.HOLD_CLOSED, debit=0, credit=0, amount_minor=0))
        return
    debit, credit = _sides(draft, hold, named)
    check_asset(transfer, debit)
    draft.move(debit, credit, posted=0, pending=-hold.amount_minor)
    _resolve(draft, transfer, LineKind.HOLD_VOIDED, hold, hold.amount_minor)


def _resolution(draft: Draft, hold_id: str) -> Rejection | None:
    """Return why a hold that is not open cannot be resolved, None if it was never heard of."""
    resolved = draft.find(RESOLVED + hold_id)
    if isinstance(resolved, Line):
        code = _RESOLUTIONS[LineKind(resolved.kind)]
        return Rejection(code, hold=hold_id, resolved_by=resolved.id)
    seen = draft.find(hold_id)
    if seen is None:
        return None
    if isinstance(seen, str):
        return Rejection("ledger.hold_refused", hold=hold_id, failed_with=seen)
    if seen.kind == LineKind.HOLD_CLOSED and seen.id != hold_id:
        return Rejection("ledger.hold_already_voided", hold=hold_id, resolved_by=seen.id)
    return Rejection("ledger.not_a_hold", hold=hold_id)


def _sides(
    draft: Draft, hold: Hold, named: tuple[Account | None, Account | None]
) -> tuple[Account, Account]:
    """Return the accounts of a hold that is still good and whose accounts are those named."""
    if hold.expires_at_us and hold.expires_at_us <= draft.at_us:
        raise Rejection("ledger.hold_expired", expired_at_us=hold.expires_at_us)
    by_number = draft.state.by_number
    return check_sides(named, by_number[hold.debit], by_number[hold.credit])


def check_sides(
    named: tuple[Account | None, Account | None], debit: Account, credit: Account
) -> tuple[Account, Account]:
    """Return the accounts of the original, if none or the same are named."""
    if named[0] is not None and named[0] is not debit:
        raise Rejection("ledger.debit_not_of_original", account=debit.id)
    if named[1] is not None and named[1] is not credit:
        raise Rejection("ledger.credit_not_of_original", account=credit.id)
    return debit, credit


def _resolve(
    draft: Draft, transfer: NewTransfer, kind: LineKind, hold: Hold, amount_minor: int
) -> None:
    draft.set_hold(transfer.refers_to, None)
    draft.record(
        line_of(transfer, kind, debit=hold.debit, credit=hold.credit, amount_minor=amount_minor)
    )


def expired_lines(state: LedgerState, at_us: int) -> list[Line]:
    """Return the lines that let holds expire whose time has come: the earliest first, by id among
    equals, and no more than EXPIRED_PER_TICK_MAX."""
    due = state.due
    lines: list[Line] = []
    # A heap is walked in order from its top without changing it: the next is always a child of
    # one that was taken.
    reached = [(due[0], 0)] if due else []
    while reached and len(lines) < EXPIRED_PER_TICK_MAX:
        (expires_at_us, hold_id), place = heappop(reached)
        if expires_at_us > at_us:
            break
        hold = state.holds.get(hold_id)
        if hold is not None:
            lines.append(_expiry(hold_id, hold))
        for child in (2 * place + 1, 2 * place + 2):
            if child < len(due):
                heappush(reached, (due[child], child))
    return lines


def _expiry(hold_id: str, hold: Hold) -> Line:
    return Line(
        RESOLVED + hold_id,
        hold.debit,
        hold.credit,
        hold.amount_minor,
        LineKind.HOLD_EXPIRED.value,
        refers_to=hold_id,
    )
