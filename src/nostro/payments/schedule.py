"""When does a payment settle: with which netting cycle, on which day, closing when?

A day is an ordinal (`datetime.date.toordinal`), a day starts at midnight UTC, and a cycle closes on
its value date. Who builds the tables from calendars and local cut-offs is an adapter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Protocol

import msgspec

from nostro.kernel.messages import Rejection
from nostro.payments.commands import Window

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
DAY_MINUTES = 1_440
_EPOCH_DAY = 719_163
"""Ordinal of 1970-01-01."""
CLOSED_DAY = -1
"""Stands for the cut-off of a day on which a currency is not settled."""
GROSS_RETRY_US = 60_000_000
"""How long a gross payment waits when it was deferred: liquidity comes in all day."""
SLOTS_CACHED_MAX = 8_192
"""Pairs and days whose cycle is kept at hand: 30 currencies have some 900 pairs, of a few days."""
NAMES_CACHED_MAX = 1_024
"""Cycles whose name is kept at hand: those that are open, many times over."""
VALUE_DATE_DAYS_MAX = 366
"""A payment may wait up to a year for its value date."""

_AFTER_DAYS = {Window.RTGS: 0, Window.T0: 0, Window.T1: 1, Window.T2: 2}


class Placement(msgspec.Struct, frozen=True, gc=False):
    """Where a payment settles. `cycle_id` "": gross, in the room's own cycle, which closes at
    `cut_off_at_us` at the earliest."""

    cycle_id: str
    cut_off_at_us: int
    value_date: str


_Validity = tuple[int, int, Placement]
"""From when, until when (excluded), and where."""
_NOWHERE: _Validity = (0, 0, Placement("", 0, ""))


class Schedule(Protocol):
    """Knows the windows of every currency. Pure: the time is told."""

    def place(
        self, window: Window, source: str, destination: str, value_date: str, at_us: int
    ) -> Placement:
        """Return where a payment that comes at `at_us` settles, not before `value_date` ("": as
        soon as its window allows).

        Raises Rejection `payments.currency_unsupported`, `payments.currency_closed` (facts tell
        the next open day), `payments.cut_off_passed`, `payments.value_date_past` or
        `payments.value_date_too_far`.
        """
        ...

    def next_after(self, window: Window, source: str, destination: str, at_us: int) -> Placement:
        """Return the first place that closes after `at_us`, for a payment that is deferred or was
        held up; raises Rejection `payments.value_date_too_far` beyond the calendars."""
        ...


def day_of(at_us: int) -> int:
    """Return the day of a time."""
    return _EPOCH_DAY + at_us // DAY_US


def start_of(day: int) -> int:
    """Return the time at which a day starts."""
    return (day - _EPOCH_DAY) * DAY_US


def iso(day: int) -> str:
    """Return a day as `YYYY-MM-DD`."""
    return date.fromordinal(day).isoformat()


def value_date_of(cut_off_at_us: int) -> str:
    """Return the value date of a cycle: the day on which it closes."""
    return iso(day_of(cut_off_at_us))


@lru_cache(maxsize=NAMES_CACHED_MAX)
def cycle_name(cut_off_at_us: int) -> str:
    """Return the id of the netting cycle that closes then: `2026-01-30T1600Z`, with seconds and
    microseconds only where there are some."""
    seconds, rest_us = divmod(cut_off_at_us % DAY_US, 1_000_000)
    minutes, second = divmod(seconds, 60)
    told = f"{minutes // 60:02}{minutes % 60:02}"
    if second or rest_us:
        told += f"{second:02}"
    if rest_us:
        told += f".{rest_us:06}"
    return f"{value_date_of(cut_off_at_us)}T{told}Z"


def _wanted_day(value_date: str, today: int) -> int:
    """Return the earliest day that a payment asks for, 0 if none; raises Rejection."""
    if not value_date:
        return 0
    wanted = date.fromisoformat(value_date).toordinal()
    if wanted < today:
        raise Rejection("payments.value_date_past", value_date=value_date, today=iso(today))
    if wanted > today + VALUE_DATE_DAYS_MAX:
        raise Rejection(
            "payments.value_date_too_far",
            value_date=value_date,
            last_day=iso(today + VALUE_DATE_DAYS_MAX),
        )
    return wanted


def _gross_is_today(wanted: int, today: int) -> None:
    if wanted > today:
        raise Rejection(
            "payments.value_date_too_far",
            value_date=iso(wanted),
            last_day=iso(today),
            window=Window.RTGS.value,
        )


class RollingSchedule:
    """Closes a cycle every `every_us` microseconds, day and night, every currency open: for
    development, demonstrations and measurements. T+1 and T+2 close one and two cycles later."""

    def __init__(self, every_us: int) -> None:
        if every_us <= 0:
            raise ValueError("a cycle takes time")
        self._every_us = every_us

    def place(
        self, window: Window, source: str, destination: str, value_date: str, at_us: int
    ) -> Placement:
        """See Schedule.place; no currency is ever closed."""
        today = day_of(at_us)
        wanted = _wanted_day(value_date, today)
        if window is Window.RTGS:
            _gross_is_today(wanted, today)
            return Placement("", at_us, iso(today))
        return self._closing_after(
            max(at_us, start_of(wanted) if wanted else 0) + _AFTER_DAYS[window] * self._every_us
        )

    def next_after(self, window: Window, source: str, destination: str, at_us: int) -> Placement:
        """See Schedule.next_after."""
        if window is Window.RTGS:
            again_us = at_us + self._every_us
            return Placement("", again_us, value_date_of(again_us))
        return self._closing_after(at_us)

    def _closing_after(self, at_us: int) -> Placement:
        cut_off = (at_us // self._every_us + 1) * self._every_us
        return Placement(cycle_name(cut_off), cut_off, value_date_of(cut_off))


class CurrencyDays(msgspec.Struct, frozen=True, gc=False):
    """On which days a currency is settled, and until when.

    `cut_offs`: for each day from `first_day` on the minute of that day, counted from midnight UTC,
    after which nothing is settled any more (so that daylight saving is told by the table), or
    CLOSED_DAY. Bounded: what comes before or after is not known, and so closed.
    """

    first_day: int
    cut_offs: tuple[int, ...]

    @property
    def last_day(self) -> int:
        """Return the last day that is known."""
        return self.first_day + len(self.cut_offs) - 1

    def cut_off(self, day: int) -> int:
        """Return the cut-off of a day in minutes, or CLOSED_DAY."""
        place = day - self.first_day
        return self.cut_offs[place] if 0 <= place < len(self.cut_offs) else CLOSED_DAY


class BusinessSchedule:
    """Netting cycles at fixed minutes of the day (`slots`, UTC), under the calendars and cut-offs
    of the currencies.

    On its value date a payment nets in the last slot that is not after the earlier of both
    currencies' cut-offs, so that payments of T+0, T+1 and T+2 for one day net together; without
    such a slot, at that cut-off itself. A day is open for a pair when it is for both.
    """

    def __init__(self, days: Mapping[str, CurrencyDays], slots: Sequence[int]) -> None:
        if not all(0 <= slot < DAY_MINUTES for slot in slots):
            raise ValueError("a slot is a minute of the day")
        self._days = dict(days)
        self._slots = sorted(set(slots), reverse=True)
        self._last_day = max((each.last_day for each in days.values()), default=0)
        self._close = lru_cache(maxsize=SLOTS_CACHED_MAX)(self._closing_at)
        self._placed: dict[tuple[Window, str, str, str], _Validity] = {}

    @property
    def currencies(self) -> frozenset[str]:
        """Return the currencies that are settled."""
        return frozenset(self._days)

    def place(
        self, window: Window, source: str, destination: str, value_date: str, at_us: int
    ) -> Placement:
        """See Schedule.place."""
        if window is Window.RTGS:
            return self._gross(source, destination, value_date, at_us)
        name = (window, source, destination, value_date)
        begins_us, ends_us, placement = self._placed.get(name, _NOWHERE)
        if begins_us <= at_us < ends_us:
            return placement
        if len(self._placed) >= SLOTS_CACHED_MAX:
            self._placed.clear()
        begins_us, ends_us, placement = self._place(window, source, destination, value_date, at_us)
        self._placed[name] = begins_us, ends_us, placement
        return placement

    def _place(
        self, window: Window, source: str, destination: str, value_date: str, at_us: int
    ) -> _Validity:
        """Return where a payment that is netted settles, and from when until when that is so."""
        today = day_of(at_us)
        wanted = _wanted_day(value_date, today)
        self._check_supported(source, destination)
        if wanted:
            self._check_open(source, destination, wanted)
        day = max(wanted, self._nth_open(source, destination, today, _AFTER_DAYS[window]))
        close_us, tomorrow_us = self._close(source, destination, day), start_of(today + 1)
        if close_us > at_us:
            placement = Placement(cycle_name(close_us), close_us, iso(day))
            return start_of(today), min(close_us, tomorrow_us), placement
        if wanted == day:
            raise self._cut_off_passed(source, destination, day, close_us)
        return close_us, tomorrow_us, self.next_after(window, source, destination, at_us)

    def next_after(self, window: Window, source: str, destination: str, at_us: int) -> Placement:
        """See Schedule.next_after: a gross payment comes again after GROSS_RETRY_US while the
        currencies are open, then at the beginning of their next open day."""
        self._check_supported(source, destination)
        if window is Window.RTGS:
            return self._gross_again(source, destination, at_us + GROSS_RETRY_US)
        for day in range(day_of(at_us), self._last_day + 1):
            close_us = self._close(source, destination, day)
            if close_us > at_us:
                return Placement(cycle_name(close_us), close_us, iso(day))
        raise self._too_far(source, destination)

    # -- days --------------------------------------------------------------------------------------

    def _cut_off(self, source: str, destination: str, day: int) -> int:
        """Return the earlier cut-off of a pair on a day in minutes, or CLOSED_DAY."""
        return min(self._days[source].cut_off(day), self._days[destination].cut_off(day))

    def _closing_at(self, source: str, destination: str, day: int) -> int:
        """Return when the pair's cycle of a day closes, or CLOSED_DAY."""
        cut_off = self._cut_off(source, destination, day)
        if cut_off == CLOSED_DAY:
            return CLOSED_DAY
        bound = min(cut_off, DAY_MINUTES - 1)
        slot = next((slot for slot in self._slots if slot <= bound), bound)
        return start_of(day) + slot * MINUTE_US

    def _nth_open(self, source: str, destination: str, day: int, number: int) -> int:
        """Return the open day that is `number` open days after the first one from `day` on."""
        for each in range(day, self._last_day + 1):
            if self._close(source, destination, each) == CLOSED_DAY:
                continue
            if not number:
                return each
            number -= 1
        raise self._too_far(source, destination)

    def _gross(self, source: str, destination: str, value_date: str, at_us: int) -> Placement:
        today = day_of(at_us)
        wanted = _wanted_day(value_date, today)
        self._check_supported(source, destination)
        _gross_is_today(wanted, today)
        self._check_open(source, destination, today)
        end_us = start_of(today) + self._cut_off(source, destination, today) * MINUTE_US
        if end_us <= at_us:
            raise self._cut_off_passed(source, destination, today, end_us)
        return Placement("", at_us, iso(today))

    def _gross_again(self, source: str, destination: str, at_us: int) -> Placement:
        day = day_of(at_us)
        if start_of(day) + self._cut_off(source, destination, day) * MINUTE_US > at_us:
            return Placement("", at_us, iso(day))
        start_us = start_of(self._nth_open(source, destination, day + 1, 0))
        return Placement("", start_us, value_date_of(start_us))

    # -- refusals ----------------------------------------------------------------------------------

    def _check_supported(self, source: str, destination: str) -> None:
        for currency in (source, destination):
            if currency not in self._days:
                raise Rejection("payments.currency_unsupported", currency=currency[:24])

    def _check_open(self, source: str, destination: str, day: int) -> None:
        """Raise Rejection `payments.currency_closed`, or `..too_far` beyond the calendars."""
        if day > min(self._days[source].last_day, self._days[destination].last_day):
            raise self._too_far(source, destination)
        for currency in (source, destination):
            if self._days[currency].cut_off(day) == CLOSED_DAY:
                raise Rejection(
                    "payments.currency_closed",
                    currency=currency,
                    value_date=iso(day),
                    next_open_day=iso(self._nth_open(source, destination, day, 0)),
                )

    def _cut_off_passed(self, source: str, destination: str, day: int, end_us: int) -> Rejection:
        return Rejection(
            "payments.cut_off_passed",
            source_currency=source,
            destination_currency=destination,
            value_date=iso(day),
            cut_off_at_us=end_us,
            next_open_day=iso(self._nth_open(source, destination, day + 1, 0)),
        )

    def _too_far(self, source: str, destination: str) -> Rejection:
        last_day = min(self._days[source].last_day, self._days[destination].last_day)
        return Rejection(
            "payments.value_date_too_far",
            source_currency=source,
            destination_currency=destination,
            last_day=iso(last_day),
        )
