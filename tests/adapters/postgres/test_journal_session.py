"""Under which conditions does the journal's writer talk to PostgreSQL?"""

from __future__ import annotations

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
