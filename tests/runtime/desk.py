"""What stands on the desk of every engine test?"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any

from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.kernel.messages import Command
from nostro.kernel.reply import Receipt
from nostro.runtime.draft import Durable
from nostro.runtime.engine import Engine, EngineSettings
from nostro.runtime.house import House
from nostro.runtime.ports import (
    Batch,
    Entry,
    Head,
    NotDone,
    OutboxRow,
    OutcomeUnknown,
    Unwritable,
    entry_hash,
)
from nostro.simulation.loop import LoopClock, SeededLoop, seeded_loop
from tests.runtime.tally import tally_house


def in_virtual_time(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a seeded loop; nothing may go unhandled in it."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        loop = seeded_loop(test.__name__)

        async def main() -> None:
            await test(*args, **kwargs)

        loop.run(main())
        assert loop.complaints == []

    return run


class ScriptedJournal(MemoryJournal):
    """A journal whose next appends meet the fates in `fates`: ok, failed, lost (unknown, not
    written), unheard (unknown, written), overtaken; `gate` holds appends and fetches back while
    it is clear; `reads_fail` fails that many reads; rows with a key of `refused` are never taken,
    rows at heights in `blind` not seen."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(disk)
        self.disk = disk
        self.fates: deque[str] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[Batch] = []
        self.fetched: list[int] = []
        self.reads_fail = 0
        self.refused: set[str] = set()
        self.blind: set[int] = set()
        self.fetch_sizes: list[int] = []
        self.read_after: list[int] = []

    async def append(self, batch: Batch, head: Head) -> None:
        await self.gate.wait()
        if not self.refused.isdisjoint(entry.command_id for entry in batch.entries):
            raise Unwritable("scripted: it will never be written")
        match self.fates.popleft() if self.fates else "ok":
            case "failed":
                raise NotDone("scripted: nothing was written")
            case "lost":
                raise OutcomeUnknown("scripted: nothing was written")
            case "unheard":
                await super().append(batch, head)
                raise OutcomeUnknown("scripted: it was written")
            case "overtaken":
                self.disk.fence += 1
        await super().append(batch, head)
        self.batches.append(batch)

    async def fetch(self, heights: Sequence[int]) -> Sequence[Entry]:
        self.fetched += heights
        self.fetch_sizes.append(len(heights))
        await self.gate.wait()
        self._fail_read()
        return await super().fetch([each for each in heights if each not in self.blind])

    async def read(self, *, after: int, limit: int) -> Sequence[Entry]:
        self._fail_read()
        self.read_after.append(after)
        return await super().read(after=after, limit=limit)

    def _fail_read(self) -> None:
        if self.reads_fail:
            self.reads_fail -= 1
            raise NotDone("scripted: cannot be read now")


class Desk:
    """An engine of the tally room on a memory disk, in virtual time."""

    def __init__(
        self,
        *,
        disk: MemoryDisk | None = None,
        house: House | None = None,
        settings: EngineSettings | None = None,
        on_effects: Callable[[Sequence[OutboxRow]], None] | None = None,
        on_durable: Callable[[Sequence[Durable]], None] | None = None,
        skew_s: float = 0.0,
    ) -> None:
        self.disk = disk or MemoryDisk()
        self.journal = ScriptedJournal(self.disk)
        self.house = house or tally_house()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = LoopClock(loop, skew_s)
        self.engine = Engine(
            house=self.house,
            journal=self.journal,
            clock=self.clock,
            settings=settings,
            on_effects=on_effects,
            on_durable=on_durable,
        )

    async def __aenter__(self) -> Desk:
        await self.engine.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.stop()

    async def ask(self, key: str, command: Command, actor: str = "alice") -> Receipt:
        return await self.engine.submit(key=key, command=command, actor=actor)

    def counters(self) -> dict[str, int]:
        """Return what the journal alone says: a replay from its beginning."""
        memory = self.house.new()
        for entry in self.disk.entries:
            assert entry.hash == entry_hash(entry)
            self.house.replay(memory, entry)
        counters: dict[str, int] = memory.states["tally"].counters
        return counters
