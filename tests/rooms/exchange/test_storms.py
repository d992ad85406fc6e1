"""Long, busy days drawn from a seed: two crowded markets, with every kind of order, halts, late,
doubled and wrong answers of providers, a ledger that refuses, and reloads in between."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from nostro.exchange import (
    AmendOrder,
    CancelOrder,
    CancelOrders,
    EndRoute,
    MarketState,
    NewOrder,
    OrdersClosed,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    PostOnly,
    RouteFill,
    Routing,
    SelfTrade,
    SetFeeSchedule,
    SetKillSwitch,
    SetMarketState,
    SetReference,
    Side,
    TimeInForce,
)
from nostro.kernel.messages import Command, Rejection
from tests.rooms.exchange.bystander import Bystander
from tests.rooms.exchange.play import NAME, SECOND_US, Play

STEPS = 1_200
CHECKED_EVERY = 40
USERS = ("ann", "bob", "cy", "di")
OTHER = "BTC-EUR"
FEES = ((0, 0), (1_000, 2_000), (-500, 1_000), (3_333, 7_777), (-1, 1))


class Storm:
    """One day."""

    def __init__(self, seed: int, routing: Routing) -> None:
        self.draw = Random(seed)
        self.play = Play()
        self.heard = Bystander()
        self.told = 0
        self.seen: Counter[str] = Counter()
        self.answers: list[EndRoute] = []
        maker_ppm, taker_ppm = self.draw.choice(FEES)
        fees: dict[str, Any] = {"maker_ppm": maker_ppm, "taker_ppm": taker_ppm}
        self.play.market(
            reference=100,
            band_ppm=self.draw.choice([0, 40_000, 100_000]),
            reference_s=self.draw.choice([0, 5]),
            routing=routing,
            provider="merchant",
            orders_per_user_max=40,
            **fees,
        )
        self.play.market(
            OTHER, base="BTC", quote="EUR", lot_minor=7, tick_units=3, price_scale=0, **fees
        )
        self.middle = {NAME: 100, OTHER: 100}

    def do(self, command: Command) -> bool:
        try:
            self.play.when(command)
        except Rejection as no:
            self.seen[no.code] += 1
            return False
        return True

    # -- what comes --------------------------------------------------------------------------------

    def step(self) -> None:
        draw, play = self.draw, self.play
        play.now_us += draw.randrange(SECOND_US)
        chosen = draw.random()
        user_id = draw.choice(USERS)
        if chosen < 0.62:
            self.do(PlaceOrder(user_id=user_id, order=self.order()))
        elif chosen < 0.68:
            orders = [self.order() for _ in range(draw.randint(1, 5))]
            self.do(PlaceOrders(user_id=user_id, orders=orders))
        elif chosen < 0.76:
            self.amend()
        elif chosen < 0.82:
            number = self.number()
            live = play.state.orders.get(number)
            accepted = self.do(CancelOrder(order=number, user_id=live.user_id if live else "ann"))
            assert accepted == (live is not None and not live.route)
        elif chosen < 0.95 and play.state.routes:
            self.answer()
        elif chosen < 0.97:
            play.reload()
        else:
            self.intervene()
        due = play.room.due(play.state)
        if due is not None and due <= play.now_us and draw.random() < 0.5:
            play.tick()

    def order(self) -> NewOrder:
        draw = self.draw
        market = draw.choice([NAME, NAME, OTHER])
        self.middle[market] = max(80, min(120, self.middle[market] + draw.choice([-1, 0, 0, 1])))
        side = draw.choice([Side.BUY, Side.SELL])
        away = int(draw.gauss(2, 3))
        price = max(1, self.middle[market] + (-away if side is Side.BUY else away))
        kind = draw.choices(list(OrderType), [12, 3, 2, 2])[0]
        lots = draw.randint(1, 20)
        terms: dict[str, Any] = {"market": market, "side": side, "type": kind, "lots": lots}
        terms["self_trade"] = draw.choice(list(SelfTrade))
        terms["time_in_force"] = draw.choices(list(TimeInForce), [12, 2, 2, 2, 1])[0]
        lasts = terms["time_in_force"] not in (TimeInForce.IOC, TimeInForce.FOK)
        if terms["time_in_force"] is TimeInForce.GTD:
            terms["expires_at_us"] = self.play.now_us + draw.randint(0, 30) * SECOND_US
        if kind in (OrderType.STOP, OrderType.STOP_LIMIT):
            terms["stop"] = price
            price += draw.randint(0, 8) * (1 if side is Side.BUY else -1)
        if kind is OrderType.MARKET:
            if terms["time_in_force"] in (TimeInForce.GTD, TimeInForce.DAY):
                terms["time_in_force"] = TimeInForce.IOC
                terms.pop("expires_at_us", None)
            price = draw.choice([0, price + 8 if side is Side.BUY else price - 8])
            if draw.random() < 0.4:
                terms["lots"], terms["budget_minor"] = 0, draw.randint(1, 60)
        elif kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) and lasts and draw.random() < 0.25:
            terms["display"] = draw.randint(1, lots)
        if kind is OrderType.LIMIT and lasts and draw.random() < 0.15:
            terms["post_only"] = draw.choice([PostOnly.REJECT, PostOnly.SLIDE])
        return NewOrder(price=max(0, price), **terms)

    def number(self) -> int:
        live = list(self.play.state.orders)
        if live and self.draw.random() < 0.85:
            return self.draw.choice(live)
        return self.draw.randint(0, self.play.state.orders_next)

    def amend(self) -> None:
        draw = self.draw
        number = self.number()
        live = self.play.state.orders.get(number)
        lots = max(1, (live.lots if live else 5) + draw.randint(-4, 4))
        price = (live.price if live else 100) + draw.randint(-3, 3)
        command = AmendOrder(
            order=number,
            user_id=live.user_id if live else "ann",
            lots=draw.choice([None, lots, lots]),
            price=draw.choice([None, None, price]),
        )
        accepted = self.do(command)
        assert not (accepted and live is None), "an order that had ended was amended"

    def answer(self) -> None:
        draw, play = self.draw, self.play
        route = draw.choice(sorted(play.state.routes))
        asked = play.state.routes[route]
        sign = 1 if play.order(asked.order).side is Side.BUY else -1
        if draw.random() < 0.15:
            wrong = draw.choice([(asked.lots + 1, 0), (asked.lots, sign), (0, 0)])
            fill = RouteFill(wrong[0], asked.limit + wrong[1])
            assert not self.do(EndRoute(order=asked.order, route=route, fills=[fill]))
            assert route in play.state.routes
            return
        fills, left = [], asked.lots
        while left and draw.random() < 0.6:
            lots = left if asked.all_or_none else draw.randint(1, left)
            price = max(1, asked.limit - sign * draw.randint(0, 4))
            fills.append(RouteFill(lots, price))
            left -= lots
        command = EndRoute(order=asked.order, route=route, fills=fills, reason="so be it")
        assert self.do(command)
        self.answers.append(command)
        if draw.random() < 0.3:
            before = play.room.dump(play.state)
            assert self.do(draw.choice(self.answers))
            assert play.room.dump(play.state) == before, "a repeat changed something"

    def intervene(self) -> None:
        """Something rare, after which trading goes on."""
        draw, play = self.draw, self.play
        market = draw.choice([NAME, OTHER])
        maker_ppm, taker_ppm = draw.choice(FEES)
        user_id = draw.choice(["", *USERS])
        side = draw.choice([None, *Side])
        self.do(
            draw.choice(
                [
                    SetMarketState(market=market, state=draw.choice(list(MarketState))),
                    SetReference(market=market, price=self.middle[market]),
                    SetFeeSchedule(name="standard", maker_ppm=maker_ppm, taker_ppm=taker_ppm),
                    SetKillSwitch(user_id=user_id),
                    CancelOrders(user_id=user_id, market=market, side=side),
                ]
            )
        )
        play.ledger.poor = draw.random() < 0.3
        if draw.random() < 0.7:
            self.go_on()

    def go_on(self) -> None:
        for user_id in list(self.play.state.stopped):
            assert self.do(SetKillSwitch(user_id=user_id, engaged=False))
        for name in (NAME, OTHER):
            assert self.do(SetMarketState(market=name, state=MarketState.OPEN))

    # -- what must hold ----------------------------------------------------------------------------

    def look(self, *, closely: bool) -> None:
        events = self.play.events[self.told :]
        self.told = len(self.play.events)
        self.heard.hear(events)
        self.heard.check(set(self.play.state.orders))
        for event in events:
            reason = f" {event.reason}" if isinstance(event, OrdersClosed) else ""
            self.seen[type(event).__name__ + reason] += 1
        if closely:
            self.play.check()

    def end(self) -> None:
        """Providers answer, markets close, and nobody holds anything."""
        for name in (NAME, OTHER):
            self.do(SetMarketState(market=name, state=MarketState.CLOSED))
        for route, asked in list(self.play.state.routes.items()):
            assert self.do(EndRoute(order=asked.order, route=route, fills=[], reason="closed"))
        while self.play.room.due(self.play.state) is not None:
            self.play.tick()
        assert not self.play.state.orders
        self.look(closely=True)


@pytest.mark.parametrize("routing", list(Routing))
@pytest.mark.parametrize("seed", range(3))
def test_a_busy_day_loses_no_order_and_no_minor_unit(seed: int, routing: Routing) -> None:
    storm = Storm(seed, routing)
    for step in range(STEPS):
        storm.step()
        storm.look(closely=step % CHECKED_EVERY == 0)
        if storm.play.at().state is not MarketState.OPEN and storm.draw.random() < 0.2:
            storm.go_on()
    storm.end()
    assert storm.heard.trades > STEPS // 20
