"""Which rates does a server tell?

`GET <url>/latest?base=EUR` or `GET <url>/2026-10-30?base=EUR` answers {base, date, rates}, as
Frankfurter does. When it does not answer, what it last said is told again, with the age it has.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date

import httpx

from nostro.adapters.fx.quotes import (
    BYTES_MAX,
    BadQuotes,
    Quotes,
    check_day,
    frozen,
    parse_quotes,
)
from nostro.kernel.messages import Rejection
from nostro.netting import REFERENCE, RateSet
from nostro.runtime.ports import Clock, NotDone

LATEST = "latest"
TIMEOUT_S = 3.0
"""For a whole answer: it is some 5 kB, and a cycle waits for it."""
REFRESH_S = 30
"""Newest rates are asked for again when the last answer is older than this."""
DAYS_KEPT_MAX = 64
"""Days of the past whose rates are kept: they never change."""
_UNKNOWN_DAY = frozenset({400, 404, 422})


class HttpRates:
    """Rates from a server; implements RateSource. `kind` is what they are unless the server says
    it; `close` ends the connections of a client that was not given."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        provider: str = "http",
        kind: str = REFERENCE,
        base: str = "EUR",
        client: httpx.AsyncClient | None = None,
        timeout_s: float = TIMEOUT_S,
        refresh_s: int = REFRESH_S,
    ) -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._provider = provider
        self._kind = kind
        self._base = base
        self._own = client is None
        self._client = client or httpx.AsyncClient()
        self._timeout_s = timeout_s
        self._refresh_us = refresh_s * 1_000_000
        self._newest: tuple[Quotes, int] | None = None
        self._days: OrderedDict[date, tuple[Quotes, int]] = OrderedDict()

    async def rates(self, currencies: Sequence[str], at: date | None = None) -> RateSet:
        """Return what the server says, or last said."""
        quotes, fetched_at_us = await (self._latest() if at is None else self._of_day(at))
        check_day(quotes, at)
        return frozen(quotes, currencies, fetched_at_us=fetched_at_us)

    async def close(self) -> None:
        """End the connections."""
        if self._own:
            await self._client.aclose()

    async def _latest(self) -> tuple[Quotes, int]:
        known = self._newest
        if known is not None and self._clock.now_us() - known[1] < self._refresh_us:
            return known
        try:
            self._newest = await self._fetch(LATEST)
        except NotDone:
            if known is None:
                raise
            return known
        return self._newest

    async def _of_day(self, at: date) -> tuple[Quotes, int]:
        known = self._days.get(at)
        if known is None:
            known = self._days[at] = await self._fetch(at.isoformat())
            if len(self._days) > DAYS_KEPT_MAX:
                self._days.popitem(last=False)
        return known

    async def _fetch(self, what: str) -> tuple[Quotes, int]:
        try:
            async with asyncio.timeout(self._timeout_s):
                data = await self._get(what)
            quotes = parse_quotes(data, provider=self._provider, kind=self._kind)
        except (httpx.HTTPError, BadQuotes, TimeoutError) as cause:
            raise NotDone(f"{self._provider}: {cause!r}") from cause
        return quotes, self._clock.now_us()

    async def _get(self, what: str) -> bytes:
        request = self._client.build_request(
            "GET", f"{self._url}/{what}", params={"base": self._base}, timeout=self._timeout_s
        )
        answer = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            if answer.status_code in _UNKNOWN_DAY and what != LATEST:
                raise Rejection("fx.rate_unknown", at=what)
            if answer.status_code != httpx.codes.OK:
                raise NotDone(f"{self._provider} answered {answer.status_code}")
            return await _body(answer)
        finally:
            await answer.aclose()


async def _body(answer: httpx.Response) -> bytes:
    """Return the whole body; raises BadQuotes when it is beyond all bounds."""
    data = bytearray()
    async for part in answer.aiter_bytes():
        data += part
        if len(data) > BYTES_MAX:
            raise BadQuotes(f"more than {BYTES_MAX} bytes")
    return bytes(data)
