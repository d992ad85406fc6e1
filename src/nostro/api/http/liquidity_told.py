"""How are liquidity and its forecast told to callers?"""

from __future__ import annotations

import msgspec

from nostro.api.times import rfc3339
from nostro.kernel.money import format_amount
from nostro.risk import Coverage, DayAhead, Expected, Forecast, Ladder, Measured, WindowAhead


class AtRailTold(msgspec.Struct, frozen=True, kw_only=True):
    """Our own money at a rail; "" is where customers' money is."""

    rail: str
    posted: str
    pending_in: str
    pending_out: str
    available_at_start: str | None


class VostrosTold(msgspec.Struct, frozen=True, kw_only=True):
    """What participants have on their settlement accounts, what is held of it for payments, how far
    some are below zero, and how far they may be."""

    accounts: int
    posted: str
    held: str
    overdrawn: str
    credit_lines: str


class WindowTold(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a cycle, if all of it settles and nothing more comes: pay-ins and pay-outs as
    if each payment moved alone (gross), and as positions move (net, between low and high).
    `unpriced_count`: payments that bring an amount in this currency that no rate is known for; what
    they could break is null. `prefunded`: what payers have on their accounts of what they would
    owe net. `projected`: our money at the rails afterwards, earlier windows included."""

    cycle_id: str
    cut_off_at: str
    count: int
    unpriced_count: int
    pay_in_gross: str
    pay_in_net_low: str
    pay_in_net_high: str
    pay_out_gross: str | None
    pay_out_net_low: str
    pay_out_net_high: str | None
    prefunded: str
    projected_low: str | None
    projected_high: str


class SettledToday(msgspec.Struct, frozen=True, kw_only=True):
    """What became final today (UTC): paid by payers, credited to payees."""

    incoming: str
    outgoing: str


class LadderTold(msgspec.Struct, frozen=True, kw_only=True):
    """The money of one currency, now and window by window.

    `position`: ours at all rails. `fx`: what payments of other currencies brought less what they
    took; `desk`: what the market owes us for trades; `claims`: what banks owe us
    whose accounts could not pay; `transit`: on its way out; `suspense`: whose
    owner is not known. `coming_in`, `going_out`: what settlements under way still move.
    `available_at_start` and `settled_today` are of this day (UTC).
    """

    currency: str
    position: str
    available_at_start: str | None
    at_rails: list[AtRailTold]
    vostros: VostrosTold
    transit: str
    suspense: str
    fx: str
    desk: str
    claims: str
    coming_in: str
    going_out: str
    settled_today: SettledToday
    windows: list[WindowTold]


class Liquidity(msgspec.Struct, frozen=True, kw_only=True):
    """Liquidity by currency. `rate_set`: the rates, frozen by an earlier cycle, with which payments
    in another currency are estimated, "" without any."""

    data: list[LadderTold]
    rate_set: str
    height: int


class IntervalTold(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds that are to hold the truth `level` times of a hundred."""

    level: int
    low: str
    high: str


class ExpectedTold(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected; the truth is as often above the middle as below."""

    middle: str
    intervals: list[IntervalTold]


class DayTold(msgspec.Struct, frozen=True, kw_only=True):
    """A day ahead. `is_open` false: a weekday on which nothing settles. `difference`: in less out,
    with intervals of its own."""

    day: str
    is_open: bool
    incoming: ExpectedTold
    outgoing: ExpectedTold
    difference: ExpectedTold


class CoverageTold(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the backtest's truths lay within intervals made without them, in millionths: of
    this currency, and of all that were pooled."""

    level: int
    covered_ppm: int
    pooled_ppm: int


class MeasuredTold(msgspec.Struct, frozen=True, kw_only=True):
    """How the backtest went, over so many truths; `wape_ppm`: sum of misses by sum of truths, in
    millionths."""

    coverage: list[CoverageTold]
    points: int
    pooled_points: int
    wape_ppm: int | None


class RestsOn(msgspec.Struct, frozen=True, kw_only=True):
    """The history that a forecast rests on. `open_days`: days with payments, which the model learns
    from; `windows`: backtests; `pooled_currencies`: whose errors made the intervals."""

    first_day: str
    last_day: str
    days: int
    open_days: int
    windows: int
    pooled_currencies: list[str]


class MeasuredBy(msgspec.Struct, frozen=True, kw_only=True):
    """How each direction went in the backtest, and their difference."""

    incoming: MeasuredTold
    outgoing: MeasuredTold
    difference: MeasuredTold


class ForecastTold(msgspec.Struct, frozen=True, kw_only=True):
    """What will settle in a currency on the next days."""

    currency: str
    model: str
    history: RestsOn
    measured: MeasuredBy
    data: list[DayTold]


def ladder_told(
    ladder: Ladder,
    *,
    at_start_minor: dict[str, int] | None,
    today_minor: tuple[int, int],
) -> LadderTold:
    """Return a ladder as it is told. `at_start_minor`: what was at each rail when the day began."""

    def said(minor: int) -> str:
        return format_amount(minor, ladder.scale)

    def started(rail: str) -> str | None:
        return None if at_start_minor is None else said(at_start_minor.get(rail, 0))

    vostros = ladder.vostros
    return LadderTold(
        currency=ladder.currency,
        position=said(ladder.position_minor),
        available_at_start=None if at_start_minor is None else said(sum(at_start_minor.values())),
        at_rails=[
            AtRailTold(
                rail=each.rail,
                posted=said(each.posted_minor),
                pending_in=said(each.pending_in_minor),
                pending_out=said(each.pending_out_minor),
                available_at_start=started(each.rail),
            )
            for each in ladder.at_rails
        ],
        vostros=VostrosTold(
            accounts=vostros.accounts,
            posted=said(vostros.posted_minor),
            held=said(vostros.held_minor),
            overdrawn=said(vostros.overdrawn_minor),
            credit_lines=said(vostros.credit_lines_minor),
        ),
        transit=said(ladder.transit_minor),
        suspense=said(ladder.suspense_minor),
        fx=said(ladder.fx_minor),
        desk=said(ladder.desk_minor),
        claims=said(ladder.claims_minor),
        coming_in=said(ladder.coming_in_minor),
        going_out=said(ladder.going_out_minor),
        settled_today=SettledToday(incoming=said(today_minor[0]), outgoing=said(today_minor[1])),
        windows=[_window_told(each, ladder.scale) for each in ladder.windows],
    )


def _window_told(window: WindowAhead, scale: int) -> WindowTold:
    def said(minor: int) -> str:
        return format_amount(minor, scale)

    def if_known(minor: int | None) -> str | None:
        return None if minor is None else said(minor)

    return WindowTold(
        cycle_id=window.cycle_id,
        cut_off_at=rfc3339(window.cut_off_at_us),
        count=window.count,
        unpriced_count=window.unpriced_count,
        pay_in_gross=said(window.pay_in_gross_minor),
        pay_in_net_low=said(window.pay_in_net_low_minor),
        pay_in_net_high=said(window.pay_in_net_high_minor),
        pay_out_gross=if_known(window.pay_out_gross_minor),
        pay_out_net_low=said(window.pay_out_net_low_minor),
        pay_out_net_high=if_known(window.pay_out_net_high_minor),
        prefunded=said(window.prefunded_minor),
        projected_low=if_known(window.projected_low_minor),
        projected_high=said(window.projected_high_minor),
    )


def forecast_told(forecast: Forecast, scale: int, days_ahead: int) -> ForecastTold:
    """Return the first days of a forecast as they are told."""
    return ForecastTold(
        currency=forecast.currency,
        model=forecast.model,
        history=RestsOn(
            first_day=forecast.first_day,
            last_day=forecast.last_day,
            days=forecast.history_days,
            open_days=forecast.open_days,
            windows=forecast.windows,
            pooled_currencies=forecast.pooled_currencies,
        ),
        measured=MeasuredBy(
            incoming=_measured_told(forecast.incoming),
            outgoing=_measured_told(forecast.outgoing),
            difference=_measured_told(forecast.difference),
        ),
        data=[_day_told(day, scale) for day in forecast.days[:days_ahead]],
    )


def _measured_told(measured: Measured) -> MeasuredTold:
    return MeasuredTold(
        coverage=[_coverage_told(each) for each in measured.coverage],
        points=measured.points,
        pooled_points=measured.pooled_points,
        wape_ppm=measured.wape_ppm,
    )


def _coverage_told(coverage: Coverage) -> CoverageTold:
    return CoverageTold(
        level=coverage.level, covered_ppm=coverage.covered_ppm, pooled_ppm=coverage.pooled_ppm
    )


def _day_told(day: DayAhead, scale: int) -> DayTold:
    return DayTold(
        day=day.day,
        is_open=day.is_open,
        incoming=_expected_told(day.incoming, scale),
        outgoing=_expected_told(day.outgoing, scale),
        difference=_expected_told(day.difference, scale),
    )


def _expected_told(expected: Expected, scale: int) -> ExpectedTold:
    return ExpectedTold(
        middle=format_amount(expected.middle_minor, scale),
        intervals=[
            IntervalTold(
                level=each.level,
                low=format_amount(each.low_minor, scale),
                high=format_amount(each.high_minor, scale),
            )
            for each in expected.intervals
        ],
    )
