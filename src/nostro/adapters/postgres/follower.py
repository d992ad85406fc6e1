"""How do the views in PostgreSQL follow the journal beside them?

One session reads the journal, copies rows in while more are being made, and commits them with the
checkpoint. It holds an advisory lock: of several followers of a chain one works, the others stand
by. Commits are not flushed: after a server crash views and checkpoint go back together, and the
follower with them.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from select import select
from typing import Any

import psycopg
import structlog
from psycopg.pq import TransactionStatus

from nostro.adapters.postgres.projections.consensus import ConsensusProjection
from nostro.adapters.postgres.projections.dvp import DvpProjection
from nostro.adapters.postgres.projections.dvp_tables import DvpTables
from nostro.adapters.postgres.projections.exchange import ExchangeProjection
from nostro.adapters.postgres.projections.exchange_tables import ExchangeTables
from nostro.adapters.postgres.projections.execution import ExecutionProjection
from nostro.adapters.postgres.projections.ledger import LedgerProjection
from nostro.adapters.postgres.projections.netting import NettingProjection
from nostro.adapters.postgres.projections.payment_tables import PaymentTables
from nostro.adapters.postgres.projections.payments import PaymentsProjection
from nostro.adapters.postgres.projections.risk import RiskProjection
from nostro.adapters.postgres.projections.wallets import WalletsProjection
from nostro.adapters.postgres.snapshot_rows import (
    FORGET,
    FORGET_PIECES,
    KNOWN_PIECES,
    NEWEST,
    SAVE,
    SAVE_PIECE,
    assembled,
    parcel,
)
from nostro.runtime.house import House
from nostro.runtime.ports import GENESIS_HASH, NotDone, Snapshot
from nostro.runtime.projector import (
    Checkpoint,
    Projection,
    Projector,
    Row,
    RowPoisoned,
    RowsRefused,
    ViewsForeign,
)

log = structlog.get_logger(__name__)

NAME = "views"
"""The checkpoint that all views share."""
CHANNEL = "nostro_journal"
"""A NOTIFY here ends an idle pause early; without one the pause ends by itself."""
READ_BYTES_MAX = 4_000_000
"""Journal bytes of one batch, beyond its first row: some 60,000 transfers."""
CONNECT_TIMEOUT_S = 10
SHOWN = ("ledger", "wallets")
YOUNG_OBJECTS_MAX = 100_000
"""Allocations between two searches for garbage: what is in memory stays, so a search finds little
and, at the default of 700, takes a third of the time of single transfers."""

_READ = """
    SELECT height, at, command_id, payload, prev_hash, hash
      FROM (SELECT rows.*, sum(octet_length(payload)) OVER (ORDER BY height)
                           - octet_length(payload) AS bytes_before
              FROM (SELECT height, at, command_id, payload, prev_hash, hash FROM nostro.journal
                     WHERE chain = %s AND height > %s ORDER BY height LIMIT %s) AS rows) AS page
     WHERE bytes_before < %s
     ORDER BY height
"""
_OPEN = """
    INSERT INTO nostro.projection_checkpoint (chain, name, height, hash, at_us)
    VALUES (%s, %s, 0, %s, 0) ON CONFLICT DO NOTHING
"""
_COMMIT = """
    UPDATE nostro.projection_checkpoint
       SET height = %s, hash = %s, at_us = %s, stopped_reason = ''
     WHERE chain = %s AND name = %s AND height = %s AND hash = %s
"""


class PostgresViews:
    """The ViewStore of one chain: journal and views in one database. For one thread.

    `rooms`: those that the house has; the others have nothing to show.
    """

    def __init__(self, url: str, chain: str = "main", *, rooms: Container[str] = SHOWN) -> None:
        self._url = url
        self._chain = chain
        self._connection: psycopg.Connection[Any] | None = None
        self._copy = ExitStack()
        self._copying: tuple[str, psycopg.Copy] | None = None
        ledger, wallets = LedgerProjection(self.ship), WalletsProjection(self.ship)
        payments, exchange = PaymentTables(self.ship), ExchangeTables(self.ship)
        dvp = DvpTables(self.ship)
        everything: tuple[Projection, ...] = (
            ledger,
            wallets,
            PaymentsProjection(payments),
            NettingProjection(payments),
            ConsensusProjection(payments),
            ExecutionProjection(payments),
            RiskProjection(payments),
            ExchangeProjection(exchange),
            DvpProjection(dvp, chain),
        )
        self.projections = [each for each in everything if each.room in rooms]
        self._writers = (ledger, wallets, payments, exchange, dvp)

    def open(self) -> Checkpoint:
        """Connect anew, become the only follower of the chain, return the checkpoint."""
        self.close()
        with _outages():
            self._connection = connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="nostro follower",
            )
            connection.execute("SET synchronous_commit TO off")
            self._take_lease(connection)
            connection.add_notify_handler(lambda _: None)  # what comes between pauses is no news
            connection.execute(f"LISTEN {CHANNEL}")
            return self._read_checkpoint(connection)

    def _take_lease(self, connection: psycopg.Connection[Any]) -> None:
        row = connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended('nostro.follower.' || %s, 0))",
            (self._chain,),
        ).fetchone()
        if row is None or not row[0]:
            self.close()
            raise NotDone(f"another process follows chain {self._chain!r}; standing by")

    def _read_checkpoint(self, connection: psycopg.Connection[Any]) -> Checkpoint:
        found = connection.execute(
            "SELECT chain, height, hash, at_us FROM nostro.projection_checkpoint WHERE name = %s",
            (NAME,),
        ).fetchall()
        others = [chain for chain, *_ in found if chain != self._chain]
        if others:
            raise ViewsForeign(f"the views in this database tell of chain {others[0]!r}")
        if not found:
            connection.execute(_OPEN, (self._chain, NAME, GENESIS_HASH))
            return Checkpoint(0, GENESIS_HASH, 0)
        ((_, height, hash_, at_us),) = found
        return Checkpoint(height, bytes(hash_), at_us)

    def read(self, *, after: int, rows_max: int) -> Sequence[Row]:
        """Return up to `rows_max` rows above a height and about READ_BYTES_MAX bytes, one at
        least."""
        with _outages(), self._open_connection().cursor(binary=True) as cursor:
            cursor.execute(_READ, (self._chain, after, rows_max, READ_BYTES_MAX))
            return [Row(*row) for row in cursor]

    def begin(self) -> None:
        """Start the transaction of a batch."""
        with _outages():
            self._open_connection().execute("BEGIN")

    def ship(self, statement: str, data: bytes) -> None:
        """Send rows to a COPY statement; it stays open while further rows are for the same one."""
        with _outages():
            if self._copying is None or self._copying[0] != statement:
                self._finish_copy()
                cursor = self._open_connection().cursor()
                self._copying = (statement, self._copy.enter_context(cursor.copy(statement)))
            self._copying[1].write(data)

    def _finish_copy(self) -> None:
        self._copying = None
        self._copy.close()

    def commit(self, before: Checkpoint, now: Checkpoint) -> None:
        """Write the rest of the batch and move the checkpoint, all or nothing."""
        connection = self._open_connection()
        with _outages():
            for writer in self._writers:
                writer.ship()
            self._finish_copy()
            for writer in self._writers:
                writer.update(connection)
            moved = connection.execute(
                _COMMIT,
                (now.height, now.hash, now.at_us, self._chain, NAME, before.height, before.hash),
            )
            if moved.rowcount != 1:
                raise NotDone("the checkpoint was moved by somebody else")
            connection.execute("COMMIT")

    def abandon(self) -> None:
        """Take back the batch under way; harmless without one."""
        connection = self._open_connection()
        with suppress(RowsRefused), _outages():
            self._finish_copy()
        with _outages():
            if connection.info.transaction_status != TransactionStatus.IDLE:
                connection.execute("ROLLBACK")

    def snapshot_up_to(self, height: int) -> Snapshot | None:
        """Return the newest snapshot at or below a height."""
        with _outages(), self._open_connection().cursor(binary=True) as cursor:
            return assembled(cursor.execute(NEWEST, (self._chain, height)).fetchall())

    def save_snapshot(self, snapshot: Snapshot, *, keep: int) -> None:
        """Keep a snapshot, and the newest `keep` in all."""
        chain, told = self._chain, parcel(snapshot)
        with _outages(), self._open_connection().transaction():
            execute = self._open_connection().execute
            known = execute(KNOWN_PIECES, (chain, list(told.order)), binary=True).fetchall()
            missing = told.pieces.keys() - {hash_ for (hash_,) in known}
            for hash_ in missing:
                execute(SAVE_PIECE, (chain, hash_, told.pieces[hash_]), binary=True)
            row = (chain, snapshot.height, told.state, snapshot.state_hash, list(told.order))
            execute(SAVE, row, binary=True)
            execute(FORGET, (chain, chain, keep))
            execute(FORGET_PIECES, (chain,))
        sent = len(told.state) + sum(len(told.pieces[hash_]) for hash_ in missing)
        log.info(
            "follower.snapshot",
            height=snapshot.height,
            bytes=len(snapshot.state),
            bytes_written=sent,
        )

    def stopped(self, reason: str) -> None:
        """Note why the checkpoint cannot move on; never raises."""
        with suppress(NotDone, RowsRefused), _outages():
            self.abandon()
            self._open_connection().execute(
                "UPDATE nostro.projection_checkpoint SET stopped_reason = %s WHERE name = %s",
                (reason.replace("\0", ""), NAME),
            )

    def wait(self, seconds: float) -> None:
        """Return after a while, or when something was said on CHANNEL."""
        connection = self._connection
        if connection is None or connection.closed:
            time.sleep(seconds)
            return
        with suppress(NotDone, RowsRefused), _outages():
            # Not `notifies`, which spends a millisecond of processor time on each pause that ends.
            if select([connection], [], [], seconds)[0]:
                connection.pgconn.consume_input()
                while connection.pgconn.notifies() is not None:
                    pass

    def close(self) -> None:
        """Let the views go: the session ends, and the lease with it."""
        connection, self._connection = self._connection, None
        copy, self._copy, self._copying = self._copy, ExitStack(), None
        if connection is not None:
            connection.close()
        with suppress(psycopg.Error):
            copy.close()

    def _open_connection(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            raise NotDone("the follower has no connection")
        return self._connection


@contextmanager
def _outages() -> Iterator[None]:
    """Translate the driver's errors: what no retry changes is RowsRefused, all else NotDone."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise RowsRefused(f"PostgreSQL: {error}") from error
    except (psycopg.Error, OSError) as error:
        raise NotDone(f"PostgreSQL: {error}") from error


def run_follower(
    *, url: str, chain: str, house: House, snapshot_every: int, parent_pid: int | None = None
) -> None:
    """Follow in this process until SIGTERM or SIGINT, or until the process `parent_pid` is no
    longer its parent.

    Call it in the main thread of a process of its own. Exits with status 1 when it cannot go on;
    why is logged, and noted beside the checkpoint.
    """
    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)

    def over() -> bool:
        return stopping or (parent_pid is not None and os.getppid() != parent_pid)

    views = PostgresViews(url, chain, rooms=house.rooms)
    projector = Projector(house, views, snapshot_every=snapshot_every)
    gc.set_threshold(YOUNG_OBJECTS_MAX, 50, 100)
    log.info("follower.started", chain=chain, pid=os.getpid())
    try:
        projector.run(over)
    except (RowPoisoned, ViewsForeign) as end:
        log.error("follower.stopped", chain=chain, reason=str(end))
        raise SystemExit(1) from end
    log.info("follower.ended", chain=chain, height=projector.checkpoint.height)
