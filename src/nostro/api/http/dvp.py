"""How does one instruct a settlement, keep it back, let it go, try it again and cancel it?

A party speaks for itself: it instructs its own side, and acts on its own settlements only. Both
sides at once are instructed by who may speak for both, an operator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Annotated, Any

import msgspec
from starlette.convertors import StringConvertor

from nostro.api.amounts import Amount
from nostro.api.http import dvp_examples as examples
from nostro.api.http.dvp_bodies import (
    UNSET,
    AgreedBody,
    InstructBody,
    assets_of,
    check_agreed,
    check_list,
    check_side,
    new_settlement,
    new_side,
    read_at,
    refusal,
)
from nostro.api.http.dvp_told import facts_told
from nostro.api.http.order_bodies import given
from nostro.api.operations import Call, Handler, KeyRule, Operation, Result, answered, refused
from nostro.api.problem_table import row_for
from nostro.api.problems import Invalid, ProblemRaised, Spoken, detail_of
from nostro.api.times import rfc3339
from nostro.api.words import SettlementId, SettlementReason
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.settlement import (
    CancelSettlement,
    HoldSettlement,
    InstructSettlements,
    InstructSide,
    NewSettlement,
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


class InstructedTold(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement that is instructed. `status`: as it stood at once; `matched`: both sides agree,
    else it is alleged to the other. `exists`: it was instructed before, with the same content."""

    settlement_id: str
    trade_id: str
    status: str
    matched: bool
    exists: bool
    height: int
    recorded_at: str


class InstructionResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one settlement of many: `index` is its place, from 0. Refused: `code`,
    `detail` and `facts` tell why."""

    index: int
    trade_id: str
    settlement_id: str = ""
    status: str = ""
    exists: bool = False
    code: str = ""
    detail: str = ""
    facts: dict[str, Any] | msgspec.UnsetType = UNSET


class InstructedMany(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each settlement, in the order in which they were sent. `recorded_at` is null
    when there was nothing to record: all were refused at the door."""

    instructed: int
    refused: int
    results: list[InstructionResult]
    height: int
    recorded_at: str | None


class DvpStands(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A settlement as it stands now, whether this request made it so or it was so before.
    `cancelled`: both sides have asked; `retry_count`: how often another try was asked for."""

    settlement_id: str
    status: str
    cancelled: bool | msgspec.UnsetType = UNSET
    retry_count: int | msgspec.UnsetType = UNSET
    height: int
    recorded_at: str


# -- instructing -----------------------------------------------------------------------------------


async def instruct(call: Call, body: InstructBody) -> Spoken:
    """Instruct one settlement, one side of it, or many."""
    if body.settlements is not None:
        return await _many(call, body, body.settlements)
    if body.side is not None:
        return await _one_side(call, body)
    return await _agreed(call, body)


async def _agreed(call: Call, body: InstructBody) -> Spoken:
    check_agreed(body)
    _speak_for_both(call, body)
    try:
        new = await new_settlement(call.desk, body)
    except Rejection as no:
        raise refusal(no) from None
    receipt = await ordered(call, InstructSettlements(settlements=[new]), ACTOR)
    (result,) = _accepted(call, receipt, *assets_of(body))["results"]
    if "code" in result:
        facts = _facts(call, result.get("facts", {}), *assets_of(body))
        raise ProblemRaised(
            result["code"], facts=facts, height=receipt.height, replayed=receipt.replayed
        )
    told = _instructed(receipt, result, trade_id=new.trade_id, matched=True)
    return answered(told, status=201, receipt=receipt)


async def _one_side(call: Call, body: InstructBody) -> Spoken:
    told, receipt = await instructed_by(call, body)
    return answered(told, status=201, receipt=receipt)


async def instructed_by(call: Call, body: InstructBody) -> tuple[InstructedTold, Receipt]:
    """Instruct one side, and return what became of it; raises ProblemRaised."""
    side = body.side
    assert side is not None
    check_side(body, side)
    party = call.acting_for(getattr(body, f"{side.value}_account_id"))
    try:
        new = await new_side(call.desk, body, side, party)
    except Rejection as no:
        raise refusal(no) from None
    receipt = await ordered(call, InstructSide(instruction=new), party)
    result = _accepted(call, receipt, *assets_of(body))
    told = _instructed(receipt, result, trade_id=new.trade_id, matched=result["matched"])
    return told, receipt


def _instructed(
    receipt: Receipt, result: Mapping[str, Any], *, trade_id: str, matched: bool
) -> InstructedTold:
    return InstructedTold(
        settlement_id=result["settlement_id"],
        trade_id=trade_id,
        status=result["status"],
        matched=matched,
        exists=result.get("exists", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )


async def _many(call: Call, body: InstructBody, all: Sequence[AgreedBody]) -> Spoken:
    check_list(body)
    for each in all:
        _speak_for_both(call, each)
    results: list[InstructionResult | None] = [None] * len(all)
    drafted: list[tuple[int, NewSettlement]] = []
    for index, each in enumerate(all):
        try:
            drafted.append((index, await new_settlement(call.desk, each)))
        except Rejection as no:
            if body.linked:
                raise refusal(no, f"/settlements/{index}") from None
            facts = {name: fact for name, fact in no.facts.items() if name != "at"}
            results[index] = _refused(index, each, no.code, facts)
    receipt = None
    if drafted:
        command = InstructSettlements(settlements=[new for _, new in drafted], linked=body.linked)
        receipt = await ordered(call, command, ACTOR)
        said = _accepted(call, receipt)["results"]
        for (index, _), result in zip(drafted, said, strict=True):
            results[index] = _result(call, index, all[index], result)
    return _told_many([each for each in results if each is not None], receipt, call)


def _result(
    call: Call, index: int, said: AgreedBody, result: Mapping[str, Any]
) -> InstructionResult:
    if "code" in result:
        facts = _facts(call, result.get("facts", {}), *assets_of(said))
        return _refused(index, said, result["code"], facts)
    return InstructionResult(
        index=index,
        trade_id=said.trade_id or "",
        settlement_id=result["settlement_id"],
        status=result["status"],
        exists=result.get("exists", False),
    )


def _refused(index: int, said: AgreedBody, code: str, facts: dict[str, Any]) -> InstructionResult:
    detail = detail_of(row_for(code).title, facts)
    return InstructionResult(
        index=index, trade_id=said.trade_id or "", code=code, detail=detail, facts=facts
    )


def _told_many(results: list[InstructionResult], receipt: Receipt | None, call: Call) -> Spoken:
    refusals = sum(bool(each.code) for each in results)
    told = InstructedMany(
        instructed=len(results) - refusals,
        refused=refusals,
        results=results,
        height=call.desk.platform.engine.height if receipt is None else receipt.height,
        recorded_at=None if receipt is None else rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


def _speak_for_both(call: Call, said: AgreedBody) -> None:
    """Refuse who may not speak for both sides; raises Rejection `auth.not_your_account`."""
    for party in (said.seller_account_id, said.buyer_account_id):
        call.acting_for(party)


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
    body = _accepted(call, receipt, view.security, view.cash)
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


def _accepted(call: Call, receipt: Receipt, security: str = "", cash: str = "") -> dict[str, Any]:
    reply = receipt.reply
    if reply.code:
        raise refused(receipt, _facts(call, reply.facts, security, cash))
    body: dict[str, Any] = reply.body or {}
    return body


def _facts(call: Call, facts: Mapping[str, Any], security: str, cash: str) -> dict[str, Any]:
    return facts_told(call.desk, facts, security=security, cash=cash)


# -- operations ------------------------------------------------------------------------------------

VIEWS = ("views.behind", "views.unavailable")
INSTRUCTING = (
    "settlement.bad_trade_id",
    "settlement.bad_reference",
    "settlement.bad_party",
    "settlement.same_party",
    "settlement.bad_asset",
    "settlement.same_asset",
    "settlement.bad_amount",
    "settlement.bad_lot",
    "settlement.domain_unknown",
    "settlement.bad_date",
    "settlement.date_past",
    "settlement.date_too_far",
    "settlement.date_closed",
    "settlement.bad_partial",
    "settlement.trade_exists",
    "settlement.reference_exists",
    "asset.unknown",
    "money.not_a_number",
    "money.too_many_decimals",
    "money.too_large",
)
"""What can be wrong with an instruction, of both sides or of one."""


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
    Operation(
        name="instructDvp",
        method="POST",
        path="/settlements",
        tag=TAG,
        summary="Instruct a settlement",
        description="Securities and cash move together or not at all. Both sides at once, by an "
        "operator; or one `side`, which is matched with the other's; or a list, all or none when "
        "`linked`. A trade id is settled once, however often it is sent: with the same content it "
        "`exists`.",
        handler=instruct,
        body=InstructBody,
        body_example=examples.INSTRUCTION,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=(
            *INSTRUCTING,
            "settlement.too_many",
            "settlement.bundle_too_large",
            "settlement.link_differs",
            "settlement.linked_days_differ",
            "auth.not_your_account",
            "auth.user_unnamed",
            "views.unavailable",
            "engine.key_reused",
        ),
        results={
            201: Result(
                description="It is instructed, or was before (`exists`).",
                shape=InstructedTold,
                example=examples.INSTRUCTED,
            ),
            200: Result(
                description="Of a list: what became of each.",
                shape=InstructedMany,
                example=examples.INSTRUCTED_MANY,
            ),
        },
    ),
    _change(
        name="holdDvp",
        path="hold",
        summary="Keep a settlement back",
        description="For one side, until it releases it. An attempt that is not decided is given "
        "up; one that is decided is final.",
        handler=hold_dvp,
        body=DvpHoldBody,
        body_example={"side": "seller"},
        problems=("settlement.decided",),
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
        problems=("settlement.decided",),
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
