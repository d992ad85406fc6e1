"""What every payout rail must do (R), and what the performer does with any rail (P); numbered.

R1  A reference that was never sent is unknown.
R2  A payout that was taken settles or fails, once; final is final, however often one asks.
R3  The same reference and content again is answered as before and moves nothing more.
R4  The same reference with other content is refused and moves nothing.
R5  A refused payout stays refused, and never moves.
R6  NotDone means not taken: the reference is unknown right after.
R7  After a lost answer the status tells the truth: taken and known, or unknown.
R8  A request that arrives late, after it was sent again, moves nothing more.
R9  What was taken is known after the platform was killed.
P1  A lost answer is asked about, never blindly sent again.
P2  Performing again, in this process or the next, moves nothing more.
P3  Without an answer there is no outcome: the outage is passed on after bounded attempts.
P4  A refusal is a failure with the rail's reason.
P5  A payout that is not final yet is asked about again, later.
P6  The same outcome always comes under the same key.
P7  Chains that share a rail never share a reference.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from nostro.adapters.rails.payout import ATTEMPTS_MAX, PayoutPerformer
from nostro.adapters.rails.port import (
    Payout,
    PayoutRail,
    RailState,
    RailStatus,
    Refused,
    Sent,
)
from nostro.adapters.rails.records import FileRecords, MemoryRecords, RailRecords
from nostro.adapters.rails.simulator import (
    FAIL_DESTINATION,
    FAIR,
    HARSH,
    PPM,
    REFERENCE_REUSED,
    REFUSE_DESTINATION,
    RailWeather,
    SimulatedRail,
)
from nostro.kernel.messages import Command
from nostro.runtime.ports import NotDone, Outage, OutcomeUnknown
from nostro.simulation.loop import LoopClock, seeded_loop
from nostro.wallets import (
    AwaitPayout,
    RecordPayoutFailed,
    RecordPayoutSent,
    RecordPayoutSettled,
    SendPayout,
)

T = TypeVar("T")

PAYOUT = Payout(reference="main:w-1", asset="EUR", amount_minor=500, destination="DE89")
SEND = SendPayout(
    withdrawal_id="w-1", user_id="alice", asset="EUR", amount_minor=500, destination="DE89"
)
AWAIT = AwaitPayout(withdrawal_id="w-1")
HARSH_SEEDS = range(200)


class World:
    """The rail's books, and as many platforms after each other as a test needs. Time is virtual."""

    def __init__(self, path: Path | None) -> None:
        self._loop = seeded_loop("rail")
        self._path = path
        self._memory = MemoryRecords()
        self._files: list[FileRecords] = []
        self.clock = LoopClock(self._loop)
        self.rails: list[SimulatedRail] = []

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        """Run a story to its end."""
        return self._loop.run(story)

    def rail(self, weather: RailWeather = FAIR, *, seed: int = 1) -> SimulatedRail:
        """Return the rail as a new process of the platform finds it."""
        records: RailRecords = self._memory
        if self._path is not None:
            records = FileRecords(self._path)
            self._files.append(records)
        rail = SimulatedRail(seed=seed, clock=self.clock, records=records, weather=weather)
        self.rails.append(rail)
        return rail

    def performer(self, rail: PayoutRail, *, chain: str = "main") -> PayoutPerformer:
        return PayoutPerformer(rail=rail, sleep=self.clock.sleep, chain=chain)

    def moved(self) -> list[Payout]:
        """Return every movement of every process."""
        return [payout for rail in self.rails for payout in rail.moved]

    async def final(self, rail: PayoutRail, reference: str = PAYOUT.reference) -> RailStatus:
        """Ask until the rail says something final."""
        for _ in range(1_000):
            status = await rail.status(reference)
            if status.state in (RailState.SETTLED, RailState.FAILED):
                return status
            await self.clock.sleep(0.1)  # sleeps: virtual time
        raise AssertionError("never final")

    def close(self) -> None:
        for file in self._files:
            file.close()


@pytest.fixture(params=["memory", "file"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "rails" / "payouts.jsonl" if request.param == "file" else None)
    yield world
    world.close()


def always(name: str) -> RailWeather:
    return RailWeather(**{name: PPM})


# -- the rail -------------------------------------------------------------------------------------


def test_r1_a_reference_that_was_never_sent_is_unknown(world: World) -> None:
    status = world.run(world.rail().status("main:w-1"))
    assert status == RailStatus(RailState.UNKNOWN_REFERENCE)


@pytest.mark.parametrize(
    ("destination", "final", "moves"),
    [("DE89", RailState.SETTLED, 1), (FAIL_DESTINATION, RailState.FAILED, 0)],
)
def test_r2_what_was_taken_settles_or_fails_once(
    world: World, destination: str, final: RailState, moves: int
) -> None:
    async def story() -> None:
        rail = world.rail(RailWeather(settle_s_max=60))
        assert await rail.send(msgspec.structs.replace(PAYOUT, destination=destination)) == Sent()
        assert (await rail.status(PAYOUT.reference)).state is RailState.PENDING
        first = await world.final(rail)
        assert first.state is final
        assert [await rail.status(PAYOUT.reference) for _ in range(5)] == [first] * 5

    world.run(story())
    assert len(world.moved()) == moves


@pytest.mark.parametrize("weather", [FAIR, always("twice_ppm")])
def test_r3_the_same_payout_again_moves_nothing_more(world: World, weather: RailWeather) -> None:
    async def story() -> None:
        rail = world.rail(weather)
        assert [await rail.send(PAYOUT) for _ in range(3)] == [Sent()] * 3

    world.run(story())
    assert world.moved() == [PAYOUT]


def test_r4_a_reference_never_stands_for_two_payouts(world: World) -> None:
    async def story() -> None:
        rail = world.rail()
        await rail.send(PAYOUT)
        other = msgspec.structs.replace(PAYOUT, amount_minor=501)
        assert await rail.send(other) == Refused(REFERENCE_REUSED)

    world.run(story())
    assert world.moved() == [PAYOUT]


def test_r5_a_refused_payout_stays_refused(world: World) -> None:
    async def story() -> None:
        rail = world.rail()
        payout = msgspec.structs.replace(PAYOUT, destination=REFUSE_DESTINATION)
        refusal = await rail.send(payout)
        assert isinstance(refusal, Refused)
        assert await rail.send(payout) == refusal
        assert await rail.status(PAYOUT.reference) == RailStatus(RailState.FAILED, refusal.reason)

    world.run(story())
    assert world.moved() == []


def test_r6_not_done_means_not_taken(world: World) -> None:
    async def story() -> None:
        with pytest.raises(NotDone):
            await world.rail(always("down_ppm")).send(PAYOUT)
        status = await world.rail().status(PAYOUT.reference)
        assert status.state is RailState.UNKNOWN_REFERENCE

    world.run(story())


@pytest.mark.parametrize(
    ("weather", "taken"), [("lost_answer_ppm", True), ("lost_request_ppm", False)]
)
def test_r7_after_a_lost_answer_the_status_tells_the_truth(
    world: World, weather: str, taken: bool
) -> None:
    async def story() -> None:
        rail = world.rail(always(weather))
        with pytest.raises(OutcomeUnknown):
            await rail.send(PAYOUT)
        status = await rail.status(PAYOUT.reference)
        assert (status.state is not RailState.UNKNOWN_REFERENCE) is taken

    world.run(story())
    assert len(world.moved()) == taken


def test_r8_a_request_that_arrives_late_moves_nothing_more(world: World) -> None:
    async def story() -> None:
        late = world.rail(always("late_request_ppm"))
        with pytest.raises(OutcomeUnknown):
            await late.send(PAYOUT)
        assert (await late.status(PAYOUT.reference)).state is RailState.UNKNOWN_REFERENCE
        await world.clock.sleep(5)  # sleeps: virtual time
        assert (await late.status(PAYOUT.reference)).state is RailState.SETTLED
        with pytest.raises(OutcomeUnknown):
            await late.send(PAYOUT)
        await world.clock.sleep(5)  # sleeps: virtual time

    world.run(story())
    assert world.moved() == [PAYOUT]


def test_r9_what_was_taken_is_known_after_the_platform_was_killed(world: World) -> None:
    async def story() -> None:
        await world.rail().send(PAYOUT)
        after = world.rail()
        assert (await world.final(after)).state is RailState.SETTLED
        assert await after.send(PAYOUT) == Sent()

    world.run(story())
    assert world.moved() == [PAYOUT]


def test_r9_a_record_torn_by_the_kill_never_happened(tmp_path: Path) -> None:
    path = tmp_path / "payouts.jsonl"
    world = World(path)

    async def story() -> None:
        await world.rail().send(PAYOUT)
        with path.open("ab") as file:
            file.write(b'{"payout":{"reference":"main:w-2","ass')
        after = world.rail()
        assert (await after.status("main:w-2")).state is RailState.UNKNOWN_REFERENCE
        await after.send(msgspec.structs.replace(PAYOUT, reference="main:w-2"))
        again = world.rail()
        assert (await world.final(again, "main:w-2")).state is RailState.SETTLED
        assert (await world.final(again, "main:w-1")).state is RailState.SETTLED

    world.run(story())
    world.close()


# -- the performer --------------------------------------------------------------------------------


class CarelessRail:
    """A vendor that moves money each time it is asked and loses its first answers: what the
    performer must survive without the help of R3."""

    def __init__(self, *, answers_lost: int) -> None:
        self._answers_lost = answers_lost
        self.moved: list[Payout] = []

    async def send(self, payout: Payout) -> Sent | Refused:
        self.moved.append(payout)
        if len(self.moved) <= self._answers_lost:
            raise OutcomeUnknown("no answer")
        return Sent()

    async def status(self, reference: str) -> RailStatus:
        known = any(payout.reference == reference for payout in self.moved)
        return RailStatus(RailState.SETTLED if known else RailState.UNKNOWN_REFERENCE)


def commands_of(outcomes: Sequence[tuple[str, Command]]) -> list[Command]:
    return [command for _, command in outcomes]


def test_p1_a_lost_answer_is_asked_about_and_not_sent_again(world: World) -> None:
    rail = CarelessRail(answers_lost=1)
    outcomes = world.run(world.performer(rail).perform(SEND, "main:1:0"))
    assert commands_of(outcomes) == [RecordPayoutSent(withdrawal_id="w-1")]
    assert rail.moved == [PAYOUT]


def test_p2_performing_again_moves_nothing_more(world: World) -> None:
    async def story() -> None:
        first = await world.performer(world.rail()).perform(SEND, "main:1:0")
        assert await world.performer(world.rail()).perform(SEND, "main:1:0") == first

    world.run(story())
    assert world.moved() == [PAYOUT]


@pytest.mark.parametrize(
    ("weather", "error"),
    [("down_ppm", NotDone), ("lost_request_ppm", OutcomeUnknown)],
)
def test_p3_without_an_answer_there_is_no_outcome(
    world: World, weather: str, error: type[Outage]
) -> None:
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    performer = PayoutPerformer(rail=world.rail(always(weather)), sleep=pause)
    with pytest.raises(error):
        world.run(performer.perform(SEND, "main:1:0"))
    assert len(paused) == ATTEMPTS_MAX - 1
    assert paused == sorted(paused)


def test_p4_a_refusal_is_a_failure_with_the_reason_of_the_rail(world: World) -> None:
    effect = msgspec.structs.replace(SEND, destination=REFUSE_DESTINATION)
    failed = RecordPayoutFailed(withdrawal_id="w-1", reason="destination_refused")

    async def story() -> None:
        for _ in range(2):
            outcomes = await world.performer(world.rail()).perform(effect, "main:1:0")
            assert commands_of(outcomes) == [failed]

    world.run(story())


def test_p5_a_payout_that_is_not_final_yet_is_asked_about_again_later(world: World) -> None:
    async def story() -> None:
        performer = world.performer(world.rail(RailWeather(settle_s_max=3_600)))
        await performer.perform(SEND, "main:1:0")
        with pytest.raises(NotDone):
            await performer.perform(AWAIT, "main:2:0")
        await world.clock.sleep(3_600)  # sleeps: virtual time
        outcomes = await performer.perform(AWAIT, "main:2:0")
        assert commands_of(outcomes) == [RecordPayoutSettled(withdrawal_id="w-1")]

    world.run(story())


def test_p5_a_payout_that_the_rail_forgot_is_left_to_a_person(world: World) -> None:
    performer = world.performer(world.rail())
    with pytest.raises(NotDone, match="knows it no more"):
        world.run(performer.perform(AWAIT, "main:2:0"))
    assert world.moved() == []


def test_p6_one_key_never_comes_with_two_contents(world: World) -> None:
    async def story() -> None:
        told: dict[str, Command] = {}
        for number, destination in enumerate(["DE89", FAIL_DESTINATION, REFUSE_DESTINATION]):
            effect = msgspec.structs.replace(
                SEND, withdrawal_id=f"w-{number}", destination=destination
            )
            performer = world.performer(world.rail())
            outcomes = [*await performer.perform(effect, "main:1:0")]
            if destination != REFUSE_DESTINATION:
                await world.clock.sleep(1)  # sleeps: virtual time
                outcomes += await performer.perform(
                    AwaitPayout(withdrawal_id=f"w-{number}"), "main:2:0"
                )
            for key, command in outcomes:
                assert told.setdefault(key, command) == command
        assert len(told) == 5

    world.run(story())


def test_p7_two_chains_on_one_rail_pay_out_both(world: World) -> None:
    async def story() -> None:
        rail = world.rail()
        await world.performer(rail, chain="main").perform(SEND, "main:1:0")
        await world.performer(rail, chain="side").perform(SEND, "side:1:0")

    world.run(story())
    assert [payout.reference for payout in world.moved()] == ["main:w-1", "side:w-1"]


@pytest.mark.parametrize("seed", HARSH_SEEDS)
def test_in_any_weather_a_payout_moves_once_or_fails_and_what_is_told_is_true(seed: int) -> None:
    world = World(None)

    async def story() -> list[Command]:
        told: list[Command] = []
        for effect in (SEND, AWAIT):
            for _ in range(50):
                performer = world.performer(world.rail(HARSH, seed=seed))  # a new process each time
                try:
                    told += commands_of(await performer.perform(effect, "main:1:0"))
                    break
                except Outage:
                    await world.clock.sleep(5)  # sleeps: virtual time
            if not told or isinstance(told[-1], RecordPayoutFailed):
                break
        await world.clock.sleep(5)  # sleeps: virtual time
        return told

    told = world.run(story())
    assert type(told[-1]) in (RecordPayoutSettled, RecordPayoutFailed)
    assert len(world.moved()) == isinstance(told[-1], RecordPayoutSettled)
