"""Is what a command carries well formed, within its market's rules, and within all bounds?"""

from __future__ import annotations

import re
from math import gcd
from typing import Any

from nostro.exchange.commands import (
    CLIENT_ORDER_ID_LENGTH_MAX,
    NewOrder,
    OrderType,
    PostOnly,
    SelfTrade,
    TimeInForce,
)
from nostro.exchange.matching import SLICES_MAX
from nostro.exchange.state import ExchangeState, Market
from nostro.exchange.terms import (
    LOTS_MAX,
    TICKS_MAX,
    MarketRules,
    MarketTerms,
    Routing,
    Settling,
    Side,
)
from nostro.kernel.asset import SCALE_MAX
from nostro.kernel.messages import Rejection

USER_ID_MAX = 48
MARKET_NAME_MAX = 32
SCHEDULE_NAME_MAX = 32
REASON_MAX = 200
ORDERS_PER_USER_MAX = 100_000
REFERENCE_MAX_S = 366 * 86_400
LOT_MINOR_MAX = 10**22
TICK_UNITS_MAX = 10**15
EXPIRES_AT_MAX_US = 7_258_118_400_000_000
BUDGET_MAX_MINOR = 10**30
_PPM = 1_000_000

_USER_ID = re.compile(rf"[A-Za-z0-9._@-]{{1,{USER_ID_MAX}}}\Z", re.ASCII)
_MARKET_NAME = re.compile(rf"[A-Z0-9._-]{{1,{MARKET_NAME_MAX}}}\Z", re.ASCII)
_SCHEDULE_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{SCHEDULE_NAME_MAX}}}\Z", re.ASCII)
_PROVIDER_NAME = re.compile(r"[a-z0-9_-]{1,32}\Z", re.ASCII)

_DAY_MINUTES = 1_440
BUY = Side.BUY
_SHORT_LIVED = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_LIMITS = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


def check_user_id(user_id: str) -> None:
    """Raise Rejection `exchange.bad_user_id`."""
    if not _USER_ID.match(user_id):
        raise Rejection(
            "exchange.bad_user_id", user_id=user_id[:USER_ID_MAX], length_max=USER_ID_MAX
        )


def check_reason(reason: str) -> None:
    """Raise Rejection `exchange.bad_reason`: more than 200 characters, or one that cannot be
    printed."""
    if len(reason) > REASON_MAX or not reason.isprintable():
        raise Rejection("exchange.bad_reason", length=len(reason), length_max=REASON_MAX)


def printable(text: str) -> str:
    """Return what may be kept of a text that somebody outside wrote."""
    text = text[:REASON_MAX]
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def is_provider_name(name: str) -> bool:
    """Tell whether a provider may be called so."""
    return _PROVIDER_NAME.match(name) is not None


def known_market(state: ExchangeState, name: str) -> Market:
    """Return a market, or raise Rejection `exchange.market_unknown`."""
    market = state.markets.get(name)
    if market is None:
        raise Rejection("exchange.market_unknown", market=name[:MARKET_NAME_MAX])
    return market


# -- markets --------------------------------------------------------------------------------------


def check_market_name(name: str) -> None:
    """Raise Rejection `exchange.bad_market`."""
    if not _MARKET_NAME.match(name):
        raise Rejection(
            "exchange.bad_market", market=name[:MARKET_NAME_MAX], length_max=MARKET_NAME_MAX
        )


def known_scale(state: ExchangeState, asset: str) -> int:
    """Return the scale of an asset, or raise Rejection `exchange.asset_unknown`."""
    scale = state.scale_of(asset)
    if scale is None:
        raise Rejection("exchange.asset_unknown", asset=asset[:MARKET_NAME_MAX])
    return scale


def checked_terms(
    state: ExchangeState,
    *,
    base: str,
    quote: str,
    lot_minor: int,
    tick_units: int,
    price_scale: int,
) -> MarketTerms:
    """Return the terms of a new market, or raise Rejection `exchange.asset_unknown`,
    `exchange.same_assets` or `exchange.bad_terms`."""
    base_scale, quote_scale = known_scale(state, base), known_scale(state, quote)
    if base == quote:
        raise Rejection("exchange.same_assets", asset=base)
    _within("lot_minor", lot_minor, 1, LOT_MINOR_MAX)
    _within("tick_units", tick_units, 1, TICK_UNITS_MAX)
    _within("price_scale", price_scale, 0, SCALE_MAX)
    num = lot_minor * tick_units * 10**quote_scale
    den = 10 ** (base_scale + price_scale)
    divisor = gcd(num, den)
    return MarketTerms(
        base,
        quote,
        lot_minor,
        tick_units,
        price_scale,
        base_scale,
        quote_scale,
        num // divisor,
        den // divisor,
    )


def _within(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Rejection("exchange.bad_terms", field=field, what=f"it must be {low} to {high}")


def check_rules(state: ExchangeState, rules: MarketRules) -> None:
    """Raise Rejection `exchange.bad_rules` or `exchange.fee_schedule_unknown`."""
    bounds: dict[str, tuple[int, int]] = {
        "lots_min": (1, LOTS_MAX),
        "lots_max": (rules.lots_min, LOTS_MAX),
        "value_min_minor": (0, 10**30),
        "band_ppm": (0, _PPM - 1),
        "reference_s": (0, REFERENCE_MAX_S),
        "orders_per_user_max": (1, ORDERS_PER_USER_MAX),
        "day_ends_minute": (0, _DAY_MINUTES - 1),
    }
    for field, (low, high) in bounds.items():
        if not low <= getattr(rules, field) <= high:
            _bad_rule(field, f"it must be {low} to {high}")
    if rules.routing is not Routing.BOOK and not rules.provider:
        _bad_rule("provider", "this routing needs the name of a provider")
    if rules.settling is not Settling.INSTANT and rules.routing is not Routing.BOOK:
        _bad_rule("settling", "what a provider fills is settled at once: route to the book alone")
    if rules.provider and not is_provider_name(rules.provider):
        _bad_rule("provider", "1 to 32 of a-z 0-9 _ -")
    check_schedule_known(state, rules.fee_schedule)


def _bad_rule(field: str, what: str) -> None:
    raise Rejection("exchange.bad_rules", field=field, what=what)


def check_schedule_known(state: ExchangeState, name: str) -> None:
    """Raise Rejection `exchange.fee_schedule_unknown`."""
    if name not in state.schedules:
        raise Rejection("exchange.fee_schedule_unknown", schedule=name[:SCHEDULE_NAME_MAX])


def check_schedule_name(name: str) -> None:
    """Raise Rejection `exchange.bad_fees`."""
    if not _SCHEDULE_NAME.match(name):
        raise Rejection(
            "exchange.bad_fees", what=f"a name has 1 to {SCHEDULE_NAME_MAX} of A-Z a-z 0-9 . _ -"
        )


# -- orders ---------------------------------------------------------------------------------------


def check_price(field: str, price: int) -> None:
    """Raise Rejection `exchange.bad_price`."""
    if not 1 <= price <= TICKS_MAX:
        raise Rejection(
            "exchange.bad_price", field=field, price=price, price_min=1, price_max=TICKS_MAX
        )


def check_lots(lots: int, rules: MarketRules, market: str) -> None:
    """Raise Rejection `exchange.bad_quantity`, `exchange.quantity_below_minimum` or
    `exchange.quantity_above_maximum`."""
    if not 1 <= lots <= LOTS_MAX:
        _bad_quantity("lots", lots, 1, LOTS_MAX)
    if lots < rules.lots_min:
        raise Rejection(
            "exchange.quantity_below_minimum", market=market, lots=lots, lots_min=rules.lots_min
        )
    if lots > rules.lots_max:
        raise Rejection(
            "exchange.quantity_above_maximum", market=market, lots=lots, lots_max=rules.lots_max
        )


def check_display(display: int, lots: int) -> None:
    """Raise Rejection `exchange.bad_quantity`: an iceberg shows a part, not too small a one."""
    least = -(-lots // SLICES_MAX)
    if display and not least <= display <= lots:
        _bad_quantity("display", display, least, lots)


def _bad_quantity(field: str, quantity: int, low: int, high: int) -> None:
    raise Rejection(
        "exchange.bad_quantity",
        field=field,
        quantity=quantity,
        quantity_min=low,
        quantity_max=high,
    )


def bad_budget(budget_minor: int, least_minor: int) -> None:
    """Raise Rejection `exchange.bad_quantity` of a budget."""
    raise Rejection(
        "exchange.bad_quantity",
        field="budget_minor",
        budget_minor=budget_minor,
        budget_min_minor=least_minor,
        budget_max_minor=BUDGET_MAX_MINOR,
    )


def check_within_band(market: Market, side: Side, price: int) -> None:
    """Raise Rejection `exchange.price_outside_band`: a buyer above it, a seller below it."""
    high, low = market.band_high, market.band_low
    if high and (price > high if side is BUY else price < low):
        raise Rejection(
            "exchange.price_outside_band",
            market=market.name,
            price=price,
            band_low=low,
            band_high=high,
            reference=market.reference,
        )


def check_value(market: Market, *, price: int, lots: int) -> None:
    """Raise Rejection `exchange.value_below_minimum`."""
    minimum = market.rules.value_min_minor
    if not minimum:
        return
    terms = market.terms
    exact = price * lots * terms.value_num
    if exact < minimum * terms.value_den:
        below_minimum(market, exact // terms.value_den)


def below_minimum(market: Market, value_minor: int) -> None:
    """Raise Rejection `exchange.value_below_minimum`."""
    raise Rejection(
        "exchange.value_below_minimum",
        market=market.name,
        quote=market.terms.quote,
        value_minor=value_minor,
        value_min_minor=market.rules.value_min_minor,
    )


def check_plain(order: NewOrder) -> None:
    """Check an order of the commonest kind: a limit that rests whole until it is cancelled."""
    if order.stop:
        _bad_order("stop", "a limit order has no stop price")
    if order.budget_minor:
        _bad_order("budget_minor", "only a market order has a budget")
    if order.expires_at_us:
        _bad_order("expires_at_us", "only an order good till a date has one")
    if order.client_order_id:
        _check_client_order_id(order.client_order_id)


def check_kind(order: NewOrder, rules: MarketRules) -> None:
    """Raise Rejection `exchange.bad_order` when what an order says does not go together, or
    `exchange.bad_price` for its stop price."""
    _check_client_order_id(order.client_order_id)
    short = order.time_in_force in _SHORT_LIVED
    if order.type in _STOPS:
        check_price("stop", order.stop)
    elif order.stop:
        _bad_order("stop", f"a {order.type} order has no stop price")
    if order.type is not OrderType.MARKET and order.budget_minor:
        _bad_order("budget_minor", "only a market order has a budget")
    if order.type is OrderType.MARKET and order.time_in_force not in _AT_ONCE:
        _bad_order("time_in_force", "a market order trades at once: gtc, ioc or fok")
    if order.time_in_force is not TimeInForce.GTD and order.expires_at_us:
        _bad_order("expires_at_us", "only an order good till a date has one")
    if order.expires_at_us > EXPIRES_AT_MAX_US:
        _bad_order("expires_at_us", "it must be before the year 2200")
    if order.display and (short or order.type not in _LIMITS):
        _bad_order("display", "only an order that may rest shows a part of itself")
    if order.post_only is not PostOnly.NO and (short or order.type is not OrderType.LIMIT):
        _bad_order("post_only", "only a limit order that may rest is post-only")
    if rules.routing is Routing.PROVIDER:
        _check_for_provider(order)
    if order.budget_minor:
        _check_budget(order)


_AT_ONCE = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})


def _check_budget(order: NewOrder) -> None:
    if order.lots:
        _bad_order("lots", "an order has a quantity or a budget")
    if not 1 <= order.budget_minor <= BUDGET_MAX_MINOR:
        bad_budget(order.budget_minor, 1)
    if order.self_trade is SelfTrade.DECREMENT:
        _bad_order("self_trade", "an order by budget has no quantity to decrement")


def _check_for_provider(order: NewOrder) -> None:
    if order.post_only is not PostOnly.NO:
        _bad_order("post_only", "in this market no order rests")
    if order.display:
        _bad_order("display", "in this market no order rests")
    if order.budget_minor and order.side is Side.SELL:
        _bad_order("budget_minor", "a provider sells by quantity")


def _check_client_order_id(name: str) -> None:
    if len(name) > CLIENT_ORDER_ID_LENGTH_MAX or not name.isprintable():
        _bad_order("client_order_id", f"at most {CLIENT_ORDER_ID_LENGTH_MAX} printable characters")


def _bad_order(field: str, what: str, **facts: Any) -> None:
    raise Rejection("exchange.bad_order", field=field, what=what, **facts)
