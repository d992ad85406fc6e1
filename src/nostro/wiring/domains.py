"""Where do settlement domains of our own run, and how does the server reach them?

Each is a chain in a process and a database of its own, served on the loopback interface to who
knows its token. The parent makes the token, and tells it to the domain and to the server; it
outlives neither.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.http_own import DomainLine, HttpAdmin, HttpDomain
from nostro.adapters.domains.own import DomainAdmin, OwnAdmin, OwnDomain, domain_house
from nostro.adapters.domains.port import Domain
from nostro.adapters.domains.served import domain_app
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.adapters.postgres.migrate import check, migrate, refuse_foreign
from nostro.api.dvp_domains import Holding, Holdings, Issued
from nostro.kernel.messages import Rejection
from nostro.runtime.engine import Engine
from nostro.wiring.canton import canton_of
from nostro.wiring.http import HttpServer
from nostro.wiring.processes import until_told_to_stop
from nostro.wiring.settings import CANTON, Settings
from nostro.wiring.starting import start_patiently

HOST = "127.0.0.1"
TOKEN_BYTES = 32
DATABASE_PREFIX = "nostro_"
ENGINE, FOLLOWER = "nostro_engine", "nostro_follower"
"""Who connects to the private PostgreSQL, each with rights of its own."""

Facts = dict[str, Any]


# -- in the parent ---------------------------------------------------------------------------------


class DomainOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the process of a domain is told. `store`: URL by which its engine connects to its
    database, `follower`: by which its follower does; `port` 0: any free one, and the same again
    when it is restarted."""

    name: str
    store: str
    token: str
    port: int = 0
    follower: str = ""


class DomainPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a domain is served, to whom who knows the token."""

    name: str
    url: str
    token: str


def embedded_store(postgres: EmbeddedPostgres, name: str) -> str:
    """Make a domain's database in the private PostgreSQL, bring it up to date, and return the URL
    by which its engine connects; blocks."""
    database = DATABASE_PREFIX + name
    url = postgres.create_database(database)
    migrate(url)
    refuse_foreign(url, name)
    return domain_store(postgres, name)


def domain_store(postgres: EmbeddedPostgres, name: str) -> str:
    """Return the URL by which a domain's engine connects to its database where the private
    PostgreSQL is now."""
    return postgres.url("nostro_engine", DATABASE_PREFIX + name)


def store_beside(url: str, name: str, *, embedded: bool) -> str:
    """Return where a domain's database is beside the coordinator's at `url`, for the same user."""
    parts = urlsplit(url)
    path = f"/{DATABASE_PREFIX}{name}" if embedded else f"{parts.path}_{name}"
    return urlunsplit(parts._replace(path=path))


def own_stores(settings: Settings, url: str) -> dict[str, str]:
    """Return where the databases of our domains are beside the coordinator's at `url`, by name, for
    the same user."""
    embedded = settings.postgres_url is None
    return {name: store_beside(url, name, embedded=embedded) for name in settings.own_domains}


def external_store(url: str, name: str) -> str:
    """Return the URL of a domain's database beside the one that the operator named: `<name of
    that>_<domain>`; raises NotDone when it is not there or not up to date; blocks."""
    beside = store_beside(url, name, embedded=False)
    check(beside)
    refuse_foreign(beside, name)
    return beside


def order_for(name: str, store: str) -> DomainOrder:
    """Return the order of a domain, with a token that nobody knows yet."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return DomainOrder(name=name, store=store, token=token, follower=_as_follower(store))


def _as_follower(store: str) -> str:
    """Return the URL by which a follower connects: in the private PostgreSQL it is another user's,
    elsewhere that which the operator gave for all."""
    parts = urlsplit(store)
    if parts.netloc != f"{ENGINE}@":
        return store
    return urlunsplit(parts._replace(netloc=f"{FOLLOWER}@"))


def place_of(order: DomainOrder, ready: Mapping[str, Any]) -> DomainPlace:
    """Return where a domain is served that said that it is ready."""
    return DomainPlace(name=order.name, url=ready["url"], token=order.token)


# -- in the process of a domain --------------------------------------------------------------------


async def serve_domain(order: DomainOrder, *, on_ready: Callable[[Facts], None]) -> None:
    """Serve a domain until told to stop; `on_ready` hears where."""
    engine = Engine(
        house=domain_house(),
        journal=PostgresJournal(order.store, order.name),
        clock=SystemClock(),
    )
    await start_patiently(engine)
    app = domain_app(OwnDomain(engine, order.name), OwnAdmin(engine), token=order.token)
    server = HttpServer(app, host=HOST, port=order.port)
    try:
        await server.start()
        facts = {
            "name": f"domain {order.name}",
            "pid": os.getpid(),
            "url": server.url,
            "port": server.port,
        }
        on_ready(facts)
        await until_told_to_stop()
    finally:
        await server.stop()
        await engine.stop()


def follow_domain(
    order: DomainOrder, *, snapshot_every: int, parent_pid: int | None = None
) -> None:
    """Keep the views and the snapshots of a domain in step, in a process of their own, until told
    to stop: with snapshots a domain that has long lived is soon back."""
    from nostro.adapters.postgres.follower import run_follower  # nobody else here needs it

    run_follower(
        url=order.follower,
        chain=order.name,
        house=domain_house(),
        snapshot_every=snapshot_every,
        parent_pid=parent_pid,
    )


# -- in the server ---------------------------------------------------------------------------------


class Reached:
    """The domains that take part besides our own ledger: those of ours that other processes serve,
    and, with a participant, Canton's. `doubles`: the operators of those that are doubles."""

    def __init__(
        self,
        remote: RemoteDomains,
        others: Mapping[str, Domain],
        doubles: Mapping[str, DomainAdmin],
    ) -> None:
        self._remote = remote
        self._others = others
        self._doubles = doubles
        self.domains: Mapping[str, Domain] = {**remote.domains, **others}

    def offices(self, chain: str, engine: Engine) -> DomainOffices:
        """Return what the front door asks of them, and of our own ledger."""
        admins = {chain: OwnAdmin(engine), **self._remote.admins, **self._doubles}
        return DomainOffices(admins, others=[each for each in self._others if each not in admins])


@contextlib.asynccontextmanager
async def reached(settings: Settings, places: Sequence[DomainPlace]) -> AsyncIterator[Reached]:
    """Yield the domains that take part, and let them go at the end. At the place of `canton`, if
    there is one, only issues and balances are asked: a double of a participant is there."""
    remote = RemoteDomains([each for each in places if each.name != CANTON])
    doubles = {
        each.name: DomainLine(each.url, token=each.token) for each in places if each.name == CANTON
    }
    others = canton_of(settings)
    try:
        yield Reached(remote, others, {name: HttpAdmin(line) for name, line in doubles.items()})
    finally:
        await remote.close()
        for line in doubles.values():
            await line.close()
        for each in others.values():
            await each.close()


class RemoteDomains:
    """The domains that other processes serve, and what their operator may do there, by name."""

    def __init__(self, places: Sequence[DomainPlace]) -> None:
        self._lines = {each.name: DomainLine(each.url, token=each.token) for each in places}
        self.domains: Mapping[str, Domain] = {
            name: HttpDomain(name, line) for name, line in self._lines.items()
        }
        self.admins: Mapping[str, DomainAdmin] = {
            name: HttpAdmin(line) for name, line in self._lines.items()
        }

    async def close(self) -> None:
        """End the connections."""
        for line in self._lines.values():
            await line.close()


class DomainOffices:
    """What the front door asks of the domains whose books we keep; implements
    nostro.api.dvp_domains.OwnDomains. `others`: names of those whose books others keep."""

    def __init__(self, admins: Mapping[str, DomainAdmin], *, others: Sequence[str] = ()) -> None:
        self._admins = dict(admins)
        self._others = tuple(others)

    def names(self) -> Sequence[str]:
        """Return the names of all domains that take part."""
        return (*self._admins, *self._others)

    async def issue(
        self, domain: str, *, reference: str, party: str, asset: str, scale: int, amount_minor: int
    ) -> Issued:
        """Credit or debit a party, once for each reference."""
        issued = await self._admin(domain).issue(
            reference=reference, party=party, asset=asset, scale=scale, amount_minor=amount_minor
        )
        return Issued(exists=issued.exists, height=issued.height)

    async def holdings(self, domain: str, party: str) -> Holdings:
        """Return what a party owns there."""
        found = await self._admin(domain).holdings(party)
        return Holdings(
            height=found.height,
            holdings=[
                Holding(
                    asset=each.asset,
                    scale=each.scale,
                    owned_minor=each.owned_minor,
                    earmarked_minor=each.owned_minor - each.available_minor,
                )
                for each in found.holdings
            ],
        )

    def _admin(self, domain: str) -> DomainAdmin:
        admin = self._admins.get(domain)
        if admin is not None:
            return admin
        if domain in self._others:
            raise Rejection("custody.not_here", domain=domain)
        raise Rejection("settlement.domain_unknown", domain=domain)
