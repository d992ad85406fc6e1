"""How are limits, exposures and alerts told to callers?"""

from __future__ import annotations

import msgspec

from nostro.api.http.payment_told import moment
from nostro.api.times import rfc3339
from nostro.kernel.asset import Asset
from nostro.kernel.money import format_amount
from nostro.risk import (
    AlertView,
    Bilateral,
    Concentration,
    Exposure,
    Herstatt,
    LimitUse,
    ThresholdView,
)


class LimitTold(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that holds, and how much of it is used. `used` below zero: the holder is owed more.
    Limits of one payment and of the platform have no use that adds up: both are null. `used_ppm`:
    the share in millionths, null for a limit of zero."""

    scope: str
    participant: str
    counterparty: str
    currency: str
    amount: str
    used: str | None
    used_ppm: int | None
    actor: str
    set_at: str
    height: int


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that hold."""

    data: list[LimitTold]
    height: int


class LimitStands(msgspec.Struct, frozen=True, kw_only=True):
    """A limit as it stands now; `amount` is null when there is none. `exists`: it stood so before
    this request."""

    scope: str
    participant: str
    counterparty: str
    currency: str
    amount: str | None
    used: str
    exists: bool
    height: int
    recorded_at: str


class ThresholdTold(msgspec.Struct, frozen=True, kw_only=True):
    """From which use of limits on (millionths) alerts are given."""

    scope: str
    used_ppm: int
    actor: str
    set_at: str
    height: int


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """All thresholds."""

    data: list[ThresholdTold]
    height: int


class ThresholdStands(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold as it stands now; null: no alerts."""

    scope: str
    used_ppm: int | None
    exists: bool
    height: int
    recorded_at: str


class AlertTold(msgspec.Struct, frozen=True, kw_only=True):
    """A limit's use that crossed its threshold; `cleared_at` is null while it is above."""

    alert_id: int
    scope: str
    participant: str
    counterparty: str
    currency: str
    used: str
    limit: str
    used_ppm: int
    raised_at: str
    cleared_at: str | None
    height: int


class AlertsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, the newest first."""

    data: list[AlertTold]
    next_cursor: str | None
    has_more: bool
    height: int


class BucketTold(msgspec.Struct, frozen=True, kw_only=True):
    """What has been awaited for so many minutes."""

    from_minutes: int
    to_minutes: int | None
    amount: str


class HerstattTold(msgspec.Struct, frozen=True, kw_only=True):
    """What was paid for irrevocably in another currency and has not come: under way, of unknown
    fate, failed; and since when. An upper bound."""

    total: str
    irrevocable: str
    uncertain: str
    failed: str
    buckets: list[BucketTold]


class BilateralTold(msgspec.Struct, frozen=True, kw_only=True):
    """Open payments to one other, those from it that set off, and the difference."""

    counterparty: str
    owes: str
    owes_count: int
    owed: str
    net: str


class ExposureTold(msgspec.Struct, frozen=True, kw_only=True):
    """Open payments of a participant in a currency: gross, net pair by pair, and net over all
    (negative: it is owed). `owed`: what arrives in the same currency. `counterparties` are told
    when one participant is asked for."""

    participant: str
    currency: str
    owes: str
    owes_count: int
    owed: str
    bilateral_net: str
    net: str
    counterparties: list[BilateralTold]
    herstatt: HerstattTold
    limits: list[LimitTold]
    alerts: list[AlertTold]


class ConcentrationTold(msgspec.Struct, frozen=True, kw_only=True):
    """All open payments of a currency: gross, net pair by pair, net over all; and how concentrated
    what payers owe is: the Herfindahl-Hirschman index and the share of the largest five, in
    millionths."""

    currency: str
    gross: str
    count: int
    bilateral_net: str
    multilateral_net: str
    payers: int
    hhi_ppm: int
    top5_ppm: int
    limits: list[LimitTold]
    alerts: list[AlertTold]


class Counterparties(msgspec.Struct, frozen=True, kw_only=True):
    """Who owes how much before finality; sums and limits of each currency are over all."""

    data: list[ExposureTold]
    currencies: list[ConcentrationTold]
    height: int


def limit_told(use: LimitUse, asset: Asset) -> LimitTold:
    """Return a limit as it is told."""
    limit, scale = use.limit, asset.scale
    return LimitTold(
        scope=limit.scope,
        participant=limit.participant,
        counterparty=limit.counterparty,
        currency=limit.currency,
        amount=format_amount(limit.amount_minor, scale),
        used=None if use.used_minor is None else format_amount(use.used_minor, scale),
        used_ppm=use.used_ppm,
        actor=limit.actor,
        set_at=rfc3339(limit.set_at_us),
        height=limit.height,
    )


def threshold_told(view: ThresholdView) -> ThresholdTold:
    """Return a threshold as it is told."""
    return ThresholdTold(
        scope=view.scope,
        used_ppm=view.used_ppm,
        actor=view.actor,
        set_at=rfc3339(view.set_at_us),
        height=view.height,
    )


def alert_told(view: AlertView, asset: Asset) -> AlertTold:
    """Return an alert as it is told."""
    return AlertTold(
        alert_id=view.seq,
        scope=view.scope,
        participant=view.participant,
        counterparty=view.counterparty,
        currency=view.currency,
        used=format_amount(view.used_minor, asset.scale),
        limit=format_amount(view.limit_minor, asset.scale),
        used_ppm=view.used_ppm,
        raised_at=rfc3339(view.raised_at_us),
        cleared_at=moment(view.cleared_at_us),
        height=view.height,
    )


def exposure_told(
    found: Exposure,
    pairs: list[Bilateral],
    scale: int,
    limits: list[LimitTold],
    alerts: list[AlertTold],
) -> ExposureTold:
    """Return an exposure as it is told, with these of its pairs."""

    def said(minor: int) -> str:
        return format_amount(minor, scale)

    return ExposureTold(
        participant=found.participant,
        currency=found.currency,
        owes=said(found.owes_minor),
        owes_count=found.owes_count,
        owed=said(found.owed_minor),
        bilateral_net=said(found.bilateral_net_minor),
        net=said(found.net_minor),
        counterparties=[
            BilateralTold(
                counterparty=pair.counterparty,
                owes=said(pair.owes_minor),
                owes_count=pair.owes_count,
                owed=said(pair.owed_minor),
                net=said(pair.net_minor),
            )
            for pair in pairs
        ],
        herstatt=_herstatt_told(found.herstatt, scale),
        limits=limits,
        alerts=alerts,
    )


def _herstatt_told(found: Herstatt, scale: int) -> HerstattTold:
    return HerstattTold(
        total=format_amount(found.total_minor, scale),
        irrevocable=format_amount(found.irrevocable_minor, scale),
        uncertain=format_amount(found.uncertain_minor, scale),
        failed=format_amount(found.failed_minor, scale),
        buckets=[
            BucketTold(
                from_minutes=bucket.from_minutes,
                to_minutes=bucket.to_minutes,
                amount=format_amount(bucket.amount_minor, scale),
            )
            for bucket in found.buckets
        ],
    )


def concentration_told(
    found: Concentration, scale: int, limits: list[LimitTold], alerts: list[AlertTold]
) -> ConcentrationTold:
    """Return the sums of a currency as they are told."""
    return ConcentrationTold(
        currency=found.currency,
        gross=format_amount(found.gross_minor, scale),
        count=found.count,
        bilateral_net=format_amount(found.bilateral_net_minor, scale),
        multilateral_net=format_amount(found.multilateral_net_minor, scale),
        payers=found.payers,
        hhi_ppm=found.hhi_ppm,
        top5_ppm=found.top5_ppm,
        limits=limits,
        alerts=alerts,
    )
