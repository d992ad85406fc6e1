"""How are markets, books, candles, tickers and what runs them told to callers?"""

from __future__ import annotations

from typing import Literal

import msgspec

from nostro.api.http.order_told import bps_told
from nostro.api.picture import MarketPicture
from nostro.api.prices import price_told, quantity_told, symbol_of, value_told
from nostro.api.times import rfc3339
from nostro.exchange import (
    CandleView,
    FeeScheduleView,
    MarketRules,
    MarketTerms,
    Side,
    SuspensionView,
    TickerView,
)
from nostro.kernel.money import format_amount


class RulesTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a market asks of orders. `band_bps`: how far from the reference price a trade may be,
    "0": anywhere; `reference_s`: after so many seconds the last trade price is the reference, 0:
    it stays as set. `day_ends`: time of the UTC day at which DAY orders expire.
    `settling`: when trades settle."""

    quantity_min: str
    quantity_max: str
    value_min: str
    band_bps: str
    reference_s: int
    routing: str
    provider: str
    fee_schedule: str
    orders_per_user_max: int
    day_ends: str
    settling: str


class MarketTold(msgspec.Struct, frozen=True, kw_only=True):
    """A market. Prices are multiples of `tick`, in the quote asset for one whole unit of the base;
    quantities are multiples of `lot`. `sequence`: of the last change of its book; it is that of the
    feeds too. `reference_price`, `last_price`, `best_bid`, `best_ask`: null where there is none."""

    symbol: str
    name: str
    base: str
    quote: str
    tick: str
    lot: str
    state: str
    rules: RulesTold
    reference_price: str | None
    last_price: str | None
    best_bid: str | None
    best_ask: str | None
    sequence: int


class MarketsTold(msgspec.Struct, frozen=True, kw_only=True):
    """All markets, in the order of their creation."""

    data: list[MarketTold]


class BookEntryTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One price of a book, with how many `orders` show the quantity there; of level 3 one order,
    with its `order_id`."""

    price: str
    quantity: str
    orders: int | msgspec.UnsetType = msgspec.UNSET
    order_id: str | msgspec.UnsetType = msgspec.UNSET


class BookTold(msgspec.Struct, frozen=True, kw_only=True):
    """A book at its `sequence`, the best prices first. Level 1 is the best price of each side, 2
    all prices, 3 all orders in their priority; what icebergs hide is not told."""

    symbol: str
    level: Literal[1, 2, 3]
    sequence: int
    state: str
    bids: list[BookEntryTold]
    asks: list[BookEntryTold]
    height: int
    at: str


class CandleTold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What traded from `start` on for one interval; `volume` of the base, `value` of the quote
    asset."""

    start: str
    open: str
    high: str
    low: str
    close: str
    volume: str
    value: str
    trades: int


class CandlesTold(msgspec.Struct, frozen=True, kw_only=True):
    """Candles of a market, the oldest first. Intervals without a trade are left out."""

    symbol: str
    interval: str
    data: list[CandleTold]


class TickerTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a market did in the last 24 hours, counted in whole minutes, and its best prices now;
    null where there is none. `change` = `last_price` - `open`."""

    symbol: str
    state: str
    last_price: str | None
    last_trade_id: str | None
    best_bid: str | None
    best_ask: str | None
    open: str | None
    high: str | None
    low: str | None
    change: str | None
    volume: str
    value: str
    trades: int
    sequence: int
    at: str


class FeeScheduleTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a fill costs each side, in basis points of its value; a maker's may be negative, a
    rebate. `users`: how many have it as their own."""

    name: str
    maker_bps: str
    taker_bps: str
    users: int
    actor: str
    set_at: str
    height: int


class FeeSchedulesTold(msgspec.Struct, frozen=True, kw_only=True):
    """All fee schedules, by name."""

    data: list[FeeScheduleTold]


class SuspensionTold(msgspec.Struct, frozen=True, kw_only=True):
    """Money of a user that his wallet would not take. `reason`: the ledger's, of the last try;
    `releases`: how often it was tried to release it."""

    suspension_id: str
    user_id: str
    currency: str
    amount: str
    transfer_id: str
    reason: str
    state: str
    releases: int
    actor: str
    suspended_at: str
    changed_at: str
    height: int


class SuspensionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Suspended money, the newest first, as far as `next_cursor`."""

    data: list[SuspensionTold]
    next_cursor: str | None
    has_more: bool
    height: int


def market_told(market: MarketPicture) -> MarketTold:
    """Return a market as it is told."""
    terms = market.terms
    return MarketTold(
        symbol=symbol_of(terms),
        name=market.name,
        base=terms.base,
        quote=terms.quote,
        tick=price_told(terms, 1),
        lot=quantity_told(terms, 1),
        state=market.state.value,
        rules=rules_told(market.rules, terms),
        reference_price=price_or_none(terms, market.reference),
        last_price=price_or_none(terms, market.last_price),
        best_bid=price_or_none(terms, market.bids.best),
        best_ask=price_or_none(terms, market.asks.best),
        sequence=market.sequence,
    )


def rules_told(rules: MarketRules, terms: MarketTerms) -> RulesTold:
    """Return a market's rules as they are told."""
    hours, minutes = divmod(rules.day_ends_minute, 60)
    return RulesTold(
        quantity_min=quantity_told(terms, rules.lots_min),
        quantity_max=quantity_told(terms, rules.lots_max),
        value_min=value_told(terms, rules.value_min_minor),
        band_bps=bps_told(rules.band_ppm),
        reference_s=rules.reference_s,
        routing=rules.routing.value,
        provider=rules.provider,
        fee_schedule=rules.fee_schedule,
        orders_per_user_max=rules.orders_per_user_max,
        day_ends=f"{hours:02d}:{minutes:02d}",
        settling=rules.settling.value,
    )


def price_or_none(terms: MarketTerms, price: int) -> str | None:
    """Return a price as it is told, None for none."""
    return price_told(terms, price) if price else None


def book_told(market: MarketPicture, level: Literal[1, 2, 3], depth: int) -> BookTold:
    """Return a book as it is told; `depth`: prices of a side, or orders for level 3."""
    side = _orders if level == 3 else _levels
    count = 1 if level == 1 else depth
    return BookTold(
        symbol=symbol_of(market.terms),
        level=level,
        sequence=market.sequence,
        state=market.state.value,
        bids=side(market, Side.BUY, count),
        asks=side(market, Side.SELL, count),
        height=market.height,
        at=rfc3339(market.at_us),
    )


def _levels(market: MarketPicture, side: Side, count: int) -> list[BookEntryTold]:
    terms = market.terms
    return [
        BookEntryTold(
            price=price_told(terms, price), quantity=quantity_told(terms, lots), orders=held
        )
        for price, lots, held in market.depth(side, count)
    ]


def _orders(market: MarketPicture, side: Side, count: int) -> list[BookEntryTold]:
    terms = market.terms
    return [
        BookEntryTold(
            order_id=str(number),
            price=price_told(terms, price),
            quantity=quantity_told(terms, lots),
        )
        for number, price, lots in market.orders(side, count)
    ]


def candle_told(view: CandleView, terms: MarketTerms) -> CandleTold:
    """Return a candle as it is told."""
    return CandleTold(
        start=rfc3339(view.start_us),
        open=price_told(terms, view.open),
        high=price_told(terms, view.high),
        low=price_told(terms, view.low),
        close=price_told(terms, view.close),
        volume=quantity_told(terms, view.volume_lots),
        value=value_told(terms, view.value_minor),
        trades=view.trades_count,
    )


def ticker_told(view: TickerView, market: MarketPicture) -> TickerTold:
    """Return a ticker as it is told, with the best prices of the book."""
    terms = view.terms
    return TickerTold(
        symbol=symbol_of(terms),
        state=market.state.value,
        last_price=price_or_none(terms, view.last),
        last_trade_id=str(view.last_trade) if view.last_trade else None,
        best_bid=price_or_none(terms, market.bids.best),
        best_ask=price_or_none(terms, market.asks.best),
        open=price_or_none(terms, view.open),
        high=price_or_none(terms, view.high),
        low=price_or_none(terms, view.low),
        change=price_told(terms, view.change) if view.last else None,
        volume=quantity_told(terms, view.volume_lots),
        value=value_told(terms, view.value_minor),
        trades=view.trades_count,
        sequence=market.sequence,
        at=rfc3339(view.at_us),
    )


def schedule_told(view: FeeScheduleView) -> FeeScheduleTold:
    """Return a fee schedule as it is told."""
    return FeeScheduleTold(
        name=view.name,
        maker_bps=bps_told(view.maker_ppm),
        taker_bps=bps_told(view.taker_ppm),
        users=view.users_count,
        actor=view.actor,
        set_at=rfc3339(view.set_at_us),
        height=view.height,
    )


def suspension_told(view: SuspensionView) -> SuspensionTold:
    """Return suspended money as it is told."""
    return SuspensionTold(
        suspension_id=str(view.suspension),
        user_id=view.user_id,
        currency=view.asset,
        amount=format_amount(view.amount_minor, view.scale),
        transfer_id=view.transfer_id,
        reason=view.reason,
        state=view.state.value,
        releases=view.releases_count,
        actor=view.actor,
        suspended_at=rfc3339(view.suspended_at_us),
        changed_at=rfc3339(view.changed_at_us),
        height=view.height,
    )
