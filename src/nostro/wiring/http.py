"""How is the API put on a port, in the event loop that the engine runs on?

Granian parses and writes HTTP in a thread of its own, outside the interpreter's lock, and hands
each request to this loop.
"""

from __future__ import annotations

import asyncio
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from nostro.runtime.ports import NotDone
from nostro.wiring.address import free_port, numeric

BACKLOG = 1024
CONCURRENT_MAX = 4096
"""Requests that may be under way; beyond it, new connections wait in the backlog."""
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
LOOK_S = 0.01
HEADERS_TIMEOUT_MS = 30_000


class HttpServer:
    """An ASGI application on a port. `port` 0 takes any free one; read it back from `port`."""

    def __init__(self, app: Any, *, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._app = app
        self._server: Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Return where it can be reached."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Accept connections; raises AddressUnavailable when the port cannot be had."""
        self.port = free_port(self.host, self.port)
        self._server = Server(
            self._app,
            address=numeric(self.host),
            port=self.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_TIMEOUT_MS),
            websockets=True,
            backlog=BACKLOG,
            backpressure=CONCURRENT_MAX,
            log_enabled=False,
        )
        self._task = asyncio.create_task(self._server.serve(), name="http")
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await self._accepts():
                if self._task.done():
                    raise NotDone(f"the HTTP server did not start: {self._task.exception()!r}")
                await asyncio.sleep(LOOK_S)

    async def stop(self) -> None:
        """Accept nothing more, finish what is under way, and let the port go."""
        if self._server is None or self._task is None:
            return
        self._server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait([self._task], timeout=STOP_TIMEOUT_S)
        self._task.cancel()

    async def _accepts(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(_reachable(self.host), self.port)
        except OSError:
            return False
        writer.close()
        return True


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
