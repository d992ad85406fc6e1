"""The front door of a platform on memory adapters: rooms, flows and engine are the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from nostro.adapters.clock import SystemClock
from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.api import Bounds, Platform, create_app
from nostro.kernel.asset import Asset
from nostro.runtime.engine import Engine, EngineSettings
from nostro.runtime.ports import Journal
from nostro.wiring.rooms import make_house


class NoViews:
    """Views that nobody has written: for tests of commands."""

    async def checkpoint(self) -> int:
        return 0

    async def assets(self) -> Sequence[Asset]:
        return ()


class Door:
    """A client of the front door, with the engine and the disk behind it in reach."""

    def __init__(self, client: httpx.AsyncClient, engine: Engine, disk: MemoryDisk) -> None:
        self.client = client
        self.engine = engine
        self.disk = disk

    async def post(
        self, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """Send a command; `key` is the Idempotency-Key, other headers by their names in snake
        case."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["Idempotency-Key"] = key
        if isinstance(body, bytes):
            sent.setdefault("content-type", "application/json")
            return await self.client.post(path, content=body, headers=sent)
        return await self.client.post(path, json=body, headers=sent)

    async def open(self, *ids: str, asset: str = "EUR", **terms: str) -> None:
        """Open accounts."""
        for id in ids:
            answer = await self.post(
                "/api/v1/ledger/accounts", {"id": id, "asset": asset, "type": "asset", **terms}
            )
            assert answer.status_code == 201, answer.text

    async def deposit(self, user_id: str, amount: str, *, currency: str = "EUR") -> None:
        """Bring money in."""
        name = {"user_id": user_id, "transaction_id": f"tx-{self.engine.height}"}
        money = {"currency": currency, "amount": amount}
        assert (await self.post("/wallet/deposit", {**name, **money})).status_code == 201
        assert (await self.post("/wallet/deposit/confirm", name)).status_code == 200


def platform_on(engine: Engine, **parts: Any) -> Platform:
    """Return a platform around an engine, without views."""
    return Platform(engine=engine, **{"ledger": NoViews(), **parts})


@asynccontextmanager
async def front_door(
    journal: Journal | None = None,
    *,
    disk: MemoryDisk | None = None,
    settings: EngineSettings | None = None,
    bounds: Bounds | None = None,
    parts: Mapping[str, Any] | None = None,
) -> AsyncIterator[Door]:
    """Open the front door of a fresh platform."""
    disk = disk or MemoryDisk()
    engine = Engine(
        house=make_house(),
        journal=journal or MemoryJournal(disk),
        clock=SystemClock(),
        settings=settings,
    )
    await engine.start()
    platform = platform_on(engine, bounds=bounds or Bounds(), **(parts or {}))
    transport = httpx.ASGITransport(app=create_app(platform))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://nostro") as client:
            yield Door(client, engine, disk)
    finally:
        await engine.stop()
