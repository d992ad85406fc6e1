"""Which events follow from a command to netting, and when is the answer no?"""

from __future__ import annotations

from typing import Any

from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.room import Context, Decision
from nostro.netting import commands as c, events as e
from nostro.netting.batches import batches_of
from nostro.netting.costs import Tariff
from nostro.netting.rate_policy import Freshness, RatePolicy
from nostro.netting.rate_sets import NO_RATES, is_frozen
from nostro.netting.recheck import REPORT_OF_NOTHING, Checked, PlanWrong, check
from nostro.netting.state import Cycle, NettingState

EMPTY = "empty"
SETTLED = "settled"
PLANS_REFUSED_MAX = 5
"""Plans of one cycle that may be refused; with the last its payments wait for another window."""


def subject(command: Command) -> str:
    """Return the cycle that a command is about."""
    match command:
        case c.OpenCycle() | c.CloseCycle():
            return command.cycle_id
        case c.RecordPlan():
            return command.plan.cycle_id
    raise AssertionError(f"not a command of netting: {command!r:.200}")


def decide(
    state: NettingState, command: Command, context: Context, tariff: Tariff, policy: RatePolicy
) -> Decision:
    """Decide one command; raises Rejection."""
    match command:
        case c.OpenCycle():
            return _open(state, command, context)
        case c.RecordPlan():
            return _record(state, command.plan, context, tariff, policy)
        case c.CloseCycle():
            return _close(state, command)
    raise AssertionError(f"not a command of netting: {command!r:.200}")


def _open(state: NettingState, command: c.OpenCycle, context: Context) -> Decision:
    cycle_id = command.cycle_id
    if cycle_id in state.open or state.outcome(cycle_id, context.recalled) is not None:
        raise Rejection("netting.cycle_exists", cycle_id=cycle_id)
    body = {"cycle_id": cycle_id, "payments": len(command.obligations)}
    if not command.obligations:
        return Decision([e.CycleClosed(cycle_id, EMPTY)], body=body)
    opened = e.CycleOpened(
        cycle_id, command.gross, command.value_date, command.obligations, command.caps
    )
    return Decision([opened], body=body)


def _close(state: NettingState, command: c.CloseCycle) -> Decision:
    """One that is not under way has ended, perhaps so long ago that it has left memory."""
    cycle = state.open.get(command.cycle_id)
    body = {"cycle_id": command.cycle_id}
    if cycle is None:
        return Decision(body={**body, "exists": True})
    if not cycle.planned:
        raise Rejection("netting.cycle_not_planned", cycle_id=command.cycle_id)
    trades = cycle.fx_trades if command.outcome == SETTLED else []
    return Decision([e.CycleClosed(command.cycle_id, command.outcome, trades)], body=body)


# -- plans -----------------------------------------------------------------------------------------


def _record(
    state: NettingState, plan: c.Plan, context: Context, tariff: Tariff, policy: RatePolicy
) -> Decision:
    cycle = state.open.get(plan.cycle_id)
    if cycle is None:
        if state.outcome(plan.cycle_id, context.recalled) is None:
            raise Rejection("netting.cycle_unknown", cycle_id=plan.cycle_id)
        return Decision(body={"cycle_id": plan.cycle_id, "exists": True})
    if cycle.planned:
        return Decision(body={"cycle_id": plan.cycle_id, "exists": True})
    try:
        freshness = _judged(cycle, plan, context, policy)
        checked = check(cycle, plan, policy.tariff(tariff, freshness))
    except PlanWrong as wrong:
        no = Rejection("netting.plan_wrong", cycle_id=plan.cycle_id, **wrong.facts)
        return _refused(cycle, no)
    except Rejection as no:
        return _refused(cycle, no)
    return _taken(cycle, plan, checked, context, freshness)


def _judged(cycle: Cycle, plan: c.Plan, context: Context, policy: RatePolicy) -> Freshness:
    """Return how fresh the rates are; a plan that settles nothing needs none."""
    rates = plan.rate_set
    if not is_frozen(rates):
        raise PlanWrong("rate_set", rate_set_id=rates.rate_set_id)
    if len(plan.deferred) == len(cycle.obligations):
        return Freshness.NOT_JUDGED
    freshness = policy.judge(rates, at_us=context.at_us)
    if freshness is Freshness.STALE:
        raise Rejection(
            "netting.rates_stale",
            cycle_id=cycle.cycle_id,
            rate_set_id=rates.rate_set_id,
            kind=rates.kind,
            as_of_us=rates.as_of_us,
            at_us=context.at_us,
        )
    return freshness


def _taken(
    cycle: Cycle, plan: c.Plan, checked: Checked, context: Context, freshness: Freshness
) -> Decision:
    batches = batches_of(
        checked.items,
        cycle_id=cycle.cycle_id,
        value_date=cycle.value_date,
        rate_set=plan.rate_set,
        at_us=context.at_us,
    )
    optimised = e.BatchOptimized(
        cycle.cycle_id,
        [batch.batch_id for batch in batches],
        checked.gross,
        plan.deferred,
        plan.positions,
        plan.fx_trades,
        plan.rate_set,
        plan.report,
    )
    body: dict[str, Any] = {
        "cycle_id": cycle.cycle_id,
        "batches": len(batches),
        "payments": len(checked.items),
        "deferred": len(plan.deferred),
        "rates": freshness.value,
    }
    return Decision([*batches, optimised], body=body)


def _refused(cycle: Cycle, no: Rejection) -> Decision:
    """Ask for another plan, or, after enough of them, let every payment wait."""
    attempt = cycle.plans_refused + 1
    if attempt < PLANS_REFUSED_MAX:
        refused = e.PlanRefused(
            cycle.cycle_id,
            no.code,
            attempt,
            cycle.gross,
            cycle.value_date,
            cycle.obligations,
            cycle.caps,
        )
        return Decision([refused], refusal=no)
    deferred = [(each.transaction_id, no.code) for each in cycle.obligations]
    events: list[Event] = [
        e.BatchOptimized(cycle.cycle_id, [], [], deferred, [], [], NO_RATES, REPORT_OF_NOTHING)
    ]
    body = {"cycle_id": cycle.cycle_id, "deferred": len(deferred), "reason": no.code}
    return Decision(events, body=body)
