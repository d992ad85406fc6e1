"""Settlement days: cycles across weekends, and across the holidays of both sides."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, strategies as st

from nostro.kernel.messages import Rejection
from nostro.settlement.calendar import (
    DAY_US,
    DAYS_AHEAD_MAX,
    PlainDays,
    day_by_cycle,
    every_day,
    next_open,
)
from nostro.settlement.terms import Cycle

INSTANT, T1, T2 = Cycle


def day(iso: str) -> int:
    return date.fromisoformat(iso).toordinal()


def iso(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def workdays(*holidays: str) -> frozenset[int]:
    """The weekdays of December 2026 and January 2027 without these."""
    shut = set(map(day, holidays))
    return frozenset(
        each
        for each in range(day("2026-12-01"), day("2027-01-31") + 1)
        if date.fromordinal(each).weekday() < 5 and each not in shut
    )


# Friday 25 December 2026 is Christmas for both; the 28th is a substitute day in London only.
DAYS = PlainDays(
    {
        "TARGET": workdays("2026-12-25", "2027-01-01"),
        "LONDON": workdays("2026-12-25", "2026-12-28", "2027-01-01"),
    }
)
EURO, BOTH = ("TARGET",), ("TARGET", "LONDON")

CYCLES = [
    ("2026-12-14", INSTANT, EURO, "2026-12-14"),
    ("2026-12-14", T1, EURO, "2026-12-15"),
    ("2026-12-14", T2, EURO, "2026-12-16"),
    ("2026-12-17", T2, EURO, "2026-12-21"),  # Thursday, over the weekend
    ("2026-12-18", T1, EURO, "2026-12-21"),  # Friday
    ("2026-12-18", T2, EURO, "2026-12-22"),
    ("2026-12-19", INSTANT, EURO, "2026-12-21"),  # Saturday
    ("2026-12-19", T1, EURO, "2026-12-21"),
    ("2026-12-19", T2, EURO, "2026-12-22"),
    ("2026-12-23", T2, EURO, "2026-12-28"),  # Christmas and a weekend
    ("2026-12-23", T2, BOTH, "2026-12-29"),  # and a holiday that only one side has
    ("2026-12-24", T1, EURO, "2026-12-28"),
    ("2026-12-24", T1, BOTH, "2026-12-29"),
    ("2026-12-28", INSTANT, BOTH, "2026-12-29"),
    ("2026-12-28", INSTANT, ("", "TARGET"), "2026-12-28"),
    ("2026-12-19", T2, ("", ""), "2026-12-21"),  # assets that settle every day
    ("2026-12-19", T2, (), "2026-12-21"),
]


@pytest.mark.parametrize(("trade", "cycle", "calendars", "settles"), CYCLES)
def test_a_trade_settles_so_many_days_on_which_both_sides_are_open_later(
    trade: str, cycle: Cycle, calendars: tuple[str, ...], settles: str
) -> None:
    assert iso(day_by_cycle(DAYS, day(trade), cycle, calendars)) == settles


def test_a_day_beyond_the_tables_is_too_far() -> None:
    with pytest.raises(Rejection) as refused:
        day_by_cycle(DAYS, day("2027-01-29"), T1, EURO)
    assert refused.value.code == "settlement.date_too_far"
    assert refused.value.facts == {"after": "2027-01-30"}
    with pytest.raises(Rejection):
        next_open(DAYS, day("2026-12-01") - DAYS_AHEAD_MAX - 1, EURO)


def test_a_calendar_that_is_not_known_is_never_open() -> None:
    assert not DAYS.knows("MOON")
    assert DAYS.knows("TARGET")
    assert DAYS.knows("")
    assert not DAYS.is_open(day("2026-12-14"), ("MOON",))
    assert not DAYS.is_open(day("2026-12-14"), ("TARGET", "MOON"))


def test_a_day_begins_at_midnight_utc_and_ends_before_the_next() -> None:
    days = every_day()
    start = days.start_of(day("2026-12-14"))
    assert start == 1_797_206_400 * 1_000_000
    assert days.day_of(start) == days.day_of(start + DAY_US - 1) == day("2026-12-14")
    assert days.day_of(start - 1) == day("2026-12-13")
    assert days.is_open(days.day_of(start), ())


@given(st.integers(1, 10**12), st.integers(-(10**15), 10**15), st.integers(0, 10**16))
def test_a_time_lies_in_its_day_however_long_days_are(long: int, first: int, at_us: int) -> None:
    days = PlainDays(day_us=long, first_us=first)
    today = days.day_of(at_us)
    assert days.start_of(today) <= at_us < days.start_of(today + 1)


@given(
    st.integers(0, 40),
    st.sampled_from((T1, T2)),
    st.sampled_from((EURO, BOTH, ("LONDON",), ("LONDON", ""))),
)
def test_between_a_trade_and_its_day_lie_as_many_open_days_as_the_cycle_says(
    ahead: int, cycle: Cycle, calendars: tuple[str, ...]
) -> None:
    trade = day("2026-12-01") + ahead
    settles = day_by_cycle(DAYS, trade, cycle, calendars)
    opened = [each for each in range(trade + 1, settles + 1) if DAYS.is_open(each, calendars)]
    assert opened[-1] == settles
    assert len(opened) == {T1: 1, T2: 2}[cycle]
