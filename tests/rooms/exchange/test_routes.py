"""Orders that a liquidity provider fills: lost, late, doubled and impossible answers first."""

from __future__ import annotations

from typing import Any

import pytest

from nostro.exchange import (
    TICKS_MAX,
    AmendOrder,
    CancelOrder,
    CancelOrders,
    ChangeMarket,
    EndRoute,
    MarketRules,
    MarketState,
    NewOrder,
    OrderRouted,
    OrderType,
    PlaceOrder,
    PostOnly,
    RouteBroken,
    RouteEnded,
    RouteFill,
    Routing,
    SetKillSwitch,
    SetMarketState,
    TimeInForce,
    markets,
)
from nostro.kernel.messages import Rejection
from tests.rooms.exchange.play import BUY, NAME, SECOND_US, SELL, Play, kinds

FOK, IOC, GTD = TimeInForce.FOK, TimeInForce.IOC, TimeInForce.GTD


def routed(
    lots: int = 10, price: int = 100, *, routing: Routing = Routing.BOOK_THEN_PROVIDER, **terms: Any
) -> Play:
    """Ann's order is with the merchant; a lot at a tick is worth a cent, and a taker pays 2 %."""
    play = Play().market(
        lot_minor=1_000_000, taker_ppm=20_000, routing=routing, provider="merchant"
    )
    play.place("ann", BUY, lots, price, **terms)
    return play


def answer(*fills: tuple[int, int], reason: str = "", route: int = 1, order: int = 1) -> EndRoute:
    told = [RouteFill(lots, price) for lots, price in fills]
    return EndRoute(order=order, route=route, fills=told, reason=reason, reference="m-1")


def broken(play: Play, command: EndRoute) -> Rejection:
    no = play.refused(command)
    assert no.code == "exchange.bad_fill"
    return no


# -- while nothing is heard ------------------------------------------------------------------------


def test_while_a_provider_has_an_order_it_is_neither_cancelled_nor_amended() -> None:
    play = routed()
    commands = (
        CancelOrder(order=1, user_id="ann"),
        CancelOrder(order=1, user_id=""),
        AmendOrder(order=1, user_id="ann", lots=5),
    )
    for command in commands:
        no = play.refused(command)
        assert no.code == "exchange.order_routed"
        assert no.facts == {"order": 1, "route": 1, "provider": "merchant"}
    play.when(CancelOrders())
    assert play.body == {"cancelled": [], "more": False}
    play.check()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (SetMarketState(market=NAME, state=MarketState.CLOSED), "market_closed"),
        (SetMarketState(market=NAME, state=MarketState.HALTED), "market_halted"),
        (SetKillSwitch(user_id="ann"), "kill_switch"),
    ],
)
def test_what_stops_trading_waits_for_the_answer(command: Any, reason: str) -> None:
    play = routed()
    play.when(command)
    assert play.order(1).route == 1
    assert play.room.due(play.state) is None
    row = play.when(answer((4, 99)))
    assert kinds(row) == ["RouteEnded", "OrdersClosed"]
    assert row[-1].reason == reason  # type: ignore[attr-defined]
    assert play.ledger.wallets["ann", "ADA"] == 4_000_000
    play.check()


@pytest.mark.parametrize("stop", [0, 101])
def test_what_is_to_be_cancelled_goes_to_no_provider(
    stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markets, "CANCELS_MAX", 0)
    play = Play().market()
    terms: dict[str, Any] = {"type": OrderType.STOP_LIMIT, "stop": stop} if stop else {}
    play.place("ann", BUY, 10, 110 if stop else 90, **terms)
    rules = MarketRules(routing=Routing.BOOK_THEN_PROVIDER, provider="merchant")
    play.when(ChangeMarket(market=NAME, rules=rules))
    for engaged in (True, False):
        play.when(SetKillSwitch(user_id="ann", engaged=engaged))
    assert play.room.due(play.state) == 0
    if stop:
        play.place("bob", SELL, 1, stop, post_only=PostOnly.REJECT)
        taker = NewOrder(market=NAME, side=BUY, lots=1, price=stop)
        row = play.when(PlaceOrder(user_id="cy", order=taker))
    else:
        row = play.when(AmendOrder(order=1, user_id="ann", price=95))
    assert kinds(row)[-1] == "OrdersClosed"
    assert row[-1].reason == "kill_switch"  # type: ignore[attr-defined]
    assert not play.state.routes
    assert play.room.due(play.state) is None
    play.check()


def test_an_order_does_not_expire_while_a_provider_has_it() -> None:
    play = Play().market(routing=Routing.BOOK_THEN_PROVIDER, provider="merchant")
    at_us = play.now_us + SECOND_US
    play.place("ann", BUY, 10, 100, time_in_force=GTD, expires_at_us=at_us)
    assert play.room.due(play.state) is None
    play.now_us += 2 * SECOND_US
    row = play.when(answer())
    assert kinds(row) == ["RouteEnded", "OrdersClosed"]
    assert row[-1].reason == "expired"  # type: ignore[attr-defined]
    play.check()


# -- answers that cannot be ------------------------------------------------------------------------


def test_a_price_beyond_all_money_is_a_break() -> None:
    play = Play().market(lot_minor=10**22, routing=Routing.BOOK_THEN_PROVIDER, provider="merchant")
    play.place("ann", SELL, 10**15, 1)
    no = play.refused(answer((10**15, TICKS_MAX)))
    assert (no.code, no.facts["what"]) == ("exchange.bad_fill", "more than can be booked")
    assert isinstance(play.events[-1], RouteBroken)
    play.check()


@pytest.mark.parametrize(("route", "order"), [(2, 1), (0, 1), (-1, 1), (1, 2)])
def test_a_route_that_never_was_is_unknown(route: int, order: int) -> None:
    no = routed().refused(answer((1, 100), route=route, order=order))
    assert (no.code, no.facts) == ("exchange.route_unknown", {"route": route, "order": order})


@pytest.mark.parametrize(
    ("fills", "what"),
    [
        ([(11, 100)], "more than was routed"),
        ([(6, 100), (5, 99)], "more than was routed"),
        ([(1, 101)], "worse than the limit"),
        ([(1, 100), (1, 0)], "worse than the limit"),
        ([(0, 100)], "a fill of nothing"),
        ([(-3, 100)], "a fill of nothing"),
        ([(1, 100)] * 1_001, "too many fills"),
    ],
)
def test_a_fill_that_cannot_be_is_a_break_and_the_order_stays_with_the_provider(
    fills: list[tuple[int, int]], what: str
) -> None:
    play = routed()
    no = broken(play, answer(*fills))
    assert no.facts["what"] == what
    assert isinstance(play.events[-1], RouteBroken)
    assert play.order(1).route == 1
    # Said again, it is refused again, and leaves no second mark.
    height = len(play.events)
    broken(play, answer(*fills))
    assert len(play.events) == height
    play.check()
    # What people find out is booked after all.
    assert play.when(answer((10, 100)))
    assert 1 not in play.state.orders
    play.check()


def test_a_sale_below_its_limit_is_a_break() -> None:
    play = Play().market(routing=Routing.PROVIDER, provider="merchant")
    play.place("ann", SELL, 10, 100)
    assert broken(play, answer((1, 99))).facts["limit"] == 100
    play.when(answer((1, 100)))


def test_a_part_of_all_or_nothing_is_a_break() -> None:
    play = routed(time_in_force=FOK)
    assert broken(play, answer((4, 100))).facts["what"] == "a part, of all or nothing"
    play.when(answer((4, 100), (6, 99)))
    assert play.state.orders == {}
    play.check()


# -- answers said twice ----------------------------------------------------------------------------


@pytest.mark.parametrize("first", [answer((4, 99)), answer((10, 99)), answer(reason="empty")])
def test_an_answer_said_twice_is_booked_once(first: EndRoute) -> None:
    play = routed()
    play.when(first)
    before = play.room.dump(play.state)
    assert play.when(first) == []
    assert play.body == {"order": 1, "route": 1, "exists": True}
    assert play.room.dump(play.state) == before
    play.check()


def test_an_answer_said_twice_for_different_reasons_is_booked_once() -> None:
    play = routed()
    play.when(answer(reason="empty"))
    assert play.when(answer(reason="closed")) == []


def test_other_fills_than_were_booked_are_a_break() -> None:
    play = routed()
    play.when(answer((4, 99)))
    assert broken(play, answer((5, 99))).facts["what"] == "other fills than were booked"
    assert isinstance(play.events[-1], RouteBroken)
    height = len(play.events)
    broken(play, answer((5, 99)))
    assert len(play.events) == height
    play.check()


# -- what is routed --------------------------------------------------------------------------------


def test_the_book_comes_first_and_the_provider_gets_what_is_left() -> None:
    play = Play().market(
        lot_minor=1_000_000, routing=Routing.BOOK_THEN_PROVIDER, provider="merchant"
    )
    play.place("bob", SELL, 4, 99, post_only=PostOnly.REJECT)
    body = play.place("ann", BUY, 10, 100)
    assert (body["state"], body["filled"], body["left"], body["route"]) == (
        "partially_filled",
        4,
        6,
        1,
    )
    asked = play.events[-1]
    assert isinstance(asked, OrderRouted)
    assert (asked.lots, asked.limit, asked.all_or_none, asked.provider) == (
        6,
        100,
        False,
        "merchant",
    )
    assert play.order(2).reserved_minor == 1_000 - 396, "a taker's reserve stays with it"
    play.check()


def test_what_a_provider_filled_is_booked_with_a_takers_fee() -> None:
    play = routed()
    row = play.when(answer((3, 99), (7, 100)))
    ended = row[0]
    assert isinstance(ended, RouteEnded)
    assert [(fill.value_minor, fill.fee_minor) for fill in ended.fills] == [(297, 6), (700, 14)]
    assert (ended.left, ended.released_minor, ended.provider) == (0, 1_020 - 1_017, "merchant")
    assert play.body["state"] == "filled"
    assert (play.at().last_price, play.at().last_trade) == (100, 2)
    assert play.ledger.earnings["USD"] == 20
    play.check()


def test_what_a_provider_leaves_of_a_lasting_order_rests_and_is_not_routed_again() -> None:
    play = routed()
    row = play.when(answer((4, 99), reason="partially_filled"))
    assert kinds(row) == ["RouteEnded", "OrderRested"]
    assert play.book()[0] == [(1, 100, 6)]
    play.check()
    assert play.place("bob", SELL, 6, 100)["state"] == "filled"
    play.check()


def test_what_comes_back_trades_with_what_came_meanwhile() -> None:
    play = routed()
    play.place("bob", SELL, 10, 98, post_only=PostOnly.REJECT)
    row = play.when(answer((4, 99)))
    assert kinds(row) == ["RouteEnded", "TradesExecuted"]
    assert 1 not in play.state.orders
    assert play.book() == [[], [(2, 98, 4)]]
    play.check()


@pytest.mark.parametrize(
    "terms",
    [{"time_in_force": IOC}, {"time_in_force": FOK}, {"type": OrderType.MARKET}],
)
def test_what_a_provider_leaves_of_a_passing_order_is_cancelled(terms: dict[str, Any]) -> None:
    play = routed(**terms)
    row = play.when(answer(reason="price"))
    assert kinds(row) == ["RouteEnded", "OrdersClosed"]
    assert row[-1].reason == "provider: price"  # type: ignore[attr-defined]
    assert play.state.orders == {}
    play.check()


def test_all_or_nothing_goes_to_the_provider_whole_where_the_book_has_too_little() -> None:
    play = Play().market(routing=Routing.BOOK_THEN_PROVIDER, provider="merchant")
    play.place("bob", SELL, 4, 100, post_only=PostOnly.REJECT)
    body = play.place("ann", BUY, 10, 100, time_in_force=FOK)
    assert (body["filled"], body["left"]) == (0, 10)
    asked = play.events[-1]
    assert isinstance(asked, OrderRouted)
    assert (asked.lots, asked.all_or_none) == (10, True)
    assert play.book()[1] == [(1, 100, 4)]


def test_in_a_market_of_providers_nothing_meets_and_nothing_rests() -> None:
    play = routed(routing=Routing.PROVIDER)
    play.place("bob", SELL, 10, 100)
    assert play.book() == [[], []]
    assert sorted(play.state.routes) == [1, 2]
    row = play.when(answer((4, 99)))
    assert kinds(row) == ["RouteEnded", "OrdersClosed"]
    assert row[-1].reason == "provider: partially_filled"  # type: ignore[attr-defined]
    play.check()


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"post_only": PostOnly.SLIDE}, "post_only"),
        ({"display": 1}, "display"),
        ({"side": SELL, "type": OrderType.MARKET, "lots": 0, "budget_minor": 5}, "budget_minor"),
    ],
)
def test_in_a_market_of_providers_orders_that_rest_are_refused(
    terms: dict[str, Any], field: str
) -> None:
    play = Play().market(routing=Routing.PROVIDER, provider="merchant")
    order = NewOrder(**{"market": NAME, "side": BUY, "lots": 10, "price": 100, **terms})
    no = play.refused(PlaceOrder(user_id="ann", order=order))
    assert (no.code, no.facts["field"]) == ("exchange.bad_order", field)


def test_an_order_that_may_only_rest_is_never_routed() -> None:
    play = routed(post_only=PostOnly.REJECT)
    assert play.book()[0] == [(1, 100, 10)]
    rules = MarketRules(routing=Routing.PROVIDER, provider="merchant")
    play.when(ChangeMarket(market=NAME, rules=rules))
    play.when(AmendOrder(order=1, user_id="ann", price=101))
    assert play.body["reason"] == "would_trade"
    assert play.state.routes == {}
    play.check()


def test_a_budget_that_the_book_leaves_goes_to_the_provider_at_the_worst_price() -> None:
    play = Play().market(
        lot_minor=1_000_000, routing=Routing.BOOK_THEN_PROVIDER, provider="merchant"
    )
    play.place("bob", SELL, 2, 100, post_only=PostOnly.REJECT)
    body = play.place("ann", BUY, 0, 110, type=OrderType.MARKET, budget_minor=1_000)
    assert (body["filled"], body["route"]) == (2, 1)
    assert play.state.routes[1].lots == 800 // 110
    play.when(answer((7, 105), order=2))
    assert play.body["filled"] == 9
    assert play.state.orders == {}
    assert play.ledger.wallets["ann", "USD"] == 1_000 - 200 - 735
    play.check()


def test_a_limit_beyond_the_band_is_routed_at_the_bands_end() -> None:
    play = Play().market(
        reference=100, band_ppm=50_000, routing=Routing.PROVIDER, provider="merchant"
    )
    play.place("ann", BUY, 1, type=OrderType.MARKET)
    assert play.state.routes[1].limit == 105


def test_trades_with_a_provider_elect_stops() -> None:
    play = routed()
    stop = play.place("bob", SELL, 1, 200, type=OrderType.STOP_LIMIT, stop=97)["order"]
    row = play.when(answer((4, 97), (6, 99)))
    assert kinds(row) == ["RouteEnded", "StopsElected", "OrderRouted"]
    assert play.order(stop).route == 2
    row = play.when(answer(route=2, order=stop))
    assert kinds(row) == ["RouteEnded", "OrderRested"]
    assert play.order(stop).elected
    play.check()


def test_what_a_provider_writes_is_kept_printable_and_short() -> None:
    play = routed()
    command = EndRoute(order=1, route=1, fills=[], reason="no\0\n" + "x" * 300, reference="\x1b")
    ended = play.when(command)[0]
    assert isinstance(ended, RouteEnded)
    assert (ended.reason, ended.reference) == ("no??" + "x" * 196, "?")


def test_a_provider_of_no_proper_name_is_a_break() -> None:
    play = routed()
    command = EndRoute(order=1, route=1, fills=[], provider="Mer:chant")
    assert broken(play, command).facts["what"] == "a provider of no such name"
    best = EndRoute(order=1, route=1, fills=[RouteFill(10, 99)], provider="other-one")
    ended = play.when(best)[0]
    assert isinstance(ended, RouteEnded)
    assert ended.provider == "other-one"
