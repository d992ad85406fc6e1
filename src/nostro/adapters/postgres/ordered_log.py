"""How does the members' log stand in PostgreSQL: gapless for every reader, few commits, woken soon?

Appends that wait together are one transaction. NOTIFY wakes readers; one that hears nothing looks
for itself after a bounded pause.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any

import psycopg

from nostro.runtime.ending import ended
from nostro.runtime.ordered_log import ITEMS_MAX, LogItem, refuse_oversized
from nostro.runtime.ports import NotDone, OutcomeUnknown

CONNECT_TIMEOUT_S = 10
ANSWER_TIMEOUT_S = 10.0
"""A database that says nothing for so long is treated as gone, and the outcome as unknown."""
GROUP_BYTES_MAX = 8 << 20
"""Values of one transaction, so that a body of many chunks holds up nobody's vote for long."""
LOOK_AGAIN_S = 0.25
"""A wake-up may be lost with its connection: a waiting reader looks so often for itself."""
RECONNECT_PAUSE_S = 0.5
CHANNEL = "nostro_ordered_log"

_APPEND = "SELECT nostro.append_to_ordered_log(%s, %b, %b)"
_COLUMNS = "SELECT position, key, value FROM nostro.ordered_log WHERE chain = %s"
_READ = f"{_COLUMNS} AND position > %s ORDER BY position LIMIT %s"
_FETCH = f"{_COLUMNS} AND key = ANY(%s) ORDER BY position"
_Group = list[tuple[Sequence[tuple[str, bytes]], "asyncio.Future[int]"]]


class PostgresOrderedLog:
    """The OrderedLog of one chain in one database, for all that use it in this process.

    Made in a running event loop; connects when first used, and again after a failure.
    """

    def __init__(self, url: str, chain: str = "main") -> None:
        self._url = url
        self._chain = chain
        self._writer = _Connection(url)
        self._reader = _Connection(url)
        self._waiting: deque[tuple[Sequence[tuple[str, bytes]], asyncio.Future[int]]] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._end = 0
        """The highest position known to be readable."""

    async def append(self, items: Sequence[tuple[str, bytes]]) -> int:
        """Write what is new, in one transaction with whatever else waits now."""
        refuse_oversized(items)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="ordered-log-writer")
        return await done

    async def _write_all(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                end = await self._write(group)
            except (NotDone, OutcomeUnknown) as outage:
                _fail(group, type(outage), str(outage))
            except BaseException:
                _fail(group, OutcomeUnknown, "the log was closed")
                raise
            else:
                self._heard(end)
                for _, done in group:
                    if not done.done():
                        done.set_result(end)

    def _next_group(self) -> _Group:
        group, size = [self._waiting.popleft()], 0
        while self._waiting:
            size += sum(len(value) for _, value in group[-1][0])
            if size > GROUP_BYTES_MAX:
                break
            group.append(self._waiting.popleft())
        return group

    async def _write(self, group: _Group) -> int:
        values: dict[str, bytes] = {}
        for items, _ in group:
            for key, value in items:
                values.setdefault(key, bytes(value))
        rows = await self._writer.ask(
            _APPEND, (self._chain, list(values), list(values.values())), lost=OutcomeUnknown
        )
        return int(rows[0][0])

    async def read(self, *, after: int, limit: int = ITEMS_MAX) -> Sequence[LogItem]:
        """Return the items beyond a position."""
        rows = await self._reader.ask(_READ, (self._chain, after, limit), lost=NotDone)
        if rows:
            self._heard(rows[-1][0])
        return [LogItem(*row) for row in rows]

    async def fetch(self, keys: Sequence[str]) -> Sequence[LogItem]:
        """Return the items under these keys."""
        rows = await self._reader.ask(_FETCH, (self._chain, list(keys)), lost=NotDone)
        return [LogItem(*row) for row in rows]

    async def changed(self, *, after: int, timeout_s: float) -> None:
        """Return when somebody is known to have written beyond the position, or after at most
        LOOK_AGAIN_S, or when the time is over."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="ordered-log-listener")
        if self._end <= after:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(timeout_s, LOOK_AGAIN_S))

    def _heard(self, end: int) -> None:
        if end > self._end:
            self._end = end
            self._rouse()

    def _rouse(self) -> None:
        self._wake.set()
        self._wake = asyncio.Event()

    async def _listen(self) -> None:
        """Pass on wake-ups until closed; a lost connection is made again after a pause."""
        while True:
            with contextlib.suppress(psycopg.Error, OSError):
                connection = await _connected(self._url)
                try:
                    await self._pass_on(connection)
                finally:
                    # Not by its own context: that would roll back first, and whoever is told twice
                    # to end would leave it open.
                    await connection.close()
            await asyncio.sleep(RECONNECT_PAUSE_S)

    async def _pass_on(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute(f"LISTEN {CHANNEL}")
        self._rouse()  # what was written before is not told
        async for told in connection.notifies():
            chain, _, position = told.payload.rpartition(" ")
            if chain == self._chain and position.isdigit():
                self._heard(int(position))

    async def close(self) -> None:
        """Let the log go; an append that is under way may have happened."""
        await ended((self._listening, self._writing))
        self._listening = self._writing = None
        _fail(list(self._waiting), NotDone, "the log was closed")
        self._waiting.clear()
        await self._writer.close()
        await self._reader.close()


def _fail(group: _Group, kind: type[NotDone] | type[OutcomeUnknown], why: str) -> None:
    for _, done in group:
        if not done.done():
            done.set_exception(kind(why))
            done.exception()  # whoever waited may be gone: then nobody asks


class _Connection:
    """One session, one question at a time; after a failure the next question gets a new one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._asking = asyncio.Lock()

    async def ask(
        self, query: str, parameters: Any, *, lost: type[NotDone] | type[OutcomeUnknown]
    ) -> list[tuple[Any, ...]]:
        """Return the rows; raises `lost` when the connection went before the answer, else
        NotDone."""
        async with self._asking:
            try:
                if self._connection is None:
                    self._connection = await _connected(self._url)
            except (psycopg.Error, OSError) as error:
                raise NotDone(f"PostgreSQL: {error}") from error
            answered = False
            try:
                async with (
                    asyncio.timeout(ANSWER_TIMEOUT_S),
                    self._connection.cursor(binary=True) as cursor,
                ):
                    await cursor.execute(query, parameters)
                    rows = await cursor.fetchall()
                    answered = True
                    return rows
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                raise lost(f"PostgreSQL: {error}") from error
            except psycopg.Error as error:
                raise NotDone(f"PostgreSQL: {error}") from error
            finally:
                if not answered:
                    await self.close()

    async def close(self) -> None:
        """Drop the session: whatever it was doing ends with it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _connected(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name="nostro ordered log",
        options="-c synchronous_commit=on",
    )
