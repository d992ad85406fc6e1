"""Which limits hold and how much of them is used, who is exposed to whom, and what is alarming?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from secrets import token_hex
from typing import Annotated, Any, TypeVar

import msgspec

from nostro.api.amounts import minor_units
from nostro.api.http import risk_examples as examples
from nostro.api.http.ledger_reads import LIMIT_MAX, AtLeast, Cursor, FreshQuery, Limit
from nostro.api.http.participants import assets_of
from nostro.api.http.risk_told import (
    AlertsPage,
    AlertTold,
    Counterparties,
    Limits,
    LimitStands,
    LimitTold,
    Thresholds,
    ThresholdStands,
    alert_told,
    concentration_told,
    exposure_told,
    limit_told,
    threshold_told,
)
from nostro.api.operations import Call, KeyRule, Operation, Result, answered, refused
from nostro.api.problems import Invalid, ProblemRaised, Spoken
from nostro.api.times import microseconds, rfc3339
from nostro.api.words import AssetCode, ParticipantId
from nostro.kernel.asset import Asset
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.money import format_amount
from nostro.kernel.reply import Receipt
from nostro.risk import (
    Scope,
    SetLimit,
    SetThreshold,
    concentrations,
    exposures,
    limit_uses,
)

T = TypeVar("T", LimitTold, AlertTold)

ACTOR = "operator"
ROOT = "/api/v1/risk"


class ThresholdScope(StrEnum):
    """Limits whose use adds up, so that it can cross a threshold."""

    NET_DEBIT = "net_debit"
    BILATERAL = "bilateral"
    CURRENCY = "currency"


class AlertStanding(StrEnum):
    """All alerts, or those that stand: use is above the threshold still."""

    ALL = "all"
    OPEN = "open"


AmountOrNone = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        title="AmountOrNone",
        description="A decimal string, or a JSON number; both are read exactly. null: none.",
        extra_json_schema={
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,39}(\.[0-9]{0,18})?$"},
                {"type": "number", "minimum": 0},
                {"type": "null"},
            ],
            "examples": ["5000000.00", None],
        },
    ),
]
_NAMED = "Whose payments it limits; for net_debit, bilateral, and single (without one: all)."
Holder = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9._@-]{0,48}\Z", description=_NAMED, examples=["NORDBANK"]),
]
Other = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9._@-]{0,48}\Z",
        description="Towards whom; for bilateral only.",
        examples=["RHEINBANK"],
    ),
]
UsedPpm = Annotated[
    int,
    msgspec.Meta(
        ge=1, le=1_000_000, description="Share of a limit, in millionths.", examples=[800_000]
    ),
]


class LimitBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit to hold from now on; `amount` null takes it away. `net_debit`: what a participant may
    owe net over all; `bilateral`: net to one other; `currency`: all open payments, gross; `single`:
    one payment; `platform`: liquidity that netting may use."""

    scope: Scope
    currency: AssetCode
    participant: Holder = ""
    counterparty: Other = ""
    amount: AmountOrNone


class ThresholdBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which use of limits on to give alerts; null: give none."""

    scope: ThresholdScope
    used_ppm: UsedPpm | None


class RiskQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose, and in which currency."""

    participant: ParticipantId | None = None
    currency: AssetCode | None = None
    at_least: AtLeast | None = None


class AlertsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts."""

    state: AlertStanding = AlertStanding.ALL
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


# -- orders ----------------------------------------------------------------------------------------


async def set_limit(call: Call, body: LimitBody) -> Spoken:
    """Let a limit hold, or take it away."""
    desk = call.desk
    asset, minor = await _limit_of(call, body)
    command = SetLimit(
        scope=body.scope.value,
        currency=body.currency,
        participant=body.participant,
        counterparty=body.counterparty,
        amount_minor=minor,
    )
    receipt = await _anew(call, command)
    if receipt.reply.code:
        raise refused(receipt, desk.told(receipt.reply.facts, body.currency))
    reply: Mapping[str, Any] = receipt.reply.body or {}
    told = LimitStands(
        scope=body.scope.value,
        participant=body.participant,
        counterparty=body.counterparty,
        currency=body.currency,
        amount=None if minor is None else format_amount(minor, asset.scale),
        used=format_amount(reply["used_minor"], asset.scale),
        exists=reply.get("exists", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


async def _limit_of(call: Call, body: LimitBody) -> tuple[Asset, int | None]:
    """Return the asset and the minor units of a limit; raises ProblemRaised that says where it is
    wrong."""
    at = "/currency"
    try:
        asset = await call.desk.asset(body.currency)
        at = "/amount"
        if bytes(body.amount) == b"null":
            return asset, None
        return asset, minor_units(body.amount, asset)
    except Rejection as no:
        said = ", ".join(f"{name} {value}" for name, value in no.facts.items())
        raise ProblemRaised.invalid([Invalid(at, no.code, said)]) from None


async def set_threshold(call: Call, body: ThresholdBody) -> Spoken:
    """Ask for alerts from a use on, or for none."""
    receipt = await _anew(call, SetThreshold(scope=body.scope.value, used_ppm=body.used_ppm))
    if receipt.reply.code:
        raise refused(receipt, receipt.reply.facts)
    reply: Mapping[str, Any] = receipt.reply.body or {}
    told = ThresholdStands(
        scope=body.scope.value,
        used_ppm=body.used_ppm,
        exists=reply.get("exists", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


async def _anew(call: Call, command: Command) -> Receipt:
    """Send a command under the key of the header; without one, it is decided anew each time: what
    is so already stays so."""
    key = call.key() or f"risk:{token_hex(16)}"
    return await call.desk.submit(key=key, command=command, actor=call.actor(ACTOR))


# -- reads -----------------------------------------------------------------------------------------


async def list_limits(call: Call, query: RiskQuery) -> Spoken:
    """Tell limits with their use."""
    desk = call.desk
    await desk.fresh(query.at_least)
    height = await desk.platform.ledger.checkpoint()
    reads = desk.platform.risk
    limits, rows = await asyncio.gather(
        reads.limits(participant=query.participant, currency=query.currency),
        reads.exposures(currency=query.currency),
    )
    assets = await _assets(call, (limit.currency for limit in limits))
    data = [limit_told(use, assets[use.limit.currency]) for use in limit_uses(limits, rows)]
    return answered(Limits(data=data, height=height))


async def list_thresholds(call: Call, query: FreshQuery) -> Spoken:
    """Tell thresholds."""
    desk = call.desk
    await desk.fresh(query.at_least)
    height = await desk.platform.ledger.checkpoint()
    views = await desk.platform.risk.thresholds()
    return answered(Thresholds(data=[threshold_told(view) for view in views], height=height))


async def list_alerts(call: Call, query: AlertsQuery) -> Spoken:
    """Tell alerts, page by page."""
    await call.desk.fresh(query.at_least)
    page = await call.desk.platform.risk.alerts(
        open_only=query.state is AlertStanding.OPEN, cursor=query.cursor, limit=query.limit
    )
    assets = await _assets(call, (view.currency for view in page.items))
    told = AlertsPage(
        data=[alert_told(view, assets[view.currency]) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def list_counterparties(call: Call, query: RiskQuery) -> Spoken:
    """Tell who is exposed to whom before finality."""
    desk = call.desk
    await desk.fresh(query.at_least)
    height = await desk.platform.ledger.checkpoint()
    reads, wanted = desk.platform.risk, query.participant
    rows, legs, limits, alerts = await asyncio.gather(
        reads.exposures(currency=query.currency),
        reads.legs(),
        reads.limits(currency=query.currency),
        reads.alerts(open_only=True, limit=LIMIT_MAX),
    )
    found = [
        each
        for each in exposures(rows, legs, at_us=microseconds(datetime.now(UTC)))
        if query.currency in (None, each.currency)
    ]
    open_alerts = [each for each in alerts.items if query.currency in (None, each.currency)]
    sums = concentrations(found)
    assets = await _assets(
        call,
        [
            *(each.currency for each in found),
            *(limit.currency for limit in limits),
            *(alert.currency for alert in open_alerts),
        ],
    )
    held = _by_holder(
        limit_told(use, assets[use.limit.currency]) for use in limit_uses(limits, rows)
    )
    rung = _by_holder(alert_told(alert, assets[alert.currency]) for alert in open_alerts)
    told = Counterparties(
        data=[
            exposure_told(
                each,
                each.counterparties if wanted is not None else [],
                assets[each.currency].scale,
                held.get((each.participant, each.currency), []),
                rung.get((each.participant, each.currency), []),
            )
            for each in found
            if wanted in (None, each.participant)
        ],
        currencies=[
            concentration_told(
                each,
                assets[each.currency].scale,
                held.get(("", each.currency), []),
                rung.get(("", each.currency), []),
            )
            for each in sums
        ],
        height=height,
    )
    return answered(told)


def _by_holder(told: Iterable[T]) -> dict[tuple[str, str], list[T]]:
    by_holder: dict[tuple[str, str], list[T]] = {}
    for each in told:
        by_holder.setdefault((each.participant, each.currency), []).append(each)
    return by_holder


async def _assets(call: Call, codes: Iterable[str]) -> dict[str, Asset]:
    return await assets_of(call.desk, dict.fromkeys(codes))


# -- operations ------------------------------------------------------------------------------------

_VIEWS = ("views.behind", "views.unavailable")


def _read(
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Any,
    query: type[msgspec.Struct],
    shape: Any,
    example: Any,
    *,
    problems: Sequence[str] = (),
) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=f"{ROOT}/{path}",
        tag="risk",
        summary=summary,
        description=description,
        handler=handler,
        query=query,
        problems=(*problems, *_VIEWS),
        results={200: Result(description=summary + ".", shape=shape, example=example)},
    )


OPERATIONS = (
    _read(
        "listRiskCounterparties",
        "counterparties",
        "Exposures before finality",
        "Of each participant in each currency: what it owes gross, net pair by pair and net over "
        "all, what it paid for in another currency and has not received, its limits with their "
        "use, and its open alerts. Asked for one participant, pair by pair. Sums and concentration "
        "of each currency are over all participants.",
        list_counterparties,
        RiskQuery,
        Counterparties,
        examples.COUNTERPARTIES,
    ),
    _read(
        "listRiskLimits",
        "limits",
        "Limits with their use",
        "Those that hold, narrowed by participant and currency.",
        list_limits,
        RiskQuery,
        Limits,
        {"data": [examples.LIMIT], "height": 42},
    ),
    Operation(
        name="setRiskLimit",
        method="PUT",
        path=f"{ROOT}/limits",
        tag="risk",
        summary="Set a limit, or take it away",
        description="It binds payments from now on. One below what is used is taken: nothing more "
        "is accepted until use has fallen.",
        handler=set_limit,
        body=LimitBody,
        body_example=examples.NEW_LIMIT,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=("risk.bad_limit", "asset.unknown", "engine.key_reused"),
        results={
            200: Result(
                description="It stands so.", shape=LimitStands, example=examples.LIMIT_STANDS
            )
        },
    ),
    _read(
        "listRiskAlerts",
        "alerts",
        "Alerts",
        "Uses of limits that crossed their threshold, the newest first.",
        list_alerts,
        AlertsQuery,
        AlertsPage,
        {"data": [examples.ALERT], "next_cursor": None, "has_more": False, "height": 42},
        problems=("request.bad_cursor",),
    ),
    _read(
        "listRiskThresholds",
        "thresholds",
        "Thresholds of alerts",
        "From which use of limits on alerts are given.",
        list_thresholds,
        FreshQuery,
        Thresholds,
        {"data": [examples.THRESHOLD], "height": 42},
    ),
    Operation(
        name="setRiskThreshold",
        method="PUT",
        path=f"{ROOT}/thresholds",
        tag="risk",
        summary="Ask for alerts, or for none",
        description="An alert is raised once when use reaches this share of a limit, and cleared "
        "once when it is below again.",
        handler=set_threshold,
        body=ThresholdBody,
        body_example={"scope": "net_debit", "used_ppm": 800_000},
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=("risk.bad_threshold", "engine.key_reused"),
        results={
            200: Result(
                description="It stands so.",
                shape=ThresholdStands,
                example=examples.THRESHOLD_STANDS,
            )
        },
    ),
)
