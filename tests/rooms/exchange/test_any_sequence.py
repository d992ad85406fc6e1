"""Whatever users, operators, providers and the ledger do, in whatever order: is every order where
its events say, every minor unit accounted for, and the state the same live, replayed and loaded?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from nostro.exchange import (
    AmendOrder,
    CancelOrder,
    CancelOrders,
    ChangeMarket,
    EndRoute,
    EnterAmendment,
    EnterOrder,
    MarketRules,
    MarketState,
    NewOrder,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    PostOnly,
    RefuseOrder,
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
from tests.rooms.exchange.play import NAME, SECOND_US, START_US, Play

USERS = st.sampled_from(["ann", "bob", "cy"])
PRICES = st.integers(90, 110)
LOTS = st.integers(1, 12)
MANY = st.integers(1, 60)


def _orders(market: st.SearchStrategy[str]) -> st.SearchStrategy[NewOrder]:
    return st.builds(
        NewOrder,
        market=market,
        side=st.sampled_from(Side),
        type=st.sampled_from([OrderType.LIMIT] * 3 + list(OrderType)),
        lots=st.one_of(LOTS, LOTS, LOTS, MANY, st.just(0)),
        price=st.one_of(PRICES, PRICES, PRICES, st.just(0)),
        stop=st.one_of(st.just(0), PRICES),
        display=st.one_of(st.just(0), st.just(0), st.integers(1, 5)),
        budget_minor=st.one_of(st.just(0), st.just(0), st.integers(1, 40)),
        time_in_force=st.sampled_from([TimeInForce.GTC] * 3 + list(TimeInForce)),
        expires_at_us=st.one_of(
            st.just(0), st.just(0), st.integers(0, 60).map(lambda s: START_US + s * SECOND_US)
        ),
        post_only=st.sampled_from([PostOnly.NO] * 3 + list(PostOnly)),
        self_trade=st.sampled_from(SelfTrade),
    )


def _plausible(order: NewOrder) -> NewOrder:
    """Mend what never goes together, so that most orders are taken."""
    told: dict[str, Any] = {name: getattr(order, name) for name in order.__struct_fields__}
    kind, time_in_force = order.type, order.time_in_force
    if kind is OrderType.MARKET:
        if time_in_force in (TimeInForce.GTD, TimeInForce.DAY):
            told["time_in_force"] = TimeInForce.GTC
        if order.budget_minor:
            told["lots"] = 0
    else:
        told["budget_minor"] = 0
    if kind in (OrderType.LIMIT, OrderType.MARKET):
        told["stop"] = 0
    resting = kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    lasting = told["time_in_force"] not in (TimeInForce.IOC, TimeInForce.FOK)
    if not (resting and lasting):
        told["display"] = 0
    if kind is not OrderType.LIMIT or not lasting:
        told["post_only"] = PostOnly.NO
    if told["time_in_force"] is not TimeInForce.GTD:
        told["expires_at_us"] = 0
    return NewOrder(**told)


ROUTINGS = [Routing.BOOK, Routing.BOOK_THEN_PROVIDER, Routing.PROVIDER]
NAMES = [NAME, "BTC-EUR"]
MARKETS = st.sampled_from([NAME, NAME, "BTC-EUR"])
QUOTES = st.tuples(
    MARKETS,
    st.sampled_from(Side),
    LOTS,
    st.integers(96, 104),
    st.sampled_from([0, 0, 0, 1]),
)
ORDERS = st.one_of(_orders(MARKETS).map(_plausible), _orders(MARKETS))
FEES = st.sampled_from([(0, 0), (1_000, 2_000), (-500, 1_000), (3_333, 7_777), (-1, 1)])


class AnySequence(RuleBasedStateMachine):
    """Two markets, one of which may send what it cannot fill to a provider."""

    @initialize(
        routing=st.sampled_from(ROUTINGS),
        fees=FEES,
        band_ppm=st.sampled_from([0, 30_000, 60_000]),
        reference_s=st.sampled_from([0, 5]),
    )
    def open(
        self, routing: Routing, fees: tuple[int, int], band_ppm: int, reference_s: int
    ) -> None:
        self.play = Play()
        self.heard = Bystander()
        self.told = 0
        maker_ppm, taker_ppm = fees
        rules = MarketRules(
            band_ppm=band_ppm,
            reference_s=reference_s,
            routing=routing,
            provider="merchant",
            orders_per_user_max=25,
        )
        self.play.market(reference=100, maker_ppm=maker_ppm, taker_ppm=taker_ppm)
        self.play.market(
            "BTC-EUR", base="BTC", quote="EUR", lot_minor=7, tick_units=3, price_scale=0,
            maker_ppm=maker_ppm, taker_ppm=taker_ppm,
        )  # fmt: skip
        self.do(ChangeMarket(market=NAME, rules=rules))
        self.answers: list[EndRoute] = []

    def do(self, command: Command) -> bool:
        """Send a command and tell whether it was accepted."""
        try:
            self.play.when(command)
        except Rejection:
            return False
        return True

    @property
    def number(self) -> st.SearchStrategy[int]:
        """Numbers of orders, mostly of live ones."""
        live = list(self.play.state.orders) or [0]
        anyone = st.integers(0, self.play.state.orders_next)
        return st.one_of(st.sampled_from(live), st.sampled_from(live), anyone)

    # -- users -------------------------------------------------------------------------------------

    @rule(user_id=USERS, order=ORDERS)
    def place(self, user_id: str, order: NewOrder) -> None:
        self.do(PlaceOrder(user_id=user_id, order=order))

    @rule(user_id=USERS, orders=st.lists(ORDERS, min_size=2, max_size=5))
    def trade(self, user_id: str, orders: list[NewOrder]) -> None:
        for order in orders:
            self.do(PlaceOrder(user_id=user_id, order=order))

    @rule(users=st.permutations(["ann", "bob", "cy"]), rows=st.lists(QUOTES, max_size=8))
    def quote(self, users: list[str], rows: list[tuple[str, Side, int, int, int]]) -> None:
        """Orders of the plainest kind, that rest and are taken."""
        for at, (market, side, lots, price, display) in enumerate(rows):
            order = NewOrder(market=market, side=side, lots=lots, price=price, display=display)
            self.do(PlaceOrder(user_id=users[at % 2], order=order))

    @rule(
        market=MARKETS,
        user_id=USERS,
        stops=st.lists(st.tuples(st.sampled_from(Side), LOTS, st.integers(-3, 3)), max_size=4),
    )
    def guard(self, market: str, user_id: str, stops: list[tuple[Side, int, int]]) -> None:
        """Stops near the last price."""
        last = self.play.at(market).last_price or 100
        for side, lots, away in stops:
            order = NewOrder(
                market=market,
                side=side,
                type=OrderType.STOP,
                lots=lots,
                stop=last + away,
                price=last + away + (5 if side is Side.BUY else -5),
            )
            self.do(PlaceOrder(user_id=user_id, order=order))

    @rule(user_id=USERS, orders=st.lists(ORDERS, max_size=4))
    def place_several(self, user_id: str, orders: list[NewOrder]) -> None:
        self.do(PlaceOrders(user_id=user_id, orders=orders))
        assert len(self.play.body["results"]) == len(orders)

    @rule(data=st.data())
    def amend(self, data: Any) -> None:
        number = data.draw(self.number)
        live = self.play.state.orders.get(number)
        near = st.integers(max(1, live.lots - 3), live.lots + 3) if live else LOTS
        command = AmendOrder(
            order=number,
            user_id=live.user_id if live else "ann",
            lots=data.draw(st.one_of(st.none(), near)),
            price=data.draw(st.one_of(st.none(), PRICES)),
        )
        accepted = self.do(command)
        assert not (accepted and live is None), "an order that had ended was amended"

    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        number = data.draw(self.number)
        live = self.play.state.orders.get(number)
        accepted = self.do(CancelOrder(order=number, user_id=live.user_id if live else "ann"))
        routed = live is not None and live.route
        assert accepted == (live is not None and not routed)

    # -- the clock ---------------------------------------------------------------------------------

    @rule(seconds=st.integers(1, 20))
    def wait(self, seconds: int) -> None:
        self.play.now_us += seconds * SECOND_US

    @precondition(lambda self: self.play.room.due(self.play.state) is not None)
    @rule()
    def tick(self) -> None:
        due = self.play.room.due(self.play.state)
        assert due is not None
        self.play.tick()
        assert self.play.room.due(self.play.state) != due or not due, "a tick did nothing"

    # -- operators ---------------------------------------------------------------------------------

    @rule(data=st.data(), kind=st.sampled_from(["state", "reference", "fees", "stop", "cancel"]))
    def intervene(self, data: Any, kind: str) -> None:
        """What happens rarely; what stopped trading soon ends again."""
        commands: dict[str, st.SearchStrategy[Command]] = {
            "state": st.builds(
                SetMarketState, market=MARKETS, state=st.sampled_from(list(MarketState))
            ),
            "reference": st.builds(SetReference, market=MARKETS, price=PRICES),
            "fees": FEES.map(
                lambda fees: SetFeeSchedule(name="standard", maker_ppm=fees[0], taker_ppm=fees[1])
            ),
            "stop": st.builds(SetKillSwitch, user_id=st.one_of(st.just(""), USERS)),
            "cancel": st.builds(
                CancelOrders,
                user_id=st.one_of(st.just(""), USERS),
                market=st.sampled_from(["", *NAMES]),
                side=st.sampled_from([None, *Side]),
            ),
        }
        self.do(data.draw(commands[kind]))

    @rule()
    def go_on(self) -> None:
        """Every market opens again, and everybody may trade."""
        for user_id in list(self.play.state.stopped):
            assert self.do(SetKillSwitch(user_id=user_id, engaged=False))
        for name in NAMES:
            assert self.do(SetMarketState(market=name, state=MarketState.OPEN))

    @precondition(lambda self: self._is_stopped)
    @rule()
    def go_on_soon(self) -> None:
        self.go_on()

    @precondition(lambda self: self._is_stopped)
    @rule()
    def go_on_very_soon(self) -> None:
        self.go_on()

    @property
    def _is_stopped(self) -> bool:
        open_ = all(self.play.at(name).state is MarketState.OPEN for name in NAMES)
        return not open_ or bool(self.play.state.stopped)

    # -- the ledger, providers, flows --------------------------------------------------------------

    @rule(poor=st.booleans())
    def set_poor(self, poor: bool) -> None:
        self.play.ledger.poor = poor

    @precondition(lambda self: self.play.state.routes)
    @rule(data=st.data())
    def answer(self, data: Any) -> None:
        route = data.draw(st.sampled_from(sorted(self.play.state.routes)))
        asked = self.play.state.routes[route]
        buying = self.play.order(asked.order).side is Side.BUY
        fills, left = [], asked.lots
        while left and data.draw(st.integers(0, 3)):
            lots = left if asked.all_or_none else data.draw(st.integers(1, left))
            better = data.draw(st.integers(0, min(5, asked.limit - 1)))
            price = asked.limit - better if buying else asked.limit + better
            fills.append(RouteFill(lots, price))
            left -= lots
        command = EndRoute(order=asked.order, route=route, fills=fills, reason="so it is")
        assert self.do(command), "a good answer was refused"
        self.answers.append(command)

    @precondition(lambda self: self.play.state.routes)
    @rule(data=st.data(), kind=st.sampled_from(["more", "worse", "nothing", "another order"]))
    def answer_badly(self, data: Any, kind: str) -> None:
        route = data.draw(st.sampled_from(sorted(self.play.state.routes)))
        asked = self.play.state.routes[route]
        worse = 1 if self.play.order(asked.order).side is Side.BUY else -1
        fill = {
            "more": RouteFill(asked.lots + 1, asked.limit),
            "worse": RouteFill(asked.lots, asked.limit + worse),
            "nothing": RouteFill(0, asked.limit),
        }.get(kind, RouteFill(1, asked.limit))
        order = asked.order + 1 if kind == "another order" else asked.order
        assert not self.do(EndRoute(order=order, route=route, fills=[fill]))
        assert self.play.state.routes[route].order == asked.order, "it is still awaited"

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def answer_again(self, data: Any) -> None:
        command = data.draw(st.sampled_from(self.answers))
        before = self.play.room.dump(self.play.state)
        assert self.do(command)
        assert self.play.room.dump(self.play.state) == before, "a repeat changed something"

    @rule(data=st.data(), kind=st.sampled_from([EnterOrder, EnterAmendment, RefuseOrder]))
    def flow_out_of_course(self, data: Any, kind: Any) -> None:
        number = data.draw(st.integers(0, self.play.state.orders_next))
        more = {"reason": "?"} if kind is RefuseOrder else {}
        assert not self.do(kind(order=number, **more))

    @rule()
    def reload(self) -> None:
        self.play.reload()

    # -- what must hold ----------------------------------------------------------------------------

    @invariant()
    def is_sound(self) -> None:
        if not hasattr(self, "play"):
            return
        play = self.play
        self.heard.hear(play.events[self.told :])
        self.told = len(play.events)
        self.heard.check(set(play.state.orders))
        play.check()

    def teardown(self) -> None:
        """Everything comes to an end: providers answer, markets close, nobody holds anything."""
        if not hasattr(self, "play"):
            return
        for name in NAMES:
            self.do(SetMarketState(market=name, state=MarketState.CLOSED))
        for route, asked in list(self.play.state.routes.items()):
            assert self.do(EndRoute(order=asked.order, route=route, fills=[], reason="closed"))
        while self.play.room.due(self.play.state) is not None:
            self.play.tick()
        assert not self.play.state.orders
        self.is_sound()


@pytest.mark.parametrize("steps", [15, pytest.param(50, marks=pytest.mark.slow)])
def test_no_sequence_loses_an_order_or_a_minor_unit(steps: int) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        AnySequence,
        settings=settings(max_examples=100, stateful_step_count=steps, deadline=None),
    )
