"""Which rows does the exchange leave: markets, orders, trades, candles, routes, suspended money?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nostro.adapters.postgres.copy import NULL
from nostro.adapters.postgres.projections.exchange_tables import ExchangeTables
from nostro.adapters.postgres.projections.gathering import quick
from nostro.exchange import (
    AmendmentPlaced,
    AmendmentRefused,
    AssetListed,
    FeeScheduleAssigned,
    FeeScheduleSet,
    FundsKeptSuspended,
    FundsReleased,
    FundsSuspended,
    KillSwitchSet,
    MarketChanged,
    MarketCreated,
    MarketState,
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
    RouteBroken,
    RouteEnded,
    RouteState,
    Settling,
    Side,
    StopsElected,
    SuspensionState,
    TraderAdmitted,
    TradesExecuted,
)
from nostro.kernel.messages import Event
from nostro.kernel.room import Position

US_PER_S = 1_000_000
DAY_US = 86_400 * US_PER_S
# Looking up a member takes Python 3.11 as long as making a small struct.
BUY = Side.BUY
PARTIALLY_FILLED, FILLED = OrderState.PARTIALLY_FILLED, OrderState.FILLED


class ExchangeProjection:
    """Keeps the views of the exchange. Needs no state: all is told by the events."""

    room = "exchange"

    def __init__(self, tables: ExchangeTables) -> None:
        self._tables = tables
        self._extras: dict[int, int] = {}
        """What amendments of the journal row at hand are to hold besides, by order."""
        self._day = (0, "")
        """The day of the last trade: its number since the epoch, and its name."""

    def restore(self, state: Any) -> None:
        """Start from a state of which everything is in the views."""
        self._tables.forget()
        self._extras.clear()

    def before(self, event: Event, position: Position, state: Any) -> None:
        """Do nothing: the event says all."""

    def after(self, event: Event, position: Position, index: int, state: Any) -> None:
        """Take in an event."""
        orders = self._tables.orders
        match event:
            case OrdersPlaced(user_id, placed):
                for order in placed:
                    orders.place(order, user_id, position)
            case TradesExecuted():
                self._execute(event, position)
            case OrderRested():
                course = orders.touch(event.order, position)
                course.price, course.lots_left = event.price, event.lots_left
                course.reserved -= event.released_minor
            case OrdersClosed(_, _, reason, closed):
                for each in closed:
                    course = orders.touch(each.order, position)
                    course.lots_left, course.reason = each.lots_left, reason
                    course.reserved -= each.released_minor
                    course.close(each.state, position)
            case OrderReduced():
                course = orders.touch(event.order, position)
                course.lots, course.lots_left = event.lots, event.lots_left
                course.reserved -= event.released_minor
            case OrderReplaced():
                course = orders.touch(event.order, position)
                course.lots, course.lots_left = event.lots, event.lots_left
                course.price = event.price
                self._extras.pop(event.order, None)
            case AmendmentPlaced():
                orders.touch(event.order, position).reserved += event.extra_minor
                self._extras[event.order] = event.extra_minor
            case AmendmentRefused():
                orders.touch(event.order, position).reserved -= self._extras.pop(event.order)
            case _:
                self._less_often(event, position)

    def _less_often(self, event: Event, position: Position) -> None:
        orders = self._tables.orders
        match event:
            case OrderRefused():
                course = orders.touch(event.order, position)
                course.reason, course.reserved = event.reason, 0
                course.close(OrderState.REJECTED, position)
            case OrderParked():
                orders.touch(event.order, position).state = OrderState.UNTRIGGERED
            case StopsElected(_, elected):
                for order in elected:
                    orders.touch(order, position).state = OrderState.OPEN
            case OrderRouted():
                self._route(event, position)
            case RouteEnded():
                self._end_route(event, position)
            case RouteBroken():  # the order, which may have ended long since, stays as it is
                self._tables.routes.patch(
                    event.route,
                    state=RouteState.BROKEN,
                    claimed=event.fills,
                    reference=event.reference,
                    last_height=position.height,
                )
            case FundsSuspended() | FundsReleased() | FundsKeptSuspended():
                self._suspend(event, position)
            case AssetListed() | TraderAdmitted():
                pass  # shown by the ledger's assets and accounts
            case _:
                self._seldom(event, position)

    # -- trades ------------------------------------------------------------------------------------

    def _execute(self, event: TradesExecuted, position: Position) -> None:
        """Write a row for each fill, and fold it into both orders."""
        tables, market, at_us = self._tables, event.market, position.at_us
        touch, lines, candles = tables.orders.touch, tables.trade_lines, tables.candles
        buys, lot_minor = event.side is BUY, event.lot_minor
        taker, who = touch(event.order, position), quick(event.user_id)
        start = f"{at_us}\t{position.height}\t{event.sequence}"
        volume = total = maker_fees = taker_fees = 0
        for fill in event.fills:
            price, lots, value = fill.price, fill.lots, fill.value_minor
            base = lots * lot_minor
            maker = touch(fill.maker, position)
            maker.trade(
                price=price,
                lots=lots,
                value_minor=value,
                fee_minor=fill.maker_fee_minor,
                spent_minor=base if buys else value + fill.maker_fee_minor,
            )
            maker.reserved -= fill.maker_released_minor
            maker.lots_left = fill.maker_left
            if fill.maker_left:
                maker.state = PARTIALLY_FILLED
            else:
                maker.close(FILLED, position)
            taker.trade(
                price=price,
                lots=lots,
                value_minor=value,
                fee_minor=fill.taker_fee_minor,
                spent_minor=value + fill.taker_fee_minor if buys else base,
            )
            candles.trade(
                market, at_us, trade=fill.trade, price=price, lots=lots, value_minor=value
            )
            volume += lots
            total += value
            maker_fees += fill.maker_fee_minor
            taker_fees += fill.taker_fee_minor
            lines.append(
                f"{fill.trade}\t{start}\t{price}\t{lots}\t{event.order}\t{fill.maker}\t{NULL}"
                f"\t{value}\t{fill.taker_fee_minor}\t{fill.maker_fee_minor}\t{market}"
                f"\t{event.side}\t{who}\t{quick(fill.maker_user_id)}\t\t{event.settling}\n"
            )
        self._taken(event, position)
        day = self._day_of(at_us)
        tables.count(market, day, len(event.fills), volume, total, maker_fees, taker_fees)

    def _taken(self, event: TradesExecuted | RouteEnded, position: Position) -> None:
        """Note what is left of an order that took."""
        course = self._tables.orders.touch(event.order, position)
        course.lots_left = event.left
        course.reserved -= event.released_minor
        if not event.left:
            course.close(FILLED, position)
        elif event.fills:
            course.state = PARTIALLY_FILLED

    def _day_of(self, at_us: int) -> str:
        """Return the name of the day (UTC) of a time."""
        number = at_us // DAY_US
        if number != self._day[0]:
            name = datetime.fromtimestamp(at_us // US_PER_S, UTC).date().isoformat()
            self._day = (number, name)
        return self._day[1]

    # -- providers ---------------------------------------------------------------------------------

    def _route(self, event: OrderRouted, position: Position) -> None:
        self._tables.orders.touch(event.order, position)
        self._tables.routes.insert(
            event.route,
            event.order,
            event.user_id,
            event.market,
            event.provider,
            event.side,
            event.lots,
            event.limit,
            event.all_or_none,
            RouteState.OPEN,
            0,
            0,
            0,
            None,
            "",
            "",
            position.at_us,
            None,
            position.height,
        )

    def _end_route(self, event: RouteEnded, position: Position) -> None:
        """Write a row for each fill, and fold it into the order and the route."""
        tables, buys, at_us = self._tables, event.side is BUY, position.at_us
        course, market = tables.orders.touch(event.order, position), event.market
        volume = value = fees = 0
        for fill in event.fills:
            spent = fill.value_minor + fill.fee_minor if buys else fill.lots * event.lot_minor
            told = {"price": fill.price, "lots": fill.lots, "value_minor": fill.value_minor}
            course.trade(**told, fee_minor=fill.fee_minor, spent_minor=spent)
            tables.candles.trade(market, at_us, trade=fill.trade, **told)
            volume += fill.lots
            value += fill.value_minor
            fees += fill.fee_minor
            tables.trade_lines.append(
                f"{fill.trade}\t{at_us}\t{position.height}\t{event.sequence}\t{fill.price}"
                f"\t{fill.lots}\t{event.order}\t{NULL}\t{event.route}\t{fill.value_minor}"
                f"\t{fill.fee_minor}\t0\t{market}\t{event.side}\t{quick(event.user_id)}"
                f"\t{NULL}\t{quick(event.provider)}\t{Settling.INSTANT}\n"
            )
        self._taken(event, position)
        if event.fills:
            day = self._day_of(at_us)
            tables.count(market, day, len(event.fills), volume, value, 0, fees)
        tables.routes.patch(
            event.route,
            provider=event.provider,
            state=RouteState.ENDED,
            filled_lots=volume,
            value=value,
            fees=fees,
            reason=event.reason,
            reference=event.reference,
            ended_at_us=at_us,
            last_height=position.height,
        )

    # -- money that stands aside, and what operators set -------------------------------------------

    def _suspend(
        self, event: FundsSuspended | FundsReleased | FundsKeptSuspended, position: Position
    ) -> None:
        funds = self._tables.suspended_funds
        now = {"last_at_us": position.at_us, "last_height": position.height}
        match event:
            case FundsSuspended():
                funds.insert(
                    event.suspension,
                    event.user_id,
                    event.asset,
                    event.amount_minor,
                    event.transfer_id,
                    event.reason,
                    SuspensionState.SUSPENDED,
                    0,
                    "",
                    position.at_us,
                    *now.values(),
                )
            case FundsReleased():
                funds.patch(
                    event.suspension,
                    state=SuspensionState.RELEASED,
                    releases_count=event.attempt,
                    actor=event.actor,
                    **now,
                )
            case FundsKeptSuspended(suspension, reason):
                funds.patch(suspension, state=SuspensionState.SUSPENDED, reason=reason, **now)

    def _seldom(self, event: Event, position: Position) -> None:
        tables = self._tables
        when = {"set_at_us": position.at_us, "last_height": position.height}
        match event:
            case MarketCreated(market, terms, rules, _):
                tables.markets.insert(
                    market,
                    terms.base,
                    terms.quote,
                    terms,
                    rules,
                    MarketState.CLOSED,
                    "",
                    0,
                    position.at_us,
                    position.at_us,
                    position.height,
                )
            case MarketChanged(market, rules, _):
                self._change(market, position, rules=rules)
            case MarketStateSet():
                self._change(event.market, position, state=event.state, reason=event.reason)
            case ReferenceSet(market, price, _):
                self._change(market, position, reference=price)
            case FeeScheduleSet(name, maker_ppm, taker_ppm, actor):
                told = {"maker_ppm": maker_ppm, "taker_ppm": taker_ppm, "actor": actor, **when}
                tables.fee_schedules.ensure(name, *told.values())
                tables.fee_schedules.patch(name, **told)
            case FeeScheduleAssigned(user_id, schedule, actor):
                assigned = {"schedule": schedule, "actor": actor, **when}
                tables.fee_assignments.ensure(user_id, *assigned.values())
                tables.fee_assignments.patch(user_id, **assigned)
            case KillSwitchSet(user_id, engaged, reason, actor):
                switch = {"engaged": engaged, "reason": reason, "actor": actor, **when}
                tables.kill_switches.ensure(user_id, *switch.values())
                tables.kill_switches.patch(user_id, **switch)
            case _:
                raise AssertionError(f"not an event of the exchange: {event!r}")

    def _change(self, market: str, position: Position, **values: Any) -> None:
        self._tables.markets.patch(
            market, **values, last_at_us=position.at_us, last_height=position.height
        )
