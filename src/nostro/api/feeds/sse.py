"""How is one channel followed by Server-Sent Events?

The same messages as over a WebSocket, one channel a stream, for clients that speak nothing but
HTTP. The id of an event is a position, so that a browser that connects again (`Last-Event-ID`) is
told what it missed.
"""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nostro.api.feeds.connection import Connection
from nostro.api.feeds.hub import Hub, address_in, position_said
from nostro.api.feeds.topic import Message
from nostro.api.feeds.ws import SEND_S, Send
from nostro.api.intake import Receive
from nostro.api.operations import Scope
from nostro.api.shapes import read_query
from nostro.runtime.ending import ended

PATH = "/sse/{channel}"
RETRY_MS = 1_000
"""What a browser waits before it connects again."""


class FollowQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a channel to follow, and from where."""

    symbol: str = ""
    user_id: str = ""
    after: str | None = None


async def entered(hub: Hub, request: Request) -> Followed:
    """Return the stream that a request asks for; raises what the caller is told otherwise."""
    caller = await hub.admitted(request.scope)
    query = read_query(request.scope["query_string"], FollowQuery)
    key = hub.named(caller, request.path_params["channel"], query.symbol, query.user_id)
    after = position_said(request.headers.get("last-event-id", query.after))
    connection = Connection(caller, address=address_in(request.scope))
    hub.enter(connection)
    try:
        hub.follow(connection, key, after)
    except BaseException:
        hub.leave(connection)
        raise
    return Followed(hub, connection)


class Followed(Response):
    """A stream of one channel's messages."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, connection: Connection) -> None:
        super().__init__()
        self._hub = hub
        self._connection = connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream until either side ends it."""
        hub, connection = self._hub, self._connection
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        headers.append((b"x-accel-buffering", b"no"))
        tasks = [
            asyncio.create_task(_gone(receive), name="feed-in"),
            asyncio.create_task(_tell(connection, send), name="feed-out"),
            asyncio.create_task(hub.keep_in_step(connection), name="feed-keep"),
        ]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
        finally:
            hub.leave(connection)
            await ended(tasks)


async def _gone(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _tell(connection: Connection, send: Send) -> None:
    """Send what waits, as fast as the reader takes it."""
    await send(_part(f"retry: {RETRY_MS}\n\n"))
    while (message := await connection.next()) is not None:
        async with asyncio.timeout(SEND_S):
            await send(_part(_event(message)))
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _part(text: str) -> dict[str, object]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}


def _event(message: Message) -> str:
    """Return a message as an event; JSON as we write it has no line breaks."""
    place = f"id: {message.position}\n" if message.position >= 0 else ""
    return f"{place}data: {message.text}\n\n"
