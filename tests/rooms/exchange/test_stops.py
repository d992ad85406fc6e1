"""Orders that wait for a price: who is elected, by which trade, and in which order?"""

from __future__ import annotations

from typing import Any

import pytest

from nostro.exchange import (
    ChangeMarket,
    MarketRules,
    MarketState,
    NewOrder,
    OrderParked,
    OrderType,
    PlaceOrder,
    SetMarketState,
    Side,
    StopsElected,
    TimeInForce,
)
from nostro.exchange.stops import STOPS_MAX
from tests.rooms.exchange.play import BUY, NAME, SELL, Play, kinds

STOP, STOP_LIMIT = OrderType.STOP, OrderType.STOP_LIMIT


def traded(price: int = 100, **rules: Any) -> Play:
    """A market that last traded at a price."""
    play = Play().market(lot_minor=1_000_000, **rules)
    return trade(play, price)


def trade(play: Play, price: int) -> Play:
    play.place("mia", SELL, 1, price)
    play.place("max", BUY, 1, price)
    return play


def elected(play: Play) -> list[list[int]]:
    return [event.orders for event in play.events if isinstance(event, StopsElected)]


def test_only_so_many_orders_wait_in_a_market() -> None:
    play = traded(orders_per_user_max=10_000)
    play.looks = False
    for _ in range(STOPS_MAX):
        play.place("ann", SELL, 1, type=STOP, stop=50)
    order = NewOrder(market=NAME, side=SELL, lots=1, type=STOP, stop=50)
    no = play.refused(PlaceOrder(user_id="bob", order=order))
    assert no.code == "exchange.too_many_orders"
    assert (no.facts["what"], no.facts["orders_max"]) == ("stops", STOPS_MAX)


def test_a_stop_waits_and_is_on_no_book() -> None:
    play = traded()
    body = play.place("ann", SELL, 5, 90, type=STOP_LIMIT, stop=95)
    assert (body["state"], body["left"]) == ("untriggered", 5)
    assert isinstance(play.events[-1], OrderParked)
    assert play.book() == [[], []]
    play.check()


@pytest.mark.parametrize(("side", "stop"), [(BUY, 100), (BUY, 99), (SELL, 100), (SELL, 101)])
def test_a_stop_that_the_last_price_has_reached_enters_at_once(side: Side, stop: int) -> None:
    play = traded()
    body = play.place("ann", side, 5, 90, type=STOP_LIMIT, stop=stop)
    assert body["state"] == "open"
    assert elected(play) == []


def test_before_the_first_trade_every_stop_waits() -> None:
    play = Play().market()
    assert play.place("ann", SELL, 5, 90, type=STOP_LIMIT, stop=10**9)["state"] == "untriggered"


@pytest.mark.parametrize(
    ("side", "stop", "price", "is_elected"),
    [
        (SELL, 95, 96, False),
        (SELL, 95, 95, True),
        (SELL, 95, 94, True),
        (BUY, 105, 104, False),
        (BUY, 105, 105, True),
        (BUY, 105, 106, True),
    ],
)
def test_a_trade_at_the_stop_price_or_beyond_elects(
    side: Side, stop: int, price: int, is_elected: bool
) -> None:
    play = traded()
    limit = 200 if side is SELL else 1
    number = play.place("ann", side, 5, limit, type=STOP_LIMIT, stop=stop)["order"]
    trade(play, price)
    assert elected(play) == ([[number]] if is_elected else [])
    assert play.order(number).resting is is_elected
    play.check()


def test_stops_are_elected_in_the_order_of_their_arrival_whatever_their_prices() -> None:
    play = traded()
    numbers = [
        play.place("ann", SELL, 1, 200, type=STOP_LIMIT, stop=stop)["order"]
        for stop in (93, 95, 94, 80, 95)
    ]
    trade(play, 93)
    assert elected(play) == [[numbers[0], numbers[1], numbers[2], numbers[4]]]
    assert [number for number, _, _ in play.book()[1]] == [numbers[at] for at in (0, 1, 2, 4)]


def test_an_elected_stop_trades_as_a_market_order_and_may_elect_others() -> None:
    play = traded()
    for price in (99, 98, 97):
        play.place("bob", BUY, 2, price)
    first = play.place("ann", SELL, 2, type=STOP, stop=99)["order"]
    second = play.place("ann", SELL, 2, type=STOP, stop=98)["order"]
    third = play.place("ann", SELL, 2, 96, type=STOP_LIMIT, stop=97)["order"]
    play.place("cy", SELL, 1, 99)
    assert elected(play) == [[first], [second], [third]]
    # first sells at 99 and 98, second at 98 and 97, third at 97 and rests
    assert play.book() == [[], [(third, 96, 1)]]
    assert play.order(third).elected
    play.check()


def test_a_sweep_through_prices_elects_stops_on_both_sides() -> None:
    play = traded()
    play.place("bob", SELL, 1, 90)
    play.place("bob", SELL, 1, 110)
    low = play.place("ann", SELL, 1, 200, type=STOP_LIMIT, stop=95)["order"]
    high = play.place("ann", BUY, 1, 1, type=STOP_LIMIT, stop=105)["order"]
    play.place("cy", BUY, 2, 110)
    assert elected(play) == [[low, high]]


def test_a_stop_that_finds_nothing_is_cancelled() -> None:
    play = traded()
    number = play.place("ann", SELL, 1, type=STOP, stop=95)["order"]
    trade(play, 95)
    assert number not in play.state.orders
    assert kinds(play.events[-2:]) == ["StopsElected", "OrdersClosed"]
    play.check()


def test_an_elected_order_good_for_its_arrival_only_does_not_rest() -> None:
    play = traded()
    terms: dict[str, Any] = {"type": STOP_LIMIT, "stop": 95, "time_in_force": TimeInForce.IOC}
    number = play.place("ann", SELL, 1, 200, **terms)["order"]
    assert play.order(number).parked
    trade(play, 95)
    assert number not in play.state.orders


def test_while_a_market_is_halted_no_stop_is_elected_but_when_it_opens_again() -> None:
    play = traded()
    number = play.place("ann", SELL, 1, 90, type=STOP_LIMIT, stop=95)["order"]
    play.when(SetMarketState(market=NAME, state=MarketState.HALTED))
    play.at().last_price = 95  # as if it had traded there
    row = play.when(SetMarketState(market=NAME, state=MarketState.OPEN))
    assert kinds(row) == ["MarketStateSet", "StopsElected", "OrderRested"]
    assert play.order(number).resting


def test_a_stop_elected_by_the_trades_that_halted_its_market_waits_on() -> None:
    play = traded(reference=100, band_ppm=50_000)
    first = play.place("ann", SELL, 2, type=STOP, stop=99)["order"]
    second = play.place("ann", SELL, 2, type=STOP, stop=99)["order"]
    play.place("bob", BUY, 1, 99)
    play.place("bob", BUY, 1, 98)
    play.place("bob", BUY, 5, 80)
    play.place("cy", SELL, 1, 99)
    # Both are elected; the first sweeps to the band's end and halts the market.
    assert elected(play) == [[first, second]]
    assert play.at().state is MarketState.HALTED
    assert first not in play.state.orders
    assert play.order(second).parked
    assert not play.order(second).elected
    play.check()
    play.reload()
    row = play.when(SetMarketState(market=NAME, state=MarketState.OPEN))
    assert kinds(row)[:2] == ["MarketStateSet", "StopsElected"]
    play.check()


def test_a_stop_keeps_waiting_when_its_market_gets_other_rules() -> None:
    play = traded()
    number = play.place("ann", SELL, 1, 90, type=STOP_LIMIT, stop=95)["order"]
    play.when(ChangeMarket(market=NAME, rules=MarketRules(lots_min=5)))
    trade_price = play.place("mia", SELL, 5, 95)["price"]
    play.place("max", BUY, 5, 95)
    assert trade_price == 95
    assert play.order(number).resting
