"""How does a user place an order, change it and take it back?"""

from __future__ import annotations

from contextlib import suppress
from secrets import token_hex
from typing import Literal

import msgspec
from starlette.convertors import StringConvertor

from nostro.api.http import order_examples as examples
from nostro.api.http.order_bodies import (
    AmendBody,
    AssetOrderBody,
    OrderBody,
    as_terms,
    faults,
    market_named,
    market_of,
    new_lots,
    new_order,
    new_price,
    refusal,
)
from nostro.api.http.order_told import (
    OrderAnswer,
    OrderCancelled,
    OrdersCancelled,
    facts_told,
    order_answer,
    order_cancelled,
)
from nostro.api.operations import Call, KeyRule, Operation, Result, answered, refused
from nostro.api.picture import MarketPicture, ShownOrder
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import rfc3339
from nostro.api.words import OrderId, Symbol, UserId
from nostro.exchange import AmendOrder, CancelOrder, CancelOrders, PlaceOrder, Side
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.runtime.projector import ViewsUnavailable

TAG = "orders"
ACTOR = "the user_id"


class OrderPath(msgspec.Struct, frozen=True, kw_only=True):
    """The order in the path."""

    order_id: OrderId


class OrderInPath(StringConvertor):
    """Finds the id of an order in a path; the batch is an address of its own."""

    regex = "(?!batch$)[^/]+"


class CancelQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more is needed."""


class CancelAllQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders: of a user, in a market, on a side. `everybody`: for operators, those of all
    users."""

    user_id: UserId | None = None
    symbol: Symbol | None = None
    side: Literal["buy", "sell", "BUY", "SELL"] | None = None
    everybody: Literal["true", "false"] = "false"


async def place_order(call: Call, body: OrderBody) -> Spoken:
    """Place one order."""
    user_id = call.acting_for(body.user_id)
    try:
        market = market_of(call.desk, body.symbol)
    except Rejection as no:
        raise refusal(no) from None
    return await _placed(call, user_id, body, market)


async def place_asset_order(call: Call, body: AssetOrderBody) -> Spoken:
    """Place one order that names an asset."""
    user_id = call.acting_for(body.user_id)
    try:
        market = market_named(call.desk, body)
    except Rejection as no:
        raise refusal(no) from None
    return await _placed(call, user_id, as_terms(body, market), market)


async def _placed(call: Call, user_id: str, said: OrderBody, market: MarketPicture) -> Spoken:
    try:
        order = new_order(said, market)
    except Rejection as no:
        raise refusal(no, list(faults(said, market.terms))) from None
    receipt = await call.desk.submit(
        key=_key_of(call, user_id, order.client_order_id),
        command=PlaceOrder(user_id=user_id, order=order),
        actor=call.actor(user_id),
    )
    reply = receipt.reply
    if reply.code:
        raise refused(receipt, facts_told(call.desk, reply.facts, market.terms))
    told = order_answer(
        reply.body,
        receipt,
        terms=market.terms,
        user_id=user_id,
        side=order.side,
        type=order.type,
        client_order_id=order.client_order_id,
    )
    return answered(told, status=201, receipt=receipt)


def _key_of(call: Call, user_id: str, client_order_id: str) -> str:
    """Return the key of a placement. What the user calls the order comes first: two requests under
    one client_order_id are one order, whatever their headers say. No user id has a colon."""
    key = call.key()
    if client_order_id:
        return f"order:{user_id}:{client_order_id}"
    return key or f"order:{token_hex(12)}"


async def amend_order(call: Call, body: AmendBody) -> Spoken:
    """Change what remains of an order."""
    number = int(call.params.order_id)
    by, live = _own(call, number)
    if live is None:  # it is closed, or there is none: the exchange says which
        receipt = await _ordered(call, AmendOrder(order=number, user_id=by), by)
        raise await _not_live(call, number, receipt)
    placed = live.placed
    market = market_of(call.desk, placed.market)
    try:
        lots, price = new_lots(body, market.terms), new_price(body, market.terms)
    except Rejection as no:
        raise refusal(no) from None
    command = AmendOrder(order=number, user_id=by, lots=lots, price=price)
    user_id = live.user_id
    receipt = await _ordered(call, command, user_id)
    reply = receipt.reply
    if reply.code:
        raise refused(receipt, facts_told(call.desk, reply.facts, market.terms))
    told = order_answer(
        reply.body,
        receipt,
        terms=market.terms,
        user_id=user_id,
        side=placed.side,
        type=placed.type,
        client_order_id=placed.client_order_id,
    )
    return answered(told, receipt=receipt)


async def cancel_order(call: Call, query: CancelQuery) -> Spoken:
    """Take an order back."""
    number = int(call.params.order_id)
    by, live = _own(call, number)
    actor = by if live is None else live.user_id
    receipt = await _ordered(call, CancelOrder(order=number, user_id=by), actor)
    reply = receipt.reply
    if reply.code:
        if live is None:
            raise await _not_live(call, number, receipt)
        terms = market_of(call.desk, live.placed.market).terms
        raise refused(receipt, facts_told(call.desk, reply.facts, terms))
    market = market_of(call.desk, reply.body["market"])
    return answered(order_cancelled(reply.body, receipt, terms=market.terms), receipt=receipt)


async def cancel_orders(call: Call, query: CancelAllQuery) -> Spoken:
    """Take back every open order of a user, a market, a side."""
    user_id = ""
    if query.everybody == "false":
        user_id = call.acting_for(query.user_id)
    elif query.user_id is not None:
        raise ProblemRaised("exchange.everybody_and_user", facts={"user_id": query.user_id})
    elif not call.everybody():
        raise Rejection("auth.not_allowed", scope=call.rule.scope)
    market = "" if query.symbol is None else market_of(call.desk, query.symbol).name
    side = None if query.side is None else Side(query.side.lower())
    command = CancelOrders(user_id=user_id, market=market, side=side)
    receipt = await _ordered(call, command, user_id)
    if receipt.reply.code:
        raise refused(receipt, facts_told(call.desk, receipt.reply.facts))
    body = receipt.reply.body
    numbers = [str(number) for number in body["cancelled"]]
    told = OrdersCancelled(
        cancelled=numbers,
        count=len(numbers),
        has_more=body.get("more", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


def _own(call: Call, number: int) -> tuple[str, ShownOrder | None]:
    """Return in whose name an order is changed ("": an operator's), and the order if it is open;
    one of somebody else is as unknown as one that never was."""
    live = call.desk.picture.order(number)
    if live is not None and not call.sees(live.user_id):
        raise ProblemRaised("exchange.order_unknown", facts={"order_id": str(number)})
    caller = call.caller
    if call.everybody() and (live is None or live.user_id != caller.user_id):
        return "", live
    return caller.user_id, live


async def _not_live(call: Call, number: int, receipt: Receipt) -> Exception:
    """Return why an order that is not open was not changed, and how it ended, as far as the views
    know it; to others than its user it is as unknown as one that never was."""
    facts = facts_told(call.desk, receipt.reply.facts)
    if receipt.reply.code == "exchange.order_not_open":
        with suppress(ViewsUnavailable):
            view = await call.desk.platform.exchange.order(number)
            if view is not None and not call.sees(view.user_id):
                return ProblemRaised("exchange.order_unknown", facts={"order_id": str(number)})
            if view is not None and view.closed_at_us is not None:
                facts["status"] = view.state.value
                if view.reason:
                    facts["why"] = view.reason
    return refused(receipt, facts)


async def _ordered(call: Call, command: Command, user_id: str) -> Receipt:
    """Send a command under the key of the header, or without one as a deed of its own."""
    key = call.key() or f"order:{token_hex(12)}"
    return await call.desk.submit(key=key, command=command, actor=call.actor(user_id or "operator"))


_TERMS = (
    "exchange.market_not_open",
    "exchange.trading_stopped",
    "exchange.price_off_tick",
    "exchange.quantity_off_lot",
    "exchange.price_not_a_number",
    "exchange.quantity_not_a_number",
    "exchange.price_not_positive",
    "exchange.quantity_not_positive",
    "exchange.price_too_large",
    "exchange.quantity_too_large",
    "exchange.bad_price",
    "exchange.bad_quantity",
    "exchange.quantity_below_minimum",
    "exchange.quantity_above_maximum",
    "exchange.value_below_minimum",
    "exchange.value_above_maximum",
    "exchange.price_outside_band",
    "exchange.insufficient_funds",
)
"""What can be wrong with a price and a quantity, of a new order or of one that is changed."""
_PLACING = (
    "exchange.market_unknown",
    *_TERMS,
    "exchange.bad_order",
    "exchange.worst_price_missing",
    "exchange.expiry_passed",
    "exchange.too_many_orders",
    "exchange.client_order_id_used",
    "exchange.not_here",
    "engine.key_reused",
    "auth.not_your_account",
    "auth.user_unnamed",
)
_ANSWERS = {
    201: Result(
        description="It is placed. A `status` of cancelled or rejected says that it has ended at "
        "once, and `reason` why.",
        shape=OrderAnswer,
        example=examples.PLACED,
    )
}
_CHANGING = (
    "exchange.order_unknown",
    "exchange.order_not_open",
    "exchange.order_routed",
    "exchange.not_here",
    "engine.key_reused",
)

OPERATIONS = (
    Operation(
        name="placeOrder",
        method="POST",
        path="/order",
        tag=TAG,
        summary="Place an order",
        description="Its funds are held at the worst it can come to, fees included; then it "
        "trades, rests, or waits for its stop price, all in one durable step. The answer tells "
        "what was filled at once. With `client_order_id` the request may be repeated: the first "
        "answer under it is told for ever, refusals included. Otherwise Idempotency-Key is the "
        "key.",
        handler=place_order,
        body=OrderBody,
        body_example=examples.ORDER,
        key=KeyRule.DERIVED,
        actor=ACTOR,
        problems=_PLACING,
        results=_ANSWERS,
    ),
    Operation(
        name="placeAssetOrder",
        method="POST",
        path="/orders",
        tag=TAG,
        summary="Place an order for an asset",
        description="The market is the one whose base the asset is. A price makes it a LIMIT, none "
        "a MARKET. The rest is as for POST /order, whose fields may be used here too.",
        handler=place_asset_order,
        body=AssetOrderBody,
        body_example=examples.ASSET_ORDER,
        key=KeyRule.DERIVED,
        actor=ACTOR,
        problems=("exchange.market_ambiguous", *_PLACING),
        results=_ANSWERS,
    ),
    Operation(
        name="cancelOrders",
        method="DELETE",
        path="/orders",
        tag=TAG,
        summary="Cancel every open order",
        description="Of the caller, or of the user that an operator names; narrowed to a market "
        "and a side. Orders that a liquidity provider has at the moment stay.",
        handler=cancel_orders,
        query=CancelAllQuery,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=(
            "exchange.market_unknown",
            "exchange.everybody_and_user",
            "exchange.not_here",
            "auth.not_allowed",
            "auth.not_your_account",
            "engine.key_reused",
        ),
        results={
            200: Result(
                description="These are cancelled.",
                shape=OrdersCancelled,
                example=examples.CANCELLED_ALL,
            )
        },
    ),
    Operation(
        name="amendOrder",
        method="PATCH",
        path="/orders/{order_id:order}",
        tag=TAG,
        summary="Change an open order",
        description="Less quantity at the same price keeps its place in the queue. More quantity "
        "or another price takes a new place, and trades if it crosses; further funds are held "
        "first, and where there are none the order stays as it is.",
        handler=amend_order,
        params=OrderPath,
        body=AmendBody,
        body_example=examples.AMENDMENT,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=(
            "exchange.nothing_changes",
            "exchange.cannot_amend",
            *_CHANGING,
            *_TERMS,
            "auth.not_your_account",
        ),
        results={
            200: Result(description="It is so now.", shape=OrderAnswer, example=examples.AMENDED)
        },
    ),
    Operation(
        name="cancelOrder",
        method="DELETE",
        path="/orders/{order_id:order}",
        tag=TAG,
        summary="Cancel an order",
        description="What is left of it; the funds are released. What was filled stays filled.",
        handler=cancel_order,
        query=CancelQuery,
        params=OrderPath,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=_CHANGING,
        results={
            200: Result(
                description="It is cancelled.", shape=OrderCancelled, example=examples.CANCELLED
            )
        },
    ),
)
