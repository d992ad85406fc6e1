"""What happens in one run: a platform, its clients, a storm, and then the audit?"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any

import msgspec

from nostro.adapters.memory.journal import MemoryDisk
from nostro.kernel.codec import encode
from nostro.simulation.auditor import Auditor
from nostro.simulation.books import Violation
from nostro.simulation.clients import CUSTOMERS, Clerk, Client, Customer, Operator
from nostro.simulation.history import History
from nostro.simulation.loop import (
    START_US,
    LoopClock,
    Process,
    SeededLoop,
    Stuck,
    seeded_loop,
)
from nostro.simulation.network import Network
from nostro.simulation.platform import Crew, Parts, Platform, RailLine, Site
from nostro.simulation.weather import WEATHERS, Sky, Weather

LEDGER = "ledger"
"""The story of clerks and customers: ledger, deposits and withdrawals."""
CLERKS = 3
OPS_EACH = 20
"""What each clerk and customer sets out to do; each thing is one to six commands."""
AUDIT_EVERY_S = 3.0
CALM_MAX_S = 300.0
"""How long after the storm everything that was accepted may take to be finished."""


class Run(msgspec.Struct, frozen=True):
    """What one run came to. `violation`: empty when all was well. `fingerprint`: SHA-256 over the
    whole run, the same whenever the seed is run again."""

    seed: int
    weather: str
    violation: str
    fingerprint: str
    rows: int
    commands: int
    answers: int
    rejected: int
    replayed: int
    keys_reused: int
    crashes: int
    takeovers: int
    snapshots: int
    payouts: int
    virtual_s: int
    steps: int
    story: str = LEDGER
    payments: int = 0
    settled: int = 0
    failed: int = 0
    reversed: int = 0
    deferred: int = 0
    """Payments that waited for a later cycle at least once, whatever became of them."""
    cycles: int = 0
    certificates: int = 0
    rejections: int = 0
    movements: int = 0
    """Movements on settlement rails that were ordered."""
    member_restarts: int = 0
    liars: int = 0
    orders: int = 0
    filled: int = 0
    """Orders that were filled whole."""
    trades: int = 0
    routes: int = 0
    suspensions: int = 0
    """Sums of money that a wallet would not take."""
    settlements: int = 0
    rounds: int = 0
    """Attempts to settle."""
    partials: int = 0
    restored: int = 0
    """Domains that were brought back from an old backup."""
    quarantines: int = 0


def run_seed(seed: int, weather: Weather | str, parts: Parts | None = None) -> Run:
    """Run one seed of the story of ledger and wallets."""
    return run_world(World(seed, told_weather(weather), parts or Parts()))


def told_weather(weather: Weather | str) -> Weather:
    """Return the weather of a name."""
    return WEATHERS[weather] if isinstance(weather, str) else weather


def run_world(world: World) -> Run:
    """Run a world to its end and audit it; a violation is told, not raised."""
    violation = ""
    try:
        world.loop.run(world.live())
        world.audit()
    except (Violation, Stuck) as found:
        violation = str(found)
    finally:
        run = world.told(violation)
        world.loop.close()
    return run


class World:
    """One platform and everything around it, on one seeded loop."""

    story = LEDGER

    def __init__(self, seed: int, weather: Weather, parts: Parts) -> None:
        self.seed = seed
        self.weather = weather
        self.loop: SeededLoop = seeded_loop(f"{seed}/order")
        self.history = History()
        self.disk = MemoryDisk()
        self.sky = Sky(weather, f"{seed}/weather")
        self.house = parts.house()
        self.parts = parts
        self._prepare()
        site = Site(
            loop=self.loop,
            sky=self.sky,
            house=self.house,
            disk=self.disk,
            server=Process("disk").context(),
            crew=self._crew,
            bugs=[],
        )
        self.platform = Platform(site, parts)
        self.network = Network(
            loop=self.loop, sky=self.sky, platform=self.platform, history=self.history
        )

    def _prepare(self) -> None:
        """Set up what stands around the platform."""
        self.auditor = Auditor(self.house.codec)
        self.rail = RailLine(seed=self.seed, loop=self.loop, sky=self.sky)

    def _crew(self, clock: LoopClock) -> Crew:
        performer = self.parts.performer(rail=self.rail, sleep=clock.sleep)
        return Crew([performer], _nothing)

    # -- the course of a run ----------------------------------------------------------------------

    async def live(self) -> None:
        """Let clients work through the storm, then wait until everything is finished."""
        self._start_platform()
        await self._finish(self._work())
        operator = Operator("operator", self.network, self._chance("operator"), 0)
        await self._finish(operator.mend(self.auditor.courses))

    def _start_platform(self) -> None:
        self.platform.boot()
        for always in (
            self.platform.watch(),
            self.platform.change_guard(),
            self.platform.photograph(),
        ):
            self.loop.create_task(always)
        self.loop.call_later(self.weather.storm_s, self._clear_up)

    async def _finish(
        self, work: Coroutine[Any, Any, None], *, rest: Callable[[], bool] | None = None
    ) -> None:
        """Let work be done and everything come to `rest` that it led to, while the audit goes
        on."""
        working = self.loop.create_task(work)
        deadline = self.weather.storm_s + CALM_MAX_S
        is_calm = rest or self._is_calm
        while not (working.done() and is_calm()):
            await asyncio.sleep(AUDIT_EVERY_S)
            self._read()
            if working.done():
                working.result()
            if self.loop.time() > deadline:
                raise Violation(f"not finished {CALM_MAX_S:.0f} s after the storm: {self._rest()}")
        working.result()

    def _clear_up(self) -> None:
        self.sky.clear()
        self._clear_rails()
        self.platform.clear()

    def _clear_rails(self) -> None:
        self.rail.clear()

    async def _work(self) -> None:
        await self.network.ask("opening", Clerk.opening(), "head clerk")
        await asyncio.gather(*(client.work() for client in self._clients()))

    def _clients(self) -> list[Client]:
        ids: list[str] = []
        holds: list[str] = []
        clerks = [
            Clerk(name, self.network, self._chance(name), OPS_EACH, ids=ids, holds=holds)
            for name in (f"clerk{number}" for number in range(CLERKS))
        ]
        customers = [
            Customer(name, self.network, self._chance(name), OPS_EACH) for name in CUSTOMERS
        ]
        return [*clerks, *customers]

    def _chance(self, name: str) -> Random:
        return Random(f"{self.seed}/{name}")

    # -- the audit --------------------------------------------------------------------------------

    def _read(self) -> None:
        self.auditor.read(self.disk.entries[self.auditor.height :])
        self.platform.compare()
        for bug in (*self.history.bugs, *self.platform.gave_up):
            raise Violation(f"the platform met a bug: {bug}")

    def _is_calm(self) -> bool:
        """Tell whether the storm is over and nothing is left that time alone would bring."""
        self._read()
        expiring = any(hold.expires_at_us for hold in self.auditor.books.holds.values())
        over = self.loop.time() > self.weather.storm_s
        return over and not expiring and not self.disk.outbox

    def _rest(self) -> str:
        unanswered = [
            key for key, asks in self.history.asks.items() for ask in asks if not ask.answers
        ]
        return f"effects {sorted(self.disk.outbox)}, without an answer {unanswered[:5]}"

    def audit(self) -> None:
        """Check all that can be checked only at the end; raises Violation."""
        self._read()
        for complaint in self.loop.complaints:
            raise Violation(f"nobody handled: {complaint}")
        self.auditor.check_history(self.history)
        self.auditor.check_rest(now_us=START_US + round(self.loop.time() * 1_000_000))
        self._check_world()
        newest = self.platform.newest
        if newest is None:
            raise Violation("nobody serves, though the storm is over")
        self.auditor.check_memory(
            self.house, self.disk.entries, self.disk.snapshots, newest.engine.digests()
        )

    def _check_world(self) -> None:
        """Check what stands outside of the platform; raises Violation."""
        self.auditor.check_rail(self.rail.moved)

    def told(self, violation: str) -> Run:
        """Return what the run came to."""
        counts = self._counts()
        head = self.disk.head()
        asks = [ask for asks in self.history.asks.values() for ask in asks]
        answers = [said for ask in asks for said in ask.answers]
        told = encode([head.hash.hex(), counts, self.loop.time(), violation, answers])
        return Run(
            story=self.story,
            seed=self.seed,
            weather=self.weather.name,
            violation=violation,
            fingerprint=hashlib.sha256(told).hexdigest(),
            **counts,
        )

    def _counts(self) -> dict[str, int]:
        """Return how much there was of everything."""
        asks = [ask for asks in self.history.asks.values() for ask in asks]
        answers = [said for ask in asks for said in ask.answers]
        receipts = [said.receipt for said in answers if said.receipt is not None]
        return {
            "rows": len(self.disk.entries),
            "commands": len(asks),
            "answers": len(answers),
            "rejected": _count(receipts, lambda receipt: not receipt.reply.accepted),
            "replayed": _count(receipts, lambda receipt: receipt.replayed),
            "keys_reused": len(answers) - len(receipts),
            "crashes": self.platform.crashes,
            "takeovers": self.platform.takeovers,
            "snapshots": self.platform.snapshots,
            "payouts": self._payouts(),
            "virtual_s": int(self.loop.time()),
            "steps": self.loop.steps,
        }

    def _payouts(self) -> int:
        return len(self.rail.moved)


def _nothing(height: int) -> None:
    """Take no note of having become the writer: payouts are safe to send again."""


def _count(things: Sequence[object], where: Callable[..., bool]) -> int:
    return sum(map(where, things))
