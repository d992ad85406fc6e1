"""Who does a bearer token say its bearer is, and is it true?

JWTs (RFC 7519) are checked as RFC 8725 advises: the key, which the issuer publishes, decides the
algorithm; issuer, audience, kind and times are checked after the signature. Cognito's tokens say
their audience in `client_id` and their kind in `token_use`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import msgspec
from joserfc import jws
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from nostro.adapters.identity import PublicKey
from nostro.api.auth import USER_ID, Caller, Role, caller_of, scopes_said
from nostro.api.problems import ProblemRaised
from nostro.runtime.ports import NotDone

TOKEN_LENGTH_MAX = 8_192
"""Characters; those of Cognito with all its claims have some 1,100."""
KEPT_MAX = 10_000
"""Tokens that are known to be good; the oldest quarter makes room."""
KEPT_S = 300
"""Seconds for which a token that was checked is not checked again: so long may one outlive the key
that its issuer has withdrawn."""
_TOKEN = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_TYPES = frozenset(("jwt", "at+jwt", "application/at+jwt"))


class KeySource(Protocol):
    """The keys of an issuer."""

    async def key(self, kid: str) -> PublicKey | None:
        """Return the key of this id, None for none; raises NotDone when that cannot be known."""
        ...


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a token must say. `token_use`: the kind that Cognito's must have, "" for any.
    `user_claims`: where the user's id stands, the first that is there; `roles_claim`: where the
    roles stand (`cognito:groups`). `default_role`: of a user whom no role is given."""

    issuer: str
    audiences: frozenset[str]
    token_use: str = ""
    user_claims: tuple[str, ...] = ("sub",)
    roles_claim: str = "roles"
    default_role: Role | None = None
    leeway_s: int = 30


class _Algorithms(JWSRegistry):
    """RS256, ES256, and Ed25519 under its new name (RFC 9864) and its old one, EdDSA (RFC 8037),
    which is taken for this curve only."""

    def get_alg(self, name: str) -> Any:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_REGISTRY = _Algorithms(algorithms=["RS256", "ES256", "Ed25519"])


class Tokens:
    """Checks the tokens of one issuer, and remembers those that are good."""

    def __init__(
        self, keys: KeySource, terms: Terms, *, now_s: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._terms = terms
        self._now_s = now_s
        self._kept: dict[bytes, tuple[float, Caller]] = {}

    def known(self, said: bytes) -> Caller | None:
        """Return who an Authorization header speaks for, if it was checked a while ago."""
        kept = self._kept.get(said)
        if kept is None or kept[0] <= self._now_s():
            return None
        return kept[1]

    async def caller(self, said: bytes) -> Caller:
        """Return who an Authorization header speaks for; raises ProblemRaised
        `auth.token_missing`, `auth.token_refused`, `auth.token_expired` or
        `auth.keys_unavailable`."""
        scheme, _, token = said.strip().partition(b" ")
        if scheme.lower() != b"bearer":
            raise ProblemRaised("auth.token_missing", detail="The scheme is not Bearer.")
        self._kept.pop(said, None)
        claims = await self._claims(token.strip())
        caller = _caller(claims, self._terms)
        if len(self._kept) >= KEPT_MAX:
            for oldest in list(islice(self._kept, KEPT_MAX // 4)):
                del self._kept[oldest]
        self._kept[said] = (min(caller.until_s, self._now_s() + KEPT_S), caller)
        return caller

    async def _claims(self, token: bytes) -> Mapping[str, Any]:
        """Return what a token says, once it is sure who said it, to whom, and for how long."""
        if len(token) > TOKEN_LENGTH_MAX:
            raise refused("it is too long")
        if not _TOKEN.match(token):
            raise refused("it is no signed JWT")
        try:
            signed = jws.extract_compact(token, registry=_REGISTRY)
            key = await self._key(signed.protected)
            if not jws.validate_compact(signed, key.key, registry=_REGISTRY):
                raise refused("its signature is wrong")
            claims = msgspec.json.decode(signed.payload, type=dict[str, Any])
        except NotDone as outage:
            raise ProblemRaised("auth.keys_unavailable", detail=f"{outage}.") from outage
        except (JoseError, msgspec.DecodeError, ValueError, TypeError, RecursionError):
            raise refused("it cannot be read, or its signature is wrong") from None
        self._check(claims)
        return claims

    async def _key(self, header: Any) -> PublicKey:
        """Return the key that a token names, which is for the algorithm that it names."""
        if not isinstance(header, dict) or "crit" in header or "b64" in header:
            raise refused("its header is not one of ours")
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise refused("it is of another type")
        kid, algorithm = header.get("kid"), header.get("alg")
        if not isinstance(kid, str) or not isinstance(algorithm, str):
            raise refused("it names no key")
        key = await self._keys.key(kid)
        if key is None:
            raise refused("its issuer has no such key")
        if algorithm not in key.algorithms:
            raise refused("its algorithm is not that of the key")
        return key

    def _check(self, claims: dict[str, Any]) -> None:
        terms = self._terms
        registry = JWTClaimsRegistry(
            now=lambda: int(self._now_s()),
            leeway=terms.leeway_s,
            iss={"essential": True, "value": terms.issuer},
            exp={"essential": True},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError:
            raise ProblemRaised("auth.token_expired") from None
        except ClaimError as error:
            raise refused(f"its claim {error.claim} is missing or wrong") from None
        use = claims.get("token_use")
        if use is not None and terms.token_use and use != terms.token_use:
            raise refused(f"it is no {terms.token_use} token")
        if terms.audiences.isdisjoint(_audiences(claims)):
            raise refused("it is for somebody else")


def _audiences(claims: Mapping[str, Any]) -> Collection[str]:
    """Return whom a token is for; one without an audience is for the client it was given to."""
    said = claims.get("aud", claims.get("client_id"))
    if isinstance(said, str):
        return (said,)
    return said if isinstance(said, list) and all(isinstance(one, str) for one in said) else ()


def _caller(claims: Mapping[str, Any], terms: Terms) -> Caller:
    """Return who a token that was checked speaks for."""
    user_id = next((claims[name] for name in terms.user_claims if name in claims), None)
    if not isinstance(user_id, str) or not USER_ID.match(user_id):
        raise refused("the user's id is missing, or is none of ours")
    roles = {Role(word) for word in _words(claims.get(terms.roles_claim)) if word in _ROLES}
    if not roles and terms.default_role is not None:
        roles = {terms.default_role}
    until_s = min(int(claims["exp"]) + terms.leeway_s, 2**53)
    only = scopes_said(_words(claims.get("scope")))
    return caller_of(user_id, roles, only=only, until_s=until_s)


_ROLES = frozenset(Role)


def _words(said: Any) -> list[str]:
    """Return the words of a claim: a list, or a text with spaces between them."""
    if isinstance(said, str):
        return said.split()
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []


def refused(why: str) -> ProblemRaised:
    """Return the refusal of a token."""
    return ProblemRaised("auth.token_refused", facts={"why": why})
