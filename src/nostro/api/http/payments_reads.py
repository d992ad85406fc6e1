"""What can one ask of a payment: where it is, how it came there, and what it waits for?"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec

from nostro.api.http import payment_examples as examples
from nostro.api.http.ledger_reads import AtLeast, Cursor, FreshQuery, Limit
from nostro.api.http.ledger_told import transfer_told
from nostro.api.http.payment_told import (
    PaymentInFull,
    PaymentsPage,
    entry_told,
    instruction_told,
    payment_told,
)
from nostro.api.http.payments import ROOT, PaymentPath, links_of
from nostro.api.http.settlement_told import certificate_told
from nostro.api.operations import Call, Operation, Result, answered
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import microseconds
from nostro.api.words import AssetCode, BatchId, CycleId, Moment, ParticipantId
from nostro.payments import PaymentFilters, PaymentState, PaymentSummary, Window


class PaymentsQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which payments; both times are of acceptance, and included."""

    state: PaymentState | None = None
    participant: (
        Annotated[ParticipantId, msgspec.Meta(description="Payer or counterparty.")] | None
    ) = None
    payer: ParticipantId | None = None
    counterparty: ParticipantId | None = None
    currency: (
        Annotated[AssetCode, msgspec.Meta(description="Source or destination currency.")] | None
    ) = None
    window: Window | None = None
    cycle_id: CycleId | None = None
    batch_id: BatchId | None = None
    from_: Moment | None = None
    to: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


async def get_payment(call: Call, query: FreshQuery) -> Spoken:
    """Tell of one payment, with all that happened to it."""
    desk = call.desk
    await desk.fresh(query.at_least)
    reads, transaction_id = desk.platform.payments, call.params.transaction_id
    view = await reads.payment(transaction_id)
    if view is None:
        raise ProblemRaised("payments.unknown", facts={"transaction_id": transaction_id})
    timeline, postings, instructions, certificate = await asyncio.gather(
        reads.timeline(transaction_id),
        reads.postings(transaction_id),
        reads.instructions_of(transaction_id),
        _certificate(call, view),
    )
    told = PaymentInFull(
        payment=payment_told(view, _links(view)),
        timeline=[entry_told(entry, view.source_scale) for entry in timeline],
        certificate=certificate,
        instructions=[instruction_told(each) for each in instructions],
        postings=[transfer_told(line) for line in postings],
    )
    return answered(told)


async def _certificate(call: Call, view: PaymentSummary) -> Any:
    if not view.batch_id:
        return None
    found = await call.desk.platform.settlements.certificate(view.batch_id)
    return None if found is None else certificate_told(found)


async def list_payments(call: Call, query: PaymentsQuery) -> Spoken:
    """Tell payments, page by page."""
    await call.desk.fresh(query.at_least)
    filters = PaymentFilters(
        state=query.state,
        participant=query.participant,
        payer=query.payer,
        counterparty=query.counterparty,
        currency=query.currency,
        window=query.window,
        cycle_id=query.cycle_id,
        batch_id=query.batch_id,
        from_us=None if query.from_ is None else microseconds(query.from_),
        to_us=None if query.to is None else microseconds(query.to),
    )
    page = await call.desk.platform.payments.payments(
        filters, cursor=query.cursor, limit=query.limit
    )
    told = PaymentsPage(
        data=[payment_told(view, _links(view)) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


def _links(view: PaymentSummary) -> dict[str, str]:
    links = links_of(view.transaction_id, view.cycle_id)
    if view.batch_id:
        links["batch"] = f"/api/v1/batches/{view.batch_id}"
    return links


_VIEWS = ("views.behind", "views.unavailable")

OPERATIONS = (
    Operation(
        name="listPayments",
        method="GET",
        path=ROOT,
        tag="payments",
        summary="Payments",
        description="The newest first, narrowed by state, parties, currency, window, cycle, batch "
        "and time.",
        handler=list_payments,
        query=PaymentsQuery,
        problems=("request.bad_cursor", *_VIEWS),
        results={
            200: Result(description="Payments.", shape=PaymentsPage, example=examples.PAYMENTS)
        },
    ),
    Operation(
        name="getPayment",
        method="GET",
        path=f"{ROOT}/{{transaction_id:path}}",
        tag="payments",
        summary="A payment with its life",
        description="Where it is, every event since it was sent, the certificate of its batch, the "
        "movements on rails that settle it, and its lines in the ledger.",
        handler=get_payment,
        query=FreshQuery,
        params=PaymentPath,
        problems=("payments.unknown", *_VIEWS),
        results={
            200: Result(description="The payment.", shape=PaymentInFull, example=examples.IN_FULL)
        },
    ),
)
