"""How does an operator create a market, set its rules, open it and close it?"""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import Annotated, Any

import msgspec

from nostro.api import prices
from nostro.api.desk import Desk
from nostro.api.http import market_examples as examples
from nostro.api.http.market_told import RulesTold, price_or_none, rules_told
from nostro.api.http.markets import TAG, MarketPath, market_in
from nostro.api.http.order_bodies import UNSET, given, read_at, refusal
from nostro.api.http.order_told import facts_told
from nostro.api.operations import Call, Handler, KeyRule, Operation, Result, answered, refused
from nostro.api.picture import MarketPicture
from nostro.api.prices import Bps, Price, Quantity, QuoteAmount
from nostro.api.problems import Spoken
from nostro.api.times import rfc3339
from nostro.api.words import ScheduleName, Symbol, TradingReason
from nostro.exchange import (
    ChangeMarket,
    CreateMarket,
    MarketRules,
    MarketState,
    MarketTerms,
    Routing,
    SetMarketState,
    SetReference,
    Settling,
)
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt

OPERATOR = "operator"
ORDERS_PER_USER_MAX = 100_000
REFERENCE_S_MAX = 366 * 86_400

ProviderName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9_-]{0,32}\Z",
        description="The liquidity provider that fills what the book cannot, or best: all compete.",
        examples=["merchant"],
    ),
]
TimeOfDay = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z",
        description="Time of the UTC day at which DAY orders expire.",
        examples=["00:00"],
    ),
]


class RulesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a market's rules; what is left out stays. Orders that rest stay too.

    `band_bps`: how far from the reference price a trade may be (0: anywhere). `reference_s`: after
    so many seconds the last trade price becomes the reference (0: it stays until it is set).
    `routing`: who fills orders: the book, a provider, or first the one, then the other.
    `settling`: when trades settle: at once, or one or two settlement days later.
    """

    quantity_min: Quantity | msgspec.UnsetType = UNSET
    quantity_max: Quantity | msgspec.UnsetType = UNSET
    value_min: QuoteAmount | msgspec.UnsetType = UNSET
    band_bps: Bps | msgspec.UnsetType = UNSET
    reference_s: Annotated[int, msgspec.Meta(ge=0, le=REFERENCE_S_MAX)] | None = None
    routing: Routing | None = None
    provider: ProviderName | None = None
    fee_schedule: ScheduleName | None = None
    orders_per_user_max: Annotated[int, msgspec.Meta(ge=1, le=ORDERS_PER_USER_MAX)] | None = None
    day_ends: TimeOfDay | None = None
    settling: Settling | None = None


class NewMarketBody(RulesBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A market to create, closed. Prices are multiples of `tick`, in the quote asset for one whole
    unit of the base, quantities multiples of `lot`; neither ever changes. The rest are its rules,
    as for PATCH."""

    symbol: Symbol
    tick: Price
    lot: Quantity


class StateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the market is to take: everything (open); cancels until it is opened again (halted);
    cancels, as it is to close (cancel_only); nothing, every order is cancelled (closed)."""

    state: MarketState
    reason: TradingReason = ""


class ReferenceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price that the band is counted from."""

    price: Price


class MarketCreatedTold(msgspec.Struct, frozen=True, kw_only=True):
    """A market that is there. `exists`: it was before, exactly so."""

    symbol: str
    name: str
    exists: bool
    height: int
    recorded_at: str


class MarketStands(msgspec.Struct, frozen=True, kw_only=True):
    """A market as it stands, whether this request made it so or it was so before."""

    symbol: str
    state: str
    rules: RulesTold
    reference_price: str | None
    height: int
    recorded_at: str


async def create_market(call: Call, body: NewMarketBody) -> Spoken:
    """Create a market, closed."""
    name = prices.market_name(body.symbol)
    try:
        terms = await _terms_of(call.desk, body)
        rules = _rules(body, terms, MarketRules())
        _check_provider(call.desk, body, rules)
    except Rejection as no:
        raise refusal(no) from None
    command = CreateMarket(
        market=name,
        base=terms.base,
        quote=terms.quote,
        lot_minor=terms.lot_minor,
        tick_units=terms.tick_units,
        price_scale=terms.price_scale,
        rules=rules,
    )
    receipt = await ordered(call, command, terms)
    told = MarketCreatedTold(
        symbol=prices.symbol_of(terms),
        name=name,
        exists=existed(receipt),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, status=200 if told.exists else 201, receipt=receipt)


async def _terms_of(desk: Desk, body: NewMarketBody) -> MarketTerms:
    """Return the terms of a new market, as far as numbers are read by them."""
    base, _, quote = body.symbol.upper().partition("/")
    if not quote:
        base, _, quote = body.symbol.upper().partition("-")
    await desk.ask_for((base, quote))
    assets = [desk.known(code) for code in (base, quote)]
    for code, asset in zip((base, quote), assets, strict=True):
        if asset is None:
            raise Rejection("exchange.asset_unknown", at="symbol", asset=code)
    base_scale, quote_scale = (asset.scale for asset in assets if asset is not None)
    try:
        tick_units, price_scale = prices.tick(body.tick)
    except Rejection as no:
        raise Rejection(no.code, at="tick", **no.facts) from None
    by_base = MarketTerms(base, base, 1, 1, 0, base_scale, base_scale, 1, 1)
    lot_minor = read_at("lot", prices.value_minor, body.lot, by_base)
    return MarketTerms(
        base, quote, lot_minor, tick_units, price_scale, base_scale, quote_scale, 1, 1
    )


_NUMBERS: tuple[tuple[str, str, Callable[[msgspec.Raw, MarketTerms], int]], ...] = (
    ("quantity_min", "lots_min", prices.lots),
    ("quantity_max", "lots_max", prices.lots),
    ("value_min", "value_min_minor", lambda said, terms: _minor_or_none(said, terms)),
    ("band_bps", "band_ppm", lambda said, terms: prices.ppm(said)),
)
_WORDS = (
    "reference_s",
    "routing",
    "provider",
    "fee_schedule",
    "orders_per_user_max",
    "settling",
)


def _minor_or_none(said: msgspec.Raw, terms: MarketTerms) -> int:
    """Return an amount that may be zero."""
    if prices.is_zero(said):
        return 0
    return prices.value_minor(said, terms)


def _rules(body: RulesBody, terms: MarketTerms, rules: MarketRules) -> MarketRules:
    """Return rules with what the body says in place of what they said."""
    changes: dict[str, Any] = {}
    for at, field, read in _NUMBERS:
        number = given(getattr(body, at))
        if number is not None:
            changes[field] = read_at(at, read, number, terms)
    for name in _WORDS:
        word = getattr(body, name)
        if word is not None:
            changes[name] = word
    if body.day_ends is not None:
        changes["day_ends_minute"] = int(body.day_ends[:2]) * 60 + int(body.day_ends[3:])
    return msgspec.structs.replace(rules, **changes)


def _check_provider(desk: Desk, body: RulesBody, rules: MarketRules) -> None:
    """Raise Rejection `exchange.provider_unknown` when the body routes to one that is not there: no
    order would be filled. Rules that say so already may be changed elsewhere."""
    known = desk.platform.providers
    if body.routing is None and body.provider is None:
        return
    if not known or rules.routing is Routing.BOOK or not rules.provider:
        return
    if rules.provider not in known:
        facts = {"provider": rules.provider, "providers": sorted(known)}
        raise Rejection("exchange.provider_unknown", at="provider", **facts)


async def change_market(call: Call, body: RulesBody) -> Spoken:
    """Give a market other rules."""
    market = market_in(call)
    try:
        rules = _rules(body, market.terms, market.rules)
        _check_provider(call.desk, body, rules)
    except Rejection as no:
        raise refusal(no) from None
    receipt = await ordered(call, ChangeMarket(market=market.name, rules=rules), market.terms)
    return _stands(market, receipt, rules=rules)


async def set_market_state(call: Call, body: StateBody) -> Spoken:
    """Open, halt or close a market."""
    market = market_in(call)
    command = SetMarketState(market=market.name, state=body.state, reason=body.reason)
    receipt = await ordered(call, command, market.terms)
    return _stands(market, receipt, state=body.state)


async def set_reference(call: Call, body: ReferenceBody) -> Spoken:
    """Set the price that a market's band is counted from."""
    market = market_in(call)
    try:
        price = read_at("price", prices.ticks, body.price, market.terms)
    except Rejection as no:
        raise refusal(no) from None
    receipt = await ordered(call, SetReference(market=market.name, price=price), market.terms)
    return _stands(market, receipt, reference=price)


async def ordered(call: Call, command: Command, terms: MarketTerms | None = None) -> Receipt:
    """Send a command under the key of the header, or without one as a deed of its own; raises
    ProblemRaised when it is refused."""
    key = call.key() or f"exchange:{token_hex(12)}"
    receipt = await call.desk.submit(key=key, command=command, actor=call.actor(OPERATOR))
    if receipt.reply.code:
        raise refused(receipt, facts_told(call.desk, receipt.reply.facts, terms))
    return receipt


def existed(receipt: Receipt) -> bool:
    """Tell whether what was ordered was so before."""
    body = receipt.reply.body
    return bool(body.get("exists", False)) if isinstance(body, dict) else False


def _stands(
    market: MarketPicture,
    receipt: Receipt,
    *,
    state: MarketState | None = None,
    rules: MarketRules | None = None,
    reference: int | None = None,
) -> Spoken:
    """Return how a market stands, with what this request made of it."""
    terms = market.terms
    told = MarketStands(
        symbol=prices.symbol_of(terms),
        state=(state or market.state).value,
        rules=rules_told(rules or market.rules, terms),
        reference_price=price_or_none(terms, reference or market.reference),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


def _change(
    *,
    name: str,
    method: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    body: type[msgspec.Struct],
    body_example: Any,
    problems: tuple[str, ...],
) -> Operation:
    return Operation(
        name=name,
        method=method,
        path=f"/markets/{{symbol:symbol}}{path}",
        tag=TAG,
        summary=summary,
        description=description,
        handler=handler,
        params=MarketPath,
        body=body,
        body_example=body_example,
        key=KeyRule.OPTIONAL,
        actor=OPERATOR,
        problems=("exchange.market_unknown", *problems, "exchange.not_here", "engine.key_reused"),
        results={
            200: Result(description="It stands so.", shape=MarketStands, example=examples.CHANGED)
        },
    )


_RULES = (
    "exchange.bad_rules",
    "exchange.provider_unknown",
    "exchange.fee_schedule_unknown",
    "exchange.quantity_off_lot",
    "exchange.bps_not_a_number",
    "exchange.bps_out_of_range",
)

OPERATIONS = (
    Operation(
        name="createMarket",
        method="POST",
        path="/markets",
        tag=TAG,
        summary="Create a market",
        description="Closed; set a reference price if it has a band, then open it. Sent again with "
        "the same terms it exists; with other terms it is refused.",
        handler=create_market,
        body=NewMarketBody,
        body_example=examples.NEW_MARKET,
        key=KeyRule.OPTIONAL,
        actor=OPERATOR,
        problems=(
            "exchange.bad_market",
            "exchange.market_exists",
            "exchange.asset_unknown",
            "exchange.same_assets",
            "exchange.bad_terms",
            *_RULES,
            "views.unavailable",
            "engine.key_reused",
        ),
        results={
            201: Result(
                description="It is there.", shape=MarketCreatedTold, example=examples.CREATED
            ),
            200: Result(
                description="It was there before, exactly so.",
                shape=MarketCreatedTold,
                example={**examples.CREATED, "exists": True},
            ),
        },
    ),
    _change(
        name="setMarketState",
        method="POST",
        path="/state",
        summary="Open, halt or close a market",
        description="Halted and cancel_only take cancels only; closing cancels every order. A "
        "market with a band opens only with a reference price.",
        handler=set_market_state,
        body=StateBody,
        body_example=examples.STATE,
        problems=("exchange.reference_missing", "exchange.market_closing", "exchange.bad_reason"),
    ),
    _change(
        name="setReferencePrice",
        method="POST",
        path="/reference",
        summary="Set a market's reference price",
        description="The band of prices at which it trades is counted from it.",
        handler=set_reference,
        body=ReferenceBody,
        body_example=examples.REFERENCE,
        problems=(
            "exchange.bad_price",
            "exchange.price_off_tick",
            "exchange.price_not_a_number",
            "exchange.price_not_positive",
            "exchange.price_too_large",
        ),
    ),
    _change(
        name="changeMarket",
        method="PATCH",
        path="",
        summary="Change a market's rules",
        description="What is left out stays as it is, and so do the orders that rest.",
        handler=change_market,
        body=RulesBody,
        body_example=examples.CHANGE,
        problems=_RULES,
    ),
)
