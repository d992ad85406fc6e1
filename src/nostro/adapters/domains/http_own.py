"""How does one settle on a ledger of our own that another process keeps (`served.py`)?"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from nostro.adapters.domains.own import Balances, Holdings, Issued
from nostro.adapters.domains.port import (
    ITEMS_MAX,
    DomainHead,
    ExecuteAnswer,
    HoldAnswer,
    HoldOrder,
    ReleaseAnswer,
    RoundAt,
    RoundOrder,
    StatusAnswer,
)
from nostro.adapters.domains.served import (
    Holds,
    Ids,
    Listing,
    NewIssue,
    Nothing,
    OfParty,
    Outage,
    Page,
    Refusal,
    Rounds,
)
from nostro.kernel.messages import Rejection
from nostro.runtime.deadline import within
from nostro.runtime.ports import NotDone, OutcomeUnknown

TIMEOUT_S = 10.0
"""For a whole call."""
CONNECTIONS_MAX = 16
ANSWER_BYTES_MAX = 32_000_000
"""Of an answer: 100 refusals that name a thousand lacks each."""
A = TypeVar("A")

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""What happens before a call leaves; whatever happens later, the call may have arrived."""
_NOT_TAKEN = frozenset({400, 401, 404, 405, 413, 503})
_GOOD, _REFUSED = 200, 422

_holds = msgspec.json.Decoder(list[HoldAnswer])
_executions = msgspec.json.Decoder(list[ExecuteAnswer])
_releases = msgspec.json.Decoder(list[ReleaseAnswer])
_statuses = msgspec.json.Decoder(list[StatusAnswer])
_listing = msgspec.json.Decoder(list[RoundAt])
_head = msgspec.json.Decoder(DomainHead)
_issued = msgspec.json.Decoder(Issued)
_holdings = msgspec.json.Decoder(Holdings)
_balances = msgspec.json.Decoder(Balances)
_refusal = msgspec.json.Decoder(Refusal)
_outage = msgspec.json.Decoder(Outage)


class DomainLine:
    """A line to a served domain. `transport`: for tests, what stands in for the network."""

    def __init__(
        self,
        url: str,
        *,
        token: str,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = httpx.URL(url)
        self._timeout_s = timeout_s
        self._headers = {
            "host": self._url.netloc.decode("ascii"),
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
        }
        self._extensions = {"timeout": httpx.Timeout(timeout_s).as_dict()}
        # A client around it would double what a call costs, for cookies, redirects and proxies.
        self._transport = transport or httpx.AsyncHTTPTransport(
            limits=httpx.Limits(
                max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX
            )
        )

    async def call(self, path: str, said: Any, decoder: msgspec.json.Decoder[A]) -> A:
        """Return what the domain answers; raises Rejection, NotDone or OutcomeUnknown."""
        try:
            body = msgspec.json.encode(said)
            status, content = await within(self._timeout_s, self._post(path, body))
        except _NOT_SENT as error:
            raise NotDone(f"the domain is not there: {error!r}") from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise OutcomeUnknown(f"the domain did not answer: {error!r}") from None
        try:
            return self._understood(status, content, decoder)
        except msgspec.MsgspecError as error:
            raise OutcomeUnknown(f"the domain speaks another language: {error}") from None

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body as it was sent, which is never compressed; raises
        OutcomeUnknown rather than take in more than an answer has."""
        request = httpx.Request(
            "POST",
            self._url.copy_with(raw_path=path.encode("ascii")),
            headers=self._headers,
            content=body,
            extensions=self._extensions,
        )
        response = await self._transport.handle_async_request(request)
        content = bytearray()
        async with contextlib.aclosing(response):
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > ANSWER_BYTES_MAX:
                    raise OutcomeUnknown(f"the domain says more than {ANSWER_BYTES_MAX} bytes")
        return response.status_code, bytes(content)

    @staticmethod
    def _understood(status: int, content: bytes, decoder: msgspec.json.Decoder[A]) -> A:
        if status == _GOOD:
            return decoder.decode(content)
        if status == _REFUSED:
            refusal = _refusal.decode(content)
            raise Rejection(refusal.code, **refusal.facts)
        if status in _NOT_TAKEN:
            raise NotDone(f"the domain says {status}: {_why(content)}")
        raise OutcomeUnknown(f"the domain says {status}: {_why(content)}")

    async def close(self) -> None:
        """End the connections."""
        await self._transport.aclose()


def _why(content: bytes) -> str:
    try:
        return _outage.decode(content).why
    except msgspec.MsgspecError:
        return repr(content[:200])


class HttpDomain:
    """A domain in another process; implements nostro.adapters.domains.port.Domain."""

    def __init__(self, name: str, line: DomainLine) -> None:
        self.name = name
        self._line = line

    async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[HoldAnswer]:
        """Earmark what each round needs."""
        return await self._each("/hold", Holds(list(orders)), orders, _holds)

    async def execute(self, orders: Sequence[RoundOrder]) -> Sequence[ExecuteAnswer]:
        """Move what is earmarked, each round as a whole."""
        return await self._each("/execute", Rounds(list(orders)), orders, _executions)

    async def release(self, orders: Sequence[RoundOrder]) -> Sequence[ReleaseAnswer]:
        """Let go what is earmarked, and close each round."""
        return await self._each("/release", Rounds(list(orders)), orders, _releases)

    async def status(self, round_ids: Sequence[str]) -> Sequence[StatusAnswer]:
        """Say where each round stands."""
        return await self._each("/status", Ids(list(round_ids)), round_ids, _statuses)

    async def head(self) -> DomainHead:
        """Say how far it is; raises NotDone when another domain answers there."""
        head = await self._line.call("/head", Nothing(), _head)
        if head.name != self.name:
            raise NotDone(f"domain {head.name} answers where {self.name} should")
        return head

    async def rounds(self, *, after: str, limit: int = ITEMS_MAX) -> Sequence[RoundAt]:
        """List the rounds that are held."""
        return await self._line.call("/rounds", Listing(after, limit), _listing)

    async def close(self) -> None:
        """End the connections."""
        await self._line.close()

    async def _each(
        self, path: str, said: Any, asked: Sequence[Any], decoder: msgspec.json.Decoder[list[A]]
    ) -> list[A]:
        answers = await self._line.call(path, said, decoder)
        if len(answers) != len(asked):
            raise OutcomeUnknown(f"{len(asked)} rounds, {len(answers)} answers")
        return answers


class HttpAdmin:
    """The operator of a domain in another process; implements DomainAdmin."""

    def __init__(self, line: DomainLine) -> None:
        self._line = line

    async def issue(
        self, *, reference: str, party: str, asset: str, scale: int, amount_minor: int
    ) -> Issued:
        """Credit or debit a party, once for each reference."""
        said = NewIssue(reference, party, asset, scale, amount_minor)
        return await self._line.call("/issue", said, _issued)

    async def holdings(self, party: str) -> Holdings:
        """Return what a party owns."""
        return await self._line.call("/holdings", OfParty(party), _holdings)

    async def balances(self, *, after: int = 0) -> Balances:
        """Return what stands on a page of accounts."""
        return await self._line.call("/balances", Page(after), _balances)

    async def close(self) -> None:
        """End the connections."""
        await self._line.close()
