"""In which order, batch and time are commands decided?"""

from __future__ import annotations

import asyncio

from nostro.adapters.memory.journal import MemoryDisk
from nostro.runtime.engine import TURN_ROWS_MAX, EngineSettings
from nostro.runtime.ports import entry_hash
from tests.runtime.desk import Desk, in_virtual_time
from tests.runtime.tally import Add, Remind, tally_house


def one(counter: str = "a") -> Add:
    return Add(counter=counter, amount=1)


@in_virtual_time
async def test_heights_are_gapless_hashes_linked_and_times_strictly_rising() -> None:
    async with Desk() as desk:
        await asyncio.gather(*(desk.ask(f"k{n}", one()) for n in range(50)))
    async with Desk(disk=desk.disk, skew_s=-3600) as behind:
        await asyncio.gather(*(behind.ask(f"l{n}", one()) for n in range(50)))
    prev_hash, at_us = bytes(32), 0
    for height, entry in enumerate(behind.disk.entries, start=1):
        assert (entry.height, entry.prev_hash) == (height, prev_hash)
        assert entry.hash == entry_hash(entry)
        assert entry.at_us > at_us
        prev_hash, at_us = entry.hash, entry.at_us
    assert len(behind.disk.entries) == 100


@in_virtual_time
async def test_a_row_tells_who_asked_for_what_of_which_stream() -> None:
    async with Desk() as desk:
        await desk.ask("k", one("till"), actor="bob")
    entry = desk.disk.entries[0]
    assert (entry.chain, entry.command_id, entry.actor) == ("main", "k", "bob")
    assert (entry.room, entry.kind, entry.stream) == ("tally", "tally.Add", "counter:till")


@in_virtual_time
async def test_commands_are_decided_in_the_order_they_were_submitted() -> None:
    async with Desk() as desk:
        futures = [desk.engine.submit(key=f"k{n}", command=one(), actor="a") for n in range(100)]
        totals = [(await future).reply.body["total"] for future in futures]
        assert totals == list(range(1, 101))


@in_virtual_time
async def test_what_waits_together_is_committed_in_groups() -> None:
    async with Desk() as desk:
        futures = [desk.engine.submit(key=f"k{n}", command=one(), actor="a") for n in range(500)]
        await asyncio.gather(*futures)
        assert len(desk.journal.batches) <= 1 + 500 // TURN_ROWS_MAX


@in_virtual_time
async def test_the_next_batch_is_decided_while_one_commits() -> None:
    async with Desk() as desk:
        desk.journal.gate.clear()
        first = desk.engine.submit(key="k0", command=one(), actor="a")
        await asyncio.sleep(1)  # sleeps: in virtual time
        rest = [desk.engine.submit(key=f"k{n}", command=one(), actor="a") for n in range(1, 6)]
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert desk.engine.stats.commands == 6
        assert desk.disk.entries == []
        desk.journal.gate.set()
        await asyncio.gather(first, *rest)
        assert [len(batch.entries) for batch in desk.journal.batches] == [1, 5]


@in_virtual_time
async def test_a_batch_is_bounded_in_rows_and_bytes() -> None:
    async with Desk(settings=EngineSettings(batch_rows_max=7)) as desk:
        await asyncio.gather(*(desk.ask(f"k{n}", one()) for n in range(30)))
        assert max(len(batch.entries) for batch in desk.journal.batches) == 7
        assert len(desk.disk.entries) == 30
    async with Desk(settings=EngineSettings(batch_bytes_max=200)) as desk:
        await asyncio.gather(*(desk.ask(f"k{n}", one()) for n in range(30)))
        assert max(len(batch.entries) for batch in desk.journal.batches) < 10
        assert desk.counters() == {"a": 30}


@in_virtual_time
async def test_a_tick_is_journaled_only_when_a_room_is_due() -> None:
    async with Desk() as desk:
        at_us = desk.clock.now_us() + 60_000_000
        await desk.ask("k", Remind(at_us=at_us))
        await asyncio.sleep(59)  # sleeps: in virtual time
        assert len(desk.disk.entries) == 1
        await asyncio.sleep(600)  # sleeps: in virtual time
        assert [entry.kind for entry in desk.disk.entries] == ["tally.Remind", "runtime.Tick"]
        tick = desk.disk.entries[1]
        assert tick.actor == "clock"
        assert at_us <= tick.at_us < at_us + 1_000_000
        assert desk.counters() == {"reminded": 1}


@in_virtual_time
async def test_what_fell_due_while_nobody_ran_is_done_at_the_next_start() -> None:
    async with Desk() as desk:
        await desk.ask("k", Remind(at_us=desk.clock.now_us() + 1_000_000))
        desk.journal.fates.extend(["failed"] * 3)
    await asyncio.sleep(60)  # sleeps: in virtual time
    async with Desk(disk=desk.disk) as after:
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert after.counters() == {"reminded": 1}


@in_virtual_time
async def test_a_tick_survives_a_failing_commit() -> None:
    async with Desk() as desk:
        await desk.ask("k", Remind(at_us=desk.clock.now_us() + 1_000_000))
        desk.journal.fates.extend(["unheard", "lost"])
        await asyncio.sleep(60)  # sleeps: in virtual time
        assert desk.counters() == {"reminded": 1}
        assert len(desk.disk.entries) == 2


@in_virtual_time
async def test_two_chains_run_side_by_side() -> None:
    house = tally_house()
    east, west = MemoryDisk("east"), MemoryDisk("west")
    async with Desk(disk=east, house=house) as one_desk, Desk(disk=west, house=house) as other:
        receipts = await asyncio.gather(
            *(desk.ask(f"k{n}", one()) for n in range(20) for desk in (one_desk, other))
        )
        assert not any(receipt.replayed for receipt in receipts)
        await other.ask("more", one())
        assert (one_desk.counters(), other.counters()) == ({"a": 20}, {"a": 21})
    assert {entry.chain for entry in east.entries} == {"east"}
    assert {entry.chain for entry in west.entries} == {"west"}
    assert not {entry.hash for entry in east.entries} & {entry.hash for entry in west.entries}
