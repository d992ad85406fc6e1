"""Where do API keys stand, and which are good now?

In tables of their own beside the journal, over a pool of the engine's role; what fails there is an
outage (NotDone). A secret is dropped when its key is revoked: nothing of it is left to be stolen.
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

from nostro.kernel.messages import Rejection
from nostro.runtime.ports import Clock, NotDone

KEYS_MAX = 20
"""Keys of a user that are good at a time."""
LISTED_MAX = 1_000
SECRET_BYTES = 32

_VIEW = """
    SELECT id, user_id, role, scopes, label, created_at_us, created_by, expires_at_us,
           revoked_at_us, revoked_by
      FROM nostro.api_key
"""
_RECORD = """
    SELECT k.id, s.secret, k.user_id, k.role, k.scopes, k.expires_at_us
      FROM nostro.api_key AS k JOIN nostro.api_key_secret AS s USING (chain, id)
     WHERE chain = %s AND id = %s AND k.revoked_at_us IS NULL
"""
_GOOD = " AND revoked_at_us IS NULL AND (expires_at_us IS NULL OR expires_at_us > %s)"


class KeyView(msgspec.Struct, frozen=True):
    """An API key as it may be shown. `scopes`: all that its role gives when empty."""

    id: str
    user_id: str
    role: str
    scopes: list[str]
    label: str
    created_at_us: int
    created_by: str
    expires_at_us: int | None
    revoked_at_us: int | None
    revoked_by: str


class KeyRecord(NamedTuple):
    """What is needed to check a signature."""

    id: str
    secret: bytes
    user_id: str
    role: str
    scopes: Sequence[str]
    expires_at_us: int | None


class ApiKeyStore:
    """The API keys of one chain. Every call may raise NotDone."""

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str, *, clock: Clock) -> None:
        self._pool = pool
        self._chain = chain
        self._clock = clock

    async def make(
        self,
        user_id: str,
        *,
        role: str,
        scopes: Sequence[str],
        label: str,
        expires_at_us: int | None,
        actor: str,
    ) -> tuple[KeyView, str]:
        """Make a key and return it with its secret, which is told once; raises Rejection
        `auth.too_many_keys`."""
        id, secret, now_us = f"nk_{token_hex(12)}", token_bytes(SECRET_BYTES), self._clock.now_us()
        async with self._transaction() as connection:
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('nostro.api_keys.' || %s, 0))",
                (f"{self._chain}/{user_id}",),
            )
            cursor = await connection.execute(
                "SELECT count(*) FROM nostro.api_key WHERE chain = %s AND user_id = %s" + _GOOD,
                (self._chain, user_id, now_us),
            )
            row = await cursor.fetchone()
            if row is None or row[0] >= KEYS_MAX:
                raise Rejection("auth.too_many_keys", count_max=KEYS_MAX)
            await connection.execute(
                "INSERT INTO nostro.api_key (chain, id, user_id, role, scopes, label,"
                " created_at_us, created_by, expires_at_us)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    self._chain,
                    id,
                    user_id,
                    role,
                    list(scopes),
                    label,
                    now_us,
                    actor,
                    expires_at_us,
                ),
            )
            await connection.execute(
                "INSERT INTO nostro.api_key_secret (chain, id, secret) VALUES (%s, %s, %s)",
                (self._chain, id, secret),
            )
        made = await self.view(id)
        assert made is not None
        return made, written(secret)

    async def views(self, user_id: str | None) -> list[KeyView]:
        """Return the keys of a user, or of all, the newest first, revoked ones included."""
        where, values = " WHERE chain = %s", [self._chain]
        if user_id is not None:
            where += " AND user_id = %s"
            values.append(user_id)
        order = " ORDER BY created_at_us DESC, id LIMIT %s"
        rows = await self._rows(_VIEW + where + order, (*values, LISTED_MAX))
        return [_view(row) for row in rows]

    async def view(self, id: str) -> KeyView | None:
        """Return a key."""
        rows = await self._rows(f"{_VIEW} WHERE chain = %s AND id = %s", (self._chain, id))
        return _view(rows[0]) if rows else None

    async def revoke(self, id: str, *, actor: str) -> None:
        """Let a key sign nothing more, and forget its secret; one that is revoked stays so."""
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE nostro.api_key SET revoked_at_us = %s, revoked_by = %s"
                " WHERE chain = %s AND id = %s AND revoked_at_us IS NULL",
                (self._clock.now_us(), actor, self._chain, id),
            )
            await connection.execute(
                "DELETE FROM nostro.api_key_secret WHERE chain = %s AND id = %s",
                (self._chain, id),
            )

    async def record(self, id: str) -> KeyRecord | None:
        """Return what checks a signature of a key, None when it is not known or revoked."""
        rows = await self._rows(_RECORD, (self._chain, id))
        if not rows:
            return None
        id, secret, *rest = rows[0]
        return KeyRecord(id, bytes(secret), *rest)

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


def written(secret: bytes) -> str:
    """Return a secret as it is told: `nsk_` and base64url without padding."""
    return "nsk_" + base64.urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")


def _view(row: Sequence[Any]) -> KeyView:
    return msgspec.convert(dict(zip(KeyView.__struct_fields__, row, strict=True)), KeyView)
