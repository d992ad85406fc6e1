"""Under which conditions does the journal's writer talk to PostgreSQL?"""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from nostro.adapters.postgres.journal import PostgresJournal

SETTING = "SELECT current_setting(%s)"


async def said(journal: PostgresJournal, name: str) -> str:
    assert journal._writer is not None
    cursor = await journal._writer.execute(SETTING.encode(), (name,))
    row = await cursor.fetchone()
    assert row is not None
    setting: str = row[0]
    return setting


@pytest.mark.parametrize(("given", "kept"), [("off", "on"), ("local", "local"), ("on", "on")])
async def test_a_commit_is_flushed_whatever_the_database_says(
    wheel_postgres: str, given: str, kept: str
) -> None:
    with psycopg.connect(wheel_postgres, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = {given}".encode())
    journal = PostgresJournal(wheel_postgres)
    await journal.open()
    try:
        assert await said(journal, "synchronous_commit") == kept
    finally:
        await journal.close()


STUCK = """
    UPDATE nostro.chain_head SET height = 1, hash = sha256('1'), at = 1
     WHERE chain = 'main' AND height = 0 AND fence = %s
"""


@pytest.mark.parametrize("how", ["commit", "rollback"])
async def test_a_new_writer_reads_the_head_only_after_a_commit_under_way_has_ended(
    postgres: str, how: str
) -> None:
    """The lease keeps a new writer out while the old session lives; this shows that the head does
    so by itself, should the lease be lost (a pooler between us that shares sessions)."""
    old, new = PostgresJournal(postgres), PostgresJournal(postgres)
    fence = (await old.open()).fence
    await old.close()
    async with await psycopg.AsyncConnection.connect(postgres) as stuck:
        assert (await stuck.execute(STUCK, (fence,))).rowcount == 1
        opening = asyncio.create_task(new.open())
        await asyncio.wait([opening], timeout=0.5)
        assert not opening.done()
        await (stuck.commit() if how == "commit" else stuck.rollback())
        head = await asyncio.wait_for(opening, 10)
        assert head.height == (1 if how == "commit" else 0)
        assert head.fence > fence
        assert (await stuck.execute(STUCK, (fence,))).rowcount == 0
    await new.close()
