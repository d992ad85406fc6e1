"""Are wires shared where that is cheaper, and only there?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nostro.netting import Obligation, Position, Tariff
from nostro.netting.positions import net
from nostro.netting.problem import Problem
from nostro.netting.wires import (
    components,
    fewest_transfers,
    gross_ones,
    straight_transfers,
    straight_wires,
    wires_min,
)
from tests.rooms.netting.algorithms import twins
from tests.rooms.netting.algorithms.cycles import MID, obligations, owes, planned

CHEAP = Tariff(consolidation_ppm=0)
"""A net position costs as much as a single payment."""


def wire_cost(cycle: list[Obligation], tariff: Tariff) -> Fraction:
    problem = Problem(cycle, MID)
    alone = gross_ones(problem, problem.all(), tariff)
    positions = np.count_nonzero(net(problem, problem.all() & ~alone))
    shared = Fraction(tariff.wire_minor * (10**6 - tariff.consolidation_ppm), 10**6)
    return int(alone.sum()) * tariff.wire_minor + shared * int(positions)


@st.composite
def incommensurable(draw: st.DrawFn) -> list[Obligation]:
    """Payments of which no few happen to cancel."""
    bank = st.sampled_from("ABCDEF")
    currency = st.sampled_from(["USD", "EUR"])
    ends = draw(st.lists(st.tuples(bank, bank, currency, currency), max_size=8))
    return [
        owes(payer, payee, 1009 * 5 ** (9 + number), source, target)
        for number, (payer, payee, source, target) in enumerate(ends)
        if (payer, source) != (payee, target)
    ]


@pytest.mark.parametrize("tariff", [Tariff(), CHEAP, Tariff(consolidation_ppm=400_000)])
@settings(deadline=None)
@given(cycle=incommensurable())
def test_no_other_split_into_gross_and_netted_is_cheaper(
    tariff: Tariff, cycle: list[Obligation]
) -> None:
    assert wire_cost(cycle, tariff) == twins.least_wire_cost(cycle, tariff)


@settings(deadline=None)
@given(cycle=obligations(most=8, currencies=("USD", "EUR")))
def test_even_where_amounts_cancel_a_split_costs_no_more_than_all_gross_or_all_netted(
    cycle: list[Obligation],
) -> None:
    tariff = Tariff()
    cost = wire_cost(cycle, tariff)
    assert cost <= len(cycle) * tariff.wire_minor
    assert cost <= 425 * len(twins.nets(cycle))
    assert cost >= twins.least_wire_cost(cycle, tariff)


def test_a_payment_alone_keeps_its_own_wire() -> None:
    plan = planned([owes("A", "B", 100, name="lone")])
    assert plan.gross == ["lone"]
    assert plan.positions == []
    assert plan.report.cost_minor == 500


def test_a_payment_beside_others_that_cancel_keeps_its_own_wire() -> None:
    plan = planned([owes("A", "B", 10), owes("B", "A", 10, at=1), owes("B", "C", 5, name="lone")])
    assert plan.gross == ["lone"]
    assert plan.positions == []
    assert plan.report.wires_after == 1


@pytest.mark.parametrize(("payees", "gross"), [(5, True), (6, False)])
def test_a_small_star_stays_gross_and_a_larger_one_is_netted(payees: int, gross: bool) -> None:
    cycle = [owes("A", f"P{number}", 100 + number) for number in range(payees)]
    assert (len(planned(cycle).gross) == payees) is gross


@settings(deadline=None)
@given(
    links=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=12),
)
def test_components_are_what_joining_one_by_one_gives(links: list[tuple[int, int]]) -> None:
    slow = list(range(12))
    for one, other in links:
        low, high = sorted((slow[one], slow[other]))
        slow = [low if name == high else name for name in slow]
    givers = np.array([one for one, _ in links], dtype=np.int64)
    takers = np.array([other for _, other in links], dtype=np.int64)
    assert components(givers, takers, 12).tolist() == slow


def test_a_long_chain_is_one_component() -> None:
    ends = np.arange(2_000, dtype=np.int64)
    assert not components(ends, ends + 1, 2_001).any()


@st.composite
def zero_sum(draw: st.DrawFn) -> list[int]:
    some = draw(st.lists(st.integers(min_value=-4, max_value=4), max_size=6))
    return [*some, -sum(some)]


@pytest.mark.parametrize(("parties", "wires"), [(2, 2), (10, 10), (20, 20)])
def test_straight_wires_settle_what_we_are_short_of_too(parties: int, wires: int) -> None:
    owed = [Position(f"B{n:02}", "EUR", 3**n) for n in range(parties)]
    assert straight_wires(owed) == wires
    assert straight_wires([*owed, Position("B00", "USD", -5), Position("B01", "USD", 5)]) == (
        wires + 1
    )


@settings(deadline=None)
@given(nets=zero_sum())
def test_straight_wires_settle_everything_and_the_fewest_are_what_trying_all_finds(
    nets: list[int],
) -> None:
    left = list(nets)
    wires = straight_transfers(nets)
    for wire in wires:
        assert wire.amount_minor > 0
        left[wire.debtor] += wire.amount_minor
        left[wire.creditor] -= wire.amount_minor
    assert not any(left)
    fewest = fewest_transfers(nets)
    assert fewest == twins.fewest_transfers(nets)
    assert wires_min(nets) <= fewest <= len(wires) <= max(0, len([n for n in nets if n]) - 1)
