"""How does the server go about the queries of a read?"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import psycopg
import pytest

from nostro.adapters.postgres.reading import ViewReader
from tests.databases import as_role


async def plans_of(url: str, read: Awaitable[Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Do a read, and return the plan of each of its queries."""
    asked: list[tuple[str, Any]] = []
    plainly = ViewReader.rows

    async def noted(self: ViewReader, query: str, parameters: Any = ()) -> Any:
        asked.append((query, parameters))
        return await plainly(self, query, parameters)

    monkeypatch.setattr(ViewReader, "rows", noted)
    await read
    return [plan_of(url, query, parameters) for query, parameters in asked]


def plan_of(url: str, query: str, parameters: Any) -> str:
    """Return how the server goes about a query."""
    with psycopg.connect(as_role(url, "nostro_reader")) as connection:
        found = connection.execute(f"EXPLAIN {query}".encode(), parameters).fetchall()
    return "\n".join(line for (line,) in found)
