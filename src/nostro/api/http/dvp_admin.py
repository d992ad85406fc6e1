"""How does an operator say how assets settle, what failing costs, and which ledgers take part?

On ledgers of our own assets are issued here too, as their issuers and the banks behind them say.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from nostro.api.amounts import Amount
from nostro.api.dvp_domains import OwnDomains
from nostro.api.http import dvp_examples as examples
from nostro.api.http.dvp import ACTOR, TAG, VIEWS, ordered
from nostro.api.http.dvp_bodies import UNSET, read_at, refusal
from nostro.api.http.dvp_told import (
    DomainsTold,
    DomainTold,
    HoldingsTold,
    InstrumentsTold,
    InstrumentTold,
    domain_told,
    facts_told,
    holding_told,
    instrument_told,
)
from nostro.api.http.ledger_reads import FreshQuery
from nostro.api.http.order_bodies import given
from nostro.api.operations import Call, KeyRule, Operation, Result, answered, refused
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import rfc3339
from nostro.api.words import (
    AssetCode,
    CalendarDay,
    DomainName,
    PartyId,
    PartyReference,
    PenaltyClass,
    SettlementReason,
)
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.settlement import (
    DomainState,
    Instrument,
    SetDomainState,
    SetInstrument,
    SetPenaltyRate,
)

RATE_PPM_MAX = 1_000_000

CalendarName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9._-]{0,32}\Z",
        description="On whose settlement days it settles; empty: every day.",
        examples=["XECB"],
    ),
]
SignedAmount = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        title="Amount",
        description="What comes into custody; below zero: what leaves it. A decimal string, or a "
        "JSON number; both are read exactly.",
        extra_json_schema={
            "anyOf": [
                {"type": "string", "pattern": r"^-?[0-9]{1,39}(\.[0-9]{0,18})?$"},
                {"type": "number"},
            ],
            "examples": ["5000.00", "-250.00"],
        },
    ),
]


class InstrumentPath(msgspec.Struct, frozen=True, kw_only=True):
    """The asset in the path."""

    code: AssetCode


class PenaltyClassPath(msgspec.Struct, frozen=True, kw_only=True):
    """The class of penalties in the path."""

    penalty_class: PenaltyClass


class DomainPath(msgspec.Struct, frozen=True, kw_only=True):
    """The domain in the path."""

    name: DomainName


class HoldingsPath(msgspec.Struct, frozen=True, kw_only=True):
    """The domain and the party in the path."""

    name: DomainName
    account_id: PartyId


class InstrumentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the asset settles from now on: at which domain, in multiples of `lot` (any quantity, if
    it is left out), on the days of which calendar, with penalties of which class."""

    domain: DomainName
    lot: Amount | msgspec.UnsetType = UNSET
    calendar: CalendarName = ""
    penalty_class: PenaltyClass = "other"


class RateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a day of failing costs from a date on, in parts per million of what failed."""

    valid_from: CalendarDay
    rate_ppm: Annotated[int, msgspec.Meta(ge=0, le=RATE_PPM_MAX, examples=[100])]


class DomainBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the domain takes part. Quarantined: nothing goes there until it is opened again."""

    state: DomainState
    reason: SettlementReason = ""


class IssueBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came into custody for a party, or, below zero, leaves it; once for each reference."""

    reference: PartyReference
    account_id: PartyId
    asset: AssetCode
    amount: SignedAmount


class InstrumentStands(InstrumentTold, frozen=True, kw_only=True):
    """How an asset settles from now on."""

    height: int
    recorded_at: str


class RateStands(msgspec.Struct, frozen=True, kw_only=True):
    """What a day of failing costs from a date on."""

    penalty_class: str
    valid_from: str
    rate_ppm: int
    height: int
    recorded_at: str


class DomainStands(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a domain takes part, as it stands now."""

    name: str
    state: str
    reason: str
    height: int
    recorded_at: str


class IssuedTold(msgspec.Struct, frozen=True, kw_only=True):
    """An issue that is durable at its domain; `height` is the domain's own. `exists`: it was issued
    before, with the same content."""

    domain: str
    reference: str
    account_id: str
    asset: str
    amount: str
    exists: bool
    height: int


async def list_instruments(call: Call, query: FreshQuery) -> Spoken:
    """Tell how assets settle."""
    desk = call.desk
    await desk.fresh(query.at_least)
    views = await desk.platform.dvp.instruments()
    await desk.ask_for({view.instrument.code for view in views})
    told = InstrumentsTold(data=[instrument_told(desk, view.instrument) for view in views])
    return answered(told)


async def set_instrument(call: Call, body: InstrumentBody) -> Spoken:
    """Say how an asset settles from now on."""
    desk, code, lot_minor = call.desk, call.params.code, 1
    lot = given(body.lot)
    if lot is not None:
        try:
            lot_minor = await read_at(desk, "lot", lot, code)
        except Rejection as no:
            raise refusal(no) from None
    instrument = Instrument(
        code=code,
        domain=body.domain,
        lot_minor=lot_minor,
        calendar=body.calendar,
        penalty_class=body.penalty_class,
    )
    receipt = await _done(call, SetInstrument(instrument=instrument), security=code)
    told = msgspec.structs.asdict(instrument_told(desk, instrument))
    return answered(InstrumentStands(**told, **_recorded(receipt)), receipt=receipt)


async def set_penalty_rate(call: Call, body: RateBody) -> Spoken:
    """Say what a day of failing costs."""
    command = SetPenaltyRate(
        penalty_class=call.params.penalty_class,
        valid_from=body.valid_from,
        rate_ppm=body.rate_ppm,
    )
    receipt = await _done(call, command)
    told = RateStands(
        penalty_class=command.penalty_class,
        valid_from=command.valid_from,
        rate_ppm=command.rate_ppm,
        **_recorded(receipt),
    )
    return answered(told, receipt=receipt)


async def list_domains(call: Call, query: FreshQuery) -> Spoken:
    """Tell which domains take part. Why one does not is for who sees everything."""
    desk = call.desk
    await desk.fresh(query.at_least)
    wide = call.everybody()
    views = {view.name: domain_told(view) for view in await desk.platform.dvp.domains()}
    for name in () if desk.platform.domains is None else desk.platform.domains.names():
        silent = DomainTold(
            name=name, state=DomainState.OPEN.value, reason="", height=0, changed_at=None
        )
        views.setdefault(name, silent)
    told = [views[name] for name in sorted(views)]
    if not wide:
        told = [msgspec.structs.replace(each, reason="") for each in told]
    return answered(DomainsTold(data=told))


async def set_domain_state(call: Call, body: DomainBody) -> Spoken:
    """Open, close or quarantine a domain."""
    name = call.params.name
    command = SetDomainState(domain=name, state=body.state, reason=body.reason)
    receipt = await _done(call, command)
    told = DomainStands(name=name, state=body.state.value, reason=body.reason, **_recorded(receipt))
    return answered(told, receipt=receipt)


async def issue_asset(call: Call, body: IssueBody) -> Spoken:
    """Credit a party at a domain of ours with what came into custody."""
    domains, name = _domains(call), call.params.name
    try:
        minor = await read_at(call.desk, "amount", body.amount, body.asset, "asset")
        asset = await call.desk.asset(body.asset)
    except Rejection as no:
        raise refusal(no) from None
    try:
        issued = await domains.issue(
            name,
            reference=body.reference,
            party=body.account_id,
            asset=asset.code,
            scale=asset.scale,
            amount_minor=minor,
        )
    except Rejection as no:
        facts = call.desk.told(no.facts, asset.code)
        raise ProblemRaised(no.code, facts=facts) from None
    told = IssuedTold(
        domain=name,
        reference=body.reference,
        account_id=body.account_id,
        asset=asset.code,
        amount=call.desk.told({"amount_minor": minor}, asset.code)["amount"],
        exists=issued.exists,
        height=issued.height,
    )
    return answered(told, status=200 if issued.exists else 201)


async def get_holdings(call: Call, _: Any) -> Spoken:
    """Tell what a party owns at a domain of ours."""
    name, account_id = call.params.name, call.acting_for(call.params.account_id)
    found = await _domains(call).holdings(name, account_id)
    told = HoldingsTold(
        domain=name,
        account_id=account_id,
        data=[holding_told(each) for each in found.holdings],
        height=found.height,
    )
    return answered(told)


def _domains(call: Call) -> OwnDomains:
    domains = call.desk.platform.domains
    if domains is None:
        raise ProblemRaised("custody.not_here", facts={"domain": call.params.name})
    return domains


async def _done(call: Call, command: Command, *, security: str = "") -> Receipt:
    receipt = await ordered(call, command, ACTOR)
    if receipt.reply.code:
        raise refused(receipt, facts_told(call.desk, receipt.reply.facts, security=security))
    return receipt


def _recorded(receipt: Receipt) -> dict[str, Any]:
    return {"height": receipt.height, "recorded_at": rfc3339(receipt.at_us)}


class HoldingsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more is needed."""


def _put(name: str, path: str, summary: str, description: str, **rest: Any) -> Operation:
    shape, example = rest.pop("shape"), rest.pop("example")
    return Operation(
        name=name,
        method="PUT",
        path=path,
        tag=TAG,
        summary=summary,
        description=description,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        results={200: Result(description="It stands so.", shape=shape, example=example)},
        problems=(*rest.pop("problems"), "engine.key_reused"),
        **rest,
    )


OPERATIONS = (
    Operation(
        name="listInstruments",
        method="GET",
        path="/settlement/instruments",
        tag=TAG,
        summary="Instruments",
        description="How assets settle, by code: where, in which lots, on which days.",
        handler=list_instruments,
        query=FreshQuery,
        problems=VIEWS,
        results={
            200: Result(
                description="Instruments.", shape=InstrumentsTold, example=examples.INSTRUMENTS
            )
        },
    ),
    _put(
        "setInstrument",
        "/settlement/instruments/{code}",
        "Say how an asset settles",
        "From now on; what is instructed keeps its domains and its date.",
        handler=set_instrument,
        params=InstrumentPath,
        body=InstrumentBody,
        body_example=examples.INSTRUMENT,
        problems=(
            "asset.unknown",
            "settlement.bad_asset",
            "settlement.domain_unknown",
            "settlement.bad_lot",
            "settlement.calendar_unknown",
            "settlement.penalty_class_unknown",
            "money.too_many_decimals",
            "views.unavailable",
        ),
        shape=InstrumentStands,
        example=examples.INSTRUMENT_SET,
    ),
    _put(
        "setPenaltyRate",
        "/settlement/penalty-rates/{penalty_class}",
        "Say what failing costs",
        "A day of it, from a date on, in parts per million of what is open. The newest word for a "
        "class and date counts.",
        handler=set_penalty_rate,
        params=PenaltyClassPath,
        body=RateBody,
        body_example={"valid_from": "2026-02-01", "rate_ppm": 100},
        problems=("settlement.bad_date", "settlement.bad_rate"),
        shape=RateStands,
        example=examples.RATE_SET,
    ),
    Operation(
        name="listDomains",
        method="GET",
        path="/settlement/domains",
        tag=TAG,
        summary="Settlement domains",
        description="The ledgers that take part, by name, and whether they do.",
        handler=list_domains,
        query=FreshQuery,
        problems=VIEWS,
        results={200: Result(description="Domains.", shape=DomainsTold, example=examples.DOMAINS)},
    ),
    _put(
        "setDomainState",
        "/settlement/domains/{name}",
        "Open, close or quarantine a domain",
        "Nothing new begins at a domain that is not open. What is decided goes on; a quarantined "
        "one waits until it is reconciled and opened.",
        handler=set_domain_state,
        params=DomainPath,
        body=DomainBody,
        body_example={"state": "closed", "reason": "maintenance"},
        problems=("settlement.domain_unknown",),
        shape=DomainStands,
        example=examples.DOMAIN_SET,
    ),
    Operation(
        name="issueAtDomain",
        method="POST",
        path="/settlement/domains/{name}/issues",
        tag=TAG,
        summary="Issue an asset at a domain",
        description="What its issuer, or the bank behind it, put into custody for a party; below "
        "zero, what is taken out. Once for each reference, however often it is sent.",
        handler=issue_asset,
        params=DomainPath,
        body=IssueBody,
        body_example=examples.ISSUE,
        problems=(
            "settlement.domain_unknown",
            "custody.not_here",
            "custody.bad_party",
            "custody.bad_reference",
            "custody.bad_amount",
            "custody.bad_asset",
            "custody.scale_differs",
            "custody.account_blocked",
            "custody.reference_exists",
            "custody.lacking",
            "asset.unknown",
            "money.not_a_number",
            "money.too_many_decimals",
            "money.too_large",
            "views.unavailable",
        ),
        results={
            201: Result(description="It is issued.", shape=IssuedTold, example=examples.ISSUED),
            200: Result(
                description="It was issued before, exactly so.",
                shape=IssuedTold,
                example={**examples.ISSUED, "exists": True},
            ),
        },
    ),
    Operation(
        name="getDomainBalances",
        method="GET",
        path="/settlement/domains/{name}/balances/{account_id}",
        tag=TAG,
        summary="What a party owns at a domain",
        description="By asset, with what is earmarked for settlements. At domains of ours only.",
        handler=get_holdings,
        query=HoldingsQuery,
        params=HoldingsPath,
        problems=("settlement.domain_unknown", "custody.not_here", "auth.not_your_account"),
        results={
            200: Result(description="What it owns.", shape=HoldingsTold, example=examples.HOLDINGS)
        },
    ),
)
