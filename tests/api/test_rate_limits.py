"""How much may one caller send, and what are they told of it?"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from nostro.api import limits as module
from nostro.api.auth import ANONYMOUS, LOCAL, Role, caller_of
from nostro.api.limits import Limits
from nostro.api.problems import ProblemRaised
from tests.api.callers import bearer
from tests.api.door import front_door

ALICE = caller_of("alice", [Role.TRADER])
BOB = caller_of("bob", [Role.TRADER])
SCOPE: dict[str, Any] = {"client": ("192.0.2.1", 1)}


class Time:
    """Nanoseconds that pass when they are told to."""

    def __init__(self) -> None:
        self.ns = 10**18

    def __call__(self) -> int:
        return self.ns

    def pass_s(self, seconds: int) -> None:
        self.ns += seconds * 10**9


def taken(limits: Limits, caller: Any, times: int, scope: dict[str, Any] = SCOPE) -> int:
    """Return how many of so many requests at once are let through."""
    passed = 0
    for _ in range(times):
        with suppress(ProblemRaised):
            limits.take(caller, scope)
            passed += 1
    return passed


def test_a_caller_who_sends_too_much_is_told_when_to_come_back() -> None:
    time = Time()
    limits = Limits(rate_per_s=2, burst=5, now_ns=time)
    assert taken(limits, ALICE, 9) == 5
    time.pass_s(1)
    assert taken(limits, ALICE, 9) == 2
    time.pass_s(60)
    assert taken(limits, ALICE, 9) == 5
    assert taken(limits, BOB, 9) == 5, "one caller takes nothing from another"


def test_keys_of_one_user_and_users_and_addresses_are_told_apart() -> None:
    limits = Limits(rate_per_s=1, burst=1, now_ns=Time())
    callers = (
        ALICE,
        caller_of("alice", [Role.TRADER], key_id="nk_1"),
        caller_of("nk_1", [Role.TRADER]),
        caller_of("192.0.2.1", [Role.TRADER]),
        ANONYMOUS,
    )
    for caller in callers:
        assert taken(limits, caller, 2) == 1
    assert taken(limits, ANONYMOUS, 2, {"client": ("192.0.2.2", 1)}) == 1
    assert taken(limits, ANONYMOUS, 2, {"client": None}) == 1


def test_nothing_is_bounded_by_0_and_the_local_operator_never() -> None:
    assert taken(Limits(), ALICE, 1_000) == 1_000
    assert taken(Limits(rate_per_s=1, burst=1), LOCAL, 1_000) == 1_000


def test_what_is_left_is_told_as_the_draft_says() -> None:
    time = Time()
    limits = Limits(rate_per_s=2, burst=5, now_ns=time)
    told = [limits.take(ALICE, SCOPE) for _ in range(5)]
    assert told[0] == (
        (b"ratelimit-policy", b'"caller";q=5;w=3'),
        (b"ratelimit", b'"caller";r=4;t=1'),
    )
    assert told[4] is not None
    assert told[4][1] == (b"ratelimit", b'"caller";r=0;t=3')


def test_callers_who_are_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUCKETS_MAX", 10)
    time = Time()
    limits = Limits(rate_per_s=1, burst=1, now_ns=time)
    for number in range(1_000):
        limits.take(caller_of(f"u{number}", [Role.TRADER]), SCOPE)
        assert len(limits._paid_until) <= 10


async def test_the_answer_is_a_problem_and_says_when_to_come_back() -> None:
    limits = Limits(rate_per_s=1, burst=2, now_ns=Time())
    async with front_door(parts={"limits": limits}) as door:
        body = {"user_id": "alice", "transaction_id": "t", "currency": "EUR", "amount": "1"}
        first = await door.post("/wallet/deposit", body, **bearer("alice"))
        assert first.headers["ratelimit"] == '"caller";r=1;t=1'
        refused = await door.post("/wallet/deposit", {**body, "user_id": "bob"}, **bearer("alice"))
        assert refused.status_code == 403, "what is refused is counted too"
        assert refused.headers["ratelimit"] == '"caller";r=0;t=2'
        answer = await door.post("/wallet/deposit", body, **bearer("alice"))
        assert (answer.status_code, answer.json()["code"]) == (429, "request.rate_limited")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["ratelimit-policy"] == '"caller";q=2;w=2'
        assert answer.headers["ratelimit"].startswith('"caller";r=0;t=')
        for _ in range(5):
            assert (await door.client.get("/livez")).status_code == 200
            other = await door.post("/wallet/deposit", {**body, "user_id": "bob"}, **bearer("bob"))
        assert other.status_code == 429
        await door.open("x")
