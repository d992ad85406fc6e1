"""What happens to a settlement domain, and to what is said to it, on a bad day?

A domain is a platform of its own, with processes, a disk and a weather like any other. Besides it
goes dark for long, and once it is brought back from an old backup. Between it and a coordinator
messages are lost, come twice, late and in any order, and answers too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, Protocol, TypeVar, cast

from nostro.adapters.domains import port
from nostro.adapters.domains.own import OwnDomain
from nostro.adapters.domains.port import Domain
from nostro.adapters.memory.journal import MemoryDisk
from nostro.custody import CustodyRoom
from nostro.flows.keep_custody import DOMAIN_FLOWS
from nostro.kernel.messages import Command
from nostro.kernel.reply import Receipt
from nostro.ledger import LedgerRoom
from nostro.runtime.engine import Engine, EngineState, OutcomeBug
from nostro.runtime.house import House
from nostro.runtime.ports import NotDone, Outage, OutcomeUnknown
from nostro.simulation.books import Violation
from nostro.simulation.dvp_auditor import DomainAuditor
from nostro.simulation.dvp_ledgers import Kept, Ledger
from nostro.simulation.dvp_terms import OWN_LEDGER
from nostro.simulation.history import History
from nostro.simulation.loop import START_US, Process, SeededLoop
from nostro.simulation.network import Network
from nostro.simulation.platform import HOT_MAX, Crew, Node, Parts, Platform, Site
from nostro.simulation.weather import Sky

PATIENCE_S = 1.5
"""How long a coordinator's line waits for an answer."""
DARK_MEAN_S = 25.0
DARK_S_MAX = 14.0
"""A domain goes dark so often, and for so long: also longer than a round may take."""
BACKUP_AFTER_S = (12.0, 35.0)
RESTORED_AFTER_S = (6.0, 20.0)

T = TypeVar("T")
Ask = Callable[[Domain], Awaitable[Any]]
Answer = asyncio.Future[Any]


def domain_house(
    *,
    custody: Callable[..., CustodyRoom] = CustodyRoom,
    flows: Any = DOMAIN_FLOWS,
) -> House:
    """Return the rooms and flows of a domain, with little memory."""
    return House(
        rooms=[
            LedgerRoom(seen_hot_max=HOT_MAX),
            custody(ended_hot_max=HOT_MAX, issued_hot_max=HOT_MAX),
        ],
        flows=flows,
        keys_hot_max=HOT_MAX,
    )


class DvpSite(Protocol):
    """A domain as the world around it has it, whoever keeps it."""

    name: str
    restored: bool
    bugs: list[str]

    @property
    def ledger(self) -> Kept:
        """Return what its auditor knows."""
        ...

    def start(self) -> None:
        """Open it."""
        ...

    def line(self, process: int) -> Domain:
        """Return the way to it of a coordinator process."""
        ...

    async def go_dark(self) -> None:
        """Be away for long, again and again while the storm lasts."""
        ...

    def clear(self) -> None:
        """End the storm."""
        ...

    def read(self) -> None:
        """Audit what is new; raises Violation."""
        ...

    def audit(self) -> None:
        """Check all that can be checked only at the end; raises Violation."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Return how much there was of what."""
        ...


class DomainSite:
    """A domain of ours: its platform, its operator's network, and who audits it; implements
    DvpSite."""

    def __init__(
        self, name: str, *, parts: Parts, loop: SeededLoop, sky: Sky, chance: Random
    ) -> None:
        self.name = name
        self.dark_until = 0.0
        self.restored = False
        self.bugs: list[str] = []
        self.history = History()
        self.network = Network(loop=loop, sky=sky, platform=self, history=self.history)
        self.house = parts.house()
        self._parts = parts
        self._loop = loop
        self._sky = sky
        self._chance = chance
        self._keys = 0
        self._always: list[asyncio.Task[Any]] = []
        self._set_up(MemoryDisk(name))

    def _set_up(self, disk: MemoryDisk) -> None:
        self.disk = disk
        self.auditor = DomainAuditor(self.house.codec, chain=self.name)
        site = Site(
            loop=self._loop,
            sky=self._sky,
            house=self.house,
            disk=disk,
            server=Process(f"disk of {self.name}").context(),
            crew=_nobody,
            bugs=self.bugs,
        )
        self.platform = Platform(site, self._parts)

    def start(self) -> None:
        """See DvpSite.start."""
        self.platform.boot()
        works = (self.platform.watch(), self.platform.change_guard(), self.platform.photograph())
        self._always = [self._loop.create_task(work) for work in works]

    @property
    def ledger(self) -> Ledger:
        """See DvpSite.ledger."""
        return self.auditor.ledger

    def line(self, process: int) -> Domain:
        """See DvpSite.line."""
        return StormyLine(self, loop=self._loop, sky=self._sky)

    def clear(self) -> None:
        """See DvpSite.clear."""
        self.platform.clear()

    def counts(self) -> Mapping[str, int]:
        """See DvpSite.counts."""
        platform = self.platform
        return {
            "rows": len(self.disk.entries),
            "crashes": platform.crashes,
            "takeovers": platform.takeovers,
            "snapshots": platform.snapshots,
        }

    def read(self) -> None:
        """See DvpSite.read."""
        self.auditor.read(self.disk.entries[self.auditor.height :])
        self.platform.compare()

    def audit(self) -> None:
        """See DvpSite.audit."""
        self.read()
        self.auditor.check_history(self.history)
        newest = self.platform.newest
        if newest is None:
            raise Violation(f"nobody serves {self.name}, though the storm is over")
        self.auditor.check_rest(now_us=START_US + round(self._loop.time() * 1_000_000))
        self.auditor.check_memory(
            self.house, self.disk.entries, self.disk.snapshots, newest.engine.digests()
        )

    # -- bad days ---------------------------------------------------------------------------------

    @property
    def is_dark(self) -> bool:
        """Tell whether it cannot be reached."""
        return self._loop.time() < self.dark_until

    async def go_dark(self) -> None:
        """Lose all processes, and be away for long, again and again while the storm lasts."""
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / DARK_MEAN_S))
            if not self._sky.weather.crash_steps_mean:
                return
            self._darken(self._chance.uniform(0.0, DARK_S_MAX))

    def _darken(self, seconds: float) -> None:
        self.dark_until = max(self.dark_until, self._loop.time() + seconds)
        self.platform.kill_all()

    async def lose_the_newest(self) -> None:
        """Be brought back once from a backup that was taken a while before."""
        await asyncio.sleep(self._chance.uniform(*BACKUP_AFTER_S))
        height = len(self.disk.entries)
        await asyncio.sleep(self._chance.uniform(*RESTORED_AFTER_S))
        self._darken(self._chance.uniform(0.0, 3.0))
        for always in self._always:
            always.cancel()
        disk = MemoryDisk(self.name)
        disk.entries = self.disk.entries[:height]
        disk.snapshots = {at: kept for at, kept in self.disk.snapshots.items() if at <= height}
        disk.fence = self.disk.fence
        self.restored = True
        self._set_up(disk)
        self.start()

    # -- who asks ---------------------------------------------------------------------------------

    def door(self) -> Node | None:
        """Return the process that a message reaches, if any does."""
        return None if self.is_dark else self.platform.door()

    def at(self, node: Node) -> Domain:
        """Return the domain as one of its processes serves it."""
        engine = cast(Engine, _Numbered(node.engine, self._key))
        return OwnDomain(engine, self.name, coordinator=OWN_LEDGER)

    def _key(self) -> str:
        self._keys += 1
        return f"{self.name}-{self._keys}"


def _nobody(_clock: object) -> Crew:
    return Crew([], lambda height: None)


class _Numbered:
    """An engine whose commands go under keys that the seed alone decides."""

    def __init__(self, engine: Engine, key: Callable[[], str]) -> None:
        self._engine = engine
        self._key = key

    @property
    def state(self) -> EngineState:
        return self._engine.state

    @property
    def state_reason(self) -> str:
        return self._engine.state_reason

    @property
    def height(self) -> int:
        return self._engine.height

    def submit(self, *, key: str, command: Command, actor: str) -> asyncio.Future[Receipt]:
        return self._engine.submit(key=self._key(), command=command, actor=actor)


class StormyLine:
    """The way to a domain, as a coordinator sees it; implements port.Domain.

    What is sent is on its way whether the sender lives or not; it may arrive when the sender has
    long been replaced.
    """

    def __init__(self, site: DomainSite, *, loop: SeededLoop, sky: Sky) -> None:
        self.name = site.name
        self._site = site
        self._loop = loop
        self._sky = sky
        self._wires = Process("wires").context()

    async def hold(self, orders: Sequence[port.HoldOrder]) -> Sequence[port.HoldAnswer]:
        """See Domain.hold."""
        return await self._send(lambda domain: domain.hold(orders))

    async def execute(self, orders: Sequence[port.RoundOrder]) -> Sequence[port.ExecuteAnswer]:
        """See Domain.execute."""
        return await self._send(lambda domain: domain.execute(orders))

    async def release(self, orders: Sequence[port.RoundOrder]) -> Sequence[port.ReleaseAnswer]:
        """See Domain.release."""
        return await self._send(lambda domain: domain.release(orders))

    async def status(self, round_ids: Sequence[str]) -> Sequence[port.StatusAnswer]:
        """See Domain.status."""
        return await self._send(lambda domain: domain.status(round_ids))

    async def head(self) -> port.DomainHead:
        """See Domain.head."""
        return await self._send(lambda domain: domain.head())

    async def rounds(self, *, after: str, limit: int = port.ITEMS_MAX) -> Sequence[port.RoundAt]:
        """See Domain.rounds."""
        return await self._send(lambda domain: domain.rounds(after=after, limit=limit))

    async def close(self) -> None:
        """Nothing to let go."""

    # -- on the way -------------------------------------------------------------------------------

    async def _send(self, ask: Callable[[Domain], Awaitable[T]]) -> T:
        sky = self._sky
        answer: Answer = self._loop.create_future()
        copies = 1 + sky.chance(sky.weather.message_twice)
        for _ in range(copies):
            if not sky.chance(sky.weather.message_lost):
                self._later(partial(self._arrive, ask, answer, copies))
        silence = OutcomeUnknown(f"{self.name} does not answer")
        patience = self._loop.call_later(PATIENCE_S, _hear, answer, silence)
        try:
            heard = await answer
        finally:
            patience.cancel()
        if isinstance(heard, Outage):
            raise heard
        return cast(T, heard)

    def _later(self, call: Callable[[], None]) -> None:
        self._loop.call_later(self._sky.travel_s(), call, context=self._wires.copy())

    def _arrive(self, ask: Ask, answer: Answer, copies: int) -> None:
        node = self._site.door()
        if node is not None:
            deed = self._do(node, ask, answer, copies)
            self._loop.create_task(deed, context=node.process.context())

    async def _do(self, node: Node, ask: Ask, answer: Answer, copies: int) -> None:
        try:
            said: Any = await ask(self._site.at(node))
        except Outage as outage:
            if isinstance(outage, OutcomeBug):
                self._site.bugs.append(str(outage))
            # Of a message that came twice the other one may have done it.
            unsure = copies > 1 and isinstance(outage, NotDone)
            said = OutcomeUnknown(str(outage)) if unsure else outage
        if not self._sky.chance(self._sky.weather.message_lost):
            self._later(partial(_hear, answer, said))


def _hear(answer: Answer, said: object) -> None:
    if not answer.done():
        answer.set_result(said)
