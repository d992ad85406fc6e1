"""What stands around an order that enters, and how does any order end?

What an entry (`exchange_entry`) may know of everything else, and the few things that happen to
orders that do not enter themselves.
"""

from __future__ import annotations

from typing import Protocol

from nostro.exchange import ClosedOrder, OrderState, Side, StopsElected
from nostro.simulation.books import Violation
from nostro.simulation.exchange_money import Money
from nostro.simulation.exchange_orders import (
    CANCELLED,
    ELECTED,
    PARKED,
    REJECTED,
    Held,
    Market,
    asset_of,
)

_STATES = {
    CANCELLED: OrderState.CANCELLED,
    REJECTED: OrderState.REJECTED,
}


class Floor(Protocol):
    """What an entry needs to know of everything else."""

    orders: dict[int, Held]
    money: Money
    trades: int
    routes: int
    ranks: int
    routed: dict[int, int]
    at_us: int
    fills_max: int

    def is_stopped(self, user_id: str) -> bool:
        """Tell whether a user may not trade."""
        ...

    def resting(self, market: str, side: Side) -> list[Held]:
        """Return what rests on a side of a market."""
        ...


def release(floor: Floor, order: Held, market: Market, amount: int) -> int:
    """Let an order hold less, and return how much less."""
    if amount < 0:
        raise Violation(f"{order.number} holds {-amount} too little: {order}")
    if amount:
        asset = asset_of(order, market)
        order.reserved -= amount
        order.moves += 1
        floor.money.pay(
            f"orders:{order.user_id}:{asset}", f"wallet:{order.user_id}:{asset}", amount
        )
    return amount


def close_order(
    floor: Floor, order: Held, market: Market, reason: str, state: str = CANCELLED
) -> ClosedOrder:
    """End an order, and return how that is told."""
    released = release(floor, order, market, order.reserved)
    order.state, order.reason, order.ended_at = state, reason, floor.at_us
    return ClosedOrder(
        order.number,
        order.user_id,
        _STATES[state],
        order.left,
        asset_of(order, market),
        released,
        order.moves,
    )


def reached(order: Held, price: int) -> bool:
    """Tell whether a trade at a price (0: none yet) elects an order."""
    if not price:
        return False
    return price >= order.placed.stop if order.buys else price <= order.placed.stop


def elected(floor: Floor, market: Market, prices: list[int]) -> list[StopsElected]:
    """Elect the parked orders of a market that any of the prices reaches, as they arrived."""
    found = sorted(
        order.number
        for order in floor.orders.values()
        if order.placed.market == market.name
        and order.state == PARKED
        and any(reached(order, price) for price in prices)
    )
    for number in found:
        floor.orders[number].state = ELECTED
        floor.orders[number].elected = True
    return [StopsElected(market.name, found)] if found else []
