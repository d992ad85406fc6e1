"""How does one follow a settlement, confirm what a bank has moved, and reverse what was final?"""

from __future__ import annotations

import re
from secrets import token_hex
from typing import Annotated, Any

import msgspec

from nostro.api.amounts import Amount, minor_units
from nostro.api.http import settlement_examples as examples
from nostro.api.http.ledger_reads import AtLeast, Cursor, FreshQuery, Limit
from nostro.api.http.payment_bodies import as_error, invalid
from nostro.api.http.settlement_told import (
    SettlementsPage,
    SettlementStatus,
    settlement_told,
    status_told,
)
from nostro.api.operations import Call, Handler, KeyRule, Operation, Result, answered, refused
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import microseconds, rfc3339
from nostro.api.words import (
    AssetCode,
    BatchId,
    InstructionId,
    Moment,
    ParticipantId,
    PaymentId,
    RailReference,
    Reason,
)
from nostro.execution import ConfirmSettlement, ReverseSettlement, SettlementState
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.payments import PAYMENTS_MAX

ACTOR = "operator"
ROOT = "/api/v1/settlements"
_BATCH = re.compile(r"(?P<cycle>rtgs\.[0-9]+|.*[^.])\.[0-9]+\Z")
_RTGS = re.compile(r"rtgs\.[0-9]+\Z")


class SettlementPath(msgspec.Struct, frozen=True, kw_only=True):
    """The settlement in the path, by its own id (its cycle's) or that of one of its batches."""

    batch_id: BatchId


class SettlementsQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which settlements: those with a movement of this participant or currency; both times are of
    planning, and included."""

    state: SettlementState | None = None
    participant: ParticipantId | None = None
    currency: AssetCode | None = None
    from_: Moment | None = None
    to: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


class ConfirmBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bank says that it has moved: must agree with what was sent to it."""

    instruction_id: InstructionId
    currency: AssetCode
    amount: Amount
    rail_reference: RailReference


class ReverseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, and which payments; without `transaction_ids` all of them."""

    reason: Annotated[Reason, msgspec.Meta(min_length=1)]
    transaction_ids: (
        Annotated[list[PaymentId], msgspec.Meta(min_length=1, max_length=PAYMENTS_MAX)] | None
    ) = None


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """A movement that is confirmed. `exists`: it had moved before this request."""

    settlement_id: str
    instruction_id: str
    state: str
    exists: bool
    height: int
    recorded_at: str


class ReversedTold(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement that is reversed, as far as was asked for. `exists`: it was before. `missing`:
    transaction ids that it does not have, or that were reversed before."""

    settlement_id: str
    exists: bool
    missing: list[str] = []
    height: int
    recorded_at: str


def settlement_id_of(said: str) -> str:
    """Return the settlement that an id names: that of a batch is its cycle's, a dot and a
    number."""
    if _RTGS.match(said):
        return said
    batch = _BATCH.match(said)
    return batch["cycle"] if batch else said


async def get_settlement(call: Call, query: FreshQuery) -> Spoken:
    """Tell of one settlement, with its movements and their attempts."""
    await call.desk.fresh(query.at_least)
    id = call.params.batch_id
    view = await call.desk.platform.settlements.settlement(id)
    if view is None:
        raise ProblemRaised("execution.settlement_unknown", facts={"settlement_id": id})
    return answered(status_told(view))


async def list_settlements(call: Call, query: SettlementsQuery) -> Spoken:
    """Tell settlements, page by page."""
    await call.desk.fresh(query.at_least)
    page = await call.desk.platform.settlements.settlements(
        state=query.state,
        participant=query.participant,
        currency=query.currency,
        from_us=None if query.from_ is None else microseconds(query.from_),
        to_us=None if query.to is None else microseconds(query.to),
        cursor=query.cursor,
        limit=query.limit,
    )
    told = SettlementsPage(
        data=[settlement_told(view) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def confirm_settlement(call: Call, body: ConfirmBody) -> Spoken:
    """Note that a bank has moved an instruction. One that came too early may be sent again, so
    each is decided anew."""
    desk = call.desk
    at = "currency"
    try:
        asset = await desk.asset(body.currency)
        at = "amount"
        minor = minor_units(body.amount, asset)
    except Rejection as no:
        raise invalid([as_error(Rejection(no.code, **{**no.facts, "at": at}))]) from None
    settlement_id = settlement_id_of(call.params.batch_id)
    command = ConfirmSettlement(
        settlement_id=settlement_id,
        instruction_id=body.instruction_id,
        currency=body.currency,
        amount_minor=minor,
        rail_reference=body.rail_reference,
    )
    receipt = await _ordered(call, command)
    reply = _accepted(call, receipt)
    told = Confirmed(
        settlement_id=settlement_id,
        instruction_id=body.instruction_id,
        state=reply.get("state", "settled"),
        exists=reply.get("exists", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


async def reverse_settlement(call: Call, body: ReverseBody) -> Spoken:
    """Reverse a settlement, or some of its payments, by new postings."""
    settlement_id = settlement_id_of(call.params.batch_id)
    command = ReverseSettlement(
        settlement_id=settlement_id,
        transaction_ids=body.transaction_ids or [],
        reason=body.reason,
    )
    receipt = await _ordered(call, command)
    reply = _accepted(call, receipt)
    told = ReversedTold(
        settlement_id=settlement_id,
        exists=reply.get("exists", False),
        missing=reply.get("missing", []),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


async def _ordered(call: Call, command: Command) -> Receipt:
    """Send a command under the key of the header; without one, it is decided anew each time: what
    is so already stays so."""
    key = call.key() or f"settlement:{token_hex(16)}"
    return await call.desk.submit(key=key, command=command, actor=call.actor(ACTOR))


def _accepted(call: Call, receipt: Receipt) -> dict[str, Any]:
    reply = receipt.reply
    if reply.code:
        raise refused(receipt, call.desk.told(reply.facts, reply.facts.get("currency", "")))
    body: dict[str, Any] = reply.body or {}
    return body


def _change(
    *,
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    body: type[msgspec.Struct],
    body_example: Any,
    result: Result,
    problems: tuple[str, ...],
) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=f"{ROOT}/{{batch_id}}/{path}",
        tag="settlements",
        summary=summary,
        description=description,
        handler=handler,
        params=SettlementPath,
        body=body,
        body_example=body_example,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=("execution.settlement_unknown", "engine.key_reused", *problems),
        results={200: result},
    )


_VIEWS = ("views.behind", "views.unavailable")

OPERATIONS = (
    Operation(
        name="listSettlements",
        method="GET",
        path=ROOT,
        tag="settlements",
        summary="Settlements",
        description="The newest first, narrowed by state, participant, currency and time.",
        handler=list_settlements,
        query=SettlementsQuery,
        problems=("request.bad_cursor", *_VIEWS),
        results={
            200: Result(
                description="Settlements.", shape=SettlementsPage, example=examples.SETTLEMENTS
            )
        },
    ),
    Operation(
        name="getSettlement",
        method="GET",
        path=f"{ROOT}/{{batch_id}}/status",
        tag="settlements",
        summary="Where a settlement is",
        description="By its own id or that of one of its batches: its movements on rails, pay-ins "
        "first, each with its attempts.",
        handler=get_settlement,
        query=FreshQuery,
        params=SettlementPath,
        problems=("execution.settlement_unknown", *_VIEWS),
        results={
            200: Result(
                description="The settlement.", shape=SettlementStatus, example=examples.STATUS
            )
        },
    ),
    _change(
        name="confirmSettlement",
        path="confirm",
        summary="Confirm a movement",
        description="A bank says, outside the rail, that an instruction has moved. It must agree "
        "with what was sent; confirmed twice, it has moved once.",
        handler=confirm_settlement,
        body=ConfirmBody,
        body_example=examples.CONFIRM,
        result=Result(description="It has moved.", shape=Confirmed, example=examples.CONFIRMED),
        problems=(
            "payments.invalid",
            "execution.instruction_unknown",
            "execution.not_sent",
            "execution.confirmation_differs",
            "execution.already_failed",
        ),
    ),
    _change(
        name="reverseSettlement",
        path="reverse",
        summary="Reverse what was final",
        description="All of a settlement, or the payments named, by new postings that refer to the "
        "old. What left our accounts comes back only if the banks return it.",
        handler=reverse_settlement,
        body=ReverseBody,
        body_example={"reason": "paid in error", "transaction_ids": ["pay-2026-0001"]},
        result=Result(description="It is reversed.", shape=ReversedTold, example=examples.REVERSED),
        problems=("execution.not_final", "execution.reversed"),
    ),
)
