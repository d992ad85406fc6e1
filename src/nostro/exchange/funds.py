"""What does an order have to hold, what does a fill cost, and how is each rounded?

All in integer minor units. The value of lots at a price is price * lots * value_num / value_den of
the quote asset, exactly, and rounding goes against the taker:

- A taker that sells gets the floor of his fills together: what one fill was rounded down by is
  added to the next, as far as its maker holds it (together a maker's fills are at most the ceiling
  of his order). So nobody gets anything for nothing by being met in many small parts. From a
  provider he gets the floor of each fill.
- A taker that buys pays the ceiling of his fills together: what one fill rounded up too much,
  `carry` (in parts `value_den` of a minor unit), is taken off the next. So he never pays more than
  the ceiling of his limit.
- Fees are counted exactly over an order's life (`fee_exact`, in millionths of a minor unit) and
  charged in total rounded up; a rebate is so rounded down in size.

An order holds at least what any fills to come can take, and what it holds falls by exactly what
they take: with the carry, what is left to pay is a ceiling less what was paid.
"""

from __future__ import annotations

from nostro.exchange.live import LiveOrder
from nostro.exchange.terms import MarketTerms, Side
from nostro.kernel.money import AMOUNT_MINOR_MAX

PPM = 1_000_000
SELL = Side.SELL
RESERVED_MAX_MINOR = AMOUNT_MINOR_MAX
"""No order holds more, so no fill, fee or release is more."""


def charged(fee_exact: int) -> int:
    """Return the fee that is charged in total for an exact one: rounded up, so a rebate down."""
    return -(-fee_exact // PPM)


def fee_of(fee_exact: int, ppm: int, value_minor: int) -> int:
    """Return what a fill of this value adds to the fee charged so far."""
    return -(-(fee_exact + ppm * value_minor) // PPM) + (-fee_exact // PPM)


def maker_rate(maker: LiveOrder, taker: LiveOrder) -> int:
    """Return the maker's fee rate in a trade with this taker: no rebate is more than the taker pays
    (their rates may come from different times), so no trade costs the house."""
    rate = maker.maker_ppm
    return rate if rate >= 0 or rate >= -taker.taker_ppm else -taker.taker_ppm


def carried(terms: MarketTerms, *, notional: int, value_minor: int, carry: int) -> int:
    """Return the carry of a buying taker after fills of `notional` (the sum of price times lots)
    that cost `value_minor`."""
    return carry + value_minor * terms.value_den - notional * terms.value_num


def budget_notional(terms: MarketTerms, budget_minor: int) -> int:
    """Return how many ticks times lots a budget pays for at most."""
    return budget_minor * terms.value_den // terms.value_num


def cost(terms: MarketTerms, notional: int, carry: int = 0) -> int:
    """Return what a buyer pays at most for `notional` ticks times lots."""
    return -((carry - notional * terms.value_num) // terms.value_den)


def to_buy(value_minor: int, fee_exact: int, ppm: int) -> int:
    """Return what an order must hold to buy for a value at a fee rate; a rebate is not counted
    on."""
    if ppm <= 0:
        return value_minor
    return value_minor - (-(fee_exact + ppm * value_minor) // PPM) + (-fee_exact // PPM)


def as_maker(terms: MarketTerms, order: LiveOrder) -> int:
    """Return what an order must hold for what remains of it while it rests."""
    if order.side is SELL:
        return order.lots_left * terms.lot_minor
    value = cost(terms, order.price * order.lots_left, order.carry)
    return to_buy(value, order.fee_exact, order.maker_ppm)


def as_taker(terms: MarketTerms, order: LiveOrder, *, price: int, lots_left: int) -> int:
    """Return what an order must hold to enter, with nothing carried: it may take or rest,
    whichever costs more."""
    if order.side is SELL:
        return lots_left * terms.lot_minor
    value = cost(terms, price * lots_left)
    return to_buy(value, order.fee_exact, max(order.maker_ppm, order.taker_ppm))
