"""Which orders rest at which price, whom would an order trade with, and what changes when it does?

Price-time priority over integers. `match` says what would happen and changes nothing; `add`,
`remove`, `fill` and `reduce` make it so. The book keeps `lots_left` and `shown` of the orders that
rest; whoever changes their price, side or number takes them off first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from nostro.exchange.levels import LONG, Levels
from nostro.exchange.live import LiveOrder
from nostro.exchange.matching import EMPTY, FILLED, PRICE, TOO_MANY, Matched, beyond, sweep
from nostro.exchange.terms import LOTS_MAX, Side

BUY, SELL = Side.BUY, Side.SELL
NONE: tuple[()] = ()


def shown_lots(order: LiveOrder) -> int:
    """Return how many lots of a resting order everybody sees."""
    return order.shown if order.display else order.lots_left


class Book:
    """The resting orders of one market."""

    __slots__ = ("_asks", "_at", "_bids", "_levels")

    def __init__(self) -> None:
        self._levels = Levels()
        self._bids, self._asks, self._at = self._levels.bids, self._levels.asks, self._levels.at

    def __len__(self) -> int:
        return sum(map(len, self._at.values()))

    @property
    def best_bid(self) -> int:
        """The highest price that somebody buys at; 0: nobody does."""
        return self._bids[-1] if self._bids else 0

    @property
    def best_ask(self) -> int:
        """The lowest price that somebody sells at; 0: nobody does."""
        return -self._asks[-1] if self._asks else 0

    # -- what would happen -----------------------------------------------------------------------

    def match(
        self,
        taker: LiveOrder,
        band: int = 0,
        budget: int = 0,
        value_num: int = 1,
        value_den: int = 1,
        fills_max: int = LOTS_MAX,
    ) -> Matched:
        """Return what an order would trade with up to its price and the `band` (the last price
        that may still trade; 0: any), spending or earning at most `budget` minor units of the
        quote asset (0: whatever it takes). A lot at a tick is worth `value_num` / `value_den` of
        these. With a budget, no `lots_left` means as many as it pays for. It looks no further than
        the first `fills_max` fills."""
        left = taker.lots_left
        if taker.side is BUY:
            ranks, limit, end = self._asks, -taker.price, -band
        else:
            ranks, limit, end = self._bids, taker.price, band
        if not ranks:
            return Matched(NONE, NONE, NONE, left, 0, EMPTY)
        rank = ranks[-1]
        bound = end if band and end > limit else limit
        if rank < bound:
            stopped = beyond(taker, limit, end, rank) if band else PRICE
            return Matched(NONE, NONE, NONE, left, 0, stopped)
        if budget or not left:
            return sweep(self._levels, taker, end, budget * value_den, value_num, fills_max)
        user = taker.user_id
        fills: list[tuple[LiveOrder, int]] = []
        at = self._at
        for rank in reversed(ranks):
            if rank < bound:
                return Matched(fills, NONE, NONE, left, 0, beyond(taker, limit, end, rank))
            for maker in at[rank].values():
                if maker.display or maker.user_id == user:
                    return sweep(self._levels, taker, end, 0, 1, fills_max)
                if len(fills) >= fills_max:
                    return Matched(fills, NONE, NONE, left, 0, TOO_MANY)
                lots = maker.lots_left
                if lots >= left:
                    fills.append((maker, left))
                    return Matched(fills, NONE, NONE, 0, 0, FILLED)
                fills.append((maker, lots))
                left -= lots
        return Matched(fills, NONE, NONE, left, 0, EMPTY)

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
            return bool(self._asks) and self._asks[-1] >= -price
        return bool(self._bids) and self._bids[-1] >= price

    # -- what happens ----------------------------------------------------------------------------

    def add(self, order: LiveOrder) -> None:
        """Let an order rest, last of its price. An iceberg that shows nothing shows a slice."""
        if order.display and not order.shown:
            order.shown = min(order.display, order.lots_left)
        rank = order.price if order.side is BUY else -order.price
        level = self._at.get(rank)
        if level is None:
            self._levels.open(rank, order)
        else:
            level[order.number] = order
            if len(level) == LONG:
                self._at[rank] = OrderedDict(level)

    def remove(self, order: LiveOrder) -> None:
        """Take an order off, whatever is left of it."""
        rank = order.price if order.side is BUY else -order.price
        level = self._at[rank]
        del level[order.number]
        if not level:
            self._levels.close(rank)
        order.shown = 0

    def fill(self, order: LiveOrder, lots: int) -> None:
        """Take off a maker's order what was traded, at most what it shows. Nothing left: it is
        gone. Nothing shown: its next slice stands last of its price."""
        left = order.lots_left - lots
        order.lots_left = left
        if left:
            if order.display:
                self._show(order, order.shown - lots)
            return
        rank = order.price if order.side is BUY else -order.price
        level = self._at[rank]
        del level[order.number]
        if not level:
            self._levels.close(rank)

    def reduce(self, order: LiveOrder, lots: int) -> None:
        """Take lots off an order, not all of them; hidden ones go first, and it keeps its place."""
        left = order.lots_left - lots
        order.lots_left = left
        if order.shown > left:
            order.shown = left

    def _show(self, order: LiveOrder, shown: int) -> None:
        order.shown = shown
        if not shown:
            self.remove(order)
            self.add(order)

    # -- what is there ---------------------------------------------------------------------------

    def orders(self, side: Side) -> Iterator[LiveOrder]:
        """Yield the orders of a side in priority order. Added to another book in this order, they
        make an equal one."""
        return self._levels.orders(side)

    def level(self, side: Side, price: int) -> tuple[int, int]:
        """Return the lots shown and the number of orders at a price."""
        orders = self._at.get(price if side is BUY else -price, {})
        return sum(map(shown_lots, orders.values())), len(orders)

    def depth(self, side: Side, levels_max: int = 0) -> list[tuple[int, int, int]]:
        """Return (price, lots shown, orders) of the best levels, best first; 0: of all."""
        ranks = self._bids if side is BUY else self._asks
        prices = map(abs, reversed(ranks[-levels_max:] if levels_max else ranks))
        return [(price, *self.level(side, price)) for price in prices]

    def picture(self) -> list[list[tuple[int, ...]]]:
        """Return (number, price, lots left, display, shown) of all bids and asks, in priority
        order: equal books have equal pictures."""
        return [
            [(o.number, o.price, o.lots_left, o.display, o.shown) for o in self.orders(side)]
            for side in (BUY, SELL)
        ]

    def check(self) -> None:
        """Assert that the book is consistent."""
        assert sorted(self._bids + self._asks) == sorted(self._at), "ranks and levels differ"
        for side, ranks in ((BUY, self._bids), (SELL, self._asks)):
            assert ranks == sorted(set(ranks)), "ranks out of order"
            for rank in ranks:
                self._check_level(side, rank)
        assert not self._bids or not self._asks or self.best_bid < self.best_ask, "crossed"

    def _check_level(self, side: Side, rank: int) -> None:
        level = self._at[rank]
        assert level, f"empty level {rank}"
        assert len(level) < LONG or isinstance(level, OrderedDict), f"slow level {rank}"
        for number, order in level.items():
            assert (order.number, order.side) == (number, side), order
            assert rank == (order.price if side is BUY else -order.price), order
            assert order.lots_left > 0, order
            least = 1 if order.display else 0
            assert least <= order.shown <= min(order.display, order.lots_left), order
