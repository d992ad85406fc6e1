"""How do the markets, their books and the open orders durably stand?

The API's own picture: it starts from the exchange's state when the engine has recovered, and folds
every durable event after that, before the reply is released. So whoever was told that an order
rests finds it here. Nothing of it is speculative, unlike the engine's memory. The fold stands on
the way of every order: it does little, and what readers want is made when they read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from nostro.api.feeds.halves import Half, ShownOrder
from nostro.exchange import (
    FeeSchedule,
    FeeScheduleSet,
    MarketChanged,
    MarketCreated,
    MarketRules,
    MarketState,
    MarketStateSet,
    MarketTerms,
    OrderParked,
    OrderReduced,
    OrderRefused,
    OrderReplaced,
    OrderRested,
    OrderRouted,
    OrdersClosed,
    OrdersPlaced,
    OrderState,
    ReferenceSet,
    RouteEnded,
    Side,
    StopsElected,
    TradesExecuted,
)
from nostro.runtime.draft import Durable


class Printed(NamedTuple):
    """A trade as the public sees it: `side` is the taker's; `provider`: it was not in the book."""

    trade: int
    price: int
    lots: int
    side: Side
    at_us: int
    provider: bool


class MarketPicture:
    """One market. `sequence` counts its changes; `at_us`, `height`: of the row that brought the
    last one. `last_price`, `last_trade`, `reference`: 0 when there is none yet.

    `printed` collects trades for whoever takes them; None while nobody does.
    """

    __slots__ = (
        "asks",
        "at_us",
        "bids",
        "height",
        "last_lots",
        "last_price",
        "last_trade",
        "name",
        "printed",
        "reference",
        "rules",
        "sequence",
        "state",
        "terms",
    )

    def __init__(self, name: str, terms: MarketTerms, rules: MarketRules) -> None:
        self.name = name
        self.terms = terms
        self.rules = rules
        self.state = MarketState.CLOSED
        self.sequence = 0
        self.reference = 0
        self.last_price = 0
        self.last_lots = 0
        self.last_trade = 0
        self.at_us = 0
        self.height = 0
        self.bids = Half(Side.BUY)
        self.asks = Half(Side.SELL)
        self.printed: list[Printed] | None = None

    def half(self, side: Side) -> Half:
        """Return one side of the book."""
        return self.bids if side is Side.BUY else self.asks

    def depth(self, side: Side, levels_max: int | None = None) -> list[tuple[int, int, int]]:
        """Return (price, lots shown, orders) of one side, the best price first."""
        return self.half(side).depth(levels_max)

    def orders(self, side: Side, orders_max: int | None = None) -> list[tuple[int, int, int]]:
        """Return (number, price, lots shown) of one side, in the priority of the orders."""
        return [
            (order.placed.number, order.price, order.shown)
            for order in self.half(side).orders(orders_max)
        ]


class Heard(Protocol):
    """Somebody who listens to what becomes of one user's orders."""

    def order(self, order: ShownOrder, reason: str) -> None:
        """Hear that an order changed, or (its state says so) ended; not to be kept unread."""
        ...

    def filled(self, fill: OwnFill) -> None:
        """Hear that an order traded."""
        ...


class OwnFill(NamedTuple):
    """One order's part in a trade, as its owner sees it. `role`: maker, taker or routed."""

    trade: int
    market: MarketPicture
    order: int
    side: Side
    role: str
    price: int
    lots: int
    value_minor: int
    fee_minor: int
    at_us: int
    height: int


class Picture:
    """The picture of one exchange. `heard`: who listens to which user's orders."""

    def __init__(self) -> None:
        self.height = 0
        self.at_us = 0
        self.schedules: dict[str, FeeSchedule] = {}
        self.heard: dict[str, Heard] = {}
        self._markets: dict[str, MarketPicture] = {}
        self._orders: dict[int, ShownOrder] = {}
        self._by_user: dict[str, dict[int, ShownOrder]] = {}
        self._folds: dict[type, Callable[[Any], None]] = {
            MarketCreated: self._created,
            MarketChanged: self._changed,
            MarketStateSet: self._state_set,
            ReferenceSet: self._reference_set,
            FeeScheduleSet: self._schedule_set,
            OrdersPlaced: self._placed,
            OrderRefused: self._refused,
            OrderRested: self._rested,
            OrderParked: self._parked,
            StopsElected: self._elected,
            TradesExecuted: self._traded,
            OrderReduced: self._reduced,
            OrdersClosed: self._closed,
            OrderReplaced: self._replaced,
            OrderRouted: self._routed,
            RouteEnded: self._route_ended,
        }

    # -- reading -----------------------------------------------------------------------------------

    def market(self, name: str) -> MarketPicture | None:
        """Return a market."""
        return self._markets.get(name)

    def markets(self) -> list[MarketPicture]:
        """Return all markets, in the order of their creation."""
        return list(self._markets.values())

    def order(self, number: int) -> ShownOrder | None:
        """Return an order that is not closed."""
        return self._orders.get(number)

    def open_orders(self, user_id: str) -> list[ShownOrder]:
        """Return a user's orders that are not closed, in the order of their placement."""
        return list(self._by_user.get(user_id, {}).values())

    # -- folding -----------------------------------------------------------------------------------

    def fold(self, reports: Sequence[Durable]) -> None:
        """Take in durable rows, in order."""
        folds = self._folds
        for report in reports:
            self.height = report.height
            self.at_us = report.at_us
            for event in report.events:
                fold = folds.get(type(event))
                if fold is not None:
                    fold(event)

    def put_market(self, market: MarketPicture) -> None:
        """Put a market into the picture, in place of the one of its name."""
        self._markets[market.name] = market

    def put_order(self, order: ShownOrder) -> None:
        """Put an order into the picture; on the book only by its market's half."""
        self._orders[order.placed.number] = order
        own = self._by_user.get(order.user_id)
        if own is None:
            own = self._by_user[order.user_id] = {}
        own[order.placed.number] = order

    def _moved(self, name: str, sequence: int) -> MarketPicture:
        market = self._markets[name]
        market.sequence = sequence
        market.height = self.height
        market.at_us = self.at_us
        return market

    def _created(self, event: MarketCreated) -> None:
        self._markets[event.market] = MarketPicture(event.market, event.terms, event.rules)

    def _changed(self, event: MarketChanged) -> None:
        self._markets[event.market].rules = event.rules

    def _state_set(self, event: MarketStateSet) -> None:
        self._moved(event.market, event.sequence).state = event.state

    def _reference_set(self, event: ReferenceSet) -> None:
        self._markets[event.market].reference = event.price

    def _schedule_set(self, event: FeeScheduleSet) -> None:
        self.schedules[event.name] = FeeSchedule(event.name, event.maker_ppm, event.taker_ppm)

    def _placed(self, event: OrdersPlaced) -> None:
        user_id = event.user_id
        for placed in event.orders:
            lots = placed.lots
            order = ShownOrder(placed, user_id, placed.price, lots, lots, OrderState.OPEN)
            self.put_order(order)
            if self.heard:
                self._tell(order)

    def _refused(self, event: OrderRefused) -> None:
        self._end(self._orders[event.order], OrderState.REJECTED, event.reason)

    def _rested(self, event: OrderRested) -> None:
        market = self._moved(event.market, event.sequence)
        order = self._orders[event.order]
        order.price = event.price
        order.left = event.lots_left
        if order.state is not OrderState.PARTIALLY_FILLED:
            order.state = OrderState.OPEN
        (market.bids if order.placed.side is Side.BUY else market.asks).add(order)
        if self.heard:
            self._tell(order)

    def _parked(self, event: OrderParked) -> None:
        order = self._orders[event.order]
        order.state = OrderState.UNTRIGGERED
        if self.heard:
            self._tell(order)

    def _elected(self, event: StopsElected) -> None:
        for number in event.orders:
            order = self._orders[number]
            order.state = OrderState.OPEN
            if self.heard:
                self._tell(order, "elected")

    def _traded(self, event: TradesExecuted) -> None:
        market = self._moved(event.market, event.sequence)
        orders = self._orders
        taker = orders[event.order]
        half = market.asks if event.side is Side.BUY else market.bids
        for fill in event.fills:
            maker = orders[fill.maker]
            half.fill(maker, fill.lots, fill.maker_left)
            maker.value_minor += fill.value_minor
            maker.fee_minor += fill.maker_fee_minor
            taker.value_minor += fill.value_minor
            taker.fee_minor += fill.taker_fee_minor
            if fill.maker_left:
                maker.state = OrderState.PARTIALLY_FILLED
                if self.heard:
                    self._tell(maker)
            else:
                self._end(maker, OrderState.FILLED)
        last = event.fills[-1]
        market.last_price, market.last_lots, market.last_trade = last.price, last.lots, last.trade
        if market.printed is not None:
            self._print(market, event, provider=False)
        if self.heard:
            self._tell_fills(market, event)
        self._left(taker, event.left)

    def _left(self, order: ShownOrder, left: int) -> None:
        order.left = left
        if not left:
            self._end(order, OrderState.FILLED)
            return
        order.state = OrderState.PARTIALLY_FILLED
        if self.heard:
            self._tell(order)

    def _reduced(self, event: OrderReduced) -> None:
        market = self._moved(event.market, event.sequence)
        order = self._orders[event.order]
        order.lots = event.lots
        if order.shown:
            market.half(order.placed.side).reduce(order, event.lots_left)
        order.left = event.lots_left
        if self.heard:
            self._tell(order, event.reason)

    def _closed(self, event: OrdersClosed) -> None:
        market = self._moved(event.market, event.sequence)
        for closed in event.orders:
            order = self._orders[closed.order]
            if order.shown:
                (market.bids if order.placed.side is Side.BUY else market.asks).remove(order)
            order.left = closed.lots_left
            self._end(order, closed.state, event.reason)

    def _replaced(self, event: OrderReplaced) -> None:
        market = self._moved(event.market, event.sequence)
        order = self._orders[event.order]
        if order.shown:
            market.half(order.placed.side).remove(order)
        order.lots, order.left, order.price = event.lots, event.lots_left, event.price
        if self.heard:
            self._tell(order, "amended")

    def _routed(self, event: OrderRouted) -> None:
        if self.heard:
            self._tell(self._orders[event.order], "routed")

    def _route_ended(self, event: RouteEnded) -> None:
        market = self._moved(event.market, event.sequence)
        order = self._orders[event.order]
        if not event.fills:
            return
        for fill in event.fills:
            order.value_minor += fill.value_minor
            order.fee_minor += fill.fee_minor
        last = event.fills[-1]
        market.last_price, market.last_lots, market.last_trade = last.price, last.lots, last.trade
        if market.printed is not None:
            self._print(market, event, provider=True)
        if self.heard:
            self._tell_routed(market, event)
        self._left(order, event.left)

    def _end(self, order: ShownOrder, state: OrderState, reason: str = "") -> None:
        number = order.placed.number
        order.state = state
        del self._orders[number]
        own = self._by_user[order.user_id]
        del own[number]
        if not own:
            del self._by_user[order.user_id]
        if self.heard:
            self._tell(order, reason)

    # -- telling -----------------------------------------------------------------------------------

    def _print(
        self, market: MarketPicture, event: TradesExecuted | RouteEnded, *, provider: bool
    ) -> None:
        assert market.printed is not None
        market.printed.extend(
            Printed(fill.trade, fill.price, fill.lots, event.side, self.at_us, provider)
            for fill in event.fills
        )

    def _tell(self, order: ShownOrder, reason: str = "") -> None:
        heard = self.heard.get(order.user_id)
        if heard is not None:
            heard.order(order, reason)

    def _tell_fills(self, market: MarketPicture, event: TradesExecuted) -> None:
        taker, others = self.heard.get(event.user_id), event.side.other
        for fill in event.fills:
            same = (fill.price, fill.lots, fill.value_minor)
            when = (self.at_us, self.height)
            maker = self.heard.get(fill.maker_user_id)
            if maker is not None:
                own = (fill.maker, others, "maker", *same, fill.maker_fee_minor, *when)
                maker.filled(OwnFill(fill.trade, market, *own))
            if taker is not None:
                own = (event.order, event.side, "taker", *same, fill.taker_fee_minor, *when)
                taker.filled(OwnFill(fill.trade, market, *own))

    def _tell_routed(self, market: MarketPicture, event: RouteEnded) -> None:
        heard = self.heard.get(event.user_id)
        if heard is None:
            return
        for fill in event.fills:
            terms = (fill.price, fill.lots, fill.value_minor, fill.fee_minor)
            who = (event.order, event.side, "routed")
            heard.filled(OwnFill(fill.trade, market, *who, *terms, self.at_us, self.height))
