"""How is a connection to the feeds made, and made again when it fails?"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

BYTES_MAX = 64_000_000
"""A snapshot of a very deep book."""
OPEN_S = 10.0
PAUSE_FIRST_S = 0.1
PAUSE_LAST_S = 5.0
NOT_NOW = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Answers to a handshake after which it is worth trying again."""

Token = str | Callable[[], str | Awaitable[str]] | None

_decode = msgspec.json.Decoder().decode


class Refused(Exception):
    """The server will not serve this, however often it is asked. `code`: as in its answers."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Backoff:
    """How long to wait before the next attempt: longer each time, up to a bound, and never the same
    for two clients."""

    def __init__(self) -> None:
        self._pause_s = PAUSE_FIRST_S

    def next_s(self) -> float:
        """Return the next pause in seconds."""
        pause_s, self._pause_s = self._pause_s, min(self._pause_s * 2, PAUSE_LAST_S)
        return pause_s * random.uniform(0.5, 1.0)

    def well(self) -> None:
        """Begin anew: an attempt succeeded."""
        self._pause_s = PAUSE_FIRST_S


def socket_url(url: str) -> str:
    """Return the address of the feeds of a server: `http://host` is `ws://host/ws`."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/ws", "", ""))


async def headers_of(token: Token) -> dict[str, str]:
    """Return the headers of a handshake; a token that is made by a function is made anew."""
    made = token() if callable(token) else token
    if isinstance(made, Awaitable):
        made = await made
    return {} if made is None else {"Authorization": f"Bearer {made}"}


@asynccontextmanager
async def connected(url: str, token: Token) -> AsyncIterator[ClientConnection]:
    """Open a connection; raises Refused, or what `websockets` raises when it is worth trying
    again."""
    try:
        opening = connect(
            socket_url(url),
            additional_headers=await headers_of(token),
            max_size=BYTES_MAX,
            open_timeout=OPEN_S,
            compression=None,
        )
        socket = await opening
    except InvalidStatus as error:
        status = error.response.status_code
        if status in NOT_NOW:
            raise
        raise _refused(status, error.response.body) from error
    async with socket:
        yield socket


def _refused(status: int, body: bytes | bytearray | None) -> Refused:
    try:
        told: dict[str, Any] = _decode(body or b"")
        return Refused(told["code"], told["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return Refused(f"http.{status}", "the handshake was refused")
