"""Is a currency open when its central bank says so?"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from nostro.adapters.calendars import (
    HOURS,
    business_schedule,
    currency_days,
    settlement_calendars,
    years_around,
)
from nostro.kernel.asset import SEED
from nostro.kernel.messages import Rejection
from nostro.payments import CLOSED_DAY, DAY_MINUTES, BusinessSchedule, Window
from nostro.settlement import Cycle, PlainDays, day_by_cycle

YEARS = range(2025, 2028)


@pytest.fixture(scope="module")
def schedule() -> BusinessSchedule:
    return business_schedule(YEARS)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def is_open(currency: str, day: str) -> bool:
    days = currency_days(HOURS[currency], YEARS)
    return days.cut_off(date.fromisoformat(day).toordinal()) != CLOSED_DAY


@pytest.mark.parametrize(
    ("currency", "day"),
    [
        ("EUR", "2026-01-01"),
        ("EUR", "2026-04-03"),  # Good Friday
        ("EUR", "2026-04-06"),  # Easter Monday
        ("EUR", "2026-05-01"),
        ("EUR", "2025-12-26"),
        ("EUR", "2026-01-03"),  # a Saturday
        ("USD", "2026-01-19"),  # Martin Luther King
        ("USD", "2026-11-26"),  # Thanksgiving
        ("USD", "2026-06-19"),
        ("GBP", "2026-05-04"),
        ("GBP", "2026-12-28"),  # Boxing Day, observed
        ("JPY", "2026-01-02"),  # a bank holiday
        ("JPY", "2026-12-31"),
        ("JPY", "2026-05-06"),
        ("CHF", "2025-08-01"),
        ("CHF", "2026-01-02"),  # Berchtold's Day
        ("CAD", "2026-07-01"),
        ("AUD", "2026-01-26"),
        ("SEK", "2026-06-19"),  # Midsummer Eve
        ("NOK", "2027-05-17"),
        ("DKK", "2026-05-14"),
        ("ILS", "2026-01-02"),  # a Friday
    ],
)
def test_a_currency_rests_on_its_holidays(currency: str, day: str) -> None:
    assert not is_open(currency, day)


@pytest.mark.parametrize(
    ("currency", "day"),
    [
        ("EUR", "2026-05-14"),  # Ascension is no TARGET holiday
        ("EUR", "2025-10-03"),  # German Unity Day is a day like others
        ("USD", "2026-07-03"),  # the Federal Reserve does not rest on the Friday before
        ("USD", "2026-04-03"),
        ("GBP", "2026-11-30"),  # Saint Andrew's is Scotland's
        ("ILS", "2026-01-04"),  # a Sunday
    ],
)
def test_a_currency_works_on_the_holidays_of_others(currency: str, day: str) -> None:
    assert is_open(currency, day)


@pytest.mark.parametrize(
    ("currency", "day", "minute"),
    [
        ("EUR", "2026-01-30", 16 * 60),  # T2 closes at 18:00 CET, an hour is ours
        ("EUR", "2026-06-30", 15 * 60),
        ("USD", "2026-01-30", 23 * 60),
        ("USD", "2026-06-30", 22 * 60),
        ("USD", "2026-03-10", 22 * 60),  # summer time began there, not yet in Europe
        ("EUR", "2026-03-10", 16 * 60),
        ("JPY", "2026-06-30", 9 * 60),
    ],
)
def test_a_cut_off_follows_daylight_saving(currency: str, day: str, minute: int) -> None:
    days = currency_days(HOURS[currency], YEARS)
    assert days.cut_off(date.fromisoformat(day).toordinal()) == minute


def test_every_currency_is_known_and_has_most_days_open() -> None:
    assert HOURS.keys() <= SEED.keys()
    for currency, hours in HOURS.items():
        minutes = currency_days(hours, [2026]).cut_offs
        assert len(minutes) == 365
        assert all(minute == CLOSED_DAY or 0 < minute < DAY_MINUTES for minute in minutes), currency
        assert 230 <= sum(minute != CLOSED_DAY for minute in minutes) <= 262, currency


def test_years_are_bounded_and_what_lies_beyond_is_closed(schedule: BusinessSchedule) -> None:
    assert list(years_around(date(2026, 1, 30))) == [2025, 2026, 2027, 2028]
    with pytest.raises(Rejection) as caught:
        schedule.place(Window.T1, "EUR", "USD", "", at("2027-12-31T10:00:00"))
    assert caught.value.code == "payments.value_date_too_far"


def test_a_currency_without_hours_is_not_made_up() -> None:
    with pytest.raises(ValueError, match="XAU"):
        business_schedule(YEARS, currencies=["EUR", "XAU"])


def test_a_payment_waits_for_the_next_day_on_which_both_are_open(
    schedule: BusinessSchedule,
) -> None:
    placed = schedule.place(Window.T0, "EUR", "USD", "", at("2026-01-30T09:00:00"))
    assert (placed.cycle_id, placed.value_date) == ("2026-01-30T1600Z", "2026-01-30")
    monday = schedule.place(Window.T1, "EUR", "USD", "", at("2026-01-30T09:00:00"))
    assert monday.value_date == "2026-02-02"
    holidays = schedule.place(Window.T1, "EUR", "GBP", "", at("2026-04-02T09:00:00"))
    assert holidays.value_date == "2026-04-07"
    king = schedule.place(Window.T2, "EUR", "USD", "", at("2026-01-15T09:00:00"))
    assert king.value_date == "2026-01-20"


def test_a_closed_day_is_refused_with_the_next_open_one(schedule: BusinessSchedule) -> None:
    with pytest.raises(Rejection) as caught:
        schedule.place(Window.T0, "USD", "EUR", "2026-11-26", at("2026-11-20T09:00:00"))
    assert caught.value.code == "payments.currency_closed"
    assert caught.value.facts == {
        "currency": "USD",
        "value_date": "2026-11-26",
        "next_open_day": "2026-11-27",
    }


def test_a_trade_settles_two_days_later_that_are_open_to_securities_and_to_cash() -> None:
    days = PlainDays(open_days=settlement_calendars(YEARS))

    def after(trade: str, *calendars: str) -> str:
        day = date.fromisoformat(trade).toordinal()
        return date.fromordinal(day_by_cycle(days, day, Cycle.T2, calendars)).isoformat()

    assert after("2026-04-01", "T2S", "EUR") == "2026-04-07"  # Easter lies between
    # Columbus Day: the exchange trades, Fedwire rests.
    assert after("2026-10-09", "DTC") == "2026-10-13"
    assert after("2026-10-09", "DTC", "USD") == "2026-10-14"
