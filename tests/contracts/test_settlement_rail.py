"""What must every settlement rail do? Numbered.

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
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from nostro.adapters.rails.settlement.port import (
    CONTENT_DIFFERS,
    Absent,
    Refused,
    Settled,
)
from nostro.adapters.rails.settlement.simulator import (
    FAIR,
    HARSH,
    SettlementWeather,
)
from nostro.adapters.rails.settlement.switchboard import Faults
from nostro.runtime.ports import NotDone, Outage, OutcomeUnknown
from tests.adapters.rails.settlement.world import (
    CLEARINGS,
    FAILED,
    NAME,
    ORDER,
    World,
    always,
    attempt,
)


@pytest.fixture(params=[f"{kind}-{books}" for kind in CLEARINGS for books in ("memory", "file")])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    kind, books = request.param.split("-")
    world = World(CLEARINGS[kind], tmp_path / "rails" / "x.jsonl" if books == "file" else None)
    yield world
    world.close()


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
