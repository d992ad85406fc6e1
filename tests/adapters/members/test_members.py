"""Do members on a log agree on what they are asked, and do they go on after a death?"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nostro.adapters.members.home import set_up_members
from nostro.adapters.memory.ordered_log import MemoryOrderedLog, MemoryTape
from nostro.adapters.postgres.ordered_log import PostgresOrderedLog
from nostro.consensus import ConsensusAchieved, EvidenceRecorded
from nostro.kernel.messages import Command
from nostro.runtime.ordered_log import LogItem, OrderedLog
from nostro.runtime.ports import Outage
from tests.adapters.members.town import (
    CHAIN,
    Books,
    effect_of,
    members_on,
    performer_on,
)
from tests.databases import as_role

PATIENCE_S = 60.0
WRITER = Path(__file__).with_name("voting.py")


@pytest.fixture
def tape() -> MemoryTape:
    return MemoryTape()


@pytest.fixture(params=["memory", "postgres"])
async def ordered_log(
    request: pytest.FixtureRequest, tape: MemoryTape
) -> AsyncIterator[OrderedLog]:
    if request.param == "memory":
        yield MemoryOrderedLog(tape)
        return
    log = PostgresOrderedLog(as_role(request.getfixturevalue("wheel_postgres"), "nostro_engine"))
    yield log
    await log.close()


async def everything(log: OrderedLog) -> list[LogItem]:
    found: list[LogItem] = []
    while page := await log.read(after=found[-1].position if found else 0):
        found += page
    return found


def achieved(books: Books) -> list[ConsensusAchieved]:
    return [event for event in books.events if isinstance(event, ConsensusAchieved)]


async def ask(log: OrderedLog, home: Path, books: Books, *numbers: int) -> None:
    """Put batches to the members, all at once, and record what comes of it."""
    performer = performer_on(log, home)
    effects = [effect_of(number) for number in numbers]
    for effect in effects:
        books.submit(effect)

    async def until_done(index: int) -> list[tuple[str, Command]]:
        while True:
            try:
                return list(await performer.perform(effects[index], "effect"))
            except Outage:
                continue

    async with asyncio.timeout(PATIENCE_S):
        for outcomes in await asyncio.gather(*map(until_done, range(len(effects)))):
            books.take(outcomes)


@pytest.mark.parametrize("count", [1, 4, 5])
async def test_members_certify_what_they_are_asked_and_the_room_takes_it(
    ordered_log: OrderedLog, tmp_path: Path, count: int
) -> None:
    home = tmp_path / "members"
    async with members_on(ordered_log, home, count=count):
        books = Books(home)
        await ask(ordered_log, home, books, 1)
        await ask(ordered_log, home, books, 2, 3, 4)
    assert sorted(event.height for event in achieved(books)) == [1, 2, 3, 4]
    assert all(len(event.signers) >= 2 * count // 3 + 1 for event in achieved(books))
    assert not books.state.waiting


async def test_a_batch_that_was_certified_is_found_by_a_second_call_after_a_restart(
    ordered_log: OrderedLog, tmp_path: Path
) -> None:
    home = tmp_path / "members"
    async with members_on(ordered_log, home):
        first = await performer_on(ordered_log, home).perform(effect_of(1), "effect")
    before = len(await everything(ordered_log))
    again = await performer_on(ordered_log, home).perform(effect_of(1), "effect")
    assert again == first
    assert len(await everything(ordered_log)) == before


async def test_members_that_were_stopped_go_on_where_they_were(
    ordered_log: OrderedLog, tmp_path: Path
) -> None:
    home = tmp_path / "members"
    set_up_members(home, chain_id=CHAIN, count=4)
    books = Books(home)
    for number in range(1, 4):
        async with members_on(ordered_log, home):
            await ask(ordered_log, home, books, number)
    assert [event.height for event in achieved(books)] == [1, 2, 3]
    links = [(event.prev_hash, event.entry_hash) for event in achieved(books)]
    assert [before for before, _ in links[1:]] == [after for _, after in links[:-1]]


async def test_one_malicious_member_of_four_is_outvoted_and_proven(
    ordered_log: OrderedLog, tmp_path: Path
) -> None:
    home = tmp_path / "members"
    async with members_on(ordered_log, home, malicious=1):
        books = Books(home)
        for number in range(1, 6):
            await ask(ordered_log, home, books, number)
    assert [event.height for event in achieved(books)] == [1, 2, 3, 4, 5]
    proven = {event.member_id for event in books.events if isinstance(event, EvidenceRecorded)}
    assert proven == {"member-4"}


async def test_rubbish_in_the_log_holds_nobody_up(ordered_log: OrderedLog, tmp_path: Path) -> None:
    home = tmp_path / "members"
    kinds = ("chunk", "request", "proposal", "prevote", "certificate", "rejection", "evidence", "?")
    await ordered_log.append([(f"{kind}/0/00", b"rubbish") for kind in kinds])
    async with members_on(ordered_log, home):
        books = Books(home)
        await ask(ordered_log, home, books, 1)
        await ordered_log.append([(f"{kind}/1/00", b"") for kind in kinds])
        await ask(ordered_log, home, books, 2)
    assert len(achieved(books)) == 2


async def test_with_two_of_four_silent_nothing_is_certified_and_with_three_it_goes_on(
    tape: MemoryTape, tmp_path: Path
) -> None:
    home, log = tmp_path / "members", MemoryOrderedLog(tape)
    async with members_on(log, home) as members:
        books = Books(home)
        await asyncio.sleep(0)
        for actor in members.actors[:2]:
            actor.halted = "switched off by the test"
        books.submit(effect_of(1))
        performer = performer_on(log, home)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await performer.perform(effect_of(1), "effect")
    async with members_on(log, home):
        books.take(await performer.perform(effect_of(1), "effect"))
    assert len(achieved(books)) == 1


@pytest.mark.slow
async def test_kill_9_in_the_middle_of_rounds_costs_no_batch_and_signs_nothing_twice(
    wheel_postgres: str, tmp_path: Path
) -> None:
    home = tmp_path / "members"
    set_up_members(home, chain_id=CHAIN, count=4)
    url = as_role(wheel_postgres, "nostro_members")
    log = PostgresOrderedLog(as_role(wheel_postgres, "nostro_engine"))
    books = Books(home)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    asking: asyncio.Task[None] | None = None
    for round_ in range(6):
        voting = subprocess.Popen(  # noqa: ASYNC220  it only starts
            [sys.executable, str(WRITER), url, str(home)], env=environment
        )
        first = 8 * round_ + 1
        if asking is None:
            asking = asyncio.create_task(ask(log, home, books, *range(first, first + 8)))
        seen = len(await everything(log))
        async with asyncio.timeout(PATIENCE_S):
            while len(await everything(log)) < seen + 9 + 7 * round_ and not asking.done():
                await log.changed(after=seen, timeout_s=0.01)
        if round_ < 5:
            voting.send_signal(signal.SIGKILL)
        else:
            await asking
            voting.terminate()
        await asyncio.to_thread(voting.wait)
        if asking.done():
            await asking
            asking = None
    assert sorted(event.height for event in achieved(books)) == list(
        range(1, len(achieved(books)) + 1)
    )
    assert not books.state.waiting
    assert not [item.key for item in await everything(log) if item.key.startswith("evidence/")]
    await log.close()
