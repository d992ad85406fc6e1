"""Which orders end before they are filled: one by one, all of a kind, or by the clock?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop
from itertools import islice

from nostro.exchange.checks import check_reason, check_user_id, known_market
from nostro.exchange.commands import CancelOrder, CancelOrders
from nostro.exchange.events import OrdersClosed
from nostro.exchange.live import LiveOrder
from nostro.exchange.state import ExchangeState
from nostro.exchange.telling import CANCELLED, closed_order, told
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision

CANCELS_MAX = 10_000
"""Orders that one command cancels."""
TICK_ORDERS_MAX = 2_000
"""Orders that one Tick cancels; what is left is still due, and the next one follows at once."""
EXPIRED = "expired"


def live_order(state: ExchangeState, number: int, user_id: str) -> LiveOrder:
    """Return an order that its user ("": an operator) may cancel or amend now; raises Rejection
    `exchange.order_unknown`, `exchange.order_not_open` or `exchange.order_routed`."""
    order = state.orders.get(number)
    if order is None:
        if 0 < number < state.orders_next:
            raise Rejection("exchange.order_not_open", order=number)
        raise Rejection("exchange.order_unknown", order=number)
    if user_id not in ("", order.user_id):
        raise Rejection("exchange.order_unknown", order=number)
    if order.route:
        provider = state.routes[order.route].provider
        raise Rejection("exchange.order_routed", order=number, route=order.route, provider=provider)
    if order.arriving or number in state.amendments:
        raise Rejection("exchange.order_not_open", order=number)
    return order


def cancel(state: ExchangeState, command: CancelOrder, _context: Context) -> Decision:
    """Take an open order back."""
    check_reason(command.reason)
    order = live_order(state, command.order, command.user_id)
    events = closing(state, [(order, command.reason)])
    return Decision(events, told(order, CANCELLED.value, command.reason))


def cancel_several(state: ExchangeState, command: CancelOrders, _context: Context) -> Decision:
    """Take back every open order that is meant."""
    check_reason(command.reason)
    if command.user_id:
        check_user_id(command.user_id)
    meant = list(islice(_meant(state, command), CANCELS_MAX + 1))
    orders = meant[:CANCELS_MAX]
    body = {
        "cancelled": [order.number for order in orders],
        "more": len(meant) > CANCELS_MAX,
    }
    return Decision(closing(state, [(order, command.reason) for order in orders]), body)


def _meant(state: ExchangeState, command: CancelOrders) -> Iterator[LiveOrder]:
    names = [known_market(state, command.market).name] if command.market else list(state.markets)
    side = command.side
    for name in names:
        market = state.markets[name]
        own = market.users.get(command.user_id, {}).values() if command.user_id else market.orders()
        for order in own:
            if (order.resting or order.parked) and side in (None, order.side):
                yield order


def closing(
    state: ExchangeState, orders: Iterable[tuple[LiveOrder, str]], *, after: str = ""
) -> list[Event]:
    """Return the events that cancel orders for their reasons, one for each market and reason.
    `after`: a market of which an event was told just before."""
    rows: dict[tuple[str, str], list[LiveOrder]] = {}
    for order, reason in orders:
        rows.setdefault((order.market, reason), []).append(order)
    events: list[Event] = []
    sequences = {after: state.markets[after].sequence + 1} if after else {}
    for (name, reason), row in rows.items():
        market = state.markets[name]
        sequence = sequences[name] = sequences.get(name, market.sequence) + 1
        closed = [closed_order(order, market.terms) for order in row]
        events.append(OrdersClosed(name, sequence, reason, closed))
    return events


# -- time -----------------------------------------------------------------------------------------


def due(state: ExchangeState) -> int | None:
    """Return when an order expires, or 0 while orders are still to be cancelled."""
    if state.doomed:
        return 0
    return state.timers[0][0] if state.timers else None


def tick(state: ExchangeState, context: Context) -> Decision:
    """Cancel some of the orders that are to be, and of those whose time came."""
    orders = state.orders
    ending = [
        (orders[number], reason) for number, reason in islice(state.doomed.items(), TICK_ORDERS_MAX)
    ]
    ending += [
        (orders[number], EXPIRED)
        for number in _expired(state, context.at_us, TICK_ORDERS_MAX - len(ending))
        if number not in state.doomed
    ]
    return Decision(closing(state, ending))


def _expired(state: ExchangeState, at_us: int, most: int) -> list[int]:
    """Return the first orders whose time came, by time and number."""
    if most <= 0:
        return []
    timers = list(state.timers)  # a heap still
    found: dict[int, None] = {}
    while timers and timers[0][0] <= at_us and len(found) < most:
        time_us, number = heappop(timers)
        if state.expires(time_us, number):
            found[number] = None
    return list(found)
