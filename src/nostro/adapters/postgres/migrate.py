"""Does the schema of a database fit this code, and how is it brought there?

Migrations are the files `migrations/NNNN_name.sql`: plain SQL, numbered from 0001 without gaps,
each applied once and in one transaction of its own as role `nostro_owner`. What was applied is
recorded with its SHA-256 in `nostro.migration`. A file that has been released is never edited; the
next number mends it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from nostro.adapters.postgres.faults import (
    ChainForeign,
    DatabaseUnreachable,
    MigrationBusy,
    MigrationChanged,
    MigrationsPending,
    SchemaNewer,
    SchemaRefused,
)

MIGRATIONS = Path(__file__).with_name("migrations")
REMEDY = "nostro migrate"
LOCK_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 10
_LOCK_KEY = int.from_bytes(b"nostro", "big")  # advisory locks are per database, like the schema
_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")
_RECORD = """
    CREATE SCHEMA IF NOT EXISTS nostro AUTHORIZATION nostro_owner;
    SET LOCAL ROLE nostro_owner;
    CREATE TABLE IF NOT EXISTS nostro.migration (
        number     integer PRIMARY KEY,
        name       text NOT NULL,
        sha256     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
"""


class Migration(msgspec.Struct, frozen=True):
    """A numbered file: its name (`0001_journal.sql`), its SHA-256 in hex, and its SQL."""

    number: int
    name: str
    sha256: str
    sql: str


class SchemaState(msgspec.Struct, frozen=True):
    """What a database has, against what this code has."""

    applied: Sequence[str]
    pending: Sequence[Migration]
    changed: Sequence[Migration]
    unknown: Sequence[str]

    def refuse(self) -> None:
        """Raise SchemaNewer, MigrationChanged or MigrationsPending unless both agree."""
        self.refuse_unmendable()
        if self.pending:
            names = ", ".join(one.name for one in self.pending)
            raise MigrationsPending(
                f"The database lacks {len(self.pending)} migration(s): {names}.",
                remedy=f"run `{REMEDY}`.",
            )

    def refuse_unmendable(self) -> None:
        """Raise SchemaNewer or MigrationChanged, which applying migrations does not mend."""
        if self.unknown:
            raise SchemaNewer(
                f"The database is newer than this code: it has {', '.join(self.unknown)}.",
                remedy="run the version of nostro that migrated it, or a later one"
                " (`pip install --upgrade nostro`).",
            )
        if self.changed:
            names = ", ".join(one.name for one in self.changed)
            raise MigrationChanged(
                f"{names} differ(s) from what was applied to this database.",
                remedy="install the released files again (`pip install --force-reinstall nostro`),"
                f" or, when the effect is the same, run `{REMEDY} --accept-changed`.",
            )


def migrations(directory: Path = MIGRATIONS) -> Sequence[Migration]:
    """Return the migrations in order; raises ValueError unless they are 0001, 0002, ..."""
    found = []
    for path in sorted(directory.glob("[0-9]*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name} is not called NNNN_name.sql")
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        found.append(Migration(int(match["number"]), path.name, digest, content.decode()))
    numbers = [one.number for one in found]
    if numbers != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations are not numbered from 0001 without gaps: {numbers}")
    return found


def schema_state(url: str, directory: Path = MIGRATIONS) -> SchemaState:
    """Compare a database with this code; raises DatabaseUnreachable when it cannot be asked."""
    with _connected(url) as connection:
        return _compare(connection, migrations(directory))


def check(url: str, directory: Path = MIGRATIONS) -> None:
    """Refuse a database that does not fit this code.

    Raises MigrationsPending, MigrationChanged or SchemaNewer, each naming the command that mends
    it.
    """
    schema_state(url, directory).refuse()


def chain_of_views(url: str) -> str | None:
    """Return the chain that the views in a database tell of, or None before their first follower.

    Raises DatabaseUnreachable.
    """
    with _connected(url) as connection:
        found = connection.execute("SELECT chain FROM nostro.projection_checkpoint").fetchone()
    return str(found[0]) if found else None


def refuse_foreign(url: str, chain: str) -> None:
    """Refuse a database whose views tell of another chain; raises ChainForeign.

    A chain that was mistyped would otherwise begin an empty ledger beside the one that is meant.
    """
    there = chain_of_views(url)
    if there not in (None, chain):
        raise ChainForeign(
            f"The database holds the chain {there!r}, not {chain!r}.",
            remedy=f"set NOSTRO_CHAIN={there}, or give {chain!r} a database of its own"
            " (NOSTRO_DATA_DIR, NOSTRO_POSTGRES_URL).",
        )


def migrate(
    url: str, directory: Path = MIGRATIONS, *, lock_timeout_ms: int = LOCK_TIMEOUT_MS
) -> Sequence[str]:
    """Apply what is pending and return the names of the files applied, in order; often none.

    The user of `url` must be able to create roles and a schema, or find them made. Of several that
    migrate at once one does the work. Raises SchemaNewer, MigrationChanged, MigrationBusy, or
    SchemaRefused with the server's words; the files before the one that failed stay applied.
    """
    code = migrations(directory)
    with _migrating(url, lock_timeout_ms) as connection:
        state = _compare(connection, code)
        state.refuse_unmendable()
        if state.pending:
            _prepare(connection, directory)
        for one in state.pending:
            _apply(connection, one)
    return [one.name for one in state.pending]


def accept_changed(url: str, directory: Path = MIGRATIONS) -> Sequence[str]:
    """Record the present content of applied files that have changed since; return their names."""
    with _migrating(url, LOCK_TIMEOUT_MS) as connection:
        changed = _compare(connection, migrations(directory)).changed
        with connection.transaction():
            for one in changed:
                connection.execute(
                    "UPDATE nostro.migration SET sha256 = %s WHERE number = %s",
                    (one.sha256, one.number),
                )
    return [one.name for one in changed]


@contextlib.contextmanager
def _migrating(url: str, lock_timeout_ms: int) -> Iterator[psycopg.Connection[Any]]:
    with _connected(url) as connection:
        connection.execute(
            "SELECT set_config('lock_timeout', %s, false)", (f"{lock_timeout_ms}ms",)
        )
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
        except psycopg.errors.LockNotAvailable as error:
            raise MigrationBusy(
                f"Another session has been migrating for over {lock_timeout_ms / 1000:g} s.",
                remedy=f"wait for it, then run `{REMEDY}` again.",
            ) from error
        yield connection  # the lock goes with the connection


@contextlib.contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="nostro migrate",
        )
    except psycopg.Error as error:
        raise DatabaseUnreachable(
            f"The database does not answer: {' '.join(str(error).split())}",
            remedy="start it, or correct its URL; `nostro doctor` looks at the one that is set.",
        ) from error
    with connection:
        yield connection


def _compare(connection: psycopg.Connection[Any], code: Sequence[Migration]) -> SchemaState:
    applied = _applied(connection)
    return SchemaState(
        applied=[name for name, _ in applied.values()],
        pending=[one for one in code if one.number not in applied],
        changed=[one for one in code if applied.get(one.number, ("", one.sha256))[1] != one.sha256],
        unknown=[name for number, (name, _) in applied.items() if number > len(code)],
    )


def _applied(connection: psycopg.Connection[Any]) -> Mapping[int, tuple[str, str]]:
    found = connection.execute("SELECT to_regclass('nostro.migration') IS NOT NULL").fetchone()
    if found is None or not found[0]:
        return {}
    rows = connection.execute("SELECT number, name, sha256 FROM nostro.migration ORDER BY number")
    return {number: (name, sha256) for number, name, sha256 in rows}


def _prepare(connection: psycopg.Connection[Any], directory: Path) -> None:
    roles = (directory / "roles.sql").read_bytes()
    with _explained("roles.sql"):
        connection.execute(roles)
        with connection.transaction():
            connection.execute(_RECORD)


def _apply(connection: psycopg.Connection[Any], one: Migration) -> None:
    with _explained(one.name), connection.transaction():
        connection.execute("SET LOCAL ROLE nostro_owner")
        connection.execute(one.sql.encode())
        connection.execute(
            "INSERT INTO nostro.migration (number, name, sha256) VALUES (%s, %s, %s)",
            (one.number, one.name, one.sha256),
        )


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationBusy(
            f"{name} waited too long for a table that somebody uses.",
            remedy=f"stop the platform, then run `{REMEDY}` again.",
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise SchemaRefused(
            f"{name} was refused: {error.diag.message_primary}.",
            remedy="migrate as a user with CREATEROLE and CREATE on the database, e.g."
            f" `{REMEDY} --url postgresql://admin@host/database`.",
        ) from error
    except psycopg.Error as error:
        raise SchemaRefused(
            f"{name} failed and changed nothing: {str(error).strip()}",
            remedy="mend the cause, then run the command again; earlier files stay applied.",
        ) from error
