"""How is the body of a request taken in, so that no caller keeps the others waiting?

It must come in time. Large bodies share a bound in bytes, from their arrival until they are
answered, and are taken up one at a time: 10,000 transfers keep the event loop for as long as
hundreds of small requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from nostro.api.patience import NoAnswerInTime
from nostro.kernel.messages import Rejection
from nostro.runtime.engine import Engine
from nostro.runtime.ports import Overloaded

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = Mapping[bytes, bytes]

BODY_TIMEOUT_S = 30.0
"""From the headers to the end of the body; as long as the server waits for headers."""
LARGE_BYTES = 65_536
"""A body up to this length needs no care: a connection may hold as much."""
LARGE_BYTES_MAX = 128_000_000
"""Bytes of large bodies at a time: 16 of the longest. In memory they take about twice that."""
JSON = "application/json"
_JSON_TYPES = (b"application/json", b"application/json; charset=utf-8")


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


def read_headers(scope: Mapping[str, Any]) -> Headers:
    """Return headers by name in lower case. The values of one that is sent twice stand side by
    side (RFC 9110 section 5.3), so that two keys, or two actors, are none."""
    pairs = scope["headers"]
    headers = dict(pairs)
    if len(headers) == len(pairs):
        return headers
    joined: dict[bytes, bytes] = {}
    for name, value in pairs:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return joined


class Body:
    """The body of a request: how long its sender says it is, what has come, and what it claims of
    the bound on large ones."""

    __slots__ = ("claimed", "data", "expected")

    def __init__(self, expected: int | None) -> None:
        self.expected = expected
        self.data = b""
        self.claimed = 0


class Intake:
    """Reads the bodies of one front door."""

    def __init__(
        self,
        engine: Engine,
        *,
        bytes_max: int,
        timeout_s: float = BODY_TIMEOUT_S,
        large_bytes_max: int = LARGE_BYTES_MAX,
    ) -> None:
        self._engine = engine
        self._bytes_max = bytes_max
        self._timeout_s = timeout_s
        self._large_bytes_max = large_bytes_max
        self._large_bytes = 0
        self._left_bytes = 0
        """Of these, what belongs to commands that were not answered in time: the engine may still
        hold them, until nothing waits there any more."""
        self._turn = asyncio.Lock()

    async def read(self, headers: Headers, receive: Receive, media_type: str = JSON) -> Body:
        """Return the body of a request that says it is of a media type (JSON may go unsaid); end
        its claim once it is answered.

        Raises Rejection `request.unsupported_media_type`, `request.too_large` or
        `request.too_slow`, Overloaded, or ClientGone.
        """
        said = headers.get(b"content-type")
        if media_type != JSON:
            _check_xml(said or b"")
        elif said is not None and said not in _JSON_TYPES:
            _check_media_type(said)
        length = headers.get(b"content-length", b"")
        body = Body(int(length[:20]) if length.isdigit() else None)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._read(body, receive)
            if body.claimed:
                async with self._turn:
                    await asyncio.sleep(0)  # whatever else is ready goes first
        except TimeoutError:
            self.end(body)
            raise Rejection("request.too_slow", timeout_s=self._timeout_s) from None
        except BaseException:
            self.end(body)
            raise
        return body

    async def _read(self, body: Body, receive: Receive) -> None:
        expected, size, more = body.expected, 0, True
        self._claim(body, expected or 0)
        chunks: list[bytes] = []
        # Servers may say that more comes when nothing does: its length tells without another turn.
        while more and size != expected:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            self._claim(body, size)
            more = message.get("more_body", False)
        body.data = chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _claim(self, body: Body, size: int) -> None:
        """Let a body have this many bytes of the bound, if it is large."""
        if size > self._bytes_max:
            raise Rejection("request.too_large", bytes_max=self._bytes_max)
        if size <= max(LARGE_BYTES, body.claimed):
            return
        if self._left_bytes and not self._engine.queued:
            self._large_bytes -= self._left_bytes
            self._left_bytes = 0
        if self._large_bytes - body.claimed + size > self._large_bytes_max:
            raise Overloaded("large requests are waiting already")
        self._large_bytes += size - body.claimed
        body.claimed = size

    def end(self, body: Body, error: Exception | None = None) -> None:
        """End a body's claim, now that it is answered, or its command was refused by this error."""
        if isinstance(error, NoAnswerInTime):
            self._left_bytes += body.claimed
        else:
            self._large_bytes -= body.claimed
        body.claimed = 0


def _check_xml(said: bytes) -> None:
    """Refuse what does not say that it is XML; its encoding stands in the document itself."""
    media = said.decode("latin-1").lower().partition(";")[0].strip()
    if media not in ("application/xml", "text/xml"):
        raise Rejection("request.unsupported_media_type", content_type=media[:100])


def _check_media_type(said: bytes) -> None:
    media, _, parameters = said.decode("latin-1").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "").partition("charset=")[2] or "utf-8"
    json = media.strip() == "application/json" or media.strip().endswith("+json")
    if not json or charset not in ("utf-8", "utf8", "us-ascii"):
        raise Rejection("request.unsupported_media_type", content_type=media.strip()[:100])
