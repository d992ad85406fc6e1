"""Which orders has a user named, so that no name ever stands for two?

A name is a user's client_order_id; it is used up by the order that was placed under it, whatever
became of that, and whether it came alone or among others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

from nostro.exchange.commands import PlaceOrder, PlaceOrders
from nostro.exchange.events import OrdersPlaced
from nostro.kernel.messages import Command, Event
from nostro.kernel.seen import SeenIndex

NAMES_HOT_MAX = 100_000
"""Names that are kept in memory with their order; older ones are read from the journal when they
come back."""
_MASK = (1 << 64) - 1


def name_of(user_id: str, client_order_id: str) -> str:
    """Return under what an order is remembered; unambiguous, as no user id has a colon."""
    return f"{user_id}:{client_order_id}"


class Names:
    """The names that were used. `count` and `total` say which, and by which orders."""

    __slots__ = ("count", "seen", "total")

    def __init__(self, *, hot_max: int = NAMES_HOT_MAX) -> None:
        self.seen: SeenIndex[int] = SeenIndex(hot_max=hot_max)
        self.count = 0
        self.total = 0

    def order(self, name: str, recalled: Mapping[str, int]) -> int | None:
        """Return the order that was placed under a name, None for one that is free."""
        order = self.seen.hot(name)
        return recalled.get(name) if order is None else order

    def add(self, placed: OrdersPlaced, height: int) -> None:
        """Remember the names of orders."""
        for name, order in _named(placed):
            self.seen.add(name, order, height)
            self.count += 1
            self.total = (self.total + crc32(name.encode()) * order) & _MASK

    def candidates(self, command: Command) -> Sequence[tuple[str, int]]:
        """Return (name, height) of names in a command that may have been used and left memory."""
        match command:
            case PlaceOrder(user_id=user_id, order=order):
                orders = [order]
            case PlaceOrders(user_id=user_id, orders=orders):
                pass
            case _:
                return ()
        names = [
            name_of(user_id, order.client_order_id) for order in orders if order.client_order_id
        ]
        return self.seen.candidates(names) if names else ()


def recall(wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, int]:
    """Return the orders that one row placed under the wanted names."""
    names = set(wanted)
    return {
        name: order
        for event in events
        if isinstance(event, OrdersPlaced)
        for name, order in _named(event)
        if name in names
    }


def _named(placed: OrdersPlaced) -> Iterable[tuple[str, int]]:
    return (
        (name_of(placed.user_id, order.client_order_id), order.number)
        for order in placed.orders
        if order.client_order_id
    )
