"""A coordinator and two domains in one process, in virtual time, each of which may die anywhere.

The three chains outlive everything: a node that died is followed by another one on the same disk.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import msgspec

from nostro import settlement
from nostro.adapters.domains.lane import LaneTerms
from nostro.adapters.domains.own import OwnAdmin, OwnDomain, domain_house
from nostro.adapters.domains.performer import DomainPerformer
from nostro.adapters.domains.port import (
    ITEMS_MAX,
    Domain,
    DomainHead,
    HoldOrder,
    RoundAt,
    RoundOrder,
)
from nostro.adapters.domains.rounds import OurRounds
from nostro.adapters.domains.standing import RoomHints
from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.custody import CustodyRoom
from nostro.flows import FLOWS
from nostro.kernel.messages import Command, Event
from nostro.kernel.reply import Reply
from nostro.ledger import LedgerRoom
from nostro.runtime.engine import Engine
from nostro.runtime.house import House
from nostro.runtime.performers import Performing
from nostro.runtime.ports import Batch, Entry, Head, NotDone, OutboxRow, OutcomeUnknown
from nostro.settlement import (
    InstructSettlements,
    NewSettlement,
    RoundsDecided,
    SettlementPolicy,
    SettlementRoom,
    SettlementState,
)
from nostro.simulation.loop import LoopClock, Process, SeededLoop, seeded_loop

E = TypeVar("E", bound=Event)
A = TypeVar("A")
MAIN, EQUITIES, CASH = "main", "equities", "cash"
SECURITY, MONEY = "AAPL", "USDC"
SCALES = {SECURITY: 0, MONEY: 6}
SELLER, BUYER = "ann", "bob"
QUANTITY, AMOUNT = 50, 7_524
POLICY = SettlementPolicy(coordinator=MAIN, domains=(EQUITIES, CASH))
SECOND_US = 1_000_000
TERMS = LaneTerms(answer_s_max=5.0)


def coordinator_house(policy: SettlementPolicy = POLICY) -> House:
    """Return the house of a coordinator with nothing but what settlements need."""
    return House(
        rooms=(LedgerRoom(), CustodyRoom(), SettlementRoom(policy)),
        flows=FLOWS,
        effects=settlement.EFFECTS,
    )


def trade(number: int = 1, **change: Any) -> NewSettlement:
    """Return a sale of QUANTITY against AMOUNT, across both domains."""
    new = NewSettlement(
        trade_id=f"T-{number}",
        seller=SELLER,
        buyer=BUYER,
        security=SECURITY,
        quantity_minor=QUANTITY,
        cash=MONEY,
        amount_minor=AMOUNT,
        securities_domain=EQUITIES,
        cash_domain=CASH,
    )
    return msgspec.structs.replace(new, **change)


def in_a_world(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test in virtual time; what died with its processes is swept up at the end."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        loop = seeded_loop(test.__name__)

        async def main() -> None:
            await test(*args, **kwargs)

        try:
            loop.run(main())
            assert loop.complaints == []
        finally:
            loop.close()

    return run


class Trap:
    """Where a coordinator dies, `before` or `after` it: a call of a domain ("execute equities"), or
    a commit that tells of an event ("commit settlement.rounds_decided"). Or it lives, and the
    answer is `unheard`, or what it wrote `lost`."""

    def __init__(self, when: str, what: str) -> None:
        self.when = when
        self.what = what
        self.sprung = False

    def springs(self, when: str, what: str) -> bool:
        """Tell whether this is the place; it is only once."""
        hit = not self.sprung and (when, what) == (self.when, self.what)
        self.sprung = self.sprung or hit
        return hit


class DomainNode:
    """A domain of ours as a process of its own: it may be down, and be started again. Calls in
    `cut` do not reach it."""

    def __init__(self, name: str, loop: SeededLoop) -> None:
        self.name = name
        self.disk = MemoryDisk(name)
        self.is_up = False
        self.cut: set[str] = set()
        self._loop = loop

    async def start(self) -> None:
        """Open the chain and serve."""
        self._process = Process(self.name)
        self.engine = Engine(
            house=domain_house(), journal=MemoryJournal(self.disk), clock=LoopClock(self._loop)
        )
        context = self._process.context()
        await self._loop.create_task(self.engine.start(), context=context)
        self.domain = OwnDomain(self.engine, self.name, coordinator=MAIN)
        self.admin = OwnAdmin(self.engine)
        self.is_up, self.cut = True, set()

    def kill(self) -> None:
        """End it as SIGKILL does."""
        self._process.kill()
        self.is_up = False

    def backup(self) -> MemoryDisk:
        """Return a copy of its disk."""
        return copy.deepcopy(self.disk)

    async def issue(self, party: str, asset: str, amount_minor: int) -> None:
        """Put something into custody, or take it out."""
        reference = f"given:{self.engine.height}"
        await self.admin.issue(
            reference=reference,
            party=party,
            asset=asset,
            scale=SCALES[asset],
            amount_minor=amount_minor,
        )

    async def holding(self, party: str, asset: str) -> tuple[int, int]:
        """Return what a party owns, and may use."""
        for each in (await self.admin.holdings(party)).holdings:
            if each.asset == asset:
                return each.owned_minor, each.available_minor
        return 0, 0


class Line:
    """The way from one coordinator to one domain: it ends where the trap says."""

    def __init__(self, node: DomainNode, coordinator: Coordinator) -> None:
        self.name = node.name
        self._node = node
        self._coordinator = coordinator
        self.calls: list[str] = []

    async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[Any]:
        return await self._call("hold", lambda domain: domain.hold(orders))

    async def execute(self, orders: Sequence[RoundOrder]) -> Sequence[Any]:
        return await self._call("execute", lambda domain: domain.execute(orders))

    async def release(self, orders: Sequence[RoundOrder]) -> Sequence[Any]:
        return await self._call("release", lambda domain: domain.release(orders))

    async def status(self, round_ids: Sequence[str]) -> Sequence[Any]:
        return await self._call("status", lambda domain: domain.status(round_ids))

    async def head(self) -> DomainHead:
        return await self._call("head", lambda domain: domain.head())

    async def rounds(self, *, after: str, limit: int = ITEMS_MAX) -> Sequence[RoundAt]:
        return await self._call("rounds", lambda domain: domain.rounds(after=after, limit=limit))

    async def close(self) -> None:
        pass

    async def _call(self, deed: str, ask: Callable[[Domain], Awaitable[A]]) -> A:
        if not self._node.is_up or deed in self._node.cut:
            raise NotDone(f"{self.name} is not there")
        self.calls.append(deed)
        what = f"{deed} {self.name}"
        await self._coordinator.pass_by("before", what)
        answer = await ask(self._node.domain)
        await self._coordinator.pass_by("after", what)
        if self._coordinator.trap.springs("unheard", what):
            raise OutcomeUnknown("the answer was lost")
        return answer


class TrappedJournal(MemoryJournal):
    """A journal that may be written to for the last time."""

    def __init__(self, disk: MemoryDisk, coordinator: Coordinator) -> None:
        super().__init__(disk)
        self._coordinator = coordinator

    async def append(self, batch: Batch, head: Head) -> None:
        kinds = [f"commit {kind}" for kind in _kinds(batch.entries)]
        for kind in kinds:
            await self._coordinator.pass_by("before", kind)
            if self._coordinator.trap.springs("lost", kind):
                raise OutcomeUnknown("nobody knows")
        await super().append(batch, head)
        for kind in kinds:
            await self._coordinator.pass_by("after", kind)
            if self._coordinator.trap.springs("unheard", kind):
                raise OutcomeUnknown("nobody knows")


def _kinds(entries: Sequence[Entry]) -> list[str]:
    events = [event for entry in entries for event in HOUSE.codec.decode_events(entry.payload)]
    return list(dict.fromkeys(str(type(each).__struct_config__.tag) for each in events))


HOUSE = coordinator_house()


class Coordinator:
    """One process of the coordinator."""

    def __init__(self, world: World, trap: Trap) -> None:
        self.trap = trap
        self.process = Process("coordinator")
        self._awake = asyncio.Event()
        self._awake.set()
        self._loop = world.loop
        house = coordinator_house(world.policy)
        clock = LoopClock(world.loop)
        self.lines = {name: Line(node, self) for name, node in world.domains.items()}
        self.performer = DomainPerformer(
            self.lines,
            clock=clock,
            epoch=lambda: self.engine.fence,
            hints=RoomHints(lambda: self.state, MAIN),
            terms=TERMS,
        )
        self.performing = Performing(
            house=house, clock=clock, chain=MAIN, performers=(), patient=(self.performer,)
        )
        self.engine = Engine(
            house=house,
            journal=TrappedJournal(world.disk, self),
            clock=clock,
            on_effects=self._start_effects,
        )
        self.performing.attach(self.engine)

    def _start_effects(self, rows: Sequence[OutboxRow]) -> None:
        self.performing.start(rows)

    async def start(self) -> None:
        """Recover, and go on."""
        await self._loop.create_task(self.engine.start(), context=self.process.context())

    @property
    def state(self) -> SettlementState:
        """The room's state."""
        state: SettlementState = self.engine.look("settlement")
        return state

    async def pass_by(self, when: str, what: str) -> None:
        """Die here, if this is the place; wait here, while the process is frozen."""
        if self.trap.springs(when, what):
            self.process.kill()
            await asyncio.Event().wait()
        await self._awake.wait()

    def freeze(self) -> None:
        """Let it do nothing that anybody hears of, until it wakes."""
        self._awake.clear()

    def wake(self) -> None:
        """Let it go on as if nothing had been."""
        self._awake.set()


class World:
    """Everything. `boot` starts a coordinator, and lets its predecessor alone."""

    def __init__(self, policy: SettlementPolicy = POLICY) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.loop = loop
        self.policy = policy
        self.disk = MemoryDisk(MAIN)
        self.domains = {name: DomainNode(name, loop) for name in (EQUITIES, CASH)}
        self._asked = 0

    @property
    def equities(self) -> DomainNode:
        return self.domains[EQUITIES]

    @property
    def cash(self) -> DomainNode:
        return self.domains[CASH]

    async def start(
        self, *, securities: int = QUANTITY, money: int = AMOUNT, trap: Trap | None = None
    ) -> Coordinator:
        """Start all, with what the seller and the buyer have."""
        for node in self.domains.values():
            await node.start()
        await self.equities.issue(SELLER, SECURITY, securities)
        if money:
            await self.cash.issue(BUYER, MONEY, money)
        return await self.boot(trap)

    async def boot(self, trap: Trap | None = None) -> Coordinator:
        """Start a coordinator."""
        coordinator = Coordinator(self, trap or Trap("never", ""))
        await coordinator.start()
        return coordinator

    async def instruct(self, coordinator: Coordinator, *settlements: NewSettlement) -> None:
        """Instruct, and do not wait for an answer that may never come."""
        self.submit(coordinator, InstructSettlements(settlements=list(settlements or (trade(),))))

    def submit(self, coordinator: Coordinator, command: Command) -> asyncio.Future[Any]:
        """Have the coordinator decide something."""
        self._asked += 1
        future = coordinator.engine.submit(key=f"k{self._asked}", command=command, actor="test")
        future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        return future

    async def order(self, coordinator: Coordinator, command: Command) -> Reply:
        """Have the coordinator decide something, which it must take."""
        reply: Reply = (await self.submit(coordinator, command)).reply
        assert reply.accepted, reply
        return reply

    # -- what the journal says --------------------------------------------------------------------

    def events(self, kind: type[E]) -> list[E]:
        """Return the events of a kind in the coordinator's journal."""
        return [
            event
            for entry in self.disk.entries
            for event in HOUSE.codec.decode_events(entry.payload)
            if isinstance(event, kind)
        ]

    def decisions(self) -> list[tuple[int, int, bool]]:
        """Return (bundle, round, commit) of all decisions, in order."""
        return [
            (each.bundle, each.round, each.commit)
            for event in self.events(RoundsDecided)
            for each in event.rounds
        ]

    def our_rounds(self, name: str) -> OurRounds:
        """Return what the journal says of the rounds at a domain."""

        async def read(after: int) -> Sequence[Entry]:
            return self.disk.entries[after : after + 100]

        return OurRounds(name, read=read, decode=HOUSE.codec.decode_events)

    # -- waiting ----------------------------------------------------------------------------------

    async def until(self, there: Callable[[], bool], *, seconds: float = 600.0) -> None:
        """Let time pass until something is so; fails when it takes too long."""
        async with asyncio.timeout(seconds):
            while True:
                if there():
                    return
                await self.pass_time(0.05)

    async def death(self, coordinator: Coordinator) -> None:
        """Let time pass until a coordinator met its trap."""
        await self.until(lambda: not coordinator.process.alive)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)  # sleeps: in virtual time

    # -- what must always hold --------------------------------------------------------------------

    async def money(self) -> dict[str, tuple[int, int]]:
        """Return what seller and buyer own of both assets, and may use."""
        return {
            "seller's securities": await self.equities.holding(SELLER, SECURITY),
            "buyer's securities": await self.equities.holding(BUYER, SECURITY),
            "buyer's cash": await self.cash.holding(BUYER, MONEY),
            "seller's cash": await self.cash.holding(SELLER, MONEY),
        }

    async def check_settled(self) -> None:
        """Assert that both legs moved, and nothing is held."""
        assert await self.money() == {
            "seller's securities": (0, 0),
            "buyer's securities": (QUANTITY, QUANTITY),
            "buyer's cash": (0, 0),
            "seller's cash": (AMOUNT, AMOUNT),
        }
        self.check_decisions()
        assert self.disk.outbox == {}

    async def check_untouched(self, *, money: int = AMOUNT) -> None:
        """Assert that neither leg moved, and nothing is held."""
        assert await self.money() == {
            "seller's securities": (QUANTITY, QUANTITY),
            "buyer's securities": (0, 0),
            "buyer's cash": (money, money),
            "seller's cash": (0, 0),
        }
        self.check_decisions()
        assert self.disk.outbox == {}

    async def check_sent_nothing(self) -> None:
        """Assert that no domain was asked to hold anything."""
        held = await self.money()
        assert all(owned == available for owned, available in held.values())

    def check_decisions(self) -> None:
        """Assert that nothing was decided twice."""
        rounds = [(bundle, number) for bundle, number, _ in self.decisions()]
        assert len(rounds) == len(set(rounds)), rounds
