"""What is the baseline for settlements? SQL transactions, as coordinators on databases do it.

On one database: one interactive transaction for each settlement, that locks and checks both sides,
moves both legs and writes the settlement. Over two: hold the securities, hold the cash, write the
decision, execute both, each a transaction of its own in its own database, one after the other.
Prepared statements, 20 connections to each database, the same server and durability; no retry, no
recovery, no audit trail.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Any

import psycopg

CONNECTIONS = 20
PARTIES = 100
ONE_NAME = f"plain SQL, one transaction a settlement, {CONNECTIONS} connections"
TWO_NAME = f"plain SQL, seven transactions in three databases a settlement, {CONNECTIONS} clients"

_LEDGER = """
DROP SCHEMA IF EXISTS baseline_dvp CASCADE;
CREATE SCHEMA baseline_dvp;
CREATE TABLE baseline_dvp.balance (owner bigint, asset text, owned numeric(38,0) NOT NULL,
    held numeric(38,0) NOT NULL DEFAULT 0, PRIMARY KEY (owner, asset)) WITH (fillfactor = 50);
CREATE TABLE baseline_dvp.hold (id bigint PRIMARY KEY, owner bigint NOT NULL, asset text NOT NULL,
    amount numeric(38,0) NOT NULL, state text NOT NULL);
CREATE TABLE baseline_dvp.settlement (id bigint PRIMARY KEY, seller bigint NOT NULL,
    buyer bigint NOT NULL, quantity numeric(38,0) NOT NULL, amount numeric(38,0) NOT NULL,
    state text NOT NULL, at timestamptz NOT NULL DEFAULT now());
"""
_FUND = (
    "INSERT INTO baseline_dvp.balance (owner, asset, owned)"
    " SELECT n, asset, 10::numeric ^ 18 FROM generate_series(1, %s) AS n,"
    " (VALUES ('security'), ('cash')) AS assets (asset)"
)
_TAKE = """
UPDATE baseline_dvp.balance SET owned = owned - %(amount)s
WHERE owner = %(owner)s AND asset = %(asset)s AND owned - held >= %(amount)s
"""
_GIVE = """
UPDATE baseline_dvp.balance SET owned = owned + %(amount)s
WHERE owner = %(owner)s AND asset = %(asset)s
"""
_HOLD = """
UPDATE baseline_dvp.balance SET held = held + %(amount)s
WHERE owner = %(owner)s AND asset = %(asset)s AND owned - held >= %(amount)s
"""
_SPEND = """
UPDATE baseline_dvp.balance SET owned = owned - %(amount)s, held = held - %(amount)s
WHERE owner = %(owner)s AND asset = %(asset)s
"""
_SETTLE = (
    "INSERT INTO baseline_dvp.settlement (id, seller, buyer, quantity, amount, state)"
    " VALUES (%s, %s, %s, %s, %s, %s)"
)

Connection = psycopg.AsyncConnection[Any]


async def measure_one(url: str, *, seconds: float) -> float:
    """Return settlements a second on one database."""
    await _prepare([url])
    return await _measure([url], seconds=seconds)


async def measure_two(urls: Sequence[str], *, seconds: float) -> float:
    """Return settlements a second over the databases of the coordinator, of the securities and of
    the cash."""
    await _prepare(urls)
    return await _measure(urls, seconds=seconds)


async def _prepare(urls: Sequence[str]) -> None:
    for url in urls:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(_LEDGER)
            await connection.execute(_FUND, (PARTIES,))


async def _measure(urls: Sequence[str], *, seconds: float) -> float:
    started = perf_counter()
    until = started + seconds
    done = await asyncio.gather(
        *(_client(urls, number=number, until=until) for number in range(CONNECTIONS))
    )
    return sum(done) / (perf_counter() - started)


async def _client(urls: Sequence[str], *, number: int, until: float) -> int:
    chance = random.Random(number)
    done = 0
    async with AsyncExitStack() as stack:
        connections: list[Connection] = []
        for url in urls:
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
            connection.prepare_threshold = 0
            connections.append(await stack.enter_async_context(connection))
        while perf_counter() < until:
            seller, buyer = chance.sample(range(1, PARTIES + 1), 2)
            quantity, amount = chance.randint(1, 100), chance.randint(1, 10_000)
            id = number * 10**9 + done
            if len(connections) == 1:
                await _at_once(connections[0], id, seller, buyer, quantity, amount)
            else:
                await _in_steps(connections, id, seller, buyer, quantity, amount)
            done += 1
    return done


async def _at_once(
    connection: Connection, id: int, seller: int, buyer: int, quantity: int, amount: int
) -> None:
    async with connection.transaction():
        # In the order of owners: without it two settlements deadlock.
        await connection.execute(
            "SELECT 1 FROM baseline_dvp.balance WHERE owner IN (%s, %s) ORDER BY owner, asset"
            " FOR UPDATE",
            (seller, buyer),
        )
        for asset, sum_, payer, payee in (
            ("security", quantity, seller, buyer),
            ("cash", amount, buyer, seller),
        ):
            taken = await connection.execute(
                _TAKE, {"owner": payer, "asset": asset, "amount": sum_}
            )
            assert taken.rowcount == 1
            await connection.execute(_GIVE, {"owner": payee, "asset": asset, "amount": sum_})
        await connection.execute(_SETTLE, (id, seller, buyer, quantity, amount, "settled"))


async def _in_steps(
    connections: Sequence[Connection], id: int, seller: int, buyer: int, quantity: int, amount: int
) -> None:
    coordinator, securities, cash = connections
    await coordinator.execute(_SETTLE, (id, seller, buyer, quantity, amount, "initiated"))
    legs = (
        (securities, "security", quantity, seller, buyer),
        (cash, "cash", amount, buyer, seller),
    )
    for ledger, asset, sum_, payer, _ in legs:
        async with ledger.transaction():
            held = await ledger.execute(_HOLD, {"owner": payer, "asset": asset, "amount": sum_})
            assert held.rowcount == 1
            await ledger.execute(
                "INSERT INTO baseline_dvp.hold VALUES (%s, %s, %s, %s, 'held')",
                (id, payer, asset, sum_),
            )
    await coordinator.execute(
        "UPDATE baseline_dvp.settlement SET state = 'executing' WHERE id = %s", (id,)
    )
    for ledger, asset, sum_, payer, payee in legs:
        async with ledger.transaction():
            await ledger.execute(
                "UPDATE baseline_dvp.hold SET state = 'executed' WHERE id = %s", (id,)
            )
            first, second = sorted((payer, payee))
            await ledger.execute(
                "SELECT 1 FROM baseline_dvp.balance WHERE owner IN (%s, %s) AND asset = %s"
                " ORDER BY owner FOR UPDATE",
                (first, second, asset),
            )
            await ledger.execute(_SPEND, {"owner": payer, "asset": asset, "amount": sum_})
            await ledger.execute(_GIVE, {"owner": payee, "asset": asset, "amount": sum_})
    await coordinator.execute(
        "UPDATE baseline_dvp.settlement SET state = 'settled' WHERE id = %s", (id,)
    )
