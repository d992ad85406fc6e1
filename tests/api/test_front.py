"""Is the short way into the house the same as the long one, and what is turned away at the door?"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from nostro.api import Bounds, create_app
from nostro.api.front import FrontDoor
from tests.api.door import Door, front_door, platform_on

TRANSFERS = "/api/v1/ledger/transfers"
TRANSFER = {"id": "t1", "debit": "a", "credit": "b", "amount": "1.50", "asset": "EUR"}
JSON = {"content-type": "application/json"}

REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", TRANSFERS, {"json": TRANSFER}),
    ("POST", TRANSFERS, {"json": TRANSFER, "headers": {"Idempotency-Key": '"k"'}}),
    ("POST", TRANSFERS, {"json": {**TRANSFER, "amount": 2}, "headers": {"Idempotency-Key": "k"}}),
    ("POST", TRANSFERS, {"json": {**TRANSFER, "amount": "1.505"}}),
    ("POST", TRANSFERS, {"json": {**TRANSFER, "debit": "nobody"}}),
    ("POST", TRANSFERS, {"json": {"nonsense": 1}}),
    ("POST", TRANSFERS, {"content": b"{", "headers": JSON}),
    ("POST", TRANSFERS, {"content": b"", "headers": JSON}),
    ("POST", TRANSFERS, {"content": b"a=1", "headers": {"content-type": "text/plain"}}),
    ("POST", TRANSFERS, {"json": TRANSFER, "headers": {"Idempotency-Key": "a b"}}),
    ("POST", TRANSFERS, {"json": TRANSFER, "headers": {"X-Nostro-Actor": "a b"}}),
    ("POST", f"{TRANSFERS}/bulk", {"json": {"transfers": [TRANSFER]}}),
    ("POST", f"{TRANSFERS}/bulk", {"json": {"transfers": []}, "headers": {"Idempotency-Key": "b"}}),
    ("POST", "/wallet/deposit", {"json": {"user_id": "alice"}}),
    ("POST", "/wallet/withdraw", {"json": {}}),
    ("GET", TRANSFERS, {"params": {"limit": 0}}),
    ("GET", TRANSFERS, {}),
    ("GET", "/livez", {}),
    ("HEAD", "/livez", {}),
    ("HEAD", TRANSFERS, {"params": {"limit": 0}}),
    ("HEAD", "/wallet/deposit", {}),
    ("DELETE", TRANSFERS, {}),
]


def long_way(door: Door) -> httpx.AsyncClient:
    """Return a client of the same application that finds every address through FastAPI."""
    app = cast(FrontDoor, create_app(platform_on(door.engine)))
    app.open_short_ways(())
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://nostro")


def content(answer: httpx.Response) -> tuple[Any, ...]:
    """Return what an answer says, but for what no two answers share."""
    varies = re.compile(r'"(request_id|recorded_at)":"[^"]*"')
    headers = {name: answer.headers.get(name) for name in ("content-type", "retry-after", "allow")}
    return answer.status_code, headers, varies.sub("", answer.text)


@pytest.mark.parametrize(("method", "path", "how"), REQUESTS)
async def test_both_ways_give_the_same_answer(method: str, path: str, how: dict[str, Any]) -> None:
    answers = []
    for short in (True, False):
        async with front_door() as door:
            await door.open("a", "b")
            async with long_way(door) as other:
                client = door.client if short else other
                first = await client.request(method, path, **how)
                again = await client.request(method, path, **how)
                answers.append((content(first), content(again)))
    assert answers[0] == answers[1]


async def test_an_answer_of_one_way_is_replayed_by_the_other() -> None:
    async with front_door() as door, long_way(door) as other:
        await door.open("a", "b")
        first = await door.client.post(TRANSFERS, json=TRANSFER)
        again = await other.post(TRANSFERS, json=TRANSFER)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()


async def test_there_is_a_problem_for_every_wrong_address_and_method() -> None:
    async with front_door() as door:
        for method, path, status, code in (
            ("GET", "/nowhere", 404, "request.not_found"),
            ("POST", "/wallet/deposit/", 404, "request.not_found"),
            ("POST", "/api/v1/ledger/", 404, "request.not_found"),
            ("PUT", TRANSFERS, 405, "request.method_not_allowed"),
            ("GET", "/problems/no.such", 404, "request.not_found"),
            ("GET", "/api/v1/ledger/accounts/a%00b", 422, "request.bad_value"),
        ):
            answer = await door.client.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["instance"]


async def test_a_method_that_is_not_taken_is_told_which_are() -> None:
    async with front_door() as door:
        answer = await door.client.delete(TRANSFERS)
        assert answer.headers["Allow"] == "GET, POST"


async def test_a_body_that_is_too_large_is_refused_with_and_without_its_length() -> None:
    async with front_door(bounds=Bounds(body_bytes_max=100)) as door:

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b" " * 10

        for body in (b" " * 101, chunks()):
            answer = await door.client.post(TRANSFERS, content=body, headers=JSON)
            assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


async def test_a_body_in_pieces_is_put_together() -> None:
    async with front_door() as door:
        await door.open("a", "b")

        async def pieces() -> AsyncIterator[bytes]:
            yield b'{"id":"t1","debit":"a","credit":"b",'
            yield b'"amount":"1.50","asset":"EUR"}'

        answer = await door.client.post(TRANSFERS, content=pieces(), headers=JSON)
        assert answer.status_code == 201


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('Application/JSON;charset="UTF-8"', 201),
        ("application/vnd.api+json", 201),
        ("application/json; charset=latin-1", 415),
        ("application/x-www-form-urlencoded", 415),
        ("text/json", 415),
    ],
)
async def test_the_body_must_be_sent_as_json(content_type: str, status: int) -> None:
    async with front_door() as door:
        await door.open("a", "b")
        answer = await door.post(TRANSFERS, TRANSFER, content_type=content_type)
        assert answer.status_code == status


async def test_a_client_that_goes_away_leaves_nothing_behind() -> None:
    async with front_door() as door:
        app = create_app(platform_on(door.engine))
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        for path in (TRANSFERS, "/wallet/withdraw/w/cancel"):
            scope = {
                "type": "http",
                "method": "POST",
                "path": path,
                "raw_path": path.encode(),
                "query_string": b"",
                "headers": [],
            }
            await app(scope, receive, send)
        assert [message["status"] for message in sent if "status" in message] == [499, 499]
        assert door.engine.height == 0


async def test_a_request_keeps_its_id_and_gets_one_without() -> None:
    async with front_door() as door:
        answer = await door.client.get("/livez", headers={"X-Request-Id": "trace-1"})
        assert answer.headers["X-Request-Id"] == "trace-1"
        for said in ("", "a b", "x" * 65, 'a"b'):
            answer = await door.client.get("/livez", headers={"X-Request-Id": said})
            assert answer.headers["X-Request-Id"] != said
        problem = await door.client.get("/nowhere", headers={"X-Request-Id": "trace-2"})
        assert problem.json()["request_id"] == "trace-2"


async def test_each_request_is_logged_once_with_its_status() -> None:
    lines: list[dict[str, Any]] = []
    async with front_door(parts={"access_log": lambda **line: lines.append(line)}) as door:
        await door.client.get("/livez", headers={"X-Request-Id": "trace-1"})
        await door.client.get("/nowhere")
        await door.post("/wallet/withdraw/w/cancel")
    assert [(line["path"], line["status"]) for line in lines] == [
        ("/livez", 200),
        ("/nowhere", 404),
        ("/wallet/withdraw/w/cancel", 404),
    ]
    assert lines[0]["request_id"] == "trace-1"
    assert all(line["duration_s"] > 0 for line in lines)


async def test_a_bug_is_a_problem_and_leaves_the_door_open() -> None:
    class Broken:
        async def accounts(self, **_: Any) -> Any:
            raise ZeroDivisionError("secret")

    async with front_door(parts={"ledger": Broken()}) as door:
        answer = await door.client.get("/api/v1/ledger/accounts")
        assert (answer.status_code, answer.json()["code"]) == (500, "server.error")
        assert "secret" not in answer.text
        assert (await door.client.get("/livez")).status_code == 200


async def test_the_type_of_a_problem_can_be_followed() -> None:
    async with front_door() as door:
        problem = (await door.client.get("/nowhere")).json()
        told = (await door.client.get(problem["type"])).json()
        assert (told["code"], told["remedy"]) == (problem["code"], problem["remedy"])


def test_the_application_is_a_fastapi_application() -> None:
    assert issubclass(FrontDoor, FastAPI)
