"""Where do the orders of one side stand, best price first, oldest first?

A price is known by its rank: the price itself for bids, minus the price for asks, so that the best
price has the highest rank. A level maps numbers to orders; dicts keep their order of arrival.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from nostro.exchange.live import LiveOrder

Level = dict[int, LiveOrder]


class Ladder:
    """One side of a book: its levels, and their ranks in ascending order, the best one last."""

    __slots__ = ("levels", "ranks", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.ranks: list[int] = []
        self.levels: dict[int, Level] = {}

    @property
    def best(self) -> int:
        """The best price; 0: there is none."""
        return self.ranks[-1] * self.sign if self.ranks else 0

    def add(self, order: LiveOrder) -> None:
        """Stand last of its price."""
        rank = order.price * self.sign
        level = self.levels.get(rank)
        if level is None:
            self.levels[rank] = {order.number: order}
            ranks = self.ranks
            if not ranks or ranks[-1] < rank:
                ranks.append(rank)
            else:
                insort(ranks, rank)
        else:
            level[order.number] = order

    def remove(self, order: LiveOrder) -> None:
        """Leave; the level goes with its last order."""
        rank = order.price * self.sign
        level = self.levels[rank]
        del level[order.number]
        if not level:
            del self.levels[rank]
            ranks = self.ranks
            if ranks[-1] == rank:
                ranks.pop()
            else:
                del ranks[bisect_left(ranks, rank)]

    def queue_again(self, order: LiveOrder) -> None:
        """Stand last of its price instead of where it stood."""
        level = self.levels[order.price * self.sign]
        del level[order.number]
        level[order.number] = order

    def orders(self) -> Iterator[LiveOrder]:
        """Yield the orders in priority order."""
        for rank in reversed(self.ranks):
            yield from self.levels[rank].values()
