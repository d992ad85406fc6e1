"""Parts of a settlement: what is paid for each, and how much is possible."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import assume, given, strategies as st

from nostro.kernel.movement import Lacking
from nostro.settlement.partials import NOTHING, Done, allows_parts, cash_of, is_part, possible
from nostro.settlement.terms import Partial

NPAR, PART, PARC, PARQ = Partial


class Deal(NamedTuple):
    quantity_minor: int
    amount_minor: int
    seller_partial: Partial = PART
    buyer_partial: Partial = PART
    seller_partial_min_minor: int = 0
    buyer_partial_min_minor: int = 0
    seller: str = "ann"
    buyer: str = "bob"
    security: str = "AAPL"
    cash: str = "USDC"


DEAL = Deal(100, 1_000)


def securities(available: int) -> Lacking:
    return Lacking("ann", "AAPL", available)


def money(available: int) -> Lacking:
    return Lacking("bob", "USDC", available)


# -- cash ------------------------------------------------------------------------------------------


def test_the_cash_of_a_part_is_rounded_down_and_the_last_takes_the_rest() -> None:
    deal, done = Deal(3, 100), NOTHING
    told = []
    for _ in range(3):
        amount = cash_of(deal, 1, done)
        told.append(amount)
        done = Done(done.quantity_minor + 1, done.amount_minor + amount)
    assert told == [33, 33, 34]


def test_rounding_does_not_add_up_over_many_tranches() -> None:
    deal, done = Deal(7, 10), NOTHING
    told = []
    for _ in range(7):
        told.append(cash_of(deal, 1, done))
        done = Done(done.quantity_minor + 1, done.amount_minor + told[-1])
    assert told == [1, 1, 2, 1, 2, 1, 2]


terms = st.integers(1, 1_000)


@given(terms, st.integers(1, 10**30), st.lists(terms))
def test_all_tranches_together_pay_the_whole_and_none_is_ever_ahead(
    quantity: int, amount: int, cuts: list[int]
) -> None:
    deal, done = Deal(quantity, amount), NOTHING
    ends = sorted({*(cut for cut in cuts if cut < quantity), 0, quantity})
    for before, end in pairwise(ends):
        done = Done(end, done.amount_minor + cash_of(deal, end - before, done))
        assert done.amount_minor * quantity <= amount * end < (done.amount_minor + 1) * quantity
    assert done == Done(quantity, amount)


# -- which parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sides", [(NPAR, PART), (PART, NPAR), (NPAR, NPAR), (PARC, NPAR)])
def test_no_part_settles_when_a_side_does_not_take_parts(sides: tuple[Partial, Partial]) -> None:
    deal = DEAL._replace(seller_partial=sides[0], buyer_partial=sides[1])
    assert not allows_parts(deal)
    assert not is_part(deal, 40, lot_minor=1)
    assert possible(deal, [securities(40)], lot_minor=1) == 0


def test_the_whole_of_what_is_open_is_taken_by_who_takes_no_parts() -> None:
    deal = DEAL._replace(seller_partial=NPAR)
    assert is_part(deal, 100, lot_minor=1)
    assert not is_part(deal, 100, lot_minor=1, done=Done(100, 1_000))


@pytest.mark.parametrize(
    ("partial", "least", "quantity", "taken"),
    [
        (PARQ, 40, 40, True),
        (PARQ, 41, 40, False),
        (PARC, 400, 40, True),
        (PARC, 401, 40, False),
        (PART, 999, 40, True),
    ],
)
def test_a_part_is_large_enough_for_each_side(
    partial: Partial, least: int, quantity: int, taken: bool
) -> None:
    seller = DEAL._replace(seller_partial=partial, seller_partial_min_minor=least)
    buyer = DEAL._replace(buyer_partial=partial, buyer_partial_min_minor=least)
    assert is_part(seller, quantity, lot_minor=1) is taken
    assert is_part(buyer, quantity, lot_minor=1) is taken


def test_the_rest_settles_though_it_is_smaller_than_the_smallest_part() -> None:
    deal = DEAL._replace(seller_partial=PARQ, seller_partial_min_minor=60)
    assert is_part(deal, 30, lot_minor=20, done=Done(70, 700))


def test_a_part_has_whole_lots() -> None:
    assert is_part(DEAL, 40, lot_minor=20)
    assert not is_part(DEAL, 50, lot_minor=20)
    assert possible(DEAL, [securities(59)], lot_minor=20) == 40
    assert possible(DEAL, [securities(19)], lot_minor=20) == 0


@pytest.mark.parametrize("quantity", [0, -1, 101])
def test_a_part_is_no_more_than_what_is_open(quantity: int) -> None:
    assert not is_part(DEAL, quantity, lot_minor=1)


def test_a_part_that_would_cost_nothing_is_none() -> None:
    cheap = Deal(1_000, 3)
    assert not is_part(cheap, 333, lot_minor=1)
    assert is_part(cheap, 334, lot_minor=1)
    assert possible(cheap, [securities(333)], lot_minor=1) == 0


# -- how much --------------------------------------------------------------------------------------


def test_nothing_is_possible_when_it_is_not_known_what_is_there() -> None:
    assert possible(DEAL, [], lot_minor=1) == 0
    assert possible(DEAL, [securities(-1)], lot_minor=1) == 0
    assert possible(DEAL, [securities(50), money(-1)], lot_minor=1) == 0
    assert possible(DEAL, [Lacking("cid", "AAPL", 50)], lot_minor=1) == 0
    assert possible(DEAL, [Lacking("ann", "USDC", 50)], lot_minor=1) == 0


def test_the_smaller_of_what_is_there_of_both_counts() -> None:
    assert possible(DEAL, [securities(60)], lot_minor=1) == 60
    assert possible(DEAL, [money(409)], lot_minor=1) == 40
    assert possible(DEAL, [securities(60), money(409)], lot_minor=1) == 40
    assert possible(DEAL, [money(409), securities(30)], lot_minor=1) == 30


def test_what_came_in_meanwhile_makes_the_whole_possible() -> None:
    assert possible(DEAL, [securities(250)], lot_minor=1) == 100
    assert possible(DEAL, [securities(250)], lot_minor=30, done=Done(30, 300)) == 70


lots = st.sampled_from((1, 2, 3, 5))


@given(
    lots.flatmap(lambda lot: st.tuples(st.just(lot), st.integers(1, 12).map(lambda n: n * lot))),
    st.integers(1, 40),
    st.integers(0, 11),
    st.sampled_from(Partial),
    st.sampled_from(Partial),
    st.integers(0, 40),
    st.one_of(st.none(), st.integers(0, 60)),
    st.one_of(st.none(), st.integers(0, 60)),
)
def test_trying_every_quantity_finds_no_larger_one(
    lot_and_quantity: tuple[int, int],
    amount: int,
    done_lots: int,
    seller: Partial,
    buyer: Partial,
    least: int,
    shares: int | None,
    cash: int | None,
) -> None:
    lot, quantity = lot_and_quantity
    assume(done_lots * lot < quantity and not (shares is None and cash is None))
    deal = Deal(quantity, amount, seller, buyer, least, least // 2)
    done = Done(done_lots * lot, amount * done_lots * lot // quantity)
    lacking = [securities(shares)] if shares is not None else []
    lacking += [money(cash)] if cash is not None else []
    best = 0
    for part in range(1, quantity - done.quantity_minor + 1):
        enough = (shares is None or part <= shares) and (
            cash is None or cash_of(deal, part, done) <= cash
        )
        if enough and is_part(deal, part, lot_minor=lot, done=done):
            best = part
    assert possible(deal, lacking, lot_minor=lot, done=done) == best
