"""Does PostgreSQL answer? (What the API itself can see, it probes itself.)"""

from __future__ import annotations

from typing import Any

from psycopg_pool import AsyncConnectionPool

from nostro.api.platform import Finding


class PostgresProbe:
    """Does PostgreSQL answer?"""

    name = "postgres"

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def check(self) -> Finding:
        """Ask for the server's version; raises what the driver raises."""
        async with self._pool.connection() as connection:
            rows = await connection.execute("SHOW server_version")
            row = await rows.fetchone()
        return Finding(ok=row is not None, detail=f"PostgreSQL {row[0] if row else '?'}")
