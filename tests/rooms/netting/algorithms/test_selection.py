"""When limits bind: does as much settle as can, and is whoever waits told why?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from nostro.netting import Caps, Obligation, Plan
from nostro.netting.milp import are_alike, search
from nostro.netting.problem import Problem
from nostro.netting.selection import Selection, greedy, rows_of, total_worth, worth_of
from tests.rooms.netting.algorithms import twins
from tests.rooms.netting.algorithms.cycles import MID, a_day, caps_for, obligations, owes, planned

DEADLINE_MS = 5_000
"""Far more than HiGHS needs for eight payments."""


def settled(cycle: list[Obligation], plan: Plan) -> list[Obligation]:
    waiting = {transaction_id for transaction_id, _ in plan.deferred}
    return [o for o in cycle if o.transaction_id not in waiting]


@settings(deadline=None)
@given(cycle=obligations(currencies=("USD", "EUR")), caps=caps_for())
def test_no_plan_breaks_a_cap(cycle: list[Obligation], caps: Caps) -> None:
    assert twins.broken(settled(cycle, planned(cycle, caps=caps)), caps) == []


@settings(deadline=None)
@given(cycle=obligations(currencies=("USD", "EUR")), caps=caps_for())
def test_whoever_waits_would_break_a_cap_of_the_kind_he_is_told(
    cycle: list[Obligation], caps: Caps
) -> None:
    plan = planned(cycle, caps=caps)
    inside = settled(cycle, plan)
    reasons = dict(plan.deferred)
    words = {
        "netting.net_debit_cap": 2,
        "netting.bilateral_limit": 3,
        "netting.platform_liquidity": 1,
    }
    for o in cycle:
        if o.transaction_id in reasons:
            found = twins.broken([*inside, o], caps)
            assert words[reasons[o.transaction_id]] in {len(cap.split()) for cap in found}


@settings(max_examples=40, deadline=None)
@given(cycle=obligations(currencies=("USD", "EUR")), caps=caps_for())
def test_the_solver_finds_what_trying_all_selections_finds_and_greedy_no_more(
    cycle: list[Obligation], caps: Caps
) -> None:
    problem = Problem(cycle, MID)
    rows, worth = rows_of(problem, caps), worth_of(problem)
    best = twins.best_worth(cycle, caps, worth)
    if not rows:
        assert best == sum(worth)
        return
    quick = greedy(problem, rows, worth)
    assert quick.holds()
    assert total_worth(quick.chosen, worth) <= best
    found = search(rows, worth, quick.chosen, DEADLINE_MS)
    assert found is not None
    chosen = [place for place, inside in enumerate(found.chosen) if inside]
    if are_alike(rows):
        assert found.proven
        assert Selection(len(cycle), rows, chosen).holds()
        assert total_worth(found.chosen, worth) >= best - best // 10**5
    else:
        assert not found.proven, "floats cannot tell these amounts apart"
    assert total_worth(found.chosen, worth) <= best


def test_gridlock_is_solved_at_once() -> None:
    ring = [owes("A", "B", 100), owes("B", "C", 100), owes("C", "A", 100)]
    caps = Caps(net_debit=[(bank, "USD", 0) for bank in "ABC"])
    plan = planned(ring, caps=caps)
    assert plan.deferred == []
    assert plan.positions == []
    assert plan.report.method == "positions"


def test_a_ring_with_one_payment_too_large_lets_only_that_one_wait_when_the_rest_stands() -> None:
    cycle = [
        owes("A", "B", 100),
        owes("B", "A", 100),
        owes("A", "C", 900, name="large"),
    ]
    plan = planned(cycle, caps=Caps(net_debit=[("A", "USD", 50)]))
    assert plan.deferred == [("large", "netting.net_debit_cap")]
    assert plan.report.method == "greedy"


def test_less_urgent_waits_before_more_urgent() -> None:
    cycle = [
        owes("A", "B", 100, name="urgent", priority=0, at=2),
        owes("A", "B", 100, name="usual", priority=5, at=1),
    ]
    plan = planned(cycle, caps=Caps(bilateral=[("A", "B", "USD", 100)]))
    assert plan.deferred == [("usual", "netting.bilateral_limit")]


def test_younger_waits_before_older() -> None:
    cycle = [owes("A", "B", 100, name=f"at{at}", at=at) for at in (3, 1, 2)]
    for deadline_ms in (None, DEADLINE_MS):
        plan = planned(cycle, caps=Caps(net_debit=[("A", "USD", 250)]), deadline_ms=deadline_ms)
        assert plan.deferred == [("at3", "netting.net_debit_cap")]


def test_one_that_has_waited_goes_before_one_that_has_not() -> None:
    cycle = [
        owes("A", "B", 100, name="new", at=1),
        owes("A", "B", 100, name="again", at=2, retries=1),
    ]
    plan = planned(cycle, caps=Caps(net_debit=[("A", "USD", 100)]))
    assert plan.deferred == [("new", "netting.net_debit_cap")]


def test_platform_liquidity_counts_what_goes_out_beyond_what_comes_in() -> None:
    cycle = [
        owes("A", "B", 1_000, "EUR", "USD", name="out"),
        owes("C", "D", 500, "USD", "EUR", name="in"),
    ]
    short = twins.received(cycle[0]) - 500
    assert planned(cycle, caps=Caps(platform=[("USD", short)])).deferred == []
    plan = planned(cycle, caps=Caps(platform=[("USD", short - 1)]))
    assert plan.deferred == [("out", "netting.platform_liquidity")]


def test_a_cap_below_zero_lets_nothing_be_owed() -> None:
    cycle = [owes("A", "B", 100, name="owed"), owes("B", "A", 90)]
    plan = planned(cycle, caps=Caps(net_debit=[("A", "USD", -7)]))
    assert plan.deferred == [("owed", "netting.net_debit_cap")]


def test_a_cap_on_nobody_here_binds_nobody() -> None:
    caps = Caps(net_debit=[("Z", "USD", 0)], bilateral=[("A", "Z", "USD", 0)])
    assert planned([owes("A", "B", 100)], caps=caps).deferred == []


def test_immediate_payments_know_no_caps() -> None:
    caps = Caps(net_debit=[("A", "USD", 0)])
    plan = planned([owes("A", "B", 100, name="now")], caps=caps, gross=True)
    assert plan.gross == ["now"]


@pytest.mark.parametrize("share_percent", [25, 75])
def test_the_solver_is_never_worse_than_greedy_however_short_the_time(share_percent: int) -> None:
    cycle = a_day(400, seed=share_percent)
    caps = Caps(
        net_debit=[
            (bank, currency, max(0, -amount) * share_percent // 100)
            for (bank, currency), amount in sorted(twins.nets(cycle).items())
        ]
    )
    worths = []
    for deadline_ms in (None, 1, 500):
        plan = planned(cycle, caps=caps, deadline_ms=deadline_ms)
        inside = settled(cycle, plan)
        assert plan.deferred
        assert twins.broken(inside, caps) == []
        worths.append(sum(worth_of(Problem(inside, MID))))
    assert worths[0] <= worths[1]
    assert worths[0] < worths[2]


def test_amounts_of_wholesale_size_do_not_upset_the_solver() -> None:
    cycle = [owes("A", "B", 10**15 + number, name=f"t{number}") for number in range(6)]
    caps = Caps(net_debit=[("A", "USD", 3 * 10**15 + 12)])
    plan = planned(cycle, caps=caps, deadline_ms=DEADLINE_MS)
    assert plan.report.method == "milp"
    assert len(plan.deferred) == 3
    assert twins.broken(settled(cycle, plan), caps) == []


def test_amounts_beyond_machine_words_are_selected_exactly() -> None:
    huge = 10**30
    cycle = [owes("A", "B", huge, name="a", at=1), owes("A", "B", huge + 1, name="b", at=2)]
    caps = Caps(net_debit=[("A", "USD", huge)])
    for deadline_ms in (None, DEADLINE_MS):
        plan = planned(cycle, caps=caps, deadline_ms=deadline_ms)
        assert plan.deferred == [("b", "netting.net_debit_cap")]
