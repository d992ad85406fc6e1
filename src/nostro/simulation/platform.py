"""Which processes is the platform made of, when do they die, and who takes over?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from functools import partial
from typing import Any, TypeVar

import msgspec

from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.adapters.rails.payout import PayoutPerformer
from nostro.adapters.rails.port import Payout, RailStatus, Refused, Sent
from nostro.adapters.rails.records import MemoryRecords
from nostro.adapters.rails.simulator import SimulatedRail
from nostro.exchange import ExchangeRoom
from nostro.flows import FLOWS
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Receipt
from nostro.ledger import LedgerRoom
from nostro.runtime.engine import Engine, EngineSettings, EngineState, OutcomeBug
from nostro.runtime.house import House, Memory
from nostro.runtime.performers import Performing
from nostro.runtime.ports import (
    Journal,
    NotDone,
    Outage,
    OutboxRow,
    OutcomeUnknown,
    PatientPerformer,
    Performer,
)
from nostro.runtime.snapshots import encode_snapshot
from nostro.simulation.books import Violation
from nostro.simulation.disk import StormyJournal
from nostro.simulation.history import Ask, Copy, History
from nostro.simulation.loop import LoopClock, Process, SeededLoop
from nostro.simulation.weather import Sky
from nostro.wallets import EFFECTS, AssetLimits, WalletLimits, WalletsRoom

SETTINGS = EngineSettings(queue_max=4, batch_rows_max=8, tick_s=0.8)
"""Small, so that queues fill up and batches overlap."""
HOT_MAX = 40
"""Ids, keys and ended courses kept in memory: so few that many are recalled from the journal."""
LIMITS = WalletLimits(otherwise=AssetLimits(approvals_above_minor=(300, 900)))
WATCH_S = 0.4
STANDBYS_MAX = 3

T = TypeVar("T")
Reply = Callable[[Receipt | Rejection | Outage], None]


def build_house() -> House:
    """Return the rooms and flows of the platform, with little memory."""
    return House(
        rooms=[
            LedgerRoom(seen_hot_max=HOT_MAX),
            WalletsRoom(limits=LIMITS, ended_hot_max=HOT_MAX),
            ExchangeRoom(),
        ],
        flows=FLOWS,
        effects=EFFECTS,
        keys_hot_max=HOT_MAX,
    )


class Parts(msgspec.Struct, frozen=True):
    """What a platform is built of; tests put a part with a planted bug in place of the real one."""

    house: Callable[[], House] = build_house
    engine: Callable[..., Engine] = Engine
    journal: Callable[[MemoryDisk], Journal] = MemoryJournal
    performer: Callable[..., Performer] = PayoutPerformer


def _nobody(_engine: Engine) -> Sequence[PatientPerformer]:
    return ()


class Crew(msgspec.Struct, frozen=True):
    """Who does a process's deeds. `took_over` is told the height at which it became the writer;
    `patient` hires those who go by the engine whose deeds they do."""

    performers: Sequence[Performer]
    took_over: Callable[[int], None]
    patient: Callable[[Engine], Sequence[PatientPerformer]] = _nobody


class RailLine:
    """The line to a payout rail that is a process of its own: what it has begun, it finishes."""

    def __init__(self, *, seed: int, loop: SeededLoop, sky: Sky) -> None:
        self._loop = loop
        self._sky = sky
        self._context = Process("rail").context()
        self._seed = seed
        self._clock = LoopClock(loop)
        self._records = MemoryRecords()
        self._rails = [self._rail()]

    def _rail(self) -> SimulatedRail:
        return SimulatedRail(
            seed=self._seed,
            clock=self._clock,
            records=self._records,
            weather=self._sky.weather.rail,
        )

    def clear(self) -> None:
        """Take on the weather that is now; the rail knows what it knew."""
        self._rails.append(self._rail())

    @property
    def moved(self) -> list[Payout]:
        """Return every movement there ever was."""
        return [payout for rail in self._rails for payout in rail.moved]

    async def send(self, payout: Payout) -> Sent | Refused:
        """Take a payout."""
        return await self._there(self._rails[-1].send(payout))

    async def status(self, reference: str) -> RailStatus:
        """Say what became of a reference."""
        return await self._there(self._rails[-1].status(reference))

    async def _there(self, deed: Coroutine[Any, Any, T]) -> T:
        task = self._loop.create_task(deed, context=self._context.copy())
        # Heard there too: whoever called may be dead by then.
        task.add_done_callback(lambda done: done.exception(), context=self._context.copy())
        return await asyncio.shield(task)


class _Performing(Performing):
    """Notes what performers call a bug. What was only tried too often is no bug."""

    def note_bugs(self, bugs: list[str]) -> None:
        self._bugs = bugs

    def _park(self, row: OutboxRow, why: str) -> None:
        if not why.endswith("attempts"):
            self._bugs.append(f"{row.kind} of height {row.height}: {why}")
        super()._park(row, why)


class Node:
    """One platform process: an engine and its performers over a connection to the disk."""

    def __init__(self, number: int, *, parts: Parts, site: Site) -> None:
        self.process = Process(f"node-{number}")
        skew_s = site.sky.weather.clock_skew_s
        clock = LoopClock(site.loop, site.sky.between(-skew_s, skew_s))
        self.engine = parts.engine(
            house=site.house,
            journal=StormyJournal(parts.journal(site.disk), site.sky, site.server),
            clock=clock,
            settings=SETTINGS,
            on_effects=self._start_effects,
        )
        self._crew = site.crew(clock)
        self._performing = _Performing(
            house=site.house,
            clock=clock,
            chain="main",
            performers=self._crew.performers,
            patient=self._crew.patient(self.engine),
        )
        self._performing.attach(self.engine)
        self._performing.note_bugs(site.bugs)
        self._site = site
        self._started = False
        self.failed = False

    def _start_effects(self, rows: Sequence[OutboxRow]) -> None:
        self._performing.start(rows)

    def boot(self) -> None:
        """Start it; what it does from here on is done by its own process."""
        self._site.loop.create_task(self._start(), context=self.process.context())

    async def _start(self) -> None:
        try:
            await self.engine.start()
            self._crew.took_over(self.engine.height)
            self._started = True
        except Outage:
            self.failed = True

    @property
    def is_over(self) -> bool:
        """Tell whether it will never serve again."""
        return self.failed or self.has_stopped or not self.process.alive

    @property
    def has_stopped(self) -> bool:
        """Tell whether the engine served, and does so no more."""
        stopped = self.engine.state in (EngineState.FENCED, EngineState.STOPPED)
        return self._started and stopped

    def take(self, ask: Ask, reply: Reply, history: History) -> None:
        """Give a command to the engine; its answer is noted, and handed to `reply`."""
        if not self.process.alive:
            return
        try:
            future = self.engine.submit(key=ask.key, command=ask.command, actor=ask.actor)
        except NotDone as outage:
            reply(outage)
            return
        copy = Copy(len(self._site.disk.entries))
        ask.copies.append(copy)
        future.add_done_callback(partial(self._answer, ask, copy, reply, history))

    @staticmethod
    def _answer(
        ask: Ask, copy: Copy, reply: Reply, history: History, future: asyncio.Future[Receipt]
    ) -> None:
        error = future.exception()
        if error is None:
            history.answered(ask, copy, future.result())
            reply(future.result())
        elif isinstance(error, Rejection):
            history.refused(ask, copy, error.facts["first_used_at_height"])
            reply(error)
        else:
            assert isinstance(error, Outage), repr(error)
            if isinstance(error, OutcomeBug):
                history.bugs.append(str(error))
            copy.without_effect = not isinstance(error, OutcomeUnknown)
            reply(error)


class Site(msgspec.Struct, frozen=True):
    """Where nodes stand: what they share, and what outlives them."""

    loop: SeededLoop
    sky: Sky
    house: House
    disk: MemoryDisk
    server: Context
    crew: Callable[[LoopClock], Crew]
    """Hires who does the deeds of one process, by its clock."""
    bugs: list[str]
    """What performers called a bug."""


class Platform:
    """The processes that serve, in the order they were started; the newest is the writer, though
    an older one may not know yet."""

    def __init__(self, site: Site, parts: Parts) -> None:
        self.crashes = 0
        self.takeovers = 0
        self.snapshots = 0
        self.gave_up = site.bugs
        """Why engines stopped by themselves, other than being overtaken, and bugs of performers."""
        self._site = site
        self._parts = parts
        self._nodes: list[Node] = []
        self._count = 0
        self._photographed = 0
        self._replica = site.house.new()

    @property
    def newest(self) -> Node | None:
        """Return the newest process that is alive, if any."""
        return self._nodes[-1] if self._nodes else None

    def door(self) -> Node | None:
        """Return the process that a message reaches: sometimes one that was overtaken."""
        nodes = self._nodes
        if len(nodes) > 1 and self._site.sky.chance(0.3):
            return nodes[-2]
        return nodes[-1] if nodes else None

    def boot(self) -> None:
        """Start one more process."""
        self._count += 1
        node = Node(self._count, parts=self._parts, site=self._site)
        steps = self._site.sky.weather.crash_steps_mean
        if steps:
            node.process.steps_left = 1 + int(self._site.sky.about(steps))
            node.process.on_death = self._count_crash
        self._nodes.append(node)
        node.boot()

    def _count_crash(self) -> None:
        self.crashes += 1

    def clear(self) -> None:
        """From here on nobody is killed; who has been overtaken leaves."""
        for node in self._nodes:
            node.process.steps_left = None
        for node in self._nodes[:-1]:
            node.process.kill()

    def kill_all(self) -> None:
        """End every process that runs now; others take their place."""
        for node in self._nodes:
            self.crashes += node.process.alive
            node.process.kill()

    async def watch(self) -> None:
        """Bury the dead and start others in their place."""
        sky = self._site.sky
        restart_at = 0.0
        while True:
            await asyncio.sleep(WATCH_S)
            for node in self._nodes:
                if node.is_over:
                    self._note_end(node)
                    node.process.kill()
            alive = [node for node in self._nodes if node.process.alive]
            if self._nodes and not alive:
                restart_at = self._site.loop.time() + sky.about(sky.weather.restart_mean_s)
            self._nodes = alive
            if not alive and self._site.loop.time() >= restart_at:
                self.boot()

    def _note_end(self, node: Node) -> None:
        engine = node.engine
        if node.has_stopped and engine.state is EngineState.STOPPED:
            self.gave_up.append(engine.state_reason)

    async def change_guard(self) -> None:
        """Let another process take over while the first still runs, again and again."""
        sky = self._site.sky
        while sky.weather.standby_mean_s:
            await asyncio.sleep(sky.about(sky.weather.standby_mean_s))
            if sky.weather.standby_mean_s and 0 < len(self._nodes) < STANDBYS_MAX:
                self.takeovers += 1
                self.boot()

    async def photograph(self) -> None:
        """Follow the journal, as the follower process does, and write snapshots of it."""
        sky, site = self._site.sky, self._site
        while True:
            await asyncio.sleep(sky.about(sky.weather.snapshot_mean_s))
            replica = self._followed()
            if replica.height > self._photographed:
                self._photographed = replica.height
                snapshot = encode_snapshot(site.house, replica)
                site.disk.snapshots.setdefault(snapshot.height, snapshot)
                self.snapshots += 1

    def _followed(self) -> Memory:
        """Return a replica of the journal up to its end."""
        replica, house = self._replica, self._site.house
        for entry in self._site.disk.entries[replica.height :]:
            house.replay(replica, entry)
        house.settle(replica, replica.height)
        return replica

    def compare(self) -> None:
        """Check that the writer's memory is the replay of the journal; raises Violation."""
        writer = self.newest
        if writer is None or not writer.engine.idle:
            return
        replica = self._followed()
        if writer.engine.height != replica.height:
            return  # it was overtaken and does not know yet
        replayed = self._site.house.digests(replica)
        for room, digest in writer.engine.digests().items():
            if replayed[room] != digest:
                raise Violation(f"{room}: the replay up to height {replica.height} is not live")
