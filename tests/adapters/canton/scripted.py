"""A participant that answers as it is told, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton.auth import BearerToken
from nostro.adapters.domains.canton.client import CantonClient

Answer = httpx.Response | Exception
URL = "http://participant"


def error(
    status: int, code: str, category: int, *, cause: str = "because", **fields: Any
) -> httpx.Response:
    """Return an answer that is a JsCantonError."""
    body = {"code": code, "cause": cause, "errorCategory": category, "context": {}, **fields}
    return httpx.Response(status, json=body)


class Scripted:
    """Answers calls to a path in the order of its script; the last one stays."""

    def __init__(self, **script: Any) -> None:
        self._script = {name: list(answers) for name, answers in script.items()}
        self.asked: list[tuple[str, Any, httpx.Headers]] = []

    def to(self, path: str, *answers: Answer) -> Scripted:
        """Say how calls to a path are answered."""
        self._script[path] = list(answers)
        return self

    def bodies(self, path: str) -> list[Any]:
        """Return what calls to a path asked."""
        return [body for at, body, _ in self.asked if at == path]

    def client(self, token: Callable[[], str] | None = None) -> CantonClient:
        """Return a client of this participant."""
        bearer = BearerToken(token, clock=SystemClock()) if token else None
        return CantonClient(URL, token=bearer, transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        body = httpx.Response(200, content=request.content).json() if request.content else None
        self.asked.append((path, body, request.headers))
        script = self._script[path]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        # A response serves one request only.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
