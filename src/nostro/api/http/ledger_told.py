"""How are accounts, balances, transfers and statements told to callers?

The views count in minor units and microseconds; here they become decimal strings and RFC 3339.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from nostro.api.times import rfc3339
from nostro.kernel.money import format_amount
from nostro.ledger import (
    AccountType,
    AccountView,
    Action,
    BalanceView,
    Limit,
    LineKind,
    Side,
    Statement,
    StatementLine,
    Status,
    Totals,
    TransferView,
    TrialBalanceRow,
)

Kind = Literal[
    "posted", "held", "hold_posted", "hold_voided", "hold_expired", "reversal", "hold_closed"
]
_KINDS: dict[LineKind, Kind] = {
    LineKind.POSTED: "posted",
    LineKind.HELD: "held",
    LineKind.HOLD_POSTED: "hold_posted",
    LineKind.HOLD_VOIDED: "hold_voided",
    LineKind.HOLD_EXPIRED: "hold_expired",
    LineKind.REVERSAL: "reversal",
    LineKind.HOLD_CLOSED: "hold_closed",
}
_ACTIONS: dict[LineKind, Action] = {
    LineKind.POSTED: Action.TRANSFER,
    LineKind.HELD: Action.HOLD,
    LineKind.HOLD_POSTED: Action.POST,
    LineKind.HOLD_VOIDED: Action.VOID,
    LineKind.HOLD_EXPIRED: Action.VOID,
    LineKind.REVERSAL: Action.REVERSE,
    LineKind.HOLD_CLOSED: Action.VOID,
}


class TotalsTold(msgspec.Struct, frozen=True):
    """The four running totals of an account, as decimal strings; none is negative."""

    debits_posted: str
    credits_posted: str
    debits_pending: str
    credits_pending: str


class BalanceTold(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on an account at the end of journal row `height`.

    `posted` is positive on the account's normal `side`. `pending_in` and `pending_out` are held to
    come in and to go out; `held` is the same as `pending_out`. `available`: how much may still go
    out; for an account without a limit it is information, not a bound.
    """

    account: str
    asset: str
    side: Side
    posted: str
    held: str
    available: str
    pending_in: str
    pending_out: str
    totals: TotalsTold
    height: int


class AccountTold(msgspec.Struct, frozen=True, kw_only=True):
    """An account with its present balance; `number` is the order of opening, from 1."""

    id: str
    number: int
    asset: str
    type: AccountType
    side: Side
    limit: Limit
    overdraft: str
    owner: str
    status: Status
    metadata: dict[str, str]
    opened_at: str
    opened_height: int
    balance: BalanceTold


class TransferTold(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the books, as recorded, for good. `amount` is what moved, was held or was released;
    `asked` what was asked for where that differs. `resolved_by`: the line that posted, voided or
    reversed it, once there is one."""

    id: str
    action: Action
    kind: Kind
    debit: str
    credit: str
    amount: str
    asset: str
    asked: str | None
    refers_to: str
    resolved_by: str
    code: int
    reference: str
    timeout_s: int
    effective_at: str | None
    metadata: dict[str, str]
    recorded_at: str
    height: int


class LineTold(msgspec.Struct, frozen=True, kw_only=True):
    """A line as the account saw it: `change` is by how much it moved the posted balance, `balance`
    what is posted after it, `available` what may still go out."""

    id: str
    kind: Kind
    side: Side
    counterpart: str
    amount: str
    change: str
    balance: str
    available: str
    code: int
    reference: str
    refers_to: str
    effective_at: str | None
    metadata: dict[str, str]
    recorded_at: str
    height: int


class StatementTold(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of an account between two balances, oldest first. `opening` and `closing` are those
    of the whole period, on every page."""

    account: str
    asset: str
    opening: BalanceTold
    closing: BalanceTold
    data: list[LineTold]
    next_cursor: str | None
    has_more: bool
    height: int


class TypeTold(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of one type in one asset, added up."""

    type: AccountType
    accounts: int
    totals: TotalsTold


class AssetTrialTold(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts of one asset, added up; both differences are zero in sound books."""

    asset: str
    accounts: int
    totals: TotalsTold
    difference: str
    pending_difference: str
    by_type: list[TypeTold]


def balance_told(view: BalanceView) -> BalanceTold:
    """Return a balance as it is told."""
    scale = view.scale
    pending_out = format_amount(view.pending_out, scale)
    return BalanceTold(
        account=view.account,
        asset=view.asset,
        side=view.side,
        posted=format_amount(view.posted, scale),
        held=pending_out,
        available=format_amount(view.available, scale),
        pending_in=format_amount(view.pending_in, scale),
        pending_out=pending_out,
        totals=totals_told(view.totals, scale),
        height=view.height,
    )


def totals_told(totals: Totals, scale: int) -> TotalsTold:
    """Return totals as they are told."""
    return TotalsTold(
        format_amount(totals.debits_posted, scale),
        format_amount(totals.credits_posted, scale),
        format_amount(totals.debits_pending, scale),
        format_amount(totals.credits_pending, scale),
    )


def account_told(view: AccountView) -> AccountTold:
    """Return an account as it is told."""
    return AccountTold(
        id=view.id,
        number=view.number,
        asset=view.asset,
        type=view.type,
        side=view.side,
        limit=view.limit,
        overdraft=format_amount(view.overdraft_minor, view.balance.scale),
        owner=view.owner,
        status=view.status,
        metadata=view.metadata or {},
        opened_at=rfc3339(view.opened_at_us),
        opened_height=view.opened_height,
        balance=balance_told(view.balance),
    )


def transfer_told(view: TransferView) -> TransferTold:
    """Return a transfer as it is told; an amount asked for as "all of it" is not told."""
    asked = view.asked_minor
    return TransferTold(
        id=view.id,
        action=_ACTIONS[view.kind],
        kind=_KINDS[view.kind],
        debit=view.debit,
        credit=view.credit,
        amount=format_amount(view.amount_minor, view.scale),
        asset=view.asset,
        asked=None if asked is None or asked < 0 else format_amount(asked, view.scale),
        refers_to=view.refers_to,
        resolved_by=view.resolved_by,
        code=view.code,
        reference=view.reference,
        timeout_s=view.timeout_s,
        effective_at=rfc3339(view.effective_at_us) if view.effective_at_us else None,
        metadata=view.metadata or {},
        recorded_at=rfc3339(view.at_us),
        height=view.height,
    )


def statement_told(view: Statement) -> StatementTold:
    """Return a statement as it is told."""
    return StatementTold(
        account=view.account,
        asset=view.asset,
        opening=balance_told(view.opening),
        closing=balance_told(view.closing),
        data=[_line_told(line, view.scale) for line in view.lines],
        next_cursor=view.next_cursor,
        has_more=view.next_cursor is not None,
        height=view.height,
    )


def _line_told(line: StatementLine, scale: int) -> LineTold:
    return LineTold(
        id=line.id,
        kind=_KINDS[line.kind],
        side=line.side,
        counterpart=line.counterpart,
        amount=format_amount(line.amount_minor, scale),
        change=format_amount(line.change_minor, scale),
        balance=format_amount(line.balance.posted, scale),
        available=format_amount(line.balance.available, scale),
        code=line.code,
        reference=line.reference,
        refers_to=line.refers_to,
        effective_at=rfc3339(line.effective_at_us) if line.effective_at_us else None,
        metadata=line.metadata or {},
        recorded_at=rfc3339(line.at_us),
        height=line.height,
    )


def trial_told(row: TrialBalanceRow) -> AssetTrialTold:
    """Return the trial balance of one asset as it is told."""
    return AssetTrialTold(
        asset=row.asset,
        accounts=row.accounts,
        totals=totals_told(row.totals, row.scale),
        difference=format_amount(row.difference, row.scale),
        pending_difference=format_amount(row.pending_difference, row.scale),
        by_type=[
            TypeTold(
                type=each.type,
                accounts=each.accounts,
                totals=totals_told(each.totals, row.scale),
            )
            for each in row.by_type
        ],
    )
