"""What can one ask of orders: how they stand, what they traded, what they paid?"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from nostro.api.http import order_examples as examples
from nostro.api.http.ledger_reads import AtLeast, Cursor, FreshQuery, Limit
from nostro.api.http.order_bodies import market_of
from nostro.api.http.order_told import (
    OrderInFull,
    OrdersPage,
    OwnFillsPage,
    order_in_full,
    order_told,
    own_fill_told,
)
from nostro.api.http.orders import TAG, OrderPath
from nostro.api.operations import Call, Operation, Result, answered
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import microseconds
from nostro.api.words import ClientOrderId, Moment, Symbol, UserId
from nostro.exchange import OrderFilters, OrderState, Side, TradeFilters

FILLS_MAX = 1_000
"""Fills told with an order; GET /trades has them all."""


Status = Literal[
    "live", "open", "partially_filled", "untriggered", "filled", "cancelled", "rejected"
]
"""How orders stand; live: in any state that is not the last."""


class OrdersQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which orders; both times are of placement, and included. Without a user_id: the caller's, or
    for who reads of everybody those of all users. `status` live: all that are not closed, that is
    open, partially_filled and untriggered."""

    user_id: UserId | None = None
    symbol: Symbol | None = None
    status: Status | None = None
    side: Literal["buy", "sell", "BUY", "SELL"] | None = None
    client_order_id: ClientOrderId | None = None
    from_: Moment | None = None
    to: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


class OwnTradesQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Whose trades, and which; both times are included."""

    user_id: UserId | None = None
    symbol: Symbol | None = None
    from_: Moment | None = None
    to: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


async def get_order(call: Call, query: FreshQuery) -> Spoken:
    """Tell how an order stands, with its fills."""
    await call.desk.fresh(query.at_least)
    reads, number = call.desk.platform.exchange, int(call.params.order_id)
    view = await reads.order(number)
    if not call.sees("" if view is None else view.user_id) or view is None:
        raise ProblemRaised("exchange.order_unknown", facts={"order_id": str(number)})
    fills = await reads.fills_of(number, limit=FILLS_MAX)
    return answered(order_in_full(view, fills))


async def list_orders(call: Call, query: OrdersQuery) -> Spoken:
    """Tell orders, page by page."""
    user_id = query.user_id
    if user_id is None and not call.everybody():
        user_id = call.acting_for(None)
    desk = call.desk
    await desk.fresh(query.at_least)
    filters = OrderFilters(
        user_id=user_id,
        market=_market(call, query.symbol),
        side=None if query.side is None else Side(query.side.lower()),
        state=None if query.status in (None, "live") else OrderState(query.status),
        live=True if query.status == "live" else None,
        client_order_id=query.client_order_id,
        from_us=None if query.from_ is None else microseconds(query.from_),
        to_us=None if query.to is None else microseconds(query.to),
    )
    page = await desk.platform.exchange.orders(filters, cursor=query.cursor, limit=query.limit)
    told = OrdersPage(
        data=[order_told(view) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def list_own_trades(call: Call, query: OwnTradesQuery) -> Spoken:
    """Tell what a user traded, page by page."""
    user_id = call.acting_for(query.user_id)
    desk = call.desk
    await desk.fresh(query.at_least)
    filters = TradeFilters(
        market=_market(call, query.symbol),
        from_us=None if query.from_ is None else microseconds(query.from_),
        to_us=None if query.to is None else microseconds(query.to),
    )
    page = await desk.platform.exchange.fills(
        user_id, filters, cursor=query.cursor, limit=query.limit
    )
    told = OwnFillsPage(
        data=[own_fill_told(view) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


def _market(call: Call, symbol: str | None) -> str | None:
    return None if symbol is None else market_of(call.desk, symbol).name


VIEWS = ("views.behind", "views.unavailable")
_FILTERED = ("exchange.market_unknown", "exchange.not_here", "request.bad_cursor", *VIEWS)


def _read(name: str, path: str, summary: str, description: str, **rest: Any) -> Operation:
    shape, example = rest.pop("shape"), rest.pop("example")
    return Operation(
        name=name,
        method="GET",
        path=path,
        tag=TAG,
        summary=summary,
        description=description,
        results={200: Result(description=f"{summary}.", shape=shape, example=example)},
        **rest,
    )


OPERATIONS = (
    _read(
        "listOrders",
        "/orders",
        "Orders",
        "The newest first, narrowed by user, market, status, side, client_order_id and time of "
        "placement. status=live: all that are not closed.",
        handler=list_orders,
        query=OrdersQuery,
        problems=("auth.not_your_account", *_FILTERED),
        shape=OrdersPage,
        example=examples.ORDERS,
    ),
    _read(
        "getOrder",
        "/orders/{order_id:order}",
        "An order with its fills",
        f"How it stands: open, partially_filled, untriggered, filled, cancelled or rejected; what "
        f"it paid, and its first {FILLS_MAX:,} fills. Somebody else's is unknown.",
        handler=get_order,
        query=FreshQuery,
        params=OrderPath,
        problems=("exchange.order_unknown", *VIEWS),
        shape=OrderInFull,
        example=examples.IN_FULL,
    ),
    _read(
        "listFills",
        "/trades",
        "What a user traded",
        "Every fill of a user's orders, with fee and role, the newest first. GET "
        "/markets/{symbol}/trades tells everybody's, without names.",
        handler=list_own_trades,
        query=OwnTradesQuery,
        problems=("auth.not_your_account", "auth.user_unnamed", *_FILTERED),
        shape=OwnFillsPage,
        example=examples.OWN_FILLS,
    ),
)
