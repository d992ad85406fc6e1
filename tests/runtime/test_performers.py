"""What becomes of an effect when the world does not answer?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from nostro.adapters.memory.journal import MemoryDisk
from nostro.kernel.messages import Command, Effect
from nostro.runtime.performers import (
    ATTEMPTS_MAX,
    CONCURRENT_MAX,
    PARKED_PAUSE_S,
    PAUSE_FIRST_S,
    Performing,
)
from nostro.runtime.ports import NotDone, OutcomeUnknown, PatientPerformer, Told
from tests.runtime.desk import Desk, in_virtual_time
from tests.runtime.tally import Add, HearBell, Ring, RingBell


class Belfry:
    """Rings bells; `fails` is what its next calls raise."""

    effects: tuple[type[Effect], ...] = (RingBell,)

    def __init__(self, *fails: Exception) -> None:
        self.fails = list(fails)
        self.rung: list[tuple[str, str]] = []

    async def perform(self, effect: Effect, effect_id: str) -> Sequence[tuple[str, Command]]:
        assert isinstance(effect, RingBell)
        self.rung.append((effect.bell, effect_id))
        if self.fails:
            raise self.fails.pop(0)
        return [(f"heard:{effect_id}", HearBell(bell=effect.bell))]


class Tower:
    """A desk with performers."""

    def __init__(
        self,
        *belfries: Belfry,
        disk: MemoryDisk | None = None,
        patient: Sequence[PatientPerformer] = (),
    ) -> None:
        self.desk = Desk(disk=disk, on_effects=self._start)
        self.performing = Performing(
            house=self.desk.house,
            clock=self.desk.clock,
            chain="main",
            performers=belfries,
            patient=patient,
        )
        self.performing.attach(self.desk.engine)

    def _start(self, rows: Sequence[object]) -> None:
        self.performing.start(rows)  # type: ignore[arg-type]

    async def __aenter__(self) -> Desk:
        await self.desk.engine.start()
        return self.desk

    async def __aexit__(self, *_: object) -> None:
        await self.performing.stop()
        await self.desk.engine.stop()


@in_virtual_time
async def test_an_effect_is_performed_once_durable_and_its_outcome_settles_it() -> None:
    belfry = Belfry()
    async with Tower(belfry) as desk:
        desk.journal.gate.clear()
        ordered = desk.engine.submit(key="k", command=Ring(bell="big"), actor="a")
        await asyncio.sleep(5)  # sleeps: in virtual time
        assert belfry.rung == []
        desk.journal.gate.set()
        await ordered
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert belfry.rung == [("big", "main:1:0")]
        assert desk.counters() == {"ordered": 1, "bell:big": 1}
        assert desk.disk.outbox == {}


@pytest.mark.parametrize("outage", [NotDone("busy"), OutcomeUnknown("no answer")])
@in_virtual_time
async def test_an_outage_is_met_by_asking_again_under_the_same_id(outage: Exception) -> None:
    belfry = Belfry(outage, outage, outage)
    async with Tower(belfry) as desk:
        await desk.ask("k", Ring(bell="big"))
        await asyncio.sleep(60)  # sleeps: in virtual time
        assert belfry.rung == [("big", "main:1:0")] * 4
        assert desk.counters()["bell:big"] == 1
        assert desk.disk.outbox == {}


@in_virtual_time
async def test_an_effect_outlives_the_process_that_ordered_it() -> None:
    deaf = Tower(Belfry(*[OutcomeUnknown("no answer")] * 99))
    async with deaf as desk:
        await desk.ask("k", Ring(bell="big"))
        await asyncio.sleep(1)  # sleeps: in virtual time
    belfry = Belfry()
    async with Tower(belfry, disk=deaf.desk.disk) as desk:
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert belfry.rung == [("big", "main:1:0")]
        assert desk.counters()["bell:big"] == 1


@in_virtual_time
async def test_an_outcome_whose_commit_failed_is_recorded_once() -> None:
    async with Tower(Belfry()) as desk:
        desk.journal.fates.extend(["ok", "unheard"])
        await desk.ask("k", Ring(bell="big"))
        await asyncio.sleep(60)  # sleeps: in virtual time
        assert desk.counters()["bell:big"] == 1
        assert desk.disk.outbox == {}


@in_virtual_time
async def test_an_effect_that_exhausts_its_attempts_is_parked_and_gets_a_new_round_later() -> None:
    belfry = Belfry(*[NotDone("busy")] * (ATTEMPTS_MAX + 1))
    tower = Tower(belfry)
    async with tower as desk:
        await desk.ask("k", Ring(bell="big"))
        await asyncio.sleep(PARKED_PAUSE_S)  # sleeps: in virtual time
        assert len(belfry.rung) == ATTEMPTS_MAX
        assert tower.performing.parked == {(1, 0)} == set(desk.disk.outbox)
        assert tower.performing.under_way == 0
        await asyncio.sleep(PARKED_PAUSE_S)  # sleeps: in virtual time
        assert len(belfry.rung) == ATTEMPTS_MAX + 2
        assert tower.performing.parked == set() == set(desk.disk.outbox)


@in_virtual_time
async def test_effects_that_wait_for_their_next_attempt_hold_no_other_up() -> None:
    waiting = CONCURRENT_MAX * 2
    belfry = Belfry(*[NotDone("busy")] * waiting)
    async with Tower(belfry) as desk:
        for number in range(waiting):
            await desk.ask(f"k{number}", Ring(bell="slow"))
        await desk.ask("last", Ring(bell="quick"))
        await asyncio.sleep(PAUSE_FIRST_S / 2)  # sleeps: in virtual time
        assert desk.counters().get("bell:quick") == 1


@in_virtual_time
async def test_an_effect_whose_outcome_is_refused_is_parked_at_once() -> None:
    tower = Tower(Belfry())
    async with tower as desk:
        await desk.ask("heard:main:2:0", Add(counter="a", amount=1))
        await desk.ask("k", Ring(bell="big"))
        await asyncio.sleep(60)  # sleeps: in virtual time
        assert tower.performing.parked == {(2, 0)} == set(desk.disk.outbox)


@in_virtual_time
async def test_a_performer_with_a_bug_parks_its_effect_and_no_other() -> None:
    tower = Tower(Belfry(ZeroDivisionError("a bug")))
    async with tower as desk:
        await desk.ask("k1", Ring(bell="one"))
        await asyncio.sleep(1)  # sleeps: in virtual time
        await desk.ask("k2", Ring(bell="two"))
        await asyncio.sleep(60)  # sleeps: in virtual time
        assert tower.performing.parked == {(1, 0)} == set(desk.disk.outbox)
        assert desk.counters()["bell:two"] == 1


@in_virtual_time
async def test_an_effect_that_nobody_performs_is_parked() -> None:
    tower = Tower()
    async with tower as desk:
        await desk.ask("k", Ring(bell="big"))
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert tower.performing.parked == {(1, 0)}


# -- patient performers ---------------------------------------------------------------------------


class Sexton:
    """Rings when it is let: then all bells that wait, and tells of all of them at once."""

    effects: tuple[type[Effect], ...] = (RingBell,)

    def __init__(self, *fails: Exception) -> None:
        self.taken: list[tuple[str, tuple[int, int]]] = []
        self.fails = list(fails)
        self.let = asyncio.Event()

    def take(self, effect: Effect, effect_id: tuple[int, int]) -> None:
        assert isinstance(effect, RingBell)
        self.taken.append((effect.bell, effect_id))

    async def run(self, tell: Callable[[Told], Awaitable[None]]) -> None:
        while True:
            await self.let.wait()
            self.let.clear()
            if self.fails:
                raise self.fails.pop(0)
            rung, self.taken = self.taken, []
            bells = "+".join(dict.fromkeys(bell for bell, _ in rung))
            ids = [id_ for _, id_ in rung]
            await tell(Told(f"heard:{bells}", HearBell(bell=bells), ids))


@in_virtual_time
async def test_one_outcome_of_a_patient_performer_settles_many_effects_in_one_row() -> None:
    sexton = Sexton()
    async with Tower(patient=[sexton]) as desk:
        for bell in ("big", "small", "cracked"):
            await desk.ask(bell, Ring(bell=bell))
        assert len(desk.disk.outbox) == 3
        sexton.let.set()
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert desk.disk.outbox == {}
        assert desk.counters() == {"ordered": 3, "bell:big+small+cracked": 1}
        assert len(desk.disk.entries) == 4


@in_virtual_time
async def test_a_patient_performer_waits_for_an_hour_beside_the_others_and_is_never_parked() -> (
    None
):
    sexton = Sexton()
    tower = Tower(patient=[sexton])
    async with tower as desk:
        for number in range(CONCURRENT_MAX * 2):
            await desk.ask(f"k{number}", Ring(bell="b"))
        await asyncio.sleep(3_600)  # sleeps: in virtual time
        assert tower.performing.parked == set()
        assert tower.performing.under_way == CONCURRENT_MAX * 2
        sexton.let.set()
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert tower.performing.under_way == 0
        assert desk.disk.outbox == {}


@pytest.mark.parametrize("fate", ["failed", "lost", "unheard"])
@in_virtual_time
async def test_what_a_patient_performer_tells_survives_a_commit_that_fails(fate: str) -> None:
    sexton = Sexton()
    async with Tower(patient=[sexton]) as desk:
        await desk.ask("k", Ring(bell="big"))
        desk.journal.fates.append(fate)
        sexton.let.set()
        await asyncio.sleep(60)  # sleeps: in virtual time
        assert desk.counters()["bell:big"] == 1
        assert desk.disk.outbox == {}
        assert sexton.taken == [], "the engine's recovery gave it the effect again"


@in_virtual_time
async def test_a_patient_performer_that_meets_a_bug_goes_on_later() -> None:
    sexton = Sexton(ZeroDivisionError("a bug"))
    async with Tower(patient=[sexton]) as desk:
        await desk.ask("k", Ring(bell="big"))
        sexton.let.set()
        await asyncio.sleep(60)  # sleeps: in virtual time
        sexton.let.set()
        await asyncio.sleep(60)  # sleeps: in virtual time
        assert desk.disk.outbox == {}


@in_virtual_time
async def test_what_a_patient_performer_may_not_tell_parks_its_effects() -> None:
    sexton = Sexton()
    tower = Tower(patient=[sexton])
    async with tower as desk:
        await desk.ask("heard:big", Add(counter="a", amount=1))
        await desk.ask("k", Ring(bell="big"))
        sexton.let.set()
        await asyncio.sleep(1)  # sleeps: in virtual time
        assert tower.performing.parked == {(2, 0)} == set(desk.disk.outbox)
