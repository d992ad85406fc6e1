"""Which rates are fresh enough?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import holidays
import msgspec
import pytest

from nostro.netting import Freshness, Rate, RatePolicy, freeze, is_frozen, is_target_day

HOUR = 3_600
DAY = 24 * HOUR


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("kind", "age_s", "expected"),
    [
        ("executable", 0, Freshness.FRESH),
        ("executable", 60, Freshness.FRESH),
        ("executable", 61, Freshness.STALE),
        ("executable", -60, Freshness.FRESH),
        ("executable", -61, Freshness.STALE),
        ("indicative", 900, Freshness.FRESH),
        ("indicative", 901, Freshness.WIDEN),
        ("indicative", DAY, Freshness.WIDEN),
        ("indicative", DAY + 1, Freshness.STALE),
        ("indicative", -61, Freshness.STALE),
        ("reference", 5 * DAY, Freshness.WARN),
        ("reference", 5 * DAY + 1, Freshness.STALE),
        ("reference", -61, Freshness.STALE),
        ("gossip", 0, Freshness.STALE),
    ],
)
def test_rates_are_judged_by_kind_and_age(kind: str, age_s: int, expected: Freshness) -> None:
    as_of_us = at("2026-11-18T15:00")
    rates = freeze(provider="test", kind=kind, as_of_us=as_of_us, fetched_at_us=as_of_us, rates=[])
    assert RatePolicy().judge(rates, at_us=as_of_us + age_s * 1_000_000) is expected


@pytest.mark.parametrize(
    ("as_of", "now", "expected"),
    [
        ("2026-11-18T15:00", "2026-11-19T17:59", Freshness.FRESH),
        ("2026-11-18T15:00", "2026-11-19T18:01", Freshness.WARN),
        ("2026-11-20T15:00", "2026-11-23T15:30", Freshness.FRESH),  # over a weekend
        ("2026-04-02T15:00", "2026-04-07T14:00", Freshness.FRESH),  # over Easter
        ("2026-12-24T15:00", "2026-12-28T15:30", Freshness.FRESH),  # over Christmas
    ],
)
def test_reference_rates_are_warned_about_when_a_target_day_has_passed(
    as_of: str, now: str, expected: Freshness
) -> None:
    rates = freeze(
        provider="ecb", kind="reference", as_of_us=at(as_of), fetched_at_us=at(now), rates=[]
    )
    assert RatePolicy().judge(rates, at_us=at(now)) is expected


def test_with_the_policy_off_history_is_not_judged() -> None:
    for kind in ("executable", "indicative", "reference"):
        rates = freeze(provider="ecb", kind=kind, as_of_us=0, fetched_at_us=0, rates=[])
        assert RatePolicy.off().judge(rates, at_us=10**18) is Freshness.NOT_JUDGED


def test_target_days_are_those_of_the_central_banks_calendar() -> None:
    closed = holidays.financial_holidays("ECB", years=range(2002, 2040))
    day = date(2002, 1, 1)
    while day.year < 2040:
        assert is_target_day(day) is (day.weekday() < 5 and day not in closed), day
        day += timedelta(days=1)


def test_a_rate_set_is_frozen_under_the_hash_of_all_that_it_says() -> None:
    rates = [Rate("JPY", "USD", 1, 150), Rate("EUR", "USD", 11, 10)]
    frozen = freeze(provider="p", kind="reference", as_of_us=1, fetched_at_us=2, rates=rates)
    assert is_frozen(frozen)
    assert [rate.base for rate in frozen.rates] == ["EUR", "JPY"]
    for change in (
        {"provider": "q"},
        {"kind": "executable"},
        {"as_of_us": 2},
        {"fetched_at_us": 3},
        {"rates": rates},
        {"rates": rates[:1]},
    ):
        assert not is_frozen(msgspec.structs.replace(frozen, **change))


@pytest.mark.parametrize(
    "rates",
    [
        [Rate("EUR", "USD", 0, 1)],
        [Rate("EUR", "USD", 1, -1)],
        [Rate("EUR", "USD", 1, 1), Rate("EUR", "USD", 1, 1)],
    ],
)
def test_rates_that_make_no_sense_are_not_frozen(rates: list[Rate]) -> None:
    frozen = freeze(provider="p", kind="reference", as_of_us=1, fetched_at_us=2, rates=rates)
    assert not is_frozen(frozen)
