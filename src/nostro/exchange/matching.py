"""What would an order trade with, and why would it stop?

`Matched` is the answer of the book; nothing has changed when it is given. `sweep` finds it for
every kind of order; the book itself answers the plain ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from nostro.exchange.commands import OrderType, SelfTrade
from nostro.exchange.levels import BUY, Level, Levels
from nostro.exchange.live import LiveOrder
from nostro.exchange.terms import LOTS_MAX

SLICES_MAX = 100
"""An iceberg shows itself in at most so many slices, so that one order cannot make a sweep long."""


UNLIMITED = (OrderType.MARKET, OrderType.STOP)
"""Their worst price is the band's end, if the user did not name one."""


class Stop(StrEnum):
    """Why a sweep ended: nothing more to fill, nothing more on that side, the order's own limit,
    the band, the budget, an order of the same user."""

    FILLED = "filled"
    EMPTY = "empty"
    PRICE = "price"
    BAND = "band"
    BUDGET = "budget"
    SELF_TRADE = "self_trade"


class Matched(msgspec.Struct, frozen=True, gc=False):
    """What an order would do.

    `fills`: makers and lots, in order of execution, an iceberg once for each slice. `cancelled`,
    `reduced`: the user's own makers that give way. `left`: lots neither filled nor decremented.
    `decremented`: lots taken off the taker because it met its own user.
    """

    fills: Sequence[tuple[LiveOrder, int]]
    cancelled: Sequence[LiveOrder]
    reduced: Sequence[tuple[LiveOrder, int]]
    left: int
    decremented: int
    stopped: Stop

    @property
    def whole(self) -> bool:
        """Tell whether all of it trades."""
        return self.decremented == 0 and self.stopped in (Stop.FILLED, Stop.BUDGET)


class _Sweep:
    """What a taker has done so far."""

    def __init__(self, taker: LiveOrder, funds: int, value_num: int) -> None:
        self.taker = taker
        self.fills: list[tuple[LiveOrder, int]] = []
        self.cancelled: list[LiveOrder] = []
        self.reduced: list[tuple[LiveOrder, int]] = []
        self.capped = taker.lots_left > 0 or not funds
        self.left = taker.lots_left if self.capped else LOTS_MAX
        self.decremented = 0
        self.budgeted = funds > 0
        self.funds = funds
        self.value_num = value_num

    def ended(self, stopped: Stop) -> Matched:
        """Return what it came to."""
        return Matched(
            self.fills,
            self.cancelled,
            self.reduced,
            self.left if self.capped else 0,
            self.decremented,
            stopped,
        )

    def level(self, level: Level) -> Stop | None:
        """Meet the orders of a level in their order, and the next slices of icebergs after all of
        them; return why it ended there, if it did."""
        queue: Iterable[tuple[LiveOrder, int]] = [(o, o.lots_left) for o in level.values()]
        shown = {o.number: o.shown for o in level.values() if o.display}
        while queue:
            behind: list[tuple[LiveOrder, int]] = []
            for maker, lots_left in queue:
                if maker.user_id == self.taker.user_id:
                    stopped = self._own(maker)
                else:
                    slice_ = shown.get(maker.number, lots_left)
                    stopped = self._fill(maker, slice_)
                    if slice_ < lots_left:
                        behind.append((maker, lots_left - slice_))
                        shown[maker.number] = min(maker.display, lots_left - slice_)
                if stopped:
                    return stopped
            queue = behind
        return None

    def _affordable(self, price: int) -> int:
        return self.funds // (price * self.value_num) if self.budgeted else LOTS_MAX

    def _fill(self, maker: LiveOrder, shown: int) -> Stop | None:
        lots = min(shown, self.left, self._affordable(maker.price))
        if lots:
            self.fills.append((maker, lots))
            self._spend(maker.price, lots)
        return self._over(maker.price, lots < min(shown, self.left + lots))

    def _spend(self, price: int, lots: int) -> None:
        self.left -= lots
        self.funds -= price * lots * self.value_num

    def _over(self, price: int, short: bool) -> Stop | None:
        if not self.left:
            return Stop.FILLED
        if self.budgeted and (short or not self._affordable(price)):
            return Stop.BUDGET
        return None

    def _own(self, maker: LiveOrder) -> Stop | None:
        match self.taker.self_trade:
            case SelfTrade.CANCEL_TAKER:
                return Stop.SELF_TRADE
            case SelfTrade.CANCEL_MAKER:
                self.cancelled.append(maker)
                return None
            case SelfTrade.CANCEL_BOTH:
                self.cancelled.append(maker)
                return Stop.SELF_TRADE
            case SelfTrade.DECREMENT:
                return self._decrement(maker)

    def _decrement(self, maker: LiveOrder) -> Stop | None:
        lots = min(maker.lots_left, self.left, self._affordable(maker.price))
        if not lots:
            return Stop.BUDGET
        self._spend(maker.price, lots)
        self.decremented += lots
        if lots == maker.lots_left:
            self.cancelled.append(maker)
        else:
            self.reduced.append((maker, lots))
        if not self.left:
            return Stop.SELF_TRADE
        return self._over(maker.price, lots < maker.lots_left)


def sweep(levels: Levels, taker: LiveOrder, end: int, funds: int, value_num: int) -> Matched:
    """Return what any taker would do: up to the rank `end` (0: any), with `funds` (0: any), which
    are its budget times the denominator of a lot's value."""
    buys = taker.side is BUY
    limit = -taker.price if buys else taker.price
    course = _Sweep(taker, funds, value_num)
    for rank in reversed(levels.asks if buys else levels.bids):
        if rank < limit or (end and rank < end):
            return course.ended(beyond(taker, limit, end, rank))
        stopped = course.level(levels.at[rank])
        if stopped:
            return course.ended(stopped)
    return course.ended(Stop.EMPTY)


def beyond(taker: LiveOrder, limit: int, end: int, rank: int) -> Stop:
    """Tell whether it is the limit or the band's end (0: none) that kept a taker from a rank. A
    worst price at the band's end is the band's."""
    if end and (end > limit <= rank or (end == limit and taker.type in UNLIMITED)):
        return Stop.BAND
    return Stop.PRICE
