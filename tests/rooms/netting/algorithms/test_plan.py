"""Is a plan whole, never dearer than doing nothing, and honest about its price?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings, strategies as st

from nostro.kernel.messages import Rejection
from nostro.netting import Caps, Obligation, Plan, Position, Spread, Tariff, fx_positions_of
from tests.rooms.netting.algorithms import twins
from tests.rooms.netting.algorithms.cycles import a_day, caps_for, obligations, owes, planned
from tests.rooms.netting.algorithms.test_positions import legs

SPREADS = st.builds(
    Tariff,
    spread_ppm=st.integers(min_value=0, max_value=2_000),
    wire_minor=st.integers(min_value=0, max_value=3_000),
    consolidation_ppm=st.sampled_from([0, 1, 150_000, 500_000, 10**6]),
)


def split(cycle: Sequence[Obligation], plan: Plan) -> tuple[list[Obligation], list[Obligation]]:
    """Those who settle, and of these the netted ones."""
    waiting = {transaction_id for transaction_id, _ in plan.deferred}
    inside = [o for o in cycle if o.transaction_id not in waiting]
    return inside, [o for o in inside if o.transaction_id not in set(plan.gross)]


@settings(deadline=None)
@given(cycle=obligations(most=12), caps=caps_for(), tariff=SPREADS)
def test_a_plan_never_costs_more_than_each_payment_alone(
    cycle: list[Obligation], caps: Caps, tariff: Tariff
) -> None:
    report = planned(cycle, caps=caps, tariff=tariff).report
    assert 0 <= report.lower_bound_minor <= report.cost_minor <= report.gross_cost_minor
    assert report.saving_ppm >= 0
    assert report.gap_ppm >= 0
    assert report.grouped_cost_minor <= report.gross_cost_minor
    assert report.wires_after <= 2 * report.wires_before


@settings(deadline=None)
@given(cycle=obligations(most=12), caps=caps_for())
def test_every_payment_is_netted_gross_or_deferred_once_in_its_order(
    cycle: list[Obligation], caps: Caps
) -> None:
    plan = planned(cycle, caps=caps)
    order = [o.transaction_id for o in cycle]
    assert plan.gross == [t for t in order if t in set(plan.gross)]
    waiting = [transaction_id for transaction_id, _ in plan.deferred]
    assert waiting == [t for t in order if t in set(waiting)]
    assert not set(waiting) & set(plan.gross)


@settings(deadline=None)
@given(cycle=obligations(most=12), caps=caps_for())
def test_positions_are_those_of_the_netted_ones(cycle: list[Obligation], caps: Caps) -> None:
    plan = planned(cycle, caps=caps)
    _, netted = split(cycle, plan)
    assert plan.positions == [
        Position(*node, amount) for node, amount in sorted(twins.nets(netted).items())
    ]


@settings(deadline=None)
@given(cycle=obligations(most=12), tariff=SPREADS)
def test_the_gross_cost_is_that_of_each_payment_alone(
    cycle: list[Obligation], tariff: Tariff
) -> None:
    report = planned(cycle, tariff=tariff).report
    assert abs(report.gross_cost_minor - twins.gross_cost(cycle, tariff)) <= 1
    assert report.wires_before == len(cycle)


@settings(deadline=None)
@given(cycle=obligations(most=12))
def test_an_immediate_cycle_nets_nothing_and_saves_nothing(cycle: list[Obligation]) -> None:
    plan = planned(cycle, gross=True)
    assert plan.gross == [o.transaction_id for o in cycle]
    assert plan.positions == []
    assert plan.deferred == []
    assert plan.report.saving_ppm == 0
    assert plan.report.cost_minor == plan.report.gross_cost_minor
    assert plan.report.method == "gross"
    left = dict(fx_positions_of(legs(cycle)))
    for trade in plan.fx_trades:
        left[trade.sell_currency] = left.get(trade.sell_currency, 0) - trade.sell_minor
        left[trade.buy_currency] = left.get(trade.buy_currency, 0) + trade.buy_minor
    # What stays was worth less than half a unit of what it was to become.
    assert all(amount >= 0 for amount in left.values())
    assert all(amount < 100 for amount in left.values())


@settings(deadline=None)
@given(cycle=obligations(most=10), caps=caps_for(), data=st.data())
def test_the_same_cycle_has_the_same_plan(
    cycle: list[Obligation], caps: Caps, data: st.DataObject
) -> None:
    assert planned(cycle, caps=caps) == planned(list(cycle), caps=caps)
    if not caps.net_debit and not caps.bilateral and not caps.platform:
        shuffled = data.draw(st.permutations(cycle))
        one, other = planned(cycle), planned(shuffled)
        assert one.fx_trades == other.fx_trades
        assert one.report.gross_cost_minor == other.report.gross_cost_minor


# (payments, net positions, wires with the netted and the gross ones)
CHAIN = [("A", "B", 100), ("B", "C", 100)]
CASES = {
    "a chain is one payment from its ends, and two wires": (
        [*CHAIN, ("A", "C", 1), ("A", "C", 2)],
        {("A", "USD"): -103, ("C", "USD"): 103},
        2,
    ),
    "a ring of equals vanishes": ([*CHAIN, ("C", "A", 100)], {}, 0),
    "a ring leaves its differences": (
        [("A", "B", 100), ("B", "C", 80), ("C", "A", 60)],
        {("A", "USD"): -40, ("B", "USD"): 20, ("C", "USD"): 20},
        3,
    ),
    "equal opposites vanish": ([("A", "B", 7), ("B", "A", 7)], {}, 0),
    "opposites leave the difference": (
        [("A", "B", 10), ("B", "A", 7), ("A", "B", 1)],
        {("A", "USD"): -4, ("B", "USD"): 4},
        2,
    ),
    "one who pays himself owes nobody": ([("A", "A", 50)], {}, 0),
    "one payment stays what it is": ([("A", "B", 50)], {}, 1),
    "a cycle without payments is a plan without wires": ([], {}, 0),
}


@pytest.mark.parametrize("case", CASES)
def test_small_cases_come_out_as_on_paper(case: str) -> None:
    owed, positions, wires = CASES[case]
    plan = planned([owes(*one, at=number) for number, one in enumerate(owed)])
    assert {(p.participant, p.currency): p.net_minor for p in plan.positions} == positions
    assert plan.report.wires_after == wires
    assert plan.fx_trades == []


def test_a_lone_payment_is_priced_as_the_tariff_says() -> None:
    # 20,000 USD at 2.5 basis points is the price of a wire: 5 USD each.
    report = planned([owes("A", "B", 2_000_000, "USD", "EUR")]).report
    assert report.gross_cost_minor == report.cost_minor == 1_000
    assert report.saving_ppm == 0


def test_spreads_of_a_tariff_replace_the_usual_one() -> None:
    tariff = Tariff(spreads=(Spread("EUR", "USD", 1_000),), wire_minor=0)
    report = planned([owes("A", "B", 1_000_000, "USD", "EUR")], tariff=tariff).report
    assert report.gross_cost_minor == 1_000


def test_grouping_and_setting_off_save_less_than_netting() -> None:
    report = planned(a_day(2_000, seed=3)).report
    costs = [
        report.cost_minor,
        report.bilateral_cost_minor,
        report.grouped_cost_minor,
        report.gross_cost_minor,
    ]
    assert costs == sorted(costs)
    assert report.saving_ppm > 700_000
    assert report.wires_after <= 240
    assert report.gap_ppm < 200_000


def test_the_saving_is_counted_over_what_settles_only() -> None:
    cycle = [owes("A", "B", 100, name="small"), owes("A", "B", 10**9, name="large")]
    plan = planned(cycle, caps=Caps(net_debit=[("A", "USD", 100)]))
    assert plan.deferred == [("large", "netting.net_debit_cap")]
    assert plan.report.gross_cost_minor == 500
    assert plan.report.wires_before == 1
    assert plan.report.saving_ppm == 0


def test_a_currency_without_a_rate_is_refused() -> None:
    with pytest.raises(Rejection) as refused:
        planned([owes("A", "B", 100, "USD", "XAU")])
    assert refused.value.code == "netting.rate_missing"


@pytest.mark.parametrize("gross", [False, True])
def test_what_is_worth_no_unit_of_the_destination_waits(gross: bool) -> None:
    tiny = owes("A", "B", 1, "USD", "KWD", name="tiny")
    none = owes("A", "B", 1, "KWD", "USD", name="none")
    plan = planned([tiny, none, owes("A", "B", 100)], gross=gross)
    assert plan.deferred == [("none", "netting.amount_too_small")]
    assert plan.report.wires_before == 2
