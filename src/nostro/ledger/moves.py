"""Between which accounts may how much move?"""

from __future__ import annotations

from nostro.kernel.messages import Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.ledger.commands import Balancing, NewTransfer
from nostro.ledger.content import ID_LENGTH_MAX
from nostro.ledger.draft import Draft
from nostro.ledger.events import Line, LineKind
from nostro.ledger.repeats import ALL_OF_IT, flags_of
from nostro.ledger.state import CLOSED, CREDITS_LIMITED, DEBITS_LIMITED, FROZEN, Account

_WITHOUT_AMOUNT = (LineKind.HOLD_VOIDED, LineKind.HOLD_CLOSED, LineKind.REVERSAL)
"""These never name an amount."""


def named_accounts(draft: Draft, transfer: NewTransfer) -> tuple[Account | None, Account | None]:
    """Return the accounts a transfer names, None where it names none.

    Raises Rejection `ledger.debit_not_found`, `ledger.credit_not_found`.
    """
    accounts = draft.state.accounts
    debit, credit = accounts.get(transfer.debit), accounts.get(transfer.credit)
    if debit is None and transfer.debit:
        raise Rejection("ledger.debit_not_found", account=transfer.debit[:ID_LENGTH_MAX])
    if credit is None and transfer.credit:
        raise Rejection("ledger.credit_not_found", account=transfer.credit[:ID_LENGTH_MAX])
    return debit, credit


def both_accounts(draft: Draft, transfer: NewTransfer) -> tuple[Account, Account]:
    """Return both accounts of a transfer whose content says that it names both."""
    debit, credit = named_accounts(draft, transfer)
    assert debit is not None, "content was checked before"
    assert credit is not None, "content was checked before"
    return debit, credit


def check_asset(transfer: NewTransfer, account: Account) -> None:
    """Raise Rejection `ledger.asset_not_of_accounts` if the amount is counted in another asset."""
    if transfer.asset and transfer.asset != account.asset:
        raise Rejection("ledger.asset_not_of_accounts", account=account.id, asset=account.asset)


def check_moving(transfer: NewTransfer, debit: Account, credit: Account) -> None:
    """Raise the Rejection of the first reason why nothing may move between two accounts."""
    if debit.asset != credit.asset:
        raise Rejection("ledger.assets_differ", debit_asset=debit.asset, credit_asset=credit.asset)
    check_asset(transfer, debit)
    if debit.guard & CLOSED:
        raise Rejection("ledger.debit_closed", account=debit.id)
    if credit.guard & CLOSED:
        raise Rejection("ledger.credit_closed", account=credit.id)
    if debit.guard & FROZEN:
        raise Rejection("ledger.debit_frozen", account=debit.id)
    if credit.guard & FROZEN:
        raise Rejection("ledger.credit_frozen", account=credit.id)


def amount_that_fits(draft: Draft, transfer: NewTransfer, debit: Account, credit: Account) -> int:
    """Return the amount to move, cut to what a limit allows if the transfer says so.

    Raises Rejection `ledger.balancing_without_limit`, `ledger.debit_would_overflow`,
    `ledger.credit_would_overflow`, `ledger.exceeds_credits`, `ledger.exceeds_debits`.
    """
    amount = transfer.amount_minor
    match transfer.balancing:
        case Balancing.DEBIT:
            amount = _cut(draft, amount, debit, DEBITS_LIMITED)
        case Balancing.CREDIT:
            amount = _cut(draft, amount, credit, CREDITS_LIMITED)
        case Balancing.NONE:
            pass
    assert amount is not None, "content was checked before"
    check_room(draft, debit, credit, amount)
    return amount


def _cut(draft: Draft, asked: int | None, account: Account, limit: int) -> int:
    if not account.guard & limit:
        raise Rejection("ledger.balancing_without_limit", account=account.id)
    room = draft.room(account)
    # Nothing is left: one minor unit is too much, and check_room says so.
    return max(1, min(AMOUNT_MINOR_MAX if asked is None else asked, room))


def check_room(draft: Draft, debit: Account, credit: Account, amount: int) -> None:
    """Raise the Rejection of the first total or limit that an amount would break."""
    draft.check_totals(debit, credit, amount)
    if debit.guard & DEBITS_LIMITED and amount > (room := draft.room(debit)):
        raise Rejection(
            "ledger.exceeds_credits",
            account=debit.id,
            available_minor=room,
            amount_minor=amount,
        )
    if credit.guard & CREDITS_LIMITED and amount > (room := draft.room(credit)):
        raise Rejection(
            "ledger.exceeds_debits",
            account=credit.id,
            available_minor=room,
            amount_minor=amount,
        )


def line_of(
    transfer: NewTransfer, kind: LineKind, *, debit: int, credit: int, amount_minor: int
) -> Line:
    """Return the line that records a transfer."""
    asked = transfer.amount_minor
    if asked is None and kind not in _WITHOUT_AMOUNT:
        asked = ALL_OF_IT
    return Line(
        transfer.id,
        debit,
        credit,
        amount_minor,
        kind.value,
        transfer.code,
        transfer.refers_to,
        transfer.reference,
        transfer.effective_at_us or 0,
        transfer.timeout_s,
        flags_of(transfer),
        None if asked == amount_minor else asked,
        transfer.metadata or None,
    )
