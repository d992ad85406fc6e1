"""Does Prophet forecast behind the same port, where it is installed?"""

from __future__ import annotations

import importlib.util

import pytest

from nostro.adapters.forecasting import prophet_forecasters
from nostro.risk import histories
from tests.rooms.risk.synthetic_flows import LAST_DAY, synthetic_flows

INSTALLED = importlib.util.find_spec("prophet") is not None


def test_prophet_is_offered_only_where_it_is_installed() -> None:
    assert list(prophet_forecasters()) == (["prophet"] if INSTALLED else [])


@pytest.mark.skipif(not INSTALLED, reason="the extra `prophet` is not installed")
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_prophet_forecasts_the_same_from_the_same_and_measures_itself() -> None:
    rows = synthetic_flows(seed=1, currencies=2, days=365)
    pool = histories(rows, last_day=LAST_DAY.isoformat())
    forecaster = prophet_forecasters()["prophet"]
    told = forecaster(pool, "C00", days_ahead=7)
    assert told == forecaster(pool, "C00", days_ahead=7)
    assert (told.model, told.pooled_currencies) == ("prophet", ["C00"])
    assert told.incoming.points == 60
    assert 0.65 <= told.incoming.coverage[0].covered_ppm / 1_000_000 <= 0.95
