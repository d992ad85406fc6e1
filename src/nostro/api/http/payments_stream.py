"""How are payments taken from a stream of lines that may never end?

Lines are collected into chunks, by number, bytes, or because nothing more came for a moment; each
chunk is one command. A few chunks are under way at a time; beyond them the stream is read no
further, so memory stays bounded and the sender waits. Answers go out in order, as chunks become
durable. An outage ends the stream with the lines it hit: they may be sent again, as every payment
is its own key.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from secrets import token_hex
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response

from nostro.api.auth import Caller
from nostro.api.desk import Desk
from nostro.api.front import Send
from nostro.api.http.payments import ACTOR
from nostro.api.http.payments_bulk import (
    Draft,
    PaymentResult,
    draft,
    read_lines,
    results_of,
)
from nostro.api.intake import Headers, Receive
from nostro.api.operations import Scope, actor_of
from nostro.api.problem_table import row_for
from nostro.api.problems import raised
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Receipt
from nostro.payments import SubmitPayments
from nostro.runtime.ports import Overloaded

MEDIA_TYPE = b"application/x-ndjson"
CHUNK_LINES = 2_000
"""Lines of a command: of 2,000 the event loop is kept for about 20 ms."""
CHUNK_BYTES = 2_000_000
UNDER_WAY_MAX = 4
"""Chunks that wait for the disk while the next one is read."""
LINE_BYTES_MAX = 65_536
FLUSH_S = 0.02
"""Seconds without another byte after which what has come is committed."""
IDLE_S = 30.0
"""Seconds without a byte after which a stream is given up."""
SEND_S = 30.0
"""Seconds in which the client must take an answer: who does not read while sending stands still."""
STREAMS_MAX = 32

_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines


def is_stream(headers: Headers) -> bool:
    """Tell whether a body says that it is JSON lines."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == MEDIA_TYPE


class Streams:
    """The streams that are open at one front door."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.open = 0

    def enter(self, headers: Headers, caller: Caller) -> StreamedPayments:
        """Return the answer to a stream; raises Rejection `payments.key_on_stream`,
        `request.bad_actor` or `auth.actor_not_you`, or Overloaded."""
        if b"idempotency-key" in headers:
            raise Rejection("payments.key_on_stream")
        actor = actor_of(caller, headers, ACTOR)
        if self.open >= STREAMS_MAX:
            raise Overloaded("enough streams of payments are open already")
        return StreamedPayments(self, actor)


class Chunk(NamedTuple):
    """A chunk of lines that is under way; `receipt` is None when nothing of it could be
    submitted."""

    drafted: Draft
    receipt: asyncio.Future[Receipt] | None
    first: int
    lines: int


class Over(Exception):
    """The stream cannot go on: the code says why."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class StreamedPayments(Response):
    """Takes the payments of one stream and answers them."""

    def __init__(self, streams: Streams, actor: str) -> None:
        super().__init__(media_type=MEDIA_TYPE.decode())
        self._streams = streams
        self._desk = streams.desk
        self._actor = actor
        self._under_way: deque[Chunk] = deque()
        self._index = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream."""
        self._streams.open += 1
        lines = Lines(receive)
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._serve(lines, send)
        finally:
            self._streams.open -= 1
            lines.close()
            for chunk in self._under_way:
                if chunk.receipt is not None:
                    chunk.receipt.cancel()

    async def _serve(self, lines: Lines, send: Send) -> None:
        try:
            while True:
                # While answers are due, wait for either more lines or the oldest answer.
                chunk = await lines.chunk(wait_s=FLUSH_S if self._under_way else IDLE_S)
                if chunk:
                    await self._submit(chunk)
                if lines.ended:
                    break
                while self._under_way and (not chunk or len(self._under_way) >= UNDER_WAY_MAX):
                    await self._answer(send)
            while self._under_way:
                await self._answer(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Over as over:
            await self._give_up(over, send)

    async def _submit(self, lines: Sequence[bytes]) -> None:
        drafted = await draft(self._desk, read_lines(lines))
        first, count = self._index, len(lines)
        self._index += count
        receipt = None
        if drafted.payments:
            try:
                receipt = self._desk.submit(
                    key=f"payments:{token_hex(16)}",
                    command=SubmitPayments(payments=drafted.payments),
                    actor=self._actor,
                )
            except Exception as error:
                receipt = asyncio.get_running_loop().create_future()
                receipt.set_exception(error)
        self._under_way.append(Chunk(drafted, receipt, first, count))
        await asyncio.sleep(0)  # whatever else is ready goes first

    async def _answer(self, send: Send) -> None:
        """Answer the oldest chunk once it is durable."""
        chunk = self._under_way[0]
        try:
            receipt = None if chunk.receipt is None else await chunk.receipt
            results = results_of(
                self._desk, chunk.drafted, receipt, count=chunk.lines, first=chunk.first
            )
            height = 0 if receipt is None else receipt.height
            body = _encode_lines([msgspec.structs.replace(each, height=height) for each in results])
        except Exception as error:
            problem = raised(error)
            raise Over(problem.code, problem.detail) from error
        self._under_way.popleft()
        await _sent(send, body)

    async def _give_up(self, over: Over, send: Send) -> None:
        """Answer every line that is under way with what ended the stream, and one line more."""
        detail = over.detail or f"{row_for(over.code).title}."
        body = bytearray()
        for chunk in self._under_way:
            if chunk.receipt is not None and chunk.receipt.done() and not chunk.receipt.cancelled():
                chunk.receipt.exception()  # it has been told: the future need not complain
            for index in range(chunk.first, chunk.first + chunk.lines):
                no = PaymentResult(index=index, result="refused", code=over.code, detail=detail)
                body += _encode(no) + b"\n"
        body += _encode({"ended": True, "index": self._index, "code": over.code, "detail": detail})
        await _sent(send, bytes(body) + b"\n")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _sent(send: Send, body: bytes) -> None:
    async with asyncio.timeout(SEND_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})


class Lines:
    """The lines of a request's body, as they come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._waiting: asyncio.Future[Any] | None = None
        self._rest = b""
        self._full: deque[bytes] = deque()
        self._over = False

    @property
    def ended(self) -> bool:
        """Tell whether there are no lines any more."""
        return self._over and not self._full

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._waiting is not None:
            self._waiting.cancel()

    async def chunk(self, *, wait_s: float) -> list[bytes]:
        """Return the next lines, a chunk of them at most; none when nothing came for `wait_s`
        seconds, or the body has ended. Raises Over."""
        size = sum(map(len, self._full))
        while not self._over and len(self._full) < CHUNK_LINES and size < CHUNK_BYTES:
            # Once there is a line, others get a moment to join it.
            data = await self._read(FLUSH_S if self._full else wait_s)
            if data is None:
                break
            size += self._split(data)
        count = min(len(self._full), CHUNK_LINES)
        if not count and not self._over and wait_s == IDLE_S:
            raise Over("request.too_slow")
        return [self._full.popleft() for _ in range(count)]

    async def _read(self, wait_s: float) -> bytes | None:
        """Return what came next, None when nothing did in time."""
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(self._receive())
        done, _ = await asyncio.wait((self._waiting,), timeout=wait_s)
        if not done:
            return None
        message = self._waiting.result()
        self._waiting = None
        if message["type"] == "http.disconnect":
            self._over = True
            return b""
        self._over = not message.get("more_body", False)
        data: bytes = message.get("body", b"")
        return data

    def _split(self, data: bytes) -> int:
        """Take the lines out of what came; return the bytes they have."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._over:
            lines.append(self._rest)
            self._rest = b""
        if len(self._rest) > LINE_BYTES_MAX:
            raise Over("request.too_large", f"A line has more than {LINE_BYTES_MAX:,} bytes.")
        full = [line for line in lines if line.strip()]
        self._full.extend(full)
        return sum(map(len, full))
