"""Are these rates fresh enough to settle at, and if they are old, what do they cost more?

By kind: executable rates (someone deals at them) are refused after a minute; indicative ones (a
screen) make every spread wider after 15 minutes and are refused after a day; reference ones (the
ECB's, fixed at 14:10 and published around 16:00 CET on TARGET days) are warned about when a TARGET
day has passed without a newer set, and refused after five calendar days, the longest gap in the
series since 1999.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import msgspec

from nostro.netting import rate_sets
from nostro.netting.commands import RateSet
from nostro.netting.costs import Spread, Tariff

SECOND_US = 1_000_000
DAY_S = 86_400
FUTURE_MAX_S = 60
"""Rates may be this much younger than the journal's clock: clocks differ."""
PUBLISHED_WITHIN_S = 10_800
"""A reference set is expected this long after its fixing, at the latest."""


class Freshness(StrEnum):
    """What a policy says of a rate set."""

    FRESH = "fresh"
    WARN = "warn"
    WIDEN = "widen"
    STALE = "stale"
    NOT_JUDGED = "not_judged"
    """The policy is off: history is replayed, and its rates are as old as it is."""


class RatePolicy(msgspec.Struct, frozen=True):
    """How old rates may be, by kind; None: of any age. `widen_ppm` is added to every spread when
    indicative rates are older than `indicative_s`: the median move of EUR/USD in a day is 26 bps
    (ECB, since 2016), in 15 minutes some 2.7 by the square root of time."""

    executable_s: int | None = 60
    indicative_s: int | None = 900
    indicative_refused_s: int | None = DAY_S
    reference_days: int | None = 5
    widen_ppm: int = 250

    @classmethod
    def off(cls) -> RatePolicy:
        """Return the policy for history (reference history): rates of any age and kind."""
        return cls(
            executable_s=None, indicative_s=None, indicative_refused_s=None, reference_days=None
        )

    def judge(self, rates: RateSet, *, at_us: int) -> Freshness:
        """Return how these rates stand at a time."""
        age_s = (at_us - rates.as_of_us) // SECOND_US
        match rates.kind:
            case rate_sets.EXECUTABLE:
                return _bounded(age_s, self.executable_s)
            case rate_sets.INDICATIVE:
                return self._judge_indicative(age_s)
            case rate_sets.REFERENCE:
                return self._judge_reference(rates.as_of_us, at_us, age_s)
            case _:
                return Freshness.STALE

    def tariff(self, tariff: Tariff, freshness: Freshness) -> Tariff:
        """Return what trades cost at rates of this freshness."""
        if freshness is not Freshness.WIDEN:
            return tariff
        return msgspec.structs.replace(
            tariff,
            spreads=tuple(
                Spread(each.one, each.other, each.ppm + self.widen_ppm) for each in tariff.spreads
            ),
            spread_ppm=tariff.spread_ppm + self.widen_ppm,
        )

    def _judge_indicative(self, age_s: int) -> Freshness:
        found = _bounded(age_s, self.indicative_refused_s)
        if self.indicative_s is None or found is Freshness.STALE:
            return found
        return Freshness.WIDEN if age_s > self.indicative_s else Freshness.FRESH

    def _judge_reference(self, as_of_us: int, at_us: int, age_s: int) -> Freshness:
        if self.reference_days is None:
            return Freshness.NOT_JUDGED
        if age_s > self.reference_days * DAY_S or age_s < -FUTURE_MAX_S:
            return Freshness.STALE
        due_us = next_target_day_us(as_of_us) + PUBLISHED_WITHIN_S * SECOND_US
        return Freshness.WARN if at_us > due_us else Freshness.FRESH


def _bounded(age_s: int, age_max_s: int | None) -> Freshness:
    if age_max_s is None:
        return Freshness.NOT_JUDGED
    fresh = -FUTURE_MAX_S <= age_s <= age_max_s
    return Freshness.FRESH if fresh else Freshness.STALE


def next_target_day_us(as_of_us: int) -> int:
    """Return the same time of day on the next TARGET day, in microseconds."""
    day = datetime.fromtimestamp(as_of_us // SECOND_US, tz=UTC).date()
    following = day + timedelta(days=1)
    while not is_target_day(following):
        following += timedelta(days=1)
    return as_of_us + (following - day).days * DAY_S * SECOND_US


def is_target_day(day: date) -> bool:
    """Tell whether T2 is open: no weekend, 1 January, Good Friday, Easter Monday, 1 May, 25 or 26
    December (ECB decision of 14 December 2000)."""
    if day.weekday() >= 5 or (day.month, day.day) in {(1, 1), (5, 1), (12, 25), (12, 26)}:
        return False
    easter = easter_sunday(day.year)
    return day not in (easter - timedelta(days=2), easter + timedelta(days=1))


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of a Gregorian year (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)
