"""Who forecasts flows, off the event loop, and not twice for the same history?"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from nostro.risk import (
    AHEAD_DAYS,
    CalendarRidge,
    DayFlow,
    Forecast,
    Forecaster,
    History,
    forecast,
    histories,
)

KEPT_MAX = 64
"""Forecasts that are kept: some 20 currencies at each horizon."""

Key = tuple[str, str, str, int, int]
"""Currency, last day, model, horizon, and a hash of the history."""


def by_calendar(pool: Mapping[str, History], currency: str, *, days_ahead: int) -> Forecast:
    """Forecast with the regression on the calendar; see `nostro.risk.CalendarRidge`."""
    return forecast(pool, currency, days_ahead=days_ahead, model=CalendarRidge())


DEFAULT: Mapping[str, Forecaster] = {"calendar": by_calendar}


class Forecasts:
    """Makes forecasts one at a time, in a thread, and keeps the last ones. A forecast is made again
    when any day that it rests on has changed."""

    def __init__(self, models: Mapping[str, Forecaster] = DEFAULT) -> None:
        self.models = models
        self._kept: OrderedDict[Key, asyncio.Task[Forecast]] = OrderedDict()
        self._one = asyncio.Semaphore(1)

    async def of(
        self, rows: Sequence[DayFlow], currency: str, *, last_day: str, days_ahead: int, model: str
    ) -> Forecast:
        """Return the forecast of the horizon that holds so many days; raises TooShort, and KeyError
        for a model that is not there."""
        forecaster = self.models[model]
        horizon = next(days for days in AHEAD_DAYS if days >= days_ahead)
        key = (currency, last_day, model, horizon, hash(tuple(rows)))
        made = self._kept.get(key)
        if made is None:
            made = asyncio.create_task(self._make(forecaster, rows, key))
            self._kept[key] = made
            made.add_done_callback(lambda task: self._let_go(key, task))
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return await asyncio.shield(made)

    async def _make(self, forecaster: Forecaster, rows: Sequence[DayFlow], key: Key) -> Forecast:
        currency, last_day, _, horizon, _ = key

        def work() -> Forecast:
            return forecaster(histories(rows, last_day=last_day), currency, days_ahead=horizon)

        async with self._one:
            return await asyncio.to_thread(work)

    def _let_go(self, key: Key, task: asyncio.Task[Forecast]) -> None:
        """Keep no failure: what is too short today may not be tomorrow."""
        if task.cancelled() or task.exception() is not None:
            self._kept.pop(key, None)
