"""Is a development token issued loudly, to who asks rightly, and only where there is no issuer?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nostro.adapters.identity.development import AUDIENCE, ISSUER, KEY_FILE, DevelopmentKey
from nostro.api.auth import Role
from nostro.api.auth_tokens import Terms, Tokens
from nostro.cli import Exit, main
from nostro.cli.token import ttl_of


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A data directory of our own, and no variable of others."""
    for name in [name for name in os.environ if name.upper().startswith("NOSTRO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOSTRO_DATA_DIR", str(tmp_path / "data"))


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["token", *words])
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    "words",
    [
        ("--user", "a:b"),
        ("--user", "alice", "--role", "king"),
        ("--user", "alice", "--scope", "everything"),
        ("--user", "alice", "--ttl", "1"),
        ("--user", "alice", "--ttl", "0h"),
        ("--user", "alice", "--ttl", "31d"),
        (),
    ],
)
def test_what_cannot_be_is_refused(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == Exit.USAGE
    assert capsys.readouterr().out == ""


def test_where_there_is_an_issuer_no_token_is_issued(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("NOSTRO_AUTH_ISSUER", "https://issuer.example")
    monkeypatch.setenv("NOSTRO_AUTH_AUDIENCE", "client-1")
    assert run("--user", "alice") == Exit.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert "https://issuer.example" in told.err
    assert not (tmp_path / "data").exists()


async def test_the_token_alone_is_printed_and_the_warning_beside_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("--user", "alice", "--role", "trader", "--role", "auditor", "--ttl", "15m") == 0
    told = capsys.readouterr()
    assert "DEVELOPMENT ONLY" in told.err
    (token,) = told.out.splitlines()
    path = tmp_path / "data" / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    terms = Terms(issuer=ISSUER, audiences=frozenset((AUDIENCE,)))
    tokens = Tokens(DevelopmentKey.kept_in(tmp_path / "data"), terms)
    caller = await tokens.caller(b"Bearer " + token.encode())
    assert caller.user_id == "alice"
    assert caller.roles == {Role.TRADER, Role.AUDITOR}


def test_a_length_of_time_is_a_number_and_a_unit() -> None:
    assert [ttl_of(text) for text in ("90s", "15m", "1h", "7d")] == [90, 900, 3_600, 604_800]
