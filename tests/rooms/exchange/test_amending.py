"""Amending an order: what is refused, what keeps its place, what enters again, and its funds."""

from __future__ import annotations

from typing import Any

import pytest

from nostro.exchange import (
    AmendOrder,
    EndRoute,
    EnterAmendment,
    MarketState,
    OrderReduced,
    OrderType,
    PostOnly,
    RefuseAmendment,
    Routing,
    SelfTrade,
    SetKillSwitch,
    SetMarketState,
    TimeInForce,
)
from nostro.kernel.messages import Rejection
from tests.rooms.exchange.play import BUY, NAME, SELL, Play, kinds


def resting(**terms: Any) -> Play:
    """Ann buys 10 at 100, before bob's 5 there; a lot at a tick is worth a cent; 2 % for takers."""
    play = Play().market(lot_minor=1_000_000, maker_ppm=10_000, taker_ppm=20_000)
    play.place("ann", BUY, 10, 100, **terms)
    play.place("bob", BUY, 5, 100)
    return play


def amended(play: Play, order: int = 1, **terms: int) -> dict[str, Any]:
    play.when(AmendOrder(order=order, user_id="ann", **terms))
    assert isinstance(play.body, dict)
    return play.body


def refused(play: Play, order: int = 1, **terms: Any) -> Rejection:
    before = play.room.dump(play.state)
    no = play.refused(AmendOrder(order=order, user_id="ann", **terms))
    assert play.room.dump(play.state) == before
    return no


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [0, -1, 3, 10**30])
def test_an_order_that_never_was_is_unknown(order: int) -> None:
    assert refused(resting(), order, lots=5).code == "exchange.order_unknown"


def test_an_order_of_somebody_else_is_unknown() -> None:
    assert refused(resting(), 2, lots=4).code == "exchange.order_unknown"


def test_an_order_that_closed_is_not_open() -> None:
    play = resting()
    play.place("cy", SELL, 10, 100)
    no = refused(play, lots=5)
    assert (no.code, no.facts) == ("exchange.order_not_open", {"order": 1})


@pytest.mark.parametrize("terms", [{}, {"lots": 10}, {"price": 100}, {"lots": 10, "price": 100}])
def test_an_amendment_that_changes_nothing_is_refused(terms: dict[str, int]) -> None:
    assert refused(resting(), **terms).code == "exchange.nothing_changes"


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"price": 0}, "exchange.bad_price"),
        ({"lots": 0}, "exchange.bad_quantity"),
        ({"lots": 10**16}, "exchange.bad_quantity"),
    ],
)
def test_an_amendment_to_what_could_not_be_placed_is_refused(
    terms: dict[str, int], code: str
) -> None:
    assert refused(resting(), **terms).code == code


@pytest.mark.parametrize("lots", [1, 4])
def test_an_order_is_not_amended_to_what_is_filled_already(lots: int) -> None:
    play = resting()
    play.place("cy", SELL, 4, 100)
    no = refused(play, lots=lots)
    assert no.code == "exchange.cannot_amend"
    assert (no.facts["filled"], no.facts["lots"]) == (4, lots)
    assert amended(play, lots=5)["left"] == 1


def test_a_price_beyond_the_band_is_refused() -> None:
    play = Play().market(reference=100, band_ppm=50_000)
    play.place("ann", BUY, 10, 100)
    assert refused(play, price=106).code == "exchange.price_outside_band"


def test_an_iceberg_does_not_become_too_many_slices() -> None:
    play = resting(display=1)
    assert amended(play, lots=100)["lots"] == 100
    assert refused(play, lots=101).code == "exchange.bad_quantity"


@pytest.mark.parametrize("state", [MarketState.HALTED, MarketState.CANCEL_ONLY])
def test_while_a_market_is_not_open_nothing_is_amended(state: MarketState) -> None:
    play = resting()
    play.when(SetMarketState(market=NAME, state=state))
    assert refused(play, lots=5).code == "exchange.market_not_open"


@pytest.mark.parametrize("command", [EnterAmendment(order=1), RefuseAmendment(order=1, reason="")])
def test_what_only_the_flow_says_is_refused_out_of_its_course(command: Any) -> None:
    assert resting().refused(command).code == "exchange.not_in_course"


@pytest.mark.parametrize("terms", [{"lots": 11}, {"price": 101}])
def test_without_the_further_funds_the_order_stays_as_it_is_in_its_place(
    terms: dict[str, int],
) -> None:
    play = resting()
    play.ledger.poor = True
    play.ledger.wallets.clear()
    play.ledger.outside.clear()
    held = play.order(1).reserved_minor
    book = play.book()
    body = amended(play, **terms)
    assert kinds(play.events[-2:]) == ["AmendmentPlaced", "AmendmentRefused"]
    assert (body["state"], body["lots"], body["price"]) == ("open", 10, 100)
    assert (play.book(), play.order(1).reserved_minor) == (book, held)
    assert play.state.amendments == {}
    # and it may be amended afterwards, under a movement of its own
    play.ledger.poor = False
    assert amended(play, **terms)["state"] == "open"


# -- in its place ---------------------------------------------------------------------------------


def test_a_lower_quantity_keeps_its_place_and_gives_funds_back() -> None:
    play = resting()
    assert play.order(1).reserved_minor == 1_010
    body = amended(play, lots=4)
    reduced = play.events[-1]
    assert isinstance(reduced, OrderReduced)
    assert (reduced.lots, reduced.lots_left, reduced.released_minor) == (4, 4, 1_010 - 404)
    assert (body["state"], body["lots"], body["left"]) == ("open", 4, 4)
    assert play.book()[0] == [(1, 100, 4), (2, 100, 5)]
    assert play.place("cy", SELL, 4, 100)["state"] == "filled"
    assert 1 not in play.state.orders
    play.check()


def test_a_partly_filled_order_is_reduced_by_what_is_left() -> None:
    play = resting()
    play.place("cy", SELL, 3, 100)
    body = amended(play, lots=5)
    assert (body["state"], body["lots"], body["left"], body["filled"]) == (
        "partially_filled",
        5,
        2,
        3,
    )
    assert play.book()[0] == [(1, 100, 2), (2, 100, 5)]
    play.check()


def test_a_reduced_iceberg_shows_no_more_than_it_has() -> None:
    play = resting(display=6)
    amended(play, lots=4)
    assert play.order(1).shown == 4
    play.check()


# -- entered again --------------------------------------------------------------------------------


def test_a_higher_quantity_goes_to_the_back_and_holds_more() -> None:
    play = resting()
    body = amended(play, lots=12)
    assert kinds(play.events[-3:]) == ["AmendmentPlaced", "OrderReplaced", "OrderRested"]
    assert (body["state"], body["left"]) == ("open", 12)
    assert play.book()[0] == [(2, 100, 5), (1, 100, 12)]
    assert play.order(1).reserved_minor == 1_212
    play.check()


def test_another_price_takes_another_place_and_less_is_given_back() -> None:
    play = resting()
    amended(play, price=90)
    assert play.book()[0] == [(2, 100, 5), (1, 90, 10)]
    assert play.order(1).reserved_minor == 909
    play.check()


def test_back_at_its_old_price_an_order_is_last() -> None:
    play = resting()
    amended(play, price=90)
    amended(play, price=100)
    assert play.book()[0] == [(2, 100, 5), (1, 100, 10)]
    play.check()


def test_an_amendment_that_crosses_trades() -> None:
    play = resting()
    play.place("cy", SELL, 4, 103)
    body = amended(play, price=105)
    assert body["fills"] == [[1, 103, 4, 412, 9]]
    assert (body["state"], body["left"]) == ("partially_filled", 6)
    assert play.book() == [[(1, 105, 6), (2, 100, 5)], []]
    play.check()


def test_an_amended_order_that_may_only_rest_never_trades() -> None:
    play = resting(post_only=PostOnly.SLIDE)
    play.place("cy", SELL, 4, 103)
    assert amended(play, price=105)["price"] == 102
    play.check()


def test_an_amended_order_that_would_trade_is_rejected_and_gone() -> None:
    play = resting(post_only=PostOnly.REJECT)
    play.place("cy", SELL, 4, 103)
    assert amended(play, price=105)["reason"] == "would_trade"
    assert play.book()[0] == [(2, 100, 5)]
    play.check()


def test_an_amended_order_meets_its_own_user() -> None:
    play = resting(self_trade=SelfTrade.CANCEL_TAKER)
    play.place("ann", SELL, 4, 103)
    body = amended(play, price=103)
    assert (body["state"], body["reason"]) == ("cancelled", "self_trade")
    assert play.book() == [[(2, 100, 5)], [(3, 103, 4)]]
    play.check()


def test_a_filled_part_counts_once_however_often_an_order_is_amended() -> None:
    play = resting()
    play.place("cy", SELL, 3, 100)
    for lots in (20, 6, 15):
        body = amended(play, lots=lots, price=100 - lots)
        assert (body["filled"], body["left"]) == (3, lots - 3)
        play.check()


def test_an_order_that_expires_still_expires_once_amended() -> None:
    play = Play().market()
    at_us = play.now_us + 1_000_000
    play.place("ann", BUY, 10, 100, time_in_force=TimeInForce.GTD, expires_at_us=at_us)
    amended(play, price=99)
    assert play.room.due(play.state) == at_us
    play.check()
    assert kinds(play.tick()) == ["OrdersClosed"]


# -- while it waits -------------------------------------------------------------------------------


def test_a_waiting_order_is_amended_while_it_waits() -> None:
    play = Play().market(lot_minor=1_000_000, taker_ppm=20_000)
    play.place("ann", BUY, 10, 100, type=OrderType.STOP_LIMIT, stop=95)
    for terms, held in (
        ({"lots": 5}, 510),
        ({"lots": 8}, 816),
        ({"price": 50}, 408),
        ({"price": 200, "lots": 1}, 204),
    ):
        body = amended(play, **terms)
        assert body["state"] == "untriggered"
        assert play.order(1).parked
        assert play.order(1).reserved_minor == held
        play.check()
    play.place("mia", SELL, 1, 95)
    play.place("max", BUY, 1, 95)
    assert play.order(1).resting
    play.check()


def test_who_is_stopped_amends_nothing() -> None:
    play = resting()
    play.when(SetKillSwitch(user_id="ann"))
    assert refused(play, lots=5).code == "exchange.order_not_open"


def test_what_a_buyer_paid_above_the_exact_value_is_forgotten_with_an_amendment() -> None:
    play = Play().market()  # a lot at a tick is worth a hundredth of a cent
    play.place("bob", SELL, 1, 20)
    play.place("ann", BUY, 3, 20)
    assert play.order(2).carry == 80, "a cent was paid for a fifth of one"
    play.place("bob", SELL, 1, 50)
    body = amended(play, 2, price=50)
    assert body["fills"] == [[2, 50, 1, 1, 0]]
    assert play.order(2).carry == 50
    play.check()


def test_an_amended_order_that_went_to_a_provider_does_not_expire_meanwhile() -> None:
    play = Play().market(routing=Routing.BOOK_THEN_PROVIDER, provider="merchant")
    at_us = play.now_us + 1_000_000
    play.place("ann", BUY, 10, 100, time_in_force=TimeInForce.GTD, expires_at_us=at_us)
    play.when(EndRoute(order=1, route=1, fills=[]))
    assert play.room.due(play.state) == at_us
    amended(play, price=101)
    assert play.order(1).route == 2
    assert play.room.due(play.state) is None
    play.check()
    play.when(EndRoute(order=1, route=2, fills=[]))
    assert play.room.due(play.state) == at_us
    play.check()


def test_an_order_whose_stop_price_was_reached_never_waits_again() -> None:
    play = Play().market(lot_minor=1_000_000)
    play.place("mia", SELL, 1, 100)
    play.place("max", BUY, 1, 100)
    play.place("ann", BUY, 10, 90, type=OrderType.STOP_LIMIT, stop=95)
    play.place("mia", SELL, 10, 80)  # the last price is below the stop again
    assert play.at().last_price == 90
    play.place("ann", BUY, 10, 70, type=OrderType.STOP_LIMIT, stop=85)
    play.place("mia", SELL, 1, 70)
    assert play.at().last_price == 70
    number = play.state.orders_next - 2
    assert play.order(number).resting
    assert amended(play, number, price=71)["state"] == "partially_filled"
    assert play.order(number).resting
    play.check()
