"""Who is let in, and for whom may they act and read?"""

from __future__ import annotations

from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.adapters.canton_double.participant import (
    DESK,
    HOLDING,
    KEY,
    Json,
    World,
    create,
    exercise,
)


async def code_of(world: World, token: str) -> int:
    headers = {"authorization": token} if token else {}
    client = httpx.AsyncClient(
        transport=world.transport, base_url="http://participant", headers=headers
    )
    answer = await client.get("/v2/state/ledger-end")
    if not answer.is_success:
        told = answer.json()
        assert (told["code"], told["errorCategory"], told["context"]) == ("NA", -1, {})
    return answer.status_code


def test_nobody_is_let_in_without_a_good_token() -> None:
    world = World()
    now_s = world.clock.now_us() // 1_000_000
    audience = f"https://daml.com/jwt/aud/participant/{world.double.participant_id}"

    def token(key: bytes = KEY, alg: str = "HS256", **claims: Any) -> str:
        told = {"sub": "nostro", "exp": now_s + 60, "aud": audience, **claims}
        told = {name: each for name, each in told.items() if each is not None}
        return f"Bearer {jwt.encode({'alg': alg}, told, OctKey.import_key(key))}"

    async def story() -> None:
        assert await code_of(world, token()) == 200
        assert await code_of(world, token(aud=["x", audience])) == 200
        assert await code_of(world, token(aud=None, scope="a daml_ledger_api")) == 200
        assert await code_of(world, "") == 401
        assert await code_of(world, "Basic bm9zdHJv") == 401
        assert await code_of(world, "Bearer x.y.z") == 401
        assert await code_of(world, token(key=b"another" * 8)) == 401
        assert await code_of(world, token(exp=now_s - 1)) == 401
        assert await code_of(world, token(exp=None)) == 401
        assert await code_of(world, token(aud="somebody-else")) == 401
        assert await code_of(world, token(sub="nobody")) == 403

    world.run(story())


def test_a_token_ages() -> None:
    world = World()

    async def story() -> None:
        token = f"Bearer {world.double.admin.token('nostro', life_s=60)}"
        assert await code_of(world, token) == 200
        await world.clock.sleep(61)  # sleeps: in virtual time
        assert await code_of(world, token) == 401

    world.run(story())


def test_a_user_acts_and_reads_only_for_parties_that_let_it() -> None:
    world = World()

    async def story() -> None:
        shares = world.issue(world.seller, "AAPL", "5")
        step = exercise(HOLDING, shares, "Holding_Unlock", {})
        answer = await world.submit(step, command_id="one", actAs=[world.seller])
        assert answer.status_code == 403
        stranger = world.double.admin.create_party("Stranger")
        told = {"executor": world.executor, "coordinator": "main", "epoch": "1"}
        answer = await world.submit(create(DESK, told), command_id="one", readAs=[stranger])
        assert answer.status_code == 403
        answer = await world.submit(create(DESK, told), command_id="one", userId="another")
        assert answer.status_code == 403
        asked = {"activeAtOffset": 0, "eventFormat": world.events(stranger)}
        assert (await world.post("/v2/state/active-contracts", asked)).status_code == 403
        everybody: Json = {"filtersForAnyParty": {}}
        asked = {"activeAtOffset": 0, "eventFormat": everybody}
        assert (await world.post("/v2/state/active-contracts", asked)).status_code == 403

    world.run(story())
