"""How does a request find its way in, and what is noted of it?

`FrontDoor` is the FastAPI application with a shorter way for what is asked most: an operation whose
path has no parameters is found by a dictionary and answered without routing, dependencies or
middleware. FastAPI keeps the documentation and the paths with parameters; both ways end in the same
`perform`. FastAPI's own way costs four times as much of a request's time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from time import perf_counter
from typing import Any

from fastapi import FastAPI

from nostro.api.desk import Desk
from nostro.api.intake import Receive, read_headers
from nostro.api.operations import CLIENT_GONE, Operation, RequestIds, Scope, address_of, perform
from nostro.api.platform import AccessLog

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_NO_STORE = (b"cache-control", b"no-store")
_NO_SNIFF = (b"x-content-type-options", b"nosniff")


class FrontDoor(FastAPI):
    """The API of one platform as an ASGI application; made by `create_app`."""

    desk: Desk
    short_ways: dict[str, dict[str, Operation]]
    request_ids: RequestIds
    access_log: AccessLog
    serve_socket: Callable[[Scope, Receive, Send], Awaitable[None]]

    def open_short_ways(self, operations: Iterable[Operation]) -> None:
        """Let operations without path parameters be found by their path."""
        self.short_ways = {}
        for operation in operations:
            if operation.params is None:
                self.short_ways.setdefault(operation.path, {})[operation.method] = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await self.serve_socket(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            await self(*_without_body(scope, receive, send))
            return
        started = perf_counter()
        headers = read_headers(scope)
        request_id = self.request_ids.of(headers)
        by_method = self.short_ways.get(scope["path"])
        operation = by_method.get(scope["method"]) if by_method else None
        if operation is None:
            await self._long_way(scope, receive, send, request_id, started)
            return
        status, answer_headers, body = await perform(
            self.desk, operation, scope, receive, headers, request_id
        )
        answer_headers += ((b"x-request-id", request_id.encode()), _NO_STORE, _NO_SNIFF)
        await send({"type": "http.response.start", "status": status, "headers": answer_headers})
        await send({"type": "http.response.body", "body": body})
        self._note(scope, operation.path, status, request_id, started)

    async def _long_way(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, started: float
    ) -> None:
        """Serve through FastAPI's router."""
        scope["nostro.request_id"] = request_id
        status = CLIENT_GONE

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    _NO_STORE,
                    _NO_SNIFF,
                ]
            await send(message)

        try:
            await super().__call__(scope, receive, noting)
        finally:
            route = address_of(getattr(scope.get("route"), "path", "unmatched"))
            self._note(scope, route, status, request_id, started)

    def _note(self, scope: Scope, route: str, status: int, request_id: str, started: float) -> None:
        took = perf_counter() - started
        method = scope["method"]
        self.desk.meters.request(method, route, status, took)
        self.access_log(
            method=method, path=scope["path"], status=status, duration_s=took, request_id=request_id
        )


def _without_body(scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive, Send]:
    """Return a HEAD request as the GET request whose answer it asks about (RFC 9110 section
    9.3.2)."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return {**scope, "method": "GET"}, receive, sending
