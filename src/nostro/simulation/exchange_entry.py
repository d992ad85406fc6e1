"""What must become of an order that enters, event by event?

The auditor's own rules: told are the very events that the journal must show next. They change the
auditor's orders at once; whoever calls compares.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from nostro.exchange import (
    Fill,
    MarketState,
    MarketStateSet,
    OrderParked,
    OrderReduced,
    OrderReplaced,
    OrderRested,
    OrderRouted,
    OrdersClosed,
    OrderType,
    PostOnly,
    RouteEnded,
    RouteFill,
    RouteTrade,
    Routing,
    TimeInForce,
    TradesExecuted,
)
from nostro.kernel.messages import Event
from nostro.simulation import exchange_sweep as sweeps
from nostro.simulation.books import Violation
from nostro.simulation.exchange_floor import Floor, close_order, elected, reached, release
from nostro.simulation.exchange_orders import (
    AMENDING,
    CANCELLED,
    FILLED,
    PARKED,
    REJECTED,
    RESTING,
    RETURNED,
    ROUTED,
    Held,
    Market,
    Values,
    asset_of,
    need,
)

_LIMITS = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_LASTING = (TimeInForce.GTC, TimeInForce.GTD, TimeInForce.DAY)


class Entry:
    """One order on its way in."""

    def __init__(self, floor: Floor, order: Held, market: Market) -> None:
        self.events: list[Event] = []
        self.fills: list[list[int]] = []
        self.order = order
        self._floor = floor
        self._market = market
        self._prices: list[int] = []

    # -- where it goes ----------------------------------------------------------------------------

    def enter(self) -> None:
        """Let the order arrive, be elected, come back from a provider, or be amended."""
        order, market = self.order, self._market
        if order.state == AMENDING:
            was_parked = self._replace()
            if was_parked:
                self._park()
                self._return_excess()
                return
        lasts = order.placed.type in _LIMITS and order.placed.time_in_force in _LASTING
        is_parted = order.placed.stop > 0 and not order.elected
        if market.state is not MarketState.OPEN:
            self._meet_halt()
        elif self._floor.is_stopped(order.user_id):
            self.close("kill_switch")
        elif 0 < order.placed.expires_at_us <= self._floor.at_us:
            self.close("expired")
        elif is_parted and not reached(order, market.last):
            self._park()
        elif order.returned and not (lasts and market.rules.routing is not Routing.PROVIDER):
            self.close(order.returned)
        elif order.placed.post_only is not PostOnly.NO:
            self._post()
        elif market.rules.routing is Routing.PROVIDER:
            self._route(whole=order.placed.time_in_force is TimeInForce.FOK)
        else:
            self._trade(lasts=lasts)

    def _meet_halt(self) -> None:
        order, state = self.order, self._market.state
        if state is MarketState.HALTED and order.elected and not order.returned:
            self._park()
        elif state is MarketState.CLOSED:
            self.close("market_closed")
        else:
            self.close("market_halted")

    def _replace(self) -> bool:
        """Take the order from its place and give it its new terms; tell whether it was parked."""
        order = self.order
        lots, price = order.amended
        was_parked = order.before == PARKED
        order.left += lots - order.lots
        order.lots, order.price = lots, price
        order.shown = 0
        order.carry = Fraction(0)
        order.returned = ""
        self._tell(OrderReplaced, order.number, order.user_id, lots, order.left, price)
        return was_parked

    def _park(self) -> None:
        order = self.order
        order.state, order.elected = PARKED, False
        self.events.append(OrderParked(self._market.name, order.number, order.user_id))

    def _return_excess(self) -> None:
        order = self.order
        released = self._release(order.reserved - need(order, self._market, as_taker=True))
        if released:
            self._reduced(order, released, "amended")

    def _post(self) -> None:
        order, market = self.order, self._market
        if market.rules.routing is Routing.PROVIDER:
            self.close("would_trade")  # nothing rests there any more
            return
        others = self._floor.resting(market.name, order.placed.side.other)
        prices = [other.price for other in others]
        best = (min if order.buys else max)(prices, default=0)
        if best and (best <= order.price if order.buys else best >= order.price):
            price = best - 1 if order.buys else best + 1
            if order.placed.post_only is PostOnly.REJECT or price < 1:
                self.close("would_trade", REJECTED)
                return
            order.price = price
        self._rest()

    def _rest(self) -> None:
        order, floor = self.order, self._floor
        released = self._release(order.reserved - need(order, self._market, as_taker=False))
        floor.ranks += 1
        order.state, order.rank = RESTING, floor.ranks
        order.elected = order.placed.stop > 0
        order.shown = min(order.placed.display, order.left)
        self._tell(
            OrderRested,
            order.number,
            order.user_id,
            order.price,
            order.left,
            asset_of(order, self._market),
            released,
            order.moves,
        )

    def close(self, reason: str, state: str = CANCELLED) -> None:
        """End the order unfilled or partly filled."""
        order = self.order
        closed = close_order(self._floor, order, self._market, reason, state)
        self._tell(OrdersClosed, reason, [closed])

    # -- trading ----------------------------------------------------------------------------------

    def _trade(self, *, lasts: bool) -> None:
        order, market, floor = self.order, self._market, self._floor
        found = sweeps.sweep(order, market, floor.resting(market.name, order.placed.side.other))
        is_whole = found.stopped in (sweeps.FILLED, sweeps.BUDGET) and not found.decremented
        by_provider = self._may_route()
        too_many = len(found.fills) > floor.fills_max
        if order.placed.time_in_force is TimeInForce.FOK and (too_many or not is_whole):
            why = "sweep_too_long" if too_many else "fok"
            self._route(whole=True) if by_provider else self.close(why)
            return
        if too_many:
            self._trade_part(found)
            return
        left = self._execute(found) if found.fills else True
        self._give_way(found)
        if found.decremented and found.left and left:
            order.lots -= found.decremented
            order.left -= found.decremented
            self._reduced(order, 0, "self_trade")
        if not left:
            pass
        elif found.stopped == sweeps.BAND:
            self.close("band_breached")
            self._halt()
        elif found.stopped == sweeps.BUDGET:
            self.close("budget_too_small")
        elif found.stopped in (sweeps.SELF_TRADE, sweeps.FILLED):
            self.close("self_trade")  # filled, but for what its own orders took off
        elif by_provider:
            self._route(whole=False)
        elif lasts:
            self._rest()
        else:
            self.close("ioc" if order.placed.type in _LIMITS else "nothing_to_match")
        self._elect()

    def _trade_part(self, found: sweeps.Sweep) -> None:
        """Trade as often as one entry may, and close the rest."""
        fills = found.fills[: self._floor.fills_max]
        self._execute(sweeps.Sweep(fills, stopped=sweeps.PRICE))
        self.close("sweep_too_long")
        self._elect()

    def _halt(self) -> None:
        """Halt the market, if it was a trade that used up what is within the band."""
        if self._prices:
            self._market.state = MarketState.HALTED
            self._tell(MarketStateSet, MarketState.HALTED, "band_breached", "exchange")

    def _execute(self, found: sweeps.Sweep) -> bool:
        """Book the fills of a sweep; tell whether anything is left."""
        order, market = self.order, self._market
        values = Values(market, buys=order.buys, carry=order.carry)
        fills = []
        for maker, lots in found.fills:
            value = values.next(maker.price, lots, maker)
            fills.append(self._fill(maker, lots, value))
        order.carry = values.carry
        if order.placed.budget_minor:
            is_over = found.stopped in (sweeps.FILLED, sweeps.BUDGET)
            lots_left = 0 if is_over else max(1, self._lots_of_budget(order.price, values.exact))
        else:
            lots_left = order.left
        released = 0
        if not lots_left:
            order.state, order.ended_at = FILLED, self._floor.at_us
            released = self._release(order.reserved)
        terms = market.terms
        self._tell(
            TradesExecuted,
            order.number,
            order.user_id,
            order.placed.side,
            terms.base,
            terms.quote,
            terms.lot_minor,
            fills,
            lots_left,
            released,
            order.moves,
        )
        self._trade_at(self._prices)
        return lots_left > 0

    def _fill(self, maker: Held, lots: int, value: int) -> Fill:
        """Let money and lots change hands between the order and a maker."""
        order, market, floor = self.order, self._market, self._floor
        if maker.user_id == order.user_id:
            raise Violation(f"{order.number} trades with its own {maker.number}")
        ppm = max(maker.placed.maker_ppm, -order.placed.taker_ppm)
        maker_fee = maker.charge(value, ppm)
        taker_fee = order.charge(value, order.placed.taker_ppm)
        buyer, seller = (order, maker) if order.buys else (maker, order)
        buyer_fee, seller_fee = (taker_fee, maker_fee) if order.buys else (maker_fee, taker_fee)
        terms, money = market.terms, floor.money
        paying, giving = f"orders:{buyer.user_id}:{terms.quote}", f"orders:{seller.user_id}:"
        money.pay(paying, f"wallet:{seller.user_id}:{terms.quote}", value - seller_fee)
        money.pay(paying, f"earnings:{terms.quote}", buyer_fee + seller_fee)
        base = lots * terms.lot_minor
        money.pay(giving + terms.base, f"wallet:{buyer.user_id}:{terms.base}", base)
        buyer.reserved -= value + buyer_fee
        seller.reserved -= base
        for each in (order, maker):
            each.value += value
            each.filled += lots
        if not order.placed.budget_minor:
            order.left -= lots
        self._take(maker, lots)
        released = release(floor, maker, market, maker.reserved) if not maker.left else 0
        floor.trades += 1
        self._prices.append(maker.price)
        self.fills.append([floor.trades, maker.price, lots, value, taker_fee])
        return Fill(
            floor.trades,
            maker.number,
            maker.user_id,
            maker.price,
            lots,
            value,
            maker_fee,
            taker_fee,
            maker.left,
            released,
            maker.moves if released else 0,
        )

    def _take(self, maker: Held, lots: int) -> None:
        maker.left -= lots
        if not maker.left:
            maker.state, maker.ended_at = FILLED, self._floor.at_us
        elif maker.placed.display:
            maker.shown -= lots
            if not maker.shown:
                maker.shown = min(maker.placed.display, maker.left)
                self._floor.ranks += 1
                maker.rank = self._floor.ranks

    def _give_way(self, found: sweeps.Sweep) -> None:
        floor, market = self._floor, self._market
        for maker, lots in found.reduced:
            maker.left -= lots
            maker.lots -= lots
            maker.shown = min(maker.shown, maker.left)
            spare = maker.reserved - need(maker, market, as_taker=False)
            self._reduced(maker, release(floor, maker, market, spare), "self_trade")
        if found.cancelled:
            closed = [close_order(floor, maker, market, "self_trade") for maker in found.cancelled]
            self._tell(OrdersClosed, "self_trade", closed)

    def _trade_at(self, prices: list[int]) -> None:
        self._market.trade(prices, self._floor.at_us)

    def _elect(self) -> None:
        """Elect the stops that the trades have reached, unless they halted the market."""
        if self._prices and self._market.state is MarketState.OPEN:
            self.events += elected(self._floor, self._market, self._prices)

    # -- providers --------------------------------------------------------------------------------

    def _may_route(self) -> bool:
        order = self.order
        sells_by_budget = order.placed.budget_minor > 0 and not order.buys
        to_provider = self._market.rules.routing is Routing.BOOK_THEN_PROVIDER
        return to_provider and not order.returned and not sells_by_budget

    def _route(self, *, whole: bool) -> None:
        order, market, floor = self.order, self._market, self._floor
        band = market.band(order.placed.side)
        limit = order.price
        if band:
            limit = min(limit, band) if order.buys else max(limit, band)
        spent = sum((market.value(price, lots) for _, price, lots, *_ in self.fills), Fraction(0))
        lots = order.left
        if order.placed.budget_minor:
            lots = self._lots_of_budget(limit, spent)
        if not lots:
            self.close("nothing_to_match")
            return
        floor.routes += 1
        order.state, order.route = ROUTED, floor.routes
        order.elected = order.placed.stop > 0
        order.routed_for = (lots, limit, whole)
        floor.routed[floor.routes] = order.number
        self.events.append(
            OrderRouted(
                market.name,
                order.number,
                order.user_id,
                floor.routes,
                market.rules.provider,
                market.terms,
                order.placed.side,
                lots,
                limit,
                whole,
            )
        )

    def come_back(self, fills: list[RouteFill], reason: str, end: Any) -> None:
        """Book what a provider says for good; `end` makes the event of the rest."""
        order, market, floor = self.order, self._market, self._floor
        values = Values(market, buys=order.buys, carry=order.carry)
        trades = [self._route_fill(fill, values, end.provider) for fill in fills]
        order.carry = values.carry
        lots, _, _ = order.routed_for
        left = lots - sum(fill.lots for fill in fills)
        if not order.placed.budget_minor:
            left = order.left
        order.returned = f"provider: {reason or 'partially_filled'}"
        order.route, order.state = 0, RETURNED
        released = 0
        if not left:
            order.state, order.ended_at = FILLED, floor.at_us
            released = self._release(order.reserved)
        terms = market.terms
        self._tell(
            RouteEnded,
            order.number,
            order.user_id,
            order.placed.side,
            end.route,
            end.provider,
            terms.base,
            terms.quote,
            terms.lot_minor,
            trades,
            reason,
            end.reference,
            left,
            released,
            order.moves,
        )
        if self._prices:
            self._trade_at(self._prices)
            self._elect()

    def _route_fill(self, fill: RouteFill, values: Values, provider: str) -> RouteTrade:
        order, market, floor = self.order, self._market, self._floor
        terms, money = market.terms, floor.money
        value = values.next(fill.price, fill.lots)
        fee = order.charge(value, order.placed.taker_ppm)
        base = fill.lots * terms.lot_minor
        theirs, wallet = f"provider:{provider}:", f"wallet:{order.user_id}:"
        held = f"orders:{order.user_id}:"
        if order.buys:
            money.pay(held + terms.quote, theirs + terms.quote, value)
            money.pay(held + terms.quote, f"earnings:{terms.quote}", fee)
            money.pay(theirs + terms.base, wallet + terms.base, base)
            order.reserved -= value + fee
        else:
            money.pay(theirs + terms.quote, wallet + terms.quote, value - fee)
            money.pay(theirs + terms.quote, f"earnings:{terms.quote}", fee)
            money.pay(held + terms.base, theirs + terms.base, base)
            order.reserved -= base
        order.value += value
        order.filled += fill.lots
        if not order.placed.budget_minor:
            order.left -= fill.lots
        floor.trades += 1
        self._prices.append(fill.price)
        return RouteTrade(floor.trades, fill.price, fill.lots, value, fee)

    # -- what is told -----------------------------------------------------------------------------

    def _lots_of_budget(self, price: int, spent: Fraction) -> int:
        """Return how many lots the rest of a budget pays for at a price."""
        rest = self.order.placed.budget_minor - spent
        return int(rest // self._market.value(price, 1))

    def _release(self, amount: int) -> int:
        return release(self._floor, self.order, self._market, amount)

    def _reduced(self, order: Held, released: int, reason: str) -> None:
        self._tell(
            OrderReduced,
            order.number,
            order.user_id,
            order.lots,
            order.left,
            asset_of(order, self._market),
            released,
            order.moves,
            reason,
        )

    def _tell(self, event: Any, *rest: Any) -> None:
        """Tell an event that changes what the market shows."""
        self._market.sequence += 1
        self.events.append(event(self._market.name, self._market.sequence, *rest))
