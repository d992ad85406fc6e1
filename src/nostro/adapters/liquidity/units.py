"""What are our lots and ticks in a provider's decimals, and his decimals in ours?

Exact: fractions inside, plain decimal strings outside, never a float.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from nostro.exchange import MarketTerms, Side

DIGITS_MAX = 80
_NUMBER = re.compile(r"\d{1,40}(\.\d{1,40})?\Z", re.ASCII)


class BadAnswer(ValueError):
    """A provider said what cannot be put into our terms: people must look."""


@lru_cache(maxsize=16_384)
def exact(text: str) -> Fraction:
    """Return what a plain decimal string says; raises BadAnswer."""
    if not _NUMBER.match(text):
        raise BadAnswer(f"not a plain number: {text[:DIGITS_MAX]!r}")
    return Fraction(text)


def plain(value: Fraction) -> str:
    """Return a fraction as a decimal string without an exponent; it must have an end."""
    places, scaled = 0, value
    while scaled.denominator != 1:
        places, scaled = places + 1, scaled * 10
        assert places <= DIGITS_MAX, f"{value} is no decimal number"
    digits = str(abs(scaled.numerator)).rjust(places + 1, "0")
    whole = digits if not places else f"{digits[:-places]}.{digits[-places:]}"
    return f"-{whole}" if value < 0 else whole


def quantity_told(terms: MarketTerms, lots: int) -> str:
    """Return lots in whole units of the base asset."""
    return plain(Fraction(lots * terms.lot_minor, 10**terms.base_scale))


def price_told(terms: MarketTerms, ticks: int) -> str:
    """Return ticks in the quote asset for one unit of the base asset."""
    return plain(tick(terms) * ticks)


def tick(terms: MarketTerms) -> Fraction:
    """Return what one tick is in the quote asset for one unit of the base asset."""
    return Fraction(terms.tick_units, 10**terms.price_scale)


def lots_of(terms: MarketTerms, quantity: str) -> int:
    """Return a quantity in lots; raises BadAnswer for a part of a lot: whose would it be?"""
    lots = exact(quantity) * Fraction(10) ** terms.base_scale / terms.lot_minor
    if lots.denominator != 1:
        raise BadAnswer(f"{quantity} {terms.base} is not a number of lots")
    return lots.numerator


def ticks_of(terms: MarketTerms, price: str, side: Side) -> int:
    """Return a price in ticks, rounded against the user: up when he buys, down when he sells. Both
    end at his limit, which is a whole tick, and never beyond it."""
    ticks = exact(price) / tick(terms)
    if side is Side.BUY:
        return -(-ticks.numerator // ticks.denominator)
    return ticks.numerator // ticks.denominator
