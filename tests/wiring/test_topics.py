"""Does a trade that stands on one topic settle, and is that told on the other?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from nostro.adapters.postgres.ordered_log import PostgresOrderedLog
from nostro.adapters.topics.log import CHAIN, LogTopic
from nostro.adapters.topics.port import BEGINNING, Message
from nostro.runtime.ending import ended
from nostro.wiring.rooms import Stores
from nostro.wiring.settings import load_settings
from nostro.wiring.topics import carry_topics
from tests.adapters.postgres.chronicle import reader_pool
from tests.api.settling import AAPL, settling
from tests.databases import as_role

PATIENCE_S = 30.0
LOOK_S = 1.0


async def test_a_trade_that_others_published_settles_and_is_told(
    wheel_postgres: str, tmp_path: Path
) -> None:
    settings = load_settings(data_dir=tmp_path)
    roles = {name: as_role(wheel_postgres, f"nostro_{name}") for name in ("engine", "reader")}
    stores = Stores(follower="", **roles)
    trades, told = (
        LogTopic(PostgresOrderedLog(stores.engine, CHAIN.format(name=name)))
        for name in (settings.trade_events_topic, settings.settlement_events_topic)
    )
    trade = {
        "schema_version": 1,
        "event_id": "e1",
        "event_type": "trade.executed",
        "trade_id": "T-1",
        "seller_account_id": "bob",
        "buyer_account_id": "alice",
        "symbol": f"{AAPL}/USD",
        "quantity": "10",
        "amount": "150.00",
    }
    async with settling(wheel_postgres) as door, reader_pool(stores.reader) as reader:
        carrying = asyncio.create_task(carry_topics(settings, stores, door.engine, reader))
        await trades.publish([Message("e1", "T-1", json.dumps(trade).encode())])
        events: list[str] = []
        place = BEGINNING
        async with asyncio.timeout(PATIENCE_S):
            while "settlement.settled" not in events:
                await told.changed(after=place, timeout_s=LOOK_S)
                for each in await told.read(after=place):
                    place = each.place
                    events.append(json.loads(each.message.value)["event_type"])
        await ended([carrying])
    await trades.close()
    await told.close()
    assert events[0] == "settlement.instructed"
