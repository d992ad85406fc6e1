"""What does one lot at one tick mean in money, and which rules does a market have?

Prices are integer ticks and quantities integer lots; both mean what the market's terms say, which
never change. Rules may change while a market runs.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Side(StrEnum):
    """Which side of the market an order stands on."""

    BUY = "buy"
    SELL = "sell"

    @property
    def other(self) -> Side:
        """Return the side that it trades with."""
        return Side.SELL if self is Side.BUY else Side.BUY


class MarketState(StrEnum):
    """What a market takes: everything; only cancels, until it is opened again; only cancels, as it
    is to close; nothing."""

    OPEN = "open"
    HALTED = "halted"
    CANCEL_ONLY = "cancel_only"
    CLOSED = "closed"


class Routing(StrEnum):
    """Who fills an order of a market."""

    BOOK = "book"
    PROVIDER = "provider"
    BOOK_THEN_PROVIDER = "book_then_provider"


class Settling(StrEnum):
    """When what a market trades changes hands: in the row of the trade, or one or two settlement
    days later; until then both sides are set aside."""

    INSTANT = "instant"
    T1 = "t1"
    T2 = "t2"


class MarketTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a market trades. A lot is `lot_minor` minor units of `base`; a tick is
    `tick_units` * 10**-`price_scale` of the quote asset for one whole unit of the base.

    One lot at one tick is worth `value_num` / `value_den` minor units of `quote`, in lowest terms.
    """

    base: str
    quote: str
    lot_minor: int
    tick_units: int
    price_scale: int
    base_scale: int
    quote_scale: int
    value_num: int
    value_den: int


class MarketRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a market asks of orders. Quantities in lots, values in minor units of the quote asset,
    shares in parts per million (a basis point is 100).

    `band_ppm`: how far from the reference price a trade may be (0: anywhere); `reference_s`: after
    so many seconds the last trade price becomes the reference (0: it stays until it is set).
    `day_ends_minute`: minute of the UTC day at which DAY orders expire. `fee_schedule`: what users
    without a schedule of their own pay. `settling` later than at once only where the book alone
    fills orders.
    """

    lots_min: int = 1
    lots_max: int = 10**15
    value_min_minor: int = 0
    band_ppm: int = 0
    reference_s: int = 0
    routing: Routing = Routing.BOOK
    provider: str = ""
    fee_schedule: str = "standard"
    orders_per_user_max: int = 1_000
    day_ends_minute: int = 0
    settling: Settling = Settling.INSTANT


class FeeSchedule(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a fill costs each side, in parts per million of its value; a maker's may be negative: a
    rebate."""

    name: str
    maker_ppm: int
    taker_ppm: int


TICKS_MAX = 10**15
"""Prices in ticks are at most this."""
LOTS_MAX = 10**15
"""Quantities in lots are at most this."""
"""With these, values stay below 10**38 for every market that can be created."""
