"""How do the markets, their books and the open orders durably stand?

The API's own picture: it starts from the exchange's state when the engine has recovered, and folds
every durable event after that, before the reply is released. So whoever was told that an order
rests finds it here. Nothing of it is speculative, unlike the engine's memory. The fold stands on
the way of every order: it does little, and what readers want is made when they read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from nostro.api.picture.beginning import pictured, shown, stand
from nostro.api.picture.halves import ShownOrder
from nostro.api.picture.heard import Heard, OwnFunds, maker_fill, routed_fill, taker_fill
from nostro.api.picture.market import MarketPicture, Printed
from nostro.exchange import (
    AssetListed,
    ExchangeState,
    FeeSchedule,
    FeeScheduleSet,
    FundsReleased,
    FundsSuspended,
    MarketChanged,
    MarketCreated,
    MarketStateSet,
    OrderParked,
    OrderReduced,
    OrderRefused,
    OrderReplaced,
    OrderRested,
    OrderRouted,
    OrdersClosed,
    OrdersPlaced,
    OrderState,
    ReferenceSet,
    RouteEnded,
    Side,
    StopsElected,
    TradesExecuted,
)
from nostro.kernel.asset import SEED
from nostro.ledger import AccountOpened, TransfersRecorded
from nostro.runtime.draft import Durable

log = structlog.get_logger(__name__)

BUY = Side.BUY
OPEN, PARTIALLY_FILLED = OrderState.OPEN, OrderState.PARTIALLY_FILLED
UNTRIGGERED, FILLED, REJECTED = OrderState.UNTRIGGERED, OrderState.FILLED, OrderState.REJECTED
"""On the way of every order the look-up of a member in its enumeration is dear."""
OWN_ACCOUNTS = ("wallet", "orders")
"""What the ids of a user's accounts begin with: `wallet:{user}:{asset}`."""


class Picture:
    """The picture of one exchange. `heard`: who listens to what happens to a user. `broken`: why it
    could not be kept up ("": it is); it then shows nothing until it begins anew. `life` counts how
    often it began: what was shown before shows nothing any more."""

    def __init__(self) -> None:
        self.height = 0
        self.at_us = 0
        self.schedules: dict[str, FeeSchedule] = {}
        self.heard: dict[str, Heard] = {}
        self.broken = ""
        self.life = 0
        self.scales: dict[str, int] = {code: asset.scale for code, asset in SEED.items()}
        self._accounts: dict[int, Heard] = {}
        self._markets: dict[str, MarketPicture] = {}
        self._orders: dict[int, ShownOrder] = {}
        self._by_user: dict[str, dict[int, ShownOrder]] = {}
        self._folds: dict[type, Callable[[Any], None]] = {
            MarketCreated: self._created,
            MarketChanged: self._changed,
            MarketStateSet: self._state_set,
            ReferenceSet: self._reference_set,
            FeeScheduleSet: self._schedule_set,
            OrdersPlaced: self._placed,
            OrderRefused: self._refused,
            OrderRested: self._rested,
            OrderParked: self._parked,
            StopsElected: self._elected,
            TradesExecuted: self._traded,
            OrderReduced: self._reduced,
            OrdersClosed: self._closed,
            OrderReplaced: self._replaced,
            OrderRouted: self._routed,
            RouteEnded: self._route_ended,
            FundsSuspended: self._funds_suspended,
            FundsReleased: self._funds_released,
            AssetListed: self._listed,
            AccountOpened: self._opened,
        }

    # -- reading -----------------------------------------------------------------------------------

    def market(self, name: str) -> MarketPicture | None:
        """Return a market."""
        return self._markets.get(name)

    def markets(self) -> list[MarketPicture]:
        """Return all markets, in the order of their creation."""
        return list(self._markets.values())

    def order(self, number: int) -> ShownOrder | None:
        """Return an order that is not closed."""
        return self._orders.get(number)

    def open_orders(self, user_id: str) -> list[ShownOrder]:
        """Return a user's orders that are not closed, in the order of their placement."""
        return list(self._by_user.get(user_id, {}).values())

    # -- listening ---------------------------------------------------------------------------------

    def watch_account(self, number: int, heard: Heard) -> None:
        """Let somebody hear of whatever moves on an account."""
        self._accounts[number] = heard
        self._folds[TransfersRecorded] = self._recorded

    def deafen(self, user_id: str) -> None:
        """Let nobody listen to a user any more."""
        gone = self.heard.pop(user_id, None)
        self._accounts = {
            number: heard for number, heard in self._accounts.items() if heard is not gone
        }
        if not self._accounts:
            # Most transfers are nobody's who listens: then not even a look is taken.
            self._folds.pop(TransfersRecorded, None)

    # -- folding -----------------------------------------------------------------------------------

    def begin(self, state: ExchangeState, *, height: int, at_us: int = 0) -> None:
        """Show the state that an engine recovered up to a height, and nothing else; called before
        anything more becomes durable."""
        self.height, self.at_us, self.broken = height, at_us, ""
        self.life += 1
        self.schedules = dict(state.schedules)
        self.scales.update(state.assets)
        self._markets, self._orders, self._by_user = {}, {}, {}
        for _, order in sorted(state.orders.items()):
            terms = state.markets[order.market].terms
            self._put(shown(order, terms.quote if order.side is BUY else terms.base))
        for market in state.markets.values():
            picture = self._markets[market.name] = pictured(market, height=height, at_us=at_us)
            stand(market, picture, self._orders)

    def fold(self, reports: Sequence[Durable]) -> None:
        """Take in durable rows, in order."""
        if self.broken:
            return
        folds = self._folds
        try:
            for report in reports:
                self.height = report.height
                self.at_us = report.at_us
                for event in report.events:
                    fold = folds.get(type(event))
                    if fold is not None:
                        fold(event)
        except Exception as bug:
            # The engine must not fall over what only shows what it did.
            self.broken = f"height {self.height}: {bug!r}"
            log.error("picture_broken", height=self.height, error=repr(bug), exc_info=bug)
            self._markets, self._orders, self._by_user = {}, {}, {}

    def _put(self, order: ShownOrder) -> None:
        self._orders[order.placed.number] = order
        own = self._by_user.get(order.user_id)
        if own is None:
            own = self._by_user[order.user_id] = {}
        own[order.placed.number] = order

    def _moved(self, name: str, sequence: int) -> MarketPicture:
        market = self._markets[name]
        market.sequence = sequence
        market.height = self.height
        market.at_us = self.at_us
        return market

    def _created(self, event: MarketCreated) -> None:
        self._markets[event.market] = MarketPicture(event.market, event.terms, event.rules)

    def _changed(self, event: MarketChanged) -> None:
        self._markets[event.market].rules = event.rules

    def _state_set(self, event: MarketStateSet) -> None:
        self._moved(event.market, event.sequence).state = event.state

    def _reference_set(self, event: ReferenceSet) -> None:
        market = self._markets[event.market]
        market.reference, market.reference_at_us = event.price, self.at_us

    def _schedule_set(self, event: FeeScheduleSet) -> None:
        self.schedules[event.name] = FeeSchedule(event.name, event.maker_ppm, event.taker_ppm)

    def _listed(self, event: AssetListed) -> None:
        self.scales[event.code] = event.scale

    def _placed(self, event: OrdersPlaced) -> None:
        user_id, markets = event.user_id, self._markets
        for placed in event.orders:
            market = markets[placed.market]
            market.placed += 1
            market.live += 1
            lots = placed.lots
            order = ShownOrder(placed, user_id, placed.price, lots, lots, OPEN)
            self._put(order)
            if self.heard:
                self._tell(order)

    def _refused(self, event: OrderRefused) -> None:
        self._end(self._orders[event.order], REJECTED, event.reason)

    def _rested(self, event: OrderRested) -> None:
        market = self._moved(event.market, event.sequence)
        order = self._orders[event.order]
        order.price = event.price
        order.left = event.lots_left
        if order.state is not PARTIALLY_FILLED:
            order.state = OPEN
        (market.bids if order.placed.side is BUY else market.asks).add(order)
        if self.heard:
            self._tell(order)

    def _parked(self, event: OrderParked) -> None:
        order = self._orders[event.order]
        order.state = UNTRIGGERED
        if self.heard:
            self._tell(order)

    def _elected(self, event: StopsElected) -> None:
        for number in event.orders:
            order = self._orders[number]
            order.state = OPEN
            if self.heard:
                self._tell(order, "elected")

    def _traded(self, event: TradesExecuted) -> None:
        market = self._moved(event.market, event.sequence)
        orders = self._orders
        taker = orders[event.order]
        half = market.asks if event.side is BUY else market.bids
        for fill in event.fills:
            maker = orders[fill.maker]
            half.fill(maker, fill.lots, fill.maker_left)
            maker.filled += fill.lots
            taker.filled += fill.lots
            maker.value_minor += fill.value_minor
            maker.fee_minor += fill.maker_fee_minor
            taker.value_minor += fill.value_minor
            taker.fee_minor += fill.taker_fee_minor
            if fill.maker_left:
                maker.state = PARTIALLY_FILLED
                if self.heard:
                    self._tell(maker)
            else:
                self._end(maker, FILLED)
        market.trades += len(event.fills)
        market.note_trade(event.fills[-1])
        if market.printed is not None:
            market.printed.append(Printed(event, self.at_us, self.height))
        if self.heard:
            self._tell_fills(market, event)
        self._left(taker, event.left)

    def _left(self, order: ShownOrder, left: int) -> None:
        order.left = left if order.lots else 0  # of one by budget it says nothing
        if not left:
            self._end(order, FILLED)
            return
        order.state = PARTIALLY_FILLED
        if self.heard:
            self._tell(order)

    def _reduced(self, event: OrderReduced) -> None:
        market = self._moved(event.market, event.sequence)
        order = self._orders[event.order]
        order.lots = event.lots
        if order.shown:
            market.half(order.placed.side).reduce(order, event.lots_left)
        order.left = event.lots_left
        if self.heard:
            self._tell(order, event.reason)

    def _closed(self, event: OrdersClosed) -> None:
        market = self._moved(event.market, event.sequence)
        for closed in event.orders:
            order = self._orders[closed.order]
            if order.shown:
                (market.bids if order.placed.side is BUY else market.asks).remove(order)
            order.left = closed.lots_left
            self._end(order, closed.state, event.reason)

    def _replaced(self, event: OrderReplaced) -> None:
        market = self._moved(event.market, event.sequence)
        order = self._orders[event.order]
        if order.shown:
            market.half(order.placed.side).remove(order)
        order.lots, order.left, order.price = event.lots, event.lots_left, event.price
        if self.heard:
            self._tell(order, "amended")

    def _routed(self, event: OrderRouted) -> None:
        if self.heard:
            self._tell(self._orders[event.order], "routed")

    def _route_ended(self, event: RouteEnded) -> None:
        market = self._moved(event.market, event.sequence)
        order = self._orders[event.order]
        if not event.fills:
            return
        for fill in event.fills:
            order.filled += fill.lots
            order.value_minor += fill.value_minor
            order.fee_minor += fill.fee_minor
        market.trades += len(event.fills)
        market.note_trade(event.fills[-1])
        if market.printed is not None:
            market.printed.append(Printed(event, self.at_us, self.height))
        if self.heard:
            self._tell_routed(market, event)
        self._left(order, event.left)

    def _end(self, order: ShownOrder, state: OrderState, reason: str = "") -> None:
        number = order.placed.number
        order.state = state
        self._markets[order.placed.market].live -= 1
        del self._orders[number]
        own = self._by_user[order.user_id]
        del own[number]
        if not own:
            del self._by_user[order.user_id]
        if self.heard:
            self._tell(order, reason)

    # -- telling -----------------------------------------------------------------------------------

    def _tell(self, order: ShownOrder, reason: str = "") -> None:
        heard = self.heard.get(order.user_id)
        if heard is not None:
            heard.order(order, reason)

    def _tell_fills(self, market: MarketPicture, event: TradesExecuted) -> None:
        taker = self.heard.get(event.user_id)
        for fill in event.fills:
            maker = self.heard.get(fill.maker_user_id)
            if maker is not None:
                maker.filled(maker_fill(market.terms, event, fill, self.at_us, self.height))
            if taker is not None:
                taker.filled(taker_fill(market.terms, event, fill, self.at_us, self.height))

    def _tell_routed(self, market: MarketPicture, event: RouteEnded) -> None:
        heard = self.heard.get(event.user_id)
        if heard is not None:
            for fill in event.fills:
                heard.filled(routed_fill(market.terms, event, fill, self.at_us, self.height))

    def _funds_suspended(self, event: FundsSuspended) -> None:
        self._tell_funds(event, "suspended", event.reason)

    def _funds_released(self, event: FundsReleased) -> None:
        self._tell_funds(event, "released", "")

    def _tell_funds(self, event: FundsSuspended | FundsReleased, state: str, reason: str) -> None:
        heard = self.heard.get(event.user_id)
        if heard is not None:
            scale = self.scales[event.asset]
            what = (event.suspension, event.asset, scale, event.amount_minor, state, reason)
            heard.funds(OwnFunds(*what, self.at_us, self.height))

    def _opened(self, event: AccountOpened) -> None:
        kind, _, rest = event.id.partition(":")
        if self.heard and kind in OWN_ACCOUNTS:
            heard = self.heard.get(rest.partition(":")[0])
            if heard is not None and heard.watches_money:
                self.watch_account(event.number, heard)

    def _recorded(self, event: TransfersRecorded) -> None:
        accounts = self._accounts
        for line in event.lines:
            for number in (line.debit, line.credit):
                if number in accounts:
                    accounts[number].moved()
