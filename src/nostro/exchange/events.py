"""What does the exchange report to have happened?

An event with a `sequence` changed what a market shows: these count from 1 in each market, without a
gap. Money that moves is named with its owner, so that a flow needs nothing else; `moves` counts an
order's movements of funds, so that each has an id of its own.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nostro.exchange.commands import OrderType, PostOnly, RouteFill, SelfTrade, TimeInForce
from nostro.exchange.terms import MarketRules, MarketState, MarketTerms, Settling, Side
from nostro.kernel.messages import Event


class OrderState(StrEnum):
    """Where an order is. What expired or was killed is cancelled, with the reason."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    UNTRIGGERED = "untriggered"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


# -- markets, fees, stops -------------------------------------------------------------------------


class AssetListed(Event, frozen=True, array_like=True, tag="exchange.asset_listed"):
    """Markets can trade this asset."""

    code: str
    scale: int


class MarketCreated(Event, frozen=True, array_like=True, tag="exchange.market_created"):
    """A market exists, closed."""

    market: str
    terms: MarketTerms
    rules: MarketRules
    actor: str


class MarketChanged(Event, frozen=True, array_like=True, tag="exchange.market_changed"):
    """A market has other rules."""

    market: str
    rules: MarketRules
    actor: str


class MarketStateSet(Event, frozen=True, array_like=True, tag="exchange.market_state_set"):
    """A market opened, halted or closed; `reason` `band_breached` when it halted itself."""

    market: str
    sequence: int
    state: MarketState
    reason: str
    actor: str


class ReferenceSet(Event, frozen=True, array_like=True, tag="exchange.reference_set"):
    """The band is counted from this price."""

    market: str
    price: int
    actor: str


class FeeScheduleSet(Event, frozen=True, array_like=True, tag="exchange.fee_schedule_set"):
    """A fee schedule has these fees."""

    name: str
    maker_ppm: int
    taker_ppm: int
    actor: str


class FeeScheduleAssigned(
    Event, frozen=True, array_like=True, tag="exchange.fee_schedule_assigned"
):
    """A user has a fee schedule of his own, or ("") no longer."""

    user_id: str
    schedule: str
    actor: str


class KillSwitchSet(Event, frozen=True, array_like=True, tag="exchange.kill_switch_set"):
    """A user ("": nobody) may place no order, or may again."""

    user_id: str
    engaged: bool
    reason: str
    actor: str


class TraderAdmitted(Event, frozen=True, array_like=True, tag="exchange.trader_admitted"):
    """A user's first order in a pair of assets: he needs accounts in both."""

    user_id: str
    base: str
    quote: str


# -- orders ---------------------------------------------------------------------------------------


class PlacedOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An order as it was placed. `price`: the limit, or the worst price, never 0. `reserved_minor`
    of `asset` are to be held. `maker_ppm`, `taker_ppm`: its fees for life. One with a budget has no
    `lots`."""

    number: int
    market: str
    side: Side
    type: OrderType
    lots: int
    price: int
    asset: str
    reserved_minor: int
    maker_ppm: int
    taker_ppm: int
    stop: int = 0
    display: int = 0
    budget_minor: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at_us: int = 0
    post_only: PostOnly = PostOnly.NO
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    client_order_id: str = ""


class OrdersPlaced(Event, frozen=True, array_like=True, tag="exchange.orders_placed"):
    """Orders were placed; their funds are held next, in the same row."""

    user_id: str
    orders: list[PlacedOrder]


class OrderRefused(Event, frozen=True, array_like=True, tag="exchange.order_refused"):
    """The funds of an order could not be held: it is rejected."""

    market: str
    order: int
    user_id: str
    reason: str


class OrderRested(Event, frozen=True, array_like=True, tag="exchange.order_rested"):
    """What is left of an order stands on the book, last of its price."""

    market: str
    sequence: int
    order: int
    user_id: str
    price: int
    lots_left: int
    asset: str
    released_minor: int
    moves: int


class OrderParked(Event, frozen=True, array_like=True, tag="exchange.order_parked"):
    """An order waits for its stop price."""

    market: str
    order: int
    user_id: str


class StopsElected(Event, frozen=True, array_like=True, tag="exchange.stops_elected"):
    """These orders' stop prices were reached: they enter next, in this order, in the same row."""

    market: str
    orders: list[int]


class Fill(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One trade of a taker with a maker, at the maker's price. Fees in minor units of the quote
    asset, negative for a rebate. A maker with nothing left is filled, and what was still held for
    it, `maker_released_minor`, is released."""

    trade: int
    maker: int
    maker_user_id: str
    price: int
    lots: int
    value_minor: int
    maker_fee_minor: int
    taker_fee_minor: int
    maker_left: int
    maker_released_minor: int = 0
    maker_moves: int = 0


class TradesExecuted(Event, frozen=True, array_like=True, tag="exchange.trades_executed"):
    """An order, the taker, traded. A taker with nothing left is filled, and what was still held
    for it is released; one with something left rests, is routed or is closed next. Of one by budget
    `left` says no more than whether it goes on. `lot_minor`, `base`, `quote`: the market's
    terms; `settling`: when what was traded changes hands."""

    market: str
    sequence: int
    order: int
    user_id: str
    side: Side
    base: str
    quote: str
    lot_minor: int
    fills: list[Fill]
    left: int
    released_minor: int
    moves: int
    settling: Settling = Settling.INSTANT


class OrderReduced(Event, frozen=True, array_like=True, tag="exchange.order_reduced"):
    """An order has fewer lots left and keeps its place; `reason` `amended` or `self_trade`.
    `lots`: its whole quantity now."""

    market: str
    sequence: int
    order: int
    user_id: str
    lots: int
    lots_left: int
    asset: str
    released_minor: int
    moves: int
    reason: str


class ClosedOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An order that ended unfilled or partly filled; what was still held for it is released."""

    order: int
    user_id: str
    state: OrderState
    lots_left: int
    asset: str
    released_minor: int
    moves: int


class OrdersClosed(Event, frozen=True, array_like=True, tag="exchange.orders_closed"):
    """Orders ended. `reason`: what their canceller said, or `expired`, `nothing_to_match`, `ioc`,
    `fok`, `would_trade`, `self_trade`, `band_breached`, `budget_too_small`, `sweep_too_long`,
    `market_halted`, `market_closed`, `kill_switch`, `provider: ...`."""

    market: str
    sequence: int
    reason: str
    orders: list[ClosedOrder]


class AmendmentPlaced(Event, frozen=True, array_like=True, tag="exchange.amendment_placed"):
    """An order is to be entered again with other terms; `extra_minor` more of `asset` are to be
    held first, in the same row (0: nothing)."""

    market: str
    order: int
    user_id: str
    lots: int
    price: int
    asset: str
    extra_minor: int
    moves: int


class AmendmentRefused(Event, frozen=True, array_like=True, tag="exchange.amendment_refused"):
    """The further funds could not be held: the order is as it was."""

    market: str
    order: int
    user_id: str
    reason: str


class OrderReplaced(Event, frozen=True, array_like=True, tag="exchange.order_replaced"):
    """An order left its place and has other terms; what becomes of it is told next."""

    market: str
    sequence: int
    order: int
    user_id: str
    lots: int
    lots_left: int
    price: int


# -- liquidity providers ---------------------------------------------------------------------------


class OrderRouted(Event, frozen=True, array_like=True, tag="exchange.order_routed"):
    """What is left of an order is with a provider, who has yet to answer."""

    market: str
    order: int
    user_id: str
    route: int
    provider: str
    terms: MarketTerms
    side: Side
    lots: int
    limit: int
    all_or_none: bool


class RouteTrade(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One trade of an order with a provider."""

    trade: int
    price: int
    lots: int
    value_minor: int
    fee_minor: int


class RouteEnded(Event, frozen=True, array_like=True, tag="exchange.route_ended"):
    """A provider answered for good. An order with nothing left is filled, and what was still held
    for it is released; otherwise it enters the book again or is closed next."""

    market: str
    sequence: int
    order: int
    user_id: str
    side: Side
    route: int
    provider: str
    base: str
    quote: str
    lot_minor: int
    fills: list[RouteTrade]
    reason: str
    reference: str
    left: int
    released_minor: int
    moves: int


class RouteBroken(Event, frozen=True, array_like=True, tag="exchange.route_broken"):
    """A provider says what cannot be: people must look."""

    market: str
    order: int
    route: int
    fills: list[RouteFill]
    reference: str


# -- funds that could not be credited --------------------------------------------------------------


class FundsSuspended(Event, frozen=True, array_like=True, tag="exchange.funds_suspended"):
    """Money of a user stands in suspense, as his wallet would not take it."""

    suspension: int
    user_id: str
    asset: str
    amount_minor: int
    transfer_id: str
    reason: str


class FundsReleased(Event, frozen=True, array_like=True, tag="exchange.funds_released"):
    """Suspended money goes to its wallet; `attempt` counts from 1."""

    suspension: int
    user_id: str
    asset: str
    amount_minor: int
    attempt: int
    actor: str


class FundsKeptSuspended(Event, frozen=True, array_like=True, tag="exchange.funds_kept_suspended"):
    """The ledger would still not credit the wallet."""

    suspension: int
    reason: str


EVENTS: tuple[type[Event], ...] = (
    AssetListed,
    MarketCreated,
    MarketChanged,
    MarketStateSet,
    ReferenceSet,
    FeeScheduleSet,
    FeeScheduleAssigned,
    KillSwitchSet,
    TraderAdmitted,
    OrdersPlaced,
    OrderRefused,
    OrderRested,
    OrderParked,
    StopsElected,
    TradesExecuted,
    OrderReduced,
    OrdersClosed,
    AmendmentPlaced,
    AmendmentRefused,
    OrderReplaced,
    OrderRouted,
    RouteEnded,
    RouteBroken,
    FundsSuspended,
    FundsReleased,
    FundsKeptSuspended,
)
