"""What runs in the server process: one engine, the reads beside it, and the front door before
them?"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

from psycopg_pool import AsyncConnectionPool

from nostro import __version__
from nostro.adapters.postgres.ledger_queries import LedgerQueries
from nostro.adapters.postgres.payment_queries import PaymentQueries
from nostro.adapters.postgres.risk_queries import RiskQueries
from nostro.adapters.postgres.settlement_queries import SettlementQueries
from nostro.adapters.postgres.wallet_queries import WalletQueries
from nostro.adapters.telemetry.logging import log_access
from nostro.api.app import create_app
from nostro.api.platform import Bounds, Platform
from nostro.wiring.engine import EngineRoom
from nostro.wiring.http import HttpServer
from nostro.wiring.probes import PostgresProbe
from nostro.wiring.processes import until_told_to_stop
from nostro.wiring.rooms import Stores
from nostro.wiring.settings import Settings

READERS_MAX = 8
READER_TIMEOUT_S = 5.0
"""How long a read waits for a connection before it says that the views are unavailable."""

Facts = dict[str, Any]


async def serve(settings: Settings, stores: Stores, *, on_ready: Callable[[Facts], None]) -> None:
    """Serve until told to stop; `on_ready` hears where."""
    async with platform_on(settings, stores) as platform:
        server = HttpServer(create_app(platform), host=settings.host, port=settings.port)
        try:
            await server.start()
            facts = {"name": "server", "pid": os.getpid(), "url": server.url, "port": server.port}
            on_ready(facts)
            await until_told_to_stop()
        finally:
            await server.stop()


@contextlib.asynccontextmanager
async def platform_on(settings: Settings, stores: Stores) -> AsyncIterator[Platform]:
    """Run engine, performers and reads, and yield the platform that the API speaks to."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        stores.reader,
        min_size=1,
        max_size=READERS_MAX,
        open=False,
        timeout=READER_TIMEOUT_S,
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
                payments=PaymentQueries(pool, settings.chain),
                settlements=SettlementQueries(pool, settings.chain),
                risk=RiskQueries(pool, settings.chain),
                performing=room.performing,
                probes=(PostgresProbe(pool),),
                bounds=Bounds(at_least_timeout_ms=settings.at_least_timeout_ms),
                access_log=log_access,
                version=__version__,
                chain=settings.chain,
            )
        finally:
            await room.stop()
