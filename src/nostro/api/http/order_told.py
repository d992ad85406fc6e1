"""How are orders, fills and trades told to callers?

The exchange counts in ticks, lots and minor units; here they become decimal strings and RFC 3339.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nostro.api.desk import Desk
from nostro.api.prices import average_told, price_told, quantity_told, symbol_of, value_told
from nostro.api.times import rfc3339
from nostro.exchange import TICKS_MAX, FillView, MarketTerms, OrderType, OrderView, TradeView
from nostro.kernel.money import format_amount
from nostro.kernel.reply import Receipt


class FillTold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fill of an order, at the price of the order that stood on the book. `value` and `fee` in
    the quote asset; a rebate is negative."""

    trade_id: str
    price: str
    quantity: str
    value: str
    fee: str


class OrderOfMany(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of an order at once. `status` as for GET /orders/{id}; `reason`: why it ended.

    `fills` are those of this request, and `average_price` is theirs, null without any; `filled`,
    `value` and `fees` count all there ever were. `value` and `fees` are in `fee_asset`, the quote
    asset. `quantity` and `remaining` are null for an order by `quote_amount`. `with_provider`: a
    liquidity provider has what is left, and his answer is still to come.
    """

    order_id: str
    client_order_id: str | msgspec.UnsetType = msgspec.UNSET
    user_id: str
    symbol: str
    side: str
    type: str
    status: str
    reason: str
    price: str | None
    quantity: str | None
    filled: str
    remaining: str | None
    average_price: str | None
    value: str
    fees: str
    fee_asset: str
    fills: list[FillTold]
    with_provider: bool = False


class OrderAnswer(OrderOfMany, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of an order at once. `status` as for GET /orders/{id}; `reason`: why it ended.

    `fills` are those of this request, and `average_price` is theirs, null without any; `filled`,
    `value` and `fees` count all there ever were. `value` and `fees` are in `fee_asset`, the quote
    asset. `quantity` and `remaining` are null for an order by `quote_amount`. `with_provider`: a
    liquidity provider has what is left, and his answer is still to come.
    """

    height: int
    recorded_at: str


class OrderCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """An order that is cancelled, with what was filled of it before."""

    order_id: str
    symbol: str
    status: str
    reason: str
    quantity: str | None
    filled: str
    remaining: str | None
    value: str
    fees: str
    fee_asset: str
    height: int
    recorded_at: str


class OrdersCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of orders that are cancelled. `has_more`: there are more than one request cancels;
    send it again."""

    cancelled: list[str]
    count: int
    has_more: bool
    height: int
    recorded_at: str


class OrderTold(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands now. `status`: open, partially_filled, untriggered (it waits for its
    stop price), filled, cancelled or rejected; `reason`: why it ended.

    `price`: the limit, or the worst price. `quantity`: the whole, null for one by `quote_amount`;
    `average_price`: of what is filled, null before. `value` and `fees` (negative: a rebate) in
    `fee_asset`; `held`: what still is set aside for it, in `held_asset`. `maker_fee_bps`,
    `taker_fee_bps`: its fees for life. `expires_at`, `closed_at`: null where there is none.
    """

    order_id: str
    client_order_id: str
    user_id: str
    symbol: str
    side: str
    type: str
    status: str
    reason: str
    price: str | None
    stop_price: str | None
    quantity: str | None
    quote_amount: str | None
    display_quantity: str | None
    time_in_force: str
    expires_at: str | None
    post_only: str
    self_trade: str
    filled: str
    remaining: str
    average_price: str | None
    value: str
    fees: str
    fee_asset: str
    held: str
    held_asset: str
    maker_fee_bps: str
    taker_fee_bps: str
    fills_count: int
    placed_at: str
    changed_at: str
    closed_at: str | None
    height: int


class OwnFillTold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fill as its owner sees it. `role`: maker or taker; `provider`: who filled it, "" for
    another user."""

    trade_id: str
    order_id: str
    symbol: str
    side: str
    role: str
    price: str
    quantity: str
    value: str
    fee: str
    fee_asset: str
    provider: str
    at: str
    height: int


class OrderInFull(OrderTold, frozen=True, kw_only=True):
    """An order with its fills, the oldest first."""

    fills: list[OwnFillTold]


class OrdersPage(msgspec.Struct, frozen=True, kw_only=True):
    """Orders, the newest first, as far as `next_cursor`. A page narrowed by several filters may be
    short and still have more."""

    data: list[OrderTold]
    next_cursor: str | None
    has_more: bool
    height: int


class OwnFillsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Fills of a user, the newest first, as far as `next_cursor`."""

    data: list[OwnFillTold]
    next_cursor: str | None
    has_more: bool
    height: int


class MarketTradeTold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trade as everybody sees it. `side`: the taker's; `sequence`: the market's, as in the book
    and the feeds."""

    trade_id: str
    symbol: str
    price: str
    quantity: str
    value: str
    side: str
    sequence: int
    at: str


class TradesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Trades, the newest first, as far as `next_cursor`."""

    data: list[MarketTradeTold]
    next_cursor: str | None
    has_more: bool
    height: int


def order_of_many(
    body: Mapping[str, Any],
    *,
    terms: MarketTerms,
    user_id: str,
    side: str,
    type: str,
    client_order_id: str,
) -> OrderOfMany:
    """Return what the exchange replied of one order of many as it is told."""
    return OrderOfMany(
        **_answer(body, terms, type),
        user_id=user_id,
        side=side,
        type=type,
        client_order_id=client_order_id or msgspec.UNSET,
    )


def order_answer(
    body: Mapping[str, Any],
    receipt: Receipt,
    *,
    terms: MarketTerms,
    user_id: str,
    side: str,
    type: str,
    client_order_id: str,
) -> OrderAnswer:
    """Return what the exchange replied of an order as it is told."""
    return OrderAnswer(
        **_answer(body, terms, type),
        user_id=user_id,
        side=side,
        type=type,
        client_order_id=client_order_id or msgspec.UNSET,
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )


def _answer(body: Mapping[str, Any], terms: MarketTerms, type: str) -> dict[str, Any]:
    lots, left, fills = body["lots"], body["left"], body["fills"]
    return {
        "order_id": str(body["order"]),
        "symbol": symbol_of(terms),
        "status": body["state"],
        "reason": body.get("reason", ""),
        "price": _limit(terms, body["price"], type),
        "quantity": quantity_told(terms, lots) if lots else None,
        "filled": quantity_told(terms, filled_lots(body)),
        "remaining": quantity_told(terms, left) if lots else None,
        "average_price": _average(fills, terms) if fills else None,
        "value": value_told(terms, body["value_minor"]),
        "fees": value_told(terms, body["fee_minor"]),
        "fee_asset": terms.quote,
        "fills": [_fill_told(fill, terms) for fill in fills],
        "with_provider": "route" in body,
    }


def order_cancelled(
    body: Mapping[str, Any], receipt: Receipt, *, terms: MarketTerms
) -> OrderCancelled:
    """Return what the exchange replied of a cancelled order as it is told."""
    lots = body["lots"]
    return OrderCancelled(
        order_id=str(body["order"]),
        symbol=symbol_of(terms),
        status=body["state"],
        reason=body.get("reason", ""),
        quantity=quantity_told(terms, lots) if lots else None,
        filled=quantity_told(terms, filled_lots(body)),
        remaining=quantity_told(terms, body["left"]) if lots else None,
        value=value_told(terms, body["value_minor"]),
        fees=value_told(terms, body["fee_minor"]),
        fee_asset=terms.quote,
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )


def filled_lots(body: Mapping[str, Any]) -> int:
    """Return the lots that are filled by what the exchange replied of an order; one by budget, that
    has no quantity, enters once only."""
    lots: int = body["lots"]
    return lots - body["left"] if lots else sum(fill[2] for fill in body["fills"])


def _limit(terms: MarketTerms, price: int, type: str) -> str | None:
    """Return the limit or the worst price, None where any price will do."""
    if type in _UNLIMITED and price in (1, TICKS_MAX):
        return None
    return price_told(terms, price)


_UNLIMITED = frozenset((OrderType.MARKET, OrderType.STOP))


def _average(fills: Sequence[Sequence[int]], terms: MarketTerms) -> str:
    notional = sum(price * lots for _, price, lots, _, _ in fills)
    return average_told(terms, notional, sum(fill[2] for fill in fills))


def _fill_told(fill: Sequence[int], terms: MarketTerms) -> FillTold:
    trade, price, lots, value_minor, fee_minor = fill
    return FillTold(
        trade_id=str(trade),
        price=price_told(terms, price),
        quantity=quantity_told(terms, lots),
        value=value_told(terms, value_minor),
        fee=value_told(terms, fee_minor),
    )


def order_told(view: OrderView) -> OrderTold:
    """Return an order as it is told."""
    return OrderTold(**_told_of(view))


def order_in_full(view: OrderView, fills: Sequence[FillView]) -> OrderInFull:
    """Return an order with its fills as it is told."""
    return OrderInFull(**_told_of(view), fills=[own_fill_told(fill) for fill in fills])


def _told_of(view: OrderView) -> dict[str, Any]:
    terms = view.terms
    return {
        "order_id": str(view.order),
        "client_order_id": view.client_order_id,
        "user_id": view.user_id,
        "symbol": symbol_of(terms),
        "side": view.side,
        "type": view.type,
        "status": view.state.value,
        "reason": view.reason,
        "price": _limit(terms, view.price, view.type),
        "stop_price": price_told(terms, view.stop) if view.stop else None,
        "quantity": quantity_told(terms, view.lots) if view.lots else None,
        "quote_amount": value_told(terms, view.budget_minor) if view.budget_minor else None,
        "display_quantity": quantity_told(terms, view.display) if view.display else None,
        "time_in_force": view.time_in_force.value,
        "expires_at": rfc3339(view.expires_at_us) if view.expires_at_us else None,
        "post_only": view.post_only.value,
        "self_trade": view.self_trade.value,
        "filled": quantity_told(terms, view.filled_lots),
        "remaining": quantity_told(terms, view.lots_left),
        "average_price": average_told(terms, view.notional, view.filled_lots)
        if view.filled_lots
        else None,
        "value": value_told(terms, view.filled_value_minor),
        "fees": value_told(terms, view.fee_minor),
        "fee_asset": terms.quote,
        "held": _held(view),
        "held_asset": view.reserved_asset,
        "maker_fee_bps": bps_told(view.maker_ppm),
        "taker_fee_bps": bps_told(view.taker_ppm),
        "fills_count": view.trades_count,
        "placed_at": rfc3339(view.placed_at_us),
        "changed_at": rfc3339(view.changed_at_us),
        "closed_at": None if view.closed_at_us is None else rfc3339(view.closed_at_us),
        "height": view.height,
    }


def _held(view: OrderView) -> str:
    base = view.reserved_asset == view.terms.base
    scale = view.terms.base_scale if base else view.terms.quote_scale
    return format_amount(view.reserved_minor, scale)


def bps_told(ppm: int) -> str:
    """Return parts per million as basis points: 250 is `2.5`."""
    text = format_amount(ppm, 2)
    return text.rstrip("0").rstrip(".")


def own_fill_told(view: FillView) -> OwnFillTold:
    """Return a fill as its owner is told it."""
    terms = view.terms
    return OwnFillTold(
        trade_id=str(view.trade),
        order_id=str(view.order),
        symbol=symbol_of(terms),
        side=view.side.value,
        role=view.role.value,
        price=price_told(terms, view.price),
        quantity=quantity_told(terms, view.lots),
        value=value_told(terms, view.value_minor),
        fee=value_told(terms, view.fee_minor),
        fee_asset=terms.quote,
        provider=view.provider,
        at=rfc3339(view.at_us),
        height=view.height,
    )


def trade_told(view: TradeView) -> MarketTradeTold:
    """Return a trade as everybody is told it."""
    terms = view.terms
    return MarketTradeTold(
        trade_id=str(view.trade),
        symbol=symbol_of(terms),
        price=price_told(terms, view.price),
        quantity=quantity_told(terms, view.lots),
        value=value_told(terms, view.value_minor),
        side=view.side.value,
        sequence=view.sequence,
        at=rfc3339(view.at_us),
    )


_IN_TICKS = frozenset(
    ("price", "price_min", "price_max", "stop", "reference", "band_low", "band_high", "limit")
)
_IN_LOTS = frozenset(
    ("lots", "lots_min", "lots_max", "filled", "quantity", "quantity_min", "quantity_max")
)
_CALLED = {
    "lots": "quantity",
    "lots_min": "quantity_min",
    "lots_max": "quantity_max",
    "stop": "stop_price",
    "display": "display_quantity",
    "budget_minor": "quote_amount",
    "market": "symbol",
    "order": "order_id",
    "expires_at_us": "expires_at",
    "lot_minor": "lot",
    "tick_units": "tick",
    "price_scale": "tick",
    "value_min_minor": "value_min",
    "band_ppm": "band_bps",
    "day_ends_minute": "day_ends",
}
"""How what the exchange names is called at the door."""


def facts_told(
    desk: Desk, facts: Mapping[str, Any], terms: MarketTerms | None = None
) -> dict[str, Any]:
    """Return facts of a refusal with ticks, lots and minor units as decimal strings of the market;
    without its terms, ticks and lots are left out."""
    out: dict[str, Any] = {}
    by_budget = facts.get("field") == "budget_minor"
    for name, fact in facts.items():
        called = _CALLED.get(name, name)
        if name in _IN_TICKS and type(fact) is int:
            if terms is not None:
                out[called] = price_told(terms, fact)
        elif name in _IN_LOTS and type(fact) is int:
            if terms is not None:
                out[called] = (value_told if by_budget else quantity_told)(terms, fact)
        elif name == "order":
            out[called] = str(fact)
        elif name == "field":
            out[name] = _CALLED.get(fact, fact)
        elif name == "differs":
            out[name] = list(dict.fromkeys(_CALLED.get(field, field) for field in fact))
        elif name == "market":
            out[called] = fact if terms is None else symbol_of(terms)
        elif name.endswith("_us") and type(fact) is int:
            out[name.removesuffix("_us")] = rfc3339(fact)
        elif name.endswith("_ppm") and type(fact) is int:
            out[f"{name.removesuffix('_ppm')}_bps"] = bps_told(fact)
        else:
            out[name] = fact
    return desk.told(out, "" if terms is None else terms.quote)
