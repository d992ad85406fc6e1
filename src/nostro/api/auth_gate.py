"""Who is let in, and as whom?

A request with a token or a signature is bound by it wherever it goes. One without is nobody's: it
may read what is public, and on a platform in development, where only this machine can ask, it is
the local operator's.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from nostro.api.auth import ANONYMOUS, LOCAL, Caller
from nostro.api.auth_rules import Rule
from nostro.api.auth_signatures import KEY, Signatures, Signed
from nostro.api.auth_tokens import Tokens
from nostro.api.intake import Headers, read_headers
from nostro.api.problems import ProblemRaised
from nostro.kernel.messages import Rejection


class Entry(NamedTuple):
    """Who says to send a request. What is `signed` is to be checked once its body is there."""

    caller: Caller
    signed: Signed | None = None


_NOBODY = Entry(ANONYMOUS)
_OPERATOR = Entry(LOCAL)


class Gate:
    """Tells callers apart. `tokens`: None takes no token; `signatures`: None takes no API key.
    `open_locally`: whoever shows nothing is the local operator. `any_host`: also when the request
    came under a name that is not this machine's."""

    def __init__(
        self,
        *,
        tokens: Tokens | None = None,
        signatures: Signatures | None = None,
        open_locally: bool = True,
        any_host: bool = True,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.tokens = tokens
        self.signatures = signatures
        self.open_locally = open_locally
        self._any_host = any_host
        self._now_s = now_s

    def known(self, rule: Rule, headers: Headers) -> Entry | None:
        """Return who calls if nothing must be asked or computed to know it, else None: then
        `entry` tells."""
        if not rule.limited:  # health is told whoever asks, and however
            return _NOBODY
        said = headers.get(b"authorization")
        if said is None:
            if KEY in headers:
                return None
            return self._unsaid(rule, headers) if rule.scope else _NOBODY
        if KEY in headers:
            raise ProblemRaised("auth.signed_twice")
        caller = None if self.tokens is None else self.tokens.known(said)
        return None if caller is None else Entry(caller)

    async def entry(self, headers: Headers) -> Entry:
        """Return who a request with a token or a signature says to be from; raises ProblemRaised
        with what is wrong with it."""
        if KEY in headers:
            if self.signatures is None:
                raise ProblemRaised("auth.keys_not_here")
            signed = await self.signatures.read(headers)
            return Entry(signed.caller, signed)
        if self.tokens is None:
            raise ProblemRaised("auth.token_refused", facts={"why": "no issuer is configured"})
        return Entry(await self.tokens.caller(headers[b"authorization"]))

    def check(self, signed: Signed, scope: MutableMapping[str, Any], body: bytes) -> None:
        """Check a signed request now that its body is there; raises like `Signatures.check`."""
        assert self.signatures is not None
        self.signatures.check(signed, scope, body)

    async def of_socket(self, scope: MutableMapping[str, Any]) -> Caller:
        """Return who opens a WebSocket: by the Authorization header or the signature of the
        handshake, nobody in particular without either. Raises like `entry`.

        Never by the query string: it is logged along the way.
        """
        headers = read_headers(scope)
        if KEY not in headers and b"authorization" not in headers:
            return ANONYMOUS
        caller, signed = await self.entry(headers)
        if signed is not None:
            self.check(signed, {**scope, "method": "GET"}, b"")
        return caller

    async def of_token(self, token: str) -> Caller:
        """Return whom a bare token speaks for; raises ProblemRaised like `Tokens.caller`."""
        said = b"Bearer " + token.encode("ascii", "replace")
        if self.tokens is None:
            raise ProblemRaised("auth.token_refused", facts={"why": "no issuer is configured"})
        return self.tokens.known(said) or await self.tokens.caller(said)

    def holds(self, caller: Caller) -> bool:
        """Tell whether a caller who was let in a while ago still would be."""
        if caller.until_s <= self._now_s():
            return False
        return self.signatures is None or self.signatures.holds(caller)

    def now_us(self) -> int:
        """Return the time by which callers are let in, in microseconds since the epoch."""
        return int(self._now_s() * 1_000_000)

    def _unsaid(self, rule: Rule, headers: Headers) -> Entry:
        """Return the local operator, if this is their platform and their request."""
        if rule.private or not self.open_locally:
            raise ProblemRaised("auth.token_missing")
        if b"x-forwarded-for" in headers or b"forwarded" in headers:
            raise ProblemRaised("auth.token_missing")  # a proxy asks for somebody elsewhere
        origin = headers.get(b"origin")
        if origin is not None and not is_here(origin):
            raise ProblemRaised("auth.cross_site")
        if not self._any_host and not is_here(b"//" + headers.get(b"host", b"localhost")):
            raise ProblemRaised("auth.cross_site")
        return _OPERATOR


def permit(caller: Caller, rule: Rule) -> None:
    """Raise Rejection `auth.not_allowed` unless the caller may call an operation of this rule."""
    if rule.scope and rule.scope not in caller.scopes:
        raise Rejection("auth.not_allowed", scope=rule.scope)


def is_here(address: bytes) -> bool:
    """Tell whether an origin or a host is this machine, whose name no other site can take."""
    known = _HERE.get(address)
    if known is None:
        try:
            name = urlsplit(address.decode("latin-1")).hostname or ""
            known = name == "localhost" or ipaddress.ip_address(name).is_loopback
        except ValueError:
            known = False
        if known and len(_HERE) < 1_000:
            _HERE[address] = known
    return known


_HERE: dict[bytes, bool] = {}
