"""What does a forecast tell, and of what quality does it know itself to be?

Amounts are integer minor units, shares are integer millionths.
"""

from __future__ import annotations

import msgspec


class TooShort(Exception):
    """The history does not bear a forecast. `needed`, `present`: open days."""

    def __init__(self, *, needed: int, present: int) -> None:
        super().__init__(f"{needed} days with payments needed, {present} present")
        self.needed = needed
        self.present = present


class Interval(msgspec.Struct, frozen=True):
    """Bounds that hold the truth `level` times of a hundred, in minor units."""

    level: int
    low_minor: int
    high_minor: int


class Expected(msgspec.Struct, frozen=True):
    """What is expected of one day in one direction; the truth is as often above as below."""

    middle_minor: int
    intervals: list[Interval]


class DayAhead(msgspec.Struct, frozen=True, kw_only=True):
    """A day that is forecast. `is_open`: nothing is expected on a weekday that saw nothing before.
    `difference`: in less out, with intervals of its own, from how far differences strayed."""

    day: str
    is_open: bool
    incoming: Expected
    outgoing: Expected
    difference: Expected


class Coverage(msgspec.Struct, frozen=True):
    """How many of the backtest's truths lay within the intervals of a level, which were made
    without them: here, and over all series that were pooled. Millionths."""

    level: int
    covered_ppm: int
    pooled_ppm: int


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """How a backtest went: coverage level by level, the number of truths, and the weighted absolute
    percentage error (sum of misses by sum of truths), in millionths; None when all truths are 0."""

    coverage: list[Coverage]
    points: int
    pooled_points: int
    wape_ppm: int | None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Days ahead, and on what they rest."""

    currency: str
    model: str
    first_day: str
    last_day: str
    history_days: int
    """Days from the first to the last."""
    open_days: int
    """Those of them that had payments, which is what the model learns from."""
    windows: int
    """Backtests of this currency."""
    pooled_currencies: list[str]
    incoming: Measured
    outgoing: Measured
    difference: Measured
    days: list[DayAhead]
