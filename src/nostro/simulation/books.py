"""What do the books say if someone else keeps them, from the journal's events alone?

The auditor's own ledger: it knows nothing of how the ledger decides or remembers, only what must
never stand in its journal. Every rule is checked at every line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from nostro.kernel.messages import Event
from nostro.ledger import (
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AssetRegistered,
    Limit,
    Line,
    LineKind,
    TransfersRecorded,
    TransfersRefused,
)

AMOUNT_MAX = 10**38 - 1


class Violation(Exception):
    """Something that must never be."""


class Account(msgspec.Struct):
    """One account and its totals, in minor units."""

    number: int
    id: str
    asset: str
    limit: Limit
    overdraft: int
    debits: int = 0
    credits: int = 0
    debits_held: int = 0
    credits_held: int = 0
    frozen: bool = False
    closed: bool = False

    def excess(self) -> int:
        """Return how far the account is beyond its limit, pending counted; 0 or less is fine."""
        match self.limit:
            case Limit.DEBITS_MUST_NOT_EXCEED_CREDITS:
                return self.debits + self.debits_held - self.credits - self.overdraft
            case Limit.CREDITS_MUST_NOT_EXCEED_DEBITS:
                return self.credits + self.credits_held - self.debits - self.overdraft
            case Limit.NONE:
                return 0


class Held(msgspec.Struct, frozen=True):
    """A hold that is open; `expires_at_us` 0: never."""

    debit: int
    credit: int
    amount: int
    expires_at_us: int


class Books:
    """Accounts, holds, and what became of every transfer id."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.ids: dict[str, int] = {}
        """Account id to number."""
        self.holds: dict[str, Held] = {}
        self.lines: dict[str, tuple[int, Line]] = {}
        """Transfer id to (height, line)."""
        self.refused: dict[str, str] = {}
        """Transfer id to the code of its final refusal."""
        self.closed_holds: set[str] = set()
        """Holds that were voided before they were seen."""
        self.resolved: dict[str, str] = {}
        """Hold to the line that resolved it."""
        self.reversed: dict[str, str] = {}
        self.assets: set[str] = set()

    def read(self, event: Event, height: int, at_us: int) -> None:
        """Take in one event of the ledger; raises Violation."""
        match event:
            case TransfersRecorded(lines):
                for line in lines:
                    self._record(line, height, at_us)
            case TransfersRefused(refused):
                for transfer_id, code in refused:
                    self._check_new(transfer_id)
                    self.refused[transfer_id] = code
            case AccountOpened():
                self._open(event)
            case AccountFrozen(number):
                self._account(number).frozen = True
            case AccountUnfrozen(number):
                self._account(number).frozen = False
            case AccountClosed(number):
                self._close(self._account(number))
            case AssetRegistered(code):
                _check(code not in self.assets, f"asset {code} is registered twice")
                self.assets.add(code)
            case _:
                pass

    # -- accounts ---------------------------------------------------------------------------------

    def _open(self, event: AccountOpened) -> None:
        _check(event.number == len(self.accounts) + 1, f"account number {event.number} jumps")
        _check(event.id not in self.ids, f"account {event.id} is opened twice")
        self.ids[event.id] = event.number
        self.accounts[event.number] = Account(
            event.number, event.id, event.asset, event.limit, event.overdraft_minor
        )

    def _account(self, number: int) -> Account:
        account = self.accounts.get(number)
        if account is None:
            raise Violation(f"account {number} does not exist")
        return account

    def _close(self, account: Account) -> None:
        _check(account.debits == account.credits, f"{account.id} is closed with a balance")
        held = account.debits_held or account.credits_held
        _check(not held, f"{account.id} is closed with holds on it")
        account.closed = True

    # -- lines ------------------------------------------------------------------------------------

    def _record(self, line: Line, height: int, at_us: int) -> None:
        self._check_new(line.id)
        self.lines[line.id] = (height, line)
        kind = LineKind(line.kind)
        if kind is LineKind.HOLD_CLOSED:
            self._close_hold(line)
            return
        debit, credit = self._account(line.debit), self._account(line.credit)
        _check(debit is not credit, f"{line.id} moves within one account")
        _check(debit.asset == credit.asset, f"{line.id} creates {credit.asset} from {debit.asset}")
        _check(line.amount_minor > 0, f"{line.id} moves {line.amount_minor}")
        match kind:
            case LineKind.POSTED:
                self._post(line, debit, credit)
            case LineKind.HELD:
                self._hold(line, debit, credit, at_us)
            case LineKind.HOLD_POSTED:
                held = self._resolve(line, at_us)
                _check(line.amount_minor <= held.amount, f"{line.id} posts more than was held")
                self._post(line, debit, credit)
            case LineKind.HOLD_VOIDED:
                held = self._resolve(line, at_us)
                _check(line.amount_minor == held.amount, f"{line.id} releases another amount")
            case LineKind.HOLD_EXPIRED:
                held = self._resolve(line, None)
                _check(0 < held.expires_at_us <= at_us, f"{line.id} expires too early")
                _check(line.amount_minor == held.amount, f"{line.id} releases another amount")
            case LineKind.REVERSAL:
                self._reverse(line)
                self._post(line, debit, credit)
        for account in (debit, credit):
            _check(account.excess() <= 0, f"{line.id} takes {account.id} beyond its limit")

    def _check_new(self, transfer_id: str) -> None:
        _check(transfer_id not in self.lines, f"transfer {transfer_id} stands twice")
        _check(transfer_id not in self.refused, f"transfer {transfer_id} was refused for good")

    @staticmethod
    def _check_moves(line: Line, *accounts: Account) -> None:
        for account in accounts:
            _check(not account.closed, f"{line.id} moves the closed account {account.id}")
            _check(not account.frozen, f"{line.id} moves the frozen account {account.id}")

    def _post(self, line: Line, debit: Account, credit: Account) -> None:
        self._check_moves(line, debit, credit)
        debit.debits += line.amount_minor
        credit.credits += line.amount_minor
        _check(debit.debits + debit.debits_held <= AMOUNT_MAX, f"{debit.id} overflows")
        _check(credit.credits + credit.credits_held <= AMOUNT_MAX, f"{credit.id} overflows")

    def _hold(self, line: Line, debit: Account, credit: Account, at_us: int) -> None:
        self._check_moves(line, debit, credit)
        _check(line.id not in self.closed_holds, f"hold {line.id} was voided before it came")
        expires_at_us = at_us + line.timeout_s * 1_000_000 if line.timeout_s else 0
        self.holds[line.id] = Held(line.debit, line.credit, line.amount_minor, expires_at_us)
        debit.debits_held += line.amount_minor
        credit.credits_held += line.amount_minor

    def _resolve(self, line: Line, at_us: int | None) -> Held:
        """Take a hold away; at `at_us` it must not have expired (None: it may)."""
        held = self.holds.pop(line.refers_to, None)
        if held is None:
            by = self.resolved.get(line.refers_to)
            raise Violation(f"{line.id} resolves {line.refers_to}, which is not open ({by=})")
        sides = (held.debit, held.credit) == (line.debit, line.credit)
        _check(sides, f"{line.id} resolves {line.refers_to} between other accounts")
        in_time = at_us is None or not held.expires_at_us or at_us < held.expires_at_us
        _check(in_time, f"{line.id} resolves {line.refers_to} after it expired")
        self.resolved[line.refers_to] = line.id
        self._account(held.debit).debits_held -= held.amount
        self._account(held.credit).credits_held -= held.amount
        return held

    def _close_hold(self, line: Line) -> None:
        unseen = line.refers_to not in self.lines and line.refers_to not in self.refused
        _check(unseen, f"{line.id} closes {line.refers_to}, which was seen")
        _check(line.refers_to not in self.closed_holds, f"{line.refers_to} is closed twice")
        self.closed_holds.add(line.refers_to)

    def _reverse(self, line: Line) -> None:
        height, original = self.lines.get(line.refers_to, (0, line))
        moved = original.kind in (LineKind.POSTED, LineKind.HOLD_POSTED)
        _check(height > 0 and moved, f"{line.id} reverses {line.refers_to}, which moved nothing")
        back = (original.credit, original.debit, original.amount_minor)
        same = back == (line.debit, line.credit, line.amount_minor)
        _check(same, f"{line.id} does not give back what {line.refers_to} moved")
        _check(line.refers_to not in self.reversed, f"{line.refers_to} is reversed twice")
        self.reversed[line.refers_to] = line.id

    # -- sums -------------------------------------------------------------------------------------

    def check_sums(self) -> None:
        """Check that in each asset all debits equal all credits, posted and held; and that what is
        held on accounts is what the open holds say."""
        posted: dict[str, int] = {}
        held: dict[str, int] = {}
        for account in self.accounts.values():
            posted[account.asset] = posted.get(account.asset, 0) + account.debits - account.credits
            held[account.asset] = held.get(account.asset, 0) + account.debits_held
        for asset, difference in posted.items():
            _check(difference == 0, f"{asset} is not conserved: {difference}")
        for hold in self.holds.values():
            held[self.accounts[hold.debit].asset] -= hold.amount
        for asset, difference in held.items():
            _check(difference == 0, f"{difference} {asset} is held by no hold")

    def totals(self) -> Iterator[tuple[str, Sequence[int]]]:
        """Return (account id, (debits, credits, debits held, credits held)) of every account."""
        for account in self.accounts.values():
            yield (
                account.id,
                (account.debits, account.credits, account.debits_held, account.credits_held),
            )


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)
