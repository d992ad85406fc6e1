"""Who is taken for the operator of a deployment, and whose tokens are good there?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from nostro.adapters.identity.development import KEY_FILE, DevelopmentKey
from nostro.api.auth import LOCAL
from nostro.api.auth_gate import Gate, is_here
from nostro.api.auth_rules import needs
from nostro.api.problems import ProblemRaised
from nostro.runtime.ports import NotDone
from nostro.wiring.gateway import Gateway
from nostro.wiring.identity import identity_of, open_locally
from nostro.wiring.settings import Settings, SettingsError, load_settings
from tests.api.door import front_door

ISSUER: dict[str, Any] = {"auth_issuer": "https://issuer.example", "auth_audience": "client-1"}
RULE = needs("ledger:write")


@pytest.fixture(autouse=True)
def bare_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A working directory without settings."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth_issuer": "https://issuer.example"},
        {"auth_jwks_uri": "https://issuer.example/keys"},
        {**ISSUER, "auth_issuer": "http://issuer.example"},
        {**ISSUER, "auth_jwks_uri": "http://issuer.example/keys"},
        {**ISSUER, "auth_jwks_uri": "file:///etc/passwd"},
        {**ISSUER, "auth_default_role": "operator"},
        {**ISSUER, "auth_token_use": "refresh"},
    ],
)
def test_half_an_issuer_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        load_settings(**wrong)


def test_keys_come_over_http_from_this_machine_only() -> None:
    settings = load_settings(**ISSUER)
    assert settings.jwks_uri == "https://issuer.example/.well-known/jwks.json"
    uri = "http://127.0.0.1:5000/pool/.well-known/jwks.json"
    assert load_settings(**ISSUER, auth_jwks_uri=uri).jwks_uri == uri


@pytest.mark.parametrize(
    ("options", "is_open"),
    [
        ({"host": "127.0.0.1"}, True),
        ({"host": "localhost"}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "::"}, False),
        ({"host": "127.0.0.1", **ISSUER}, False),
    ],
)
def test_the_operator_needs_no_token_only_where_nobody_else_can_ask(
    options: dict[str, Any], is_open: bool
) -> None:
    assert open_locally(load_settings(**options)) is is_open


async def test_a_development_token_is_good_where_there_is_no_issuer(
    wheel_postgres: str, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    token = DevelopmentKey.kept_in(data_dir).token(
        "alice", roles=["admin"], now_s=int(time.time()), ttl_s=60
    )
    for host in ("127.0.0.1", "0.0.0.0"):
        settings = Settings(data_dir=data_dir, host=host)
        async with identity_of(settings, wheel_postgres) as identity:
            assert (await identity.gate.of_token(token)).user_id == "alice"
    async with identity_of(Settings(data_dir=data_dir, **ISSUER), wheel_postgres) as identity:
        with pytest.raises(ProblemRaised) as no:
            await identity.gate.of_token(token)
        assert no.value.code in ("auth.keys_unavailable", "auth.token_refused")


async def test_a_key_that_others_can_read_keeps_the_platform_from_starting(
    wheel_postgres: str, tmp_path: Path
) -> None:
    DevelopmentKey.kept_in(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(NotDone, match="chmod"):
        async with identity_of(Settings(data_dir=tmp_path), wheel_postgres):
            pass


def test_the_local_operator_is_who_asks_this_machine_by_its_name() -> None:
    gate = Gate(any_host=False)
    for host in (b"localhost:8000", b"127.0.0.1:8000", b"[::1]:8000", b"127.0.0.2"):
        entry = gate.known(RULE, {b"host": host})
        assert entry is not None
        assert entry.caller is LOCAL
    for host in (b"evil.example", b"localhost.evil.example", b"10.0.0.1:8000", b"[::1", b"", b"@"):
        with pytest.raises(ProblemRaised):
            gate.known(RULE, {b"host": host})
        assert not is_here(b"//" + host)


@pytest.mark.parametrize(
    ("client", "host", "status"),
    [
        ("127.0.0.1", "localhost:5001", 503),
        ("192.0.2.1", "localhost:5001", 401),
        ("2001:db8::1", "localhost:5001", 401),
        ("127.0.0.1", "evil.example", 401),
    ],
)
async def test_a_gateway_makes_nobody_from_elsewhere_the_local_operator(
    client: str, host: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with front_door(parts={"gate": Gate(any_host=False)}) as door:
        gateway = Gateway("http://127.0.0.1:8000", ["ledger"])
        behind = httpx.AsyncClient(transport=httpx.ASGITransport(app=door.app))
        monkeypatch.setattr(gateway, "_client", behind)
        before = httpx.ASGITransport(app=gateway, client=(client, 1))
        async with behind, httpx.AsyncClient(transport=before) as caller:
            answer = await caller.get(f"http://{host}/api/v1/ledger/accounts")
        assert answer.status_code == status, answer.text
