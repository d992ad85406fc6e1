"""When may the next round of a settlement begin?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from nostro.kernel.messages import Rejection
from nostro.settlement.calendar import SettlementDays, next_open
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import Instrument

DAY_MINUTES = 1_440
"""Of any settlement day, however long: partial windows are told in them."""


def day_named(field: str, text: str) -> int:
    """Return the ordinal of an ISO date; raises Rejection `settlement.bad_date`."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise Rejection(
            "settlement.bad_date", field=field, date=text[:32], what="a day as in 2026-11-21"
        )
    return day.toordinal()


def name_of_day(day: int) -> str:
    """Return a day as an ISO date."""
    return date.fromordinal(day).isoformat()


def instrument_of(state: SettlementState, policy: SettlementPolicy, asset: str) -> Instrument:
    """Return how an asset settles; of which nobody said anything, on our own ledger, on the days of
    the calendar that has its name, if there is one."""
    instrument = state.instruments.get(asset)
    if instrument is not None:
        return instrument
    return Instrument(asset, policy.coordinator, calendar=asset if policy.days.knows(asset) else "")


def calendars_of(
    state: SettlementState, policy: SettlementPolicy, assets: Iterable[str]
) -> tuple[str, ...]:
    """Return the calendars of assets; those that settle every day have none."""
    found = (instrument_of(state, policy, asset).calendar for asset in assets)
    return tuple(dict.fromkeys(calendar for calendar in found if calendar))


def first_start(
    days: SettlementDays, day: int, calendars: tuple[str, ...], *, at_us: int, today: int
) -> int:
    """Return when a settlement of a day may begin: with it; now, when it is that day or later, or
    with the next settlement day if this is none. Raises Rejection `settlement.date_too_far`."""
    first = next_open(days, max(day, today), calendars)
    return at_us if first == today else days.start_of(first)


def next_day_start(
    policy: SettlementPolicy, calendars: tuple[str, ...], *, at_us: int
) -> int | None:
    """Return when the next settlement day after today begins; None when calendars tell of none."""
    days = policy.days
    try:
        return days.start_of(next_open(days, days.day_of(at_us) + 1, calendars))
    except Rejection:
        return None


def next_window(policy: SettlementPolicy, calendars: tuple[str, ...], *, at_us: int) -> int | None:
    """Return when the next partial window of today opens; None when there is none any more."""
    days = policy.days
    today = days.day_of(at_us)
    if not days.is_open(today, calendars):
        return None
    begins_us = days.start_of(today)
    lasts_us = days.start_of(today + 1) - begins_us
    windows = (begins_us + lasts_us * minute // DAY_MINUTES for minute in policy.partial_windows)
    return min((window for window in windows if window > at_us), default=None)
