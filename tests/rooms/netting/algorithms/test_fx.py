"""Do the trades square every currency, at the least spread there is?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from nostro.netting import FxTrade, Obligation, Tariff, fx_positions_of
from nostro.netting.fx import cheapest_flow, square
from nostro.netting.positions import platform_positions
from nostro.netting.problem import Problem
from tests.rooms.netting.algorithms import twins
from tests.rooms.netting.algorithms.cycles import MID, obligations, owes, planned
from tests.rooms.netting.algorithms.test_positions import legs


@st.composite
def supplies(draw: st.DrawFn) -> list[int]:
    some = draw(st.lists(st.integers(min_value=-3, max_value=3), min_size=1, max_size=4))
    return [*some, -sum(some)]


@settings(deadline=None)
@given(supply=supplies(), data=st.data())
def test_a_flow_costs_what_the_best_of_all_ways_costs(
    supply: list[int], data: st.DataObject
) -> None:
    size = len(supply)
    spread = st.integers(min_value=0, max_value=6)
    row = st.lists(spread, min_size=size, max_size=size)
    spreads = data.draw(st.lists(row, min_size=size, max_size=size))
    flow = cheapest_flow(supply, spreads)
    left = list(supply)
    for (one, other), amount in flow.items():
        assert amount > 0
        left[one] -= amount
        left[other] += amount
    assert left == [0] * size
    assert len(flow) < size
    cost = sum(amount * spreads[one][other] for (one, other), amount in flow.items())
    assert cost == twins.cheapest_flow_cost(supply, spreads)


def test_two_small_spreads_are_taken_for_a_large_one() -> None:
    plan = planned([owes("A", "B", 1_000_000, "EUR", "JPY")])
    assert [(t.sell_currency, t.buy_currency) for t in plan.fx_trades] == [
        ("EUR", "USD"),
        ("USD", "JPY"),
    ]
    # What is cut off of the amount that arrives is worth less than a unit, and is not sold.
    assert 1_000_000 - plan.fx_trades[0].sell_minor <= 1
    assert plan.fx_trades[0].buy_minor == plan.fx_trades[1].sell_minor
    assert plan.fx_trades[1].buy_minor == twins.received(owes("A", "B", 1_000_000, "EUR", "JPY"))


@pytest.mark.parametrize("count", [1, 3, 7])
def test_opposite_payments_need_no_trade(count: int) -> None:
    cycle = [
        *(owes("A", "B", 10_000, "EUR", "USD", at=number) for number in range(count)),
        *(owes("C", "D", 10_853, "USD", "EUR", at=number) for number in range(count)),
    ]
    assert planned(cycle).fx_trades == []


@settings(deadline=None)
@given(cycle=obligations(most=12))
def test_trades_leave_nothing_of_any_currency_but_what_rounding_left(
    cycle: list[Obligation],
) -> None:
    plan = planned(cycle)
    left = dict(fx_positions_of(legs(cycle)))
    for trade in plan.fx_trades:
        assert trade.sell_minor > 0
        assert trade.buy_minor > 0
        left[trade.sell_currency] = left.get(trade.sell_currency, 0) - trade.sell_minor
        left[trade.buy_currency] = left.get(trade.buy_currency, 0) + trade.buy_minor
    largest = max(map(twins.in_usd, ("USD", "EUR", "GBP", "JPY")))
    rest = sum(abs(amount) * twins.in_usd(currency) for currency, amount in left.items())
    # Half a unit for each payment that was rounded, and for each side of each trade; a position
    # worth less than half a unit of the other currency may stay.
    assert rest <= largest * (len(cycle) + 4 * len(plan.fx_trades) + 4)


@settings(deadline=None)
@given(cycle=obligations(most=12))
def test_what_squaring_reports_as_left_is_what_is_left(cycle: list[Obligation]) -> None:
    problem = Problem(cycle, MID)
    positions = platform_positions(problem, problem.all())
    squared = square(
        positions,
        currencies=problem.currencies,
        unit_values=problem.unit_values,
        spreads=Tariff().table(problem.currencies),
        mid=MID,
    )
    left = dict(zip(problem.currencies, positions, strict=True))
    for trade in squared.trades:
        left[trade.sell_currency] -= trade.sell_minor
        left[trade.buy_currency] += trade.buy_minor
    assert {currency: amount for currency, amount in left.items() if amount} == squared.residuals
    assert len(squared.trades) < max(1, len(problem.currencies))


def test_a_currency_too_small_to_trade_stays_where_it_is() -> None:
    squared = square(
        [0, 1],
        currencies=["KWD", "YYY"],
        unit_values=[10**24, 10**20],
        spreads=[[0, 1], [1, 0]],
        mid=MID,
    )
    assert squared.trades == []
    assert squared.residuals == {"YYY": 1}


def test_forty_one_currencies_are_squared_at_once() -> None:
    size = 41
    spreads = [[0 if a == b else 100 + (a * b) % 97 for b in range(size)] for a in range(size)]
    supply = [(-1) ** place * (place + 1) * 10**30 for place in range(size - 1)]
    supply.append(-sum(supply))
    flow = cheapest_flow(supply, spreads)
    assert len(flow) < size
    assert all(amount > 0 for amount in flow.values())


def test_gross_cycles_trade_each_pair_for_itself() -> None:
    cycle = [owes("A", "B", 10_000, "EUR", "USD"), owes("B", "A", 10_853, "USD", "EUR")]
    assert planned(cycle, gross=True).fx_trades == [
        FxTrade("EUR", 10_000, "USD", 10_853),
        FxTrade("USD", 10_853, "EUR", 10_000),
    ]
