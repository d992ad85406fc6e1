"""How does a cycle get its plan: rates frozen, payments without a rate set aside, the rest planned?

A cycle never hangs: when there are no rates, or only stale ones, for longer than the attempts last,
its payments wait for another window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
import structlog

from nostro.adapters.fx.port import RateSource
from nostro.adapters.netting.worker import PlanTask, PlanWorker, planned
from nostro.kernel.codec import content_hash
from nostro.kernel.messages import Command, Effect, Rejection
from nostro.netting import (
    NO_RATES,
    REPORT_CURRENCY,
    REPORT_OF_NOTHING,
    Freshness,
    Obligation,
    OptimiseCycle,
    Plan,
    RatePolicy,
    RateSet,
    RecordPlan,
    Tariff,
)
from nostro.runtime.ports import Clock, NotDone, Outage

INLINE_MAX = 2_000
"""Payments that are planned right here, where nothing binds: 2 ms, less than sending them away."""
INLINE_FREE_MAX = 20_000
"""The same without any cap: 10 ms, as long as encoding them for another process takes."""
ATTEMPTS_MAX = 9
"""Calls without usable rates after which the payments wait: some 50 s with the runtime's pauses."""
RATES_UNAVAILABLE = "netting.rates_unavailable"
RATES_STALE = "netting.rates_stale"
SOLVED = frozenset({"greedy", "milp"})
"""Methods of a plan in which caps bind."""

log = structlog.get_logger(__name__)


class OptimiserPerformer:
    """Performs OptimiseCycle; implements runtime.ports.Performer.

    `tariff` and `rate_policy` are those of the netting room. Without a `worker` everything is
    planned here, without the solver, and is a function of obligations, caps and rates. `rates_on`:
    the day of the past whose rates are used (None: the newest).
    """

    effects: tuple[type[Effect], ...] = (OptimiseCycle,)

    def __init__(
        self,
        *,
        rates: RateSource,
        clock: Clock,
        tariff: Tariff | None = None,
        rate_policy: RatePolicy | None = None,
        worker: PlanWorker | None = None,
        rates_on: date | None = None,
    ) -> None:
        self._rates = rates
        self._clock = clock
        self._tariff = tariff or Tariff()
        self._policy = rate_policy or RatePolicy()
        self._worker = worker
        self._rates_on = rates_on
        self._attempts: dict[str, int] = {}

    async def perform(self, effect: Effect, effect_id: str) -> Sequence[tuple[str, Command]]:
        """Return the plan of a cycle. Another call may come to another plan (rates move, a solver
        is stopped by the clock): it has another key, and the room takes the first."""
        assert isinstance(effect, OptimiseCycle)
        try:
            plan = await self._planned(effect)
        except Outage as outage:
            attempt = self._attempts[effect_id] = self._attempts.get(effect_id, 0) + 1
            if attempt < ATTEMPTS_MAX:
                raise
            log.warning("cycle_without_rates", cycle_id=effect.cycle_id, why=str(outage))
            reason = RATES_STALE if isinstance(outage, _Stale) else RATES_UNAVAILABLE
            plan = _all_wait(effect, {}, reason)
        self._attempts.pop(effect_id, None)
        command = RecordPlan(plan=plan)
        return [(f"{effect_id}:{content_hash(command).hex()[:32]}", command)]

    async def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            await self._worker.close()

    async def _planned(self, effect: OptimiseCycle) -> Plan:
        try:
            rates, unknown = await self._frozen(effect)
        except Rejection as no:
            return _all_wait(effect, {}, no.code)
        freshness = self._policy.judge(rates, at_us=self._clock.now_us())
        if freshness is Freshness.STALE:
            raise _Stale(f"rates as of {rates.as_of_us} of the kind {rates.kind} are stale")
        if freshness is Freshness.WARN:
            log.warning("rates_old", cycle_id=effect.cycle_id, as_of_us=rates.as_of_us)
        kept, waiting = _apart(effect.obligations, unknown)
        if not kept:
            return _all_wait(effect, waiting, RATES_UNAVAILABLE)
        task = PlanTask(
            cycle_id=effect.cycle_id,
            gross=effect.gross,
            obligations=kept,
            rates=rates,
            caps=effect.caps,
            tariff=self._policy.tariff(self._tariff, freshness),
        )
        started_us = self._clock.now_us()
        plan = await self._solved(task)
        solve_us = self._clock.now_us() - started_us
        report = msgspec.structs.replace(plan.report, solve_us=max(0, solve_us))
        deferred = plan.deferred
        if waiting:
            reasons = {**dict(deferred), **waiting}
            deferred = _in_order(effect.obligations, reasons)
        return msgspec.structs.replace(plan, report=report, deferred=deferred)

    async def _frozen(self, effect: OptimiseCycle) -> tuple[RateSet, dict[str, str]]:
        """Return one frozen set, and why there is no rate of which currencies. Raises Rejection
        when there is none of any, or of what costs are told in."""
        currencies = {each.source_currency for each in effect.obligations}
        currencies |= {each.destination_currency for each in effect.obligations}
        unknown: dict[str, str] = {}
        for _ in range(len(currencies) + 1):
            try:
                return await self._rates.rates(sorted(currencies), self._rates_on), unknown
            except Rejection as no:
                currency = no.facts.get("currency")
                if currency == REPORT_CURRENCY or currency not in currencies:
                    raise
                unknown[currency] = no.code
                currencies.discard(currency)
        raise AssertionError("each turn takes a currency away")

    async def _solved(self, task: PlanTask) -> Plan:
        """Return the plan, from the worker where caps bind or it is large."""
        worker, size = self._worker, len(task.obligations)
        free = task.gross or not (task.caps.net_debit or task.caps.bilateral or task.caps.platform)
        if worker is None or size <= (INLINE_FREE_MAX if free else INLINE_MAX):
            plan = planned(task)
            if worker is None or plan.report.method not in SOLVED:
                return plan
            return await _or(worker, task, plan)
        return await _or(worker, task, None)


class _Stale(NotDone):
    """There are rates, but too old ones."""


async def _or(worker: PlanWorker, task: PlanTask, in_hand: Plan | None) -> Plan:
    """Return the worker's plan, or the one in hand, which needs no solver."""
    try:
        return await worker.plan(task)
    except NotDone as outage:
        log.warning("plan_without_solver", cycle_id=task.cycle_id, why=str(outage))
        return planned(task) if in_hand is None else in_hand


def _apart(
    obligations: list[Obligation], unknown: Mapping[str, str]
) -> tuple[list[Obligation], dict[str, str]]:
    """Return the payments that can be planned, and why the others wait."""
    if not unknown:
        return obligations, {}
    kept: list[Obligation] = []
    waiting: dict[str, str] = {}
    for each in obligations:
        reason = unknown.get(each.source_currency) or unknown.get(each.destination_currency)
        if reason is None:
            kept.append(each)
        else:
            waiting[each.transaction_id] = reason
    return kept, waiting


def _in_order(
    obligations: Sequence[Obligation], reasons: Mapping[str, str]
) -> list[tuple[str, str]]:
    return [
        (each.transaction_id, reasons[each.transaction_id])
        for each in obligations
        if each.transaction_id in reasons
    ]


def _all_wait(effect: OptimiseCycle, reasons: Mapping[str, str], reason: str) -> Plan:
    """Return the plan in which every payment waits, for its own reason or this one."""
    return Plan(
        cycle_id=effect.cycle_id,
        rate_set=NO_RATES,
        deferred=[
            (each.transaction_id, reasons.get(each.transaction_id, reason))
            for each in effect.obligations
        ],
        positions=[],
        fx_trades=[],
        report=REPORT_OF_NOTHING,
    )
