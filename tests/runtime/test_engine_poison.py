"""Can one bad command, or one bad answer of the world, stop the engine for all others?"""

from __future__ import annotations

import asyncio

import pytest

from nostro.adapters.memory.journal import MemoryDisk
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Receipt
from nostro.runtime.engine import EngineSettings, EngineState
from nostro.runtime.house import REPLY_KEPT_BYTES_MAX
from nostro.runtime.ports import NotDone, Outage
from nostro.runtime.recovery import RECALL_ROWS_MAX
from tests.runtime.desk import Desk, in_virtual_time
from tests.runtime.tally import Add, Remind, UseMany, UseOnce, tally_house


def one(counter: str = "a") -> Add:
    return Add(counter=counter, amount=1)


# -- what no database takes -----------------------------------------------------------------------

UNFIT = ("a\0b", "\ud800", "x" * 256)


@pytest.mark.parametrize("key", UNFIT)
@in_virtual_time
async def test_a_key_that_cannot_be_stored_is_refused_at_the_door(key: str) -> None:
    async with Desk() as desk:
        with pytest.raises(Rejection, match=r"engine\.bad_key"):
            await desk.ask(key, one())
        assert desk.engine.stats.recoveries == 0


@pytest.mark.parametrize("actor", UNFIT)
@in_virtual_time
async def test_an_actor_that_cannot_be_stored_is_refused_at_the_door(actor: str) -> None:
    async with Desk() as desk:
        with pytest.raises(Rejection, match=r"engine\.bad_actor"):
            await desk.ask("k", one(), actor=actor)
        assert (await desk.ask("k", one(), actor="")).reply.accepted
        assert desk.engine.stats.recoveries == 0


@in_virtual_time
async def test_a_stream_is_written_as_far_as_it_can_be_stored() -> None:
    async with Desk() as desk:
        await desk.ask("nul", one("a\0b"))
        await desk.ask("long", one("c" * 10_000))
        nul, long = desk.disk.entries
        assert nul.stream == "counter:a\ufffdb"
        assert long.stream == "counter:" + "c" * 247
        assert desk.counters() == {"a\0b": 1, "c" * 10_000: 1}


@pytest.mark.parametrize("poison", [0, 3, 9])
@in_virtual_time
async def test_a_row_that_is_never_taken_is_found_and_the_others_are_done(poison: int) -> None:
    async with Desk() as desk:
        bad = f"k{poison}"
        desk.journal.refused.add(bad)
        answers = await asyncio.gather(
            *(desk.ask(f"k{n}", one(f"c{n}")) for n in range(10)),
            desk.ask(bad, one(f"c{poison}")),
            return_exceptions=True,
        )
        assert isinstance(answers[poison], NotDone)
        assert isinstance(answers[10], NotDone)
        good = [answer for n, answer in enumerate(answers) if n not in (poison, 10)]
        assert all(isinstance(answer, Receipt) and not answer.replayed for answer in good)
        assert desk.counters() == {f"c{n}": 1 for n in range(10) if n != poison}
        assert (await desk.ask("later", one())).height == 10
        assert desk.engine.stats.recoveries < 10


@in_virtual_time
async def test_a_journal_that_fails_every_time_is_not_asked_all_the_time() -> None:
    async with Desk() as desk:
        desk.journal.fates.extend(["failed"] * 1_000)
        waiting = desk.engine.submit(key="k", command=one(), actor="a")
        await asyncio.sleep(60)  # sleeps: in virtual time
        assert 5 < desk.engine.stats.recoveries < 50
        desk.journal.fates.clear()
        assert (await waiting).height == 1
        before = desk.engine.stats.recoveries
        desk.journal.fates.append("failed")
        started = asyncio.get_running_loop().time()
        await desk.ask("k2", one())
        assert desk.engine.stats.recoveries == before + 1
        assert asyncio.get_running_loop().time() - started < 1


# -- what was acknowledged ------------------------------------------------------------------------


@in_virtual_time
async def test_an_engine_whose_journal_has_lost_acknowledged_rows_stops_and_says_so() -> None:
    async with Desk() as desk:
        await desk.ask("k1", one())
        await desk.ask("k2", one())
        del desk.disk.entries[-1]  # as a standby that lagged behind, promoted
        with pytest.raises(Outage):
            await desk.ask("k3", one())
        assert desk.engine.state is EngineState.FENCED
        assert len(desk.disk.entries) == 1


@in_virtual_time
async def test_lost_rows_are_noticed_when_the_connection_was_lost_with_them() -> None:
    async with Desk() as desk:
        await desk.ask("k1", one())
        await desk.ask("k2", one())
        desk.journal.fates.append("lost")
        del desk.disk.entries[-1]
        with pytest.raises(Outage, match="acknowledged"):
            await desk.ask("k3", one())
        assert desk.engine.state is EngineState.FENCED
        assert len(desk.disk.entries) == 1


@in_virtual_time
async def test_a_row_that_should_be_there_and_is_not_is_never_taken_for_a_new_key() -> None:
    async with Desk(house=tally_house(keys_hot_max=2)) as desk:
        for n in range(30):
            await desk.ask(f"k{n}", one())
        desk.journal.blind.add(1)
        again = desk.engine.submit(key="k0", command=one(), actor="a")
        await asyncio.sleep(5)  # sleeps: in virtual time
        assert not again.done()
        desk.journal.blind.clear()
        assert (await again).replayed
        assert desk.counters() == {"a": 30}


# -- much at once ---------------------------------------------------------------------------------


@in_virtual_time
async def test_long_replies_leave_memory_and_are_told_again_all_the_same() -> None:
    async with Desk() as desk:
        long = Add(counter="a" * REPLY_KEPT_BYTES_MAX, amount=-1)  # refused, and told of it
        first = await desk.ask("k", long)
        waiting = [desk.engine.submit(key="k", command=long, actor="a") for _ in range(3)]
        assert [(await each).reply for each in waiting] == [first.reply] * 3
        await desk.ask("later", one())
        known = desk.engine._memory.keys.hot("k")
        assert known is not None
        assert known.reply is None
        again = await desk.ask("k", long)
        assert (again.replayed, again.reply, again.height) == (True, first.reply, first.height)
        with pytest.raises(Rejection, match="key_reused"):
            await desk.ask("k", one())
    async with Desk(disk=desk.disk) as after:
        again = await after.ask("k", long)
        assert (again.replayed, again.reply) == (True, first.reply)
        assert after.counters() == {"a": 1}


@in_virtual_time
async def test_many_old_ids_are_recalled_some_rows_at_a_time() -> None:
    count = RECALL_ROWS_MAX * 2 + 1
    settings = EngineSettings(queue_max=count)
    async with Desk(house=tally_house(hot_max=2), settings=settings) as desk:
        ids = [f"id{n}" for n in range(count)]
        await asyncio.gather(*(desk.ask(f"k{id_}", UseOnce(id=id_)) for id_ in ids))
        receipt = await desk.ask("all", UseMany(ids=[*ids, "new"]))
        assert receipt.reply.body == {"new": 1}
        assert max(desk.journal.fetch_sizes) <= RECALL_ROWS_MAX
        assert desk.counters()["ids"] == count + 1


# -- the clock ------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_clock_that_was_set_back_does_not_stop_what_falls_due() -> None:
    disk = MemoryDisk()
    async with Desk(disk=disk, skew_s=3_600) as ahead:
        due = ahead.clock.now_us() + 5_000_000
        await ahead.ask("remind", Remind(at_us=due))
        await asyncio.sleep(4)  # sleeps: in virtual time
        await ahead.ask("k", one())
    async with Desk(disk=disk) as behind:
        last = disk.entries[-1].at_us
        receipts = [await behind.ask(f"k{n}", one()) for n in range(3)]
        assert [receipt.at_us - last for receipt in receipts] == [1, 2, 3]
        await asyncio.sleep(10)  # sleeps: in virtual time
        assert "reminded" not in behind.counters()
        await behind.ask("ahead", Remind(at_us=last))  # due by the journal's time
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert behind.counters()["reminded"] == 1
