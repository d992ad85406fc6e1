"""How does a machine get a key to sign its requests with, and how is the key taken away?"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nostro.adapters.identity import KeyView
from nostro.api.auth import OWN, SCOPES, WIDE, Role
from nostro.api.auth_signatures import ApiKeys
from nostro.api.operations import Call, Operation, Result, answered
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import microseconds, rfc3339
from nostro.api.words import Moment, UserId
from nostro.kernel.messages import Rejection

ROOT = "/api/v1/api-keys"

KeyId = Annotated[
    str,
    Meta(
        pattern=r"^nk_[0-9a-f]{24}\Z",
        description="Id of an API key.",
        examples=["nk_4f2a4f2a4f2a4f2a4f2a4f2a"],
    ),
]
KeyRole = Literal["trader", "operator", "auditor"]
ScopeName = Annotated[str, Meta(pattern=r"^[a-z]{1,32}:[a-z]{1,32}\Z")]
Label = Annotated[
    str,
    Meta(
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]*\Z",
        description="What it is for.",
        examples=["market maker 1"],
    ),
]


class ApiKeyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose key it is (the caller's, unless said), and how much of the role it has: all of it
    where no scopes are named."""

    user_id: UserId | None = None
    role: KeyRole = "trader"
    scopes: Annotated[list[ScopeName], Meta(max_length=len(SCOPES))] = []
    label: Label = ""
    expires_at: Moment | None = None


class ApiKeyPath(msgspec.Struct, frozen=True, kw_only=True):
    """The key in the path."""

    key_id: KeyId


class ApiKeysQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose keys: the caller's; of everybody for who may read them all."""

    user_id: UserId | None = None


class NothingAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing can be asked for."""


class ApiKeyTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An API key. `secret` is told once, when it is made. Without `scopes` it may do all that its
    role may."""

    id: str
    user_id: str
    role: KeyRole
    scopes: list[str]
    created_at: str
    created_by: str
    label: str = ""
    expires_at: str = ""
    revoked_at: str = ""
    revoked_by: str = ""
    secret: str = ""


class ApiKeysTold(msgspec.Struct, frozen=True, kw_only=True):
    """API keys, the newest first."""

    data: list[ApiKeyTold]


def _keys(call: Call) -> ApiKeys:
    keys = call.desk.platform.api_keys
    if keys is None:
        raise ProblemRaised("auth.keys_not_here")
    return keys


def key_told(view: KeyView, secret: str = "") -> ApiKeyTold:
    """Return a key as it is told."""
    told: dict[str, Any] = {
        "id": view.id,
        "user_id": view.user_id,
        "role": view.role,
        "scopes": view.scopes,
        "created_at": rfc3339(view.created_at_us),
        "created_by": view.created_by,
        "label": view.label,
        "expires_at": _moment(view.expires_at_us),
        "revoked_at": _moment(view.revoked_at_us),
        "revoked_by": view.revoked_by,
        "secret": secret,
    }
    return ApiKeyTold(**told)


def _moment(at_us: int | None) -> str:
    return "" if at_us is None else rfc3339(at_us)


async def create_api_key(call: Call, body: ApiKeyBody) -> Spoken:
    """Make a key; its secret is told in this answer only."""
    keys = _keys(call)
    _not_by_key(call)
    user_id = call.acting_for(body.user_id)
    role = Role(body.role)
    if not call.everybody() and role not in call.caller.roles:
        raise Rejection("auth.role_not_given", role=role.value)
    unknown = sorted(set(body.scopes) - (OWN[role] | WIDE[role]))
    if unknown:
        raise Rejection("auth.role_not_given", role=role.value, scope=unknown[0])
    expires_at_us = None if body.expires_at is None else microseconds(body.expires_at)
    if expires_at_us is not None and expires_at_us <= call.desk.gate.now_us():
        raise Rejection("auth.bad_expiry")
    view, secret = await keys.make(
        user_id,
        role=role.value,
        scopes=sorted(set(body.scopes)),
        label=body.label,
        expires_at_us=expires_at_us,
        actor=call.caller.user_id,
    )
    return answered(key_told(view, secret), status=201)


async def list_api_keys(call: Call, query: ApiKeysQuery) -> Spoken:
    """Tell the keys of a user, or all."""
    if query.user_id is None and call.everybody():
        views = await _keys(call).views(None)
    else:
        views = await _keys(call).views(call.acting_for(query.user_id))
    return answered(ApiKeysTold(data=[key_told(view) for view in views]))


async def get_api_key(call: Call, _: NothingAsked) -> Spoken:
    """Tell one key."""
    return answered(key_told(await _found(call)))


async def revoke_api_key(call: Call, _: NothingAsked) -> Spoken:
    """Let a key sign nothing more; one that is revoked stays so."""
    _not_by_key(call)
    id = (await _found(call)).id
    await _keys(call).revoke(id, actor=call.caller.user_id)
    if call.desk.gate.signatures is not None:
        call.desk.gate.signatures.revoked(id)
    return answered(key_told(await _found(call)))


async def _found(call: Call) -> KeyView:
    """Return the key in the path; somebody else's is not known."""
    id = call.params.key_id
    view = await _keys(call).view(id)
    if view is None or not call.sees(view.user_id):
        raise ProblemRaised("auth.key_unknown", facts={"id": id})
    return view


def _not_by_key(call: Call) -> None:
    """Refuse what would let a key that was stolen outlive its revocation."""
    if call.caller.key_id:
        raise Rejection("auth.not_by_key")


_KEY: dict[str, Any] = {
    "id": "nk_4f2a4f2a4f2a4f2a4f2a4f2a",
    "user_id": "alice",
    "role": "trader",
    "scopes": ["orders:read", "orders:write"],
    "created_at": "2026-01-30T09:30:00.000000Z",
    "created_by": "alice",
    "label": "market maker 1",
}
_WITH_SECRET = {**_KEY, "secret": "nsk_C2FVsBQIhrscChlQIMV-b5sSYspob7oDb2F1Y29tZQE"}
_REVOKED = {**_KEY, "revoked_at": "2026-01-31T09:30:00.000000Z", "revoked_by": "alice"}

OPERATIONS = (
    Operation(
        name="createApiKey",
        method="POST",
        path=ROOT,
        tag="api keys",
        summary="Make an API key",
        description="For the caller himself; an admin makes them for anybody. `secret` is told in "
        "this answer only: where the answer is lost, revoke the key and make another.",
        handler=create_api_key,
        body=ApiKeyBody,
        body_example={"scopes": ["orders:read", "orders:write"], "label": "market maker 1"},
        problems=(
            "auth.role_not_given",
            "auth.too_many_keys",
            "auth.bad_expiry",
            "auth.not_by_key",
            "auth.keys_not_here",
        ),
        results={201: Result(description="It is good.", shape=ApiKeyTold, example=_WITH_SECRET)},
    ),
    Operation(
        name="listApiKeys",
        method="GET",
        path=ROOT,
        tag="api keys",
        summary="API keys",
        description="The caller's, without their secrets; admins and auditors see all.",
        handler=list_api_keys,
        query=ApiKeysQuery,
        problems=("auth.keys_not_here",),
        results={
            200: Result(description="Keys.", shape=ApiKeysTold, example={"data": [_KEY, _REVOKED]})
        },
    ),
    Operation(
        name="getApiKey",
        method="GET",
        path=f"{ROOT}/{{key_id}}",
        tag="api keys",
        summary="An API key",
        description="Whether it is good, and who made it.",
        handler=get_api_key,
        query=NothingAsked,
        params=ApiKeyPath,
        problems=("auth.key_unknown", "auth.keys_not_here"),
        results={200: Result(description="It.", shape=ApiKeyTold, example=_KEY)},
    ),
    Operation(
        name="revokeApiKey",
        method="DELETE",
        path=f"{ROOT}/{{key_id}}",
        tag="api keys",
        summary="Revoke an API key",
        description="At once and for good. One that is revoked stays so.",
        handler=revoke_api_key,
        query=NothingAsked,
        params=ApiKeyPath,
        problems=("auth.key_unknown", "auth.not_by_key", "auth.keys_not_here"),
        results={200: Result(description="It was.", shape=ApiKeyTold, example=_REVOKED)},
    ),
)
