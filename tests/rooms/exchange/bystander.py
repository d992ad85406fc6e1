"""Someone who hears the exchange's events and nothing else: what must hold of them, whatever was
commanded?"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil, floor

from nostro.exchange import (
    AmendmentPlaced,
    AmendmentRefused,
    MarketCreated,
    MarketStateSet,
    OrderParked,
    OrderReduced,
    OrderRefused,
    OrderReplaced,
    OrderRested,
    OrderRouted,
    OrdersClosed,
    OrdersPlaced,
    PlacedOrder,
    RouteEnded,
    Side,
    StopsElected,
    TradesExecuted,
)
from nostro.kernel.messages import Event


class Heard:
    """An order as its events tell it."""

    def __init__(self, placed: PlacedOrder, user_id: str) -> None:
        self.placed = placed
        self.user_id = user_id
        self.side = placed.side
        self.price = placed.price
        self.lots = placed.lots
        self.left = placed.lots
        self.filled = 0
        self.where = "arriving"
        self.taken = Fraction(0)
        self.paid_as_taker = 0
        self.fees = Fraction(0)
        self.due = Fraction(0)

    def take(self, exact: Fraction, most: int | None = None) -> int:
        """Return what a fill is worth to a taker, by the words of the rules: sales are rounded
        down over a sweep, but for `most` that their maker pays, purchases up over all since the
        order was placed or amended. None: from a provider, each is rounded."""
        if self.side is Side.SELL:
            if most is None:
                return floor(exact)
            minor = min(floor(self.due + exact), most)
            self.due += exact - minor
            return minor
        self.taken += exact
        minor = ceil(self.taken) - self.paid_as_taker
        self.paid_as_taker += minor
        return minor

    def pays(self, lot: Fraction, lots: int) -> int:
        """Return what an order that rests pays for lots at most, never more in all than its
        ceiling."""
        carry = self.paid_as_taker - self.taken
        before, after = (ceil(lot * left - carry) for left in (self.left, self.left - lots))
        return before - after

    def charge(self, value_minor: int, ppm: int) -> int:
        """Return what a fill adds to the fees of its life, rounded up."""
        before = ceil(self.fees)
        self.fees += Fraction(value_minor * ppm, 10**6)
        return ceil(self.fees) - before


class Bystander:
    """Follows orders, trades and sequences."""

    def __init__(self) -> None:
        self.orders: dict[int, Heard] = {}
        self.ended: dict[int, str] = {}
        self.sequences: Counter[str] = Counter()
        self.trades = 0
        self.routes: dict[int, int] = {}
        self.values: dict[str, Fraction] = {}

    def hear(self, events: list[Event]) -> None:
        """Follow events, and see whether they can be."""
        for event in events:
            self._follow_sequence(event)
            self._follow(event)

    def _follow_sequence(self, event: Event) -> None:
        sequence = getattr(event, "sequence", 0)
        if sequence:
            market: str = event.market  # type: ignore[attr-defined]
            assert sequence == self.sequences[market] + 1, "a sequence has a gap"
            self.sequences[market] = sequence

    def _follow(self, event: Event) -> None:
        match event:
            case MarketCreated():
                terms = event.terms
                units = Fraction(terms.lot_minor, 10**terms.base_scale)
                tick = Fraction(terms.tick_units, 10**terms.price_scale)
                self.values[event.market] = units * tick * 10**terms.quote_scale
            case OrdersPlaced():
                for placed in event.orders:
                    assert placed.number == len(self.orders) + 1, "a number was left out"
                    self.orders[placed.number] = Heard(placed, event.user_id)
            case OrderRefused():
                self._end(event.order, "rejected")
            case TradesExecuted():
                self._trade(event)
            case OrderRested():
                order = self._at(event.order, "arriving")
                assert order.left == event.lots_left > 0
                order.price, order.where = event.price, "book"
            case OrderParked():
                self._at(event.order, "arriving").where = "parked"
            case StopsElected():
                assert event.orders == sorted(event.orders)
                for number in event.orders:
                    self._at(number, "parked").where = "arriving"
            case OrderReduced():
                self._reduce(event)
            case OrdersClosed():
                for closed in event.orders:
                    order = self.orders[closed.order]
                    assert order.where != "provider", "closed while a provider had it"
                    assert closed.lots_left == order.left
                    self._end(closed.order, closed.state.value)
            case OrderReplaced():
                order = self._at(event.order, "book", "parked")
                assert event.lots_left == event.lots - order.filled > 0
                order.lots, order.left, order.price = event.lots, event.lots_left, event.price
                order.where = "arriving"
                order.taken, order.paid_as_taker = Fraction(0), 0
            case OrderRouted():
                order = self._at(event.order, "arriving")
                order.where = "provider"
                self.routes[event.route] = event.lots
            case RouteEnded():
                self._end_route(event)
            case AmendmentPlaced() | AmendmentRefused():
                self._at(event.order, "book", "parked")
            case MarketStateSet():
                pass

    def _at(self, number: int, *places: str) -> Heard:
        assert number not in self.ended, f"order {number} had ended"
        order = self.orders[number]
        assert order.where in places, f"order {number} is {order.where}, not {places}"
        return order

    def _end(self, number: int, how: str) -> None:
        assert number not in self.ended, f"order {number} ends twice"
        self.ended[number] = how
        self.orders[number].where = "ended"

    def _trade(self, event: TradesExecuted) -> None:
        taker = self._at(event.order, "arriving")
        prices = []
        taker.due = Fraction(0)
        for fill in event.fills:
            maker = self._at(fill.maker, "book")
            self._count(fill.trade, fill.lots)
            assert fill.price == maker.price, "a trade prints at its maker's price"
            assert maker.side is not taker.side
            assert fill.maker_user_id == maker.user_id != taker.user_id, "a trade with oneself"
            _within(taker, fill.price)
            prices.append(fill.price)
            lot = self.values[event.market] * fill.price
            value = taker.take(lot * fill.lots, maker.pays(lot, fill.lots))
            taker_ppm = taker.placed.taker_ppm
            assert fill.value_minor == value
            assert fill.taker_fee_minor == taker.charge(value, taker_ppm)
            maker_ppm = max(maker.placed.maker_ppm, -taker_ppm)
            assert fill.maker_fee_minor == maker.charge(value, maker_ppm)
            maker.left -= fill.lots
            maker.filled += fill.lots
            assert maker.left == fill.maker_left >= 0
            if not maker.left:
                self._end(fill.maker, "filled")
            taker.filled += fill.lots
            if taker.lots:
                taker.left -= fill.lots
        assert prices == sorted(prices, reverse=taker.side is Side.SELL), "best prices first"
        if taker.lots:
            assert taker.left == event.left >= 0
        if not event.left:
            self._end(event.order, "filled")

    def _count(self, trade: int, lots: int) -> None:
        assert trade == self.trades + 1, "a trade number was left out"
        assert lots > 0, "a trade of nothing"
        self.trades = trade

    def _reduce(self, event: OrderReduced) -> None:
        order = self._at(event.order, "book", "parked", "arriving")
        assert event.lots_left == event.lots - order.filled > 0
        assert event.lots <= order.lots
        order.lots, order.left = event.lots, event.lots_left

    def _end_route(self, event: RouteEnded) -> None:
        order = self._at(event.order, "provider")
        lots = 0
        for fill in event.fills:
            self._count(fill.trade, fill.lots)
            _within(order, fill.price)
            value = order.take(self.values[event.market] * fill.price * fill.lots)
            assert fill.value_minor == value
            assert fill.fee_minor == order.charge(value, order.placed.taker_ppm)
            lots += fill.lots
        assert event.left == self.routes.pop(event.route) - lots >= 0
        order.filled += lots
        if order.lots:
            order.left -= lots
        order.where = "arriving"
        if not event.left:
            self._end(event.order, "filled")

    def check(self, live: set[int]) -> None:
        """Between rows, no order is lost: each either lives somewhere or has ended."""
        assert {number for number in self.orders if number not in self.ended} == live
        for number, order in self.orders.items():
            assert order.where != "arriving", f"order {number} never entered"
            if order.lots:
                assert order.lots == order.filled + order.left


def _within(order: Heard, price: int) -> None:
    fits = price <= order.price if order.side is Side.BUY else price >= order.price
    assert fits, "a trade worse than the order's limit"
