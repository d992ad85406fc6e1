"""Which course did each order take, and was each step the one that the rules ask for?

The auditor's own exchange. Whatever an entry leads to is told beforehand by `exchange_entry`; what
the journal shows must be just that, event by event. What people and time decide (placing, taking
back, amending, closing, providers' answers) is checked against the rules as it comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from nostro import exchange
from nostro.exchange import (
    AmendmentPlaced,
    AmendmentRefused,
    CancelOrders,
    ClosedOrder,
    FundsKeptSuspended,
    FundsReleased,
    FundsSuspended,
    KillSwitchSet,
    MarketState,
    MarketStateSet,
    OrderReduced,
    OrderRefused,
    OrdersClosed,
    OrdersPlaced,
    PlacedOrder,
    RouteBroken,
    RouteEnded,
    RouteFill,
    Side,
)
from nostro.kernel.messages import Command, Event
from nostro.runtime.ports import Entry as Row
from nostro.simulation.books import Books, Violation
from nostro.simulation.exchange_answers import body_of, check_refusal, means
from nostro.simulation.exchange_entry import Entry
from nostro.simulation.exchange_floor import close_order, elected, release
from nostro.simulation.exchange_money import Money, check_held
from nostro.simulation.exchange_orders import (
    AMENDING,
    ARRIVING,
    BETWEEN,
    ENDED,
    FILLED,
    PARKED,
    REJECTED,
    RESTING,
    ROUTED,
    Held,
    Market,
    asset_of,
    need,
)
from nostro.simulation.exchange_registry import Registry, check_terms

EVENTS = frozenset(exchange.EVENTS)


class Exchange:
    """All markets and orders, and what the journal must show of them next."""

    def __init__(self, *, ends_max: int = 2_000, fills_max: int = 2_000) -> None:
        """`ends_max`: so many orders one row may end; more follow by the clock. `fills_max`: so
        often one entry may trade."""
        self.ends_max = ends_max
        self.fills_max = fills_max
        self.registry = Registry()
        self.orders: dict[int, Held] = {}
        self.money = Money()
        self.trades = 0
        self.routes = 0
        self.ranks = 0
        self.at_us = 0
        self.routed: dict[int, int] = {}
        """Routes that are awaited, and their orders."""
        self.ended_routes: dict[int, tuple[int, list[tuple[int, int]]]] = {}
        self.broken: set[int] = set()
        """Routes of which a provider said what cannot be."""
        self.closed_at: dict[int, list[int]] = {}
        """Height to the orders that the row closed."""
        self.told: dict[tuple[int, int], dict[str, Any]] = {}
        """(height, order) to what its sender must have been told."""
        self._client_ids: dict[tuple[str, str], int] = {}
        self._height = 0
        self._row: Row
        self._command: Command | None = None
        self._due: deque[Event] = deque()
        self._entering: deque[int] = deque()
        self._elected: deque[int] = deque()
        self._live: dict[int, Held] = {}
        self._doomed: dict[int, str] = {}
        """Orders that must be closed by what was said before, and why."""
        self._just_doomed: dict[int, str] = {}

    # -- what others ask ---------------------------------------------------------------------------

    def is_stopped(self, user_id: str) -> bool:
        """Tell whether a user may not trade."""
        return self.registry.is_stopped(user_id)

    @property
    def markets(self) -> dict[str, Market]:
        """Return all markets, by name."""
        return self.registry.markets

    def resting(self, market: str, side: Side) -> list[Held]:
        """Return what rests on a side of a market."""
        return [
            order
            for order in self._live.values()
            if order.state == RESTING
            and order.placed.market == market
            and order.placed.side is side
        ]

    def live(self) -> list[tuple[int, str]]:
        """Return the orders that have not ended, and where they are."""
        return [(number, order.state) for number, order in self._live.items()]

    def awaited(self, soon_us: int) -> bool:
        """Tell whether a provider, or a time before `soon_us`, is still to end orders."""
        expiring = any(
            0 < order.placed.expires_at_us < soon_us
            for order in self._live.values()
            if order.state != ROUTED
        )
        doomed = not self._doomed.keys().isdisjoint(self._live)
        return bool(self.routed.keys() - self.broken) or expiring or doomed

    def to_mend(self) -> set[int]:
        """Return the routes that only people can end."""
        return self.broken & self.routed.keys()

    def counts(self) -> dict[str, int]:
        """Return how much there was of everything."""
        states = [order.state for order in self.orders.values()]
        return {
            "orders": len(states),
            "filled": states.count(FILLED),
            "trades": self.trades,
            "routes": self.routes,
            "suspensions": len(self.money.suspensions),
        }

    # -- rows -------------------------------------------------------------------------------------

    def begin_row(self, row: Row, command: Command | None) -> None:
        """Begin a row; `command` is what led to it, None when that is not known."""
        self._row, self._command = row, command
        self._height, self.at_us = row.height, row.at_us
        self._just_doomed.clear()

    def read(self, event: Event) -> None:
        """Take in one event of the exchange; raises Violation."""
        if type(event) not in EVENTS:
            return
        if isinstance(event, FundsSuspended | FundsReleased | FundsKeptSuspended):
            self.money.read(event)
        elif self._due:
            self._compare(event)
        elif isinstance(event, OrderRefused):
            self._refuse(event)
        elif isinstance(event, AmendmentRefused):
            self._refuse_amendment(event)
        elif self._entering or self._elected:
            self._enter(event)
        elif self.registry.read(event, self.at_us):
            if isinstance(event, KillSwitchSet) and event.engaged:
                self._doom("", event.user_id, "kill_switch")
        else:
            handler = _HANDLERS.get(type(event))
            if handler is None:
                raise Violation(f"nothing led to {event!r:.300}")
            handler(self, event)

    def _compare(self, event: Event) -> None:
        expected = self._due.popleft()
        if event != expected:
            raise Violation(f"it should be {expected}, not {event}")

    def _enter(self, event: Event) -> None:
        """Let the next order in, and compare what is told of it."""
        number = (self._entering or self._elected).popleft()
        order = self.orders[number]
        entry = Entry(self, order, self.markets[order.placed.market])
        entry.enter()
        self._follow(entry)
        self._compare(event)

    def _follow(self, entry: Entry) -> None:
        """Expect what an entry led to."""
        order = entry.order
        for event in entry.events:
            if isinstance(event, exchange.StopsElected):
                self._elected.extend(event.orders)
        self._due.extend(entry.events)
        if order.state in ENDED:
            self._live.pop(order.number, None)
        self._tell(order, entry.fills)

    def _tell(self, order: Held, fills: list[list[int]]) -> None:
        body = body_of(order, fills)
        # A stop that is elected in its own row enters twice: its sender is told of the first time.
        self.told.setdefault((self._height, order.number), body)

    def end_row(self, *, accepted: bool) -> None:
        """Check that nothing is between two states."""
        if self._due:
            raise Violation(f"it should go on with {self._due[0]}")
        if self._entering or self._elected:
            raise Violation(f"never entered: {[*self._entering, *self._elected]}")
        self._live = {n: order for n, order in self._live.items() if order.state not in ENDED}
        for order in self._live.values():
            if order.state in BETWEEN:
                raise Violation(f"order {order.number} is left {order.state}")
        for market in self.markets.values():
            self._check_market(market)
        if accepted:
            self._check_all_ended()
        else:
            check_refusal(self._row, self._command, self.orders, self.registry)

    def _check_all_ended(self) -> None:
        """Whoever had to end by this row has ended, unless there were too many for one row."""
        row, command = self._row, self._command
        if len(self.closed_at.get(row.height, ())) >= self.ends_max:
            return
        is_tick = row.kind == "runtime.Tick"
        doomed = self._doomed if is_tick else self._just_doomed
        for number, order in self._live.items():
            if order.state not in (RESTING, PARKED):
                continue
            if number in doomed:
                raise Violation(f"{order} should have ended: {doomed[number]}")
            if is_tick and 0 < order.placed.expires_at_us <= self.at_us:
                raise Violation(f"{order} should have expired")
            if isinstance(command, CancelOrders) and means(command, order):
                raise Violation(f"{order} should have been taken back by {command}")

    def _check_market(self, market: Market) -> None:
        """A book is never crossed."""
        bids = [order.price for order in self.resting(market.name, Side.BUY)]
        asks = [order.price for order in self.resting(market.name, Side.SELL)]
        if bids and asks and max(bids) >= min(asks):
            raise Violation(f"{market.name} is crossed: {max(bids)} and {min(asks)}")

    def check_held(self, touched: set[str], books: Books) -> None:
        """Check that what the ledger holds for orders is what the live ones need and no less."""
        live = [(order, self.markets[order.placed.market]) for order in self._live.values()]
        for account in touched:
            if account.startswith("orders:"):
                check_held(account, live, books)

    def check_rest(self) -> None:
        """When all markets are closed: every order has an end, and holds nothing."""
        if self._live:
            raise Violation(f"still alive: {self.live()[:9]}")
        if self.routed:
            raise Violation(f"routes without an end: {self.routed}")
        for order in self.orders.values():
            if order.reserved:
                raise Violation(f"order {order.number} ended and holds {order.reserved}")
        if self.money.suspended():
            raise Violation(f"left in suspense: {self.money.suspended()}")

    # -- markets, fees, stops ---------------------------------------------------------------------

    def _set_state(self, event: MarketStateSet) -> None:
        market = self.markets[event.market]
        self._check_sequence(event)
        market.state = event.state
        if event.state is MarketState.CLOSED:
            self._doom(event.market, "", "market_closed")
        elif event.state is MarketState.OPEN:
            found = elected(self, market, [market.last])
            self._due.extend(found)
            for each in found:
                self._elected.extend(each.orders)

    def _doom(self, market: str, user_id: str, reason: str) -> None:
        """Expect the end of all orders of a market, or a user, that no provider has."""
        for number, order in self._live.items():
            meant = market in ("", order.placed.market) and user_id in ("", order.user_id)
            if meant and order.state in (RESTING, PARKED):
                self._doomed.setdefault(number, reason)
                self._just_doomed[number] = reason

    def _check_sequence(self, event: Any) -> None:
        market = self.markets[event.market]
        market.sequence += 1
        if event.sequence != market.sequence:
            raise Violation(f"{event} should have sequence {market.sequence}")

    # -- placing ----------------------------------------------------------------------------------

    def _place(self, event: OrdersPlaced) -> None:
        if self.is_stopped(event.user_id):
            raise Violation(f"{event.user_id} may not trade: {event}")
        for placed in event.orders:
            self._place_one(event.user_id, placed)
            self._entering.append(placed.number)

    def _place_one(self, user_id: str, placed: PlacedOrder) -> None:
        if placed.number != len(self.orders) + 1:
            raise Violation(f"order {placed.number} follows {len(self.orders)}")
        order = Held(
            placed=placed,
            user_id=user_id,
            height=self._height,
            lots=placed.lots,
            left=placed.lots,
            price=placed.price,
            reserved=placed.reserved_minor,
            moves=1,
        )
        self.registry.check_order(order, self._live)
        if placed.client_order_id:
            name = (user_id, placed.client_order_id)
            if name in self._client_ids and self._row.command_id.startswith("order:"):
                raise Violation(f"{name} names {self._client_ids[name]} and {placed.number}")
            self._client_ids.setdefault(name, placed.number)
        self.orders[placed.number] = self._live[placed.number] = order
        asset = placed.asset
        self.money.pay(f"wallet:{user_id}:{asset}", f"orders:{user_id}:{asset}", order.reserved)

    def _refuse(self, event: OrderRefused) -> None:
        """An order whose funds are not there is rejected, and leaves no trace in the accounts."""
        if not self._entering or self._entering[0] != event.order:
            raise Violation(f"{event} is refused out of its turn")
        order = self.orders[self._entering.popleft()]
        if order.state != ARRIVING:
            raise Violation(f"{event} refuses what is {order.state}")
        asset, user_id = order.placed.asset, order.user_id
        self.money.pay(f"orders:{user_id}:{asset}", f"wallet:{user_id}:{asset}", order.reserved)
        order.reserved = 0
        order.state, order.reason, order.ended_at = REJECTED, event.reason, self.at_us

    # -- taking back ------------------------------------------------------------------------------

    def _close(self, event: OrdersClosed) -> None:
        """People or time end orders."""
        self._check_sequence(event)
        closed = self.closed_at.setdefault(self._height, [])
        for told in event.orders:
            order = self._live.get(told.order)
            if order is None or order.state not in (RESTING, PARKED):
                raise Violation(f"{told} cannot be closed: {order}")
            self._check_cause(event.reason, order)
            market = self.markets[event.market]
            ours: ClosedOrder = close_order(self, order, market, event.reason)
            if ours != told:
                raise Violation(f"it should be {ours}, not {told}")
            closed.append(order.number)
            self._live.pop(order.number)
            self._tell(order, [])

    def _check_cause(self, reason: str, order: Held) -> None:
        """Check that an order is one of those that the row is about, and for that reason."""
        row, market = self._row, self.markets[order.placed.market]
        match row.kind.partition(".")[2]:
            case "CancelOrder" | "CancelOrders":
                fits = self._command is None or means(self._command, order)
            case "SetMarketState":
                fits = market.state is MarketState.CLOSED and reason == "market_closed"
            case "SetKillSwitch":
                fits = self.is_stopped(order.user_id) and reason == "kill_switch"
            case "Tick":
                expired = 0 < order.placed.expires_at_us <= self.at_us
                fits = expired and reason == "expired"
                fits = fits or self._doomed.get(order.number) == reason
            case _:
                fits = False
        if not fits:
            raise Violation(f"{row.kind} ends {order.number} ({reason}): {self._command}")

    # -- amending ---------------------------------------------------------------------------------

    def _reduce(self, event: OrderReduced) -> None:
        """The sender wants less of an order, which keeps its place."""
        self._check_sequence(event)
        order, market = self.orders[event.order], self.markets[event.market]
        cut = order.lots - event.lots
        if event.reason != "amended" or order.state not in (RESTING, PARKED):
            raise Violation(f"{event} is not asked for: {order}")
        if cut <= 0 or order.left - cut <= 0:
            raise Violation(f"{event} is no less: {order}")
        order.lots -= cut
        order.left -= cut
        order.shown = min(order.shown, order.left)
        spare = order.reserved - need(order, market, as_taker=order.state == PARKED)
        released = release(self, order, market, spare)
        said = (event.lots_left, event.asset, event.released_minor, event.moves)
        ours = (order.left, asset_of(order, market), released, order.moves)
        if said != ours:
            raise Violation(f"{event} should say {ours}")
        self._tell(order, [])

    def _amend(self, event: AmendmentPlaced) -> None:
        order, market = self.orders[event.order], self.markets[event.market]
        if order.state not in (RESTING, PARKED) or market.state is not MarketState.OPEN:
            raise Violation(f"{event} amends what is {order.state} in {market.state}")
        before = (order.lots, order.left, order.price)
        filled = order.lots - order.left
        if event.lots <= filled:
            raise Violation(f"{event}: {filled} are filled already")
        order.lots, order.left, order.price = event.lots, event.lots - filled, event.price
        check_terms(order, market, lots=event.lots, price=event.price)
        carry, order.carry = order.carry, type(order.carry)(0)
        wanted = need(order, market, as_taker=True)
        order.lots, order.left, order.price = before
        order.carry = carry
        extra = max(0, wanted - order.reserved)
        moves = order.moves + (extra > 0)
        if (extra, moves) != (event.extra_minor, event.moves):
            raise Violation(f"{event} should need {extra} more")
        order.before, order.state = order.state, AMENDING
        order.amended = (event.lots, event.price)
        order.moves = moves
        self._take_more(order, market, extra)
        self._entering.append(order.number)

    def _take_more(self, order: Held, market: Market, amount: int) -> None:
        asset = asset_of(order, market)
        order.reserved += amount
        source, target = f"wallet:{order.user_id}:{asset}", f"orders:{order.user_id}:{asset}"
        self.money.pay(source, target, amount)
        order.extra = amount

    def _refuse_amendment(self, event: AmendmentRefused) -> None:
        order = self.orders[event.order]
        if order.state != AMENDING or self._entering.popleft() != event.order:
            raise Violation(f"{event} refuses what is {order.state}")
        self._take_more(order, self.markets[event.market], -order.extra)
        order.state = order.before

    # -- providers --------------------------------------------------------------------------------

    def _end_route(self, event: RouteEnded) -> None:
        order = self.orders.get(self.routed.pop(event.route, 0))
        if order is None or order.state != ROUTED or order.number != event.order:
            raise Violation(f"{event} ends what is {order}")
        fills = [RouteFill(fill.lots, fill.price) for fill in event.fills]
        self._check_bounds(order, fills)
        said = [(fill.lots, fill.price) for fill in fills]
        self.ended_routes[event.route] = (order.number, said)
        entry = Entry(self, order, self.markets[event.market])
        entry.come_back(fills, event.reason, event)
        self._follow(entry)
        self._compare(event)
        if order.state not in ENDED:
            self._entering.append(order.number)

    @staticmethod
    def _check_bounds(order: Held, fills: Sequence[RouteFill]) -> None:
        lots, limit, whole = order.routed_for
        total = sum(fill.lots for fill in fills)
        if total > lots or (whole and total not in (0, lots)):
            raise Violation(f"{total} of {lots} lots of {order.number} are filled")
        for fill in fills:
            worse = fill.price > limit if order.buys else fill.price < limit
            if worse or fill.lots <= 0 or fill.price <= 0:
                raise Violation(f"{fill} of {order.number} is worse than {limit}")

    def _break(self, event: RouteBroken) -> None:
        """A provider says what cannot be: the order waits for people."""
        order = self.orders[event.order]
        if self.routed.get(event.route) != event.order or event.route in self.broken:
            raise Violation(f"{event} breaks what is {order}")
        lots, _, _ = order.routed_for
        if sum(fill.lots for fill in event.fills) <= lots:
            raise Violation(f"{event} breaks nothing: {order}")
        self.broken.add(event.route)


_HANDLERS: dict[type[Event], Callable[[Exchange, Any], None]] = {
    MarketStateSet: Exchange._set_state,
    OrdersPlaced: Exchange._place,
    OrdersClosed: Exchange._close,
    OrderReduced: Exchange._reduce,
    AmendmentPlaced: Exchange._amend,
    RouteEnded: Exchange._end_route,
    RouteBroken: Exchange._break,
}
