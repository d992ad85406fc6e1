"""Who may write the members' log in PostgreSQL, how, and what does a lost connection cost?"""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from nostro.adapters.postgres.ordered_log import PostgresOrderedLog
from nostro.runtime.ports import NotDone, OutcomeUnknown
from tests.databases import as_role

APPEND = "SELECT nostro.append_to_ordered_log('main', ARRAY['a'], ARRAY['\\x01'::bytea])"
CHANGES = (
    "UPDATE nostro.ordered_log SET value = ''",
    "DELETE FROM nostro.ordered_log",
    "TRUNCATE nostro.ordered_log",
)
ROLES = ("nostro_engine", "nostro_follower", "nostro_reader", "nostro_members")


def refused(url: str, *statements: str) -> str | None:
    with psycopg.connect(url) as connection:
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        with pytest.raises(psycopg.Error) as error:
            connection.execute(statements[-1].encode())
    return error.value.diag.sqlstate


@pytest.fixture
def written(postgres: str) -> str:
    """A database with one item."""
    with psycopg.connect(as_role(postgres, "nostro_members")) as connection:
        connection.execute(APPEND)
    return postgres


@pytest.mark.parametrize("change", CHANGES)
def test_nobody_changes_or_removes_what_stands_in_the_log(written: str, change: str) -> None:
    for role in ROLES:
        assert refused(as_role(written, role), change) in ("42501", "25006"), role
    for before in ("SELECT 1", "SET ROLE nostro_owner", "SET session_replication_role = replica"):
        assert refused(written, before, change) == "23001"


def test_nobody_writes_around_the_function_that_assigns_positions(written: str) -> None:
    for role in ROLES:
        insert = "INSERT INTO nostro.ordered_log VALUES ('main', 9, 'b', '')"
        assert refused(as_role(written, role), insert) in ("42501", "25006"), role


@pytest.mark.parametrize("role", ["nostro_follower", "nostro_reader"])
def test_a_role_that_only_reads_cannot_append(written: str, role: str) -> None:
    assert refused(as_role(written, role), APPEND) in ("42501", "25006")


def test_a_member_reads_nothing_but_the_log(written: str) -> None:
    url = as_role(written, "nostro_members")
    for table in ("journal", "chain_head", "outbox", "snapshot"):
        assert refused(url, f"SELECT * FROM nostro.{table}") == "42501"
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT position, key FROM nostro.ordered_log").fetchall()
    assert found == [(1, "a")]


def test_an_append_in_an_isolation_that_hides_other_rows_is_refused(written: str) -> None:
    url = as_role(written, "nostro_members")
    assert refused(url, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", APPEND) == "25000"


async def test_an_append_that_is_not_committed_yet_holds_up_the_next_position(
    postgres: str,
) -> None:
    url = as_role(postgres, "nostro_members")
    log = PostgresOrderedLog(url)
    other = await psycopg.AsyncConnection.connect(url)
    async with other:
        await other.execute(APPEND)
        later = asyncio.create_task(log.append([("b", b"")]))
        for _ in range(20):
            assert list(await log.read(after=0)) == []
        assert not later.done()
        await other.commit()
        assert await asyncio.wait_for(later, 10) == 2
    assert [item.key for item in await log.read(after=0)] == ["a", "b"]
    await log.close()


async def test_a_lost_connection_is_an_unknown_outcome_and_the_next_append_goes_on(
    postgres: str,
) -> None:
    log = PostgresOrderedLog(as_role(postgres, "nostro_members"))
    await log.append([("a", b"1")])
    end_all = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'nostro ordered log'"
    )
    async with await psycopg.AsyncConnection.connect(postgres, autocommit=True) as admin:
        await admin.execute(end_all)
    with pytest.raises(OutcomeUnknown):
        await log.append([("b", b"2")])
    assert await log.append([("b", b"2")]) == 2
    await log.close()


async def test_many_appends_at_once_are_few_transactions(wheel_postgres: str) -> None:
    log = PostgresOrderedLog(as_role(wheel_postgres, "nostro_members"))
    await asyncio.gather(*(log.append([(f"k{number}", b"")]) for number in range(50)))
    with psycopg.connect(wheel_postgres) as connection:
        found = connection.execute(
            "SELECT count(*), count(DISTINCT xmin::text) FROM nostro.ordered_log"
        ).fetchone()
    assert found is not None
    assert found[0] == 50
    assert found[1] <= 3
    await log.close()


async def test_nobody_at_the_url_is_an_outage_in_which_nothing_happened() -> None:
    log = PostgresOrderedLog("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(NotDone):
        await log.append([("a", b"")])
    with pytest.raises(NotDone):
        await log.read(after=0)
    await log.changed(after=0, timeout_s=0.01)
    await log.close()


def test_members_vote_on_batches_and_request_none(postgres: str) -> None:
    request = APPEND.replace("ARRAY['a']", "ARRAY['request/a']")
    assert refused(as_role(postgres, "nostro_members"), request) == "42501"
