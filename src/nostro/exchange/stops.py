"""Which orders wait for a price, and which of them does a trade elect?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from nostro.exchange.live import LiveOrder
from nostro.exchange.terms import Side

STOPS_MAX = 2_000
"""Parked orders of one market: a trade that elects them all is one row of the journal."""
_BEYOND = 10**18


def is_reached(order: LiveOrder, price: int) -> bool:
    """Tell whether a trade at a price (0: none yet) elects an order."""
    if not price:
        return False
    return price >= order.stop if order.side is Side.BUY else price <= order.stop


class Stops:
    """The parked orders of one market, sorted by how soon a price reaches them."""

    __slots__ = ("_buys", "_sells")

    def __init__(self) -> None:
        self._buys: list[tuple[int, int]] = []
        self._sells: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._buys) + len(self._sells)

    def add(self, order: LiveOrder) -> None:
        """Let an order wait."""
        if order.side is Side.BUY:
            insort(self._buys, (order.stop, order.number))
        else:
            insort(self._sells, (-order.stop, order.number))

    def remove(self, order: LiveOrder) -> None:
        """Take an order out that waits."""
        buying = order.side is Side.BUY
        row = self._buys if buying else self._sells
        key = (order.stop if buying else -order.stop, order.number)
        at = bisect_left(row, key)
        assert row[at] == key, order
        del row[at]

    def reached(self, low: int, high: int) -> list[int]:
        """Return the orders that trades from `low` to `high` elect, in the order of their
        arrival."""
        buys, sells = self._buys, self._sells
        elected = []
        if buys and buys[0][0] <= high:
            elected = [number for _, number in buys[: bisect_right(buys, (high, _BEYOND))]]
        if sells and -sells[0][0] >= low:
            elected += [number for _, number in sells[: bisect_right(sells, (-low, _BEYOND))]]
        elected.sort()
        return elected
