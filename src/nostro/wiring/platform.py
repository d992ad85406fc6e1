"""How does `nostro up` put the platform together on one machine?

This process starts the private PostgreSQL (or takes the one named), brings its schema up to date,
and keeps its children alive: the server (engine and API), the members (who certify batches), the
follower (views and snapshots), and each settlement domain of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from nostro.adapters.postgres.holder import holder_of
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.adapters.postgres.migrate import check, migrate, refuse_foreign
from nostro.runtime.ports import NotDone
from nostro.wiring.address import free_port
from nostro.wiring.canton_double import double_order
from nostro.wiring.domains import (
    DomainOrder,
    DomainPlace,
    domain_store,
    embedded_store,
    external_store,
    order_for,
    place_of,
)
from nostro.wiring.members import set_up
from nostro.wiring.processes import Child, keep_alive
from nostro.wiring.rooms import Stores
from nostro.wiring.settings import CANTON, Settings

CHILD_MODULE = "nostro.wiring.children"
DOUBLE_MODULE = "nostro.wiring.canton_double"
DOUBLE_DIRECTORY = "canton-double"
DOMAIN, DOMAIN_FOLLOWER = "domain:", "domain-follower:"
"""Begin the names of the children that serve a settlement domain, and that write its views and
snapshots; the domain's name follows."""
WATCH_PAUSE_S = 0.2
RETRY_PAUSE_S = 2.0

Say = Callable[[str], None]


class Platform:
    """A platform of one machine. `say` is told, in words, what happens to it."""

    def __init__(self, settings: Settings, *, say: Say) -> None:
        self._settings = settings
        self._say = say
        self._postgres: EmbeddedPostgres | None = None
        self._children: list[Child] = []
        self._domains: list[DomainOrder] = []
        self._watchers: list[asyncio.Task[None]] = []
        self._order: dict[str, Any] = {}
        self._domain_orders: dict[str, dict[str, Any]] = {}
        self._opening: asyncio.Future[Stores] | None = None
        self.url = ""

    async def start(self) -> str:
        """Start everything and return the URL of the API; raises NotDone with a remedy."""
        self._opening = asyncio.ensure_future(asyncio.to_thread(self._open_stores))
        # A thread cannot be cancelled: whoever stops us waits for it, lest it leave a server.
        stores = await asyncio.shield(self._opening)
        self._order = order = {"stores": _plain(stores), "settings": self._options()}
        others = ("members", "follower") if self._settings.follower else ("members",)
        rest = [Child(name=name, module=CHILD_MODULE, order=order) for name in others]
        server = Child(name="server", module=CHILD_MODULE, order=order)
        self._children += [server, *rest]
        await asyncio.gather(self._start_domains(order), *(child.start() for child in rest))
        if self._settings.canton_double:
            await self._start_double(order)
        facts = await server.start()
        self.url = facts["url"]
        # A restarted server must come back where its users know it.
        order["settings"]["port"] = facts["port"]
        self._watchers = [
            asyncio.create_task(keep_alive(child, on_restart=self._restarted(child)))
            for child in self._children
        ]
        if self._postgres is not None:
            self._watchers.append(asyncio.create_task(self._keep_postgres()))
        return self.url

    async def _start_domains(self, order: dict[str, Any]) -> None:
        """Start the settlement domains, and tell in `order` where the server finds them."""
        self._domain_orders = {
            each.name: {**order, "domain": _plain(each)} for each in self._domains
        }
        children = [
            Child(name=f"{DOMAIN}{name}", module=CHILD_MODULE, order=of)
            for name, of in self._domain_orders.items()
        ]
        self._children += children
        followers = [
            Child(name=f"{DOMAIN_FOLLOWER}{name}", module=CHILD_MODULE, order=of)
            for name, of in self._domain_orders.items()
            if self._settings.follower
        ]
        self._children += followers
        ready = await asyncio.gather(*(child.start() for child in (*children, *followers)))
        facts = ready[: len(children)]
        order["domains"] = []
        for each, told in zip(self._domains, facts, strict=True):
            # A restarted domain must come back where the server knows it.
            self._domain_orders[each.name]["domain"]["port"] = told["port"]
            order["domains"].append(_plain(place_of(each, told)))

    async def _start_double(self, order: dict[str, Any]) -> None:
        """Start the double of a Canton participant, and tell in `order` where the server finds it,
        and as whom."""
        directory = self._settings.data_dir / DOUBLE_DIRECTORY
        told = double_order(directory, user=self._settings.canton_user)
        child = Child(name=CANTON, module=DOUBLE_MODULE, order=told)
        self._children.append(child)
        ready = await child.start()
        # A restarted participant must come back where the server knows it.
        told["port"] = ready["port"]
        order["settings"] |= ready["settings"]
        order["domains"].append(
            _plain(DomainPlace(name=CANTON, url=ready["url"], token=told["token"]))
        )

    async def stop(self) -> None:
        """Stop the children, then PostgreSQL; everything acknowledged is already durable."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in self._children))
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._postgres is not None:
            await asyncio.to_thread(self._postgres.stop)

    def pids(self) -> Mapping[str, int]:
        """Return the process ids of the parts, by name."""
        pids = {child.name: child.pid for child in self._children}
        if self._postgres is not None:
            pids["postgres"] = self._postgres.pid
        return {name: pid for name, pid in pids.items() if pid is not None}

    def _open_stores(self) -> Stores:
        stores = self._opened()
        # Server and members need them both, so they are made before either starts.
        self._set_up_members()
        self._domains = [
            order_for(name, self._domain_store(name)) for name in self._settings.own_domains
        ]
        return stores

    def _domain_store(self, name: str) -> str:
        if self._postgres is not None:
            return embedded_store(self._postgres, name)
        assert self._settings.postgres_url is not None, "one of them was opened"
        return external_store(self._settings.postgres_url.get_secret_value(), name)

    def _set_up_members(self) -> None:
        settings = self._settings
        try:
            set_up(settings.data_dir, chain=settings.chain, count=settings.members)
        except ValueError as error:
            raise NotDone(f"{error}: set `members` to what it was") from error

    def _opened(self) -> Stores:
        settings = self._settings
        if holder_of(settings.data_dir) is None:  # who holds the directory also has the port
            free_port(settings.host, settings.port)
        if settings.postgres_url is not None:
            url = settings.postgres_url.get_secret_value()
            check(url)
            refuse_foreign(url, settings.chain)
            return Stores(engine=url, follower=url, reader=url, members=url)
        self._postgres = EmbeddedPostgres(settings.data_dir, bin_dir=settings.postgres_bin_dir)
        self._postgres.start()
        self._say(f"PostgreSQL {self._postgres.version} runs in {settings.data_dir}")
        migrate(self._postgres.url())
        refuse_foreign(self._postgres.url(), settings.chain)
        return _stores_of(self._postgres)

    def _options(self) -> dict[str, Any]:
        """Return the settings that a child needs, as options that win over its environment."""
        options = self._settings.model_dump(
            mode="json", exclude={"postgres_url", "postgres_bin_dir"}, exclude_none=True
        )
        return dict(options)

    def _restarted(self, child: Child) -> Callable[[dict[str, Any]], None]:
        return lambda _: self._say(f"{child.name} was restarted")

    async def _keep_postgres(self) -> None:
        """Start PostgreSQL again whenever it ends; engine and follower reconnect on their own."""
        postgres = self._postgres
        pause = WATCH_PAUSE_S
        while postgres is not None:
            await asyncio.sleep(pause)
            pause = WATCH_PAUSE_S
            if await asyncio.to_thread(lambda: postgres.running):
                continue
            self._say("PostgreSQL has ended: starting it again")
            try:
                await asyncio.to_thread(postgres.start)
            except (NotDone, OSError) as error:
                self._say(f"PostgreSQL did not start: {error}")
                pause = RETRY_PAUSE_S
            else:
                await self._move_children(postgres)

    async def _move_children(self, postgres: EmbeddedPostgres) -> None:
        """Send the children to where the server is now; after a start that failed, its socket may
        have moved."""
        stores = _plain(_stores_of(postgres))
        if stores != self._order["stores"]:
            self._order["stores"] = stores
            for name, order in self._domain_orders.items():
                order["stores"] = stores
                moved = order_for(name, domain_store(postgres, name))
                order["domain"] |= {"store": moved.store, "follower": moved.follower}
            await asyncio.gather(*(child.stop() for child in self._children))


def _stores_of(postgres: EmbeddedPostgres) -> Stores:
    return Stores(
        engine=postgres.url("nostro_engine"),
        follower=postgres.url("nostro_follower"),
        reader=postgres.url("nostro_reader"),
        members=postgres.url("nostro_members"),
    )


def _plain(order: msgspec.Struct) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.structs.asdict(order)
    return told
