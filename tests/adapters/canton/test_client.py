"""Does the client make each call as a participant wants it, and tell how it failed?"""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import httpx
import msgspec
import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton.auth import BearerToken, TokenFile
from nostro.adapters.domains.canton.client import CantonClient
from nostro.adapters.domains.canton.errors import Declined, NotAdmitted, TooLong, Unclear
from nostro.adapters.domains.canton.model import DESK, create
from nostro.adapters.domains.canton.shapes import (
    ActiveContractsRequest,
    Commands,
    CompletionsRequest,
    told_of,
)
from nostro.runtime.ports import NotDone, OutcomeUnknown
from tests.adapters.canton.scripted import URL, Scripted, error

SUBMIT = "/v2/commands/submit-and-wait"
END = "/v2/state/ledger-end"
COMMANDS = Commands(
    commands=(create(DESK, executor="x"),), command_id="c", act_as=("x",), user_id="nostro"
)
DONE = httpx.Response(200, json={"updateId": "1220ab", "completionOffset": 7})


def jwt(ends_s: int | None) -> str:
    claims = {"sub": "nostro"} | ({} if ends_s is None else {"exp": ends_s})
    body = base64.urlsafe_b64encode(msgspec.json.encode(claims)).decode().rstrip("=")
    return f"e30.{body}.c2ln"


class Clock(SystemClock):
    def __init__(self, now_s: int) -> None:
        self.now_s = now_s

    def now_us(self) -> int:
        return self.now_s * 1_000_000


@pytest.mark.parametrize(
    "lost",
    [
        httpx.ReadTimeout("late"),
        httpx.ReadError("lost"),
        httpx.WriteError("lost"),
        httpx.RemoteProtocolError("cut"),
        TimeoutError(),
    ],
)
async def test_a_command_without_an_answer_may_have_been_done(lost: Exception) -> None:
    client = Scripted().to(SUBMIT, lost).client()
    with pytest.raises(OutcomeUnknown):
        await client.submit_and_wait(COMMANDS)


@pytest.mark.parametrize("lost", [httpx.ConnectError("refused"), httpx.ConnectTimeout("late")])
async def test_a_command_that_was_never_sent_was_not_done(lost: Exception) -> None:
    client = Scripted().to(SUBMIT, lost).client()
    with pytest.raises(NotDone):
        await client.submit_and_wait(COMMANDS)


async def test_an_answer_to_a_command_that_is_none_leaves_its_outcome_open() -> None:
    client = Scripted().to(SUBMIT, httpx.Response(200, text="<html>")).client()
    with pytest.raises(OutcomeUnknown):
        await client.submit_and_wait(COMMANDS)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("late"),
        error(503, "SERVICE_NOT_RUNNING", 1),
        httpx.Response(200, text="<html>"),
        httpx.Response(502),
    ],
)
async def test_a_question_never_leaves_an_outcome_open(
    answer: httpx.Response | Exception,
) -> None:
    with pytest.raises(NotDone):
        await Scripted().to(END, answer).client().ledger_end()


async def test_an_open_outcome_keeps_what_the_participant_said() -> None:
    client = Scripted().to(SUBMIT, error(503, "SERVICE_NOT_RUNNING", 1)).client()
    with pytest.raises(Unclear) as raised:
        await client.submit_and_wait(COMMANDS)
    assert raised.value.error.code == "SERVICE_NOT_RUNNING"


async def test_a_plain_text_refusal_of_a_malformed_body_is_final() -> None:
    text = httpx.Response(400, text="Invalid value for: body (oops)")
    with pytest.raises(Declined, match="oops"):
        await Scripted().to(SUBMIT, text).client().submit_and_wait(COMMANDS)


async def test_a_list_that_is_too_long_is_said_to_be() -> None:
    code = "JSON_API_MAXIMUM_LIST_ELEMENTS_NUMBER_REACHED"
    client = Scripted().to("/v2/state/active-contracts", error(413, code, 2)).client()
    asked = ActiveContractsRequest(active_at_offset=1, event_format=told_of({"x": ()}))
    with pytest.raises(TooLong):
        await client.active_contracts(asked, limit=199)


async def test_an_answer_without_bounds_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nostro.adapters.domains.canton.client.ANSWER_BYTES_MAX", 10)
    client = Scripted().to(END, httpx.Response(200, text=" " * 11 + '{"offset": 1}')).client()
    with pytest.raises(NotDone):
        await client.ledger_end()


async def test_a_redirect_is_not_followed() -> None:
    away = httpx.Response(302, headers={"location": "http://elsewhere/"})
    with pytest.raises(NotDone):
        await Scripted().to(END, away).client().ledger_end()


async def test_a_token_that_is_refused_is_read_again_once() -> None:
    tokens = iter([jwt(None), jwt(2**40)])
    script = Scripted().to(END, httpx.Response(401, text=""), httpx.Response(200, json={}))
    assert await script.client(lambda: next(tokens)).ledger_end() == 0
    sent = [headers["authorization"] for _, _, headers in script.asked]
    assert sent == [f"Bearer {jwt(None)}", f"Bearer {jwt(2**40)}"]


async def test_a_token_that_stays_refused_is_told() -> None:
    script = Scripted().to(END, error(401, "NA", -1))
    with pytest.raises(NotAdmitted):
        await script.client(lambda: jwt(None)).ledger_end()
    assert len(script.asked) == 2


def test_a_token_is_read_again_a_minute_before_it_ends() -> None:
    clock, read = Clock(1_000), iter([jwt(1_300), jwt(1_600)])
    token = BearerToken(lambda: next(read), clock=clock)
    assert token.header() == f"Bearer {jwt(1_300)}"
    clock.now_s = 1_239
    assert token.header() == f"Bearer {jwt(1_300)}"
    clock.now_s = 1_240
    assert token.header() == f"Bearer {jwt(1_600)}"


def test_a_token_that_does_not_say_when_it_ends_is_read_every_minute() -> None:
    clock, read = Clock(1_000), iter(["opaque", "other"])
    token = BearerToken(lambda: next(read), clock=clock)
    assert token.header() == "Bearer opaque"
    clock.now_s = 1_059
    assert token.header() == "Bearer opaque"
    clock.now_s = 1_060
    assert token.header() == "Bearer other"


@pytest.mark.parametrize("text", ["", "two words", "é"])
def test_what_is_no_token_is_not_sent(text: str) -> None:
    with pytest.raises(NotDone):
        BearerToken(lambda: text, clock=SystemClock()).header()


def test_a_token_file_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(NotDone):
        TokenFile(path)()
    for text in ("first", "second"):
        path.write_text(text + "\n")
        assert TokenFile(path)() == text


async def test_health_is_asked_without_a_token() -> None:
    script = Scripted().to("/livez", httpx.Response(200))
    script.to("/readyz", httpx.Response(503, text="readyz check failed"))
    client = script.client(lambda: "secret")
    assert await client.is_live()
    assert not await client.is_ready()
    assert not any("authorization" in headers for _, _, headers in script.asked)


async def test_a_participant_that_is_away_is_not_live() -> None:
    assert not await Scripted().to("/livez", httpx.ConnectError("refused")).client().is_live()


async def test_completions_pass_over_checkpoints() -> None:
    completion = {"commandId": "c", "offset": 9, "userId": "n", "actAs": [], "updateId": "u"}
    elements = [
        {"completionResponse": {"OffsetCheckpoint": {"value": {"offset": 8}}}},
        {"completionResponse": {"Completion": {"value": completion}}},
        {"completionResponse": {"Empty": {}}},
    ]
    script = Scripted().to("/v2/commands/completions", httpx.Response(200, json=elements))
    script.to("/v2/commands/command-completions", httpx.Response(200, json=elements))
    asked = CompletionsRequest(parties=("x",), begin_exclusive=7, user_id="nostro")
    for call in (script.client().completions, script.client().command_completions):
        found = await call(asked, limit=10)
        assert [(each.command_id, each.offset, each.accepted) for each in found] == [("c", 9, True)]
    assert "userId" not in script.bodies("/v2/commands/command-completions")[0]


async def test_no_more_calls_are_under_way_than_are_allowed() -> None:
    under_way, most = 0, 0

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await SystemClock().sleep(0)
            under_way -= 1
            return httpx.Response(200, json={"offset": 1})

    client = CantonClient(URL, transport=Slow(), calls_max=3)
    await asyncio.gather(*(client.ledger_end() for _ in range(20)))
    assert most == 3
