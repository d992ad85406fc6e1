"""How does a bank send a payment, take it back, and have it reviewed?"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from nostro.api.http import payment_examples as examples
from nostro.api.http.payment_bodies import (
    PaymentBody,
    PaymentShape,
    facts_told,
    faults,
    invalid,
    new_payment,
)
from nostro.api.operations import (
    Call,
    Handler,
    KeyRule,
    Operation,
    Result,
    answered,
    refused,
)
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import rfc3339
from nostro.api.words import PaymentId, Reason
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.money import format_amount
from nostro.kernel.reply import KeyReused, Receipt
from nostro.payments import (
    ApproveReview,
    CancelPayment,
    NewPayment,
    RejectReview,
    SubmitPayments,
)

ACTOR = "operator"
ROOT = "/api/v1/transactions"
DUPLICATE = "payments.duplicate"
EXISTS = "payments.exists"


class PaymentPath(msgspec.Struct, frozen=True, kw_only=True):
    """The payment in the path; a slash in its id may stand as it is."""

    transaction_id: PaymentId


class CancelPaymentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is taken back."""

    reason: Reason = ""


class ApproveReviewBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing more is needed."""


class RejectReviewBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it may not go on."""

    reason: Reason = ""


class PaymentAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that is accepted, its funds held; or held for review by screening (state `held`).

    `result` is `duplicate` when the same payment had come before, in another request; `state`,
    `cycle_id` and `cut_off_at` are those it was accepted with.
    """

    transaction_id: str
    result: Literal["accepted", "held", "duplicate"]
    state: str
    payer: str
    counterparty_id: str
    amount: str
    source_currency: str
    destination_currency: str
    settlement_window: str
    value_date: str
    cycle_id: str
    cut_off_at: str
    height: int
    recorded_at: str
    links: dict[str, str]


class PaymentStands(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it stands now. `exists`: it stood so before this request."""

    transaction_id: str
    state: str
    exists: bool
    height: int
    recorded_at: str


async def submit_payment(call: Call, body: PaymentBody) -> Spoken:
    """Accept one payment."""
    desk = call.desk
    if desk.known(body.source_currency) is None or desk.known(body.destination_currency) is None:
        await desk.ask_for((body.source_currency, body.destination_currency))
    key = _key_of(call, body)
    try:
        payment = new_payment(desk, body, key)
    except Rejection:
        raise invalid(faults(desk, body)) from None
    command = SubmitPayments(payments=[payment])
    by = call.actor(ACTOR)
    if key:
        receipt = await desk.submit(key=call.own_key(key), command=command, actor=by)
    else:
        receipt = await _under_its_id(call, command, body.transaction_id, by)
    if receipt.reply.code:
        raise refused(receipt, facts_told(desk, receipt.reply.facts, body.source_currency))
    return _told(receipt, payment, desk.known(body.source_currency))


def _key_of(call: Call, body: PaymentBody) -> str:
    """Return the key of the header or of the body, "" without one; raises Rejection
    `payments.keys_differ` when they are not the same."""
    key = call.said_key()
    if key is None:
        return body.idempotency_key or ""
    if body.idempotency_key is not None and body.idempotency_key != key:
        raise Rejection("payments.keys_differ", header=key, body=body.idempotency_key)
    return key


async def _under_its_id(call: Call, command: Command, transaction_id: str, by: str) -> Receipt:
    """Send a payment whose id is its key; one that was used for another payment is a conflict."""
    try:
        return await call.desk.submit_derived(
            key=f"payment:{transaction_id}", command=command, actor=by
        )
    except KeyReused as reused:
        raise ProblemRaised(
            EXISTS,
            facts={"transaction_id": transaction_id, "first_height": reused.first.height},
        ) from None


def _told(receipt: Receipt, payment: NewPayment, asset: Any) -> Spoken:
    body = receipt.reply.body
    told, results = body["payment"], body["results"]
    result: Literal["accepted", "held", "duplicate"] = "accepted"
    if results:
        result = "duplicate" if results[0][1] == DUPLICATE else "held"
    accepted = PaymentAccepted(
        transaction_id=payment.transaction_id,
        result=result,
        state=told["state"],
        payer=told["payer"],
        counterparty_id=told["payee"],
        amount=format_amount(payment.amount_minor, asset.scale),
        source_currency=payment.source_currency,
        destination_currency=payment.destination_currency,
        settlement_window=told["window"],
        value_date=told["value_date"],
        cycle_id=told["cycle_id"],
        cut_off_at=rfc3339(told["cut_off_at_us"]),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
        links=links_of(payment.transaction_id, told["cycle_id"]),
    )
    return answered(accepted, status=200 if result == "duplicate" else 201, receipt=receipt)


def links_of(transaction_id: str, cycle_id: str) -> dict[str, str]:
    """Return where a payment can be read and taken back, and where its settlement is told."""
    self = f"{ROOT}/{transaction_id}"
    return {
        "self": self,
        "cancel": f"{self}/cancel",
        "settlement": f"/api/v1/settlements/{cycle_id}/status",
    }


async def cancel_payment(call: Call, body: CancelPaymentBody) -> Spoken:
    """Take a payment back while it is not in a batch."""
    transaction_id = call.params.transaction_id
    command = CancelPayment(transaction_id=transaction_id, reason=body.reason)
    return await _changed(call, command, f"payment-cancel:{transaction_id}", "cancelled")


async def approve_review(call: Call, body: ApproveReviewBody) -> Spoken:
    """Let a payment that screening held go on."""
    transaction_id = call.params.transaction_id
    command = ApproveReview(transaction_id=transaction_id)
    # The name cannot have a slash, and it stands last: no two pairs make one key.
    derived = f"payment-approve:{transaction_id}/{call.actor(ACTOR)}"
    return await _changed(call, command, derived, "accepted")


async def reject_review(call: Call, body: RejectReviewBody) -> Spoken:
    """Fail a payment that screening held."""
    transaction_id = call.params.transaction_id
    command = RejectReview(transaction_id=transaction_id, reason=body.reason)
    derived = f"payment-reject:{transaction_id}/{call.actor(ACTOR)}"
    return await _changed(call, command, derived, "failed")


async def _changed(call: Call, command: Command, derived: str, state: str) -> Spoken:
    """Send a command under the key of the header, or without one under the derived key, and tell
    how the payment stands then: so, unless the reply says otherwise."""
    by, key = call.actor(ACTOR), call.key()
    if key is None:
        receipt = await call.desk.submit_derived(key=derived, command=command, actor=by)
    else:
        receipt = await call.desk.submit(key=key, command=command, actor=by)
    if receipt.reply.code:
        raise refused(receipt, call.desk.told(receipt.reply.facts))
    body = receipt.reply.body or {}
    told = PaymentStands(
        transaction_id=call.params.transaction_id,
        state=body.get("state", state),
        exists=body.get("exists", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


class SubmitOperation(Operation):
    """The submission of one payment, whose faults are told with status 400."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", PaymentShape(PaymentBody))


def _change(
    *,
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    body: type[msgspec.Struct],
    body_example: dict[str, Any],
    state: str,
    problems: tuple[str, ...],
) -> Operation:
    example = {**examples.STANDS, "state": state}
    return Operation(
        name=name,
        method="POST",
        path=f"{ROOT}/{{transaction_id:path}}/{path}",
        tag="payments",
        summary=summary,
        description=description,
        handler=handler,
        params=PaymentPath,
        body=body,
        body_optional=True,
        body_example=body_example,
        key=KeyRule.DERIVED,
        actor=ACTOR,
        problems=("payments.unknown", *problems),
        results={200: Result(description="It stands so.", shape=PaymentStands, example=example)},
    )


OPERATIONS = (
    SubmitOperation(
        name="submitPayment",
        method="POST",
        path=ROOT,
        tag="payments",
        summary="Send a payment",
        description="Checked in this order: format, parties, currency open on the value date, "
        "duplicate, account state, funds (held at once), limits, screening. Answered once it is "
        "durable. The key is that of the header or `idempotency_key` (the same, if both are "
        "given), else the transaction_id. One that screening stops is held for review.",
        handler=submit_payment,
        body=PaymentBody,
        body_example=examples.PAYMENT,
        key=KeyRule.DERIVED,
        actor=ACTOR,
        problems=(
            "payments.invalid",
            "payments.keys_differ",
            "payments.participant_unknown",
            "payments.participant_suspended",
            "payments.currency_closed",
            "payments.cut_off_passed",
            "payments.exists",
            "payments.key_reused",
            "engine.key_reused",
            "ledger.exceeds_credits",
            "risk.net_debit_cap",
            "risk.bilateral_limit",
        ),
        results={
            201: Result(
                description="It is accepted.", shape=PaymentAccepted, example=examples.ACCEPTED
            ),
            200: Result(
                description="The same payment had come before, under another key.",
                shape=PaymentAccepted,
                example={**examples.ACCEPTED, "result": "duplicate"},
            ),
        },
    ),
    _change(
        name="cancelPayment",
        path="cancel",
        summary="Take a payment back",
        description="While it is not in a batch: the funds are released.",
        handler=cancel_payment,
        body=CancelPaymentBody,
        body_example={"reason": "sent twice"},
        state="cancelled",
        problems=("payments.not_cancellable",),
    ),
    _change(
        name="approveReview",
        path="review/approve",
        summary="Let a held payment go on",
        description="By someone other than who submitted it; it joins the next cycle that suits.",
        handler=approve_review,
        body=ApproveReviewBody,
        body_example={},
        state="accepted",
        problems=("payments.not_in_review", "payments.own_review"),
    ),
    _change(
        name="rejectReview",
        path="review/reject",
        summary="Stop a held payment",
        description="By someone other than who submitted it; the funds are released.",
        handler=reject_review,
        body=RejectReviewBody,
        body_example={"reason": "confirmed match"},
        state="failed",
        problems=("payments.not_in_review", "payments.own_review"),
    ),
)
