"""Which streams of messages is the order book measured with?

Five shapes, each drawn from a seed. A message is a tuple (kind, number, user, side, price, lots).
They are written while they are played on a book, so that most of them name an order that rests;
one cancel in fifty comes too late. They are kept encoded in batches, as they come off a wire: what
is decoded shares no number and no name with what the book already has.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

import msgspec

from nostro.exchange import Book, LiveOrder, Side

NEW, TAKE, CANCEL, REDUCE, REPLACE = range(5)
"""Enter and let the rest stand; enter and let the rest go; take off; take lots off; enter again."""
BATCH = 1_000
BUY, SELL = Side.BUY, Side.SELL
MIDDLE = 100_000
USERS = [f"user-{number:03}" for number in range(200)]
SWEEPER = "sweeper"
"""A user whose orders never rest, so that its own ones do not end its sweeps."""

Message = tuple[int, int, str, Side, int, int]
Orders = dict[int, LiveOrder]
Step = Callable[[Book, Orders, tuple[Message, ...]], object]


class Shape(NamedTuple):
    """A stream: what rests before the clock starts, and what is timed."""

    name: str
    before: list[bytes]
    timed: list[bytes]


decode = msgspec.msgpack.Decoder(list[Message]).decode
"""Returns the messages of a batch."""


class Scribe:
    """Writes messages and plays each at once."""

    def __init__(self, seed: int, step: Step) -> None:
        self.draw = Random(seed)
        self.book = Book()
        self.orders: Orders = {}
        self.messages: list[Message] = []
        self._step = step
        self._numbers: list[int] = []
        self._next = 1

    def enter(self, kind: int, side: Side, price: int, lots: int, *, user: str = "") -> None:
        """Enter an order of a user, or of anybody."""
        number, self._next = self._next, self._next + 1
        self._say((kind, number, user or self.draw.choice(USERS), side, price, lots))
        if number in self.orders:
            self._numbers.append(number)

    def change(self, kind: int, *, among: int = 0) -> None:
        """Cancel, reduce or replace (by a few ticks) any order, or any `among` the youngest."""
        late = kind == CANCEL and self.draw.random() < 0.02
        order = self._any(among)
        if order is None:
            return
        number = self.draw.randrange(1, self._next) if late else order.number
        lots = max(1, order.lots_left // 2)
        price = order.price + self.draw.randint(-3, 3) if kind == REPLACE else order.price
        self._say((kind, number, order.user_id, order.side, price, lots))

    def take_batches(self) -> list[bytes]:
        """Return what was written since the last time."""
        written, self.messages = self.messages, []
        batches = range(0, len(written), BATCH)
        return [msgspec.msgpack.encode(written[at : at + BATCH]) for at in batches]

    def beside(self, side: Side, middle: int, mean: float) -> int:
        """Return a price on a side of the middle, some ticks away from it."""
        away = 1 + int(self.draw.expovariate(1 / mean))
        return middle - away if side is BUY else middle + away

    def side(self) -> Side:
        """Return either side."""
        return BUY if self.draw.random() < 0.5 else SELL

    def lots(self) -> int:
        """Return a quantity of one order."""
        return self.draw.randint(1, 100)

    def _say(self, message: Message) -> None:
        self.messages.append(message)
        self._step(self.book, self.orders, (message,))

    def _any(self, among: int) -> LiveOrder | None:
        numbers = self._numbers
        while size := len(numbers):
            place = self.draw.randrange(max(0, size - among) if among else 0, size)
            order = self.orders.get(numbers[place])
            if order is not None:
                return order
            numbers[place] = numbers[-1]
            numbers.pop()
        return None


def shapes(step: Step, *, messages: int) -> list[Shape]:
    """Return the five shapes, of about so many messages each."""
    return [
        _steady(Scribe(1, step), messages),
        _deep(Scribe(2, step), messages),
        _swing("slow swing", Scribe(3, step), messages, ticks=0.02, every=50),
        _swing("fast swing", Scribe(4, step), messages, ticks=0.5, every=150),
        _crash(Scribe(5, step), messages),
    ]


def _steady(scribe: Scribe, size: int) -> Shape:
    """Keep some 1,000 orders around the touch: adds and cancels, one in twelve crosses."""
    for _ in range(1_000):
        _rest(scribe, MIDDLE, 12)
    before = scribe.take_batches()
    while len(scribe.messages) < size:
        chance = scribe.draw.random()
        if chance < 0.08:
            _cross(scribe, MIDDLE)
        elif chance < 0.14:
            scribe.change(REDUCE)
        elif chance < 0.18:
            scribe.change(REPLACE)
        elif chance < (0.52 if len(scribe.orders) > 1_000 else 0.70):
            _rest(scribe, MIDDLE, 12)
        else:
            scribe.change(CANCEL)
    return Shape("steady", before, scribe.take_batches())


def _deep(scribe: Scribe, size: int) -> Shape:
    """Keep some 120,000 orders on 4,000 levels. Half of the messages are about the touch: adds,
    cancels of what is young, one in six crosses; the other half cancels and adds in the depth."""
    for number in range(120_000):
        away = 1 + number % 2_000
        side = scribe.side()
        price = MIDDLE - away if side is BUY else MIDDLE + away
        scribe.enter(NEW, side, price, scribe.lots())
    before = scribe.take_batches()
    while len(scribe.messages) < size:
        chance = scribe.draw.random()
        if chance < 0.08:
            _cross(scribe, MIDDLE)
        elif chance < 0.32:
            _rest(scribe, MIDDLE, 3)
        elif chance < 0.50:
            scribe.change(CANCEL, among=1_000)
        elif chance < (0.70 if len(scribe.orders) > 120_000 else 0.80):
            _rest(scribe, MIDDLE, 700)
        else:
            scribe.change(CANCEL)
    return Shape("deep", before, scribe.take_batches())


def _swing(name: str, scribe: Scribe, size: int, *, ticks: float, every: int) -> Shape:
    """Move the price up and down by 500 ticks: one order in `every` sweeps up to where it is now,
    and some 2,000 stand around it, of which the farther ones are cancelled or met later."""
    for _ in range(2_000):
        _rest(scribe, MIDDLE, 40)
    before = scribe.take_batches()
    while (done := len(scribe.messages)) < size:
        way = int(done * ticks) % 2_000
        middle = MIDDLE + (way if way < 1_000 else 2_000 - way) - 500
        rising = way < 1_000
        if done % every == 0:
            scribe.enter(TAKE, BUY if rising else SELL, middle, 10**9, user=SWEEPER)
        elif scribe.draw.random() < (0.50 if len(scribe.orders) > 2_000 else 0.90):
            _rest(scribe, middle, 40)
        else:
            scribe.change(CANCEL)
    return Shape(name, before, scribe.take_batches())


def _crash(scribe: Scribe, size: int) -> Shape:
    """Keep some 5,000 orders on over 1,000 levels; one order sells through 500 levels, and 2,000
    messages later, when these are filled again, one buys through 500."""
    for _ in range(5_000):
        _rest(scribe, MIDDLE, 200)
    before = scribe.take_batches()
    while (done := len(scribe.messages)) < size:
        if done % 4_000 == 0:
            scribe.enter(TAKE, SELL, MIDDLE - 500, 10**9, user=SWEEPER)
        elif done % 4_000 == 2_000:
            scribe.enter(TAKE, BUY, MIDDLE + 500, 10**9, user=SWEEPER)
        elif scribe.draw.random() < (0.5 if len(scribe.orders) > 5_000 else 0.95):
            _rest(scribe, MIDDLE, 200)
        else:
            scribe.change(CANCEL)
    return Shape("flash crash", before, scribe.take_batches())


def _rest(scribe: Scribe, middle: int, mean: float) -> None:
    side = scribe.side()
    scribe.enter(NEW, side, scribe.beside(side, middle, mean), scribe.lots())


def _cross(scribe: Scribe, middle: int) -> None:
    """Trade with some two or three orders at the touch; half of the time the rest stands."""
    side, kind = scribe.side(), NEW if scribe.draw.random() < 0.5 else TAKE
    best = scribe.book.best_ask if side is BUY else scribe.book.best_bid
    over = 2 if side is BUY else -2
    user = f"taker-{scribe.draw.randrange(10**9)}"
    scribe.enter(kind, side, (best or middle) + over, scribe.lots() + 50, user=user)
