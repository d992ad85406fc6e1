"""How does a cycle get its plan, and what when rates or the other process fail?"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro.adapters.fx import EcbHistory, FileRates
from nostro.adapters.netting import OptimiserPerformer, PlanTask, PlanWorker
from nostro.adapters.netting.performer import ATTEMPTS_MAX
from nostro.netting import (
    NO_RATES,
    BatchOptimized,
    Caps,
    Obligation,
    OptimiseCycle,
    Plan,
    RatePolicy,
    RecordPlan,
    plan_cycle,
)
from nostro.runtime.ports import NotDone
from tests.rooms.netting.room.play import CYCLE, NOW_US, RATES, TARIFF, Play, drawn

EFFECT_ID = "main:7:0"
TWENTY = drawn(20)
BINDING = Caps(net_debit=[(f"BANK{number:02d}", "EUR", 3_000_000) for number in range(6)])


class Clock:
    """A clock that is set by hand."""

    def __init__(self, time_us: int = NOW_US) -> None:
        self.time_us = time_us

    def now_us(self) -> int:
        return self.time_us

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the runtime waits, not the performer")


def effect(
    obligations: list[Obligation], *, gross: bool = False, caps: Caps | None = None
) -> OptimiseCycle:
    return OptimiseCycle(
        cycle_id=CYCLE,
        gross=gross,
        value_date="2026-11-20",
        obligations=obligations,
        caps=caps or Caps(),
    )


class Desk:
    """A performer, its file of rates, and a room that must take its plans."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.path = folder / "rates.json"
        self.clock = Clock()
        self.policy = options.get("rate_policy") or RatePolicy()
        self.performer = OptimiserPerformer(
            rates=FileRates(self.path, clock=self.clock), clock=self.clock, tariff=TARIFF, **options
        )
        self.write()

    def write(self, **fields: Any) -> None:
        """Replace the file: rates of now."""
        told: dict[str, Any] = {
            "base": "EUR",
            "timestamp": NOW_US // 1_000_000,
            "kind": "executable",
            "rates": {"USD": "1.1172", "JPY": "175.68"},
        }
        self.path.write_text(json.dumps(told | fields))

    async def plan(self, asked: OptimiseCycle) -> tuple[str, Plan]:
        """Perform, and return the key and the plan."""
        ((key, command),) = await self.performer.perform(asked, EFFECT_ID)
        assert isinstance(command, RecordPlan)
        return key, command.plan

    async def taken(self, asked: OptimiseCycle) -> BatchOptimized:
        """Perform, and have the room take the plan."""
        _, plan = await self.plan(asked)
        play = Play(rate_policy=self.policy)
        play.opened(asked.obligations, gross=asked.gross, caps=asked.caps)
        optimised = play.when(RecordPlan(plan=plan), at_us=self.clock.time_us)[-1]
        assert isinstance(optimised, BatchOptimized)
        return optimised


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# -- rates -----------------------------------------------------------------------------------------


async def test_without_rates_it_is_asked_again_and_at_last_all_payments_wait(desk: Desk) -> None:
    desk.path.unlink()
    for _ in range(ATTEMPTS_MAX - 1):
        with pytest.raises(NotDone):
            await desk.plan(effect(TWENTY))
    optimised = await desk.taken(effect(TWENTY))
    assert optimised.batch_ids == []
    assert {reason for _, reason in optimised.deferred} == {"netting.rates_unavailable"}
    assert optimised.rate_set == NO_RATES


async def test_rates_that_come_back_are_used_and_the_attempts_start_over(desk: Desk) -> None:
    desk.path.unlink()
    for _ in range(2):
        for _ in range(ATTEMPTS_MAX - 1):
            with pytest.raises(NotDone):
                await desk.plan(effect(TWENTY))
        desk.write()
        assert (await desk.taken(effect(TWENTY))).deferred == []
        desk.path.unlink()


async def test_stale_rates_are_waited_for_and_then_all_payments_wait(desk: Desk) -> None:
    desk.clock.time_us += 61_000_000
    for _ in range(ATTEMPTS_MAX - 1):
        with pytest.raises(NotDone):
            await desk.plan(effect(TWENTY))
    optimised = await desk.taken(effect(TWENTY))
    assert {reason for _, reason in optimised.deferred} == {"netting.rates_stale"}


async def test_old_indicative_rates_make_spreads_wider(desk: Desk) -> None:
    desk.write(kind="indicative")
    fresh = await desk.taken(effect(TWENTY))
    desk.clock.time_us += 1_000_000_000
    old = await desk.taken(effect(TWENTY))
    assert old.report.gross_cost_minor > fresh.report.gross_cost_minor


async def test_payments_of_a_currency_without_a_rate_wait_and_the_others_settle(
    desk: Desk,
) -> None:
    desk.write(rates={"USD": "1.1172"})
    optimised = await desk.taken(effect(TWENTY))
    waiting = [
        (each.transaction_id, "fx.rate_unknown")
        for each in TWENTY
        if "JPY" in (each.source_currency, each.destination_currency)
    ]
    assert optimised.deferred == waiting
    assert 0 < len(waiting) < len(TWENTY)
    assert optimised.batch_ids == [f"{CYCLE}.1"]


async def test_payments_below_the_smallest_unit_wait_beside_those_without_a_rate(
    desk: Desk,
) -> None:
    desk.write(rates={"USD": "1.1172", "IDR": "20275.17"})
    dust = Obligation("dust", "BANK00", "IDR", 1, "BANK01", "EUR")
    optimised = await desk.taken(effect([*TWENTY, dust]))
    assert optimised.deferred[-1] == ("dust", "netting.amount_too_small")
    assert {reason for _, reason in optimised.deferred[:-1]} == {"fx.rate_unknown"}


async def test_without_a_rate_of_the_dollar_all_payments_wait(desk: Desk) -> None:
    desk.write(rates={"JPY": "175.68"})
    optimised = await desk.taken(effect(TWENTY))
    assert {reason for _, reason in optimised.deferred} == {"fx.rate_unknown"}
    assert len(optimised.deferred) == len(TWENTY)


async def test_when_no_payment_has_rates_all_of_them_wait_for_their_own_reason() -> None:
    roubles = [Obligation("1", "A", "RUB", 100, "B", "RUB")]
    clock = Clock()
    performer = OptimiserPerformer(
        rates=EcbHistory(clock=clock),
        clock=clock,
        rate_policy=RatePolicy.off(),
        rates_on=date(2026, 10, 30),
    )
    ((_, command),) = await performer.perform(effect(roubles), EFFECT_ID)
    assert isinstance(command, RecordPlan)
    assert command.plan.deferred == [("1", "fx.currency_discontinued")]


async def test_a_day_of_the_past_is_planned_at_its_rates() -> None:
    clock = Clock()
    performer = OptimiserPerformer(
        rates=EcbHistory(clock=clock),
        clock=clock,
        tariff=TARIFF,
        rate_policy=RatePolicy.off(),
        rates_on=date(2020, 3, 16),
    )
    ((_, command),) = await performer.perform(effect(TWENTY), EFFECT_ID)
    play = Play(rate_policy=RatePolicy.off()).opened(TWENTY)
    assert isinstance(play.when(command)[-1], BatchOptimized)
    assert play.body["rates"] == "not_judged"


# -- keys ------------------------------------------------------------------------------------------


async def test_the_same_plan_comes_under_the_same_key_and_another_under_another(
    desk: Desk,
) -> None:
    first, _ = await desk.plan(effect(TWENTY))
    assert (await desk.plan(effect(TWENTY)))[0] == first
    desk.write(rates={"USD": "1.1173", "JPY": "175.68"})
    assert (await desk.plan(effect(TWENTY)))[0] != first
    assert first.startswith(f"{EFFECT_ID}:")


async def test_a_gross_cycle_and_one_under_caps_are_planned_so_that_the_room_takes_them(
    desk: Desk,
) -> None:
    gross = await desk.taken(effect(TWENTY, gross=True, caps=BINDING))
    assert len(gross.gross) == len(TWENTY)
    bound = await desk.taken(effect(TWENTY, caps=BINDING))
    assert bound.report.method == "greedy"
    assert {reason for _, reason in bound.deferred} == {"netting.net_debit_cap"}


# -- the other process -----------------------------------------------------------------------------


async def test_where_caps_bind_another_process_looks_for_better(tmp_path: Path) -> None:
    worker = PlanWorker(deadline_ms=500)
    desk = Desk(tmp_path, worker=worker)
    try:
        assert (await desk.taken(effect(TWENTY))).report.method == "positions"
        assert worker.pid is None, "nothing binds: nobody else is asked"
        optimised = await desk.taken(effect(TWENTY, caps=BINDING))
        assert optimised.report.method == "milp"
        first = worker.pid
        await desk.taken(effect(TWENTY, caps=BINDING))
        assert worker.pid == first, "the process is kept"
    finally:
        await desk.performer.close()
    assert worker.pid is None


async def test_a_process_that_was_killed_leaves_the_plan_in_hand_and_is_replaced(
    tmp_path: Path,
) -> None:
    worker = PlanWorker(deadline_ms=500)
    desk = Desk(tmp_path, worker=worker)
    try:
        await desk.taken(effect(TWENTY, caps=BINDING))
        killed = worker.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        optimised = await desk.taken(effect(TWENTY, caps=BINDING))
        assert optimised.report.method in ("greedy", "milp")
        assert (await desk.taken(effect(TWENTY, caps=BINDING))).report.method == "milp"
        assert worker.pid not in (None, killed)
    finally:
        await desk.performer.close()


async def test_a_process_that_misses_its_deadline_is_killed(tmp_path: Path) -> None:
    worker = PlanWorker(deadline_ms=1, grace_s=0.01)
    desk = Desk(tmp_path, worker=worker)
    optimised = await desk.taken(effect(TWENTY, caps=BINDING))
    assert optimised.report.method == "greedy"
    assert worker.pid is None
    await desk.performer.close()


async def test_what_it_cannot_plan_ends_the_process_and_is_an_outage() -> None:
    worker = PlanWorker(deadline_ms=100)
    try:
        with pytest.raises(NotDone):
            await worker.plan(msgspec.structs.replace(_task(), rates=NO_RATES))
        assert (await worker.plan(_task())).cycle_id == CYCLE
    finally:
        await worker.close()


async def test_an_answer_that_nobody_waits_for_is_not_taken_for_the_next_one() -> None:
    worker = PlanWorker(deadline_ms=100)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await worker.plan(msgspec.structs.replace(_task(), cycle_id="old"))
        assert (await worker.plan(_task())).cycle_id == CYCLE
    finally:
        await worker.close()


async def test_the_plan_of_the_other_process_is_the_one_made_here() -> None:
    amounts = msgspec.structs.replace(_task(), obligations=_large(), caps=Caps())
    worker = PlanWorker(deadline_ms=100)
    try:
        here = plan_cycle(
            amounts.obligations,
            cycle_id=CYCLE,
            gross=False,
            rates=RATES,
            caps=Caps(),
            tariff=TARIFF,
        )
        assert await worker.plan(amounts) == here
    finally:
        await worker.close()


def _task() -> PlanTask:
    return PlanTask(
        cycle_id=CYCLE, gross=False, obligations=TWENTY, rates=RATES, caps=BINDING, tariff=TARIFF
    )


def _large() -> list[Obligation]:
    """Amounts beyond 64 bits."""
    return [
        msgspec.structs.replace(each, amount_minor=each.amount_minor * 10**25) for each in TWENTY
    ]
