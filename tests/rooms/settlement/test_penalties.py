"""What a day of failing costs: rates by class and day, whose fail it is, rounding."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, strategies as st

from nostro.settlement.events import Penalty
from nostro.settlement.penalties import (
    CASH_RATES,
    DISCIPLINE_BEGINS,
    RATES,
    SECURITIES_RATES,
    Fail,
    fail_penalty,
    failing_sides,
    is_class,
    is_rated,
    late_matching_penalties,
    rate_ppm,
)
from nostro.settlement.terms import Party, PenaltyKind, Reason

SELLER, BUYER = Party
DAY = date(2026, 12, 14).toordinal()
FAIL = Fail(7, SELLER, "EUR", 752_400, "liquid_shares")
LACKS_CASH = Fail(7, BUYER, "EUR", 752_400, "liquid_shares", lacks_cash=True)

BASIS_POINTS = {
    "liquid_shares": Fraction("1.0"),
    "illiquid_shares": Fraction("0.5"),
    "sme_growth": Fraction("0.25"),
    "sovereign_debt": Fraction("0.10"),
    "debt": Fraction("0.20"),
    "sme_growth_debt": Fraction("0.15"),
    "other": Fraction("0.50"),
}


def test_a_day_costs_the_basis_points_of_the_class() -> None:
    told = {name: Fraction(rate_ppm(name, DAY), 100) for name in SECURITIES_RATES}
    assert told == BASIS_POINTS


def test_nothing_was_charged_before_the_discipline_began() -> None:
    assert rate_ppm("liquid_shares", DISCIPLINE_BEGINS) == 100
    assert rate_ppm("liquid_shares", DISCIPLINE_BEGINS - 1) == 0
    assert fail_penalty(FAIL, DISCIPLINE_BEGINS - 1) is None


def test_who_lacks_cash_pays_by_the_rate_of_its_central_bank_on_that_day() -> None:
    credit = {date(2024, 6, 11): 475, date(2024, 6, 12): 450, date(2026, 12, 14): 240}
    told = {day: rate_ppm("cash:EUR", day.toordinal()) for day in credit}
    assert told == {day: year_bp * 100 // 360 for day, year_bp in credit.items()}
    assert rate_ppm("cash:USD", DAY) == 0


def test_rates_fall_on_their_days_and_never_below_nothing() -> None:
    for rates in RATES.values():
        assert list(rates) == sorted(rates)
        assert min(rates.values()) >= 0


# -- what the operator says ------------------------------------------------------------------------


def test_what_the_operator_says_counts_from_its_day_until_something_newer() -> None:
    said = {"liquid_shares": {DAY: 300}, "cash:EUR": {date(2025, 1, 1).toordinal(): 1}}
    assert rate_ppm("liquid_shares", DAY - 1, said) == 100
    assert rate_ppm("liquid_shares", DAY, said) == 300
    assert rate_ppm("cash:EUR", date(2025, 2, 4).toordinal(), said) == 1
    assert rate_ppm("cash:EUR", date(2025, 2, 5).toordinal(), said) == 87


def test_of_one_day_what_the_operator_says_counts() -> None:
    assert rate_ppm("debt", DISCIPLINE_BEGINS, {"debt": {DISCIPLINE_BEGINS: 21}}) == 21


def test_a_class_that_only_the_operator_knows_costs_what_it_says() -> None:
    assert rate_ppm("cash:USD", DAY, {"cash:USD": {DAY: 120}}) == 120
    assert rate_ppm("unheard_of", DAY) == 0


def test_instruments_are_of_classes_of_securities_and_rates_also_of_cash() -> None:
    assert is_class("other")
    assert not is_class("cash:EUR")
    assert not is_class("")
    assert is_rated("other")
    assert is_rated("cash:USD")
    assert not is_rated("cash:")
    assert not is_rated("shares")
    assert all(map(is_rated, RATES))


# -- whose fail it is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "sides"),
    [
        (Reason.LACK_OF_SECURITIES, (SELLER,)),
        (Reason.LACK_OF_CASH, (BUYER,)),
        (Reason.DOMAIN_UNAVAILABLE, ()),
        (Reason.TIMED_OUT, ()),
        (Reason.REFUSED, ()),
        (Reason.ACCOUNT_BLOCKED, ()),
        (None, ()),
    ],
)
def test_who_lacks_something_fails_and_nobody_for_a_ledger(
    reason: Reason | None, sides: tuple[Party, ...]
) -> None:
    assert failing_sides(reason) == sides


def test_who_holds_it_back_fails_whatever_else_is_lacking() -> None:
    assert failing_sides(Reason.LACK_OF_CASH, (SELLER,)) == (SELLER,)
    assert failing_sides(Reason.HELD_BACK, (BUYER, SELLER)) == (SELLER, BUYER)


# -- penalties -------------------------------------------------------------------------------------


def test_a_fail_costs_its_part_of_what_is_open_for_each_day() -> None:
    assert fail_penalty(FAIL, DAY) == Penalty(7, DAY, PenaltyKind.SEFP, SELLER, "EUR", 75, 100)


def test_lack_of_cash_costs_by_the_cash() -> None:
    assert fail_penalty(LACKS_CASH, DAY) == Penalty(7, DAY, PenaltyKind.SEFP, BUYER, "EUR", 50, 66)


def test_late_matching_costs_each_day_it_was_late_by_the_class_of_the_security() -> None:
    late = late_matching_penalties(LACKS_CASH, [DAY - 3, DAY])
    assert [(each.day, each.penalty, each.rate_ppm) for each in late] == [
        (DAY - 3, PenaltyKind.LMFP, 100),
        (DAY, PenaltyKind.LMFP, 100),
    ]
    assert late_matching_penalties(FAIL, []) == []


@pytest.mark.parametrize(("open_minor", "owed"), [(4_999, 0), (5_000, 1), (14_999, 1), (15_000, 2)])
def test_a_penalty_is_rounded_half_up_and_one_of_nothing_is_none(
    open_minor: int, owed: int
) -> None:
    penalty = fail_penalty(msgspec.structs.replace(FAIL, amount_minor=open_minor), DAY)
    assert (penalty.amount_minor if penalty else 0) == owed


@given(st.integers(1, 10**38 - 1), st.integers(0, 1_000_000))
def test_rounding_is_never_off_by_more_than_half_a_unit(open_minor: int, rate: int) -> None:
    fail = msgspec.structs.replace(FAIL, amount_minor=open_minor)
    penalty = fail_penalty(fail, DAY, {"liquid_shares": {DAY: rate}})
    owed = penalty.amount_minor if penalty else 0
    assert abs(owed - Fraction(open_minor * rate, 1_000_000)) <= Fraction(1, 2)


def test_the_cash_table_is_by_asset() -> None:
    assert all(name.startswith("cash:") for name in CASH_RATES)
