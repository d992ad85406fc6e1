"""Of what on the exchange are endpoints told, in how many messages, and when?"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.clock import SystemClock
from nostro.adapters.webhooks import EventType, Notifier, TradingViews, WebhookStore, notifier
from nostro.adapters.webhooks.notices import Notice
from nostro.adapters.webhooks.trading import (
    Known,
    Needed,
    add_needed,
    heard_in,
    notices_of,
    tags_of,
)
from nostro.exchange import (
    ClosedOrder,
    Fill,
    FundsSuspended,
    MarketState,
    MarketStateSet,
    OrderRefused,
    OrdersClosed,
    OrdersPlaced,
    OrderState,
    OrderType,
    OrderView,
    PostOnly,
    RouteBroken,
    RouteFill,
    RouteTrade,
    SelfTrade,
    TimeInForce,
)
from nostro.kernel.codec import encode_events
from nostro.kernel.messages import Event
from tests.adapters.postgres.exchange_story import (
    ADA,
    LOT,
    Story,
    bought,
    follow_story,
    markets,
    purchase,
    rested,
    route_ended,
    trades,
)
from tests.adapters.webhooks.receiver import Receiver, receiver
from tests.databases import as_role

KINDS = [
    EventType.ORDER_PLACED,
    EventType.ORDER_CLOSED,
    EventType.TRADE_EXECUTED,
    EventType.ROUTE_BROKEN,
    EventType.FUNDS_SUSPENDED,
    EventType.MARKET_STATE_CHANGED,
]
ALL = {kind.value for kind in EventType}
PAGE = {"page": 1, "pages": 1}


def order(number: int, user_id: str, lots: int, filled: int, **more: Any) -> OrderView:
    """Return an order to buy at 2.00 as the views tell it once it is closed."""
    told: dict[str, Any] = {
        "order": number,
        "user_id": user_id,
        "market": "ADA-USD",
        "terms": ADA,
        "side": "buy",
        "type": OrderType.LIMIT,
        "state": OrderState.FILLED,
        "reason": "",
        "price": 200,
        "stop": 0,
        "lots": lots,
        "lots_left": lots - filled,
        "filled_lots": filled,
        "filled_value_minor": 200 * filled,
        "notional": 200 * filled,
        "fee_minor": 1,
        "trades_count": 1,
        "display": 0,
        "budget_minor": 0,
        "reserved_asset": "USD",
        "reserved_minor": 0,
        "time_in_force": TimeInForce.GTC,
        "expires_at_us": 0,
        "post_only": PostOnly.NO,
        "self_trade": SelfTrade.CANCEL_TAKER,
        "maker_ppm": 0,
        "taker_ppm": 0,
        "client_order_id": f"c-{number}",
        "placed_at_us": 1,
        "changed_at_us": 2,
        "closed_at_us": 2,
        "height": 1,
    }
    return OrderView(**(told | more))


def told(*events: Event, types: set[str] = ALL, orders: tuple[OrderView, ...] = ()) -> list[Notice]:
    """Return the notices of a row, the views knowing these orders."""
    heard = heard_in(encode_events(events), types)
    known = Known({"ADA-USD": ADA}, {each.order: each for each in orders}, {"USD": 2})
    return list(notices_of(heard, types, known))


def taken(count: int) -> list[Event]:
    """Return a row of orders that are placed at once, each of which buys one lot of alice's."""
    numbers = range(2, count + 2)
    return [
        OrdersPlaced("bob", [purchase(number, 1, 200) for number in numbers]),
        *(
            bought(number, "bob", [Fill(number, 1, "alice", 200, 1, 200, 0, 1, 900)])
            for number in numbers
        ),
    ]


def test_what_nobody_asked_for_is_neither_decoded_nor_looked_up() -> None:
    row = encode_events([*taken(3), FundsSuspended(1, "alice", "USD", 600, "t", "r")])
    assert heard_in(row, {"payment.settled", "order.unheard_of"}) == []
    assert tags_of({"payment.settled"}) == []
    heard = heard_in(row, {"trade.executed"})
    assert [index for index, _ in heard] == [1, 2, 3]
    needed = Needed.none()
    add_needed(needed, heard, {"trade.executed"})
    assert needed == Needed({"ADA-USD"}, set(), set())


def test_what_only_changes_a_book_is_not_told() -> None:
    assert told(rested(1, "alice", 10, 200)) == []
    assert told(route_ended(9, 2, [], 0, left=10)) == []


def test_a_row_of_five_hundred_orders_that_all_trade_is_three_messages() -> None:
    orders = tuple(order(number, "bob", 1, 1) for number in range(2, 502))
    notices = told(*taken(500), orders=orders)
    assert [(each.type.value, each.place) for each in notices] == [
        ("order.placed", "0.0.1"),
        ("order.closed", "1.0.2"),
        ("trade.executed", "1.0.3"),
    ]
    names = ("orders", "orders", "trades")
    assert [len(each.data[name]) for each, name in zip(notices, names, strict=True)] == [500] * 3


def test_more_than_a_thousand_are_told_in_pages() -> None:
    notices = told(*taken(2_001), types={"trade.executed"})
    assert [each.place for each in notices] == ["1.0.3", "1.1.3", "1.2.3"]
    assert [(each.data["page"], each.data["pages"]) for each in notices] == [(1, 3), (2, 3), (3, 3)]
    assert [len(each.data["trades"]) for each in notices] == [1_000, 1_000, 1]


def test_the_place_of_a_notice_does_not_depend_on_what_else_is_asked_for() -> None:
    orders = (order(2, "bob", 1, 1),)
    places = {each.type.value: each.place for each in told(*taken(1), orders=orders)}
    for type, place in places.items():
        (alone,) = told(*taken(1), types={type}, orders=orders)
        assert alone.place == place
    assert len(set(places.values())) == len(places)


def test_a_refused_order_is_told_as_rejected_with_the_reason() -> None:
    refused = OrderRefused("ADA-USD", 4, "carl", "ledger.insufficient_funds")
    (notice,) = told(refused, orders=(order(4, "carl", 1, 0),))
    (item,) = notice.data["orders"]
    assert (item["status"], item["reason"]) == ("rejected", "ledger.insufficient_funds")
    assert item["filled"] == "0.000000"


def test_orders_are_told_as_they_were_placed() -> None:
    placed = OrdersPlaced(
        "bob",
        [
            purchase(7, 3, 205, client_order_id="mine"),
            purchase(8, 0, 210, type=OrderType.MARKET, budget_minor=5_000, stop=201),
        ],
    )
    (notice,) = told(placed)
    first = {
        "order_id": "7",
        "client_order_id": "mine",
        "user_id": "bob",
        "symbol": "ADA/USD",
        "side": "buy",
        "type": "limit",
        "time_in_force": "gtc",
        "price": "2.05",
        "stop_price": None,
        "quantity": "3.000000",
        "quote_amount": None,
    }
    second = first | {
        "order_id": "8",
        "client_order_id": "",
        "type": "market",
        "price": "2.10",
        "stop_price": "2.01",
        "quantity": None,
        "quote_amount": "50.00",
    }
    assert notice == ("0.0.1", EventType.ORDER_PLACED, {**PAGE, "orders": [first, second]})


def test_orders_that_end_in_one_row_are_told_together_whatever_ended_them() -> None:
    row = (
        bought(2, "bob", [Fill(3, 1, "alice", 200, 6, 1_200, -1, 3, 0, 0, 3)], left=2),
        route_ended(8, 1, [RouteTrade(4, 108, 4, 432, 1)], 7),
        OrdersClosed(
            "ADA-USD",
            12,
            "ioc",
            [ClosedOrder(2, "bob", OrderState.CANCELLED, 2, "USD", 1, 2)],
        ),
    )
    orders = (
        order(1, "alice", 10, 10, side="sell", fee_minor=-3),
        order(2, "bob", 8, 6),
        order(8, "bob", 0, 4, budget_minor=500),
    )
    (notice,) = told(*row, types={"order.closed"}, orders=orders)
    items = notice.data["orders"]
    assert items[0] == {
        "order_id": "1",
        "client_order_id": "c-1",
        "user_id": "alice",
        "symbol": "ADA/USD",
        "side": "sell",
        "type": "limit",
        "status": "filled",
        "reason": "",
        "quantity": "10.000000",
        "filled": "10.000000",
        "value": "20.00",
        "fees": "-0.03",
        "fee_asset": "USD",
    }
    assert [(each["order_id"], each["status"], each["reason"]) for each in items[1:]] == [
        ("8", "filled", ""),
        ("2", "cancelled", "ioc"),
    ]
    assert [each["quantity"] for each in items[1:]] == [None, "8.000000"]
    assert [each["filled"] for each in items[1:]] == ["4.000000", "6.000000"]


def test_trades_with_users_and_with_providers_are_told_alike() -> None:
    fill = Fill(3, 1, "alice", 200, 6, 1_200, -1, 3, 4)
    row = (bought(2, "bob", [fill]), route_ended(8, 1, [RouteTrade(4, 108, 4, 432, 1)], 7))
    (notice,) = told(*row, types={"trade.executed"})
    assert notice.data["trades"] == [
        {
            "trade_id": "3",
            "symbol": "ADA/USD",
            "sequence": 2,
            "side": "buy",
            "price": "2.00",
            "quantity": "6.000000",
            "value": "12.00",
            "taker_order_id": "2",
            "taker_user_id": "bob",
            "taker_fee": "0.03",
            "maker_order_id": "1",
            "maker_user_id": "alice",
            "maker_fee": "-0.01",
            "fee_asset": "USD",
            "provider": "",
        },
        {
            "trade_id": "4",
            "symbol": "ADA/USD",
            "sequence": 11,
            "side": "buy",
            "price": "1.08",
            "quantity": "4.000000",
            "value": "4.32",
            "taker_order_id": "8",
            "taker_user_id": "bob",
            "taker_fee": "0.01",
            "maker_order_id": None,
            "maker_user_id": None,
            "maker_fee": None,
            "fee_asset": "USD",
            "provider": "desk",
        },
    ]


def test_what_people_must_look_at_is_told_with_what_they_need() -> None:
    notices = told(
        RouteBroken("ADA-USD", 10, 3, [RouteFill(99, 110)], "D-3"),
        FundsSuspended(1, "alice", "USD", 600, "match.quote:1", "ledger.account_frozen"),
        FundsSuspended(2, "bob", "USD", 5, "match.quote:2", "ledger.account_frozen"),
        MarketStateSet("ADA-USD", 6, MarketState.HALTED, "band_breached", ""),
    )
    broken, suspended, changed = notices
    assert broken.data["routes"] == [
        {
            "route_id": "3",
            "order_id": "10",
            "symbol": "ADA/USD",
            "claimed": [{"price": "1.10", "quantity": "99.000000"}],
            "reference": "D-3",
        }
    ]
    assert suspended.data["funds"][0] == {
        "suspension_id": "1",
        "user_id": "alice",
        "asset": "USD",
        "amount": "6.00",
        "transfer_id": "match.quote:1",
        "reason": "ledger.account_frozen",
    }
    assert len(suspended.data["funds"]) == 2
    assert changed.data["markets"] == [
        {
            "symbol": "ADA/USD",
            "sequence": 6,
            "state": "halted",
            "reason": "band_breached",
            "actor": "",
        }
    ]


# -- through the notifier, from a journal and its views --------------------------------------------


class World:
    """A notifier on a journal that is told event by event, and views that follow when asked."""

    def __init__(self, url: str, pool: AsyncConnectionPool[Any], views: TradingViews) -> None:
        self.url = url
        self.story = Story()
        clock = SystemClock()
        self.store = WebhookStore(pool, "main", clock=clock, loopback=True)
        self.client = httpx.AsyncClient(trust_env=False)
        self.notifier = Notifier(
            self.store, views=views, chain="main", clock=clock, client=self.client
        )

    async def tell(self, *, views: bool = True) -> None:
        """Write what the story has come to; let the views follow, or not; tell the endpoints."""
        await self.story.write(self.url)
        if views:
            follow_story(self.url)
        while await self.notifier.follow():
            pass
        while await self.notifier.send_due():
            await self.notifier.settled()


@pytest.fixture
async def world(wheel_postgres: str) -> AsyncIterator[World]:
    reader = as_role(wheel_postgres, "nostro_reader")
    options: dict[str, Any] = {"min_size": 1, "open": False, "kwargs": {"autocommit": True}}
    async with (
        AsyncConnectionPool(wheel_postgres, max_size=4, **options) as pool,
        AsyncConnectionPool(reader, max_size=2, **options) as looking,
    ):
        world = World(wheel_postgres, pool, TradingViews(looking, "main"))
        yield world
        await world.client.aclose()


def heard(there: Receiver) -> dict[str, list[dict[str, Any]]]:
    """Return the data that came, by type, in the order of the journal."""
    messages = sorted((json.loads(body) for _, body in there.heard), key=_height)
    found: dict[str, list[dict[str, Any]]] = {}
    for each in messages:
        found.setdefault(each["type"], []).append(each["data"])
    return found


def _height(message: dict[str, Any]) -> int:
    height: int = message["data"]["height"]
    return height


async def test_an_endpoint_hears_what_trades_and_how_each_order_ended(world: World) -> None:
    async with receiver() as there:
        await world.store.register(there.url, KINDS, actor="operator")
        markets(world.story)
        trades(world.story)
        world.story.happen(
            FundsSuspended(1, "alice", "USD", 600, "match.quote:1", "ledger.account_frozen"),
            FundsSuspended(2, "bob", "ADA", 4 * LOT, "match.base:1", "ledger.account_frozen"),
        )
        await world.tell()
        told = heard(there)
        assert {kind: len(each) for kind, each in told.items()} == {
            "market.state_changed": 1,
            "order.placed": 3,
            "trade.executed": 2,
            "order.closed": 2,
            "funds.suspended": 1,
        }
        ended = [order for data in told["order.closed"] for order in data["orders"]]
        assert [(each["order_id"], each["status"], each["filled"]) for each in ended] == [
            ("2", "filled", "4.000000"),
            ("1", "filled", "10.000000"),
            ("4", "rejected", "0.000000"),
        ]
        assert [each["reason"] for each in ended] == ["", "", "exchange.insufficient_funds"]
        assert [each["amount"] for each in told["funds.suspended"][0]["funds"]] == [
            "6.00",
            "4.000000",
        ]


async def test_what_the_views_do_not_tell_of_yet_waits_for_them(world: World) -> None:
    async with receiver() as there:
        await world.store.register(there.url, [EventType.TRADE_EXECUTED], actor="operator")
        markets(world.story)
        await world.tell()
        trades(world.story)
        await world.tell(views=False)
        assert there.heard == []
        await world.tell()
        assert len(heard(there)["trade.executed"]) == 2


async def test_rows_that_are_large_are_taken_in_one_by_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "BYTES_MAX", 1)
    async with receiver() as there:
        await world.store.register(there.url, KINDS, actor="operator")
        markets(world.story)
        trades(world.story)
        await world.tell()
        assert {kind: len(each) for kind, each in heard(there).items()} == {
            "market.state_changed": 1,
            "order.placed": 3,
            "trade.executed": 2,
            "order.closed": 2,
        }


async def test_who_asks_for_other_things_waits_for_no_views(world: World) -> None:
    async with receiver() as there:
        await world.store.register(there.url, [EventType.PAYMENT_SETTLED], actor="operator")
        markets(world.story)
        trades(world.story)
        await world.tell(views=False)
        assert there.heard == []
        with psycopg.connect(world.url) as connection:
            row = connection.execute("SELECT height FROM nostro.webhook_checkpoint").fetchone()
        assert row == (world.story.memory.height,)
