"""Which keys does an issuer have, and how often is it asked? Its silence and its lies first."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from nostro.adapters.identity import Jwks, PublicKey, read_jwks
from nostro.adapters.identity.jwks import BYTES_MAX, REFETCH_PAUSE_S, REFRESH_S
from nostro.runtime.ports import NotDone

URL = "https://issuer.example/.well-known/jwks.json"
RSA = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
EC = ECKey.generate_key("P-256", {"kid": "two"}, private=True)
ED = OKPKey.generate_key("Ed25519", {"kid": "three"}, private=True)


def written(*keys: Any, **more: Any) -> bytes:
    return json.dumps({"keys": [{**key.as_dict(private=False), **more} for key in keys]}).encode()


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.us = 1_000_000_000

    def now_us(self) -> int:
        return self.us

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")

    def pass_s(self, seconds: int) -> None:
        self.us += seconds * 1_000_000


class Issuer:
    """A server that tells keys, or what it is told to tell."""

    def __init__(self) -> None:
        self.told: bytes | int | Exception = written(RSA)
        self.asked = 0
        self.held: asyncio.Event | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.held is not None:
            await self.held.wait()
        if isinstance(self.told, Exception):
            raise self.told
        if isinstance(self.told, int):
            return httpx.Response(self.told, headers={"location": "https://evil.example"})
        return httpx.Response(200, content=self.told)


class Room:
    """The keys of an issuer, its server and the clock."""

    def __init__(self) -> None:
        self.clock, self.issuer = Clock(), Issuer()
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.issuer))
        self.keys = Jwks(URL, clock=self.clock, client=client, timeout_s=0.2)
        self._client = client

    async def kid(self, kid: str) -> str | None:
        key = await self.keys.key(kid)
        return None if key is None else key.kid

    async def close(self) -> None:
        await self.keys.close()
        await self._client.aclose()


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    yield room
    await room.close()


@pytest.mark.parametrize(
    "told",
    [
        httpx.ConnectError("refused"),
        500,
        404,
        302,
        b"",
        b"{}",
        b"[]",
        b'{"keys": 7}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "oct", "kid": "one", "k": "c2VjcmV0"}]}',
        b"\xff" * 10,
        b"[" * 200_000,
        b" " * (BYTES_MAX + 1),
    ],
)
async def test_an_issuer_that_tells_no_keys_is_an_outage(
    room: Room, told: bytes | int | Exception
) -> None:
    room.issuer.told = told
    with pytest.raises(NotDone):
        await room.keys.key("one")
    with pytest.raises(NotDone):
        await room.keys.key("one")
    assert room.issuer.asked == 1, "it is not asked again at once"


async def test_an_issuer_that_hangs_is_given_up(room: Room) -> None:
    room.issuer.held = asyncio.Event()
    with pytest.raises(NotDone):
        await room.keys.key("one")


async def test_keys_stay_good_while_the_issuer_is_down(room: Room) -> None:
    assert await room.kid("one") == "one"
    room.issuer.told = 503
    room.clock.pass_s(REFRESH_S + 1)
    for _ in range(3):
        assert await room.kid("one") == "one"
    await asyncio.sleep(0)
    room.clock.pass_s(86_400)
    assert await room.kid("one") == "one"


async def test_whatever_kids_are_named_the_issuer_is_asked_once_in_a_while(room: Room) -> None:
    assert await room.kid("one") == "one"
    for number in range(100):
        assert await room.kid(f"invented-{number}") is None
    assert room.issuer.asked == 1
    room.clock.pass_s(REFETCH_PAUSE_S)
    for number in range(100):
        assert await room.kid(f"invented-{number}") is None
    assert room.issuer.asked == 2


async def test_a_new_key_is_found_and_one_that_was_withdrawn_is_gone(room: Room) -> None:
    assert await room.kid("one") == "one"
    room.issuer.told = written(EC)
    assert await room.kid("two") is None, "the pause is not over"
    room.clock.pass_s(REFETCH_PAUSE_S)
    assert await room.kid("two") == "two"
    assert await room.kid("one") is None


async def test_a_key_that_is_known_but_old_is_asked_for_beside(room: Room) -> None:
    assert await room.kid("one") == "one"
    room.issuer.told = written(EC)
    room.clock.pass_s(REFRESH_S)
    assert await room.kid("one") == "one", "nobody waits for the refresh"
    assert await room.kid("two") == "two"
    assert await room.kid("one") is None


async def test_callers_who_ask_at_once_ask_the_issuer_once(room: Room) -> None:
    found = await asyncio.gather(*(room.kid("one") for _ in range(50)))
    assert set(found) == {"one"}
    assert room.issuer.asked == 1


async def test_a_caller_who_goes_does_not_end_what_others_wait_for(room: Room) -> None:
    room.issuer.held = asyncio.Event()
    first = asyncio.create_task(room.kid("one"))
    second = asyncio.create_task(room.kid("one"))
    await asyncio.sleep(0)
    first.cancel()
    room.issuer.held.set()
    assert await second == "one"


def test_every_kind_of_key_is_for_its_own_algorithm() -> None:
    algorithms = {kid: key.algorithms for kid, key in read_jwks(written(RSA, EC, ED)).items()}
    assert algorithms == {"one": {"RS256"}, "two": {"ES256"}, "three": {"EdDSA", "Ed25519"}}


@pytest.mark.parametrize(
    "bad",
    [
        written(RSA, use="enc"),
        written(RSA, alg="RS512"),
        written(RSA, alg="HS256"),
        written(RSA, kid=""),
        written(RSA, kid=7),
        written(RSA, kid="x" * 257),
        written(RSA, n="!"),
        written(RSA, e=None),
        written(EC, x="AAAA"),
        written(EC, crv="P-999"),
        written(ED, crv=["Ed25519"]),
        written(RSA, n=base64.urlsafe_b64encode(b"\xc1" * 128).decode().rstrip("=")),
        written(ECKey.generate_key("P-521", {"kid": "large"}, private=True)),
        written(OKPKey.generate_key("X25519", {"kid": "exchange"}, private=True)),
        json.dumps({"keys": [OctKey.generate_key(256, {"kid": "secret"}).as_dict()]}).encode(),
    ],
    ids=[f"bad{number}" for number in range(15)],  # fresh keys are no names: workers must agree
)
def test_a_key_that_is_not_for_signatures_of_ours_is_passed_over(bad: bytes) -> None:
    with pytest.raises(ValueError, match="no usable key"):
        read_jwks(bad)
    both = json.dumps({"keys": json.loads(bad)["keys"] + json.loads(written(EC))["keys"]})
    assert read_jwks(both.encode()).keys() == {"two"}


def test_the_first_of_two_keys_of_one_name_is_the_key() -> None:
    other = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    (key,) = read_jwks(written(RSA, other)).values()
    assert isinstance(key, PublicKey)
    assert key.key.as_dict()["n"] == RSA.as_dict()["n"]
    assert not key.key.is_private
