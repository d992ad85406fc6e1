"""On which days can two assets settle against each other, and when does such a day begin?

A day is an ordinal (`datetime.date.toordinal`). Who builds tables from calendars is an adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

import msgspec

from nostro.kernel.messages import Rejection
from nostro.settlement.terms import Cycle

DAY_US = 86_400_000_000
EPOCH_DAY = 719_163
"""Ordinal of 1970-01-01."""
DAYS_AHEAD_MAX = 366
"""A settlement may be instructed up to a year ahead."""
DAYS_AFTER = {Cycle.INSTANT: 0, Cycle.T1: 1, Cycle.T2: 2}


class SettlementDays(Protocol):
    """Knows the settlement days of every calendar. Pure: the time is told."""

    def day_of(self, at_us: int) -> int:
        """Return the day of a time."""
        ...

    def start_of(self, day: int) -> int:
        """Return the time at which a day begins."""
        ...

    def knows(self, calendar: str) -> bool:
        """Tell whether there is a calendar of this name; "" is every day."""
        ...

    def is_open(self, day: int, calendars: tuple[str, ...]) -> bool:
        """Tell whether a day is a settlement day of all these calendars; none is beyond what their
        tables tell."""
        ...


class PlainDays(msgspec.Struct, frozen=True):
    """Days that begin every `day_us` microseconds: the day `first_day` at `first_us`. `open_days`
    of each calendar: those on which it settles. A day of 86,400 seconds from the epoch on is a day
    of UTC; a shorter one is for demonstrations."""

    open_days: Mapping[str, frozenset[int]] = {}
    day_us: int = DAY_US
    first_day: int = EPOCH_DAY
    first_us: int = 0

    def day_of(self, at_us: int) -> int:
        """See SettlementDays.day_of."""
        return self.first_day + (at_us - self.first_us) // self.day_us

    def start_of(self, day: int) -> int:
        """See SettlementDays.start_of."""
        return self.first_us + (day - self.first_day) * self.day_us

    def knows(self, calendar: str) -> bool:
        """See SettlementDays.knows."""
        return not calendar or calendar in self.open_days

    def is_open(self, day: int, calendars: tuple[str, ...]) -> bool:
        """See SettlementDays.is_open."""
        return all(not each or day in self.open_days.get(each, ()) for each in calendars)


def every_day() -> PlainDays:
    """Return days of UTC, all of them settlement days."""
    return PlainDays()


def next_open(days: SettlementDays, day: int, calendars: tuple[str, ...]) -> int:
    """Return the first settlement day from `day` on; raises Rejection `settlement.date_too_far`
    when the calendars tell of none."""
    for candidate in range(day, day + DAYS_AHEAD_MAX + 1):
        if days.is_open(candidate, calendars):
            return candidate
    raise Rejection("settlement.date_too_far", after=date.fromordinal(day).isoformat())


def day_by_cycle(
    days: SettlementDays, trade_day: int, cycle: Cycle, calendars: tuple[str, ...]
) -> int:
    """Return the settlement day of a trade: that day or the next open one, and from there so many
    open days further. Raises as `next_open` does."""
    day = next_open(days, trade_day, calendars) if cycle is Cycle.INSTANT else trade_day
    for _ in range(DAYS_AFTER[cycle]):
        day = next_open(days, day + 1, calendars)
    return day
