"""What money is there now, what will be there when each window closes, and on the days after?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec

from nostro.api.http import risk_examples as examples
from nostro.api.http.ledger_reads import AtLeast
from nostro.api.http.liquidity_told import ForecastTold, Liquidity, forecast_told, ladder_told
from nostro.api.operations import Call, Operation, Result, answered
from nostro.api.platform import Platform
from nostro.api.problems import Invalid, ProblemRaised, Spoken
from nostro.api.times import microseconds
from nostro.api.words import AssetCode, Day
from nostro.kernel.messages import Rejection
from nostro.ledger import AsOf
from nostro.netting import Mid, RateSet, destination_amount
from nostro.risk import (
    AHEAD_DAYS,
    HISTORY_DAYS_MAX,
    Convert,
    Ladder,
    TooShort,
    ladders,
    no_rates,
)
from nostro.runtime.projector import ViewsBehind

ROOT = "/api/v1/liquidity"
CYCLES_LOOKED_AT = 20
"""Among the newest cycles one has frozen rates, or none has lately."""


class ModelName(StrEnum):
    """What forecasts: a regression on the calendar, or Prophet where it is installed."""

    CALENDAR = "calendar"
    PROPHET = "prophet"


class LiquidityQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which currency; without it all."""

    currency: AssetCode | None = None
    at_least: AtLeast | None = None


class ForecastQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What to forecast, and as from which day."""

    currency: AssetCode
    days_ahead: Annotated[
        int, msgspec.Meta(ge=1, le=AHEAD_DAYS[-1], description="Days.", examples=[7])
    ] = 7
    model: ModelName = ModelName.CALENDAR
    as_of: (
        Annotated[
            Day, msgspec.Meta(description="The last day to know of, YYYY-MM-DD; else yesterday.")
        ]
        | None
    ) = None
    at_least: AtLeast | None = None


async def get_liquidity(call: Call, query: LiquidityQuery) -> Spoken:
    """Tell the ladder of each currency."""
    desk = call.desk
    await desk.fresh(query.at_least)
    platform = desk.platform
    today = datetime.now(UTC).date()
    inputs, flows, rates = await asyncio.gather(
        platform.risk.liquidity(currency=query.currency),
        platform.risk.flows(from_day=today.isoformat(), to_day=today.isoformat()),
        _newest_rates(platform),
    )
    found = ladders(inputs, convert=no_rates if rates is None else _converting(rates))
    settled = {flow.currency: (flow.in_minor, flow.out_minor) for flow in flows}
    starts = await asyncio.gather(*(_at_start(platform, ladder, today) for ladder in found))
    data = [
        ladder_told(ladder, at_start_minor=start, today_minor=settled.get(ladder.currency, (0, 0)))
        for ladder, start in zip(found, starts, strict=True)
    ]
    rate_set = "" if rates is None else rates.rate_set_id
    return answered(Liquidity(data=data, rate_set=rate_set, height=inputs.height))


async def _newest_rates(platform: Platform) -> RateSet | None:
    page = await platform.settlements.cycles(limit=CYCLES_LOOKED_AT)
    sets = (cycle.rate_set for cycle in page.items)
    return next((rates for rates in sets if rates is not None and rates.rates), None)


def _converting(rates: RateSet) -> Convert:
    mid = Mid(rates)

    def convert(amount_minor: int, source: str, destination: str) -> int | None:
        try:
            return destination_amount(amount_minor, mid.rate(source, destination))
        except Rejection:  # netting.rate_missing
            return None

    return convert


async def _at_start(platform: Platform, ladder: Ladder, today: date) -> dict[str, int] | None:
    """Return what was at each rail when the day began; None when that cannot be told now."""
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    moment = AsOf(at_us=microseconds(midnight) - 1)
    rails = [each.rail for each in ladder.at_rails]
    accounts = [
        f"nostro:{rail}:{ladder.currency}" if rail else f"nostro:{ladder.currency}"
        for rail in rails
    ]
    try:
        views = await asyncio.gather(*(platform.ledger.balance(id, moment) for id in accounts))
    except ViewsBehind:
        return None
    return {
        rail: 0 if view is None else view.posted for rail, view in zip(rails, views, strict=True)
    }


async def get_forecast(call: Call, query: ForecastQuery) -> Spoken:
    """Tell what will come in and go out on the next days."""
    desk = call.desk
    asset = await desk.asset(query.currency)
    last_day = _last_day(query.as_of)
    await desk.fresh(query.at_least)
    forecasts = desk.platform.forecasts
    if query.model not in forecasts.models:
        raise ProblemRaised(
            "risk.model_not_installed",
            facts={"model": query.model.value, "installed": _listed(forecasts.models)},
        )
    rows = await desk.platform.risk.flows(
        from_day=(last_day - timedelta(days=HISTORY_DAYS_MAX)).isoformat(),
        to_day=last_day.isoformat(),
    )
    try:
        found = await forecasts.of(
            rows,
            query.currency,
            last_day=last_day.isoformat(),
            days_ahead=query.days_ahead,
            model=query.model.value,
        )
    except TooShort as short:
        facts = {
            "currency": query.currency,
            "last_day": last_day.isoformat(),
            "days_needed": short.needed,
            "days_present": short.present,
        }
        raise ProblemRaised("risk.history_too_short", facts=facts) from None
    return answered(forecast_told(found, asset.scale, query.days_ahead))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _last_day(as_of: str | None) -> date:
    """Return the last day to know of, which must be over; raises ProblemRaised."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    if not as_of:
        return yesterday
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        day = date.max
    if not date(1970, 1, 1) + timedelta(days=HISTORY_DAYS_MAX) <= day <= yesterday:
        why = f"as_of must be a day that is over, {yesterday.isoformat()} at the latest"
        raise ProblemRaised.invalid([Invalid("as_of", "request.bad_value", why)])
    return day


_VIEWS = ("views.behind", "views.unavailable")

OPERATIONS = (
    Operation(
        name="getLiquidity",
        method="GET",
        path=ROOT,
        tag="risk",
        summary="Liquidity now, and when each window closes",
        description="Of each currency: our money at the rails, what participants have and may "
        "borrow, what is in transit and in suspense, our position, what settlements under way "
        "still move, and what waits for each open window: pay-ins and pay-outs, gross and net.",
        handler=get_liquidity,
        query=LiquidityQuery,
        problems=_VIEWS,
        results={
            200: Result(description="By currency.", shape=Liquidity, example=examples.LIQUIDITY)
        },
    ),
    Operation(
        name="getLiquidityForecast",
        method="GET",
        path=f"{ROOT}/forecast",
        tag="risk",
        summary="What will settle on the next days",
        description="In and out separately, and their difference, each with intervals of 80, 90 "
        "and 95 %; the history they rest on, and how often intervals made in the same way held the "
        "truth of days that they did not know.",
        handler=get_forecast,
        query=ForecastQuery,
        problems=(
            "risk.history_too_short",
            "risk.model_not_installed",
            "asset.unknown",
            *_VIEWS,
        ),
        results={
            200: Result(description="Day by day.", shape=ForecastTold, example=examples.FORECAST)
        },
    ),
)
