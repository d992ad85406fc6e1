"""What may be reversed, and how often?"""

from __future__ import annotations

from nostro.kernel.messages import Rejection
from nostro.ledger.commands import NewTransfer
from nostro.ledger.draft import Draft
from nostro.ledger.events import LineKind
from nostro.ledger.holds import check_sides
from nostro.ledger.moves import check_moving, check_room, line_of, named_accounts
from nostro.ledger.state import REVERSED


def decide_reversal(draft: Draft, transfer: NewTransfer) -> None:
    """Move the whole amount of a posted transfer, or of a posted hold, back: once, and only where
    the limits allow it.

    An unknown original is refused for now: the same reversal may be sent again when it is there.
    """
    named = named_accounts(draft, transfer)
    original = draft.find(transfer.refers_to)
    if original is None:
        raise Rejection("ledger.original_not_found")
    if isinstance(original, str):
        raise Rejection("ledger.original_refused", failed_with=original)
    movable = original.kind in (LineKind.POSTED, LineKind.HOLD_POSTED)
    if not movable or original.id != transfer.refers_to:
        raise Rejection("ledger.not_reversible", kind=LineKind(original.kind).name.lower())
    reversal = draft.find(REVERSED + transfer.refers_to)
    if reversal is not None:
        assert not isinstance(reversal, str), "only lines are remembered as reversals"
        raise Rejection("ledger.already_reversed", reversed_by=reversal.id)
    by_number = draft.state.by_number
    debit, credit = check_sides(named, by_number[original.debit], by_number[original.credit])
    amount = original.amount_minor
    check_moving(transfer, credit, debit)
    check_room(draft, credit, debit, amount)
    draft.move(credit, debit, posted=amount, pending=0)
    draft.record(
        line_of(
            transfer,
            LineKind.REVERSAL,
            debit=credit.number,
            credit=debit.number,
            amount_minor=amount,
        )
    )
