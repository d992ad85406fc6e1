"""What can one ask of settlements: how they stand, what happened to them, what failing cost?"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, get_args

import msgspec

from nostro.api.http import dvp_examples as examples
from nostro.api.http.dvp import TAG, VIEWS, DvpPath, settlement_seen
from nostro.api.http.dvp_told import (
    DvpPage,
    DvpTimeline,
    DvpTold,
    PenaltiesPage,
    PositionsTold,
    dvp_told,
    event_told,
    penalty_told,
    position_told,
)
from nostro.api.http.ledger_reads import AtLeast, Cursor, FreshQuery, Limit
from nostro.api.operations import Call, Operation, Result, answered
from nostro.api.problems import Invalid, ProblemRaised, Spoken
from nostro.api.words import AssetCode, CalendarDay, PartyId, SettlementId, TradeId
from nostro.settlement import (
    Status,
)

StatusWord = Literal[
    "PENDING",
    "INITIATED",
    "SELLER_SECURITIES_LOCKED",
    "BUYER_CASH_LOCKED",
    "EXECUTING",
    "CONFIRMED",
    "SETTLED",
    "PARTIALLY_SETTLED",
    "FAILED",
]
assert set(Status) == set(get_args(StatusWord))
EVENTS_MAX = 1_000
"""Events of a page of one settlement's life: a hundred attempts of ten."""


class DvpsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which settlements: of a party on either side (without one: the caller's, or for who reads of
    everybody all); settlement dates from `start_date` to `end_date`, both included."""

    account_id: PartyId | None = None
    status: StatusWord | None = None
    start_date: CalendarDay | None = None
    end_date: CalendarDay | None = None
    trade_id: TradeId | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


class TimelineQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the life of a settlement, from where on."""

    cursor: Cursor | None = None
    limit: Limit = EVENTS_MAX
    at_least: AtLeast | None = None


class PenaltiesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which penalties: of a party that pays or is paid (without one: the caller's, or for who reads
    of everybody all), of days from `start_date` to `end_date`, both included."""

    account_id: PartyId | None = None
    settlement_id: SettlementId | None = None
    start_date: CalendarDay | None = None
    end_date: CalendarDay | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


class PositionsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose positions (the caller's, without one), and of which asset."""

    account_id: PartyId | None = None
    asset: AssetCode | None = None
    at_least: AtLeast | None = None


async def get_dvp(call: Call, query: FreshQuery) -> Spoken:
    """Tell how a settlement stands."""
    await call.desk.fresh(query.at_least)
    view = await settlement_seen(call, int(call.params.settlement_id[1:]))
    await call.desk.ask_for((view.security, view.cash))
    return answered(dvp_told(call.desk, view))


async def list_dvps(call: Call, query: DvpsQuery) -> Spoken:
    """Tell settlements, page by page."""
    desk = call.desk
    party = _whose(call, query.account_id)
    _check_days(query)
    await desk.fresh(query.at_least)
    page = await desk.platform.dvp.settlements(
        party=party,
        status=None if query.status is None else Status(query.status),
        trade_id=query.trade_id,
        from_day=query.start_date,
        to_day=query.end_date,
        cursor=query.cursor,
        limit=query.limit,
    )
    await desk.ask_for({code for view in page.items for code in (view.security, view.cash)})
    told = DvpPage(
        data=[dvp_told(desk, view) for view in page.items],
        total=page.total,
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def list_dvp_events(call: Call, query: TimelineQuery) -> Spoken:
    """Tell what happened to a settlement, page by page."""
    desk = call.desk
    await desk.fresh(query.at_least)
    view = await settlement_seen(call, int(call.params.settlement_id[1:]))
    security, cash = view.security, view.cash
    await desk.ask_for((security, cash))
    actors = None if call.everybody() else (view.seller, view.buyer)
    page = await desk.platform.dvp.events(view.number, cursor=query.cursor, limit=query.limit)
    told = DvpTimeline(
        settlement_id=call.params.settlement_id,
        data=[
            event_told(desk, each, security=security, cash=cash, actors=actors)
            for each in page.items
        ],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def list_penalties(call: Call, query: PenaltiesQuery) -> Spoken:
    """Tell what failing cost, page by page."""
    desk = call.desk
    party = _whose(call, query.account_id)
    _check_days(query)
    await desk.fresh(query.at_least)
    page = await desk.platform.dvp.penalties(
        party=party,
        number=None if query.settlement_id is None else int(query.settlement_id[1:]),
        from_day=query.start_date,
        to_day=query.end_date,
        cursor=query.cursor,
        limit=query.limit,
    )
    await desk.ask_for({view.asset for view in page.items})
    told = PenaltiesPage(
        data=[penalty_told(desk, view) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def list_positions(call: Call, query: PositionsQuery) -> Spoken:
    """Tell what attempts under way have of a party's assets."""
    desk, party = call.desk, call.acting_for(query.account_id)
    await desk.fresh(query.at_least)
    views = await desk.platform.dvp.positions(party, asset=query.asset)
    await desk.ask_for({view.asset for view in views})
    return answered(PositionsTold(data=[position_told(desk, view) for view in views]))


def _whose(call: Call, account_id: str | None) -> str | None:
    """Return of whom it is asked, None for everybody; raises Rejection."""
    if account_id is None and call.everybody():
        return None
    return call.acting_for(account_id)


def _check_days(query: DvpsQuery | PenaltiesQuery) -> None:
    """Raise ProblemRaised for what looks like a date and is none: 2026-02-30."""
    errors = []
    for name in ("start_date", "end_date"):
        try:
            date.fromisoformat(getattr(query, name) or "2026-02-02")
        except ValueError:
            errors.append(Invalid(name, "request.bad_value", "must be a date that there is"))
    if errors:
        raise ProblemRaised.invalid(errors)


def _read(name: str, path: str, summary: str, description: str, **rest: Any) -> Operation:
    shape, example = rest.pop("shape"), rest.pop("example")
    return Operation(
        name=name,
        method="GET",
        path=path,
        tag=TAG,
        summary=summary,
        description=description,
        results={200: Result(description=f"{summary}.", shape=shape, example=example)},
        problems=(*rest.pop("problems"), *VIEWS),
        **rest,
    )


_FILTERED = ("auth.not_your_account", "auth.user_unnamed", "request.bad_cursor")

OPERATIONS = (
    _read(
        "listDvps",
        "/settlements",
        "Settlements of trades",
        "The latest settlement date first, narrowed by party, status, date and trade; `total` "
        "counts them all, as of the first page.",
        handler=list_dvps,
        query=DvpsQuery,
        problems=_FILTERED,
        shape=DvpPage,
        example=examples.SETTLEMENTS,
    ),
    _read(
        "listPenalties",
        "/settlements/penalties",
        "Penalties",
        "What each day of failing costs the failing party, for the other, the newest first. They "
        "are reported, not collected.",
        handler=list_penalties,
        query=PenaltiesQuery,
        problems=_FILTERED,
        shape=PenaltiesPage,
        example=examples.PENALTIES,
    ),
    _read(
        "listPositions",
        "/settlements/positions",
        "Positions in settlement",
        "What is earmarked of a party's assets, and, once it is decided, being delivered and "
        "received: none of it is available.",
        handler=list_positions,
        query=PositionsQuery,
        problems=("auth.not_your_account", "auth.user_unnamed"),
        shape=PositionsTold,
        example=examples.POSITIONS,
    ),
    _read(
        "listDvpEvents",
        "/settlements/{settlement_id:dvp}/events",
        "The life of a settlement",
        "Everything that happened to it, oldest first, page by page.",
        handler=list_dvp_events,
        query=TimelineQuery,
        params=DvpPath,
        problems=("settlement.unknown", "request.bad_cursor"),
        shape=DvpTimeline,
        example=examples.TIMELINE,
    ),
    _read(
        "getDvp",
        "/settlements/{settlement_id:dvp}",
        "A settlement of a trade",
        "How it stands. Somebody else's is unknown.",
        handler=get_dvp,
        query=FreshQuery,
        params=DvpPath,
        problems=("settlement.unknown",),
        shape=DvpTold,
        example=examples.SETTLEMENT,
    ),
)
