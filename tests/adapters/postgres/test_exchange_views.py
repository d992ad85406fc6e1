"""What do the views show of orders and trades, however the journal is cut into batches?"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.adapters.postgres.chronicle import rows
from tests.adapters.postgres.exchange_story import (
    FIRST_US,
    LOT,
    MINUTE_US,
    Story,
    deaf_house,
    follow_story,
    whole_story,
)
from tests.databases import as_role

EVERYTHING = (
    ("markets", "market"),
    ("fee_schedules", "name"),
    ("fee_assignments", "user_id"),
    ("kill_switches", "user_id"),
    ("orders", "number"),
    ("trades", "trade"),
    ("candles", "market, span_s, start_us"),
    ("trading_days", "market, day"),
    ("routes", "route"),
    ("suspended_funds", "suspension"),
)


@pytest.fixture
async def told(postgres: str) -> tuple[str, Story]:
    """A database whose views tell the whole story."""
    story = whole_story()
    await story.write(postgres)
    assert follow_story(postgres) == story.memory.height
    return postgres, story


async def test_an_order_is_shown_as_its_events_leave_it(told: tuple[str, Story]) -> None:
    shown = rows(
        told[0],
        "SELECT number, state, reason, lots, lots_left, filled_lots, filled_value, fees, reserved,"
        " price, closed_height IS NOT NULL FROM nostro.orders ORDER BY number",
    )
    assert shown == [
        (1, "filled", "", 10, 0, 10, 2_000, 0, 0, 200, True),
        (2, "filled", "", 4, 0, 4, 800, 2, 0, 205, True),
        (3, "cancelled", "cancelled", 8, 2, 6, 1_200, 3, 0, 210, True),
        (4, "rejected", "exchange.insufficient_funds", 1, 1, 0, 0, 0, 0, 10, True),
        (5, "cancelled", "band_breached", 2, 2, 0, 0, 0, 0, 190, True),
        (6, "cancelled", "cancelled", 12, 12, 0, 0, 0, 0, 105, True),
        (7, "partially_filled", "", 4, 2, 2, 202, 1, 202, 101, False),
        (8, "filled", "", 10, 0, 10, 1_092, 2, 0, 110, True),
        (9, "cancelled", "provider: no price", 10, 10, 0, 0, 0, 0, 110, True),
        (10, "open", "", 1, 1, 0, 0, 0, 111, 110, False),
        (11, "filled", "", 0, 0, 2, 202, 1, 0, 101, True),
        (12, "open", "", 5, 5, 0, 0, 0, 751, 150, False),
        (13, "open", "", 1, 1, 0, 0, 0, 101, 100, False),
        (14, "untriggered", "", 3, 3, 0, 0, 0, 3 * LOT, 90, False),
    ]


async def test_what_an_order_traded_is_what_its_trades_say(told: tuple[str, Story]) -> None:
    differing = rows(
        told[0],
        "SELECT number FROM nostro.orders AS o CROSS JOIN LATERAL ("
        "  SELECT count(*) AS trades, coalesce(sum(lots), 0) AS lots,"
        "         coalesce(sum(value), 0) AS value, coalesce(sum(price * lots), 0) AS notional,"
        "         coalesce(sum(CASE number WHEN taker_order THEN taker_fee ELSE maker_fee END), 0)"
        "             AS fees"
        "    FROM nostro.trades WHERE number IN (taker_order, maker_order)) AS t"
        " WHERE (o.trades_count, o.filled_lots, o.filled_value, o.notional, o.fees)"
        "    <> (t.trades, t.lots, t.value, t.notional, t.fees)",
    )
    assert differing == []
    ((count,),) = rows(told[0], "SELECT count(*) FROM nostro.trades")
    assert count == 6


async def test_a_trade_with_a_provider_has_no_maker(told: tuple[str, Story]) -> None:
    shown = rows(
        told[0],
        "SELECT trade, maker_order, maker_user_id, route, provider, sequence FROM nostro.trades"
        " WHERE trade IN (3, 5) ORDER BY trade",
    )
    assert shown == [(3, 1, "alice", None, "", 3), (5, None, None, 1, "desk", 11)]


async def test_each_minute_that_traded_has_a_candle(told: tuple[str, Story]) -> None:
    shown = rows(
        told[0],
        "SELECT start_us, open, high, low, close, volume_lots, value, trades_count"
        "  FROM nostro.candles WHERE span_s = 60 ORDER BY start_us",
    )
    assert shown == [
        (FIRST_US, 200, 200, 200, 200, 4, 800, 2),
        (FIRST_US + MINUTE_US, 200, 200, 200, 200, 6, 1_200, 1),
        (FIRST_US + 6 * MINUTE_US, 108, 110, 108, 110, 10, 1_092, 2),
        (FIRST_US + (6 + 1_440) * MINUTE_US, 101, 101, 101, 101, 2, 202, 1),
    ]


async def test_each_day_has_the_fees_of_both_sides(told: tuple[str, Story]) -> None:
    assert rows(told[0], "SELECT * FROM nostro.trading_days ORDER BY day") == [
        ("ADA-USD", "2023-11-14", 5, 20, 3_092, 0, 7),
        ("ADA-USD", "2023-11-15", 1, 2, 202, 1, 1),
    ]


async def test_the_views_are_the_same_in_one_batch_and_row_by_row(
    told: tuple[str, Story], fresh_database: Any
) -> None:
    url, story = told
    for rows_max in (1, 3):
        other = fresh_database("pg18")
        story._written = 0
        await story.write(other)
        assert follow_story(other, rows_max=rows_max) == story.memory.height
        for table, order in EVERYTHING:
            query = f"SELECT * FROM nostro.{table} ORDER BY {order}"
            shown = rows(url, query)
            assert shown, table
            assert rows(other, query) == shown, table


def test_the_story_has_every_event_that_the_room_reports() -> None:
    house = deaf_house()
    decode = house.codec.decode_events
    heard = {type(event) for entry in whole_story().entries for event in decode(entry.payload)}
    told = set(house.rooms["exchange"].events)
    assert {event.__name__ for event in told - heard} == set()


async def test_the_followers_role_keeps_the_views_and_the_readers_cannot(postgres: str) -> None:
    story = whole_story()
    await story.write(postgres)
    assert follow_story(as_role(postgres, "nostro_follower")) == story.memory.height
    with psycopg.connect(as_role(postgres, "nostro_reader"), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for table, _ in EVERYTHING:
            assert connection.execute(f"SELECT FROM nostro.{table} LIMIT 1".encode()).rowcount
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"DELETE FROM nostro.{table}".encode())
