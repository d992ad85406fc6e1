"""How long does it take to plan a cycle, and how good is the plan when limits bind?

python -m benchmarks.optimiser [--quick]

Timed are: `plan_cycle` whole, from a list of obligations to the plan, for 1,000 and for 100,000;
the array work alone (positions, what we are long of, open wires, the exact cheapest trades) on
batches of 1,000 that are already arrays; and the selection under caps at several deadlines. The
baseline models the same cycle in PuLP and has CBC solve it: positions, wires, trades.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from math import log
from random import Random
from time import perf_counter
from typing import Any

import numpy as np
import pulp

from benchmarks.result import percentile, report
from nostro.netting import (
    Caps,
    Mid,
    Obligation,
    Plan,
    Problem,
    Rate,
    RateSet,
    Tariff,
    cheapest_flow,
    freeze,
    greedy,
    net,
    plan_cycle,
    platform_positions,
    rows_of,
    search,
    total_worth,
    worth_of,
)

TARGET_MS = 5.0
BANKS = 30
MEDIAN_CENTS, SIGMA = 1_000_000, 1.8
"""Log-normal around 10,000 USD: payments of small and middle-sized firms."""
PER_USD = {
    "EUR": (10853, 10000),
    "JPY": (66, 100),
    "GBP": (12701, 10000),
    "CNY": (1390, 10000),
    "AUD": (65, 100),
    "CAD": (72, 100),
    "CHF": (115, 100),
}
CURRENCIES = ("USD", *PER_USD)
WEIGHTS = (88, 31, 17, 13, 7, 6, 6, 5)
"""Shares of turnover, BIS triennial survey 2022."""
HARD = (("8 currencies", 25), ("8 currencies", 75), ("1 currency", 25), ("1 currency", 75))
"""Caps at this per cent of what each participant would owe net if all settled."""
DEADLINES_MS = (100, 500, 2_000)
CBC_SECONDS = 10


def main() -> None:
    """Time planning, array work and the search under caps; `--quick` takes fewer rounds."""
    quick = "--quick" in sys.argv[1:]
    thousand, many = _cycle(1_000, seed=1), _cycle(100_000, seed=2)
    plan = _planned(thousand)
    small = _times(lambda: _planned(thousand), rounds=50 if quick else 500)
    large = _times(lambda: _planned(many), rounds=3 if quick else 15)
    arrays = _array_work(seconds=0.5 if quick else 3.0)
    deadlines = DEADLINES_MS[:1] if quick else DEADLINES_MS
    baseline_ms, baseline_fx = _by_cbc(thousand)
    value = percentile(small, 0.5)
    details: dict[str, Any] = {
        "1,000 payments": _told(small),
        "100,000 payments": _told(large),
        "array work": "positions, platform positions, wires counted, exact cheapest trades",
        "array work, batches of 1,000 per second": round(arrays),
        "plan of 1,000": {
            "saving_percent": plan.report.saving_ppm / 10_000,
            "wires": [plan.report.wires_before, plan.report.wires_after],
            "gap_percent": plan.report.gap_ppm / 10_000,
        },
        "PuLP and CBC, same cycle": {
            "ms": round(baseline_ms, 1),
            "fx_cost_usd": round(baseline_fx, 2),
            "fx_cost_usd_here": _fx_cost(plan) / 100,
        },
        "caps bind, 1,000 payments": [_hard(kind, share, deadlines) for kind, share in HARD],
    }
    if quick:
        print(details)
        return
    report(
        name="optimiser",
        value=value,
        unit="ms to plan 1,000 payments, median",
        target=TARGET_MS,
        baseline="the same cycle as a model in PuLP, solved by CBC",
        ratio=baseline_ms / value,
        bound_by="one core of Python: names to numbers, then arrays",
        details=details,
    )


def _planned(cycle: Sequence[Obligation], **other: Any) -> Plan:
    arguments = {"cycle_id": "c", "gross": False, "caps": Caps(), "tariff": Tariff(), **other}
    return plan_cycle(cycle, rates=_rates(), **arguments)


def _rates() -> RateSet:
    rates = [Rate(currency, "USD", *rate) for currency, rate in PER_USD.items()]
    return freeze(provider="benchmark", kind="reference", as_of_us=0, fetched_at_us=0, rates=rates)


def _cycle(size: int, *, seed: int, currencies: Sequence[str] = CURRENCIES) -> list[Obligation]:
    draw = Random(seed)
    shares = [1 / (number + 1) for number in range(BANKS)]
    made = []
    for number in range(size):
        payer, payee = draw.choices(range(BANKS), shares, k=2)
        while payee == payer:
            payee = draw.randrange(BANKS)
        source, target = draw.choices(currencies, WEIGHTS[: len(currencies)], k=2)
        numerator, denominator = PER_USD.get(source, (1, 1))
        cents = int(draw.lognormvariate(log(MEDIAN_CENTS), SIGMA)) + 100
        amount = max(1, cents * denominator // numerator)
        made.append(
            Obligation(f"t{number}", f"B{payer}", source, amount, f"B{payee}", target, 5, number)
        )
    return made


def _times(deed: Callable[[], object], *, rounds: int) -> list[float]:
    """Return what each round took, in milliseconds."""
    took = []
    for _ in range(rounds):
        started = perf_counter()
        deed()
        took.append((perf_counter() - started) * 1_000)
    return took


def _told(took: Sequence[float]) -> dict[str, float]:
    return {
        "p50_ms": round(percentile(took, 0.5), 3),
        "p99_ms": round(percentile(took, 0.99), 3),
        "rounds": len(took),
    }


def _array_work(*, seconds: float) -> float:
    """Return how many batches of 1,000, already in arrays, are netted and squared in a second."""
    mid = Mid(_rates())
    batches = [Problem(_cycle(1_000, seed=seed), mid) for seed in range(20)]
    everyone, spreads = batches[0].all(), Tariff().table(batches[0].currencies)
    done, started = 0, perf_counter()
    while perf_counter() - started < seconds:
        problem = batches[done % len(batches)]
        np.count_nonzero(net(problem, everyone))
        longs = platform_positions(problem, everyone)
        values = [a * unit for a, unit in zip(longs, problem.unit_values, strict=True)]
        values[-1] -= sum(values)  # what rounding of payments left
        cheapest_flow(values, spreads)
        done += 1
    return done / (perf_counter() - started)


def _hard(kind: str, share: int, deadlines: Sequence[int]) -> dict[str, Any]:
    """Return which part of the value settles under caps, greedy and by the solver."""
    currencies = CURRENCIES if kind == "8 currencies" else CURRENCIES[:1]
    cycle = _cycle(1_000, seed=share, currencies=currencies)
    problem = Problem(cycle, Mid(_rates()))
    size = len(problem.currencies)
    nets = net(problem, problem.all()).tolist()
    caps = Caps(
        net_debit=[
            (
                problem.participants[k // size],
                problem.currencies[k % size],
                -min(0, a) * share // 100,
            )
            for k, a in enumerate(nets)
        ]
    )
    rows, worth = rows_of(problem, caps), worth_of(problem)
    started = perf_counter()
    start = greedy(problem, rows, worth)
    told: dict[str, Any] = {
        "case": f"{kind}, {share} % of the need",
        "greedy": {
            "value": round(total_worth(start.chosen, worth) / sum(worth), 4),
            "took_ms": round((perf_counter() - started) * 1_000, 1),
        },
    }
    for deadline_ms in deadlines:
        started = perf_counter()
        found = search(rows, worth, start.chosen, deadline_ms)
        took = (perf_counter() - started) * 1_000
        assert found is not None
        told[f"{deadline_ms} ms"] = {
            "value": round(total_worth(found.chosen, worth) / sum(worth), 4),
            "gap_percent": round(found.gap * 100, 3),
            "proven": found.proven,
            "took_ms": round(took, 1),
        }
    return told


def _fx_cost(plan: Plan) -> int:
    """Return what the trades of a plan cost, in cents."""
    tariff = Tariff()
    shared = sum(1 for _ in plan.positions) * tariff.consolidated_cost
    wires = (shared + len(plan.gross) * tariff.wire_cost) // (tariff.wire_cost // tariff.wire_minor)
    return plan.report.cost_minor - wires


def _by_cbc(cycle: Sequence[Obligation]) -> tuple[float, float]:
    """Return the milliseconds that modelling and solving take, and what the trades then cost (USD).

    Thousands of USD throughout: a solver in floats wants numbers of one size.
    """
    worth = {c: PER_USD.get(c, (1, 1))[0] / PER_USD.get(c, (1, 1))[1] / 1e5 for c in CURRENCIES}
    started = perf_counter()
    model = pulp.LpProblem("cycle", pulp.LpMinimize)
    settles = {o.transaction_id: pulp.LpVariable(o.transaction_id, 1, 1) for o in cycle}
    terms: dict[tuple[str, str], list[tuple[Any, float]]] = {}
    longs: dict[str, list[tuple[Any, float]]] = {c: [] for c in CURRENCIES}
    for o in cycle:
        amount, chosen = o.amount_minor * worth[o.source_currency], settles[o.transaction_id]
        terms.setdefault((o.payer, o.source_currency), []).append((chosen, -amount))
        terms.setdefault((o.payee, o.destination_currency), []).append((chosen, amount))
        if o.source_currency != o.destination_currency:
            longs[o.source_currency].append((chosen, amount))
            longs[o.destination_currency].append((chosen, -amount))
    wires = {node: pulp.LpVariable(f"y_{'_'.join(node)}", cat="Binary") for node in terms}
    for node, parts in terms.items():
        bound = sum(abs(amount) for _, amount in parts) + 1
        position = pulp.LpAffineExpression(parts)
        model += position <= bound * wires[node]
        model += position >= -bound * wires[node]
    table = Tariff().table(list(CURRENCIES))
    flows = {
        (a, b): pulp.LpVariable(f"f_{a}_{b}", 0) for a in CURRENCIES for b in CURRENCIES if a != b
    }
    for here in CURRENCIES:
        out = pulp.lpSum(flows[here, there] for there in CURRENCIES if there != here)
        back = pulp.lpSum(flows[there, here] for there in CURRENCIES if there != here)
        model += out - back == pulp.LpAffineExpression(longs[here])
    place = {currency: number for number, currency in enumerate(CURRENCIES)}
    trades = pulp.lpSum(table[place[a]][place[b]] / 1e3 * flow for (a, b), flow in flows.items())
    model += trades + 4.25 * pulp.lpSum(wires.values())
    model.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=CBC_SECONDS))
    return (perf_counter() - started) * 1_000, float(pulp.value(trades))


if __name__ == "__main__":
    main()
