"""What does the demo know of its settlements: who delivers what to whom, and what came of it?"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

MAIN, SECURITIES, CASH = "main", "securities", "cash"
DOMAINS = (MAIN, SECURITIES, CASH)


class Pair(NamedTuple):
    """A security and what it is paid with, and at which ledgers they lie."""

    security: str
    cash: str
    securities_domain: str
    cash_domain: str

    @property
    def symbol(self) -> str:
        """Return how it is called."""
        return f"{self.security}/{self.cash}"


HOME = Pair("GOLD", "USDG", MAIN, MAIN)
ABROAD = Pair("ACME", "EURD", SECURITIES, CASH)
BONDS = Pair("BUND", "EUR", SECURITIES, CASH)
"""Both of calendars that keep weekends and holidays."""
SCALES = {"GOLD": 4, "USDG": 2, "ACME": 4, "EURD": 2, "BUND": 2}
"""Decimals of the assets that the demo registers itself."""
ASSETS = (*SCALES, BONDS.cash)
AT_HOME = (HOME.security, HOME.cash)
"""What of these lies on the platform's own ledger."""
PARTIES = tuple(f"dealer-{number:02d}" for number in range(1, 21))


class Ending(Enum):
    """How a settlement must end."""

    SETTLED = "SETTLED"
    FAILED = "FAILED"


class Deal(NamedTuple):
    """A settlement that the demo instructs."""

    trade_id: str
    seller: str
    buyer: str
    pair: Pair
    quantity: Decimal
    amount: Decimal

    def said(self, **more: Any) -> dict[str, Any]:
        """Return it as the door takes it."""
        return {
            "trade_id": self.trade_id,
            "seller_account_id": self.seller,
            "buyer_account_id": self.buyer,
            "symbol": self.pair.symbol,
            "quantity": f"{self.quantity:f}",
            "amount": f"{self.amount:f}",
            **more,
        }


class DvpBook:
    """The settlements of the demo and its own books of them.

    `owned`: what each party must have at the end, by (domain, party, asset). `names`: the id of
    each settlement, by trade id.
    """

    def __init__(self) -> None:
        self.owned: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        self.deals: dict[str, tuple[Deal, Ending]] = {}
        self.names: dict[str, str] = {}
        self.told: Counter[str] = Counter()
        self.conserved = False

    @property
    def opened(self) -> bool:
        """Tell whether there were any."""
        return bool(self.deals)

    def issue(self, domain: str, party: str, asset: str, amount: Decimal) -> None:
        """Note what a party was given at a domain."""
        self.owned[domain, party, asset] += amount

    def take_in(self, deals: list[Deal], ending: Ending = Ending.SETTLED) -> list[Deal]:
        """Note what is instructed, and what it will move."""
        for deal in deals:
            self.deals[deal.trade_id] = (deal, ending)
            if ending is Ending.SETTLED:
                self._move(deal)
        return deals

    def expected(self, ending: Ending) -> int:
        """Return how many must end so."""
        return sum(each is ending for _, each in self.deals.values())

    def summary(self) -> dict[str, Any]:
        """Return what the last line of the report tells of settlements."""
        if not self.opened:
            return {}
        names = ("settled", "failed", "partial", "recycled")
        return {f"dvp_{name}": self.told[name] for name in names}

    def _move(self, deal: Deal) -> None:
        pair = deal.pair
        for domain, asset, source, target, amount in (
            (pair.securities_domain, pair.security, deal.seller, deal.buyer, deal.quantity),
            (pair.cash_domain, pair.cash, deal.buyer, deal.seller, deal.amount),
        ):
            self.owned[domain, source, asset] -= amount
            self.owned[domain, target, asset] += amount
