"""What does a program see that follows the markets while the platform is killed and restarted?"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from nostro.cli.demonstration.scene import Scene
from nostro.cli.demonstration.session import MARKETS
from nostro.client import Feed
from nostro.runtime.ending import ended

LEVELS_MAX = 1_000
LOOKS_MAX = 200
LOOK_S = 0.1


class Follower:
    """Follows every market's book and trades from their beginning, with the client that anyone may
    use. `told`: how often each trade was told, by symbol and id."""

    def __init__(self, url: str) -> None:
        self.feed = Feed(url)
        self.told: Counter[tuple[str, str]] = Counter()
        for market in MARKETS:
            self.feed.follow_book(market.symbol)
            self.feed.follow_trades(market.symbol, after=0)

    async def read(self) -> None:
        """Take in what comes, for ever."""
        async for update in self.feed:
            if update.channel == "trades":
                ids = [trade["trade_id"] for trade in update.message["trades"]]
                self.told.update((update.symbol, id) for id in ids)


@contextlib.asynccontextmanager
async def following(url: str) -> AsyncIterator[Follower]:
    """Follow the markets as long as this lasts."""
    follower = Follower(url)
    reading = asyncio.create_task(follower.read(), name="following")
    try:
        yield follower
    finally:
        await ended([reading])


async def compare(scene: Scene, follower: Follower, trades: Sequence[tuple[str, str]]) -> None:
    """Compare what the feeds told with what the platform tells: each book level by level, and each
    trade, which must have been told once."""
    for _ in range(LOOKS_MAX):
        if len(follower.told) >= len(trades):
            break
        await asyncio.sleep(LOOK_S)
    missing = set(trades) - set(follower.told)
    twice = [trade for trade, times in follower.told.items() if times > 1]
    scene.check(f"the feeds told each of {len(trades):,} trades once", not missing and not twice)
    differing = [market.symbol for market in MARKETS if not await _same(follower, market.symbol)]
    scene.check("each book that was rebuilt is the server's", not differing, differing)
    stats = follower.feed.stats
    scene.session.feed_gaps = stats.gaps + len(missing) + len(twice) + len(differing)
    scene.check("the feeds had no gap", scene.session.feed_gaps == 0, stats)
    scene.say(
        f"the feeds told {len(follower.told):,} trades in {stats.messages:,} messages over "
        f"{stats.connections} connections"
    )


async def _same(follower: Follower, symbol: str) -> bool:
    """Tell whether a rebuilt book comes to be the one that the platform tells."""
    book = follower.feed.books[symbol]
    for _ in range(LOOKS_MAX):
        told = await follower.feed.fetch_book(symbol, levels=LEVELS_MAX)
        if told["sequence"] == book.sequence:
            return all(
                [(level["price"], level["quantity"]) for level in told[side]]
                == [(str(price), str(quantity)) for price, quantity in book.levels(side)]
                for side in ("bids", "asks")
            )
        await asyncio.sleep(LOOK_S)
    return False
