"""How are a market's book and ticker followed?"""

from __future__ import annotations

from bisect import bisect_left, insort

from nostro.api.feeds.told import CHECKSUM_LEVELS, Levels, book_told, checksum, ticker_told
from nostro.api.feeds.topic import Message, Ring, Subscription, Topic
from nostro.api.picture import Half, MarketPicture
from nostro.exchange import Side


class ToldHalf:
    """One side of a book as it was last told: price to lots, and the prices in order."""

    __slots__ = ("_half", "_lots", "_ranks", "_sign")

    def __init__(self, half: Half) -> None:
        half.changed = set()
        self._half = half
        self._sign = -1 if half.side is Side.BUY else 1
        self._lots = {price: level.lots for price, level in half.levels.items()}
        self._ranks = sorted(price * self._sign for price in self._lots)

    def take(self) -> Levels:
        """Return the levels that changed since the last time, the best first."""
        half, lots, sign = self._half, self._lots, self._sign
        assert half.changed is not None
        changed, half.changed = half.changed, set()
        taken: list[tuple[int, int]] = []
        for rank in sorted([price * sign for price in changed]):
            price = rank * sign
            now, before = half.lots_at(price), lots.get(price, 0)
            if now == before:
                continue
            taken.append((price, now))
            if not before:
                insort(self._ranks, rank)
            elif not now:
                del self._ranks[bisect_left(self._ranks, rank)]
                del lots[price]
                continue
            lots[price] = now
        return taken

    def levels(self, levels_max: int | None = None) -> Levels:
        """Return the levels, the best first."""
        lots, sign = self._lots, self._sign
        return [(rank * sign, lots[rank * sign]) for rank in self._ranks[:levels_max]]


class BookTopic(Topic):
    """The book of a market, level by level. A position is the market's sequence. It keeps what it
    told last, so that a snapshot stands exactly between two deltas."""

    channel = "book"

    def __init__(self, market: MarketPicture) -> None:
        super().__init__(market.name, market.sequence)
        self._market = market
        self._at_us = market.at_us
        self._bids, self._asks = ToldHalf(market.bids), ToldHalf(market.asks)
        self._ring = Ring()
        self._snapshot: Message | None = None

    def flush(self) -> None:
        """Tell the levels that changed, in one delta."""
        market, previous = self._market, self.position
        if market.sequence == previous:
            return
        self._at_us = market.at_us
        text = self._written(
            "delta", market.sequence, previous, self._bids.take(), self._asks.take()
        )
        self._snapshot = None
        self._ring.add(previous, self.tell(text, market.sequence))

    async def resume(self, subscription: Subscription, after: int | None) -> None:
        """Send the deltas that were missed if they are remembered, else, or if it is shorter, a
        snapshot."""
        if after == self.position:
            subscription.position = after
            self.bring(subscription, [])
            return
        snapshot = self.snapshot()
        steps = None if after is None else self._ring.since(after)
        if steps is None or sum(len(step.text) for step in steps) > len(snapshot.text):
            steps = [snapshot]
        self.bring(subscription, steps)

    def snapshot(self) -> Message:
        """Return the whole book as it was last told."""
        if self._snapshot is None:
            levels = (self._bids.levels(), self._asks.levels())
            text = self._written("snapshot", self.position, None, *levels)
            self._snapshot = Message(text, self.position)
        return self._snapshot

    def close(self) -> None:
        """Collect no more changes."""
        self._market.bids.changed = self._market.asks.changed = None

    def _written(
        self, kind: str, sequence: int, previous: int | None, bids: Levels, asks: Levels
    ) -> str:
        market = self._market
        return book_told(
            kind,
            market,
            sequence=sequence,
            previous=previous,
            at_us=self._at_us,
            bids=bids,
            asks=asks,
            checksum=checksum(
                market.terms,
                self._bids.levels(CHECKSUM_LEVELS),
                self._asks.levels(CHECKSUM_LEVELS),
            ),
        )


class TickerTopic(Topic):
    """The best prices, the last trade and the state of a market; every message tells all of it."""

    channel = "ticker"

    def __init__(self, market: MarketPicture) -> None:
        super().__init__(market.name, market.sequence)
        self._market = market

    def flush(self) -> None:
        """Tell where the market stands now."""
        if self._market.sequence != self.position:
            self.tell(ticker_told(self._market), self._market.sequence)

    async def resume(self, subscription: Subscription, after: int | None) -> None:
        """Send where the market stands."""
        self.bring(subscription, [Message(ticker_told(self._market), self.position)])

    def close(self) -> None:
        """Nothing is kept for it."""
