"""How are settlements, their events, penalties, instruments and domains told to callers?

The room counts minor units and ordinals; here they become decimal strings in the decimals of their
assets, dates and RFC 3339.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import msgspec

from nostro.adapters.settlement_messages import facts_in_words
from nostro.api.desk import Desk
from nostro.api.dvp_domains import Holding
from nostro.api.times import rfc3339
from nostro.kernel.money import format_amount
from nostro.settlement import (
    DomainView,
    Instrument,
    Partial,
    PenaltyView,
    PositionView,
    SettlementEventView,
    SettlementView,
    settlement_id,
)


class DvpTold(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement as it stands. `status`: PENDING (to be matched, on hold, or waiting), INITIATED,
    SELLER_SECURITIES_LOCKED, BUYER_CASH_LOCKED, EXECUTING (final), CONFIRMED, SETTLED,
    PARTIALLY_SETTLED (the rest is open) or FAILED (cancelled too).

    `bundle_id`: settlements of one bundle settle together, all or none. `on_hold`: sides that keep
    it back, `cancel_asked`: sides that want it cancelled. `pending_reason`: why its last attempt
    came to nothing, "" when none did. `retry_count`: how often someone asked for another try, and
    `recycled_count` how often it went to another day by itself. Ledger references are the names
    that the domains gave to what they did.
    """

    settlement_id: str
    trade_id: str
    buyer_account_id: str
    seller_account_id: str
    symbol: str
    security: str
    cash: str
    quantity: str
    amount: str
    status: str
    matched: bool
    on_hold: list[str]
    cancel_asked: list[str]
    settled_quantity: str
    settled_amount: str
    remaining_quantity: str
    remaining_amount: str
    securities_domain: str
    cash_domain: str
    bundle_id: str
    seller_reference: str
    buyer_reference: str
    seller_partial: str
    buyer_partial: str
    trade_date: str
    settlement_date: str
    instructed_at: str
    initiated_at: str | None
    confirmed_at: str | None
    settled_at: str | None
    failed_at: str | None
    failure_reason: str | None
    pending_reason: str
    retry_count: int
    recycled_count: int
    dvp_atomic_transaction_id: str | None
    dvp_contract_id: str | None
    seller_securities_ledger_ref: str | None
    seller_cash_ledger_ref: str | None
    buyer_securities_ledger_ref: str | None
    buyer_cash_ledger_ref: str | None
    origin: str
    height: int


class DvpPage(msgspec.Struct, frozen=True, kw_only=True):
    """Settlements, the newest first, as far as `next_cursor`; `total` counts all that there were of
    these when the first page was read."""

    data: list[DvpTold]
    total: int
    next_cursor: str | None
    has_more: bool
    height: int


class DvpEventTold(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a settlement. `status`: where it stood after it; `details`: what
    the event knows, in the words of the messages that tell of it, whose `event_id` it has too."""

    event_id: str
    event_type: str
    settlement_id: str
    trade_id: str
    status: str
    at: str
    height: int
    details: dict[str, Any]


class DvpTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """The life of a settlement, oldest first, as far as `next_cursor`."""

    settlement_id: str
    data: list[DvpEventTold]
    next_cursor: str | None
    has_more: bool
    height: int


class PenaltyTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a day of failing costs one party, for the other. `penalty`: SEFP (not settled on its
    day) or LMFP (matched only after it). It is reported, not collected."""

    settlement_id: str
    day: str
    penalty: str
    failing: str
    failing_account_id: str
    other_account_id: str
    asset: str
    amount: str
    rate_ppm: int
    height: int


class PenaltiesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Penalties, the newest first, as far as `next_cursor`."""

    data: list[PenaltyTold]
    next_cursor: str | None
    has_more: bool
    height: int


class DvpPositionTold(msgspec.Struct, frozen=True, kw_only=True):
    """What attempts under way have of a party's asset. `earmarked`: it will be given away if its
    attempt is decided. In settlement, that is decided and not yet done everywhere: `delivering` and
    `receiving`. The party may use none of these."""

    account_id: str
    asset: str
    earmarked: str
    delivering: str
    receiving: str


class PositionsTold(msgspec.Struct, frozen=True, kw_only=True):
    """What attempts under way have of a party's assets, by asset."""

    data: list[DvpPositionTold]


class InstrumentTold(msgspec.Struct, frozen=True, kw_only=True):
    """How an asset settles: at which domain, in multiples of `lot`, on the days of which calendar
    ("": every day), with penalties of which class."""

    code: str
    domain: str
    lot: str
    calendar: str
    penalty_class: str


class InstrumentsTold(msgspec.Struct, frozen=True, kw_only=True):
    """Instruments by code. An asset that is not among them settles on the platform's own ledger,
    every day, in any quantity."""

    data: list[InstrumentTold]


class DomainTold(msgspec.Struct, frozen=True, kw_only=True):
    """A domain. `state`: open, closed, or quarantined (what it says contradicts what it said).
    `height`: up to where it is known to be durable, 0 when it does not count."""

    name: str
    state: str
    reason: str
    height: int
    changed_at: str | None


class DomainsTold(msgspec.Struct, frozen=True, kw_only=True):
    """Domains by name."""

    data: list[DomainTold]


class HoldingTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a party owns of an asset at a domain, of that what is earmarked for settlements, and
    what it may use."""

    asset: str
    owned: str
    earmarked: str
    available: str


class HoldingsTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a party owns at a domain, by asset; `height` is the domain's own."""

    domain: str
    account_id: str
    data: list[HoldingTold]
    height: int


def amount_told(desk: Desk, minor: int, code: str) -> str:
    """Return an amount in the decimals of its asset; of one that is not registered here, in minor
    units."""
    asset = desk.known(code)
    return str(minor) if asset is None else format_amount(minor, asset.scale)


def dvp_told(desk: Desk, view: SettlementView) -> DvpTold:
    """Return a settlement as it is told."""
    return DvpTold(
        settlement_id=view.settlement_id,
        trade_id=view.trade_id,
        buyer_account_id=view.buyer,
        seller_account_id=view.seller,
        symbol=view.symbol,
        security=view.security,
        cash=view.cash,
        status=view.status.value,
        matched=view.matched,
        on_hold=[side.value for side in view.held],
        cancel_asked=[side.value for side in view.cancel_asked],
        **_sums(desk, view),
        securities_domain=view.securities_domain,
        cash_domain=view.cash_domain,
        bundle_id=settlement_id(view.bundle),
        seller_reference=view.seller_reference,
        buyer_reference=view.buyer_reference,
        seller_partial=view.seller_partial.value,
        buyer_partial=view.buyer_partial.value,
        trade_date=view.trade_date,
        settlement_date=view.settlement_date,
        **_times(view),
        failure_reason=view.failure_reason or None,
        pending_reason=view.waiting_reason,
        retry_count=view.retry_count,
        recycled_count=view.recycled,
        dvp_atomic_transaction_id=view.dvp_atomic_transaction_id or None,
        dvp_contract_id=view.dvp_contract_id or None,
        seller_securities_ledger_ref=view.seller_securities_ref or None,
        seller_cash_ledger_ref=view.seller_cash_ref or None,
        buyer_securities_ledger_ref=view.buyer_securities_ref or None,
        buyer_cash_ledger_ref=view.buyer_cash_ref or None,
        origin=view.origin,
        height=view.height,
    )


def _sums(desk: Desk, view: SettlementView) -> dict[str, Any]:
    security, cash = view.security, view.cash
    return {
        "quantity": amount_told(desk, view.quantity_minor, security),
        "amount": amount_told(desk, view.amount_minor, cash),
        "settled_quantity": amount_told(desk, view.settled_quantity_minor, security),
        "settled_amount": amount_told(desk, view.settled_amount_minor, cash),
        "remaining_quantity": amount_told(desk, view.open_quantity_minor, security),
        "remaining_amount": amount_told(desk, view.open_amount_minor, cash),
    }


def _times(view: SettlementView) -> dict[str, Any]:
    times = {
        name: moment_told(getattr(view, f"{name}_us"))
        for name in ("initiated_at", "confirmed_at", "settled_at", "failed_at")
    }
    return {"instructed_at": rfc3339(view.instructed_at_us), **times}


def moment_told(at_us: int | None) -> str | None:
    """Return a time as it is told, None where there is none."""
    return rfc3339(at_us) if at_us else None


STAFF = "operator"
"""Who acted, to the parties, when it was neither of them."""


def event_told(
    desk: Desk,
    view: SettlementEventView,
    *,
    security: str,
    cash: str,
    actors: Collection[str] | None = None,
) -> DvpEventTold:
    """Return something that happened as it is told. `actors`: those who may be named, None for
    everybody: who of the house acted is not for the parties."""
    scales = [0 if asset is None else asset.scale for asset in map(desk.known, (security, cash))]
    details = facts_in_words(view, security_scale=scales[0], cash_scale=scales[1])
    if actors is not None and "actor" in details and details["actor"] not in actors:
        details["actor"] = STAFF
    return DvpEventTold(
        event_id=view.event_id,
        event_type=view.event_type.value,
        settlement_id=view.settlement_id,
        trade_id=view.trade_id,
        status=view.status.value,
        at=rfc3339(view.at_us),
        height=view.height,
        details=details,
    )


def penalty_told(desk: Desk, view: PenaltyView) -> PenaltyTold:
    """Return a penalty as it is told."""
    return PenaltyTold(
        settlement_id=settlement_id(view.number),
        day=view.day,
        penalty=view.penalty.value,
        failing=view.failing.value,
        failing_account_id=view.failing_party,
        other_account_id=view.other_party,
        asset=view.asset,
        amount=amount_told(desk, view.amount_minor, view.asset),
        rate_ppm=view.rate_ppm,
        height=view.height,
    )


def position_told(desk: Desk, view: PositionView) -> DvpPositionTold:
    """Return what is under way of an asset as it is told."""
    return DvpPositionTold(
        account_id=view.party,
        asset=view.asset,
        earmarked=amount_told(desk, view.earmarked_minor, view.asset),
        delivering=amount_told(desk, view.delivering_minor, view.asset),
        receiving=amount_told(desk, view.receiving_minor, view.asset),
    )


def instrument_told(desk: Desk, instrument: Instrument) -> InstrumentTold:
    """Return an instrument as it is told."""
    return InstrumentTold(
        code=instrument.code,
        domain=instrument.domain,
        lot=amount_told(desk, instrument.lot_minor, instrument.code),
        calendar=instrument.calendar,
        penalty_class=instrument.penalty_class,
    )


def domain_told(view: DomainView) -> DomainTold:
    """Return a domain as it is told."""
    return DomainTold(
        name=view.name,
        state=view.state.value,
        reason=view.reason,
        height=view.domain_height,
        changed_at=moment_told(view.set_at_us),
    )


def holding_told(holding: Holding) -> HoldingTold:
    """Return what a party owns of an asset as it is told."""
    owned, earmarked, scale = holding.owned_minor, holding.earmarked_minor, holding.scale
    return HoldingTold(
        asset=holding.asset,
        owned=format_amount(owned, scale),
        earmarked=format_amount(earmarked, scale),
        available=format_amount(owned - earmarked, scale),
    )


_CALLED = {"settlement": "settlement_id", "bundle": "bundle_id"}


def facts_told(
    desk: Desk, facts: Mapping[str, Any], *, security: str = "", cash: str = ""
) -> dict[str, Any]:
    """Return facts of a refusal as they may leave the house: minor units as decimal
    strings, ordinals as dates, times as RFC 3339 (null for none), settlements by id."""
    out: dict[str, Any] = {}
    in_cash = facts.get("field") == "amount_minor" or facts.get("partial") == Partial.PARC
    for name, fact in facts.items():
        whole = type(fact) is int
        if name.endswith("_minor") and whole:
            paid = in_cash or ("amount" in name and facts.get("field") != "quantity_minor")
            of = facts.get("asset") or (cash if paid else security)
            out[name.removesuffix("_minor")] = amount_told(desk, fact, of)
        elif name.endswith("_us") and (whole or fact is None):
            out[name.removesuffix("_us")] = moment_told(fact)
        elif (name == "day" or name.endswith("_day")) and whole:
            out[name] = date.fromordinal(fact).isoformat()
        elif name in _CALLED and whole:
            out[_CALLED[name]] = settlement_id(fact)
        elif name == "field":
            out[name] = fact.removesuffix("_minor")
        else:
            out[name] = fact
    return out
