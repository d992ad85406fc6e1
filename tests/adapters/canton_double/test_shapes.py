"""What does the participant say to what it cannot read, or will not take?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.canton_double.participant import (
    DELTA,
    DESK,
    SUBMIT,
    SUBMIT_FOR_TRANSACTION,
    Json,
    World,
    create,
    exercise,
    refusal,
)


def good(world: World) -> Json:
    step = create(DESK, {"executor": world.executor, "coordinator": "main", "epoch": "1"})
    return world.commands(step, command_id="one")


async def text_of(world: World, body: bytes | Json, path: str = SUBMIT) -> str:
    """Return the text with which a body is refused, once it is known to be text."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await world.client.post(
        path, content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"commands": "none", "commandId": "one", "actAs": []}',
        b'{"commandId": "one", "actAs": []}',
        b'{"commands": [], "commandId": 1, "actAs": []}',
        b'{"commands": [{}], "commandId": "one", "actAs": []}',
        b'{"commands": [{"DeleteCommand": {}}], "commandId": "one", "actAs": []}',
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_plain_text(body: bytes) -> None:
    world = World()

    async def story() -> None:
        assert (await text_of(world, body)).startswith("Invalid value for: body (")

    world.run(story())


def test_fields_that_nobody_knows_are_refused() -> None:
    world = World()

    async def story() -> None:
        assert "colour" in await text_of(world, {**good(world), "colour": "red"})
        step = good(world)["commands"][0]["CreateCommand"]
        nested = {**good(world), "commands": [{"CreateCommand": {**step, "colour": "red"}}]}
        assert "colour" in await text_of(world, nested)
        two = {"CreateCommand": step, "ExerciseByKeyCommand": {}}
        await text_of(world, {**good(world), "commands": [two]})

    world.run(story())


def test_a_template_id_that_is_none_is_refused_in_plain_text() -> None:
    world = World()

    async def story() -> None:
        for template in ("", "Desk", "a:b", "a:b:c:d", "::"):
            body = world.commands(create(template, {}), command_id="one")
            assert "identifier" in await text_of(world, body)

    world.run(story())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"commands": []}, "MISSING_FIELD"),
        ({"commandId": ""}, "MISSING_FIELD"),
        ({"actAs": []}, "MISSING_FIELD"),
        ({"commandId": "x" * 256}, "INVALID_FIELD"),
        ({"commandId": "käse"}, "INVALID_FIELD"),
        ({"workflowId": "a\nb"}, "INVALID_FIELD"),
        ({"userId": "not a user"}, "INVALID_FIELD"),
        ({"actAs": ["no party!"]}, "INVALID_ARGUMENT"),
    ],
)
def test_a_command_that_says_too_little_or_what_cannot_be_is_refused(
    change: dict[str, Any], code: str
) -> None:
    world = World()

    async def story() -> None:
        answer = await world.post(SUBMIT, {**good(world), **change})
        assert refusal(answer) == (400, code)
        assert answer.json()["errorCategory"] == 8
        assert answer.json()["grpcCodeValue"] == 3

    world.run(story())


def test_a_contract_id_that_is_none_is_refused() -> None:
    world = World()

    async def story() -> None:
        for contract in ("", "xyz", "00G1", "0"):
            step = exercise(DESK, contract, "Archive", {})
            answer = await world.submit(step, command_id="one")
            assert refusal(answer) == (400, "INVALID_FIELD")

    world.run(story())


def test_an_event_format_together_with_the_older_form_is_refused() -> None:
    world = World()

    async def story() -> None:
        for older in ({"filter": world.events()}, {"verbose": True}):
            asked = {"activeAtOffset": 0, "eventFormat": world.events(), **older}
            answer = await world.post("/v2/state/active-contracts", asked)
            assert refusal(answer) == (400, "INVALID_ARGUMENT")
            begun = {"beginExclusive": 0, "updateFormat": world.updates(), **older}
            answer = await world.post("/v2/updates", begun)
            assert refusal(answer) == (400, "INVALID_ARGUMENT")

    world.run(story())


def test_one_of_the_two_forms_is_needed() -> None:
    world = World()

    async def story() -> None:
        answer = await world.post("/v2/state/active-contracts", {"activeAtOffset": 0})
        assert refusal(answer) == (400, "INVALID_ARGUMENT")
        answer = await world.post("/v2/updates", {"beginExclusive": 0})
        assert refusal(answer) == (400, "INVALID_ARGUMENT")
        older = {"activeAtOffset": 0, "filter": world.events(), "verbose": False}
        assert (await world.post("/v2/state/active-contracts", older)).is_success
        older = {"beginExclusive": 0, "filter": world.events()}
        assert (await world.post("/v2/updates", older)).is_success

    world.run(story())


def test_a_format_that_lets_nothing_through_is_refused() -> None:
    world = World()

    async def story() -> None:
        asked: Json = {"activeAtOffset": 0, "eventFormat": {}}
        answer = await world.post("/v2/state/active-contracts", asked)
        assert refusal(answer) == (400, "INVALID_ARGUMENT")
        asked = {"beginExclusive": 0, "updateFormat": {}}
        assert refusal(await world.post("/v2/updates", asked)) == (400, "INVALID_ARGUMENT")
        unspecified = {
            "transactionShape": "TRANSACTION_SHAPE_UNSPECIFIED",
            "eventFormat": world.events(),
        }
        body = {"commands": good(world), "transactionFormat": unspecified}
        assert refusal(await world.post(SUBMIT_FOR_TRANSACTION, body)) == (400, "MISSING_FIELD")
        assert await world.end() == 5  # the five parties, and nothing of that command

    world.run(story())


@pytest.mark.parametrize(
    ("template", "status"),
    [
        ("#nostro-dvp:Nostro.Settlement:Nothing", 404),
        ("#nowhere:Nostro.Settlement:Desk", 404),
        ("0" * 64 + ":Nostro.Settlement:Desk", 400),
    ],
)
def test_filters_name_templates_that_are_there_by_their_package_name(
    template: str, status: int
) -> None:
    world = World()

    async def story() -> None:
        wanted = {"identifierFilter": {"TemplateFilter": {"value": {"templateId": template}}}}
        events = {"filtersByParty": {world.executor: {"cumulative": [wanted]}}}
        asked = {"activeAtOffset": 0, "eventFormat": events}
        answer = await world.post("/v2/state/active-contracts", asked)
        assert answer.status_code == status

    world.run(story())


def test_a_limit_that_is_no_number_is_refused() -> None:
    world = World()

    async def story() -> None:
        asked = {"activeAtOffset": 0, "eventFormat": world.events()}
        answer = await world.client.post("/v2/state/active-contracts?limit=many", json=asked)
        assert (answer.status_code, answer.text) == (
            400,
            "Invalid value for: query parameter limit",
        )

    world.run(story())


def test_the_trace_of_a_request_comes_back() -> None:
    world = World()

    async def story() -> None:
        trace = "0af7651916cd43dd8448eb211c80319c"
        world.client.headers["traceparent"] = f"00-{trace}-b7ad6b7169203331-01"
        answer = await world.submit(create("#no:A:B", {}), command_id="one")
        assert answer.json()["traceId"] == trace
        done = await world.transact(good(world)["commands"][0], command_id="one")
        told = done.json()["transaction"]["traceContext"]["traceparent"]
        assert told.split("-")[1] == trace
        world.client.headers["traceparent"] = "nonsense"
        answer = await world.submit(create("#no:A:B", {}), command_id="two")
        assert "traceId" not in answer.json()

    world.run(story())


def test_what_is_not_served_is_not_found() -> None:
    world = World()

    async def story() -> None:
        assert (await world.get("/v2/nothing")).status_code == 404
        answer = await world.get(SUBMIT)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        for gone in ("/v2/updates/flats", "/v2/updates/trees"):
            assert (await world.post(gone, {"beginExclusive": 0})).status_code == 404

    world.run(story())


def test_health_is_told_without_a_token() -> None:
    world = World()

    async def story() -> None:
        del world.client.headers["authorization"]
        alive, ready = await world.get("/livez"), await world.get("/readyz")
        assert (alive.status_code, alive.content) == (200, b"")
        assert ready.status_code == 200
        assert "readyz check passed" in ready.text
        assert (await world.get("/v2/version")).json()["version"].startswith("3.5")

    world.run(story())


def test_the_shape_of_a_transaction_is_named() -> None:
    world = World()

    async def story() -> None:
        answer = await world.transact(good(world)["commands"][0], command_id="one", shape=DELTA)
        transaction = answer.json()["transaction"]
        assert transaction["commandId"] == "one"
        assert [list(each) for each in transaction["events"]] == [["CreatedEvent"]]

    world.run(story())
