"""What did a provider do of an order that was routed to him, and can it be?"""

from __future__ import annotations

from typing import Any

from nostro.exchange.checks import is_provider_name, printable
from nostro.exchange.commands import EndRoute
from nostro.exchange.events import (
    RouteBroken,
    RouteEnded,
    StopsElected,
)
from nostro.exchange.funds import RESERVED_MAX_MINOR, cost
from nostro.exchange.live import LiveOrder, copied
from nostro.exchange.state import ExchangeState, Market, Route
from nostro.exchange.telling import FILLED, standing, told
from nostro.exchange.terms import TICKS_MAX, MarketState, Side
from nostro.exchange.trades import execute_route
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision

FILLS_MAX = 1_000
"""Fills of one answer."""


def end(state: ExchangeState, command: EndRoute, _context: Context) -> Decision:
    """Book what a provider filled; what is left enters again or is closed, as the flow orders."""
    route = state.routes.get(command.route)
    if route is None:
        return _again(state, command)
    if route.order != command.order:
        raise Rejection("exchange.route_unknown", route=command.route, order=command.order)
    order = state.orders[route.order]
    market = state.markets[order.market]
    wrong = _wrong(market, order, route, command)
    if wrong:
        events = [] if route.broken else [_broken(order.market, command)]
        return Decision(events, refusal=_bad_fill(command, wrong))
    trades_next = state.trades_next
    filled = copied(order)
    fills = execute_route(filled, command.fills, market.terms, trades_next)
    left = route.lots - sum(fill.lots for fill in fills)
    terms = market.terms
    released = 0 if left else filled.reserved_minor
    ended = RouteEnded(
        market.name,
        market.sequence + 1,
        order.number,
        order.user_id,
        order.side,
        route.route,
        command.provider or route.provider,
        terms.base,
        terms.quote,
        terms.lot_minor,
        fills,
        printable(command.reason),
        printable(command.reference),
        left,
        released,
        order.moves + 1 if released else order.moves,
    )
    body = told(filled, standing(filled) if left else FILLED)
    body["route"] = route.route
    body["fills"] = [
        [fill.trade, fill.price, fill.lots, fill.value_minor, fill.fee_minor] for fill in fills
    ]
    return Decision([ended, *_elected(market, fills)], body)


def _elected(market: Market, fills: list[Any]) -> list[Event]:
    """Return the stops that trades with a provider elect."""
    if not fills or market.state is not MarketState.OPEN or not len(market.stops):
        return []
    prices = [fill.price for fill in fills]
    elected = market.stops.reached(min(prices), max(prices))
    return [StopsElected(market.name, elected)] if elected else []


def _wrong(
    market: Market, order: LiveOrder, route: Route, command: EndRoute
) -> dict[str, Any] | None:
    """Return what cannot be about an answer, if anything."""
    fills = command.fills
    if command.provider and not is_provider_name(command.provider):
        return {"what": "a provider of no such name", "provider": printable(command.provider)}
    if len(fills) > FILLS_MAX:
        return {"what": "too many fills", "fills": len(fills), "fills_max": FILLS_MAX}
    buying = order.side is Side.BUY
    for fill in fills:
        if fill.lots < 1:
            return {"what": "a fill of nothing", "lots": fill.lots}
        fits = 1 <= fill.price <= (route.limit if buying else TICKS_MAX)
        if not fits or not (buying or fill.price >= route.limit):
            return {"what": "worse than the limit", "price": fill.price, "limit": route.limit}
    lots = sum(fill.lots for fill in fills)
    if lots > route.lots:
        return {"what": "more than was routed", "lots": lots, "lots_max": route.lots}
    if route.all_or_none and 0 < lots < route.lots:
        return {"what": "a part, of all or nothing", "lots": lots, "lots_max": route.lots}
    value = cost(market.terms, sum(fill.lots * fill.price for fill in fills))
    if value > RESERVED_MAX_MINOR:
        return {"what": "more than can be booked", "value_minor": value}
    return None


def _again(state: ExchangeState, command: EndRoute) -> Decision:
    """Answer a repeat. Other fills than those that were booked are a break."""
    if not 0 < command.route < state.routes_next:
        raise Rejection("exchange.route_unknown", route=command.route, order=command.order)
    booked = state.routes_ended.get(command.route)
    lots = sum(fill.lots for fill in command.fills)
    notional = sum(fill.lots * fill.price for fill in command.fills)
    if booked is None or (booked.lots, booked.notional) == (lots, notional):
        return Decision(body={"order": command.order, "route": command.route, "exists": True})
    wrong = {"what": "other fills than were booked", "lots": lots, "lots_max": booked.lots}
    events = [] if booked.broken else [_broken(booked.market, command)]
    return Decision(events, refusal=_bad_fill(command, wrong))


def _broken(market: str, command: EndRoute) -> RouteBroken:
    fills = command.fills[:FILLS_MAX]
    reference = printable(command.reference)
    return RouteBroken(market, command.order, command.route, fills, reference)


def _bad_fill(command: EndRoute, wrong: dict[str, Any]) -> Rejection:
    return Rejection("exchange.bad_fill", route=command.route, order=command.order, **wrong)
