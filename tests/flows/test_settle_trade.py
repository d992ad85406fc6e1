"""The story of a trade: both legs and the fees in one row, with users and with providers."""

from __future__ import annotations

import pytest

from nostro.exchange import (
    EndRoute,
    MarketRules,
    OrderType,
    PostOnly,
    RouteFill,
    RouteToProvider,
    Routing,
    Side,
    TimeInForce,
)
from tests.flows.bourse import LOT, Bourse


def traders(bourse: Bourse) -> Bourse:
    bourse.fund("alice", usd=100_000)
    bourse.fund("bob", lots=500)
    return bourse


# -- with users -----------------------------------------------------------------------------------


def test_both_legs_and_both_fees_move_in_one_row() -> None:
    bourse = traders(Bourse())
    bourse.sell("bob", 10, 1_000)
    told = bourse.buy("alice", 10, 1_000)
    assert told["fills"] == [[1, 1_000, 10, 10_000, 20]]
    assert bourse.money("alice") == (100_000 - 10_000 - 20, 10, 0, 0)
    assert bourse.money("bob") == (10_000 - 10, 490, 0, 0)
    assert bourse.earned == 30
    bourse.check()


def test_a_rebate_comes_out_of_the_takers_fee() -> None:
    bourse = traders(Bourse(maker_ppm=-1_000, taker_ppm=2_000))
    bourse.buy("alice", 10, 1_000)
    bourse.sell("bob", 10, 1_000)
    assert bourse.money("alice") == (100_000 - 10_000 + 10, 10, 0, 0)
    assert bourse.money("bob") == (10_000 - 20, 490, 0, 0)
    assert bourse.earned == 10
    bourse.check()


def test_a_sweep_pays_each_maker_his_own_price() -> None:
    bourse = traders(Bourse(maker_ppm=0, taker_ppm=0))
    bourse.fund("carol", lots=10)
    bourse.sell("bob", 3, 101)
    bourse.sell("carol", 3, 100)
    bourse.sell("bob", 3, 102)
    assert bourse.buy("alice", 8, 102)["value_minor"] == 300 + 303 + 204
    assert bourse.money("carol") == (300, 7, 0, 0)
    assert bourse.money("bob") == (303 + 204, 494, 0, 1)
    assert bourse.earned == 0
    bourse.check()


def test_a_maker_that_is_filled_gets_back_what_it_held_for_fees() -> None:
    bourse = traders(Bourse(maker_ppm=-2_000, taker_ppm=2_000))
    bourse.buy("alice", 10, 1_000)
    bourse.sell("bob", 10, 1_000)
    assert bourse.money("alice") == (90_020, 10, 0, 0)
    assert bourse.earned == 0
    bourse.check()


def test_dust_moves_what_it_is_worth_and_no_more() -> None:
    bourse = traders(Bourse(maker_ppm=0, taker_ppm=10_000))
    for _ in range(3):
        bourse.buy("alice", 1, 1)
        bourse.sell("bob", 1, 1)
    assert bourse.money("alice") == (99_997, 3, 0, 0)
    assert bourse.money("bob")[0] + bourse.earned == 3
    bourse.check()


# -- with providers --------------------------------------------------------------------------------


@pytest.fixture
def routed() -> Bourse:
    rules = MarketRules(routing=Routing.BOOK_THEN_PROVIDER, provider="merchant")
    return traders(Bourse(rules))


def route_of(bourse: Bourse) -> RouteToProvider:
    effect = bourse.effects[-1]
    assert isinstance(effect, RouteToProvider)
    return effect


def test_what_the_book_cannot_fill_is_asked_of_the_provider(routed: Bourse) -> None:
    routed.sell("bob", 4, 100, post_only=PostOnly.REJECT)
    told = routed.buy("alice", 10, 110)
    effect = route_of(routed)
    assert (told["left"], effect.lots, effect.limit, effect.side) == (6, 6, 110, Side.BUY)
    routed.must(EndRoute(order=effect.order, route=effect.route, fills=[RouteFill(6, 105)]))
    # 400 and 630 cents, and two in a thousand of both together, rounded up.
    assert routed.money("alice") == (100_000 - 1_030 - 3, 10, 0, 0)
    assert routed.posted("provider:merchant:USD") == 630
    assert routed.posted("provider:merchant:BTC") == -6 * LOT
    routed.check()


def test_a_provider_buys_as_well(routed: Bourse) -> None:
    routed.sell("bob", 10, 100)
    effect = route_of(routed)
    routed.must(EndRoute(order=effect.order, route=effect.route, fills=[RouteFill(10, 101)]))
    assert routed.money("bob") == (1_010 - 3, 490, 0, 0)
    assert routed.posted("provider:merchant:USD") == -1_010
    assert routed.earned == 3
    routed.check()


def test_what_a_provider_leaves_rests_or_ends_as_the_order_says(routed: Bourse) -> None:
    resting = routed.buy("alice", 10, 100)["order"]
    effect = route_of(routed)
    routed.must(EndRoute(order=resting, route=effect.route, fills=[RouteFill(4, 100)]))
    assert routed.exchange.orders[resting].resting
    assert routed.money("alice")[1] == 4
    assert routed.cancel("alice", resting).accepted
    gone = routed.buy("alice", 10, 100, time_in_force=TimeInForce.IOC)["order"]
    effect = route_of(routed)
    routed.must(EndRoute(order=gone, route=effect.route, fills=[], reason="price"))
    assert gone not in routed.exchange.orders
    assert routed.money("alice")[2] == 0
    routed.check()


def test_a_route_is_ended_once(routed: Bourse) -> None:
    order = routed.buy("alice", 10, 100)["order"]
    ended = EndRoute(order=order, route=route_of(routed).route, fills=[RouteFill(10, 100)])
    routed.must(ended)
    before = routed.money("alice")
    assert routed.must(ended).body["exists"]
    assert routed.money("alice") == before
    routed.check()


def test_a_fill_that_cannot_be_is_not_booked(routed: Bourse) -> None:
    order = routed.buy("alice", 10, 100)["order"]
    route = route_of(routed).route
    for fills in ([RouteFill(11, 100)], [RouteFill(10, 101)]):
        reply = routed.tell(EndRoute(order=order, route=route, fills=fills))
        assert reply.code == "exchange.bad_fill"
    assert routed.money("alice")[1] == 0
    assert routed.cancel("alice", order).code == "exchange.order_routed"
    routed.check()


def test_another_provider_than_the_markets_has_accounts_of_its_own(routed: Bourse) -> None:
    order = routed.buy("alice", 10, 100)["order"]
    ended = EndRoute(
        order=order, route=route_of(routed).route, fills=[RouteFill(10, 100)], provider="desk"
    )
    routed.must(ended)
    assert routed.posted("provider:desk:USD") == 1_000
    assert "provider:merchant:USD" not in routed.books.accounts
    routed.check()


def test_a_market_order_goes_to_a_provider_that_has_the_market_alone() -> None:
    bourse = traders(Bourse(MarketRules(routing=Routing.PROVIDER, provider="merchant")))
    told = bourse.buy("alice", 10, 100, type=OrderType.MARKET)
    assert told["state"] == "open"
    effect = route_of(bourse)
    bourse.must(EndRoute(order=effect.order, route=effect.route, fills=[RouteFill(10, 99)]))
    assert bourse.money("alice") == (100_000 - 990 - 2, 10, 0, 0)
    bourse.check()
