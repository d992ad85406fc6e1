"""Which course did each deposit and withdrawal take, and do the books agree at the end of each row?

The auditor's own wallets: legal steps, approvals by distinct others, and for each wallet what the
ledger must say of it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.kernel.messages import Event
from nostro.simulation.books import Books, Violation
from nostro.wallets import (
    DepositConfirmed,
    DepositKeptSuspended,
    DepositRejected,
    DepositReleased,
    DepositReopened,
    DepositSubmitted,
    DepositSuspended,
    PayoutCleared,
    PayoutKeptSuspended,
    PayoutReopened,
    PayoutSuspended,
    WithdrawalApproved,
    WithdrawalBreakNoted,
    WithdrawalCancelled,
    WithdrawalEndorsed,
    WithdrawalFailed,
    WithdrawalHeld,
    WithdrawalRefused,
    WithdrawalRequested,
    WithdrawalSent,
    WithdrawalSettled,
)

# Event to (states it may follow, state it leads to). "" is: not heard of before.
_DEPOSIT_STEPS: dict[type[Event], tuple[frozenset[str], str]] = {
    DepositSubmitted: (frozenset({""}), "submitted"),
    DepositConfirmed: (frozenset({"submitted"}), "confirmed"),
    DepositRejected: (frozenset({"submitted"}), "rejected"),
    DepositSuspended: (frozenset({"confirmed"}), "suspended"),
    DepositReopened: (frozenset({"suspended"}), "submitted"),
    DepositReleased: (frozenset({"suspended"}), "confirmed"),
    DepositKeptSuspended: (frozenset({"confirmed"}), "suspended"),
}
_WITHDRAWAL_STEPS: dict[type[Event], tuple[frozenset[str], str]] = {
    WithdrawalRequested: (frozenset({""}), "requested"),
    WithdrawalHeld: (frozenset({"requested"}), "awaiting"),
    WithdrawalRefused: (frozenset({"requested"}), "refused"),
    WithdrawalEndorsed: (frozenset({"awaiting"}), "awaiting"),
    WithdrawalApproved: (frozenset({"awaiting"}), "approved"),
    WithdrawalCancelled: (frozenset({"awaiting"}), "cancelled"),
    WithdrawalSent: (frozenset({"approved"}), "sent"),
    WithdrawalSettled: (frozenset({"approved", "sent"}), "settled"),
    WithdrawalFailed: (frozenset({"approved", "sent"}), "failed"),
    PayoutSuspended: (frozenset({"settled"}), "unposted"),
    PayoutReopened: (frozenset({"unposted"}), "sent"),
    PayoutCleared: (frozenset({"unposted"}), "settled"),
    PayoutKeptSuspended: (frozenset({"settled"}), "unposted"),
}
_SAME_ROW_ONLY = (
    DepositSuspended,
    DepositReopened,
    DepositKeptSuspended,
    PayoutSuspended,
    PayoutReopened,
    PayoutKeptSuspended,
)
HOLDING = frozenset({"awaiting", "approved", "sent", "unposted"})
"""States of a withdrawal whose funds are held (unposted: paid out, booked against suspense)."""


class Course(msgspec.Struct):
    """A deposit or a withdrawal on its way."""

    id: str
    wallet: str
    amount: int
    destination: str = ""
    state: str = ""
    height: int = 0
    requested_by: str = ""
    user_id: str = ""
    approvals_needed: int = 0
    approved_by: list[str] = []


class Expected(msgspec.Struct):
    """What the ledger must say of a wallet at the end of a row."""

    credits: int = 0
    debits: int = 0
    held: int = 0


class Courses:
    """All deposits and withdrawals, and what they come to for each wallet."""

    def __init__(self) -> None:
        self.deposits: dict[str, Course] = {}
        self.withdrawals: dict[str, Course] = {}
        self.expected: dict[str, Expected] = {}
        self._touched: dict[str, tuple[Course, str]] = {}
        """In this row: name to the course and the state it was in before."""

    def read(self, event: Event, height: int) -> None:
        """Take in one event of the wallets; raises Violation."""
        cls = type(event)
        if cls in _DEPOSIT_STEPS:
            self._step(event, height, self.deposits, _DEPOSIT_STEPS[cls])
        elif cls in _WITHDRAWAL_STEPS:
            self._step(event, height, self.withdrawals, _WITHDRAWAL_STEPS[cls])
        elif isinstance(event, WithdrawalBreakNoted):
            raise Violation(f"a break of {event.withdrawal_id}: {event.reason}")

    def _step(
        self,
        event: Any,
        height: int,
        courses: dict[str, Course],
        step: tuple[frozenset[str], str],
    ) -> None:
        deposit = courses is self.deposits
        wallet = f"wallet:{event.user_id}:{event.asset}"
        name = f"{event.user_id}:{event.transaction_id}" if deposit else event.withdrawal_id
        destination = "" if deposit else event.destination
        course = courses.get(name)
        if course is None:
            course = courses[name] = Course(name, wallet, event.amount_minor, destination)
        content = (course.wallet, course.amount, course.destination)
        if content != (wallet, event.amount_minor, destination):
            raise Violation(f"{name} changes from {content}")
        before, after = step
        if course.state not in before:
            raise Violation(f"{name} goes from {course.state!r} to {after!r}")
        if isinstance(event, _SAME_ROW_ONLY) and course.height != height:
            raise Violation(f"{name} goes back to {after!r} in a row of its own")
        self._touched.setdefault(name, (course, course.state))
        self._count(course, -1)
        if not deposit:
            self._approve(event, course)
        course.state, course.height = after, height
        self._count(course, +1)

    def _count(self, course: Course, sign: int) -> None:
        """Add (or take back) what a course in its present state means for its wallet."""
        expected = self.expected.setdefault(course.wallet, Expected())
        if course.state == "confirmed":
            expected.credits += sign * course.amount
        elif course.state in HOLDING:
            expected.held += sign * course.amount
        elif course.state == "settled":
            expected.debits += sign * course.amount

    @staticmethod
    def _approve(event: Any, course: Course) -> None:
        match event:
            case WithdrawalRequested():
                course.requested_by, course.user_id = event.actor, event.user_id
                course.approvals_needed = event.approvals_needed
            case WithdrawalEndorsed():
                others = {course.requested_by, course.user_id, *course.approved_by}
                if event.actor in others:
                    raise Violation(f"{course.id} is approved by {event.actor}, one of {others}")
                course.approved_by = [*course.approved_by, event.actor]
            case WithdrawalApproved() if len(course.approved_by) < course.approvals_needed:
                raise Violation(f"{course.id} is paid out with {len(course.approved_by)} approvals")
            case _:
                pass

    def end_row(self, books: Books, *, accepted: bool) -> None:
        """Check what the row touched: nothing is between states, both rooms agree, and a refusal
        has led nowhere."""
        for name, (course, before) in self._touched.items():
            if course.state == "requested":
                raise Violation(f"{name} was requested, and neither held nor refused")
            moved = course.state not in (before, "refused")
            if moved and not accepted:
                raise Violation(f"{name} went from {before!r} to {course.state!r} by a refusal")
            self._compare(course.wallet, books)
        self._touched.clear()

    def _compare(self, wallet: str, books: Books) -> None:
        number = books.ids.get(wallet)
        if number is None:
            raise Violation(f"{wallet} has no account")
        expected, account = self.expected[wallet], books.accounts[number]
        said = (account.credits, account.debits, account.debits_held)
        if said != (expected.credits, expected.debits, expected.held):
            raise Violation(f"the ledger says {said} of {wallet}, the wallets say {expected}")

    def holds(self) -> set[str]:
        """Return the ledger holds that must be open now, no more and no less."""
        return {
            f"withdrawal:{course.id}"
            for course in self.withdrawals.values()
            if course.state in HOLDING
        }

    def suspended(self) -> tuple[list[Course], list[Course]]:
        """Return the deposits and the withdrawals that wait for an operator."""
        deposits = [c for c in self.deposits.values() if c.state == "suspended"]
        withdrawals = [c for c in self.withdrawals.values() if c.state == "unposted"]
        return deposits, withdrawals

    def unfinished(self) -> list[str]:
        """Return what nobody but the platform itself, or its operator, can bring further."""
        deposits, withdrawals = self.suspended()
        under_way = [c for c in self.withdrawals.values() if c.state in ("approved", "sent")]
        return [course.id for course in (*deposits, *withdrawals, *under_way)]
