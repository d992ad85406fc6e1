"""Where do readers of topics remember how far they are: in memory (for tests), or in PostgreSQL?"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from nostro.adapters.topics.port import BEGINNING
from nostro.runtime.ports import NotDone

_OF = "SELECT cursor FROM nostro.topic_cursor WHERE chain = %s AND consumer = %s"
_MOVE = """
    INSERT INTO nostro.topic_cursor (chain, consumer, cursor) VALUES (%s, %s, %s)
    ON CONFLICT (chain, consumer) DO UPDATE SET cursor = excluded.cursor
"""


class MemoryPlaces:
    """Places that survive nothing but what holds them; implements Places."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    async def of(self, reader: str) -> str:
        """See Places.of."""
        return self.places.get(reader, BEGINNING)

    async def move(self, reader: str, place: str) -> None:
        """See Places.move."""
        self.places[reader] = place


class PostgresPlaces:
    """Places of the readers of one chain, over a pool of the engine's role; implements Places."""

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str = "main") -> None:
        self._pool = pool
        self._chain = chain

    async def of(self, reader: str) -> str:
        """See Places.of."""
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_OF, (self._chain, reader))
                row = await cursor.fetchone()
        except (psycopg.Error, PoolTimeout, OSError) as error:
            raise NotDone(f"PostgreSQL: {error}") from error
        return BEGINNING if row is None else str(row[0])

    async def move(self, reader: str, place: str) -> None:
        """See Places.move."""
        try:
            async with self._pool.connection() as connection:
                await connection.execute(_MOVE, (self._chain, reader, place))
        except (psycopg.Error, PoolTimeout, OSError) as error:
            raise NotDone(f"PostgreSQL: {error}") from error
