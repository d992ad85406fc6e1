"""How does a bank speak ISO 20022 with us: pacs.008 and pacs.004 in, pacs.002, pacs.004, camt.053
and camt.054 out?

A message comes as `application/xml`. It is read in a thread of its own: half a millisecond for each
transaction. What the payments become is decided exactly as that of POST /api/v1/transactions/bulk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from secrets import token_hex
from time import time_ns
from typing import Any

import msgspec

from nostro.adapters import iso20022 as iso
from nostro.api.http import iso20022_examples as examples
from nostro.api.http.ledger_reads import FreshQuery
from nostro.api.http.payments import ACTOR, PaymentPath
from nostro.api.http.payments_bulk import (
    Broken,
    PaymentResult,
    Said,
    draft,
    read_line,
    results_of,
)
from nostro.api.operations import Call, KeyRule, Operation, Result, answered
from nostro.api.problem_table import row_for
from nostro.api.problems import ProblemRaised, Spoken, detail_of
from nostro.api.shapes import Shape
from nostro.execution import ReverseSettlement
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Receipt
from nostro.payments import PaymentState, PaymentSummary, SubmitPayments

XML = "application/xml"
_XML = (b"content-type", b"application/xml")
_REPLAYED = (b"idempotent-replayed", b"true")
ROOT = "/api/v1/iso20022"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each transaction of a message, in its order."""

    message_id: str
    results: list[PaymentResult]


class _Unread(Shape):
    """Takes a body as it is."""

    def __init__(self) -> None:
        super().__init__(msgspec.Struct)

    def read(self, body: bytes) -> bytes:
        """Return the body."""
        return body


class MessageOperation(Operation):
    """An operation whose body is an XML message."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _Unread())
        object.__setattr__(self, "media_type", XML)


def spoken_xml(data: bytes, receipt: Receipt | None = None) -> Spoken:
    """Return a message as an answer."""
    headers = [_XML, _REPLAYED] if receipt is not None and receipt.replayed else [_XML]
    return Spoken(200, headers, data)


def new_message_id() -> str:
    """Return an id for a message of ours (Max35Text)."""
    return f"N{token_hex(16)}"


def now_us() -> int:
    """Return the time at which a message is made."""
    return time_ns() // 1_000


def wants_json(call: Call) -> bool:
    """Return whether the caller asks for JSON rather than XML."""
    accept = call.headers.get(b"accept", b"").lower()
    return b"application/json" in accept and b"xml" not in accept


# -- pacs.008 --------------------------------------------------------------------------------------


async def submit_pacs008(call: Call, data: bytes) -> Spoken:
    """Accept the payments of a message, each with its own result."""
    desk = call.desk
    directory = iso.directory_of(await desk.platform.payments.participants())
    message = await asyncio.to_thread(iso.read_transfers, data, directory)
    drafted = await draft(desk, [_said(each) for each in message.transfers])
    receipt = None
    if drafted.payments:
        key = call.key() or f"pacs.008:{token_hex(16)}"
        command = SubmitPayments(payments=drafted.payments)
        receipt = await desk.submit(key=key, command=command, actor=call.actor(ACTOR))
    results = [
        _with_reason(result, transfer)
        for result, transfer in zip(
            results_of(desk, drafted, receipt, count=len(message.transfers)),
            message.transfers,
            strict=True,
        )
    ]
    if wants_json(call):
        told = Message(message_id=message.original.message_id, results=results)
        return answered(told, receipt=receipt)
    statuses = [
        _told(result, transfer) for result, transfer in zip(results, message.transfers, strict=True)
    ]
    report = await _report(statuses, message.original)
    return spoken_xml(report, receipt)


def _said(transfer: iso.Transfer) -> Said:
    if transfer.refused is not None:
        references = transfer.references
        return Broken(references.uetr or references.tx_id or "", transfer.refused.code)
    return read_line(msgspec.json.encode(transfer.fields))


def _with_reason(result: PaymentResult, transfer: iso.Transfer) -> PaymentResult:
    """Return a result under the code of the message's own fault, where it has one."""
    no = transfer.refused
    return result if no is None else _refusal(result.index, result.transaction_id, no)


def _refusal(index: int, id: str, no: Rejection) -> PaymentResult:
    return PaymentResult(
        index=index,
        transaction_id=id,
        result="refused",
        code=no.code,
        detail=detail_of(row_for(no.code).title, no.facts),
        facts=dict(no.facts),
    )


def _told(result: PaymentResult, transfer: iso.Transfer) -> iso.Told:
    references = transfer.references
    match result.result:
        case "accepted":
            return iso.Told(references, iso.ACCEPTED)
        case "duplicate":
            return iso.Told(references, iso.ACCEPTED, words="accepted before")
        case "held":
            reason = iso.status_reason(result.code, PaymentState.HELD)
            return iso.Told(references, iso.PENDING, reason, result.detail)
        case _:
            return iso.Told(references, iso.REJECTED, iso.status_reason(result.code), result.detail)


async def _report(told: Sequence[iso.Told], original: iso.Original | None) -> bytes:
    return await asyncio.to_thread(
        iso.status_report, told, original=original, message_id=new_message_id(), at_us=now_us()
    )


# -- pacs.004 --------------------------------------------------------------------------------------


async def submit_pacs004(call: Call, data: bytes) -> Spoken:
    """Reverse the settled payments that a message returns, each on its own."""
    message = await asyncio.to_thread(iso.read_returns, data)
    results: list[PaymentResult] = []
    for index, asked in enumerate(message.returns):
        id = asked.transaction_ids[0] if asked.transaction_ids else ""
        try:
            id = await _return(call, asked)
        except Rejection as no:
            results.append(_refusal(index, id, no))
        else:
            results.append(PaymentResult(index=index, transaction_id=id, result="accepted"))
    if wants_json(call):
        return answered(Message(message_id=message.original.message_id, results=results))
    told = [
        iso.Told(asked.references, iso.ACCEPTED)
        if result.result == "accepted"
        else iso.Told(asked.references, iso.REJECTED, iso.status_reason(result.code), result.detail)
        for asked, result in zip(message.returns, results, strict=True)
    ]
    return spoken_xml(await _report(told, message.original))


async def _return(call: Call, asked: iso.Reversal) -> str:
    """Have one payment reversed and return its id; one that is reversed already stays so."""
    view = await _asked_for(call, asked)
    iso.check_whole(asked, view)
    if view.state is PaymentState.REVERSED:
        return view.transaction_id
    reason = f"{asked.reason or 'NARR'}: {asked.words}".rstrip(": ")
    command = ReverseSettlement(
        settlement_id=view.cycle_id, transaction_ids=[view.transaction_id], reason=reason
    )
    receipt = await call.desk.submit_derived(
        key=f"pacs.004:{view.cycle_id}/{view.transaction_id}",
        command=command,
        actor=call.actor(ACTOR),
    )
    reply = receipt.reply
    if reply.code:
        raise Rejection(reply.code, **call.desk.told(reply.facts))
    return view.transaction_id


async def _asked_for(call: Call, asked: iso.Reversal) -> PaymentSummary:
    for id in asked.transaction_ids:
        view = await call.desk.platform.payments.payment(id)
        if view is not None:
            return view
    raise Rejection("payments.unknown", transaction_id=next(iter(asked.transaction_ids), ""))


# -- of one payment --------------------------------------------------------------------------------


async def get_pacs002(call: Call, query: FreshQuery) -> Spoken:
    """Tell the status of one payment."""
    view = await _payment(call, query)
    return spoken_xml(await _report([iso.told_of(view)], None))


async def get_pacs004(call: Call, query: FreshQuery) -> Spoken:
    """Tell of the return of one payment."""
    view = await _payment(call, query)
    if view.state is not PaymentState.REVERSED:
        raise ProblemRaised("iso20022.not_returned", facts={"state": view.state.value})
    reads = call.desk.platform.payments
    payer, payee = await reads.participant(view.payer), await reads.participant(view.payee)
    assert payer is not None
    assert payee is not None
    message = iso.payment_return(
        view, payer=payer, payee=payee, message_id=new_message_id(), at_us=now_us()
    )
    return spoken_xml(message)


async def _payment(call: Call, query: FreshQuery) -> PaymentSummary:
    await call.desk.fresh(query.at_least)
    transaction_id = call.params.transaction_id
    view = await call.desk.platform.payments.payment(transaction_id)
    if view is None:
        raise ProblemRaised("payments.unknown", facts={"transaction_id": transaction_id})
    return view


_VIEWS = ("views.behind", "views.unavailable")
_TAKEN = (
    "iso20022.too_large",
    "iso20022.malformed",
    "iso20022.not_allowed",
    "iso20022.unknown_message",
    "iso20022.unexpected_message",
    "iso20022.not_schematic",
    "iso20022.count_differs",
    "iso20022.too_many",
    "iso20022.unavailable",
    "views.unavailable",
)


def _message_in(*, name: str, summary: str, description: str, example: str, more: Any) -> Operation:
    handler, problems, key = more
    return MessageOperation(
        name=name,
        method="POST",
        path=f"{ROOT}/{example}",
        tag="iso20022",
        summary=summary,
        description=description,
        handler=handler,
        media_type=XML,
        body_example=examples.IN[example],
        key=key,
        actor=ACTOR,
        problems=(*problems, *_TAKEN),
        results={
            200: Result(
                description="A pacs.002 with the status of each; JSON where `Accept` asks for it.",
                example=examples.PACS002,
                media_type=XML,
            )
        },
    )


def _of_payment(name: str, message: str, summary: str, handler: Any, *more: str) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=f"/api/v1/transactions/{{transaction_id:path}}/{message}",
        tag="iso20022",
        summary=summary,
        description="As it stands; versions and codes are in docs/iso20022.md.",
        handler=handler,
        query=FreshQuery,
        params=PaymentPath,
        problems=("payments.unknown", *more, "iso20022.unavailable", *_VIEWS),
        results={
            200: Result(description="The message.", example=examples.OUT[message], media_type=XML)
        },
    )


OPERATIONS = (
    _message_in(
        name="submitPacs008",
        summary="Send payments as a pacs.008",
        description="Versions 08 to 13, with one or many transactions, each with its own status. "
        "The UETR is the transaction_id, without one the payer's id, a colon and the TxId.",
        example="pacs.008",
        more=(submit_pacs008, ("iso20022.sum_differs", "engine.key_reused"), KeyRule.OPTIONAL),
    ),
    _message_in(
        name="submitPacs004",
        summary="Return settled payments with a pacs.004",
        description="Versions 09 to 13. Each payment is returned whole: its settlement is reversed "
        "by new postings. Sent again, what is returned stays so.",
        example="pacs.004",
        more=(submit_pacs004, (), KeyRule.NONE),
    ),
    _of_payment("getPacs002", "pacs.002", "The status of a payment as a pacs.002", get_pacs002),
    _of_payment(
        "getPacs004",
        "pacs.004",
        "The return of a payment as a pacs.004",
        get_pacs004,
        "iso20022.not_returned",
    ),
)
