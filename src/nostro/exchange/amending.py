"""Which amendments keep an order's place, which enter it again, and which are refused?"""

from __future__ import annotations

from nostro.exchange.cancelling import live_order
from nostro.exchange.checks import (
    check_display,
    check_lots,
    check_price,
    check_value,
    check_within_band,
)
from nostro.exchange.commands import AmendOrder, RefuseAmendment
from nostro.exchange.events import (
    AmendmentPlaced,
    AmendmentRefused,
    OrderReduced,
)
from nostro.exchange.funds import RESERVED_MAX_MINOR, as_maker, as_taker
from nostro.exchange.live import LiveOrder, copied
from nostro.exchange.placing import check_not_stopped, not_open
from nostro.exchange.state import ExchangeState, Market
from nostro.exchange.telling import asset_of, standing, told
from nostro.exchange.terms import MarketState
from nostro.kernel.messages import Rejection
from nostro.kernel.room import Context, Decision


def amend(state: ExchangeState, command: AmendOrder, _context: Context) -> Decision:
    """Change what remains of an order: less of it at the same price at once, everything else once
    its funds are held."""
    order = live_order(state, command.order, command.user_id)
    market = state.markets[order.market]
    lots = order.lots if command.lots is None else command.lots
    price = order.price if command.price is None else command.price
    if (lots, price) == (order.lots, order.price):
        raise Rejection("exchange.nothing_changes", order=order.number, lots=lots, price=price)
    if market.state is not MarketState.OPEN:
        not_open(market)
    check_not_stopped(state, order.user_id)
    _check(market, order, lots=lots, price=price)
    if price == order.price and lots < order.lots:
        return _reduce(market, order, lots)
    return _place(market, order, lots=lots, price=price)


def _check(market: Market, order: LiveOrder, *, lots: int, price: int) -> None:
    filled = order.lots - order.lots_left
    check_price("price", price)
    check_lots(lots, market.rules, market.name)
    if lots <= filled:
        raise Rejection(
            "exchange.cannot_amend",
            order=order.number,
            what="its quantity must be above what is filled; cancel it instead",
            filled=filled,
            lots=lots,
        )
    if order.display:
        check_display(min(order.display, lots), lots)
    check_value(market, price=price, lots=lots)
    if price != order.price and (not order.stop or order.elected):
        check_within_band(market, order.side, price)


def _reduce(market: Market, order: LiveOrder, lots: int) -> Decision:
    smaller = copied(order)
    smaller.lots_left -= order.lots - lots
    smaller.lots = lots
    terms = market.terms
    needed = (
        as_taker(terms, smaller, price=smaller.price, lots_left=smaller.lots_left)
        if order.parked
        else as_maker(terms, smaller)
    )
    released = order.reserved_minor - needed
    event = OrderReduced(
        market.name,
        market.sequence + 1,
        order.number,
        order.user_id,
        lots,
        smaller.lots_left,
        asset_of(market.terms, order),
        released,
        order.moves + 1 if released else order.moves,
        "amended",
    )
    return Decision([event], told(smaller, standing(smaller)))


def _place(market: Market, order: LiveOrder, *, lots: int, price: int) -> Decision:
    left = order.lots_left + lots - order.lots
    needed = as_taker(market.terms, order, price=price, lots_left=left)
    asset = asset_of(market.terms, order)
    if needed > RESERVED_MAX_MINOR:
        raise Rejection(
            "exchange.value_above_maximum",
            market=market.name,
            asset=asset,
            needed_minor=needed,
            needed_max_minor=RESERVED_MAX_MINOR,
        )
    extra = max(0, needed - order.reserved_minor)
    moves = order.moves + 1 if extra else order.moves
    event = AmendmentPlaced(
        market.name, order.number, order.user_id, lots, price, asset, extra, moves
    )
    return Decision([event], {"order": order.number})


def refuse_amendment(state: ExchangeState, command: RefuseAmendment, _context: Context) -> Decision:
    """Note that the ledger would not hold the further funds: the order stays as it is."""
    if command.order not in state.amendments:
        raise Rejection("exchange.not_in_course", order=command.order)
    order = state.orders[command.order]
    refused = AmendmentRefused(order.market, order.number, order.user_id, command.reason)
    return Decision([refused], told(order, standing(order)))
