"""Does an order always hold what its fills can take, and is every minor unit accounted for?

The twin counts in fractions and rounds by the words of the rules: a buying taker's fills together
up, a selling one's together down, fees over an order's life up.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

from hypothesis import given, settings, strategies as st

from nostro.exchange import LiveOrder, MarketTerms, RouteFill, Side
from nostro.exchange.funds import as_maker, as_taker, carried, charged, fee_of, maker_rate
from nostro.exchange.trades import execute, execute_route

PPM = 10**6


def terms_of(value: Fraction) -> MarketTerms:
    return MarketTerms("ADA", "USD", 10_000, 1, 2, 6, 2, value.numerator, value.denominator)


VALUES = st.fractions(min_value=Fraction(1, 10_000), max_value=1_000, max_denominator=10_000)
RATES = st.one_of(st.just(0), st.integers(-2_000, 10_000), st.just(PPM))
TAKER_RATES = st.one_of(st.just(0), st.integers(0, 10_000), st.just(PPM))
LOTS = st.integers(1, 50)


class Twin:
    """An order's purse in exact numbers: what it paid, and what it was charged in fees."""

    def __init__(self, side: Side, value: Fraction) -> None:
        self.side = side
        self.value = value
        self.taken = Fraction(0)
        self.paid_as_taker = 0
        self.fees = Fraction(0)

    def fill(self, price: int, lots: int, *, taking: bool, minor: int | None, ppm: int) -> int:
        """Return the value of a fill in minor units; `minor`: what the taker's side made it."""
        exact = self.value * price * lots
        if minor is None:
            assert taking
            if self.side is Side.SELL:
                minor = floor(exact)
            else:
                self.taken += exact
                minor = ceil(self.taken) - self.paid_as_taker
                self.paid_as_taker += minor
        self.fees += Fraction(minor * ppm, PPM)
        return minor


def maker_of(number: int, side: Side, price: int, lots: int, ppm: int) -> LiveOrder:
    return LiveOrder(
        number, "maker", side, price, lots, lots=lots, maker_ppm=ppm, taker_ppm=max(0, ppm)
    )


@settings(max_examples=300)
@given(data=st.data(), value=VALUES, maker_ppm=RATES, taker_ppm=TAKER_RATES)
def test_a_buyer_who_takes_then_rests_never_pays_more_than_he_holds(
    data: Any, value: Fraction, maker_ppm: int, taker_ppm: int
) -> None:
    terms = terms_of(value)
    price = data.draw(st.integers(1, 100))
    lots = data.draw(LOTS)
    order = LiveOrder(
        1, "buyer", Side.BUY, price, lots, lots=lots, maker_ppm=maker_ppm, taker_ppm=taker_ppm
    )
    order.reserved_minor = as_taker(terms, order, price=price, lots_left=lots)
    twin = Twin(Side.BUY, value)
    _take(data, terms, order, twin, taker_ppm)
    assert order.reserved_minor >= as_maker(terms, order)
    order.reserved_minor = as_maker(terms, order)  # it rests, and what is above is released
    while order.lots_left:
        some = data.draw(st.integers(1, order.lots_left))
        seller = LiveOrder(9, "s", Side.SELL, 1, some, lots=some, taker_ppm=taker_ppm)
        seller.reserved_minor = some * terms.lot_minor
        fill = execute(seller, [(order, some)], terms, 1)[0]
        rate = max(maker_ppm, -taker_ppm)
        assert fill.value_minor == floor(value * price * some)
        before = ceil(twin.fees)
        twin.fill(price, some, taking=False, minor=fill.value_minor, ppm=rate)
        assert fill.maker_fee_minor == ceil(twin.fees) - before
        order.lots_left -= some
        order.fee_exact += rate * fill.value_minor
        order.reserved_minor -= fill.value_minor + fill.maker_fee_minor
        assert order.reserved_minor >= 0
        assert order.reserved_minor >= as_maker(terms, order)
    assert order.reserved_minor == fill.maker_released_minor


def _take(data: Any, terms: MarketTerms, order: LiveOrder, twin: Twin, taker_ppm: int) -> None:
    """Let a buyer take parts of his order, in sweeps and from providers, all at his limit or
    better."""
    for _ in range(data.draw(st.integers(0, 4))):
        if order.lots_left < 2:
            return
        some = data.draw(st.integers(1, order.lots_left - 1))
        price = data.draw(st.integers(1, order.price))
        held, fees = order.reserved_minor, ceil(twin.fees)
        needed = as_taker_left(terms, order)
        assert held >= needed
        exact_fees = order.fee_exact
        if data.draw(st.booleans()):
            fill: Any = execute_route(order, [RouteFill(some, price)], terms, 1)[0]
            fee = fill.fee_minor
        else:
            maker = maker_of(5, Side.SELL, price, some, 0)
            maker.reserved_minor = some * terms.lot_minor
            fill = execute(order, [(maker, some)], terms, 1)[0]
            fee = fill.taker_fee_minor
            assert (fill.maker_left, fill.maker_released_minor) == (0, 0)
        minor = twin.fill(price, some, taking=True, minor=None, ppm=taker_ppm)
        assert fill.value_minor == minor
        assert fee == ceil(twin.fees) - fees == fee_of(exact_fees, taker_ppm, minor)
        assert charged(order.fee_exact) == ceil(twin.fees)
        assert order.reserved_minor == held - minor - fee
        assert order.carry == (twin.paid_as_taker - twin.taken) * terms.value_den
        assert order.reserved_minor >= as_taker_left(terms, order)


def as_taker_left(terms: MarketTerms, order: LiveOrder) -> int:
    """What a taker may still have to pay: the ceiling of all that is left, less its carry."""
    left = Fraction(order.price * order.lots_left * terms.value_num - order.carry, terms.value_den)
    value = ceil(left)
    ppm = max(order.maker_ppm, order.taker_ppm, 0)
    return value + ceil(Fraction(order.fee_exact + ppm * value, PPM)) - charged(order.fee_exact)


@given(value=VALUES, price=st.integers(1, 100), fills=st.lists(LOTS, min_size=1, max_size=6))
def test_a_taker_who_buys_at_his_limit_pays_the_ceiling_of_all_of_it(
    value: Fraction, price: int, fills: list[int]
) -> None:
    terms = terms_of(value)
    lots = sum(fills)
    taker = LiveOrder(1, "b", Side.BUY, price, lots, lots=lots)
    makers = [maker_of(2 + at, Side.SELL, price, some, 0) for at, some in enumerate(fills)]
    told = execute(taker, list(zip(makers, fills, strict=True)), terms, 1)
    assert sum(fill.value_minor for fill in told) == ceil(value * price * lots)
    assert all(fill.value_minor >= 0 for fill in told)
    assert [fill.trade for fill in told] == list(range(1, len(fills) + 1))


@given(value=VALUES, price=st.integers(1, 100), fills=st.lists(LOTS, min_size=1, max_size=6))
def test_a_taker_who_sells_gets_the_floor_of_all_of_it_in_whatever_parts(
    value: Fraction, price: int, fills: list[int]
) -> None:
    terms = terms_of(value)
    lots = sum(fills)
    taker = LiveOrder(1, "s", Side.SELL, 1, lots, lots=lots)
    taker.reserved_minor = lots * terms.lot_minor
    makers = [maker_of(2 + at, Side.BUY, price, some, 0) for at, some in enumerate(fills)]
    told = execute(taker, list(zip(makers, fills, strict=True)), terms, 1)
    assert sum(fill.value_minor for fill in told) == floor(value * price * lots)
    for fill, some in zip(told, fills, strict=True):
        assert floor(value * price * some) <= fill.value_minor <= ceil(value * price * some)
    assert (taker.reserved_minor, taker.lots_left) == (0, 0)


@given(value=VALUES, maker_ppm=RATES, parts=st.lists(st.tuples(LOTS, LOTS), min_size=1))
def test_a_maker_who_is_met_in_parts_never_pays_more_than_the_ceiling_of_his_order(
    value: Fraction, maker_ppm: int, parts: list[tuple[int, int]]
) -> None:
    terms = terms_of(value)
    lots = sum(some for some, _ in parts)
    maker = maker_of(1, Side.BUY, 3, lots, maker_ppm)
    held = maker.reserved_minor = as_maker(terms, maker)
    for some, before in parts:
        taker = LiveOrder(9, "s", Side.SELL, 1, before + some, lots=before + some, taker_ppm=PPM)
        taker.reserved_minor = taker.lots * terms.lot_minor
        other = maker_of(2, Side.BUY, 3, before, 0)
        fill = execute(taker, [(other, before), (maker, some)], terms, 1)[1]
        maker.lots_left -= some
        maker.fee_exact += maker_ppm * fill.value_minor
        maker.filled_minor += fill.value_minor
        maker.reserved_minor -= fill.value_minor + fill.maker_fee_minor
        assert maker.reserved_minor >= as_maker(terms, maker) >= 0
    assert maker.filled_minor <= ceil(value * 3 * lots) <= held


@given(
    maker_ppm=RATES,
    taker_ppm=TAKER_RATES,
    values=st.lists(st.integers(0, 10_000), min_size=1, max_size=12),
)
def test_no_sequence_of_trades_costs_the_house(
    maker_ppm: int, taker_ppm: int, values: list[int]
) -> None:
    maker = LiveOrder(1, "m", Side.SELL, 1, 1, maker_ppm=maker_ppm)
    taker = LiveOrder(2, "t", Side.BUY, 1, 1, taker_ppm=taker_ppm)
    rate = maker_rate(maker, taker)
    assert rate == max(maker_ppm, -taker_ppm)
    maker_exact = taker_exact = earned = 0
    for value in values:
        earned += fee_of(maker_exact, rate, value) + fee_of(taker_exact, taker_ppm, value)
        maker_exact += rate * value
        taker_exact += taker_ppm * value
        assert earned == charged(maker_exact) + charged(taker_exact) >= 0


@given(
    fee_exact=st.integers(-(10**9), 10**9),
    ppm=st.integers(-PPM, PPM),
    value=st.integers(0, 10**9),
)
def test_a_fee_is_never_more_than_the_value_and_a_rebate_rounds_down(
    fee_exact: int, ppm: int, value: int
) -> None:
    fee = fee_of(fee_exact, ppm, value)
    exact = Fraction(fee_exact + ppm * value, PPM)
    assert charged(fee_exact) + fee == ceil(exact)
    assert fee <= value
    if fee_exact == 0 and ppm < 0:
        assert -fee <= -exact * 1 < -fee + 1


def test_carry_is_what_was_paid_above_the_exact_value() -> None:
    terms = terms_of(Fraction(1, 3))
    taker = LiveOrder(1, "b", Side.BUY, 1, 2, lots=2)
    maker = maker_of(2, Side.SELL, 1, 1, 0)
    first = execute(taker, [(maker, 1)], terms, 1)[0]
    assert (first.value_minor, taker.carry) == (1, 2)
    assert carried(terms, notional=1, value_minor=1, carry=0) == 2
    second = execute(taker, [(maker, 1)], terms, 2)[0]
    assert (second.value_minor, taker.carry) == (0, 1)
