"""How does an operator set fees, stop trading, and release money that a wallet would not take?"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from nostro.api import prices
from nostro.api.http import market_examples as examples
from nostro.api.http.ledger_reads import AtLeast, Cursor, FreshQuery, Limit
from nostro.api.http.market_admin import OPERATOR, existed, ordered
from nostro.api.http.market_told import (
    FeeSchedulesTold,
    SuspensionsPage,
    schedule_told,
    suspension_told,
)
from nostro.api.http.order_bodies import refusal
from nostro.api.http.order_told import bps_told
from nostro.api.http.wallet_reads import UserPath
from nostro.api.operations import Call, KeyRule, Operation, Result, answered
from nostro.api.prices import Bps
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import rfc3339
from nostro.api.words import ScheduleName, TradingReason, UserId
from nostro.exchange import AssignFeeSchedule, ReleaseFunds, SetFeeSchedule, SetKillSwitch
from nostro.kernel.messages import Rejection

TAG = "trading"


class FeesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a fill costs each side, in basis points of its value. A maker's may be negative, a
    rebate, of at most what every taker pays."""

    name: ScheduleName
    maker_bps: Bps
    taker_bps: Bps


class AssignmentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The schedule that the user is to have; null: that of each market."""

    schedule: ScheduleName | None


class KillBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose trading is to stop, or (`engaged` false) to go on: the user's, without `user_id` the
    caller's own. `everybody`: for operators, that of all users."""

    user_id: UserId | None = None
    everybody: bool = False
    engaged: bool = True
    reason: TradingReason = ""


class ReleaseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing more is needed."""


class SuspensionPath(msgspec.Struct, frozen=True, kw_only=True):
    """The suspended money in the path."""

    suspension_id: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[1-9][0-9]{0,17}\Z", description="Id of suspended money.", examples=["3"]
        ),
    ]


class SuspensionsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose; `open_only=true`: what is still suspended."""

    user_id: UserId | None = None
    open_only: Literal["true", "false"] = "false"
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


class FeesStand(msgspec.Struct, frozen=True, kw_only=True):
    """A fee schedule as it stands."""

    name: str
    maker_bps: str
    taker_bps: str
    height: int
    recorded_at: str


class FeesAssigned(msgspec.Struct, frozen=True, kw_only=True):
    """Which schedule a user has as his own, null: none."""

    user_id: str
    schedule: str | None
    height: int
    recorded_at: str


class KillSwitchStands(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a user (null: everybody) is stopped. `cancelled`: how many orders were cancelled with
    this answer; where there are more than it takes, the rest follow at once."""

    user_id: str | None
    engaged: bool
    cancelled: int
    height: int
    recorded_at: str


class FundsReleasedTold(msgspec.Struct, frozen=True, kw_only=True):
    """Suspended money that is in its wallet. `exists`: it was before this request."""

    suspension_id: str
    state: Literal["released"]
    exists: bool
    height: int
    recorded_at: str


async def set_fees(call: Call, body: FeesBody) -> Spoken:
    """Name or change a fee schedule."""
    maker_ppm, taker_ppm = _ppm("maker_bps", body.maker_bps), _ppm("taker_bps", body.taker_bps)
    command = SetFeeSchedule(name=body.name, maker_ppm=maker_ppm, taker_ppm=taker_ppm)
    receipt = await ordered(call, command)
    told = FeesStand(
        name=body.name,
        maker_bps=bps_told(maker_ppm),
        taker_bps=bps_told(taker_ppm),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


def _ppm(at: str, said: msgspec.Raw) -> int:
    try:
        return prices.ppm(said)
    except Rejection as no:
        raise refusal(Rejection(no.code, at=at, **no.facts)) from None


async def list_fees(call: Call, query: FreshQuery) -> Spoken:
    """Tell all fee schedules."""
    await call.desk.fresh(query.at_least)
    views = await call.desk.platform.exchange.fee_schedules()
    return answered(FeeSchedulesTold(data=[schedule_told(view) for view in views]))


async def assign_fees(call: Call, body: AssignmentBody) -> Spoken:
    """Give a user a fee schedule of his own."""
    user_id: str = call.params.user_id
    command = AssignFeeSchedule(user_id=user_id, schedule=body.schedule or "")
    receipt = await ordered(call, command)
    told = FeesAssigned(
        user_id=user_id,
        schedule=body.schedule,
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


async def set_kill_switch(call: Call, body: KillBody) -> Spoken:
    """Stop trading, or let it go on."""
    user_id = "" if body.everybody else call.acting_for(body.user_id)
    if body.everybody and body.user_id is not None:
        raise ProblemRaised("exchange.everybody_and_user", facts={"user_id": body.user_id})
    if (body.everybody or not body.engaged) and not call.everybody():
        raise Rejection("auth.not_allowed", scope=call.rule.scope)
    command = SetKillSwitch(user_id=user_id, engaged=body.engaged, reason=body.reason)
    receipt = await ordered(call, command)
    told = KillSwitchStands(
        user_id=user_id or None,
        engaged=body.engaged,
        cancelled=receipt.reply.body["cancelled"],
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


async def list_suspensions(call: Call, query: SuspensionsQuery) -> Spoken:
    """Tell money that wallets would not take, page by page."""
    user_id = query.user_id
    if user_id is None and not call.everybody():
        user_id = call.acting_for(None)
    await call.desk.fresh(query.at_least)
    page = await call.desk.platform.exchange.suspensions(
        user_id=user_id,
        open_only=query.open_only == "true",
        cursor=query.cursor,
        limit=query.limit,
    )
    told = SuspensionsPage(
        data=[suspension_told(view) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def release_funds(call: Call, body: ReleaseBody) -> Spoken:
    """Move suspended money to its wallet."""
    suspension_id: str = call.params.suspension_id
    receipt = await ordered(call, ReleaseFunds(suspension=int(suspension_id)))
    told = FundsReleasedTold(
        suspension_id=suspension_id,
        state="released",
        exists=existed(receipt),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


def _order(
    name: str, method: str, path: str, summary: str, description: str, **rest: Any
) -> Operation:
    shape, example = rest.pop("shape"), rest.pop("example")
    return Operation(
        name=name,
        method=method,
        path=path,
        tag=TAG,
        summary=summary,
        description=description,
        key=KeyRule.OPTIONAL,
        actor=OPERATOR,
        results={200: Result(description="It stands so.", shape=shape, example=example)},
        problems=(*rest.pop("problems"), "engine.key_reused"),
        **rest,
    )


_VIEWS = ("views.behind", "views.unavailable")

OPERATIONS = (
    Operation(
        name="listFeeSchedules",
        method="GET",
        path="/fees",
        tag=TAG,
        summary="Fee schedules",
        description="By name, in basis points of a trade's value.",
        handler=list_fees,
        query=FreshQuery,
        problems=_VIEWS,
        results={
            200: Result(
                description="Fee schedules.", shape=FeeSchedulesTold, example=examples.SCHEDULES
            )
        },
    ),
    _order(
        "setFeeSchedule",
        "POST",
        "/fees",
        "Set a fee schedule",
        "Orders that were placed keep their fees. A maker's rebate is at most what every taker "
        "pays, so that no trade costs the house anything.",
        handler=set_fees,
        body=FeesBody,
        body_example=examples.FEES,
        problems=(
            "exchange.bad_fees",
            "exchange.bps_not_a_number",
            "exchange.bps_out_of_range",
        ),
        shape=FeesStand,
        example=examples.FEES_SET,
    ),
    _order(
        "assignFeeSchedule",
        "PUT",
        "/users/{user_id}/fees",
        "Give a user a fee schedule",
        "Of his own, in place of that of each market; null takes it away again.",
        handler=assign_fees,
        params=UserPath,
        body=AssignmentBody,
        body_example=examples.ASSIGNMENT,
        problems=("exchange.fee_schedule_unknown", "exchange.bad_user_id"),
        shape=FeesAssigned,
        example=examples.ASSIGNED,
    ),
    _order(
        "setKillSwitch",
        "POST",
        "/trading/kill",
        "Stop trading at once",
        "Cancels every open order and takes no more: of a user, or of everybody. Every user may "
        "stop himself; only an operator lets trading go on.",
        handler=set_kill_switch,
        body=KillBody,
        body_example=examples.KILL,
        problems=(
            "exchange.everybody_and_user",
            "exchange.bad_reason",
            "auth.not_allowed",
            "auth.not_your_account",
            "auth.user_unnamed",
        ),
        shape=KillSwitchStands,
        example=examples.KILLED,
    ),
    Operation(
        name="listSuspensions",
        method="GET",
        path="/trading/suspensions",
        tag=TAG,
        summary="Money that wallets would not take",
        description="What a trade brought or an order released while the wallet was frozen stands "
        "in suspense until it is released; the newest first.",
        handler=list_suspensions,
        query=SuspensionsQuery,
        problems=("auth.not_your_account", "request.bad_cursor", *_VIEWS),
        results={
            200: Result(
                description="Suspended money.", shape=SuspensionsPage, example=examples.SUSPENSIONS
            )
        },
    ),
    _order(
        "releaseSuspendedFunds",
        "POST",
        "/trading/suspensions/{suspension_id}/release",
        "Release suspended money",
        "To its wallet, once the reason is gone. Refused with the ledger's code while it is not; "
        "it may be tried again.",
        handler=release_funds,
        params=SuspensionPath,
        body=ReleaseBody,
        body_optional=True,
        body_example={},
        problems=("exchange.suspension_unknown", "ledger.credit_frozen", "ledger.credit_closed"),
        shape=FundsReleasedTold,
        example=examples.RELEASED,
    ),
)
