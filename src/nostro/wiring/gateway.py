"""How are some routes of a running platform served on a port of their own?

A gateway passes what belongs to its routes on to the platform and everything that comes back on to
the caller, byte by byte; it decides nothing and keeps nothing. Other addresses are not here. When
the platform cannot be reached nothing was done; when its answer is lost, nobody knows, and the
caller is told to ask again with the same key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from nostro.api.auth_gate import is_here
from nostro.api.problems import ProblemRaised, Spoken, spoken
from nostro.runtime.ending import ended
from nostro.runtime.ports import NotDone, OutcomeUnknown

ROUTES: Mapping[str, tuple[str, ...]] = {
    "orders": ("/order", "/orders"),
    "balances": ("/balance", "/wallet"),
    "matching": ("/markets", "/trades", "/ws", "/sse"),
    "settlements": ("/settlements", "/settlement"),
    "payments": ("/api/v1/transactions", "/api/v1/participants", "/api/v1/settlements"),
    "ledger": ("/api/v1/ledger",),
}
"""Groups of routes by name, and the beginnings of their addresses."""
ALWAYS = ("/livez", "/readyz", "/problems")
STREAMS = "/sse/"
"""Answers that do not end; each has a connection to the platform for itself."""
TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 120.0
"""Far longer than the platform takes to say that it has no answer in time."""
CONNECTIONS_MAX = 256
STREAMS_MAX = 2_000
FRAME_BYTES_MAX = 64_000_000
"""Of the platform; a book with many levels takes megabytes."""
_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailers transfer-encoding "
    b"upgrade host".split()
)
"""Headers that belong to one connection only (RFC 9110 section 7.6.1), and the host's name."""
_OF_HANDSHAKE = frozenset(
    b"sec-websocket-key sec-websocket-version sec-websocket-extensions "
    b"sec-websocket-protocol content-length".split()
)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Gateway:
    """An ASGI application that serves some groups of ROUTES of the platform at `upstream`, a URL.

    Raises KeyError for a group that there is not.
    """

    def __init__(self, upstream: str, groups: Sequence[str]) -> None:
        self._upstream = upstream.rstrip("/")
        self._here = tuple(path for group in groups for path in ROUTES[group]) + ALWAYS
        self._client = _client(CONNECTIONS_MAX, read_s=ANSWER_TIMEOUT_S)
        self._streams = _client(STREAMS_MAX, read_s=None)

    async def close(self) -> None:
        """Let the connections to the platform go."""
        await self._client.aclose()
        await self._streams.aclose()

    def serves(self, path: str) -> bool:
        """Tell whether an address belongs to the routes; one with dots for folders does not, as it
        may mean another."""
        if "/." in path and not {".", ".."}.isdisjoint(path.split("/")):
            return False
        return any(path == here or path.startswith(f"{here}/") for here in self._here)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            await self._pass_on(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._join(scope, receive, send)

    # -- requests ----------------------------------------------------------------------------------

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.serves(scope["path"]):
            await _answer(send, _problem(ProblemRaised("request.not_found"), scope))
            return
        streams = scope["path"].startswith(STREAMS)
        client = self._streams if streams else self._client
        request = client.build_request(
            scope["method"],
            self._upstream + _target(scope),
            headers=[
                *((name, value) for name, value in scope["headers"] if name not in _HOP_BY_HOP),
                *_forwarded(scope),
            ],
            content=_body(receive) if _has_body(scope) else None,
        )
        begun = False
        try:
            answer = await client.send(request, stream=True)
            try:
                begun = True
                if streams:
                    await _tell_on(answer, receive, send)
                else:
                    await _tell(answer, send)
            finally:
                await answer.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            await _answer(
                send, _problem(NotDone(f"the platform cannot be reached: {error}"), scope)
            )
        except httpx.HTTPError as error:
            if begun:
                raise  # the caller sees a cut answer, which is what it is
            await _answer(send, _problem(OutcomeUnknown(f"no answer came: {error!r}"), scope))

    # -- WebSockets --------------------------------------------------------------------------------

    async def _join(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if not self.serves(scope["path"]):
            await send({"type": "websocket.close", "code": 1008, "reason": "not here"})
            return
        url = self._upstream.replace("http", "ws", 1) + _target(scope)
        unwanted = _HOP_BY_HOP | _OF_HANDSHAKE
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if name not in unwanted
        ]
        try:
            platform = await websockets.connect(
                url, additional_headers=headers, max_size=FRAME_BYTES_MAX, proxy=None
            )
        except websockets.InvalidStatus as refused:
            # Before it is accepted, closing a handshake refuses it with 403.
            reason = f"the platform answered {refused.response.status_code}"
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
            return
        except (OSError, websockets.WebSocketException):
            await send({"type": "websocket.close", "code": 1013, "reason": "try again later"})
            return
        await send({"type": "websocket.accept"})
        tasks = [
            asyncio.ensure_future(_upstream(receive, platform)),
            asyncio.ensure_future(_downstream(platform, send)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # The server cannot close a socket that somebody still waits to hear from.
            await ended(tasks)
            await platform.close()
        await send(_farewell(platform))


def _client(connections_max: int, *, read_s: float | None) -> httpx.AsyncClient:
    limits = httpx.Limits(
        max_connections=connections_max, max_keepalive_connections=connections_max
    )
    timeout = httpx.Timeout(TIMEOUT_S, read=read_s)
    return httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False)


def _forwarded(scope: Scope) -> Sequence[tuple[bytes, bytes]]:
    """Return what tells the platform that a request is not this machine's own (RFC 7239), so that
    nobody from elsewhere is taken for the operator beside it."""
    client = (scope.get("client") or ("",))[0]
    host = next((value for name, value in scope["headers"] if name == b"host"), b"localhost")
    if is_here(f"//[{client}]".encode() if ":" in client else f"//{client}".encode()) and is_here(
        b"//" + host
    ):
        return ()
    return ((b"forwarded", f'for="{client}"'.encode()),)


def _target(scope: Scope) -> str:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (path.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")


def _has_body(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names or b"transfer-encoding" in names


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _tell(answer: httpx.Response, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in answer.headers.raw
        if name.lower() not in _HOP_BY_HOP
    ]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async for piece in answer.aiter_raw():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _tell_on(answer: httpx.Response, receive: Receive, send: Send) -> None:
    """Tell an answer that does not end, until the caller is gone: sending does not notice it."""
    telling = asyncio.ensure_future(_tell(answer, send))
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        done, _ = await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ended([telling, leaving])
    if telling in done:
        telling.result()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _upstream(receive: Receive, platform: ClientConnection) -> None:
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            return
        said = message.get("text")
        await platform.send(message["bytes"] if said is None else said)


async def _downstream(platform: ClientConnection, send: Send) -> None:
    try:
        async for frame in platform:
            kind = "text" if isinstance(frame, str) else "bytes"
            await send({"type": "websocket.send", kind: frame})
    except websockets.ConnectionClosed:
        pass


def _farewell(platform: ClientConnection) -> Message:
    code = platform.close_code or 1001
    # What may not stand in a frame (1006: the connection was cut) is told as "going away".
    code = 1001 if code in (1005, 1006, 1015) else code
    return {"type": "websocket.close", "code": code, "reason": platform.close_reason or ""}


def _problem(error: Exception, scope: Scope) -> Spoken:
    return spoken(error, instance=scope["path"], request_id="")


async def _answer(send: Send, said: Spoken) -> None:
    length = (b"content-length", str(len(said.body)).encode())
    headers = [*said.headers, length]
    await send({"type": "http.response.start", "status": said.status, "headers": headers})
    await send({"type": "http.response.body", "body": said.body})
