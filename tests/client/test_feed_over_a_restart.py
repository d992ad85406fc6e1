"""Does a client miss nothing when the server is killed and comes back?"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nostro.client import Feed
from tests.client.bourse import SYMBOL, Bourse
from tests.e2e.up import alive, up

PATIENCE_S = 90.0


class Follower:
    """What a client was told, checked as it comes."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.book = feed.follow_book(SYMBOL)
        feed.follow_trades(SYMBOL, after=0)
        for channel in ("orders", "fills", "settlements", "balances"):
            feed.follow_own(channel)
        self.trades: list[int] = []
        self.fills: list[int] = []
        self.settled: list[int] = []
        self.orders: dict[str, str] = {}
        self.balances: dict[str, str] = {}
        self.moved = asyncio.Event()

    async def read(self) -> None:
        """Read on for ever."""
        async for update in self.feed:
            message: dict[str, Any] = update.message
            self.trades += [int(each["trade_id"]) for each in message.get("trades", ())]
            self.fills += [int(each["trade_id"]) for each in message.get("fills", ())]
            self.settled += [int(each["trade_id"]) for each in message.get("settlements", ())]
            for order in message.get("orders", ()):
                self.orders[order["order_id"]] = order["status"]
            for balance in message.get("balances", ()):
                self.balances[balance["currency"]] = balance["total"]
            self.moved.set()

    async def until(self, trades: list[int], book: dict[str, Any]) -> None:
        """Wait until everything up to here was told, once, and the book is exact."""
        async with asyncio.timeout(PATIENCE_S):
            while self.trades != trades or self.fills != trades or self.settled != trades:
                await self._more()
            while self.book.sequence < book["sequence"]:
                await self._more()
        assert self.book.sequence == book["sequence"]
        for side in ("bids", "asks"):
            told = {level["price"]: level["quantity"] for level in book[side]}
            assert getattr(self.book, side) == told

    async def _more(self) -> None:
        self.moved.clear()
        await self.moved.wait()


@pytest.mark.slow
@pytest.mark.xdist_group("e2e")
async def test_a_feed_goes_on_without_a_gap_when_the_server_is_killed(tmp_path: Path) -> None:
    with up(tmp_path / "data", tmp_path / "up.log") as running:
        bourse = Bourse(running)
        feed = Feed(running.url, token=bourse.tokens["ann"])
        follower = Follower(feed)
        reading = asyncio.create_task(follower.read())
        trades: list[int] = []
        pid = running.processes["server"]
        for kill in (False, True):
            for number in range(20):
                if kill and number == 10:
                    os.kill(pid, signal.SIGKILL)
                price = f"{2 + number / 100:.2f}"
                trades.append(await asyncio.to_thread(bourse.trade, price, "3"))
                await asyncio.to_thread(bourse.place, "bob", "BUY", f"1.{number:02d}", "1")
            await follower.until(trades, await asyncio.to_thread(bourse.book))
        assert not alive(pid)
        assert feed.stats.connections >= 2
        assert feed.stats.gaps == 0
        assert set(follower.orders.values()) == {"filled"}
        assert len(follower.orders) == 40
        async with asyncio.timeout(PATIENCE_S):
            while follower.balances.get("ADA") != "999880.000000":
                await follower._more()
        reading.cancel()
        await feed.close()
