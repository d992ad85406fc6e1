"""What must every OrderedLog do? (Contract suite: each adapter passes it unchanged.)"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from nostro.adapters.memory.ordered_log import MemoryOrderedLog, MemoryTape
from nostro.runtime.ordered_log import (
    ITEMS_MAX,
    KEY_BYTES_MAX,
    VALUE_BYTES_MAX,
    LogItem,
    OrderedLog,
)
from tests import databases

Open = Callable[..., OrderedLog]
"""Makes one more OrderedLog of a chain (default `main`) on the same storage."""

PATIENCE_S = 10.0


@pytest.fixture(params=["memory", *databases.NAMES])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:
        make = _in_memory() if request.param == "memory" else _in_postgres(request)

        def opened(chain: str = "main") -> OrderedLog:
            log = make(chain)
            stack.push_async_callback(log.close)
            return log

        yield opened


def _in_memory() -> Callable[[str], OrderedLog]:
    tapes: dict[str, MemoryTape] = {}
    return lambda chain: MemoryOrderedLog(tapes.setdefault(chain, MemoryTape()))


def _in_postgres(request: pytest.FixtureRequest) -> Callable[[str], OrderedLog]:
    from nostro.adapters.postgres.ordered_log import PostgresOrderedLog

    url = request.getfixturevalue("fresh_database")(request.param)
    return lambda chain: PostgresOrderedLog(databases.as_role(url, "nostro_members"), chain)


async def everything(log: OrderedLog) -> list[LogItem]:
    found: list[LogItem] = []
    while page := await log.read(after=found[-1].position if found else 0, limit=7):
        found += page
    return found


async def test_an_empty_log_has_nothing_to_read(connect: Open) -> None:
    log = connect()
    assert list(await log.read(after=0)) == []
    assert list(await log.fetch(["a"])) == []
    assert await log.append([]) == 0


async def test_the_first_value_under_a_key_stays(connect: Open) -> None:
    log = connect()
    await log.append([("a", b"first")])
    assert await log.append([("a", b"second"), ("b", b"other")]) == 2
    assert await log.append([("a", b"third")]) == 2
    assert await everything(log) == [LogItem(1, "a", b"first"), LogItem(2, "b", b"other")]


async def test_a_key_named_twice_in_one_append_keeps_its_first_value(connect: Open) -> None:
    log = connect()
    assert await log.append([("a", b"1"), ("a", b"2"), ("b", b"3")]) == 2
    assert [item.value for item in await everything(log)] == [b"1", b"3"]


async def test_the_same_append_again_changes_nothing(connect: Open) -> None:
    log = connect()
    items = [(f"k{number}", b"%d" % number) for number in range(5)]
    assert await log.append(items) == await log.append(items) == 5
    assert len(await everything(log)) == 5


async def test_positions_rise_by_one_in_the_order_of_the_append(connect: Open) -> None:
    log = connect()
    await log.append([("z", b""), ("y", b"")])
    await log.append([("z", b""), ("a", b""), ("b", b"")])
    found = await everything(log)
    assert [(item.position, item.key) for item in found] == [
        (1, "z"),
        (2, "y"),
        (3, "a"),
        (4, "b"),
    ]


async def test_what_was_appended_stands_after_the_connection_is_gone(connect: Open) -> None:
    log = connect()
    await log.append([("a", b"\x00\xff")])
    await log.close()
    assert await everything(connect()) == [LogItem(1, "a", b"\x00\xff")]


async def test_reading_goes_on_page_by_page(connect: Open) -> None:
    log = connect()
    await log.append([(f"k{number:02}", b"") for number in range(20)])
    assert [item.position for item in await log.read(after=3, limit=4)] == [4, 5, 6, 7]
    assert list(await log.read(after=20, limit=4)) == []


async def test_fetching_leaves_out_keys_that_do_not_exist(connect: Open) -> None:
    log = connect()
    await log.append([("a", b"1"), ("b", b"2"), ("c", b"3")])
    assert [item.key for item in await log.fetch(["c", "nowhere", "a", "c"])] == ["a", "c"]


async def test_two_chains_know_nothing_of_each_other(connect: Open) -> None:
    one, other = connect("one"), connect("other")
    await one.append([("a", b"1")])
    assert await other.append([("a", b"2")]) == 1
    assert [item.value for item in await everything(one)] == [b"1"]


async def test_the_largest_value_is_taken_and_a_larger_one_refused(connect: Open) -> None:
    log = connect()
    await log.append([("k" * KEY_BYTES_MAX, bytes(VALUE_BYTES_MAX))])
    for wrong in (
        [("a", bytes(VALUE_BYTES_MAX + 1))],
        [("é" * KEY_BYTES_MAX, b"")],
        [("", b"")],
        [("a\0", b"")],
        [(f"k{number}", b"") for number in range(ITEMS_MAX + 1)],
    ):
        with pytest.raises(ValueError, match=r"."):
            await log.append(wrong)
    assert len(await everything(log)) == 1


async def test_many_writers_leave_no_gap_and_a_reader_misses_nothing(connect: Open) -> None:
    logs = [connect() for _ in range(4)]
    total = 4 * 25

    async def write(writer: int) -> None:
        for number in range(25):
            shared = (f"shared/{number}", b"%d" % writer)
            await logs[writer].append([(f"{writer}/{number}", b""), shared])

    async def follow() -> list[LogItem]:
        reader, seen = connect(), list[LogItem]()
        while len(seen) < total + 25:
            after = seen[-1].position if seen else 0
            page = await reader.read(after=after)
            seen += page
            if not page:
                await reader.changed(after=after, timeout_s=PATIENCE_S)
        return seen

    async with asyncio.timeout(60):
        following = asyncio.create_task(follow())
        await asyncio.gather(*(write(writer) for writer in range(4)))
        seen = await following
    assert [item.position for item in seen] == list(range(1, total + 26))
    assert len({item.key for item in seen}) == total + 25
    assert seen == await everything(logs[0])


async def test_a_waiting_reader_is_woken_by_another_ones_append(connect: Open) -> None:
    writer, reader = connect(), connect()
    end = await writer.append([("a", b"")])
    loop = asyncio.get_running_loop()
    started = loop.time()

    async def until_there() -> None:
        while not await reader.read(after=end):
            await reader.changed(after=end, timeout_s=PATIENCE_S)

    waiting = asyncio.create_task(until_there())
    await asyncio.sleep(0)
    await writer.append([("b", b"")])
    await asyncio.wait_for(waiting, PATIENCE_S)
    assert loop.time() - started < PATIENCE_S


async def test_waiting_ends_when_the_time_is_over_and_at_once_when_there_is_something(
    connect: Open,
) -> None:
    log = connect()
    end = await log.append([("a", b"")])
    async with asyncio.timeout(PATIENCE_S):
        await log.changed(after=end, timeout_s=0.01)
        await log.changed(after=0, timeout_s=PATIENCE_S * 2)
