"""What is the baseline for orders? One SQL transaction for each, as exchanges on a database do.

Funds are held by a conditional update, the order is inserted, the best opposite orders are locked
and matched in price-time order, balances and trades are written, all in one interactive transaction
that locks its market first (without that, two takers deadlock or trade twice). Prepared statements,
20 connections, the same server and durability; no fees, no audit trail.
"""

from __future__ import annotations

import asyncio
import random
from time import perf_counter
from typing import Any

import psycopg

CONNECTIONS = 20
USERS = 100
NAME = f"plain SQL, one transaction an order, {CONNECTIONS} connections"

_SCHEMA = """
DROP SCHEMA IF EXISTS baseline_orders CASCADE;
CREATE SCHEMA baseline_orders;
CREATE TABLE baseline_orders.market (id bigint PRIMARY KEY) WITH (fillfactor = 50);
CREATE TABLE baseline_orders.balance (owner bigint, asset text, available numeric(38,0) NOT NULL,
    held numeric(38,0) NOT NULL DEFAULT 0, PRIMARY KEY (owner, asset)) WITH (fillfactor = 50);
CREATE TABLE baseline_orders.orders (id bigserial PRIMARY KEY, owner bigint NOT NULL,
    side text NOT NULL, price bigint NOT NULL, lots bigint NOT NULL, remaining bigint NOT NULL,
    state text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON baseline_orders.orders (side, price, id) WHERE state = 'open';
CREATE TABLE baseline_orders.trade (id bigserial PRIMARY KEY, maker bigint NOT NULL,
    taker bigint NOT NULL, price bigint NOT NULL, lots bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now());
INSERT INTO baseline_orders.market VALUES (1);
"""

_HOLD = """
UPDATE baseline_orders.balance SET available = available - %(amount)s, held = held + %(amount)s
WHERE owner = %(owner)s AND asset = %(asset)s AND available >= %(amount)s
"""
_PLACE = """
INSERT INTO baseline_orders.orders (owner, side, price, lots, remaining, state)
VALUES (%s, %s, %s, %s, %s, 'open') RETURNING id
"""
_ASKS = """
SELECT id, owner, price, remaining FROM baseline_orders.orders
WHERE side = 'sell' AND state = 'open' AND price <= %s ORDER BY price, id LIMIT 20 FOR UPDATE
"""
_BIDS = """
SELECT id, owner, price, remaining FROM baseline_orders.orders
WHERE side = 'buy' AND state = 'open' AND price >= %s ORDER BY price DESC, id LIMIT 20 FOR UPDATE
"""
_TAKE = """
UPDATE baseline_orders.orders SET remaining = remaining - %(lots)s,
    state = CASE WHEN remaining = %(lots)s THEN 'filled' ELSE 'open' END WHERE id = %(id)s
"""
_MOVE = """
UPDATE baseline_orders.balance SET available = available + %(gained)s, held = held - %(held)s
WHERE owner = %(owner)s AND asset = %(asset)s
"""

Connection = psycopg.AsyncConnection[Any]


async def measure(url: str, *, seconds: float) -> float:
    """Return orders a second that are held, matched and settled."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_SCHEMA)
        await connection.execute(
            "INSERT INTO baseline_orders.balance (owner, asset, available)"
            " SELECT n, asset, 10::numeric ^ 18 FROM generate_series(1, %s) AS n,"
            " (VALUES ('base'), ('quote')) AS assets (asset)",
            (USERS,),
        )
    started = perf_counter()
    until = started + seconds
    clients = [_client(url, seed=seed, until=until) for seed in range(CONNECTIONS)]
    done = sum(await asyncio.gather(*clients))
    return done / (perf_counter() - started)


async def _client(url: str, *, seed: int, until: float) -> int:
    chance = random.Random(seed)
    done = 0
    connection: Connection
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        connection.prepare_threshold = 0
        while perf_counter() < until:
            owner, buying = chance.randint(1, USERS), chance.random() < 0.5
            away = chance.randint(1, 10) * (1 if chance.random() < 0.5 else -1)
            async with connection.transaction():
                await _place(connection, owner, buying, 10_000 + away, chance.randint(1, 10))
            done += 1
    return done


async def _place(connection: Connection, owner: int, buying: bool, price: int, lots: int) -> None:
    await connection.execute("SELECT id FROM baseline_orders.market WHERE id = 1 FOR UPDATE")
    paid, got = ("quote", "base") if buying else ("base", "quote")
    amount = price * lots if buying else lots
    await connection.execute(_HOLD, {"owner": owner, "asset": paid, "amount": amount})
    side = "buy" if buying else "sell"
    placed = await connection.execute(_PLACE, (owner, side, price, lots, lots))
    row = await placed.fetchone()
    assert row is not None
    found = await connection.execute(_ASKS if buying else _BIDS, (price,))
    for maker, maker_owner, at, remaining in await found.fetchall():
        traded = min(lots, remaining)
        if not traded:
            break
        lots -= traded
        value = at * traded
        spent, gained = (value, traded) if buying else (traded, value)
        for id in (maker, row[0]):
            await connection.execute(_TAKE, {"id": id, "lots": traded})
        await connection.execute(
            "INSERT INTO baseline_orders.trade (maker, taker, price, lots) VALUES (%s, %s, %s, %s)",
            (maker, row[0], at, traded),
        )
        for who, asset, more, less in (
            (owner, paid, 0, spent),
            (owner, got, gained, 0),
            (maker_owner, got, 0, gained),
            (maker_owner, paid, spent, 0),
        ):
            await connection.execute(
                _MOVE, {"owner": who, "asset": asset, "gained": more, "held": less}
            )
