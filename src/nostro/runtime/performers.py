"""Who does the deeds that effects ask for, and what if the world does not answer?

Every effect in the outbox is performed at least once under the same id, with bounded retry; its
outcome comes back as a command that settles the effect in the same commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from nostro.kernel.messages import Effect, kind_of
from nostro.runtime.engine import Engine
from nostro.runtime.house import House
from nostro.runtime.ports import Clock, NotDone, Outage, OutboxRow, Performer

CONCURRENT_MAX = 64
ATTEMPTS_MAX = 12
PAUSE_FIRST_S = 0.2
PAUSE_LAST_S = 30.0

log = structlog.get_logger(__name__)


class Performing:
    """Runs performers for the effects of one engine. An effect that exhausts its attempts is
    parked: it stays in the outbox, is counted in `parked`, and is tried again at the next
    start."""

    def __init__(
        self, *, house: House, clock: Clock, chain: str, performers: Sequence[Performer]
    ) -> None:
        self._house = house
        self._clock = clock
        self._chain = chain
        self._performers = {kind_of(cls): each for each in performers for cls in each.effects}
        self._slots = asyncio.Semaphore(CONCURRENT_MAX)
        self._tasks: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._engine: Engine | None = None
        self.parked: set[tuple[int, int]] = set()

    @property
    def under_way(self) -> int:
        """Return how many effects are being performed or wait for a slot."""
        return len(self._tasks)

    def attach(self, engine: Engine) -> None:
        """Name the engine that outcomes go to."""
        self._engine = engine

    def start(self, rows: Sequence[OutboxRow]) -> None:
        """Perform these effects unless they are under way already."""
        for row in rows:
            if row.effect_id not in self._tasks:
                task = asyncio.create_task(self._perform(row), name=f"effect-{row.effect_id}")
                self._tasks[row.effect_id] = task

    async def stop(self) -> None:
        """Abandon what is under way; it stays in the outbox."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _perform(self, row: OutboxRow) -> None:
        try:
            async with self._slots:
                await self._try_until_done(row)
        finally:
            self._tasks.pop(row.effect_id, None)

    async def _try_until_done(self, row: OutboxRow) -> None:
        performer = self._performers.get(row.kind)
        if performer is None:
            log.error("effect_without_performer", kind=row.kind, height=row.height)
            self.parked.add(row.effect_id)
            return
        effect = self._house.codec.decode_effect(row.payload)
        pause = PAUSE_FIRST_S
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                await self._attempt(performer, effect, row)
            except Outage as outage:
                log.warning("effect_retried", kind=row.kind, attempt=attempt, why=str(outage))
                await self._clock.sleep(pause)
                pause = min(pause * 2, PAUSE_LAST_S)
            except Exception as bug:  # the outcome was refused, or ours: again would not help
                log.error("effect_failed", kind=row.kind, height=row.height, why=repr(bug))
                break
            else:
                self.parked.discard(row.effect_id)
                return
        log.error("effect_parked", kind=row.kind, height=row.height, attempts=attempt)
        self.parked.add(row.effect_id)

    async def _attempt(self, performer: Performer, effect: Effect, row: OutboxRow) -> None:
        if self._engine is None:
            raise NotDone("no engine is attached yet")
        outcomes = await performer.perform(effect, f"{self._chain}:{row.height}:{row.index}")
        for index, (key, command) in enumerate(outcomes):
            settles = row.effect_id if index == len(outcomes) - 1 else None
            await self._engine.submit(key=key, command=command, actor="performer", settles=settles)
