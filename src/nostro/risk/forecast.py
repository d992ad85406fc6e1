"""What will come in and go out on each of the next days, and how far off may that be?

The only floats of the room: an estimate, never a sum that anything is booked or held against. All
that goes in and out is integer minor units; the same history gives the same forecast.

A model says, on a log scale, what it expects and how far its own residuals spread. Its intervals
are then corrected by conformalized quantile regression (Romano, Patterson, Candes 2019): the past
is forecast again from earlier days, and each bound moves by the quantile of how far the truth lay
beyond it. The errors of all currencies, both directions and all horizons are pooled, for a 95 %
interval needs more of them than one series has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nostro.risk.history import Days, Floats, History, open_ahead, steps_of, weekday_of
from nostro.risk.prospect import (
    Coverage,
    DayAhead,
    Expected,
    Forecast,
    Interval,
    Measured,
    TooShort,
)

LEVELS = (80, 90, 95)
"""Per cent of the truths that an interval is to hold."""
TRAIN_DAYS_MIN = 60
"""Open days before the first day that is forecast in a backtest: about a quarter."""
WINDOWS_MIN, WINDOWS_MAX = 5, 12
"""Backtests: with 5 of 5 days, one series alone gives the 19 errors that 95 % needs even when one
backtest is left out; more than 12 reach back to another time."""
AHEAD_DAYS = (7, 14, 31)
"""Horizons, in days, that a forecast is made for: what is asked is rounded up."""
SCALE_MIN = 1e-3
"""Spread of a series that does not vary, in logs: a thousandth, so that errors can be divided."""


class Outlook(NamedTuple):
    """What a model expects of days ahead, in logs: the middle, the bounds (level by day), and by
    how much the series strays from what the model said of the past."""

    middle: Floats
    low: Floats
    high: Floats
    scale: float


class Model(Protocol):
    """Forecasts one series; the same input gives the same output."""

    name: str

    def outlook(self, days: Days, logs: Floats, ahead: Days) -> Outlook:
        """Return what is expected `ahead`, the next open days after `days`."""
        ...


class Forecaster(Protocol):
    """Makes a forecast of one currency from the histories of all; the same from the same."""

    def __call__(self, pool: Mapping[str, History], currency: str, *, days_ahead: int) -> Forecast:
        """Return the forecast; raises TooShort."""
        ...


def days_needed(steps: int) -> int:
    """Return the open days without which there is no forecast of so many open days."""
    return TRAIN_DAYS_MIN + WINDOWS_MIN * steps


# -- the model -------------------------------------------------------------------------------------


class CalendarRidge:
    """A ridge regression on the calendar (weekday, turn of the month, quarter's end, mid-month, the
    season where a year is known, a slow trend) whose residual fades away like an AR(1) process.

    Outliers weigh less (Huber, three rounds). Bounds are the residuals' own quantiles, which need
    not be symmetric, narrower for the next days as far as today's residual tells of them.
    """

    name = "calendar"

    def outlook(self, days: Days, logs: Floats, ahead: Days) -> Outlook:
        """See Model.outlook."""
        known, wanted = _features(days, ahead)
        weights = _fitted(known, logs)
        residuals = logs - known @ weights
        scale = max(_spread(residuals), SCALE_MIN)
        tamed = np.clip(residuals, -3 * scale, 3 * scale)
        phi = _persistence(tamed)
        steps = np.arange(1, len(ahead) + 1)
        fading = phi**steps
        middle = wanted @ weights + fading * tamed[-1]
        narrowing = np.sqrt(1 - fading**2)
        tails = np.array([(100 - level) / 200 for level in LEVELS])
        low = np.quantile(residuals, tails)[:, None] * narrowing
        high = np.quantile(residuals, 1 - tails)[:, None] * narrowing
        return Outlook(middle, middle + low, middle + high, scale)


TREND_PENALTY = 20.0
"""Against a trend of a whole e-fold in a year, where a few months are known."""
DUMMY_PENALTY = 1.0
"""As much as one day that says nothing is special."""
SEASON_DAYS_MIN = 365


def _features(days: Days, ahead: Days) -> tuple[Floats, Floats]:
    """Return the calendar of known and wanted days, one row each; the first column is 1 for all,
    the second the trend."""
    all_days = np.concatenate([days, ahead])
    weekday = weekday_of(all_days)
    is_open = np.isin(np.arange(7), weekday)
    to_next = np.array([_gap(is_open, each, 1) for each in range(7)])
    to_last = np.array([_gap(is_open, each, -1) for each in range(7)])
    month = _month(all_days)
    following = all_days + to_next[weekday]
    closes = _month(following) != month
    nearly = ~closes & (_month(following + to_next[weekday_of(following)]) != month)
    opens = _month(all_days - to_last[weekday]) != month
    quarter = closes & (month % 3 == 2)
    of_month = _day_of_month(all_days)
    columns = [np.ones(len(all_days)), (all_days - days[-1]) / 365.25]
    columns += [weekday == each for each in range(7) if is_open[each]]
    columns += [closes, nearly, opens, quarter, (of_month >= 14) & (of_month <= 16)]
    if days[-1] - days[0] >= SEASON_DAYS_MIN:
        angle = 2 * np.pi * all_days / 365.2425
        columns += [wave(angle * k) for k in (1, 2) for wave in (np.sin, np.cos)]
    matrix = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    return matrix[: len(days)], matrix[len(days) :]


def _gap(is_open: NDArray[np.bool_], weekday: int, step: int) -> int:
    """Return how many days it is to the next open weekday, or since the last one."""
    return next(gap for gap in range(1, 8) if is_open[(weekday + step * gap) % 7])


def _months(days: Days) -> NDArray[np.datetime64]:
    return (days - date(1970, 1, 1).toordinal()).astype("datetime64[D]")


def _month(days: Days) -> Days:
    """Return the month of each day, counted on from January 1970 (so March is 2 modulo 3)."""
    return _months(days).astype("datetime64[M]").astype(np.int64)


def _day_of_month(days: Days) -> Days:
    told = _months(days)
    since: Days = (told - told.astype("datetime64[M]")).astype(np.int64)
    return since + 1


def _fitted(matrix: Floats, logs: Floats) -> Floats:
    """Return the weights of the columns."""
    penalties = np.full(matrix.shape[1], DUMMY_PENALTY)
    penalties[0], penalties[1] = 1e-9, TREND_PENALTY
    trust: Floats = np.ones(len(logs))
    weights: Floats = np.zeros(matrix.shape[1])
    for _ in range(3):
        weighted = matrix * trust[:, None]
        solved = np.linalg.solve(weighted.T @ matrix + np.diag(penalties), weighted.T @ logs)
        weights = np.asarray(solved, dtype=np.float64)
        residuals = np.abs(logs - matrix @ weights)
        scale = max(_spread(residuals), SCALE_MIN)
        trust = np.minimum(1.0, 2.5 * scale / np.maximum(residuals, 1e-12))
    return weights


def _spread(residuals: Floats) -> float:
    """Return the standard deviation that the median of the misses tells of (Gaussian)."""
    return float(1.4826 * np.median(np.abs(residuals)))


def _persistence(residuals: Floats) -> float:
    """Return how much of a residual is left the next day, 0 to 0.95."""
    below = float(residuals @ residuals)
    if below <= 0:
        return 0.0
    return float(np.clip(residuals[1:] @ residuals[:-1] / below, 0.0, 0.95))


# -- backtests -------------------------------------------------------------------------------------


class _Tried(NamedTuple):
    """A backtest of a currency: which window, counted from the end; what both models said; what was
    true (rows as in History.flows)."""

    currency: str
    window: int
    outlooks: tuple[Outlook, Outlook]
    truths: Floats


def forecast(
    pool: Mapping[str, History], currency: str, *, days_ahead: int, model: Model
) -> Forecast:
    """Return the forecast of a currency, whose errors are pooled with those of the others.

    Raises TooShort when its own history is; others that are too short are left out of the pool.
    """
    history = pool.get(currency)
    if history is None:
        raise TooShort(needed=days_needed(steps_of(days_ahead, (True,) * 5)), present=0)
    steps = steps_of(days_ahead, history.weekdays)
    if len(history.days) < days_needed(steps):
        raise TooShort(needed=days_needed(steps), present=len(history.days))
    tried: list[_Tried] = []
    for each in pool.values():
        each_steps = steps_of(days_ahead, each.weekdays)
        if len(each.days) >= days_needed(each_steps):
            tried += _backtests(each, each_steps, model)
    own = [each for each in tried if each.currency == currency]
    return Forecast(
        currency=currency,
        model=model.name,
        first_day=date.fromordinal(history.first_day).isoformat(),
        last_day=date.fromordinal(history.last_day).isoformat(),
        history_days=history.last_day - history.first_day + 1,
        open_days=len(history.days),
        windows=len(own),
        pooled_currencies=sorted({each.currency for each in tried}),
        incoming=_measured(tried, currency, 0),
        outgoing=_measured(tried, currency, 1),
        difference=_measured_difference(tried, currency),
        days=_days_ahead(history, days_ahead, model, tried),
    )


def _logs(flows: Floats) -> Floats:
    return np.log(np.maximum(flows, 1.0))


def _backtests(history: History, steps: int, model: Model) -> list[_Tried]:
    """Forecast the last windows again, each from the days before it."""
    count = min(WINDOWS_MAX, (len(history.days) - TRAIN_DAYS_MIN) // steps)
    tried = []
    for window in range(1, count + 1):
        start = len(history.days) - window * steps
        days, ahead = history.days[:start], history.days[start : start + steps]
        logs = _logs(history.flows[:, :start])
        outlooks = tuple(model.outlook(days, row, ahead) for row in logs)
        truths = history.flows[:, start : start + steps]
        tried.append(_Tried(history.currency, window, (outlooks[0], outlooks[1]), truths))
    return tried


def _beyond(each: _Tried, direction: int) -> Floats:
    """Return how far the truths lay beyond the model's bounds, level by day, in the series' own
    spread; below zero within them."""
    outlook, truths = each.outlooks[direction], _logs(each.truths[direction])
    worse: Floats = np.maximum(outlook.low - truths, truths - outlook.high)
    return worse / outlook.scale


def _strays(each: _Tried) -> Floats:
    """Return how far the differences strayed from what was said, by the turnover that was said."""
    said = np.exp(np.stack([outlook.middle for outlook in each.outlooks]))
    off = (each.truths[0] - each.truths[1]) - (said[0] - said[1])
    strays: Floats = np.abs(off) / np.sum(said, axis=0)
    return strays


def _all_beyond(tried: Sequence[_Tried]) -> Floats:
    """Return the pooled errors of both directions, level by error."""
    return np.hstack([_beyond(each, direction) for each in tried for direction in (0, 1)])


def _all_strays(tried: Sequence[_Tried]) -> Floats:
    return np.concatenate([_strays(each) for each in tried])


def _quantile(errors: Floats, level: int) -> float:
    """Return the error that `level` per cent of errors do not exceed, counting the next one among
    them (the correction that makes the promise hold for samples of any size)."""
    rank = -(-(len(errors) + 1) * level // 100)
    ordered = np.sort(errors)
    return float(ordered[min(rank, len(ordered)) - 1])


def _corrections(errors: Floats) -> Floats:
    """Return by how much each level's bounds move outwards."""
    return np.array([_quantile(row, level) for row, level in zip(errors, LEVELS, strict=True)])


def _measured(tried: Sequence[_Tried], currency: str, direction: int) -> Measured:
    """Return how intervals held that were corrected by the other windows only."""
    hits: dict[str, list[NDArray[np.bool_]]] = {}
    for window in sorted({each.window for each in tried}):
        others = [each for each in tried if each.window != window]
        corrections = _corrections(_all_beyond(others))[:, None]
        for each in tried:
            if each.window == window:
                held = _beyond(each, direction) <= corrections
                hits.setdefault(each.currency, []).append(held)
    own = [each for each in tried if each.currency == currency]
    said = np.concatenate([np.exp(each.outlooks[direction].middle) for each in own])
    truths = np.concatenate([each.truths[direction] for each in own])
    return _told(hits, currency, said, truths)


def _measured_difference(tried: Sequence[_Tried], currency: str) -> Measured:
    """Return the same of what comes in less what goes out."""
    hits: dict[str, list[NDArray[np.bool_]]] = {}
    for window in sorted({each.window for each in tried}):
        errors = _all_strays([each for each in tried if each.window != window])
        bounds = np.array([_quantile(errors, level) for level in LEVELS])[:, None]
        for each in tried:
            if each.window == window:
                hits.setdefault(each.currency, []).append(_strays(each)[None, :] <= bounds)
    own = [each for each in tried if each.currency == currency]
    said = np.concatenate(
        [np.exp(each.outlooks[0].middle) - np.exp(each.outlooks[1].middle) for each in own]
    )
    truths = np.concatenate([each.truths[0] - each.truths[1] for each in own])
    return _told(hits, currency, said, truths)


def _told(
    hits: Mapping[str, Sequence[NDArray[np.bool_]]], currency: str, said: Floats, truths: Floats
) -> Measured:
    own = np.hstack(hits[currency])
    pooled = np.hstack([each for held in hits.values() for each in held])
    below = float(np.sum(np.abs(truths)))
    return Measured(
        coverage=[
            Coverage(level, _ppm(own[index].mean()), _ppm(pooled[index].mean()))
            for index, level in enumerate(LEVELS)
        ],
        points=own.shape[1],
        pooled_points=pooled.shape[1],
        wape_ppm=_ppm(float(np.sum(np.abs(said - truths))) / below) if below > 0 else None,
    )


def _ppm(share: float | np.floating) -> int:
    return round(float(share) * 1_000_000)


# -- days ahead ------------------------------------------------------------------------------------


def _days_ahead(
    history: History, days_ahead: int, model: Model, tried: Sequence[_Tried]
) -> list[DayAhead]:
    ahead = open_ahead(history, days_ahead)
    found: dict[int, tuple[Expected, Expected, Expected]] = {}
    if len(ahead):
        corrections = _corrections(_all_beyond(tried))[:, None]
        errors = _all_strays(tried)
        strays = np.array([_quantile(errors, level) for level in LEVELS])[:, None]
        outlooks = [model.outlook(history.days, row, ahead) for row in _logs(history.flows)]
        incoming, outgoing = (_expected(outlook, corrections) for outlook in outlooks)
        said = np.exp(np.stack([outlook.middle for outlook in outlooks]))
        middle, reach = said[0] - said[1], np.sum(said, axis=0) * strays
        difference = _nested(middle, middle - reach, middle + reach)
        days = zip(ahead.tolist(), incoming, outgoing, difference, strict=True)
        found = {day: expected for day, *expected in days}  # type: ignore[misc]
    nothing = Expected(0, [Interval(level, 0, 0) for level in LEVELS])
    told = []
    for day in range(history.last_day + 1, history.last_day + 1 + days_ahead):
        comes, goes, differs = found.get(day, (nothing, nothing, nothing))
        told.append(
            DayAhead(
                day=date.fromordinal(day).isoformat(),
                is_open=day in found,
                incoming=comes,
                outgoing=goes,
                difference=differs,
            )
        )
    return told


def _expected(outlook: Outlook, corrections: Floats) -> list[Expected]:
    moved = corrections * outlook.scale
    low, high = np.exp(outlook.low - moved), np.exp(outlook.high + moved)
    return _nested(np.exp(outlook.middle), low, high)


def _nested(middle: Floats, low: Floats, high: Floats) -> list[Expected]:
    """Return whole minor units (half to even); a wider level holds a narrower one, and each the
    middle."""
    low = np.minimum.accumulate(np.minimum(low, middle), axis=0)
    high = np.maximum.accumulate(np.maximum(high, middle), axis=0)
    return [
        Expected(
            round(float(middle[day])),
            [
                Interval(level, round(float(low[row, day])), round(float(high[row, day])))
                for row, level in enumerate(LEVELS)
            ],
        )
        for day in range(len(middle))
    ]
