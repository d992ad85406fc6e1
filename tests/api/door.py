"""The front door of a platform on memory adapters: rooms, flows and engine are the real ones."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.own import OwnAdmin
from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.adapters.postgres.dvp_queries import DvpQueries
from nostro.adapters.postgres.exchange_queries import ExchangeQueries
from nostro.adapters.postgres.follower import PostgresViews
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.ledger_queries import LedgerQueries
from nostro.adapters.postgres.payment_queries import PaymentQueries
from nostro.adapters.postgres.risk_queries import RiskQueries
from nostro.adapters.postgres.settlement_queries import SettlementQueries
from nostro.adapters.postgres.wallet_queries import WalletQueries
from nostro.api import Bounds, Platform, create_app
from nostro.api.front import FrontDoor
from nostro.api.picture import Picture
from nostro.runtime.engine import Engine, EngineSettings
from nostro.runtime.ports import Journal
from nostro.runtime.projector import Projector, ViewsUnavailable
from nostro.wiring.domains import DomainOffices
from nostro.wiring.rooms import make_house
from tests.api.callers import bearer, development_gate


class NoViews:
    """Views that cannot be read: for tests of commands, which must not need them."""

    def __getattr__(self, name: str) -> Any:
        async def read(*_: Any, **__: Any) -> Any:
            raise ViewsUnavailable("this test has no views")

        return read


class Standing(NoViews):
    """Views that have not begun to follow."""

    async def checkpoint(self) -> int:
        return 0


class Door:
    """A client of the front door, with the engine and the disk behind it in reach."""

    def __init__(
        self, app: FrontDoor, client: httpx.AsyncClient, engine: Engine, disk: MemoryDisk
    ) -> None:
        self.app = app
        self.client = client
        self.engine = engine
        self.disk = disk

    async def ask(
        self, method: str, path: str, body: Any = None, *, of: str = "", **headers: str
    ) -> httpx.Response:
        """Send any request; `of`: as this user, an operator for `operator`, with a token."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if of:
            sent |= bearer(of, *(("operator",) if of == "operator" else ()))
        more = {} if body is None else {"json": body}
        if isinstance(body, bytes):
            more = {"content": body}
            sent.setdefault("content-type", "application/json")
        return await self.client.request(method, path, headers=sent, **more)

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

    async def get(self, path: str, **query: Any) -> Any:
        """Return what is read there once the views tell of everything that was decided."""
        answer = await self.client.get(path, params={"at_least": self.engine.height, **query})
        assert answer.status_code == 200, answer.text
        return answer.json()

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
    views = NoViews()
    usual = {"ledger": views, "wallets": views, "gate": development_gate()}
    return Platform(engine=engine, **{**usual, **parts})


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
    picture = Picture()
    engine = Engine(
        house=make_house(),
        journal=journal or MemoryJournal(disk),
        clock=SystemClock(),
        settings=settings,
        on_durable=picture.fold,
    )
    platform = platform_on(
        engine, bounds=bounds or Bounds(), **{"picture": picture, **(parts or {})}
    )
    async with _opened(platform, disk) as door:
        yield door


@asynccontextmanager
async def live_door(url: str, *, bounds: Bounds | None = None) -> AsyncIterator[Door]:
    """Open the front door of a platform on PostgreSQL, with a follower at its side."""
    house, picture = make_house(), Picture()
    engine = Engine(
        house=house,
        journal=PostgresJournal(url, "main"),
        clock=SystemClock(),
        on_durable=picture.fold,
    )
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url, min_size=1, max_size=4, open=False, kwargs={"autocommit": True}
    )
    async with pool:
        platform = platform_on(
            engine,
            ledger=LedgerQueries(pool),
            wallets=WalletQueries(pool),
            payments=PaymentQueries(pool, "main"),
            settlements=SettlementQueries(pool, "main"),
            risk=RiskQueries(pool, "main"),
            exchange=ExchangeQueries(pool, "main"),
            dvp=DvpQueries(pool, "main"),
            domains=DomainOffices({"main": OwnAdmin(engine)}, others=("canton",)),
            picture=picture,
            bounds=bounds or Bounds(at_least_timeout_ms=10_000),
        )
        async with _opened(platform, MemoryDisk()) as door:
            with following(url):
                yield door


@contextmanager
def following(url: str) -> Iterator[None]:
    """Keep the views in step with the journal, in a thread."""
    stop = threading.Event()
    house = make_house()
    views = PostgresViews(url, rooms=house.rooms)
    projector = Projector(house, views, snapshot_every=0)
    follower = threading.Thread(target=projector.run, args=(stop.is_set,))
    follower.start()
    try:
        yield
    finally:
        stop.set()
        follower.join()


async def started(platform: Platform) -> None:
    """Start a platform's engine, and show its picture what was recovered."""
    engine = platform.engine
    await engine.start()
    if platform.picture is not None:
        platform.picture.begin(engine.look("exchange"), height=engine.height)


@asynccontextmanager
async def _opened(platform: Platform, disk: MemoryDisk) -> AsyncIterator[Door]:
    await started(platform)
    app = create_app(platform)
    assert isinstance(app, FrontDoor)
    transport = httpx.ASGITransport(app=app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://nostro") as client:
            yield Door(app, client, platform.engine, disk)
    finally:
        await platform.engine.stop()
