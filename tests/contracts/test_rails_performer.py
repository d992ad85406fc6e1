"""What does the performer do with any settlement rail? Numbered.

P1  One performance sends once; without an answer the outcome is unknown, not an error.
P2  Performing again, in this process or the next, moves nothing more.
P3  A rail that cannot be reached counts as refused only when nothing was performed before.
P4  Asking goes on while nothing is known or final, and goes through any region.
P5  The same outcome always comes under the same key, and no key with two contents.
P6  Chains that share a rail never share an instruction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from nostro.adapters.rails.settlement.port import (
    Settled,
)
from nostro.adapters.rails.settlement.simulator import (
    HARSH,
    SettlementWeather,
)
from nostro.adapters.rails.settlement.switchboard import Faults
from nostro.execution import (
    AskInstruction,
    NoteOutcome,
    OutcomeKind,
    SendInstruction,
)
from nostro.kernel.messages import Command
from nostro.runtime.ports import NotDone, Outage
from tests.adapters.rails.settlement.world import (
    ASK,
    CLEARINGS,
    FAILED,
    HARSH_SEEDS,
    ORDER,
    SEND,
    World,
    always,
)


@pytest.fixture(params=[f"{kind}-{books}" for kind in CLEARINGS for books in ("memory", "file")])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    kind, books = request.param.split("-")
    world = World(CLEARINGS[kind], tmp_path / "rails" / "x.jsonl" if books == "file" else None)
    yield world
    world.close()


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
