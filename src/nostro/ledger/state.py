"""What does the ledger remember, and how does an event change it?"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import msgspec

from nostro.kernel.asset import SEED, Asset
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.kernel.seen import SeenIndex
from nostro.ledger.commands import AccountType, Limit, Side
from nostro.ledger.events import (
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AssetRegistered,
    Line,
    LineKind,
    TransfersRecorded,
    TransfersRefused,
)

MICROSECONDS = 1_000_000

AMOUNT_PLAIN_MAX = 10**24
"""Up to this amount no sum of a lifetime can pass 38 digits: 10**14 lines on one account would be
needed. An account that saw a larger one is marked LARGE and its totals are checked each time."""

DEBITS_LIMITED = 1
CREDITS_LIMITED = 2
FROZEN = 4
CLOSED = 8
LARGE = 16
"""What stands in an account's `guard`: why a transfer may need more than a look at two names."""

_POSTED, _HELD, _HOLD_POSTED = 0, 1, 2
"""The values of LineKind; looking them up there takes longer than moving the money."""

_GUARD_OF_LIMIT = {
    Limit.NONE: 0,
    Limit.DEBITS_MUST_NOT_EXCEED_CREDITS: DEBITS_LIMITED,
    Limit.CREDITS_MUST_NOT_EXCEED_DEBITS: CREDITS_LIMITED,
}

RESOLVED = "~"
REVERSED = "^"
"""Prefixes of the keys under which it is remembered for ever which line resolved a hold and which
line reversed a transfer. Neither character can stand in an id."""


class Account(msgspec.Struct, array_like=True, gc=False):
    """An account and its four totals, in minor units; changed in place by `evolve` only."""

    number: int
    id: str
    asset: str
    type: AccountType
    side: Side
    limit: Limit
    overdraft_minor: int
    owner: str
    metadata: dict[str, str] | None
    guard: int
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def room(self) -> int:
        """Return how much the limited side may still take; only for an account with a limit."""
        if self.guard & DEBITS_LIMITED:
            kept = self.overdraft_minor + self.credits_posted
            return kept - self.debits_posted - self.debits_pending
        kept = self.overdraft_minor + self.debits_posted
        return kept - self.credits_posted - self.credits_pending


class Hold(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An open hold. `expires_at_us`: microseconds since the epoch, 0 for never."""

    debit: int
    credit: int
    amount_minor: int
    expires_at_us: int


Seen = Line | str
"""What became of an id: the line it made, or the code it was refused with for good."""

_NOBODY = Account(
    0, "", "", AccountType.EQUITY, Side.DEBIT, Limit.NONE, 0, "", None, FROZEN | CLOSED
)


class LedgerState:
    """The books in memory. `by_number[0]` is nobody; `due` may name holds that are open no more."""

    __slots__ = ("accounts", "assets", "by_number", "due", "holds", "seen")

    def __init__(self, *, seen: SeenIndex[Seen]) -> None:
        self.assets: dict[str, Asset] = dict(SEED)
        self.accounts: dict[str, Account] = {}
        self.by_number: list[Account] = [_NOBODY]
        self.holds: dict[str, Hold] = {}
        self.due: list[tuple[int, str]] = []
        self.seen = seen


def derived_key(line: Line) -> str:
    """Return the key besides its id under which a line is remembered, or "": the hold it resolved,
    the transfer it reversed, or the id that it closed before its hold came."""
    match line.kind:
        case LineKind.HOLD_POSTED | LineKind.HOLD_VOIDED:
            return RESOLVED + line.refers_to
        case LineKind.REVERSAL:
            return REVERSED + line.refers_to
        case LineKind.HOLD_CLOSED:
            return line.refers_to
        case _:
            return ""


def evolve(state: LedgerState, event: Event, position: Position) -> None:
    """Apply one event in place."""
    match event:
        case TransfersRecorded(lines):
            _record(state, lines, position)
        case TransfersRefused(refused):
            ids = [id for id, _ in refused]
            state.seen.add_many(ids, [code for _, code in refused], position.height)
        case AccountOpened():
            _open(state, event)
        case AccountFrozen(number):
            state.by_number[number].guard |= FROZEN
        case AccountUnfrozen(number):
            state.by_number[number].guard &= ~FROZEN
        case AccountClosed(number):
            state.by_number[number].guard |= CLOSED
        case AssetRegistered(code, scale, name):
            state.assets[code] = Asset(code, scale, name)
        case _:
            raise AssertionError(f"not an event of the ledger: {event!r}")


def _open(state: LedgerState, event: AccountOpened) -> None:
    assert event.number == len(state.by_number), f"account number {event.number} is out of order"
    account = Account(
        event.number,
        event.id,
        state.assets[event.asset].code,
        event.type,
        event.side,
        event.limit,
        event.overdraft_minor,
        event.owner,
        event.metadata,
        _GUARD_OF_LIMIT[event.limit],
    )
    state.accounts[event.id] = account
    state.by_number.append(account)


def _record(state: LedgerState, lines: Sequence[Line], position: Position) -> None:
    """Move what the lines say. Most are transfers, holds and posts of them, so these are moved
    right here."""
    accounts, holds = state.by_number, state.holds
    keys = [line.id for line in lines]
    others: list[Line] = []
    for line in lines:
        amount, kind = line.amount_minor, line.kind
        if kind == _POSTED:
            accounts[line.debit].debits_posted += amount
            accounts[line.credit].credits_posted += amount
        elif kind == _HELD and not line.timeout_s:
            accounts[line.debit].debits_pending += amount
            accounts[line.credit].credits_pending += amount
            holds[line.id] = Hold(line.debit, line.credit, amount, 0)
        else:
            others.append(line)
        if amount > AMOUNT_PLAIN_MAX:
            accounts[line.debit].guard |= LARGE
            accounts[line.credit].guard |= LARGE
    values = lines
    if len(keys) == 1 and not others:
        state.seen.add(keys[0], lines[0], position.height)
        return
    if others:
        values = list(lines)
        for line in others:
            if line.kind == _HOLD_POSTED:
                _post(state, line)
                key = RESOLVED + line.refers_to
            else:
                _apply(state, line, position.at_us)
                key = derived_key(line)
            if key:
                keys.append(key)
                values.append(line)
        _forget_resolved(state)
    state.seen.add_many(keys, values, position.height)


def _apply(state: LedgerState, line: Line, at_us: int) -> None:
    debit, credit = state.by_number[line.debit], state.by_number[line.credit]
    amount = line.amount_minor
    match line.kind:
        case LineKind.HELD:
            debit.debits_pending += amount
            credit.credits_pending += amount
            expires_at_us = at_us + line.timeout_s * MICROSECONDS if line.timeout_s else 0
            state.holds[line.id] = Hold(line.debit, line.credit, amount, expires_at_us)
            if expires_at_us:
                heappush(state.due, (expires_at_us, line.id))
        case LineKind.REVERSAL:
            debit.debits_posted += amount
            credit.credits_posted += amount
        case LineKind.HOLD_VOIDED | LineKind.HOLD_EXPIRED:
            _release(state, line.refers_to)
        case LineKind.HOLD_CLOSED:
            pass
        case _:
            raise AssertionError(f"a line of unknown kind: {line!r}")


def _post(state: LedgerState, line: Line) -> None:
    hold = state.holds.pop(line.refers_to)
    debit, credit = state.by_number[hold.debit], state.by_number[hold.credit]
    debit.debits_pending -= hold.amount_minor
    credit.credits_pending -= hold.amount_minor
    debit.debits_posted += line.amount_minor
    credit.credits_posted += line.amount_minor


def _release(state: LedgerState, hold_id: str) -> None:
    hold = state.holds.pop(hold_id)
    state.by_number[hold.debit].debits_pending -= hold.amount_minor
    state.by_number[hold.credit].credits_pending -= hold.amount_minor


def _forget_resolved(state: LedgerState) -> None:
    """Keep an open hold at the top of `due`, and rebuild it when most of it is resolved."""
    due, holds = state.due, state.holds
    if len(due) > 2 * len(holds) + 1024:
        due[:] = [entry for entry in due if entry[1] in holds]
        heapify(due)
    while due and due[0][1] not in holds:
        heappop(due)


def next_due(state: LedgerState) -> int | None:
    """Return when the next hold expires (microseconds since the epoch), or None."""
    return state.due[0][0] if state.due else None
