"""Who vouches for the callers of this deployment: its issuer, or the development key?

Without an issuer a platform is in development: it takes the tokens of a key in its data directory,
and as long as only this machine can reach it, a request without a token is the local operator's.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from psycopg_pool import AsyncConnectionPool

from nostro.adapters.clock import SystemClock
from nostro.adapters.identity import ApiKeyStore, DevelopmentKey, Jwks
from nostro.adapters.identity.development import AUDIENCE, ISSUER
from nostro.adapters.signing.private_file import FileExposed
from nostro.api.auth import Role
from nostro.api.auth_gate import Gate
from nostro.api.auth_signatures import Signatures
from nostro.api.auth_tokens import Terms, Tokens
from nostro.api.limits import Limits
from nostro.runtime.ports import NotDone
from nostro.wiring.address import numeric
from nostro.wiring.settings import Settings

CONNECTIONS_MAX = 4
TIMEOUT_S = 5.0
"""How long a signed request waits for a connection before it is told to come again."""


class Identity(NamedTuple):
    """What the API needs to tell callers apart."""

    gate: Gate
    api_keys: ApiKeyStore
    limits: Limits


def in_development(settings: Settings) -> bool:
    """Tell whether anybody with the data directory's key may be anybody here."""
    return settings.auth_issuer is None


def open_locally(settings: Settings) -> bool:
    """Tell whether requests without a token are the local operator's."""
    return in_development(settings) and ipaddress.ip_address(numeric(settings.host)).is_loopback


@contextlib.asynccontextmanager
async def identity_of(settings: Settings, url: str) -> AsyncIterator[Identity]:
    """Yield what tells callers apart; `url` is the engine's database. Raises NotDone when the
    development key cannot be used."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=CONNECTIONS_MAX,
        open=False,
        timeout=TIMEOUT_S,
        kwargs={"application_name": "nostro-api-keys"},
    )
    clock = SystemClock()
    async with pool, contextlib.AsyncExitStack() as stack:
        api_keys = ApiKeyStore(pool, settings.chain, clock=clock)
        if in_development(settings):
            tokens = Tokens(development_key(settings), _development_terms(settings))
        else:
            jwks = Jwks(settings.jwks_uri, clock=clock)
            stack.push_async_callback(jwks.close)
            tokens = Tokens(jwks, terms_of(settings))
        gate = Gate(
            tokens=tokens,
            signatures=Signatures(api_keys, clock=clock),
            open_locally=open_locally(settings),
            any_host=False,
        )
        limits = Limits(rate_per_s=settings.rate_limit_per_s, burst=settings.rate_limit_burst)
        yield Identity(gate, api_keys, limits)


def development_key(settings: Settings) -> DevelopmentKey:
    """Return the key of the data directory; raises NotDone when it cannot be used."""
    try:
        return DevelopmentKey.kept_in(settings.data_dir)
    except (FileExposed, ValueError, OSError) as error:
        raise NotDone(f"the development key: {error}") from error


def terms_of(settings: Settings) -> Terms:
    """Return what the issuer's tokens must say."""
    claim, role = settings.auth_user_claim, settings.auth_default_role
    assert settings.auth_issuer is not None
    return Terms(
        issuer=settings.auth_issuer,
        audiences=frozenset(settings.auth_audience),
        token_use="" if settings.auth_token_use == "any" else settings.auth_token_use,
        user_claims=("username", "cognito:username") if claim == "username" else (claim,),
        roles_claim=settings.auth_roles_claim,
        default_role=None if role == "none" else Role(role),
        leeway_s=settings.auth_leeway_s,
    )


def _development_terms(settings: Settings) -> Terms:
    return Terms(issuer=ISSUER, audiences=frozenset((AUDIENCE,)), leeway_s=settings.auth_leeway_s)
