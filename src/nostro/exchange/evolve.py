"""How does an event change what the exchange remembers?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nostro.exchange import events as e
from nostro.exchange.funds import carried, maker_rate
from nostro.exchange.live import LiveOrder
from nostro.exchange.state import (
    ROUTES_REMEMBERED_MAX,
    Amendment,
    EndedRoute,
    ExchangeState,
    Market,
    Route,
    Suspension,
)
from nostro.exchange.telling import BUY
from nostro.exchange.terms import FeeSchedule, MarketState, Side
from nostro.kernel.messages import Event
from nostro.kernel.room import Position


def evolve(state: ExchangeState, event: Event, position: Position) -> None:
    """Apply one event in place."""
    _EVOLVE[type(event)](state, event, position)


# -- orders come and go ---------------------------------------------------------------------------


def _place(state: ExchangeState, event: e.OrdersPlaced, position: Position) -> None:
    user_id = event.user_id
    state.names.add(event, position.height)
    for placed in event.orders:
        number = placed.number
        order = LiveOrder(
            number,
            user_id,
            placed.side,
            placed.price,
            placed.lots,
            placed.display,
            0,
            placed.market,
            placed.type,
            placed.lots,
            placed.stop,
            placed.budget_minor,
            placed.time_in_force,
            placed.expires_at_us,
            placed.post_only,
            placed.self_trade,
            placed.client_order_id,
            placed.maker_ppm,
            placed.taker_ppm,
            0,
            0,
            placed.reserved_minor,
            1,
        )
        state.orders[number] = order
        users = state.markets[placed.market].users
        own = users.get(user_id)
        if own is None:
            users[user_id] = {number: order}
        else:
            own[number] = order
        state.orders_next = number + 1


def _refuse(state: ExchangeState, event: e.OrderRefused, _position: Position) -> None:
    _end(state, state.markets[event.market], state.orders[event.order])


def _end(state: ExchangeState, market: Market, order: LiveOrder) -> None:
    """Forget an order that closed, wherever it stood."""
    number = order.number
    del state.orders[number]
    own = market.users[order.user_id]
    del own[number]
    if not own:
        del market.users[order.user_id]
    if order.parked:
        market.stops.remove(order)
    elif order.resting and order.lots_left:
        market.book.remove(order)
    if state.doomed:
        state.doomed.pop(number, None)
    if order.expires_at_us:
        state.trim()


def _rest(state: ExchangeState, event: e.OrderRested, _position: Position) -> None:
    market = state.markets[event.market]
    market.sequence = event.sequence
    order = state.orders[event.order]
    order.price = event.price
    order.resting = True
    order.reserved_minor -= event.released_minor
    order.moves = event.moves
    if order.stop:
        order.elected = True
    market.book.add(order)
    if order.expires_at_us:
        state.wait(order)


def _park(state: ExchangeState, event: e.OrderParked, _position: Position) -> None:
    order = state.orders[event.order]
    order.parked = True
    order.elected = False
    state.markets[event.market].stops.add(order)
    if order.expires_at_us:
        state.wait(order)


def _elect(state: ExchangeState, event: e.StopsElected, position: Position) -> None:
    market = state.markets[event.market]
    state.note_done(position.height, len(event.orders))
    for number in event.orders:
        order = state.orders[number]
        market.stops.remove(order)
        order.parked = False
        order.elected = True
    state.trim()


def _close(state: ExchangeState, event: e.OrdersClosed, _position: Position) -> None:
    market = state.markets[event.market]
    market.sequence = event.sequence
    for closed in event.orders:
        _end(state, market, state.orders[closed.order])


# -- trades ---------------------------------------------------------------------------------------


def _trade(state: ExchangeState, event: e.TradesExecuted, position: Position) -> None:
    market = state.markets[event.market]
    market.sequence = event.sequence
    state.note_done(position.height, len(event.fills))
    taker = state.orders[event.order]
    orders, book = state.orders, market.book
    buying, lot_minor = event.side is BUY, event.lot_minor
    value_total = fee_total = lots_total = notional = 0
    for fill in event.fills:
        maker = orders[fill.maker]
        lots, value = fill.lots, fill.value_minor
        book.fill(maker, lots)
        rate = maker.maker_ppm if maker.maker_ppm >= 0 else maker_rate(maker, taker)
        maker.filled_minor += value
        maker.fee_exact += rate * value
        maker.reserved_minor -= lots * lot_minor if buying else value + fill.maker_fee_minor
        if not fill.maker_left:
            _end(state, market, maker)
        value_total += value
        fee_total += fill.taker_fee_minor
        lots_total += lots
        notional += lots * fill.price
    last = event.fills[-1]
    state.trades_next = last.trade + 1
    market.note_trade(last.trade, last.price, position.at_us)
    if not event.left:
        _end(state, market, taker)
        return
    taker.filled_minor += value_total
    taker.fee_exact += taker.taker_ppm * value_total
    if taker.lots:
        taker.lots_left -= lots_total
    else:
        taker.filled_lots += lots_total
    if buying:
        taker.reserved_minor -= value_total + fee_total
        taker.carry = carried(
            market.terms, notional=notional, value_minor=value_total, carry=taker.carry
        )
    else:
        taker.reserved_minor -= lots_total * lot_minor


def _reduce(state: ExchangeState, event: e.OrderReduced, _position: Position) -> None:
    market = state.markets[event.market]
    market.sequence = event.sequence
    order = state.orders[event.order]
    if order.resting:
        market.book.reduce(order, order.lots_left - event.lots_left)
    order.lots_left = event.lots_left
    order.lots = event.lots
    order.reserved_minor -= event.released_minor
    order.moves = event.moves


# -- amendments -----------------------------------------------------------------------------------


def _place_amendment(state: ExchangeState, event: e.AmendmentPlaced, _position: Position) -> None:
    state.amendments[event.order] = Amendment(
        event.order, event.lots, event.price, event.extra_minor
    )
    state.orders[event.order].moves = event.moves


def _refuse_amendment(state: ExchangeState, event: e.AmendmentRefused, _position: Position) -> None:
    del state.amendments[event.order]


def _replace(state: ExchangeState, event: e.OrderReplaced, _position: Position) -> None:
    market = state.markets[event.market]
    market.sequence = event.sequence
    order = state.orders[event.order]
    if order.resting:
        market.book.remove(order)
    else:
        market.stops.remove(order)
    order.resting = order.parked = False
    order.lots = event.lots
    order.lots_left = event.lots_left
    order.price = event.price
    order.reserved_minor += state.amendments.pop(event.order).extra_minor
    order.carry = 0
    order.routed = ""
    if order.expires_at_us:
        state.trim()


# -- providers ------------------------------------------------------------------------------------


def _route(state: ExchangeState, event: e.OrderRouted, _position: Position) -> None:
    order = state.orders[event.order]
    order.route = event.route
    if order.stop:
        order.elected = True
    state.routes[event.route] = Route(
        event.route, event.order, event.provider, event.lots, event.limit, event.all_or_none
    )
    state.routes_next = event.route + 1


def _end_route(state: ExchangeState, event: e.RouteEnded, position: Position) -> None:
    market = state.markets[event.market]
    market.sequence = event.sequence
    order = state.orders[event.order]
    del state.routes[event.route]
    order.route = 0
    order.routed = f"provider: {event.reason or 'partially_filled'}"
    lots = sum(fill.lots for fill in event.fills)
    notional = sum(fill.lots * fill.price for fill in event.fills)
    _remember(state, EndedRoute(event.route, event.order, event.market, lots, notional))
    if event.fills:
        last = event.fills[-1]
        state.trades_next = last.trade + 1
        market.note_trade(last.trade, last.price, position.at_us)
    if not event.left:
        _end(state, market, order)
        return
    value = sum(fill.value_minor for fill in event.fills)
    order.filled_minor += value
    order.fee_exact += order.taker_ppm * value
    if order.lots:
        order.lots_left -= lots
    else:
        order.filled_lots += lots
    if order.side is Side.SELL:
        order.reserved_minor -= lots * event.lot_minor
        return
    order.reserved_minor -= value + sum(fill.fee_minor for fill in event.fills)
    order.carry = carried(market.terms, notional=notional, value_minor=value, carry=order.carry)


def _remember(state: ExchangeState, route: EndedRoute) -> None:
    ended = state.routes_ended
    ended[route.route] = route
    if len(ended) > ROUTES_REMEMBERED_MAX:
        del ended[next(iter(ended))]


def _break_route(state: ExchangeState, event: e.RouteBroken, _position: Position) -> None:
    route = state.routes.get(event.route) or state.routes_ended.get(event.route)
    if route is not None:
        route.broken = True


# -- markets, fees, stops -------------------------------------------------------------------------


def _list_asset(state: ExchangeState, event: e.AssetListed, _position: Position) -> None:
    state.assets[event.code] = event.scale


def _create(state: ExchangeState, event: e.MarketCreated, _position: Position) -> None:
    state.markets[event.market] = Market(event.market, event.terms, event.rules)


def _change(state: ExchangeState, event: e.MarketChanged, _position: Position) -> None:
    state.markets[event.market].set_rules(event.rules)


def _set_state(state: ExchangeState, event: e.MarketStateSet, _position: Position) -> None:
    market = state.markets[event.market]
    market.sequence = event.sequence
    market.state = event.state
    market.reason = event.reason
    if event.state is MarketState.CLOSED:
        _doom(state, market.orders(), "market_closed")


def _set_reference(state: ExchangeState, event: e.ReferenceSet, position: Position) -> None:
    state.markets[event.market].set_reference(event.price, position.at_us)


def _set_schedule(state: ExchangeState, event: e.FeeScheduleSet, _position: Position) -> None:
    state.schedules[event.name] = FeeSchedule(event.name, event.maker_ppm, event.taker_ppm)


def _assign_schedule(
    state: ExchangeState, event: e.FeeScheduleAssigned, _position: Position
) -> None:
    if event.schedule:
        state.own_schedules[event.user_id] = event.schedule
    else:
        state.own_schedules.pop(event.user_id, None)


def _set_kill_switch(state: ExchangeState, event: e.KillSwitchSet, _position: Position) -> None:
    user_id = event.user_id
    if not event.engaged:
        state.stopped.pop(user_id, None)
        return
    state.stopped[user_id] = event.reason
    theirs = (order for order in state.orders.values() if not user_id or order.user_id == user_id)
    _doom(state, theirs, "kill_switch")


def _doom(state: ExchangeState, orders: Iterable[LiveOrder], reason: str) -> None:
    """Have orders cancelled; those that a provider has meet it when he has answered."""
    for order in orders:
        if not order.route:
            state.doomed.setdefault(order.number, reason)


def _admit(state: ExchangeState, event: e.TraderAdmitted, _position: Position) -> None:
    state.admitted.setdefault(event.user_id, set()).add((event.base, event.quote))


# -- funds in suspense ----------------------------------------------------------------------------


def _suspend(state: ExchangeState, event: e.FundsSuspended, _position: Position) -> None:
    number = event.suspension
    state.suspensions[number] = Suspension(number, event.user_id, event.asset, event.amount_minor)
    state.suspensions_next = number + 1


def _release(state: ExchangeState, event: e.FundsReleased, _position: Position) -> None:
    suspension = state.suspensions.pop(event.suspension)
    suspension.attempts = event.attempt
    state.releasing = suspension


def _keep(state: ExchangeState, event: e.FundsKeptSuspended, _position: Position) -> None:
    suspension = state.releasing
    assert suspension is not None
    assert suspension.suspension == event.suspension
    state.suspensions[event.suspension] = suspension
    state.releasing = None


_EVOLVE: dict[type[Event], Callable[[ExchangeState, Any, Position], None]] = {
    e.AssetListed: _list_asset,
    e.MarketCreated: _create,
    e.MarketChanged: _change,
    e.MarketStateSet: _set_state,
    e.ReferenceSet: _set_reference,
    e.FeeScheduleSet: _set_schedule,
    e.FeeScheduleAssigned: _assign_schedule,
    e.KillSwitchSet: _set_kill_switch,
    e.TraderAdmitted: _admit,
    e.OrdersPlaced: _place,
    e.OrderRefused: _refuse,
    e.OrderRested: _rest,
    e.OrderParked: _park,
    e.StopsElected: _elect,
    e.TradesExecuted: _trade,
    e.OrderReduced: _reduce,
    e.OrdersClosed: _close,
    e.AmendmentPlaced: _place_amendment,
    e.AmendmentRefused: _refuse_amendment,
    e.OrderReplaced: _replace,
    e.OrderRouted: _route,
    e.RouteEnded: _end_route,
    e.RouteBroken: _break_route,
    e.FundsSuspended: _suspend,
    e.FundsReleased: _release,
    e.FundsKeptSuspended: _keep,
}
