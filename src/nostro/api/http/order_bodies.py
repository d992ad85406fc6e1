"""How is an order written, and what is wrong with one that cannot be taken?

Words may be written in any case. Prices, quantities and amounts are read exactly, by the terms of
the market that the order names; what an order may combine is the exchange's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from nostro.api import prices
from nostro.api.desk import Desk
from nostro.api.picture import MarketPicture
from nostro.api.prices import Price, Quantity, QuoteAmount
from nostro.api.problem_table import row_for
from nostro.api.problems import Invalid, ProblemRaised, detail_of
from nostro.api.times import microseconds
from nostro.api.words import AssetCode, ClientOrderId, Moment, Symbol, UserId
from nostro.exchange import (
    MarketTerms,
    NewOrder,
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
)
from nostro.kernel.messages import Rejection

UNSET = msgspec.UNSET
FLAGS_MAX = 8
SHOWN_MAX = 64
"""Characters of a word that is not known, as it is told back."""

E = TypeVar("E", bound=Enum)


def _any_case(words: Sequence[str], description: str, example: str) -> msgspec.Meta:
    """Return what the documentation says of a word that may be written in any case."""
    letters = ("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word) for word in words)
    return msgspec.Meta(
        description=f"{description} {', '.join(word.upper() for word in words)}, in any case.",
        examples=[example],
        extra_json_schema={"pattern": f"^({'|'.join(letters)})$"},
    )


def _values(kind: type[Enum]) -> list[str]:
    return [str(word.value) for word in kind]


SideWord = Annotated[str, _any_case(_values(Side), "", "BUY")]
TypeWord = Annotated[str, _any_case(_values(OrderType), "", "LIMIT")]
TimeInForceWord = Annotated[
    str, _any_case(_values(TimeInForce), "How long it lives; without it GTC:", "GTC")
]
SelfTradeWord = Annotated[
    str,
    _any_case(
        _values(SelfTrade),
        "What happens when it meets an order of the same user; without it CANCEL_TAKER:",
        "CANCEL_TAKER",
    ),
]
PostOnlyWord = Annotated[
    bool | Literal["reject", "slide"],
    msgspec.Meta(
        description="It may only rest: one that would trade is cancelled (true, reject), or "
        "rests at the nearest price that does not trade (slide).",
        examples=[True],
    ),
]
_FLAGS: Mapping[str, tuple[str, Any]] = {
    "post_only": ("post_only", PostOnly.REJECT),
    "post_only_reject": ("post_only", PostOnly.REJECT),
    "post_only_slide": ("post_only", PostOnly.SLIDE),
    **{str(each.value): ("time_in_force", each) for each in TimeInForce},
    **{str(each.value): ("self_trade", each) for each in SelfTrade},
}
Flag = Annotated[str, _any_case(list(_FLAGS), "", "POST_ONLY")]
Flags = Annotated[
    list[Flag],
    msgspec.Meta(
        max_length=FLAGS_MAX,
        description="The same as `post_only`, `time_in_force` and `self_trade`, said as words.",
        examples=[["POST_ONLY"]],
    ),
]


class OrderBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An order. `user_id` may be left out by a caller who places it for himself.

    LIMIT needs `price` and `quantity`; MARKET takes `quantity` or `quote_amount`, and `worst_price`
    (or `price`), without which the market's band bounds it; STOP is a MARKET and STOP_LIMIT a LIMIT
    that waits until the last trade price reaches `stop_price`. `display_quantity`: so much is shown
    at a time. GTD needs `expires_at`. `client_order_id` makes the request idempotent.
    """

    user_id: UserId | None = None
    symbol: Symbol
    side: SideWord
    type: TypeWord = "LIMIT"
    price: Price | msgspec.UnsetType = UNSET
    worst_price: Price | msgspec.UnsetType = UNSET
    stop_price: Price | msgspec.UnsetType = UNSET
    quantity: Quantity | msgspec.UnsetType = UNSET
    quote_amount: QuoteAmount | msgspec.UnsetType = UNSET
    display_quantity: Quantity | msgspec.UnsetType = UNSET
    time_in_force: TimeInForceWord | None = None
    expires_at: Moment | None = None
    post_only: PostOnlyWord | None = None
    self_trade: SelfTradeWord | None = None
    client_order_id: ClientOrderId | None = None
    flags: Flags | None = None


class AssetOrderBody(OrderBody, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An order for an asset: `asset`, `quantity`, `price`, and `order_type` buy or sell. The market
    is the one whose base it is; where there are several, `quote` names the other asset. It may be
    written as for POST /order just as well, with `symbol`, `side` and `type`; a price makes it a
    LIMIT, none a MARKET."""

    symbol: Symbol | None = None  # type: ignore[assignment]
    side: SideWord | None = None  # type: ignore[assignment]
    type: TypeWord | None = None  # type: ignore[assignment]
    asset: AssetCode | None = None
    quote: AssetCode | None = None
    order_type: SideWord | None = None


class AmendBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the order is to be. `quantity`: the whole, what is filled included. Less of it at the
    same price keeps its place in the queue; everything else takes a new place."""

    quantity: Quantity | msgspec.UnsetType = UNSET
    price: Price | msgspec.UnsetType = UNSET


# -- markets ---------------------------------------------------------------------------------------


def market_of(desk: Desk, symbol: str) -> MarketPicture:
    """Return the market with a symbol; raises Rejection `exchange.market_unknown` or
    `exchange.not_here`."""
    picture = desk.picture
    market = picture.market(symbol.replace("/", "-")) or picture.market(prices.market_name(symbol))
    if market is None:
        raise Rejection("exchange.market_unknown", at="symbol", symbol=symbol[:SHOWN_MAX])
    return market


def market_for(desk: Desk, base: str, quote: str | None) -> MarketPicture:
    """Return the market for an asset; raises Rejection `exchange.market_unknown`, or
    `exchange.market_ambiguous` when several trade it and none is named."""
    found = [
        market
        for market in desk.picture.markets()
        if market.terms.base == base and quote in (None, market.terms.quote)
    ]
    if not found:
        named = {} if quote is None else {"quote": quote}
        raise Rejection("exchange.market_unknown", at="asset", asset=base, **named)
    if len(found) > 1:
        symbols = [prices.symbol_of(market.terms) for market in found[:SHOWN_MAX]]
        raise Rejection("exchange.market_ambiguous", at="asset", asset=base, symbols=symbols)
    return found[0]


def market_named(desk: Desk, said: AssetOrderBody) -> MarketPicture:
    """Return the market that an order names by symbol or by asset; raises Rejection like
    `market_of` and `market_for`, or `exchange.bad_order` when both are there and differ."""
    if said.symbol is None:
        if said.asset is None:
            what = "name the asset, or the symbol"
            raise Rejection("exchange.bad_order", at="asset", field="asset", what=what)
        return market_for(desk, said.asset, said.quote)
    market = market_of(desk, said.symbol)
    for field, named in (("asset", market.terms.base), ("quote", market.terms.quote)):
        if getattr(said, field) not in (None, named):
            what = "symbol names another"
            raise Rejection("exchange.bad_order", at=field, field=field, what=what)
    return market


def as_terms(said: AssetOrderBody, market: MarketPicture) -> OrderBody:
    """Return an order for an asset written as every order; raises ProblemRaised when its side is
    not said, or said twice and differently."""
    side, order_type = said.side, said.order_type
    if side is None and order_type is None:
        raise ProblemRaised.invalid(
            [Invalid("/order_type", "request.missing_field", "order_type is required: buy or sell")]
        )
    if side is not None and order_type is not None and side.lower() != order_type.lower():
        no = Rejection(
            "exchange.bad_order", at="order_type", field="order_type", what="side says otherwise"
        )
        raise refusal(no)
    priced = given(said.price) is not None
    return msgspec.structs.replace(
        said,
        symbol=market.name,
        side=side or order_type,
        type=said.type or ("LIMIT" if priced else "MARKET"),
    )


# -- reading ---------------------------------------------------------------------------------------


def _lookup(kind: type[E]) -> dict[str, E]:
    return {
        word: each
        for each in kind
        for word in (str(each.value), str(each.value).upper(), str(each.value).capitalize())
    }


_SIDES, _TYPES = _lookup(Side), _lookup(OrderType)
_TIMES, _SELF_TRADES = _lookup(TimeInForce), _lookup(SelfTrade)
_POST_ONLY: Mapping[Any, PostOnly] = {
    None: PostOnly.NO,
    False: PostOnly.NO,
    True: PostOnly.REJECT,
    "reject": PostOnly.REJECT,
    "slide": PostOnly.SLIDE,
}


def _word(words: Mapping[str, E], said: str, at: str) -> E:
    found = words.get(said) or words.get(said.lower())
    if found is None:
        known = ", ".join(dict.fromkeys(str(each.value).upper() for each in words.values()))
        raise Rejection("request.bad_value", at=at, said=said[:SHOWN_MAX], must_be=known)
    return found


def new_order(said: OrderBody, market: MarketPicture) -> NewOrder:
    """Return the order that was said. Raises Rejection for the first thing that is wrong; its facts
    name the place (`at`)."""
    terms = market.terms
    if said.flags:
        said = _with_flags(said)
    type = _word(_TYPES, said.type, "type")
    lots, price, stop = _lots(said, terms), _price(said, terms), _stop(said, terms)
    budget = _budget(said, terms)
    if not price or not lots or type in _STOPS:
        _check_complete(type, price=price, stop=stop, amount=lots or budget)
    time_in_force = _time_in_force(said, terms)
    if time_in_force is GTD and said.expires_at is None:
        _missing("expires_at", "GTD")
    return NewOrder(
        market=market.name,
        side=_word(_SIDES, said.side, "side"),
        type=type,
        lots=lots,
        price=price,
        stop=stop,
        display=_display(said, terms),
        budget_minor=budget,
        time_in_force=time_in_force,
        expires_at_us=0 if said.expires_at is None else microseconds(said.expires_at),
        post_only=_POST_ONLY[said.post_only],
        self_trade=_self_trade(said, terms),
        client_order_id=said.client_order_id or "",
    )


def _check_complete(type: OrderType, *, price: int, stop: int, amount: int) -> None:
    """Raise Rejection `exchange.bad_order` when something is left out that the order needs."""
    missing = ""
    if not amount:
        missing = "quantity"
    elif not price and type in _LIMITS:
        missing = "price"
    elif not stop and type in _STOPS:
        missing = "stop_price"
    if missing:
        _missing(missing, type.value.upper())


def _missing(field: str, kind: str) -> None:
    what = f"a {kind} order needs it"
    raise Rejection("exchange.bad_order", at=field, field=field, what=what)


GTD = TimeInForce.GTD
_LIMITS = frozenset((OrderType.LIMIT, OrderType.STOP_LIMIT))
_STOPS = frozenset((OrderType.STOP, OrderType.STOP_LIMIT))


def given(said: msgspec.Raw | msgspec.UnsetType) -> msgspec.Raw | None:
    """Return a number of a body, None for one that is left out or null."""
    return said if type(said) is msgspec.Raw and prices.is_said(said) else None


def _price(said: OrderBody, terms: MarketTerms) -> int:
    price, worst = given(said.price), given(said.worst_price)
    if price is None:
        return 0 if worst is None else read_at("worst_price", prices.ticks, worst, terms)
    if worst is not None:
        raise Rejection(
            "exchange.bad_order", at="worst_price", field="worst_price", what="price is given too"
        )
    return read_at("price", prices.ticks, price, terms)


def _stop(said: OrderBody, terms: MarketTerms) -> int:
    stop = given(said.stop_price)
    return 0 if stop is None else read_at("stop_price", prices.ticks, stop, terms)


def _lots(said: OrderBody, terms: MarketTerms) -> int:
    quantity = given(said.quantity)
    return 0 if quantity is None else read_at("quantity", prices.lots, quantity, terms)


def _display(said: OrderBody, terms: MarketTerms) -> int:
    display = given(said.display_quantity)
    return 0 if display is None else read_at("display_quantity", prices.lots, display, terms)


def _budget(said: OrderBody, terms: MarketTerms) -> int:
    budget = given(said.quote_amount)
    return 0 if budget is None else read_at("quote_amount", prices.value_minor, budget, terms)


def _time_in_force(said: OrderBody, terms: MarketTerms) -> TimeInForce:
    word = said.time_in_force
    return TimeInForce.GTC if word is None else _word(_TIMES, word, "time_in_force")


def _self_trade(said: OrderBody, terms: MarketTerms) -> SelfTrade:
    word = said.self_trade
    return SelfTrade.CANCEL_TAKER if word is None else _word(_SELF_TRADES, word, "self_trade")


def new_lots(said: AmendBody, terms: MarketTerms) -> int | None:
    """Return the quantity that an order is to have, None to keep it."""
    quantity = given(said.quantity)
    return None if quantity is None else read_at("quantity", prices.lots, quantity, terms)


def new_price(said: AmendBody, terms: MarketTerms) -> int | None:
    """Return the price that an order is to have, None to keep it."""
    price = given(said.price)
    return None if price is None else read_at("price", prices.ticks, price, terms)


def read_at(
    at: str,
    read: Callable[[msgspec.Raw, MarketTerms], int],
    said: msgspec.Raw,
    terms: MarketTerms,
) -> int:
    """Return what a number of a body means; the facts of a refusal name its place (`at`)."""
    try:
        return read(said, terms)
    except Rejection as no:
        raise Rejection(no.code, at=at, **no.facts) from None


def _with_flags(said: OrderBody) -> OrderBody:
    """Return an order with what its flags say in the fields of that meaning."""
    meant: dict[str, Any] = {}
    for flag in said.flags or ():
        field, value = _FLAGS.get(flag.lower(), ("", None))
        if not field:
            known = ", ".join(word.upper() for word in _FLAGS)
            raise Rejection("request.bad_value", at="flags", said=flag[:SHOWN_MAX], must_be=known)
        if meant.get(field, value) != value or _contradicts(getattr(said, field), value):
            what = f"{flag.upper()} and {field} contradict each other"
            raise Rejection("exchange.bad_order", at="flags", field=field, what=what)
        meant[field] = value
    return msgspec.structs.replace(
        said, **{name: str(value.value) for name, value in meant.items()}
    )


def _contradicts(said: Any, flag: Enum) -> bool:
    if said is None:
        return False
    if isinstance(flag, PostOnly):
        return _POST_ONLY[said] is not flag
    return bool(str(said).lower() != flag.value)


# -- what is wrong ---------------------------------------------------------------------------------

_PARTS: Sequence[Callable[[OrderBody, MarketTerms], Any]] = (
    lambda said, terms: _with_flags(said),
    lambda said, terms: _word(_SIDES, said.side, "side"),
    lambda said, terms: _word(_TYPES, said.type, "type"),
    _lots,
    _price,
    _stop,
    _display,
    _budget,
    _time_in_force,
    _self_trade,
)


def faults(said: OrderBody, terms: MarketTerms, under: str = "") -> Iterator[Invalid]:
    """Yield everything that is wrong with a well-formed order; `under`: its place in the body."""
    for part in _PARTS:
        try:
            part(said, terms)
        except Rejection as no:
            yield as_error(no, under)


def as_error(no: Rejection, under: str = "") -> Invalid:
    """Return a refusal of the door as an error of the body."""
    facts = dict(no.facts)
    at = facts.pop("at", "")
    detail = detail_of(row_for(no.code).title, facts)
    return Invalid(f"{under}/{at}" if at else under, no.code, detail)


def refusal(no: Rejection, errors: Sequence[Invalid] = ()) -> ProblemRaised:
    """Return the problem of an order that the door does not take. With one fault, its facts tell
    what to send instead."""
    problem = ProblemRaised.invalid(errors or [as_error(no)])
    if len(errors) < 2:
        problem.code = no.code
        problem.facts = {name: fact for name, fact in no.facts.items() if name != "at"}
    return problem
