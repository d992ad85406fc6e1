"""Domains of ours as the contract wants them: in this process or over HTTP, in memory or in
PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TypeVar

import httpx

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.http_own import DomainLine, HttpAdmin, HttpDomain
from nostro.adapters.domains.own import DomainAdmin, OwnAdmin, OwnDomain, domain_house
from nostro.adapters.domains.port import (
    ITEMS_MAX,
    Domain,
    DomainHead,
    ExecuteAnswer,
    HoldAnswer,
    HoldOrder,
    ReleaseAnswer,
    RoundAt,
    RoundOrder,
    StatusAnswer,
)
from nostro.adapters.domains.served import domain_app
from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.runtime.engine import Engine
from nostro.runtime.ports import Journal, OutcomeUnknown

NAME = "csd"
TOKEN = "secret of the tests"
SCALES = {"BOND1": 0, "EUR": 2}
A = TypeVar("A")


class Deaf:
    """Whether answers are lost."""

    on = False


class LossyDomain:
    """A domain whose answers may be lost on their way."""

    def __init__(self, domain: Domain, deaf: Deaf) -> None:
        self.name = domain.name
        self._domain = domain
        self._deaf = deaf

    async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[HoldAnswer]:
        return self._heard(await self._domain.hold(orders))

    async def execute(self, orders: Sequence[RoundOrder]) -> Sequence[ExecuteAnswer]:
        return self._heard(await self._domain.execute(orders))

    async def release(self, orders: Sequence[RoundOrder]) -> Sequence[ReleaseAnswer]:
        return self._heard(await self._domain.release(orders))

    async def status(self, round_ids: Sequence[str]) -> Sequence[StatusAnswer]:
        return self._heard(await self._domain.status(round_ids))

    async def head(self) -> DomainHead:
        return self._heard(await self._domain.head())

    async def rounds(self, *, after: str, limit: int = ITEMS_MAX) -> Sequence[RoundAt]:
        return self._heard(await self._domain.rounds(after=after, limit=limit))

    async def close(self) -> None:
        await self._domain.close()

    def _heard(self, answer: A) -> A:
        if self._deaf.on:
            raise OutcomeUnknown("the answer was lost")
        return answer


class LossyTransport(httpx.AsyncBaseTransport):
    """A network on which answers may be lost."""

    def __init__(self, served: httpx.AsyncBaseTransport, deaf: Deaf) -> None:
        self._served = served
        self._deaf = deaf

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._served.handle_async_request(request)
        if self._deaf.on:
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return response


class OwnWorld:
    """A domain of ours; implements tests.contracts.domain_conformance.World. `url`: of its
    database; "": it lives in memory."""

    domain: Domain
    admin: DomainAdmin
    engine: Engine

    def __init__(self, *, http: bool, url: str = "") -> None:
        self._http = http
        self._url = url
        self._disk = MemoryDisk(NAME)
        self._deaf = Deaf()
        self._given = count(1)

    async def start(self) -> OwnWorld:
        """Open the chain and serve."""
        self.engine = Engine(house=domain_house(), journal=self._journal(), clock=SystemClock())
        await self.engine.start()
        own, admin = OwnDomain(self.engine, NAME), OwnAdmin(self.engine)
        if not self._http:
            self.domain, self.admin = LossyDomain(own, self._deaf), admin
            return self
        served = httpx.ASGITransport(domain_app(own, admin, token=TOKEN))
        line = DomainLine("http://csd", token=TOKEN, transport=LossyTransport(served, self._deaf))
        self.domain, self.admin = HttpDomain(NAME, line), HttpAdmin(line)
        return self

    async def stop(self) -> None:
        """Let all go."""
        await self.domain.close()
        await self.engine.stop()

    async def give(self, party: str, asset: str, amount_minor: int) -> None:
        reference = f"given:{next(self._given)}"
        await self.admin.issue(
            reference=reference,
            party=party,
            asset=asset,
            scale=SCALES[asset],
            amount_minor=amount_minor,
        )

    async def owned(self, party: str, asset: str) -> int:
        return (await self._holding(party, asset))[0]

    async def available(self, party: str, asset: str) -> int:
        return (await self._holding(party, asset))[1]

    async def again(self) -> Domain:
        await self.stop()
        await self.start()
        return self.domain

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        self._deaf.on = True
        try:
            yield
        finally:
            self._deaf.on = False

    async def _holding(self, party: str, asset: str) -> tuple[int, int]:
        for each in (await self.admin.holdings(party)).holdings:
            if each.asset == asset:
                return each.owned_minor, each.available_minor
        return 0, 0

    def _journal(self) -> Journal:
        return PostgresJournal(self._url, NAME) if self._url else MemoryJournal(self._disk)
