"""How is a WebSocket served?

The reader sends JSON objects with an `op`; he is sent what he follows. What he sends is small and
rare: whoever sends much, or what cannot be read again and again, is let go.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Annotated, Any

import msgspec

from nostro.api.feeds.connection import (
    CLOSE_NOT_TEXT,
    CLOSE_POLICY,
    CLOSE_TOO_BIG,
    CLOSE_TOO_MUCH,
    Connection,
)
from nostro.api.feeds.hub import Hub, address_in, error_told, position_said
from nostro.api.feeds.told import written
from nostro.api.feeds.topic import Message
from nostro.api.intake import Receive
from nostro.api.operations import Scope
from nostro.api.problems import ProblemRaised, spoken
from nostro.kernel.messages import Rejection
from nostro.runtime.ending import ended

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/ws"
TEXT_LENGTH_MAX = 16_384
"""A token has some thousand characters."""
SEND_S = 60.0
"""In which a reader must take something of what waits for him."""
CLOSE_S = 5.0
"""In which a reader who is let go is still told why."""
BURST_MAX = 200
PER_SECOND = 20
"""Messages that a reader may send: this many at once, and then so many a second."""
ERRORS_MAX = 20
"""Messages that cannot be done, after which a reader is let go."""

Short = Annotated[str, msgspec.Meta(max_length=64)]


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reader may send. `id` comes back in the answer. `after`: the sequence, the number of
    the trade, or the height up to which he was told."""

    op: Short
    channel: Short = ""
    symbol: Short = ""
    user_id: Short = ""
    after: int | str | None = None
    token: str = ""
    id: Short | int | None = None


_decode = msgspec.json.Decoder(Said).decode


async def serve(hub: Hub, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one WebSocket until either side ends it."""
    await receive()  # websocket.connect
    try:
        if scope["path"] != PATH:
            raise ProblemRaised("request.not_found")
        caller = await hub.admitted(scope)
        connection = Connection(caller, address=address_in(scope))
        hub.enter(connection)
    except Exception as error:
        await _refuse(scope, send, error)
        return
    await send({"type": "websocket.accept"})
    tasks = [
        asyncio.create_task(_listen(hub, connection, receive), name="feed-in"),
        asyncio.create_task(_tell(connection, send), name="feed-out"),
        asyncio.create_task(hub.keep_in_step(connection), name="feed-keep"),
    ]
    try:
        await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
        if connection.gone:
            await asyncio.wait(tasks[1:2], timeout=CLOSE_S)
    finally:
        let_go = connection.gone
        hub.leave(connection)
        await ended(tasks)
        if let_go:
            # Only now: granian closes nothing while a task waits to receive.
            await _closed(send, connection.close_code)


async def _refuse(scope: Scope, send: Send, error: Exception) -> None:
    """Answer a handshake with a problem."""
    answer = spoken(error, instance=scope["path"], request_id="")
    await send(
        {
            "type": "websocket.http.response.start",
            "status": answer.status,
            "headers": answer.headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": answer.body})


async def _tell(connection: Connection, send: Send) -> None:
    """Send what waits, as fast as the reader takes it."""
    while (message := await connection.next()) is not None:
        async with asyncio.timeout(SEND_S):
            await send({"type": "websocket.send", "text": message.text})


async def _closed(send: Send, code: int) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_S):
            await send({"type": "websocket.close", "code": code})


async def _listen(hub: Hub, connection: Connection, receive: Receive) -> None:
    """Take what the reader sends, until he goes or is let go."""
    loop = asyncio.get_running_loop()
    left, seen_at, errors = float(BURST_MAX), loop.time(), 0
    while not connection.gone:
        message = await receive()
        if message["type"] != "websocket.receive":
            return
        now = loop.time()
        left = min(left + (now - seen_at) * PER_SECOND, BURST_MAX) - 1
        seen_at = now
        said: Said | None = None
        try:
            if left < 0:
                raise _LetGo(CLOSE_TOO_MUCH, "feeds.too_many_messages")
            said = _read(message)
            await _do(hub, connection, said)
        except _LetGo as abuse:
            connection.send(Message(error_told(Rejection(abuse.why))))
            connection.let_go(abuse.code)
        except Exception as error:
            errors += 1
            name = None if said is None or said.id is None else str(said.id)
            connection.send(Message(error_told(error, name=name)))
            if errors >= ERRORS_MAX:
                connection.let_go(CLOSE_POLICY)


class _LetGo(Exception):
    """The reader is not served any longer."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


def _read(message: MutableMapping[str, Any]) -> Said:
    text = message.get("text")
    if text is None:
        raise _LetGo(CLOSE_NOT_TEXT, "feeds.not_text")
    if len(text) > TEXT_LENGTH_MAX:
        raise _LetGo(CLOSE_TOO_BIG, "feeds.too_large")
    try:
        return _decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Rejection("feeds.bad_message", why=str(error)[:200]) from None


async def _do(hub: Hub, connection: Connection, said: Said) -> None:
    """Do what is said, and answer."""
    told: dict[str, Any] = {"type": "pong"}
    match said.op:
        case "ping":
            pass
        case "subscribe":
            key = hub.named(connection.caller, said.channel, said.symbol, said.user_id)
            name = None if said.id is None else str(said.id)
            position = hub.follow(connection, key, position_said(said.after), name)
            told = {"type": "subscribed", **hub.about(key), "position": position}
        case "unsubscribe":
            key = hub.named(connection.caller, said.channel, said.symbol, said.user_id)
            hub.unfollow(connection, key)
            told = {"type": "unsubscribed", **hub.about(key)}
        case "auth":
            hub.take_over(connection, await hub.desk.gate.of_token(said.token))
            told = {"type": "authenticated", "user_id": connection.caller.user_id}
        case _:
            raise Rejection("feeds.unknown_op", op=said.op)
    connection.send(Message(_answer(said, told)))


def _answer(said: Said, told: dict[str, Any]) -> str:
    return written(told if said.id is None else {**told, "id": said.id})
