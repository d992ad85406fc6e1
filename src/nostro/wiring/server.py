"""What runs in the server process: one engine, the reads beside it, and the front door before
them?"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from psycopg_pool import AsyncConnectionPool

from nostro import __version__
from nostro.adapters.clock import SystemClock
from nostro.adapters.forecasting import prophet_forecasters
from nostro.adapters.identifiers import Registry
from nostro.adapters.liquidity import BEST
from nostro.adapters.postgres.dvp_queries import DvpQueries
from nostro.adapters.postgres.exchange_queries import ExchangeQueries
from nostro.adapters.postgres.ledger_queries import LedgerQueries
from nostro.adapters.postgres.payment_queries import PaymentQueries
from nostro.adapters.postgres.risk_queries import RiskQueries
from nostro.adapters.postgres.settlement_queries import SettlementQueries
from nostro.adapters.postgres.wallet_queries import WalletQueries
from nostro.adapters.screening import FileScreening
from nostro.adapters.telemetry.logging import log_access
from nostro.adapters.webhooks import Notifier, TradingViews, WebhookStore
from nostro.api.app import create_app
from nostro.api.forecasts import DEFAULT as BY_CALENDAR, Forecasts
from nostro.api.picture import Picture
from nostro.api.platform import Bounds, Platform
from nostro.runtime.ending import ended
from nostro.wiring.domains import DomainPlace, reached
from nostro.wiring.engine import EngineRoom
from nostro.wiring.http import HttpServer
from nostro.wiring.identity import identity_of
from nostro.wiring.probes import DomainsProbe, PostgresProbe
from nostro.wiring.processes import until_told_to_stop
from nostro.wiring.rooms import Stores
from nostro.wiring.settings import Settings
from nostro.wiring.topics import carry_topics

READERS_MAX = 8
WEBHOOK_CONNECTIONS_MAX = 2
READER_TIMEOUT_S = 5.0
"""How long a read waits for a connection before it says that the views are unavailable."""

Facts = dict[str, Any]


async def serve(
    settings: Settings,
    stores: Stores,
    *,
    domains: Sequence[DomainPlace] = (),
    on_ready: Callable[[Facts], None],
) -> None:
    """Serve until told to stop; `on_ready` hears where. `domains`: where settlement domains of ours
    are served."""
    async with platform_on(settings, stores, domains) as platform:
        server = HttpServer(create_app(platform), host=settings.host, port=settings.port)
        try:
            await server.start()
            facts = {"name": "server", "pid": os.getpid(), "url": server.url, "port": server.port}
            on_ready(facts)
            await until_told_to_stop()
        finally:
            await server.stop()


@contextlib.asynccontextmanager
async def platform_on(
    settings: Settings, stores: Stores, domains: Sequence[DomainPlace] = ()
) -> AsyncIterator[Platform]:
    """Run engine, performers and reads, and yield the platform that the API speaks to."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        stores.reader,
        min_size=1,
        max_size=READERS_MAX,
        open=False,
        timeout=READER_TIMEOUT_S,
        kwargs={"autocommit": True, "application_name": "nostro-reader"},
    )
    picture = Picture()
    async with (
        pool,
        reached(settings, domains) as ledgers,
        _webhooks(settings, stores, pool) as webhooks,
        identity_of(settings, stores.engine) as identity,
    ):
        room = EngineRoom(settings, stores.engine, picture=picture, domains=ledgers.domains)
        await room.start()
        carrying = asyncio.create_task(carry_topics(settings, stores, room.engine, pool))
        try:
            yield Platform(
                engine=room.engine,
                ledger=LedgerQueries(pool, settings.chain),
                wallets=WalletQueries(pool, settings.chain),
                payments=PaymentQueries(pool, settings.chain),
                settlements=SettlementQueries(pool, settings.chain),
                risk=RiskQueries(pool, settings.chain),
                exchange=ExchangeQueries(pool, settings.chain),
                dvp=DvpQueries(pool, settings.chain),
                domains=ledgers.offices(settings.chain, room.engine),
                picture=picture,
                providers=frozenset((BEST, *filter(None, settings.providers.split(",")))),
                screening=_screening(settings),
                identifiers=Registry(),
                webhooks=webhooks,
                api_keys=identity.api_keys,
                gate=identity.gate,
                limits=identity.limits,
                forecasts=Forecasts({**BY_CALENDAR, **prophet_forecasters()}),
                performing=room.performing,
                probes=(PostgresProbe(pool), DomainsProbe(room.lanes)),
                bounds=Bounds(at_least_timeout_ms=settings.at_least_timeout_ms),
                access_log=log_access,
                version=__version__,
                chain=settings.chain,
            )
        finally:
            await ended([carrying])
            await room.stop()


def _screening(settings: Settings) -> FileScreening | None:
    if settings.screening_list is None:
        return None
    return FileScreening(settings.screening_list, threshold=settings.screening_threshold)


@contextlib.asynccontextmanager
async def _webhooks(
    settings: Settings, stores: Stores, reader: AsyncConnectionPool[Any]
) -> AsyncIterator[WebhookStore]:
    """Tell the endpoints that are registered, and yield where they are kept."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        stores.engine,
        min_size=1,
        max_size=WEBHOOK_CONNECTIONS_MAX,
        open=False,
        timeout=READER_TIMEOUT_S,
        kwargs={"application_name": "nostro-webhooks"},
    )
    clock = SystemClock()
    store = WebhookStore(pool, settings.chain, clock=clock, loopback=settings.webhooks_on_loopback)
    views = TradingViews(reader, settings.chain)
    notifier = Notifier(store, views=views, chain=settings.chain, clock=clock, seed=os.getpid())
    async with pool:
        telling = asyncio.create_task(notifier.run(), name="webhooks")
        try:
            yield store
        finally:
            await ended([telling])
