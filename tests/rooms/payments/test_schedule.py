"""On which day, and with which cycle, does a payment settle?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from nostro.kernel.messages import Rejection
from nostro.payments import BusinessSchedule, Placement, RollingSchedule, Window
from nostro.payments.schedule import (
    CLOSED_DAY,
    DAY_US,
    GROSS_RETRY_US,
    MINUTE_US,
    Schedule,
    cycle_name,
    day_of,
    iso,
    start_of,
    value_date_of,
)
from tests.rooms.payments.play import CUT_OFFS, DAYS, FIRST_DAY, SLOTS, at, business

T0, T1, T2, RTGS = Window.T0, Window.T1, Window.T2, Window.RTGS


# The week: Monday 5 to Friday 9 January 2026; GBP rests on Wednesday 7, EUR on Thursday 8.
PLACED: list[tuple[str, tuple[Window, str, str, str], str]] = [
    ("2026-01-05T10:00:00", (T0, "EUR", "USD", ""), "2026-01-05T1600Z"),
    ("2026-01-05T15:59:59", (T0, "EUR", "USD", ""), "2026-01-05T1600Z"),
    ("2026-01-05T16:00:00", (T0, "EUR", "USD", ""), "2026-01-06T1600Z"),
    ("2026-01-05T06:00:00", (T0, "EUR", "JPY", ""), "2026-01-05T0700Z"),
    ("2026-01-05T07:30:00", (T0, "EUR", "JPY", ""), "2026-01-06T0700Z"),
    ("2026-01-05T05:00:00", (T0, "GBP", "GBP", ""), "2026-01-05T0600Z"),  # no slot: its cut-off
    ("2026-01-05T10:00:00", (T1, "EUR", "USD", ""), "2026-01-06T1600Z"),
    ("2026-01-05T23:00:00", (T1, "EUR", "USD", ""), "2026-01-06T1600Z"),
    ("2026-01-05T10:00:00", (T2, "EUR", "USD", ""), "2026-01-07T1600Z"),
    ("2026-01-06T10:00:00", (T1, "EUR", "GBP", ""), "2026-01-09T0600Z"),  # past both holidays
    ("2026-01-06T10:00:00", (T2, "EUR", "USD", ""), "2026-01-09T1600Z"),
    ("2026-01-07T10:00:00", (T1, "USD", "USD", ""), "2026-01-08T1600Z"),
    ("2026-01-10T10:00:00", (T0, "EUR", "USD", ""), "2026-01-12T1600Z"),  # sent on a Saturday
    ("2026-01-10T10:00:00", (T1, "EUR", "USD", ""), "2026-01-13T1600Z"),
    ("2026-01-05T10:00:00", (T0, "EUR", "USD", "2026-01-05"), "2026-01-05T1600Z"),
    ("2026-01-05T10:00:00", (T0, "EUR", "USD", "2026-01-09"), "2026-01-09T1600Z"),
    ("2026-01-05T10:00:00", (T2, "EUR", "USD", "2026-01-06"), "2026-01-07T1600Z"),
    ("2026-01-05T23:00:00", (T1, "EUR", "USD", "2026-01-05"), "2026-01-06T1600Z"),
]
REFUSED: list[tuple[str, tuple[Window, str, str, str], str, dict[str, Any]]] = [
    (
        "2026-01-05T16:00:00",
        (T0, "EUR", "USD", "2026-01-05"),
        "payments.cut_off_passed",
        {"value_date": "2026-01-05", "next_open_day": "2026-01-06"},
    ),
    (
        "2026-01-05T10:00:00",
        (T0, "EUR", "USD", "2026-01-08"),
        "payments.currency_closed",
        {"currency": "EUR", "next_open_day": "2026-01-09"},
    ),
    (
        "2026-01-06T10:00:00",
        (T1, "GBP", "EUR", "2026-01-07"),
        "payments.currency_closed",
        {"currency": "GBP", "next_open_day": "2026-01-09"},
    ),
    ("2026-01-05T10:00:00", (T0, "EUR", "USD", "2026-01-04"), "payments.value_date_past", {}),
    ("2026-01-05T10:00:00", (T0, "EUR", "CHF", ""), "payments.currency_unsupported", {}),
    ("2026-01-10T10:00:00", (RTGS, "EUR", "USD", ""), "payments.currency_closed", {}),
    ("2026-01-05T17:00:00", (RTGS, "EUR", "USD", ""), "payments.cut_off_passed", {}),
    (
        "2026-01-05T10:00:00",
        (RTGS, "EUR", "USD", "2026-01-06"),
        "payments.value_date_too_far",
        {"window": "rtgs", "last_day": "2026-01-05"},
    ),
    ("2026-02-27T20:00:00", (T1, "EUR", "USD", ""), "payments.value_date_too_far", {}),
]


@pytest.mark.parametrize(("when", "asked", "cycle_id"), PLACED)
def test_a_payment_nets_with_the_last_slot_of_its_day(
    when: str, asked: tuple[Window, str, str, str], cycle_id: str
) -> None:
    placed = business().place(*asked, at(when))
    assert placed.cycle_id == cycle_id
    assert placed.value_date == cycle_id[:10]
    assert cycle_name(placed.cut_off_at_us) == cycle_id
    assert placed.cut_off_at_us > at(when)


@pytest.mark.parametrize(("when", "asked", "code", "facts"), REFUSED)
def test_what_cannot_settle_on_its_day_is_refused_with_a_way_out(
    when: str, asked: tuple[Window, str, str, str], code: str, facts: dict[str, Any]
) -> None:
    with pytest.raises(Rejection) as caught:
        business().place(*asked, at(when))
    assert caught.value.code == code
    assert {name: caught.value.facts[name] for name in facts} == facts


def test_payments_of_three_windows_for_one_day_net_together() -> None:
    schedule = business()
    placed = {
        schedule.place(T2, "EUR", "USD", "", at("2026-01-05T10:00:00")),
        schedule.place(T1, "EUR", "USD", "", at("2026-01-06T10:00:00")),
        schedule.place(T0, "EUR", "USD", "", at("2026-01-07T10:00:00")),
    }
    assert len(placed) == 1


def test_a_gross_payment_is_due_at_once() -> None:
    now = at("2026-01-05T16:59:00")
    assert business().place(RTGS, "EUR", "USD", "", now) == Placement("", now, "2026-01-05")


def test_a_deferred_gross_payment_comes_again_soon_or_on_the_next_open_day() -> None:
    schedule, now = business(), at("2026-01-05T16:00:00")
    assert schedule.next_after(RTGS, "EUR", "USD", now).cut_off_at_us == now + GROSS_RETRY_US
    friday = at("2026-01-09T17:30:00")
    assert schedule.next_after(RTGS, "EUR", "USD", friday) == Placement(
        "", at("2026-01-12T00:00:00"), "2026-01-12"
    )


def test_a_deferred_payment_takes_the_next_days_cycle() -> None:
    schedule, close = business(), at("2026-01-07T16:00:00")
    assert schedule.next_after(T0, "EUR", "USD", close).cycle_id == "2026-01-09T1600Z"
    assert schedule.next_after(T2, "USD", "USD", close).cycle_id == "2026-01-08T1600Z"
    with pytest.raises(Rejection) as caught:
        schedule.next_after(T0, "EUR", "USD", at("2026-03-01T16:00:00"))
    assert caught.value.code == "payments.value_date_too_far"


SHARED = business()
"""One for all examples: what it keeps at hand must not be told at another time."""


# -- a slow twin -----------------------------------------------------------------------------------


def twin(window: Window, source: str, destination: str, value_date: str, at_us: int) -> str:
    """Return the cycle by walking through minutes and days, or the code of the refusal."""
    schedule = SHARED
    today = day_of(at_us)

    def open_on(day: int) -> int:
        both = [schedule._days[each].cut_off(day) for each in (source, destination)]
        return CLOSED_DAY if CLOSED_DAY in both else min(both)

    def close_on(day: int) -> int:
        fitting = [slot for slot in SLOTS if slot <= open_on(day)]
        return start_of(day) + (fitting[-1] if fitting else open_on(day)) * MINUTE_US

    if value_date and value_date < iso(today):
        return "payments.value_date_past"
    last = FIRST_DAY + DAYS - 1
    if value_date > iso(last):
        return "payments.value_date_too_far"
    days = [day for day in range(today, last + 1) if open_on(day) != CLOSED_DAY]
    after = {T0: 0, T1: 1, T2: 2}[window]
    if value_date and value_date not in map(iso, days):
        rest = [day for day in days if iso(day) > value_date]
        return "payments.currency_closed" if rest else "payments.value_date_too_far"
    fitting = [day for day in days[after:] if iso(day) >= value_date]
    if not fitting:
        return "payments.value_date_too_far"
    if close_on(fitting[0]) <= at_us:
        if iso(fitting[0]) == value_date:
            return "payments.cut_off_passed" if fitting[1:] else "payments.value_date_too_far"
        fitting = fitting[1:]
    if not fitting:
        return "payments.value_date_too_far"
    return cycle_name(close_on(fitting[0]))


@given(
    st.sampled_from([T0, T1, T2]),
    st.sampled_from(sorted(CUT_OFFS)),
    st.sampled_from(sorted(CUT_OFFS)),
    st.sampled_from([0, -1, 0, 1, 2, 3, 4, 8]),
    st.booleans(),
    st.integers(0, (DAYS - 1) * 24 * 60 - 1),
)
def test_the_schedule_agrees_with_a_walk_through_the_calendar(
    window: Window, source: str, destination: str, days: int, asks: bool, minute: int
) -> None:
    at_us = start_of(FIRST_DAY) + minute * MINUTE_US
    value_date = iso(day_of(at_us) + days) if asks else ""
    try:
        said = SHARED.place(window, source, destination, value_date, at_us).cycle_id
    except Rejection as no:
        said = no.code
    assert said == twin(window, source, destination, value_date, at_us)


# -- rolling ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every_us", "name"),
    [
        (60_000_000, "2026-01-05T1001Z"),
        (5_000_000, "2026-01-05T100005Z"),
        (250_000, "2026-01-05T100000.250000Z"),
    ],
)
def test_a_rolling_cycle_closes_with_the_next_multiple(every_us: int, name: str) -> None:
    now = at("2026-01-05T10:00:00")
    placed = RollingSchedule(every_us).place(T0, "EUR", "XYZ", "", now)
    assert (placed.cycle_id, placed.cut_off_at_us) == (name, now + every_us)


def test_rolling_windows_follow_one_another() -> None:
    schedule, now = RollingSchedule(60_000_000), at("2026-01-05T10:00:30")
    ids = [schedule.place(window, "EUR", "EUR", "", now).cycle_id[-5:] for window in (T0, T1, T2)]
    assert ids == ["1001Z", "1002Z", "1003Z"]
    assert schedule.place(RTGS, "EUR", "EUR", "", now) == Placement("", now, "2026-01-05")
    later = schedule.place(T0, "EUR", "EUR", "2026-01-07", now)
    assert later.cycle_id == "2026-01-07T0001Z"


@given(st.integers(1, 3 * DAY_US), st.integers(0, 4 * 10**15), st.integers(0, 4 * 10**15))
def test_no_two_rolling_cycles_share_a_name(every_us: int, one: int, other: int) -> None:
    schedule: Schedule = RollingSchedule(every_us)
    first = schedule.place(T0, "EUR", "EUR", "", one)
    second = schedule.place(T0, "EUR", "EUR", "", other)
    same = first.cut_off_at_us == second.cut_off_at_us
    assert (first.cycle_id == second.cycle_id) == same
    assert 0 < first.cut_off_at_us - one <= every_us
    assert first.value_date == value_date_of(first.cut_off_at_us)


def test_tables_are_checked() -> None:
    with pytest.raises(ValueError, match="takes time"):
        RollingSchedule(0)
    with pytest.raises(ValueError, match="minute of the day"):
        BusinessSchedule({}, [24 * 60])
