"""What does a caller hear when the journal fails, a room has a bug, or the engine must stop?"""

from __future__ import annotations

import asyncio

import pytest

from nostro.kernel.messages import Command, Rejection
from nostro.runtime.engine import EngineSettings, EngineState, OutcomeBug
from nostro.runtime.ports import NotDone, OutcomeUnknown, Overloaded
from tests.runtime.desk import Desk, in_virtual_time
from tests.runtime.tally import Add, Stumble, UseOnce, tally_house


def one(counter: str = "a") -> Add:
    return Add(counter=counter, amount=1)


# -- the journal fails ----------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["failed", "lost", "unheard"])
@in_virtual_time
async def test_whatever_a_commit_came_to_the_command_is_done_once_and_answered(fate: str) -> None:
    async with Desk() as desk:
        await desk.ask("before", one())
        desk.journal.fates.append(fate)
        receipt = await desk.ask("k", one())
        assert (receipt.height, receipt.replayed) == (2, False)
        assert (await desk.ask("k", one())).replayed
        assert desk.counters() == {"a": 2}
        assert desk.engine.stats.recoveries == 1


@pytest.mark.parametrize("fate", ["failed", "lost", "unheard"])
@in_virtual_time
async def test_what_was_decided_during_a_failing_commit_is_done_once(fate: str) -> None:
    async with Desk() as desk:
        desk.journal.gate.clear()
        first = desk.engine.submit(key="k0", command=one(), actor="alice")
        await asyncio.sleep(1)  # sleeps: in virtual time
        rest = [desk.engine.submit(key=f"k{n}", command=one(), actor="alice") for n in range(1, 9)]
        await asyncio.sleep(1)  # sleeps: in virtual time
        desk.journal.fates.append(fate)
        desk.journal.gate.set()
        receipts = await asyncio.gather(first, *rest)
        assert sorted(receipt.height for receipt in receipts) == list(range(1, 10))
        assert not any(receipt.replayed for receipt in receipts)
        assert desk.counters() == {"a": 9}


@in_virtual_time
async def test_no_reply_is_heard_before_it_is_durable() -> None:
    async with Desk() as desk:
        desk.journal.gate.clear()
        first = desk.engine.submit(key="k", command=one(), actor="alice")
        await asyncio.sleep(1)  # sleeps: in virtual time
        repeat = desk.engine.submit(key="k", command=one(), actor="alice")
        other = desk.engine.submit(key="k", command=one("b"), actor="alice")
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert not any(future.done() for future in (first, repeat, other))
        desk.journal.gate.set()
        assert (await first).height == (await repeat).height == 1
        with pytest.raises(Rejection, match="key_reused"):
            await other


@in_virtual_time
async def test_a_key_is_not_called_reused_when_its_first_use_was_never_durable() -> None:
    async with Desk() as desk:
        desk.journal.gate.clear()
        first = desk.engine.submit(key="k", command=one(), actor="alice")
        other = desk.engine.submit(key="k", command=one("b"), actor="alice")
        await asyncio.sleep(1)  # sleeps: in virtual time
        desk.journal.fates.append("overtaken")
        desk.journal.gate.set()
        for answer in await asyncio.gather(first, other, return_exceptions=True):
            assert isinstance(answer, NotDone | OutcomeUnknown)
        assert desk.disk.entries == []


@in_virtual_time
async def test_a_journal_that_cannot_be_read_for_a_while_only_delays() -> None:
    async with Desk() as desk:
        await desk.ask("before", one())
        desk.journal.fates.append("failed")
        desk.journal.reads_fail = 5
        assert (await desk.ask("k", one())).height == 2
        assert desk.engine.state is EngineState.RUNNING


@in_virtual_time
async def test_a_journal_that_contradicts_itself_stops_the_engine_and_everyone_is_told() -> None:
    async with Desk() as desk:
        await desk.ask("k1", one())
        await desk.ask("k2", one())
        desk.disk.entries[0] = desk.disk.entries[1]
        desk.journal.fates.append("failed")
        with pytest.raises(OutcomeUnknown, match="does not follow"):
            await desk.ask("k3", one())
        assert desk.engine.state is EngineState.STOPPED
        with pytest.raises(NotDone):
            await desk.ask("k4", one())


# -- another writer -------------------------------------------------------------------------------


@in_virtual_time
async def test_a_fenced_engine_never_writes_again() -> None:
    async with Desk() as old:
        await old.ask("k1", one())
        async with Desk(disk=old.disk) as new:
            await new.ask("k2", one())
            with pytest.raises(OutcomeUnknown):
                await old.ask("k3", one())
            assert old.engine.state is EngineState.FENCED
            with pytest.raises(NotDone, match="fenced"):
                await old.ask("k4", one())
            assert (await new.ask("k5", one())).height == 3
            assert new.engine.state is EngineState.RUNNING


@in_virtual_time
async def test_an_engine_fenced_while_it_meets_a_bug_does_not_take_the_chain_back() -> None:
    async with Desk() as desk:
        desk.journal.gate.clear()
        desk.journal.fates.append("overtaken")
        first = desk.engine.submit(key="k1", command=one(), actor="alice")
        await asyncio.sleep(1)  # sleeps: in virtual time
        second = desk.engine.submit(key="k2", command=Stumble(where="decide"), actor="alice")
        await asyncio.sleep(1)  # sleeps: in virtual time
        desk.journal.gate.set()
        answers = await asyncio.gather(first, second, return_exceptions=True)
        assert isinstance(answers[0], OutcomeUnknown)
        assert desk.engine.state is EngineState.FENCED


@in_virtual_time
async def test_an_engine_that_waits_for_its_turn_answers_what_is_durable() -> None:
    async with Desk() as old:
        first = await old.ask("k", one())
        async with Desk(disk=old.disk):
            again = await old.ask("k", one())
        assert (again.replayed, again.height) == (True, first.height)


@in_virtual_time
async def test_a_reply_another_writer_made_durable_is_a_replay_even_at_the_same_height() -> None:
    async with Desk() as old:
        old.journal.gate.clear()
        old.journal.fates.append("lost")
        copy = old.engine.submit(key="k", command=one(), actor="alice")
        await asyncio.sleep(1)  # sleeps: in virtual time
        async with Desk(disk=old.disk) as new:
            first = await new.ask("k", one())
        old.journal.gate.set()
        again = await copy
        assert (first.replayed, again.replayed) == (False, True)
        assert again.height == first.height == 1


# -- bugs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["decide", "evolve", "cold"])
@in_virtual_time
async def test_a_command_that_meets_a_bug_does_not_stop_the_others(where: str) -> None:
    async with Desk() as desk:
        commands: list[Command] = [one("a"), one("b"), Stumble(where=where), one("c"), one("d")]
        answers = await asyncio.gather(
            *(desk.ask(f"k{n}", command) for n, command in enumerate(commands)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers].count(OutcomeBug) == 1
        assert isinstance(answers[2], OutcomeBug)
        assert desk.counters() == {"a": 1, "b": 1, "c": 1, "d": 1}
        assert len(desk.disk.entries) == 4
        assert (await desk.ask("later", one())).height == 5


@in_virtual_time
async def test_a_command_that_no_room_takes_is_refused_at_the_door() -> None:
    class Unknown(Command, frozen=True, kw_only=True, tag="nowhere.Unknown"):
        pass

    async with Desk() as desk:
        with pytest.raises(TypeError, match="no room takes Unknown"):
            await desk.ask("k", Unknown())
        assert desk.engine.stats.recoveries == 0


# -- too much, and the end ------------------------------------------------------------------------


@in_virtual_time
async def test_a_full_queue_refuses_at_once_and_drops_nothing() -> None:
    async with Desk(settings=EngineSettings(queue_max=10)) as desk:
        accepted = [desk.engine.submit(key=f"k{n}", command=one(), actor="a") for n in range(10)]
        with pytest.raises(Overloaded):
            desk.engine.submit(key="one too many", command=one(), actor="a")
        assert len(await asyncio.gather(*accepted)) == 10
        assert desk.engine.stats.overloaded == 1
        assert (await desk.ask("one too many", one())).height == 11
        assert desk.counters() == {"a": 11}


@in_virtual_time
async def test_stopping_refuses_what_waits_and_answers_what_is_being_committed() -> None:
    desk = Desk()
    await desk.engine.start()
    desk.journal.gate.clear()
    committing = desk.engine.submit(key="k1", command=one(), actor="a")
    await asyncio.sleep(1)  # sleeps: in virtual time
    decided = desk.engine.submit(key="k2", command=one(), actor="a")
    await asyncio.sleep(1)  # sleeps: in virtual time
    stopping = asyncio.ensure_future(desk.engine.stop())
    waiting = desk.engine.submit(key="k3", command=one(), actor="a")
    desk.journal.gate.set()
    await stopping
    assert (await committing).height == 1
    answers = await asyncio.gather(decided, waiting, return_exceptions=True)
    durable = {entry.command_id for entry in desk.disk.entries}
    for key, answer in zip(("k2", "k3"), answers, strict=True):
        assert (key in durable) is not isinstance(answer, NotDone)
    with pytest.raises(NotDone, match="stopped"):
        await desk.ask("k4", one())


@in_virtual_time
async def test_stopping_while_old_ids_are_recalled_leaves_nobody_waiting() -> None:
    desk = Desk(house=tally_house(hot_max=2))
    await desk.engine.start()
    for n in range(10):
        await desk.ask(f"k{n}", UseOnce(id=f"id{n}"))
    desk.journal.gate.clear()
    waiting = desk.engine.submit(key="again", command=UseOnce(id="id0"), actor="a")
    await asyncio.sleep(1)  # sleeps: in virtual time
    assert desk.journal.fetched
    await desk.engine.stop()
    with pytest.raises(NotDone):
        await waiting


@in_virtual_time
async def test_a_journal_that_cannot_be_opened_is_told_at_the_start() -> None:
    async with Desk() as desk:
        await desk.ask("k", one())
    again = Desk(disk=desk.disk)
    again.journal.reads_fail = 1
    with pytest.raises(NotDone, match="cannot be read"):
        await again.engine.start()
