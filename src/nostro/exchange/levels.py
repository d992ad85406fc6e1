"""Where do resting orders stand: at which price, best first, and after whom?

A price is known by its rank: the price itself for bids, minus the price for asks. So the best of
either side has the highest rank, and one mapping holds the levels of both. A level maps numbers to
orders; dicts keep their order of arrival.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from nostro.exchange.live import LiveOrder
from nostro.exchange.terms import Side

Level = dict[int, LiveOrder]
BUY = Side.BUY
LONG = 256
"""With so many orders a level becomes an OrderedDict: finding the first entry of a dict takes
longer the more entries before it were deleted."""


class Levels:
    """The levels of a book. `bids`, `asks`: the ranks of levels in ascending order, the best one
    last; `at`: the orders of each, never empty."""

    __slots__ = ("asks", "at", "bids")

    def __init__(self) -> None:
        self.bids: list[int] = []
        self.asks: list[int] = []
        self.at: dict[int, Level] = {}

    def open(self, rank: int, order: LiveOrder) -> None:
        """Begin a level with its first order."""
        self.at[rank] = {order.number: order}
        ranks = self.bids if rank > 0 else self.asks
        if not ranks or ranks[-1] < rank:
            ranks.append(rank)
        else:
            insort(ranks, rank)

    def close(self, rank: int) -> None:
        """End a level that lost its last order."""
        del self.at[rank]
        ranks = self.bids if rank > 0 else self.asks
        if ranks[-1] == rank:
            ranks.pop()
        else:
            del ranks[bisect_left(ranks, rank)]

    def orders(self, side: Side) -> Iterator[LiveOrder]:
        """Yield the orders of a side in priority order."""
        for rank in reversed(self.bids if side is BUY else self.asks):
            yield from self.at[rank].values()
