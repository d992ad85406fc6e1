"""What would an order trade with, and why would it stop?

`Matched` is the answer of the book; nothing has changed when it is given. `sweep` finds it for
every kind of order; the book itself answers the plain ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from nostro.exchange.commands import OrderType, SelfTrade
from nostro.exchange.levels import Level, Levels
from nostro.exchange.live import LiveOrder
from nostro.exchange.terms import LOTS_MAX, Side

BUY = Side.BUY
SLICES_MAX = 100
"""An iceberg shows itself in at most so many slices, so that one order cannot make a sweep long."""


UNLIMITED = (OrderType.MARKET, OrderType.STOP)
"""Their worst price is the band's end, if the user did not name one."""


class Stop(StrEnum):
    """Why a sweep ended: nothing more to fill, nothing more on that side, the order's own limit,
    the band, the budget, an order of the same user, more makers than it may trade with at once."""

    FILLED = "filled"
    EMPTY = "empty"
    PRICE = "price"
    BAND = "band"
    BUDGET = "budget"
    SELF_TRADE = "self_trade"
    TOO_MANY = "too_many"


EMPTY, FILLED, PRICE = Stop.EMPTY, Stop.FILLED, Stop.PRICE
BAND, BUDGET, SELF_TRADE = Stop.BAND, Stop.BUDGET, Stop.SELF_TRADE
TOO_MANY = Stop.TOO_MANY
CANCEL_TAKER, CANCEL_MAKER = SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_MAKER
DECREMENT = SelfTrade.DECREMENT
"""Named here, as looking a member up at its enum takes longer than much of what is done here."""


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
        return self.decremented == 0 and self.stopped in (FILLED, BUDGET)


class _Sweep:
    """What a taker has done so far."""

    __slots__ = (
        "budgeted",
        "cancelled",
        "capped",
        "decremented",
        "fills",
        "fills_max",
        "funds",
        "left",
        "reduced",
        "taker",
        "value_num",
    )

    def __init__(self, taker: LiveOrder, funds: int, value_num: int, fills_max: int) -> None:
        self.taker = taker
        self.fills: list[tuple[LiveOrder, int]] = []
        self.fills_max = fills_max
        self.cancelled: list[LiveOrder] = []
        self.reduced: list[tuple[LiveOrder, int]] = []
        self.budgeted = funds > 0
        self.funds = funds
        self.value_num = value_num
        self.capped = taker.lots_left > 0 or not self.budgeted
        self.left = taker.lots_left if self.capped else LOTS_MAX
        self.decremented = 0

    def ended(self, stopped: Stop) -> Matched:
        """Return what it came to."""
        left = self.left if self.capped else 0
        return Matched(self.fills, self.cancelled, self.reduced, left, self.decremented, stopped)

    def meet(self, level: Level) -> Stop | None:
        """Meet the orders of a level one after the other, then the next slices of its icebergs in
        turn; return why it ended there, if it did."""
        behind: list[tuple[LiveOrder, int]] = []
        user = self.taker.user_id
        for maker in level.values():
            if maker.user_id == user:
                stopped = self._own(maker)
            elif maker.display:
                stopped = self._fill(maker, maker.shown)
                if maker.lots_left > maker.shown:
                    behind.append((maker, maker.lots_left - maker.shown))
            else:
                stopped = self._fill(maker, maker.lots_left)
            if stopped is not None:
                return stopped
        return self._meet_again(behind)

    def _meet_again(self, behind: list[tuple[LiveOrder, int]]) -> Stop | None:
        while behind:
            turn, behind = behind, []
            for maker, hidden in turn:
                lots = min(maker.display, hidden)
                stopped = self._fill(maker, lots)
                if stopped is not None:
                    return stopped
                if hidden > lots:
                    behind.append((maker, hidden - lots))
        return None

    def _fill(self, maker: LiveOrder, shown: int) -> Stop | None:
        lots = min(shown, self.left, self._affordable(maker.price))
        if lots:
            if len(self.fills) >= self.fills_max:
                return TOO_MANY
            self.fills.append((maker, lots))
            self._spend(lots, maker.price)
        return FILLED if not self.left else self._poor(maker.price)

    def _own(self, maker: LiveOrder) -> Stop | None:
        mode = self.taker.self_trade
        if mode is DECREMENT:
            return self._decrement(maker)
        if mode is not CANCEL_TAKER:
            self.cancelled.append(maker)
        return None if mode is CANCEL_MAKER else SELF_TRADE

    def _decrement(self, maker: LiveOrder) -> Stop | None:
        lots = min(maker.lots_left, self.left, self._affordable(maker.price))
        if lots == maker.lots_left:
            self.cancelled.append(maker)
        elif lots:
            self.reduced.append((maker, lots))
        self._spend(lots, maker.price)
        self.decremented += lots
        return SELF_TRADE if not self.left else self._poor(maker.price)

    def _affordable(self, price: int) -> int:
        return self.funds // (price * self.value_num) if self.budgeted else LOTS_MAX

    def _spend(self, lots: int, price: int) -> None:
        self.left -= lots
        self.funds -= lots * price * self.value_num

    def _poor(self, price: int) -> Stop | None:
        return None if self._affordable(price) else BUDGET


def sweep(
    levels: Levels, taker: LiveOrder, end: int, funds: int, value_num: int, fills_max: int
) -> Matched:
    """Return what any taker would do: up to the rank `end` (0: any), with `funds` (0: any), which
    are its budget times the denominator of a lot's value, in at most `fills_max` fills."""
    buys = taker.side is BUY
    limit = -taker.price if buys else taker.price
    course = _Sweep(taker, funds, value_num, fills_max)
    for rank in reversed(levels.asks if buys else levels.bids):
        if rank < limit or (end and rank < end):
            return course.ended(beyond(taker, limit, end, rank))
        stopped = course.meet(levels.at[rank])
        if stopped is not None:
            return course.ended(stopped)
    return course.ended(EMPTY)


def beyond(taker: LiveOrder, limit: int, end: int, rank: int) -> Stop:
    """Tell whether it is the limit or the band's end (0: none) that kept a taker from a rank. A
    worst price at the band's end is the band's."""
    if end and (end > limit <= rank or (end == limit and taker.type in UNLIMITED)):
        return BAND
    return PRICE
