"""Which orders rest at which price, whom would an order trade with, and what changes when it does?

Price-time priority over integers. `match` says what would happen and changes nothing; `add`,
`remove`, `fill` and `reduce` make it so. The book keeps `lots_left` and `shown` of the orders that
rest; whoever changes their price, side or number takes them off first.
"""

from __future__ import annotations

from collections.abc import Iterator

from nostro.exchange.levels import Ladder
from nostro.exchange.live import LiveOrder
from nostro.exchange.matching import Matched, Stop, sweep
from nostro.exchange.terms import Side

BUY = Side.BUY


def shown_lots(order: LiveOrder) -> int:
    """Return how many lots of a resting order everybody sees."""
    return order.shown if order.display else order.lots_left


class Book:
    """The resting orders of one market."""

    __slots__ = ("_asks", "_bids")

    def __init__(self) -> None:
        self._bids = Ladder(1)
        self._asks = Ladder(-1)

    def __len__(self) -> int:
        ladders = (self._bids, self._asks)
        return sum(len(level) for ladder in ladders for level in ladder.levels.values())

    @property
    def best_bid(self) -> int:
        """The highest price that somebody buys at; 0: nobody does."""
        return self._bids.best

    @property
    def best_ask(self) -> int:
        """The lowest price that somebody sells at; 0: nobody does."""
        return self._asks.best

    # -- what would happen -----------------------------------------------------------------------

    def match(
        self,
        taker: LiveOrder,
        band: int = 0,
        budget: int = 0,
        value_num: int = 1,
        value_den: int = 1,
    ) -> Matched:
        """Return what an order would trade with up to its price and the `band` (the last price
        that may still trade; 0: any), spending or earning at most `budget` minor units of the
        quote asset (0: whatever it takes). A lot at a tick is worth `value_num` / `value_den` of
        these. With a budget, no `lots_left` means as many as it pays for."""
        return sweep(
            self._asks if taker.side is BUY else self._bids,
            taker,
            band,
            budget * value_den,
            value_num,
        )

    def fillable(
        self,
        taker: LiveOrder,
        band: int = 0,
        budget: int = 0,
        value_num: int = 1,
        value_den: int = 1,
    ) -> bool:
        """Tell whether all of it would trade at once; see `match`."""
        return self.match(taker, band, budget, value_num, value_den).whole

    def crosses(self, side: Side, price: int) -> bool:
        """Tell whether an order of this side and price would meet another."""
        if side is BUY:
            return 0 < self._asks.best <= price
        return self._bids.best >= price

    # -- what happens ----------------------------------------------------------------------------

    def add(self, order: LiveOrder) -> None:
        """Let an order rest, last of its price. An iceberg that shows nothing shows a slice."""
        if order.display and not order.shown:
            order.shown = min(order.display, order.lots_left)
        self._ladder(order.side).add(order)

    def remove(self, order: LiveOrder) -> None:
        """Take an order off, whatever is left of it."""
        self._ladder(order.side).remove(order)
        order.shown = 0

    def fill(self, order: LiveOrder, lots: int) -> None:
        """Take off a maker's order what was traded, at most what it shows. Nothing left: it is
        gone. Nothing shown: its next slice stands last of its price."""
        order.lots_left -= lots
        if not order.lots_left:
            self.remove(order)
        elif order.display:
            order.shown -= lots
            if not order.shown:
                order.shown = min(order.display, order.lots_left)
                self._ladder(order.side).queue_again(order)

    def reduce(self, order: LiveOrder, lots: int) -> None:
        """Take lots off an order, not all of them; hidden ones go first, and it keeps its place."""
        order.lots_left -= lots
        order.shown = min(order.shown, order.lots_left)

    # -- what is there ---------------------------------------------------------------------------

    def orders(self, side: Side) -> Iterator[LiveOrder]:
        """Yield the orders of a side in priority order. Added to another book in this order, they
        make an equal one."""
        return self._ladder(side).orders()

    def level(self, side: Side, price: int) -> tuple[int, int]:
        """Return the lots shown and the number of orders at a price."""
        ladder = self._ladder(side)
        orders = ladder.levels.get(price * ladder.sign, {})
        return sum(shown_lots(order) for order in orders.values()), len(orders)

    def depth(self, side: Side, levels_max: int = 0) -> list[tuple[int, int, int]]:
        """Return (price, lots shown, orders) of the best levels, best first; 0: of all."""
        ladder = self._ladder(side)
        first = -levels_max if levels_max else None
        prices = [rank * ladder.sign for rank in reversed(ladder.ranks[first:])]
        return [(price, *self.level(side, price)) for price in prices]

    def picture(self) -> list[list[tuple[int, ...]]]:
        """Return (number, price, lots left, display, shown) of all bids and asks, in priority
        order: equal books have equal pictures."""
        return [
            [(o.number, o.price, o.lots_left, o.display, o.shown) for o in ladder.orders()]
            for ladder in (self._bids, self._asks)
        ]

    def check(self) -> None:
        """Assert that the book is consistent."""
        for side, ladder in ((Side.BUY, self._bids), (Side.SELL, self._asks)):
            ranks = ladder.ranks
            assert ranks == sorted(ladder.levels), "ranks and levels differ"
            for rank, level in ladder.levels.items():
                assert level, f"empty level {rank}"
                for number, order in level.items():
                    assert order.number == number and order.side is side, order
                    assert order.price * ladder.sign == rank > -(10**18), order
                    assert order.lots_left > 0, order
                    assert (
                        (0 < order.shown <= order.lots_left) if order.display else not order.shown
                    )
                    assert order.shown <= order.display, order
        assert not (self.best_bid and self.best_ask) or self.best_bid < self.best_ask, "crossed"

    def _ladder(self, side: Side) -> Ladder:
        return self._bids if side is BUY else self._asks
