"""How are the views read: by whom, how fresh, and in pages that stay put while the books grow?"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.follower import NAME
from nostro.kernel.codec import encode
from nostro.kernel.messages import Rejection
from nostro.ledger import AsOf
from nostro.runtime.deadline import within
from nostro.runtime.projector import ViewsBehind, ViewsUnavailable

PAGE_MAX = 1_000
LOOK_PAUSE_S = 0.005
READ_TIMEOUT_S = 30.0
"""As long as the trial balance of some two million accounts takes as of the past (2.3 s for
200,000), which is the slowest read there is."""
AS_OF_WAIT_MS = 1_000
"""How long a look at a recorded moment waits for the views to get there."""
TIME_MAX = 2**62
CHECKPOINT = f"(SELECT height FROM nostro.projection_checkpoint WHERE name = '{NAME}')"

Rows = list[tuple[Any, ...]]
Parameters = Sequence[Any] | Mapping[str, Any]


class ViewReader:
    """Reads the views of one chain over a pool whose connections commit by themselves
    (`autocommit`).

    Every read may raise ViewsUnavailable, at the latest after `timeout_s`.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        chain: str = "main",
        *,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._pool = pool
        self._chain = chain
        self._timeout_s = timeout_s
        self._look: asyncio.Task[int] | None = None
        self._waiting: dict[asyncio.Future[int], int] = {}
        """Who waits for which height."""
        self._waking: asyncio.Task[None] | None = None

    async def rows(self, query: str, parameters: Parameters = ()) -> Rows:
        """Return all rows of a query."""
        try:
            return await within(self._timeout_s, self._rows(query, parameters))
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
            raise ViewsUnavailable(f"PostgreSQL: {error}") from error

    async def _rows(self, query: str, parameters: Parameters) -> Rows:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query.encode(), parameters)
            found: Rows = await cursor.fetchall()
            return found

    async def checkpoint(self) -> int:
        """Return the journal height up to which the views tell; 0 before the follower's first
        start. What is read after it tells at least of that: ask for it first."""
        rows = await self.rows(
            "SELECT height FROM nostro.projection_checkpoint WHERE name = %s AND chain = %s",
            (NAME, self._chain),
        )
        return rows[0][0] if rows else 0

    async def wait_for(self, height: int, timeout_ms: int) -> None:
        """Return once the views tell of a height; raises ViewsBehind when they do not in time.

        However many wait, one of them looks, and they sleep until their height has come.
        """
        loop = asyncio.get_running_loop()
        if self._look is None or self._look.done():
            self._look = loop.create_task(self.checkpoint())
        have = await asyncio.shield(self._look)
        if have >= height:
            return
        reached: asyncio.Future[int] = loop.create_future()
        self._waiting[reached] = height
        if self._waking is None or self._waking.done():
            self._waking = loop.create_task(self._wake())
        try:
            async with asyncio.timeout(timeout_ms / 1_000):
                await reached
        except TimeoutError:
            raise ViewsBehind(asked=height, have=have) from None
        finally:
            self._waiting.pop(reached, None)

    async def _wake(self) -> None:
        """Look again and again while somebody waits, and wake those whose height has come."""
        while self._waiting:
            await asyncio.sleep(LOOK_PAUSE_S)
            try:
                have = await self.checkpoint()
            except ViewsUnavailable as outage:
                for reached in self._waiting:
                    if not reached.done():
                        reached.set_exception(outage)
                return
            for reached, height in self._waiting.items():
                if height <= have and not reached.done():
                    reached.set_result(have)

    async def height_of(self, moment: AsOf | None) -> int:
        """Return the journal height that a moment means, one that the views have reached.

        None is the present. Raises Rejection `views.ahead` for a height that is not recorded yet,
        and ViewsBehind when the views do not get to a recorded one in time.
        """
        if moment is None:
            return await self.checkpoint()
        at_us = max(0, min(moment.at_us or 0, TIME_MAX))
        ((have, head, then),) = await self.rows(
            f"SELECT coalesce({CHECKPOINT}, 0), nostro.height_at(%s, %s::bigint),"
            " nostro.height_at(%s, %s::bigint)",
            (self._chain, TIME_MAX, self._chain, at_us),
        )
        height: int = then if moment.height is None else moment.height
        if height > head:
            raise Rejection("views.ahead", height=height, head=head)
        if height > have:
            await self.wait_for(height, AS_OF_WAIT_MS)
        return height


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The place after which the next page starts, and the bounds that the first page fixed."""

    question: str
    after: int
    low: int = 0
    high: int = 0


_cursor_decoder = msgspec.json.Decoder(Cursor)


def question_of(*parts: object) -> str:
    """Return a short name of a question: a cursor is good for the question that it came from
    only."""
    return hashlib.sha256(encode(parts)).hexdigest()[:12]


def write_cursor(cursor: Cursor) -> str:
    """Return a cursor as the opaque text that callers pass back."""
    return urlsafe_b64encode(encode(cursor)).decode().rstrip("=")


def read_cursor(text: str | None, question: str) -> Cursor | None:
    """Return what a caller passed back; raises Rejection `request.bad_cursor` if it is not for this
    question."""
    if text is None:
        return None
    try:
        cursor = _cursor_decoder.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, NotBase64, msgspec.DecodeError):
        raise Rejection("request.bad_cursor", cursor=text[:100]) from None
    if cursor.question != question:
        raise Rejection("request.bad_cursor", cursor=text[:100], reason="other filters")
    return cursor


def page_limit(limit: int) -> int:
    """Return how many items a page has: what was asked for, from 1 to PAGE_MAX."""
    return max(1, min(limit, PAGE_MAX))
