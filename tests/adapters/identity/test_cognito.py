"""Is a user of an AWS Cognito pool let in? The pool is moto's, over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import httpx
import pytest
from moto.server import ThreadedMotoServer

from nostro.adapters.clock import SystemClock
from nostro.adapters.identity import Jwks
from nostro.api.auth_gate import Gate
from nostro.api.auth_tokens import Tokens
from nostro.wiring.identity import terms_of
from nostro.wiring.settings import Settings
from tests.api.door import Door, front_door

REGION = "eu-west-1"
PASSWORD = "Correct-horse-7-battery"


class Pool:
    """A pool with a client and users, each of one group or none."""

    def __init__(self, url: str) -> None:
        self._api: Any = boto3.client(
            "cognito-idp",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        self.id = self._api.create_user_pool(PoolName="nostro")["UserPool"]["Id"]
        self.client_id = self.client()
        self.issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{self.id}"
        self.jwks_uri = f"{url}/{self.id}/.well-known/jwks.json"

    def client(self) -> str:
        """Return another client of the pool."""
        made = self._api.create_user_pool_client(
            UserPoolId=self.id,
            ClientName="app",
            ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"],
        )
        return str(made["UserPoolClient"]["ClientId"])

    def user(self, name: str, group: str | None = None) -> None:
        """Add a user with a password for good."""
        self._api.admin_create_user(UserPoolId=self.id, Username=name)
        self._api.admin_set_user_password(
            UserPoolId=self.id, Username=name, Password=PASSWORD, Permanent=True
        )
        if group is not None:
            self._api.create_group(UserPoolId=self.id, GroupName=group)
            self._api.admin_add_user_to_group(UserPoolId=self.id, Username=name, GroupName=group)

    def sign_in(self, name: str, client_id: str | None = None) -> dict[str, str]:
        """Return the tokens of a user: AccessToken, IdToken."""
        answer = self._api.admin_initiate_auth(
            UserPoolId=self.id,
            ClientId=client_id or self.client_id,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )
        told: dict[str, str] = answer["AuthenticationResult"]
        return told


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Pool(f"http://{host}:{port}")
    finally:
        server.stop()


@pytest.fixture(scope="module", autouse=True)
def _users(pool: Pool) -> None:
    pool.user("alice")
    pool.user("olga", "operator")


def settings_for(pool: Pool, **more: Any) -> Settings:
    return Settings(
        auth_issuer=pool.issuer,
        auth_jwks_uri=pool.jwks_uri,
        auth_audience=pool.client_id,
        auth_user_claim="username",
        **more,
    )


@pytest.fixture
async def door(pool: Pool) -> AsyncIterator[Door]:
    settings = settings_for(pool)
    jwks = Jwks(settings.jwks_uri, clock=SystemClock())
    gate = Gate(tokens=Tokens(jwks, terms_of(settings)), open_locally=False)
    async with front_door(parts={"gate": gate}) as opened:
        yield opened
    await jwks.close()


async def deposit(door: Door, token: str, user_id: str) -> httpx.Response:
    body = {"user_id": user_id, "transaction_id": "t", "currency": "EUR", "amount": "1"}
    return await door.post("/wallet/deposit", body, authorization=f"Bearer {token}")


async def test_a_user_of_the_pool_acts_for_himself_alone(door: Door, pool: Pool) -> None:
    token = pool.sign_in("alice")["AccessToken"]
    answer = await deposit(door, token, "olga")
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_your_account")
    assert (await deposit(door, token, "alice")).status_code == 201


async def test_a_group_of_the_pool_is_a_role(door: Door, pool: Pool) -> None:
    account = {"id": "x", "asset": "EUR", "type": "asset"}
    path = "/api/v1/ledger/accounts"
    for user, status in (("alice", 403), ("olga", 201)):
        said = f"Bearer {pool.sign_in(user)['AccessToken']}"
        assert (await door.post(path, account, authorization=said)).status_code == status


async def test_an_id_token_is_none_unless_the_setting_says_so(door: Door, pool: Pool) -> None:
    token = pool.sign_in("alice")["IdToken"]
    answer = await deposit(door, token, "alice")
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.token_refused")
    settings = settings_for(pool, auth_token_use="id")
    jwks = Jwks(settings.jwks_uri, clock=SystemClock())
    caller = await Tokens(jwks, terms_of(settings)).caller(b"Bearer " + token.encode())
    assert caller.user_id == "alice"
    await jwks.close()


async def test_a_token_for_another_client_of_the_pool_is_refused(door: Door, pool: Pool) -> None:
    token = pool.sign_in("alice", pool.client())["AccessToken"]
    answer = await deposit(door, token, "alice")
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.token_refused")


def test_the_pool_tells_its_keys_where_cognito_does(pool: Pool) -> None:
    told = json.loads(httpx.get(pool.jwks_uri).content)
    assert {key["alg"] for key in told["keys"]} == {"RS256"}
    assert terms_of(settings_for(pool)).user_claims == ("username", "cognito:username")
