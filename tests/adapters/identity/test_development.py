"""Is the development key kept to ourselves, and are its tokens understood?"""

from __future__ import annotations

from pathlib import Path

import pytest

from nostro.adapters.identity.development import (
    AUDIENCE,
    ISSUER,
    KEY_FILE,
    TTL_S_MAX,
    DevelopmentKey,
)
from nostro.adapters.signing.private_file import FileExposed
from nostro.api.auth import Role
from nostro.api.auth_tokens import Terms, Tokens
from nostro.api.problems import ProblemRaised

NOW_S = 1_800_000_000
TERMS = Terms(issuer=ISSUER, audiences=frozenset((AUDIENCE,)))


async def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    DevelopmentKey.kept_in(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(FileExposed):
        DevelopmentKey.kept_in(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{}", b"7", b'{"kty": "oct", "k": "eA"}', b"\xff"])
def test_a_file_that_holds_no_key_is_not_overwritten(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / KEY_FILE
    path.touch(mode=0o600)
    path.write_bytes(data)
    with pytest.raises(ValueError, match="holds no key"):
        DevelopmentKey.kept_in(tmp_path)
    assert path.read_bytes() == data


async def test_the_key_is_made_once_and_is_only_ours(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "there"
    first = DevelopmentKey.kept_in(directory)
    assert (directory / KEY_FILE).stat().st_mode & 0o777 == 0o600
    token = first.token("alice", roles=["trader"], now_s=NOW_S, ttl_s=60)
    tokens = Tokens(DevelopmentKey.kept_in(directory), TERMS, now_s=lambda: NOW_S)
    caller = await tokens.caller(b"Bearer " + token.encode())
    assert caller.user_id == "alice"
    assert caller.roles == {Role.TRADER}


async def test_the_tokens_of_another_platform_are_refused() -> None:
    token = DevelopmentKey.fresh().token("alice", roles=["admin"], now_s=NOW_S, ttl_s=60)
    tokens = Tokens(DevelopmentKey.fresh(), TERMS, now_s=lambda: NOW_S)
    with pytest.raises(ProblemRaised) as no:
        await tokens.caller(b"Bearer " + token.encode())
    assert no.value.code == "auth.token_refused"


async def test_a_token_may_be_for_some_scopes_only() -> None:
    key = DevelopmentKey.fresh()
    said = key.token("eve", roles=["auditor"], now_s=NOW_S, ttl_s=60, scopes=["ledger:read"])
    tokens = Tokens(key, TERMS, now_s=lambda: NOW_S)
    assert (await tokens.caller(b"Bearer " + said.encode())).scopes == {"ledger:read"}


@pytest.mark.parametrize("ttl_s", [0, -1, TTL_S_MAX + 1])
def test_a_token_lives_for_a_bounded_time(ttl_s: int) -> None:
    with pytest.raises(ValueError, match="days"):
        DevelopmentKey.fresh().token("alice", roles=["trader"], now_s=NOW_S, ttl_s=ttl_s)
