"""With which keys does an issuer sign its tokens?

The issuer publishes them as a JSON Web Key Set (RFC 7517) and replaces them when it likes. A key
that is not known yet is asked for, but the issuer is never asked more often than a pause allows,
whatever callers name; while it does not answer, the keys it last told stay good.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from nostro.runtime.ports import Clock, NotDone

TIMEOUT_S = 3.0
"""For a whole answer: a caller waits for it."""
BYTES_MAX = 262_144
KEYS_MAX = 100
"""Keys read of one set; issuers publish two to four."""
REFETCH_PAUSE_S = 30
"""The issuer is asked once in so many seconds at most, whatever tokens name."""
REFRESH_S = 600
"""Keys older than this are asked for again: one that was withdrawn must go."""
RSA_BITS_MIN = 2_048
"""NIST SP 800-57: shorter ones are not signed with any more."""
KID_LENGTH_MAX = 256

log = structlog.get_logger(__name__)


class PublicKey(NamedTuple):
    """A key of an issuer, with the algorithms it may be used for. The key decides, never the
    token."""

    kid: str
    algorithms: frozenset[str]
    key: RSAKey | ECKey | OKPKey


class Jwks:
    """The keys that stand at a URL; implements KeySource. `close` ends the connections of a client
    that was not given."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        client: httpx.AsyncClient | None = None,
        timeout_s: float = TIMEOUT_S,
        pause_s: int = REFETCH_PAUSE_S,
        refresh_s: int = REFRESH_S,
    ) -> None:
        self.url = url
        self._clock = clock
        self._own = client is None
        self._client = client or httpx.AsyncClient()
        self._timeout_s = timeout_s
        self._pause_us = pause_s * 1_000_000
        self._refresh_us = refresh_s * 1_000_000
        self._keys: Mapping[str, PublicKey] = {}
        self._asked_at_us: int | None = None
        self._told_at_us: int | None = None
        self._asking: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> PublicKey | None:
        """Return the key of this id, None when the issuer has none such.

        Raises NotDone when the issuer never told its keys and does not answer.
        """
        found = self._keys.get(kid)
        now_us = self._clock.now_us()
        stale = self._told_at_us is None or now_us - self._told_at_us >= self._refresh_us
        if found is not None and not stale:
            return found
        if self._asking is None and self._may_ask(now_us):
            self._asked_at_us = now_us
            self._asking = asyncio.create_task(self._ask(), name="jwks")
        if self._asking is not None and found is None:
            # What one caller gives up must not end what others wait for.
            await asyncio.shield(self._asking)
        if self._told_at_us is None:
            raise NotDone(f"{self.url} has not told its keys")
        return self._keys.get(kid)

    async def close(self) -> None:
        """End the connections."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        if self._own:
            await self._client.aclose()

    def _may_ask(self, now_us: int) -> bool:
        return self._asked_at_us is None or now_us - self._asked_at_us >= self._pause_us

    async def _ask(self) -> None:
        """Replace the keys by those that are told now; leave them when nothing is told."""
        try:
            async with asyncio.timeout(self._timeout_s):
                keys = read_jwks(await self._get())
            self._keys = keys
            self._told_at_us = self._clock.now_us()
        except (httpx.HTTPError, TimeoutError, ValueError, NotDone) as error:
            log.warning("jwks_not_told", url=self.url, error=repr(error), kept=len(self._keys))
        finally:
            self._asking = None

    async def _get(self) -> bytes:
        request = self._client.build_request("GET", self.url, timeout=self._timeout_s)
        answer = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            if answer.status_code != httpx.codes.OK:
                raise NotDone(f"{self.url} answered {answer.status_code}")
            data = bytearray()
            async for part in answer.aiter_bytes():
                data += part
                if len(data) > BYTES_MAX:
                    raise NotDone(f"{self.url} tells more than {BYTES_MAX} bytes")
            return bytes(data)
        finally:
            await answer.aclose()


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


def read_jwks(data: bytes) -> dict[str, PublicKey]:
    """Return the usable keys of a set by their ids; raises ValueError when it is none, or when it
    has no such key.

    Keys that are not understood, too weak, secret, or for something else are passed over
    (RFC 7517 section 5).
    """
    try:
        told = msgspec.json.decode(data, type=_KeySet).keys
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"no key set: {error}") from None
    keys: dict[str, PublicKey] = {}
    for each in told[:KEYS_MAX]:
        key = _public_key(each)
        if key is not None:
            keys.setdefault(key.kid, key)
    if not keys:
        raise ValueError("no usable key in the set")
    return keys


_KINDS: Mapping[tuple[object, object], tuple[type[RSAKey | ECKey | OKPKey], frozenset[str]]] = {
    ("RSA", None): (RSAKey, frozenset(("RS256",))),
    ("EC", "P-256"): (ECKey, frozenset(("ES256",))),
    ("OKP", "Ed25519"): (OKPKey, frozenset(("EdDSA", "Ed25519"))),
}
_PUBLIC_PARTS = ("kty", "crv", "n", "e", "x", "y")


def _public_key(said: Mapping[str, Any]) -> PublicKey | None:
    """Return a key of a set, None when it is none of those that we use."""
    kid, use = said.get("kid"), said.get("use", "sig")
    curve = said.get("crv")
    if not isinstance(kid, str) or not 0 < len(kid) <= KID_LENGTH_MAX or use != "sig":
        return None
    if not isinstance(said.get("kty"), str) or not isinstance(curve, str | None):
        return None
    kind = _KINDS.get((said["kty"], curve))
    if kind is None:
        return None
    of_kind, algorithms = kind
    if "alg" in said:
        if said["alg"] not in algorithms:
            return None
        algorithms = frozenset((said["alg"],)) if len(algorithms) == 1 else algorithms
    try:
        if of_kind is RSAKey and _bits(said["n"]) < RSA_BITS_MIN:
            return None
        key = of_kind.import_key({name: said[name] for name in _PUBLIC_PARTS if name in said})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return PublicKey(kid, algorithms, key)


def _bits(modulus: str) -> int:
    """Return the length of a number in base64url."""
    return int.from_bytes(base64.urlsafe_b64decode(modulus + "==")).bit_length()
