"""Was this transfer sent before, and was it the same?"""

from __future__ import annotations

from nostro.kernel.messages import Rejection
from nostro.ledger.commands import Action, Balancing, NewTransfer
from nostro.ledger.events import Line, LineKind
from nostro.ledger.rules import EXISTS, EXISTS_WITH_DIFFERENT, ID_ALREADY_FAILED
from nostro.ledger.state import Account, LedgerState, Seen

FLAG_LINKED = 1
FLAG_OF_BALANCING = {Balancing.NONE: 0, Balancing.DEBIT: 2, Balancing.CREDIT: 4}
BALANCING_FLAGS = 6
ALL_OF_IT = -1
"""What `asked_minor` says when no amount was named."""

_ACTION_OF_KIND = {
    LineKind.POSTED: Action.TRANSFER,
    LineKind.HELD: Action.HOLD,
    LineKind.HOLD_POSTED: Action.POST,
    LineKind.HOLD_VOIDED: Action.VOID,
    LineKind.HOLD_CLOSED: Action.VOID,
    LineKind.REVERSAL: Action.REVERSE,
}


def flags_of(transfer: NewTransfer) -> int:
    """Return a line's `flags` for a transfer."""
    return transfer.linked | FLAG_OF_BALANCING[transfer.balancing]


def repeated(state: LedgerState, transfer: NewTransfer, seen: Seen) -> Rejection:
    """Return what to say to a transfer whose id was used before: `ledger.exists` if it is the same,
    otherwise why it can never be recorded."""
    if isinstance(seen, str):
        return Rejection(ID_ALREADY_FAILED, failed_with=seen)
    if seen.id != transfer.id:
        return Rejection("ledger.hold_closed", closed_by=seen.id)
    field = _first_difference(state, transfer, seen)
    return Rejection(EXISTS_WITH_DIFFERENT + field) if field else Rejection(EXISTS)


def _first_difference(state: LedgerState, transfer: NewTransfer, line: Line) -> str:
    """Return the first field, in fixed order, in which a transfer is not the one recorded."""
    action = _ACTION_OF_KIND[LineKind(line.kind)]
    if transfer.action is not action:
        return "action"
    if FLAG_OF_BALANCING[transfer.balancing] != line.flags & BALANCING_FLAGS:
        return "balancing"
    if transfer.linked != line.flags & FLAG_LINKED:
        return "linked"
    debit, credit = named_sides(state, line)
    if not _same_account(transfer, transfer.debit, debit):
        return "debit"
    if not _same_account(transfer, transfer.credit, credit):
        return "credit"
    if transfer.asset and debit.number and transfer.asset != debit.asset:
        return "asset"
    if transfer.amount_minor != _asked(line, action):
        return "amount"
    same = (
        ("refers_to", transfer.refers_to == line.refers_to),
        ("timeout", transfer.timeout_s == line.timeout_s),
        ("code", transfer.code == line.code),
        ("reference", transfer.reference == line.reference),
        ("effective_at", (transfer.effective_at_us or 0) == line.effective_at_us),
        ("metadata", (transfer.metadata or None) == line.metadata),
    )
    return next((field for field, equal in same if not equal), "")


def named_sides(state: LedgerState, line: Line) -> tuple[Account, Account]:
    """Return the accounts as the transfer names them: those of the original, also in a reversal."""
    sides = state.by_number[line.debit], state.by_number[line.credit]
    return (sides[1], sides[0]) if line.kind == LineKind.REVERSAL else sides


def _same_account(transfer: NewTransfer, named: str, account: Account) -> bool:
    if transfer.action is Action.TRANSFER or transfer.action is Action.HOLD:
        return named == account.id
    return not named or named == account.id or not account.number


def _asked(line: Line, action: Action) -> int | None:
    if action is Action.VOID or action is Action.REVERSE:
        return None
    if line.asked_minor is None:
        return line.amount_minor
    return None if line.asked_minor == ALL_OF_IT else line.asked_minor
