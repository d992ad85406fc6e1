"""What becomes of an order that enters: does it wait, trade, rest, go to a provider, or end?

Everything is decided on a copy of the order; the order itself changes when the events are applied.
The events come in one order: trades; own makers that gave way; what became of the order; a halt;
the stops that its trades elected.
"""

from __future__ import annotations

from nostro.exchange.commands import (
    EnterAmendment,
    EnterOrder,
    OrderType,
    PostOnly,
    TimeInForce,
)
from nostro.exchange.events import (
    Fill,
    MarketStateSet,
    OrderParked,
    OrderReduced,
    OrderReplaced,
    OrderRested,
    OrderRouted,
    OrdersClosed,
    OrderState,
    StopsElected,
    TradesExecuted,
)
from nostro.exchange.funds import as_maker, as_taker, budget_notional
from nostro.exchange.live import LiveOrder, copied
from nostro.exchange.matching import Matched, Stop
from nostro.exchange.state import ExchangeState
from nostro.exchange.stops import is_reached
from nostro.exchange.telling import (
    CANCELLED,
    FILLED,
    OPEN,
    PARTLY_FILLED,
    REJECTED,
    UNTRIGGERED,
    asset_of,
    closed_order,
    standing,
    told,
)
from nostro.exchange.terms import MarketState, Routing, Side
from nostro.exchange.trades import execute
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision

BAND_BREACHED = "band_breached"
FILLS_MAX = 2_000
"""Fills of one entry: an order that would trade with more makers is closed after these."""
ROW_MAX = 10_000
"""Fills and elected stops of one row of the journal, of all that enters in it. What elects stops
when it is full elects none, and they wait on, as do those that were elected before it was."""
ACTOR = "exchange"
"""Who halted a market whose band was breached."""

# Looking a member up in its enum costs more than comparing it: hot code does so once.
OPEN_MARKET, HALTED, CLOSED = MarketState.OPEN, MarketState.HALTED, MarketState.CLOSED
PROVIDER, BOOK_THEN_PROVIDER = Routing.PROVIDER, Routing.BOOK_THEN_PROVIDER
BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP_LIMIT = OrderType.LIMIT, OrderType.STOP_LIMIT
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
MAY_TAKE, REJECT = PostOnly.NO, PostOnly.REJECT
BAND, BUDGET, TOO_MANY = Stop.BAND, Stop.BUDGET, Stop.TOO_MANY
ENOUGH = (Stop.FILLED, Stop.BUDGET)
NO_MORE = (Stop.PRICE, Stop.EMPTY)


def enter(state: ExchangeState, command: EnterOrder, context: Context) -> Decision:
    """Let an order trade, rest, or wait for its stop price."""
    order = state.orders.get(command.order)
    if (
        order is None
        or order.resting
        or order.parked
        or order.route
        or (state.amendments and command.order in state.amendments)
    ):
        raise Rejection("exchange.not_in_course", order=command.order)
    entry = Entry(state, order, context)
    entry.arrive()
    return entry.decision()


def enter_amendment(state: ExchangeState, command: EnterAmendment, context: Context) -> Decision:
    """Take an order from its place and enter it again with its new terms."""
    amendment = state.amendments.get(command.order)
    if amendment is None:
        raise Rejection("exchange.not_in_course", order=command.order)
    order = state.orders[command.order]
    entry = Entry(state, order, context)
    entry.replace(amendment.lots, amendment.price, amendment.extra_minor)
    if order.parked:
        entry.park()
        entry.return_excess()
    else:
        entry.arrive()
    return entry.decision()


class Entry:
    """One order on its way in: the caller's own copy of it, and the events so far."""

    __slots__ = (
        "_at_us",
        "_done",
        "_events",
        "_fills",
        "_halted",
        "_market",
        "_outcome",
        "_reason",
        "_route",
        "_sequence",
        "_state",
        "_taker",
    )

    def __init__(self, state: ExchangeState, order: LiveOrder, context: Context) -> None:
        self._state = state
        self._taker = copied(order)
        self._market = state.markets[order.market]
        self._at_us = context.at_us
        self._done = state.done_at(context.height)
        self._sequence = self._market.sequence
        self._events: list[Event] = []
        self._fills: list[Fill] = []
        self._outcome = OPEN
        self._reason = ""
        self._halted = False
        self._route = 0

    def decision(self) -> Decision:
        """Return what was decided, with what the caller is told."""
        taker = self._taker
        body = told(taker, self._outcome, self._reason)
        if self._fills:
            body["fills"] = [
                [fill.trade, fill.price, fill.lots, fill.value_minor, fill.taker_fee_minor]
                for fill in self._fills
            ]
        if self._route:
            body["route"] = self._route
        return Decision(self._events, body)

    # -- where it goes -----------------------------------------------------------------------------

    def arrive(self) -> None:
        """Find out where the order goes."""
        taker, market, state = self._taker, self._market, self._state
        if market.state is not OPEN_MARKET:
            self._meet_halt()
        elif state.doomed and taker.number in state.doomed:
            self._close(state.doomed[taker.number])  # nothing begins that a Tick would cut off
        elif state.stopped and state.why_stopped(taker.user_id):
            self._close("kill_switch")
        elif taker.expires_at_us and taker.expires_at_us <= self._at_us:
            self._close("expired")
        elif taker.stop and not taker.elected and not is_reached(taker, market.last_price):
            self.park()
        elif taker.routed and not (self._lasts and market.rules.routing is not PROVIDER):
            self._close(taker.routed)
        elif taker.post_only is not MAY_TAKE:
            self._post()
        elif market.rules.routing is PROVIDER:
            self._route_out(all_or_none=taker.time_in_force is FOK)
        else:
            self._sweep()

    def _meet_halt(self) -> None:
        """A stop that was elected while its market halted waits on; nothing else does."""
        taker, state = self._taker, self._market.state
        if state is HALTED and taker.elected and not taker.routed:
            self.park()
        else:
            self._close("market_closed" if state is CLOSED else "market_halted")

    @property
    def _lasts(self) -> bool:
        taker = self._taker
        time_in_force = taker.time_in_force
        return (
            (taker.type is LIMIT or taker.type is STOP_LIMIT)
            and time_in_force is not IOC
            and time_in_force is not FOK
        )

    def _post(self) -> None:
        """Rest without a trade: one that would trade is refused, or slides behind the best price
        that it would meet."""
        taker, book = self._taker, self._market.book
        if self._market.rules.routing is PROVIDER:
            self._close("would_trade")  # in this market nothing rests any more
            return
        if book.crosses(taker.side, taker.price):
            price = book.best_ask - 1 if taker.side is BUY else book.best_bid + 1
            if taker.post_only is REJECT or price < 1:
                self._close("would_trade", REJECTED)
                return
            taker.price = price
        self._rest()

    # -- trading -----------------------------------------------------------------------------------

    def _sweep(self) -> None:
        taker, market = self._taker, self._market
        fills_max = min(FILLS_MAX, ROW_MAX - self._done)
        if fills_max < FILLS_MAX and taker.elected and not taker.resting:
            self.park()
            return
        if taker.budget_minor:
            terms = market.terms
            matched = market.book.match(
                taker,
                market.band_for(taker.side),
                taker.budget_minor,
                terms.value_num,
                terms.value_den,
                fills_max,
            )
        else:
            matched = market.book.match(taker, market.band_for(taker.side), fills_max=fills_max)
        if taker.time_in_force is FOK and not matched.whole:
            if self._may_route:
                self._route_out(all_or_none=True)
            else:
                self._close("sweep_too_long" if matched.stopped is TOO_MANY else "fok")
            return
        if matched.stopped is TOO_MANY:
            self._sweep_part(matched)
            return
        left = self._trade(matched) if matched.fills else 1
        if matched.cancelled or matched.reduced:
            self._give_way(matched)
        if left:
            self._end_sweep(matched)
        else:
            self._outcome = FILLED
        if self._fills:
            self._elect()

    def _sweep_part(self, matched: Matched) -> None:
        """Trade with as many makers as one entry may, and close the rest."""
        if matched.fills:
            self._trade(matched)
        self._close("sweep_too_long")
        if self._fills:
            self._elect()

    def _trade(self, matched: Matched) -> int:
        """Book the trades and return whether anything is left (0: no)."""
        taker, market = self._taker, self._market
        terms = market.terms
        fills = self._fills = execute(taker, matched.fills, terms, self._state.trades_next)
        self._outcome = PARTLY_FILLED
        left = taker.lots_left
        if taker.budget_minor and matched.stopped not in ENOUGH:
            left = max(1, self._notional_left() // taker.price)
        released = 0 if left else self._release(taker.reserved_minor)
        self._sequence += 1
        self._events.append(
            TradesExecuted(
                market.name,
                self._sequence,
                taker.number,
                taker.user_id,
                taker.side,
                terms.base,
                terms.quote,
                terms.lot_minor,
                fills,
                left,
                released,
                taker.moves,
                market.rules.settling,
            )
        )
        return left

    def _give_way(self, matched: Matched) -> None:
        """Reduce and cancel own makers that the order met."""
        terms = self._market.terms
        for maker, lots in matched.reduced:
            smaller = copied(maker)
            smaller.lots -= lots
            smaller.lots_left -= lots
            released = maker.reserved_minor - as_maker(terms, smaller)
            moves = maker.moves + 1 if released else maker.moves
            self._reduced(smaller, released, moves)
        if matched.cancelled:
            closed = [closed_order(maker, terms) for maker in matched.cancelled]
            self._sequence += 1
            self._events.append(
                OrdersClosed(self._market.name, self._sequence, "self_trade", closed)
            )

    def _end_sweep(self, matched: Matched) -> None:
        """Say what becomes of what is left, by why the sweep stopped."""
        taker, stopped = self._taker, matched.stopped
        if matched.decremented and matched.left:
            taker.lots -= matched.decremented
            taker.lots_left -= matched.decremented
            self._reduced(taker, 0, taker.moves)
        if stopped not in NO_MORE:
            self._end_short(stopped)
        elif self._may_route:
            self._route_out(all_or_none=False)
        elif self._lasts:
            self._rest()
        else:
            limited = taker.type is LIMIT or taker.type is STOP_LIMIT
            self._close("ioc" if limited else "nothing_to_match")

    def _end_short(self, stopped: Stop) -> None:
        """Close what may not go on, though the book does."""
        if stopped is BAND:
            self._close(BAND_BREACHED)
            if self._fills:
                self._halt()
        else:
            self._close("budget_too_small" if stopped is BUDGET else "self_trade")

    def _elect(self) -> None:
        market = self._market
        if self._halted or not len(market.stops):
            return
        first, last = self._fills[0].price, self._fills[-1].price
        elected = market.stops.reached(min(first, last), max(first, last))
        if elected and self._done + len(self._fills) + len(elected) <= ROW_MAX:
            self._events.append(StopsElected(market.name, elected))

    # -- ends --------------------------------------------------------------------------------------

    def replace(self, lots: int, price: int, extra_minor: int) -> None:
        """Give the order other terms; it leaves its place."""
        taker = self._taker
        taker.lots_left += lots - taker.lots
        taker.lots = lots
        taker.price = price
        taker.reserved_minor += extra_minor
        taker.carry = 0
        taker.shown = 0
        taker.routed = ""
        self._sequence += 1
        self._events.append(
            OrderReplaced(
                taker.market,
                self._sequence,
                taker.number,
                taker.user_id,
                lots,
                taker.lots_left,
                price,
            )
        )

    def park(self) -> None:
        """Let the order wait for its stop price."""
        taker = self._taker
        self._outcome = UNTRIGGERED
        self._events.append(OrderParked(taker.market, taker.number, taker.user_id))

    def return_excess(self) -> None:
        """Release what a parked order no longer needs."""
        taker = self._taker
        needed = as_taker(self._market.terms, taker, price=taker.price, lots_left=taker.lots_left)
        released = self._release(taker.reserved_minor - needed)
        if released:
            self._reduced(taker, released, taker.moves, reason="amended")

    def _rest(self) -> None:
        taker = self._taker
        released = self._release(taker.reserved_minor - as_maker(self._market.terms, taker))
        self._outcome = standing(taker)
        self._sequence += 1
        self._events.append(
            OrderRested(
                taker.market,
                self._sequence,
                taker.number,
                taker.user_id,
                taker.price,
                taker.lots_left,
                asset_of(self._market.terms, taker),
                released,
                taker.moves,
            )
        )

    def _close(self, reason: str, outcome: OrderState = CANCELLED) -> None:
        taker = self._taker
        closed = closed_order(taker, self._market.terms, outcome)
        self._outcome, self._reason = outcome.value, reason
        self._sequence += 1
        self._events.append(OrdersClosed(taker.market, self._sequence, reason, [closed]))

    def _halt(self) -> None:
        market = self._market
        self._halted = True
        self._sequence += 1
        self._events.append(
            MarketStateSet(market.name, self._sequence, HALTED, BAND_BREACHED, ACTOR)
        )

    def _reduced(
        self, order: LiveOrder, released: int, moves: int, *, reason: str = "self_trade"
    ) -> None:
        self._sequence += 1
        self._events.append(
            OrderReduced(
                order.market,
                self._sequence,
                order.number,
                order.user_id,
                order.lots,
                order.lots_left,
                asset_of(self._market.terms, order),
                released,
                moves,
                reason,
            )
        )

    # -- providers ---------------------------------------------------------------------------------

    @property
    def _may_route(self) -> bool:
        taker = self._taker
        return (
            self._market.rules.routing is BOOK_THEN_PROVIDER
            and not taker.routed
            and not (taker.budget_minor and taker.side is SELL)
        )

    def _route_out(self, *, all_or_none: bool) -> None:
        """Ask the provider for what is left, at the order's limit or the band's end."""
        taker, market = self._taker, self._market
        limit = taker.price
        band = market.band_for(taker.side)
        if band:
            limit = min(limit, band) if taker.side is BUY else max(limit, band)
        lots = self._notional_left() // limit if taker.budget_minor else taker.lots_left
        if not lots:
            self._close("nothing_to_match")
            return
        self._route = self._state.routes_next
        self._outcome = standing(taker)
        self._events.append(
            OrderRouted(
                market.name,
                taker.number,
                taker.user_id,
                self._route,
                market.rules.provider,
                market.terms,
                taker.side,
                lots,
                limit,
                all_or_none,
            )
        )

    # -- money -------------------------------------------------------------------------------------

    def _notional_left(self) -> int:
        """Return for how many ticks times lots the budget still pays."""
        taker = self._taker
        spent = sum(fill.price * fill.lots for fill in self._fills)
        return budget_notional(self._market.terms, taker.budget_minor) - spent

    def _release(self, amount_minor: int) -> int:
        """Release funds of the order and return how much."""
        if amount_minor:
            self._taker.reserved_minor -= amount_minor
            self._taker.moves += 1
        return amount_minor
