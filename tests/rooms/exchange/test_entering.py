"""What becomes of an order that enters, by its type and by what it meets."""

from __future__ import annotations

import pytest

from nostro.exchange import (
    NewOrder,
    OrderReduced,
    OrderRested,
    OrdersClosed,
    OrderState,
    OrderType,
    PlaceOrders,
    PostOnly,
    SelfTrade,
    TimeInForce,
    TradesExecuted,
    entering,
)
from tests.rooms.exchange.play import BUY, NAME, SELL, Play, kinds

MARKET = OrderType.MARKET
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


def cents(play: Play, user_id: str) -> int:
    return play.ledger.wallets[user_id, "USD"]


def opened() -> Play:
    """A market in which a lot at a tick is worth a cent, and bob offers 10 at 100, cy 5 at 101."""
    play = Play().market(lot_minor=1_000_000)
    play.place("bob", SELL, 10, 100)
    play.place("cy", SELL, 5, 101)
    return play


# -- nothing trades -------------------------------------------------------------------------------


def test_a_limit_order_that_meets_nobody_rests_whole() -> None:
    play = Play().market(maker_ppm=1_000, taker_ppm=20_000)
    body = play.place("ann", BUY, 1_000, 100)
    assert (body["state"], body["left"], body["filled"], body["fills"]) == ("open", 1_000, 0, [])
    rested = play.events[-1]
    assert isinstance(rested, OrderRested)
    # 1,000 cents are held, with 20 for a taker's fee, of which a maker needs 1.
    assert (rested.released_minor, rested.moves) == (19, 2)
    assert play.order(1).reserved_minor == 1_001
    play.check()


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"price": 99, "time_in_force": IOC}, "ioc"),
        ({"price": 99, "time_in_force": FOK}, "fok"),
        ({"price": 99, "type": MARKET}, "nothing_to_match"),
        ({"lots": 16, "price": 101, "time_in_force": FOK}, "fok"),
        ({"lots": 16, "price": 101, "type": MARKET, "time_in_force": FOK}, "fok"),
    ],
)
def test_what_may_not_rest_and_does_not_trade_is_cancelled_and_its_funds_come_back(
    terms: dict[str, object], reason: str
) -> None:
    play = opened()
    body = play.place("ann", BUY, **{"lots": 5, **terms})  # type: ignore[arg-type]
    assert (body["state"], body["reason"], body["filled"]) == ("cancelled", reason, 0)
    assert body["order"] not in play.state.orders
    assert play.book()[1] == [(1, 100, 10), (2, 101, 5)]
    play.check()


def test_a_market_order_in_an_empty_market_is_cancelled_not_rested() -> None:
    play = Play().market()
    body = play.place("ann", SELL, 5, type=MARKET)
    assert (body["state"], body["reason"]) == ("cancelled", "nothing_to_match")
    assert play.book() == [[], []]


def test_an_order_that_may_only_rest_and_would_trade_is_rejected() -> None:
    play = opened()
    body = play.place("ann", BUY, 5, 100, post_only=PostOnly.REJECT)
    assert (body["state"], body["reason"]) == ("rejected", "would_trade")
    closed = play.events[-1]
    assert isinstance(closed, OrdersClosed)
    assert closed.orders[0].state is OrderState.REJECTED
    play.check()


def test_an_order_that_may_only_rest_and_would_not_trade_rests() -> None:
    play = opened()
    for post_only in (PostOnly.REJECT, PostOnly.SLIDE):
        body = play.place("ann", BUY, 5, 99, post_only=post_only)
        assert (body["state"], body["price"]) == ("open", 99)


def test_an_order_that_would_trade_slides_behind_the_best_price_it_would_meet() -> None:
    play = opened()
    body = play.place("ann", BUY, 5, 104, post_only=PostOnly.SLIDE)
    assert (body["state"], body["price"]) == ("open", 99)
    assert play.order(body["order"]).reserved_minor == 5 * 99
    body = play.place("ann", SELL, 5, 98, post_only=PostOnly.SLIDE)
    assert (body["state"], body["price"]) == ("open", 100)
    assert play.book() == [[(3, 99, 5)], [(1, 100, 10), (4, 100, 5), (2, 101, 5)]]
    play.check()


def test_an_order_that_cannot_slide_below_the_first_tick_is_rejected() -> None:
    play = Play().market()
    play.place("bob", SELL, 5, 1)
    body = play.place("ann", BUY, 5, 1, post_only=PostOnly.SLIDE)
    assert (body["state"], body["reason"]) == ("rejected", "would_trade")


# -- it trades ------------------------------------------------------------------------------------


def test_a_trade_prints_at_the_makers_price_and_the_difference_comes_back() -> None:
    play = opened()
    body = play.place("ann", BUY, 4, 150)
    assert body["state"] == "filled"
    assert body["fills"] == [[1, 100, 4, 400, 0]]
    assert (body["value_minor"], body["left"], body["filled"]) == (400, 0, 4)
    trade = play.events[-1]
    assert isinstance(trade, TradesExecuted)
    assert (trade.released_minor, trade.moves) == (200, 2)
    assert cents(play, "bob") == 400
    assert (play.at().last_price, play.at().last_trade) == (100, 1)
    play.check()


def test_the_first_at_the_best_price_is_filled_first() -> None:
    play = opened()
    play.place("di", SELL, 10, 100)
    body = play.place("ann", BUY, 17, 101)
    assert [fill[1:3] for fill in body["fills"]] == [[100, 10], [100, 7]]
    assert play.book()[1] == [(3, 100, 3), (2, 101, 5)]


def test_what_a_limit_order_does_not_trade_rests_as_a_maker() -> None:
    play = opened()
    body = play.place("ann", BUY, 12, 100)
    assert (body["state"], body["left"], body["filled"]) == ("partially_filled", 2, 10)
    assert kinds(play.events[-2:]) == ["TradesExecuted", "OrderRested"]
    assert play.book() == [[(3, 100, 2)], [(2, 101, 5)]]
    play.check()


def test_what_an_immediate_order_does_not_trade_is_cancelled() -> None:
    play = opened()
    body = play.place("ann", BUY, 12, 100, time_in_force=IOC)
    assert (body["state"], body["reason"], body["left"], body["filled"]) == (
        "cancelled",
        "ioc",
        2,
        10,
    )
    assert play.book() == [[], [(2, 101, 5)]]
    play.check()


def test_a_whole_order_is_filled_whole_over_several_prices() -> None:
    play = opened()
    body = play.place("ann", BUY, 15, 101, time_in_force=FOK)
    assert (body["state"], body["filled"]) == ("filled", 15)
    assert play.book() == [[], []]
    play.check()


def test_a_filled_order_is_not_filled_again() -> None:
    play = opened()
    play.place("ann", BUY, 10, 100)
    body = play.place("di", BUY, 10, 100)
    assert (body["state"], body["fills"]) == ("open", [])


def test_an_iceberg_shows_its_next_slice_behind_the_others() -> None:
    play = Play().market(lot_minor=1_000_000)
    play.place("bob", SELL, 9, 100, display=3)
    play.place("cy", SELL, 3, 100)
    body = play.place("ann", BUY, 7, 100)
    trade = play.events[-1]
    assert isinstance(trade, TradesExecuted)
    assert [(fill.maker, fill.lots, fill.maker_left) for fill in trade.fills] == [
        (1, 3, 6),
        (2, 3, 0),
        (1, 1, 5),
    ]
    assert body["state"] == "filled"
    assert play.order(1).shown == 2
    play.check()
    assert play.place("ann", BUY, 5, 100)["state"] == "filled"
    assert play.book() == [[], []]
    play.check()


# -- by budget ------------------------------------------------------------------------------------


def test_a_budget_buys_as_many_lots_as_it_pays_for() -> None:
    play = opened()
    body = play.place("ann", BUY, 0, 0, type=MARKET, budget_minor=1_250)
    assert (body["state"], body["value_minor"], body["filled"]) == ("filled", 1_202, 12)
    assert (body["lots"], body["left"]) == (0, 0)
    assert play.ledger.wallets["ann", "ADA"] == 12_000_000
    play.check()


def test_a_budget_beyond_the_book_is_partly_spent() -> None:
    play = opened()
    body = play.place("ann", BUY, 0, 0, type=MARKET, budget_minor=100_000)
    assert (body["state"], body["reason"], body["filled"]) == ("cancelled", "nothing_to_match", 15)
    assert body["value_minor"] == 1_505
    assert cents(play, "ann") == 100_000 - 1_505
    play.check()


def test_a_budget_too_small_for_a_lot_comes_back() -> None:
    play = opened()
    body = play.place("ann", BUY, 0, 0, type=MARKET, budget_minor=99)
    assert (body["state"], body["reason"], body["filled"]) == (
        "cancelled",
        "budget_too_small",
        0,
    )
    play.check()


def test_a_sale_by_budget_earns_at_most_that() -> None:
    play = Play().market(lot_minor=1_000_000)
    play.place("bob", BUY, 10, 100)
    body = play.place("ann", SELL, 0, 90, type=MARKET, budget_minor=350)
    assert (body["state"], body["value_minor"], body["filled"]) == ("filled", 300, 3)
    play.check()


# -- one's own orders -----------------------------------------------------------------------------


def met(self_trade: SelfTrade, lots: int) -> tuple[Play, dict[str, object]]:
    """Ann meets her own 10 at 100, behind bob's 2 there, before cy's 5 at 101."""
    play = Play().market(lot_minor=1_000_000)
    play.place("bob", SELL, 2, 100)
    play.place("ann", SELL, 10, 100)
    play.place("cy", SELL, 5, 101)
    return play, play.place("ann", BUY, lots, 101, self_trade=self_trade)


def test_the_taker_gives_way() -> None:
    play, body = met(SelfTrade.CANCEL_TAKER, 15)
    assert (body["state"], body["reason"], body["filled"]) == ("cancelled", "self_trade", 2)
    assert play.book() == [[], [(2, 100, 10), (3, 101, 5)]]
    play.check()


def test_the_maker_gives_way() -> None:
    play, body = met(SelfTrade.CANCEL_MAKER, 15)
    assert (body["state"], body["filled"], body["left"]) == ("partially_filled", 7, 8)
    assert play.book() == [[(4, 101, 8)], []]
    closed = [event for event in play.events if isinstance(event, OrdersClosed)]
    assert [(each.order, each.asset) for each in closed[0].orders] == [(2, "ADA")]
    play.check()


def test_both_give_way() -> None:
    play, body = met(SelfTrade.CANCEL_BOTH, 15)
    assert (body["state"], body["reason"], body["filled"]) == ("cancelled", "self_trade", 2)
    assert play.book() == [[], [(3, 101, 5)]]
    play.check()


def test_the_smaller_gives_way_and_the_larger_taker_goes_on_without_as_much() -> None:
    play, body = met(SelfTrade.DECREMENT, 20)
    assert (body["state"], body["lots"], body["left"], body["filled"]) == (
        "partially_filled",
        10,
        3,
        7,
    )
    reduced = [event for event in play.events if isinstance(event, OrderReduced)]
    assert [(each.order, each.lots, each.lots_left) for each in reduced] == [(4, 10, 3)]
    assert play.book() == [[(4, 101, 3)], []]
    play.check()


def test_a_smaller_taker_is_used_up_and_the_maker_keeps_its_place() -> None:
    play, body = met(SelfTrade.DECREMENT, 6)
    assert (body["state"], body["reason"], body["filled"], body["left"]) == (
        "cancelled",
        "self_trade",
        2,
        4,
    )
    assert play.book() == [[], [(2, 100, 6), (3, 101, 5)]]
    reduced = [event for event in play.events if isinstance(event, OrderReduced)]
    assert [(each.order, each.asset, each.lots) for each in reduced] == [(2, "ADA", 6)]
    assert play.order(2).reserved_minor == 6_000_000
    play.check()


# -- the classic ----------------------------------------------------------------------------------


def test_the_classic_trade() -> None:
    play = Play().market("ADA-USDT", quote="USDT", lot_minor=1_000_000)
    play.ledger.poor = True
    play.ledger.wallets.update({("a", "USDT"): 1_000_000_000, ("b", "ADA"): 500_000_000})
    play.ledger.outside.update({"USDT": -1_000_000_000, "ADA": -500_000_000})
    assert play.place("a", BUY, 100, 200, market="ADA-USDT")["state"] == "open"
    assert play.place("b", SELL, 100, 200, market="ADA-USDT")["state"] == "filled"
    wallets = play.ledger.wallets
    assert (wallets["a", "USDT"], wallets["a", "ADA"]) == (800_000_000, 100_000_000)
    assert (wallets["b", "USDT"], wallets["b", "ADA"]) == (200_000_000, 400_000_000)
    play.check()
    # The near miss: A bids 10 at 1.9, B offers 10 at 2 and 1 at 1.9.
    play.place("a", BUY, 10, 190, market="ADA-USDT")
    assert play.place("b", SELL, 10, 200, market="ADA-USDT")["state"] == "open"
    assert play.place("b", SELL, 1, 190, market="ADA-USDT")["fills"] == [[2, 190, 1, 1_900_000, 0]]
    assert play.book("ADA-USDT") == [[(3, 190, 9)], [(4, 200, 10)]]
    play.check()
    assert NAME not in play.state.markets


# -- bounds ---------------------------------------------------------------------------------------


def test_an_order_trades_with_only_so_many_makers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entering, "FILLS_MAX", 3)
    play = Play().market(lot_minor=1_000_000)
    for _ in range(5):
        play.place("bob", SELL, 1, 100)
    body = play.place("ann", BUY, 5, 100, time_in_force=FOK)
    assert (body["state"], body["reason"], body["filled"]) == ("cancelled", "sweep_too_long", 0)
    body = play.place("ann", BUY, 5, 100)
    assert (body["state"], body["reason"], body["filled"]) == ("cancelled", "sweep_too_long", 3)
    assert play.book() == [[], [(4, 100, 1), (5, 100, 1)]]
    play.check()


def test_what_enters_together_trades_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entering, "FILLS_MAX", 2)
    monkeypatch.setattr(entering, "ROW_MAX", 3)
    play = Play().market(lot_minor=1_000_000)
    for _ in range(6):
        play.place("bob", SELL, 1, 100)
    order = NewOrder(market=NAME, side=BUY, lots=2, price=100)
    play.when(PlaceOrders(user_id="ann", orders=[order] * 3))
    closed = [event for event in play.events if isinstance(event, OrdersClosed)]
    assert [(event.reason, event.orders[0].lots_left) for event in closed] == [
        ("sweep_too_long", 1),
        ("sweep_too_long", 2),
    ]
    assert play.place("ann", BUY, 2, 100)["state"] == "filled"
    play.check()


def test_a_stop_that_no_longer_fits_waits_for_the_next_trade(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entering, "FILLS_MAX", 2)
    monkeypatch.setattr(entering, "ROW_MAX", 5)
    play = Play().market(lot_minor=1_000_000)
    for _ in range(6):
        play.place("bob", SELL, 1, 100)
    for user_id in ("cy", "di"):
        play.place(user_id, BUY, 2, 100, type=OrderType.STOP_LIMIT, stop=100)
    play.place("ann", BUY, 1, 100)
    assert [order.user_id for order in play.state.orders.values() if order.parked] == ["di"]
    play.check()
    play.place("ann", BUY, 1, 100)
    assert not [order for order in play.state.orders.values() if order.parked]
    assert len(play.book()[1]) == 0
    play.check()


def test_a_row_that_is_full_elects_no_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entering, "ROW_MAX", 1)
    play = Play().market(lot_minor=1_000_000)
    play.place("bob", SELL, 2, 100)
    play.place("cy", BUY, 1, 100, type=OrderType.STOP_LIMIT, stop=100)
    play.place("ann", BUY, 1, 100)
    assert play.order(2).parked
    monkeypatch.setattr(entering, "ROW_MAX", 10_000)
    play.place("ann", BUY, 1, 100)
    assert play.order(2).resting
    play.check()
