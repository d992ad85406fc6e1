"""Days of payments as they are: weekly, with turns of months and quarters, seasons, a memory from
day to day, and outliers."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from nostro.risk import DayFlow

LAST_DAY = date(2026, 6, 30)


def synthetic_flows(
    *, seed: int, currencies: int = 10, days: int = 365, last_day: date = LAST_DAY
) -> list[DayFlow]:
    """Return the flows of so many currencies on the weekdays among so many days."""
    chance = np.random.default_rng(seed)
    calendar = [last_day - timedelta(days=back) for back in reversed(range(days))]
    open_days = [day for day in calendar if day.weekday() < 5]
    rows = []
    for number in range(currencies):
        incoming = _one_way(chance, open_days)
        outgoing = _one_way(chance, open_days)
        rows += [
            DayFlow(f"C{number:02d}", day.isoformat(), int(comes), int(goes))
            for day, comes, goes in zip(open_days, incoming, outgoing, strict=True)
        ]
    return rows


def _one_way(chance: np.random.Generator, days: list[date]) -> list[float]:
    """Return the amounts of one direction: a level of 1 to 100 million, in cents."""
    level = np.log(10 ** chance.uniform(8, 10))
    weekly = chance.normal(0, 0.15, 5)
    month_end, quarter_end, mid_month = chance.uniform(0.2, 0.6, 3)
    season, phase = chance.uniform(0.05, 0.2), chance.uniform(0, 2 * np.pi)
    memory, residual = 0.5, 0.0
    amounts = []
    for index, day in enumerate(days):
        residual = memory * residual + chance.normal(0, 0.15)
        told = level + weekly[day.weekday()] + residual
        told += season * np.sin(2 * np.pi * day.timetuple().tm_yday / 365 + phase)
        following = days[index + 1] if index + 1 < len(days) else day + timedelta(days=1)
        if following.month != day.month:
            told += month_end + (quarter_end if day.month % 3 == 0 else 0)
        if 14 <= day.day <= 16:
            told += mid_month
        if chance.random() < 0.03:
            told += chance.choice([-1, 1]) * chance.uniform(0.5, 1.5)
        amounts.append(float(np.exp(told)))
    return amounts
