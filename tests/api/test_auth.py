"""Who is let in, as whom, and how far? Refusals first."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from nostro.adapters.identity import PublicKey, read_jwks
from nostro.api.app import OPERATIONS
from nostro.api.auth import ANONYMOUS, LOCAL, OWN, SCOPES, WIDE, Caller, Role, caller_of
from nostro.api.auth_gate import Gate
from nostro.api.auth_rules import CLOSED, RULES, rule_for
from nostro.api.auth_tokens import KEPT_S, TOKEN_LENGTH_MAX, Terms, Tokens
from nostro.api.problems import ProblemRaised
from nostro.api.reference import openapi_document
from nostro.runtime.ports import NotDone
from tests.api.callers import bearer, token_of
from tests.api.door import Door, front_door

ISSUER = "https://issuer.example/pool"
CLIENT = "client-1"
NOW_S = 1_800_000_000
RSA = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)
EC = ECKey.generate_key("P-256", {"kid": "ec"}, private=True)
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)
PUBLIC = read_jwks(
    json.dumps({"keys": [key.as_dict(private=False) for key in (RSA, EC, ED)]}).encode()
)
CLAIMS: Mapping[str, Any] = {
    "iss": ISSUER,
    "sub": "alice",
    "token_use": "access",
    "client_id": CLIENT,
    "exp": NOW_S + 600,
    "iat": NOW_S,
}


class Keys:
    """The keys of an issuer in memory; `down`: it cannot be asked."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0

    async def key(self, kid: str) -> PublicKey | None:
        self.asked += 1
        if self.down:
            raise NotDone("no answer")
        return PUBLIC.get(kid)


class Issuer:
    """Tokens of an issuer, and who checks them at a time of ours."""

    def __init__(self, **terms: Any) -> None:
        self.now_s = float(NOW_S)
        self.keys = Keys()
        usual = {"token_use": "access", "roles_claim": "cognito:groups"}
        self.terms = Terms(issuer=ISSUER, audiences=frozenset((CLIENT,)), **{**usual, **terms})
        self.tokens = Tokens(self.keys, self.terms, now_s=lambda: self.now_s)

    async def take(self, token: str) -> Caller:
        """Return whom a token speaks for."""
        return await self.tokens.caller(b"Bearer " + token.encode())


def signed(key: Any = RSA, alg: str = "RS256", *, header: Any = None, **claims: Any) -> str:
    """Return a token; a claim that is None is left out."""
    said = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": key.kid, **(header or {})}, said, key, algorithms=[alg])


def unsigned(header: Mapping[str, Any], claims: Any = CLAIMS, signature: bytes = b"x") -> str:
    """Return a token whose signature is none."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def public_pem() -> bytes:
    return RSA.as_pem(private=False)


BAD = {
    "another issuer": signed(iss="https://evil.example"),
    "no issuer": signed(iss=None),
    "another client": signed(client_id="client-2"),
    "another audience": signed(aud="somebody", client_id=CLIENT),
    "no audience": signed(client_id=None),
    "an id token": signed(token_use="id", client_id=None, aud=CLIENT),
    "no expiry": signed(exp=None),
    "an expiry that is no number": signed(exp="never"),
    "not yet": signed(nbf=NOW_S + 60),
    "issued in the future": signed(iat=NOW_S + 60),
    "no user": signed(sub=None),
    "a user that is none": signed(sub="a:b/../c"),
    "a long user": signed(sub="u" * 49),
    "another key under this kid": signed(OTHER),
    "an unknown kid": signed(header={"kid": "rotated"}),
    "no kid": unsigned({"alg": "RS256"}),
    "a kid that is no text": unsigned({"alg": "RS256", "kid": 7}),
    "none": unsigned({"alg": "none", "kid": "rsa"}, signature=b""),
    "none in capitals": unsigned({"alg": "NONE", "kid": "rsa"}),
    "confusion of the algorithm": jwt.encode(
        {"alg": "HS256", "kid": "rsa"},
        dict(CLAIMS),
        OctKey.import_key(base64.b64encode(public_pem())),
        algorithms=["HS256"],
    ),
    "a weaker use of the key": signed(RSA, "PS256"),
    "the algorithm of another key": unsigned({"alg": "ES256", "kid": "rsa"}),
    "a key in the header": signed(OTHER, header={"jwk": OTHER.as_dict(private=False)}),
    "a critical header": unsigned({"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": False}),
    "another type": signed(header={"typ": "logout+jwt"}),
    "a header that is no object": unsigned(["alg", "kid"]),  # type: ignore[arg-type]
    "claims that are no object": unsigned({"alg": "RS256", "kid": "rsa"}, claims=[1]),
    "five parts": "a.b.c.d.e",
    "two parts": "YQ.YQ",
    "no JSON": "YQ.YQ.YQ",
    "nothing": "",
    "a space within": f"{signed()} x",
    "too long": signed(more="x" * TOKEN_LENGTH_MAX),
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
async def test_a_token_that_is_not_for_us_is_refused(token: str) -> None:
    with pytest.raises(ProblemRaised) as no:
        await Issuer().take(token)
    assert no.value.code == "auth.token_refused"


async def test_a_token_is_refused_once_it_has_expired_though_it_was_good() -> None:
    issuer = Issuer()
    said = f"Bearer {signed()}".encode()
    await issuer.tokens.caller(said)
    assert issuer.tokens.known(said) is not None
    issuer.now_s = NOW_S + 600 + 30
    assert issuer.tokens.known(said) is None
    with pytest.raises(ProblemRaised) as no:
        await issuer.tokens.caller(said)
    assert no.value.code == "auth.token_expired"


async def test_the_clocks_may_differ_by_the_leeway() -> None:
    issuer = Issuer()
    issuer.now_s = NOW_S + 600 + 29
    assert (await issuer.take(signed())).user_id == "alice"
    issuer.now_s = NOW_S - 29
    assert (await issuer.take(signed(nbf=NOW_S))).user_id == "alice"


async def test_while_the_keys_cannot_be_had_the_answer_is_try_again() -> None:
    issuer = Issuer()
    issuer.keys.down = True
    with pytest.raises(ProblemRaised) as no:
        await issuer.take(signed())
    assert no.value.code == "auth.keys_unavailable"


async def test_a_token_that_was_good_is_checked_again_after_a_while() -> None:
    issuer = Issuer()
    said = f"Bearer {signed(exp=NOW_S + 9_000)}".encode()
    await issuer.tokens.caller(said)
    issuer.now_s += KEPT_S - 1
    assert issuer.tokens.known(said) is not None
    issuer.now_s += 1
    assert issuer.tokens.known(said) is None


@pytest.mark.parametrize(
    ("key", "alg"), [(RSA, "RS256"), (EC, "ES256"), (ED, "Ed25519"), (ED, "EdDSA")]
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_the_pinned_algorithms_are_taken(key: Any, alg: str) -> None:
    assert (await Issuer().take(signed(key, alg))).user_id == "alice"


async def test_the_audience_is_that_of_an_id_token_or_the_client_of_an_access_token() -> None:
    for issuer, token in (
        (Issuer(token_use="id"), signed(token_use="id", client_id=None, aud=CLIENT)),
        (Issuer(), signed(token_use=None, client_id=None, aud=["x", CLIENT])),
        (Issuer(token_use=""), signed(token_use="whatever")),
    ):
        assert (await issuer.take(token)).user_id == "alice"


async def test_groups_are_roles_and_who_has_none_of_ours_has_the_default() -> None:
    token = signed(RSA, "RS256", **{"cognito:groups": ["operator", "eu-west-1_Google", "auditor"]})
    caller = await Issuer().take(token)
    assert caller.roles == {Role.OPERATOR, Role.AUDITOR}
    assert (await Issuer().take(signed())).scopes == frozenset()
    trader = await Issuer(default_role=Role.TRADER).take(signed())
    assert trader.roles == {Role.TRADER}
    assert trader.wide == frozenset()


async def test_the_user_is_named_by_the_claim_that_is_set() -> None:
    issuer = Issuer(user_claims=("username", "cognito:username"))
    assert (await issuer.take(signed(username="bob"))).user_id == "bob"
    assert (await issuer.take(signed(RSA, "RS256", **{"cognito:username": "eve"}))).user_id == "eve"


async def test_scopes_narrow_what_roles_give_and_never_widen_it() -> None:
    issuer = Issuer(default_role=Role.TRADER)
    token = signed(scope="openid nostro/orders:read payments:write")
    assert (await issuer.take(token)).scopes == {"orders:read"}
    token = signed(scope="aws.cognito.signin.user.admin openid")
    assert (await issuer.take(token)).scopes == OWN[Role.TRADER]


# -- at the door -----------------------------------------------------------------------------------


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with front_door() as opened:
        yield opened


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_refusal_challenges_and_is_a_problem(door: Door) -> None:
    answer = await door.client.get("/api/v1/api-keys")
    assert code(answer) == (401, "auth.token_missing")
    assert answer.headers["www-authenticate"] == 'Bearer realm="nostro"'
    assert answer.headers["content-type"] == "application/problem+json"
    bad = {"Authorization": "Bearer a.b.c"}
    answer = await door.client.get("/api/v1/ledger/accounts", headers=bad)
    assert code(answer) == (401, "auth.token_refused")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    answer = await door.client.get("/api/v1/ledger/accounts", headers=bearer("alice"))
    assert code(answer) == (403, "auth.not_allowed")
    asked = answer.headers["www-authenticate"]
    assert asked == 'Bearer realm="nostro", error="insufficient_scope", scope="ledger:read"'


@pytest.mark.parametrize("said", ["Basic YTpi", "Bearer", "bearer ", "token", ""])
async def test_what_is_no_bearer_token_is_refused(door: Door, said: str) -> None:
    answer = await door.client.get("/api/v1/ledger/accounts", headers={"Authorization": said})
    assert answer.status_code == 401


async def test_two_tokens_are_none(door: Door) -> None:
    headers = [("Authorization", each["Authorization"]) for each in (bearer("a"), bearer("b"))]
    answer = await door.client.get("/api/v1/api-keys", headers=headers)
    assert code(answer) == (401, "auth.token_refused")


async def test_a_trader_is_held_to_his_own_accounts(door: Door) -> None:
    alice = bearer("alice")
    name = {"user_id": "bob", "transaction_id": "tx-1", "currency": "EUR", "amount": "1"}
    answer = await door.post("/wallet/deposit", name, **alice)
    assert code(answer) == (403, "auth.not_your_account")
    answer = await door.client.get("/wallet/bob", headers=alice)
    assert code(answer) == (403, "auth.not_your_account")
    answer = await door.post("/wallet/deposit", {**name, "user_id": "alice"}, **alice)
    assert answer.status_code == 201


async def test_a_trader_runs_nothing(door: Door) -> None:
    alice = bearer("alice")
    name = {"user_id": "alice", "transaction_id": "tx-1"}
    for path in ("/wallet/deposit/confirm", "/wallet/deposit/reject"):
        assert code(await door.post(path, name, **alice)) == (403, "auth.not_allowed")
    opened = {"id": "x", "asset": "EUR", "type": "asset"}
    answer = await door.post("/api/v1/ledger/accounts", opened, **alice)
    assert code(answer) == (403, "auth.not_allowed")
    assert code(await door.client.get("/metrics", headers=alice)) == (403, "auth.not_allowed")


async def test_a_trader_instructs_for_himself_and_runs_no_domain(door: Door) -> None:
    alice = bearer("alice")
    trade = {"trade_id": "t", "symbol": "BTC/EUR", "quantity": "1", "amount": "1"}
    both = {**trade, "seller_account_id": "alice", "buyer_account_id": "bob"}
    days = {"trade_date": "2026-01-30", "settlement_date": "2026-01-30"}
    for body in (
        both,
        {"settlements": [both]},
        {**both, **days, "side": "buyer", "reference": "r"},
    ):
        answer = await door.post("/settlements", body, **alice)
        assert code(answer) == (403, "auth.not_your_account")
    narrow = bearer("alice", scopes=("dvp:read",))
    body = {**both, **days, "side": "seller", "reference": "r"}
    assert code(await door.post("/settlements", body, **narrow)) == (403, "auth.not_allowed")
    for path in ("/settlement/domains/main", "/settlement/instruments/BTC"):
        answer = await door.client.put(path, json={}, headers=alice)
        assert code(answer) == (403, "auth.not_allowed")
    for path in ("/settlements?account_id=bob", "/settlement/domains/main/balances/bob"):
        answer = await door.client.get(path, headers=alice)
        assert code(answer) == (403, "auth.not_your_account")


async def test_a_role_that_reads_changes_nothing(door: Door) -> None:
    opened = {"id": "x", "asset": "EUR", "type": "asset"}
    for role in ("auditor", "admin"):
        answer = await door.post("/api/v1/ledger/accounts", opened, **bearer("eve", role))
        assert code(answer) == (403, "auth.not_allowed")
    answer = await door.post("/api/v1/ledger/accounts", opened, **bearer("eve", "operator"))
    assert answer.status_code == 201


async def test_the_token_says_who_acts_and_nobody_acts_as_somebody_else(door: Door) -> None:
    opened = {"id": "x", "asset": "EUR", "type": "asset"}
    path = "/api/v1/ledger/accounts"
    bob = bearer("bob", "operator")
    answer = await door.post(path, opened, x_nostro_actor="carol", **bob)
    assert code(answer) == (403, "auth.actor_not_you")
    assert (await door.post(path, opened, x_nostro_actor="bob", **bob)).status_code == 201


async def test_the_same_key_of_two_users_is_two_keys(door: Door) -> None:
    path, opened = "/api/v1/ledger/accounts", {"asset": "EUR", "type": "asset"}
    for user in ("bob", "carol"):
        body = {**opened, "id": f"of-{user}"}
        answer = await door.post(path, body, key="1", **bearer(user, "operator"))
        assert answer.status_code == 201
        assert "idempotent-replayed" not in answer.headers
    again = await door.post(path, {**opened, "id": "of-bob"}, key="1", **bearer("bob", "operator"))
    assert again.headers["idempotent-replayed"] == "true"


async def test_without_a_token_the_local_operator_does_what_was_always_done(door: Door) -> None:
    await door.open("x")
    answer = await door.post(
        "/api/v1/ledger/accounts", {"id": "y", "asset": "EUR", "type": "asset"}, key="1"
    )
    assert answer.status_code == 201


async def test_a_page_of_another_site_is_not_the_local_operator(door: Door) -> None:
    opened = {"id": "x", "asset": "EUR", "type": "asset"}
    path = "/api/v1/ledger/accounts"
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        answer = await door.post(path, opened, origin=origin)
        assert code(answer) == (403, "auth.cross_site")
    answer = await door.post(path, opened, x_forwarded_for="192.0.2.1")
    assert code(answer) == (401, "auth.token_missing")
    answer = await door.post(path, opened, origin="http://localhost:5173")
    assert answer.status_code == 201


async def test_a_name_that_is_not_this_machines_is_another_site() -> None:
    async with front_door(parts={"gate": Gate(any_host=False)}) as door:
        answer = await door.client.get("/api/v1/ledger/accounts")
        assert code(answer) == (403, "auth.cross_site")
        here = {"Host": "localhost:8000"}
        answer = await door.client.get("/api/v1/ledger/accounts", headers=here)
        assert code(answer) == (503, "views.unavailable")


async def test_a_platform_that_is_no_playground_tells_nothing_without_a_token() -> None:
    async with front_door(parts={"gate": Gate(open_locally=False)}) as door:
        for operation in OPERATIONS:
            if not operation.rule.scope:
                continue
            path = operation.address.replace("{symbol}", "BTC-USD")
            path = path.replace("{", "").replace("}", "")
            answer = await door.client.request(operation.method, path)
            assert code(answer) == (401, "auth.token_missing"), operation.name
        assert (await door.client.get("/livez")).status_code == 200
        assert (await door.client.get("/docs")).status_code == 200
        stream = {"content-type": "application/x-ndjson"}
        answer = await door.client.post(
            "/api/v1/transactions/bulk", content=b"{}\n", headers=stream
        )
        assert code(answer) == (401, "auth.token_missing")


async def test_health_is_told_whatever_token_is_shown(door: Door) -> None:
    answer = await door.client.get("/livez", headers={"Authorization": "Bearer a.b.c"})
    assert answer.status_code == 200


# -- WebSockets ------------------------------------------------------------------------------------


async def test_a_socket_is_nobodys_until_a_token_is_shown(door: Door) -> None:
    gate = door.app.desk.gate
    assert await gate.of_socket({"type": "websocket", "headers": []}) is ANONYMOUS
    said = bearer("alice")["Authorization"].encode()
    scope = {"type": "websocket", "headers": [(b"authorization", said)]}
    caller = await gate.of_socket(scope)
    assert caller.user_id == "alice"
    assert caller.may("orders:read", "alice")
    assert not caller.may("orders:read", "bob")
    assert (await gate.of_token(token_of("bob", "auditor"))).may("orders:read", "alice")
    for bad in ("", "a.b.c", "ä", token_of("alice")[:-4] + "AAAA"):
        with pytest.raises(ProblemRaised):
            await gate.of_token(bad)


async def test_a_socket_is_told_when_its_token_has_expired() -> None:
    issuer = Issuer()
    gate = Gate(tokens=issuer.tokens, now_s=lambda: issuer.now_s)
    caller = await gate.of_token(signed())
    assert gate.holds(caller)
    issuer.now_s = NOW_S + 630
    assert not gate.holds(caller)
    assert gate.holds(ANONYMOUS)


# -- rules -----------------------------------------------------------------------------------------


def test_every_operation_has_a_rule_and_every_rule_an_operation() -> None:
    names = {operation.name for operation in OPERATIONS}
    assert names - RULES.keys() == set(), "give each a line in api/auth_rules.py"
    assert RULES.keys() - names == set()
    assert rule_for("invented") is CLOSED


def test_every_scope_of_a_rule_is_one_that_some_role_has_and_every_scope_is_used() -> None:
    used = {rule.scope for rule in RULES.values() if rule.scope}
    assert used == SCOPES.keys()
    for scope in used:
        assert any(scope in OWN[role] | WIDE[role] for role in Role), scope


def test_what_a_trader_may_do_is_of_operations_that_look_whose_accounts_they_touch() -> None:
    """Others are caught by an assertion at their first call."""
    own = OWN[Role.TRADER]
    found = [operation for operation in OPERATIONS if operation.rule.scope in own]
    assert found
    assert not {"ledger", "payments", "risk", "settlements"} & {each.tag for each in found}


def test_no_role_changes_what_it_only_audits_and_admins_touch_no_money() -> None:
    assert all(scope.endswith(":read") for scope in WIDE[Role.AUDITOR])
    assert WIDE[Role.ADMIN] == {"keys:read", "keys:write"}
    assert "keys:write" not in WIDE[Role.OPERATOR]
    assert LOCAL.local
    assert not caller_of("alice", [Role.TRADER]).may("orders:read", "")


async def test_an_operation_that_forgets_to_look_answers_nobody(door: Door) -> None:
    """A handler that is for a trader's own accounts must ask whose they are."""
    from nostro.api.operations import perform

    operation = next(each for each in OPERATIONS if each.name == "getWallet")

    class Forgetful:
        def __getattr__(self, name: str) -> Any:
            return {"names_user": False}.get(name, getattr(operation, name))

    async def forget(call: Any, _: Any) -> Any:
        from nostro.api.operations import answered

        return answered({})

    forgetful: Any = Forgetful()
    forgetful.handler = forget
    said = bearer("alice")["Authorization"].encode()
    scope = {"path": "/wallet/bob", "query_string": b"", "method": "GET", "client": None}
    answer = await perform(
        door.app.desk,
        forgetful,
        scope,
        asyncio.sleep,  # type: ignore[arg-type]
        {b"authorization": said},
        "r",
        {"user_id": "bob"},
    )
    assert answer.status == 500


def test_the_document_tells_how_to_show_who_calls() -> None:
    document = openapi_document("0")
    schemes = document["components"]["securitySchemes"]
    assert schemes["token"]["scheme"] == "bearer"
    for operation in OPERATIONS:
        path = document["paths"][operation.address]
        security = path[operation.method.lower()]["security"]
        if operation.rule.scope:
            assert security[0] == {"token": [operation.rule.scope]}
            assert security[1].keys() == {"key", "timestamp", "signature"} <= schemes.keys()
        else:
            assert security == []
