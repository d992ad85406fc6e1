"""What every settlement rail must do (S), and what the performer does with any rail (P); numbered.

S1  What was never sent is absent.
S2  What was taken is settled or refused in the end; settled is final for ever.
S3  The same attempt again is answered as before and moves nothing more.
S4  A refused attempt stays refused; only a higher attempt is judged anew.
S5  What has settled settles no second time under a higher attempt.
S6  The same id with other content is refused and moves nothing.
S7  NotDone means that this request was not taken.
S8  After a lost answer the status tells the truth.
S9  Absent is a promise: a request of that attempt, or an earlier one, that arrives later moves
    nothing.
S10 A request that arrives late, twice or after a later one moves nothing more.
S11 What was taken is known after the platform was killed; a torn record never happened.
S12 A region that is down stops nobody in another one, and the books are the same in both.
S13 The same seed makes the same day.
P1  One performance sends once; without an answer the outcome is unknown, not an error.
P2  Performing again, in this process or the next, moves nothing more.
P3  A rail that cannot be reached counts as refused only when nothing was performed before.
P4  Asking goes on while nothing is known or final, and goes through any region.
P5  The same outcome always comes under the same key, and no key with two contents.
P6  Chains that share a rail never share an instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from nostro.adapters.rails.settlement.clearing import (
    Clearing,
    Correspondent,
    Instant,
    Rtgs,
)
from nostro.adapters.rails.settlement.performer import RailsPerformer
from nostro.adapters.rails.settlement.port import (
    CONTENT_DIFFERS,
    Absent,
    Answer,
    Pending,
    RailOrder,
    Refused,
    Settled,
)
from nostro.adapters.rails.settlement.records import FileBooks, MemoryBooks, RailBooks
from nostro.adapters.rails.settlement.simulator import (
    FAIR,
    HARSH,
    PPM,
    SettlementWeather,
    SimulatedSettlementRail,
)
from nostro.adapters.rails.settlement.switchboard import Faults, MemorySwitchboard
from nostro.execution import (
    AskInstruction,
    Direction,
    NewInstruction,
    NoteOutcome,
    OutcomeKind,
    Purpose,
    SendInstruction,
)
from nostro.kernel.messages import Command
from nostro.runtime.ports import NotDone, Outage, OutcomeUnknown
from nostro.simulation.loop import LoopClock, seeded_loop

T = TypeVar("T")

ORDER = RailOrder(
    instruction_id="main:c1:a:EUR",
    attempt=1,
    participant_id="a",
    currency="EUR",
    direction=Direction.OUT,
    amount_minor=500,
)
NAME = ORDER.instruction_id
INSTRUCTION = NewInstruction("c1:a:EUR", "a", "EUR", Direction.OUT, 500, Purpose.POSITION)
SEND = SendInstruction(
    settlement_id="c1", instruction=INSTRUCTION, attempt=1, rail="rail", region="east"
)
ASK = AskInstruction(
    settlement_id="c1", instruction_id="c1:a:EUR", attempt=1, rail="rail", region="east"
)
CLEARINGS: dict[str, Callable[[], Clearing]] = {
    "rtgs": Rtgs,
    "correspondent": Correspondent,
    "instant": Instant,
}
HARSH_SEEDS = range(60)
FAILED = Faults(failed=frozenset({"a"}))


class World:
    """The rail's books, and as many platforms after each other as a test needs. Time is virtual."""

    def __init__(self, clearing: Callable[[], Clearing], path: Path | None = None) -> None:
        self._loop = seeded_loop("rail")
        self._clearing = clearing
        self._path = path
        self._memory = MemoryBooks()
        self._files: list[FileBooks] = []
        self.clock = LoopClock(self._loop)
        self.switchboard = MemorySwitchboard()

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        """Run a story to its end."""
        return self._loop.run(story)

    def rail(self, weather: SettlementWeather = FAIR, *, seed: int = 1) -> SimulatedSettlementRail:
        """Return the rail as a new process of the platform finds it."""
        return SimulatedSettlementRail(
            name="rail",
            clearing=self._clearing(),
            books=self.books(),
            clock=self.clock,
            seed=seed,
            weather=weather,
            switchboard=self.switchboard,
        )

    def books(self) -> RailBooks:
        if self._path is None:
            return self._memory
        books = FileBooks(self._path)
        self._files.append(books)
        return books

    def performer(self, rail: SimulatedSettlementRail, *, chain: str = "main") -> RailsPerformer:
        return RailsPerformer({"rail": rail}, chain=chain)

    def moved(self) -> list[RailOrder]:
        """Return every movement, of every process."""
        return self.rail().moved

    async def final(self, rail: SimulatedSettlementRail, *, attempt: int = 1) -> Answer:
        """Ask until the rail says something final."""
        for _ in range(1_000):
            try:
                answer = await rail.status(NAME, attempt=attempt, region="east")
            except Outage:
                answer = Pending()
            if not isinstance(answer, Pending):
                return answer
            await self.clock.sleep(0.1)  # sleeps: virtual time
        raise AssertionError("never final")

    def close(self) -> None:
        for file in self._files:
            file.close()


@pytest.fixture(params=[f"{kind}-{books}" for kind in CLEARINGS for books in ("memory", "file")])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    kind, books = request.param.split("-")
    world = World(CLEARINGS[kind], tmp_path / "rails" / "x.jsonl" if books == "file" else None)
    yield world
    world.close()


def always(name: str) -> SettlementWeather:
    return SettlementWeather(**{name: PPM})


def attempt(number: int) -> RailOrder:
    return msgspec.structs.replace(ORDER, attempt=number)


# -- the rail -------------------------------------------------------------------------------------


def test_s1_what_was_never_sent_is_absent(world: World) -> None:
    assert world.run(world.rail().status(NAME, attempt=1, region="east")) == Absent()


@pytest.mark.parametrize(("faults", "moves"), [(Faults(), 1), (FAILED, 0)])
def test_s2_what_was_taken_is_settled_or_refused_once(
    world: World, faults: Faults, moves: int
) -> None:
    world.switchboard.set(faults)

    async def story() -> None:
        rail = world.rail()
        assert not isinstance(await rail.send(ORDER, region="east"), Absent)
        first = await world.final(rail)
        assert isinstance(first, Settled if moves else Refused)
        world.switchboard.set(Faults())
        for _ in range(5):
            assert await rail.status(NAME, attempt=1, region="east") == first

    world.run(story())
    assert len(world.moved()) == moves


@pytest.mark.parametrize("weather", [FAIR, always("twice_ppm")])
def test_s3_the_same_attempt_again_moves_nothing_more(
    world: World, weather: SettlementWeather
) -> None:
    async def story() -> None:
        rail = world.rail(weather)
        await rail.send(ORDER, region="east")
        final = await world.final(rail)
        assert [await rail.send(ORDER, region="west") for _ in range(3)] == [final] * 3

    world.run(story())
    assert world.moved() == [ORDER]


def test_s4_only_a_higher_attempt_is_judged_anew(world: World) -> None:
    world.switchboard.set(FAILED)

    async def story() -> None:
        rail = world.rail()
        await rail.send(attempt(2), region="east")
        refusal = await world.final(rail, attempt=2)
        world.switchboard.set(Faults())
        for number in (1, 2):
            assert await rail.send(attempt(number), region="east") == refusal
            assert await rail.status(NAME, attempt=number, region="east") == refusal
        await rail.send(attempt(3), region="east")
        assert isinstance(await world.final(rail, attempt=3), Settled)

    world.run(story())
    assert world.moved() == [attempt(3)]


def test_s5_what_has_settled_settles_no_second_time(world: World) -> None:
    async def story() -> None:
        rail = world.rail()
        await rail.send(ORDER, region="east")
        final = await world.final(rail)
        assert await rail.send(attempt(2), region="east") == final
        assert await rail.status(NAME, attempt=2, region="east") == final

    world.run(story())
    assert world.moved() == [ORDER]


def test_s6_an_id_never_stands_for_two_movements(world: World) -> None:
    async def story() -> None:
        rail = world.rail()
        await rail.send(ORDER, region="east")
        for other in (attempt(1), attempt(2)):
            other = msgspec.structs.replace(other, amount_minor=501)
            assert await rail.send(other, region="east") == Refused(CONTENT_DIFFERS)
        assert isinstance(await world.final(rail), Settled)

    world.run(story())
    assert world.moved() == [ORDER]


def test_s7_not_done_means_not_taken(world: World) -> None:
    async def story() -> None:
        with pytest.raises(NotDone):
            await world.rail(always("down_ppm")).send(ORDER, region="east")
        with pytest.raises(NotDone):
            await world.rail().send(ORDER, region="nowhere")
        assert await world.rail().status(NAME, attempt=1, region="east") == Absent()

    world.run(story())
    assert world.moved() == []


@pytest.mark.parametrize(("fault", "taken"), [("lost_answer_ppm", 1), ("lost_request_ppm", 0)])
def test_s8_after_a_lost_answer_the_status_tells_the_truth(
    world: World, fault: str, taken: int
) -> None:
    async def story() -> None:
        rail = world.rail(always(fault))
        with pytest.raises(OutcomeUnknown):
            await rail.send(ORDER, region="east")
        assert isinstance(await world.final(rail), Settled if taken else Absent)

    world.run(story())
    assert len(world.moved()) == taken


def test_s9_absent_is_a_promise(world: World) -> None:
    async def story() -> None:
        late = world.rail(always("late_request_ppm"))
        with pytest.raises(OutcomeUnknown):
            await late.send(attempt(2), region="east")
        assert await late.status(NAME, attempt=2, region="west") == Absent()
        await world.clock.sleep(5)  # sleeps: virtual time
        assert await late.status(NAME, attempt=2, region="east") == Absent()
        after = world.rail()
        assert await after.send(attempt(1), region="east") == Absent()
        assert await after.send(attempt(2), region="east") == Absent()
        assert world.moved() == []
        await after.send(attempt(3), region="east")
        assert isinstance(await world.final(after, attempt=3), Settled)

    world.run(story())
    assert world.moved() == [attempt(3)]


def test_s10_a_request_that_arrives_late_or_out_of_order_moves_nothing_more(world: World) -> None:
    async def story() -> None:
        late = world.rail(always("late_request_ppm"))
        for number in (1, 2, 1):
            with pytest.raises(OutcomeUnknown):
                await late.send(attempt(number), region="east")
        await world.rail().send(attempt(3), region="east")
        await world.clock.sleep(5)  # sleeps: virtual time
        assert isinstance(await world.final(world.rail(), attempt=3), Settled)

    world.run(story())
    assert len(world.moved()) == 1


def test_s11_what_was_taken_is_known_after_the_platform_was_killed(world: World) -> None:
    async def story() -> None:
        await world.rail().send(ORDER, region="east")
        after = world.rail()
        final = await world.final(after)
        assert isinstance(final, Settled)
        assert await after.send(ORDER, region="east") == final

    world.run(story())
    assert world.moved() == [ORDER]


def test_s11_a_promise_is_known_after_the_platform_was_killed(world: World) -> None:
    async def story() -> None:
        assert await world.rail().status(NAME, attempt=4, region="east") == Absent()
        assert await world.rail().send(attempt(4), region="east") == Absent()

    world.run(story())
    assert world.moved() == []


@pytest.mark.parametrize("kind", CLEARINGS)
def test_s11_a_record_torn_by_the_kill_never_happened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.jsonl"
    world = World(CLEARINGS[kind], path)

    async def story() -> None:
        await world.rail().send(ORDER, region="east")
        final = await world.final(world.rail())
        with path.open("ab") as file:
            file.write(b'{"instruction_id":"main:c1:b:EUR","att')
        after = world.rail()
        assert await after.status("main:c1:b:EUR", attempt=1, region="east") == Absent()
        assert await world.final(world.rail()) == final

    world.run(story())
    world.close()


def test_s12_a_region_that_is_down_stops_nobody_in_another_one(world: World) -> None:
    async def story() -> None:
        rail = world.rail()
        world.switchboard.close_region("rail", "east")
        with pytest.raises(NotDone):
            await rail.send(ORDER, region="east")
        await rail.send(ORDER, region="west")
        world.switchboard.open_region("rail", "east")
        world.switchboard.close_region("rail", "west")
        assert isinstance(await world.final(rail), Settled)

    world.run(story())
    assert world.moved() == [ORDER]


@pytest.mark.parametrize("kind", CLEARINGS)
def test_s13_the_same_seed_makes_the_same_day(kind: str) -> None:
    def day() -> list[str]:
        world = World(CLEARINGS[kind])
        told: list[str] = []

        async def story() -> None:
            rail = world.rail(HARSH, seed=7)
            for number in range(1, 30):
                try:
                    told.append(repr(await rail.send(attempt(number), region="east")))
                except Outage as outage:
                    told.append(repr(outage))

        world.run(story())
        return told

    assert day() == day()


# -- the performer --------------------------------------------------------------------------------


def outcomes(told: Sequence[tuple[str, Command]]) -> list[tuple[str, str]]:
    """Return outcome and code of what a performer told."""
    found = []
    for _, command in told:
        assert isinstance(command, NoteOutcome)
        found.append((str(command.outcome), command.code))
    return found


def again(effect: SendInstruction, number: int) -> SendInstruction:
    return msgspec.structs.replace(effect, attempt=number)


@pytest.mark.parametrize("fault", ["lost_request_ppm", "lost_answer_ppm", "late_request_ppm"])
def test_p1_without_an_answer_the_outcome_is_unknown(world: World, fault: str) -> None:
    performer = world.performer(world.rail(always(fault)))
    assert outcomes(world.run(performer.perform(SEND, "main:1:0"))) == [("unknown", "")]
    assert len(world.moved()) <= 1


def test_p1_a_rail_that_never_answers_is_given_up(world: World) -> None:
    slow = SettlementWeather(latency_s_max=10_000.0)
    performer = world.performer(world.rail(slow))
    assert outcomes(world.run(performer.perform(SEND, "main:1:0"))) == [("unknown", "")]


def test_p2_performing_again_moves_nothing_more(world: World) -> None:
    async def story() -> None:
        for _ in range(3):
            performer = world.performer(world.rail())
            for _ in range(2):
                await performer.perform(SEND, "main:1:0")
            await world.clock.sleep(5)  # sleeps: virtual time

    world.run(story())
    assert world.moved() == [ORDER]


@pytest.mark.parametrize(
    ("took_over", "effect_id", "told"),
    [
        (None, "main:9:0", ("unknown", "")),
        (9, "main:9:0", ("unknown", "")),
        (8, "main:9:0", ("refused", "rail_down")),
    ],
)
def test_p3_an_unreachable_rail_has_refused_only_what_was_never_performed(
    world: World, took_over: int | None, effect_id: str, told: tuple[str, str]
) -> None:
    performer = world.performer(world.rail(always("down_ppm")))
    if took_over is not None:
        performer.took_over(took_over)

    async def story() -> None:
        for _ in range(2):
            assert outcomes(await performer.perform(SEND, effect_id)) == [told]

    world.run(story())


def test_p3_what_may_have_been_sent_is_not_refused_when_the_rail_goes_down(world: World) -> None:
    async def story() -> None:
        performer = world.performer(world.rail(always("lost_answer_ppm")))
        performer.took_over(0)
        assert outcomes(await performer.perform(SEND, "main:9:0")) == [("unknown", "")]
        for region in ("east", "west"):
            world.switchboard.close_region("rail", region)
        assert outcomes(await performer.perform(SEND, "main:9:0")) == [("unknown", "")]
        world.switchboard.open_region("rail", "west")
        await world.clock.sleep(5)  # sleeps: virtual time
        assert outcomes(await performer.perform(SEND, "main:9:0")) == [("settled", "")]

    world.run(story())
    assert world.moved() == [ORDER]


def test_p3_a_region_that_is_down_is_asked_about_in_another_one(world: World) -> None:
    world.switchboard.close_region("rail", "east")
    performer = world.performer(world.rail())
    assert outcomes(world.run(performer.perform(SEND, "main:1:0"))) == [("absent", "")]


def test_p4_asking_goes_on_until_the_end_is_known(world: World) -> None:
    async def story() -> None:
        await world.performer(world.rail()).perform(SEND, "main:1:0")
        unsure = world.performer(world.rail(always("late_news_ppm")))
        with pytest.raises(NotDone, match="not final"):
            await unsure.perform(ASK, "main:2:0")
        down = world.performer(world.rail(always("down_ppm")))
        with pytest.raises(NotDone, match="nothing is known"):
            await down.perform(ASK, "main:2:0")
        world.switchboard.close_region("rail", "east")
        await world.clock.sleep(5)  # sleeps: virtual time
        performer = world.performer(world.rail())
        assert outcomes(await performer.perform(ASK, "main:2:0")) == [("settled", "")]

    world.run(story())


def test_p5_one_key_never_comes_with_two_contents(world: World) -> None:
    async def story() -> None:
        told: dict[str, Command] = {}
        for number, faults in enumerate([FAILED, Faults(), Faults()], start=1):
            world.switchboard.set(faults)
            for _ in range(2):
                performer = world.performer(world.rail())
                found = [*await performer.perform(again(SEND, number), f"main:{number}:0")]
                await world.clock.sleep(5)  # sleeps: virtual time
                ask = msgspec.structs.replace(ASK, attempt=number)
                found += await performer.perform(ask, f"main:{number}:1")
                for key, command in found:
                    assert told.setdefault(key, command) == command
                    assert len(key) <= 255
        assert {str(each.outcome) for each in told.values() if isinstance(each, NoteOutcome)} >= {
            "refused",
            "settled",
        }

    world.run(story())
    assert len(world.moved()) == 1


def test_p6_two_chains_on_one_rail_move_both(world: World) -> None:
    async def story() -> None:
        rail = world.rail()
        await world.performer(rail, chain="main").perform(SEND, "main:1:0")
        await world.performer(rail, chain="side").perform(SEND, "side:1:0")
        await world.clock.sleep(5)  # sleeps: virtual time
        for name in ("main", "side"):
            status = await rail.status(f"{name}:c1:a:EUR", attempt=1, region="east")
            assert isinstance(status, Settled)

    world.run(story())
    assert sorted(each.instruction_id for each in world.moved()) == [
        "main:c1:a:EUR",
        "side:c1:a:EUR",
    ]


@pytest.mark.parametrize("kind", CLEARINGS)
@pytest.mark.parametrize("seed", HARSH_SEEDS)
def test_in_any_weather_an_instruction_moves_once_and_what_is_told_is_true(
    kind: str, seed: int
) -> None:
    """Send, ask while unknown, send the next attempt after a definite no; a new process each
    time."""
    world = World(CLEARINGS[kind])

    async def perform(effect: SendInstruction | AskInstruction) -> NoteOutcome:
        for _ in range(200):
            performer = world.performer(world.rail(HARSH, seed=seed))
            try:
                ((_, command),) = await performer.perform(effect, "main:1:0")
            except Outage:
                await world.clock.sleep(1)  # sleeps: virtual time
            else:
                assert isinstance(command, NoteOutcome)
                return command
        raise AssertionError("never an outcome")

    async def story() -> NoteOutcome:
        for number in range(1, 5):
            told = await perform(again(SEND, number))
            if told.outcome in (OutcomeKind.UNKNOWN, OutcomeKind.PENDING):
                told = await perform(msgspec.structs.replace(ASK, attempt=number))
            if told.outcome is OutcomeKind.SETTLED:
                break
        await world.clock.sleep(5)  # sleeps: virtual time
        return told

    told = world.run(story())
    assert len(world.moved()) == (told.outcome is OutcomeKind.SETTLED)
