"""What do the wallets remember, and how does an event change it?

Deposits and withdrawals that ended leave memory once their row is durable and newer ones crowd
them out; what their ending event says is enough for every decision about them.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from nostro.kernel.asset import SEED
from nostro.kernel.codec import encode
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.kernel.seen import SeenIndex
from nostro.wallets import events as e
from nostro.wallets.commands import deposit_key, withdrawal_key

ATTEMPTS_MAX = 999
"""Bookings of one deposit or payout: the number stands in the ledger's transfer id."""

ENDED_HOT_MAX = 100_000
"""Ended deposits and withdrawals kept in memory; older ones are read from the journal when they
are named again."""
_SUM_MODULUS = 2**256


class DepositState(StrEnum):
    """Where a deposit is in its life."""

    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    SUSPENDED = "suspended"
    REJECTED = "rejected"


class WithdrawalState(StrEnum):
    """Where a withdrawal is in its life."""

    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    SENT = "sent"
    SETTLED = "settled"
    SUSPENDED = "suspended"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Deposit(msgspec.Struct):
    """A deposit as decisions see it; `changed_at_height` is the row of its last event. Of one that
    was read back from the journal, `attempts` is not known (0)."""

    user_id: str
    transaction_id: str
    asset: str
    amount_minor: int
    state: DepositState
    reason: str = ""
    attempts: int = 0
    changed_at_height: int = 0

    @property
    def key(self) -> str:
        """Return its name in the house."""
        return deposit_key(self.user_id, self.transaction_id)

    @property
    def ended(self) -> bool:
        """Tell whether no command changes it any more."""
        return self.state in (DepositState.CONFIRMED, DepositState.REJECTED)


class Withdrawal(msgspec.Struct):
    """A withdrawal as decisions see it. Of one that was read back from the journal, requester and
    approvals are not known."""

    withdrawal_id: str
    user_id: str
    asset: str
    amount_minor: int
    destination: str
    state: WithdrawalState
    reason: str = ""
    requested_by: str = ""
    approvals_needed: int = 0
    approved_by: list[str] = []
    attempts: int = 0
    changed_at_height: int = 0

    @property
    def key(self) -> str:
        """Return its name in the house."""
        return withdrawal_key(self.withdrawal_id)

    @property
    def approvals_missing(self) -> int:
        """Return how many approvals it still waits for."""
        if self.state is not WithdrawalState.AWAITING_APPROVAL:
            return 0
        return self.approvals_needed - len(self.approved_by)

    @property
    def ended(self) -> bool:
        """Tell whether no command changes it any more."""
        return self.state in _ENDED_WITHDRAWALS


_ENDED_WITHDRAWALS = frozenset(
    {
        WithdrawalState.SETTLED,
        WithdrawalState.FAILED,
        WithdrawalState.REFUSED,
        WithdrawalState.CANCELLED,
    }
)

Course = Deposit | Withdrawal


class WalletsState:
    """All that the room remembers: assets beyond the seed, customers with their assets, what is
    under way, and what has ended."""

    def __init__(self, *, ended_hot_max: int = ENDED_HOT_MAX) -> None:
        self.assets: dict[str, int] = {}
        """Scale of each asset offered beyond the seed registry."""
        self.customers: dict[str, set[str]] = {}
        self.deposits: dict[str, Deposit] = {}
        self.withdrawals: dict[str, Withdrawal] = {}
        self.ended: SeenIndex[Course] = SeenIndex(hot_max=ended_hot_max)
        self.ended_count = 0
        self.ended_sum = 0
        """Sum of the fingerprints of all that ended, modulo 2**256: the same in memory or not."""
        self.leaving: deque[tuple[str, int]] = deque()
        """(key, height) of what ended and still stands among what is under way, oldest first."""

    def offers(self, asset: str) -> bool:
        """Tell whether customers can hold the asset."""
        return asset in SEED or asset in self.assets

    def course(self, key: str, recalled: Mapping[str, Any]) -> Course | None:
        """Return the deposit or withdrawal of a key, wherever it is; None when never used."""
        here = self.deposits.get(key) or self.withdrawals.get(key) or self.ended.hot(key)
        return here if here is not None else recalled.get(key)

    def settle(self, height: int) -> None:
        """Let what ended at or below a durable height go, and the oldest of it out of memory."""
        while self.leaving and self.leaving[0][1] <= height:
            key, ended_at = self.leaving.popleft()
            course: Course | None = self.deposits.get(key) or self.withdrawals.get(key)
            if course is None or not course.ended or course.changed_at_height != ended_at:
                continue
            self.deposits.pop(key, None)
            self.withdrawals.pop(key, None)
            self.ended.add(key, course, ended_at)
        self.ended.settle(height)


def _fingerprint(course: Course) -> int:
    told = (course.key, course.state, course.asset, course.amount_minor, course.reason)
    return int.from_bytes(hashlib.sha256(encode(told)).digest(), "big")


def _end(state: WalletsState, course: Course) -> None:
    state.ended_count += 1
    state.ended_sum = (state.ended_sum + _fingerprint(course)) % _SUM_MODULUS
    state.leaving.append((course.key, course.changed_at_height))


def _take_back_end(state: WalletsState, course: Course) -> None:
    state.ended_count -= 1
    state.ended_sum = (state.ended_sum - _fingerprint(course)) % _SUM_MODULUS


# -- evolve ---------------------------------------------------------------------------------------


def evolve(state: WalletsState, event: Event, position: Position) -> None:
    """Apply one event in place."""
    cls = type(event)
    if cls in _DEPOSIT_STATES:
        _evolve_deposit(state, event, position)
    elif cls in _WITHDRAWAL_STATES:
        _evolve_withdrawal(state, event, position)
    else:
        _REGISTER[cls](state, event)


def _offer(state: WalletsState, event: e.AssetOffered) -> None:
    state.assets[event.code] = event.scale


def _open_customer(state: WalletsState, event: e.CustomerOpened) -> None:
    state.customers[event.user_id] = set()


def _open_wallet(state: WalletsState, event: e.WalletOpened) -> None:
    state.customers[event.user_id].add(event.asset)


def _note_break(_state: WalletsState, _event: e.WithdrawalBreakNoted) -> None:
    """Breaks are for the views: no decision looks at them."""


_REGISTER: dict[type[Event], Callable[[WalletsState, Any], None]] = {
    e.AssetOffered: _offer,
    e.CustomerOpened: _open_customer,
    e.WalletOpened: _open_wallet,
    e.WithdrawalBreakNoted: _note_break,
}

_DEPOSIT_STATES: dict[type[Event], DepositState] = {
    e.DepositSubmitted: DepositState.SUBMITTED,
    e.DepositConfirmed: DepositState.CONFIRMED,
    e.DepositRejected: DepositState.REJECTED,
    e.DepositSuspended: DepositState.SUSPENDED,
    e.DepositReopened: DepositState.SUBMITTED,
    e.DepositReleased: DepositState.CONFIRMED,
    e.DepositKeptSuspended: DepositState.SUSPENDED,
}

_WITHDRAWAL_STATES: dict[type[Event], WithdrawalState] = {
    e.WithdrawalRequested: WithdrawalState.REQUESTED,
    e.WithdrawalHeld: WithdrawalState.AWAITING_APPROVAL,
    e.WithdrawalRefused: WithdrawalState.REFUSED,
    e.WithdrawalEndorsed: WithdrawalState.AWAITING_APPROVAL,
    e.WithdrawalApproved: WithdrawalState.APPROVED,
    e.WithdrawalCancelled: WithdrawalState.CANCELLED,
    e.WithdrawalSent: WithdrawalState.SENT,
    e.WithdrawalSettled: WithdrawalState.SETTLED,
    e.WithdrawalFailed: WithdrawalState.FAILED,
    e.PayoutSuspended: WithdrawalState.SUSPENDED,
    e.PayoutReopened: WithdrawalState.SENT,
    e.PayoutCleared: WithdrawalState.SETTLED,
    e.PayoutKeptSuspended: WithdrawalState.SUSPENDED,
}


def _evolve_deposit(state: WalletsState, event: Any, position: Position) -> None:
    key = deposit_key(event.user_id, event.transaction_id)
    deposit = state.deposits.get(key)
    if deposit is None:
        deposit = state.deposits[key] = _deposit(event)
    elif deposit.ended:
        _take_back_end(state, deposit)
    deposit.state = _DEPOSIT_STATES[type(event)]
    deposit.reason = getattr(event, "reason", "")
    deposit.attempts = getattr(event, "attempt", deposit.attempts)
    deposit.changed_at_height = position.height
    if deposit.ended:
        _end(state, deposit)


def _evolve_withdrawal(state: WalletsState, event: Any, position: Position) -> None:
    key = withdrawal_key(event.withdrawal_id)
    withdrawal = state.withdrawals.get(key)
    if withdrawal is None:
        withdrawal = state.withdrawals[key] = _withdrawal(event)
        withdrawal.requested_by = event.actor
        withdrawal.approvals_needed = event.approvals_needed
    elif withdrawal.ended:
        _take_back_end(state, withdrawal)
    if type(event) is e.WithdrawalEndorsed:
        withdrawal.approved_by.append(event.actor)
    withdrawal.state = _WITHDRAWAL_STATES[type(event)]
    withdrawal.reason = getattr(event, "reason", "")
    withdrawal.attempts = getattr(event, "attempt", withdrawal.attempts)
    withdrawal.changed_at_height = position.height
    if withdrawal.ended:
        _end(state, withdrawal)


def _deposit(event: Any) -> Deposit:
    return Deposit(
        event.user_id,
        event.transaction_id,
        event.asset,
        event.amount_minor,
        _DEPOSIT_STATES[type(event)],
        getattr(event, "reason", ""),
    )


def _withdrawal(event: Any) -> Withdrawal:
    return Withdrawal(
        event.withdrawal_id,
        event.user_id,
        event.asset,
        event.amount_minor,
        event.destination,
        _WITHDRAWAL_STATES[type(event)],
        getattr(event, "reason", ""),
    )


def recall(wanted: Iterable[str], events: Iterable[Event]) -> dict[str, Course]:
    """Return what the events of one row say of the wanted deposits and withdrawals."""
    keys = frozenset(wanted)
    found: dict[str, Course] = {}
    for event in events:
        cls = type(event)
        course: Course
        if cls in _DEPOSIT_STATES:
            course = _deposit(event)
        elif cls in _WITHDRAWAL_STATES:
            course = _withdrawal(event)
        else:
            continue
        if course.key in keys:
            found[course.key] = course
    return found
