"""What may each role do with the journal, and who can change it? (Nobody.)"""

from __future__ import annotations

import psycopg
import pytest

from nostro.adapters.postgres import migrate as schema
from tests.databases import as_role

ROW = (
    "INSERT INTO nostro.journal VALUES ('main', 1, 'key', '\\x00', 'a', 'r', 's', 'k', 1,"
    " '\\x01', '\\x02', repeat('a', 32)::bytea, repeat('b', 32)::bytea)"
)
CHANGES = (
    "UPDATE nostro.journal SET payload = ''",
    "DELETE FROM nostro.journal",
    "TRUNCATE nostro.journal",
    "INSERT INTO nostro.journal SELECT * FROM nostro.journal ON CONFLICT (chain, height)"
    " DO UPDATE SET reply = ''",
)
ROLES = ("nostro_engine", "nostro_follower", "nostro_reader")


@pytest.fixture
def written(postgres: str) -> str:
    """A database with one journal row."""
    with psycopg.connect(as_role(postgres, "nostro_engine")) as connection:
        connection.execute(ROW)
    return postgres


def refused(url: str, *statements: str) -> psycopg.errors.Diagnostic:
    with psycopg.connect(url) as connection:
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        with pytest.raises(psycopg.Error) as error:
            connection.execute(statements[-1].encode())
    return error.value.diag


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ROLES)
def test_no_role_of_the_application_changes_or_removes_journal_rows(
    written: str, role: str, change: str
) -> None:
    assert refused(as_role(written, role), change).sqlstate in ("42501", "25006")
    with psycopg.connect(written) as connection:
        assert connection.execute("SELECT payload FROM nostro.journal").fetchall() == [(b"\x01",)]


@pytest.mark.parametrize("change", CHANGES)
def test_not_even_the_owner_or_a_superuser_changes_journal_rows(written: str, change: str) -> None:
    for before in ("SELECT 1", "SET ROLE nostro_owner", "SET session_replication_role = replica"):
        told = refused(written, before, change)
        assert told.sqlstate == "23001"
        assert "append-only" in (told.message_primary or "")
        assert "reverses" in (told.message_hint or "")


def test_no_role_of_the_application_can_lift_the_protection(written: str) -> None:
    for role in ROLES:
        for statement in (
            "ALTER TABLE nostro.journal DISABLE TRIGGER ALL",
            "DROP TRIGGER journal_is_append_only ON nostro.journal",
            "SET ROLE nostro_owner",
            "SET session_replication_role = replica",
            "CREATE TABLE nostro.mine ()",
        ):
            told = refused(as_role(written, role), statement)
            assert told.sqlstate in ("42501", "25006"), (role, statement)


@pytest.mark.parametrize("role", ["nostro_follower", "nostro_reader"])
def test_only_the_engine_adds_to_the_journal_and_moves_its_head(written: str, role: str) -> None:
    for statement in (
        ROW.replace("1, 'key'", "2, 'other'"),
        "INSERT INTO nostro.chain_head VALUES ('main', 0, repeat('a', 32)::bytea, 0, 0)",
        "DELETE FROM nostro.outbox",
    ):
        assert refused(as_role(written, role), statement).sqlstate in ("42501", "25006")


def test_the_engine_removes_no_chain_head(written: str) -> None:
    told = refused(as_role(written, "nostro_engine"), "DELETE FROM nostro.chain_head")
    assert told.sqlstate == "42501"


@pytest.mark.parametrize("role", ROLES)
def test_every_role_reads_the_journal_and_the_state_of_the_schema(written: str, role: str) -> None:
    with psycopg.connect(as_role(written, role)) as connection:
        assert connection.execute("SELECT count(*) FROM nostro.journal").fetchone() == (1,)
    schema.check(as_role(written, role))


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ("1, 'other'", "journal_pkey"),
        ("2, 'key'", "journal_chain_command_id_key"),
        ("0, 'other'", "journal_height_check"),
        ("2, ''", "journal_command_id_check"),
    ],
)
def test_a_row_that_breaks_the_chain_of_heights_or_keys_is_refused(
    written: str, wrong: str, constraint: str
) -> None:
    told = refused(as_role(written, "nostro_engine"), ROW.replace("1, 'key'", wrong))
    assert told.constraint_name == constraint


def test_two_chains_of_one_database_have_heights_and_keys_of_their_own(written: str) -> None:
    with psycopg.connect(as_role(written, "nostro_engine")) as connection:
        connection.execute(ROW.replace("'main'", "'other'").encode())
        assert connection.execute("SELECT count(*) FROM nostro.journal").fetchone() == (2,)


def test_keys_are_ordered_byte_by_byte(postgres: str) -> None:
    query = (
        "SELECT attname FROM pg_attribute WHERE attrelid = 'nostro.journal'::regclass"
        " AND attcollation <> 0 AND attcollation <> '\"C\"'::regcollation"
    )
    with psycopg.connect(postgres) as connection:
        assert connection.execute(query).fetchall() == []
