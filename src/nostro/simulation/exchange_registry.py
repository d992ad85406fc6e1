"""Which markets, fees and stops are there, and may an order be placed under them?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from nostro.exchange import (
    AssetListed,
    FeeScheduleAssigned,
    FeeScheduleSet,
    KillSwitchSet,
    MarketChanged,
    MarketCreated,
    MarketState,
    OrderType,
    ReferenceSet,
    TimeInForce,
    TraderAdmitted,
)
from nostro.kernel.messages import Event
from nostro.simulation.books import Violation
from nostro.simulation.exchange_orders import Held, Market, asset_of, need

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000


class Registry:
    """What operators have set, from the journal alone."""

    def __init__(self) -> None:
        self.markets: dict[str, Market] = {}
        self.stopped: set[str] = set()
        """Users who may not trade; "": nobody may."""
        self._schedules: dict[str, tuple[int, int]] = {"standard": (0, 0)}
        self._assigned: dict[str, str] = {}
        self._admitted: set[tuple[str, str, str]] = set()
        self._at_us = 0

    def is_stopped(self, user_id: str) -> bool:
        """Tell whether a user may not trade."""
        return not self.stopped.isdisjoint(("", user_id))

    def read(self, event: Event, at_us: int) -> bool:
        """Take in an event; tell whether it is one of these."""
        self._at_us = at_us
        handler = _HANDLERS.get(type(event))
        if handler is None:
            return False
        handler(self, event)
        return True

    def _create(self, event: MarketCreated) -> None:
        if event.market in self.markets:
            raise Violation(f"{event.market} is created twice")
        market = self.markets[event.market] = Market(event.market, event.terms, event.rules)
        if market.lot_value * event.terms.value_den != event.terms.value_num:
            raise Violation(f"a lot at a tick is worth {market.lot_value}, not {event.terms}")

    def _change(self, event: MarketChanged) -> None:
        self.markets[event.market].rules = event.rules

    def _list(self, event: AssetListed) -> None:
        """Assets play no part: markets tell their own scales."""

    def _set_reference(self, event: ReferenceSet) -> None:
        market = self.markets[event.market]
        market.reference, market.reference_at_us = event.price, self._at_us

    def _set_schedule(self, event: FeeScheduleSet) -> None:
        self._schedules[event.name] = (event.maker_ppm, event.taker_ppm)
        rebate = -min(maker for maker, _ in self._schedules.values())
        if rebate > min(taker for _, taker in self._schedules.values()):
            raise Violation(f"{event}: a trade may cost the house")

    def _assign(self, event: FeeScheduleAssigned) -> None:
        self._assigned[event.user_id] = event.schedule

    def _switch(self, event: KillSwitchSet) -> None:
        (self.stopped.add if event.engaged else self.stopped.discard)(event.user_id)

    def _admit(self, event: TraderAdmitted) -> None:
        who = (event.user_id, event.base, event.quote)
        if who in self._admitted:
            raise Violation(f"{who} is admitted twice")
        self._admitted.add(who)

    # -- may an order be placed? ------------------------------------------------------------------

    def check_order(self, order: Held, live: Mapping[int, Held]) -> None:
        """Check an order that is being placed, beside those that live."""
        placed, market = order.placed, self.markets[order.placed.market]
        if market.state is not MarketState.OPEN:
            raise Violation(f"{market.name} is {market.state}: {placed}")
        schedule = self._assigned.get(order.user_id) or market.rules.fee_schedule
        if (placed.maker_ppm, placed.taker_ppm) != self._schedules[schedule]:
            raise Violation(f"{placed} should have the fees of {schedule}")
        ours = (asset_of(order, market), _need_first(order, market))
        if ours != (placed.asset, placed.reserved_minor):
            raise Violation(f"{placed} needs {ours}")
        check_terms(order, market, lots=placed.lots, price=placed.price)
        self._check_expiry(order, market)
        theirs = sum(
            other.user_id == order.user_id and other.placed.market == market.name
            for other in live.values()
        )
        if theirs >= market.rules.orders_per_user_max:
            raise Violation(f"{order.user_id} has {theirs} orders in {market.name}")

    def _check_expiry(self, order: Held, market: Market) -> None:
        placed = order.placed
        expires_at_us = placed.expires_at_us
        if placed.time_in_force is TimeInForce.DAY:
            midnight_us = self._at_us - self._at_us % DAY_US
            ends_us = midnight_us + market.rules.day_ends_minute * MINUTE_US
            fits = expires_at_us == ends_us + (DAY_US if ends_us <= self._at_us else 0)
        elif placed.time_in_force is TimeInForce.GTD:
            fits = expires_at_us > self._at_us
        else:
            fits = expires_at_us == 0
        if not fits:
            raise Violation(f"{placed} expires at the wrong time")


def check_terms(order: Held, market: Market, *, lots: int, price: int) -> None:
    """Check quantity and price, of an order or of what it is to become, against its market."""
    placed, rules = order.placed, market.rules
    if placed.budget_minor:
        value = Fraction(placed.budget_minor)
    else:
        value = market.value(_priced(order, market, price), lots)
        if not rules.lots_min <= lots <= rules.lots_max:
            raise Violation(f"{lots} lots of {placed} are not within {rules}")
    if value < rules.value_min_minor:
        raise Violation(f"{placed} is worth {value} only")
    band = market.band(placed.side)
    beyond = price > band if order.buys else price < band
    if placed.type is OrderType.LIMIT and band and beyond and price != order.settled_price:
        raise Violation(f"{price} of {placed} is beyond the band's end {band}")


def _priced(order: Held, market: Market, price: int) -> int:
    """Return the price at which an order is valued: one without a limit at what was last paid."""
    if order.placed.type in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        return price
    return order.placed.stop or market.last or market.reference or price


def _need_first(order: Held, market: Market) -> int:
    """Return what an order must hold at first; who sells by budget holds what that takes at the
    worst price."""
    if order.placed.budget_minor and not order.buys:
        lots = order.placed.budget_minor // market.value(order.price, 1)
        return int(lots) * market.terms.lot_minor
    return need(order, market, as_taker=True)


_HANDLERS: dict[type[Event], Callable[[Registry, Any], None]] = {
    MarketCreated: Registry._create,
    MarketChanged: Registry._change,
    AssetListed: Registry._list,
    ReferenceSet: Registry._set_reference,
    FeeScheduleSet: Registry._set_schedule,
    FeeScheduleAssigned: Registry._assign,
    KillSwitchSet: Registry._switch,
    TraderAdmitted: Registry._admit,
}
