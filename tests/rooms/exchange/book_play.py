"""Orders for tests of the book, and what the room does with them: match, then apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nostro.exchange.book import Book
from nostro.exchange.commands import OrderType, SelfTrade
from nostro.exchange.live import LiveOrder
from nostro.exchange.matching import Matched
from nostro.exchange.terms import Side

BUY, SELL = Side.BUY, Side.SELL


@dataclass(frozen=True)
class Entry:
    """An order as it enters, and what limits it."""

    user: str
    side: Side
    price: int
    lots: int
    display: int = 0
    type: OrderType = OrderType.LIMIT
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    rests: bool = True
    whole: bool = False
    band: int = 0
    budget: int = 0
    value_num: int = 1
    value_den: int = 1

    @property
    def limits(self) -> dict[str, int]:
        return {
            "band": self.band,
            "budget": self.budget,
            "value_num": self.value_num,
            "value_den": self.value_den,
        }


@dataclass(frozen=True)
class Cancel:
    """Take an order off, if it rests."""

    number: int


@dataclass(frozen=True)
class Reduce:
    """Take lots off a resting order, but for one."""

    number: int
    lots: int


@dataclass(frozen=True)
class Replace:
    """Enter a resting order again with another price and quantity."""

    number: int
    price: int
    lots: int


Message = Entry | Cancel | Reduce | Replace


class Desk:
    """A book, and every order that rests on it by its number."""

    def __init__(self) -> None:
        self.book = Book()
        self.orders: dict[int, LiveOrder] = {}
        self.next = 1

    def rest(self, user: str, side: Side, price: int, lots: int, **other: Any) -> int:
        """Enter an order; return its number."""
        self.enter(Entry(user, side, price, lots, **other))
        return self.next - 1

    def enter(self, entry: Entry) -> Matched:
        """Enter an order: it trades, and rests if it is to."""
        taker = self.taker(entry)
        self.next += 1
        return self.run(taker, entry)

    def taker(self, entry: Entry) -> LiveOrder:
        return LiveOrder(
            self.next,
            entry.user,
            entry.side,
            entry.price,
            entry.lots,
            display=entry.display,
            type=entry.type,
            self_trade=entry.self_trade,
        )

    def run(self, taker: LiveOrder, entry: Entry) -> Matched:
        matched = self.book.match(taker, **entry.limits)
        if entry.whole and not matched.whole:
            return matched
        self.apply(matched)
        taker.lots_left = matched.left
        if matched.left and entry.rests and matched.stopped.value in ("empty", "price"):
            self.orders[taker.number] = taker
            self.book.add(taker)
        return matched

    def apply(self, matched: Matched) -> None:
        for maker, lots in matched.fills:
            self.book.fill(maker, lots)
            if not maker.lots_left:
                del self.orders[maker.number]
        for maker in matched.cancelled:
            self.cancel(maker.number)
        for maker, lots in matched.reduced:
            self.book.reduce(maker, lots)

    def cancel(self, number: int) -> None:
        self.book.remove(self.orders.pop(number))

    def replace(self, message: Replace, entry: Entry) -> Matched:
        """Take an order off and enter it again."""
        order = self.orders[message.number]
        self.cancel(message.number)
        order.price, order.lots_left = message.price, message.lots
        return self.run(order, entry)

    def restored(self) -> Desk:
        """Return a desk whose book was built from a dump of this one."""
        again = Desk()
        again.next = self.next
        for side in (SELL, BUY):
            for order in self.book.orders(side):
                copy = type(order)(**{f: getattr(order, f) for f in order.__struct_fields__})
                again.book.add(copy)
                again.orders[copy.number] = copy
        return again


def told(matched: Matched) -> tuple[object, ...]:
    """Return what a match says, orders by number."""
    return (
        [(maker.number, maker.price, lots) for maker, lots in matched.fills],
        [maker.number for maker in matched.cancelled],
        [(maker.number, lots) for maker, lots in matched.reduced],
        matched.left,
        matched.decremented,
        matched.stopped.value,
    )
