"""Of what on the exchange does a journal row tell the world?

One notice for each row and kind, with at most IDS_MAX things: 500 orders that are placed at once,
and trade, are one message of orders and one of trades. Prices, quantities and amounts are decimal
strings; what an event does not say of them, the views know.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nostro.adapters.webhooks.notices import IDS_MAX, Data, Notice, decoders_of, events_in
from nostro.adapters.webhooks.records import EventType
from nostro.exchange import (
    FundsSuspended,
    MarketStateSet,
    MarketTerms,
    OrderRefused,
    OrdersClosed,
    OrdersPlaced,
    OrderState,
    OrderView,
    PlacedOrder,
    RouteBroken,
    RouteEnded,
    TradesExecuted,
)
from nostro.kernel.messages import Event
from nostro.kernel.money import format_amount

Heard = tuple[int, Event]
"""An event, and its place in its row."""


class Needed(NamedTuple):
    """What the views must say before some events can be told."""

    markets: set[str]
    orders: set[int]
    assets: set[str]

    @classmethod
    def none(cls) -> Needed:
        """Return that nothing is needed."""
        return cls(set(), set(), set())


class Known(NamedTuple):
    """What the views say: terms of markets, orders that are closed, decimals of assets."""

    terms: Mapping[str, MarketTerms]
    orders: Mapping[int, OrderView]
    scales: Mapping[str, int]


class _Kind(NamedTuple):
    """How a kind is told. `number` sets its notices apart from others that begin at the same event
    and never changes; `items`: what its list is called; `tell` has what each event adds to it."""

    number: int
    items: str
    tell: Mapping[type[Event], Callable[[Any, Known], Iterator[Data]]]


def tags_of(types: Container[str]) -> list[bytes]:
    """Return what a row has in it, as bytes, when it may tell something of these types."""
    return [f'"{tag}"'.encode() for tag in decoders_of(_events_of(types))]


def heard_in(payload: bytes, types: Container[str]) -> list[Heard]:
    """Return the events of a journal row that may tell something of these types."""
    return list(events_in(payload, decoders_of(_events_of(types))))


def add_needed(needed: Needed, heard: Sequence[Heard], types: Container[str]) -> None:
    """Add what must be known to tell these events."""
    closings = EventType.ORDER_CLOSED.value in types
    for _, event in heard:
        match event:
            case FundsSuspended():
                needed.assets.add(event.asset)
            case OrdersPlaced():
                needed.markets.update(order.market for order in event.orders)
            case _:
                needed.markets.add(event.market)  # type: ignore[attr-defined]
        if closings:
            needed.orders.update(number for number, _, _ in _closings(event))


def notices_of(heard: Sequence[Heard], types: Container[str], known: Known) -> Iterator[Notice]:
    """Yield what the events of one row tell of these types. The place of a notice is `<event>.
    <page>.<kind>`, the event being the first that its kind tells of."""
    for type, kind in _KINDS.items():
        if type.value not in types:
            continue
        first, items = -1, []
        for index, event in heard:
            tell = kind.tell.get(event.__class__)
            told = list(tell(event, known)) if tell else []
            first = index if told and first < 0 else first
            items += told
        pages = -(-len(items) // IDS_MAX)
        for page in range(pages):
            part = items[page * IDS_MAX : (page + 1) * IDS_MAX]
            data = {"page": page + 1, "pages": pages, kind.items: part}
            yield Notice(f"{first}.{page}.{kind.number}", type, data)


def _events_of(types: Container[str]) -> list[type[Event]]:
    kinds = (kind for type, kind in _KINDS.items() if type.value in types)
    return list(dict.fromkeys(event for kind in kinds for event in kind.tell))


# -- orders ----------------------------------------------------------------------------------------


def _placed(event: OrdersPlaced, known: Known) -> Iterator[Data]:
    for order in event.orders:
        yield _order_placed(order, event.user_id, known.terms[order.market])


def _order_placed(order: PlacedOrder, user_id: str, terms: MarketTerms) -> Data:
    return {
        "order_id": str(order.number),
        "client_order_id": order.client_order_id,
        "user_id": user_id,
        "symbol": _symbol(terms),
        "side": order.side,
        "type": order.type,
        "time_in_force": order.time_in_force,
        "price": _price(terms, order.price) if order.price else None,
        "stop_price": _price(terms, order.stop) if order.stop else None,
        "quantity": _quantity(terms, order.lots) if order.lots else None,
        "quote_amount": _value(terms, order.budget_minor) if order.budget_minor else None,
    }


def _closed(event: Event, known: Known) -> Iterator[Data]:
    for number, state, reason in _closings(event):
        order = known.orders[number]
        terms = known.terms[order.market]
        yield {
            "order_id": str(number),
            "client_order_id": order.client_order_id,
            "user_id": order.user_id,
            "symbol": _symbol(terms),
            "side": order.side,
            "type": order.type,
            "status": state,
            "reason": reason,
            "quantity": _quantity(terms, order.lots) if order.lots else None,
            "filled": _quantity(terms, order.filled_lots),
            "value": _value(terms, order.filled_value_minor),
            "fees": _value(terms, order.fee_minor),
            "fee_asset": terms.quote,
        }


def _closings(event: Event) -> Iterator[tuple[int, OrderState, str]]:
    """Yield the orders that an event ends: number, state, and why."""
    match event:
        case TradesExecuted():
            for fill in event.fills:
                if not fill.maker_left:
                    yield fill.maker, OrderState.FILLED, ""
            if not event.left:
                yield event.order, OrderState.FILLED, ""
        case RouteEnded():
            if not event.left:
                yield event.order, OrderState.FILLED, ""
        case OrdersClosed():
            for each in event.orders:
                yield each.order, each.state, event.reason
        case OrderRefused():
            yield event.order, OrderState.REJECTED, event.reason


# -- trades ----------------------------------------------------------------------------------------


def _executed(event: TradesExecuted, known: Known) -> Iterator[Data]:
    terms = known.terms[event.market]
    for fill in event.fills:
        yield {
            **_trade(event, fill, terms),
            "taker_fee": _value(terms, fill.taker_fee_minor),
            "maker_order_id": str(fill.maker),
            "maker_user_id": fill.maker_user_id,
            "maker_fee": _value(terms, fill.maker_fee_minor),
            "fee_asset": terms.quote,
            "provider": "",
        }


def _provided(event: RouteEnded, known: Known) -> Iterator[Data]:
    terms = known.terms[event.market]
    for fill in event.fills:
        yield {
            **_trade(event, fill, terms),
            "taker_fee": _value(terms, fill.fee_minor),
            "maker_order_id": None,
            "maker_user_id": None,
            "maker_fee": None,
            "fee_asset": terms.quote,
            "provider": event.provider,
        }


def _trade(event: TradesExecuted | RouteEnded, fill: Any, terms: MarketTerms) -> Data:
    """Return what a trade with another user and one with a provider have in common."""
    return {
        "trade_id": str(fill.trade),
        "symbol": _symbol(terms),
        "sequence": event.sequence,
        "side": event.side,
        "price": _price(terms, fill.price),
        "quantity": _quantity(terms, fill.lots),
        "value": _value(terms, fill.value_minor),
        "taker_order_id": str(event.order),
        "taker_user_id": event.user_id,
    }


# -- what people must look at ----------------------------------------------------------------------


def _broken(event: RouteBroken, known: Known) -> Iterator[Data]:
    terms = known.terms[event.market]
    yield {
        "route_id": str(event.route),
        "order_id": str(event.order),
        "symbol": _symbol(terms),
        "claimed": [
            {"price": _price(terms, fill.price), "quantity": _quantity(terms, fill.lots)}
            for fill in event.fills
        ],
        "reference": event.reference,
    }


def _suspended(event: FundsSuspended, known: Known) -> Iterator[Data]:
    yield {
        "suspension_id": str(event.suspension),
        "user_id": event.user_id,
        "asset": event.asset,
        "amount": format_amount(event.amount_minor, known.scales[event.asset]),
        "transfer_id": event.transfer_id,
        "reason": event.reason,
    }


def _state_changed(event: MarketStateSet, known: Known) -> Iterator[Data]:
    yield {
        "symbol": _symbol(known.terms[event.market]),
        "sequence": event.sequence,
        "state": event.state,
        "reason": event.reason,
        "actor": event.actor,
    }


def _symbol(terms: MarketTerms) -> str:
    return f"{terms.base}/{terms.quote}"


def _price(terms: MarketTerms, ticks: int) -> str:
    return format_amount(ticks * terms.tick_units, terms.price_scale)


def _quantity(terms: MarketTerms, lots: int) -> str:
    return format_amount(lots * terms.lot_minor, terms.base_scale)


def _value(terms: MarketTerms, minor: int) -> str:
    return format_amount(minor, terms.quote_scale)


_KINDS: Mapping[EventType, _Kind] = {
    EventType.ORDER_PLACED: _Kind(1, "orders", {OrdersPlaced: _placed}),
    EventType.ORDER_CLOSED: _Kind(
        2,
        "orders",
        dict.fromkeys((TradesExecuted, RouteEnded, OrdersClosed, OrderRefused), _closed),
    ),
    EventType.TRADE_EXECUTED: _Kind(
        3, "trades", {TradesExecuted: _executed, RouteEnded: _provided}
    ),
    EventType.ROUTE_BROKEN: _Kind(4, "routes", {RouteBroken: _broken}),
    EventType.FUNDS_SUSPENDED: _Kind(5, "funds", {FundsSuspended: _suspended}),
    EventType.MARKET_STATE_CHANGED: _Kind(6, "markets", {MarketStateSet: _state_changed}),
}
