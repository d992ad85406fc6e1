"""Whatever is sent, repeated, delayed and lost: is each change made once, is each contract in one
place, and does nothing come from nothing?"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from nostro.adapters.domains.canton_double import Faults
from nostro.adapters.domains.canton_double.holdings import HOLDING
from tests.adapters.canton_double.participant import (
    DESK,
    DVP,
    SUBMIT,
    Json,
    World,
    assign,
    create,
    exercise,
    unassign,
)

FAULTS = sampled_from(
    [
        Faults(),
        Faults(),
        Faults(silent=True),
        Faults(gone=True),
        Faults(late=True),
        Faults(locked=True),
        Faults(busy=True),
        Faults(unavailable=True),
        Faults(down=True),
    ]
)
CASH = 1_000
T = TypeVar("T")


class HandClock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self._now_us = 1_750_000_000_000_000
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return self._now_us

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now_us + int(seconds * 1_000_000), woken))
        await woken

    async def pass_by(self, seconds: int) -> None:
        """Let so much time pass, and everybody who slept less long do what is to be done."""
        self._now_us += seconds * 1_000_000
        due = [each for each in self._sleepers if each[0] <= self._now_us]
        self._sleepers = [each for each in self._sleepers if each[0] > self._now_us]
        for _, woken in due:
            woken.set_result(None)
        await asyncio.sleep(0)


class Machine(RuleBasedStateMachine):
    """A world whose stories are told one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.world = World(clock=self.clock)
        self._runner = asyncio.Runner()

    def tell(self, story: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(story)

    def teardown(self) -> None:
        self.tell(self.world.double.close())
        self._runner.close()


class AtMostOnce(Machine):
    """Commands by few ids under every fault, against a model that counts acceptances."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: dict[str, int] = {}
        """How often a command was said to be accepted for the first time."""

    @rule(number=integers(0, 4), faults=FAULTS)
    def submit(self, number: int, faults: Faults) -> None:
        self.tell(self._submit(f"c{number}", faults))

    async def _submit(self, command_id: str, faults: Faults) -> None:
        world = self.world
        step = create(DESK, {"executor": world.executor, "coordinator": command_id, "epoch": "1"})
        world.double.switch_next(faults, SUBMIT)
        try:
            answer = await world.submit(step, command_id=command_id)
        except httpx.TransportError:
            return
        if answer.is_success:
            self.accepted[command_id] = self.accepted.get(command_id, 0) + 1
        elif answer.json()["code"] == "DUPLICATE_COMMAND":
            offset = int(answer.json()["context"]["completion_offset"])
            asked = {"offset": offset, "updateFormat": world.updates()}
            told = (await world.post("/v2/updates/update-by-offset", asked)).json()
            assert told["update"]["Transaction"]["value"]["commandId"] == command_id

    @rule(seconds=integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.tell(self.clock.pass_by(seconds))

    @invariant()
    def each_command_is_accepted_once(self) -> None:
        assert all(count == 1 for count in self.accepted.values())
        opened = [
            life.created.argument["coordinator"]
            for life in self.world.double.ledger.active_lives(DESK.partition(":")[2])
        ]
        assert len(opened) == len(set(opened))
        assert set(self.accepted) <= set(opened)

    @invariant()
    def offsets_have_no_gaps(self) -> None:
        entries = self.world.double.ledger.entries
        assert [each.offset for each in entries] == list(range(1, len(entries) + 1))


class Moving(Machine):
    """Cash that is moved to and fro, held, settled and given back, under every fault."""

    def __init__(self) -> None:
        super().__init__()
        world = self.world
        self.places = list(world.double.synchronizers.values())
        world.issue(world.buyer, "USD", str(CASH))
        self.mandates = world.mandates(world.seller, world.buyer)
        self.desk = self.tell(world.desk())
        self.number = 0

    def _next(self) -> str:
        self.number += 1
        return f"m{self.number}"

    def _active(self, template: str) -> list[str]:
        lives = self.world.double.ledger.active_lives(template)
        return [life.created.contract_id for life in lives]

    async def _try(self, step: Json, faults: Faults) -> None:
        self.world.double.switch_next(faults, "-for-reassignment")
        try:
            await self.world.reassign(step, submitter=self.world.bank, command_id=self._next())
        except httpx.TransportError:
            return

    @precondition(lambda self: self._active(HOLDING))
    @rule(which=integers(0, 9), back=booleans(), faults=FAULTS)
    def leave(self, which: int, back: bool, faults: Faults) -> None:
        found = self._active(HOLDING)
        source, target = self.places[::-1] if back else self.places
        self.tell(self._try(unassign(found[which % len(found)], source, target), faults))

    @precondition(lambda self: self.world.double.ledger.away)
    @rule(which=integers(0, 9), faults=FAULTS)
    def arrive(self, which: int, faults: Faults) -> None:
        found = sorted(self.world.double.ledger.away.items())
        reassignment, (_, left) = found[which % len(found)]
        self.tell(self._try(assign(reassignment, left.synchronizer, left.target), faults))

    @precondition(lambda self: self._active(HOLDING))
    @rule(which=integers(0, 9), amount=integers(1, 400))
    def hold(self, which: int, amount: int) -> None:
        found = self._active(HOLDING)
        cash = found[which % len(found)]
        held = self.world.double.ledger.lives[cash].created.argument
        left = int(held["amount"]) - amount
        change = [str(left)] if left > 0 else []
        self.tell(self._hold(cash, held["owner"], str(amount), change))

    async def _hold(self, cash: str, owner: str, amount: str, change: list[str]) -> None:
        world = self.world
        other = world.seller if owner == world.buyer else world.buyer
        await world.holding(
            self.desk,
            round_id=self._next(),
            mandates=self.mandates,
            deliveries=[],
            payments=[world.leg(owner, other, "USD", amount)],
            locks=[world.lock(owner, "USD", amount, cash, change=change)],
        )

    @precondition(lambda self: self._active(DVP.partition(":")[2]))
    @rule(
        which=integers(0, 9), choice=sampled_from(["TransferLockedLeg", "AbortDeliveryVsPayment"])
    )
    def end(self, which: int, choice: str) -> None:
        found = self._active(DVP.partition(":")[2])
        step = exercise(DVP, found[which % len(found)], choice, {"desk": self.desk, "epoch": "1"})
        self.tell(self.world.submit(step, command_id=self._next()))

    @rule(seconds=integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.tell(self.clock.pass_by(seconds))

    @invariant()
    def nothing_comes_from_nothing(self) -> None:
        sums = self.world.double.admin.balances()
        assert sum(total for total, _ in sums.values()) == CASH

    @invariant()
    def what_is_locked_is_locked_for_a_round_that_is_open(self) -> None:
        ledger = self.world.double.ledger
        named = {
            locked
            for life in ledger.active_lives(DVP.partition(":")[2])
            for locked in life.created.argument["locked"]
        }
        there = {
            life.created.contract_id
            for life in ledger.lives_at(ledger.end)
            if life.created.template == HOLDING and life.created.argument["lock"] is not None
        }
        assert named == there

    @invariant()
    def a_contract_is_in_one_place_or_on_its_way(self) -> None:
        ledger = self.world.double.ledger
        for life in ledger.lives_at(ledger.end):
            assert (life.stay is None) == (life.away is not None)
            assert sum(stay.until is None for stay in life.stays) <= 1


TestAtMostOnce = AtMostOnce.TestCase
TestAtMostOnce.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestMoving = Moving.TestCase
TestMoving.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
