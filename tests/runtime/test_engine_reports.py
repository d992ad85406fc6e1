"""What does a listener hear of rows that became durable?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nostro.adapters.memory.journal import MemoryDisk
from nostro.runtime.draft import Durable
from tests.runtime.desk import Desk, in_virtual_time
from tests.runtime.tally import Add


class Listener:
    """Notes what it hears, in order."""

    def __init__(self) -> None:
        self.heard: list[Durable] = []

    def __call__(self, reports: Sequence[Durable]) -> None:
        self.heard += reports

    @property
    def heights(self) -> list[int]:
        return [report.height for report in self.heard]


def one() -> Add:
    return Add(counter="a", amount=1)


@pytest.mark.parametrize("fate", ["failed", "lost", "unheard"])
@pytest.mark.parametrize("reads_fail", [0, 1, 2])
@in_virtual_time
async def test_every_durable_row_is_reported_once_whatever_a_commit_came_to(
    fate: str, reads_fail: int
) -> None:
    listener = Listener()
    async with Desk(on_durable=listener) as desk:
        await desk.ask("before", one())
        desk.journal.fates.append(fate)
        desk.journal.reads_fail = reads_fail
        await desk.ask("k", one())
        await desk.ask("after", one())
        assert listener.heights == [1, 2, 3]
        rows = await desk.journal.read(after=0, limit=10)
        told = [desk.house.codec.decode_events(row.payload) for row in rows]
        assert [list(report.events) for report in listener.heard] == told
        assert [report.at_us for report in listener.heard] == [row.at_us for row in rows]


@in_virtual_time
async def test_what_was_durable_before_the_start_is_not_reported() -> None:
    disk, listener = MemoryDisk(), Listener()
    async with Desk(disk=disk) as desk:
        await desk.ask("early", one())
    async with Desk(disk=disk, on_durable=listener) as desk:
        await desk.ask("late", one())
    assert listener.heights == [2]


@in_virtual_time
async def test_a_repeat_is_not_reported_again() -> None:
    listener = Listener()
    async with Desk(on_durable=listener) as desk:
        await desk.ask("k", one())
        await desk.ask("k", one())
    assert listener.heights == [1]
