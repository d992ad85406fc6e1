"""How do operators make markets, open and close them, and set fees and stops?"""

from __future__ import annotations

from typing import Any

from nostro.exchange.cancelling import CANCELS_MAX, closing
from nostro.exchange.checks import (
    check_market_name,
    check_price,
    check_reason,
    check_rules,
    check_schedule_known,
    check_schedule_name,
    check_user_id,
    checked_terms,
    known_market,
)
from nostro.exchange.commands import (
    AssignFeeSchedule,
    ChangeMarket,
    CreateMarket,
    ListAsset,
    SetFeeSchedule,
    SetKillSwitch,
    SetMarketState,
    SetReference,
)
from nostro.exchange.events import (
    AssetListed,
    FeeScheduleAssigned,
    FeeScheduleSet,
    KillSwitchSet,
    MarketChanged,
    MarketCreated,
    MarketStateSet,
    ReferenceSet,
    StopsElected,
)
from nostro.exchange.live import LiveOrder
from nostro.exchange.state import ExchangeState, Market
from nostro.exchange.terms import MarketRules, MarketState
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision

_PPM = 1_000_000
_OF_TERMS = ("base", "quote", "lot_minor", "tick_units", "price_scale")


def list_asset(state: ExchangeState, command: ListAsset, _context: Context) -> Decision:
    """Let markets trade an asset."""
    body = {"asset": command.code}
    if state.scale_of(command.code) is not None:
        return Decision(body=body)
    return Decision([AssetListed(command.code, command.scale)], body)


def create(state: ExchangeState, command: CreateMarket, context: Context) -> Decision:
    """Create a market, closed."""
    check_market_name(command.market)
    market = state.markets.get(command.market)
    if market is not None:
        differs = [
            field for field in _OF_TERMS if getattr(command, field) != getattr(market.terms, field)
        ]
        if differs:
            raise Rejection("exchange.market_exists", market=market.name, differs=differs)
        return Decision(body={**_told(market), "exists": True})
    terms = checked_terms(
        state,
        base=command.base,
        quote=command.quote,
        lot_minor=command.lot_minor,
        tick_units=command.tick_units,
        price_scale=command.price_scale,
    )
    check_rules(state, command.rules)
    event = MarketCreated(command.market, terms, command.rules, context.actor)
    return Decision([event], _told(Market(command.market, terms, command.rules)))


def change(state: ExchangeState, command: ChangeMarket, context: Context) -> Decision:
    """Give a market other rules."""
    market = known_market(state, command.market)
    check_rules(state, command.rules)
    if command.rules == market.rules:
        return Decision(body=_told(market))
    if market.state is MarketState.OPEN:
        _check_reference(market, command.rules)
    return Decision([MarketChanged(market.name, command.rules, context.actor)], _told(market))


def set_state(state: ExchangeState, command: SetMarketState, context: Context) -> Decision:
    """Open, halt or close a market. Opening elects the stops whose price was reached meanwhile;
    closing cancels the orders, as many as one command may, and by the clock the rest."""
    market = known_market(state, command.market)
    check_reason(command.reason)
    if command.state is market.state:
        return Decision(body=_told(market))
    if command.state is MarketState.OPEN:
        _check_may_open(state, market)
    sequence = market.sequence + 1
    events: list[Event] = [
        MarketStateSet(market.name, sequence, command.state, command.reason, context.actor)
    ]
    if command.state is MarketState.CLOSED:
        events += _closing_first(state, market.orders(), "market_closed", after=market.name)
    elif command.state is MarketState.OPEN and market.last_price:
        elected = market.stops.reached(market.last_price, market.last_price)
        if elected:
            events.append(StopsElected(market.name, elected))
    body = {**_told(market), "state": command.state.value, "reason": command.reason}
    return Decision(events, body)


def _check_may_open(state: ExchangeState, market: Market) -> None:
    _check_reference(market, market.rules)
    if state.doomed:
        orders = sum(order.number in state.doomed for order in market.orders())
        if orders:
            raise Rejection("exchange.market_closing", market=market.name, orders=orders)


def _check_reference(market: Market, rules: MarketRules) -> None:
    if rules.band_ppm and not market.reference:
        raise Rejection("exchange.reference_missing", market=market.name)


def _closing_first(
    state: ExchangeState, orders: list[LiveOrder], reason: str, *, after: str = ""
) -> list[Event]:
    """Return the events that cancel as many orders as one command may. `after`: a market of which
    an event was told just before."""
    mine = [(order, reason) for order in orders if not order.route][:CANCELS_MAX]
    return closing(state, mine, after=after)


def set_reference(state: ExchangeState, command: SetReference, context: Context) -> Decision:
    """Set the price that the band is counted from."""
    market = known_market(state, command.market)
    check_price("price", command.price)
    body = {**_told(market), "reference": command.price}
    if command.price == market.reference:
        return Decision(body=body)
    return Decision([ReferenceSet(market.name, command.price, context.actor)], body)


def set_schedule(state: ExchangeState, command: SetFeeSchedule, context: Context) -> Decision:
    """Name or change a fee schedule."""
    name, maker, taker = command.name, command.maker_ppm, command.taker_ppm
    check_schedule_name(name)
    rates = {"maker_ppm": maker, "taker_ppm": taker}
    if not (0 <= taker <= _PPM and -_PPM <= maker <= _PPM):
        raise Rejection(
            "exchange.bad_fees",
            what="a taker pays 0 to 1000000 ppm, a maker at most 1000000",
            **rates,
        )
    others = [each for each in state.schedules.values() if each.name != name]
    taker_min = min([taker, *(each.taker_ppm for each in others)])
    maker_min = min([maker, *(each.maker_ppm for each in others)])
    if taker_min + maker_min < 0:
        raise Rejection(
            "exchange.bad_fees",
            what="no maker's rebate may be more than any taker's fee",
            **rates,
            taker_min_ppm=taker_min,
            maker_min_ppm=maker_min,
        )
    body = {"schedule": name, **rates}
    known = state.schedules.get(name)
    if known is not None and (known.maker_ppm, known.taker_ppm) == (maker, taker):
        return Decision(body=body)
    return Decision([FeeScheduleSet(name, maker, taker, context.actor)], body)


def assign_schedule(state: ExchangeState, command: AssignFeeSchedule, context: Context) -> Decision:
    """Give a user a fee schedule of his own, or take it back."""
    check_user_id(command.user_id)
    if command.schedule:
        check_schedule_known(state, command.schedule)
    body = {"user_id": command.user_id, "schedule": command.schedule}
    if state.own_schedules.get(command.user_id, "") == command.schedule:
        return Decision(body=body)
    assigned = FeeScheduleAssigned(command.user_id, command.schedule, context.actor)
    return Decision([assigned], body)


def set_kill_switch(state: ExchangeState, command: SetKillSwitch, context: Context) -> Decision:
    """Stop a user, or everybody, and cancel his orders; or let him trade again."""
    user_id = command.user_id
    if user_id:
        check_user_id(user_id)
    check_reason(command.reason)
    body: dict[str, Any] = {"user_id": user_id, "engaged": command.engaged, "cancelled": 0}
    events: list[Event] = []
    if command.engaged is not (user_id in state.stopped):
        events.append(KillSwitchSet(user_id, command.engaged, command.reason, context.actor))
    if command.engaged:
        theirs = [
            order for order in state.orders.values() if not user_id or order.user_id == user_id
        ]
        closed = _closing_first(state, theirs, "kill_switch")
        body["cancelled"] = min(CANCELS_MAX, sum(not order.route for order in theirs))
        events += closed
    return Decision(events, body)


def _told(market: Market) -> dict[str, Any]:
    return {
        "market": market.name,
        "state": market.state.value,
        "reason": market.reason,
        "reference": market.reference,
    }
