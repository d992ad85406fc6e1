"""What does the risk room report to have happened?"""

from __future__ import annotations

import msgspec

from nostro.kernel.messages import Event


class LimitSet(Event, frozen=True, array_like=True, tag="risk.limit_set"):
    """A limit holds from here on (None: no longer)."""

    scope: str
    currency: str
    participant: str
    counterparty: str
    amount_minor: int | None
    actor: str


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """By how much the open payments of payer to payee in a currency change: minor units and
    number, both signed. `offset_minor`: the part that arrives in the same currency, so that it
    offsets what the payee owes."""

    payer: str
    payee: str
    currency: str
    amount_minor: int
    count: int
    offset_minor: int = 0


class ExposureReserved(Event, frozen=True, array_like=True, tag="risk.exposure_reserved"):
    """Open payments were added, summed by payer, payee and currency."""

    changes: list[Change]


class ExposureReleased(Event, frozen=True, array_like=True, tag="risk.exposure_released"):
    """Open payments are no longer open; amounts and counts are negative."""

    changes: list[Change]


class ThresholdSet(Event, frozen=True, array_like=True, tag="risk.threshold_set"):
    """Alerts are given from this use on (None: never)."""

    scope: str
    used_ppm: int | None
    actor: str


class AlertRaised(Event, frozen=True, array_like=True, tag="risk.alert_raised"):
    """A limit's use has crossed its threshold."""

    scope: str
    participant: str
    counterparty: str
    currency: str
    used_minor: int
    limit_minor: int
    used_ppm: int


class AlertCleared(Event, frozen=True, array_like=True, tag="risk.alert_cleared"):
    """A limit's use has fallen below its threshold again."""

    scope: str
    participant: str
    counterparty: str
    currency: str


EVENTS: tuple[type[Event], ...] = (
    LimitSet,
    ExposureReserved,
    ExposureReleased,
    ThresholdSet,
    AlertRaised,
    AlertCleared,
)
