"""Is what a gateway serves what the platform behind it said, and what when that says nothing?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets

from nostro.wiring.gateway import ROUTES, Gateway
from nostro.wiring.http import HttpServer


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """A platform that tells what it was asked, cuts an answer at /orders/cut, and echoes frames."""
    if scope["type"] == "websocket":
        await _echo_frames(scope, receive, send)
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    said = dict(scope["headers"])
    told = b"%s %s?%s %s %s" % (
        scope["method"].encode(),
        scope["path"].encode(),
        scope["query_string"],
        said.get(b"authorization", b"nobody"),
        body,
    )
    status = 422 if scope["path"] == "/orders/refused" else 200
    headers = [(b"x-told", b"yes"), (b"content-length", str(len(told)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": told})


async def _echo_frames(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    if b"authorization" not in dict(scope["headers"]):
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "end":
            await send({"type": "websocket.close", "code": 4401, "reason": "expired"})
            return
        await send({"type": "websocket.send", "text": message["text"]})


@asynccontextmanager
async def gateway(upstream: str, *groups: str) -> AsyncIterator[str]:
    app = Gateway(upstream, groups)
    server = HttpServer(app, host="127.0.0.1", port=0)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()
        await app.close()


@asynccontextmanager
async def joined(*groups: str) -> AsyncIterator[str]:
    platform = HttpServer(echo, host="127.0.0.1", port=0)
    await platform.start()
    try:
        async with gateway(platform.url, *groups) as url:
            yield url
    finally:
        await platform.stop()


async def test_what_is_asked_and_told_comes_through_as_it_is() -> None:
    async with joined("orders") as url, httpx.AsyncClient() as client:
        answer = await client.post(
            f"{url}/orders/7%2F8?a=%20b", content=b'{"x": 1}', headers={"Authorization": "Bearer t"}
        )
        assert answer.text == 'POST /orders/7/8?a=%20b Bearer t {"x": 1}'
        assert answer.headers["x-told"] == "yes"
        refused = await client.get(f"{url}/orders/refused")
        assert refused.status_code == 422


async def test_other_addresses_are_not_here() -> None:
    async with joined("orders") as url, httpx.AsyncClient() as client:
        for path in ("/balance/alice", "/ordersx", "/", "/metrics"):
            answer = await client.get(url + path)
            assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")
        assert (await client.get(f"{url}/livez")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/orders/../api/v1/ledger/accounts",
        "/orders/7/../../metrics",
        "/orders//../../metrics",
        "/orders/./7",
        "/orders/%2e%2e/metrics",
        "/orders/..%2fmetrics",
        "/orders/..",
    ],
)
async def test_no_way_leads_around_the_routes(path: str) -> None:
    async with joined("orders") as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 404"), answer


async def test_a_platform_that_is_away_has_done_nothing() -> None:
    async with gateway("http://127.0.0.1:9", "orders") as url, httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/order", json={})
        assert (answer.status_code, answer.json()["code"]) == (503, "engine.unavailable")
        assert answer.json()["retryable"]


async def test_of_an_answer_that_is_lost_nobody_knows() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    platform = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = platform.sockets[0].getsockname()[1]
    upstream = f"http://127.0.0.1:{port}"
    async with platform, gateway(upstream, "orders") as url, httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/order", json={})
        assert answer.json()["code"] == "engine.outcome_unknown"


async def test_a_stream_ends_behind_when_its_reader_leaves() -> None:
    left = asyncio.Event()

    async def stream(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    platform = HttpServer(stream, host="127.0.0.1", port=0)
    await platform.start()
    try:
        async with gateway(platform.url, "matching") as url, httpx.AsyncClient() as client:
            async with client.stream("GET", f"{url}/sse/book?symbol=ADA/USDT") as answer:
                assert await anext(answer.aiter_raw()) == b"data: 1\n\n"
                assert not left.is_set()
            async with asyncio.timeout(10):
                await left.wait()
    finally:
        await platform.stop()


async def test_a_book_with_many_levels_comes_through() -> None:
    said = {"Authorization": "Bearer t"}
    async with joined("matching") as url:
        address = url.replace("http", "ws") + "/ws"
        async with websockets.connect(address, additional_headers=said, max_size=None) as socket:
            book = "1" * 3_000_000
            await socket.send(book)
            assert await socket.recv() == book


async def test_frames_go_both_ways_and_the_end_is_told() -> None:
    async with joined("matching") as url:
        address = url.replace("http", "ws") + "/ws"
        headers = {"Authorization": "Bearer t"}
        async with websockets.connect(address, additional_headers=headers, proxy=None) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            await socket.send("end")
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (4401, "expired")


@pytest.mark.parametrize("path", ["/ws", "/orders/feed"])
async def test_a_socket_that_is_refused_behind_is_refused_here(path: str) -> None:
    async with joined("matching") as url:
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(url.replace("http", "ws") + path, proxy=None)


def test_groups_of_routes_do_not_overlap() -> None:
    paths = [path for paths in ROUTES.values() for path in paths]
    assert len(paths) == len(set(paths))
    with pytest.raises(KeyError):
        Gateway("http://127.0.0.1:1", ["nothing"])
