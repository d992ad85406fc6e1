"""Is the schema brought to this code once, and refused when it does not fit?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from nostro.adapters.postgres import migrate as schema
from nostro.adapters.postgres.faults import (
    ChainForeign,
    DatabaseUnreachable,
    MigrationBusy,
    MigrationChanged,
    MigrationsPending,
    SchemaNewer,
    SchemaRefused,
)
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from tests import databases
from tests.databases import as_role


@pytest.fixture(params=databases.NAMES)
def empty(request: pytest.FixtureRequest, postgres_servers: databases.Servers) -> Iterator[str]:
    """The administrator's URL of a database without a schema, on each version."""
    server = postgres_servers.server(request.param)
    name = "empty"
    url = server.create_database(name)
    yield url
    postgres_servers.drop(url)


@pytest.fixture(params=databases.NAMES)
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server on which nothing was ever migrated, so that it has no roles, on each version."""
    bin_dir = databases.BIN_DIRS[request.param]
    with EmbeddedPostgres(tmp_path / "bare", bin_dir=bin_dir, tuning=databases.TUNING) as server:
        yield server


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory of migrations: the real roles, and two small files."""
    (tmp_path / "roles.sql").write_bytes((schema.MIGRATIONS / "roles.sql").read_bytes())
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE nostro.first (number integer);")
    (tmp_path / "0002_second.sql").write_text("ALTER TABLE nostro.first ADD kept text;")
    return tmp_path


def columns(url: str) -> list[str]:
    query = (
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'nostro' AND table_name = 'first' ORDER BY 1"
    )
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute(query)]


def test_everything_pending_is_applied_in_order_and_once(empty: str, directory: Path) -> None:
    assert schema.migrate(empty, directory) == ["0001_first.sql", "0002_second.sql"]
    assert columns(empty) == ["kept", "number"]
    schema.check(empty, directory)
    assert schema.migrate(empty, directory) == []


def test_a_schema_behind_the_code_is_refused_with_the_command_that_mends_it(
    empty: str, directory: Path
) -> None:
    with pytest.raises(MigrationsPending) as refused:
        schema.check(empty, directory)
    assert "0001_first.sql, 0002_second.sql" in refused.value.detail
    assert "nostro migrate" in refused.value.remedy
    schema.migrate(empty, directory)
    (directory / "0003_third.sql").write_text("SELECT 1;")
    with pytest.raises(MigrationsPending, match=r"0003_third\.sql"):
        schema.check(empty, directory)
    assert schema.migrate(empty, directory) == ["0003_third.sql"]


def test_a_file_that_changed_after_it_was_applied_is_refused_until_it_is_accepted(
    empty: str, directory: Path
) -> None:
    schema.migrate(empty, directory)
    path = directory / "0001_first.sql"
    path.write_text(path.read_text() + " -- one word more")
    for refusing in (schema.check, schema.migrate):
        with pytest.raises(MigrationChanged, match=r"0001_first\.sql") as refused:
            refusing(empty, directory)
        assert "nostro migrate --accept-changed" in refused.value.remedy
    assert schema.accept_changed(empty, directory) == ["0001_first.sql"]
    schema.check(empty, directory)


def test_a_schema_ahead_of_the_code_is_refused(empty: str, directory: Path) -> None:
    schema.migrate(empty, directory)
    (directory / "0002_second.sql").unlink()
    for refusing in (schema.check, schema.migrate):
        with pytest.raises(SchemaNewer, match=r"0002_second\.sql"):
            refusing(empty, directory)


def test_a_migration_that_fails_leaves_nothing_and_is_quoted(empty: str, directory: Path) -> None:
    (directory / "0002_second.sql").write_text(
        "ALTER TABLE nostro.first ADD kept text; SELECT 1/0;"
    )
    with pytest.raises(SchemaRefused, match="division by zero"):
        schema.migrate(empty, directory)
    assert columns(empty) == ["number"]
    assert schema.schema_state(empty, directory).applied == ["0001_first.sql"]


def test_of_many_that_migrate_at_once_one_does_the_work(empty: str, directory: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: schema.migrate(empty, directory), range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, 2]


def test_whoever_waits_too_long_for_another_migration_is_told(empty: str, directory: Path) -> None:
    with psycopg.connect(empty) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (schema._LOCK_KEY,))
        with pytest.raises(MigrationBusy, match="Another session"):
            schema.migrate(empty, directory, lock_timeout_ms=100)


def test_a_migration_does_not_wait_for_ever_for_a_table_in_use(empty: str, directory: Path) -> None:
    schema.migrate(empty, directory)
    (directory / "0003_third.sql").write_text("ALTER TABLE nostro.first ADD more text;")
    with psycopg.connect(empty) as other:
        other.execute("SELECT * FROM nostro.first")
        with pytest.raises(MigrationBusy, match=r"0003_third\.sql"):
            schema.migrate(empty, directory, lock_timeout_ms=100)


def test_an_administrator_who_is_no_superuser_can_migrate(empty: str) -> None:
    with psycopg.connect(empty) as connection:
        connection.execute("DROP ROLE IF EXISTS keeper")
        connection.execute("CREATE ROLE keeper LOGIN CREATEROLE")
        connection.execute("GRANT nostro_owner TO keeper")
        connection.execute("GRANT CREATE ON DATABASE empty TO keeper")
    keeper = as_role(empty, "keeper")
    assert schema.migrate(keeper) == [one.name for one in schema.migrations()]
    schema.check(as_role(empty, "nostro_reader"))
    with psycopg.connect(empty) as connection:
        connection.execute("REVOKE CREATE ON DATABASE empty FROM keeper")
        connection.execute("DROP ROLE keeper")


def test_an_administrator_who_is_no_superuser_makes_the_roles_and_several_databases_at_once(
    bare: EmbeddedPostgres,
) -> None:
    with psycopg.connect(bare.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE keeper LOGIN CREATEROLE")
        urls = [bare.create_database(name) for name in ("one", "two", "three")]
        for name in ("one", "two", "three"):
            connection.execute(f"ALTER DATABASE {name} OWNER TO keeper".encode())
    keepers = [as_role(url, "keeper") for url in urls]
    with ThreadPoolExecutor(len(urls)) as pool:
        done = list(pool.map(schema.migrate, keepers))
    assert done == [[one.name for one in schema.migrations()]] * len(urls)


def test_a_user_who_may_not_migrate_is_told_which_rights_are_missing(
    empty: str, directory: Path
) -> None:
    with pytest.raises(SchemaRefused, match="CREATEROLE"):
        schema.migrate(as_role(empty, "nostro_engine"), directory)


def test_a_database_that_does_not_answer_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable, match="does not answer") as refused:
        schema.check(f"postgresql://nobody@/none?host={tmp_path}")
    assert "nostro doctor" in refused.value.remedy


def test_a_database_is_that_of_the_chain_that_its_views_tell_of(empty: str) -> None:
    schema.migrate(empty)
    schema.refuse_foreign(empty, "main")
    with psycopg.connect(empty, autocommit=True) as connection:
        columns = "(chain, name, height, hash, at_us)"
        row = "('main', 'views', 0, decode(repeat('00', 32), 'hex'), 0)"
        connection.execute(f"INSERT INTO nostro.projection_checkpoint {columns} VALUES {row}")
    schema.refuse_foreign(empty, "main")
    with pytest.raises(ChainForeign, match="'main', not 'mian'") as refused:
        schema.refuse_foreign(empty, "mian")
    assert "NOSTRO_CHAIN=main" in refused.value.remedy


@pytest.mark.parametrize("name", ["0003_a_gap.sql", "0001_twice.sql", "1_short.sql"])
def test_files_that_are_not_numbered_one_by_one_are_a_bug(directory: Path, name: str) -> None:
    (directory / "0002_second.sql").unlink()
    (directory / name).write_text("SELECT 1;")
    with pytest.raises(ValueError, match=r"number|NNNN"):
        schema.migrations(directory)


def test_no_migration_ends_the_transaction_that_it_runs_in() -> None:
    for one in schema.migrations():
        assert not re.search(r"^\s*(BEGIN|COMMIT|ROLLBACK)\s*;", one.sql, re.I | re.M), one.name
