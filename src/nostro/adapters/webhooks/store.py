"""Where do endpoints, deliveries and the notifier's checkpoint stand?

In tables of their own beside the journal, over a pool of the engine's role; what fails there is an
outage (NotDone), never a reason to stop.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from secrets import token_bytes, token_hex
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from nostro.adapters.webhooks.addresses import check_url
from nostro.adapters.webhooks.records import DeliveryState, DeliveryView, EndpointView, EventType
from nostro.kernel.messages import Rejection
from nostro.ledger import Page
from nostro.runtime.ports import Clock, NotDone

ENDPOINTS_MAX = 100
"""Endpoints of one chain; each event is written once for each that wants it."""
OLD_SECRET_US = 24 * 3_600_000_000
"""How long the secret before the last rotation signs too."""
SECRET_BYTES = 32
GIVE_UP_AFTER_US = 24 * 3_600_000_000
"""How long a message is tried."""
PAGE_MAX = 1_000

_ENDPOINT = """
    SELECT id, url, events, from_height, created_at_us, created_by, failing_since_us,
           disabled_at_us, disabled_reason
      FROM nostro.webhook_endpoint
"""
_DELIVERY = """
    SELECT id, endpoint, event_type, height, state, attempts, created_at_us, next_attempt_at_us,
           attempted_at_us, delivered_at_us, status, error, seq
      FROM nostro.webhook_delivery
"""
_BEGIN = "INSERT INTO nostro.webhook_checkpoint VALUES (%s, %s) ON CONFLICT DO NOTHING"
_ENQUEUE = """
    INSERT INTO nostro.webhook_delivery
           (chain, id, endpoint, event_type, height, body, state, created_at_us, give_up_at_us,
            next_attempt_at_us)
    SELECT %s, %s, %s, %s, %s, %s, 'pending', %s, %s, %s
     WHERE EXISTS (SELECT FROM nostro.webhook_endpoint WHERE chain = %s AND id = %s)
        ON CONFLICT DO NOTHING
"""
_CLAIM = """
    WITH due AS (
        SELECT d.chain, d.id FROM nostro.webhook_delivery AS d
          JOIN nostro.webhook_endpoint AS e ON e.chain = d.chain AND e.id = d.endpoint
         WHERE d.chain = %(chain)s AND d.state = 'pending' AND d.next_attempt_at_us <= %(now)s
           AND e.disabled_at_us IS NULL AND d.endpoint <> ALL(%(busy)s)
         ORDER BY d.next_attempt_at_us, d.seq LIMIT %(count)s
           FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE nostro.webhook_delivery AS d
       SET next_attempt_at_us = %(claimed_until)s, attempts = d.attempts + 1,
           attempted_at_us = %(now)s
      FROM due, nostro.webhook_endpoint AS e
     WHERE d.chain = due.chain AND d.id = due.id AND e.chain = d.chain AND e.id = d.endpoint
    RETURNING d.id, d.endpoint, d.body, d.attempts, d.give_up_at_us, e.url, e.secret,
              CASE WHEN e.old_until_us > %(now)s THEN e.old_secret ELSE '' END,
              e.failing_since_us, d.seq
"""
_TELLING = """
    SELECT height, at, payload
      FROM (SELECT height, at, payload, octet_length(payload) AS size,
                   sum(octet_length(payload)) OVER (ORDER BY height) AS total
              FROM nostro.journal AS j
             WHERE chain = %s AND height > %s AND height <= %s AND EXISTS
                   (SELECT FROM unnest(%s::bytea[]) AS tag WHERE position(tag IN j.payload) > 0)
           ) AS telling
     WHERE total - size < %s ORDER BY height
"""


class Secret(NamedTuple):
    """An endpoint and its secret, which is told once."""

    endpoint: EndpointView
    secret: str


class Claimed(NamedTuple):
    """A delivery to be attempted now, for the `attempts`-th time."""

    id: str
    endpoint: str
    body: bytes
    attempts: int
    give_up_at_us: int
    url: str
    secret: str
    old_secret: str
    failing_since_us: int | None


class Queued(NamedTuple):
    """A message to enqueue."""

    id: str
    endpoint: str
    event_type: str
    height: int
    body: bytes


class WebhookStore:
    """Endpoints and deliveries of one chain. `loopback`: whether an endpoint may be on this
    machine. Every call may raise NotDone."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], chain: str, *, clock: Clock, loopback: bool
    ) -> None:
        self._pool = pool
        self._chain = chain
        self._clock = clock
        self.loopback = loopback

    # -- endpoints ---------------------------------------------------------------------------------

    async def register(self, url: str, events: Sequence[EventType], *, actor: str) -> Secret:
        """Add an endpoint, told of what happens from here on; raises Rejection `webhooks.bad_url`,
        `webhooks.address_refused`, `webhooks.exists` or `webhooks.too_many`."""
        check_url(url, loopback=self.loopback)
        secret, id = new_secret(), f"wh_{token_hex(12)}"
        async with self._transaction() as connection:
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('nostro.webhooks.' || %s, 0))",
                (self._chain,),
            )
            count, height = await _one(
                connection,
                "SELECT (SELECT count(*) FROM nostro.webhook_endpoint WHERE chain = %(chain)s),"
                " (SELECT coalesce(max(height), 0) FROM nostro.journal WHERE chain = %(chain)s)",
                {"chain": self._chain},
            )
            if count >= ENDPOINTS_MAX:
                raise Rejection("webhooks.too_many", count_max=ENDPOINTS_MAX)
            added = await connection.execute(
                "INSERT INTO nostro.webhook_endpoint"
                " (chain, id, url, events, secret, from_height, created_at_us, created_by)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    self._chain,
                    id,
                    url,
                    [each.value for each in dict.fromkeys(events)],
                    secret,
                    height,
                    self._clock.now_us(),
                    actor,
                ),
            )
            if added.rowcount != 1:
                raise Rejection("webhooks.exists", url=url)
            await connection.execute(_BEGIN, (self._chain, height))
        return Secret(await self._found(id), secret)

    async def endpoints(self) -> list[EndpointView]:
        """Return all endpoints, oldest first."""
        query = f"{_ENDPOINT} WHERE chain = %s ORDER BY created_at_us, id"
        return [_endpoint(row) for row in await self._rows(query, (self._chain,))]

    async def endpoint(self, id: str) -> EndpointView | None:
        """Return an endpoint."""
        rows = await self._rows(f"{_ENDPOINT} WHERE chain = %s AND id = %s", (self._chain, id))
        return _endpoint(rows[0]) if rows else None

    async def remove(self, id: str) -> None:
        """Forget an endpoint with its deliveries; one that is not there stays so."""
        await self._change("DELETE FROM nostro.webhook_endpoint WHERE chain = %s AND id = %s", id)

    async def rotate(self, id: str) -> Secret:
        """Give an endpoint a new secret; the old one signs beside it for a day. Raises Rejection
        `webhooks.unknown`."""
        secret = new_secret()
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE nostro.webhook_endpoint SET old_secret = secret, old_until_us = %s,"
                " secret = %s WHERE chain = %s AND id = %s",
                (self._clock.now_us() + OLD_SECRET_US, secret, self._chain, id),
            )
        return Secret(await self._found(id), secret)

    async def enable(self, id: str) -> EndpointView:
        """Tell a disabled endpoint again, what still waits for it too; raises Rejection
        `webhooks.unknown`."""
        await self._change(
            "UPDATE nostro.webhook_endpoint SET disabled_at_us = NULL, disabled_reason = '',"
            " failing_since_us = NULL WHERE chain = %s AND id = %s",
            id,
        )
        return await self._found(id)

    async def _found(self, id: str) -> EndpointView:
        found = await self.endpoint(id)
        if found is None:
            raise Rejection("webhooks.unknown", id=id)
        return found

    # -- deliveries --------------------------------------------------------------------------------

    async def deliveries(
        self,
        id: str,
        *,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[DeliveryView]:
        """Return an endpoint's deliveries, the newest first. Raises Rejection `webhooks.unknown` or
        `request.bad_cursor`."""
        await self._found(id)
        before = 2**62
        if cursor is not None:
            if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
                raise Rejection("request.bad_cursor")
            before = int(cursor)
        count = min(limit, PAGE_MAX)
        where = " WHERE chain = %s AND endpoint = %s AND seq < %s"
        values: list[Any] = [self._chain, id, before]
        if state is not None:
            where += " AND state = %s"
            values.append(state.value)
        rows = await self._rows(
            f"{_DELIVERY}{where} ORDER BY seq DESC LIMIT %s", (*values, count + 1)
        )
        more = str(rows[count - 1][-1]) if len(rows) > count else None
        return Page([_delivery(row) for row in rows[:count]], more, 0)

    async def retry(self, id: str, delivery: str) -> DeliveryView:
        """Have a message sent again at once, delivered or not, and for a day if need be. Raises
        Rejection `webhooks.delivery_unknown`."""
        now_us = self._clock.now_us()
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE nostro.webhook_delivery SET state = 'pending', next_attempt_at_us = %s,"
                " give_up_at_us = %s, delivered_at_us = NULL"
                " WHERE chain = %s AND endpoint = %s AND id = %s",
                (now_us, now_us + GIVE_UP_AFTER_US, self._chain, id, delivery),
            )
        rows = await self._rows(
            f"{_DELIVERY} WHERE chain = %s AND endpoint = %s AND id = %s",
            (self._chain, id, delivery),
        )
        if not rows:
            raise Rejection("webhooks.delivery_unknown", id=delivery)
        return _delivery(rows[0])

    # -- for the notifier --------------------------------------------------------------------------

    async def heights(self) -> tuple[int, int]:
        """Return the notifier's checkpoint, which begins at the end of the chain, and that end."""
        async with self._transaction() as connection:
            (head,) = await _one(
                connection,
                "SELECT coalesce(max(height), 0) FROM nostro.journal WHERE chain = %s",
                (self._chain,),
            )
            await connection.execute(_BEGIN, (self._chain, head))
            (height,) = await _one(
                connection,
                "SELECT height FROM nostro.webhook_checkpoint WHERE chain = %s",
                (self._chain,),
            )
            return height, head

    async def rows_telling(
        self, tags: Sequence[bytes], *, after: int, up_to: int, bytes_max: int
    ) -> list[tuple[int, int, bytes]]:
        """Return height, time and payload of the rows that have one of these tags in them; the
        database looks, so that what tells nothing is not even sent. Once they come to
        `bytes_max`, there may be more above the last."""
        return [
            (height, at_us, bytes(payload))
            for height, at_us, payload in await self._rows(
                _TELLING, (self._chain, after, up_to, list(tags), bytes_max)
            )
        ]

    async def enqueue(self, queued: Sequence[Queued], *, before: int, now: int) -> bool:
        """Write messages and move the checkpoint, all or nothing; False when somebody else moved it
        first. A message that stands there stays as it is."""
        now_us = self._clock.now_us()
        async with self._transaction() as connection:
            moved = await connection.execute(
                "UPDATE nostro.webhook_checkpoint SET height = %s WHERE chain = %s AND height = %s",
                (now, self._chain, before),
            )
            if moved.rowcount != 1:
                return False
            chain, give_up = self._chain, now_us + GIVE_UP_AFTER_US
            async with connection.cursor() as cursor:
                await cursor.executemany(
                    _ENQUEUE,
                    [
                        (chain, *each, now_us, give_up, now_us, chain, each.endpoint)
                        for each in queued
                    ],
                )
        return True

    async def claim(self, *, count: int, busy: Sequence[str], claim_us: int) -> list[Claimed]:
        """Return messages that are due and keep others from them until the claim ends."""
        now_us = self._clock.now_us()
        values = {
            "chain": self._chain,
            "now": now_us,
            "busy": list(busy),
            "count": count,
            "claimed_until": now_us + claim_us,
        }
        rows = await self._rows(_CLAIM, values)
        return [
            Claimed(row[0], row[1], bytes(row[2]), *row[3:9])
            for row in sorted(rows, key=lambda row: row[9])
        ]

    async def delivered(self, claimed: Claimed, status: int) -> None:
        """Note that a message was taken."""
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE nostro.webhook_delivery SET state = 'delivered', delivered_at_us = %s,"
                " status = %s, error = '', next_attempt_at_us = NULL WHERE chain = %s AND id = %s",
                (self._clock.now_us(), status, self._chain, claimed.id),
            )
            await connection.execute(
                "UPDATE nostro.webhook_endpoint SET failing_since_us = NULL"
                " WHERE chain = %s AND id = %s AND failing_since_us IS NOT NULL",
                (self._chain, claimed.endpoint),
            )

    async def failed(
        self, claimed: Claimed, *, status: int | None, error: str, next_at_us: int | None
    ) -> None:
        """Note that a message was not taken, and when it is tried again: None for never."""
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE nostro.webhook_delivery SET status = %s, error = %s,"
                " next_attempt_at_us = %s::bigint,"
                " state = CASE WHEN %s::bigint IS NULL THEN 'failed' ELSE 'pending' END"
                " WHERE chain = %s AND id = %s",
                (status, error[:500], next_at_us, next_at_us, self._chain, claimed.id),
            )
            await connection.execute(
                "UPDATE nostro.webhook_endpoint"
                " SET failing_since_us = coalesce(failing_since_us, %s)"
                " WHERE chain = %s AND id = %s",
                (self._clock.now_us(), self._chain, claimed.endpoint),
            )

    async def disable(self, id: str, reason: str) -> None:
        """Tell an endpoint nothing more; what waits for it waits on."""
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE nostro.webhook_endpoint SET disabled_at_us = %s, disabled_reason = %s"
                " WHERE chain = %s AND id = %s AND disabled_at_us IS NULL",
                (self._clock.now_us(), reason, self._chain, id),
            )

    async def forget(self, *, older_than_us: int) -> None:
        """Drop deliveries that ended long ago, and give up what a disabled endpoint missed."""
        async with self._transaction() as connection:
            await connection.execute(
                "DELETE FROM nostro.webhook_delivery WHERE chain = %s AND created_at_us < %s",
                (self._chain, older_than_us),
            )
            await connection.execute(
                "UPDATE nostro.webhook_delivery SET state = 'failed', next_attempt_at_us = NULL"
                " WHERE chain = %s AND state = 'pending' AND give_up_at_us < %s"
                " AND next_attempt_at_us < %s",
                (self._chain, self._clock.now_us(), self._clock.now_us()),
            )

    # -- the pool ----------------------------------------------------------------------------------

    async def _change(self, statement: str, id: str) -> None:
        async with self._transaction() as connection:
            await connection.execute(statement.encode(), (self._chain, id))

    async def _rows(self, query: str, values: Any) -> list[tuple[Any, ...]]:
        async with self._transaction() as connection:
            cursor = await connection.execute(query.encode(), values)
            return await cursor.fetchall()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
        except (psycopg.Error, PoolTimeout, OSError) as error:
            raise NotDone(f"PostgreSQL: {error}") from error


def new_secret() -> str:
    """Return a new secret as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(token_bytes(SECRET_BYTES)).decode("ascii")


async def _one(connection: psycopg.AsyncConnection[Any], query: str, values: Any) -> Any:
    row = await (await connection.execute(query.encode(), values)).fetchone()
    assert row is not None
    return row


def _endpoint(row: Sequence[Any]) -> EndpointView:
    return msgspec.convert(
        dict(zip(EndpointView.__struct_fields__, row, strict=True)), EndpointView
    )


def _delivery(row: Sequence[Any]) -> DeliveryView:
    return msgspec.convert(
        dict(zip(DeliveryView.__struct_fields__, row[:-1], strict=True)), DeliveryView
    )
