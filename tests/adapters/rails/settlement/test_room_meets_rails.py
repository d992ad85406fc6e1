"""The execution room, its performer and simulated rails together, without an engine: in harsh
weather, with regions that go down, does money move once, and does every settlement end?"""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest

from nostro.adapters.rails.settlement.clearing import (
    OURS,
    Clearing,
    Correspondent,
    CorrespondentTerms,
    Instant,
    Rtgs,
    RtgsTerms,
)
from nostro.adapters.rails.settlement.performer import RailsPerformer
from nostro.adapters.rails.settlement.records import MemoryBooks
from nostro.adapters.rails.settlement.simulator import (
    FAIR,
    HARSH,
    SettlementWeather,
    SimulatedSettlementRail,
)
from nostro.adapters.rails.settlement.switchboard import Faults, MemorySwitchboard
from nostro.execution import (
    AskInstruction,
    AttemptStarted,
    BreakNoted,
    Direction,
    ExecutionPolicy,
    FundsSecured,
    InstructionFailed,
    InstructionSettled,
    NewInstruction,
    OutcomeAsked,
    Purpose,
    SendInstruction,
    SettlementConfirmed,
    SettlementFailed,
    StartPayOuts,
    standard_routes,
)
from nostro.kernel.messages import Command, Effect, Event, Tick
from nostro.runtime.ports import Outage
from nostro.simulation.loop import LoopClock, seeded_loop
from tests.rooms.execution.play import Play

SEEDS = range(40)
BANKS = ("a", "b", "c", "d", "e", "f")


def plan(cycle: str) -> list[NewInstruction]:
    """Return pay-ins of three banks, pay-outs of three, and small gross payments."""
    found = []
    for place, bank in enumerate(BANKS):
        direction = Direction.IN if place < 3 else Direction.OUT
        found.append(
            NewInstruction(f"{cycle}:{bank}:EUR", bank, "EUR", direction, 900, Purpose.POSITION)
        )
    found += [
        NewInstruction(
            f"{cycle}:t{number}", "f", "EUR", Direction.OUT, 5, Purpose.GROSS, f"t{number}"
        )
        for number in range(6)
    ]
    return found


class Town:
    """A room in place of a platform; each effect is performed until it has an outcome."""

    def __init__(self, seed: int, weather: SettlementWeather) -> None:
        self.loop = seeded_loop(f"town-{seed}")
        self.clock = LoopClock(self.loop)
        self.switchboard = MemorySwitchboard()
        self.play = Play(ExecutionPolicy(circuit_failures=3), standard_routes(), ended_hot_max=4)
        self.events: list[Event] = []
        self.rtgs = Rtgs(terms=RtgsTerms(opening_other_minor=5_000))
        kinds: dict[str, Clearing] = {
            "rtgs": self.rtgs,
            "correspondent": Correspondent(
                terms=CorrespondentTerms(returned_ppm=100_000, charge_minor=0), seed=seed
            ),
            "instant": Instant(),
        }
        self.rails = {
            name: SimulatedSettlementRail(
                name=name,
                clearing=clearing,
                books=MemoryBooks(),
                clock=self.clock,
                seed=seed,
                weather=weather,
                switchboard=self.switchboard,
            )
            for name, clearing in kinds.items()
        }
        self.performer = RailsPerformer(self.rails)
        self.performer.took_over(0)
        self._tasks: set[asyncio.Task[None]] = set()

    def do(self, command: Command) -> None:
        self.play.now_us = max(self.play.now_us + 1, self.clock.now_us())
        events = self.play.when(command)
        self.play.settle()
        self.take(events)

    def take(self, events: list[Event]) -> None:
        """Do the flow's part."""
        self.events += events
        height = self.play.height
        for index, event in enumerate(events):
            match event:
                case AttemptStarted():
                    fields = msgspec.structs.asdict(event)
                    self._start(SendInstruction(**fields), f"main:{height}:{index}")
                case OutcomeAsked():
                    fields = msgspec.structs.asdict(event)
                    del fields["heard"]
                    self._start(AskInstruction(**fields), f"main:{height}:{index}")
                case FundsSecured():
                    self.do(StartPayOuts(settlement_id=event.settlement_id))

    def _start(self, effect: Effect, effect_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._perform(effect, effect_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform(self, effect: Effect, effect_id: str) -> None:
        while True:
            try:
                outcomes = await self.performer.perform(effect, effect_id)
            except Outage:
                await self.clock.sleep(0.5)  # sleeps: virtual time
            else:
                for _, command in outcomes:
                    self.do(command)
                return

    async def rest(self) -> None:
        """Let time pass, and tick, until all has ended."""
        for _ in range(5_000):
            if not self.play.state.settlements:
                return
            due = self.play.room.due(self.play.state)
            if due is not None and due <= self.clock.now_us():
                self.do(Tick())
            await self.clock.sleep(0.1)  # sleeps: virtual time
        raise AssertionError("it never comes to rest")

    def begin(self, cycle: str) -> None:
        """Plan and certify a settlement."""
        self.play.now_us = max(self.play.now_us, self.clock.now_us())
        self.play.begun(*plan(cycle), cycle=cycle)
        _, payload = self.play.rows[self.play.height]
        self.take(self.play.codec.decode_events(payload))

    def moved(self) -> Counter[str]:
        """Count what has moved, on all rails."""
        return Counter(
            order.instruction_id.removeprefix("main:")
            for rail in self.rails.values()
            for order in rail.moved
        )

    def booked(self) -> Counter[str]:
        """Count what the room takes for settled."""
        return Counter(
            each.instruction.instruction_id
            for each in self.events
            if isinstance(each, InstructionSettled)
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_in_harsh_weather_money_moves_once_and_every_settlement_ends(seed: int) -> None:
    town = Town(seed, HARSH)

    async def story() -> None:
        for number in range(3):
            town.begin(f"c{number}")
            if number == seed % 3:
                town.switchboard.close_region("rtgs", "east")
            if seed % 4 == 0:
                town.switchboard.close_region("rtgs", "west")
            if seed % 5 == 0:
                faults = town.switchboard.faults()
                town.switchboard.set(
                    msgspec.structs.replace(faults, failed=frozenset({BANKS[seed % 6]}))
                )
            await town.clock.sleep(20)  # sleeps: virtual time
            town.do(Tick())
        town.switchboard.set(Faults())
        await town.rest()
        await town.clock.sleep(5)  # sleeps: virtual time

    town.loop.run(story())
    assert town.moved() == town.booked()
    assert set(town.moved().values()) <= {1}
    assert not any(isinstance(each, BreakNoted) for each in town.events)
    ends = [each for each in town.events if isinstance(each, SettlementConfirmed)]
    lost = [each for each in town.events if isinstance(each, SettlementFailed)]
    assert len(ends) + len(lost) == 3
    balances = [town.rtgs.balance_minor(bank, "EUR") for bank in (OURS, *BANKS)]
    assert sum(balances) == 5_000 * len(BANKS)
    assert min(balances[1:]) >= 0
    town.play.check()


def test_when_a_whole_rail_is_down_everything_goes_another_way() -> None:
    town = Town(1, FAIR)
    for region in ("east", "west"):
        town.switchboard.close_region("rtgs", region)

    async def story() -> None:
        town.begin("c0")
        await town.rest()

    town.loop.run(story())
    assert not any(isinstance(each, SettlementFailed) for each in town.events)
    assert not town.rails["rtgs"].moved
    assert len(town.rails["correspondent"].moved) == len(BANKS)


def test_a_bank_that_fails_sends_the_others_pay_ins_back() -> None:
    town = Town(1, FAIR)
    town.switchboard.set(Faults(failed=frozenset({"b"})))

    async def story() -> None:
        town.begin("c0")
        await town.rest()

    town.loop.run(story())
    (lost,) = [each for each in town.events if isinstance(each, SettlementFailed)]
    assert (lost.participant_id, lost.code) == ("b", "counterparty_failed")
    assert [town.rtgs.balance_minor(bank, "EUR") for bank in BANKS] == [5_000] * len(BANKS)
    failed = [each for each in town.events if isinstance(each, InstructionFailed)]
    assert [each.instruction.participant_id for each in failed] == ["b"]


def test_a_bank_that_is_short_defers_the_settlement_after_the_last_attempt() -> None:
    town = Town(1, FAIR)
    town.switchboard.set(Faults(short=frozenset({"a"})))

    async def story() -> None:
        town.begin("c0")
        await town.rest()

    town.loop.run(story())
    (lost,) = [each for each in town.events if isinstance(each, SettlementFailed)]
    assert (lost.participant_id, lost.code) == ("a", "liquidity")
    tries = [
        each
        for each in town.events
        if isinstance(each, AttemptStarted) and each.instruction.participant_id == "a"
    ]
    assert [each.attempt for each in tries] == [1, 2, 3, 4]
    assert {each.rail for each in tries} == {"rtgs"}
