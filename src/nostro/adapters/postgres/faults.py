"""What can go wrong between us and PostgreSQL, and what mends it?

PostgresFault                 an outage: nothing of what was asked has happened
├── BinariesMissing           no usable PostgreSQL server programs
├── DataDirectoryHeld         another process has started this data directory
├── DataDirectoryUnusable     wrong owner, not writable, written by another major version
├── ServerNotStarted          the server refused to start, or did not become ready in time
├── DatabaseUnreachable       nobody answers at the URL
├── ChainForeign              the views in the database tell of another chain
└── SchemaRefused             the schema and this code do not belong together
    ├── MigrationsPending     the code is ahead: migrate
    ├── MigrationChanged      a file differs from what was applied
    ├── SchemaNewer           the database is ahead: upgrade the code
    └── MigrationBusy         someone else is migrating
"""

from __future__ import annotations

from typing import ClassVar

from nostro.runtime.ports import NotDone


class PostgresFault(NotDone):
    """Nothing of what was asked happened. `detail` says what is wrong, `remedy` what mends it."""

    code: ClassVar[str] = "postgres.fault"

    def __init__(self, detail: str, *, remedy: str) -> None:
        super().__init__(f"{detail} Remedy: {remedy}")
        self.detail = detail
        self.remedy = remedy


class BinariesMissing(PostgresFault):
    """No directory with `postgres` and `initdb` of a supported version was found."""

    code = "postgres.binaries_missing"


class DataDirectoryHeld(PostgresFault):
    """Another living process has started this data directory; `pid` may be unknown."""

    code = "postgres.data_directory_held"

    def __init__(self, detail: str, *, remedy: str, pid: int | None) -> None:
        super().__init__(detail, remedy=remedy)
        self.pid = pid


class DataDirectoryUnusable(PostgresFault):
    """The data directory cannot be written, has the wrong owner, or holds something else."""

    code = "postgres.data_directory_unusable"


class ServerNotStarted(PostgresFault):
    """The server ended while starting or was not ready in time; `detail` quotes its log."""

    code = "postgres.server_not_started"


class DatabaseUnreachable(PostgresFault):
    """Nobody answers at the URL, or whoever does refuses us."""

    code = "postgres.database_unreachable"


class ChainForeign(PostgresFault):
    """The database is that of another chain: each has one of its own, for its views."""

    code = "postgres.chain_foreign"


class SchemaRefused(PostgresFault):
    """The schema in the database is not the one that this code was written for."""

    code = "postgres.schema_refused"


class MigrationsPending(SchemaRefused):
    """Migrations of this code have not been applied yet."""

    code = "postgres.migrations_pending"


class MigrationChanged(SchemaRefused):
    """A migration file differs from the one that was applied."""

    code = "postgres.migration_changed"


class SchemaNewer(SchemaRefused):
    """The database has migrations that this code does not know."""

    code = "postgres.schema_newer"


class MigrationBusy(SchemaRefused):
    """Another session is migrating, or a table stayed locked for longer than the lock timeout."""

    code = "postgres.migration_busy"
