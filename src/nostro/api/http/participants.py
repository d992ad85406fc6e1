"""How is a bank admitted, funded, stopped, and looked up?"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Annotated, Any, Literal

import msgspec

from nostro.api.amounts import Amount, minor_units
from nostro.api.desk import Desk
from nostro.api.http import payment_examples as examples
from nostro.api.http.ledger_reads import FreshQuery
from nostro.api.http.payment_bodies import as_error, invalid
from nostro.api.http.payment_told import (
    Participants,
    ParticipantTold,
    accounts_of,
    participant_told,
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
from nostro.api.problems import Invalid, ProblemRaised, Spoken
from nostro.api.times import rfc3339
from nostro.api.words import (
    AssetCode,
    BankName,
    Bic,
    Country,
    FundingReference,
    Lei,
    ParticipantId,
    Reason,
)
from nostro.kernel.asset import Asset
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.money import format_amount
from nostro.kernel.reply import Receipt
from nostro.payments import (
    FundParticipant,
    OpenParticipant,
    ResumeParticipant,
    SuspendParticipant,
)

ACTOR = "operator"
ROOT = "/api/v1/participants"
CURRENCIES_MAX = 64


class ParticipantBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bank to admit. One settlement account opens in each currency; `credit_lines` says how far
    each may go below zero. Sent again with more currencies, those are added."""

    participant_id: ParticipantId
    name: BankName
    bic: Bic = ""
    lei: Lei = ""
    country: Country = ""
    currencies: Annotated[
        list[AssetCode], msgspec.Meta(min_length=1, max_length=CURRENCIES_MAX, examples=[["USD"]])
    ]
    credit_lines: Annotated[
        dict[AssetCode, Amount],
        msgspec.Meta(
            max_length=CURRENCIES_MAX,
            description="By currency; without one it may not go below zero.",
            examples=[{"USD": "1000000.00"}],
        ),
    ] = {}


class FundingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money that arrived at our account for a participant; `reference` is used once."""

    currency: AssetCode
    amount: Amount
    reference: FundingReference


class StandingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason = ""


class NoBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing more is needed."""


class ParticipantPath(msgspec.Struct, frozen=True, kw_only=True):
    """The participant in the path."""

    participant_id: ParticipantId


class ParticipantOpenedTold(msgspec.Struct, frozen=True, kw_only=True):
    """A bank that is admitted, its settlement accounts by currency. `result` is `exists` when it
    was before, exactly so."""

    participant_id: str
    result: Literal["created", "exists"]
    accounts: dict[str, str]
    height: int
    recorded_at: str


class ParticipantStands(msgspec.Struct, frozen=True, kw_only=True):
    """A participant as it stands now. `exists`: it stood so before this request."""

    participant_id: str
    suspended: bool
    exists: bool
    height: int
    recorded_at: str


class FundedTold(msgspec.Struct, frozen=True, kw_only=True):
    """Money that is credited to a settlement account."""

    participant_id: str
    account: str
    currency: str
    amount: str
    reference: str
    height: int
    recorded_at: str


async def open_participant(call: Call, body: ParticipantBody) -> Spoken:
    """Admit a bank; sent twice, it is admitted once."""
    desk = call.desk
    await desk.ask_for({*body.currencies, *body.credit_lines})
    command = OpenParticipant(
        participant_id=body.participant_id,
        name=body.name,
        bic=body.bic,
        lei=body.lei,
        country=body.country,
        currencies=body.currencies,
        credit_lines_minor=_terms(desk, body),
    )
    receipt = await _anew(call, command)
    exists = _accepted(desk, receipt, "").get("exists", False)
    told = ParticipantOpenedTold(
        participant_id=body.participant_id,
        result="exists" if exists else "created",
        accounts=accounts_of(body.participant_id, body.currencies),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, status=200 if exists else 201, receipt=receipt)


def _terms(desk: Desk, body: ParticipantBody) -> dict[str, int]:
    """Return the credit lines in minor units; raises ProblemRaised with everything that is wrong
    with identifiers, currencies and lines."""
    identifiers = desk.platform.identifiers
    errors = [
        Invalid(f"/{name}", code, f"{name} {why}")
        for name, said, check, code in (
            ("bic", body.bic, identifiers.bic, "payments.bad_bic"),
            ("lei", body.lei, identifiers.lei, "payments.bad_lei"),
        )
        for why in [check(said) if said else ""]
        if why
    ]
    for index, code in enumerate(body.currencies):
        if desk.known(code) is None:
            errors.append(
                as_error(Rejection("asset.unknown", at=f"currencies/{index}", asset=code))
            )
    lines: dict[str, int] = {}
    for code, amount in body.credit_lines.items():
        at = f"credit_lines/{code}"
        asset = desk.known(code)
        try:
            if asset is None:
                raise Rejection("asset.unknown", asset=code)
            lines[code] = minor_units(amount, asset)
            if lines[code] < 0:
                raise Rejection("payments.amount_not_positive")
        except Rejection as no:
            errors.append(as_error(Rejection(no.code, **{**no.facts, "at": at})))
    if errors:
        raise invalid(errors)
    return lines


async def fund_participant(call: Call, body: FundingBody) -> Spoken:
    """Credit a settlement account with money that arrived for it; its reference is the key where
    no Idempotency-Key is sent."""
    desk, participant_id = call.desk, call.params.participant_id
    at = "currency"
    try:
        asset = await desk.asset(body.currency)
        at = "amount"
        minor = minor_units(body.amount, asset)
        if minor <= 0:
            raise Rejection("payments.amount_not_positive")
    except Rejection as no:
        raise invalid([as_error(Rejection(no.code, **{**no.facts, "at": at}))]) from None
    command = FundParticipant(
        participant_id=participant_id,
        currency=body.currency,
        amount_minor=minor,
        reference=body.reference,
    )
    by, key = call.actor(ACTOR), call.key()
    if key is None:
        derived = f"participant-funding:{participant_id}:{body.reference}"
        receipt = await desk.submit_derived(key=derived, command=command, actor=by)
    else:
        receipt = await desk.submit(key=key, command=command, actor=by)
    _accepted(desk, receipt, body.currency)
    told = FundedTold(
        participant_id=participant_id,
        account=accounts_of(participant_id, [body.currency])[body.currency],
        currency=body.currency,
        amount=format_amount(minor, asset.scale),
        reference=body.reference,
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, status=201, receipt=receipt)


async def suspend_participant(call: Call, body: StandingBody) -> Spoken:
    """Take no payment from or to a participant any more."""
    command = SuspendParticipant(participant_id=call.params.participant_id, reason=body.reason)
    return await _standing(call, await _anew(call, command), suspended=True)


async def resume_participant(call: Call, body: NoBody) -> Spoken:
    """Take a suspended participant's payments again."""
    command = ResumeParticipant(participant_id=call.params.participant_id)
    return await _standing(call, await _anew(call, command), suspended=False)


async def _anew(call: Call, command: Command) -> Receipt:
    """Send a command under the key of the header; without one, it is decided anew each time: what
    is so already stays so."""
    key = call.key() or f"participant:{token_hex(16)}"
    return await call.desk.submit(key=key, command=command, actor=call.actor(ACTOR))


async def _standing(call: Call, receipt: Receipt, *, suspended: bool) -> Spoken:
    body = _accepted(call.desk, receipt, "")
    told = ParticipantStands(
        participant_id=call.params.participant_id,
        suspended=suspended,
        exists=body.get("exists", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


def _accepted(desk: Desk, receipt: Receipt, asset: str) -> Mapping[str, Any]:
    """Return the reply's body; raises ProblemRaised when the command was refused."""
    if receipt.reply.code:
        raise refused(receipt, desk.told(receipt.reply.facts, asset))
    return receipt.reply.body or {}


async def get_participant(call: Call, query: FreshQuery) -> Spoken:
    """Tell of one participant."""
    await call.desk.fresh(query.at_least)
    participant_id = call.params.participant_id
    view = await call.desk.platform.payments.participant(participant_id)
    if view is None:
        raise ProblemRaised(
            "payments.participant_unknown", facts={"participant_id": participant_id}
        )
    assets = await assets_of(call.desk, view.credit_lines_minor)
    return answered(participant_told(view, assets))


async def list_participants(call: Call, query: FreshQuery) -> Spoken:
    """Tell of all participants."""
    await call.desk.fresh(query.at_least)
    views = await call.desk.platform.payments.participants()
    codes = {code for view in views for code in view.credit_lines_minor}
    assets = await assets_of(call.desk, dict.fromkeys(codes, 0))
    return answered(Participants(data=[participant_told(view, assets) for view in views]))


async def assets_of(desk: Desk, by_currency: Mapping[str, Any]) -> dict[str, Asset]:
    """Return the assets of these currencies, which are registered."""
    return {code: await desk.asset(code) for code in by_currency}


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
    status: int = 200,
    key: KeyRule = KeyRule.OPTIONAL,
    problems: tuple[str, ...] = (),
) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=f"{ROOT}/{{participant_id}}/{path}",
        tag="participants",
        summary=summary,
        description=description,
        handler=handler,
        params=ParticipantPath,
        body=body,
        body_optional=status == 200,
        body_example=body_example,
        key=key,
        actor=ACTOR,
        problems=("payments.participant_unknown", *problems),
        results={status: result},
    )


OPERATIONS = (
    Operation(
        name="openParticipant",
        method="POST",
        path=ROOT,
        tag="participants",
        summary="Admit a bank",
        description="Opens a settlement account (`vostro:<participant>:<currency>`) in each "
        "currency. Sent again with more currencies, those are added.",
        handler=open_participant,
        body=ParticipantBody,
        body_example=examples.NEW_PARTICIPANT,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=("payments.invalid", "payments.participant_exists", "engine.key_reused"),
        results={
            201: Result(
                description="It is admitted.",
                shape=ParticipantOpenedTold,
                example=examples.PARTICIPANT_OPENED,
            ),
            200: Result(
                description="It was admitted before.",
                shape=ParticipantOpenedTold,
                example={**examples.PARTICIPANT_OPENED, "result": "exists"},
            ),
        },
    ),
    Operation(
        name="listParticipants",
        method="GET",
        path=ROOT,
        tag="participants",
        summary="All participants",
        description="In the order of their ids.",
        handler=list_participants,
        query=FreshQuery,
        problems=("views.behind", "views.unavailable"),
        results={
            200: Result(
                description="All participants.",
                shape=Participants,
                example={"data": [examples.PARTICIPANT]},
            )
        },
    ),
    Operation(
        name="getParticipant",
        method="GET",
        path=f"{ROOT}/{{participant_id}}",
        tag="participants",
        summary="A participant",
        description="Its identifiers, accounts and credit lines, and whether it is suspended.",
        handler=get_participant,
        query=FreshQuery,
        params=ParticipantPath,
        problems=("payments.participant_unknown", "views.behind", "views.unavailable"),
        results={
            200: Result(
                description="The participant.", shape=ParticipantTold, example=examples.PARTICIPANT
            )
        },
    ),
    _change(
        name="fundParticipant",
        path="funding",
        summary="Credit a settlement account",
        description="Money arrived for it at our account. The reference is the key where no "
        "Idempotency-Key is sent.",
        handler=fund_participant,
        body=FundingBody,
        body_example=examples.FUNDING,
        status=201,
        key=KeyRule.DERIVED,
        problems=(
            "payments.invalid",
            "payments.currency_not_held",
            "payments.funding_exists",
            "engine.key_reused",
        ),
        result=Result(description="It is credited.", shape=FundedTold, example=examples.FUNDED),
    ),
    _change(
        name="suspendParticipant",
        path="suspend",
        summary="Stop a participant",
        description="No payment from or to it is taken; those not yet in a batch fail, and their "
        "funds are released.",
        handler=suspend_participant,
        body=StandingBody,
        body_example={"reason": "default"},
        result=Result(
            description="It is stopped.",
            shape=ParticipantStands,
            example=examples.PARTICIPANT_STANDS,
        ),
    ),
    _change(
        name="resumeParticipant",
        path="resume",
        summary="Let a participant go on",
        description="Its payments are taken again.",
        handler=resume_participant,
        body=NoBody,
        body_example={},
        result=Result(
            description="It goes on.",
            shape=ParticipantStands,
            example={**examples.PARTICIPANT_STANDS, "suspended": False},
        ),
    ),
)
