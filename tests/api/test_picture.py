"""Does the picture show exactly what the exchange has decided, for every kind of order?"""

from __future__ import annotations

import random
from typing import Any

import pytest

from nostro.api.picture import Picture
from nostro.exchange import (
    AmendOrder,
    CancelOrders,
    EndRoute,
    Market,
    MarketRules,
    MarketState,
    NewOrder,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    PostOnly,
    RouteFill,
    RouteToProvider,
    Routing,
    SelfTrade,
    SetMarketState,
    Side,
    TimeInForce,
)
from nostro.runtime.draft import Durable
from tests.flows.bourse import MARKET, Bourse

USERS = ("ann", "bob", "cyd", "dan")
ROUTED = MarketRules(routing=Routing.BOOK_THEN_PROVIDER, provider="merchant", reference_s=3)


def shown_of(picture: Picture) -> dict[str, Any]:
    """Return all that a picture shows of the market."""
    market = picture.market(MARKET)
    assert market is not None
    return {
        "market": [
            (name, getattr(market, name))
            for name in (
                "state",
                "rules",
                "sequence",
                "reference",
                "last_price",
                "last_trade",
                "live",
            )
        ],
        "depth": [market.depth(side) for side in Side],
        "best": [market.half(side).best for side in Side],
        "book": [market.orders(side) for side in Side],
        "orders": {
            user: [
                (o.number, o.price, o.lots, o.left, o.shown, o.state, o.value_minor, o.fee_minor)
                for o in picture.open_orders(user)
            ]
            for user in USERS
        },
    }


def truth_of(bourse: Bourse) -> dict[str, Any]:
    """Return what a picture that begins from the state shows."""
    picture = Picture()
    picture.begin(bourse.exchange, height=bourse.height)
    return shown_of(picture)


def book_of(market: Market) -> list[list[tuple[int, int, int]]]:
    return [market.book.depth(side) for side in Side]


class Chance:
    """Commands of every kind, by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def step(self, bourse: Bourse) -> None:
        """Send one command."""
        chance = self._random
        user = chance.choice(USERS)
        routes = [effect for effect in bourse.effects if isinstance(effect, RouteToProvider)]
        deed = chance.random()
        if routes and deed < 0.15:
            self._answer(bourse, chance.choice(routes))
        elif deed < 0.25:
            self._amend(bourse)
        elif deed < 0.28:
            side = chance.choice([*Side, None])
            bourse.tell(CancelOrders(user_id=user, side=side), actor=user)
        elif deed < 0.3:
            state = chance.choice([MarketState.HALTED, MarketState.OPEN, MarketState.CLOSED])
            bourse.tell(SetMarketState(market=MARKET, state=state))
            bourse.tell(SetMarketState(market=MARKET, state=MarketState.OPEN))
        elif deed < 0.35:
            orders = [self._order() for _ in range(4)]
            bourse.tell(PlaceOrders(user_id=user, orders=orders), actor=user)
        else:
            bourse.tell(PlaceOrder(user_id=user, order=self._order()), actor=user)

    def _order(self) -> NewOrder:
        chance = self._random
        kind = chance.choice([*OrderType, OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT])
        price = chance.randint(90, 110)
        lots = chance.randint(1, 30)
        terms: dict[str, Any] = {}
        if kind in (OrderType.STOP, OrderType.STOP_LIMIT):
            terms["stop"] = chance.randint(90, 110)
        if kind is OrderType.LIMIT:
            terms["time_in_force"] = chance.choice(
                [TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]
            )
            if terms["time_in_force"] is TimeInForce.GTC:
                terms["display"] = chance.choice([0, 0, min(lots, 3)])
                terms["post_only"] = chance.choice([PostOnly.NO, *PostOnly])
        if kind is OrderType.MARKET and chance.random() < 0.5:
            terms["budget_minor"], lots = chance.randint(1, 3_000), 0
        return NewOrder(
            market=MARKET,
            side=chance.choice([*Side]),
            type=kind,
            lots=lots,
            price=price,
            self_trade=chance.choice([*SelfTrade]),
            **terms,
        )

    def _amend(self, bourse: Bourse) -> None:
        chance = self._random
        live = list(bourse.exchange.orders)
        if live:
            number = chance.choice(live)
            order = bourse.exchange.orders[number]
            bourse.tell(
                AmendOrder(
                    order=number,
                    user_id=order.user_id,
                    lots=max(1, order.lots + chance.randint(-3, 2)),
                    price=chance.choice([None, chance.randint(95, 105)]),
                ),
                actor=order.user_id,
            )

    def _answer(self, bourse: Bourse, effect: RouteToProvider) -> None:
        bourse.effects.remove(effect)
        lots = self._random.choice([0, effect.lots, effect.lots // 2])
        fills = [RouteFill(lots, effect.limit)] if lots and not effect.all_or_none else []
        bourse.tell(EndRoute(order=effect.order, route=effect.route, fills=fills, reason="empty"))


@pytest.mark.parametrize("seed", range(12))
def test_the_picture_is_what_the_exchange_decided_after_every_row(seed: int) -> None:
    bourse = Bourse(ROUTED if seed % 2 else MarketRules(reference_s=3))
    for user in USERS:
        bourse.fund(user, usd=10**9, lots=10**6)
    picture, chance, told = Picture(), Chance(seed), 0
    traded = 0
    for _ in range(250):
        chance.step(bourse)
        while told < len(bourse.rows):
            events = bourse.rows[told]
            told += 1
            picture.fold([Durable(told, told * 1_000_000, events)])
            traded += sum(type(event).__name__ == "TradesExecuted" for event in events)
        assert not picture.broken
        assert shown_of(picture) == truth_of(bourse)
        market = bourse.exchange.markets[MARKET]
        assert [picture.markets()[0].depth(side) for side in Side] == book_of(market)
    shown, decided = picture.markets()[0], bourse.exchange
    assert (shown.placed, shown.trades) == (decided.orders_next - 1, decided.trades_next - 1)
    assert traded > 10


def test_a_picture_that_meets_what_cannot_be_shows_nothing_and_begins_anew() -> None:
    bourse, picture = Bourse(), Picture()
    bourse.fund("ann", usd=10**6)
    bourse.buy("ann", 1, 100)
    picture.fold([Durable(9, 9, bourse.rows[-1])])
    assert picture.broken
    assert picture.market(MARKET) is None
    picture.fold([Durable(10, 10, bourse.rows[-1])])
    picture.begin(bourse.exchange, height=bourse.height, at_us=7)
    assert shown_of(picture) == truth_of(bourse)
    market = picture.market(MARKET)
    assert market is not None
    assert (market.height, market.at_us) == (bourse.height, 7)
