"""Placing an order: what is refused and with which facts, what is held, what a repeat finds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from nostro.exchange import (
    LOTS_MAX,
    ORDERS_MAX,
    TICKS_MAX,
    EnterOrder,
    MarketState,
    NewOrder,
    OrderRefused,
    OrdersPlaced,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    PostOnly,
    RefuseOrder,
    SelfTrade,
    SetKillSwitch,
    SetMarketState,
    Side,
    TimeInForce,
    TraderAdmitted,
)
from nostro.exchange.placing import DAY_US, MINUTE_US
from nostro.kernel.messages import Command, Rejection
from tests.rooms.exchange.play import BUY, NAME, SELL, START_US, Play, kinds

PLAIN = NewOrder(market=NAME, side=BUY, lots=10, price=100)


def refused(play: Play, **changed: Any) -> Rejection:
    order = msgspec.structs.replace(PLAIN, **changed)
    before = play.state.orders_next
    no = play.refused(PlaceOrder(user_id="ann", order=order))
    assert play.state.orders_next == before, "a refused order used up a number"
    return no


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("user_id", ["", "a b", "x" * 49, "é", "ann\n"])
def test_a_malformed_user_id_is_refused(user_id: str) -> None:
    commands: list[Command] = [
        PlaceOrder(user_id=user_id, order=PLAIN),
        PlaceOrders(user_id=user_id, orders=[PLAIN]),
    ]
    for command in commands:
        no = Play().market().refused(command)
        assert no.code == "exchange.bad_user_id"
        assert no.facts["length_max"] == 48


def test_a_market_that_nobody_made_is_unknown() -> None:
    no = refused(Play().market(), market="DOGE-USD")
    assert (no.code, no.facts) == ("exchange.market_unknown", {"market": "DOGE-USD"})


@pytest.mark.parametrize("state", [MarketState.HALTED, MarketState.CANCEL_ONLY, MarketState.CLOSED])
def test_a_market_that_is_not_open_takes_no_order_and_says_why(state: MarketState) -> None:
    play = Play().market()
    play.when(SetMarketState(market=NAME, state=state, reason="lunch"))
    no = refused(play)
    assert no.code == "exchange.market_not_open"
    assert no.facts == {"market": NAME, "state": state.value, "reason": "lunch"}


@pytest.mark.parametrize("who", ["", "ann"])
def test_who_is_stopped_places_no_order(who: str) -> None:
    play = Play().market()
    play.when(SetKillSwitch(user_id=who, reason="fat finger"))
    no = refused(play)
    assert no.code == "exchange.trading_stopped"
    assert no.facts == {"user_id": who, "reason": "fat finger"}
    play.when(SetKillSwitch(user_id=who, engaged=False))
    play.when(PlaceOrder(user_id="ann", order=PLAIN))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"stop": 5}, "stop"),
        ({"budget_minor": 5}, "budget_minor"),
        ({"expires_at_us": START_US + 1}, "expires_at_us"),
        ({"client_order_id": "x" * 65}, "client_order_id"),
        ({"client_order_id": "a\n"}, "client_order_id"),
        ({"time_in_force": TimeInForce.IOC, "display": 1}, "display"),
        ({"time_in_force": TimeInForce.FOK, "post_only": PostOnly.SLIDE}, "post_only"),
        ({"type": OrderType.MARKET, "time_in_force": TimeInForce.DAY}, "time_in_force"),
        ({"type": OrderType.MARKET, "display": 1}, "display"),
        ({"type": OrderType.MARKET, "post_only": PostOnly.REJECT}, "post_only"),
        ({"type": OrderType.MARKET, "budget_minor": 5}, "lots"),
        (
            {
                "type": OrderType.MARKET,
                "lots": 0,
                "budget_minor": 5,
                "self_trade": SelfTrade.DECREMENT,
            },
            "self_trade",
        ),
        ({"type": OrderType.STOP, "stop": 5, "budget_minor": 5}, "budget_minor"),
        ({"type": OrderType.STOP_LIMIT, "stop": 5, "post_only": PostOnly.REJECT}, "post_only"),
    ],
)
def test_what_does_not_go_together_is_refused_by_field(changed: dict[str, Any], field: str) -> None:
    no = refused(Play().market(), **changed)
    assert no.code == "exchange.bad_order"
    assert no.facts["field"] == field
    assert no.facts["what"]


@pytest.mark.parametrize("price", [0, -1, TICKS_MAX + 1, 10**40])
def test_a_price_out_of_all_bounds_is_refused(price: int) -> None:
    no = refused(Play().market(), price=price)
    assert no.code == "exchange.bad_price"
    facts = {"field": "price", "price": price, "price_min": 1, "price_max": TICKS_MAX}
    assert no.facts == facts


@pytest.mark.parametrize("stop", [0, -1, TICKS_MAX + 1])
def test_a_stop_price_out_of_all_bounds_is_refused(stop: int) -> None:
    no = refused(Play().market(), type=OrderType.STOP_LIMIT, stop=stop)
    assert (no.code, no.facts["field"]) == ("exchange.bad_price", "stop")


@pytest.mark.parametrize(
    ("lots", "code"),
    [
        (0, "exchange.bad_quantity"),
        (-5, "exchange.bad_quantity"),
        (LOTS_MAX + 1, "exchange.bad_quantity"),
        (4, "exchange.quantity_below_minimum"),
        (1_001, "exchange.quantity_above_maximum"),
    ],
)
def test_a_quantity_out_of_bounds_is_refused(lots: int, code: str) -> None:
    no = refused(Play().market(lots_min=5, lots_max=1_000), lots=lots)
    assert no.code == code
    assert lots in no.facts.values()


@pytest.mark.parametrize("display", [-1, 9, 1_001])
def test_an_iceberg_shows_neither_too_little_nor_more_than_it_has(display: int) -> None:
    no = refused(Play().market(), lots=1_000, display=display)
    assert no.code == "exchange.bad_quantity"
    assert (no.facts["quantity_min"], no.facts["quantity_max"]) == (10, 1_000)


def test_an_order_worth_less_than_the_minimum_is_refused() -> None:
    play = Play().market(value_min_minor=10)
    no = refused(play, lots=9)
    assert no.code == "exchange.value_below_minimum"
    assert no.facts["value_minor"] == 9
    assert no.facts["value_min_minor"] == 10
    assert play.place("ann", BUY, 10, 100)["state"] == "open"


def test_an_order_worth_more_than_any_amount_is_refused() -> None:
    play = Play().market(base="ETH", quote="BTC", lot_minor=10**22, price_scale=0)
    no = refused(play, lots=LOTS_MAX, price=TICKS_MAX)
    assert no.code == "exchange.value_above_maximum"
    assert no.facts["needed_minor"] > no.facts["needed_max_minor"]


@pytest.mark.parametrize(("side", "price"), [(BUY, 106), (SELL, 94)])
def test_a_price_beyond_the_band_is_refused_on_its_aggressive_side(side: Side, price: int) -> None:
    play = Play().market(reference=100, band_ppm=50_000)
    no = refused(play, side=side, price=price)
    assert no.code == "exchange.price_outside_band"
    assert no.facts == {
        "market": NAME,
        "price": price,
        "band_low": 95,
        "band_high": 105,
        "reference": 100,
    }
    assert play.place("ann", side.other, 10, price)["state"] == "open"


def test_buying_by_quantity_without_band_or_worst_price_is_refused() -> None:
    play = Play().market()
    no = refused(play, type=OrderType.MARKET, price=0)
    assert no.code == "exchange.worst_price_missing"
    assert play.place("ann", SELL, 10, type=OrderType.MARKET)["reason"] == "nothing_to_match"


@pytest.mark.parametrize("expires_at_us", [0, START_US - 1, START_US])
def test_an_expiry_that_has_passed_is_refused(expires_at_us: int) -> None:
    no = refused(Play().market(), time_in_force=TimeInForce.GTD, expires_at_us=expires_at_us)
    assert no.code == "exchange.expiry_passed"
    assert no.facts == {"expires_at_us": expires_at_us, "at_us": START_US}


def test_a_user_has_only_so_many_orders_in_a_market() -> None:
    play = Play().market(orders_per_user_max=2)
    play.place("ann", BUY, 10, 100)
    first = play.place("ann", BUY, 10, 100)["order"]
    no = refused(play)
    assert no.code == "exchange.too_many_orders"
    assert (no.facts["what"], no.facts["orders_max"]) == ("user", 2)
    assert play.place("bob", SELL, 20, 100)["state"] == "filled"
    assert first not in play.state.orders
    assert play.place("ann", BUY, 10, 100)["state"] == "open"


def test_the_orders_of_one_command_count_as_well() -> None:
    play = Play().market(orders_per_user_max=2)
    play.when(PlaceOrders(user_id="ann", orders=[PLAIN] * 3))
    assert [result.get("code") for result in play.body["results"]] == [
        None,
        None,
        "exchange.too_many_orders",
    ]


def test_too_many_orders_in_one_command_are_refused_as_a_whole() -> None:
    play = Play().market()
    no = play.refused(PlaceOrders(user_id="ann", orders=[PLAIN] * (ORDERS_MAX + 1)))
    assert no.code == "exchange.too_many_in_command"
    assert no.facts == {"orders": ORDERS_MAX + 1, "orders_max": ORDERS_MAX}


# -- funds that are not there ---------------------------------------------------------------------


def test_an_order_whose_funds_are_refused_is_rejected_for_ever() -> None:
    play = Play().market()
    play.ledger.poor = True
    body = play.place("ann", BUY, 10, 100)
    assert (body["order"], body["state"], body["reason"]) == (1, "rejected", "poor")
    assert kinds(play.events[-3:]) == ["TraderAdmitted", "OrdersPlaced", "OrderRefused"]
    assert isinstance(play.events[-1], OrderRefused)
    for command in (EnterOrder(order=1), RefuseOrder(order=1, reason="again")):
        no = play.refused(command)
        assert (no.code, no.facts) == ("exchange.not_in_course", {"order": 1})
    play.ledger.poor = False
    assert play.place("ann", BUY, 10, 100)["order"] == 2
    play.check()


def test_of_several_orders_each_has_its_own_result() -> None:
    play = Play().market()
    play.ledger.poor = True
    play.ledger.wallets["ann", "USD"] = 15
    play.ledger.outside["USD"] = -15
    bad = msgspec.structs.replace(PLAIN, price=0)
    play.when(PlaceOrders(user_id="ann", orders=[PLAIN, bad, PLAIN]))
    first, second, third = play.body["results"]
    assert (first["order"], first["state"]) == (1, "open")
    assert second["code"] == "exchange.bad_price"
    assert (third["order"], third["state"]) == (2, "rejected")
    play.check()


def test_several_orders_that_are_all_refused_leave_no_mark() -> None:
    play = Play().market()
    bad = msgspec.structs.replace(PLAIN, price=0)
    assert play.when(PlaceOrders(user_id="ann", orders=[bad, bad])) == []
    assert play.when(PlaceOrders(user_id="ann", orders=[])) == []
    assert play.body == {"results": []}


# -- placed ---------------------------------------------------------------------------------------


def test_a_user_is_admitted_once_for_each_pair() -> None:
    play = Play().market()
    play.when(PlaceOrders(user_id="ann", orders=[PLAIN, PLAIN]))
    play.place("ann", BUY, 10, 100)
    admitted = [event for event in play.events if isinstance(event, TraderAdmitted)]
    assert admitted == [TraderAdmitted("ann", "ADA", "USD")]


def test_numbers_count_over_all_markets() -> None:
    play = Play().market().market("BTC-EUR", base="BTC", quote="EUR")
    assert play.place("ann", BUY, 10, 100)["order"] == 1
    assert play.place("ann", BUY, 10, 100, market="BTC-EUR")["order"] == 2


@pytest.mark.parametrize(
    ("order", "price", "asset", "held"),
    [
        # 10 lots at 100 ticks are worth 10 cents, and 2 % of it is 0.2
        (PLAIN, 100, "USD", 11),
        (msgspec.structs.replace(PLAIN, side=SELL), 100, "ADA", 100_000),
        (msgspec.structs.replace(PLAIN, lots=1, price=1), 1, "USD", 2),
        (NewOrder(market=NAME, side=BUY, type=OrderType.MARKET, lots=10), 105, "USD", 12),
        (NewOrder(market=NAME, side=SELL, type=OrderType.MARKET, lots=10), 95, "ADA", 100_000),
        (NewOrder(market=NAME, side=BUY, type=OrderType.MARKET, budget_minor=50), 105, "USD", 51),
        # 50 cents at 95 ticks are 52.6 lots
        (
            NewOrder(market=NAME, side=SELL, type=OrderType.MARKET, budget_minor=50),
            95,
            "ADA",
            520_000,
        ),
        (NewOrder(market=NAME, side=BUY, type=OrderType.STOP, lots=10, stop=200), 210, "USD", 22),
        (
            NewOrder(market=NAME, side=SELL, type=OrderType.STOP, lots=10, stop=50),
            48,
            "ADA",
            100_000,
        ),
    ],
)
def test_what_may_be_needed_is_held_at_the_worst_price_with_the_worst_fee(
    order: NewOrder, price: int, asset: str, held: int
) -> None:
    play = Play().market(reference=100, band_ppm=50_000, maker_ppm=-1_000, taker_ppm=20_000)
    row = play.when(PlaceOrder(user_id="ann", order=order))
    placed = next(event for event in row if isinstance(event, OrdersPlaced)).orders[0]
    assert (placed.price, placed.asset, placed.reserved_minor) == (price, asset, held)
    assert (placed.maker_ppm, placed.taker_ppm) == (-1_000, 20_000)
    play.check()


def test_selling_by_a_budget_that_is_not_worth_a_lot_is_refused() -> None:
    play = Play().market(reference=10**6, band_ppm=50_000)
    no = refused(play, side=SELL, type=OrderType.MARKET, lots=0, price=0, budget_minor=5)
    assert no.code == "exchange.bad_quantity"
    assert (no.facts["field"], no.facts["budget_min_minor"]) == ("budget_minor", 9_500)


@pytest.mark.parametrize(("ends", "days"), [(0, 1), (600, 0), (1_439, 0)])
def test_a_day_order_lives_until_the_markets_day_ends(ends: int, days: int) -> None:
    play = Play().market(day_ends_minute=ends)
    midnight = START_US // DAY_US * DAY_US
    play.now_us = midnight + 9 * 60 * MINUTE_US
    order = play.place("ann", BUY, 10, 100, time_in_force=TimeInForce.DAY)["order"]
    assert play.order(order).expires_at_us == midnight + days * DAY_US + ends * MINUTE_US
    assert play.room.due(play.state) == play.order(order).expires_at_us


def test_a_day_order_at_the_very_end_of_the_day_lives_another_day() -> None:
    play = Play().market()
    play.now_us = START_US // DAY_US * DAY_US
    order = play.place("ann", BUY, 10, 100, time_in_force=TimeInForce.DAY)["order"]
    assert play.order(order).expires_at_us == play.now_us + DAY_US
