"""On which days, under which time limits and over which domains does this deployment settle?"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from nostro.adapters.signing.private_file import make_private
from nostro.settlement import SECOND_US, PlainDays, SettlementDays, SettlementPolicy
from nostro.wiring.settings import CANTON, Settings

FIRST_DAY_FILE = "settlement-days.json"
"""When the first of the shortened days began: a deployment's days go on after a restart."""


class FirstDay(msgspec.Struct, frozen=True):
    """The day (ordinal) that began at a time."""

    day: int
    at_us: int


def domain_names(settings: Settings) -> tuple[str, ...]:
    """Return the domains besides our own ledger."""
    own = settings.own_domains
    return (*own, CANTON) if has_canton(settings) else own


def has_canton(settings: Settings) -> bool:
    """Tell whether a participant, or a double of one, takes part."""
    return settings.canton_url is not None or settings.canton_double


def policy_of(settings: Settings | None) -> SettlementPolicy:
    """Return the rules of settlement. A replay does not depend on them."""
    if settings is None:
        return SettlementPolicy()
    return SettlementPolicy(
        coordinator=settings.chain,
        domains=domain_names(settings),
        days=_days_of(settings),
        timeout_us=settings.settlement_timeout_seconds * SECOND_US,
        retry_attempts=settings.settlement_retry_attempts,
        retry_delay_us=int(settings.settlement_retry_delay_seconds * SECOND_US),
        batch_size=settings.settlement_batch_size,
        recycles_max=settings.settlement_recycles_max,
        partial_windows=settings.settlement_partial_windows,
        unmatched_days_max=settings.settlement_unmatched_days_max,
        unmatched_max=settings.settlement_unmatched_max,
        failed_days_max=settings.settlement_failed_days_max,
    )


def _days_of(settings: Settings) -> SettlementDays:
    from nostro.adapters.calendars import settlement_calendars, years_around  # holidays: slow

    today = datetime.now(UTC).date()
    calendars = settlement_calendars(years_around(today))
    if not settings.settlement_day_seconds:
        return PlainDays(open_days=calendars)
    first = _first_day(settings.data_dir / FIRST_DAY_FILE, today.toordinal())
    return PlainDays(
        open_days=calendars,
        day_us=int(settings.settlement_day_seconds * SECOND_US),
        first_day=first.day,
        first_us=first.at_us,
    )


def _first_day(file: Path, today: int) -> FirstDay:
    """Return when the first shortened day began; the first who asks says so for ever."""
    if not file.exists():
        now_us = int(datetime.now(UTC).timestamp() * SECOND_US)
        file.parent.mkdir(parents=True, exist_ok=True)
        # Another part of the platform may be first; what it writes appears whole.
        with contextlib.suppress(FileExistsError):
            make_private(file, msgspec.json.encode(FirstDay(today, now_us)))
    return msgspec.json.decode(file.read_bytes(), type=FirstDay)
