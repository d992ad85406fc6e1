"""What does the journal do in bad weather?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context

from nostro.runtime.ports import (
    HEIGHT_MAX,
    Batch,
    Entry,
    Head,
    Journal,
    NotDone,
    Outage,
    OutboxRow,
    OutcomeUnknown,
    Snapshot,
)
from nostro.simulation.weather import Sky

PAUSED = 0.5
"""How often an answer, or a read, takes any time at all."""
LATE_WRITE_S = 3.0
"""Up to how long a write goes on after its writer has heard that the connection is gone."""


class StormyJournal:
    """A Journal between its writer and another, subject to the weather.

    After a failed append the connection is gone: everything but `open` raises NotDone. `server` is
    the context of the process that holds the disk: what it has begun outlives the writer.
    """

    def __init__(self, journal: Journal, sky: Sky, server: Context) -> None:
        self._journal = journal
        self._sky = sky
        self._server = server
        self._connected = False

    @property
    def chain(self) -> str:
        """Return the name of the chain."""
        return self._journal.chain

    async def open(self) -> Head:
        """Connect anew and become the writer; the answer may be lost."""
        self._connected = False
        await self._sky.disk()
        head = await self._journal.open()
        self._fail_by_chance("the connection was refused")
        self._connected = True
        return head

    async def append(self, batch: Batch, head: Head) -> None:
        """Write, or fail in one of the four ways of the weather."""
        self._check_connection()
        try:
            await self._append(batch, head)
        except Outage:
            self._connected = False
            raise
        if self._sky.chance(PAUSED):
            await self._sky.disk()  # here a process may die between the write and its answer

    async def _append(self, batch: Batch, head: Head) -> None:
        sky, weather = self._sky, self._sky.weather
        await sky.disk()
        if sky.chance(weather.write_failed):
            raise NotDone("the disk refused the write")
        if sky.chance(weather.write_lost):
            raise OutcomeUnknown("the connection was lost before the write")
        if sky.chance(weather.write_late):
            write = self._append_late(batch, head, sky.between(0.0, LATE_WRITE_S))
            asyncio.get_running_loop().create_task(write, context=self._server.copy())
            raise OutcomeUnknown("the connection was lost, and the write goes on")
        await self._journal.append(batch, head)
        if sky.chance(weather.write_unheard):
            raise OutcomeUnknown("the connection was lost after the write")

    async def _append_late(self, batch: Batch, head: Head, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        try:
            await self._journal.append(batch, head)
        except NotDone:
            return  # another writer has opened the chain: that is what the fence is for

    async def read(self, *, after: int, limit: int) -> Sequence[Entry]:
        """Return entries above a height."""
        await self._ask()
        return await self._journal.read(after=after, limit=limit)

    async def fetch(self, heights: Sequence[int]) -> Sequence[Entry]:
        """Return the entries at these heights."""
        await self._ask()
        return await self._journal.fetch(heights)

    async def outbox(self) -> Sequence[OutboxRow]:
        """Return the effects not yet settled."""
        await self._ask()
        return await self._journal.outbox()

    async def newest_snapshot(self, *, below: int = HEIGHT_MAX) -> Snapshot | None:
        """Return the highest snapshot below a height."""
        await self._ask()
        return await self._journal.newest_snapshot(below=below)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot."""
        await self._ask()
        await self._journal.save_snapshot(snapshot)

    async def close(self) -> None:
        """Let the chain go."""
        self._connected = False
        await self._journal.close()

    async def _ask(self) -> None:
        self._check_connection()
        if self._sky.chance(PAUSED):
            await self._sky.disk()
        self._fail_by_chance("the connection was reset")

    def _check_connection(self) -> None:
        if not self._connected:
            raise NotDone("the connection is gone")

    def _fail_by_chance(self, why: str) -> None:
        if self._sky.chance(self._sky.weather.read_failed):
            raise NotDone(why)
