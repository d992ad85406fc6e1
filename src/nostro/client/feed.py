"""How is a feed followed over everything that can happen to a line?

Each thing that is followed remembers up to where it was told, and asks for what comes after that
whenever the line was lost, also when the server was started anew. So trades, orders and fills come
without a gap and without a repeat, and a book is exact or sent anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from nostro.client.book import Book, OutOfStep
from nostro.client.wire import Backoff, Refused, Token, connected, headers_of

SILENCE = 3
"""Heartbeats that may fail to come before the line is held to be dead."""
AGAIN = ("views.behind", "views.unavailable", "feeds.not_here", "engine.unavailable")
"""What the server may say that is over in a moment."""
PAUSE_S = 1.0

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Update(msgspec.Struct, frozen=True):
    """What came: the channel, the symbol ("" for a user's own), and the message as it was sent."""

    channel: str
    symbol: str
    message: dict[str, Any]


class Stats(msgspec.Struct):
    """What happened so far. `gaps`: steps that were missing and were asked for again."""

    connections: int = 0
    messages: int = 0
    snapshots: int = 0
    gaps: int = 0


class _Followed:
    """One thing that is followed, and up to where it was told."""

    def __init__(self, channel: str, *, symbol: str, user_id: str, after: int | None) -> None:
        self.channel = channel
        self.symbol = symbol
        self.user_id = user_id
        self.after = after
        self.asked_anew = False
        """What still comes is of before."""

    def request(self, op: str) -> dict[str, Any]:
        """Return the message that asks for it."""
        said: dict[str, Any] = {"op": op, "channel": self.channel}
        if self.symbol:
            said["symbol"] = self.symbol
        if self.user_id:
            said["user_id"] = self.user_id
        if op == "subscribe" and self.after is not None:
            said["after"] = self.after
        return said

    def begun(self, position: int) -> None:
        """Hear from where on it is told; what a snapshot begins needs no such place."""
        self.asked_anew = False
        if self.after is None:
            self.after = position

    def take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Take in a message and return what of it is new; raises OutOfStep."""
        previous = message.get("previous_height")
        if previous is not None and self.after is not None and previous > self.after:
            raise OutOfStep(f"what happened after height {self.after} is missing")
        if "height" in message:
            self.after = message["height"]
        # Nothing happened up to this height: only the link is told.
        nothing = previous is not None and not message[self.channel]
        return None if nothing else message


class _FollowedBook(_Followed):
    """A book: its position is its sequence."""

    def __init__(self, book: Book) -> None:
        super().__init__("book", symbol=book.symbol, user_id="", after=None)
        self.book = book

    def begun(self, position: int) -> None:
        """Hear that the book is told anew, or goes on."""
        self.asked_anew = False

    def take(self, message: dict[str, Any]) -> dict[str, Any]:
        """Rebuild the book."""
        try:
            self.book.take(message)
        except OutOfStep:
            self.after = None
            raise
        self.after = self.book.sequence
        return message


class _FollowedTrades(_Followed):
    """Trades: the position is the number of the last one."""

    def take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Leave out trades that were told already, and miss none."""
        if self.after is not None and int(message["previous_trade_id"]) > self.after:
            raise OutOfStep(f"trades after {self.after} are missing")
        since = -1 if self.after is None else self.after
        trades = [trade for trade in message["trades"] if int(trade["trade_id"]) > since]
        self.after = max(since, int(message["last_trade_id"]))
        return {**message, "trades": trades} if trades else None


class Feed:
    """The feeds of one server. Name what to follow, then read: `async for update in feed`.

    `token`: a bearer token, or a function that returns one, also a coroutine function; it is asked
    for at every connection. `check`: compare each book with the server's checksum.
    Reading ends when `close` was called, or raises Refused.
    """

    def __init__(self, url: str, *, token: Token = None, check: bool = True) -> None:
        self.url = url.rstrip("/")
        self.epoch = ""
        self.stats = Stats()
        self.books: dict[str, Book] = {}
        self._token = token
        self._check = check
        self._followed: dict[tuple[str, str], _Followed] = {}
        self._socket: ClientConnection | None = None
        self._closed = False
        self._silence_s = 60.0

    # -- what to follow ----------------------------------------------------------------------------

    def follow_book(self, symbol: str) -> Book:
        """Follow the book of a market, such as `BTC/USD`, and return it: it is kept current."""
        book = self.books[symbol] = Book(symbol, check=self._check)
        self._follow(_FollowedBook(book))
        return book

    def follow_trades(self, symbol: str, *, after: int | None = None) -> None:
        """Follow the trades of a market, from the one after this number on; None: from now on."""
        self._follow(_FollowedTrades("trades", symbol=symbol, user_id="", after=after))

    def follow_ticker(self, symbol: str) -> None:
        """Follow the best prices and the state of a market."""
        self._follow(_Followed("ticker", symbol=symbol, user_id="", after=None))

    def follow_own(self, channel: str, *, user_id: str = "", after: int | None = None) -> None:
        """Follow `orders`, `fills`, `balances` or `settlements` of the token's user, from a journal
        height on; operators may name another user."""
        self._follow(_Followed(channel, symbol="", user_id=user_id, after=after))

    def position(self, channel: str, about: str = "") -> int | None:
        """Return up to where something was told about a symbol or a user as it was named to be
        followed: keep it, and pass it as `after` next time."""
        followed = self._followed.get((channel, about))
        return None if followed is None else followed.after

    def _follow(self, followed: _Followed) -> None:
        self._followed[followed.channel, followed.symbol or followed.user_id] = followed

    def _meant(self, channel: str, about: str) -> _Followed | None:
        """Return what a message is about; who named no user is told of the token's."""
        return self._followed.get((channel, about)) or self._followed.get((channel, ""))

    # -- reading -----------------------------------------------------------------------------------

    async def close(self) -> None:
        """Stop reading."""
        self._closed = True
        if self._socket is not None:
            await self._socket.close()

    async def __aiter__(self) -> AsyncIterator[Update]:
        """Yield what comes, connecting anew for ever."""
        backoff = Backoff()
        while not self._closed:
            with contextlib.suppress(WebSocketException, OSError, TimeoutError):
                async with connected(self.url, self._token) as socket:
                    self._socket = socket
                    self.stats.connections += 1
                    async for update in self._read(socket, backoff):
                        yield update
            self._socket = None
            if not self._closed:
                await asyncio.sleep(backoff.next_s())

    async def _read(self, socket: ClientConnection, backoff: Backoff) -> AsyncIterator[Update]:
        for followed in self._followed.values():
            followed.asked_anew = False
            await _say(socket, followed.request("subscribe"))
        while True:
            async with asyncio.timeout(self._silence_s):
                message: dict[str, Any] = _decode(await socket.recv())
            backoff.well()
            self.stats.messages += 1
            update = await self._take(socket, message)
            if update is not None:
                yield update

    async def _take(self, socket: ClientConnection, message: dict[str, Any]) -> Update | None:
        kind = message["type"]
        if kind == "hello":
            self.epoch = message["epoch"]
            self._silence_s = SILENCE * message["heartbeat_s"]
        elif kind == "error":
            await self._mend(socket, message)
        channel, symbol = message.get("channel", ""), message.get("symbol", "")
        followed = self._meant(channel, symbol or message.get("user_id", ""))
        if followed is None or kind in ("unsubscribed", "error"):
            return None
        if kind == "subscribed":
            followed.begun(message["position"])
            return None
        if followed.asked_anew:
            return None
        self.stats.snapshots += kind == "snapshot"
        try:
            new = followed.take(message)
        except OutOfStep:
            self.stats.gaps += 1
            followed.asked_anew = True
            await _say(socket, followed.request("unsubscribe"))
            await _say(socket, followed.request("subscribe"))
            return None
        return None if new is None else Update(channel, symbol, new)

    async def _mend(self, socket: ClientConnection, error: dict[str, Any]) -> None:
        """Ask again for what could not be had just now; raises Refused for what never can."""
        if error["code"] not in AGAIN:
            raise Refused(error["code"], error["detail"])
        await asyncio.sleep(PAUSE_S)
        await socket.close()  # all is asked for again over the next connection

    # -- asking ------------------------------------------------------------------------------------

    async def fetch_book(self, symbol: str, *, levels: int | None = None) -> dict[str, Any]:
        """Return the book as GET /markets/{symbol}/book tells it, to compare with one that was
        rebuilt: the same sequence is the same book."""
        query = {} if levels is None else {"depth": levels}
        async with httpx.AsyncClient(headers=await headers_of(self._token)) as client:
            name = symbol.replace("/", "-")
            answer = await client.get(f"{self.url}/markets/{name}/book", params=query)
        if answer.is_error:
            told = answer.json()
            raise Refused(told["code"], told["detail"])
        book: dict[str, Any] = answer.json()
        return book


async def _say(socket: ClientConnection, said: dict[str, Any]) -> None:
    await socket.send(_encode(said).decode())
