"""What can one order the exchange to do?

`market`: a name such as `BTC-USD`, 1 to 32 characters of `A-Z 0-9 . _ -`. `user_id` as for the
wallets. Orders and trades go by numbers, counted from 1 over all markets and never used again.
Prices are ticks, quantities lots, see `MarketTerms`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nostro.exchange.terms import MarketRules, MarketState, Side
from nostro.kernel.messages import Command

ORDERS_MAX = 500
"""Orders of one PlaceOrders."""
CLIENT_ORDER_ID_LENGTH_MAX = 64


class OrderType(StrEnum):
    """LIMIT rests at its price; MARKET takes what is there up to the worst price; STOP and
    STOP_LIMIT become these once the last trade price reaches the stop price."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class TimeInForce(StrEnum):
    """How long an order lives: until cancelled; not beyond its arrival; all of it at its arrival or
    nothing; until a time; until the market's day ends."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"
    DAY = "day"


class PostOnly(StrEnum):
    """What happens to an order that may only rest, and would trade."""

    NO = "no"
    REJECT = "reject"
    SLIDE = "slide"


class SelfTrade(StrEnum):
    """What happens when an order meets one of the same user; what the taker says counts."""

    CANCEL_TAKER = "cancel_taker"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_BOTH = "cancel_both"
    DECREMENT = "decrement"


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order to place.

    `price`: the limit of LIMIT and STOP_LIMIT; the worst price of MARKET and STOP (0: the band's
    end). `budget_minor`: for MARKET instead of `lots`: how much of the quote asset to spend or to
    earn at most, before fees. `display`: lots shown at a time (0: all). `expires_at_us`: for GTD,
    microseconds since the epoch.
    """

    market: str
    side: Side
    type: OrderType = OrderType.LIMIT
    lots: int = 0
    price: int = 0
    stop: int = 0
    display: int = 0
    budget_minor: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at_us: int = 0
    post_only: PostOnly = PostOnly.NO
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    client_order_id: str = ""


class _AboutMarket(Command, frozen=True, kw_only=True):
    market: str

    @property
    def stream(self) -> str:
        """Name the market."""
        return f"market:{self.market}"


class _AboutUser(Command, frozen=True, kw_only=True):
    user_id: str

    @property
    def stream(self) -> str:
        """Name the trader."""
        return f"trader:{self.user_id}"


class _AboutOrder(Command, frozen=True, kw_only=True):
    order: int

    @property
    def stream(self) -> str:
        """Name the order."""
        return f"order:{self.order}"


# -- markets, fees, stops -------------------------------------------------------------------------


class ListAsset(Command, frozen=True, kw_only=True, tag="exchange.ListAsset"):
    """Let markets trade an asset beyond the seed registry. Sent by the flow when the ledger
    registers one; sent twice: no event."""

    code: str
    scale: int


class CreateMarket(_AboutMarket, frozen=True, kw_only=True, tag="exchange.CreateMarket"):
    """Create a market, closed. Sent by an operator; sent twice with the same content: `exists`.

    Refused: `exchange.bad_market`, `exchange.market_exists` (with other terms),
    `exchange.asset_unknown`, `exchange.same_assets`, `exchange.bad_terms` (facts: what),
    `exchange.bad_rules` (facts: what), `exchange.fee_schedule_unknown`.
    """

    base: str
    quote: str
    lot_minor: int
    tick_units: int = 1
    price_scale: int = 0
    rules: MarketRules = MarketRules()


class ChangeMarket(_AboutMarket, frozen=True, kw_only=True, tag="exchange.ChangeMarket"):
    """Give a market other rules; orders that rest stay. Sent by an operator; sent twice: no event.

    Refused: `exchange.market_unknown`, `exchange.bad_rules`, `exchange.fee_schedule_unknown`,
    `exchange.reference_missing` (an open market gets a band).
    """

    rules: MarketRules


class SetMarketState(_AboutMarket, frozen=True, kw_only=True, tag="exchange.SetMarketState"):
    """Open, halt or close a market; closing cancels every order. Sent by an operator; sent twice:
    no event. Refused: `exchange.market_unknown`, `exchange.reference_missing` (a market with a
    band cannot open without a reference price), `exchange.market_closing` (its last orders are
    still to be cancelled), `exchange.bad_reason`."""

    state: MarketState
    reason: str = ""


class SetReference(_AboutMarket, frozen=True, kw_only=True, tag="exchange.SetReference"):
    """Set the price that the band is counted from. Sent by an operator; sent twice: no event.
    Refused: `exchange.market_unknown`, `exchange.bad_price`."""

    price: int


class SetFeeSchedule(Command, frozen=True, kw_only=True, tag="exchange.SetFeeSchedule"):
    """Name or change a fee schedule; orders that were placed keep their fees. Sent by an operator;
    sent twice: no event.

    Refused: `exchange.bad_fees` (a taker pays 0 to 100 %, a maker at most 100 %; no maker's rebate
    may exceed any taker's fee, or trades would cost the house)."""

    name: str
    maker_ppm: int
    taker_ppm: int


class AssignFeeSchedule(_AboutUser, frozen=True, kw_only=True, tag="exchange.AssignFeeSchedule"):
    """Give a user a schedule of his own ("": that of each market). Sent by an operator; sent twice:
    no event. Refused: `exchange.fee_schedule_unknown`, `exchange.bad_user_id`."""

    schedule: str


class SetKillSwitch(Command, frozen=True, kw_only=True, tag="exchange.SetKillSwitch"):
    """Cancel every order and take no more, of a user ("": of everybody), or let him trade again.
    Sent by an operator or the user himself; sent twice: no event but further cancels. Refused:
    `exchange.bad_user_id`, `exchange.bad_reason`."""

    user_id: str = ""
    engaged: bool = True
    reason: str = ""


# -- orders ---------------------------------------------------------------------------------------


class PlaceOrder(_AboutUser, frozen=True, kw_only=True, tag="exchange.PlaceOrder"):
    """Place one order: its funds are held, then it trades, rests or waits for its stop price. Sent
    by the user; repeats are known by their key.

    Refused, without a mark: `exchange.bad_user_id`, `exchange.market_unknown`,
    `exchange.market_not_open`, `exchange.trading_stopped` (kill switch), `exchange.bad_order`
    (facts: field, what), `exchange.bad_price`, `exchange.bad_quantity`,
    `exchange.quantity_below_minimum`, `exchange.quantity_above_maximum`,
    `exchange.value_below_minimum`, `exchange.value_above_maximum`, `exchange.price_outside_band`,
    `exchange.worst_price_missing`, `exchange.expiry_passed`, `exchange.too_many_orders`.

    With a rejected order as its mark: `exchange.insufficient_funds` (facts: order, asset,
    needed_minor), or another code of the ledger when it will not hold the funds. An order that only
    rests and would trade, or cannot be filled at once as it must be, is accepted and ended; the
    reply says so.
    """

    order: NewOrder


class PlaceOrders(_AboutUser, frozen=True, kw_only=True, tag="exchange.PlaceOrders"):
    """Place up to ORDERS_MAX orders of one user, each with its own result, in order; all funds are
    held before the first one trades. Sent by the user.

    Reply body: {"results": [...]}, each as for PlaceOrder, or {"code": ..., "facts": ...}.
    Refused as a whole: `exchange.bad_user_id`, `exchange.too_many_in_command`.
    """

    orders: list[NewOrder]


class AmendOrder(_AboutOrder, frozen=True, kw_only=True, tag="exchange.AmendOrder"):
    """Change what remains of an open order: `lots` (the new whole quantity, what was filled
    included; None: as it was) and `price` (None: as it was). Less quantity at the same price keeps
    its place in the queue; everything else takes a new place, and trades if it crosses. Sent by the
    user (`user_id` "": by an operator).

    Refused: `exchange.order_unknown` (also: of another user), `exchange.order_not_open`,
    `exchange.order_routed`, `exchange.nothing_changes`, `exchange.cannot_amend` (facts: what), the
    codes of PlaceOrder for price and quantity, and those of the ledger for the funds; the order
    then stays as it is.
    """

    user_id: str
    lots: int | None = None
    price: int | None = None


class CancelOrder(_AboutOrder, frozen=True, kw_only=True, tag="exchange.CancelOrder"):
    """Take an open order back; its funds are released. Sent by the user (`user_id` "": by an
    operator). Sent again once it is closed: refused, with its facts.

    Refused: `exchange.order_unknown`, `exchange.order_not_open`, `exchange.order_routed` (a
    provider has it: its answer comes first), `exchange.bad_reason`.
    """

    user_id: str
    reason: str = "cancelled"


class CancelOrders(Command, frozen=True, kw_only=True, tag="exchange.CancelOrders"):
    """Take back every open order of a user, a market, a side ("" and None: of all). Sent by the
    user, or by an operator without a `user_id`. Orders that a provider has stay.

    Reply body: {"cancelled": [order, ...], "more": ...}: with more than 10,000 orders, send it
    again. Refused: `exchange.bad_user_id`, `exchange.market_unknown`, `exchange.bad_reason`.
    """

    user_id: str = ""
    market: str = ""
    side: Side | None = None
    reason: str = "cancelled"


# -- sent by flows and performers ------------------------------------------------------------------


class EnterOrder(_AboutOrder, frozen=True, kw_only=True, tag="exchange.EnterOrder"):
    """Let an order whose funds are held trade, rest, or wait for its stop price; or one that was
    elected, or came back from a provider, trade. Sent by the flow, within its row.
    Refused elsewhere: `exchange.not_in_course`, as are the next three."""


class RefuseOrder(_AboutOrder, frozen=True, kw_only=True, tag="exchange.RefuseOrder"):
    """Say that the ledger would not hold the funds. Sent by the flow, within the placing row."""

    reason: str


class EnterAmendment(_AboutOrder, frozen=True, kw_only=True, tag="exchange.EnterAmendment"):
    """Take an order off the book and enter it again as amended: further funds are held. Sent by the
    flow, within the amending row."""


class RefuseAmendment(_AboutOrder, frozen=True, kw_only=True, tag="exchange.RefuseAmendment"):
    """Say that the ledger would not hold the further funds: the order stays as it is. Sent by the
    flow, within the amending row."""

    reason: str


class RouteFill(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Lots that a provider filled at a price in ticks."""

    lots: int
    price: int


class EndRoute(_AboutOrder, frozen=True, kw_only=True, tag="exchange.EndRoute"):
    """State for good what a provider did of an order that was routed to it: all fills, or none and
    why. Sent by the performer; twice: `exists`. `provider`: who filled it ("": the market's).

    Refused: `exchange.route_unknown`, `exchange.bad_fill` (more than was routed, or worse than the
    limit: a break for people to look at; the order stays routed).
    """

    route: int
    fills: list[RouteFill]
    reason: str = ""
    reference: str = ""
    provider: str = ""


class SuspendFunds(_AboutUser, frozen=True, kw_only=True, tag="exchange.SuspendFunds"):
    """Say that the ledger would not credit a wallet with what a trade brought or an order released,
    and that it stands in suspense. Sent by the flow."""

    asset: str
    amount_minor: int
    transfer_id: str
    reason: str


class ReleaseFunds(Command, frozen=True, kw_only=True, tag="exchange.ReleaseFunds"):
    """Move suspended funds to their wallet. Sent by an operator once the reason is gone; sent
    twice: `exists`. Refused: `exchange.suspension_unknown`, or the ledger's code (still
    suspended)."""

    suspension: int


class KeepFundsSuspended(Command, frozen=True, kw_only=True, tag="exchange.KeepFundsSuspended"):
    """Say that the ledger refused the release. Sent by the flow, within the releasing row."""

    suspension: int
    reason: str


COMMANDS: tuple[type[Command], ...] = (
    ListAsset,
    CreateMarket,
    ChangeMarket,
    SetMarketState,
    SetReference,
    SetFeeSchedule,
    AssignFeeSchedule,
    SetKillSwitch,
    PlaceOrder,
    PlaceOrders,
    AmendOrder,
    CancelOrder,
    CancelOrders,
    EnterOrder,
    RefuseOrder,
    EnterAmendment,
    RefuseAmendment,
    EndRoute,
    SuspendFunds,
    ReleaseFunds,
    KeepFundsSuspended,
)
