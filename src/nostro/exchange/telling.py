"""What is a caller told of an order, and how is one told to have ended?"""

from __future__ import annotations

from typing import Any

from nostro.exchange.events import ClosedOrder, OrderState
from nostro.exchange.funds import charged
from nostro.exchange.live import LiveOrder
from nostro.exchange.terms import MarketTerms, Side

# Looking a member up in its enum costs more than comparing it: hot code does so once.
BUY = Side.BUY
CANCELLED, REJECTED = OrderState.CANCELLED, OrderState.REJECTED
OPEN, PARTLY_FILLED, FILLED, UNTRIGGERED = (
    state.value
    for state in (
        OrderState.OPEN,
        OrderState.PARTIALLY_FILLED,
        OrderState.FILLED,
        OrderState.UNTRIGGERED,
    )
)


def asset_of(terms: MarketTerms, order: LiveOrder) -> str:
    """Return the asset that an order holds: what it gives."""
    return terms.quote if order.side is BUY else terms.base


def closed_order(
    order: LiveOrder, terms: MarketTerms, outcome: OrderState = CANCELLED
) -> ClosedOrder:
    """Return how an order is told to have ended; all that is held for it is released."""
    released = order.reserved_minor
    return ClosedOrder(
        order.number,
        order.user_id,
        outcome,
        order.lots_left,
        asset_of(terms, order),
        released,
        order.moves + 1 if released else order.moves,
    )


def standing(order: LiveOrder) -> str:
    """Return the state of an order that lives."""
    if order.parked:
        return UNTRIGGERED
    return PARTLY_FILLED if order.lots_left != order.lots or order.filled_minor else OPEN


def told(order: LiveOrder, outcome: str, reason: str = "") -> dict[str, Any]:
    """Return what a caller is told of an order: over its life, without its fills."""
    body: dict[str, Any] = {
        "order": order.number,
        "market": order.market,
        "state": outcome,
        "lots": order.lots,
        "left": order.lots_left,
        "filled": order.lots - order.lots_left if order.lots else order.filled_lots,
        "price": order.price,
        "value_minor": order.filled_minor,
        "fee_minor": charged(order.fee_exact),
        "fills": [],
    }
    if reason:
        body["reason"] = reason
    return body
