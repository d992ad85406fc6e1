"""What does the demo know of its trading session: who trades what, and what came of it?"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

BASES = ("SOL", "LTC", "DOT")
ROUTED = "LINK"
QUOTE = "USDC"
ASSETS = (*BASES, ROUTED, QUOTE)
"""Traded by these users only, so that what trading comes to can be told apart."""
TRADERS = tuple(f"trader-{number:03d}" for number in range(1, 101))


class Market(NamedTuple):
    """A market of the session: `middle` is where it trades, in ticks."""

    base: str
    tick: str
    lot: str
    middle: int
    rules: dict[str, Any]

    @property
    def symbol(self) -> str:
        """Return how it is called."""
        return f"{self.base}/{QUOTE}"

    @property
    def path(self) -> str:
        """Return its address."""
        return f"/markets/{self.base}-{QUOTE}"

    def price(self, ticks: int) -> str:
        """Return a price so many ticks high."""
        return f"{ticks * Decimal(self.tick):f}"

    def quantity(self, lots: int) -> str:
        """Return a quantity of so many lots."""
        return f"{lots * Decimal(self.lot):f}"


_MANY = {"orders_per_user_max": 100_000}
MARKETS = (
    Market("SOL", "0.01", "0.01", 15_000, _MANY),
    Market("LTC", "0.01", "0.001", 8_000, _MANY),
    Market("DOT", "0.001", "0.1", 6_000, _MANY),
    Market(
        ROUTED, "0.01", "0.01", 1_400, {"routing": "book_then_provider", "provider": "merchant"}
    ),
)


class Session:
    """The trading session.

    `fills`: what acknowledged answers told of trades, by trade id: value, fee and quantity.
    """

    def __init__(self) -> None:
        self.deposits: dict[tuple[str, str], Decimal] = {}
        self.orders = 0
        self.trades = 0
        self.fees_minor = 0
        self.feed_gaps: int | None = None
        self.fills: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
        self.states: Counter[str] = Counter()
        self.conserved = False

    @property
    def opened(self) -> bool:
        """Tell whether the session has begun."""
        return bool(self.deposits)

    def summary(self) -> dict[str, Any]:
        """Return what the last line of the report tells of trading."""
        if not self.opened:
            return {}
        return {
            "orders": self.orders,
            "trades": self.trades,
            "fees_minor": self.fees_minor,
            "feed_gaps": self.feed_gaps,
        }
