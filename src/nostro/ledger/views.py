"""What do readers see of accounts, balances, transfers and statements, and what do the figures
mean?

Amounts are integer minor units of the account's asset; `scale` is the asset's number of decimals.
Times are microseconds since the epoch (UTC). `posted` is counted on the account's normal side:
positive is what one expects of the account, so it is credits less debits for a liability and debits
less credits for an asset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from nostro.ledger.commands import AccountType, Limit, Side
from nostro.ledger.events import Line, LineKind
from nostro.ledger.state import Account

T = TypeVar("T")


class Status(StrEnum):
    """Whether an account moves."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class AsOf(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of the past: the end of journal row `height`, or everything recorded at or before
    `at_us`.

    Exactly one is given. A height is exact for ever; a time is final once a later row is recorded.
    """

    height: int | None = None
    at_us: int | None = None

    def __post_init__(self) -> None:
        if (self.height is None) == (self.at_us is None):
            raise ValueError("name a height or a time, one of them")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Part of a longer answer. `next_cursor` (opaque) asks for the rest; None: this was the last
    page.

    `height`: the journal height the answer was read at.
    """

    items: list[T]
    next_cursor: str | None
    height: int


class Totals(msgspec.Struct, frozen=True, gc=False):
    """The four running totals of an account; each only grows but the pending ones, and none is
    negative."""

    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0


def posted(side: Side, totals: Totals) -> int:
    """Return the balance of what has moved, positive on the normal side."""
    difference = totals.debits_posted - totals.credits_posted
    return difference if side is Side.DEBIT else -difference


def outgoing_side(side: Side, limit: Limit) -> Side:
    """Return the side that takes away: the one the limit watches, without a limit the one not
    normal."""
    match limit:
        case Limit.DEBITS_MUST_NOT_EXCEED_CREDITS:
            return Side.DEBIT
        case Limit.CREDITS_MUST_NOT_EXCEED_DEBITS:
            return Side.CREDIT
        case Limit.NONE:
            return Side.CREDIT if side is Side.DEBIT else Side.DEBIT


def available(side: Side, limit: Limit, overdraft_minor: int, totals: Totals) -> int:
    """Return how much may still go out: what came in and is posted, less what went out, less what
    is held to go out, plus the overdraft of a limited account.

    Money that is only held to come in does not count. For an account without a limit this is
    information, not a bound, and may be negative.
    """
    allowed = overdraft_minor if limit is not Limit.NONE else 0
    if outgoing_side(side, limit) is Side.DEBIT:
        return totals.credits_posted + allowed - totals.debits_posted - totals.debits_pending
    return totals.debits_posted + allowed - totals.credits_posted - totals.credits_pending


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on an account at the end of journal row `height`.

    `pending_in`, `pending_out`: held to come in, held to go out. `available`: see the function of
    that name.
    """

    account: str
    asset: str
    scale: int
    side: Side
    height: int
    totals: Totals
    posted: int
    pending_in: int
    pending_out: int
    available: int


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account with its present balance. `number`: order of opening, the name of the account in
    events."""

    id: str
    number: int
    asset: str
    type: AccountType
    side: Side
    limit: Limit
    overdraft_minor: int
    owner: str
    metadata: dict[str, str] | None
    status: Status
    opened_at_us: int
    opened_height: int
    balance: BalanceView


def balance_of(account: AccountTerms, totals: Totals, *, scale: int, height: int) -> BalanceView:
    """Return the balance that these totals mean under the account's terms."""
    goes_out_by_debit = outgoing_side(account.side, account.limit) is Side.DEBIT
    pending_out, pending_in = totals.debits_pending, totals.credits_pending
    if not goes_out_by_debit:
        pending_out, pending_in = pending_in, pending_out
    return BalanceView(
        account=account.id,
        asset=account.asset,
        scale=scale,
        side=account.side,
        height=height,
        totals=totals,
        posted=posted(account.side, totals),
        pending_in=pending_in,
        pending_out=pending_out,
        available=available(account.side, account.limit, account.overdraft_minor, totals),
    )


class AccountTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What of an account never changes and decides how its totals are read."""

    id: str
    asset: str
    side: Side
    limit: Limit
    overdraft_minor: int


class TransferView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the books as recorded, for good; `seq` is its place (see ledger.events).

    `debit` and `credit` are account ids. `debit_after`, `credit_after`: the totals of both accounts
    right after it. `refers_to`: the hold it resolved or the transfer it reversed. `resolved_by`:
    for a hold, the line that posted, voided or expired it; for a posted transfer, the line that
    reversed it; "" while there is none.
    """

    id: str
    seq: int
    height: int
    at_us: int
    effective_at_us: int
    kind: LineKind
    debit: str
    credit: str
    asset: str
    scale: int
    amount_minor: int
    asked_minor: int | None
    flags: int
    code: int
    reference: str
    refers_to: str
    resolved_by: str
    timeout_s: int
    metadata: dict[str, str] | None
    debit_after: Totals
    credit_after: Totals


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line as an account saw it. `side`: on which it stands; `counterpart`: the other account.

    `change_minor`: by how much it moved the posted balance (0 for holds and releases); `balance`:
    after it.
    """

    id: str
    seq: int
    height: int
    at_us: int
    effective_at_us: int
    kind: LineKind
    side: Side
    counterpart: str
    amount_minor: int
    change_minor: int
    code: int
    reference: str
    refers_to: str
    metadata: dict[str, str] | None
    balance: BalanceView


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of an account after one moment and up to another, oldest first, between two
    balances.

    `opening` and `closing` are those of the whole period, on every page; with `next_cursor` None
    the last line's balance is the closing one.
    """

    account: str
    asset: str
    scale: int
    opening: BalanceView
    closing: BalanceView
    lines: list[StatementLine]
    next_cursor: str | None
    height: int


class TypeTotals(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of one type in one asset, added up."""

    type: AccountType
    accounts: int
    totals: Totals


class TrialBalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts of one asset, added up. `difference` (debits less credits posted) is 0 in sound
    books, and so is `pending_difference`."""

    asset: str
    scale: int
    height: int
    accounts: int
    totals: Totals
    difference: int
    pending_difference: int
    by_type: list[TypeTotals]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer id that was refused for good, and why."""

    id: str
    code: str
    height: int
    at_us: int


class RunningTotals:
    """The totals of every account right after every line: what `evolve`, which moves a whole event
    at once, does not tell.

    `by_number[n]` is [debits posted, credits posted, debits pending, credits pending] of account n,
    and [0] is nobody's. Changed in place.
    """

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.by_number = [
            [a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending]
            for a in accounts
        ]

    def open(self, number: int) -> None:
        """Start an account."""
        assert number == len(self.by_number), f"account number {number} is out of order"
        self.by_number.append([0, 0, 0, 0])

    def move(self, line: Line, held: Mapping[str, int]) -> None:
        """Take in one line; `held`: the amount of the hold that it resolves, by id."""
        debit, credit, amount = (
            self.by_number[line.debit],
            self.by_number[line.credit],
            line.amount_minor,
        )
        match line.kind:
            case LineKind.POSTED | LineKind.REVERSAL:
                debit[0] += amount
                credit[1] += amount
            case LineKind.HELD:
                debit[2] += amount
                credit[3] += amount
            case LineKind.HOLD_POSTED:
                debit[2] -= held[line.refers_to]
                credit[3] -= held[line.refers_to]
                debit[0] += amount
                credit[1] += amount
            case LineKind.HOLD_VOIDED | LineKind.HOLD_EXPIRED:
                debit[2] -= amount
                credit[3] -= amount
            case _:
                pass  # a hold that was closed before it came moved nothing
