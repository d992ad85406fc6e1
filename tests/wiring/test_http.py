"""Does the HTTP server take its port alone, answer over real sockets, and let go?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.api import Bounds, create_app
from nostro.runtime.engine import Engine
from nostro.runtime.ports import NotDone
from nostro.wiring.address import free_port
from nostro.wiring.http import HttpServer
from nostro.wiring.rooms import make_house
from tests.api.door import platform_on

ACCOUNTS = "/api/v1/ledger/accounts"
Message = MutableMapping[str, Any]


@asynccontextmanager
async def served(
    bounds: Bounds | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[HttpServer]:
    """Serve a platform on memory adapters, on any free port."""
    engine = Engine(house=make_house(), journal=MemoryJournal(MemoryDisk()), clock=SystemClock())
    await engine.start()
    app = create_app(platform_on(engine, bounds=bounds or Bounds()))
    server = HttpServer(app, host=host, port=0)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        await engine.stop()


async def spoken_to(server: HttpServer, said: bytes, answers: int = 1) -> bytes:
    """Return what comes back on one connection, until so many answers have come."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(said)
    heard = b""
    async with asyncio.timeout(10):
        while heard.count(b"HTTP/1.1 ") < answers or not heard.endswith(b"}"):
            data = await reader.read(65_536)
            if not data:
                break
            heard += data
    writer.close()
    return heard


async def test_a_port_that_is_taken_is_refused_with_the_remedy() -> None:
    async with served() as server:
        second = HttpServer(lambda *_: None, host="127.0.0.1", port=server.port)
        with pytest.raises(NotDone, match="NOSTRO_PORT"):
            await second.start()


def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(NotDone, match="NOSTRO_HOST"):
        free_port("192.0.2.1", 0)


async def test_a_host_may_be_a_name() -> None:
    async with served(host="localhost") as server:
        assert server.url == f"http://localhost:{server.port}"
        heard = await spoken_to(server, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in heard


async def test_the_port_is_free_again_after_a_stop() -> None:
    async with served() as server:
        port = server.port
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_an_answer_carries_its_length_and_keeps_the_connection() -> None:
    async with served() as server:
        get = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        heard = await spoken_to(server, get * 2, answers=2)
        assert heard.count(b"HTTP/1.1 200") == 2
        assert heard.count(b"content-length: 18") == 2
        assert b"x-request-id: " in heard
        assert b"cache-control: no-store" in heard


async def test_a_body_beyond_the_bound_is_refused_before_it_is_read() -> None:
    async with served(Bounds(body_bytes_max=1_000)) as server:
        head = f"POST {ACCOUNTS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
        heard = await spoken_to(server, head + b"Content-Length: 999999999999\r\n\r\n")
        assert heard.startswith(b"HTTP/1.1 413")
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b" " * 1024 + b"\r\n"
        heard = await spoken_to(server, chunked + b"0\r\n\r\n")
        assert heard.startswith(b"HTTP/1.1 413")


async def test_requests_under_way_are_answered_before_the_server_stops() -> None:
    gate = asyncio.Event()

    async def slow(
        scope: Message, receive: Any, send: Callable[[Message], Awaitable[None]]
    ) -> None:
        await gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    server = HttpServer(slow, host="127.0.0.1", port=0)
    await server.start()
    asked = asyncio.create_task(spoken_to(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    await asyncio.sleep(0.05)  # sleeps: the request must have reached the application
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0.05)  # sleeps: the server must have begun to stop
    gate.set()
    assert (await asked).endswith(b"{}")
    await stopping
