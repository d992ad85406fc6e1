"""Is it told what became of every command that was sent?"""

from __future__ import annotations

from typing import Any

from nostro.adapters.domains.canton_double import DoubleTerms, Faults
from tests.adapters.canton_double.participant import (
    DESK,
    SUBMIT,
    TERMS,
    Json,
    World,
    create,
    refusal,
)

SLOW = DoubleTerms(synchronizers=("settlement", "payments"), call_ms=20)


def desk_of(world: World) -> Json:
    return create(DESK, {"executor": world.executor, "coordinator": "main", "epoch": "1"})


async def completions(world: World, path: str = "completions", **more: Any) -> list[Json]:
    asked = {"parties": [world.executor], "beginExclusive": 0, **more}
    answer = await world.post(f"/v2/commands/{path}", asked)
    assert answer.is_success, answer.text
    told = [each["completionResponse"] for each in answer.json()]
    assert "OffsetCheckpoint" in told[-1]
    return [each["Completion"]["value"] for each in told if "Completion" in each]


def test_completions_tell_what_was_accepted_and_what_was_refused() -> None:
    world = World()

    async def story() -> None:
        done = await world.submit(desk_of(world), command_id="done", submissionId="s1")
        world.double.switch_next(Faults(locked=True), SUBMIT)
        await world.submit(desk_of(world), command_id="refused")
        accepted, rejected = await completions(world, userId="nostro")
        assert accepted["updateId"] == done.json()["updateId"]
        assert accepted["offset"] == done.json()["completionOffset"]
        assert (accepted["commandId"], accepted["submissionId"]) == ("done", "s1")
        assert accepted["status"]["code"] == 0
        assert rejected["status"]["code"] == 10
        assert rejected["status"]["message"].startswith("LOCAL_VERDICT_LOCKED_CONTRACTS(2,")
        assert "updateId" not in rejected
        for path in ("completions", "command-completions"):
            later = await completions(world, path, beginExclusive=accepted["offset"])
            assert [each["commandId"] for each in later] == ["refused"]

    world.run(story())


def test_a_command_that_is_not_waited_for_tells_its_end_as_a_completion() -> None:
    world = World(terms=SLOW)

    async def story() -> None:
        answer = await world.post(
            "/v2/commands/async/submit", world.commands(desk_of(world), command_id="one")
        )
        assert (answer.status_code, answer.json()) == (200, {})
        assert await completions(world) == []
        await world.clock.sleep(1)  # sleeps: in virtual time
        assert [each["commandId"] for each in await completions(world)] == ["one"]

    world.run(story())


def test_a_command_that_times_out_may_be_completed_late() -> None:
    world = World()

    async def story() -> None:
        world.double.switch_next(Faults(late=True), SUBMIT)
        answer = await world.submit(desk_of(world), command_id="one")
        assert refusal(answer) == (504, "REQUEST_TIME_OUT")
        assert answer.json()["errorCategory"] == 3
        again = await world.submit(desk_of(world), command_id="one")
        assert refusal(again) == (409, "SUBMISSION_ALREADY_IN_FLIGHT")
        await world.clock.sleep(5)  # sleeps: in virtual time
        again = await world.submit(desk_of(world), command_id="one")
        assert refusal(again) == (409, "DUPLICATE_COMMAND")

    world.run(story())


def test_a_user_may_submit_without_naming_itself() -> None:
    world = World(terms=TERMS)

    async def story() -> None:
        for user in (None, "", "nostro"):
            more = {} if user is None else {"userId": user}
            answer = await world.submit(desk_of(world), command_id=f"as-{user}", **more)
            assert answer.is_success
        made = await completions(world)
        assert {each["userId"] for each in made} == {"nostro"}

    world.run(story())
