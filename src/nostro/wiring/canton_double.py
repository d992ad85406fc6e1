"""How is a double of a Canton participant run in a process of its own?

`Child(name=..., module="nostro.wiring.canton_double", order=Order(...))`; it says `url` when it is
ready. A call whose answer is lost ends with a broken connection, as from a real participant.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton_double import CantonDouble, DoubleTerms
from nostro.adapters.domains.canton_double.gate import Dropped, NoConnection
from nostro.wiring.http import HttpServer
from nostro.wiring.processes import read_order, say_ready, until_told_to_stop

PROMISED_BYTES = 64
"""Of an answer that never comes whole."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """How the participant is to be; `directory` as in CantonDouble, "" for none."""

    directory: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    name: str = "participant"
    synchronizers: tuple[str, ...] = ("settlement",)
    call_ms: int = 0
    concurrent_max: int = 1_000
    parent_pid: int = 0


class Breaking:
    """An ASGI application whose answer breaks off where another would give none."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        try:
            await self._app(scope, receive, send)
        except (Dropped, NoConnection):
            length = (b"content-length", str(PROMISED_BYTES).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [length]})
            await send({"type": "http.response.body", "body": b" ", "more_body": True})


async def serve(order: Order) -> None:
    """Serve until told to stop."""
    double = CantonDouble(
        clock=SystemClock(),
        terms=DoubleTerms(
            seed=order.seed,
            name=order.name,
            synchronizers=order.synchronizers,
            call_ms=order.call_ms,
            concurrent_max=order.concurrent_max,
        ),
        directory=Path(order.directory) if order.directory else None,
    )
    server = HttpServer(Breaking(double.app), host=order.host, port=order.port)
    try:
        await server.start()
        say_ready(name=order.name, pid=os.getpid(), url=server.url, port=server.port)
        await until_told_to_stop()
    finally:
        await server.stop()
        await double.close()


def main() -> None:
    """Run what the parent ordered."""
    asyncio.run(serve(msgspec.convert(read_order(), Order)))


if __name__ == "__main__":
    main()
