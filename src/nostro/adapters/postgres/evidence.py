"""What does a database hold against which its journal can be audited, all at one moment?"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any

import psycopg

from nostro.adapters.postgres.follower import CONNECT_TIMEOUT_S, NAME
from nostro.adapters.postgres.snapshot_rows import NEWEST, assembled
from nostro.runtime.ports import Entry, NotDone, Snapshot
from nostro.runtime.verify import End

PAGE_ROWS = 5_000
PAGE_BYTES = 8_000_000
_PAGE = """
    SELECT chain, height, command_id, request_hash, actor, room, stream, kind, at, payload, reply,
           prev_hash, hash
      FROM (SELECT rows.*, sum(octet_length(payload) + octet_length(reply)) OVER (ORDER BY height)
                           - octet_length(payload) AS bytes_before
              FROM (SELECT * FROM nostro.journal WHERE chain = %s AND height > %s
                     ORDER BY height LIMIT %s) AS rows) AS page
     WHERE bytes_before < %s
     ORDER BY height
"""


class Evidence:
    """A database at one moment: several sessions read the same snapshot of it, and change nothing.

    A context manager; entering it raises NotDone when the database does not answer.
    """

    def __init__(self, url: str, chain: str) -> None:
        self._url = url
        self._chain = chain
        self._stack = ExitStack()
        self._moment = ""

    def __enter__(self) -> Evidence:
        first = self.session()
        row = first.execute("SELECT pg_export_snapshot()").fetchone()
        self._moment = row[0] if row else ""
        self._session = first
        return self

    def __exit__(
        self,
        cls: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def session(self) -> psycopg.Connection[Any]:
        """Return one more session at the same moment, closed with the evidence."""
        try:
            connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="nostro verify",
            )
        except psycopg.Error as error:
            raise NotDone(f"PostgreSQL: {error}") from error
        self._stack.callback(connection.close)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if self._moment:
            connection.execute(f"SET TRANSACTION SNAPSHOT '{self._moment}'".encode())
        return connection

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        return self._session.execute(query.encode(), parameters).fetchall()

    def stream(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield what a query finds, some rows at a time, in a session of its own."""
        cursor = self._stack.enter_context(self.session().cursor(name="evidence"))
        cursor.itersize = PAGE_ROWS
        cursor.execute(query.encode(), parameters)
        yield from cursor

    def copied(self, statement: str) -> Iterator[bytes]:
        """Yield the rows of a COPY ... TO STDOUT, in a session of its own."""
        rows = self._copied(statement)
        self._stack.callback(rows.close)
        return rows

    def _copied(self, statement: str) -> Generator[bytes, None, None]:
        early_end = suppress(psycopg.errors.QueryCanceled)
        with early_end, self.session().cursor().copy(statement.encode()) as copy:
            for data in copy:
                yield bytes(data)

    def entries(self) -> Iterator[Entry]:
        """Yield every journal row of the chain in the order of heights, a few megabytes at a
        time."""
        after = 0
        with self._session.cursor(binary=True) as cursor:
            while True:
                cursor.execute(_PAGE, (self._chain, after, PAGE_ROWS, PAGE_BYTES))
                page = cursor.fetchall()
                if not page:
                    return
                for row in page:
                    yield Entry(*row)
                after = page[-1][1]

    def entries_at(self, heights: Sequence[int]) -> Iterator[Entry]:
        """Yield the journal rows at these heights, those that there are."""
        for height in heights:
            with self._session.cursor(binary=True) as cursor:
                cursor.execute(
                    "SELECT chain, height, command_id, request_hash, actor, room, stream, kind, at,"
                    " payload, reply, prev_hash, hash FROM nostro.journal"
                    " WHERE chain = %s AND height = %s",
                    (self._chain, height),
                )
                for row in cursor:
                    yield Entry(*row)

    def end(self) -> End | None:
        """Return the chain's head; None before the first writer."""
        found = self.rows(
            "SELECT height, hash FROM nostro.chain_head WHERE chain = %s", (self._chain,)
        )
        return End(found[0][0], bytes(found[0][1])) if found else None

    def count(self) -> int:
        """Return about how many rows the journal has."""
        end = self.end()
        return end.height if end else 0

    def checkpoint(self) -> End:
        """Return up to where the views tell; height 0 before the follower's first start."""
        found = self.rows(
            "SELECT height, hash FROM nostro.projection_checkpoint WHERE name = %s AND chain = %s",
            (NAME, self._chain),
        )
        return End(found[0][0], bytes(found[0][1])) if found else End(0, b"")

    def snapshots(self) -> Mapping[int, Callable[[], Snapshot]]:
        """Return how to load the snapshot at each height that has one."""
        heights = self.rows(
            "SELECT height FROM nostro.snapshot WHERE chain = %s ORDER BY height", (self._chain,)
        )
        return {height: self._loader(height) for (height,) in heights}

    def _loader(self, height: int) -> Callable[[], Snapshot]:
        def load() -> Snapshot:
            with self._session.cursor(binary=True) as cursor:
                found = assembled(cursor.execute(NEWEST, (self._chain, height)).fetchall())
            if found is None or found.height != height:
                raise NotDone(f"the snapshot at height {height} is no longer there")
            return found

        return load
