"""Does a cycle come to its plan through the journal, also when the first plans are refused?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date

from nostro.adapters.fx import EcbHistory
from nostro.adapters.netting import OptimiserPerformer
from nostro.flows.close_of_window import optimise
from nostro.kernel.messages import Event
from nostro.kernel.room import Flow
from nostro.netting import (
    EFFECTS,
    BatchOptimized,
    CycleOpened,
    NettingRoom,
    OpenCycle,
    PlanRefused,
    RatePolicy,
    RateSet,
    Tariff,
)
from nostro.runtime.house import House
from nostro.runtime.performers import Performing
from nostro.runtime.ports import NotDone
from tests.rooms.netting.room.play import CYCLE, drawn
from tests.runtime.desk import Desk, in_virtual_time

TWENTY = drawn(20)
FLOWS: dict[type[Event], Flow] = {CycleOpened: optimise, PlanRefused: optimise}  # type: ignore[dict-item]


class Flaky:
    """The ECB's history, which does not answer at first."""

    def __init__(self, history: EcbHistory, *, outages: int) -> None:
        self._history = history
        self._outages = outages

    async def rates(self, currencies: Sequence[str], at: date | None = None) -> RateSet:
        if self._outages:
            self._outages -= 1
            raise NotDone("not now")
        return await self._history.rates(currencies, at)


async def story(*, outages: int, priced_with: Tariff, seconds: int) -> list[Event]:
    """Open a cycle, let time pass, and return all events of the journal."""
    policy = RatePolicy.off()
    house = House(rooms=[NettingRoom(rate_policy=policy)], flows=FLOWS, effects=EFFECTS)
    performing: list[Performing] = []
    desk = Desk(house=house, on_effects=lambda rows: performing[0].start(rows))
    optimiser = OptimiserPerformer(
        rates=Flaky(EcbHistory(clock=desk.clock), outages=outages),
        clock=desk.clock,
        tariff=priced_with,
        rate_policy=policy,
        rates_on=date(2026, 10, 30),
    )
    performing.append(
        Performing(house=house, clock=desk.clock, chain="main", performers=[optimiser])
    )
    performing[0].attach(desk.engine)
    async with desk:
        command = OpenCycle(
            cycle_id=CYCLE, gross=False, value_date="2026-10-30", obligations=TWENTY
        )
        await desk.ask("open", command)
        await asyncio.sleep(seconds)  # sleeps: in virtual time
        await performing[0].stop()
        assert desk.disk.outbox == {}
        assert not performing[0].parked
    memory = house.new()
    return [event for entry in desk.disk.entries for event in house.replay(memory, entry)]


@in_virtual_time
async def test_a_cycle_waits_out_an_outage_of_the_rates() -> None:
    events = await story(outages=3, priced_with=Tariff(), seconds=10)
    optimised = events[-1]
    assert isinstance(optimised, BatchOptimized)
    assert optimised.deferred == []
    assert optimised.rate_set.provider == "ecb"


@in_virtual_time
async def test_a_cycle_whose_rates_never_come_lets_its_payments_wait() -> None:
    events = await story(outages=1_000, priced_with=Tariff(), seconds=120)
    optimised = events[-1]
    assert isinstance(optimised, BatchOptimized)
    assert len(optimised.deferred) == len(TWENTY)


@in_virtual_time
async def test_an_optimiser_with_another_tariff_is_refused_and_the_cycle_does_not_hang() -> None:
    events = await story(outages=0, priced_with=Tariff(wire_minor=1), seconds=10)
    assert [type(event) for event in events] == [CycleOpened, *[PlanRefused] * 4, BatchOptimized]
    optimised = events[-1]
    assert isinstance(optimised, BatchOptimized)
    assert {reason for _, reason in optimised.deferred} == {"netting.plan_wrong"}
