"""How does a caller open accounts, stop and close them, and register assets?"""

from __future__ import annotations

from secrets import token_hex
from typing import Annotated, Any, Literal

import msgspec

from nostro.api.amounts import Amount, minor_units
from nostro.api.operations import Call, KeyRule, Operation, Result, answered, refused
from nostro.api.problem_table import row_for
from nostro.api.problems import Invalid, ProblemRaised, Spoken, detail_of
from nostro.api.times import rfc3339
from nostro.api.words import AccountId, AssetCode, Metadata, Name, Owner, Reason
from nostro.flows.books import HOUSE_ACCOUNT_PREFIXES, RESERVED_ACCOUNT_PREFIXES
from nostro.kernel.asset import SCALE_MAX, Asset
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.ledger import (
    AccountType,
    CloseAccount,
    FreezeAccount,
    Limit,
    NewAccount,
    OpenAccounts,
    RegisterAsset,
    Side,
    UnfreezeAccount,
)

ACTOR = "operator"
EXISTS = "ledger.exists"


class AccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to open. `side` is the normal one of the type unless it is named. `overdraft`: how
    far beyond its limit it may go, as an amount of the asset."""

    id: AccountId
    asset: AssetCode
    type: AccountType = AccountType.LIABILITY
    side: Side | None = None
    limit: Limit = Limit.NONE
    overdraft: Amount = msgspec.field(default_factory=msgspec.Raw)
    owner: Owner = ""
    metadata: Metadata | None = None


class AccountPath(msgspec.Struct, frozen=True, kw_only=True):
    """The account in the path; a slash in its id may stand as it is."""

    account_id: AccountId


class ReasonBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is done."""

    reason: Reason = ""


class AssetBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An asset to register: `scale` is the number of its decimals, for ever."""

    code: AssetCode
    scale: Annotated[int, msgspec.Meta(ge=0, le=SCALE_MAX)]
    name: Name = ""


class AccountOpenedTold(msgspec.Struct, frozen=True, kw_only=True):
    """An account that is open. `result` is `exists` when it was before, exactly so."""

    id: str
    asset: str
    result: Literal["created", "exists"]
    height: int
    recorded_at: str


class AccountChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it stands now; `changed` is false when it stood so before."""

    id: str
    status: Literal["open", "frozen", "closed"]
    changed: bool
    height: int
    recorded_at: str


class AssetRegisteredTold(msgspec.Struct, frozen=True, kw_only=True):
    """An asset of the registry. `result` is `exists` when it was there before."""

    code: str
    scale: int
    result: Literal["created", "exists"]
    height: int
    recorded_at: str


async def open_account(call: Call, body: AccountBody) -> Spoken:
    """Open an account; sent twice, it is opened once."""
    desk = call.desk
    asset, overdraft_minor = await _terms(call, body)
    account = NewAccount(
        id=body.id,
        asset=asset.code,
        type=body.type,
        side=body.side,
        limit=body.limit,
        overdraft_minor=overdraft_minor,
        owner=body.owner,
        metadata=body.metadata,
    )
    receipt = await _ordered(call, OpenAccounts(accounts=[account]))
    code = ""
    for _, code, facts in _accepted(call, receipt)["results"]:
        if code != EXISTS:
            raise ProblemRaised(
                code,
                facts=desk.told(facts, asset.code),
                height=receipt.height,
                replayed=receipt.replayed,
            )
    told = AccountOpenedTold(
        id=body.id,
        asset=asset.code,
        result="exists" if code else "created",
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, status=200 if code else 201, receipt=receipt)


async def _terms(call: Call, body: AccountBody) -> tuple[Asset, int]:
    """Return the asset and the overdraft in minor units; raises ProblemRaised with its place."""
    at = "/id"
    try:
        if body.id.startswith(RESERVED_ACCOUNT_PREFIXES):
            raise Rejection("request.reserved_id", id=body.id)
        at = "/asset"
        asset = await call.desk.asset(body.asset)
        at = "/overdraft"
        said = bytes(body.overdraft) not in (b"", b"null")
        return asset, minor_units(body.overdraft, asset) if said else 0
    except Rejection as no:
        detail = detail_of(row_for(no.code).title, no.facts)
        raise ProblemRaised.invalid([Invalid(at, no.code, detail)]) from None


def _refuse_house_account(account: str) -> None:
    """Refuse to stop an account of the house: what is final must always be booked somewhere."""
    if account.startswith(HOUSE_ACCOUNT_PREFIXES):
        raise Rejection("request.reserved_id", id=account)


async def freeze_account(call: Call, body: ReasonBody) -> Spoken:
    """Stop an account: nothing new touches it."""
    _refuse_house_account(call.params.account_id)
    command = FreezeAccount(account=call.params.account_id, reason=body.reason)
    return await _changed(call, command, "frozen")


async def unfreeze_account(call: Call, body: ReasonBody) -> Spoken:
    """Let a frozen account move again."""
    command = UnfreezeAccount(account=call.params.account_id, reason=body.reason)
    return await _changed(call, command, "open")


async def close_account(call: Call, body: ReasonBody) -> Spoken:
    """Close an account for ever."""
    _refuse_house_account(call.params.account_id)
    command = CloseAccount(account=call.params.account_id, reason=body.reason)
    return await _changed(call, command, "closed")


async def _changed(
    call: Call, command: Command, status: Literal["open", "frozen", "closed"]
) -> Spoken:
    receipt = await _ordered(call, command)
    body = _accepted(call, receipt)
    told = AccountChanged(
        id=call.params.account_id,
        status=status,
        changed=body["changed"],
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


async def register_asset(call: Call, body: AssetBody) -> Spoken:
    """Add an asset to the registry, for ever."""
    command = RegisterAsset(code=body.code, scale=body.scale, name=body.name)
    receipt = await _ordered(call, command)
    created = _accepted(call, receipt)["registered"]
    call.desk.learn(Asset(body.code, body.scale, body.name))
    told = AssetRegisteredTold(
        code=body.code,
        scale=body.scale,
        result="created" if created else "exists",
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, status=201 if created else 200, receipt=receipt)


async def _ordered(call: Call, command: Command) -> Receipt:
    """Send a command under the key of the header; without one, it is decided anew each time: what
    is so already stays so."""
    key = call.key() or f"once:{token_hex(16)}"
    return await call.desk.submit(key=key, command=command, actor=call.actor(ACTOR))


def _accepted(call: Call, receipt: Receipt) -> dict[str, Any]:
    """Return the reply's body; raises ProblemRaised when the command was refused."""
    reply = receipt.reply
    if reply.code:
        raise refused(receipt, call.desk.told(reply.facts))
    body: dict[str, Any] = reply.body
    return body


_TAG = "ledger"
_ROOT = "/api/v1/ledger/accounts"
_AT = {"height": 7, "recorded_at": "2026-01-31T09:30:00.000000Z"}


def _change(verb: str, what: str, status: str, handler: Any, *problems: str) -> Operation:
    return Operation(
        name=f"{verb}Account",
        method="POST",
        path=f"{_ROOT}/{{account_id:path}}/{verb}",
        tag=_TAG,
        summary=f"{verb.capitalize()} an account",
        description=what,
        handler=handler,
        params=AccountPath,
        body=ReasonBody,
        body_optional=True,
        body_example={"reason": "requested by compliance"},
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=("ledger.account_not_found", *problems),
        results={
            200: Result(
                description="The account stands so now.",
                shape=AccountChanged,
                example={"id": "fees:EUR", "status": status, "changed": True, **_AT},
            )
        },
    )


OPERATIONS = (
    Operation(
        name="openAccount",
        method="POST",
        path=_ROOT,
        tag=_TAG,
        summary="Open an account",
        description="Opened again with the same content it `exists` (200). Accounts of customers "
        "are opened by their first deposit: ids that begin with `wallet:`, `nostro:` or "
        "`suspense:` are refused here.",
        handler=open_account,
        body=AccountBody,
        body_example={
            "id": "merchant:4711:EUR",
            "asset": "EUR",
            "type": "liability",
            "limit": "debits_must_not_exceed_credits",
            "overdraft": "100.00",
            "owner": "merchant-4711",
        },
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=("asset.unknown", "request.reserved_id", "ledger.exists_with_different_asset"),
        results={
            201: Result(
                description="The account is open.",
                shape=AccountOpenedTold,
                example={"id": "merchant:4711:EUR", "asset": "EUR", "result": "created", **_AT},
            ),
            200: Result(
                description="The account was open before, exactly so.",
                shape=AccountOpenedTold,
                example={"id": "merchant:4711:EUR", "asset": "EUR", "result": "exists", **_AT},
            ),
        },
    ),
    _change(
        "freeze",
        "No new transfer or hold touches it; holds already there can still be voided or expire.",
        "frozen",
        freeze_account,
        "ledger.account_closed",
    ),
    _change("unfreeze", "It moves again.", "open", unfreeze_account, "ledger.account_closed"),
    _change(
        "close",
        "Closed for ever. Refused unless nothing is left on it and nothing is held.",
        "closed",
        close_account,
        "ledger.account_has_balance",
        "ledger.account_has_pending",
    ),
    Operation(
        name="registerAsset",
        method="POST",
        path="/api/v1/ledger/assets",
        tag=_TAG,
        summary="Register an asset",
        description="Currencies of ISO 4217 and the main crypto assets are registered from the "
        "start. The number of decimals never changes.",
        handler=register_asset,
        body=AssetBody,
        body_example={"code": "POINTS", "scale": 3, "name": "Reward point"},
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=("ledger.asset_exists_with_different_scale",),
        results={
            201: Result(
                description="The asset is registered.",
                shape=AssetRegisteredTold,
                example={"code": "POINTS", "scale": 3, "result": "created", **_AT},
            ),
            200: Result(
                description="It was registered before.",
                shape=AssetRegisteredTold,
                example={"code": "POINTS", "scale": 3, "result": "exists", **_AT},
            ),
        },
    ),
)
