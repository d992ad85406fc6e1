"""Did the holder of this API key send exactly this request, just now, and for the first time?

    X-Nostro-Key: nk_...            which key
    X-Nostro-Timestamp: ...         microseconds since the epoch
    X-Nostro-Signature: ...         HMAC-SHA256, in hex, over four lines:
                                    timestamp, method, path with its query, SHA-256 of the body

The HMAC's key is the secret as it was told, `nsk_` included. A signature is good for half a minute
around its time and for one request; what was signed before this process began is not, so that its
memory of signatures need not outlive it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import MutableMapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol

from nostro.adapters.identity import KeyRecord, KeyView
from nostro.adapters.identity.api_keys import written
from nostro.api.auth import SCOPES, Caller, Role, caller_of
from nostro.api.intake import Headers
from nostro.api.problems import ProblemRaised
from nostro.runtime.ports import Clock, Overloaded

KEY, TIMESTAMP, SIGNATURE = b"x-nostro-key", b"x-nostro-timestamp", b"x-nostro-signature"
WINDOW_S = 30
"""How far the time of a signature may be from ours, either way."""
SEEN_MAX = 500_000
"""Signatures remembered; each is for up to twice the window, and takes some 150 bytes."""
FRESH_US = 1_000_000
"""How long what is known of a key is not asked for again. A key that is revoked here is refused at
once; one that is revoked through another process, after this."""
RECORDS_MAX = 10_000


class ApiKeys(Protocol):
    """The API keys of a platform. Every call may raise NotDone."""

    async def make(
        self,
        user_id: str,
        *,
        role: str,
        scopes: Sequence[str],
        label: str,
        expires_at_us: int | None,
        actor: str,
    ) -> tuple[KeyView, str]:
        """Make a key and return it with its secret; raises Rejection `auth.too_many_keys`."""
        ...

    async def views(self, user_id: str | None) -> Sequence[KeyView]:
        """Return the keys of a user, or of all, the newest first."""
        ...

    async def view(self, id: str) -> KeyView | None:
        """Return a key."""
        ...

    async def revoke(self, id: str, *, actor: str) -> None:
        """Let a key sign nothing more."""
        ...

    async def record(self, id: str) -> KeyRecord | None:
        """Return what checks a signature of a key that is not revoked."""
        ...


class _Known(NamedTuple):
    secret: bytes
    caller: Caller
    asked_at_us: int


class Signed(NamedTuple):
    """A request that says it was signed: by whom, when, and how. It is not checked yet."""

    caller: Caller
    secret: bytes
    timestamp: bytes
    signature: bytes


class Signatures:
    """Checks signed requests, and remembers what it has seen."""

    def __init__(self, keys: ApiKeys, *, clock: Clock) -> None:
        self.keys = keys
        self._clock = clock
        self._began_us = clock.now_us()
        self._known: dict[str, _Known] = {}
        self._revoked: set[str] = set()
        self._seen: dict[int, set[bytes]] = {}
        self._seen_count = 0

    async def read(self, headers: Headers) -> Signed:
        """Return what a request says of its signature; raises ProblemRaised `auth.key_refused`,
        `auth.signature_refused` or `auth.timestamp_refused`, and NotDone."""
        id, said = headers[KEY].decode("latin-1"), headers.get(TIMESTAMP, b"")
        signature = headers.get(SIGNATURE, b"")
        if not said.isdigit() or len(said) > 17 or len(signature) != 64:
            raise ProblemRaised(
                "auth.signature_refused",
                detail="X-Nostro-Timestamp is no whole number of microseconds, or"
                " X-Nostro-Signature no HMAC-SHA256 in hex.",
            )
        self._check_time(int(said))
        known = await self._of(id)
        return Signed(known.caller, known.secret, said, signature)

    def check(self, signed: Signed, scope: MutableMapping[str, Any], body: bytes) -> None:
        """Check that a request is the one that was signed, and the first of its kind; raises
        ProblemRaised `auth.signature_refused`, `auth.replayed` or `auth.key_refused`, or
        Overloaded."""
        lines = (signed.timestamp, scope["method"].encode(), target(scope), digest(body))
        if not hmac.compare_digest(sign(signed.secret, b"\n".join(lines)), signed.signature):
            raise ProblemRaised("auth.signature_refused")
        if signed.caller.key_id in self._revoked:  # while the body was on its way
            raise ProblemRaised("auth.key_refused")
        self._check_time(int(signed.timestamp))
        self._remember(int(signed.timestamp) // 1_000_000, signed.signature)

    def revoked(self, id: str) -> None:
        """Refuse a key from now on."""
        self._revoked.add(id)
        self._known.pop(id, None)

    def holds(self, caller: Caller) -> bool:
        """Tell whether the key of a caller is not revoked, as far as is known here."""
        return caller.key_id not in self._revoked

    def _check_time(self, at_us: int) -> None:
        now_us = self._clock.now_us()
        if abs(now_us - at_us) > WINDOW_S * 1_000_000 or at_us < self._began_us:
            facts = {"window_s": WINDOW_S, "now_us": now_us}
            raise ProblemRaised("auth.timestamp_refused", facts=facts)

    async def _of(self, id: str) -> _Known:
        now_us = self._clock.now_us()
        known = self._known.get(id)
        if known is None or now_us - known.asked_at_us >= FRESH_US:
            record = await self.keys.record(id)
            if record is None or id in self._revoked:
                self._known.pop(id, None)
                raise ProblemRaised("auth.key_refused")
            if len(self._known) >= RECORDS_MAX:
                for oldest in list(islice(self._known, RECORDS_MAX // 4)):
                    del self._known[oldest]
            known = self._known[id] = _known(record, now_us)
        if known.caller.until_s * 1_000_000 <= now_us:
            raise ProblemRaised("auth.key_refused")
        return known

    def _remember(self, second: int, signature: bytes) -> None:
        """Note a signature; the same one has the same time, so it is looked for under that."""
        seen = self._seen.get(second)
        if seen is None:
            self._forget(self._clock.now_us() // 1_000_000 - WINDOW_S - 1)
            seen = self._seen[second] = set()
        mark = bytes.fromhex(signature.decode("ascii"))
        if mark in seen:
            raise ProblemRaised("auth.replayed")
        if self._seen_count >= SEEN_MAX:
            raise Overloaded("too many signed requests in half a minute")
        seen.add(mark)
        self._seen_count += 1

    def _forget(self, before_s: int) -> None:
        for second in [second for second in self._seen if second < before_s]:
            self._seen_count -= len(self._seen.pop(second))


def sign(secret: bytes, message: bytes) -> bytes:
    """Return the signature of a message, in hex."""
    return hmac.digest(secret, message, "sha256").hex().encode("ascii")


def digest(body: bytes) -> bytes:
    """Return the SHA-256 of a body, in hex."""
    return hashlib.sha256(body).hexdigest().encode("ascii")


def target(scope: MutableMapping[str, Any]) -> bytes:
    """Return the path of a request with its query, as it was sent."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


def _known(record: KeyRecord, now_us: int) -> _Known:
    until_s = 2**53 if record.expires_at_us is None else record.expires_at_us // 1_000_000
    only = [scope for scope in record.scopes if scope in SCOPES] if record.scopes else None
    caller = caller_of(
        record.user_id, (Role(record.role),), only=only, until_s=until_s, key_id=record.id
    )
    return _Known(written(record.secret).encode("ascii"), caller, now_us)
