"""What does the exchange remember?

Orders leave memory when they close: a number that was given out and is not live is closed. So
nothing is ever read back from the journal, and memory holds what is open.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import msgspec

from nostro.exchange.book import Book
from nostro.exchange.live import LiveOrder
from nostro.exchange.names import NAMES_HOT_MAX, Names
from nostro.exchange.stops import Stops
from nostro.exchange.terms import (
    TICKS_MAX,
    FeeSchedule,
    MarketRules,
    MarketState,
    MarketTerms,
    Side,
)
from nostro.kernel.asset import SEED

STANDARD = "standard"
"""The fee schedule that there is from the beginning, free of charge until it is set."""
ROUTES_REMEMBERED_MAX = 1_000
"""Ended routes whose fills are remembered: an answer that differs later is told from a repeat."""
_PPM = 1_000_000
BUY = Side.BUY
_TIMERS_SLACK = 1_024


class Market:
    """A market: its terms and rules, its state, what traded last, and the orders that live in it.
    `band_low`, `band_high`: between which prices trades may be (0: anywhere)."""

    __slots__ = (
        "band_high",
        "band_low",
        "book",
        "last_price",
        "last_trade",
        "name",
        "pair",
        "reason",
        "reference",
        "reference_at_us",
        "rules",
        "sequence",
        "state",
        "stops",
        "terms",
        "users",
    )

    def __init__(self, name: str, terms: MarketTerms, rules: MarketRules) -> None:
        self.name = name
        self.terms = terms
        self.pair = (terms.base, terms.quote)
        self.rules = rules
        self.state = MarketState.CLOSED
        self.reason = ""
        self.sequence = 0
        self.reference = 0
        self.reference_at_us = 0
        self.last_price = 0
        self.last_trade = 0
        self.band_low = 0
        self.band_high = 0
        self.book = Book()
        self.stops = Stops()
        self.users: dict[str, dict[int, LiveOrder]] = {}
        """Every live order, by user; those who have none are not there."""

    def set_rules(self, rules: MarketRules) -> None:
        """Go by other rules."""
        self.rules = rules
        self.band_low, self.band_high = band_around(self.reference, rules.band_ppm)

    def set_reference(self, price: int, at_us: int) -> None:
        """Count the band from a price."""
        self.reference, self.reference_at_us = price, at_us
        self.band_low, self.band_high = band_around(price, self.rules.band_ppm)

    def note_trade(self, trade: int, price: int, at_us: int) -> None:
        """Remember the last trade; its price becomes the reference once that is old enough."""
        self.last_trade, self.last_price = trade, price
        seconds = self.rules.reference_s
        if seconds and at_us - self.reference_at_us >= seconds * 1_000_000:
            self.set_reference(price, at_us)

    def band_for(self, side: Side) -> int:
        """Return the last price at which a taker of this side may trade (0: any)."""
        return self.band_high if side is BUY else self.band_low

    def orders(self) -> list[LiveOrder]:
        """Return every live order, by number."""
        live = [order for row in self.users.values() for order in row.values()]
        live.sort(key=_number)
        return live


def band_around(price: int, band_ppm: int) -> tuple[int, int]:
    """Return the lowest and the highest price of a band, (0, 0) when there is none. Both ends are
    within the band exactly: rounded inwards."""
    if not price or not band_ppm:
        return 0, 0
    low = -(-price * (_PPM - band_ppm) // _PPM)
    high = price * (_PPM + band_ppm) // _PPM
    return max(low, 1), min(high, TICKS_MAX)


class Amendment(msgspec.Struct, array_like=True, gc=False):
    """What an order is to become once `extra_minor` more are held."""

    order: int
    lots: int
    price: int
    extra_minor: int


class Route(msgspec.Struct, array_like=True, gc=False):
    """A deed of a provider that is awaited. `broken`: he said what cannot be."""

    route: int
    order: int
    provider: str
    lots: int
    limit: int
    all_or_none: bool
    broken: bool = False


class EndedRoute(msgspec.Struct, array_like=True, gc=False):
    """A deed that a provider answered for good: what it brought. `broken`: later he said something
    else."""

    route: int
    order: int
    market: str
    lots: int
    notional: int
    broken: bool = False


class Suspension(msgspec.Struct, array_like=True, gc=False):
    """Money that a wallet would not take. `attempts`: to release it."""

    suspension: int
    user_id: str
    asset: str
    amount_minor: int
    attempts: int = 0


class ExchangeState:
    """All that the room remembers. Counters hold the next number to give out."""

    def __init__(self, *, names_hot_max: int = NAMES_HOT_MAX) -> None:
        self.names = Names(hot_max=names_hot_max)
        self.assets: dict[str, int] = {}
        """Scale of each asset beyond the seed registry."""
        self.markets: dict[str, Market] = {}
        self.schedules: dict[str, FeeSchedule] = {STANDARD: FeeSchedule(STANDARD, 0, 0)}
        self.own_schedules: dict[str, str] = {}
        """The schedule of users who have one of their own."""
        self.stopped: dict[str, str] = {}
        """Why users may not trade; "" stands for everybody."""
        self.admitted: dict[str, set[tuple[str, str]]] = {}
        """The pairs of assets in which each user has accounts."""
        self.orders: dict[int, LiveOrder] = {}
        self.amendments: dict[int, Amendment] = {}
        self.routes: dict[int, Route] = {}
        self.routes_ended: dict[int, EndedRoute] = {}
        """The last ones that ended."""
        self.suspensions: dict[int, Suspension] = {}
        self.releasing: Suspension | None = None
        """The last one that was released: in the same row it may be kept after all."""
        self.doomed: dict[int, str] = {}
        """Orders that are still to be cancelled, and why; the next Tick goes on with it."""
        self.timers: list[tuple[int, int]] = []
        """(time, order) of orders that expire; a heap, some of them gone."""
        self.row = (0, 0)
        """The height of the row that last traded, and its trades and elected stops up to now."""
        self.orders_next = 1
        self.trades_next = 1
        self.routes_next = 1
        self.suspensions_next = 1

    def scale_of(self, asset: str) -> int | None:
        """Return the scale of an asset that markets can trade."""
        seeded = SEED.get(asset)
        return seeded.scale if seeded is not None else self.assets.get(asset)

    def rates_of(self, user_id: str, market: Market) -> FeeSchedule:
        """Return the fees of a user's new orders."""
        own = self.own_schedules.get(user_id) if self.own_schedules else None
        return self.schedules[own or market.rules.fee_schedule]

    def why_stopped(self, user_id: str) -> tuple[str, str] | None:
        """Return for whom ("" for everybody) and why trading is stopped, if it is for this user."""
        for who in ("", user_id):
            if who in self.stopped:
                return who, self.stopped[who]
        return None

    def done_at(self, height: int) -> int:
        """Return how many trades and elected stops the row of this height has come to."""
        row, done = self.row
        return done if row == height else 0

    def note_done(self, height: int, count: int) -> None:
        """Count trades or elected stops of a row."""
        self.row = (height, self.done_at(height) + count)

    def wait(self, order: LiveOrder) -> None:
        """Let an order that rests or is parked expire in time."""
        heappush(self.timers, (order.expires_at_us, order.number))

    def trim(self) -> None:
        """See to it that the first timer is one of an order that can expire now, and that most of
        them are."""
        timers = self.timers
        while timers and not self.expires(*timers[0]):
            heappop(timers)
        if len(timers) > 2 * len(self.orders) + _TIMERS_SLACK:
            live = {timer for timer in timers if self.expires(*timer)}
            self.timers = list(live)
            heapify(self.timers)

    def expires(self, at_us: int, number: int) -> bool:
        """Tell whether an order is there to expire at this time."""
        order = self.orders.get(number)
        return (
            order is not None and order.expires_at_us == at_us and (order.resting or order.parked)
        )


def _number(order: LiveOrder) -> int:
    return order.number
