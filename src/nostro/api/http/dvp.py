"""How does one keep a settlement back, let it go, cancel it and try it again?

A party acts on its own settlements, and for its own side, only; operators act for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Annotated, Any

import msgspec
from starlette.convertors import StringConvertor

from nostro.api.amounts import Amount
from nostro.api.http import dvp_examples as examples
from nostro.api.http.dvp_bodies import (
    UNSET,
    read_at,
    refusal,
)
from nostro.api.http.dvp_told import facts_told
from nostro.api.http.order_bodies import given
from nostro.api.operations import Call, Handler, KeyRule, Operation, Result, answered, refused
from nostro.api.problems import Invalid, ProblemRaised, Spoken
from nostro.api.times import rfc3339
from nostro.api.words import SettlementId, SettlementReason
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.settlement import (
    CancelSettlement,
    HoldSettlement,
    Party,
    ReleaseSettlement,
    RetrySettlement,
    SettlementView,
)

TAG = "delivery versus payment"
ACTOR = "operator"


class DvpPath(msgspec.Struct, frozen=True, kw_only=True):
    """The settlement in the path."""

    settlement_id: SettlementId


class DvpInPath(StringConvertor):
    """Finds the id of a settlement in a path; penalties and positions are
    addresses of their own."""

    regex = "(?!(?:penalties|positions)$)[^/]+"


class DvpHoldBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which side; a party's own, if it is left out."""

    side: Party | None = None


class DvpReleaseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which side, and how much of what it keeps back: all, if `quantity` is left out."""

    side: Party | None = None
    quantity: Amount | msgspec.UnsetType = UNSET


class DvpCancelBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which side asks; a party's own, if it is left out, and an operator asks for both."""

    side: Party | None = None
    reason: SettlementReason = ""


class DvpRetryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it may succeed now."""

    reason: Annotated[SettlementReason, msgspec.Meta(min_length=1)]


class DvpStands(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A settlement as it stands now, whether this request made it so or it was so before.
    `cancelled`: both sides have asked; `retry_count`: how often another try was asked for."""

    settlement_id: str
    status: str
    cancelled: bool | msgspec.UnsetType = UNSET
    retry_count: int | msgspec.UnsetType = UNSET
    height: int
    recorded_at: str


# -- a settlement that stands ----------------------------------------------------------------------


async def hold_dvp(call: Call, body: DvpHoldBody) -> Spoken:
    """Keep a settlement back for one side."""
    view, side = await _own(call, body.side)
    told, receipt = await _stands(call, HoldSettlement(settlement=view.number, side=side), view)
    return answered(told, receipt=receipt)


async def release_dvp(call: Call, body: DvpReleaseBody) -> Spoken:
    """Let go what a side keeps back, or a part of it."""
    view, side = await _own(call, body.side)
    quantity, minor = given(body.quantity), 0
    if quantity is not None:
        try:
            minor = await read_at(call.desk, "quantity", quantity, view.security)
        except Rejection as no:
            raise refusal(no) from None
        if minor <= 0:
            said = Invalid("/quantity", "request.bad_value", "must be greater than zero")
            raise ProblemRaised.invalid([said])
    command = ReleaseSettlement(settlement=view.number, side=side, quantity_minor=minor)
    told, receipt = await _stands(call, command, view)
    return answered(told, receipt=receipt)


async def cancel_dvp(call: Call, body: DvpCancelBody) -> Spoken:
    """Ask to cancel a settlement."""
    view = await _seen(call)
    side = body.side
    if side is not None or not call.everybody():
        side = side_of(call, view, side)
    told, receipt = await cancelled_by(call, view, side, body.reason)
    return answered(told, receipt=receipt)


async def cancelled_by(
    call: Call, view: SettlementView, side: Party | None, reason: str
) -> tuple[DvpStands, Receipt]:
    """Ask to cancel for a side, or for both, and return what became of it; raises
    ProblemRaised."""
    command = CancelSettlement(settlement=view.number, side=side, reason=reason)
    return await _stands(call, command, view)


async def retry_dvp(call: Call, body: DvpRetryBody) -> Spoken:
    """Have a settlement tried again now."""
    view = await _seen(call)
    command = RetrySettlement(settlement=view.number, reason=body.reason)
    told, receipt = await _stands(call, command, view)
    return answered(told, receipt=receipt)


async def settlement_seen(call: Call, number: int) -> SettlementView:
    """Return a settlement that the caller may see; to others it is as unknown as one that never
    was (ProblemRaised `settlement.unknown`)."""
    view = await call.desk.platform.dvp.settlement(number)
    seen = view is not None and (call.sees(view.seller) or call.sees(view.buyer))
    if view is None or not seen:
        call.sees("")
        facts = {"settlement_id": f"S{number}"}
        raise ProblemRaised("settlement.unknown", facts=facts)
    return view


async def _seen(call: Call) -> SettlementView:
    return await seen_in_time(call, int(call.params.settlement_id[1:]))


async def seen_in_time(call: Call, number: int) -> SettlementView:
    """Return a settlement that the caller may see, also one that was instructed just now: the
    views are waited for. Who its parties are never changes, so they may tell. Raises
    ProblemRaised."""
    platform = call.desk.platform
    if await platform.dvp.settlement(number) is None:
        await call.desk.fresh(platform.engine.height)
    return await settlement_seen(call, number)


async def _own(call: Call, said: Party | None) -> tuple[SettlementView, Party]:
    view = await _seen(call)
    return view, side_of(call, view, said)


def side_of(call: Call, view: SettlementView, said: Party | None) -> Party:
    """Return the side that the caller speaks for; raises Rejection `auth.not_your_account`, or
    ProblemRaised `request.missing_field` from who may speak for both and names none."""
    parties = {Party.SELLER: view.seller, Party.BUYER: view.buyer}
    if said is not None:
        call.acting_for(parties[said])
        return said
    for side, party in parties.items():
        if party == call.caller.user_id and not call.caller.local:
            return side
    missing = Invalid("/side", "request.missing_field", "side is required: seller or buyer")
    raise ProblemRaised.invalid([missing])


async def _stands(call: Call, command: Command, view: SettlementView) -> tuple[DvpStands, Receipt]:
    receipt = await ordered(call, command, ACTOR)
    body = accepted(call, receipt, view.security, view.cash)
    told = DvpStands(
        settlement_id=view.settlement_id,
        status=body["status"],
        cancelled=body.get("cancelled", UNSET),
        retry_count=body.get("retry_count", UNSET),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return told, receipt


async def ordered(call: Call, command: Command, otherwise: str) -> Receipt:
    """Send a command under the key of the header, or without one as a deed of its own: what is so
    already stays so."""
    key = call.key() or f"dvp:{token_hex(12)}"
    return await call.desk.submit(key=key, command=command, actor=call.actor(otherwise))


def accepted(call: Call, receipt: Receipt, security: str = "", cash: str = "") -> dict[str, Any]:
    """Return the body of the reply; raises ProblemRaised when the command was refused."""
    reply = receipt.reply
    if reply.code:
        raise refused(receipt, facts_of(call, reply.facts, security, cash))
    body: dict[str, Any] = reply.body or {}
    return body


def facts_of(call: Call, facts: Mapping[str, Any], security: str, cash: str) -> dict[str, Any]:
    """Return the facts of a refusal as they are told."""
    return facts_told(call.desk, facts, security=security, cash=cash)


# -- operations ------------------------------------------------------------------------------------

VIEWS = ("views.behind", "views.unavailable")


def _change(
    *,
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    body: type[msgspec.Struct],
    body_example: Any,
    problems: tuple[str, ...],
    result: Any = examples.STANDS,
) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=f"/settlements/{{settlement_id:dvp}}/{path}",
        tag=TAG,
        summary=summary,
        description=description,
        handler=handler,
        params=DvpPath,
        body=body,
        body_optional=body is not DvpRetryBody,
        body_example=body_example,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=(
            "settlement.unknown",
            "settlement.ended",
            *problems,
            "auth.not_your_account",
            "engine.key_reused",
            *VIEWS,
        ),
        results={200: Result(description="It stands so.", shape=DvpStands, example=result)},
    )


OPERATIONS = (
    _change(
        name="holdDvp",
        path="hold",
        summary="Keep a settlement back",
        description="For one side, until it releases it. An attempt that is not decided is given "
        "up; one that is decided is final.",
        handler=hold_dvp,
        body=DvpHoldBody,
        body_example={"side": "seller"},
        problems=("settlement.decided", "settlement.prefunded"),
    ),
    _change(
        name="releaseDvp",
        path="release",
        summary="Let a settlement go",
        description="What a side keeps back, or only a `quantity` of it, where both sides take a "
        "part of the whole.",
        handler=release_dvp,
        body=DvpReleaseBody,
        body_example={"side": "seller", "quantity": "20.00000000"},
        problems=(
            "settlement.not_on_hold",
            "settlement.partial_not_agreed",
            "settlement.quantity_too_large",
            "settlement.bad_lot",
            "money.too_many_decimals",
        ),
    ),
    _change(
        name="cancelDvp",
        path="cancel",
        summary="Cancel a settlement",
        description="One that is not matched ends at once; one that is, when both sides have "
        "asked. What is linked is cancelled together.",
        handler=cancel_dvp,
        body=DvpCancelBody,
        body_example={"side": "buyer", "reason": "traded in error"},
        problems=("settlement.decided", "settlement.prefunded"),
        result=examples.CANCELLED,
    ),
    _change(
        name="retryDvp",
        path="retry",
        summary="Try a settlement again",
        description="One that failed, or that waits for its next attempt. It counts in "
        "`retry_count`.",
        handler=retry_dvp,
        body=DvpRetryBody,
        body_example={"reason": "funds have arrived"},
        problems=(
            "settlement.cancelled",
            "settlement.under_way",
            "settlement.on_hold",
            "settlement.not_matched",
            "settlement.not_due",
        ),
        result=examples.RETRIED,
    ),
)
