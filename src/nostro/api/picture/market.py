"""How does one market durably stand?"""

from __future__ import annotations

from typing import NamedTuple

from nostro.api.picture.halves import Half
from nostro.exchange import (
    Fill,
    MarketRules,
    MarketState,
    MarketTerms,
    RouteEnded,
    RouteTrade,
    Side,
    TradesExecuted,
)


class Printed(NamedTuple):
    """The trades of one event, where it stands in the journal."""

    event: TradesExecuted | RouteEnded
    at_us: int
    height: int


class MarketPicture:
    """One market. `sequence` counts its changes; `at_us`, `height`: of the row that brought the
    last one, or at which the picture began. `last_price`, `last_trade`, `reference`: 0 when there
    is none yet. `live`: orders that are not closed; `placed`, `trades`: counted since the picture
    began.

    `printed` collects trades for whoever takes them; None while nobody does.
    """

    __slots__ = (
        "asks",
        "at_us",
        "bids",
        "height",
        "last_price",
        "last_trade",
        "live",
        "name",
        "placed",
        "printed",
        "reference",
        "reference_at_us",
        "rules",
        "sequence",
        "state",
        "terms",
        "trades",
    )

    def __init__(self, name: str, terms: MarketTerms, rules: MarketRules) -> None:
        self.name = name
        self.terms = terms
        self.rules = rules
        self.state = MarketState.CLOSED
        self.sequence = 0
        self.reference = 0
        self.reference_at_us = 0
        self.last_price = 0
        self.last_trade = 0
        self.at_us = 0
        self.height = 0
        self.live = 0
        self.placed = 0
        self.trades = 0
        self.bids = Half(Side.BUY)
        self.asks = Half(Side.SELL)
        self.printed: list[Printed] | None = None

    def note_trade(self, last: Fill | RouteTrade) -> None:
        """Remember the last trade; its price becomes the reference once that is old enough."""
        self.last_price, self.last_trade = last.price, last.trade
        seconds = self.rules.reference_s
        if seconds and self.at_us - self.reference_at_us >= seconds * 1_000_000:
            self.reference, self.reference_at_us = last.price, self.at_us

    def half(self, side: Side) -> Half:
        """Return one side of the book."""
        return self.bids if side is Side.BUY else self.asks

    def depth(self, side: Side, levels_max: int | None = None) -> list[tuple[int, int, int]]:
        """Return (price, lots shown, orders) of one side, the best price first."""
        return self.half(side).depth(levels_max)

    def orders(self, side: Side, orders_max: int | None = None) -> list[tuple[int, int, int]]:
        """Return (number, price, lots shown) of one side, in the priority of the orders."""
        return [
            (order.placed.number, order.price, order.shown)
            for order in self.half(side).orders(orders_max)
        ]
