"""What is the cheapest way to settle a cycle, and how good is it?

Who settles (`selection`, when caps bind), who shares wires (`wires`), which trades square us
(`fx`), and the price of all that next to the price of doing without (`costs`). Wires and trades do
not depend on each other: positions of currencies are the same whoever shares wires.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from nostro.netting.commands import Caps, CostReport, FxTrade, Obligation, Plan, RateSet
from nostro.netting.conversion import REPORT_CURRENCY, Mid
from nostro.netting.costs import PPM, Baselines, Tariff, baselines, cents, value_cents
from nostro.netting.fx import Squared, square
from nostro.netting.milp import search
from nostro.netting.positions import Chosen, named, net, platform_positions, sums_by
from nostro.netting.problem import Problem
from nostro.netting.selection import (
    Selection,
    as_chosen,
    greedy,
    polish,
    rows_of,
    seniors_first,
    total_worth,
    worth_of,
)
from nostro.netting.wires import gross_ones, wires_min

TOO_SMALL = "netting.amount_too_small"


def plan_cycle(
    obligations: Sequence[Obligation],
    *,
    cycle_id: str,
    gross: bool,
    rates: RateSet,
    caps: Caps,
    tariff: Tariff,
    deadline_ms: int | None = None,
) -> Plan:
    """Return the plan of a cycle: who settles netted, gross or later, and the trades.

    `gross` (RTGS): each payment on its own wire and with its own trade, no caps. Otherwise caps
    count what settles netted or gross; who does not fit is deferred with `netting.net_debit_cap`,
    `netting.bilateral_limit` or `netting.platform_liquidity`. A payment that is worth less than
    half a unit of what the payee is to get waits with `netting.amount_too_small`. `deadline_ms`
    lets HiGHS look for a better selection that long, when caps bind; without it the plan is a
    function of its arguments.
    The trades square all that settles, netted and gross. `report.solve_us` is 0: no clock is read.
    Costs never exceed the gross cost. Raises Rejection `netting.rate_missing`.
    """
    problem = Problem(obligations, Mid(rates))
    waiting: dict[int, str] = {}
    if not problem.target_minor.all():
        waiting = dict.fromkeys(np.flatnonzero(problem.target_minor == 0).tolist(), TOO_SMALL)
        kept = [each for place, each in enumerate(obligations) if place not in waiting]
        problem = Problem(kept, problem.mid)
    if gross:
        plan = _gross_plan(problem, cycle_id, rates, tariff)
    else:
        plan = _netted_plan(problem, cycle_id, rates, caps, tariff, deadline_ms)
    if not waiting:
        return plan
    reasons = dict(plan.deferred)
    reasons |= {obligations[place].transaction_id: reason for place, reason in waiting.items()}
    names = [each.transaction_id for each in obligations]
    deferred = [(name, reasons[name]) for name in names if name in reasons]
    return msgspec.structs.replace(plan, deferred=deferred)


def _netted_plan(
    problem: Problem,
    cycle_id: str,
    rates: RateSet,
    caps: Caps,
    tariff: Tariff,
    deadline_ms: int | None,
) -> Plan:
    """Return the plan of a cycle that settles together."""
    chosen, deferred, method = _select(problem, caps, deadline_ms)
    alone = gross_ones(problem, chosen, tariff)
    positions = named(problem, net(problem, chosen & ~alone))
    prices = baselines(problem, chosen, tariff)
    squared = _squared(problem, chosen, tariff, prices)
    single = int(alone.sum())
    cost = squared.cost + len(positions) * tariff.consolidated_cost + single * tariff.wire_cost
    report = _report(
        problem,
        chosen,
        tariff,
        prices,
        squared=squared,
        cost=cost,
        wires=len(positions) + single,
        method=method,
    )
    return Plan(
        cycle_id=cycle_id,
        rate_set=rates,
        gross=[problem.obligations[place].transaction_id for place in alone.nonzero()[0].tolist()],
        deferred=deferred,
        positions=positions,
        fx_trades=squared.trades,
        report=report,
    )


def _gross_plan(problem: Problem, cycle_id: str, rates: RateSet, tariff: Tariff) -> Plan:
    """Return the plan of a cycle in which nothing waits for anything else."""
    everyone = problem.all()
    prices = baselines(problem, everyone, tariff)
    squared = _pair_by_pair(problem, everyone, prices)
    report = _report(
        problem,
        everyone,
        tariff,
        prices,
        squared=squared,
        cost=prices.gross,
        wires=len(problem),
        method="gross",
    )
    return Plan(
        cycle_id=cycle_id,
        rate_set=rates,
        gross=[obligation.transaction_id for obligation in problem.obligations],
        positions=[],
        fx_trades=squared.trades,
        report=report,
    )


def _select(
    problem: Problem, caps: Caps, deadline_ms: int | None
) -> tuple[Chosen, list[tuple[str, str]], str]:
    """Return who settles, who waits and why, and how that was found."""
    rows = rows_of(problem, caps)
    size = len(problem)
    if not rows or Selection(size, rows, range(size)).holds():
        return problem.all(), [], "positions"
    worth = worth_of(problem)
    best, method = greedy(problem, rows, worth), "greedy"
    if deadline_ms is not None and deadline_ms > 0:
        found = search(rows, worth, best.chosen, deadline_ms)
        if found is not None:
            method = "milp"
            other = Selection(size, rows, [p for p, inside in enumerate(found.chosen) if inside])
            other.repair(sorted(range(size), key=lambda place: (worth[place], place)))
            polish(other, worth)
            if total_worth(other.chosen, worth) > total_worth(best.chosen, worth):
                best = other
    seniors_first(problem, best)
    assert best.holds(), "a selection that breaks a cap is no selection"
    deferred = [
        (obligation.transaction_id, best.reason(place))
        for place, obligation in enumerate(problem.obligations)
        if not best.chosen[place]
    ]
    return as_chosen(best), deferred, method


def _squared(problem: Problem, chosen: Chosen, tariff: Tariff, prices: Baselines) -> Squared:
    """Return the trades that square what settles: pooled, or pair by pair when rounding makes
    that cheaper (a cycle of a few units)."""
    pooled = square(
        platform_positions(problem, chosen),
        currencies=problem.currencies,
        unit_values=problem.unit_values,
        spreads=tariff.table(problem.currencies),
        mid=problem.mid,
    )
    return pooled if pooled.cost <= prices.gross_fx else _pair_by_pair(problem, chosen, prices)


def _pair_by_pair(problem: Problem, chosen: Chosen, prices: Baselines) -> Squared:
    """Return one trade for each pair, of exactly what the payments need."""
    size = len(problem.currencies)
    pairs = problem.pair[chosen]
    sold = sums_by(problem, pairs, problem.source_minor[chosen], size * size).tolist()
    bought = sums_by(problem, pairs, problem.target_minor[chosen], size * size).tolist()
    trades: list[FxTrade] = []
    for pair, (out, back) in enumerate(zip(sold, bought, strict=True)):
        source, target = divmod(pair, size)
        if out and source != target:
            one, other = problem.currencies[source], problem.currencies[target]
            trades.append(FxTrade(one, out, other, back))
    return Squared(
        trades=trades,
        residuals={},
        cost=prices.gross_fx,
        bound=prices.gross_fx,
        volume=prices.gross_value,
    )


def _report(
    problem: Problem,
    chosen: Chosen,
    tariff: Tariff,
    prices: Baselines,
    *,
    squared: Squared,
    cost: int,
    wires: int,
    method: str,
) -> CostReport:
    """Return what the plan costs next to the others. Of a gross cycle the bound is of its pool."""
    count = int(chosen.sum())
    bound = squared.bound
    if method == "gross":
        bound = _squared(problem, chosen, tariff, prices).bound
    fewest = wires_min(net(problem, chosen).tolist())
    lower = min(
        cost, min(bound, squared.cost) + fewest * min(tariff.consolidated_cost, tariff.wire_cost)
    )
    return CostReport(
        currency=REPORT_CURRENCY,
        gross_cost_minor=cents(prices.gross),
        grouped_cost_minor=cents(prices.grouped),
        cost_minor=cents(cost),
        lower_bound_minor=cents(lower),
        gap_ppm=(cost - lower) * PPM // lower if lower else 0,
        wires_before=count,
        wires_after=wires,
        fx_gross_minor=value_cents(prices.gross_value),
        fx_volume_minor=value_cents(squared.volume),
        saving_ppm=(prices.gross - cost) * PPM // prices.gross if prices.gross else 0,
        method=method,
        solve_us=0,
        bilateral_cost_minor=cents(prices.bilateral),
    )
