"""How orders end before they are filled: cancelled, all at once, stopped, closed, expired."""

from __future__ import annotations

from typing import Any

import pytest

from nostro.exchange import (
    CancelOrder,
    CancelOrders,
    MarketState,
    OrdersClosed,
    OrderType,
    SetKillSwitch,
    SetMarketState,
    TimeInForce,
    cancelling,
    markets,
)
from nostro.kernel.messages import Command, Tick
from nostro.kernel.room import Context
from tests.rooms.exchange.play import BUY, NAME, SECOND_US, SELL, Play, kinds

OTHER = "BTC-EUR"


def busy() -> Play:
    """Orders 1 to 6: ann buys, sells and waits, bob buys; each of them in another market too."""
    play = Play().market().market(OTHER, base="BTC", quote="EUR")
    play.place("ann", BUY, 10, 90)
    play.place("ann", SELL, 10, 110)
    play.place("ann", BUY, 10, 120, type=OrderType.STOP_LIMIT, stop=120)
    play.place("bob", BUY, 10, 91)
    play.place("ann", BUY, 10, 90, market=OTHER)
    play.place("bob", SELL, 10, 110, market=OTHER)
    return play


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [0, -1, 7, 10**30])
def test_an_order_that_never_was_is_unknown(order: int) -> None:
    no = busy().refused(CancelOrder(order=order, user_id="ann"))
    assert (no.code, no.facts) == ("exchange.order_unknown", {"order": order})


def test_an_order_of_somebody_else_is_unknown() -> None:
    assert busy().refused(CancelOrder(order=4, user_id="ann")).code == "exchange.order_unknown"


def test_a_cancelled_order_is_not_cancelled_again() -> None:
    play = busy()
    play.when(CancelOrder(order=1, user_id="ann"))
    no = play.refused(CancelOrder(order=1, user_id="ann"))
    assert (no.code, no.facts) == ("exchange.order_not_open", {"order": 1})


def test_a_cancelled_order_is_never_filled() -> None:
    play = busy()
    play.when(CancelOrder(order=4, user_id="bob"))
    assert play.place("cy", SELL, 10, 90)["fills"] == [[1, 90, 10, 9, 0]]
    assert 1 not in play.state.orders


def test_a_filled_order_is_not_cancelled() -> None:
    play = busy()
    play.place("cy", SELL, 10, 91)
    assert play.refused(CancelOrder(order=4, user_id="bob")).code == "exchange.order_not_open"


@pytest.mark.parametrize(
    "command",
    [
        CancelOrder(order=1, user_id="ann", reason="x" * 201),
        CancelOrders(reason="x" * 201),
        SetKillSwitch(reason="x" * 201),
        SetMarketState(market=NAME, state=MarketState.HALTED, reason="x" * 201),
    ],
)
def test_a_reason_is_short(command: Command) -> None:
    no = busy().refused(command)
    assert (no.code, no.facts) == ("exchange.bad_reason", {"length": 201, "length_max": 200})


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (CancelOrders(market="X"), "exchange.market_unknown"),
        (CancelOrders(user_id="a b"), "exchange.bad_user_id"),
        (SetKillSwitch(user_id="a b"), "exchange.bad_user_id"),
    ],
)
def test_a_mass_cancel_names_what_there_is(command: Command, code: str) -> None:
    assert busy().refused(command).code == code


# -- one, many, all -------------------------------------------------------------------------------


def test_a_cancelled_order_gives_all_its_funds_back() -> None:
    play = busy()
    play.place("cy", SELL, 14, 91)  # 10 to bob, and 4 rest
    body_before = play.order(7)
    assert body_before.lots_left == 4
    play.when(CancelOrder(order=7, user_id="cy", reason="mine"))
    assert (play.body["state"], play.body["reason"]) == ("cancelled", "mine")
    assert (play.body["left"], play.body["filled"]) == (4, 10)
    play.check()


def test_an_operator_cancels_anybodys_order() -> None:
    play = busy()
    play.when(CancelOrder(order=4, user_id=""))
    assert 4 not in play.state.orders


@pytest.mark.parametrize("state", [MarketState.HALTED, MarketState.CANCEL_ONLY])
def test_orders_are_cancelled_while_their_market_is_not_open(state: MarketState) -> None:
    play = busy()
    play.when(SetMarketState(market=NAME, state=state))
    play.when(CancelOrder(order=1, user_id="ann"), CancelOrders(user_id="ann", market=NAME))
    assert sorted(play.state.orders) == [4, 5, 6]
    play.check()


@pytest.mark.parametrize(
    ("command", "cancelled"),
    [
        (CancelOrders(), [1, 2, 3, 4, 5, 6]),
        (CancelOrders(user_id="ann"), [1, 2, 3, 5]),
        (CancelOrders(market=NAME), [1, 2, 3, 4]),
        (CancelOrders(side=SELL), [2, 6]),
        (CancelOrders(user_id="ann", market=NAME, side=BUY), [1, 3]),
        (CancelOrders(user_id="nobody"), []),
    ],
)
def test_a_mass_cancel_takes_what_it_means_and_no_more(
    command: CancelOrders, cancelled: list[int]
) -> None:
    play = busy()
    row = play.when(command)
    assert play.body == {"cancelled": cancelled, "more": False}
    assert sorted(set(range(1, 7)) - set(play.state.orders)) == cancelled
    markets_told = [event.market for event in row if isinstance(event, OrdersClosed)]
    assert len(markets_told) == len(set(markets_told))
    play.check()
    assert play.when(command) == []


def test_a_mass_cancel_says_when_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "CANCELS_MAX", 2)
    play = busy()
    play.when(CancelOrders(user_id="ann"))
    assert play.body == {"cancelled": [1, 2], "more": True}
    play.when(CancelOrders(user_id="ann"))
    assert play.body == {"cancelled": [3, 5], "more": False}


# -- stopped --------------------------------------------------------------------------------------


def test_a_kill_switch_cancels_a_users_orders_and_no_others() -> None:
    play = busy()
    row = play.when(SetKillSwitch(user_id="ann", reason="limit"))
    assert kinds(row) == ["KillSwitchSet", "OrdersClosed", "OrdersClosed"]
    assert sorted(play.state.orders) == [4, 6]
    assert play.body == {"user_id": "ann", "engaged": True, "cancelled": 4}
    assert play.when(SetKillSwitch(user_id="ann")) == []
    play.check()


def test_a_kill_switch_for_everybody_cancels_everything() -> None:
    play = busy()
    play.when(SetKillSwitch())
    assert play.state.orders == {}
    play.when(SetKillSwitch(user_id="ann"), SetKillSwitch(engaged=False))
    assert play.place("bob", BUY, 1, 1)["state"] == "open"
    play.check()


@pytest.mark.parametrize(
    "command", [SetKillSwitch(), SetMarketState(market=NAME, state=MarketState.CLOSED)]
)
def test_what_one_command_cannot_cancel_the_clock_does(
    command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markets, "CANCELS_MAX", 1)
    monkeypatch.setattr(cancelling, "TICK_ORDERS_MAX", 2)
    play = Play().market()
    for price in range(90, 96):
        play.place("ann", BUY, 1, price)
    play.when(command)
    assert sorted(play.state.orders) == [2, 3, 4, 5, 6]
    assert play.room.due(play.state) == 0
    play.check()
    no_yet = SetMarketState(market=NAME, state=MarketState.OPEN)
    if isinstance(command, SetMarketState):
        no = play.refused(no_yet)
        assert (no.code, no.facts["orders"]) == ("exchange.market_closing", 5)
    play.when(CancelOrder(order=2, user_id="ann"))
    play.tick()
    assert sorted(play.state.orders) == [5, 6]
    play.reload().tick()
    assert play.room.due(play.state) is None
    assert play.state.orders == {}
    play.check()


def test_a_closed_market_has_no_orders() -> None:
    play = busy()
    row = play.when(SetMarketState(market=NAME, state=MarketState.CLOSED, reason="night"))
    assert kinds(row) == ["MarketStateSet", "OrdersClosed"]
    assert sorted(play.state.orders) == [5, 6]
    assert play.room.due(play.state) is None
    play.check()


# -- expired --------------------------------------------------------------------------------------


def expiring(play: Play, *seconds: int) -> list[int]:
    return [
        play.place(
            "ann",
            BUY,
            1,
            100,
            time_in_force=TimeInForce.GTD,
            expires_at_us=play.now_us + after * SECOND_US,
        )["order"]
        for after in seconds
    ]


def test_orders_expire_when_their_time_comes_and_not_before() -> None:
    play = Play().market()
    first, second, third = expiring(play, 5, 3, 5)
    assert play.room.due(play.state) == play.now_us + 3 * SECOND_US
    play.tick()
    assert sorted(play.state.orders) == [first, third]
    row = play.tick()
    closed = row[0]
    assert isinstance(closed, OrdersClosed)
    assert closed.reason == "expired"
    assert [each.order for each in closed.orders] == [first, third]
    assert play.room.due(play.state) is None
    assert second not in play.state.orders
    play.check()


def test_a_tick_with_nothing_due_does_nothing() -> None:
    play = Play().market()
    expiring(play, 5)
    decision = play.room.decide(play.state, Tick(), Context(9, play.now_us, "clock", {}))
    assert decision.events == []


def test_a_tick_ends_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "TICK_ORDERS_MAX", 2)
    play = Play().market()
    numbers = expiring(play, 5, 5, 4)
    play.tick(at_us=play.now_us + 9 * SECOND_US)
    assert sorted(play.state.orders) == [numbers[1]]
    play.tick()
    assert play.state.orders == {}
    play.check()


def test_an_order_that_is_gone_is_not_waited_for() -> None:
    play = Play().market()
    first, second = expiring(play, 3, 5)
    due = play.now_us + 5 * SECOND_US
    play.when(CancelOrder(order=first, user_id="ann"))
    assert play.room.due(play.state) == due
    play.place("bob", SELL, 1, 100)
    assert second not in play.state.orders
    assert play.room.due(play.state) is None
    play.check()


def test_timers_of_orders_that_are_gone_leave_memory() -> None:
    play = Play().market()
    play.looks = False
    expiring(play, 1)
    for _ in range(1_100):
        (order,) = expiring(play, 50)
        play.when(CancelOrder(order=order, user_id="ann"))
    assert len(play.state.timers) < 1_100


def test_a_waiting_stop_expires() -> None:
    play = Play().market()
    at_us = play.now_us + SECOND_US
    terms: dict[str, Any] = {"time_in_force": TimeInForce.GTD, "expires_at_us": at_us}
    play.place("ann", SELL, 1, 50, type=OrderType.STOP_LIMIT, stop=60, **terms)
    play.tick()
    assert play.state.orders == {}
    assert len(play.at().stops) == 0
    play.check()
