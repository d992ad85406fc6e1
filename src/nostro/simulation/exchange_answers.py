"""What must the sender of a command have been told, and which orders did the command mean?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nostro import exchange
from nostro.exchange import (
    AmendmentPlaced,
    AmendmentRefused,
    AmendOrder,
    CancelOrder,
    CancelOrders,
    FundsKeptSuspended,
    FundsReleased,
    MarketState,
    OrderRefused,
    OrdersPlaced,
    OrderState,
    RouteBroken,
    TraderAdmitted,
)
from nostro.kernel.messages import Command, Event
from nostro.runtime.ports import Entry as Row
from nostro.simulation.books import Violation
from nostro.simulation.exchange_orders import ENDED, PARKED, ROUTED, Held
from nostro.simulation.exchange_registry import Registry

EVENTS = frozenset(exchange.EVENTS)
MARKS = frozenset(
    {
        TraderAdmitted,
        OrdersPlaced,
        OrderRefused,
        AmendmentPlaced,
        AmendmentRefused,
        FundsReleased,
        FundsKeptSuspended,
        RouteBroken,
    }
)
"""What a refused command may leave; what it leads to is checked as always."""


def check_mark(event: Event) -> None:
    """Check that a refused command may leave an event; raises Violation."""
    if type(event) in EVENTS and type(event) not in MARKS:
        raise Violation(f"a refusal leaves {event!r:.200}")


def body_of(order: Held, fills: list[list[int]]) -> dict[str, Any]:
    """Return what a sender is told of an order, with the fills of this entry."""
    body: dict[str, Any] = {
        "order": order.number,
        "market": order.placed.market,
        "state": _state_told(order),
        "lots": order.lots,
        "left": order.left,
        "filled": order.filled,
        "price": order.price,
        "value_minor": order.value,
        "fee_minor": order.fee_charged,
        "fills": fills,
    }
    if order.reason:
        body["reason"] = order.reason
    if order.state == ROUTED:
        body["route"] = order.route
    return body


def _state_told(order: Held) -> str:
    if order.state == PARKED:
        return OrderState.UNTRIGGERED.value
    if order.state in ENDED:
        return order.state
    has_changed = order.value or order.left != order.lots
    return (OrderState.PARTIALLY_FILLED if has_changed else OrderState.OPEN).value


def means(command: Command, order: Held) -> bool:
    """Tell whether a cancel is about an order."""
    match command:
        case CancelOrder():
            return command.order == order.number and command.user_id in ("", order.user_id)
        case CancelOrders():
            return (
                command.user_id in ("", order.user_id)
                and command.market in ("", order.placed.market)
                and command.side in (None, order.placed.side)
            )
        case _:
            return False


def check_refusal(
    row: Row, command: Command | None, orders: Mapping[int, Held], registry: Registry
) -> None:
    """Nobody is told no for what is not so; raises Violation."""
    code, facts, _ = json.loads(row.reply)
    match code.partition(".")[2]:
        case "order_unknown" | "order_not_open" | "order_routed":
            fits = not isinstance(command, CancelOrder | AmendOrder) or code == _why(
                command, orders.get(command.order)
            )
        case "market_not_open":
            fits = registry.markets[facts["market"]].state is not MarketState.OPEN
        case "trading_stopped":
            fits = facts["user_id"] in registry.stopped
        case _:
            fits = not isinstance(command, CancelOrder)
    if not fits:
        raise Violation(f"{command} is refused as {code} ({facts})")


def _why(command: CancelOrder | AmendOrder, order: Held | None) -> str:
    """Return why an order cannot be cancelled or amended, "" when it can."""
    if order is None or command.user_id not in ("", order.user_id):
        # Whose order it was is forgotten with it.
        return "exchange.order_not_open" if order and order.state in ENDED else _UNKNOWN
    if order.state == ROUTED:
        return "exchange.order_routed"
    return "exchange.order_not_open" if order.state in ENDED else ""


_UNKNOWN = "exchange.order_unknown"
