"""Does SQL find one order among many by its indexes, and do changes of live orders spare them?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest

from nostro.adapters.postgres.exchange_queries import ExchangeQueries
from nostro.exchange import Fill, OrderFilters, OrdersClosed, OrdersPlaced, OrderState, TradeFilters
from nostro.kernel.messages import Event
from tests import databases
from tests.adapters.postgres.chronicle import reader_pool
from tests.adapters.postgres.exchange_story import (
    LOT,
    MINUTE_US,
    Story,
    bought,
    closed,
    follow_story,
    markets,
    purchase,
    rested,
    sale,
)
from tests.adapters.postgres.plans import plans_of
from tests.databases import as_role

ORDERS = 6_000
USERS = 50


def many_orders() -> Story:
    """Tell of many sales: most end, one way or the other; every hundredth lives."""
    story = Story()
    markets(story)
    trade = 0
    for first in range(1, ORDERS, 20):
        events: list[Event] = []
        for number in range(first, first + 20, 2):
            user, other = f"user-{number % USERS}", f"user-{(number + 25) % USERS}"
            name = f"mine-{number}"
            events.append(OrdersPlaced(user, [sale(number, 10, 200, client_order_id=name)]))
            events.append(rested(number, user, 10, 200))
            events.append(OrdersPlaced(other, [purchase(number + 1, 5, 200)]))
            trade += 1
            fill = Fill(trade, number, user, 200, 5, 1_000, 0, 0, 5)
            events.append(bought(number + 1, other, [fill], released=1))
            if number % 100 != 1:
                ended = closed(number, user, 5, 5 * LOT)
                events.append(OrdersClosed("ADA-USD", 3, "cancelled", [ended]))
        story.happen(*events, pause_us=MINUTE_US)
    return story


@pytest.fixture(scope="module")
def crowded(postgres_servers: databases.Servers) -> Iterator[str]:
    """A database whose views tell of many orders."""
    url = postgres_servers.create(databases.NAMES[0])
    story = many_orders()
    asyncio.run(story.write(url))
    follow_story(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    yield url
    postgres_servers.drop(url)


Read = Callable[[ExchangeQueries], Awaitable[Any]]

READS: dict[str, tuple[Read, str]] = {
    "an order": (lambda q: q.order(4_321), "orders_pkey"),
    "one by the user's own name": (
        lambda q: q.order_by_client_id("user-21", "mine-4321"),
        "orders_client",
    ),
    "a user's orders": (lambda q: q.orders(OrderFilters(user_id="user-7"), limit=5), "orders_user"),
    "a user's live orders": (
        lambda q: q.orders(OrderFilters(user_id="user-1", live=True), limit=5),
        "orders_user_live",
    ),
    "a market's live orders": (
        lambda q: q.orders(OrderFilters(market="ADA-USD", state=OrderState.OPEN), limit=5),
        "orders_market_live",
    ),
    "a market without orders": (
        lambda q: q.orders(OrderFilters(market="EUR-USD"), limit=5),
        "orders_market",
    ),
    "all orders": (lambda q: q.orders(OrderFilters(), limit=5), "orders_pkey"),
    "what changed of a user's orders": (
        lambda q: q.orders_changed("user-7", after_height=250, limit=5),
        "orders_user_closed",
    ),
    "fills of an order that made": (lambda q: q.fills_of(4_321, limit=5), "trades_maker_order"),
    "fills of an order that took": (lambda q: q.fills_of(4_322, limit=5), "trades_taker_order"),
    "routes of an order": (lambda q: q.routes_of(4_321), ""),
    "trades of a market without any": (
        lambda q: q.trades(TradeFilters(market="EUR-USD"), limit=5),
        "trades_market",
    ),
    "trades above a number": (
        lambda q: q.trades_after("ADA-USD", 2_900, limit=5),
        "trades_",
    ),
    "a user's fills": (lambda q: q.fills("user-7", TradeFilters(), limit=5), "trades_maker"),
    "a user's fills, as taker": (
        lambda q: q.fills_after("user-7", 2_000, limit=5),
        "trades_taker",
    ),
    "candles": (lambda q: q.candles("ADA-USD", 300, limit=3), "candles_pkey"),
    "a ticker": (lambda q: q.ticker("EUR-USD"), "candles_pkey"),
}
BIG = ("orders", "trades")


@pytest.mark.parametrize("read", READS)
async def test_one_among_many_is_found_by_an_index(
    crowded: str, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    ask, index = READS[read]
    async with reader_pool(as_role(crowded, "nostro_reader")) as pool:
        plans = await plans_of(crowded, ask(ExchangeQueries(pool)), monkeypatch)
    for plan in plans:
        for table in BIG:
            assert f"Seq Scan on {table}" not in plan, plan
    assert any(index in plan for plan in plans), plans


@pytest.mark.parametrize(
    ("table", "number", "height", "function"),
    [
        ("trades", "trade", "height", "trade_above"),
        ("orders", "number", "placed_height", "order_above"),
    ],
)
@pytest.mark.parametrize("missing", ["false", "{0} % 7 > 3 OR {0} % 1000 > 900", "true"])
def test_numbers_are_found_by_height_also_where_some_are_missing(
    crowded: str, table: str, number: str, height: str, function: str, missing: str
) -> None:
    with psycopg.connect(crowded) as connection:
        connection.execute(f"DELETE FROM nostro.{table} WHERE {missing.format(number)}".encode())
        differing = connection.execute(
            f"SELECT h, found FROM generate_series(0, 310) AS h, nostro.{function}(h) AS found"
            f" WHERE EXISTS (SELECT FROM nostro.{table} WHERE {number} < found AND {height} > h)"
            f"    OR EXISTS (SELECT FROM nostro.{table}"
            f"                WHERE {number} >= found AND {height} <= h)".encode()
        ).fetchall()
        connection.rollback()
    assert differing == []


async def test_what_happens_to_a_live_order_stays_on_its_page(
    fresh_database: Callable[[str], str],
) -> None:
    url, story = fresh_database(databases.NAMES[0]), Story()
    markets(story)
    story.happen(*(OrdersPlaced("alice", [sale(number, 10, 200)]) for number in range(1, 501)))
    trade = 0
    for left in (9, 8, 7):
        for number in range(1, 501, 20):
            trade += 1
            fill = Fill(trade, number, "alice", 200, 1, 200, 0, 0, left)
            story.happen(
                OrdersPlaced("bob", [purchase(500 + trade, 1, 200)]),
                bought(500 + trade, "bob", [fill], released=1),
            )
    await story.write(url)
    follow_story(url, rows_max=10)
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'orders'"
        ).fetchall()
    ((updated, on_page),) = found
    assert updated >= 60  # the others were placed in the same batch
    assert on_page == updated
