"""Callers for tests: tokens of a key that no platform has, and a gate that takes them."""

from __future__ import annotations

import time

from nostro.adapters.identity.development import AUDIENCE, ISSUER, DevelopmentKey
from nostro.api.auth_gate import Gate
from nostro.api.auth_signatures import Signatures
from nostro.api.auth_tokens import Terms, Tokens

KEY = DevelopmentKey.fresh()
TERMS = Terms(issuer=ISSUER, audiences=frozenset((AUDIENCE,)))


def token_of(user_id: str, *roles: str, scopes: tuple[str, ...] = (), ttl_s: int = 3_600) -> str:
    """Return a token of a user, a trader unless roles are named."""
    return KEY.token(
        user_id, roles=roles or ("trader",), scopes=scopes, now_s=int(time.time()), ttl_s=ttl_s
    )


def bearer(user_id: str, *roles: str, scopes: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the header of a request of a user."""
    return {"Authorization": f"Bearer {token_of(user_id, *roles, scopes=scopes)}"}


def closed_gate(signatures: Signatures | None = None) -> Gate:
    """Return the gate of a platform whose key is ours, and that nobody enters without a token."""
    return Gate(tokens=Tokens(KEY, TERMS), signatures=signatures, open_locally=False)


def development_gate() -> Gate:
    """Return the gate of a platform in development whose key is ours."""
    return Gate(tokens=Tokens(KEY, TERMS))
