"""Which orders must an order trade with, by the rules and nothing else?

Slow and obvious: the best of all resting orders is looked for again after each fill. Price first,
then who stood there first; a trade at the maker's price; an iceberg goes to the back with each
slice; what the taker says of its own user's orders counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import msgspec

from nostro.exchange import OrderType, SelfTrade
from nostro.simulation.exchange_orders import Held, Market

FILLED, EMPTY, PRICE, BAND, BUDGET, SELF_TRADE = (
    "filled",
    "empty",
    "price",
    "band",
    "budget",
    "self_trade",
)
NO_END = 10**40


class Stand(msgspec.Struct):
    """A maker while a sweep is thought through: the order itself stays as it is."""

    order: Held
    left: int
    shown: int
    rank: int


class Sweep(msgspec.Struct):
    """What a taker would do, and why it would stop."""

    fills: list[tuple[Held, int]] = []
    cancelled: list[Held] = []
    reduced: list[tuple[Held, int]] = []
    left: int = 0
    decremented: int = 0
    stopped: str = ""


def sweep(taker: Held, market: Market, makers: Iterable[Held]) -> Sweep:
    """Think a sweep through; `makers` are all orders that rest on the other side."""
    stands = [Stand(maker, maker.left, maker.shown, maker.rank) for maker in makers]
    by_budget = taker.placed.budget_minor > 0
    found = Sweep(left=NO_END if by_budget else taker.left)
    funds = Fraction(taker.budget_left)
    band = market.band(taker.placed.side)
    while not found.stopped:
        best = _best(stands, buys=taker.buys)
        if best is None:
            found.stopped = EMPTY
        elif _beyond(best.order.price, taker.price, buys=taker.buys):
            found.stopped = _limit_or_band(taker, band)
        elif _beyond(best.order.price, band, buys=taker.buys):
            found.stopped = BAND
        elif best.order.user_id == taker.user_id:
            _meet_own(taker, best, found, stands)
        else:
            lots = min(found.left, best.shown if best.order.placed.display else best.left)
            price = market.value(best.order.price, 1)
            if by_budget:
                lots = min(lots, int(funds // price))
            if lots:
                found.fills.append((best.order, lots))
                funds -= lots * price
                found.left -= lots
                _take(best, lots, stands)
            if not found.left:
                found.stopped = FILLED
            elif by_budget and funds < price:
                found.stopped = BUDGET
    if by_budget:
        found.left = 0
    return found


def _best(stands: list[Stand], *, buys: bool) -> Stand | None:
    sign = 1 if buys else -1
    return min(stands, key=lambda stand: (sign * stand.order.price, stand.rank), default=None)


def _beyond(price: int, limit: int, *, buys: bool) -> bool:
    return limit > 0 and (price > limit if buys else price < limit)


def _limit_or_band(taker: Held, band: int) -> str:
    """Tell whether the order's own limit stopped it: a worst price that is the band's end counts
    as the band's."""
    named = taker.placed.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    return BAND if taker.price == band and not named else PRICE


def _take(stand: Stand, lots: int, stands: list[Stand]) -> None:
    stand.left -= lots
    if not stand.left:
        stands.remove(stand)
    elif stand.order.placed.display:
        stand.shown -= lots
        if not stand.shown:
            stand.shown = min(stand.order.placed.display, stand.left)
            stand.rank = 1 + max(other.rank for other in stands)


def _meet_own(taker: Held, best: Stand, found: Sweep, stands: list[Stand]) -> None:
    match taker.placed.self_trade:
        case SelfTrade.CANCEL_TAKER:
            found.stopped = SELF_TRADE
        case SelfTrade.CANCEL_MAKER:
            found.cancelled.append(best.order)
            stands.remove(best)
        case SelfTrade.CANCEL_BOTH:
            found.cancelled.append(best.order)
            found.stopped = SELF_TRADE
        case SelfTrade.DECREMENT:
            lots = min(found.left, best.left)
            found.left -= lots
            found.decremented += lots
            if lots == best.left:
                found.cancelled.append(best.order)
                stands.remove(best)
            else:
                found.reduced.append((best.order, lots))
                best.left -= lots
                best.shown = min(best.shown, best.left)
            if not found.left:
                found.stopped = SELF_TRADE
