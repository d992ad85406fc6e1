"""How does a user place many orders at once, each with its own result?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Annotated, Any

import msgspec

from nostro.api.desk import Desk
from nostro.api.http import order_examples as examples
from nostro.api.http.order_bodies import OrderBody, market_of, new_order
from nostro.api.http.order_told import OrderOfMany, facts_told, order_of_many
from nostro.api.http.orders import ACTOR, TAG
from nostro.api.operations import Call, KeyRule, Operation, Result, answered, refused
from nostro.api.picture import MarketPicture
from nostro.api.problem_table import row_for
from nostro.api.problems import ProblemRaised, Spoken, detail_of
from nostro.api.shapes import Shape
from nostro.api.times import rfc3339
from nostro.api.words import UserId
from nostro.exchange import ORDERS_MAX, NewOrder, PlaceOrders
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Receipt

TWICE = "exchange.client_order_id_twice"
OTHERS = "exchange.user_differs"


_AnyOrder = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        title="Order of many",
        extra_json_schema={
            "anyOf": [
                {"$ref": f"#/components/schemas/{OrderBody.__name__}"},
                {"description": "Whatever else stands here is refused in a result of its own."},
            ]
        },
    ),
]
_SOME = msgspec.Meta(min_length=1, max_length=ORDERS_MAX)


class BatchBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders of one user, each with its own result; a broken one does not stop the others. The
    funds of all are held before the first one trades; then they enter in the order given."""

    user_id: UserId | None = None
    orders: Annotated[list[_AnyOrder], _SOME]


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch as it is read: None stands for an order that cannot be; `broken` says why, by its
    place."""

    user_id: UserId | None = None
    orders: Annotated[list[OrderBody | None], _SOME]
    broken: dict[int, ProblemRaised] = {}


class _Whole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body in one go: when all of its orders are of the right types."""

    user_id: UserId | None = None
    orders: Annotated[list[OrderBody], _SOME]


class BatchShape(Shape):
    """Reads a batch; raises ProblemRaised when it is not one at all."""

    def __init__(self) -> None:
        super().__init__(BatchBody)
        self._whole = msgspec.json.Decoder(_Whole).decode
        self._one = Shape(OrderBody)

    def read(self, body: bytes) -> Batch:
        """Return the orders, broken ones apart."""
        try:
            whole = self._whole(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_each(super().read(body))
        return Batch(user_id=whole.user_id, orders=list(whole.orders))

    def _read_each(self, said: BatchBody) -> Batch:
        orders: list[OrderBody | None] = []
        broken: dict[int, ProblemRaised] = {}
        for index, each in enumerate(said.orders):
            try:
                orders.append(self._one.read(bytes(each)))
            except ProblemRaised as no:
                orders.append(None)
                broken[index] = no
        return Batch(user_id=said.user_id, orders=orders, broken=broken)


class OrderResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one order of many: `index` is its place, from 0; `order` as for POST /order,
    or `code`, `detail` and `facts` that tell why it was refused."""

    index: int
    order: OrderOfMany | msgspec.UnsetType = msgspec.UNSET
    code: str = ""
    detail: str = ""
    facts: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class OrdersTold(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each order, in the order in which they were sent. `recorded_at` is null when
    there was nothing to record: all were refused at the door."""

    placed: int
    refused: int
    height: int
    recorded_at: str | None
    results: list[OrderResult]


Drafted = Sequence[tuple[int, NewOrder, MarketPicture]]
"""The place of each order that the door lets pass, the order, and its market."""


async def place_orders(call: Call, body: Batch) -> Spoken:
    """Place many orders of one user as one command, durable as one."""
    user_id = call.acting_for(body.user_id)
    key, by = _key_of(call, user_id, body.orders), call.actor(user_id)
    results = {
        index: OrderResult(index=index, code=no.code, detail=no.detail)
        for index, no in body.broken.items()
    }
    drafted = _drafted(call.desk, user_id, body.orders, results)
    receipt = None
    if drafted:
        command = PlaceOrders(user_id=user_id, orders=[order for _, order, _ in drafted])
        receipt = await call.desk.submit(key=key, command=command, actor=by)
        if receipt.reply.code:
            raise refused(receipt, facts_told(call.desk, receipt.reply.facts))
        for (index, order, market), said in zip(
            drafted, receipt.reply.body["results"], strict=True
        ):
            results[index] = _result(call.desk, index, order, market, said, user_id=user_id)
    return _told(call.desk, [results[index] for index in range(len(body.orders))], receipt)


def _drafted(
    desk: Desk, user_id: str, said: Sequence[OrderBody | None], results: dict[int, OrderResult]
) -> list[tuple[int, NewOrder, MarketPicture]]:
    """Return the orders that can be submitted, and note the results of the others."""
    drafted = []
    names: set[str] = set()
    for index, each in enumerate(said):
        if each is None:
            continue
        try:
            if each.user_id not in (None, user_id):
                raise Rejection(OTHERS, user_id=each.user_id)
            market = market_of(desk, each.symbol)
            order = new_order(each, market)
            name = order.client_order_id
            if name and name in names:
                raise Rejection(TWICE, client_order_id=name)
            names.add(name)
        except Rejection as no:
            facts = {name: fact for name, fact in no.facts.items() if name != "at"}
            results[index] = _refusal(index, no.code, facts)
        else:
            drafted.append((index, order, market))
    return drafted


def _key_of(call: Call, user_id: str, said: Sequence[OrderBody | None]) -> str:
    """Return the key of a batch: that of the header, else one made of what the user calls the
    orders, if all have names; else one that nobody meets again."""
    key = call.key()
    if key is not None:
        return key
    names = [each.client_order_id or "" for each in said if each is not None]
    if "" in names or len(names) < len(said):
        return f"orders:{token_hex(12)}"
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"orders:{user_id}:{digest}"


def _result(
    desk: Desk,
    index: int,
    order: NewOrder,
    market: MarketPicture,
    said: Mapping[str, Any],
    *,
    user_id: str,
) -> OrderResult:
    code = said.get("code", "")
    if code:
        return _refusal(index, code, facts_told(desk, said["facts"], market.terms))
    told = order_of_many(
        said,
        terms=market.terms,
        user_id=user_id,
        side=order.side,
        type=order.type,
        client_order_id=order.client_order_id,
    )
    return OrderResult(index=index, order=told)


def _refusal(index: int, code: str, facts: dict[str, Any]) -> OrderResult:
    return OrderResult(
        index=index, code=code, detail=detail_of(row_for(code).title, facts), facts=facts
    )


def _told(desk: Desk, results: list[OrderResult], receipt: Receipt | None) -> Spoken:
    placed = sum(not each.code for each in results)
    told = OrdersTold(
        placed=placed,
        refused=len(results) - placed,
        height=desk.platform.engine.height if receipt is None else receipt.height,
        recorded_at=None if receipt is None else rfc3339(receipt.at_us),
        results=results,
    )
    return answered(told, receipt=receipt)


class BatchOperation(Operation):
    """The placement of many orders."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", BatchShape())


OPERATIONS = (
    BatchOperation(
        name="placeOrders",
        method="POST",
        path="/orders/batch",
        tag=TAG,
        summary=f"Place up to {ORDERS_MAX} orders",
        description="Of one user, in the order given, each with its own result; one that is "
        "refused does not stop the others. The funds of all are held before the first one trades. "
        "One command: what is placed is durable together. Without Idempotency-Key the "
        "client_order_ids, in their order, are the key, if every order has one: the batch as a "
        "whole is placed once. An order that is sent again alone, or in another batch, is refused "
        "with exchange.client_order_id_used: no name stands for two orders.",
        handler=place_orders,
        body=BatchBody,
        body_example=examples.BATCH,
        key=KeyRule.DERIVED,
        actor=ACTOR,
        problems=(
            "exchange.bad_user_id",
            "exchange.too_many_in_command",
            "exchange.not_here",
            "engine.key_reused",
            "auth.not_your_account",
            "auth.user_unnamed",
        ),
        results={
            200: Result(
                description="What became of each.", shape=OrdersTold, example=examples.BATCH_TOLD
            )
        },
    ),
)
