"""What do readers see of markets, orders, trades and fees?

Prices are ticks and quantities lots of the market's `terms`, which each view carries that has any;
values and fees are minor units of the terms' quote asset, times microseconds since the epoch (UTC).
`height`: the journal row that last changed what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from nostro.exchange.commands import OrderType, PostOnly, SelfTrade, TimeInForce
from nostro.exchange.events import OrderState
from nostro.exchange.terms import MarketRules, MarketState, MarketTerms, Settling, Side

LIVE = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.UNTRIGGERED})
"""States of an order that may still trade."""
INTERVALS: Mapping[str, int] = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "1h": 3_600,
    "4h": 14_400,
    "1d": 86_400,
}
"""Names of the intervals of candles, and their seconds."""


class Role(StrEnum):
    """Whether an order in a trade stood on the book, or came and took; one that a provider filled
    took."""

    MAKER = "maker"
    TAKER = "taker"


class RouteState(StrEnum):
    """Where a deed of a provider is: awaited; answered for good; answered with what cannot be, or
    for good and then otherwise, so people must look."""

    OPEN = "open"
    ENDED = "ended"
    BROKEN = "broken"


class SuspensionState(StrEnum):
    """Where money is that a wallet would not take."""

    SUSPENDED = "suspended"
    RELEASED = "released"


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """A market as it stands. `reason`: why it has its state. `reference`: the price from which the
    band is counted as it was last set (0: never)."""

    market: str
    terms: MarketTerms
    rules: MarketRules
    state: MarketState
    reason: str
    reference: int
    created_at_us: int
    changed_at_us: int
    height: int


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands.

    `lots`: its whole quantity now, 0 for one by budget; `lots_left`: unfilled, also those that a
    closed order left. `price`: the limit, or the worst price. `filled_value_minor`: what the filled
    lots cost or brought, before `fee_minor` (negative: a rebate); `notional`: the exact sum of
    price times lots over its fills, from which the average price follows. `reserved_minor` of
    `reserved_asset` are held for it. `closed_at_us`: None while it lives.
    """

    order: int
    user_id: str
    market: str
    terms: MarketTerms
    side: Side
    type: OrderType
    state: OrderState
    reason: str
    price: int
    stop: int
    lots: int
    lots_left: int
    filled_lots: int
    filled_value_minor: int
    notional: int
    fee_minor: int
    trades_count: int
    display: int
    budget_minor: int
    reserved_asset: str
    reserved_minor: int
    time_in_force: TimeInForce
    expires_at_us: int
    post_only: PostOnly
    self_trade: SelfTrade
    maker_ppm: int
    taker_ppm: int
    client_order_id: str
    placed_at_us: int
    changed_at_us: int
    closed_at_us: int | None
    height: int


class TradeView(msgspec.Struct, frozen=True, kw_only=True):
    """A trade with both its sides. `side`: the taker's. A trade with a provider has `route` and
    `provider`, and no maker (order 0, user ""). `sequence`: of the event, in its market."""

    trade: int
    market: str
    terms: MarketTerms
    sequence: int
    price: int
    lots: int
    value_minor: int
    side: Side
    taker_order: int
    taker_user_id: str
    taker_fee_minor: int
    maker_order: int
    maker_user_id: str
    maker_fee_minor: int
    route: int
    provider: str
    at_us: int
    height: int


class FillView(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a trade: that of an order. `provider`: who filled it, "" for another user.
    `settling`: when it changes hands."""

    trade: int
    order: int
    user_id: str
    market: str
    terms: MarketTerms
    side: Side
    role: Role
    price: int
    lots: int
    value_minor: int
    fee_minor: int
    provider: str
    at_us: int
    height: int
    settling: Settling = Settling.INSTANT


class CandleView(msgspec.Struct, frozen=True, kw_only=True):
    """What traded in a market from `start_us` on for one interval. `volume_lots` of the base,
    `value_minor` of the quote asset."""

    start_us: int
    open: int
    high: int
    low: int
    close: int
    volume_lots: int
    value_minor: int
    trades_count: int


class TickerView(msgspec.Struct, frozen=True, kw_only=True):
    """What a market did up to `at_us` in 24 hours, counted in whole minutes.

    `last`, `last_trade`: of the last trade ever (0: none). `open`: the last price before these
    hours, else their first (0: none ever); `change` = last - open. `high`, `low`: 0 when nothing
    traded in these hours.
    """

    market: str
    terms: MarketTerms
    last: int
    last_trade: int
    open: int
    high: int
    low: int
    change: int
    volume_lots: int
    value_minor: int
    trades_count: int
    at_us: int


class FeesView(msgspec.Struct, frozen=True, kw_only=True):
    """What a market brought the house over some days, in minor units of `asset`; makers' fees are
    negative where rebates outweigh them."""

    market: str
    asset: str
    scale: int
    maker_fees_minor: int
    taker_fees_minor: int
    value_minor: int
    trades_count: int

    @property
    def fees_minor(self) -> int:
        """What both sides paid."""
        return self.maker_fees_minor + self.taker_fees_minor


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of a liquidity provider, and what came of it. `reason`, `reference`: as he
    said; of one that is broken, `claimed` are the (lots, price) that he says he filled."""

    route: int
    order: int
    user_id: str
    market: str
    terms: MarketTerms
    provider: str
    side: Side
    lots: int
    limit: int
    all_or_none: bool
    state: RouteState
    filled_lots: int
    value_minor: int
    fee_minor: int
    claimed: list[tuple[int, int]]
    reason: str
    reference: str
    routed_at_us: int
    ended_at_us: int | None
    height: int


class SuspensionView(msgspec.Struct, frozen=True, kw_only=True):
    """Money of a user that his wallet would not take. `transfer_id`: what was refused; `reason`:
    the ledger's, of the last try; `releases_count`: how often people tried to release it."""

    suspension: int
    user_id: str
    asset: str
    scale: int
    amount_minor: int
    transfer_id: str
    reason: str
    state: SuspensionState
    releases_count: int
    actor: str
    suspended_at_us: int
    changed_at_us: int
    height: int


class FeeScheduleView(msgspec.Struct, frozen=True, kw_only=True):
    """A fee schedule, in parts per million of a trade's value, and how many users have it as their
    own."""

    name: str
    maker_ppm: int
    taker_ppm: int
    users_count: int
    actor: str
    set_at_us: int
    height: int


class KillSwitchView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a user ("": anybody) is stopped from trading, since when and by whom."""

    user_id: str
    engaged: bool
    reason: str
    actor: str
    set_at_us: int
    height: int


class OrderFilters(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a list of orders is narrowed to; None where it is not. `live`: only orders that live, or
    only closed ones. Times: of placement, both included."""

    user_id: str | None = None
    market: str | None = None
    side: Side | None = None
    state: OrderState | None = None
    live: bool | None = None
    client_order_id: str | None = None
    from_us: int | None = None
    to_us: int | None = None


class TradeFilters(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a list of trades is narrowed to; None where it is not. Times: both included."""

    market: str | None = None
    from_us: int | None = None
    to_us: int | None = None
