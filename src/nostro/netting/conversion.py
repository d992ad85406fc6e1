"""What is an amount of one currency in another, at the rates that a cycle has frozen?

Exact integers throughout. A rate is a fraction of minor units (`commands.Rate`), an amount is
rounded down (`ROUNDING`), and a value is counted in `VALUE_SCALE`ths of a cent, so that sums of
values are sums of integers.
"""

from __future__ import annotations

from math import gcd

from nostro.kernel.messages import Rejection
from nostro.netting.commands import Rate, RateSet

ROUNDING = "down"
"""Of a destination amount that has more digits than its currency. What is cut off stays with the
platform: were it rounded to the nearest, ten thousand payments of a yen would each gain a part of a
cent."""

REPORT_CURRENCY = "USD"
"""What costs are told in, and the pivot of rates that are not listed."""

VALUE_SCALE = 10**24
"""Parts of a cent in which values are counted. One wei (scale 18) at 1 USD is still 10**8 parts."""


def half_even(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded half to even; the denominator is positive."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient & 1):
        return quotient + 1
    return quotient


def destination_amount(amount_minor: int, rate: Rate) -> int:
    """Return what `amount_minor` of the rate's base is in minor units of its quote, rounded down.

    It is 0 when the amount is worth less than the smallest unit.
    """
    return amount_minor * rate.numerator // rate.denominator


class Mid:
    """The mid rates of a frozen set, with the ones that follow from them.

    A pair that is listed has its rate, else the inverse of the opposite pair, else what it comes to
    through `REPORT_CURRENCY`. Rates are reduced fractions.
    """

    def __init__(self, rates: RateSet) -> None:
        self._listed: dict[tuple[str, str], tuple[int, int]] = {}
        for rate in rates.rates:
            if rate.numerator <= 0 or rate.denominator <= 0:
                raise Rejection("netting.rate_missing", base=rate.base, quote=rate.quote)
            self._listed.setdefault((rate.base, rate.quote), (rate.numerator, rate.denominator))

    def rate(self, base: str, quote: str) -> Rate:
        """Return the rate of a pair; raises Rejection `netting.rate_missing`."""
        found = self._direct(base, quote)
        if found is None:
            first = self._direct(base, REPORT_CURRENCY)
            second = self._direct(REPORT_CURRENCY, quote)
            if first is None or second is None:
                raise Rejection("netting.rate_missing", base=base, quote=quote)
            found = first[0] * second[0], first[1] * second[1]
        numerator, denominator = found
        common = gcd(numerator, denominator)
        return Rate(base, quote, numerator // common, denominator // common)

    def unit_value(self, currency: str) -> int:
        """Return what one minor unit is worth in `VALUE_SCALE`ths of a cent; at least 1."""
        rate = self.rate(currency, REPORT_CURRENCY)
        return max(1, half_even(rate.numerator * VALUE_SCALE, rate.denominator))

    def _direct(self, base: str, quote: str) -> tuple[int, int] | None:
        if base == quote:
            return 1, 1
        listed = self._listed.get((base, quote))
        if listed is not None:
            return listed
        inverse = self._listed.get((quote, base))
        return (inverse[1], inverse[0]) if inverse is not None else None
