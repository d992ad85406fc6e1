"""How does a caller move money in the ledger, one transfer at a time or 10,000?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from nostro.api.amounts import Amount, minor_units
from nostro.api.desk import Desk
from nostro.api.operations import Call, KeyRule, Operation, Result, answered, refused
from nostro.api.problem_table import row_for
from nostro.api.problems import Invalid, ProblemRaised, Spoken, detail_of
from nostro.api.shapes import ERRORS_MAX
from nostro.api.times import microseconds, rfc3339
from nostro.api.words import (
    AccountId,
    AssetCode,
    Metadata,
    Moment,
    Reference,
    TransferId,
)
from nostro.flows.books import FLOW_ACCOUNT_PREFIXES, RESERVED_TRANSFER_PREFIXES
from nostro.kernel.asset import Asset
from nostro.kernel.messages import Rejection
from nostro.kernel.money import format_amount
from nostro.kernel.reply import Receipt, Reply
from nostro.ledger import (
    TRANSFERS_MAX,
    Action,
    Balancing,
    CreateTransfers,
    CreateTransfersTogether,
    NewTransfer,
)

ACTOR = "operator"
EXISTS = "ledger.exists"
_ABSENT = (b"", b"null")
_ROOT = "/api/v1/ledger/transfers"


class TransferBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transfer to record; `debit` and `credit` name both accounts.

    `transfer` and `hold` need both accounts and an amount with its asset. `post`, `void` and
    `reverse` need `refers_to`; `post` may name an amount up to that of the hold, and releases the
    rest.
    """

    id: TransferId
    action: Action = Action.TRANSFER
    debit: AccountId | None = None
    credit: AccountId | None = None
    amount: Amount = msgspec.field(default_factory=msgspec.Raw)
    asset: AssetCode | None = None
    refers_to: TransferId | None = None
    balancing: Balancing = Balancing.NONE
    timeout_s: Annotated[
        int,
        msgspec.Meta(ge=0, le=315_360_000, description="Seconds a hold lasts; 0: for ever."),
    ] = 0
    code: Annotated[
        int, msgspec.Meta(ge=0, le=2**31 - 1, description="What kind of movement it is.")
    ] = 0
    reference: Reference = ""
    effective_at: Moment | None = None
    metadata: Metadata | None = None


class BulkTransferBody(TransferBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transfer of many. `linked`: this one and the next succeed or fail together."""

    linked: bool = False


class BulkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Transfers to record in this order, each with its own result; with `together` all or none."""

    transfers: Annotated[list[BulkTransferBody], msgspec.Meta(min_length=1)]
    together: bool = False


class TransferRecorded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A transfer that is in the books. `result` is `exists` when it was there already, exactly so.

    `amount` is what moved, where that was said or found out (balancing).
    """

    id: str
    result: Literal["created", "exists"]
    action: Action | msgspec.UnsetType = msgspec.UNSET
    amount: str | None = None
    asset: str | None = None
    height: int
    recorded_at: str


class TransferResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one transfer of many; `code`, `detail` and `facts` tell why it was refused."""

    index: int
    id: str
    result: Literal["created", "exists", "refused"] | msgspec.UnsetType = msgspec.UNSET
    code: str = ""
    detail: str = ""
    facts: dict[str, Any] = {}


class BulkRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each transfer, in the order in which they were sent."""

    created: int
    existed: int
    refused: int
    height: int
    recorded_at: str
    results: list[TransferResult]


async def create_transfer(call: Call, body: TransferBody) -> Spoken:
    """Record one transfer; its id is its key where no Idempotency-Key is sent."""
    desk = call.desk
    asset = _ASSET_UNSAID
    try:
        if body.asset is not None:
            asset = desk.known(body.asset) or await desk.asset(body.asset)
        transfer = _transfer(body, asset)
    except Rejection as no:
        raise ProblemRaised.invalid([_invalid(no, "", desk)]) from None
    command = CreateTransfers(transfers=[transfer])
    by, key = call.actor(ACTOR), call.key()
    if key is None:
        receipt = await desk.submit_derived(
            key=f"transfer:{body.id}", command=command, actor=by, code_of=_code_of
        )
    else:
        receipt = await desk.submit(key=key, command=command, actor=by)
    return _told(desk, receipt, transfer, asset)


def _code_of(reply: Reply) -> str:
    """Return the code that a single transfer was told, or "" when it was recorded."""
    return reply.code or _outcome(reply.body["results"], 0)[0]


def _told(desk: Desk, receipt: Receipt, transfer: NewTransfer, asset: Asset) -> Spoken:
    """Return what became of a single transfer: the command is accepted even when it is refused."""
    reply = receipt.reply
    if reply.code:
        raise refused(receipt, desk.told(reply.facts, asset.code))
    code, facts = _outcome(reply.body["results"], 0)
    if code and code != EXISTS:
        raise ProblemRaised(
            code,
            facts=desk.told(facts, asset.code),
            height=receipt.height,
            replayed=receipt.replayed,
        )
    minor = _moved(reply.body, 0, transfer.amount_minor)
    recorded = TransferRecorded(
        id=transfer.id,
        result="exists" if code else "created",
        action=transfer.action,
        amount=None if minor is None or not asset.code else format_amount(minor, asset.scale),
        asset=asset.code or None,
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(recorded, status=200 if code else 201, receipt=receipt)


async def create_transfers(call: Call, body: BulkBody) -> Spoken:
    """Record many transfers as one command, durable as one."""
    desk = call.desk
    if len(body.transfers) > TRANSFERS_MAX:
        raise ProblemRaised(
            "ledger.too_many_transfers",
            facts={"count": len(body.transfers), "count_max": TRANSFERS_MAX},
        )
    key = call.required_key()
    transfers, assets = await _transfers(desk, body.transfers)
    command: CreateTransfers | CreateTransfersTogether
    if body.together:
        command = CreateTransfersTogether(transfers=transfers)
    else:
        command = CreateTransfers(transfers=transfers)
    receipt = await desk.submit(key=key, command=command, actor=call.actor(ACTOR))
    reply = receipt.reply
    if reply.code:
        at = reply.facts.get("index", 0)
        raise refused(receipt, desk.told(reply.facts, assets[at].code))
    results = [TransferResult(index=i, id=t.id, result="created") for i, t in enumerate(transfers)]
    existed = 0
    for index, code, facts in reply.body["results"]:
        id = transfers[index].id
        if code == EXISTS:
            existed += 1
            results[index] = TransferResult(index=index, id=id, result="exists")
        else:
            results[index] = _refusal(index, id, code, desk.told(facts, assets[index].code))
    created = reply.body["created"]
    recorded = BulkRecorded(
        created=created,
        existed=existed,
        refused=len(transfers) - created - existed,
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
        results=results,
    )
    return answered(recorded, receipt=receipt)


def _refusal(index: int, id: str, code: str, facts: Mapping[str, Any]) -> TransferResult:
    detail = detail_of(row_for(code).title, facts)
    return TransferResult(
        index=index, id=id, result="refused", code=code, detail=detail, facts=dict(facts)
    )


async def _transfers(
    desk: Desk, bodies: Sequence[BulkTransferBody]
) -> tuple[list[NewTransfer], list[Asset]]:
    """Return the transfers and the asset of each; raises ProblemRaised with every error at once."""
    transfers: list[NewTransfer] = []
    assets: list[Asset] = []
    errors: list[Invalid] = []
    await desk.ask_for({body.asset for body in bodies if body.asset is not None})
    for index, body in enumerate(bodies):
        try:
            asset = _ASSET_UNSAID
            if body.asset is not None:
                found = desk.known(body.asset)
                if found is None:
                    raise Rejection("asset.unknown", asset=body.asset)
                asset = found
            assets.append(asset)
            transfers.append(_transfer(body, asset, linked=body.linked))
        except Rejection as no:
            errors.append(_invalid(no, f"/transfers/{index}", desk))
            if len(errors) == ERRORS_MAX:
                break
    if errors:
        raise ProblemRaised.invalid(errors)
    return transfers, assets


_ASSET_UNSAID = Asset("", 0)


def _transfer(body: TransferBody, asset: Asset, *, linked: bool = False) -> NewTransfer:
    """Return the transfer that a body means; raises Rejection, with the place in its facts."""
    if body.id.startswith(RESERVED_TRANSFER_PREFIXES):
        raise Rejection("request.reserved_id", at="id", id=body.id)
    refers_to = body.refers_to or ""
    if refers_to.startswith(RESERVED_TRANSFER_PREFIXES):
        raise Rejection("request.reserved_id", at="refers_to", id=refers_to)
    debit, credit = body.debit or "", body.credit or ""
    for at, account in (("debit", debit), ("credit", credit)):
        if account.startswith(FLOW_ACCOUNT_PREFIXES):
            raise Rejection("request.reserved_id", at=at, id=account)
    amount_minor = None
    if bytes(body.amount) not in _ABSENT:
        if not asset.code:
            raise Rejection("request.amount_without_asset", at="asset")
        amount_minor = minor_units(body.amount, asset)
    effective_at = body.effective_at
    return NewTransfer(
        id=body.id,
        action=body.action,
        debit=debit,
        credit=credit,
        amount_minor=amount_minor,
        refers_to=refers_to,
        balancing=body.balancing,
        linked=linked,
        timeout_s=body.timeout_s,
        code=body.code,
        reference=body.reference,
        effective_at_us=None if effective_at is None else microseconds(effective_at),
        metadata=body.metadata,
        asset=asset.code,
    )


def _invalid(no: Rejection, pointer: str, desk: Desk) -> Invalid:
    """Return a refusal of the door as an error of the body at `pointer`."""
    facts = dict(no.facts)
    at = facts.pop("at", "asset" if no.code == "asset.unknown" else "amount")
    return Invalid(f"{pointer}/{at}", no.code, detail_of(row_for(no.code).title, desk.told(facts)))


def _outcome(results: Sequence[Sequence[Any]], index: int) -> tuple[str, Mapping[str, Any]]:
    """Return the code and the facts of one transfer; "" when it was simply created."""
    for at, code, facts in results:
        if at == index:
            return code, facts
    return "", {}


def _moved(body: Mapping[str, Any], index: int, asked_minor: int | None) -> int | None:
    """Return how much moved: what was asked for, unless a note says otherwise."""
    for at, _, facts in body.get("notes", ()):
        if at == index:
            moved: int | None = facts.get("amount_minor", asked_minor)
            return moved
    return asked_minor


_TAG = "ledger"
_EXAMPLE = {
    "id": "payroll-2026-01-0001",
    "debit": "employer:EUR",
    "credit": "employee:EUR",
    "amount": "1250.00",
    "asset": "EUR",
    "reference": "salary January",
}
_TOLD = {
    "id": "payroll-2026-01-0001",
    "result": "created",
    "action": "transfer",
    "amount": "1250.00",
    "asset": "EUR",
    "height": 42,
    "recorded_at": "2026-01-31T09:30:00.000000Z",
}

OPERATIONS = (
    Operation(
        name="createTransfer",
        method="POST",
        path=_ROOT,
        tag=_TAG,
        summary="Record a transfer",
        description="Moves money between two accounts of one asset, holds it, or posts, voids or "
        "reverses what was recorded before. Answered once it is durable. The id of the transfer "
        "is its key where no Idempotency-Key is sent.",
        handler=create_transfer,
        body=TransferBody,
        body_example=_EXAMPLE,
        key=KeyRule.DERIVED,
        actor=ACTOR,
        problems=(
            "engine.key_reused",
            "ledger.exceeds_credits",
            "ledger.debit_not_found",
            "ledger.exists_with_different_amount",
            "money.too_many_decimals",
        ),
        results={
            201: Result(description="It is in the books.", shape=TransferRecorded, example=_TOLD),
            200: Result(
                description="It was in the books before, under another key.",
                shape=TransferRecorded,
                example={**_TOLD, "result": "exists"},
            ),
        },
    ),
    Operation(
        name="createTransfers",
        method="POST",
        path=f"{_ROOT}/bulk",
        tag=_TAG,
        summary=f"Record up to {TRANSFERS_MAX:,} transfers",
        description="In the order given, each with its own result; `linked` ones as chains, or "
        "with `together` all or none. One command: all that is created is durable together.",
        handler=create_transfers,
        body=BulkBody,
        body_example={"transfers": [_EXAMPLE, {**_EXAMPLE, "id": "payroll-2026-01-0002"}]},
        key=KeyRule.REQUIRED,
        actor=ACTOR,
        problems=(
            "engine.key_reused",
            "request.idempotency_key_missing",
            "ledger.too_many_transfers",
            "request.too_large",
        ),
        results={
            200: Result(
                description="What became of each.",
                shape=BulkRecorded,
                example={
                    "created": 1,
                    "existed": 0,
                    "refused": 1,
                    "height": 43,
                    "recorded_at": "2026-01-31T09:30:00.000000Z",
                    "results": [
                        {"index": 0, "id": "payroll-2026-01-0001", "result": "created"},
                        {
                            "index": 1,
                            "id": "payroll-2026-01-0002",
                            "result": "refused",
                            "code": "ledger.exceeds_credits",
                            "detail": "The account to debit has not enough available: "
                            "account employer:EUR, available 0.00.",
                            "facts": {"account": "employer:EUR", "available": "0.00"},
                        },
                    ],
                },
            )
        },
    ),
)
