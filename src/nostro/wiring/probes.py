"""Does what stands behind us answer? (What the API itself can see, it probes itself.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg_pool import AsyncConnectionPool

from nostro.adapters.domains.lane import Lane
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


class DomainsProbe:
    """Do those settlement domains answer of which something is wanted?"""

    name = "settlement_domains"

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self._lanes = lanes

    async def check(self) -> Finding:
        """Name those that are away while something waits for them, and why. The others were not
        asked, or answer."""
        away = [
            f"{name} is away: {lane.why_not}; {lane.waiting} wait"
            for name, lane in self._lanes.items()
            if lane.waiting and not lane.is_there
        ]
        if not away:
            return Finding(ok=True, detail=f"none of {len(self._lanes)} is away")
        remedy = "What is decided is done once they are back: see whether they run."
        return Finding(ok=False, detail=", ".join(away), remedy=remedy)
