"""What does Prophet expect of the days ahead? (The extra `prophet`; optional, and not the default.)

Its intervals are corrected by backtests like those of the default, but of the one currency alone:
each fit takes some 0.1 s, and a forecast 26 of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from nostro.risk import LEVELS, Days, Floats, Forecast, Forecaster, History, Outlook, forecast

SAMPLES = 1_000
"""Draws of the future: the 2.5 % quantile rests on 25 of them."""
SEED = 20_260_130
"""Prophet draws from numpy's global generator; forecasts are to be the same each time."""
YEAR_DAYS = 365
MEDIAN_TO_SIGMA = 1.4826
SCALE_MIN = 1e-3


def prophet_forecasters() -> dict[str, Forecaster]:
    """Return Prophet under its name, or nothing when it is not installed."""
    installed = importlib.util.find_spec("prophet") is not None
    return {"prophet": by_prophet} if installed else {}


def by_prophet(pool: Mapping[str, History], currency: str, *, days_ahead: int) -> Forecast:
    """Forecast with Prophet; see Forecaster. One at a time: the generator is the process's."""
    own = {code: history for code, history in pool.items() if code == currency}
    return forecast(own, currency, days_ahead=days_ahead, model=ProphetModel())


class ProphetModel:
    """Prophet on logs, with a monthly season; all levels from its own draws, as it knows one
    `interval_width` only (facebook/prophet#266)."""

    name = "prophet"

    def __init__(self) -> None:
        self._prophet: Any = importlib.import_module("prophet")
        self._pandas: Any = importlib.import_module("pandas")
        quiet = logging.getLogger("cmdstanpy")
        quiet.addHandler(logging.NullHandler())  # without a handler it gives itself one, and talks
        quiet.setLevel(logging.WARNING)

    def outlook(self, days: Days, logs: Floats, ahead: Days) -> Outlook:
        """See nostro.risk.Model.outlook."""
        model = self._prophet.Prophet(
            daily_seasonality=False,
            weekly_seasonality=True,
            yearly_seasonality=bool(days[-1] - days[0] >= YEAR_DAYS),
            uncertainty_samples=SAMPLES,
        )
        model.add_seasonality(name="monthly", period=30.4375, fourier_order=5)
        known = self._frame(days)
        known["y"] = logs
        model.fit(known)
        residuals = logs - np.asarray(model.predict(self._frame(days))["yhat"], dtype=np.float64)
        np.random.seed(SEED)
        drawn = model.predictive_samples(self._frame(ahead))["yhat"]
        draws = np.asarray(drawn, dtype=np.float64).reshape(len(ahead), -1)
        tails = [(100 - level) / 200 for level in LEVELS]
        scale = MEDIAN_TO_SIGMA * float(np.median(np.abs(residuals)))
        return Outlook(
            np.quantile(draws, 0.5, axis=1),
            np.quantile(draws, tails, axis=1),
            np.quantile(draws, [1 - tail for tail in tails], axis=1),
            max(scale, SCALE_MIN),
        )

    def _frame(self, days: Days) -> Any:
        told = [date.fromordinal(day).isoformat() for day in days.tolist()]
        return self._pandas.DataFrame({"ds": self._pandas.to_datetime(told)})
