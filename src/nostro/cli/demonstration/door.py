"""How does a customer of the platform speak to it, so that nothing is lost and nothing done twice?

Every order is a value that can be sent again as it was. Without an answer nobody knows whether it
was carried out, and the remedy is always the same: send the same order again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

IN_FLIGHT_MAX = 256
ANSWER_TIMEOUT_S = 30.0
ATTEMPTS_MAX = 40
PAUSE_S = 0.25
_AGAIN = frozenset({httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT})


class Unanswered(Exception):
    """Nobody knows whether the order was carried out: no answer, or one that says so."""


class Order(msgspec.Struct, frozen=True):
    """A command to the platform: where it goes, what it says, its idempotency key where the body
    does not name one, who sends it, and by which method. `user`: whose token goes with it."""

    path: str
    body: dict[str, Any]
    key: str = ""
    actor: str = ""
    method: str = "POST"
    user: str = ""

    @property
    def mark(self) -> str:
        """Return what tells this order from every other."""
        return json.dumps([self.path, self.body, self.key, self.actor], sort_keys=True)


class Answer(msgspec.Struct, frozen=True):
    """What the platform said: its status, whether it said so before, and the body."""

    status: int
    replayed: bool
    body: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """Tell whether the platform did it."""
        return self.status < httpx.codes.MULTIPLE_CHOICES

    @property
    def code(self) -> str:
        """Return why it was refused, "" when it was not."""
        return str(self.body.get("code", ""))

    @property
    def height(self) -> int:
        """Return the journal height it stands at, 0 when it stands nowhere."""
        return int(self.body.get("height") or 0)

    def repeats(self, first: Answer) -> bool:
        """Tell whether this is the first answer over again, marked as such."""
        return self.replayed and self.status == first.status and self._said() == first._said()

    def _said(self) -> dict[str, Any]:
        # The name of a request is its own, and no part of the answer.
        return {name: value for name, value in self.body.items() if name != "request_id"}


class Tally:
    """How often the platform was asked, and what it said. An order that is sent again counts as
    the same command."""

    def __init__(self) -> None:
        self._first: dict[str, Answer] = {}
        self.replayed = 0
        self.height = 0

    @property
    def commands(self) -> int:
        """How many different orders were answered."""
        return len(self._first)

    @property
    def rejected(self) -> int:
        """How many of them were refused."""
        return sum(not answer.accepted for answer in self._first.values())

    def note(self, order: Order, answer: Answer) -> None:
        """Count an answer."""
        self._first.setdefault(order.mark, answer)
        self.replayed += answer.replayed
        self.height = max(self.height, answer.height)


class Door:
    """The public HTTP API of one platform, wherever it listens at the moment. `token_of` gives a
    user's token."""

    def __init__(self, token_of: Callable[[str], str]) -> None:
        self.tally = Tally()
        self.url = ""
        self._token_of = token_of
        self._lines: list[httpx.AsyncClient] = []
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()

    async def open(self, url: str) -> None:
        """Speak to the platform at this URL from now on."""
        await self.close()
        self.url = url
        self._lines = [_line(url) for _ in range(IN_FLIGHT_MAX)]
        for line in self._lines:
            self._free.put_nowait(line)

    async def close(self) -> None:
        """Hang up."""
        for line in self._lines:
            await line.aclose()
        self._lines = []
        self._free = asyncio.LifoQueue()

    async def send(self, order: Order, *, patience_s: float = ANSWER_TIMEOUT_S) -> Answer:
        """Send an order once; raises Unanswered, also when its sender loses patience."""
        headers = self._headers(order.user)
        if order.key:
            headers["Idempotency-Key"] = f'"{order.key}"'
        if order.actor:
            headers["X-Nostro-Actor"] = order.actor
        timeout = httpx.Timeout(ANSWER_TIMEOUT_S, read=patience_s)
        answer = await self._ask(
            order.method, order.path, json=order.body, headers=headers, timeout=timeout
        )
        self.tally.note(order, answer)
        return answer

    async def order(self, order: Order) -> Answer:
        """Send an order until it is answered; raises Unanswered when it never is."""
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                return await self.send(order)
            except Unanswered:
                await asyncio.sleep(PAUSE_S)
        return await self.send(order)

    async def read(self, path: str, *, user: str = "", **query: str | int) -> dict[str, Any]:
        """Return what the platform tells at an address, a user for himself; raises Unanswered."""
        headers = self._headers(user)
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                return (await self._ask("GET", path, params=query, headers=headers)).body
            except Unanswered:
                await asyncio.sleep(PAUSE_S)
        return (await self._ask("GET", path, params=query, headers=headers)).body

    def _headers(self, user: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token_of(user)}"} if user else {}

    async def _ask(self, method: str, path: str, **request: Any) -> Answer:
        free = self._free
        line = await free.get()
        try:
            response = await line.request(method, path, **request)
            body = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unanswered(f"{method} {path}: {error!r}") from error
        finally:
            free.put_nowait(line)
        if response.status_code in _AGAIN:
            raise Unanswered(f"{method} {path}: {body.get('detail', body)}")
        replayed = response.headers.get("idempotent-replayed") == "true"
        return Answer(response.status_code, replayed, body)


def _line(url: str) -> httpx.AsyncClient:
    """Return a client with one connection: a pool of hundreds searches all of them for each
    request."""
    return httpx.AsyncClient(
        base_url=url,
        timeout=ANSWER_TIMEOUT_S,
        limits=httpx.Limits(max_connections=1),
        verify=False,  # plain HTTP to this machine: no certificates to load hundreds of times
        trust_env=False,  # nor has a proxy anything to do with it
    )
