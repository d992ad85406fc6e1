"""What is an order worth, what does it cost, and what must be held for it?

The auditor's own markets and orders, and the rules of their money in exact fractions. Nothing of
the code that decides is used.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import msgspec

from nostro.exchange import MarketRules, MarketState, MarketTerms, PlacedOrder, Side

PPM = 1_000_000
ARRIVING, PARKED, RESTING, ROUTED = "arriving", "parked", "resting", "routed"
ELECTED, RETURNED, AMENDING = "elected", "returned", "amending"
FILLED, CANCELLED, REJECTED = "filled", "cancelled", "rejected"
ENDED = frozenset({FILLED, CANCELLED, REJECTED})
BETWEEN = frozenset({ARRIVING, ELECTED, RETURNED, AMENDING})
"""Where no order is at the end of a row."""


class Held(msgspec.Struct):
    """An order as the auditor knows it.

    `left`: lots to fill (0 with a budget). `filled`, `value`: lots and minor units traded so far.
    `fee`: exactly what its fees come to; charged is this, rounded up. `rank`: its place in the
    queue of its price.
    """

    placed: PlacedOrder
    user_id: str
    height: int
    lots: int
    left: int
    price: int
    state: str = ARRIVING
    shown: int = 0
    filled: int = 0
    value: int = 0
    fee: Fraction = Fraction(0)
    reserved: int = 0
    moves: int = 0
    rank: int = 0
    carry: Fraction = Fraction(0)
    """What it paid as a taker above the exact value."""
    route: int = 0
    routed_for: tuple[int, int, bool] = (0, 0, False)
    """Lots, limit, and whether all or nothing."""
    returned: str = ""
    """What it ends with after a provider had it, "": none had."""
    elected: bool = False
    reason: str = ""
    amended: tuple[int, int] = (0, 0)
    """Lots and price that it is to have."""
    extra: int = 0
    """What it asked for to be amended."""
    before: str = ""
    """Its state before it was to be amended."""
    ended_at: int = 0

    @property
    def number(self) -> int:
        """Return the number."""
        return self.placed.number

    @property
    def settled_price(self) -> int:
        """Return the price that it has already been given, 0 while it is being placed."""
        return 0 if self.state == ARRIVING else self.price

    @property
    def buys(self) -> bool:
        """Tell whether it buys."""
        return self.placed.side is Side.BUY

    @property
    def budget_left(self) -> int:
        """Return what is left of its budget, 0 without one."""
        return self.placed.budget_minor - self.value if self.placed.budget_minor else 0

    @property
    def fee_charged(self) -> int:
        """Return the fees charged so far."""
        return ceil(self.fee)

    @property
    def on_view(self) -> int:
        """Return the lots that a taker meets at once."""
        return self.shown if self.placed.display else self.left

    def charge(self, value: int, ppm: int) -> int:
        """Return the fee of one more fill, and count it."""
        before = self.fee_charged
        self.fee += Fraction(ppm * value, PPM)
        return self.fee_charged - before


class Market(msgspec.Struct):
    """A market as the auditor knows it. `last`: the price of its last trade, 0: none."""

    name: str
    terms: MarketTerms
    rules: MarketRules
    state: MarketState = MarketState.CLOSED
    reference: int = 0
    reference_at_us: int = 0
    last: int = 0
    sequence: int = 0

    @property
    def lot_value(self) -> Fraction:
        """Return what one lot at one tick is worth, in minor units of the quote asset."""
        terms = self.terms
        lot = Fraction(terms.lot_minor, 10**terms.base_scale)
        tick = Fraction(terms.tick_units, 10**terms.price_scale)
        return lot * tick * Fraction(10**terms.quote_scale)

    def value(self, price: int, lots: int) -> Fraction:
        """Return the exact value of some lots at a price."""
        exact: Fraction = price * lots * self.lot_value
        return exact

    def trade(self, prices: list[int], at_us: int) -> None:
        """Remember the last price; it becomes the reference when that is old enough."""
        self.last = prices[-1]
        seconds = self.rules.reference_s
        if seconds and at_us >= self.reference_at_us + seconds * 1_000_000:
            self.reference, self.reference_at_us = self.last, at_us

    def band(self, side: Side) -> int:
        """Return the last price that an order of this side may trade at, 0: any."""
        if not self.rules.band_ppm or not self.reference:
            return 0
        width = Fraction(self.reference * self.rules.band_ppm, PPM)
        if side is Side.BUY:
            return floor(self.reference + width)
        return max(1, ceil(self.reference - width))


class Values:
    """The values of one entry's fills, rounded against the taker."""

    def __init__(self, market: Market, *, buys: bool, carry: Fraction) -> None:
        self._market = market
        self._buys = buys
        self.exact = Fraction(0)
        self.carry = carry
        """What was paid above the exact value so far."""
        self._due = Fraction(0)

    def next(self, price: int, lots: int, maker: Held | None = None) -> int:
        """Return the value of the next fill in minor units; without a `maker`, a provider's."""
        exact = self._market.value(price, lots)
        self.exact += exact
        if not self._buys:
            if maker is None:
                return floor(exact)
            value = min(floor(self._due + exact), self._payable(maker, lots))
            self._due += exact - value
            return value
        value = ceil(exact - self.carry)
        self.carry += value - exact
        return value

    def _payable(self, maker: Held, lots: int) -> int:
        """Return what a maker pays for lots at most: in all, no more than its ceiling."""
        most, rest = (
            ceil(self._market.value(maker.price, left) - maker.carry)
            for left in (maker.left, maker.left - lots)
        )
        return most - rest


def need(order: Held, market: Market, *, as_taker: bool) -> int:
    """Return what must be held for what is left of an order."""
    if not order.buys:
        return order.left * market.terms.lot_minor
    if order.placed.budget_minor:
        value = order.budget_left
    else:
        value = ceil(market.value(order.price, order.left) - order.carry)
    ppm = max(order.placed.maker_ppm, order.placed.taker_ppm if as_taker else 0, 0)
    return value + ceil(order.fee + Fraction(ppm * value, PPM)) - order.fee_charged


def asset_of(order: Held, market: Market) -> str:
    """Return the asset that is held for an order."""
    return market.terms.quote if order.buys else market.terms.base
