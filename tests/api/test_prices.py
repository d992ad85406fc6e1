"""Are prices, quantities and amounts read exactly, and said back the same?"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, strategies as st

from nostro.api import prices
from nostro.exchange import LOTS_MAX, TICKS_MAX, MarketTerms
from nostro.kernel.messages import Rejection

TERMS = st.builds(
    lambda lot, tick, scale, base, quote: MarketTerms(
        "BASE", "QUOTE", lot, tick, scale, base, quote, 1, 1
    ),
    st.sampled_from((1, 10, 25, 1_000, 10**6, 10**18)),
    st.sampled_from((1, 2, 5, 25, 100)),
    st.integers(0, 18),
    st.integers(0, 18),
    st.integers(0, 18),
)
NUMBERS = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.decimals(min_value=0, max_value=10**9, places=4, allow_nan=False).map(str),
    st.integers(-10, 10**20).map(str),
    st.text(max_size=80),
)


def said(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(text))


@given(TERMS, st.integers(1, TICKS_MAX), st.integers(1, LOTS_MAX))
def test_what_is_said_back_means_the_same(terms: MarketTerms, price: int, lots: int) -> None:
    assert prices.ticks(said(prices.price_told(terms, price)), terms) == price
    assert prices.lots(said(prices.quantity_told(terms, lots)), terms) == lots
    number = msgspec.Raw(prices.price_told(terms, price).encode())
    assert prices.ticks(number, terms) == price


@given(TERMS, NUMBERS)
def test_a_price_is_read_as_a_fraction_says_or_refused(terms: MarketTerms, text: str) -> None:
    tick = Fraction(terms.tick_units, 10**terms.price_scale)
    count, no = _read(prices.ticks, text, terms)
    if no is None:
        assert 0 < count <= TICKS_MAX
        assert count * tick == Fraction(text)
        return
    assert no.code.startswith("exchange.price_")
    for name in {"nearest_below", "nearest_above"} & no.facts.keys():
        near = Fraction(no.facts[name])
        assert near / tick == int(near / tick)
        assert abs(near - Fraction(text)) < tick


@given(TERMS, NUMBERS)
def test_a_quantity_and_an_amount_are_read_as_a_fraction_says_or_refused(
    terms: MarketTerms, text: str
) -> None:
    for read, unit in (
        (prices.lots, Fraction(terms.lot_minor, 10**terms.base_scale)),
        (prices.value_minor, Fraction(1, 10**terms.quote_scale)),
    ):
        count, no = _read(read, text, terms)
        assert no is not None or count * unit == Fraction(text) > 0


def _read(
    read: Callable[[msgspec.Raw, MarketTerms], int], text: str, terms: MarketTerms
) -> tuple[int, Rejection | None]:
    """Return what is read, or why it is not."""
    try:
        return read(said(text), terms), None
    except Rejection as no:
        return 0, no


@given(TERMS, st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**6)), min_size=1))
def test_an_average_is_right_to_half_of_its_last_digit(
    terms: MarketTerms, fills: list[tuple[int, int]]
) -> None:
    notional, count = sum(p * n for p, n in fills), sum(n for _, n in fills)
    told = Fraction(prices.average_told(terms, notional, count))
    exact = Fraction(notional, count) * Fraction(terms.tick_units, 10**terms.price_scale)
    assert abs(told - exact) <= Fraction(1, 2 * 10 ** (terms.price_scale + 4))


@pytest.mark.parametrize(
    ("text", "ppm"),
    [("2.5", 250), ("-0.5", -50), ("0", 0), ("10000", 10**6), ("1e2", 10_000), ("0.01", 1)],
)
def test_basis_points_are_hundredths_of_a_percent(text: str, ppm: int) -> None:
    assert prices.ppm(said(text)) == ppm


@pytest.mark.parametrize("text", ["0.001", "10000.01", "-10001", "1e400"])
def test_basis_points_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(Rejection, match=r"bps_out_of_range"):
        prices.ppm(said(text))


@pytest.mark.parametrize(
    ("text", "units", "scale"), [("0.05", 5, 2), ("0.10", 10, 2), ("5", 5, 0), ("1e2", 100, 0)]
)
def test_a_tick_is_units_of_its_last_decimal(text: str, units: int, scale: int) -> None:
    assert prices.tick(said(text)) == (units, scale)


@pytest.mark.parametrize("text", ["1e-19", "1e40", "0", "-1", "x"])
def test_a_tick_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(Rejection):
        prices.tick(said(text))
