"""How does the state travel into a snapshot and back, and what is its fingerprint?

Orders of a book stand in their priority order, all others by number. Whatever follows from these
(who has which orders, who waits for a price, when the next one expires) is not written.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from nostro.exchange.live import LiveOrder
from nostro.exchange.names import NAMES_HOT_MAX
from nostro.exchange.state import (
    Amendment,
    EndedRoute,
    ExchangeState,
    Market,
    Route,
    Suspension,
)
from nostro.exchange.terms import FeeSchedule, MarketRules, MarketState, MarketTerms, Side
from nostro.kernel.codec import encode

FORMAT = "nostro-exchange/1"


class _MarketDump(msgspec.Struct, array_like=True):
    """A market, with the numbers of its bids and asks in priority order."""

    name: str
    terms: MarketTerms
    rules: MarketRules
    state: MarketState
    reason: str
    sequence: int
    reference: int
    reference_at_us: int
    last_price: int
    last_trade: int
    bids: list[int]
    asks: list[int]


class _Dump(msgspec.Struct):
    """The end of a dump; the index of names stands before it, always at the same place."""

    format: str
    names_count: int
    names_total: int
    counters: tuple[int, int, int, int]
    assets: dict[str, int]
    markets: list[_MarketDump]
    schedules: list[FeeSchedule]
    own_schedules: dict[str, str]
    stopped: dict[str, str]
    admitted: dict[str, list[tuple[str, str]]]
    orders: list[LiveOrder]
    amendments: list[Amendment]
    routes: list[Route]
    routes_ended: list[EndedRoute]
    suspensions: list[Suspension]
    releasing: Suspension | None
    doomed: list[tuple[int, str]]


_decoder = msgspec.json.Decoder(_Dump)


def dump(state: ExchangeState) -> bytes:
    """Return the state as the bytes of the index of names, and JSON."""
    return state.names.seen.dump() + encode(_told(state))


def digest(state: ExchangeState) -> bytes:
    """Return SHA-256 over the state; whether a name is still in memory makes no difference."""
    return hashlib.sha256(encode(_told(state))).digest()


def load(data: bytes, *, names_hot_max: int = NAMES_HOT_MAX) -> ExchangeState:
    """Return the state that `dump` wrote; names are no longer in memory. Raises ValueError when
    `dump` did not write it."""
    state = ExchangeState(names_hot_max=names_hot_max)
    told = _decoder.decode(state.names.seen.load(data))
    if told.format != FORMAT:
        raise ValueError(f"an exchange in the format {told.format!r}, not {FORMAT!r}")
    state.names.count, state.names.total = told.names_count, told.names_total
    state.orders_next, state.trades_next, state.routes_next, state.suspensions_next = told.counters
    state.assets = told.assets
    state.schedules = {each.name: each for each in told.schedules}
    state.own_schedules = told.own_schedules
    state.stopped = told.stopped
    state.admitted = {user: set(pairs) for user, pairs in told.admitted.items()}
    state.orders = {each.number: each for each in told.orders}
    state.amendments = {each.order: each for each in told.amendments}
    state.routes = {each.route: each for each in told.routes}
    state.routes_ended = {each.route: each for each in told.routes_ended}
    state.suspensions = {each.suspension: each for each in told.suspensions}
    state.releasing = told.releasing
    state.doomed = dict(told.doomed)
    for each in told.markets:
        state.markets[each.name] = _market(state, each)
    _place(state)
    return state


def _told(state: ExchangeState) -> _Dump:
    return _Dump(
        FORMAT,
        state.names.count,
        state.names.total,
        (state.orders_next, state.trades_next, state.routes_next, state.suspensions_next),
        _sorted(state.assets),
        [_market_told(market) for market in state.markets.values()],
        [state.schedules[name] for name in sorted(state.schedules)],
        _sorted(state.own_schedules),
        _sorted(state.stopped),
        {user: sorted(pairs) for user, pairs in sorted(state.admitted.items())},
        list(state.orders.values()),
        [state.amendments[number] for number in sorted(state.amendments)],
        [state.routes[number] for number in sorted(state.routes)],
        list(state.routes_ended.values()),
        [state.suspensions[number] for number in sorted(state.suspensions)],
        state.releasing,
        list(state.doomed.items()),
    )


def _sorted(row: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(row.items()))


def _market_told(market: Market) -> _MarketDump:
    return _MarketDump(
        market.name,
        market.terms,
        market.rules,
        market.state,
        market.reason,
        market.sequence,
        market.reference,
        market.reference_at_us,
        market.last_price,
        market.last_trade,
        [order.number for order in market.book.orders(Side.BUY)],
        [order.number for order in market.book.orders(Side.SELL)],
    )


def _market(state: ExchangeState, told: _MarketDump) -> Market:
    market = Market(told.name, told.terms, told.rules)
    market.state = told.state
    market.reason = told.reason
    market.sequence = told.sequence
    market.set_reference(told.reference, told.reference_at_us)
    market.last_price = told.last_price
    market.last_trade = told.last_trade
    for number in (*told.bids, *told.asks):
        market.book.add(state.orders[number])
    return market


def _place(state: ExchangeState) -> None:
    """Put every order where it stands besides the book."""
    for order in state.orders.values():
        market = state.markets[order.market]
        market.users.setdefault(order.user_id, {})[order.number] = order
        if order.parked:
            market.stops.add(order)
        if order.expires_at_us and (order.resting or order.parked):
            state.wait(order)
