"""Does the client notice whatever goes wrong with a feed, and come back to the truth?"""

from __future__ import annotations

import asyncio
import http
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from nostro.client import Book, Feed, OutOfStep, Refused, wire

SYMBOL = "ADA/USDT"
PATIENCE_S = 10.0

Script = Callable[["Line"], Awaitable[None]]


class Line:
    """The server's side of one connection."""

    def __init__(self, socket: ServerConnection, number: int) -> None:
        self.socket = socket
        self.number = number

    async def hear(self) -> dict[str, Any]:
        """Return what the client says next."""
        said: dict[str, Any] = json.loads(await self.socket.recv())
        return said

    async def say(self, kind: str, channel: str = "", **more: Any) -> None:
        """Send a message."""
        about = {"channel": channel, "symbol": SYMBOL} if channel else {}
        await self.socket.send(json.dumps({"type": kind, **about, **more}))

    async def book(self, kind: str, sequence: int, bids: Any, previous: int = 0) -> None:
        """Send a step of a book, with the checksum of what it leads to."""
        book = Book(SYMBOL, check=False)
        book.bids = {price: quantity for price, quantity in bids if quantity != "0"}
        await self.say(
            kind,
            "book",
            sequence=sequence,
            previous_sequence=previous,
            at="",
            bids=bids,
            asks=[],
            checksum=book.checksum(),
        )

    async def trades(self, previous: int, *numbers: int) -> None:
        """Send trades."""
        trades = [{"trade_id": str(number)} for number in numbers]
        told = {"previous_trade_id": str(previous), "last_trade_id": str(numbers[-1])}
        await self.say("trades", "trades", **told, trades=trades)


@asynccontextmanager
async def server(*scripts: Script, refuse: int = 0) -> AsyncIterator[str]:
    """Serve connections by scripts, one each; the first `refuse` handshakes are put off."""
    count, put_off = 0, 0

    async def handle(socket: ServerConnection) -> None:
        nonlocal count
        line = Line(socket, count)
        count += 1
        await line.say("hello", epoch=f"epoch{line.number}", heartbeat_s=15)
        await scripts[line.number](line)

    def process(socket: ServerConnection, request: Request) -> Response | None:
        nonlocal put_off
        put_off += 1
        if put_off <= refuse:
            return socket.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "later")
        return None

    async with serve(handle, "127.0.0.1", 0, process_request=process) as one:
        yield f"http://127.0.0.1:{next(iter(one.sockets)).getsockname()[1]}"


async def read(feed: Feed, count: int) -> list[dict[str, Any]]:
    """Return the next messages."""
    messages: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_S):
        async for update in feed:
            messages.append(update.message)
            if len(messages) == count:
                break
    await feed.close()
    return messages


async def forever(line: Line) -> None:
    """Stay until the client goes."""
    await line.socket.wait_closed()


async def test_a_missing_step_has_the_book_sent_anew_and_what_still_comes_is_left_out() -> None:
    async def script(line: Line) -> None:
        assert await line.hear() == {"op": "subscribe", "channel": "book", "symbol": SYMBOL}
        await line.say("subscribed", "book", position=1)
        await line.book("snapshot", 1, [["1.00", "5"]])
        await line.book("delta", 9, [["1.01", "5"]], previous=8)
        await line.book("delta", 10, [["1.02", "5"]], previous=9)
        assert (await line.hear())["op"] == "unsubscribe"
        assert "after" not in await line.hear()
        await line.book("delta", 11, [["1.03", "5"]], previous=10)
        await line.say("unsubscribed", "book")
        await line.say("subscribed", "book", position=12)
        await line.book("snapshot", 12, [["1.05", "7"]])
        await forever(line)

    async with server(script) as url:
        feed = Feed(url)
        book = feed.follow_book(SYMBOL)
        await read(feed, 2)
    assert (book.sequence, book.bids) == (12, {"1.05": "7"})
    assert feed.stats.gaps == 1


async def test_a_book_that_is_not_the_servers_is_noticed_by_its_checksum() -> None:
    book = Book(SYMBOL)
    told = {"type": "snapshot", "sequence": 1, "at": "", "bids": [["1.00", "5"]], "asks": []}
    with pytest.raises(OutOfStep):
        book.take({**told, "checksum": 1})


async def test_trades_are_told_once_over_lost_lines_and_none_is_missing() -> None:
    async def first(line: Line) -> None:
        assert (await line.hear())["after"] == 3
        await line.say("subscribed", "trades", position=3)
        await line.trades(3, 4, 5)
        line.socket.transport.abort()

    async def second(line: Line) -> None:
        assert (await line.hear())["after"] == 5
        await line.say("subscribed", "trades", position=5)
        await line.trades(3, 4, 5, 6)  # a server that repeats itself
        await line.trades(8, 9)  # and leaves something out
        assert (await line.hear())["op"] == "unsubscribe"
        assert (await line.hear())["after"] == 6
        await line.say("subscribed", "trades", position=6)
        await line.trades(6, 7, 8, 9)
        await forever(line)

    async with server(first, second) as url:
        feed = Feed(url)
        feed.follow_trades(SYMBOL, after=3)
        messages = await read(feed, 3)
    told = [int(trade["trade_id"]) for message in messages for trade in message["trades"]]
    assert told == [4, 5, 6, 7, 8, 9]
    assert feed.position("trades", SYMBOL) == 9
    assert (feed.stats.connections, feed.stats.gaps) == (2, 1)


async def test_users_are_told_apart_and_what_is_missing_of_one_is_asked_for() -> None:
    async def told(line: Line) -> None:
        for _ in range(2):
            said = await line.hear()
            await line.say("subscribed", "fills", symbol="", user_id=said["user_id"], position=5)
        own = {"symbol": "", "fills": ["one"]}
        await line.say(
            "fills", "fills", user_id="ann", height=6, previous_height=5, symbol="", fills=[]
        )
        await line.say("fills", "fills", user_id="ann", height=7, previous_height=6, **own)
        await line.say("fills", "fills", user_id="bob", height=9, previous_height=8, **own)
        assert (await line.hear())["op"] == "unsubscribe"
        again = await line.hear()
        assert (again["op"], again["user_id"], again["after"]) == ("subscribe", "bob", 5)
        await line.say("subscribed", "fills", symbol="", user_id="bob", position=5)
        await line.say("fills", "fills", user_id="bob", height=9, previous_height=5, **own)
        await forever(line)

    async with server(told) as url:
        feed = Feed(url)
        for user in ("ann", "bob"):
            feed.follow_own("fills", user_id=user)
        updates = await read(feed, 2)
        assert [update["user_id"] for update in updates] == ["ann", "bob"]
        assert (feed.position("fills", "ann"), feed.position("fills", "bob")) == (7, 9)
        assert feed.stats.gaps == 1


async def test_who_began_now_asks_after_a_lost_line_for_what_came_since() -> None:
    async def first(line: Line) -> None:
        assert "after" not in await line.hear()
        await line.say("subscribed", "trades", position=41)
        line.socket.transport.abort()

    async def second(line: Line) -> None:
        assert (await line.hear())["after"] == 41
        await line.say("subscribed", "trades", position=41)
        await line.trades(41, 42)
        await forever(line)

    async with server(first, second) as url:
        feed = Feed(url)
        feed.follow_trades(SYMBOL)
        assert len(await read(feed, 1)) == 1
    assert feed.epoch == "epoch1"


async def test_a_server_that_is_full_is_asked_again_and_a_token_is_made_anew() -> None:
    made: list[int] = []

    async def token() -> str:
        made.append(1)
        return f"token{len(made)}"

    async def script(line: Line) -> None:
        assert line.socket.request is not None
        assert line.socket.request.headers["Authorization"] == "Bearer token3"
        await line.hear()
        await line.say("ticker", "ticker", last="1.00")
        await forever(line)

    async with server(script, refuse=2) as url:
        feed = Feed(url, token=token)
        feed.follow_ticker(SYMBOL)
        assert (await read(feed, 1))[0]["last"] == "1.00"


async def test_views_that_are_behind_are_asked_again_and_a_refusal_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nostro.client.feed.PAUSE_S", 0.01)

    async def behind(line: Line) -> None:
        await line.hear()
        await line.say("error", "trades", code="views.behind", detail="")
        await forever(line)

    async def never(line: Line) -> None:
        await line.hear()
        await line.say("error", "trades", code="feeds.unknown_market", detail="no")
        await forever(line)

    async with server(behind, never) as url:
        feed = Feed(url)
        feed.follow_trades(SYMBOL, after=1)
        with pytest.raises(Refused) as refused:
            await read(feed, 1)
    assert refused.value.code == "feeds.unknown_market"
    assert feed.stats.connections == 2


async def test_a_line_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(line: Line) -> None:
        await line.say("hello", epoch="e", heartbeat_s=0.01)
        await forever(line)

    async def alive(line: Line) -> None:
        await line.hear()
        await line.say("ticker", "ticker", last="1.00")
        await forever(line)

    async with server(silent, alive) as url:
        feed = Feed(url)
        feed.follow_ticker(SYMBOL)
        assert await read(feed, 1)


def test_pauses_grow_up_to_a_bound() -> None:
    backoff = wire.Backoff()
    pauses = [backoff.next_s() for _ in range(20)]
    assert pauses[0] <= wire.PAUSE_FIRST_S
    assert max(pauses) <= wire.PAUSE_LAST_S
    assert pauses[-1] >= wire.PAUSE_LAST_S / 2
    backoff.well()
    assert backoff.next_s() <= wire.PAUSE_FIRST_S


def test_the_address_of_the_feeds_follows_from_that_of_the_server() -> None:
    assert wire.socket_url("http://localhost:8000/") == "ws://localhost:8000/ws"
    assert wire.socket_url("https://x.example/nostro") == "wss://x.example/nostro/ws"


def test_levels_come_the_best_first_and_are_exact() -> None:
    book = Book(SYMBOL, check=False)
    assert book.best_bid is None
    book.bids = {"9.50": "1", "10.00": "0.30"}
    book.asks = {"11.00": "1", "10.50": "2"}
    assert [str(price) for price, _ in book.levels("bids")] == ["10.00", "9.50"]
    assert book.best_ask is not None
    assert [str(part) for part in book.best_ask] == ["10.50", "2"]
