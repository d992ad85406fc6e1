"""On which days had a currency payments, how much, and which days are open?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HISTORY_DAYS_MAX = 1_100
"""Days that are looked at: three years, so that each season was seen."""
Floats = NDArray[np.float64]
Days = NDArray[np.int64]
"""Ordinals of days (`datetime.date.toordinal`), ascending."""


class DayFlow(NamedTuple):
    """What settled in a currency on a day (`YYYY-MM-DD`), in minor units."""

    currency: str
    day: str
    in_minor: int
    out_minor: int


class History(NamedTuple):
    """The open days of a currency: their ordinals, and both flows in minor units. `weekdays`: which
    days of the week are open, Monday first."""

    currency: str
    first_day: int
    last_day: int
    days: Days
    flows: Floats
    """Row 0 what came in, row 1 what went out."""
    weekdays: tuple[bool, ...]


def histories(rows: Iterable[DayFlow], *, last_day: str) -> dict[str, History]:
    """Return the history of each currency up to and with a day, in the order of their codes.

    A weekday is open when at least half of its days had payments. A day that is open by that and
    had none counts as a holiday, and is left out, as are payments on other weekdays.
    """
    last = date.fromisoformat(last_day).toordinal()
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for row in rows:
        day = date.fromisoformat(row.day).toordinal()
        if last - HISTORY_DAYS_MAX < day <= last and row.in_minor + row.out_minor > 0:
            found.setdefault(row.currency, {})[day] = (row.in_minor, row.out_minor)
    return {code: _history(code, by_day, last) for code, by_day in sorted(found.items())}


def _history(currency: str, by_day: Mapping[int, tuple[int, int]], last: int) -> History:
    first = min(by_day)
    had = np.zeros(last - first + 1, dtype=bool)
    had[np.array(sorted(by_day)) - first] = True
    ordinals = np.arange(first, last + 1, dtype=np.int64)
    weekday = weekday_of(ordinals)
    weekdays = tuple(
        bool(np.any(weekday == each) and 2 * had[weekday == each].sum() >= np.sum(weekday == each))
        for each in range(7)
    )
    days = ordinals[had & np.array(weekdays)[weekday]]
    flows = np.array([by_day[int(day)] for day in days], dtype=np.float64).reshape(-1, 2).T
    return History(currency, first, last, days, flows, weekdays)


def weekday_of(days: Days) -> Days:
    """Return 0 for Mondays: ordinal 1 was one."""
    return (days + 6) % 7


def open_ahead(history: History, days_ahead: int) -> Days:
    """Return the open days among the next ones."""
    days = np.arange(history.last_day + 1, history.last_day + 1 + days_ahead, dtype=np.int64)
    is_open: Days = days[np.array(history.weekdays)[weekday_of(days)]]
    return is_open


def steps_of(days_ahead: int, weekdays: Sequence[bool]) -> int:
    """Return the most open days that so many days can have; at least 1."""
    weeks, rest = divmod(days_ahead, 7)
    return max(1, weeks * sum(weekdays) + min(rest, sum(weekdays)))
