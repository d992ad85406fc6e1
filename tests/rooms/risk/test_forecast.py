"""Do forecasts hold what their intervals promise, and say when they cannot be made?"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from nostro.risk import (
    LEVELS,
    CalendarRidge,
    DayFlow,
    Days,
    Expected,
    Floats,
    Forecast,
    Outlook,
    TooShort,
    days_needed,
    forecast,
    histories,
)
from tests.rooms.risk.synthetic_flows import LAST_DAY, synthetic_flows

LAST = LAST_DAY.isoformat()
CURRENCY = "C00"


def made(rows: list[DayFlow], *, days_ahead: int = 7, last_day: str = LAST) -> Forecast:
    pool = histories(rows, last_day=last_day)
    return forecast(pool, CURRENCY, days_ahead=days_ahead, model=CalendarRidge())


def flat(days: int, *, currency: str = CURRENCY, weekend: bool = False) -> list[DayFlow]:
    """Return the same flow on so many days, the last one being LAST_DAY."""
    rows: list[DayFlow] = []
    day = LAST_DAY
    while len(rows) < days:
        if weekend or day.weekday() < 5:
            rows.append(DayFlow(currency, day.isoformat(), 1_000, 400))
        day -= timedelta(days=1)
    return rows[::-1]


# -- when it cannot be made ------------------------------------------------------------------------


def test_a_currency_without_history_has_no_forecast() -> None:
    with pytest.raises(TooShort) as short:
        made([])
    assert (short.value.needed, short.value.present) == (days_needed(5), 0)


@pytest.mark.parametrize(("days_ahead", "needed"), [(7, 85), (14, 110), (31, 175)])
def test_the_history_that_is_needed_grows_with_the_days_ahead(days_ahead: int, needed: int) -> None:
    with pytest.raises(TooShort) as short:
        made(flat(needed - 1), days_ahead=days_ahead)
    assert (short.value.needed, short.value.present) == (needed, needed - 1)
    assert made(flat(needed), days_ahead=days_ahead).open_days == needed


def test_a_short_history_does_not_lend_its_errors_to_others() -> None:
    rows = flat(85) + flat(20, currency="NEW")
    assert made(rows).pooled_currencies == [CURRENCY]


# -- days ------------------------------------------------------------------------------------------


def test_nothing_is_expected_on_weekdays_that_saw_nothing() -> None:
    days = {each.day: each for each in made(flat(100)).days}
    assert len(days) == 7
    for day, told in days.items():
        weekend = date.fromisoformat(day).weekday() >= 5
        assert told.is_open != weekend
        assert (told.incoming.middle_minor == 0) == weekend


def test_a_platform_that_never_closes_is_forecast_on_every_day() -> None:
    assert all(each.is_open for each in made(flat(100, weekend=True)).days)


def test_days_after_the_last_day_are_not_known() -> None:
    rows = synthetic_flows(seed=1, currencies=2, days=250)
    earlier = (LAST_DAY - timedelta(days=30)).isoformat()
    known = [row for row in rows if row.day <= earlier]
    assert made(rows, last_day=earlier) == made(known, last_day=earlier)


def test_a_flow_that_never_varies_is_forecast_as_it_is() -> None:
    told = made(flat(120))
    first = next(each for each in told.days if each.is_open)
    assert first.incoming.middle_minor == pytest.approx(1_000, rel=0.01)
    assert first.difference.middle_minor == pytest.approx(600, rel=0.02)
    assert told.incoming.wape_ppm is not None
    assert told.incoming.wape_ppm < 10_000


def test_the_turn_of_the_month_is_expected() -> None:
    rows = []
    for number, row in enumerate(flat(260)):
        day = date.fromisoformat(row.day)
        following = day + timedelta(days=3 if day.weekday() == 4 else 1)
        minor = (3_000 if following.month != day.month else 1_000) + 37 * number % 200
        rows.append(row._replace(in_minor=minor))
    months = made(rows, days_ahead=31).days
    by_day = {each.day: each.incoming.middle_minor for each in months}
    assert by_day["2026-07-31"] > 2 * by_day["2026-07-30"]


def test_history_is_stated() -> None:
    told = made(synthetic_flows(seed=2, currencies=3, days=400))
    assert (told.first_day, told.last_day) == ("2025-05-27", LAST)
    assert (told.history_days, told.open_days) == (400, 286)
    assert told.pooled_currencies == ["C00", "C01", "C02"]
    assert (told.windows, told.incoming.points) == (12, 60)
    assert told.incoming.pooled_points == 180


# -- intervals -------------------------------------------------------------------------------------


def nested(expected: Expected) -> bool:
    bounds = [(each.low_minor, each.high_minor) for each in expected.intervals]
    lows, highs = [low for low, _ in bounds], [high for _, high in bounds]
    held = all(low <= expected.middle_minor <= high for low, high in bounds)
    return held and lows == sorted(lows, reverse=True) and highs == sorted(highs)


def test_wider_levels_hold_narrower_ones_and_all_the_middle() -> None:
    for day in made(synthetic_flows(seed=3, days=300), days_ahead=31).days:
        assert all(nested(each) for each in (day.incoming, day.outgoing, day.difference))
        assert min(each.low_minor for each in day.incoming.intervals) >= 0


def test_the_same_history_gives_the_same_forecast_in_any_order() -> None:
    rows = synthetic_flows(seed=4, currencies=3, days=300)
    assert made(rows) == made(rows[::-1])


@pytest.mark.parametrize("days", [365, 730])
def test_the_backtest_measures_what_the_levels_promise(days: int) -> None:
    told = made(synthetic_flows(seed=5, days=days))
    for measured in (told.incoming, told.outgoing, told.difference):
        assert measured.pooled_points == 600
        for coverage, low, high in zip(
            measured.coverage, (0.75, 0.86, 0.92), (0.88, 0.95, 0.985), strict=True
        ):
            assert low <= coverage.pooled_ppm / 1_000_000 <= high


@pytest.mark.slow
def test_the_truth_of_days_that_nobody_knew_lies_within_as_often_as_promised() -> None:
    hits = {level: [0, 0] for level in LEVELS}
    for seed in range(6):
        rows = synthetic_flows(seed=seed, days=420)
        truths = {(row.currency, row.day): row for row in rows}
        before = (LAST_DAY - timedelta(days=31)).isoformat()
        pool = histories(rows, last_day=before)
        for currency in list(pool)[:5]:
            told = forecast(pool, currency, days_ahead=31, model=CalendarRidge())
            for day in told.days:
                truth = truths.get((currency, day.day))
                if truth is None:
                    assert not day.is_open
                    continue
                for expected, minor in (
                    (day.incoming, truth.in_minor),
                    (day.outgoing, truth.out_minor),
                    (day.difference, truth.in_minor - truth.out_minor),
                ):
                    for each in expected.intervals:
                        hits[each.level][0] += each.low_minor <= minor <= each.high_minor
                        hits[each.level][1] += 1
    covered = {level: held / of for level, (held, of) in hits.items()}
    assert hits[80][1] > 1_500
    assert 0.74 <= covered[80] <= 0.88
    assert 0.85 <= covered[90] <= 0.95
    assert 0.91 <= covered[95] <= 0.985


class Overconfident:
    """A model that gives the last value, and bounds of no width at all."""

    name = "overconfident"

    def outlook(self, days: Days, logs: Floats, ahead: Days) -> Outlook:
        """See Model.outlook."""
        middle = np.full(len(ahead), logs[-1])
        bounds = np.tile(middle, (len(LEVELS), 1))
        return Outlook(middle, bounds, bounds, 0.2)


def test_a_model_that_is_too_sure_is_corrected_by_its_own_past() -> None:
    rows = synthetic_flows(seed=6, days=365)
    pool = histories(rows, last_day=LAST)
    told = forecast(pool, CURRENCY, days_ahead=7, model=Overconfident())
    assert told.model == "overconfident"
    for coverage, level in zip(told.incoming.coverage, LEVELS, strict=True):
        assert abs(coverage.pooled_ppm - level * 10_000) < 50_000
    plain = made(rows)
    mine = told.days[0].incoming.intervals[0]
    better = plain.days[0].incoming.intervals[0]
    assert mine.high_minor - mine.low_minor > better.high_minor - better.low_minor
