"""Whose is what while everybody trades: what must each account say at the end of each row?

The auditor's own balances of all accounts that trading touches, held against the ledger's after
each row. What a wallet would not take stands in suspense, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from nostro.exchange import FundsKeptSuspended, FundsReleased, FundsSuspended
from nostro.kernel.messages import Event
from nostro.ledger import Line, TransfersRecorded
from nostro.simulation.books import Account, Books, Violation
from nostro.simulation.courses import Courses, Expected
from nostro.simulation.exchange_orders import RESTING, Held, Market, asset_of, need

TRADING = ("orders:", "earnings:", "provider:")
NEVER_BELOW_ZERO = ("orders:", "wallet:")


class Suspended(msgspec.Struct):
    """Money that its owner's wallet would not take."""

    user_id: str
    asset: str
    amount: int
    open: bool = True


class TradingBooks(Books):
    """Books in which no wallet, and nothing that is held for orders, is ever overdrawn, whatever
    the accounts' own limits say; not even between two lines of one row."""

    def _record(self, line: Line, height: int, at_us: int) -> None:
        super()._record(line, height, at_us)
        if line.debit:
            self._check_covered(self.accounts[line.debit], line)

    @staticmethod
    def _check_covered(account: Account, line: Line) -> None:
        if account.id.startswith(NEVER_BELOW_ZERO):
            left = account.credits - account.debits - account.debits_held
            if left < 0:
                raise Violation(f"{line.id} overdraws {account.id} by {-left}")


class TradingCourses(Courses):
    """Deposits and withdrawals of wallets that trade too."""

    def __init__(self, money: Money) -> None:
        super().__init__()
        self._money = money

    def _compare(self, wallet: str, books: Books) -> None:
        self._money.check(wallet, books, self)

    def of(self, wallet: str) -> Expected:
        """Return what deposits and withdrawals say of a wallet."""
        return self.expected.get(wallet, Expected())


class Money:
    """What trading alone makes of every balance, in minor units, credits less debits."""

    def __init__(self) -> None:
        self.moved: dict[str, int] = {}
        self.suspensions: dict[int, Suspended] = {}
        self._touched: dict[str, None] = {}

    def pay(self, source: str, target: str, amount: int) -> None:
        """Move money that must have moved by the end of the row."""
        for account, change in ((source, -amount), (target, amount)):
            self.moved[account] = self.moved.get(account, 0) + change
            self._touched[account] = None

    def suspended(self) -> list[int]:
        """Return the suspensions that are open."""
        return [number for number, each in self.suspensions.items() if each.open]

    def read(self, event: Event) -> None:
        """Take in what moved, and what could not."""
        match event:
            case FundsSuspended():
                if event.suspension != len(self.suspensions) + 1:
                    raise Violation(f"suspension {event.suspension} jumps")
                found = Suspended(event.user_id, event.asset, event.amount_minor)
                self.suspensions[event.suspension] = found
                self._shift(found, -1)
            case FundsReleased(suspension):
                found = self._suspended(suspension, is_open=True)
                if found.amount != event.amount_minor or found.user_id != event.user_id:
                    raise Violation(f"{event} releases what is {found}")
                found.open = False
                self._shift(found, +1)
            case FundsKeptSuspended(suspension):
                found = self._suspended(suspension, is_open=False)
                found.open = True
                self._shift(found, -1)
            case _:
                pass

    def _suspended(self, number: int, *, is_open: bool) -> Suspended:
        found = self.suspensions.get(number)
        if found is None or found.open is not is_open:
            raise Violation(f"suspension {number} is {found}")
        return found

    def _shift(self, found: Suspended, sign: int) -> None:
        """Move suspended money to its wallet, or (-1) from there."""
        wallet, suspense = f"wallet:{found.user_id}:{found.asset}", f"suspense:{found.asset}"
        self.pay(suspense, wallet, sign * found.amount)

    # -- at the end of a row ----------------------------------------------------------------------

    def end_row(self, books: Books, courses: TradingCourses, events: Sequence[Event]) -> set[str]:
        """Check every account that the row or we have touched, and return their names."""
        touched = {*self._touched, *_moved_by(events, books)}
        for account in touched:
            self.check(account, books, courses)
        self._touched.clear()
        return touched

    def check(self, name: str, books: Books, courses: TradingCourses) -> None:
        """Compare one account with the ledger."""
        number = books.ids.get(name)
        moved = self.moved.get(name, 0)
        if number is None:
            if moved:
                raise Violation(f"{name} should have {moved}, and has no account")
            return
        account = books.accounts[number]
        said = account.credits - account.debits
        if name.startswith("wallet:"):
            expected = courses.of(name)
            ours = moved + expected.credits - expected.debits
            if account.debits_held != expected.held:
                raise Violation(f"{account.debits_held} of {name} is held, not {expected.held}")
        elif name.startswith("suspense:"):
            ours = moved + _in_suspense(name.partition(":")[2], courses)
        elif name.startswith(TRADING):
            ours = moved
        else:
            return
        if said != ours:
            raise Violation(f"the ledger says {said} of {name}, it should be {ours}")
        if name.startswith("earnings:") and said < 0:
            raise Violation(f"trades cost the house {-said}: {name}")

    def check_all(self, books: Books, courses: TradingCourses) -> None:
        """Compare every account with the ledger."""
        for name in books.ids:
            self.check(name, books, courses)


def check_held(account: str, live: Iterable[tuple[Held, Market]], books: Books) -> None:
    """Check that an account holds what the live orders of its user and asset say they hold, and
    that this is what each of them needs."""
    _, user_id, asset = account.split(":")
    reserved = 0
    for order, market in live:
        if order.user_id != user_id or asset_of(order, market) != asset:
            continue
        reserved += order.reserved
        if order.reserved < need(order, market, as_taker=order.state != RESTING):
            raise Violation(f"too little is held for {order}")
    number = books.ids.get(account)
    held = books.accounts[number].credits - books.accounts[number].debits if number else 0
    if held != reserved:
        raise Violation(f"{account} holds {held}, the live orders need {reserved}")


def _moved_by(events: Iterable[Event], books: Books) -> set[str]:
    lines = (
        line for event in events if isinstance(event, TransfersRecorded) for line in event.lines
    )
    numbers = {number for line in lines for number in (line.debit, line.credit) if number}
    return {books.accounts[number].id for number in numbers}


def _in_suspense(asset: str, courses: Courses) -> int:
    """Return what deposits and withdrawals have in suspense, in one asset."""
    deposits, withdrawals = courses.suspended()
    ours = sum(course.amount for course in deposits if course.wallet.endswith(f":{asset}"))
    return ours - sum(c.amount for c in withdrawals if c.wallet.endswith(f":{asset}"))
