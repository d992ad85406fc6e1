"""How does a customer bring money in and take it out?"""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.api.amounts import Amount, minor_units
from nostro.api.desk import Desk
from nostro.api.keys import derived_id
from nostro.api.operations import (
    Call,
    Handler,
    KeyRule,
    Operation,
    Result,
    answered,
    refused,
)
from nostro.api.problem_table import row_for
from nostro.api.problems import Invalid, ProblemRaised, Spoken, detail_of
from nostro.api.times import rfc3339
from nostro.api.words import (
    AssetCode,
    Destination,
    Reason,
    TransactionId,
    UserId,
    WithdrawalId,
)
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.money import format_amount
from nostro.kernel.reply import Receipt
from nostro.wallets import (
    ApproveWithdrawal,
    CancelWithdrawal,
    ClearPayout,
    ConfirmDeposit,
    RejectDeposit,
    ReleaseDeposit,
    RequestWithdrawal,
    SubmitDeposit,
)

OPERATOR = "operator"
ON_FILE = "on file"
"""The destination of a withdrawal that names none: the one that is agreed with the customer."""


class DepositBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money that is on its way in."""

    user_id: UserId
    currency: AssetCode
    amount: Amount
    transaction_id: TransactionId


class DepositNameBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deposit that was submitted."""

    user_id: UserId
    transaction_id: TransactionId


class DepositRejectBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deposit that does not come, and why."""

    user_id: UserId
    transaction_id: TransactionId
    reason: Reason = ""


class WithdrawBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money to pay out. Without `withdrawal_id` an Idempotency-Key is needed, and the id is made
    of it; without `destination` the one on file is meant."""

    user_id: UserId
    currency: AssetCode
    amount: Amount
    destination: Destination = ON_FILE
    withdrawal_id: WithdrawalId | None = None


class ApproveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing more is needed."""


class CancelBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is cancelled."""

    reason: Reason = ""


class WithdrawalPath(msgspec.Struct, frozen=True, kw_only=True):
    """The withdrawal in the path."""

    withdrawal_id: WithdrawalId


class DepositStands(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deposit as it stands now. `exists`: it stood so before this request."""

    user_id: str
    transaction_id: str
    currency: str
    amount: str
    state: str
    reason: str = ""
    exists: bool = False
    height: int
    recorded_at: str


class WithdrawalStands(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A withdrawal as it stands now. `approvals_missing`: how many others must still approve.
    `exists`: it stood so before this request."""

    withdrawal_id: str
    user_id: str
    currency: str
    amount: str
    destination: str
    state: str
    approvals_missing: int | msgspec.UnsetType = msgspec.UNSET
    reason: str = ""
    exists: bool = False
    height: int
    recorded_at: str


async def submit_deposit(call: Call, body: DepositBody) -> Spoken:
    """Take note of money on its way; nothing is credited yet."""
    command = SubmitDeposit(
        user_id=body.user_id,
        transaction_id=body.transaction_id,
        asset=body.currency,
        amount_minor=await _minor(call.desk, body.amount, body.currency),
    )
    receipt = await _ordered(call, command, f"deposit-submit:{_name(body)}", actor=body.user_id)
    return await _deposit(call.desk, receipt, body.currency, created=201)


async def confirm_deposit(call: Call, body: DepositNameBody) -> Spoken:
    """State that the money has arrived: the wallet is credited."""
    command = ConfirmDeposit(user_id=body.user_id, transaction_id=body.transaction_id)
    receipt = await _ordered(call, command, f"deposit-confirm:{_name(body)}")
    return await _deposit(call.desk, receipt)


async def reject_deposit(call: Call, body: DepositRejectBody) -> Spoken:
    """State that the money does not come."""
    command = RejectDeposit(
        user_id=body.user_id, transaction_id=body.transaction_id, reason=body.reason
    )
    receipt = await _ordered(call, command, f"deposit-reject:{_name(body)}")
    return await _deposit(call.desk, receipt)


async def release_deposit(call: Call, body: DepositNameBody) -> Spoken:
    """Move a deposit out of suspense; each release that failed needs another key."""
    command = ReleaseDeposit(user_id=body.user_id, transaction_id=body.transaction_id)
    receipt = await call.desk.submit(
        key=call.required_key(), command=command, actor=call.actor(OPERATOR)
    )
    return await _deposit(call.desk, receipt)


async def request_withdrawal(call: Call, body: WithdrawBody) -> Spoken:
    """Hold the funds and pay them out, once approved as the limits demand."""
    key = call.key()
    withdrawal_id = body.withdrawal_id
    if withdrawal_id is None:
        key = call.required_key()
        withdrawal_id = derived_id("wd", key)
    command = RequestWithdrawal(
        withdrawal_id=withdrawal_id,
        user_id=body.user_id,
        asset=body.currency,
        amount_minor=await _minor(call.desk, body.amount, body.currency),
        destination=body.destination,
    )
    receipt = await _ordered(
        call, command, f"withdrawal-request:{withdrawal_id}", actor=body.user_id
    )
    return await _withdrawal(call.desk, receipt, body.currency, created=201)


async def approve_withdrawal(call: Call, body: ApproveBody) -> Spoken:
    """Approve a withdrawal, as someone other than who requested it."""
    withdrawal_id = call.params.withdrawal_id
    command = ApproveWithdrawal(withdrawal_id=withdrawal_id)
    # Neither the id nor the name can have a slash, so no two pairs make one key.
    derived = f"withdrawal-approve:{withdrawal_id}/{call.actor(OPERATOR)}"
    receipt = await _ordered(call, command, derived)
    return await _withdrawal(call.desk, receipt)


async def cancel_withdrawal(call: Call, body: CancelBody) -> Spoken:
    """Take a withdrawal back while it awaits approval."""
    withdrawal_id = call.params.withdrawal_id
    command = CancelWithdrawal(withdrawal_id=withdrawal_id, reason=body.reason)
    receipt = await _ordered(call, command, f"withdrawal-cancel:{withdrawal_id}")
    return await _withdrawal(call.desk, receipt)


async def clear_payout(call: Call, body: ApproveBody) -> Spoken:
    """Book a payout that went to suspense; each attempt that failed needs another key."""
    command = ClearPayout(withdrawal_id=call.params.withdrawal_id)
    receipt = await call.desk.submit(
        key=call.required_key(), command=command, actor=call.actor(OPERATOR)
    )
    return await _withdrawal(call.desk, receipt)


def _name(body: DepositBody | DepositNameBody | DepositRejectBody) -> str:
    """Return what names a deposit; unambiguous, as no user id has a colon."""
    return f"{body.user_id}:{body.transaction_id}"


async def _ordered(call: Call, command: Command, derived: str, actor: str = OPERATOR) -> Receipt:
    """Send a command under the key of the header, or without one under the derived key."""
    by, key = call.actor(actor), call.key()
    if key is None:
        return await call.desk.submit_derived(key=derived, command=command, actor=by)
    return await call.desk.submit(key=key, command=command, actor=by)


async def _minor(desk: Desk, amount: Amount, currency: str) -> int:
    """Return the minor units of an amount; raises ProblemRaised with its place."""
    at = "/currency"
    try:
        asset = desk.known(currency) or await desk.asset(currency)
        at = "/amount"
        return minor_units(amount, asset)
    except Rejection as no:
        detail = detail_of(row_for(no.code).title, no.facts)
        raise ProblemRaised.invalid([Invalid(at, no.code, detail)]) from None


async def _deposit(desk: Desk, receipt: Receipt, asset: str = "", created: int = 200) -> Spoken:
    body = _accepted(desk, receipt, asset)
    told = DepositStands(
        user_id=body["user_id"],
        transaction_id=body["transaction_id"],
        currency=body["asset"],
        amount=await _amount(desk, body),
        state=body["state"],
        reason=body.get("reason", ""),
        exists=body.get("exists", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, status=200 if told.exists else created, receipt=receipt)


async def _withdrawal(desk: Desk, receipt: Receipt, asset: str = "", created: int = 200) -> Spoken:
    body = _accepted(desk, receipt, asset)
    told = WithdrawalStands(
        withdrawal_id=body["withdrawal_id"],
        user_id=body["user_id"],
        currency=body["asset"],
        amount=await _amount(desk, body),
        destination=body["destination"],
        state=body["state"],
        approvals_missing=body["approvals_missing"],
        reason=body.get("reason", ""),
        exists=body.get("exists", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, status=200 if told.exists else created, receipt=receipt)


def _accepted(desk: Desk, receipt: Receipt, asset: str) -> dict[str, Any]:
    """Return the reply's body; raises ProblemRaised when the command was refused."""
    reply = receipt.reply
    if reply.code:
        raise refused(receipt, desk.told(reply.facts, asset))
    body: dict[str, Any] = reply.body
    return body


async def _amount(desk: Desk, body: dict[str, Any]) -> str:
    asset = await desk.asset(body["asset"])
    return format_amount(body["amount_minor"], asset.scale)


_TAG = "wallet"
_AT = {"height": 42, "recorded_at": "2026-01-31T09:30:00.000000Z"}
_NAME = {"user_id": "alice", "transaction_id": "tx-0001"}
_DEPOSIT = {**_NAME, "currency": "EUR", "amount": "1.50"}
_WITHDRAWAL = {
    "withdrawal_id": "wd-0001",
    "user_id": "alice",
    "currency": "EUR",
    "amount": "20.00",
    "destination": "DE89370400440532013000",
}


def _deposit_operation(
    *,
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    body: type[msgspec.Struct],
    state: str,
    problems: tuple[str, ...],
    body_example: dict[str, Any] = _NAME,
    key: KeyRule = KeyRule.DERIVED,
    actor: str = OPERATOR,
    created: bool = False,
) -> Operation:
    example = {**_DEPOSIT, "state": state, **_AT}
    results = {200: Result(description="It stands so.", shape=DepositStands, example=example)}
    if created:
        results[201] = Result(description="It is noted.", shape=DepositStands, example=example)
    return Operation(
        name=name,
        method="POST",
        path=path,
        tag=_TAG,
        summary=summary,
        description=description,
        handler=handler,
        body=body,
        body_example=body_example,
        key=key,
        actor=actor,
        problems=problems,
        results=results,
    )


def _withdrawal_operation(
    *,
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    body: type[msgspec.Struct],
    state: str,
    problems: tuple[str, ...],
    body_example: dict[str, Any],
    approvals_missing: int = 0,
    actor: str = OPERATOR,
    created: bool = False,
    key: KeyRule = KeyRule.DERIVED,
) -> Operation:
    example = {**_WITHDRAWAL, "state": state, "approvals_missing": approvals_missing, **_AT}
    results = {200: Result(description="It stands so.", shape=WithdrawalStands, example=example)}
    if created:
        results[201] = Result(
            description="The funds are held.", shape=WithdrawalStands, example=example
        )
    return Operation(
        name=name,
        method="POST",
        path=path,
        tag=_TAG,
        summary=summary,
        description=description,
        handler=handler,
        params=None if created else WithdrawalPath,
        body=body,
        body_optional=not created,
        body_example=body_example,
        key=key,
        actor=actor,
        problems=problems,
        results=results,
    )


OPERATIONS = (
    _deposit_operation(
        name="submitDeposit",
        path="/wallet/deposit",
        summary="Announce a deposit",
        description="Money is on its way in; nothing is credited until it is confirmed. The first "
        "deposit of a user opens the customer, the first in a currency the wallet.",
        handler=submit_deposit,
        body=DepositBody,
        body_example=_DEPOSIT,
        state="submitted",
        actor="the user_id",
        created=True,
        problems=(
            "engine.key_reused",
            "money.too_many_decimals",
            "wallets.amount_not_positive",
            "wallets.transaction_id_reused",
        ),
    ),
    _deposit_operation(
        name="confirmDeposit",
        path="/wallet/deposit/confirm",
        summary="Confirm a deposit",
        description="The money has arrived: the wallet is credited. Where the ledger refuses that "
        "(a frozen wallet), it stands in suspense until it is released.",
        handler=confirm_deposit,
        body=DepositNameBody,
        state="confirmed",
        problems=("wallets.deposit_unknown", "wallets.deposit_already_rejected"),
    ),
    _deposit_operation(
        name="rejectDeposit",
        path="/wallet/deposit/reject",
        summary="Reject a deposit",
        description="The money does not come; nothing was credited.",
        handler=reject_deposit,
        body=DepositRejectBody,
        body_example={**_NAME, "reason": "returned by the bank"},
        state="rejected",
        problems=("wallets.deposit_unknown", "wallets.deposit_already_confirmed"),
    ),
    _deposit_operation(
        name="releaseDeposit",
        path="/wallet/deposit/release",
        summary="Release a deposit from suspense",
        description="Moves a suspended deposit to its wallet once the reason is gone. An attempt "
        "that fails may be made again, so each needs an Idempotency-Key of its own.",
        handler=release_deposit,
        body=DepositNameBody,
        state="confirmed",
        key=KeyRule.REQUIRED,
        problems=("wallets.deposit_unknown", "wallets.deposit_not_suspended"),
    ),
    _withdrawal_operation(
        name="requestWithdrawal",
        path="/wallet/withdraw",
        summary="Request a withdrawal",
        description="Holds the funds and pays them out, once approved as the limits demand. The "
        "withdrawal_id is the key where no Idempotency-Key is sent; without one, it is made of "
        "the key.",
        handler=request_withdrawal,
        body=WithdrawBody,
        body_example=_WITHDRAWAL,
        state="awaiting_approval",
        approvals_missing=1,
        actor="the user_id",
        created=True,
        problems=(
            "engine.key_reused",
            "ledger.exceeds_credits",
            "money.too_many_decimals",
            "request.idempotency_key_missing",
            "wallets.customer_unknown",
            "wallets.wallet_unknown",
        ),
    ),
    _withdrawal_operation(
        name="approveWithdrawal",
        path="/wallet/withdraw/{withdrawal_id}/approve",
        summary="Approve a withdrawal",
        description="By someone other than who requested it, who is paid, and who approved it "
        "before. The last approval needed orders the payout.",
        handler=approve_withdrawal,
        body=ApproveBody,
        body_example={},
        state="approved",
        problems=(
            "wallets.withdrawal_unknown",
            "wallets.approver_is_requester",
            "wallets.withdrawal_not_awaiting_approval",
        ),
    ),
    _withdrawal_operation(
        name="cancelWithdrawal",
        path="/wallet/withdraw/{withdrawal_id}/cancel",
        summary="Cancel a withdrawal",
        description="While it awaits approval: the funds are released.",
        handler=cancel_withdrawal,
        body=CancelBody,
        body_example={"reason": "customer changed their mind"},
        state="cancelled",
        problems=("wallets.withdrawal_unknown", "wallets.payout_already_ordered"),
    ),
    _withdrawal_operation(
        name="clearPayout",
        path="/wallet/withdraw/{withdrawal_id}/clear",
        summary="Clear a payout from suspense",
        description="Books a payout that settled while its wallet was frozen, once it is not. An "
        "attempt that fails may be made again, so each needs an Idempotency-Key of its own.",
        handler=clear_payout,
        body=ApproveBody,
        body_example={},
        state="settled",
        key=KeyRule.REQUIRED,
        problems=("wallets.withdrawal_unknown", "wallets.payout_not_suspended"),
    ),
)
