"""A book that is slow and obvious: one list of orders, sorted anew for each single trade."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from fractions import Fraction

from nostro.exchange.commands import OrderType, SelfTrade
from nostro.exchange.live import LiveOrder
from nostro.exchange.terms import Side


@dataclass
class Resting:
    """An order on the book. `turn`: when it, or its present slice, came to stand at its price."""

    number: int
    user: str
    side: Side
    price: int
    left: int
    display: int
    shown: int
    turn: int

    def open_lots(self) -> int:
        return self.shown if self.display else self.left


@dataclass
class Outcome:
    """What an order would do; orders by their numbers."""

    fills: list[tuple[int, int, int]] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    reduced: list[tuple[int, int]] = field(default_factory=list)
    left: int = 0
    decremented: int = 0
    stopped: str = ""


class ReferenceBook:
    """The resting orders of both sides."""

    def __init__(self) -> None:
        self.resting: list[Resting] = []
        self.turns = 0

    # -- looking

    def queue(self, side: Side) -> list[Resting]:
        """Best price first, at one price the longest there first."""
        better = -1 if side == Side.BUY else 1
        mine = [order for order in self.resting if order.side == side]
        return sorted(mine, key=lambda order: (better * order.price, order.turn))

    def best(self, side: Side) -> int:
        queue = self.queue(side)
        return queue[0].price if queue else 0

    def picture(self) -> list[list[tuple[int, ...]]]:
        return [
            [(o.number, o.price, o.left, o.display, o.shown) for o in self.queue(side)]
            for side in (Side.BUY, Side.SELL)
        ]

    def depth(self, side: Side) -> list[tuple[int, int, int]]:
        queue = self.queue(side)
        return [
            (
                price,
                sum(o.open_lots() for o in queue if o.price == price),
                sum(1 for o in queue if o.price == price),
            )
            for price in dict.fromkeys(o.price for o in queue)
        ]

    def find(self, number: int) -> Resting:
        return next(order for order in self.resting if order.number == number)

    # -- changing

    def add(self, order: LiveOrder) -> None:
        self.turns += 1
        shown = min(order.display, order.lots_left)
        self.resting.append(
            Resting(
                order.number,
                order.user_id,
                order.side,
                order.price,
                order.lots_left,
                order.display,
                order.shown or shown,
                self.turns,
            )
        )

    def remove(self, number: int) -> None:
        self.resting = [order for order in self.resting if order.number != number]

    def reduce(self, number: int, lots: int) -> None:
        order = self.find(number)
        order.left -= lots
        order.shown = min(order.shown, order.left)

    def trade(self, number: int, lots: int) -> None:
        """Take lots off the slice in front; a used-up slice is followed by one at the back."""
        order = self.find(number)
        assert 0 < lots <= order.open_lots()
        order.left -= lots
        if not order.left:
            self.remove(number)
        elif order.display:
            order.shown -= lots
            if not order.shown:
                self.turns += 1
                order.turn = self.turns
                order.shown = min(order.display, order.left)

    def match(
        self, taker: LiveOrder, *, band: int, budget: int, value_num: int, value_den: int
    ) -> Outcome:
        """Let the taker trade on a copy of the book, one maker at a time."""
        trial = deepcopy(self)
        return Trial(trial, taker, band, budget, Fraction(value_num, value_den)).run()


class Trial:
    """One taker on a book of its own."""

    def __init__(
        self, book: ReferenceBook, taker: LiveOrder, band: int, budget: int, lot_at_tick: Fraction
    ) -> None:
        self.book = book
        self.taker = taker
        self.band = band
        self.has_budget = budget > 0
        self.money = Fraction(budget)
        self.lot_at_tick = lot_at_tick
        self.has_lots = taker.lots_left > 0 or not budget
        self.wanted = taker.lots_left
        self.outcome = Outcome()

    def run(self) -> Outcome:
        while not self.outcome.stopped:
            self.step()
        self.outcome.left = self.wanted if self.has_lots else 0
        return self.outcome

    def step(self) -> None:
        queue = self.book.queue(Side.SELL if self.taker.side == Side.BUY else Side.BUY)
        if not queue:
            self.outcome.stopped = "empty"
        elif self.refuses(self.taker.price, queue[0].price) or (
            self.band and self.refuses(self.band, queue[0].price)
        ):
            self.outcome.stopped = self.which_limit(queue[0].price)
        elif queue[0].user == self.taker.user_id:
            self.meet_own(queue[0])
        else:
            self.trade_with(queue[0])

    def refuses(self, limit: int, price: int) -> bool:
        return price > limit if self.taker.side == Side.BUY else price < limit

    def which_limit(self, price: int) -> str:
        """The band stopped it, if its own limit would have let it go on; a market order's worst
        price at the band's end counts as the band's."""
        if not self.band:
            return "price"
        if not self.refuses(self.taker.price, price):
            return "band"
        at_end = self.taker.price == self.band
        unlimited = self.taker.type in (OrderType.MARKET, OrderType.STOP)
        return "band" if at_end and unlimited else "price"

    def possible(self, lots: int, price: int) -> int:
        """How many of these lots the taker still wants and can pay for at this price."""
        if self.has_lots:
            lots = min(lots, self.wanted)
        if self.has_budget:
            lots = min(lots, int(self.money / (price * self.lot_at_tick)))
        return lots

    def use_up(self, lots: int, price: int) -> None:
        self.wanted -= lots
        self.money -= lots * price * self.lot_at_tick

    def look_on(self, price: int, when_used_up: str) -> None:
        if self.has_lots and not self.wanted:
            self.outcome.stopped = when_used_up
        elif self.has_budget and self.money < price * self.lot_at_tick:
            self.outcome.stopped = "budget"

    def trade_with(self, maker: Resting) -> None:
        lots = self.possible(maker.open_lots(), maker.price)
        if lots:
            self.outcome.fills.append((maker.number, maker.price, lots))
            self.use_up(lots, maker.price)
            self.book.trade(maker.number, lots)
        self.look_on(maker.price, "filled")

    def meet_own(self, maker: Resting) -> None:
        mode = self.taker.self_trade
        if mode == SelfTrade.DECREMENT:
            self.decrement(maker)
            return
        if mode in (SelfTrade.CANCEL_MAKER, SelfTrade.CANCEL_BOTH):
            self.outcome.cancelled.append(maker.number)
            self.book.remove(maker.number)
        if mode in (SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_BOTH):
            self.outcome.stopped = "self_trade"

    def decrement(self, maker: Resting) -> None:
        lots = self.possible(maker.left, maker.price)
        self.use_up(lots, maker.price)
        self.outcome.decremented += lots
        if lots == maker.left:
            self.outcome.cancelled.append(maker.number)
            self.book.remove(maker.number)
        elif lots:
            self.outcome.reduced.append((maker.number, lots))
            self.book.reduce(maker.number, lots)
        self.look_on(maker.price, "self_trade")
