"""What did a source say, exactly, and which rates in minor units follow from it?

Numbers are read as decimals, never through a float; rates are fractions of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import msgspec

from nostro.adapters.fx.port import GAP_DAYS_MAX
from nostro.kernel.asset import SEED
from nostro.kernel.messages import Rejection
from nostro.netting import KINDS, REFERENCE, REPORT_CURRENCY, Rate, RateSet, freeze

BYTES_MAX = 1_048_576
"""A day's rates of all currencies of the world take some 5 kB."""
RATES_MAX = 1_000
TEXT_MAX = 40
FRANKFURT = ZoneInfo("Europe/Berlin")
FIXING = time(14, 10)
"""When central banks agree on the ECB's reference rates (published around 16:00)."""
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,20})?([eE]-?\d{1,2})?\Z", re.ASCII)


class BadQuotes(ValueError):
    """What a source said cannot be read."""


class Quotes(msgspec.Struct, frozen=True):
    """Units of each currency that one unit of `base` is worth, at one moment."""

    provider: str
    kind: str
    as_of_us: int
    day: date
    base: str
    rates: Mapping[str, Decimal]


def fixing_us(day: date) -> int:
    """Return the moment of a day's reference rates."""
    return int(datetime.combine(day, FIXING, FRANKFURT).timestamp()) * 1_000_000


def parse_quotes(data: bytes, *, provider: str, kind: str = REFERENCE) -> Quotes:
    """Return what a JSON object {base, date, rates} says; `timestamp` (seconds since the epoch)
    tells the moment where there is no date or more than a date, `provider` and `kind` replace the
    given ones. Raises BadQuotes."""
    if len(data) > BYTES_MAX:
        raise BadQuotes(f"more than {BYTES_MAX} bytes")
    try:
        told = json.loads(data, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as cause:
        raise BadQuotes("not JSON") from cause
    if not isinstance(told, dict):
        raise BadQuotes("not an object")
    base, listed = told.get("base"), told.get("rates")
    if not isinstance(base, str) or base not in SEED:
        raise BadQuotes("no base that we know")
    if not isinstance(listed, dict) or len(listed) > RATES_MAX:
        raise BadQuotes("no rates, or too many")
    day, as_of_us = _moment(told)
    rates = {code: _decimal(rate) for code, rate in listed.items() if code in SEED}
    kind = str(told.get("kind", kind))
    if kind not in KINDS:
        raise BadQuotes(f"rates of kind {kind[:TEXT_MAX]!r}")
    provider = str(told.get("provider", provider))[:TEXT_MAX]
    return Quotes(provider, kind, as_of_us, day, base, {**rates, base: Decimal(1)})


def _moment(told: Mapping[str, Any]) -> tuple[date, int]:
    stamp, text = told.get("timestamp"), told.get("date")
    if isinstance(stamp, Decimal) and 0 < stamp < 10**11:
        seconds = int(stamp)
        return datetime.fromtimestamp(seconds, tz=UTC).date(), seconds * 1_000_000
    try:
        day = date.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError) as cause:
        raise BadQuotes("neither a date nor a timestamp") from cause
    return day, fixing_us(day)


def _decimal(rate: object) -> Decimal:
    text = str(rate) if isinstance(rate, Decimal | str) else ""
    if len(text) > TEXT_MAX or not _NUMBER.match(text):
        raise BadQuotes(f"a rate that is no plain number: {text[:TEXT_MAX]!r}")
    number = Decimal(text)
    if not number:
        raise BadQuotes("a rate of zero")
    return number


def _no_number(text: str) -> NoReturn:
    raise BadQuotes(f"not a number: {text}")


def check_day(quotes: Quotes, at: date | None) -> None:
    """Raise Rejection `fx.rate_unknown` unless the quotes can stand for a day."""
    if at is not None and not 0 <= (at - quotes.day).days <= GAP_DAYS_MAX:
        raise Rejection("fx.rate_unknown", at=at.isoformat(), known=quotes.day.isoformat())


def frozen(quotes: Quotes, currencies: Sequence[str], *, fetched_at_us: int) -> RateSet:
    """Return the rates of these currencies to USD in minor units, frozen; raises Rejection
    `fx.rate_unknown`."""
    dollar = _quoted(quotes, REPORT_CURRENCY)
    rates = [
        _rate(currency, dollar / _quoted(quotes, currency))
        for currency in sorted(set(currencies) - {REPORT_CURRENCY})
    ]
    return freeze(
        provider=quotes.provider,
        kind=quotes.kind,
        as_of_us=quotes.as_of_us,
        fetched_at_us=fetched_at_us,
        rates=rates,
    )


def _quoted(quotes: Quotes, currency: str) -> Fraction:
    rate = quotes.rates.get(currency)
    if rate is None or currency not in SEED:
        facts = {"currency": currency[:TEXT_MAX], "day": quotes.day.isoformat()}
        raise Rejection("fx.rate_unknown", **facts)
    return Fraction(rate)


def _rate(currency: str, in_dollars: Fraction) -> Rate:
    """Return what a minor unit of a currency is worth in cents."""
    steps = SEED[REPORT_CURRENCY].scale - SEED[currency].scale
    ratio = in_dollars * Fraction(10) ** steps
    return Rate(currency, REPORT_CURRENCY, ratio.numerator, ratio.denominator)
