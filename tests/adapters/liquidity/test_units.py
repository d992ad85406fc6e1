"""Do our lots and ticks mean the same in a provider's decimals?"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from nostro.adapters.liquidity.units import (
    BadAnswer,
    exact,
    lots_of,
    plain,
    price_told,
    quantity_told,
    tick,
    ticks_of,
)
from nostro.exchange import MarketTerms, Side
from tests.adapters.liquidity.world import BTC_USD

scales = st.integers(0, 18)
market_terms = st.builds(
    MarketTerms,
    st.just("AAA"),
    st.just("BBB"),
    st.integers(1, 10**20),
    st.integers(1, 10**6),
    scales,
    scales,
    scales,
    st.just(1),
    st.just(1),
)
counts = st.integers(1, 10**15)


@given(market_terms, counts)
def test_lots_come_back_as_they_went(terms: MarketTerms, lots: int) -> None:
    assert lots_of(terms, quantity_told(terms, lots)) == lots


@given(market_terms, counts, st.sampled_from(Side))
def test_ticks_come_back_as_they_went(terms: MarketTerms, ticks: int, side: Side) -> None:
    assert ticks_of(terms, price_told(terms, ticks), side) == ticks


@given(market_terms, counts, st.integers(0, 10**6), st.integers(0, 30))
def test_a_price_between_ticks_is_rounded_against_the_user_by_less_than_a_tick(
    terms: MarketTerms, limit: int, digits: int, places: int
) -> None:
    price = tick(terms) * limit + Fraction(digits, 10**places)
    up, down = (ticks_of(terms, plain(price), side) for side in Side)
    assert 0 <= up - price / tick(terms) < 1
    assert 0 <= price / tick(terms) - down < 1


@given(market_terms, counts, st.fractions(0, 1))
def test_a_price_within_the_limit_stays_within_it(
    terms: MarketTerms, limit: int, better: Fraction
) -> None:
    step = tick(terms) * limit * (int(better * 1_000)) / 1_000
    assert ticks_of(terms, plain(tick(terms) * limit - step), Side.BUY) <= limit
    assert ticks_of(terms, plain(tick(terms) * limit + step), Side.SELL) >= limit


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Fraction(5, 2), "2.5"),
        (Fraction(1, 10**18), "0.000000000000000001"),
        (Fraction(10**30), "1" + "0" * 30),
        (Fraction(0), "0"),
        (Fraction(-1, 4), "-0.25"),
    ],
)
def test_decimals_are_plain(value: Fraction, told: str) -> None:
    assert plain(value) == told


@pytest.mark.parametrize("text", ["", " 1", "1.", ".5", "1e3", "-1", "+1", "١", "1" * 41, "1_0"])
def test_what_is_no_plain_decimal_is_not_read(text: str) -> None:
    with pytest.raises(BadAnswer):
        exact(text)


def test_a_part_of_a_lot_is_not_read() -> None:
    with pytest.raises(BadAnswer, match=r"0.0015 BTC is not a number of lots"):
        lots_of(BTC_USD, "0.0015")
