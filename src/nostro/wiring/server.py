"""What runs in the server process: one engine, the reads beside it, and the front door before
them?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server
from psycopg_pool import AsyncConnectionPool

from nostro import __version__
from nostro.adapters.postgres.ledger_queries import LedgerQueries
from nostro.adapters.postgres.wallet_queries import WalletQueries
from nostro.adapters.telemetry.logging import log_access
from nostro.api.app import create_app
from nostro.api.platform import Bounds, Platform
from nostro.wiring.engine import EngineRoom
from nostro.wiring.probes import PostgresProbe
from nostro.wiring.processes import until_told_to_stop
from nostro.wiring.rooms import Stores
from nostro.wiring.settings import Settings

READERS_MAX = 8
BACKLOG = 1_024
LISTENING_TIMEOUT_S = 10.0

Facts = dict[str, Any]


async def serve(settings: Settings, stores: Stores, *, on_ready: Callable[[Facts], None]) -> None:
    """Serve until told to stop; `on_ready` hears where."""
    async with platform_on(settings, stores) as platform:
        port = settings.port or _free_port(settings.host)
        server = Server(
            create_app(platform),
            address=settings.host,
            port=port,
            interface=Interfaces.ASGINL,
            backlog=BACKLOG,
            log_enabled=False,
            websockets=False,
        )
        serving = asyncio.create_task(server.serve())
        try:
            await _listening(settings.host, port, serving)
            url = f"http://{settings.host}:{port}"
            on_ready({"name": "server", "pid": os.getpid(), "url": url, "port": port})
            await until_told_to_stop()
        finally:
            server.stop()  # type: ignore[no-untyped-call]
            with contextlib.suppress(asyncio.CancelledError):
                await serving


@contextlib.asynccontextmanager
async def platform_on(settings: Settings, stores: Stores) -> AsyncIterator[Platform]:
    """Run engine, performers and reads, and yield the platform that the API speaks to."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        stores.reader,
        min_size=1,
        max_size=READERS_MAX,
        open=False,
        kwargs={"autocommit": True, "application_name": "nostro-reader"},
    )
    room = EngineRoom(settings, stores.engine)
    async with pool:
        await room.start()
        try:
            yield Platform(
                engine=room.engine,
                ledger=LedgerQueries(pool, settings.chain),
                wallets=WalletQueries(pool, settings.chain),
                performing=room.performing,
                probes=(PostgresProbe(pool),),
                bounds=Bounds(at_least_timeout_ms=settings.at_least_timeout_ms),
                access_log=log_access,
                version=__version__,
                chain=settings.chain,
            )
        finally:
            await room.stop()


def _free_port(host: str) -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def _listening(host: str, port: int, serving: asyncio.Task[Any]) -> None:
    """Return when the port takes connections; raises what the server raised when it did not."""
    async with asyncio.timeout(LISTENING_TIMEOUT_S):
        while not serving.done():
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return
    serving.result()
    raise OSError(f"the server on {host}:{port} ended while it was starting")
