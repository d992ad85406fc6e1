"""Which orders does one side of a market show, price by price?

Folded from durable events on the hot path: every change costs a few dictionary steps, and what is
dear (sorting, adding up) is done when somebody reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from nostro.exchange import OrderState, PlacedOrder, Side


class ShownOrder(msgspec.Struct, gc=False):
    """An order that is not closed, as it durably stands; changed in place by the picture only.

    `placed`: what never changes of it. `lots`: its whole quantity; `left`: of it, unfilled;
    `shown`: of these, on the book for all to see (0: it does not rest). `filled`, `value_minor`,
    `fee_minor`: of all its fills.
    """

    placed: PlacedOrder
    user_id: str
    price: int
    lots: int
    left: int
    state: OrderState
    shown: int = 0
    filled: int = 0
    value_minor: int = 0
    fee_minor: int = 0

    @property
    def number(self) -> int:
        """Return the number that it has for ever."""
        return self.placed.number


class Level:
    """What stands at one price: the orders in their priority, and the lots that they show."""

    __slots__ = ("lots", "orders")

    def __init__(self) -> None:
        self.lots = 0
        self.orders: dict[int, ShownOrder] = {}


class Half:
    """One side of a market. `changed`: prices whose level changed since they were last taken;
    None while nobody takes them. `descending`: the highest price is the best."""

    __slots__ = ("_best", "_prices", "changed", "descending", "levels", "side")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.descending = side is Side.BUY
        self.levels: dict[int, Level] = {}
        self.changed: set[int] | None = None
        self._best = 0
        """The best price; 0: to be looked for."""
        self._prices: list[int] | None = None
        """Every price, the best first; None: to be sorted."""

    @property
    def best(self) -> int:
        """Return the best price; 0: there is none."""
        if not self._best and self.levels:
            self._best = (max if self.descending else min)(self.levels)
        return self._best

    def prices(self) -> Sequence[int]:
        """Return every price, the best first."""
        if self._prices is None:
            self._prices = sorted(self.levels, reverse=self.descending)
        return self._prices

    def depth(self, levels_max: int | None = None) -> list[tuple[int, int, int]]:
        """Return (price, lots shown, orders), the best price first."""
        levels = self.levels
        prices = self.prices()[:levels_max] if levels_max != 1 else [self.best] if levels else []
        return [(price, (level := levels[price]).lots, len(level.orders)) for price in prices]

    def orders(self, orders_max: int | None = None) -> Iterator[ShownOrder]:
        """Return the orders in their priority."""
        every = (order for price in self.prices() for order in self.levels[price].orders.values())
        return islice(every, orders_max)

    def lots_at(self, price: int) -> int:
        """Return the lots that are shown at a price."""
        level = self.levels.get(price)
        return level.lots if level else 0

    def add(self, order: ShownOrder) -> None:
        """Put an order last at its price; what it shows of what it has left is known from its
        terms."""
        display = order.placed.display
        left = order.left
        self.restore(order, left if not display or left < display else display)

    def restore(self, order: ShownOrder, shown: int) -> None:
        """Put an order last at its price that shows so many lots."""
        price = order.price
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            self._prices = None
            best = self._best
            if best and (price > best if self.descending else price < best):
                self._best = price
        order.shown = shown
        level.lots += shown
        level.orders[order.placed.number] = order
        if self.changed is not None:
            self.changed.add(price)

    def fill(self, order: ShownOrder, lots: int, left: int) -> None:
        """Take filled lots from what an order shows; when it shows none any more, the next part of
        an iceberg is shown, last at its price."""
        price = order.price
        level = self.levels[price]
        order.left = left
        shown = order.shown - lots
        if shown > 0:
            level.lots -= lots
            order.shown = shown
        elif left:
            next_shown = min(order.placed.display or left, left)
            level.lots += next_shown - order.shown
            order.shown = next_shown
            number = order.placed.number
            del level.orders[number]
            level.orders[number] = order
        else:
            self._drop(order, level)
        if self.changed is not None:
            self.changed.add(price)

    def reduce(self, order: ShownOrder, left: int) -> None:
        """Let an order that keeps its place have fewer lots left."""
        order.left = left
        level = self.levels[order.price]
        if not left:
            self._drop(order, level)
        elif left < order.shown:
            level.lots += left - order.shown
            order.shown = left
        if self.changed is not None:
            self.changed.add(order.price)

    def remove(self, order: ShownOrder) -> None:
        """Take an order off."""
        self._drop(order, self.levels[order.price])
        if self.changed is not None:
            self.changed.add(order.price)

    def _drop(self, order: ShownOrder, level: Level) -> None:
        price = order.price
        level.lots -= order.shown
        order.shown = 0
        del level.orders[order.placed.number]
        if not level.orders:
            del self.levels[price]
            self._prices = None
            if price == self._best:
                self._best = 0
