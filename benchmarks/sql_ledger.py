"""What is the baseline? A ledger as most PostgreSQL ledgers are: one transfer a transaction, row
locks.

Two ways, both with prepared statements and 20 connections, on the same server and with the same
durability: `interactive`, the application's own statements between BEGIN and COMMIT, which is the
baseline; and `function`, the best that can be done for it, one round trip to a stored function.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import psycopg

CONNECTIONS = 20
NAME = f"plain SQL, one transfer a transaction with row locks, {CONNECTIONS} connections"

_SCHEMA = """
DROP SCHEMA IF EXISTS baseline CASCADE;
CREATE SCHEMA baseline;
CREATE TABLE baseline.account (id bigint PRIMARY KEY, debits numeric(38,0) NOT NULL DEFAULT 0,
    credits numeric(38,0) NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE baseline.transfer (id uuid PRIMARY KEY, debit bigint NOT NULL, credit bigint NOT NULL,
    amount numeric(38,0) NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON baseline.transfer (debit, at);
CREATE INDEX ON baseline.transfer (credit, at);
CREATE FUNCTION baseline.move(a_debit bigint, a_credit bigint, a_amount numeric) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM baseline.account WHERE id IN (a_debit, a_credit) ORDER BY id FOR UPDATE;
    UPDATE baseline.account SET debits = debits + a_amount WHERE id = a_debit;
    UPDATE baseline.account SET credits = credits + a_amount WHERE id = a_credit;
    INSERT INTO baseline.transfer (id, debit, credit, amount)
    VALUES (gen_random_uuid(), a_debit, a_credit, a_amount);
END $$;
"""


async def measure(
    url: str, *, accounts: int, seconds: float, hot: bool = False, function: bool = False
) -> float:
    """Return transfers a second over `seconds`; `hot`: every transfer debits account 1."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_SCHEMA)
        await connection.execute(
            "INSERT INTO baseline.account (id) SELECT generate_series(1, %s)", (accounts,)
        )
        await connection.execute("ANALYZE baseline.account")
    move = _by_function if function else _interactively
    until = perf_counter() + seconds
    started = perf_counter()
    clients = [
        _client(url, move, seed=seed, accounts=accounts, until=until, hot=hot)
        for seed in range(CONNECTIONS)
    ]
    done = sum(await asyncio.gather(*clients))
    return done / (perf_counter() - started)


Move = Callable[[psycopg.AsyncConnection[Any], int, int], Awaitable[None]]


async def _client(
    url: str, move: Move, *, seed: int, accounts: int, until: float, hot: bool
) -> int:
    chance = random.Random(seed)
    done = 0
    connection: psycopg.AsyncConnection[Any]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        connection.prepare_threshold = 0
        while perf_counter() < until:
            debit = 1 if hot else chance.randint(1, accounts)
            credit = chance.randint(2, accounts)
            if debit != credit:
                await move(connection, debit, credit)
                done += 1
    return done


async def _by_function(connection: psycopg.AsyncConnection[Any], debit: int, credit: int) -> None:
    await connection.execute("SELECT baseline.move(%s, %s, %s)", (debit, credit, 100))


async def _interactively(connection: psycopg.AsyncConnection[Any], debit: int, credit: int) -> None:
    async with connection.transaction():
        await connection.execute(
            "SELECT debits, credits FROM baseline.account WHERE id IN (%s, %s)"
            " ORDER BY id FOR UPDATE",
            (debit, credit),
        )
        await connection.execute(
            "UPDATE baseline.account SET debits = debits + 100 WHERE id = %s", (debit,)
        )
        await connection.execute(
            "UPDATE baseline.account SET credits = credits + 100 WHERE id = %s", (credit,)
        )
        await connection.execute(
            "INSERT INTO baseline.transfer (id, debit, credit, amount)"
            " VALUES (gen_random_uuid(), %s, %s, 100)",
            (debit, credit),
        )
