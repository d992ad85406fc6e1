"""What does a benchmark stand on? A fresh embedded PostgreSQL as the platform starts it, and an
engine on it."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg

from nostro.adapters.clock import SystemClock
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.adapters.postgres.migrate import migrate
from nostro.ledger import AccountType, Limit, NewAccount, OpenAccounts
from nostro.runtime.engine import Engine, EngineSettings
from nostro.wiring.platform import CHILD_MODULE
from nostro.wiring.processes import Child
from nostro.wiring.rooms import make_house

ACCOUNTS = 10_000
OPEN_AT_ONCE = 5_000


@contextmanager
def embedded() -> Iterator[EmbeddedPostgres]:
    """Start a PostgreSQL of its own in a directory of its own, with the schema of this version."""
    with tempfile.TemporaryDirectory(prefix="nostro-bench-") as directory:
        postgres = EmbeddedPostgres(Path(directory) / "data")
        try:
            postgres.start()
            migrate(postgres.url())
            yield postgres
        finally:
            postgres.stop()


@asynccontextmanager
async def engine_on(
    postgres: EmbeddedPostgres, *, settings: EngineSettings | None = None
) -> AsyncIterator[Engine]:
    """Run an engine as the server does, garbage collection tuned alike."""
    engine = Engine(
        house=make_house(),
        journal=PostgresJournal(postgres.url("nostro_engine"), "main"),
        clock=SystemClock(),
        settings=settings,
    )
    await engine.start()
    tune_garbage_collection()
    try:
        yield engine
    finally:
        await engine.stop()


@asynccontextmanager
async def follower_on(postgres: EmbeddedPostgres) -> AsyncIterator[Child]:
    """Run the follower in a process of its own, as `nostro up` does."""
    url = postgres.url("nostro_follower")
    stores = {"engine": url, "follower": url, "reader": url}
    order = {"stores": stores, "settings": {"data_dir": str(postgres.data_dir)}}
    child = Child(name="follower", module=CHILD_MODULE, order=order)
    await child.start()
    try:
        yield child
    finally:
        await child.stop()


async def until_followed(postgres: EmbeddedPostgres, height: int) -> None:
    """Return when every view stands at the height."""
    url = postgres.url("nostro_reader")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            rows = await connection.execute(
                "SELECT min(height) FROM nostro.projection_checkpoint WHERE chain = 'main'"
            )
            row = await rows.fetchone()
            if row and row[0] is not None and row[0] >= height:
                return
            await asyncio.sleep(0.02)


def tune_garbage_collection() -> None:
    """Do what the server does: its state is no garbage, so it is not searched for any."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def account(number: int) -> str:
    """Return the id of the n-th account of the benchmarks."""
    return f"account:{number:06d}"


async def open_accounts(engine: Engine, count: int = ACCOUNTS, *, limited: bool = False) -> None:
    """Open the accounts of the benchmarks; `limited`: none may overdraw, and each is funded."""
    limit = Limit.DEBITS_MUST_NOT_EXCEED_CREDITS if limited else Limit.NONE
    for first in range(1, count + 1, OPEN_AT_ONCE):
        last = min(first + OPEN_AT_ONCE - 1, count)
        accounts = [
            NewAccount(id=account(number), asset="EUR", type=AccountType.LIABILITY, limit=limit)
            for number in range(first, last + 1)
        ]
        receipt = await engine.submit(
            key=f"open:{first}", command=OpenAccounts(accounts=accounts), actor="bench"
        )
        assert receipt.reply.accepted, receipt
