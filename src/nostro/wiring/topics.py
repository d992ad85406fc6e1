"""Which topics does this deployment carry: trades in, and what becomes of settlements out?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from psycopg_pool import AsyncConnectionPool

from nostro.adapters.clock import SystemClock
from nostro.adapters.postgres.dvp_queries import DvpQueries
from nostro.adapters.postgres.ordered_log import PostgresOrderedLog
from nostro.adapters.topics.log import CHAIN, LogTopic
from nostro.adapters.topics.places import PostgresPlaces
from nostro.adapters.topics.relay import SettlementEvents, told_by
from nostro.adapters.topics.trades import TradeEvents
from nostro.kernel.asset import SEED, Asset
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.runtime.ending import ended
from nostro.runtime.engine import Engine
from nostro.wiring.rooms import Stores
from nostro.wiring.settings import Settings

PLACES_CONNECTIONS_MAX = 2
DEAD_LETTERS = "{topic}.dead"


async def carry_topics(
    settings: Settings, stores: Stores, engine: Engine, reader: AsyncConnectionPool[Any]
) -> None:
    """Take trades from their topic, and tell settlements on theirs, until cancelled."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        stores.engine,
        min_size=1,
        max_size=PLACES_CONNECTIONS_MAX,
        open=False,
        kwargs={"application_name": "nostro-topics"},
    )
    trades = _topic(stores, settings.trade_events_topic)
    dead = _topic(stores, DEAD_LETTERS.format(topic=settings.trade_events_topic))
    told = _topic(stores, settings.settlement_events_topic)
    clock = SystemClock()
    async with pool:
        places = PostgresPlaces(pool, settings.chain)
        taking = TradeEvents(
            trades,
            dead_letters=dead,
            places=places,
            submit=lambda key, command, actor: _submitted(engine, key, command, actor),
            asset=lambda code: _asset(engine, code),
            clock=clock,
        )
        telling = SettlementEvents(
            told,
            places=places,
            source=told_by(DvpQueries(reader, settings.chain)),
            clock=clock,
        )
        works = [asyncio.create_task(taking.run()), asyncio.create_task(telling.run())]
        try:
            await asyncio.gather(*works)
        finally:
            await ended(works)
            for topic in (trades, dead, told):
                await topic.close()


def _topic(stores: Stores, name: str) -> LogTopic:
    return LogTopic(PostgresOrderedLog(stores.engine, CHAIN.format(name=name)))


def _submitted(engine: Engine, key: str, command: Command, actor: str) -> Awaitable[Receipt]:
    return engine.submit(key=key, command=command, actor=actor)


async def _asset(engine: Engine, code: str) -> Asset:
    """Return an asset as our own ledger knows it; raises Rejection `asset.unknown`. Assets never
    change, and one whose registration is not durable yet is registered in the row before."""
    asset: Asset | None = engine.look("ledger").assets.get(code) or SEED.get(code)
    if asset is None:
        raise Rejection("asset.unknown", asset=code)
    return asset
