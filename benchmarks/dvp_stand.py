"""What do the benchmarks of settlements over several ledgers stand on?

Each domain is a process with a database of its own, as `nostro up` runs it; the coordinator is an
engine with its performer in the process of the benchmark, which also hears what became durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import msgspec

from benchmarks.dvp_load import CASH, FUNDS_MINOR, PARTIES, SCALE, SECURITY, DvpTraffic
from benchmarks.result import percentile
from benchmarks.stand import tune_garbage_collection
from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.lane import LaneTerms
from nostro.adapters.domains.performer import DomainPerformer
from nostro.adapters.domains.port import Domain
from nostro.adapters.domains.standing import RoomHints
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.runtime.draft import Durable
from nostro.runtime.engine import Engine
from nostro.runtime.performers import Performing
from nostro.settlement import InstructSettlements, RoundsSettled, SettlementsFailed
from nostro.wiring.domains import RemoteDomains, embedded_store, order_for, place_of
from nostro.wiring.platform import CHILD_MODULE, DOMAIN
from nostro.wiring.processes import Child
from nostro.wiring.rooms import make_house
from nostro.wiring.settings import CANTON, Settings

SECURITIES, MONEY = "securities", "cash"
NAMES = (SECURITIES, MONEY)
DRAIN_S_MAX = 60.0
CLIENTS = 16
"""Who instruct at the same time, when as much as possible is to be settled."""


class Coordinator:
    """An engine that settles over domains, and what it heard of settlements: `settled_at`, by
    number, in seconds of `perf_counter`."""

    def __init__(self, settings: Settings, url: str, domains: Mapping[str, Domain]) -> None:
        house, clock = make_house(settings), SystemClock()
        performer = DomainPerformer(
            domains,
            clock=clock,
            epoch=lambda: self.engine.fence,
            hints=RoomHints(lambda: self.engine.look("settlement"), settings.chain),
            terms=LaneTerms(batch_size=settings.settlement_batch_size),
        )
        self._performing = Performing(
            house=house, clock=clock, chain=settings.chain, performers=(), patient=(performer,)
        )
        self.engine = Engine(
            house=house,
            journal=PostgresJournal(url, settings.chain),
            clock=clock,
            on_effects=self._performing.start,
            on_durable=self._hear,
        )
        self._performing.attach(self.engine)
        self._keys = iter(range(1 << 60))
        self.settled_at: dict[int, float] = {}
        self.failed: list[Any] = []
        self._heard = asyncio.Event()

    def _hear(self, rows: Sequence[Durable]) -> None:
        now = perf_counter()
        for row in rows:
            for event in row.events:
                if type(event) is RoundsSettled:
                    for each in event.rounds:
                        for tranche in each.tranches:
                            self.settled_at[tranche.settlement] = now
                elif type(event) is SettlementsFailed:
                    self.failed += event.settlements
        self._heard.set()
        self._heard = asyncio.Event()

    async def start(self) -> None:
        """Recover and run."""
        await self.engine.start()
        tune_garbage_collection()

    async def stop(self) -> None:
        """Leave what is under way in the outbox."""
        await self._performing.stop()
        await self.engine.stop()

    async def instruct(self, command: InstructSettlements) -> list[int]:
        """Instruct, and return the numbers of the settlements."""
        receipt = await self.engine.submit(
            key=f"bench:{self.engine.fence}:{next(self._keys)}", command=command, actor="bench"
        )
        assert receipt.reply.accepted, receipt
        return [told["settlement"] for told in receipt.reply.body["results"]]

    async def until_settled(self, count: int) -> None:
        """Return when so many are settled in all."""
        await self.until(lambda: len(self.settled_at) >= count)
        assert not self.failed, self.failed[:3]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return when something is so, which is asked whenever rows became durable."""
        while not is_so():
            await asyncio.wait_for(self._heard.wait(), DRAIN_S_MAX)


@asynccontextmanager
async def domains_on(postgres: EmbeddedPostgres) -> AsyncIterator[RemoteDomains]:
    """Run both domains, fund every party there, and yield the way to them."""
    orders = [order_for(name, embedded_store(postgres, name)) for name in NAMES]
    settings = {"data_dir": str(postgres.data_dir), "log_level": "warning"}
    stores = {"engine": "", "follower": "", "reader": ""}
    children = [
        Child(
            name=f"{DOMAIN}{each.name}",
            module=CHILD_MODULE,
            order={
                "settings": settings,
                "stores": stores,
                "domain": msgspec.structs.asdict(each),
            },
        )
        for each in orders
    ]
    facts = await asyncio.gather(*(child.start() for child in children))
    remote = RemoteDomains(
        [place_of(each, ready) for each, ready in zip(orders, facts, strict=True)]
    )
    try:
        for name, asset, scale in ((SECURITIES, SECURITY, SCALE), (MONEY, CASH, 6)):
            for party in PARTIES:
                await remote.admins[name].issue(
                    reference=f"fund:{party}",
                    party=party,
                    asset=asset,
                    scale=scale,
                    amount_minor=FUNDS_MINOR,
                )
        yield remote
    finally:
        await remote.close()
        await asyncio.gather(*(child.stop() for child in children))


@asynccontextmanager
async def coordinator_on(
    postgres: EmbeddedPostgres, domains: Mapping[str, Domain], **settings: Any
) -> AsyncIterator[Coordinator]:
    """Run a coordinator of these domains."""
    own = [name for name in domains if name != CANTON]
    told = Settings(
        data_dir=postgres.data_dir,
        settlement_domains=",".join(own),
        canton_double=CANTON in domains,
        **settings,
    )
    coordinator = Coordinator(told, postgres.url("nostro_engine"), domains)
    await coordinator.start()
    try:
        yield coordinator
    finally:
        await coordinator.stop()


async def at_rate(
    coordinator: Coordinator, traffic: DvpTraffic, *, per_s: float, seconds: float
) -> dict[str, Any]:
    """Instruct one by one at a steady rate, whatever the answers do; return how long each took from
    its instruction until it was SETTLED and durable."""
    started_at: dict[int, float] = {}
    before = len(coordinator.settled_at)
    started = perf_counter()
    commands = traffic.commands(1)

    async def one(due: float) -> None:
        (number,) = await coordinator.instruct(next(commands))
        started_at[number] = due

    tasks = []
    for number in range(int(per_s * seconds)):
        due = started + number / per_s
        await asyncio.sleep(max(0.0, due - perf_counter()))
        tasks.append(asyncio.ensure_future(one(due)))
    await asyncio.gather(*tasks)
    await coordinator.until_settled(before + len(tasks))
    took = [coordinator.settled_at[number] - due for number, due in started_at.items()]
    return {
        "per_s": per_s,
        "p50_ms": round(percentile(took, 0.5) * 1e3, 1),
        "p99_ms": round(percentile(took, 0.99) * 1e3, 1),
    }


async def flat_out(
    coordinator: Coordinator,
    traffic: DvpTraffic,
    *,
    a_command: int,
    open_max: int,
    seconds: float,
) -> dict[str, Any]:
    """Keep so many settlements open, instructed so many in one command, for a while; return how
    many were SETTLED a second, until the last one is."""
    before = len(coordinator.settled_at)
    commands = traffic.commands(a_command)
    started = perf_counter()
    sent = 0

    async def client() -> None:
        nonlocal sent
        while perf_counter() - started < seconds:
            sent += a_command
            await coordinator.until_settled(before + sent - open_max)
            await coordinator.instruct(next(commands))

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    await coordinator.until_settled(before + sent)
    took = perf_counter() - started
    return {"per_s": round(sent / took), "settled": sent, "seconds": round(took, 1)}
