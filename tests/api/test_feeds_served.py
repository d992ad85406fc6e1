"""Do the feeds hold over real sockets, through the HTTP server of the platform?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from nostro.api import create_app
from nostro.api.feeds import connection
from nostro.client import Feed
from nostro.exchange import Side
from nostro.wiring.http import HttpServer
from tests.api.callers import bearer, token_of
from tests.api.feeds_stage import Stage, platform_of

BUY, SELL = Side.BUY, Side.SELL
PATIENCE_S = 15.0


@pytest.fixture
def stage() -> Stage:
    """A market that is open."""
    opened = Stage()
    opened.open()
    return opened


@pytest.fixture
async def url(stage: Stage) -> AsyncIterator[str]:
    """The address of a server of the stage."""
    server = HttpServer(create_app(platform_of(stage)), host="127.0.0.1", port=0)
    await server.start()
    yield server.url
    await server.stop()


async def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of a type."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message["type"] == kind:
                return message


def opened(url: str, **more: Any) -> Any:
    return connect(url.replace("http", "ws") + "/ws", compression=None, **more)


async def test_a_handshake_is_refused_with_a_problem(url: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await opened(url, additional_headers={"Authorization": "Bearer forged"})
    assert refused.value.response.status_code == 401
    assert b"auth.token_refused" in (refused.value.response.body or b"")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x00\xff", connection.CLOSE_NOT_TEXT),
        ("x" * 100_000, connection.CLOSE_TOO_BIG),
    ],
)
async def test_a_close_code_says_why_one_is_let_go(url: str, frame: Any, code: int) -> None:
    async with opened(url) as socket:
        await told(socket, "hello")
        await socket.send(frame)
        assert (await told(socket, "error"))["code"].startswith("feeds.")
        with pytest.raises(ConnectionClosed) as closed:
            await told(socket, "never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",  # a frame of 2**64 - 1 bytes
        b"\xf7\x80\0\0\0\0",  # an opcode that there is not
        b"\x81\x05hello",  # a frame that is not masked
        b"\x81\x84\0\0\0\0\xff\xfe\xff\xfe",  # text that is no UTF-8
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_frames_that_are_none_end_the_connection_and_nothing_else(
    url: str, stage: Stage, garbage: bytes
) -> None:
    async with opened(url) as good, opened(url) as bad:
        await told(good, "hello")
        await told(bad, "hello")
        bad.transport.write(garbage)
        with pytest.raises(ConnectionClosed):
            await told(bad, "never")
        await good.send('{"op":"subscribe","channel":"book","symbol":"ADA/USDT"}')
        await told(good, "snapshot")
        stage.rest(BUY, 100, 1)
        assert (await told(good, "delta"))["bids"] == [["1.00", "1.000000"]]


async def test_the_client_rebuilds_the_book_that_is_read_over_http(url: str, stage: Stage) -> None:
    for number in range(50):
        stage.rest(BUY, 100 + number, 1 + number)
        stage.rest(SELL, 200 + number, 1 + number)
    feed = Feed(url, token=lambda: token_of("ann"))
    book = feed.follow_book("ADA/USDT")
    feed.follow_own("fills")
    fills: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        async for update in feed:
            fills += [fill["trade_id"] for fill in update.message.get("fills", ())]
            if update.message["type"] == "snapshot":
                stage.take(2, 1)
            if fills and book.sequence == stage.sequence:
                break
    read = await feed.fetch_book("ADA/USDT", levels=500)
    await feed.close()
    assert read["sequence"] == book.sequence
    for side in ("bids", "asks"):
        assert getattr(book, side) == {each["price"]: each["quantity"] for each in read[side]}
    assert fills == ["1"]


async def test_a_reader_who_reads_nothing_holds_up_nobody_and_comes_back_to_the_truth(
    url: str, stage: Stage
) -> None:
    async with opened(url, max_queue=1) as slow, opened(url) as quick:
        for socket in (slow, quick):
            await told(socket, "hello")
            await socket.send('{"op":"subscribe","channel":"book","symbol":"ADA/USDT"}')
            await told(socket, "snapshot")
        for number in range(6):
            for price in range(1, 4_000):
                stage.rest(BUY, price, 1 + number)
            await told(quick, "delta")
        await slow.send('{"op":"unsubscribe","channel":"book","symbol":"ADA/USDT"}')
        assert (await told(slow, "unsubscribed"))["channel"] == "book"


async def events(url: str, count: int, **headers: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the first events of a stream, each with its id."""
    found: list[tuple[str, dict[str, Any]]] = []
    async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as client:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with client.stream("GET", url, headers=sent) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            place = ""
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    place = line[4:]
                elif line.startswith("data: "):
                    found.append((place, json.loads(line[6:])))
                    place = ""
                if len(found) == count:
                    break
    return found


async def test_events_are_the_same_messages_and_their_ids_are_positions(
    url: str, stage: Stage
) -> None:
    ask = stage.rest(SELL, 200, 10)
    for _ in range(3):
        stage.take(ask, 1)
    [(_, hello), (place, snapshot)] = await events(f"{url}/sse/book?symbol=ADA/USDT", 2)
    assert hello["type"] == "hello"
    assert (snapshot["type"], int(place)) == ("snapshot", snapshot["sequence"])
    [_, (place, trades)] = await events(
        f"{url}/sse/trades?symbol=ADA-USDT&after=0", 2, last_event_id="1"
    )
    assert place == "3"
    assert [trade["trade_id"] for trade in trades["trades"]] == ["2", "3"]
    [_, (_, own)] = await events(f"{url}/sse/orders", 2, **bearer("ann"))
    assert [order["order_id"] for order in own["orders"]] == [str(ask)]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/sse/gossip", 404, "feeds.unknown_channel"),
        ("/sse/book?symbol=NO/PE", 404, "feeds.unknown_market"),
        ("/sse/orders", 401, "feeds.login_needed"),
        ("/sse/book?symbol=ADA/USDT&after=x", 422, "feeds.bad_message"),
        ("/sse/book?symbol=ADA/USDT&shape=1", 422, "request.unknown_field"),
    ],
)
async def test_a_stream_that_cannot_be_is_a_problem(
    url: str, path: str, status: int, code: str
) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(url + path, timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
