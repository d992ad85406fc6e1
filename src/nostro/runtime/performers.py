"""Who does the deeds that effects ask for, and what if the world does not answer?

Every effect in the outbox is performed at least once under the same id; its outcome comes back as a
command that settles the effect in the same commit. Most performers are called with bounded retry; a
patient one is given its effects and waits on its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from nostro.kernel.messages import Effect, kind_of
from nostro.runtime.engine import Engine
from nostro.runtime.house import House
from nostro.runtime.ports import (
    Clock,
    NotDone,
    Outage,
    OutboxRow,
    PatientPerformer,
    Performer,
    Told,
)

CONCURRENT_MAX = 64
ATTEMPTS_MAX = 12
PAUSE_FIRST_S = 0.2
PAUSE_LAST_S = 30.0
PARKED_PAUSE_S = 300.0
ACTOR = "performer"

log = structlog.get_logger(__name__)


class Performing:
    """Runs performers for the effects of one engine. An effect that exhausts its attempts is
    parked: it stays in the outbox, is counted in `parked`, and gets a new round after a long pause;
    one that met a bug only at the next start. Those of patient performers wait for as long as it
    takes."""

    def __init__(
        self,
        *,
        house: House,
        clock: Clock,
        chain: str,
        performers: Sequence[Performer],
        patient: Sequence[PatientPerformer] = (),
    ) -> None:
        self._house = house
        self._clock = clock
        self._chain = chain
        self._performers = {kind_of(cls): each for each in performers for cls in each.effects}
        self._patient = {kind_of(cls): each for each in patient for cls in each.effects}
        self._slots = asyncio.Semaphore(CONCURRENT_MAX)
        self._tasks: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._taken: dict[tuple[int, int], OutboxRow] = {}
        """What patient performers were given."""
        self._runs: dict[PatientPerformer, asyncio.Task[None]] = {}
        self._engine: Engine | None = None
        self.parked: set[tuple[int, int]] = set()

    @property
    def under_way(self) -> int:
        """Return how many effects are being performed, or will be soon."""
        return len((self._tasks.keys() | self._taken.keys()) - self.parked)

    def attach(self, engine: Engine) -> None:
        """Name the engine that outcomes go to."""
        self._engine = engine

    def start(self, rows: Sequence[OutboxRow]) -> None:
        """Perform these effects unless they are under way already."""
        for row in rows:
            patient = self._patient.get(row.kind)
            if patient is not None:
                self._hand_over(patient, row)
            elif row.effect_id not in self._tasks:
                task = asyncio.create_task(self._perform(row), name=f"effect-{row.effect_id}")
                self._tasks[row.effect_id] = task

    async def stop(self) -> None:
        """Abandon what is under way; it stays in the outbox."""
        tasks = [*self._tasks.values(), *self._runs.values()]
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
            settles = (row.effect_id,) if index == len(outcomes) - 1 else ()
            await self._engine.submit(key=key, command=command, actor=ACTOR, settles=settles)

    # -- patient performers ------------------------------------------------------------------------

    def _hand_over(self, performer: PatientPerformer, row: OutboxRow) -> None:
        if row.effect_id in self._taken:
            return
        self._taken[row.effect_id] = row
        performer.take(self._house.codec.decode_effect(row.payload), row.effect_id)
        if performer not in self._runs:
            name = f"performer-{row.kind}"
            self._runs[performer] = asyncio.create_task(self._run(performer), name=name)

    async def _run(self, performer: PatientPerformer) -> None:
        """Let a performer work; after a bug it goes on with what it has."""
        while True:
            try:
                await performer.run(self._tell)
            except Exception as bug:
                log.exception("performer_failed", performer=type(performer).__name__, why=repr(bug))
            await self._clock.sleep(PAUSE_LAST_S)

    async def _tell(self, told: Told) -> None:
        """Submit until it is durable. What is refused settles nothing: asking again would not
        help."""
        pause = PAUSE_FIRST_S
        while True:
            try:
                await self._submit(told)
            except Outage as outage:
                log.warning("outcome_retried", key=told.key, why=str(outage))
            except Exception as bug:
                for row in self._rows_of(told):
                    self._park(row, repr(bug))
                return
            else:
                for row in self._rows_of(told):
                    del self._taken[row.effect_id]
                return
            await self._clock.sleep(pause)
            pause = min(pause * 2, PAUSE_LAST_S)

    async def _submit(self, told: Told) -> None:
        if self._engine is None:
            raise NotDone("no engine is attached yet")
        await self._engine.submit(
            key=told.key, command=told.command, actor=ACTOR, settles=told.settles
        )

    def _rows_of(self, told: Told) -> list[OutboxRow]:
        taken = self._taken
        return [taken[each] for each in told.settles if each in taken]
