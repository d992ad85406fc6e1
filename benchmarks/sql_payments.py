"""What is the baseline for payments? Two SQL transactions for each, as payment services have them.

The first accepts: idempotency key, payment, row lock on the payer's balance, hold. The second
settles: state, both balances, two entries. Prepared statements, 20 connections, the same server and
durability; no netting, no certificate, no rail.
"""

from __future__ import annotations

import asyncio
import random
from time import perf_counter
from typing import Any

import psycopg

CONNECTIONS = 20
BALANCES = 240
"""30 banks in 8 currencies."""
NAME = f"plain SQL, two transactions a payment (accept, settle), {CONNECTIONS} connections"

_SCHEMA = """
DROP SCHEMA IF EXISTS baseline_payments CASCADE;
CREATE SCHEMA baseline_payments;
CREATE TABLE baseline_payments.balance (id bigint PRIMARY KEY, available numeric(38,0) NOT NULL,
    held numeric(38,0) NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE baseline_payments.idempotency (key text PRIMARY KEY, payment text NOT NULL);
CREATE TABLE baseline_payments.payment (id text PRIMARY KEY, payer bigint NOT NULL,
    payee bigint NOT NULL, amount numeric(38,0) NOT NULL, state text NOT NULL,
    at timestamptz NOT NULL DEFAULT now());
CREATE TABLE baseline_payments.entry (payment text NOT NULL, balance bigint NOT NULL,
    amount numeric(38,0) NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON baseline_payments.entry (payment);
"""


async def measure(url: str, *, seconds: float) -> float:
    """Return payments a second that are accepted and settled."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_SCHEMA)
        await connection.execute(
            "INSERT INTO baseline_payments.balance (id, available)"
            " SELECT n, 10::numeric ^ 18 FROM generate_series(1, %s) AS n",
            (BALANCES,),
        )
        await connection.execute("ANALYZE baseline_payments.balance")
    started = perf_counter()
    until = started + seconds
    clients = [_client(url, seed=seed, until=until) for seed in range(CONNECTIONS)]
    done = sum(await asyncio.gather(*clients))
    return done / (perf_counter() - started)


async def _client(url: str, *, seed: int, until: float) -> int:
    chance = random.Random(seed)
    done = 0
    connection: psycopg.AsyncConnection[Any]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        connection.prepare_threshold = 0
        while perf_counter() < until:
            payer, payee = chance.sample(range(1, BALANCES + 1), 2)
            name, amount = f"{seed}-{done}", chance.randint(1, 1_000_000)
            await _accept(connection, name, payer, payee, amount)
            await _settle(connection, name, payer, payee, amount)
            done += 1
    return done


async def _accept(
    connection: psycopg.AsyncConnection[Any], name: str, payer: int, payee: int, amount: int
) -> None:
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO baseline_payments.idempotency VALUES (%s, %s)", (name, name)
        )
        await connection.execute(
            "UPDATE baseline_payments.balance SET available = available - %s, held = held + %s"
            " WHERE id = %s AND available >= %s",
            (amount, amount, payer, amount),
        )
        await connection.execute(
            "INSERT INTO baseline_payments.payment (id, payer, payee, amount, state)"
            " VALUES (%s, %s, %s, %s, 'accepted')",
            (name, payer, payee, amount),
        )


async def _settle(
    connection: psycopg.AsyncConnection[Any], name: str, payer: int, payee: int, amount: int
) -> None:
    changes = sorted([(payer, 0, -amount), (payee, amount, 0)])
    async with connection.transaction():
        await connection.execute(
            "UPDATE baseline_payments.payment SET state = 'settled' WHERE id = %s", (name,)
        )
        for balance, available, held in changes:
            await connection.execute(
                "UPDATE baseline_payments.balance SET available = available + %s, held = held + %s"
                " WHERE id = %s",
                (available, held, balance),
            )
            await connection.execute(
                "INSERT INTO baseline_payments.entry (payment, balance, amount)"
                " VALUES (%s, %s, %s)",
                (name, balance, available + held),
            )
