"""What must every carrier of topics do? (Contract suite: each adapter passes it unchanged.)"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from nostro.adapters.memory.ordered_log import MemoryOrderedLog, MemoryTape
from nostro.adapters.topics.log import CHAIN, LogTopic
from nostro.adapters.topics.port import (
    BEGINNING,
    MESSAGES_MAX,
    NAME_BYTES_MAX,
    VALUE_BYTES_MAX,
    Message,
    Received,
    Topic,
)
from tests import databases

Open = Callable[..., Topic]
"""Makes one more Topic of a name (default `events`) with the same carrier."""

PATIENCE_S = 10.0


@pytest.fixture(params=["memory", *databases.NAMES])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:
        make = _in_memory() if request.param == "memory" else _in_postgres(request)

        def opened(name: str = "events") -> Topic:
            topic = make(name)
            stack.push_async_callback(topic.close)
            return topic

        yield opened


def _in_memory() -> Callable[[str], Topic]:
    tapes: dict[str, MemoryTape] = {}
    return lambda name: LogTopic(MemoryOrderedLog(tapes.setdefault(name, MemoryTape())))


def _in_postgres(request: pytest.FixtureRequest) -> Callable[[str], Topic]:
    from nostro.adapters.postgres.ordered_log import PostgresOrderedLog

    url = request.getfixturevalue("fresh_database")(request.param)
    role = databases.as_role(url, "nostro_engine")
    return lambda name: LogTopic(PostgresOrderedLog(role, CHAIN.format(name=name)))


def message(number: int, key: str = "S1") -> Message:
    return Message(f"main.{number}.0", key, b"%d" % number)


async def everything(topic: Topic, *, after: str = BEGINNING, limit: int = 7) -> list[Received]:
    found: list[Received] = []
    while page := await topic.read(after=found[-1].place if found else after, limit=limit):
        found += page
    return found


async def read_once(topic: Topic) -> list[Message]:
    """What a reader keeps who goes by ids."""
    return list({each.message.id: each.message for each in await everything(topic)}.values())


async def test_an_empty_topic_has_nothing_to_read(connect: Open) -> None:
    topic = connect()
    await topic.publish([])
    assert list(await topic.read(after=BEGINNING)) == []


async def test_messages_are_read_as_they_were_published(connect: Open) -> None:
    topic = connect()
    sent = [message(number, f"S{number % 3}") for number in range(20)]
    await topic.publish(sent)
    assert [each.message for each in await everything(topic)] == sent


async def test_a_message_that_is_published_twice_is_known_by_its_id(connect: Open) -> None:
    topic = connect()
    await topic.publish([message(1), message(2)])
    await topic.publish([message(2), message(3)])
    assert await read_once(topic) == [message(1), message(2), message(3)]


async def test_messages_of_one_key_keep_their_order_over_many_calls(connect: Open) -> None:
    one, other = connect(), connect()
    for number in range(0, 40, 2):
        await one.publish([message(number, "S1"), message(number + 1, "S2")])
        await other.publish([message(100 + number, f"S{number + 3}")])
    found = await read_once(connect())
    for key in ("S1", "S2"):
        ids = [int(each.id.split(".")[1]) for each in found if each.key == key]
        assert ids == sorted(ids)
        assert len(ids) == 20


async def test_reading_goes_on_from_any_place_in_another_process(connect: Open) -> None:
    topic = connect()
    await topic.publish([message(number) for number in range(10)])
    found = await everything(topic)
    await topic.close()
    again = connect()
    for index, each in enumerate(found):
        rest = await everything(again, after=each.place)
        assert [one.message for one in rest] == [one.message for one in found[index + 1 :]]


async def test_what_was_published_stands_after_the_connection_is_gone(connect: Open) -> None:
    topic = connect()
    await topic.publish([Message("id", "key", b"\x00\xff")])
    await topic.close()
    assert await read_once(connect()) == [Message("id", "key", b"\x00\xff")]


async def test_two_topics_know_nothing_of_each_other(connect: Open) -> None:
    one, other = connect("one"), connect("other")
    await one.publish([message(1)])
    await other.publish([message(2)])
    assert await read_once(one) == [message(1)]


async def test_the_largest_message_is_taken_and_a_larger_one_refused(connect: Open) -> None:
    topic = connect()
    largest = Message("i" * NAME_BYTES_MAX, "k" * NAME_BYTES_MAX, bytes(VALUE_BYTES_MAX))
    await topic.publish([largest])
    for wrong in (
        [Message("a", "b", bytes(VALUE_BYTES_MAX + 1))],
        [Message("é" * NAME_BYTES_MAX, "b", b"")],
        [Message("", "b", b"")],
        [Message("a", "", b"")],
        [Message("a b", "b", b"")],
        [Message("a", "b\n", b"")],
        [message(number) for number in range(MESSAGES_MAX + 1)],
    ):
        with pytest.raises(ValueError, match=r"."):
            await topic.publish(wrong)
    assert await read_once(topic) == [largest]


async def test_many_who_publish_lose_nothing_and_a_reader_misses_nothing(connect: Open) -> None:
    total = 4 * 25

    async def publish(writer: int) -> None:
        topic = connect()
        for number in range(25):
            await topic.publish([message(1_000 * writer + number, f"S{writer}")])

    async def follow() -> list[Received]:
        reader, seen = connect(), list[Received]()
        while len({each.message.id for each in seen}) < total:
            after = seen[-1].place if seen else BEGINNING
            page = await reader.read(after=after)
            seen += page
            if not page:
                await reader.changed(after=after, timeout_s=PATIENCE_S)
        return seen

    async with asyncio.timeout(60):
        following = asyncio.create_task(follow())
        await asyncio.gather(*(publish(writer) for writer in range(4)))
        seen = await following
    assert {each.message for each in seen} == set(await read_once(connect()))


async def test_a_waiting_reader_is_woken_by_what_another_one_publishes(connect: Open) -> None:
    writer, reader = connect(), connect()
    await writer.publish([message(1)])
    (first,) = await everything(reader)

    async def until_there() -> None:
        while not await reader.read(after=first.place):
            await reader.changed(after=first.place, timeout_s=PATIENCE_S)

    waiting = asyncio.create_task(until_there())
    await asyncio.sleep(0)
    await writer.publish([message(2)])
    await asyncio.wait_for(waiting, PATIENCE_S)


async def test_waiting_ends_when_the_time_is_over(connect: Open) -> None:
    topic = connect()
    async with asyncio.timeout(PATIENCE_S):
        await topic.changed(after=BEGINNING, timeout_s=0.01)
