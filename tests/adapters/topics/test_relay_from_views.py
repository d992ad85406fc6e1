"""Is everything that the views tell of settlements published, on the topic in our own database?"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import msgspec
import pytest
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.clock import SystemClock
from nostro.adapters.postgres.dvp_queries import DvpQueries
from nostro.adapters.postgres.ordered_log import PostgresOrderedLog
from nostro.adapters.settlement_messages import MESSAGES
from nostro.adapters.topics.log import CHAIN as TOPIC, LogTopic
from nostro.adapters.topics.places import PostgresPlaces
from nostro.adapters.topics.port import BEGINNING, MESSAGES_MAX, Message
from nostro.adapters.topics.relay import READER, SettlementEvents, told_by
from nostro.runtime.ending import ended
from nostro.settlement import ToldType
from tests.adapters.postgres.chronicle import reader_pool
from tests.adapters.postgres.dvp_story import DvpStory, follow_story
from tests.databases import as_role
from tests.rooms.settlement.told_course import CHAIN

PATIENCE_S = 30.0


@pytest.mark.slow
async def test_what_the_views_tell_is_published_once_in_order_over_restarts(
    wheel_postgres: str,
) -> None:
    await DvpStory(5, 150).write(wheel_postgres)
    await asyncio.to_thread(follow_story, wheel_postgres)
    engine = as_role(wheel_postgres, "nostro_engine")
    topic = LogTopic(PostgresOrderedLog(engine, TOPIC.format(name="settlement-events")))
    async with (
        reader_pool(as_role(wheel_postgres, "nostro_reader")) as reader,
        AsyncConnectionPool(engine, min_size=1, open=False) as pool,
    ):
        views, places = DvpQueries(reader, CHAIN), PostgresPlaces(pool, CHAIN)
        told = await views.told_after(0, limit=1_000)
        assert len(told) > MESSAGES_MAX
        await _relay_until(topic, places, views, told[MESSAGES_MAX - 1].seq)
        await places.move(READER, BEGINNING)  # its place was lost
        await _relay_until(topic, places, views, told[-1].seq)
        published = await _all(topic)
        assert [each.id for each in published] == [each.event.event_id for each in told]
    await topic.close()
    _check_messages(published)


async def _relay_until(
    topic: LogTopic, places: PostgresPlaces, views: DvpQueries, seq: int
) -> None:
    """Let a relay work until it is so far, then end it wherever it is."""
    relay = SettlementEvents(topic, places=places, source=told_by(views), clock=SystemClock())
    task = asyncio.create_task(relay.run())
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if int(await places.of(READER) or 0) >= seq:
                break
            await asyncio.sleep(0.01)  # sleeps: the relay works meanwhile
    await ended([task])


async def _all(topic: LogTopic) -> list[Message]:
    published: list[Message] = []
    place = BEGINNING
    while page := await topic.read(after=place):
        published += [each.message for each in page]
        place = page[-1].place
    return published


def _check_messages(published: list[Message]) -> None:
    """Each is what its schema says, and those of a settlement begin with its instruction."""
    types: dict[str, list[str]] = defaultdict(list)
    for each in published:
        envelope = msgspec.json.decode(each.value)
        kind = ToldType(envelope["event_type"])
        msgspec.json.decode(each.value, type=MESSAGES[kind])
        assert (envelope["event_id"], envelope["settlement_id"]) == (each.id, each.key)
        types[each.key].append(kind)
    assert all(each[0] == ToldType.INSTRUCTED for each in types.values())
    assert {ToldType.SETTLED, ToldType.FAILED} <= {one for each in types.values() for one in each}
