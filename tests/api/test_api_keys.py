"""Is a signed request taken once, just now, as it was signed, and only while its key is good?"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.clock import SystemClock
from nostro.adapters.identity import ApiKeyStore
from nostro.adapters.identity.api_keys import KEYS_MAX
from nostro.api.auth_gate import Gate
from nostro.api.auth_signatures import FRESH_US, WINDOW_S, Signatures, digest, sign
from nostro.api.auth_tokens import Tokens
from nostro.api.problems import ProblemRaised
from nostro.runtime.ports import NotDone
from tests import databases
from tests.api.callers import KEY, TERMS, bearer
from tests.api.door import Door, front_door

ROOT = "/api/v1/api-keys"
ACCOUNTS = "/api/v1/ledger/accounts"


class Clock(SystemClock):
    """The real clock, and what is added to it."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def now_us(self) -> int:
        return time.time_ns() // 1_000 + self.ahead_us


class Room:
    """A door whose API keys stand in PostgreSQL, and the clock that signatures are held against."""

    def __init__(self, door: Door, store: ApiKeyStore, clock: Clock, gate: Gate) -> None:
        self.door = door
        self.store = store
        self.clock = clock
        self.gate = gate
        self._last_us = 0

    async def key(self, user: str = "alice", *roles: str, **body: Any) -> dict[str, Any]:
        """Make a key for a user."""
        answer = await self.door.post(ROOT, body, **bearer(user, *roles))
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def headers(
        self, key: dict[str, Any], method: str, target: str, body: bytes = b"", *, late_us: int = 0
    ) -> dict[str, str]:
        """Return what signs a request, at a time of its own."""
        self._last_us = max(self._last_us + 1, self.clock.now_us())
        at = str(self._last_us - late_us).encode()
        lines = b"\n".join((at, method.encode(), target.encode(), digest(body)))
        return {
            "X-Nostro-Key": key["id"],
            "X-Nostro-Timestamp": at.decode(),
            "X-Nostro-Signature": sign(key["secret"].encode(), lines).decode(),
        }

    async def send(
        self, headers: dict[str, str], method: str, target: str, body: bytes = b""
    ) -> httpx.Response:
        """Send a request with these headers."""
        return await self.door.client.request(method, target, content=body, headers=headers)

    async def signed(
        self, key: dict[str, Any], method: str = "GET", target: str = ROOT, body: bytes = b""
    ) -> httpx.Response:
        """Sign a request and send it."""
        return await self.send(self.headers(key, method, target, body), method, target, body)


@pytest.fixture
async def room(wheel_postgres: str) -> AsyncIterator[Room]:
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        databases.as_role(wheel_postgres, "nostro_engine"), min_size=1, max_size=2, open=False
    )
    clock = Clock()
    async with pool:
        store = ApiKeyStore(pool, "main", clock=clock)
        gate = Gate(tokens=Tokens(KEY, TERMS), signatures=Signatures(store, clock=clock))
        async with front_door(parts={"gate": gate, "api_keys": store}) as door:
            yield Room(door, store, clock, gate)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_platform_without_keys_says_so() -> None:
    async with front_door() as door:
        answer = await door.client.get(ROOT, headers=bearer("alice"))
        assert code(answer) == (501, "auth.keys_not_here")
        answer = await door.client.get(ROOT, headers={"X-Nostro-Key": "nk_1"})
        assert code(answer) == (501, "auth.keys_not_here")


async def test_keys_need_a_token_also_in_development(room: Room) -> None:
    assert code(await room.door.client.get(ROOT)) == (401, "auth.token_missing")
    assert code(await room.door.post(ROOT, {})) == (401, "auth.token_missing")


async def test_another_request_than_the_signed_one_is_refused(room: Room) -> None:
    key = await room.key("olga", "admin", role="operator", user_id="bob")
    body = b'{"id": "x", "asset": "EUR", "type": "asset"}'
    refused = (401, "auth.signature_refused")
    good = room.headers(key, "POST", ACCOUNTS, body)
    assert code(await room.send(good, "POST", ACCOUNTS, body + b" ")) == refused
    assert code(await room.send(good, "POST", ACCOUNTS, b"")) == refused
    for other in (f"{ACCOUNTS}?a=1", f"{ACCOUNTS}/x/close", "/api/v1/ledger/transfers"):
        assert code(await room.send(good, "POST", other, body)) == refused
    for name in ("X-Nostro-Timestamp", "X-Nostro-Signature"):
        for value in ("", "7" * 16, "0" * 64, "z" * 64, good[name].upper() + "0"):
            answer = await room.send({**good, name: value}, "POST", ACCOUNTS, body)
            assert code(answer) in (refused, (401, "auth.timestamp_refused")), (name, value)
    other_key = await room.key("alice")
    answer = await room.send({**good, "X-Nostro-Key": other_key["id"]}, "POST", ACCOUNTS, body)
    assert answer.status_code in (401, 403)
    assert (await room.send(good, "POST", ACCOUNTS, body)).status_code == 201


async def test_a_signed_request_is_taken_once(room: Room) -> None:
    key = await room.key()
    headers = room.headers(key, "GET", ROOT)
    assert (await room.send(headers, "GET", ROOT)).status_code == 200
    for _ in range(3):
        assert code(await room.send(headers, "GET", ROOT)) == (401, "auth.replayed")
    assert (await room.signed(key)).status_code == 200


async def test_a_request_is_good_only_around_its_time(room: Room) -> None:
    key = await room.key()
    room.clock.ahead_us = 100 * 1_000_000
    for late_us in (WINDOW_S * 1_000_000 + 500_000, -WINDOW_S * 1_000_000 - 500_000):
        headers = room.headers(key, "GET", ROOT, late_us=late_us)
        assert code(await room.send(headers, "GET", ROOT)) == (401, "auth.timestamp_refused")
    headers = room.headers(key, "GET", ROOT, late_us=(WINDOW_S - 5) * 1_000_000)
    assert (await room.send(headers, "GET", ROOT)).status_code == 200
    room.clock.ahead_us += 2 * WINDOW_S * 1_000_000
    assert code(await room.send(headers, "GET", ROOT)) == (401, "auth.timestamp_refused")


async def test_what_was_signed_before_the_process_began_is_refused(room: Room) -> None:
    """What it had seen before is forgotten, so it could be a replay."""
    key = await room.key()
    headers = room.headers(key, "GET", ROOT, late_us=20_000_000)
    assert code(await room.send(headers, "GET", ROOT)) == (401, "auth.timestamp_refused")


async def test_a_revoked_key_signs_nothing_more_from_then_on(room: Room) -> None:
    key = await room.key()
    assert (await room.signed(key)).status_code == 200
    path = f"{ROOT}/{key['id']}"
    for _ in range(2):
        answer = await room.door.client.delete(path, headers=bearer("alice"))
        assert answer.status_code == 200
        assert answer.json()["revoked_by"] == "alice"
        assert code(await room.signed(key)) == (401, "auth.key_refused")


async def test_a_key_that_is_revoked_elsewhere_is_refused_within_a_second(room: Room) -> None:
    key = await room.key()
    assert (await room.signed(key)).status_code == 200
    await room.store.revoke(key["id"], actor="elsewhere")
    room.clock.ahead_us += FRESH_US
    assert code(await room.signed(key)) == (401, "auth.key_refused")


async def test_a_key_that_is_not_known_or_has_expired_is_refused(room: Room) -> None:
    forged = {"id": "nk_" + "0" * 24, "secret": "nsk_x"}
    assert code(await room.signed(forged)) == (401, "auth.key_refused")
    answer = await room.door.post(ROOT, {"expires_at": "2020-01-01T00:00:00Z"}, **bearer("alice"))
    assert code(answer) == (422, "auth.bad_expiry")
    key = await room.key(expires_at="2100-01-01T00:00:00Z")
    assert (await room.signed(key)).status_code == 200
    room.clock.ahead_us = 80 * 366 * 86_400 * 1_000_000
    assert code(await room.signed(key)) == (401, "auth.key_refused")


async def test_a_request_is_signed_or_has_a_token_not_both(room: Room) -> None:
    headers = {**room.headers(await room.key(), "GET", ROOT), **bearer("alice")}
    assert code(await room.send(headers, "GET", ROOT)) == (400, "auth.signed_twice")


async def test_a_stream_cannot_be_signed(room: Room) -> None:
    key = await room.key("olga", "admin", role="operator", user_id="bob")
    path = "/api/v1/transactions/bulk"
    headers = room.headers(key, "POST", path, b"{}\n")
    headers["content-type"] = "application/x-ndjson"
    assert code(await room.send(headers, "POST", path, b"{}\n")) == (401, "auth.not_signable")


async def test_a_key_makes_and_revokes_no_keys(room: Room) -> None:
    key = await room.key()
    assert code(await room.signed(key, "POST", ROOT, b"{}")) == (403, "auth.not_by_key")
    answer = await room.signed(key, "DELETE", f"{ROOT}/{key['id']}")
    assert code(answer) == (403, "auth.not_by_key")


async def test_nobody_gives_more_than_they_may(room: Room) -> None:
    post = room.door.post
    answer = await post(ROOT, {"user_id": "bob"}, **bearer("alice"))
    assert code(answer) == (403, "auth.not_your_account")
    answer = await post(ROOT, {"role": "operator"}, **bearer("alice"))
    assert code(answer) == (403, "auth.role_not_given")
    answer = await post(ROOT, {"scopes": ["ledger:write"]}, **bearer("alice"))
    assert code(answer) == (403, "auth.role_not_given")
    for role in ("operator", "auditor"):
        assert code(await post(ROOT, {}, **bearer("eve", role))) == (403, "auth.not_allowed")
    answer = await post(ROOT, {"user_id": "bob", "role": "admin"}, **bearer("olga", "admin"))
    assert code(answer) == (422, "request.bad_value")


async def test_a_key_has_only_the_scopes_that_are_named(room: Room) -> None:
    key = await room.key(scopes=["wallets:write"])
    assert code(await room.signed(key)) == (403, "auth.not_allowed")
    body = b'{"user_id": "alice", "transaction_id": "t", "currency": "EUR", "amount": "1"}'
    assert (await room.signed(key, "POST", "/wallet/deposit", body)).status_code == 201
    other = body.replace(b"alice", b"bob")
    answer = await room.signed(key, "POST", "/wallet/deposit", other)
    assert code(answer) == (403, "auth.not_your_account")


async def test_keys_of_others_are_not_there(room: Room) -> None:
    key = await room.key()
    client, path = room.door.client, f"{ROOT}/{key['id']}"
    bob = bearer("bob")
    assert code(await client.get(path, headers=bob)) == (404, "auth.key_unknown")
    assert code(await client.delete(path, headers=bob)) == (404, "auth.key_unknown")
    assert (await client.get(ROOT, headers=bob)).json() == {"data": []}
    answer = await client.get(ROOT, params={"user_id": "alice"}, headers=bob)
    assert code(answer) == (403, "auth.not_your_account")
    for role in ("auditor", "admin"):
        told = (await client.get(ROOT, headers=bearer("eve", role))).json()["data"]
        assert [each["id"] for each in told] == [key["id"]]
    assert (await room.signed(key)).status_code == 200
    answer = await client.delete(path, headers=bearer("olga", "admin"))
    assert answer.status_code == 200
    assert code(await room.signed(key)) == (401, "auth.key_refused")


async def test_the_secret_is_told_once(room: Room) -> None:
    key = await room.key(label="market maker 1", scopes=["keys:read"])
    assert key["secret"].startswith("nsk_")
    (listed,) = (await room.door.client.get(ROOT, headers=bearer("alice"))).json()["data"]
    assert listed == {name: value for name, value in key.items() if name != "secret"}


async def test_a_user_has_a_bounded_number_of_keys(room: Room) -> None:
    keys = [await room.key() for _ in range(KEYS_MAX)]
    answer = await room.door.post(ROOT, {}, **bearer("alice"))
    assert code(answer) == (422, "auth.too_many_keys")
    await room.door.client.delete(f"{ROOT}/{keys[0]['id']}", headers=bearer("alice"))
    await room.key()


async def test_whoever_reads_the_database_reads_no_secret(room: Room, wheel_postgres: str) -> None:
    await room.key()
    for role in ("nostro_reader", "nostro_follower", "nostro_members"):
        with (
            psycopg.connect(databases.as_role(wheel_postgres, role)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT * FROM nostro.api_key_secret")
    with psycopg.connect(databases.as_role(wheel_postgres, "nostro_reader")) as connection:
        (row,) = connection.execute("SELECT * FROM nostro.api_key").fetchall()
    assert not any(isinstance(value, bytes) for value in row)


async def test_the_secret_of_a_revoked_key_is_gone(room: Room, wheel_postgres: str) -> None:
    key = await room.key()
    await room.door.client.delete(f"{ROOT}/{key['id']}", headers=bearer("alice"))
    with psycopg.connect(wheel_postgres) as connection:
        assert connection.execute("SELECT count(*) FROM nostro.api_key_secret").fetchone() == (0,)


async def test_a_socket_may_be_opened_with_a_signature(room: Room) -> None:
    key = await room.key()
    headers = room.headers(key, "GET", "/ws")
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": "/ws",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    caller = await room.gate.of_socket(scope)
    assert (caller.user_id, caller.key_id) == ("alice", key["id"])
    with pytest.raises(ProblemRaised):
        await room.gate.of_socket(scope)
    assert room.gate.holds(caller)
    await room.door.client.delete(f"{ROOT}/{key['id']}", headers=bearer("alice"))
    assert not room.gate.holds(caller)


async def test_while_the_store_is_down_nobody_signs(room: Room) -> None:
    class Down:
        async def record(self, id: str) -> None:
            raise NotDone("PostgreSQL: down")

    key = await room.key()
    assert room.gate.signatures is not None
    room.gate.signatures.keys = Down()  # type: ignore[assignment]
    assert code(await room.signed(key)) == (503, "engine.unavailable")


async def test_the_memory_of_signatures_is_bounded_and_empties_itself(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nostro.api.auth_signatures.SEEN_MAX", 3)
    key = await room.key()
    for _ in range(3):
        assert (await room.signed(key)).status_code == 200
    assert code(await room.signed(key)) == (503, "engine.overloaded")
    room.clock.ahead_us += (2 * WINDOW_S + 2) * 1_000_000
    assert (await room.signed(key)).status_code == 200
