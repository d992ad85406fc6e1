"""Under which terms is an order accepted, and what does it have to hold?"""

from __future__ import annotations

from typing import Any

from nostro.exchange.checks import (
    bad_budget,
    below_minimum,
    check_display,
    check_kind,
    check_lots,
    check_plain,
    check_price,
    check_user_id,
    check_value,
    check_within_band,
    known_market,
)
from nostro.exchange.commands import (
    ORDERS_MAX,
    NewOrder,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    RefuseOrder,
    TimeInForce,
)
from nostro.exchange.events import (
    OrderRefused,
    OrdersPlaced,
    PlacedOrder,
    TraderAdmitted,
)
from nostro.exchange.funds import RESERVED_MAX_MINOR, budget_notional, cost, to_buy
from nostro.exchange.names import name_of
from nostro.exchange.state import ExchangeState, Market, band_around
from nostro.exchange.stops import STOPS_MAX
from nostro.exchange.telling import REJECTED, told
from nostro.exchange.terms import TICKS_MAX, FeeSchedule, MarketState, Routing, Side
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000

# Looking a member up in its enum costs more than comparing it: hot code does so once.
OPEN_MARKET = MarketState.OPEN
LIMIT, STOP_LIMIT = OrderType.LIMIT, OrderType.STOP_LIMIT
BUY, SELL = Side.BUY, Side.SELL
GTC, GTD, DAY = TimeInForce.GTC, TimeInForce.GTD, TimeInForce.DAY
PROVIDER = Routing.PROVIDER


def place(state: ExchangeState, command: PlaceOrder, context: Context) -> Decision:
    """Place one order; the flow has its funds held and lets it enter."""
    user_id = command.user_id
    if user_id not in state.admitted:
        check_user_id(user_id)
    placing = _Placing(state, user_id, context)
    placed = placing.place(command.order)
    return Decision(placing.events(), {"order": placed.number})


def place_several(state: ExchangeState, command: PlaceOrders, context: Context) -> Decision:
    """Place several orders of one user, each with its own result."""
    check_user_id(command.user_id)
    if len(command.orders) > ORDERS_MAX:
        raise Rejection(
            "exchange.too_many_in_command", orders=len(command.orders), orders_max=ORDERS_MAX
        )
    placing = _Placing(state, command.user_id, context)
    results: list[dict[str, Any]] = []
    for order in command.orders:
        try:
            results.append({"order": placing.place(order).number})
        except Rejection as no:
            results.append({"code": no.code, "facts": dict(no.facts)})
    return Decision(placing.events(), {"results": results})


def refuse(state: ExchangeState, command: RefuseOrder, _context: Context) -> Decision:
    """Note that the ledger would not hold the funds: the order is rejected."""
    order = state.orders.get(command.order)
    if order is None or not order.arriving or order.elected or order.routed:
        raise Rejection("exchange.not_in_course", order=command.order)
    refused = OrderRefused(order.market, order.number, order.user_id, command.reason)
    return Decision([refused], told(order, REJECTED.value, command.reason))


class _Placing:
    """The orders of one command, checked one after the other."""

    __slots__ = (
        "_admitted",
        "_at_us",
        "_counts",
        "_names",
        "_placed",
        "_recalled",
        "_state",
        "_stops",
        "_user_id",
    )

    def __init__(self, state: ExchangeState, user_id: str, context: Context) -> None:
        self._state = state
        self._user_id = user_id
        self._at_us = context.at_us
        self._recalled = context.recalled
        self._names: set[str] = set()
        self._placed: list[PlacedOrder] = []
        self._admitted: list[Event] = []
        self._counts: dict[str, int] = {}
        self._stops: dict[str, int] = {}

    def events(self) -> list[Event]:
        """Return what was placed."""
        if not self._placed:
            return []
        return [*self._admitted, OrdersPlaced(self._user_id, self._placed)]

    def place(self, order: NewOrder) -> PlacedOrder:
        """Place one order; raises Rejection."""
        state, user_id = self._state, self._user_id
        market = state.markets.get(order.market)
        if market is None:
            market = known_market(state, order.market)
        if market.state is not OPEN_MARKET:
            not_open(market)
        if state.stopped:
            check_not_stopped(state, user_id)
        rules = market.rules
        if order.type is LIMIT and order.time_in_force is GTC:
            check_plain(order)
            if rules.routing is PROVIDER:
                check_kind(order, rules)
        else:
            check_kind(order, rules)
        price = order.price
        if order.type is not LIMIT or not self._is_plain(market, order):
            price = self._price(market, order)
        asset, reserved, rates = self._needs(market, order, price)
        if order.client_order_id:
            self._name(order.client_order_id)
        self._count(market, order)
        placed = PlacedOrder(
            state.orders_next + len(self._placed),
            market.name,
            order.side,
            order.type,
            order.lots,
            price,
            asset,
            reserved,
            rates.maker_ppm,
            rates.taker_ppm,
            order.stop,
            order.display,
            order.budget_minor,
            order.time_in_force,
            0 if order.time_in_force is GTC else self._expiry(market, order),
            order.post_only,
            order.self_trade,
            order.client_order_id,
        )
        pairs = state.admitted.get(user_id)
        if pairs is None or market.pair not in pairs:
            self._admit(market)
        self._placed.append(placed)
        return placed

    def _name(self, client_order_id: str) -> None:
        """See to it that no name ever stands for two orders."""
        name = name_of(self._user_id, client_order_id)
        used = self._state.names.order(name, self._recalled)
        if used is not None or name in self._names:
            # Of one in the same command, its place in it says which.
            facts = {"client_order_id": client_order_id}
            raise Rejection(
                "exchange.client_order_id_used", **facts, **({"order": used} if used else {})
            )
        self._names.add(name)

    def _admit(self, market: Market) -> None:
        admitted = TraderAdmitted(self._user_id, *market.pair)
        if admitted not in self._admitted:
            self._admitted.append(admitted)

    def _count(self, market: Market, order: NewOrder) -> None:
        """See to it that the user, and the stops of the market, do not become too many."""
        name = market.name
        added = self._counts.get(name, 0)
        own = market.users.get(self._user_id)
        most = market.rules.orders_per_user_max
        if (own is not None and len(own) + added >= most) or added >= most:
            _too_many(market, "user", most)
        self._counts[name] = added + 1
        if order.stop:
            stops = self._stops.get(name, 0)
            if len(market.stops) + stops >= STOPS_MAX:
                _too_many(market, "stops", STOPS_MAX)
            self._stops[name] = stops + 1

    # -- price and quantity ------------------------------------------------------------------------

    def _is_plain(self, market: Market, order: NewOrder) -> bool:
        """Tell at a glance whether price and quantity of a limit order are within all bounds, as
        they mostly are; if not, `_price` says which."""
        rules, price, high = market.rules, order.price, market.band_high
        return (
            rules.lots_min <= order.lots <= rules.lots_max
            and 0 < price <= TICKS_MAX
            and not order.display
            and not rules.value_min_minor
            and (not high or (price <= high if order.side is BUY else price >= market.band_low))
        )

    def _price(self, market: Market, order: NewOrder) -> int:
        """Return the limit or the worst price, once price and quantity were checked."""
        price = order.price
        if order.type is LIMIT or order.type is STOP_LIMIT:
            check_price("price", price)
        else:
            price = _worst_price(market, order)
        if order.budget_minor:
            if order.budget_minor < market.rules.value_min_minor:
                below_minimum(market, order.budget_minor)
        else:
            check_lots(order.lots, market.rules, market.name)
            if order.display:
                check_display(order.display, order.lots)
            check_value(market, price=_valuation(market, order, price), lots=order.lots)
        if market.band_high and not order.stop:
            check_within_band(market, order.side, price)
        return price

    def _needs(self, market: Market, order: NewOrder, price: int) -> tuple[str, int, FeeSchedule]:
        """Return what is to be held for the order: of which asset, how much; and its fees."""
        terms = market.terms
        rates = self._state.rates_of(self._user_id, market)
        budget = order.budget_minor
        if order.side is SELL:
            lots = budget_notional(terms, budget) // price if budget else order.lots
            asset, needed = terms.base, lots * terms.lot_minor
            if not lots:
                bad_budget(budget, cost(terms, price))
        else:
            asset = terms.quote
            value = budget or cost(terms, price * order.lots)
            maker_ppm, taker_ppm = rates.maker_ppm, rates.taker_ppm
            needed = to_buy(value, 0, maker_ppm if maker_ppm > taker_ppm else taker_ppm)
        if needed > RESERVED_MAX_MINOR:
            raise Rejection(
                "exchange.value_above_maximum",
                market=market.name,
                asset=asset,
                needed_minor=needed,
                needed_max_minor=RESERVED_MAX_MINOR,
            )
        return asset, needed, rates

    def _expiry(self, market: Market, order: NewOrder) -> int:
        """Return when an order expires (0: never)."""
        if order.time_in_force is DAY:
            ends = self._at_us // DAY_US * DAY_US + market.rules.day_ends_minute * MINUTE_US
            return ends if ends > self._at_us else ends + DAY_US
        if order.time_in_force is not GTD:
            return 0
        if order.expires_at_us <= self._at_us:
            raise Rejection(
                "exchange.expiry_passed", expires_at_us=order.expires_at_us, at_us=self._at_us
            )
        return order.expires_at_us


def _worst_price(market: Market, order: NewOrder) -> int:
    """Return the worst price at which a MARKET or STOP order may trade: his own, the end of the
    band (around the stop price, for a stop), or any price where that costs nothing more."""
    if order.price:
        check_price("price", order.price)
        return order.price
    buying = order.side is BUY
    low, high = market.band_low, market.band_high
    if order.stop:
        low, high = band_around(order.stop, market.rules.band_ppm)
    if high:
        return high if buying else low
    if bool(order.budget_minor) is buying:
        return TICKS_MAX if buying else 1
    raise Rejection("exchange.worst_price_missing", market=market.name, type=order.type.value)


def _valuation(market: Market, order: NewOrder, price: int) -> int:
    """Return the price at which an order is valued against the minimum: its limit, or, where that
    says little, what the market last paid."""
    if order.type is LIMIT or order.type is STOP_LIMIT:
        return price
    return order.stop or market.last_price or market.reference or price


def _too_many(market: Market, what: str, most: int) -> None:
    raise Rejection(
        "exchange.too_many_orders", market=market.name, what=what, orders=most, orders_max=most
    )


def not_open(market: Market) -> None:
    """Raise Rejection `exchange.market_not_open`."""
    raise Rejection(
        "exchange.market_not_open",
        market=market.name,
        state=market.state.value,
        reason=market.reason,
    )


def check_not_stopped(state: ExchangeState, user_id: str) -> None:
    """Raise Rejection `exchange.trading_stopped`."""
    stopped = state.why_stopped(user_id)
    if stopped is not None:
        who, reason = stopped
        raise Rejection("exchange.trading_stopped", user_id=who, reason=reason)
