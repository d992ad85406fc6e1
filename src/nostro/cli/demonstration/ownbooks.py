"""What must the books say, kept by someone who never asks the ledger?

Plain decimal arithmetic on what was ordered and acknowledged, account by account. A digit too many
raises `decimal.Inexact`; nothing is ever rounded here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import StrEnum

ZERO = Decimal(0)
EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


class Normal(StrEnum):
    """The side on which an account's balance counts as positive."""

    DEBIT = "debit"
    CREDIT = "credit"


@dataclass
class OwnAccount:
    """An account as the demo keeps it: what moved and what is held, on either side."""

    id: str
    asset: str
    normal: Normal
    debits: Decimal = ZERO
    credits: Decimal = ZERO
    debits_held: Decimal = ZERO
    credits_held: Decimal = ZERO

    @property
    def posted(self) -> Decimal:
        """Return the balance of what moved, positive on the normal side."""
        if self.normal is Normal.DEBIT:
            return EXACT.subtract(self.debits, self.credits)
        return EXACT.subtract(self.credits, self.debits)


@dataclass(frozen=True)
class OwnHold:
    """Money that is set aside from `debit` for `credit`."""

    debit: str
    credit: str
    amount: Decimal


class OwnBooks:
    """Accounts and open holds. Amounts are positive decimals of the account's asset."""

    def __init__(self) -> None:
        self._accounts: dict[str, OwnAccount] = {}
        self._holds: dict[str, OwnHold] = {}

    @property
    def accounts(self) -> Mapping[str, OwnAccount]:
        """The accounts by id."""
        return self._accounts

    @property
    def open_holds(self) -> int:
        """How many holds are neither posted nor voided."""
        return len(self._holds)

    def open(self, account: str, asset: str, normal: Normal = Normal.CREDIT) -> None:
        """Open an account unless it is open."""
        self._accounts.setdefault(account, OwnAccount(account, asset, normal))

    def open_wallet(self, user: str, asset: str) -> None:
        """Open what a customer's first use of an asset opens: the wallet, and the platform's own
        account and suspense account of the asset."""
        self.open(nostro(asset), asset, Normal.DEBIT)
        self.open(f"suspense:{asset}", asset)
        self.open(wallet(user, asset), asset)

    def move(self, *, debit: str, credit: str, amount: Decimal) -> None:
        """Move an amount from one account to another."""
        one, other = self._accounts[debit], self._accounts[credit]
        assert one.asset == other.asset, f"{debit} and {credit} are of different assets"
        one.debits = EXACT.add(one.debits, amount)
        other.credits = EXACT.add(other.credits, amount)

    def hold(self, name: str, *, debit: str, credit: str, amount: Decimal) -> None:
        """Set an amount aside under a name."""
        assert name not in self._holds, f"{name} is held twice"
        self._holds[name] = OwnHold(debit, credit, amount)
        self._change_held(self._holds[name], amount)

    def post(self, name: str, amount: Decimal | None = None) -> None:
        """Move what was held, or part of it; the rest is released."""
        held = self._holds.pop(name)
        self._change_held(held, held.amount.copy_negate())
        moved = held.amount if amount is None else amount
        self.move(debit=held.debit, credit=held.credit, amount=moved)

    def void(self, name: str) -> None:
        """Release what was held."""
        held = self._holds.pop(name)
        self._change_held(held, held.amount.copy_negate())

    def by_asset(self) -> Iterator[tuple[str, Decimal, Decimal]]:
        """Yield (asset, all debits, all credits), in the order of the assets' names."""
        for asset in sorted({account.asset for account in self._accounts.values()}):
            debits = credits = ZERO
            for account in self._accounts.values():
                if account.asset == asset:
                    debits = EXACT.add(debits, account.debits)
                    credits = EXACT.add(credits, account.credits)
            yield asset, debits, credits

    def _change_held(self, held: OwnHold, by: Decimal) -> None:
        one, other = self._accounts[held.debit], self._accounts[held.credit]
        one.debits_held = EXACT.add(one.debits_held, by)
        other.credits_held = EXACT.add(other.credits_held, by)


def wallet(user: str, asset: str) -> str:
    """Return the account of what the platform owes a customer."""
    return f"wallet:{user}:{asset}"


def nostro(asset: str) -> str:
    """Return the account of the platform's own money at the bank or on the chain."""
    return f"nostro:{asset}"
