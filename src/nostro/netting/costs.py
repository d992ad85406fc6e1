"""What do spreads and wires cost, for a plan and for each way without one?

Costs are counted exactly, in `COST_SCALE`ths of a cent: a value in `VALUE_SCALE`ths of a cent times
a spread in millionths. They become cents once, at the end, half to even.
"""

from __future__ import annotations

import msgspec
import numpy as np

from nostro.netting.conversion import VALUE_SCALE, half_even
from nostro.netting.positions import Chosen, sums_by
from nostro.netting.problem import Ints, Problem

PPM = 1_000_000
COST_SCALE = VALUE_SCALE * PPM
COUNTED_PER_ENTRY = 8
"""Possible keys for each entry up to which counting in an array is faster than sorting."""


class Spread(msgspec.Struct, frozen=True, array_like=True):
    """What a trade between two currencies costs, either way, in millionths of its value (100 is one
    basis point)."""

    one: str
    other: str
    ppm: int


SPREADS = (
    Spread("USD", "EUR", 250),
    Spread("USD", "GBP", 300),
    Spread("USD", "JPY", 200),
    Spread("EUR", "GBP", 200),
)
"""The tariff of the requirement: 2.5, 3.0, 2.0 and 2.0 basis points."""


class Tariff(msgspec.Struct, frozen=True):
    """What the market and the rails ask: spreads by pair, `spread_ppm` for the others, a wire in
    cents, and what a wire that carries a net position is cheaper by, in millionths (0 to 10**6)."""

    spreads: tuple[Spread, ...] = SPREADS
    spread_ppm: int = 500
    wire_minor: int = 500
    consolidation_ppm: int = 150_000

    @property
    def wire_cost(self) -> int:
        """Return what a wire for one payment costs, in `COST_SCALE`ths of a cent."""
        return self.wire_minor * COST_SCALE

    @property
    def consolidated_cost(self) -> int:
        """Return what a wire for a net position costs, in `COST_SCALE`ths of a cent."""
        return self.wire_minor * (PPM - self.consolidation_ppm) * (COST_SCALE // PPM)

    def table(self, currencies: list[str]) -> list[list[int]]:
        """Return the spread from each currency to each other one, in millionths; 0 to itself."""
        named = {(s.one, s.other): s.ppm for s in self.spreads}
        named |= {(s.other, s.one): s.ppm for s in self.spreads}
        return [
            [
                0 if one == other else named.get((one, other), self.spread_ppm)
                for other in currencies
            ]
            for one in currencies
        ]


class Baselines(msgspec.Struct, frozen=True):
    """What the same payments cost without multilateral netting, in `COST_SCALE`ths of a cent.

    `gross`: each alone, its spread and one wire. `grouped`: same payer, payee and currencies in one
    wire, FX gross. `bilateral`: what two participants owe each other in the same two currencies is
    set off, one wire for what is left.
    """

    gross: int
    gross_fx: int
    gross_value: int
    grouped: int
    bilateral: int
    bilateral_wires: int


def cents(cost: int) -> int:
    """Return a cost in cents, half to even."""
    return half_even(cost, COST_SCALE)


def value_cents(value: int) -> int:
    """Return a value in cents, half to even."""
    return half_even(value, VALUE_SCALE)


def baselines(problem: Problem, chosen: Chosen, tariff: Tariff) -> Baselines:
    """Price the chosen payments each alone, grouped, and set off between two participants."""
    size = len(problem.currencies)
    spreads = tariff.table(problem.currencies)
    sold = sums_by(
        problem, problem.pair[chosen], problem.source_minor[chosen], size * size
    ).tolist()
    fx = value = 0
    for pair, amount in enumerate(sold):
        source, target = divmod(pair, size)
        if amount and source != target:
            worth = amount * problem.unit_values[source]
            value += worth
            fx += worth * spreads[source][target]
    count = int(np.count_nonzero(chosen))
    members = _grouped(_relation(problem, chosen), len(problem.participants) ** 2 * size**2)[2]
    alone = int(np.count_nonzero(members == 1))
    grouped = alone * tariff.wire_cost + (len(members) - alone) * tariff.consolidated_cost
    set_off, wires = _set_off(problem, chosen, tariff, spreads)
    return Baselines(
        gross=fx + count * tariff.wire_cost,
        gross_fx=fx,
        gross_value=value,
        grouped=fx + grouped,
        bilateral=set_off,
        bilateral_wires=wires,
    )


def _relation(problem: Problem, chosen: Chosen) -> Ints:
    """Return one number for each chosen payment: who pays whom, in which currencies."""
    size = len(problem.currencies)
    relation: Ints = (problem.payer[chosen] * len(problem.participants) + problem.payee[chosen]) * (
        size * size
    ) + problem.pair[chosen]
    return relation


def _grouped(keys: Ints, size: int) -> tuple[Ints, Ints, Ints]:
    """Return the keys that occur, ascending, for each entry the place of its key among them, and
    how often each occurs. By counting where `size`, the number of possible keys, is small."""
    if size > COUNTED_PER_ENTRY * len(keys):
        return np.unique(keys, return_inverse=True, return_counts=True)
    counts = np.bincount(keys, minlength=size)
    found: Ints = np.flatnonzero(counts)
    places = np.zeros(size, dtype=np.int64)
    places[found] = np.arange(len(found))
    return found, places[keys], counts[found]


def _set_off(
    problem: Problem, chosen: Chosen, tariff: Tariff, spreads: list[list[int]]
) -> tuple[int, int]:
    """Return cost and wires when opposite payments of two participants are set off.

    Opposite are: A pays B out of s into d, B pays A out of d into s. What is left of s and of d is
    one wire, and the rest of s pays the spread.
    """
    size, count = len(problem.currencies), len(problem.participants)
    payer, payee = problem.payer[chosen], problem.payee[chosen]
    source, target = problem.source[chosen], problem.target[chosen]
    ahead = (payer < payee) | ((payer == payee) & (source <= target))
    who = np.where(ahead, payer * count + payee, payee * count + payer)
    what = np.where(ahead, source * size + target, target * size + source)
    relation, place, members = _grouped(who * (size * size) + what, count**2 * size**2)
    given, taken = problem.source_minor[chosen], problem.target_minor[chosen]
    first = sums_by(problem, place, np.where(ahead, given, -taken), len(relation))
    second = sums_by(problem, place, np.where(ahead, -taken, given), len(relation))
    left = (first != 0) | (second != 0)
    alone = int(np.count_nonzero(left & (members == 1)))
    wires = int(np.count_nonzero(left))
    cost = alone * tariff.wire_cost + (wires - alone) * tariff.consolidated_cost
    rests = sums_by(problem, relation % (size * size), np.abs(first), size * size)
    for pair, rest in enumerate(rests.tolist()):
        source_at, target_at = divmod(pair, size)
        cost += rest * problem.unit_values[source_at] * spreads[source_at][target_at]
    return cost, wires
