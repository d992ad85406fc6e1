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
PARKED_PAUSE_S = 300.0

log = structlog.get_logger(__name__)


class Performing:
    """Runs performers for the effects of one engine. An effect that exhausts its attempts is
    parked: it stays in the outbox, is counted in `parked`, and gets a new round after a long pause;
    one that met a bug only at the next start."""

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
        """Return how many effects are being performed, or will be soon."""
        return len(self._tasks.keys() - self.parked)

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
        performer = self._performers.get(row.kind)
        try:
            if performer is None:
                self._park(row, "nobody performs this kind")
            else:
                await self._try_until_done(performer, row)
        finally:
            self._tasks.pop(row.effect_id, None)

    async def _try_until_done(self, performer: Performer, row: OutboxRow) -> None:
        """Try in rounds; the pauses are taken outside the slot, so that no effect waits for another
        one's rail."""
        effect = self._house.codec.decode_effect(row.payload)
        pause = PAUSE_FIRST_S
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._slots:
                    await self._attempt(performer, effect, row)
            except Outage as outage:
                log.debug("effect_retried", kind=row.kind, attempt=attempt, why=str(outage))
            except Exception as bug:  # the outcome was refused, or ours: again would not help
                self._park(row, repr(bug))
                return
            else:
                self.parked.discard(row.effect_id)
                return
            if attempt == ATTEMPTS_MAX:
                self._park(row, f"{attempt} attempts")
                attempt, pause = 0, PAUSE_FIRST_S
                await self._clock.sleep(PARKED_PAUSE_S)
            else:
                await self._clock.sleep(pause)
                pause = min(pause * 2, PAUSE_LAST_S)

    def _park(self, row: OutboxRow, why: str) -> None:
        self.parked.add(row.effect_id)
        log.error("effect_parked", kind=row.kind, height=row.height, why=why)

    async def _attempt(self, performer: Performer, effect: Effect, row: OutboxRow) -> None:
        if self._engine is None:
            raise NotDone("no engine is attached yet")
        outcomes = await performer.perform(effect, f"{self._chain}:{row.height}:{row.index}")
        for index, (key, command) in enumerate(outcomes):
            settles = row.effect_id if index == len(outcomes) - 1 else None
            await self._engine.submit(key=key, command=command, actor="performer", settles=settles)
