"""What happens when payments are sent by the thousand, at once or as a stream?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, MutableMapping
from typing import Any

import httpx
import msgspec
import pytest

from nostro.api.http import payments_stream
from nostro.api.http.payments_stream import Lines, Over
from tests.api.door import Door, front_door
from tests.api.test_payments import banks, payment

BULK = "/api/v1/transactions/bulk"
NDJSON = "application/x-ndjson"


async def bulk(door: Door, *payments: Any, expected: int = 200, **how: Any) -> dict[str, Any]:
    answer = await door.post(BULK, {"transactions": payments}, **how)
    assert answer.status_code == expected, answer.text
    told: dict[str, Any] = answer.json()
    return told


def outcomes(results: Iterable[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (each.get("transaction_id", ""), each["result"], each.get("code", "")) for each in results
    ]


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "request.malformed_json"),
        (b"[]", "payments.invalid"),
        (b"{}", "payments.invalid"),
        (b'{"transactions": {}}', "payments.invalid"),
        (b'{"transactions": [], "all": true}', "payments.invalid"),
        (b'{"transactions": []}', "payments.none"),
        (b'{"transactions": [' + b"1," * 10_000 + b"1]}", "payments.too_many"),
    ],
)
async def test_a_body_that_is_no_list_of_payments_is_refused_whole(body: bytes, code: str) -> None:
    async with front_door() as door:
        answer = await door.post(BULK, body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert door.engine.height == 0


async def test_each_broken_payment_has_its_own_result() -> None:
    broken = [
        7,
        {"transaction_id": "b1"},
        payment("b2", amount=True),
        payment("b3", amount="1.505"),
        payment("b4", priority="high"),
        payment("b5", source_currency="usd"),
        payment("b6", colour="red"),
    ]
    async with front_door(parts={"ledger": Registry()}) as door:
        told = await bulk(door, *broken)
        assert (told["accepted"], told["refused"]) == (0, 7)
        assert outcomes(told["results"]) == [
            ("", "refused", "payments.invalid"),
            ("b1", "refused", "payments.invalid"),
            ("b2", "refused", "money.not_a_number"),
            ("b3", "refused", "money.too_many_decimals"),
            ("b4", "refused", "payments.invalid"),
            ("b5", "refused", "asset.unknown"),
            ("b6", "refused", "payments.invalid"),
        ]
        assert "missing required field" in told["results"][1]["facts"]["why"]
        assert [each["index"] for each in told["results"]] == list(range(7))
        assert door.engine.height == 0


class Registry:
    """Views of a ledger that registered nothing."""

    async def assets(self) -> tuple[()]:
        return ()


async def test_a_stream_has_no_key_and_no_unknown_actor() -> None:
    async with front_door() as door:
        for headers, code in (
            ({"Idempotency-Key": "k"}, "payments.key_on_stream"),
            ({"X-Nostro-Actor": "a b"}, "request.bad_actor"),
        ):
            answer = await door.client.post(
                BULK, content=b"{}", headers={"Content-Type": NDJSON, **headers}
            )
            assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_wrong_actor_is_refused_even_where_there_is_nothing_to_submit() -> None:
    async with front_door() as door:
        told = await bulk(door, 7, expected=400, x_nostro_actor="a b")
        assert told["code"] == "request.bad_actor"


async def test_what_the_platform_refuses_does_not_stop_the_others() -> None:
    async with front_door() as door:
        await banks(door, funds="4.00")
        told = await bulk(
            door,
            payment("p1"),
            payment("p2", counterparty_id="WEST"),
            payment("p3", amount="x"),
            payment("p4"),
            payment("p5"),
        )
        assert outcomes(told["results"]) == [
            ("p1", "accepted", ""),
            ("p2", "refused", "payments.participant_unknown"),
            ("p3", "refused", "money.not_a_number"),
            ("p4", "accepted", ""),
            ("p5", "refused", "ledger.exceeds_credits"),
        ]
        assert (told["accepted"], told["refused"]) == (2, 3)
        assert told["results"][4]["facts"]["available"] == "1.00"


async def test_a_single_payment_of_a_bulk_is_told_in_its_result() -> None:
    async with front_door() as door:
        await banks(door, funds="1.00")
        told = await bulk(door, payment())
        assert outcomes(told["results"]) == [("p1", "refused", "ledger.exceeds_credits")]


# -- repeats ---------------------------------------------------------------------------------------


async def test_sent_again_what_was_accepted_is_a_duplicate() -> None:
    async with front_door() as door:
        await banks(door)
        first = await bulk(door, payment("p1"), payment("p2"))
        again = await bulk(door, payment("p1"), payment("p2"), payment("p3"))
        assert (first["accepted"], first["duplicates"]) == (2, 0)
        assert (again["accepted"], again["duplicates"]) == (1, 2)
        assert outcomes(again["results"])[0] == ("p1", "duplicate", "payments.duplicate")


async def test_twice_in_one_request_is_accepted_once() -> None:
    async with front_door() as door:
        await banks(door)
        told = await bulk(door, payment("p1"), payment("p1"), payment("p1", amount="2.00"))
        assert outcomes(told["results"]) == [
            ("p1", "accepted", ""),
            ("p1", "duplicate", "payments.duplicate"),
            ("p1", "refused", "payments.exists"),
        ]


async def test_under_a_key_the_first_answer_is_told_again() -> None:
    async with front_door() as door:
        await banks(door)
        first = await bulk(door, payment("p1"), payment("p2"), key="k")
        again = await door.post(BULK, {"transactions": [payment("p1"), payment("p2")]}, key="k")
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json() == first
        told = await bulk(door, payment("p1"), expected=422, key="k")
        assert told["code"] == "engine.key_reused"


async def test_one_sent_alone_is_a_duplicate_among_many_and_the_other_way_round() -> None:
    async with front_door() as door:
        await banks(door)
        assert (await door.post("/api/v1/transactions", payment("p1"))).status_code == 201
        told = await bulk(door, payment("p1"), payment("p2"))
        assert outcomes(told["results"])[0][1] == "duplicate"
        alone = await door.post("/api/v1/transactions", payment("p2"))
        assert (alone.status_code, alone.json()["result"]) == (200, "duplicate")


# -- streams ---------------------------------------------------------------------------------------


async def stream(door: Door, *pieces: bytes) -> list[dict[str, Any]]:
    """Send pieces of a body, and return the lines of the answer."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    answer = await door.client.post(BULK, content=body(), headers={"Content-Type": NDJSON})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == NDJSON
    return [json.loads(line) for line in answer.text.splitlines()]


def lines(*payments: Any) -> bytes:
    return b"".join(msgspec.json.encode(each) + b"\n" for each in payments)


async def test_each_line_of_a_stream_has_its_answer_in_order() -> None:
    async with front_door() as door:
        await banks(door)
        told = await stream(
            door,
            lines(payment("p1"), payment("p2", amount="x")),
            b'{"transaction_id": "broken"\n\n',
            lines(payment("p3"), payment("p1")),
        )
        assert outcomes(told) == [
            ("p1", "accepted", ""),
            ("p2", "refused", "money.not_a_number"),
            ("", "refused", "payments.invalid"),
            ("p3", "accepted", ""),
            ("p1", "duplicate", "payments.duplicate"),
        ]
        assert [each["index"] for each in told] == [0, 1, 2, 3, 4]
        assert told[0]["height"] == door.engine.height


async def test_a_line_may_come_in_pieces_and_the_last_without_its_end() -> None:
    async with front_door() as door:
        await banks(door)
        text = lines(payment("p1"), payment("p2")).rstrip()
        told = await stream(door, text[:50], text[50:300], text[300:])
        assert outcomes(told) == [("p1", "accepted", ""), ("p2", "accepted", "")]


async def test_a_stream_longer_than_a_chunk_is_several_commands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(payments_stream, "CHUNK_LINES", 3)
    async with front_door() as door:
        await banks(door)
        before = door.engine.height
        told = await stream(door, lines(*(payment(f"p{n}") for n in range(20))))
        assert [each["index"] for each in told] == list(range(20))
        assert {each["result"] for each in told} == {"accepted"}
        assert door.engine.height == before + 7
        heights = [each["height"] for each in told]
        assert heights == sorted(heights)


async def test_an_empty_stream_is_answered_with_nothing() -> None:
    async with front_door() as door:
        assert await stream(door, b"\n\n") == []


async def test_an_engine_that_is_gone_ends_the_stream_and_says_so() -> None:
    async with front_door() as door:
        await door.engine.stop()
        told = await stream(door, lines(payment("p1"), payment("p2")))
        assert outcomes(told[:2]) == [
            ("", "refused", "engine.unavailable"),
            ("", "refused", "engine.unavailable"),
        ]
        assert told[2]["ended"] is True
        assert len(told) == 3


async def test_a_line_without_end_ends_the_stream() -> None:
    async with front_door() as door:
        told = await stream(door, b"x" * (payments_stream.LINE_BYTES_MAX + 1))
        assert [(each["ended"], each["code"]) for each in told] == [(True, "request.too_large")]


async def test_what_has_come_is_answered_while_the_sender_thinks() -> None:
    """Through ASGI itself: the client of the tests gives the whole answer only at its end."""
    async with front_door() as door:
        await banks(door)
        sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        heard: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": BULK,
            "raw_path": BULK.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"content-type", NDJSON.encode())],
            "server": ("nostro", 80),
            "client": ("test", 1),
        }
        serving = asyncio.ensure_future(door.app(scope, sent.get, heard.put))
        sent.put_nowait({"type": "http.request", "body": lines(payment("p1")), "more_body": True})
        assert (await heard.get())["type"] == "http.response.start"
        first = await asyncio.wait_for(heard.get(), 5)
        assert b'"accepted"' in first["body"]
        sent.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(serving, 5)


async def test_a_sender_that_sends_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments_stream, "IDLE_S", 0.01)
    never: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    source = Lines(never.get)
    with pytest.raises(Over) as over:
        await source.chunk(wait_s=payments_stream.IDLE_S)
    assert over.value.code == "request.too_slow"
    source.close()


async def test_only_so_many_streams_are_open_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments_stream, "STREAMS_MAX", 0)
    async with front_door() as door:
        answer: httpx.Response = await door.client.post(
            BULK, content=b"", headers={"Content-Type": NDJSON}
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "engine.overloaded")
