"""Do net positions say exactly what everybody owes and is owed?"""

from __future__ import annotations

from hypothesis import given, settings

from nostro.netting import Obligation, Position, fx_positions_of, positions_of
from nostro.netting.positions import Leg, named, net, platform_positions
from nostro.netting.problem import Problem
from tests.rooms.netting.algorithms import twins
from tests.rooms.netting.algorithms.cycles import MID, a_day, obligations, owes

HUGE = 10**37


def legs(cycle: list[Obligation]) -> list[Leg]:
    return [
        (o.payer, o.source_currency, o.amount_minor, o.payee, o.destination_currency, received)
        for o, received in zip(cycle, map(twins.received, cycle), strict=True)
    ]


@settings(deadline=None)
@given(cycle=obligations(most=20))
def test_positions_are_what_adding_up_one_by_one_gives(cycle: list[Obligation]) -> None:
    problem = Problem(cycle, MID)
    slow = [Position(*node, amount) for node, amount in sorted(twins.nets(cycle).items())]
    assert named(problem, net(problem, problem.all())) == slow
    assert positions_of(legs(cycle)) == slow


@settings(deadline=None)
@given(cycle=obligations(most=20))
def test_positions_and_the_platforms_own_sum_to_zero_in_each_currency(
    cycle: list[Obligation],
) -> None:
    problem = Problem(cycle, MID)
    own = dict(zip(problem.currencies, platform_positions(problem, problem.all()), strict=True))
    assert {currency: amount for currency, amount in own.items() if amount} == twins.longs(cycle)
    assert fx_positions_of(legs(cycle)) == twins.longs(cycle)


@settings(deadline=None)
@given(cycle=obligations(most=6, amount_max=HUGE))
def test_amounts_beyond_machine_words_are_as_exact(cycle: list[Obligation]) -> None:
    problem = Problem([*cycle, owes("A", "B", HUGE, name="huge")], MID)
    slow = twins.nets([*cycle, owes("A", "B", HUGE, name="huge")])
    found = named(problem, net(problem, problem.all()))
    assert found == [Position(*node, amount) for node, amount in sorted(slow.items())]


def test_sums_that_would_leave_a_machine_word_do_not_wrap() -> None:
    cycle = [owes("A", "B", 2**61, name=f"t{number}") for number in range(8)]
    problem = Problem(cycle, MID)
    assert net(problem, problem.all()).tolist() == [-8 * 2**61, 8 * 2**61]


def test_a_day_of_ten_thousand_adds_up() -> None:
    cycle = a_day(10_000, seed=1)
    problem = Problem(cycle, MID)
    assert problem.source_minor.dtype == "int64"
    found = named(problem, net(problem, problem.all()))
    assert {(p.participant, p.currency): p.net_minor for p in found} == twins.nets(cycle)
