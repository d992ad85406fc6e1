"""What must every Journal do? (Contract suite: each adapter passes it unchanged.)"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from contextvars import copy_context

import msgspec
import pytest

from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.runtime.ports import (
    GENESIS_HASH,
    Batch,
    Entry,
    Fenced,
    Head,
    Journal,
    NotDone,
    OutboxRow,
    Snapshot,
    Unwritable,
    entry_hash,
    sealed,
)
from nostro.simulation.disk import StormyJournal
from nostro.simulation.weather import CALM, Sky
from tests import databases

Open = Callable[..., Journal]
"""Makes one more Journal of a chain (default `main`) on the same storage."""


@pytest.fixture(params=["memory", "simulated", *databases.NAMES])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:
        make: Callable[[str], Journal]
        match request.param:
            case "memory":
                make = _in_memory()
            case "simulated":
                make = _in_calm_weather()
            case _:
                make = _in_postgres(request)

        def opened(chain: str = "main") -> Journal:
            journal = make(chain)
            stack.push_async_callback(journal.close)
            return journal

        yield opened


def _in_memory() -> Callable[[str], MemoryJournal]:
    disks: dict[str, MemoryDisk] = {}
    return lambda chain: MemoryJournal(disks.setdefault(chain, MemoryDisk(chain)))


def _in_calm_weather() -> Callable[[str], Journal]:
    journal_of, sky = _in_memory(), Sky(CALM, "contract")
    return lambda chain: StormyJournal(journal_of(chain), sky, copy_context())


def _in_postgres(request: pytest.FixtureRequest) -> Callable[[str], Journal]:
    from nostro.adapters.postgres.journal import PostgresJournal

    url = request.getfixturevalue("fresh_database")(request.param)
    return lambda chain: PostgresJournal(url, chain)


def entries_after(
    head: Head, count: int = 1, *, chain: str = "main", payload: bytes = b"[]"
) -> list[Entry]:
    """Return rows that follow `head`."""
    entries: list[Entry] = []
    prev_hash, at_us = head.hash, head.at_us or 1_700_000_000_000_000
    for height in range(head.height + 1, head.height + count + 1):
        at_us += 7
        entry = sealed(
            chain=chain,
            height=height,
            command_id=f"key-{height}",
            request_hash=hashlib.sha256(b"%d" % height).digest(),
            actor="alice",
            room="ledger",
            stream="account:1",
            kind="ledger.CreateTransfers",
            at_us=at_us,
            payload=payload,
            reply=b'["",{},null]',
            prev_hash=prev_hash,
        )
        entries.append(entry)
        prev_hash = entry.hash
    return entries


def head_of(entries: list[Entry], fence: int) -> Head:
    last = entries[-1]
    return Head(last.height, last.hash, last.at_us, fence)


def effect(height: int, index: int = 0) -> OutboxRow:
    return OutboxRow(height, index, "wallets.SendPayout", b'{"n":%d}' % height)


async def test_a_new_chain_stands_at_height_zero(connect: Open) -> None:
    head = await connect().open()
    assert (head.height, head.hash, head.at_us) == (0, GENESIS_HASH, 0)


async def test_each_opening_raises_the_fence(connect: Open) -> None:
    journal = connect()
    fences = []
    for _ in range(3):
        fences.append((await journal.open()).fence)
        await journal.close()
    assert fences == sorted(set(fences))


async def test_what_was_appended_is_read_back_unchanged_and_in_order(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    first = entries_after(head, 3)
    await journal.append(Batch(first), head)
    head = head_of(first, head.fence)
    second = entries_after(head, 2)
    await journal.append(Batch(second), head)
    assert list(await journal.read(after=0, limit=100)) == first + second


async def test_a_batch_stands_after_the_connection_is_gone(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    entries = entries_after(head, 3)
    await journal.append(Batch(entries, [effect(2)]), head)
    await journal.close()
    again = connect()
    found = await again.open()
    assert found == head_of(entries, found.fence)
    assert list(await again.read(after=0, limit=10)) == entries
    assert list(await again.outbox()) == [effect(2)]


async def test_a_writer_that_was_overtaken_is_fenced_and_writes_nothing(connect: Open) -> None:
    journal = connect()
    stale = await journal.open()
    await journal.append(Batch(entries_after(stale), [effect(1)]), stale)
    await journal.close()
    head = await journal.open()
    late = Head(head.height, head.hash, head.at_us, stale.fence)
    with pytest.raises(Fenced):
        await journal.append(Batch(entries_after(late), [effect(2)], [(1, 0)]), late)
    reopened = await journal.open()
    assert reopened.height == 1
    assert len(await journal.read(after=0, limit=10)) == 1
    assert list(await journal.outbox()) == [effect(1)]


async def test_a_writer_that_was_overtaken_settles_no_effect_either(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    entries = entries_after(head)
    await journal.append(Batch(entries, [effect(1)]), head)
    stale = head_of(entries, head.fence)
    await journal.close()
    await journal.open()
    with pytest.raises(Fenced):
        await journal.append(Batch([], (), [(1, 0)]), stale)
    await journal.open()
    assert list(await journal.outbox()) == [effect(1)]


@pytest.mark.parametrize("wrong", ["height", "hash"])
async def test_a_head_that_is_not_the_stored_one_is_refused(connect: Open, wrong: str) -> None:
    journal = connect()
    head = await journal.open()
    entries = entries_after(head, 2)
    await journal.append(Batch(entries), head)
    stored = head_of(entries, head.fence)
    other = {
        "height": Head(1, stored.hash, stored.at_us, stored.fence),
        "hash": Head(2, bytes(31) + b"\x01", stored.at_us, stored.fence),
    }[wrong]
    with pytest.raises(Fenced):
        await journal.append(Batch(entries_after(other)), other)
    await journal.open()
    assert list(await journal.read(after=0, limit=10)) == entries


async def test_the_same_batch_sent_twice_stands_once(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    batch = Batch(entries_after(head, 2), [effect(1)])
    await journal.append(batch, head)
    with pytest.raises(Fenced):
        await journal.append(batch, head)
    await journal.open()
    assert len(await journal.read(after=0, limit=10)) == 2


async def test_two_writers_of_one_chain_never_both_write(connect: Open) -> None:
    first, second = connect(), connect()
    head = await first.open()
    try:
        newer = await second.open()
    except NotDone:  # the lease keeps the second out
        await first.append(Batch(entries_after(head)), head)
        await first.close()
        newer = await second.open()
        await second.append(Batch(entries_after(newer)), newer)
        assert len(await second.read(after=0, limit=10)) == 2
        return
    with pytest.raises(Fenced):
        await first.append(Batch(entries_after(head)), head)
    await second.append(Batch(entries_after(newer)), newer)
    assert len(await second.read(after=0, limit=10)) == 1


async def test_reading_goes_page_by_page_without_gaps(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    entries = entries_after(head, 10)
    await journal.append(Batch(entries), head)
    found: list[Entry] = []
    while page := await journal.read(after=len(found), limit=4):
        assert len(page) <= 4
        found += page
    assert found == entries
    assert list(await journal.read(after=99, limit=4)) == []


async def test_fetching_leaves_out_heights_that_do_not_exist(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    entries = entries_after(head, 5)
    await journal.append(Batch(entries), head)
    found = await journal.fetch([0, 2, 4, 6, 99])
    assert sorted(entry.height for entry in found) == [2, 4]
    assert {entry.height: entry for entry in found} == {2: entries[1], 4: entries[3]}
    assert list(await journal.fetch([])) == []


async def test_the_outbox_holds_what_is_not_settled_oldest_first(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    entries = entries_after(head, 2)
    await journal.append(Batch(entries, [effect(2, 1), effect(1), effect(2, 0)]), head)
    assert list(await journal.outbox()) == [effect(1), effect(2, 0), effect(2, 1)]
    head = head_of(entries, head.fence)
    await journal.append(Batch(entries_after(head), [effect(3)], [(1, 0), (2, 1)]), head)
    assert list(await journal.outbox()) == [effect(2, 0), effect(3)]


async def test_an_effect_is_settled_without_a_new_row(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    entries = entries_after(head)
    await journal.append(Batch(entries, [effect(1)]), head)
    head = head_of(entries, head.fence)
    await journal.append(Batch([], (), [(1, 0)]), head)
    assert list(await journal.outbox()) == []
    await journal.append(Batch(entries_after(head)), head)
    assert len(await journal.read(after=0, limit=10)) == 2


async def test_settling_what_is_not_there_changes_nothing(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    entries = entries_after(head)
    await journal.append(Batch(entries, [effect(1)], [(7, 3)]), head)
    await journal.append(
        Batch([], (), [(1, 0), (1, 0), (5, 5)]), head := head_of(entries, head.fence)
    )
    await journal.append(Batch([], (), [(1, 0)]), head)
    assert list(await journal.outbox()) == []


async def test_any_bytes_and_any_text_come_back_as_they_went_in(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    payload = bytes(range(256)) * 4_096
    odd = sealed(
        chain="main",
        height=1,
        command_id="ключ \t 鍵 " + "k" * 240,
        request_hash=bytes(32),
        actor="Zoë \U0001f600",
        room="wallets",
        stream="",
        kind="wallets.SubmitDeposit",
        at_us=1,
        payload=payload,
        reply=b"\\x00\n\t\x00",
        prev_hash=head.hash,
    )
    await journal.append(Batch([odd]), head)
    (found,) = await journal.read(after=0, limit=1)
    assert found == odd
    assert entry_hash(found) == found.hash


@pytest.mark.parametrize("field", ["command_id", "actor", "stream"])
async def test_text_that_cannot_be_stored_is_refused_as_never_to_be_written(
    connect: Open, field: str
) -> None:
    journal = connect()
    head = await journal.open()
    good, bad = entries_after(head, 2)
    bad = msgspec.structs.replace(bad, **{field: "a\0b"})
    with pytest.raises(Unwritable):
        await journal.append(Batch([good, bad], [effect(1)]), head)
    head = await journal.open()
    assert (head.height, list(await journal.outbox())) == (0, [])
    await journal.append(Batch(entries_after(head)), head)


async def test_the_newest_snapshot_is_the_highest(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    await journal.append(Batch(entries_after(head, 5)), head)
    assert await journal.newest_snapshot() is None
    for height in (2, 4, 3):
        await journal.save_snapshot(Snapshot(height, b"\x00state %d" % height, bytes(32)))
    assert await journal.newest_snapshot() == Snapshot(4, b"\x00state 4", bytes(32))
    assert await journal.newest_snapshot(below=4) == Snapshot(3, b"\x00state 3", bytes(32))
    assert await journal.newest_snapshot(below=2) is None


async def test_a_second_snapshot_at_one_height_is_ignored(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    await journal.append(Batch(entries_after(head)), head)
    await journal.save_snapshot(Snapshot(1, b"first", bytes(32)))
    await journal.save_snapshot(Snapshot(1, b"second", bytes(32)))
    assert await journal.newest_snapshot() == Snapshot(1, b"first", bytes(32))


async def test_chains_are_apart(connect: Open) -> None:
    one, other = connect("one"), connect("other")
    head_one, head_other = await one.open(), await other.open()
    rows_one = entries_after(head_one, 2, chain="one")
    rows_other = entries_after(head_other, 1, chain="other")
    await one.append(Batch(rows_one, [effect(1)]), head_one)
    await other.append(Batch(rows_other), head_other)
    await one.save_snapshot(Snapshot(1, b"one", bytes(32)))
    assert list(await one.read(after=0, limit=10)) == rows_one
    assert list(await other.read(after=0, limit=10)) == rows_other
    assert list(await other.fetch([1, 2])) == rows_other
    assert list(await other.outbox()) == []
    assert await other.newest_snapshot() is None


async def test_closing_twice_or_before_opening_is_harmless(connect: Open) -> None:
    journal = connect()
    await journal.close()
    await journal.open()
    await journal.close()
    await journal.close()
    assert (await journal.open()).height == 0


async def test_a_journal_is_of_use_again_after_a_refused_append(connect: Open) -> None:
    journal = connect()
    head = await journal.open()
    with pytest.raises(Fenced):
        await journal.append(Batch(entries_after(head)), Head(5, head.hash, 0, head.fence))
    head = await journal.open()
    await journal.append(Batch(entries_after(head)), head)
    assert len(await journal.read(after=0, limit=10)) == 1
