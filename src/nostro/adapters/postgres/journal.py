"""How does a batch reach PostgreSQL in one transaction and two round trips?

One simple query carries BEGIN, the compare-and-set of the chain head, the outbox, a binary COPY of
the journal rows and COMMIT. The head is checked before any row is sent; a lost answer after the
rows were sent is an unknown outcome.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache
from struct import Struct, error as struct_error, pack
from typing import Any

import psycopg
from psycopg import pq

from nostro.adapters.postgres.snapshot_rows import NEWEST, SAVE, SAVE_PIECE, assembled, parcel
from nostro.runtime.ports import (
    GENESIS_HASH,
    HEIGHT_MAX,
    Batch,
    Entry,
    Fenced,
    Head,
    NotDone,
    OutboxRow,
    OutcomeUnknown,
    Snapshot,
    Unwritable,
)

READ_BYTES_MAX = 64_000_000
CONNECT_TIMEOUT_S = 10
GONE_IDLE_S = 10
GONE_PROBE_S = 5
GONE_PROBES = 3
"""Over TCP, a server or a writer that is silent for so long, and for so many probes, is gone."""
_SETTLE_SESSION = f"""
    SELECT set_config('tcp_keepalives_idle', '{GONE_IDLE_S}', false),
           set_config('tcp_keepalives_interval', '{GONE_PROBE_S}', false),
           set_config('tcp_keepalives_count', '{GONE_PROBES}', false),
           CASE current_setting('synchronous_commit')
           WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
"""The lease of a writer that is gone ends as soon, and a commit is flushed, however the database is
set up."""
COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_TRAILER = b"\xff\xff"
_COLUMN_COUNT = pack(">h", 13)
_HASH_LENGTH = pack(">i", 32)
_pack_length = Struct(">i").pack
_pack_integer_and_length = Struct(">iqi").pack
_UNWRITABLE = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    UnicodeEncodeError,
    struct_error,
)
"""What no retry changes: these come before the server is asked, or from it before COMMIT."""
_CHAIN = re.compile(r"[a-z][a-z0-9_-]{0,62}\Z", re.ASCII)
_COLUMNS = (
    "chain, height, command_id, request_hash, actor, room, stream, kind, at,"
    " payload, reply, prev_hash, hash"
)
_OPEN = """
    INSERT INTO nostro.chain_head AS head (chain, height, hash, fence, at) VALUES (%s, 0, %s, 1, 0)
    ON CONFLICT (chain) DO UPDATE SET fence = head.fence + 1
    RETURNING height, hash, at, fence
"""
# The sizes of payloads are known without reading them, so a page is bounded in bytes as well as
# rows.
_READ = f"""
    WITH page AS (
        SELECT height, sum(length(payload) + length(reply)) OVER (ORDER BY height) AS size
          FROM (SELECT height, payload, reply FROM nostro.journal
                 WHERE chain = %(chain)s AND height > %(after)s
                 ORDER BY height LIMIT %(limit)s) AS rows
    )
    SELECT {_COLUMNS} FROM nostro.journal
     WHERE chain = %(chain)s AND height > %(after)s AND height <= (
        SELECT greatest(min(height), max(height) FILTER (WHERE size <= %(bytes)s)) FROM page)
     ORDER BY height
"""


class PostgresJournal:
    """The Journal of one chain in one database. The writer holds a session advisory lock as its
    lease."""

    def __init__(self, url: str, chain: str = "main") -> None:
        if not _CHAIN.match(chain):
            raise ValueError(f"chain {chain!r}: use a-z, 0-9, _ and -, starting with a letter")
        self._url = url
        self.chain = chain
        self._writer: psycopg.AsyncConnection[Any] | None = None
        self._reader: psycopg.AsyncConnection[Any] | None = None
        self._reading = asyncio.Lock()

    async def open(self) -> Head:
        """Become the writer: connect anew, take the lease, raise the fence, return the head."""
        await self.close()
        try:
            self._writer = writer = await self._connect()
            self._reader = await self._connect()
            return await self._take_chain(writer)
        except BaseException as failure:
            await self.close()
            if isinstance(failure, psycopg.Error):
                raise NotDone(f"PostgreSQL: {failure}") from failure
            raise

    async def open_to_read(self) -> None:
        """Connect for reading only: whoever writes the chain goes on. Raises NotDone."""
        await self.close()
        try:
            self._reader = await self._connect()
        except psycopg.Error as failure:
            raise NotDone(f"PostgreSQL: {failure}") from failure

    async def _take_chain(self, writer: psycopg.AsyncConnection[Any]) -> Head:
        await writer.execute(_SETTLE_SESSION)
        cursor = await writer.execute(
            "SELECT pg_try_advisory_lock(hashtextextended('nostro.writer.' || %s, 0))",
            (self.chain,),
        )
        row = await cursor.fetchone()
        if row is None or not row[0]:
            raise NotDone(f"another process is the writer of chain {self.chain!r}")
        cursor = await writer.execute(_OPEN, (self.chain, GENESIS_HASH))
        row = await cursor.fetchone()
        if row is None:
            raise NotDone("the chain head could not be read")
        height, hash_, at_us, fence = row
        return Head(height, bytes(hash_), at_us, fence)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="nostro",
            keepalives_idle=GONE_IDLE_S,
            keepalives_interval=GONE_PROBE_S,
            keepalives_count=GONE_PROBES,
            tcp_user_timeout=1_000 * (GONE_IDLE_S + GONE_PROBE_S * GONE_PROBES),
        )

    async def append(self, batch: Batch, head: Head) -> None:
        """Write all of the batch after `head`, durably, or nothing."""
        if self._writer is None:
            raise NotDone("the journal is not open")
        wire = _Wire(self._writer.pgconn)
        query = self._transaction(batch, head)
        try:
            rows = _rows(batch.entries) if batch.entries else b""
            await wire.send(query)
            await wire.expect(b"BEGIN")
            if await wire.result() != b"UPDATE 1":
                raise Fenced(f"chain {self.chain!r} no longer stands at height {head.height}")
            for _ in range(bool(batch.effects) + bool(batch.settled)):
                await wire.result()
        except Fenced as fenced:
            raise await self._broken(fenced) from None
        except _UNWRITABLE as error:
            raise await self._broken(Unwritable(f"PostgreSQL: {error}")) from error
        except (psycopg.Error, OSError) as error:
            # Without rows to wait for, the server went on to COMMIT by itself.
            kind = NotDone if batch.entries else OutcomeUnknown
            raise await self._broken(kind(f"PostgreSQL: {error}")) from error
        try:
            if batch.entries:
                await wire.copy(rows)
            await wire.expect(b"COMMIT")
            await wire.finish()
        except _UNWRITABLE as error:
            raise await self._broken(Unwritable(f"PostgreSQL: {error}")) from error
        except (psycopg.errors.OperationalError, OSError) as error:
            raise await self._broken(OutcomeUnknown(f"PostgreSQL: {error}")) from error
        except psycopg.Error as error:
            raise await self._broken(NotDone(f"PostgreSQL: {error}")) from error

    async def _broken(self, outage: NotDone | OutcomeUnknown) -> NotDone | OutcomeUnknown:
        """Drop the connections: whatever they were doing ends with them."""
        await self.close()
        return outage

    def _transaction(self, batch: Batch, head: Head) -> bytes:
        last = batch.entries[-1] if batch.entries else None
        height, hash_, at_us = (
            (last.height, last.hash, last.at_us) if last else (head.height, head.hash, head.at_us)
        )
        parts = [
            "BEGIN",
            f"UPDATE nostro.chain_head SET height={height}, hash='\\x{hash_.hex()}', at={at_us}"
            f" WHERE chain='{self.chain}' AND height={head.height}"
            f" AND hash='\\x{head.hash.hex()}' AND fence={head.fence}",
        ]
        if batch.effects:
            rows = ",".join(self._outbox_values(row, at_us) for row in batch.effects)
            parts.append(
                "INSERT INTO nostro.outbox (chain, height, index, kind, payload, created_at)"
                f" VALUES {rows}"
            )
        if batch.settled:
            names = ",".join(f"({height},{index})" for height, index in batch.settled)
            # Nothing but rows stops the server before COMMIT, so the head is looked at once more.
            parts.append(
                f"DELETE FROM nostro.outbox WHERE chain='{self.chain}'"
                f" AND (height, index) IN ({names}) AND EXISTS (SELECT FROM nostro.chain_head"
                f" WHERE chain='{self.chain}' AND height={height} AND fence={head.fence})"
            )
        if batch.entries:
            parts.append(f"COPY nostro.journal ({_COLUMNS}) FROM STDIN (FORMAT BINARY)")
        parts.append("COMMIT")
        return ";".join(parts).encode()

    def _outbox_values(self, row: OutboxRow, at_us: int) -> str:
        kind = row.kind.encode().hex()
        return (
            f"('{self.chain}',{row.height},{row.index},convert_from('\\x{kind}','UTF8'),"
            f"'\\x{row.payload.hex()}',{at_us})"
        )

    async def read(self, *, after: int, limit: int) -> Sequence[Entry]:
        """Return up to `limit` entries above a height, and at most about READ_BYTES_MAX bytes."""
        rows = await self._fetch(
            _READ,
            {"chain": self.chain, "after": after, "limit": limit, "bytes": READ_BYTES_MAX},
        )
        return [Entry(*row) for row in rows]

    async def fetch(self, heights: Sequence[int]) -> Sequence[Entry]:
        """Return the entries at these heights."""
        rows = await self._fetch(
            f"SELECT {_COLUMNS} FROM nostro.journal"
            " WHERE chain = %s AND height = ANY(%s) ORDER BY height",
            (self.chain, list(heights)),
        )
        return [Entry(*row) for row in rows]

    async def outbox(self) -> Sequence[OutboxRow]:
        """Return the effects not yet settled, oldest first."""
        rows = await self._fetch(
            "SELECT height, index, kind, payload FROM nostro.outbox"
            " WHERE chain = %s ORDER BY height, index",
            (self.chain,),
        )
        return [OutboxRow(*row) for row in rows]

    async def newest_snapshot(self, *, below: int = HEIGHT_MAX) -> Snapshot | None:
        """Return the highest snapshot below a height."""
        return assembled(await self._fetch(NEWEST, (self.chain, below - 1)))

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; a second one at the same height is ignored."""
        told = parcel(snapshot)
        for hash_, piece in told.pieces.items():
            await self._change(SAVE_PIECE, (self.chain, hash_, piece))
        row = (self.chain, snapshot.height, told.state, snapshot.state_hash, list(told.order))
        await self._change(SAVE, row)

    async def _change(self, query: str, parameters: Any) -> None:
        await self._fetch(f"{query} RETURNING chain", parameters)

    async def _fetch(self, query: str, parameters: Any) -> list[tuple[Any, ...]]:
        if self._reader is None:
            raise NotDone("the journal is not open")
        try:
            async with self._reading, self._reader.cursor(binary=True) as cursor:
                await cursor.execute(query, parameters)
                return await cursor.fetchall()
        except psycopg.Error as error:
            raise NotDone(f"PostgreSQL: {error}") from error

    async def close(self) -> None:
        """Let the chain go: closing the session ends the lease."""
        connections = [each for each in (self._writer, self._reader) if each is not None]
        self._writer = self._reader = None
        for connection in connections:
            await connection.close()


def _rows(entries: Sequence[Entry]) -> bytes:
    """Return binary COPY data: each field is its length and its bytes, integers take 8 bytes."""
    chain = _field(entries[0].chain.encode())
    parts = [COPY_HEADER]
    for e in entries:
        key, stream = e.command_id.encode(), e.stream.encode()
        parts += (
            _COLUMN_COUNT,
            chain,
            _pack_integer_and_length(8, e.height, len(key)),
            key,
            _HASH_LENGTH,
            e.request_hash,
            _word(e.actor),
            _word(e.room),
            _pack_length(len(stream)),
            stream,
            _word(e.kind),
            _pack_integer_and_length(8, e.at_us, len(e.payload)),
            e.payload,
            _pack_length(len(e.reply)),
            e.reply,
            _HASH_LENGTH,
            e.prev_hash,
            _HASH_LENGTH,
            e.hash,
        )
    parts.append(COPY_TRAILER)
    return b"".join(parts)


def _field(data: bytes) -> bytes:
    return _pack_length(len(data)) + data


@lru_cache(maxsize=4_096)
def _word(text: str) -> bytes:
    """Return the field of a text that comes again and again."""
    return _field(text.encode())


class _Wire:
    """Non-blocking libpq: one simple query of several statements, read result by result."""

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self._loop = asyncio.get_running_loop()

    async def send(self, query: bytes) -> None:
        self._pgconn.send_query(query)
        await self._flush()

    async def result(self) -> bytes:
        """Return the next statement's command tag; raises the server's error, or
        OperationalError."""
        pgconn = self._pgconn
        while pgconn.is_busy():
            await self._ready(reading=True)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            raise psycopg.OperationalError("the server said nothing more")
        if result.status == pq.ExecStatus.COMMAND_OK:
            return result.command_status or b""
        if result.status == pq.ExecStatus.COPY_IN:
            return b"COPY IN"
        raise psycopg.errors.error_from_result(result, encoding="utf-8")

    async def expect(self, tag: bytes) -> None:
        said = await self.result()
        if said != tag:
            raise psycopg.InternalError(f"expected {tag!r}, the server said {said!r}")

    async def copy(self, data: bytes) -> None:
        await self.expect(b"COPY IN")
        while self._pgconn.put_copy_data(data) == 0:
            await self._ready(reading=False)
        while self._pgconn.put_copy_end() == 0:
            await self._ready(reading=False)
        await self._flush()
        await self.result()

    async def finish(self) -> None:
        """Read to the end, so that the connection is idle again."""
        while self._pgconn.is_busy():
            await self._ready(reading=True)
            self._pgconn.consume_input()
        self._pgconn.get_result()

    async def _flush(self) -> None:
        while self._pgconn.flush():
            await self._ready(reading=False)

    async def _ready(self, *, reading: bool) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        socket = self._pgconn.socket
        add, remove = (
            (self._loop.add_reader, self._loop.remove_reader)
            if reading
            else (self._loop.add_writer, self._loop.remove_writer)
        )
        add(socket, _wake, future)
        try:
            await future
        finally:
            remove(socket)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
